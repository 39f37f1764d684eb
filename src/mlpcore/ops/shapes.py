"""Ops that move, join, cut and repeat elements. The batch stays the first axis, with its rows as they are."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import Any

import numpy as np

from mlpcore._arena import Variable
from mlpcore._tensor import KerasTensor, Symbol, Tensor, operators
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol

_BATCH_STAYS = "the batch stays the first axis, with its rows as they are"


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
        rest = [int(n) for n in sizes[1:]]
        fixed = prod(n for n in rest if n != -1)
        fits = fixed and size % fixed == 0 if -1 in rest else fixed == size
        if not (rows is None or isinstance(rows, Symbol) or (isinstance(rows, int) and rows == -1)) or not fits:
            raise ValueError(
                f"ops.reshape: cannot reshape {x.shape} to {tuple(sizes)}: {_BATCH_STAYS}; "
                f"write (-1, ...) with {size} elements in the other axes"
            )
        if rest.count(-1) > 1:
            raise ValueError(f"ops.reshape: only one axis may be -1, got {tuple(sizes)}")
        return p.alias(x, (None, *(size // fixed if n == -1 else n for n in rest)))
    sizes = [int(n) for n in sizes]
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
        raise ValueError(f"ops.expand_dims: axis {axis} of shape {x.shape} is before the batch: {_BATCH_STAYS}")
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
                f"ops.transpose: cannot reverse the axes of shape {x.shape}: {_BATCH_STAYS}; name axes, starting with 0"
            )
    else:
        order = [p.normalized(a, x.ndim) for a in axes]
    if sorted(order) != list(range(x.ndim)):
        raise ValueError(f"ops.transpose: {axes} is no order of the axes of shape {x.shape}")
    if x.batched and order[0] != 0:
        raise ValueError(f"ops.transpose: axes {axes} move the batch of shape {x.shape}: {_BATCH_STAYS}")
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
            raise ValueError(f"ops.broadcast_to: cannot broadcast {x.shape} to {target}: {_BATCH_STAYS}")
        target = target[1:]
    return _broadcast(x, tuple(map(int, target)))


def _broadcast(x: Symbol, target: tuple[int, ...]) -> Symbol:
    try:
        fits = np.broadcast_shapes(x.axes, target) == target
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(f"ops.broadcast_to: cannot broadcast {x.shape} to {p.with_axes(x, target)}")
    axes = (1,) * (len(target) - len(x.axes)) + x.axes
    strides = [0 if n == 1 else stride for n, stride in zip(axes, p.strides_of(axes), strict=True)]
    return p.view(x, target, strides, 0, target)


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
    times = [int(n) for n in (repeats if isinstance(repeats, list | tuple) else [repeats])]
    times = [1] * (x.ndim - len(times)) + times
    axes = list(x.axes)
    if x.batched:
        if times[0] != 1 or len(times) > x.ndim:
            raise ValueError(f"ops.tile: cannot tile {x.shape} by {tuple(times)}: {_BATCH_STAYS}")
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
def roll(x: Any, shift: int, axis: int) -> Any:
    """Return the elements moved on along an axis, the last ones to the front; not along the batch."""
    x = symbol(x)
    n = x.axes[p.row_axis(x, axis, "ops.roll")]
    first = n - shift % n
    return concatenate(split(x, [first], axis)[::-1], axis) if first != n else x


@op
def concatenate(xs: Sequence[Any], axis: int = 0) -> Any:
    """Return tensors joined along an axis; not along the batch.

    Parameters
    ----------
    xs : sequence of tensors
        With equal shapes apart from `axis`.
    axis : int, default=0
        Counted with the batch as 0: -1 joins the features of rows.

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.concatenate([[1.0], [2.0, 3.0]])
    array([1., 2., 3.], dtype=float32)
    """
    return p.concatenated(xs, axis)


@op
def stack(x: Sequence[Any], axis: int = 0) -> Any:
    """Return tensors of equal shapes side by side along a new axis; not along the batch."""
    xs = [symbol(each) for each in x]
    return p.concatenated([expand_dims(each, axis) for each in xs], axis)


@op
def hstack(xs: Sequence[Any]) -> Any:
    """Return tensors joined along their second axis, or the first if they have but one."""
    symbols = [symbol(x) for x in xs]
    return p.concatenated(symbols, 0 if symbols[0].ndim == 1 else 1)


@op
def split(x: Any, indices_or_sections: int | Sequence[int], axis: int = 0) -> Any:
    """Return a list of pieces along an axis: so many equal ones, or cut at the given places; not along the batch.

    >>> split([1.0, 2.0, 3.0], [1])
    [array([1.], dtype=float32), array([2., 3.], dtype=float32)]
    """
    x = symbol(x)
    place = p.row_axis(x, axis, "ops.split")
    n = x.axes[place]
    if isinstance(indices_or_sections, int | np.integer):
        if indices_or_sections < 1 or n % indices_or_sections:
            raise ValueError(f"ops.split: axis {axis} of shape {x.shape} cannot be cut in {indices_or_sections} pieces")
        cuts = list(range(0, n + 1, n // int(indices_or_sections)))
    else:
        cuts = [0, *(int(i) for i in np.asarray(indices_or_sections).ravel()), n]
    return [_between(x, place, first, last) for first, last in pairwise(cuts)]


def _between(x: Symbol, place: int, first: int, last: int) -> Symbol:
    strides = p.strides_of(x.axes)
    if not 0 <= first < last <= x.axes[place]:
        raise ValueError(f"ops.split: a piece from {first} to {last} of shape {x.shape} is empty")
    dims = [*x.axes[:place], last - first, *x.axes[place + 1 :]]
    return p.view(x, dims, strides, first * strides[place], dims)


@op
def unstack(x: Any, num: int | None = None, axis: int = 0) -> Any:
    """Return a list of the slices along an axis, without that axis; not along the batch."""
    x = symbol(x)
    place = p.row_axis(x, axis, "ops.unstack")
    return [
        p.alias(each, p.with_axes(x, x.axes[:place] + x.axes[place + 1 :])) for each in split(x, x.axes[place], axis)
    ]


@op
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = 0) -> Any:
    """Return elements of one value put before and after each axis; not along the batch.

    Parameters
    ----------
    x : tensor or array
    pad_width : sequence of (int, int), or one for all axes
        How many before and after each axis; (0, 0) for the batch.
    mode : {"constant"}, default="constant"
    constant_values : float, default=0
    """
    if mode != "constant":
        raise ValueError(f"ops.pad: mode must be 'constant', got {mode!r}")
    x = symbol(x)
    widths = np.broadcast_to(np.asarray(pad_width, int), (x.ndim, 2)).tolist()
    for axis, (before, after) in enumerate(widths):
        if not before and not after:
            continue
        place = p.row_axis(x, axis, "ops.pad")
        pieces = [x]
        for where, n in ((0, before), (len(pieces), after)):
            if n:
                axes = (*x.axes[:place], n, *x.axes[place + 1 :])
                filled = x.recorder.constant(np.full(axes, constant_values, np.float64))
                filled = p.alias(filled, (1, *axes)) if x.batched else filled
                pieces.insert(where if where == 0 else len(pieces), filled)
        x = p.concatenated(pieces, axis)
    return x


@op
def get_item(x: Any, key: Any) -> Any:
    """x[key] with integers, slices, ``...`` and None; of a batch, ``:`` comes first.

    Raises
    ------
    ValueError
        If rows of a batch would be picked.
    TypeError
        For lists, arrays and tensors as indices: see `take`.
    """
    x = symbol(x)
    keys = list(key) if isinstance(key, tuple) else [key]
    if any(not (k is None or k is Ellipsis or isinstance(k, int | np.integer | slice)) for k in keys):
        raise TypeError(
            f"x[...] takes integers, slices, ... and None, got {key!r}; pick elements with ops.take(x, indices, axis), "
            "choose by a condition with ops.where"
        )
    n_axes = sum(k is not None and k is not Ellipsis for k in keys)
    if n_axes > x.ndim:
        raise IndexError(f"{n_axes} indices for a tensor of shape {x.shape}")
    whole = [slice(None)] * (x.ndim - n_axes)
    if Ellipsis in keys:
        where = keys.index(Ellipsis)
        keys[where : where + 1] = whole
    else:
        keys += whole
    if x.batched:
        if keys[0] != slice(None):
            raise ValueError(
                f"x[{key!r}] picks rows of a batch (shape {x.shape}): {_BATCH_STAYS}; write x[:, ...] for the columns"
            )
        keys = keys[1:]
    dims: list[int] = []
    steps: list[int] = []
    axes: list[int] = []
    offset, axis = 0, 0
    strides = p.strides_of(x.axes)
    for k in keys:
        if k is None:
            axes.append(1)
            continue
        n, stride = x.axes[axis], strides[axis]
        axis += 1
        if isinstance(k, slice):
            start, stop, step = k.indices(n)
            count = len(range(start, stop, step))
            if not count:
                raise ValueError(f"x[{key!r}] of shape {x.shape} is empty")
            dims.append(count)
            steps.append(step * stride)
            axes.append(count)
            offset += start * stride
        else:
            if not -n <= k < n:
                raise IndexError(f"index {k} is out of range for axis of length {n} of shape {x.shape}")
            offset += int(k) % n * stride
    return p.view(x, dims, steps, offset, axes)


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


def convert_to_tensor(x: Any, dtype: Any = None) -> Any:
    """Return a tensor as it is, everything else as an array (float32, integers as they are)."""
    if isinstance(x, list | tuple) and any(isinstance(each, Symbol) for each in x):
        x = stack(list(x))
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
