"""What ops are made of: Symbols with NumPy's rules for shapes, put on the tape of the active recorder.

A batched value has one row per row of the batch; its other axes lie in the row, in C order. Hence adding and removing
axes of length 1 records nothing, and everything else that moves elements is a view: y[i0, i1, ...] = x[offset + sum of
i_k strides_k].
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from mlpcore._tensor import Shape, Symbol
from mlpcore.ops.dispatch import symbol

Axis = int | Sequence[int] | None

BATCH_STAYS = "the batch stays the first axis, with its rows as they are"
FLOATS = {"float32", "float64"}


def alias(x: Symbol, shape: Shape, dtype: str | None = None) -> Symbol:
    """Return the same value under another shape or dtype."""
    return Symbol(x.recorder, x.value, shape, dtype or x.dtype)


def with_axes(x: Symbol, axes: Sequence[int]) -> Shape:
    """Return a shape with the batch axis if `x` has one."""
    return (None, *axes) if x.batched else tuple(axes)


def as_float(*xs: Symbol) -> str:
    """Return the floating-point type of the recorder."""
    return xs[0].recorder.dtype


def arithmetic_dtype(*xs: Symbol) -> str:
    """Return the dtype of sums and products: floating-point if any is."""
    return as_float(*xs) if any(x.dtype in FLOATS for x in xs) else "int32"


def normalized(axis: int, ndim: int) -> int:
    """Return an axis counted from the front."""
    try:
        number = operator.index(axis)
    except TypeError:
        raise TypeError(f"an axis must be an integer, got {axis!r}") from None
    if not -ndim <= number < ndim:
        raise ValueError(f"axis {axis} is out of range for a tensor with {ndim} axes")
    return number % ndim


def normalized_axes(axis: Axis, ndim: int) -> list[int]:
    """Return the axes, sorted and counted from the front; all of them for None."""
    if axis is None:
        return list(range(ndim))
    named: Any = axis if isinstance(axis, list | tuple) else [axis]
    axes = [normalized(a, ndim) for a in named]
    if len(set(axes)) != len(axes):
        raise ValueError(f"an axis is named twice: {axis}")
    return sorted(axes)


def row_axis(x: Symbol, axis: int, what: str) -> int:
    """Return an axis of the rows, not counting the batch; raise for the batch."""
    number = normalized(axis, x.ndim)
    if x.batched and number == 0:
        raise ValueError(
            f"{what} cannot work along the batch (axis {axis} of shape {x.shape}): a batch is computed row by row; "
            "use an axis of the rows, counted from 1, or a reduction such as ops.sum or ops.mean"
        )
    return number - x.batched


# ------------------------------------------------ elementwise


def unary(x: Any, name: str, dtype: str | None = None) -> Symbol:
    """Record an elementwise function."""
    operand = symbol(x)
    shape = operand.shape
    return operand.recorder.symbol("unary", operand.value, name, shape=shape, dtype=dtype or as_float(operand))


def activation(x: Any, name: str, alpha: float | None = None) -> Symbol:
    """Record an elementwise activation function."""
    operand = symbol(x)
    shape, dtype = operand.shape, as_float(operand)
    return operand.recorder.symbol("activation", operand.value, name, alpha, shape=shape, dtype=dtype)


def broadcast_shape(xs: Sequence[Symbol], what: str) -> tuple[bool, tuple[int, ...], list[tuple[int, ...]]]:
    """Return whether the result is batched, its axes without the batch, and those of each operand likewise."""
    ndim = max(x.ndim for x in xs)
    batched = any(x.batched for x in xs)
    shapes = " and ".join(str(x.shape) for x in xs)
    rows: list[tuple[int, ...]] = []
    for x in xs:
        axes = x.axes
        if x.batched and x.ndim < ndim:
            raise ValueError(
                f"{what}: shapes {shapes} do not fit, the batch axes are at different places; give them the same "
                "number of axes, for example with ops.expand_dims(x, -1)"
            )
        if batched and not x.batched and x.ndim == ndim:
            if axes[0] != 1:
                raise ValueError(
                    f"{what}: shapes {shapes} do not fit, a batch can have any number of rows, not just {axes[0]}"
                )
            axes = axes[1:]
        rows.append(axes)
    try:
        common = np.broadcast_shapes(*rows)
    except ValueError:
        raise ValueError(f"{what}: shapes {shapes} do not fit") from None
    return batched, tuple(map(int, common)), rows


def spread(x: Symbol, axes: tuple[int, ...], target: tuple[int, ...]) -> int:
    """Return the number of a value repeated to the axes `target`; single numbers stay as they are."""
    size = prod(axes)
    if size in {1, prod(target)}:
        return x.value
    axes = (1,) * (len(target) - len(axes)) + axes
    strides = [0 if n == 1 else prod(axes[k + 1 :]) for k, n in enumerate(axes)]
    return view(x, target, strides, 0, target).value


def elementwise(method: str, xs: Sequence[Any], dtype: str, *name: str) -> Symbol:
    """Record a function of several operands with NumPy's broadcasting."""
    symbols = [symbol(x) for x in xs]
    what = "ops." + (name[0] if name else method)
    batched, axes, rows = broadcast_shape(symbols, what)
    values = [spread(x, row, axes) for x, row in zip(symbols, rows, strict=True)]
    recorder = symbols[0].recorder
    shape: Shape = (None, *axes) if batched else axes
    return recorder.symbol(method, *values, *name, shape=shape, dtype=dtype)


def binary(a: Any, b: Any, name: str, dtype: str | None = None) -> Symbol:
    """Record a function of two operands."""
    a, b = symbol(a), symbol(b)
    return elementwise("binary", (a, b), dtype or arithmetic_dtype(a, b), name)


# ------------------------------------------------ moving elements


def view(x: Symbol, dims: Sequence[int], strides: Sequence[int], offset: int, axes: Sequence[int]) -> Symbol:
    """Record ``y[i0, i1, ...] = x[offset + i0 strides0 + ...]`` of each row; `axes` is the result's shape of a row."""
    merged: list[tuple[int, int]] = []
    for n, stride in zip(dims, strides, strict=True):
        if n == 1:
            continue
        if merged and merged[-1][1] == stride * n:
            merged[-1] = (merged[-1][0] * n, stride)
        else:
            merged.append((n, stride))
    shape = with_axes(x, axes)
    if offset == 0 and (merged == [(prod(x.axes), 1)] or (not merged and prod(x.axes) == 1)):
        return alias(x, shape)
    merged = merged or [(1, 1)]
    return x.recorder.symbol(
        "view", x.value, [n for n, _ in merged], [s for _, s in merged], offset, shape=shape, dtype=x.dtype
    )


def strides_of(axes: Sequence[int]) -> list[int]:
    """Return the strides of a row with these axes."""
    return [prod(axes[k + 1 :]) for k in range(len(axes))]


def cast_up(x: Symbol, batched: bool) -> tuple[int, ...]:
    """Return the axes of one that is to be joined with batched values: a leading 1 stands for the batch."""
    return x.axes[1:] if batched and not x.batched else x.axes


def concatenated(xs: Sequence[Any], axis: int) -> Symbol:
    """Join values along an axis."""
    symbols = [symbol(x) for x in xs]
    if not symbols:
        raise ValueError("ops.concatenate needs at least one tensor")
    shapes = ", ".join(str(x.shape) for x in symbols)
    first = next((x for x in symbols if x.batched), symbols[0])
    if any(x.ndim != first.ndim for x in symbols):
        raise ValueError(f"ops.concatenate: the tensors must have the same number of axes, got shapes {shapes}")
    if any(first.batched and not x.batched and x.shape[0] != 1 for x in symbols):
        raise ValueError(f"ops.concatenate: a batch cannot be joined with tensors that have no batch axis: {shapes}")
    place = row_axis(first, axis, "ops.concatenate")
    rows = [cast_up(x, first.batched) for x in symbols]
    if any(row[:place] + row[place + 1 :] != rows[0][:place] + rows[0][place + 1 :] for row in rows):
        raise ValueError(f"ops.concatenate: shapes {shapes} differ in more than axis {axis}")
    axes = (*rows[0][:place], sum(row[place] for row in rows), *rows[0][place + 1 :])
    dtypes = {x.dtype for x in symbols}
    dtype = dtypes.pop() if len(dtypes) == 1 else arithmetic_dtype(*symbols)
    if len(symbols) == 1:
        return symbols[0]
    return first.recorder.symbol(
        "concat", [x.value for x in symbols], prod(axes[:place]), shape=with_axes(first, axes), dtype=dtype
    )


def broadcast(x: Symbol, target: tuple[int, ...]) -> Symbol:
    """Return x repeated to rows with the axes `target`."""
    try:
        fits = np.broadcast_shapes(x.axes, target) == target
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"ops.broadcast_to: cannot broadcast {x.shape} to {with_axes(x, target)}")
    axes = (1,) * (len(target) - len(x.axes)) + x.axes
    strides = [0 if n == 1 else stride for n, stride in zip(axes, strides_of(axes), strict=True)]
    return view(x, target, strides, 0, target)


# ------------------------------------------------ reducing


def reduced(x: Any, name: str, axis: Axis, keepdims: bool = False, dtype: str | None = None) -> Symbol:
    """Record a reduction over axes; axis 0 of a batched value is the batch."""
    x = symbol(x)
    axes = normalized_axes(axis, x.ndim)
    over_rows = x.batched and 0 in axes
    if over_rows and name not in {"sum", "mean", "max", "min"}:
        raise ValueError(
            f"ops.{name} cannot work along the batch (shape {x.shape}, axis {axis}): reduce the axes of the rows, "
            "counted from 1; sum, mean, max and min work along the batch"
        )
    shape = list(x.axes)
    inner = [a - x.batched for a in axes if not (x.batched and a == 0)]
    value, recorder = x.value, x.recorder
    for first, last in reversed(runs(inner)):
        n = prod(shape[first:last])
        if n != 1 or name.startswith("arg"):
            value = recorder.emit("reduce", value, name, prod(shape[:first]), n, prod(shape[last:]))
        shape[first:last] = [1] * (last - first)
    if over_rows:
        value = recorder.emit("over_rows", value, name)
    kept = shape if keepdims else [n for k, n in enumerate(shape) if k not in inner]
    if x.batched:
        result: Shape = (*((1,) if keepdims else ()), *kept) if over_rows else (None, *kept)
    else:
        result = tuple(kept)
    return Symbol(recorder, value, result, dtype or x.dtype)


def runs(axes: Sequence[int]) -> list[tuple[int, int]]:
    """Return the runs (first, last + 1) of consecutive axes.

    >>> runs([0, 1, 3])
    [(0, 2), (3, 4)]
    """
    found: list[tuple[int, int]] = []
    for a in axes:
        if found and found[-1][1] == a:
            found[-1] = (found[-1][0], a + 1)
        else:
            found.append((a, a + 1))
    return found
