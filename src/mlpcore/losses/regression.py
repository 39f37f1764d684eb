"""Losses of numbers as functions: one value for each position but the last axis, which they average over.

Targets and predictions have equal shapes (..., k); a missing or surplus last axis of length 1 is put right.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from mlpcore import _registry, ops
from mlpcore.losses.aligned import EPSILON, aligned, tensor


@_registry.built_in("losses", "mse", "MSE")
def mean_squared_error(y_true: Any, y_pred: Any) -> Any:
    """Return mean((y_true - y_pred) ** 2).

    Parameters
    ----------
    y_true, y_pred : tensors (..., k)

    Returns
    -------
    tensor (...)

    Examples
    --------
    >>> import numpy as np
    >>> mean_squared_error(np.array([[0.0, 2.0]]), np.array([[1.0, 2.0]]))
    array([0.5], dtype=float32)
    """
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.square(y_pred - y_true), axis=-1)


@_registry.built_in("losses", "mae", "MAE")
def mean_absolute_error(y_true: Any, y_pred: Any) -> Any:
    """Return mean(|y_true - y_pred|), (..., k) -> (...)."""
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(ops.abs(y_pred - y_true), axis=-1)


@_registry.built_in("losses", "mape", "MAPE")
def mean_absolute_percentage_error(y_true: Any, y_pred: Any) -> Any:
    """Return 100 * mean(|y_true - y_pred| / max(|y_true|, 1e-7)), (..., k) -> (...)."""
    y_true, y_pred = aligned(y_true, y_pred)
    return 100.0 * ops.mean(ops.abs((y_true - y_pred) / ops.maximum(ops.abs(y_true), EPSILON)), axis=-1)


@_registry.built_in("losses", "msle", "MSLE")
def mean_squared_logarithmic_error(y_true: Any, y_pred: Any) -> Any:
    """Return mean((log(1 + y_true) - log(1 + y_pred)) ** 2), negative numbers taken as 1e-7; (..., k) -> (...)."""
    y_true, y_pred = aligned(y_true, y_pred)
    logs = [ops.log(ops.maximum(y, EPSILON) + 1.0) for y in (y_true, y_pred)]
    return ops.mean(ops.square(logs[1] - logs[0]), axis=-1)


@_registry.built_in("losses")
def huber(y_true: Any, y_pred: Any, delta: float = 1.0) -> Any:
    """Return the mean of e ** 2 / 2 where |e| <= delta, else delta * |e| - delta ** 2 / 2; e = y_pred - y_true.

    Parameters
    ----------
    y_true, y_pred : tensors (..., k)
    delta : float, default 1.0
        Where the parabola goes over into a straight line.

    Returns
    -------
    tensor (...)
    """
    y_true, y_pred = aligned(y_true, y_pred)
    size = ops.abs(y_pred - y_true)
    inner = ops.minimum(size, delta)
    return ops.mean(inner * (size - 0.5 * inner), axis=-1)


@_registry.built_in("losses", "logcosh")
def log_cosh(y_true: Any, y_pred: Any) -> Any:
    """Return mean(log(cosh(y_pred - y_true))), (..., k) -> (...)."""
    y_true, y_pred = aligned(y_true, y_pred)
    size = ops.abs(y_pred - y_true)
    return ops.mean(size + ops.softplus(-2.0 * size) - math.log(2), axis=-1)


@_registry.built_in("losses")
def poisson(y_true: Any, y_pred: Any) -> Any:
    """Return mean(y_pred - y_true * log(y_pred + 1e-7)), (..., k) -> (...)."""
    y_true, y_pred = aligned(y_true, y_pred)
    return ops.mean(y_pred - y_true * ops.log(y_pred + EPSILON), axis=-1)


@_registry.built_in("losses", "kld", "KLD", "kullback_leibler_divergence")
def kl_divergence(y_true: Any, y_pred: Any) -> Any:
    """Return sum(y_true * log(y_true / y_pred)), both clipped to [1e-7, 1]; (..., k) -> (...)."""
    y_true, y_pred = (ops.clip(y, EPSILON, 1.0) for y in aligned(y_true, y_pred))
    return ops.sum(y_true * ops.log(y_true / y_pred), axis=-1)


@_registry.built_in("losses")
def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Return minus the cosine of the angle between y_true and y_pred along `axis`: -1 is alike.

    Parameters
    ----------
    y_true, y_pred : tensors of equal shapes
    axis : int, default -1
        The axis of the vectors.

    Returns
    -------
    tensor without that axis
    """
    return -ops.sum(unit(y_true, y_pred, axis), axis=axis)


def unit(y_true: Any, y_pred: Any, axis: int) -> Any:
    """Return the product of both, each divided by its norm along `axis`; vectors shorter than 1e-7 by 1e-7."""
    y_true, y_pred = aligned(y_true, y_pred)
    squares = [ops.sum(ops.square(y), axis=axis, keepdims=True) for y in (y_true, y_pred)]
    norms = [ops.sqrt(ops.maximum(square, EPSILON**2)) for square in squares]
    return (y_true / norms[0]) * (y_pred / norms[1])


@_registry.built_in("losses", "pinball")
def quantile(y_true: Any, y_pred: Any, quantiles: Any = 0.5) -> Any:
    """Return mean(max(q * e, (q - 1) * e)), e = y_true - y_pred: the pinball loss.

    Parameters
    ----------
    y_true : tensor (..., t)
    y_pred : tensor (..., t * number of quantiles)
        Column i * number of quantiles + j is quantile j of target i.
    quantiles : float or sequence of float in (0, 1), default 0.5

    Returns
    -------
    tensor (...)

    Examples
    --------
    >>> import numpy as np
    >>> quantile(np.array([[10.0]]), np.array([[8.0, 9.0]]), (0.1, 0.9)).round(3)
    array([0.55], dtype=float32)
    """
    levels = list(quantiles) if np.ndim(quantiles) else [quantiles]
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    if len(y_true.shape) < len(y_pred.shape):
        y_true = ops.expand_dims(y_true, axis=-1)
    if len(levels) > 1:
        y_true = ops.repeat(y_true, len(levels), axis=-1)
    y_true, y_pred = aligned(y_true, y_pred)
    tau = np.tile(np.asarray(levels, np.float32), y_pred.shape[-1] // len(levels))
    error = y_true - y_pred
    return ops.mean(ops.maximum(tau * error, (tau - 1) * error), axis=-1)
