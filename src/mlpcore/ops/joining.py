"""Ops that join, cut and pick elements; not along the batch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from mlpcore._tensor import Symbol
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol
from mlpcore.ops.shapes import expand_dims


@op
def roll(x: Any, shift: int, axis: int | None = None) -> Any:
    """Return the elements moved on along an axis, the last ones to the front; not along the batch."""
    x = symbol(x)
    if axis is None:
        raise ValueError("ops.roll needs an axis")
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
def pad(x: Any, pad_width: Any, mode: str = "constant", constant_values: Any = None) -> Any:
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
                filled = x.recorder.constant(np.full(axes, constant_values or 0, np.float64))
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
                f"x[{key!r}] picks rows of a batch (shape {x.shape}): {p.BATCH_STAYS}; write x[:, ...] for the columns"
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
def diff(a: Any, n: int = 1, axis: int = -1) -> Any:
    """Return the differences of neighbours along an axis, n times; not along the batch.

    >>> diff([1.0, 4.0, 9.0])
    array([3., 5.], dtype=float32)
    """
    x = symbol(a)
    place = p.row_axis(x, axis, "ops.diff")
    for _ in range(n):
        x = p.binary(_between(x, place, 1, x.axes[place]), _between(x, place, 0, x.axes[place] - 1), "subtract")
    return x
