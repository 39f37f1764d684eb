"""Cross-entropies as ops, one number per row (or element): for losses of your own."""

from __future__ import annotations

from typing import Any

from mlpcore._tensor import Symbol
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol
from mlpcore.ops.nonlinear import log_softmax
from mlpcore.ops.products import one_hot

_EPSILON = 1e-7  # probabilities are kept within [_EPSILON, 1 - _EPSILON], as Keras does


def _clipped(x: Symbol) -> Symbol:
    return p.binary(p.binary(x, _EPSILON, "maximum"), 1 - _EPSILON, "minimum")


@op
def binary_crossentropy(target: Any, output: Any, from_logits: bool = False) -> Any:
    """-target log(output) - (1 - target) log(1 - output), elementwise.

    Parameters
    ----------
    target, output : tensor or array
        Of equal shapes; `output` holds probabilities, or logits.
    from_logits : bool, default=False

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.binary_crossentropy([1.0, 0.0], [0.5, 0.5])
    array([0.6931472, 0.6931472], dtype=float32)
    """
    y, x = symbol(target), symbol(output)
    if from_logits:  # max(x, 0) - x y + log(1 + exp(-|x|))
        return p.binary(p.activation(x, "softplus"), p.binary(x, y, "multiply"), "subtract")
    x = _clipped(x)
    ones = p.binary(y, p.unary(x, "log"), "multiply")
    zeros = p.binary(p.binary(1.0, y, "subtract"), p.unary(p.binary(1.0, x, "subtract"), "log"), "multiply")
    return p.unary(p.binary(ones, zeros, "add"), "negative")


@op
def categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-sum(target log(output)) along the last axis; probabilities are divided by their sum first, as Keras does.

    Parameters
    ----------
    target, output : tensor or array
        Shape (..., classes); `output` holds probabilities, or logits.
    from_logits : bool, default=False
    axis : int, default=-1

    Returns
    -------
    tensor or ndarray
        Shape (...).
    """
    y, x = symbol(target), symbol(output)
    if from_logits:
        logs = log_softmax(x, axis)
    else:
        total = p.reduced(x, "sum", axis, True)
        logs = p.unary(_clipped(p.binary(x, total, "divide")), "log")
    return p.unary(p.reduced(p.binary(y, logs, "multiply"), "sum", axis), "negative")


@op
def sparse_categorical_crossentropy(target: Any, output: Any, from_logits: bool = False, axis: int = -1) -> Any:
    """-log(output of the class that target names) along the last axis; see `categorical_crossentropy`.

    Parameters
    ----------
    target : int tensor or array
        Shape (...) or (..., 1): numbers of classes.
    output : tensor or array
        Shape (..., classes).

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.sparse_categorical_crossentropy([1], [[0.5, 0.5]])
    array([0.6931472], dtype=float32)
    """
    y, x = symbol(target), symbol(output)
    if p.normalized(axis, x.ndim) != x.ndim - 1:
        raise ValueError(f"ops.sparse_categorical_crossentropy: the classes are the last axis, got axis {axis}")
    if y.ndim == x.ndim and y.shape[-1] == 1:
        y = p.alias(y, y.shape[:-1])
    return categorical_crossentropy(one_hot(y, x.axes[-1]), x, from_logits, axis)
