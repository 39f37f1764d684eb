"""Products of matrices, and picking from tables."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import numpy as np

from mlpcore._arena import Variable
from mlpcore._tape import active
from mlpcore._tensor import Symbol
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol


def _as_kernel(x: Symbol, kernel: Any, bias: Variable | None) -> tuple[Symbol, bool] | None:
    """Return x @ kernel the way of dense layers, where it can go, and whether the bias is in it."""
    recorder = active()
    if recorder is None or not isinstance(kernel, Variable) or len(kernel.shape) != 2:
        return None
    if not x.batched or not x.axes or x.axes[-1] != kernel.shape[0]:
        return None
    return recorder.apply(x, kernel, bias)


@op
def dense(x: Any, kernel: Any, bias: Any = None) -> Any:
    """x @ kernel + bias on the last axis, what a dense layer computes.

    Parameters
    ----------
    x : tensor or array
        Shape (..., in).
    kernel : Variable, tensor or array
        Shape (in, units).
    bias : Variable, tensor or array, optional
        Shape (units,). If both are variables, engines do product and sum in one kernel.

    Returns
    -------
    tensor or ndarray
        Shape (..., units).

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.dense([[1.0, 2.0]], [[1.0], [1.0]], [0.5])
    array([[3.5]], dtype=float32)
    """
    x = symbol(x)
    applied = _as_kernel(x, kernel, bias if isinstance(bias, Variable) else None)
    if applied is None:
        y, added = product(x, symbol(kernel)), False
    else:
        y, added = applied
    return y if bias is None or added else p.binary(y, bias, "add")


@op
def matmul(x1: Any, x2: Any) -> Any:
    """Return the product of matrices by NumPy's rules, (..., m, k) @ (..., k, n); a vector is a row or a column.

    A batch is a stack of rows: (rows, k) @ (k, n) is (rows, n).

    Raises
    ------
    ValueError
        If the sizes do not fit, or the product would sum over the rows of a batch.

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.matmul([[1.0, 2.0]], [[3.0], [4.0]])
    array([[11.]], dtype=float32)
    """
    x1 = symbol(x1)
    applied = _as_kernel(x1, x2, None)
    return product(x1, symbol(x2)) if applied is None else applied[0]


def product(a: Symbol, b: Symbol) -> Symbol:
    """Record the product of matrices; see `matmul`."""
    shapes = f"{a.shape} and {b.shape}"
    if not a.shape or not b.shape:
        raise ValueError(f"ops.matmul: both must have axes, got shapes {shapes}")
    if b.batched and b.ndim < 3 and b.ndim > 0:
        raise ValueError(
            f"ops.matmul: the product of shapes {shapes} would sum over the rows of the batch; for products within "
            "each row use ops.sum(a * b, axis=-1), for sums over the batch ops.sum(..., axis=0)"
        )
    if a.batched and a.ndim == 1:
        raise ValueError(f"ops.matmul: shape {a.shape} has no axis beside the batch; use ops.expand_dims(x, -1)")
    batched = a.batched or b.batched
    left, right = a.axes, b.axes
    vector_left = not a.batched and a.ndim == 1
    vector_right = not b.batched and b.ndim == 1
    if a.batched and b.batched and a.ndim == 2:
        raise ValueError(f"ops.matmul: shapes {shapes} do not fit; rows of the batch meet matrices of the batch")
    if a.batched and b.batched and a.ndim != b.ndim:
        raise ValueError(f"ops.matmul: shapes {shapes} must have the same number of axes")
    row_of_batch = a.batched and a.ndim == 2
    if batched and not a.batched and a.ndim == b.ndim:
        left = _without_batch(a, shapes)
    if batched and not b.batched and b.ndim == a.ndim and a.ndim > 2:
        right = _without_batch(b, shapes)
    if vector_left or row_of_batch:
        left = (1, *left)
    if vector_right:
        right = (*right, 1)
    if len(left) < 2 or len(right) < 2 or left[-1] != right[-2] or (row_of_batch and len(right) > 2):
        raise ValueError(f"ops.matmul: shapes {shapes} do not fit")
    m, k, n = left[-2], left[-1], right[-1]
    try:
        outer = tuple(map(int, np.broadcast_shapes(left[:-2], right[:-2])))
    except ValueError:
        raise ValueError(f"ops.matmul: shapes {shapes} do not fit") from None
    recorder = a.recorder
    x = p.alias(a, (None, *left) if a.batched else left)
    y = p.alias(b, (None, *right) if b.batched else right)
    if outer and prod(right[:-2]) == 1:  # one matrix for all: the rows of the stack in a long matrix
        value = recorder.emit("matmul", x.value, y.value, prod(outer) * m, k, n)
    elif prod(outer) == 1:
        value = recorder.emit("matmul", x.value, y.value, m, k, n)
    else:
        x, y = p.broadcast(x, (*outer, m, k)), p.broadcast(y, (*outer, k, n))
        pieces = []
        for i in range(prod(outer)):
            one = p.view(x, [m * k], [1], i * m * k, [m * k])
            other = p.view(y, [k * n], [1], i * k * n, [k * n])
            pieces.append(recorder.emit("matmul", one.value, other.value, m, k, n))
        value = recorder.emit("concat", pieces, 1)
    result = [*outer, *([] if vector_left or row_of_batch else [m]), *([] if vector_right else [n])]
    return Symbol(recorder, value, (None, *result) if batched else tuple(result), p.as_float(a))


def _without_batch(x: Symbol, shapes: str) -> tuple[int, ...]:
    if x.axes[0] != 1:
        raise ValueError(f"ops.matmul: shapes {shapes} do not fit, a batch can have any number of rows")
    return x.axes[1:]


@op
def dot(x1: Any, x2: Any) -> Any:
    """Return the product of vectors or of matrices; with a number, elementwise.

    The second operand has at most two axes, with which NumPy's ``dot`` and `matmul` are the same.
    """
    a, shape = symbol(x1), np.shape(x2)
    if len(shape) > 2:
        raise ValueError("ops.dot: the second operand has more than two axes; write ops.matmul or ops.einsum")
    if not a.shape or not shape:
        return p.binary(a, x2, "multiply")
    return matmul(a, x2)


@op
def inner(x1: Any, x2: Any) -> Any:
    """Return the sums of products along the last axes: (..., k) and (n, k) give (..., n), (k,) and (k,) a number."""
    a, b = symbol(x1), symbol(x2)
    if b.batched or b.ndim > 2:
        raise ValueError(f"ops.inner: the second must be a vector or a matrix without a batch, got shape {b.shape}")
    return product(a, _moved(b, list(range(b.ndim))[::-1]))


@op
def outer(x1: Any, x2: Any) -> Any:
    """Return all products of two vectors: (m,) and (n,) give (m, n)."""
    a, b = symbol(x1), symbol(x2)
    if a.batched or b.batched:
        raise ValueError("ops.outer: of batches write ops.expand_dims(x1, -1) * ops.expand_dims(x2, -2)")
    return p.binary(p.alias(a, (prod(a.axes), 1)), p.alias(b, (prod(b.axes),)), "multiply")


def _taken(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return what `take` does of arrays."""
    array = np.asarray(x)
    return np.take(array.astype(np.float32) if array.dtype.kind == "f" else array, np.asarray(indices), axis)


@partial(op, of_arrays=_taken)
def take(x: Any, indices: Any, axis: int | None = None) -> Any:
    """Return the elements of x at places along an axis.

    Parameters
    ----------
    x : tensor or array
        A table without a batch axis, for `indices` that are computed; or anything, for fixed indices.
    indices : int tensor or array
        Counted from 0; fixed ones also from the end, as -1. An index beyond the table gives NaN.
    axis : int, optional
        None: of all elements in C order.

    Returns
    -------
    tensor or ndarray
        `x` with the axis replaced by the axes of `indices`.

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.take([10.0, 20.0, 30.0], [2, 0], axis=0)
    array([30., 10.], dtype=float32)
    """
    x = symbol(x)
    if axis is None:
        x, axis = p.alias(x, p.with_axes(x, (prod(x.axes),))), -1
    fixed = not isinstance(indices, Symbol | Variable)
    place = p.row_axis(x, axis, "ops.take")
    if fixed:
        return _picked(x, np.asarray(indices), place)
    index = symbol(indices)
    n, dim = x.axes[place], prod(x.axes) // x.axes[place]
    if not x.batched and place == 0:
        shape = (*index.shape, *x.axes[1:])
        value = x.recorder.emit("take", x.value, index.value, dim)
        return Symbol(x.recorder, value, shape, x.dtype)
    if len(x.axes) != 1:
        raise ValueError(
            f"ops.take: computed indices reach along the first axis of a table, or along rows of shape (n,); got axis "
            f"{axis} of shape {x.shape}"
        )
    chosen = one_hot(p.alias(index, p.with_axes(index, (prod(index.axes),))), n)
    picked = p.reduced(p.binary(chosen, p.alias(x, p.with_axes(x, (1, n))), "multiply", x.dtype), "sum", -1)
    return p.alias(picked, p.with_axes(picked, index.axes))


def _picked(x: Symbol, indices: np.ndarray[Any, Any], place: int) -> Symbol:
    """Return the elements at fixed places: pieces with even steps are views, joined."""
    n = x.axes[place]
    if indices.dtype.kind not in "iu":
        raise TypeError(f"ops.take: indices must be integers, got {indices.dtype}")
    places = [int(i) for i in indices.ravel()]
    if any(not -n <= i < n for i in places):
        raise IndexError(f"ops.take: an index is out of range for axis of length {n} of shape {x.shape}")
    places = [i % n for i in places]
    strides = p.strides_of(x.axes)
    pieces = []
    while places:
        count = 1
        step = places[1] - places[0] if len(places) > 1 else 1
        while count < len(places) and places[count] == places[0] + count * step:
            count += 1
        dims = [*x.axes[:place], count, *x.axes[place + 1 :]]
        steps = [*strides[:place], step * strides[place], *strides[place + 1 :]]
        pieces.append(p.view(x, dims, steps, places[0] * strides[place], dims))
        places = places[count:]
    joined = p.concatenated(pieces, place + x.batched)
    return p.alias(joined, p.with_axes(x, (*x.axes[:place], *indices.shape, *x.axes[place + 1 :])))


@op
def take_along_axis(x: Any, indices: Any, axis: int | None = None) -> Any:
    """x at the places `indices`, row by row along the last axis: (..., n) and (..., k) give (..., k)."""
    x, index = symbol(x), symbol(indices)
    if axis is None or p.normalized(axis, x.ndim) != x.ndim - 1 or x.ndim != index.ndim:
        raise ValueError(f"ops.take_along_axis works along the last axis, got axis {axis} of shape {x.shape}")
    chosen = one_hot(index, x.axes[-1])
    wide = p.alias(x, (*x.shape[:-1], 1, x.axes[-1]))
    return p.reduced(p.elementwise("where", (chosen, wide, 0.0), x.dtype), "sum", -1)


@op
def one_hot(x: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """1 at the place that x names, 0 elsewhere, along a new last axis.

    >>> one_hot([1, 0], 3)
    array([[0., 1., 0.],
           [1., 0., 0.]], dtype=float32)
    """
    x = symbol(x)
    if axis not in {-1, x.ndim}:
        raise ValueError(f"ops.one_hot: the new axis is the last one, got axis {axis}")
    return x.recorder.symbol("one_hot", x.value, num_classes, shape=(*x.shape, num_classes), dtype=p.as_float(x))


@op
def multi_hot(inputs: Any, num_classes: int, axis: int = -1, dtype: Any = None, sparse: bool = False) -> Any:
    """1 at all places that a row of x names, 0 elsewhere: (..., k) gives (..., num_classes)."""
    return p.reduced(one_hot(inputs, num_classes), "max", -2)


@op
def cumsum(x: Any, axis: int | None = None, dtype: Any = None) -> Any:
    """Return the sums of the elements up to each one along an axis (None: of all in C order); not along the batch."""
    x = symbol(x)
    if axis is None:
        x, axis = p.alias(x, p.with_axes(x, (prod(x.axes),))), -1
    place = p.row_axis(x, axis, "ops.cumsum")
    n = x.axes[place]
    triangle = x.recorder.constant(np.triu(np.ones((n, n))))
    last = len(x.axes) - 1
    order = [k for k in range(last + 1) if k != place] + [place]
    back = [order.index(k) for k in range(last + 1)]
    moved = _moved(x, order)
    summed = moved.recorder.emit("matmul", moved.value, triangle.value, prod(moved.axes) // n, n, n)
    return _moved(p.alias(Symbol(x.recorder, summed, moved.shape, x.dtype), moved.shape), back)


def _moved(x: Symbol, order: list[int]) -> Symbol:
    strides = p.strides_of(x.axes)
    dims = [x.axes[k] for k in order]
    return p.view(x, dims, [strides[k] for k in order], 0, dims)


def _triangle(x: Any, k: int, keep: Any) -> Symbol:
    x = symbol(x)
    if len(x.axes) < 2:
        raise ValueError(f"ops.tril and ops.triu need matrices, got shape {x.shape}")
    mask = x.recorder.constant(keep(np.ones(x.axes[-2:]), k))
    return p.elementwise("where", (mask, x, 0.0), x.dtype)


@op
def tril(x: Any, k: int = 0) -> Any:
    """Return matrices with zeros above the k-th diagonal."""
    return _triangle(x, k, np.tril)


@op
def triu(x: Any, k: int = 0) -> Any:
    """Return matrices with zeros below the k-th diagonal."""
    return _triangle(x, k, np.triu)
