"""Reductions over axes: sums, means, extremes and where they are, norms, soft maxima.

Axes count the batch as axis 0, as in Keras: axis=-1 reduces within a row, axis=0 and axis=None over the rows of the
batch at hand.
"""

from __future__ import annotations

from math import prod as _product
from typing import Any

from mlpcore._tensor import Symbol
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol


@op
def sum(x: Any, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """Return the sum over axes.

    Parameters
    ----------
    x : tensor or array
    axis : int, sequence of int or None, default=None
        None: all axes, the batch included.
    keepdims : bool, default=False
        Keep the axes, with length 1.

    Returns
    -------
    tensor or ndarray

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.sum([[1.0, 2.0], [3.0, 4.0]], axis=-1)
    array([3., 7.], dtype=float32)
    """
    x = symbol(x)
    return p.reduced(x, "sum", axis, keepdims, p.arithmetic_dtype(x))


@op
def mean(x: Any, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """Return the mean over axes; see `sum`."""
    x = symbol(x)
    return p.reduced(x, "mean", axis, keepdims, p.as_float(x))


@op
def average(x: Any, axis: p.Axis = None, weights: Any = None) -> Any:
    """Return the mean over axes, weighted if there are weights.

    These are of x's shape, of one that broadcasts, or one number for each place along a single axis.

    >>> average([1.0, 4.0], weights=[2.0, 1.0])
    array(2., dtype=float32)
    >>> average([[1.0, 2.0], [3.0, 4.0]], axis=0, weights=[1.0, 0.0])
    array([1., 2.], dtype=float32)
    """
    x = symbol(x)
    if weights is None:
        return p.reduced(x, "mean", axis, False, p.as_float(x))
    weights = symbol(weights)
    if isinstance(axis, int) and weights.ndim == 1:
        weights = p.alias(weights, (*weights.shape, *[1] * (x.ndim - 1 - p.normalized(axis, x.ndim))))
    w = p.binary(weights, p.binary(x, x, "equal"), "multiply", p.as_float(x))  # of x's shape
    total = p.reduced(p.binary(x, w, "multiply"), "sum", axis)
    return p.binary(total, p.reduced(w, "sum", axis), "divide", p.as_float(x))


@op
def max(x: Any, axis: p.Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the largest over axes; see `sum`. The gradient is shared by those that are equally large."""
    found = p.reduced(x, "max", axis, keepdims)
    return found if initial is None else p.binary(found, initial, "maximum")


@op
def amax(x: Any, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """Return the largest over axes; another name of `max`."""
    return p.reduced(x, "max", axis, keepdims)


@op
def min(x: Any, axis: p.Axis = None, keepdims: bool = False, initial: Any = None) -> Any:
    """Return the smallest over axes; see `sum`. The gradient is shared by those that are equally small."""
    found = p.reduced(x, "min", axis, keepdims)
    return found if initial is None else p.binary(found, initial, "minimum")


@op
def amin(x: Any, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """Return the smallest over axes; another name of `min`."""
    return p.reduced(x, "min", axis, keepdims)


@op
def prod(x: Any, axis: p.Axis = None, keepdims: bool = False, dtype: Any = None) -> Any:
    """Return the product over axes, not over the batch; see `sum`."""
    x = symbol(x)
    return p.reduced(x, "prod", axis, keepdims, p.arithmetic_dtype(x))


def _deviations(x: Symbol, axis: p.Axis) -> Symbol:
    """Return the squared distances from the mean over axes."""
    return p.unary(p.binary(x, p.reduced(x, "mean", axis, True, p.as_float(x)), "subtract"), "square")


@op
def var(x: Any, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """Return the variance over axes: the mean of the squared distances from the mean.

    >>> var([1.0, 3.0])
    array(1., dtype=float32)
    """
    return p.reduced(_deviations(symbol(x), axis), "mean", axis, keepdims)


@op
def std(x: Any, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """Return the standard deviation over axes, the square root of `var`."""
    return p.unary(p.reduced(_deviations(symbol(x), axis), "mean", axis, keepdims), "sqrt")


@op
def moments(x: Any, axes: p.Axis, keepdims: bool = False, synchronized: bool = False) -> Any:
    """Return the mean and the variance over axes."""
    x = symbol(x)
    mean = p.reduced(x, "mean", axes, keepdims, p.as_float(x))
    return mean, p.reduced(_deviations(x, axes), "mean", axes, keepdims)


def _place(x: Any, name: str, axis: int | None, keepdims: bool) -> Symbol:
    x = symbol(x)
    if axis is None:
        flat = p.reduced(
            p.alias(x, p.with_axes(x, (_product(x.axes),))), name, None if x.batched else 0, False, "int32"
        )
        return p.alias(flat, (1,) * x.ndim) if keepdims else flat
    return p.reduced(x, name, axis, keepdims, "int32")


@op
def argmax(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the place of the first of the largest along an axis, counted from 0; not along the batch.

    >>> argmax([[1.0, 5.0, 2.0]], axis=-1)
    array([1], dtype=int32)
    """
    return _place(x, "argmax", axis, keepdims)


@op
def argmin(x: Any, axis: int | None = None, keepdims: bool = False) -> Any:
    """Return the place of the first of the smallest along an axis, counted from 0; not along the batch."""
    return _place(x, "argmin", axis, keepdims)


@op
def any(x: Any, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """Whether one is not 0, over axes."""
    return p.reduced(p.binary(x, 0, "not_equal", "bool"), "max", axis, keepdims)


@op
def all(x: Any, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """Whether none is 0, over axes."""
    return p.reduced(p.binary(x, 0, "not_equal", "bool"), "min", axis, keepdims)


@op
def count_nonzero(x: Any, axis: p.Axis = None) -> Any:
    """Return how many are not 0, over axes."""
    return p.reduced(p.binary(x, 0, "not_equal", "bool"), "sum", axis, False, "int32")


@op
def logsumexp(x: Any, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """log(sum(exp(x))) over axes, without overflow.

    >>> logsumexp([1000.0, 1000.0])
    array(1000.6932, dtype=float32)
    """
    x = symbol(x)
    top = _still(p.reduced(x, "max", axis, True, p.as_float(x)))
    top = p.elementwise("where", (p.unary(top, "isfinite"), top, 0.0), top.dtype)
    total = p.reduced(p.unary(p.binary(x, top, "subtract"), "exp"), "sum", axis, True)
    result = p.binary(p.unary(total, "log"), top, "add")
    return result if keepdims else p.reduced(result, "sum", axis)


def _still(x: Symbol) -> Symbol:
    return x.recorder.symbol("stop_gradient", x.value, shape=x.shape, dtype=x.dtype)


@op
def norm(x: Any, ord: Any = None, axis: p.Axis = None, keepdims: bool = False) -> Any:
    """Return the norm of vectors.

    Parameters
    ----------
    x : tensor or array
    ord : {None, "fro", 1, 2, inf, -inf, 0} or float, default=None
        sum(abs(x)**ord)**(1/ord); None and "fro": the Euclidean norm of all elements.
    axis : int, sequence of int or None, default=None
        None: all axes, the batch included.
    keepdims : bool, default=False

    Returns
    -------
    tensor or ndarray

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.norm([3.0, 4.0])
    array(5., dtype=float32)
    """
    x = symbol(x)
    if ord not in {None, "fro"} and len(p.normalized_axes(axis, x.ndim)) != 1:
        raise ValueError(f"ops.norm: ord={ord!r} is defined along one axis here, got axis={axis} of shape {x.shape}")
    if ord in {None, "fro", 2}:
        return p.unary(p.reduced(p.unary(x, "square"), "sum", axis, keepdims), "sqrt")
    size = p.unary(x, "abs")
    if ord in {float("inf"), float("-inf")}:
        return p.reduced(size, "max" if ord > 0 else "min", axis, keepdims)
    if ord == 0:
        return p.reduced(p.binary(x, 0, "not_equal"), "sum", axis, keepdims, p.as_float(x))
    if ord == 1:
        return p.reduced(size, "sum", axis, keepdims)
    return p.binary(p.reduced(p.binary(size, ord, "power"), "sum", axis, keepdims), 1 / ord, "power")


@op
def normalize(x: Any, axis: int = -1, order: Any = 2, epsilon: float | None = None) -> Any:
    """x divided by its norm along an axis, which is taken to be at least `epsilon` (default 1e-7)."""
    x = symbol(x)
    size = norm(x, order, axis, True)
    return p.binary(x, p.binary(size, 1e-7 if epsilon is None else epsilon, "maximum"), "divide")
