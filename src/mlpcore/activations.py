"""Activation functions by Keras' names, written with `mlpcore.ops`.

Each takes a tensor of any shape and works element by element, except `softmax`, `log_softmax`, `sparsemax` and `glu`,
which work along an axis. An array comes back as an array.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from mlpcore import _registry, ops

Activation: TypeAlias = Callable[[Any], Any]
ActivationLike: TypeAlias = "str | Mapping[str, Any] | Activation | None"


@_registry.built_in("activations")
def linear(x: Any) -> Any:
    """Return `x` itself.

    >>> float(linear(3.0))
    3.0
    """
    return x


@_registry.built_in("activations")
def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Return ``max(x, 0)``.

    Parameters
    ----------
    x : tensor
    negative_slope : float, default 0
        Below `threshold` the value is ``negative_slope * (x - threshold)``.
    max_value : float, optional
        The largest value.
    threshold : float, default 0
        The values up to here are cut.

    Returns
    -------
    tensor

    Examples
    --------
    >>> import numpy as np
    >>> relu(np.array([-1.0, 2.0], np.float32))
    array([0., 2.], dtype=float32)
    """
    if not threshold:
        y = ops.leaky_relu(x, negative_slope) if negative_slope else ops.relu(x)
    else:
        y = ops.where(x > threshold, x, negative_slope * (x - threshold))
    return y if max_value is None else ops.minimum(y, max_value)


@_registry.built_in("activations")
def leaky_relu(x: Any, negative_slope: float = 0.2) -> Any:
    """Return x where it is positive, else ``negative_slope * x``.

    >>> float(leaky_relu(-5.0))
    -1.0
    """
    return ops.leaky_relu(x, negative_slope)


@_registry.built_in("activations")
def relu6(x: Any) -> Any:
    """Return ``min(max(x, 0), 6)``.

    >>> float(relu6(8.0))
    6.0
    """
    return ops.relu6(x)


@_registry.built_in("activations")
def sigmoid(x: Any) -> Any:
    """Return ``1 / (1 + exp(-x))``.

    >>> float(sigmoid(0.0))
    0.5
    """
    return ops.sigmoid(x)


@_registry.built_in("activations")
def hard_sigmoid(x: Any) -> Any:
    """Return ``min(max(x / 6 + 1/2, 0), 1)``.

    >>> float(hard_sigmoid(1.5))
    0.75
    """
    return ops.hard_sigmoid(x)


@_registry.built_in("activations")
def sparse_sigmoid(x: Any) -> Any:
    """Return ``min(max((x + 1) / 2, 0), 1)``.

    >>> float(sparse_sigmoid(0.5))
    0.75
    """
    return ops.clip(0.5 * x + 0.5, 0.0, 1.0)


@_registry.built_in("activations")
def log_sigmoid(x: Any) -> Any:
    """Return ``log(sigmoid(x))`` without loss of digits.

    >>> float(log_sigmoid(-100.0))
    -100.0
    """
    return ops.log_sigmoid(x)


@_registry.built_in("activations")
def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent.

    >>> float(tanh(0.0))
    0.0
    """
    return ops.tanh(x)


@_registry.built_in("activations")
def hard_tanh(x: Any) -> Any:
    """Return ``min(max(x, -1), 1)``.

    >>> float(hard_tanh(5.0))
    1.0
    """
    return ops.hard_tanh(x)


@_registry.built_in("activations")
def tanh_shrink(x: Any) -> Any:
    """Return ``x - tanh(x)``.

    >>> float(tanh_shrink(0.0))
    0.0
    """
    return ops.tanh_shrink(x)


@_registry.built_in("activations")
def exponential(x: Any) -> Any:
    """Return ``exp(x)``.

    >>> float(exponential(0.0))
    1.0
    """
    return ops.exp(x)


@_registry.built_in("activations")
def elu(x: Any, alpha: float = 1.0) -> Any:
    """Return x where it is positive, else ``alpha * (exp(x) - 1)``.

    >>> float(elu(-100.0))
    -1.0
    """
    return ops.elu(x, alpha)


@_registry.built_in("activations")
def selu(x: Any) -> Any:
    """Return ``scale * elu(x, alpha)`` with the constants that keep means and variances [1]_.

    References
    ----------
    .. [1] G. Klambauer et al., "Self-normalizing neural networks", 2017.
    """
    return ops.selu(x)


@_registry.built_in("activations")
def celu(x: Any, alpha: float = 1.0) -> Any:
    """Return ``max(x, 0) + min(alpha * (exp(x / alpha) - 1), 0)``.

    >>> float(celu(-100.0, alpha=2.0))
    -2.0
    """
    return ops.celu(x, alpha)


@_registry.built_in("activations")
def softplus(x: Any) -> Any:
    """Return ``log(1 + exp(x))``."""
    return ops.softplus(x)


@_registry.built_in("activations")
def sparse_plus(x: Any) -> Any:
    """Return 0 below -1, ``(x + 1)^2 / 4`` up to 1, x above.

    >>> float(sparse_plus(0.0))
    0.25
    """
    return ops.where(x >= 1.0, x, 0.25 * ops.square(ops.maximum(x, -1.0) + 1.0))


@_registry.built_in("activations")
def squareplus(x: Any, b: float = 4) -> Any:
    """Return ``(x + sqrt(x^2 + b)) / 2``.

    >>> float(squareplus(0.0))
    1.0
    """
    return ops.squareplus(x, b)


@_registry.built_in("activations")
def softsign(x: Any) -> Any:
    """Return ``x / (1 + |x|)``.

    >>> float(softsign(1.0))
    0.5
    """
    return ops.softsign(x)


@_registry.built_in("activations")
def soft_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return x moved by `threshold` towards 0, and 0 where it would pass it.

    >>> float(soft_shrink(2.0))
    1.5
    """
    return ops.soft_shrink(x, threshold)


@_registry.built_in("activations")
def hard_shrink(x: Any, threshold: float = 0.5) -> Any:
    """Return x where ``|x| > threshold``, else 0.

    >>> float(hard_shrink(0.25))
    0.0
    """
    return ops.hard_shrink(x, threshold)


@_registry.built_in("activations")
def threshold(x: Any, threshold: float, default_value: float) -> Any:
    """Return x where it exceeds `threshold`, else `default_value`.

    >>> float(threshold(0.5, 1.0, -2.0))
    -2.0
    """
    return ops.threshold(x, threshold, default_value)


@_registry.built_in("activations", "swish")
def silu(x: Any) -> Any:
    """Return ``x * sigmoid(x)``.

    >>> float(silu(0.0))
    0.0
    """
    return ops.silu(x)


@_registry.built_in("activations", "hard_swish")
def hard_silu(x: Any) -> Any:
    """Return ``x * hard_sigmoid(x)``.

    >>> float(hard_silu(3.0))
    3.0
    """
    return ops.hard_silu(x)


@_registry.built_in("activations")
def gelu(x: Any, approximate: bool = False) -> Any:
    """Return x times the standard normal's distribution function at x.

    Parameters
    ----------
    x : tensor
    approximate : bool, default False
        Use ``x / 2 * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3)))``.

    Returns
    -------
    tensor
    """
    return ops.gelu(x, approximate)


@_registry.built_in("activations")
def mish(x: Any) -> Any:
    """Return ``x * tanh(softplus(x))``.

    >>> float(mish(0.0))
    0.0
    """
    return ops.mish(x)


@_registry.built_in("activations")
def glu(x: Any, axis: int = -1) -> Any:
    """Return ``a * sigmoid(b)``, where a and b are the halves of x along an axis."""
    return ops.glu(x, axis)


@_registry.built_in("activations")
def softmax(x: Any, axis: int = -1) -> Any:
    """Return ``exp(x) / sum exp(x)`` along an axis: positive numbers that sum to 1.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.array([[0.0, 0.0], [0.0, 800.0]], np.float32))
    array([[0.5, 0.5],
           [0. , 1. ]], dtype=float32)
    """
    return ops.softmax(x, axis=axis)


@_registry.built_in("activations")
def log_softmax(x: Any, axis: int = -1) -> Any:
    """Return ``log(softmax(x))`` without loss of digits."""
    return ops.log_softmax(x, axis=axis)


@_registry.built_in("activations")
def sparsemax(x: Any, axis: int = -1) -> Any:
    """Return the nearest point with non-negative numbers of sum 1 along an axis; of far ones, most are 0.

    Examples
    --------
    >>> import numpy as np
    >>> sparsemax(np.array([[1.0, 0.5, -1.0]], np.float32))
    array([[0.75, 0.25, 0.  ]], dtype=float32)
    """
    return ops.sparsemax(x, axis=axis)


swish, hard_swish = silu, hard_silu


def is_built_in(activation: Any) -> bool:
    """Tell whether an activation is one of this module's, which depends on nothing but its arguments."""
    return bool(getattr(activation, "__module__", "") == __name__)


def get(identifier: ActivationLike) -> Activation:
    """Return the activation that a name, config or function means; None means `linear`.

    Examples
    --------
    >>> get("relu") is relu, get(None) is linear
    (True, True)
    >>> get("rleu")
    Traceback (most recent call last):
        ...
    ValueError: unknown activation 'rleu'; did you mean 'relu'?
    """
    found: Activation = linear if identifier is None else _registry.get("activations", identifier)
    return found


def serialize(activation: Any) -> Any:
    """Return an activation as plain data: a built-in function's name, else a dict."""
    return _registry.serialize_object(activation)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the activation that `serialize` described."""
    return linear if config is None else _registry.get("activations", config, custom_objects)
