"""Sorting along an axis: every element is compared with every other, n * n comparisons for n elements."""

from __future__ import annotations

from math import inf
from typing import Any

import numpy as np

from mlpcore._tensor import Symbol
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol
from mlpcore.ops.products import take_along_axis
from mlpcore.ops.shapes import moveaxis


def _order(x: Symbol, descending: bool = False) -> Symbol:
    """Return where the elements along the last axis stand in sorted order; equal ones stay in their order.

    NaN counts as infinity.
    """
    n = x.axes[-1]
    x = p.elementwise("where", (p.binary(x, x, "not_equal"), inf, x), x.dtype)
    here, other = p.alias(x, (*x.shape, 1)), p.alias(x, (*x.shape[:-1], 1, n))
    ahead = p.binary(other, here, "greater" if descending else "less", "bool")
    tied = p.binary(p.binary(other, here, "equal", "bool"), np.tril(np.ones((n, n)), -1), "logical_and", "bool")
    rank = p.reduced(p.binary(ahead, tied, "logical_or", "bool"), "sum", -1, False, "int32")
    has_rank = p.binary(p.alias(rank, (*rank.shape[:-1], 1, n)), np.arange(n)[:, None], "equal", "bool")
    return p.reduced(has_rank, "argmax", -1, False, "int32")


def _last(x: Symbol, axis: int, what: str) -> Symbol:
    p.row_axis(x, axis, f"ops.{what}")
    return symbol(moveaxis(x, axis, -1))


@op
def sort(x: Any, axis: int = -1) -> Any:
    """Return the elements in ascending order along an axis, not the batch's; NaN among the infinite ones.

    >>> sort([3.0, 1.0, 2.0])
    array([1., 2., 3.], dtype=float32)
    """
    moved = _last(symbol(x), axis, "sort")
    return moveaxis(take_along_axis(moved, _order(moved), axis=-1), -1, axis)


@op
def argsort(x: Any, axis: int = -1) -> Any:
    """Return the places of the elements in ascending order along an axis, not the batch's; equal ones in their order.

    >>> argsort([3.0, 1.0, 2.0])
    array([1, 2, 0], dtype=int32)
    """
    moved = _last(symbol(x), axis, "argsort")
    return moveaxis(_order(moved), -1, axis)


@op
def top_k(x: Any, k: int, sorted: bool = True) -> Any:
    """Return the k largest along the last axis, and their places; always in descending order.

    >>> values, places = top_k([3.0, 1.0, 2.0], 2)
    >>> values, places
    (array([3., 2.], dtype=float32), array([0, 2], dtype=int32))
    """
    x = _last(symbol(x), -1, "top_k")
    n = x.axes[-1]
    if not 0 < k <= n:
        raise ValueError(f"ops.top_k: k must lie between 1 and {n}, the length of the last axis, got {k}")
    order = _order(x, descending=True)
    axes = (*x.axes[:-1], k)
    places = p.view(order, list(axes), p.strides_of(order.axes), 0, axes)
    return take_along_axis(x, places, axis=-1), places
