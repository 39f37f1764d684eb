"""Ops that move and repeat elements, and those about shapes and types. A batch keeps its rows as they are."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from mlpcore._arena import Variable
from mlpcore._tensor import KerasTensor, Symbol, Tensor, operators
from mlpcore._validation import integers
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol


@op
def reshape(x: Any, newshape: Sequence[Any]) -> Any:
    """Return the same elements in C order under another shape.

    Parameters
    ----------
    x : tensor or array
    newshape : sequence of int
        One may be -1. Of a batch, the first stands for the rows: -1, None or ``ops.shape(x)[0]``.

    Raises
    ------
    ValueError
        If the number of elements differs, or rows of a batch would be cut or joined.

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.reshape([1.0, 2.0, 3.0, 4.0], (2, -1)).shape
    (2, 2)
    """
    x = symbol(x)
    sizes: list[Any] = list(newshape) if isinstance(newshape, list | tuple) else [newshape]
    size = prod(x.axes)
    if x.batched:
        rows = sizes[0] if sizes else 1
        rest = integers("ops.reshape: newshape", sizes[1:])
        fixed = prod(n for n in rest if n != -1)
        fits = fixed and size % fixed == 0 if -1 in rest else fixed == size
        if not (rows is None or isinstance(rows, Symbol) or (isinstance(rows, int) and rows == -1)) or not fits:
            raise ValueError(
                f"ops.reshape: cannot reshape {x.shape} to {tuple(sizes)}: {p.BATCH_STAYS}; "
                f"write (-1, ...) with {size} elements in the other axes"
            )
        if rest.count(-1) > 1:
            raise ValueError(f"ops.reshape: only one axis may be -1, got {tuple(sizes)}")
        return p.alias(x, (None, *(size // fixed if n == -1 else n for n in rest)))
    sizes = integers("ops.reshape: newshape", sizes)
    fixed = prod(n for n in sizes if n != -1)
    if sizes.count(-1) > 1 or (size % fixed if -1 in sizes and fixed else fixed != size):
        raise ValueError(f"ops.reshape: cannot reshape {x.shape} to {tuple(sizes)}")
    return p.alias(x, tuple(size // fixed if n == -1 else n for n in sizes))


@op
def ravel(x: Any) -> Any:
    """Return all elements in one axis; of a batch, those of each row."""
    x = symbol(x)
    return p.alias(x, p.with_axes(x, (prod(x.axes),)))


@op
def expand_dims(x: Any, axis: int) -> Any:
    """Return the same elements with a new axis of length 1 at that place; not before the batch."""
    x = symbol(x)
    place = p.normalized(axis, x.ndim + 1)
    if x.batched and place == 0:
        raise ValueError(f"ops.expand_dims: axis {axis} of shape {x.shape} is before the batch: {p.BATCH_STAYS}")
    return p.alias(x, (*x.shape[:place], 1, *x.shape[place:]))


@op
def squeeze(x: Any, axis: p.Axis = None) -> Any:
    """Return the same elements without axes of length 1: those named, or all."""
    x = symbol(x)
    if axis is None:
        return p.alias(x, tuple(n for n in x.shape if n != 1))
    axes = p.normalized_axes(axis, x.ndim)
    if any(x.shape[a] != 1 for a in axes):
        raise ValueError(f"ops.squeeze: axis {axis} of shape {x.shape} does not have length 1")
    return p.alias(x, tuple(n for a, n in enumerate(x.shape) if a not in axes))


@op
def transpose(x: Any, axes: Sequence[int] | None = None) -> Any:
    """Return the axes in another order, by default reversed; of a batch, the first stays first."""
    x = symbol(x)
    if axes is None:
        order = list(range(x.ndim))[::-1]
        if x.batched and x.ndim > 1:
            raise ValueError(
                f"ops.transpose: cannot reverse the axes of shape {x.shape}: {p.BATCH_STAYS}; "
                "name axes, starting with 0"
            )
    else:
        order = [p.normalized(a, x.ndim) for a in axes]
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"ops.transpose: {axes} is no order of the axes of shape {x.shape}")
    if x.batched and order[0] != 0:
        raise ValueError(f"ops.transpose: axes {axes} move the batch of shape {x.shape}: {p.BATCH_STAYS}")
    inner = [a - x.batched for a in order if not (x.batched and a == 0)]
    strides = p.strides_of(x.axes)
    dims = [x.axes[a] for a in inner]
    return p.view(x, dims, [strides[a] for a in inner], 0, dims)


@op
def swapaxes(x: Any, axis1: int, axis2: int) -> Any:
    """Return two axes in each other's place; not the batch."""
    x = symbol(x)
    order = list(range(x.ndim))
    a, b = p.normalized(axis1, x.ndim), p.normalized(axis2, x.ndim)
    order[a], order[b] = b, a
    return transpose(x, order)


@op
def moveaxis(x: Any, source: int, destination: int) -> Any:
    """Return an axis moved to another place; not the batch."""
    x = symbol(x)
    order = list(range(x.ndim))
    order.insert(p.normalized(destination, x.ndim), order.pop(p.normalized(source, x.ndim)))
    return transpose(x, order)


@op
def broadcast_to(x: Any, shape: Sequence[Any]) -> Any:
    """Return elements repeated along axes of length 1 and new leading axes; for a batch, `shape` begins with None."""
    x = symbol(x)
    target = tuple(shape)
    if x.batched:
        if len(target) != x.ndim or not (target[0] is None or isinstance(target[0], Symbol) or target[0] == -1):
            raise ValueError(f"ops.broadcast_to: cannot broadcast {x.shape} to {target}: {p.BATCH_STAYS}")
        target = target[1:]
    return p.broadcast(x, tuple(map(int, target)))


@op
def repeat(x: Any, repeats: int, axis: int | None = None) -> Any:
    """Return each element so many times, along an axis; not the batch. Without an axis, of all elements (of each row).

    >>> repeat([1.0, 2.0], 2)
    array([1., 1., 2., 2.], dtype=float32)
    """
    x = symbol(x)
    place = p.row_axis(x, axis, "ops.repeat") if axis is not None else 0
    axes = x.axes if axis is not None else (prod(x.axes),)
    strides = p.strides_of(axes)
    dims = [*axes[: place + 1], repeats, *axes[place + 1 :]]
    steps = [*strides[: place + 1], 0, *strides[place + 1 :]]
    return p.view(x, dims, steps, 0, [*axes[:place], axes[place] * repeats, *axes[place + 1 :]])


@op
def tile(x: Any, repeats: Any) -> Any:
    """Return the whole of x so many times along each axis; once along the batch.

    >>> tile([1.0, 2.0], (2,))
    array([1., 2., 1., 2.], dtype=float32)
    """
    x = symbol(x)
    times = integers("ops.tile: repeats", repeats if isinstance(repeats, list | tuple) else [repeats])
    times = [1] * (x.ndim - len(times)) + times
    axes = list(x.axes)
    if x.batched:
        if times[0] != 1 or len(times) > x.ndim:
            raise ValueError(f"ops.tile: cannot tile {x.shape} by {tuple(times)}: {p.BATCH_STAYS}")
        times = times[1:]
    axes = [1] * (len(times) - len(axes)) + axes
    strides = p.strides_of(axes)
    dims = [n for pair in zip(times, axes, strict=True) for n in pair]
    steps = [s for stride in strides for s in (0, stride)]
    return p.view(x, dims, steps, 0, [t * n for t, n in zip(times, axes, strict=True)])


@op
def flip(x: Any, axis: p.Axis = None) -> Any:
    """Return the elements in reverse order along axes: those named, or all but the batch."""
    x = symbol(x)
    if axis is None:
        inner = list(range(len(x.axes)))
    else:
        inner = [p.row_axis(x, a, "ops.flip") for a in p.normalized_axes(axis, x.ndim)]
    strides = p.strides_of(x.axes)
    offset = sum((x.axes[a] - 1) * strides[a] for a in inner)
    steps = [-s if a in inner else s for a, s in enumerate(strides)]
    return p.view(x, x.axes, steps, offset, x.axes)


@op
def cast(x: Any, dtype: str) -> Any:
    """x as another type: to integers by cutting off what stands behind the point, to bool by asking for not 0."""
    x = symbol(x)
    name = np.dtype(dtype).name
    if name == "bool":
        return x if x.dtype == "bool" else p.binary(x, 0, "not_equal", "bool")
    if np.dtype(dtype).kind in "iu":
        if x.dtype in p.FLOATS:
            x = p.binary(p.unary(x, "sign"), p.unary(p.unary(x, "abs"), "floor"), "multiply")
        return p.alias(x, x.shape, "int32")
    return p.alias(x, x.shape, p.as_float(x))


@op
def _n_rows(x: Any) -> Any:
    """Return how many rows the batch has, as a tensor without axes."""
    x = symbol(x)
    return x.recorder.symbol("n_rows", shape=(), dtype="int32")


def _is_batch(x: Any) -> bool:
    return isinstance(x, Symbol | KerasTensor) and x.shape[:1] == (None,)


def shape(x: Any) -> tuple[Any, ...]:
    """Return the shape; in `call`, the first of a batch is a tensor that holds its number of rows.

    >>> shape([[1.0, 2.0]])
    (1, 2)
    """
    if _is_batch(x):
        return (_n_rows(x), *x.shape[1:])
    return x.shape if isinstance(x, Tensor) else np.shape(x)


def size(x: Any) -> Any:
    """Return the number of elements; in `call`, of a batch as a tensor."""
    if _is_batch(x):
        return operators["multiply"](_n_rows(x), prod(x.shape[1:]))
    return prod(shape(x))


def convert_to_tensor(x: Any, dtype: Any = None, sparse: Any = None, ragged: Any = None) -> Any:
    """Return a tensor as it is, everything else as an array (float32, integers as they are)."""
    if isinstance(x, list | tuple) and any(isinstance(each, Symbol) for each in x):
        x = operators["stack"](list(x))
    if isinstance(x, Symbol) or (isinstance(x, Tensor) and not isinstance(x, Variable)):
        return x if dtype is None or np.dtype(dtype).name == x.dtype else cast(x, dtype)
    if isinstance(x, Variable):
        x = x.numpy()
    array = np.asarray(x)
    if dtype is None and array.dtype == np.float64:
        dtype = "float32"
    return np.array(array, dtype)


def convert_to_numpy(x: Any) -> Any:
    """Return the numbers of a tensor or array as an array."""
    return np.asarray(x)


def is_tensor(x: Any) -> bool:
    """Tell whether it is a tensor of this package."""
    return isinstance(x, Tensor)


def array(x: Any, dtype: Any = None) -> Any:
    """Return a tensor as it is, everything else as an array; another name of `convert_to_tensor`."""
    return convert_to_tensor(x, dtype)


def ndim(x: Any) -> int:
    """Return the number of axes, that of the batch included."""
    return len(x.shape) if isinstance(x, Tensor) else np.ndim(x)


def dtype(x: Any) -> str:
    """Return the name of the type: "float32", "float64", "int32" or "bool" of tensors."""
    return x.dtype if isinstance(x, Tensor) else np.asarray(x).dtype.name
