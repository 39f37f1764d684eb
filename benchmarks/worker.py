"""A process that holds one problem ready in one peer and runs it once for every line it reads.

    python worker.py PROBLEM PEER THREADS full|quick

prints one JSON line when it is warm (versions, losses), and one (seconds, processor seconds,
cores) for each line on standard input. The caller sets the variables of `environment(threads)` before it starts it.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import subprocess
import sys
import warnings
from contextlib import suppress
from pathlib import Path
from statistics import median
from time import perf_counter, process_time

import problems
from peers import PEERS, import_peer
from rows import NoData


def environment(threads: int) -> dict[str, str]:
    """Return the environment that holds every library to this many threads."""
    count = str(threads)
    eigen = "true" if threads > 1 else "false"
    return {
        **os.environ,
        "OMP_NUM_THREADS": count,
        "OPENBLAS_NUM_THREADS": count,
        "MKL_NUM_THREADS": count,
        "NPROC": count,  # the size of XLA's pool
        "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen}",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


class Worker:
    """The caller's end of a worker process."""

    def __init__(self, problem: str, peer: str, threads: int, quick: bool) -> None:
        self.peer, self.threads = peer, threads
        size = "quick" if quick else "full"
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve()), problem, peer, str(threads), size],
            env=environment(threads),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> dict:
        """Wait for the next answer; an `error` entry says what went wrong."""
        line = self._process.stdout.readline()
        answer = json.loads(line) if line else {"error": f"ended with {self._process.wait()}"}
        if "skip" in answer:
            self.close()
            raise NoData(answer["skip"])
        return answer

    def run(self) -> dict:
        """Time one round: seconds and processor seconds of a call, and the latter over time."""
        with suppress(BrokenPipeError):
            self._process.stdin.write("run\n")
            self._process.stdin.flush()
        return self.read()

    def close(self) -> None:
        """End the process."""
        with suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()


def peak_memory() -> float:
    """Return the most MB that this process has held."""
    status = Path("/proc/self/status")  # getrusage would count what the caller held before
    if status.exists():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)


def one_round(work, calls: int) -> dict:
    """Time `calls` calls; their median counts."""
    seconds = []
    begun, spent = perf_counter(), process_time()
    for _ in range(calls):
        t = perf_counter()
        told = work.run()
        took = perf_counter() - t
        seconds.append(told if isinstance(told, float) else took)  # an import is timed inside its process
    processor = process_time() - spent
    memory = peak_memory()
    cores = processor / (perf_counter() - begun)
    return {"seconds": median(seconds), "cores": cores, "processor": processor / calls, "memory_mb": memory}


def serve(problem: problems.Problem, peer: str, threads: int, answer) -> None:
    """Prepare, warm up, judge, then answer every line with one round."""
    if problem.kind == "import":
        work = import_peer.prepare(peer)
        one_round(work, 1)
        answer({"loss": 0.0})
        for _ in sys.stdin:
            answer(one_round(work, problem.calls))
        return
    x, y = problem.data(problem.rows)
    module = importlib.import_module(f"peers.{PEERS[peer].module}")
    variant = (PEERS[peer].variant,) if PEERS[peer].variant else ()
    losses = {}
    if problem.early is not None:
        rows = problem.early.rows
        work = module.prepare(problem.early, x[:rows], y[:rows], threads, *variant)
        work.run()
        losses["early_loss"] = work.loss()
    work = module.prepare(problem, x, y, threads, *variant)
    one_round(work, min(problem.calls, 20))  # compiles, starts threads, fills caches
    answer({"versions": module.versions(), **losses, "loss": work.loss()})
    for _ in sys.stdin:
        answer(one_round(work, problem.calls))


def main() -> None:
    name, peer, threads, size = sys.argv[1:]
    warnings.filterwarnings("ignore")  # scikit-learn says that endless fits have not converged
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints goes to standard error

    def answer(message: dict) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    problem = problems.BY_NAME[name]
    try:
        serve(problem.quick() if size == "quick" else problem, peer, int(threads), answer)
    except NoData as error:
        answer({"skip": str(error)})
    except Exception as error:  # reported by the caller, beside the peers that work
        answer({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main()
