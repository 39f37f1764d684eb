"""Each phase of a training step against what this processor allows: where the next improvement is.

    python benchmarks/roofline.py [--problems fashion-sgd-32 ...] [--rounds 7] [--json out.json]

The phases are differences between calls of one engine on the same batches, in processor time of one thread, the least
of the rounds, which other programs disturb least: predict is the forward products, evaluate adds the loss, train in the
rows' order adds the backward products with a plain SGD update in their epilogue, a shuffled order adds the gathering,
the optimizer its own update. A phase's bound is the larger of its multiply-adds over the measured peak and its bytes
over the measured rate of reading, from the cache that holds what it reads. A difference near zero is rounding, and may
be negative.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from time import thread_time
from typing import NamedTuple

import numpy as np

import machine
from mlpcore import _core
from problems import BY_NAME, PROBLEMS, Problem

MOST_ROWS = 12000
LOSSES = {
    "softmax": ("softmax", "cross_entropy"),
    "identity": ("identity", "squared_error"),
    "logistic": ("logistic", "binary_cross_entropy"),
}


class Phase(NamedTuple):
    """A part of a step: seconds a batch, and what it has to do."""

    name: str
    seconds: float
    flops: int
    n_bytes: int
    place: str  # where the bytes come from

    def bound(self, peak: float, rates: dict[str, float]) -> float:
        """Return the least seconds that it can take."""
        return max(self.flops / peak, self.n_bytes / rates[self.place])


def engine_of(problem: Problem) -> _core.Engine:
    """Return an engine of the problem's network, with small random weights."""
    end, loss = LOSSES[problem.output]
    tape = _core.Tape()
    value = tape.input(problem.layers[0])
    for width in problem.layers[1:-1]:
        value = tape.activation(tape.dense(value, width), "relu")
    value = tape.activation(tape.dense(value, problem.layers[-1]), end)
    tape.output(value)
    tape.loss(value, loss, clip=1e-7)
    engine = _core.Engine(tape, problem.dtype)
    rng = np.random.default_rng(0)
    engine.load([(0.05 * rng.standard_normal(s)).astype(problem.dtype) for s in engine.parameter_shapes])
    return engine


def calls_of(problem: Problem, rows: int) -> dict[str, Callable[[], object]]:
    """Return the calls whose differences are the phases."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, problem.layers[0])).astype(problem.dtype)
    width = problem.layers[-1]
    if problem.output == "softmax":
        y = rng.integers(0, width, rows, dtype=np.int32)
    else:
        y = (rng.random((rows, width)) > 0.5).astype(problem.dtype)
    shuffled = rng.permutation(rows)
    batch = problem.batch
    still = {"learning_rate": 1e-12}  # weights stay where they are: no overflow, no dead units
    plain = _core.Update("sgd", **still)
    engine, own = engine_of(problem), engine_of(problem)
    optimizer = _core.Update(problem.solver, **still)
    return {
        "predict": lambda: engine.predict(x, batch_size=batch),
        "evaluate": lambda: engine.evaluate(x, y, batch_size=batch),
        "in order": lambda: engine.train(x, y, None, batch, plain),
        "shuffled": lambda: engine.train(x, y, shuffled, batch, plain),
        "optimizer": lambda: own.train(x, y, shuffled, batch, optimizer),
    }


def seconds_of(calls: dict[str, Callable[[], object]], rounds: int) -> dict[str, float]:
    """Return the least processor seconds of each call; the rounds go from call to call."""
    found: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(rounds):
        for name, call in calls.items():
            begun = thread_time()
            call()
            found[name].append(thread_time() - begun)
    return {name: min(times) for name, times in found.items()}


def place_of(n_bytes: int, caches: dict[str, int]) -> str:
    """Return the smallest measured place that holds so many bytes."""
    return next((place for place in ("L2", "L3") if n_bytes <= caches[place]), "memory")


def phases(problem: Problem, rounds: int, caches: dict[str, int]) -> list[Phase]:
    """Measure a problem's step; the seconds are per batch."""
    rows = max(problem.batch, min(problem.rows, MOST_ROWS) // problem.batch * problem.batch)
    times = {name: s * problem.batch / rows for name, s in seconds_of(calls_of(problem, rows), rounds).items()}
    size = np.dtype(problem.dtype).itemsize
    products = [2 * problem.batch * i * o for i, o in zip(problem.layers, problem.layers[1:], strict=False)]
    weights = size * sum((i + 1) * o for i, o in zip(problem.layers, problem.layers[1:], strict=False))
    features, outputs = size * problem.batch * problem.layers[0], size * problem.batch * problem.layers[-1]
    slots = 2 if problem.solver == "adam" else 0
    near, data = place_of(weights * (1 + slots), caches), place_of(features * rows // problem.batch, caches)
    return [
        Phase("gather", times["shuffled"] - times["in order"], 0, features, data),
        Phase("forward", times["predict"], sum(products), weights, near),
        Phase("loss", times["evaluate"] - times["predict"], 0, 2 * outputs, "L2"),
        Phase("backward", times["in order"] - times["evaluate"], 2 * sum(products) - products[0], 2 * weights, near),
        Phase("update", times["optimizer"] - times["shuffled"], 0, 2 * slots * weights, near),
        Phase("step", times["optimizer"], 3 * sum(products) - products[0], 0, near),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    names = [problem.name for problem in PROBLEMS if problem.kind == "train"]
    parser.add_argument("--problems", nargs="+", choices=names, metavar="NAME", default=names)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", type=Path, help="write every number here")
    args = parser.parse_args()
    facts = machine.report([1])
    print(machine.text(facts))
    rates = {place: by_threads[1] * 1e9 for place, by_threads in facts["read_gb_per_s"].items()}
    results = []
    for problem in map(BY_NAME.__getitem__, args.problems):
        found = phases(problem, args.rounds, facts["caches"])
        peak = max(machine.fma_peak(problem.dtype)[0] for _ in range(3))
        print(f"\n{problem.name}: {problem.title}, {problem.dtype}, peak {peak / 1e9:.0f} GFLOP/s")
        print(f"  {'phase':10}{'us':>9}{'bound us':>10}{'of bound':>10}  limited by")
        for phase in found:
            bound = phase.bound(peak, rates)
            share = f"{100 * bound / phase.seconds:.0f} %" if bound and phase.seconds > 0 else ""
            limit = "multiply-adds" if bound == phase.flops / peak else f"reading {phase.place}"
            limit = limit if bound else ""
            print(f"  {phase.name:10}{1e6 * phase.seconds:9.1f}{1e6 * bound:10.1f}{share:>10}  {limit}", flush=True)
            results.append({"problem": problem.name, **phase._asdict(), "bound": bound})
    if args.json:
        args.json.write_text(json.dumps({"machine": facts, "results": results}, indent=1))


if __name__ == "__main__":
    main()
