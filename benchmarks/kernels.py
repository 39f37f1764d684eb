"""Time each kernel by instruction set, element type and shape, as a share of the FMA peak.

    python benchmarks/kernels.py [--kernels dense ...] [--dtypes float32] [--rounds 5] [--json out.json]

Products are in GFLOP/s with the share of the measured peak in brackets, beside NumPy's BLAS on one
thread; the others are in million elements a second. The rounds go from instruction set to
instruction set, and the median of a kernel's rounds counts.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

import machine
from mlpcore import _core
from mlpcore._core import kernels

# rows, in, out: the layers of the chapter's classifier, the housing regressor, scikit-learn's
# defaults and a wide network
SHAPES = [
    (32, 784, 300),
    (32, 300, 100),
    (32, 100, 10),
    (200, 784, 300),
    (1024, 1024, 1024),
    (32, 8, 50),
    (32, 50, 50),
    (32, 50, 1),
    (200, 20, 100),
    (200, 100, 2),
    (1, 784, 300),
]
WIDTHS = [(32, 10), (200, 100), (200, 300), (1024, 1024)]
HAS_REPEATS = "repeats" in (kernels.dense.__doc__ or "")


class Case(NamedTuple):
    """A kernel on given arrays; `work` counts operations of a product, elements of the others."""

    kernel: str
    shape: tuple[int, ...]
    call: Callable[..., object]  # takes isa=, and repeats= where the kernel offers it
    work: int
    blas: Callable[[], object] | None = None
    repeats: bool = False


def products(dtype: str) -> list[Case]:
    """Return the three sweeps of a dense layer on every shape."""
    rng, cases = np.random.default_rng(0), []
    for rows, n_in, n_out in SHAPES:
        x, w, dy, bias = (
            rng.standard_normal(shape).astype(dtype) for shape in ((rows, n_in), (n_in, n_out), (rows, n_out), n_out)
        )
        for name, arrays, blas in (
            ("dense", (x, w, bias), lambda x=x, w=w: x @ w),
            ("dense_dx", (dy, w), lambda dy=dy, w=w: dy @ w.T),
            ("dense_dw", (x, dy), lambda x=x, dy=dy: x.T @ dy),
        ):
            call = bound(getattr(kernels, name), *arrays)
            flops = 2 * rows * n_in * n_out
            cases.append(Case(name, (rows, n_in, n_out), call, flops, blas, HAS_REPEATS))
    return cases


def maps(dtype: str) -> list[Case]:
    """Return activations, losses and the gathering of rows."""
    rng, cases = np.random.default_rng(0), []
    for shape in WIDTHS:
        x = rng.standard_normal(shape).astype(dtype)
        y = rng.random(shape).astype(dtype)
        labels = rng.integers(0, shape[1], shape[0], dtype=np.int32)
        order = rng.permutation(shape[0])
        for name in ("relu", "tanh", "logistic", "softmax", "gelu"):
            cases.append(Case(name, shape, bound(kernels.activation, x, name), x.size))
        probabilities = np.full_like(x, 1 / shape[1])
        calls = {
            "cross_entropy": bound(kernels.loss, probabilities, labels, "cross_entropy"),
            "binary_cross_entropy": bound(kernels.loss, y, y, "binary_cross_entropy"),
            "squared_error": bound(kernels.loss, x, y, "squared_error"),
            "gather": bound(kernels.gather, x, order),
        }
        cases += [Case(name, shape, call, x.size) for name, call in calls.items()]
    return cases


def vectors(dtype: str) -> list[Case]:
    """Return the two kernels of the Perceptron."""
    cases = []
    for n in (784, 20000):
        a, b = np.ones(n, dtype), np.zeros(n, dtype)
        scalar = np.dtype(dtype).type(1e-3)
        cases.append(Case("dot", (n,), bound(kernels.dot, a, a), n))
        cases.append(Case("axpy", (n,), bound(kernels.axpy, scalar, a, b), n))
    return cases


def bound(function: Callable[..., object], *arrays: object) -> Callable[..., object]:
    """Return the kernel with its arrays given."""
    return lambda **options: function(*arrays, **options)


def seconds_of(call: Callable[[int], object], counted: bool) -> float:
    """Return the seconds of one call, from about 10 ms of calls.

    `counted`: call(n) repeats n times inside, after work that does not count (packing, copies).
    """
    begun = perf_counter()
    call(1)
    n = max(1, int(0.01 / max(perf_counter() - begun, 1e-7)))
    if counted:
        begun = perf_counter()
        call(1)
        once = perf_counter() - begun
        begun = perf_counter()
        call(n + 1)
        return (perf_counter() - begun - once) / n
    times = []
    for _ in range(n):
        begun = perf_counter()
        call(1)
        times.append(perf_counter() - begun)
    return median(times)


def rates(case: Case, isas: list[str], rounds: int) -> dict[str, float]:
    """Return work a second by instruction set (and "blas"), the median of interleaved rounds."""
    calls: dict[str, Callable[[int], object]] = {}
    for isa in isas:
        if case.repeats:
            calls[isa] = lambda n, isa=isa: case.call(isa=isa, repeats=n)
        else:
            calls[isa] = lambda n, isa=isa: case.call(isa=isa)
    if case.blas is not None:
        calls["blas"] = lambda n: case.blas()
    found: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            found[name].append(seconds_of(call, case.repeats and name != "blas"))
    return {name: case.work / median(times) for name, times in found.items()}


def text(case: Case, name: str, rate: float, peak: float) -> str:
    """Return a rate as the table shows it."""
    if case.blas is None:
        return f"{rate / 1e6:.0f}"
    return f"{rate / 1e9:.1f}" if name == "blas" else f"{rate / 1e9:.1f} ({100 * rate / peak:.0f} %)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernels", nargs="+", metavar="NAME", help="only these")
    parser.add_argument("--dtypes", nargs="+", choices=machine.DTYPES, default=machine.DTYPES)
    parser.add_argument("--isas", nargs="+", metavar="ISA", default=_core.available_isas())
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write every number here")
    args = parser.parse_args()
    print(machine.processor())
    if not HAS_REPEATS:
        print("products: with the packing of the weights, which the engine does once, not per step")
    results = []
    for dtype in args.dtypes:
        peak = max(machine.fma_peak(dtype)[0] for _ in range(5))
        print(f"\n{dtype}, FMA peak {peak / 1e9:.0f} GFLOP/s")
        heads = [name.rjust(14) for name in [*args.isas, "blas"]]
        print(f"{'kernel':21}{'shape':18}", *heads)
        for case in products(dtype) + maps(dtype) + vectors(dtype):
            if args.kernels and case.kernel not in args.kernels:
                continue
            with threadpool_limits(1):
                found = rates(case, args.isas, args.rounds)
            shape = " x ".join(map(str, case.shape))
            cells = [text(case, name, rate, peak).rjust(14) for name, rate in found.items()]
            print(f"{case.kernel:21}{shape:18}", *cells, flush=True)
            results.append({"kernel": case.kernel, "shape": case.shape, "dtype": dtype})
            results[-1].update({"unit": "flops" if case.blas else "elements", "per_second": found})
    if args.json:
        facts = {"processor": machine.processor(), "packing_included": not HAS_REPEATS}
        args.json.write_text(json.dumps({"machine": facts, "results": results}, indent=1))


if __name__ == "__main__":
    main()
