"""Time a training step in bfloat16 against one in float32, after a look at the losses.

    python benchmarks/mixed_precision.py [--layers 784 300 100 10] [--batches 32 200 1000] [--rounds 20] [--threads 1]

Both engines start from the same weights and take the same rows in the same order, round by round in turns; the
losses of the first round may differ by 2 %. Times are medians of the rounds, in microseconds a step.
"""

from __future__ import annotations

import argparse
from statistics import median
from time import perf_counter

import numpy as np

import machine
from mlpcore import _core

ROWS = 6000
LARGEST_DIFFERENCE = 0.02  # relative, of the losses: operands are rounded to 8 bits


def engine(layers: list[int], precision: str | None) -> _core.Engine:
    """Return relu layers with a softmax behind the last, from fixed weights."""
    tape = _core.Tape()
    value = tape.input(layers[0])
    for units in layers[1:-1]:
        value = tape.activation(tape.dense(value, units), "relu")
    value = tape.activation(tape.dense(value, layers[-1]), "softmax")
    tape.output(value)
    tape.loss(value, "cross_entropy", 1.0, 1e-7)
    made = _core.Engine(tape, "float32")
    random = np.random.default_rng(0)
    made.load([(random.normal(size=s) / np.sqrt(s[0])).astype(np.float32) for s in made.parameter_shapes])
    made.mixed_precision = precision
    return made


def compare(layers: list[int], solver: str, batch: int, rounds: int, threads: int) -> tuple[float, float]:
    """Return the medians, in seconds a step, of float32 and of bfloat16."""
    random = np.random.default_rng(1)
    steps = max(1, ROWS // batch)
    x = random.random((ROWS, layers[0]), dtype=np.float32)
    y = (x @ random.normal(size=(layers[0], layers[-1]))).argmax(axis=1).astype(np.int32)
    order = random.permutation(ROWS)[: min(steps * batch, ROWS)]
    update = _core.Update(solver, learning_rate=1e-3)
    engines = [engine(layers, precision) for precision in (None, "bfloat16")]
    times: list[list[float]] = [[], []]
    for round_ in range(rounds):
        losses = []
        for own, taken in zip(engines, times, strict=True):
            start = perf_counter()
            sums = own.train(x, y, order, batch, update, n_threads=threads)
            taken.append((perf_counter() - start) / steps)
            losses.append(sums.mean_loss)
        if round_ == 0 and abs(losses[1] - losses[0]) > LARGEST_DIFFERENCE * losses[0]:
            raise SystemExit(f"the losses differ: {losses[0]:.4f} in float32, {losses[1]:.4f} in bfloat16")
    return median(times[0]), median(times[1])


def main() -> None:
    """Print a line for each solver and batch size."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--layers", type=int, nargs="+", default=[784, 300, 100, 10])
    parser.add_argument("--batches", type=int, nargs="+", default=[32, 200, 1000])
    parser.add_argument("--solvers", nargs="+", default=["sgd", "adam"])
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    isas = _core.available_bf16()
    if not isas:
        raise SystemExit(f"no bfloat16 here: the kernels are those of {_core.isa()}")
    print(f"{machine.processor()}, {isas[-1]}, {arguments.threads} thread(s), {'-'.join(map(str, arguments.layers))}")
    for solver in arguments.solvers:
        for batch in arguments.batches:
            plain, mixed = compare(arguments.layers, solver, batch, arguments.rounds, arguments.threads)
            print(
                f"{solver:>8}, batch {batch:5}: float32 {plain * 1e6:8.1f} us, bfloat16 {mixed * 1e6:8.1f} us, "
                f"{plain / mixed:.2f} x"
            )


if __name__ == "__main__":
    main()
