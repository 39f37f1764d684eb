"""Constants and noise."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlpcore._tensor import KerasTensor, Symbol
from mlpcore._validation import integers
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol


def _ones_like(x: Symbol) -> Symbol:
    """Return ones of x's shape, one row per row of the batch; whatever is in x, NaN included."""
    return p.binary(p.binary(x, x, "equal"), p.binary(x, x, "not_equal"), "logical_or", p.as_float(x))


@op
def _rows_of(rows: Any, axes: tuple[int, ...], value: float) -> Any:
    """Return constant rows, as many as the batch has."""
    recorder = symbol(rows).recorder
    batched = [x for x in recorder.inputs if x.batched]
    if recorder.abstract:
        return recorder.symbol("view", shape=(None, *axes), dtype=recorder.dtype)
    if not batched:
        raise ValueError("a batch of constants needs an input with rows")
    first = p.view(batched[0], [1], [1], 0, [1])
    column = p.binary(_ones_like(first), value, "multiply")
    axes = tuple(axes)
    return p.view(column, axes, [0] * len(axes), 0, axes)


def full(shape: Any, fill_value: Any, dtype: Any = None) -> Any:
    """Return an array of one value.

    Parameters
    ----------
    shape : sequence of int
        In `call`, its first may be ``ops.shape(x)[0]``: the result is a batch then.
    fill_value : float
    dtype : str, default="float32"

    Returns
    -------
    ndarray or tensor

    Examples
    --------
    >>> full((2,), 7)
    array([7., 7.], dtype=float32)
    """
    sizes = list(shape) if isinstance(shape, list | tuple) else [shape]
    if sizes and isinstance(sizes[0], Symbol | KerasTensor):
        return _rows_of(sizes[0], tuple(int(n) for n in sizes[1:]), float(fill_value))
    return np.full(integers("shape", sizes), fill_value, dtype or "float32")


def zeros(shape: Any, dtype: Any = None) -> Any:
    """Return an array of zeros; see `full`."""
    return full(shape, 0.0, dtype)


def ones(shape: Any, dtype: Any = None) -> Any:
    """Return an array of ones; see `full`."""
    return full(shape, 1.0, dtype)


@op
def full_like(x: Any, fill_value: float, dtype: Any = None) -> Any:
    """Return a tensor of one value with x's shape."""
    x = symbol(x)
    if x.batched:
        return p.binary(_ones_like(x), fill_value, "multiply")
    return x.recorder.constant(np.full(x.axes, fill_value, np.float64))


@op
def zeros_like(x: Any, dtype: Any = None) -> Any:
    """Return zeros with x's shape."""
    return full_like(x, 0.0)


@op
def ones_like(x: Any, dtype: Any = None) -> Any:
    """Return ones with x's shape."""
    return full_like(x, 1.0)


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Any:
    """Return evenly spaced numbers in [start, stop), or in [0, start); integers of integers, else float32.

    >>> arange(3)
    array([0, 1, 2], dtype=int32)
    """
    first, end = (0, start) if stop is None else (start, stop)
    values = np.arange(first, end, 1 if step is None else step)
    return values.astype(dtype or ("int32" if values.dtype.kind in "iu" else "float32"))


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False, dtype: Any = None
) -> Any:
    """Return so many evenly spaced numbers from start to stop."""
    values, step = np.linspace(start, stop, num, endpoint, retstep=True)
    array = values.astype(dtype or "float32")
    return (array, step) if retstep else array


def eye(N: int, M: int | None = None, k: int = 0, dtype: Any = None) -> Any:
    """Return the identity matrix, (N, M), with ones on the k-th diagonal."""
    return np.eye(N, M, k, dtype or "float32")


def identity(n: int, dtype: Any = None) -> Any:
    """Return the identity matrix, (n, n)."""
    return np.eye(n, dtype=dtype or "float32")


@op
def dropout(x: Any, rate: float) -> Any:
    """While an engine trains, each element with probability `rate` set to 0 and the others divided by 1 - rate."""
    x = symbol(x)
    if not 0 <= rate < 1:
        raise ValueError(f"rate must be at least 0 and less than 1, got {rate}")
    return x.recorder.symbol("dropout", x.value, float(rate), shape=x.shape, dtype=p.as_float(x))


@op
def gaussian_noise(x: Any, stddev: float) -> Any:
    """While an engine trains, x plus normal noise with mean 0 and the given standard deviation."""
    x = symbol(x)
    if not stddev >= 0:
        raise ValueError(f"stddev must be at least 0, got {stddev}")
    return x.recorder.symbol("gaussian_noise", x.value, float(stddev), shape=x.shape, dtype=p.as_float(x))
