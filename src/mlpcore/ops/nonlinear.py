"""Activation functions."""

from __future__ import annotations

from math import pi, sqrt
from typing import Any

from mlpcore._tensor import Symbol
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol
from mlpcore.ops.reductions import logsumexp
from mlpcore.ops.shapes import transpose


@op
def relu(x: Any) -> Any:
    """max(x, 0).

    >>> relu([-1.0, 2.0])
    array([0., 2.], dtype=float32)
    """
    return p.activation(x, "relu")


@op
def relu6(x: Any) -> Any:
    """min(max(x, 0), 6)."""
    return p.binary(p.activation(x, "relu"), 6.0, "minimum")


@op
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    return p.activation(x, "logistic")


@op
def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    return p.activation(x, "tanh")


@op
def elu(x: Any, alpha: float = 1.0) -> Any:
    """x above 0, alpha (exp(x) - 1) below."""
    if alpha < 0:
        return _branches(x, p.binary(p.unary(p.binary(x, 0.0, "minimum"), "expm1"), alpha, "multiply"))
    return p.activation(x, "elu", float(alpha))


@op
def selu(x: Any) -> Any:
    """1.0507 times `elu` with alpha = 1.6733, which keeps mean 0 and variance 1 (Klambauer et al. 2017)."""
    return p.activation(x, "selu")


@op
def celu(x: Any, alpha: float = 1.0) -> Any:
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1))."""
    return p.binary(p.activation(p.binary(x, 1 / alpha, "multiply"), "elu", 1.0), alpha, "multiply")


@op
def gelu(x: Any, approximate: bool = True) -> Any:
    """x times the share of a standard normal below x (Hendrycks & Gimpel 2016); `approximate`: by tanh."""
    if not approximate:
        return p.activation(x, "gelu")
    x = symbol(x)
    cube = p.binary(p.binary(p.unary(x, "square"), x, "multiply"), 0.044715, "multiply")
    inner = p.binary(p.binary(x, cube, "add"), sqrt(2 / pi), "multiply")
    return p.binary(p.binary(x, 0.5, "multiply"), p.binary(p.activation(inner, "tanh"), 1.0, "add"), "multiply")


@op
def silu(x: Any) -> Any:
    """x / (1 + exp(-x)), also called swish."""
    return p.activation(x, "silu")


@op
def swish(x: Any) -> Any:
    """x / (1 + exp(-x)); another name of `silu`."""
    return p.activation(x, "silu")


@op
def mish(x: Any) -> Any:
    """x tanh(log(1 + exp(x)))."""
    return p.activation(x, "mish")


@op
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """x above 0, negative_slope x below."""
    if negative_slope < 0:
        return _branches(x, p.binary(x, negative_slope, "multiply"))
    return p.activation(x, "leaky_relu", float(negative_slope))


def _branches(x: Any, below: Any) -> Any:
    """x above 0, else `below`. The kernels tell the two apart by the result's sign: not where both are positive."""
    x = symbol(x)
    return p.elementwise("where", (p.binary(x, 0.0, "greater"), x, below), p.as_float(x))


@op
def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    return p.activation(x, "softplus")


@op
def softsign(x: Any) -> Any:
    """x / (1 + |x|)."""
    return p.activation(x, "softsign")


@op
def hard_sigmoid(x: Any) -> Any:
    """x / 6 + 1/2, kept between 0 and 1."""
    return p.activation(x, "hard_sigmoid")


@op
def hard_silu(x: Any) -> Any:
    """x times `hard_sigmoid`."""
    x = symbol(x)
    return p.binary(x, p.activation(x, "hard_sigmoid"), "multiply")


@op
def hard_swish(x: Any) -> Any:
    """x times `hard_sigmoid`; another name of `hard_silu`."""
    return hard_silu(x)


@op
def hard_tanh(x: Any) -> Any:
    """x, kept between -1 and 1."""
    return p.binary(p.binary(x, -1.0, "maximum"), 1.0, "minimum")


@op
def log_sigmoid(x: Any) -> Any:
    """log(1 / (1 + exp(-x)))."""
    return p.unary(p.activation(p.unary(x, "negative"), "softplus"), "negative")


@op
def tanh_shrink(x: Any) -> Any:
    """x - tanh(x)."""
    x = symbol(x)
    return p.binary(x, p.activation(x, "tanh"), "subtract")


@op
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x moved towards 0 by the threshold; 0 within it."""
    x = symbol(x)
    above = p.activation(p.binary(x, threshold, "subtract"), "relu")
    below = p.activation(p.binary(p.unary(x, "negative"), threshold, "subtract"), "relu")
    return p.binary(above, below, "subtract")


@op
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """x where |x| is above the threshold, else 0."""
    x = symbol(x)
    return p.elementwise("where", (p.binary(p.unary(x, "abs"), threshold, "greater"), x, 0.0), p.as_float(x))


@op
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """x above the threshold, else `default_value`."""
    x = symbol(x)
    return p.elementwise("where", (p.binary(x, threshold, "greater"), x, default_value), p.as_float(x))


@op
def squareplus(x: Any, b: float = 4.0) -> Any:
    """(x + sqrt(x^2 + b)) / 2."""
    x = symbol(x)
    root = p.unary(p.binary(p.unary(x, "square"), b, "add"), "sqrt")
    return p.binary(p.binary(x, root, "add"), 0.5, "multiply")


@op
def glu(x: Any, axis: int = -1) -> Any:
    """Return the first half along an axis times the sigmoid of the second."""
    x = symbol(x)
    place = p.row_axis(x, axis, "ops.glu")
    n = x.axes[place]
    if n % 2:
        raise ValueError(f"ops.glu: axis {axis} of shape {x.shape} cannot be halved")
    strides = p.strides_of(x.axes)
    dims = [*x.axes[:place], n // 2, *x.axes[place + 1 :]]
    first, second = (p.view(x, dims, strides, start * strides[place], dims) for start in (0, n // 2))
    return p.binary(first, p.activation(second, "logistic"), "multiply")


@op
def softmax(x: Any, axis: int = -1) -> Any:
    """exp(x) / sum(exp(x)) along an axis, without overflow; not along the batch.

    >>> softmax([0.0, 0.0])
    array([0.5, 0.5], dtype=float32)
    """
    x = symbol(x)
    place = p.row_axis(x, axis, "ops.softmax")
    if place == len(x.axes) - 1:
        return _softmax(x)
    order = list(range(x.ndim))
    where = p.normalized(axis, x.ndim)
    order[where], order[-1] = order[-1], order[where]
    return transpose(_softmax(transpose(x, order)), order)


def _softmax(x: Symbol) -> Symbol:
    last = x.axes[-1] if len(x.axes) > 1 else 0
    return x.recorder.symbol("activation", x.value, "softmax", None, last, shape=x.shape, dtype=p.as_float(x))


@op
def log_softmax(x: Any, axis: int = -1) -> Any:
    """Return the logarithm of `softmax`, without overflow."""
    x = symbol(x)
    p.row_axis(x, axis, "ops.log_softmax")
    return p.binary(x, logsumexp(x, axis, True), "subtract")


@op
def sparsemax(x: Any, axis: int = -1) -> Any:
    """Return the point with non-negative numbers of sum 1 along an axis that is nearest to x [1]_; not along the batch.

    It takes n * n comparisons for n elements. Keras 3.15 agrees only where a single number is not 0: it adds up
    cumulative sums instead of taking the last.

    References
    ----------
    .. [1] A. Martins and R. Astudillo, "From softmax to sparsemax", 2016, equations 3 to 6.

    Examples
    --------
    >>> sparsemax([1.0, 0.5, -1.0])
    array([0.75, 0.25, 0.  ], dtype=float32)
    """
    x = symbol(x)
    place = p.row_axis(x, axis, "ops.sparsemax") + x.batched
    order = [k for k in range(x.ndim) if k != place] + [place]
    moved = symbol(transpose(x, order))
    shape = moved.shape
    above = p.binary(p.alias(moved, (*shape[:-1], 1, shape[-1])), p.alias(moved, (*shape, 1)), "subtract")
    excess = p.reduced(p.activation(above, "relu"), "sum", -1)  # of each element: by how much others exceed it
    chosen = p.binary(excess, 1.0, "less", "bool")
    total = p.reduced(p.binary(chosen, moved, "multiply", moved.dtype), "sum", -1, True)
    threshold = p.binary(p.binary(total, 1.0, "subtract"), p.reduced(chosen, "sum", -1, True), "divide")
    y = p.activation(p.binary(moved, threshold, "subtract"), "relu")
    return transpose(y, [order.index(k) for k in range(x.ndim)])
