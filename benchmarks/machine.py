"""What this machine can do at most: multiply-adds a second and bytes read a second.

python benchmarks/machine.py
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

DTYPES = ("float32", "float64")


def processor() -> str:
    """Return the processor's name."""
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        names = [line for line in listing.read_text().splitlines() if line.startswith("model name")]
        if names:
            return names[0].partition(":")[2].strip()
    return platform.processor() or platform.machine()


def cores() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def caches() -> dict[str, int]:
    """Return the bytes of the data caches; guesses where the system does not say."""
    sizes = {"L1": 32 << 10, "L2": 1 << 20, "L3": 32 << 20}
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        if (index / "type").read_text().strip() != "Instruction":
            kilobytes = (index / "size").read_text().strip().removesuffix("K")
            sizes["L" + (index / "level").read_text().strip()] = int(kilobytes) << 10
    return sizes


def together(work: Callable[[], float], threads: int) -> float:
    """Run `work` in so many threads at once and add what they return."""
    with ThreadPoolExecutor(threads) as pool:
        return sum(pool.map(lambda _: work(), range(threads)))


def fma_peak(dtype: str, threads: int = 1, seconds: float = 0.05) -> tuple[float, str]:
    """Return floating-point operations a second of all threads, and how they were measured."""
    try:
        from mlpcore._core import fma_peak as measure
    except ImportError:
        return matmul_rate(dtype, threads), "BLAS product 1024 x 1024 x 1024, a stand-in"
    return together(lambda: measure(dtype, seconds), threads), "multiply-adds in registers"


def matmul_rate(dtype: str, threads: int) -> float:
    """Return the operations a second of NumPy's matmul: a lower bound of the peak."""
    n = 1024
    a = np.ones((n, n), dtype)
    with threadpool_limits(threads):
        return best_rate(lambda: a @ a, 2 * n**3, 0.1)


def best_rate(work: Callable[[], object], amount: float, seconds: float) -> float:
    """Return amount a second in the best call of those that fit into `seconds`."""
    best, stop = np.inf, perf_counter() + seconds
    while perf_counter() < stop or best == np.inf:
        begun = perf_counter()
        work()
        best = min(best, perf_counter() - begun)
    return amount / best


def bandwidth(n_bytes: int, threads: int = 1, seconds: float = 0.5) -> float:
    """Return bytes a second that dot products read, two arrays of n_bytes together per thread."""

    def read() -> float:
        a = np.ones(n_bytes // 8, np.float32)
        b = np.ones_like(a)
        return best_rate(lambda: np.dot(a, b), 2 * a.nbytes, seconds)

    with threadpool_limits(1):
        return together(read, threads)


def report(threads: list[int], reading: bool = True) -> dict:
    """Measure everything, or all but the reading of memory, for JSON."""
    sizes = caches()
    places = {
        "L2": sizes["L2"] // 2,
        "L3": min(sizes["L3"] // 2, 8 * sizes["L2"]),  # of a large one, what a thread can hope for
        "memory": min(max(256 << 20, 2 * sizes["L3"]), 1 << 30),
    }
    peaks = {d: {t: fma_peak(d, t)[0] / 1e9 for t in threads} for d in DTYPES}
    return {
        "processor": processor(),
        "cores": cores(),
        "caches": sizes,
        "system": platform.platform(),
        "python": platform.python_version(),
        "fma_gflops": peaks,
        "fma_measured_by": fma_peak("float32")[1],
        "read_gb_per_s": {place: {t: bandwidth(size // t, t) / 1e9 for t in threads} for place, size in places.items()},
    }


def text(facts: dict) -> str:
    """Return the report in a few lines."""
    sizes = ", ".join(f"{name} {size >> 10} KB" for name, size in sorted(facts["caches"].items()))
    lines = [f"{facts['processor']}, {facts['cores']} cores, {sizes}, Python {facts['python']}"]
    for dtype, peaks in facts["fma_gflops"].items():
        rates = ", ".join(f"{rate:.0f} ({t} threads)" for t, rate in peaks.items())
        lines.append(f"FMA peak {dtype}, GFLOP/s: {rates}; {facts['fma_measured_by']}")
    for place, rates in facts["read_gb_per_s"].items():
        numbers = ", ".join(f"{rate:.0f} ({t} threads)" for t, rate in rates.items())
        lines.append(f"reading {place}, GB/s: {numbers}")
    return "\n".join(lines).replace("(1 threads)", "(1 thread)")


if __name__ == "__main__":
    print(text(report([t for t in (1, 2) if t <= cores()])))
