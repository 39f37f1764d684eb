"""Time every peer on every problem: equal work first, then interleaved rounds, medians and ratios.

    python benchmarks/run.py
    python benchmarks/run.py --problems fashion-sgd-32 defaults --peers mlpcore jax --threads 1 2
    python benchmarks/run.py --data FOLDER --json out.json

Each peer works in a process of its own, held to the same number of threads, with its data in memory
and one fit made before (compilers and caches are warm). Losses are compared before anything is timed,
after the first ten steps tightly and after the whole fit loosely (rounding that decides the sign of
a relu's input grows): a peer that ends elsewhere did other work and is left out, with a note. All
losses are computed by the same float64 code from the peers' weights. The rounds then go
from peer to peer, so that a slow minute of the machine is everybody's. A time is a whole `fit` (or
call), divided by its steps; "x mlpcore" is a peer's median over mlpcore's, so above 1 is slower.
The share of the peak counts the products alone, against multiply-adds measured between the rounds.
"processor" is the ratio of the processor times, which other programs disturb least.
"cores" is processor time over time: above the threads, they were not held; far below, other
programs had the processor, and the times are not worth quoting. The shuffled orders are part of
fit for mlpcore and scikit-learn, and drawn before for PyTorch and JAX, in their favour.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from datetime import datetime, timezone
from pathlib import Path
from time import sleep

import machine
import picture
from peers import PEERS
from problems import BY_NAME, PROBLEMS, Problem
from report import add_ratios, summary, table
from rows import NoData
from worker import Worker

REST = 0.1  # seconds between rounds, in which the last peer's threads stop spinning


def arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [problem.name for problem in PROBLEMS]
    parser.add_argument("--problems", nargs="+", choices=names, metavar="NAME", default=names)
    parser.add_argument("--peers", nargs="+", choices=PEERS, metavar="NAME", default=list(PEERS))
    parser.add_argument("--threads", nargs="+", type=int, default=[1])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--data", type=Path, help="folder of the .npz data sets (or MLPCORE_DATA)")
    parser.add_argument("--json", type=Path, help="write every number here")
    parser.add_argument("--picture", type=Path, help="draw the ratios here (.png or .svg; needs Matplotlib)")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, two rounds")
    parser.add_argument("--list", action="store_true", help="print the problems and peers")
    return parser.parse_args(argv)


def missing(peers: list[str]) -> list[str]:
    """Say which peers are not installed, and how they would be."""
    absent = [PEERS[name] for name in peers if not PEERS[name].is_installed()]
    return [f"not installed: {peer.name} ({peer.install})" for peer in absent]


def prepare(problem: Problem, peers: list[str], threads: int, quick: bool):
    """Start the workers one after the other; return the ready ones, and a row for every peer."""
    ready, rows = [], []
    for name in peers:
        worker = Worker(problem.name, name, threads, quick)
        row = {"peer": name, "threads": threads, **worker.read()}
        rows.append(row)
        if "error" in row:
            worker.close()
        else:
            ready.append(worker)
    return ready, rows


def leave_out_unequal_work(problem: Problem, ready: list[Worker], rows: list[dict]) -> list[Worker]:
    """Return the workers whose losses are scikit-learn's (or the first peer's); note the others."""
    by_peer = {row["peer"]: row for row in rows if "loss" in row}
    first = by_peer.get("sklearn") or next(iter(by_peer.values()), None)
    equal = []
    for worker in ready:
        row = by_peer[worker.peer]
        for key, tolerance, reason in (
            ("early_loss", problem.early_tolerance, "rounding, ten steps after the start"),
            ("loss", problem.tolerance, problem.reason),
        ):
            if key in row and abs(row[key] - first[key]) > tolerance * max(abs(first[key]), 1e-9):
                row["error"] = (
                    f"other work, not timed: loss {row[key]:.6g}, {first['peer']} {first[key]:.6g}"
                    f" (allowed: {tolerance:g} for {reason})"
                )
        if "error" in row:
            worker.close()
        else:
            equal.append(worker)
    return equal


def measure(problem: Problem, args: argparse.Namespace, threads: int) -> list[dict]:
    """Return a row for each peer that takes part, with its times or with what went wrong."""
    peers = [p for p in args.peers if PEERS[p].takes_part(problem) and PEERS[p].is_installed()]
    ready, rows = prepare(problem, peers, threads, args.quick)
    ready = leave_out_unequal_work(problem, ready, rows)
    rounds: dict[str, list[dict]] = {worker.peer: [] for worker in ready}
    peak = 0.0
    for number in range(args.rounds if ready else 0):
        peak = max(peak, machine.fma_peak(problem.dtype, threads)[0])
        turn = number % len(ready)
        for worker in ready[turn:] + ready[:turn]:
            sleep(REST)
            rounds[worker.peer].append(worker.run())
    for worker in ready:
        worker.close()
    shown = problem.quick() if args.quick else problem
    for row in rows:
        failed = [one["error"] for one in rounds.get(row["peer"], []) if "error" in one]
        if failed:
            row["error"] = failed[0]
        elif row["peer"] in rounds:
            row.update(summary(shown, row["peer"], threads, rounds[row["peer"]], peak))
            row["peak_gflops"] = peak / 1e9
    return rows


def main(argv: list[str] | None = None) -> int:
    args = arguments(argv)
    if args.data:
        os.environ["MLPCORE_DATA"] = str(args.data.resolve())
    if args.list:
        for problem in PROBLEMS:
            print(f"{problem.name:20} {problem.title}")
        print("peers:", *PEERS)
        return 0
    if args.quick:
        args.rounds = min(args.rounds, 2)
    facts = machine.report(args.threads, reading=not args.quick)
    notes = missing(args.peers)
    print(machine.text(facts), *notes, "", sep="\n", flush=True)
    reference = "mlpcore" if "mlpcore" in args.peers and PEERS["mlpcore"].is_installed() else None
    results, versions = [], {}
    for name in args.problems:
        problem = BY_NAME[name].quick() if args.quick else BY_NAME[name]
        counts = [1] if problem.kind == "search" else args.threads  # its n_jobs is the threads
        try:
            rows = [row for threads in counts for row in measure(BY_NAME[name], args, threads)]
        except NoData as reason:
            print(f"{name}: skipped, {reason}\n")
            continue
        timed = [row["peer"] for row in rows if "median" in row]
        against = reference if reference in timed else next(iter(timed), "")
        add_ratios(rows, against)
        versions.update({row["peer"]: row.pop("versions") for row in rows if "versions" in row})
        results.append({"problem": name, "title": problem.title, "steps": problem.steps, "rows": rows})
        print(table(problem, rows, against), flush=True)
    print("versions:", "; ".join(versions.values()))
    if args.picture:
        picture.draw(results, args.picture, f"{facts['processor']}, {args.threads} threads, {args.rounds} rounds")
    if args.json:
        now = datetime.now(timezone.utc).isoformat(timespec="seconds")
        everything = {"date": now, "arguments": sys.argv[1:], "machine": facts, "missing": notes}
        everything |= {"versions": versions, "results": results}
        args.json.write_text(json.dumps(everything, indent=1, default=str))
    return int(any("other work" in row.get("error", "") for one in results for row in one["rows"]))


if __name__ == "__main__":
    sys.exit(main())
