"""Losses of classes as functions: cross entropies of probabilities or logits, their focal forms, and hinges."""

from __future__ import annotations

from typing import Any

from mlpcore import _registry, ops
from mlpcore.losses.aligned import EPSILON, aligned, tensor


@_registry.built_in("losses", "bce", "BCE")
def binary_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Return mean(-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred)) along `axis`.

    Parameters
    ----------
    y_true : tensor (..., k)
        0 or 1, or between.
    y_pred : tensor (..., k)
        Probabilities, clipped to [1e-7, 1 - 1e-7]; or logits.
    from_logits : bool, default False
        Whether y_pred are logits: log(p / (1 - p)), which are never clipped.
    label_smoothing : float in [0, 1], default 0.0
        s moves the targets to (1 - s) * y_true + s / 2.
    axis : int, default -1

    Returns
    -------
    tensor (...)

    Examples
    --------
    >>> import numpy as np
    >>> binary_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.5, 0.25]])).round(4)
    array([1.0397], dtype=float32)
    """
    y_true, y_pred = aligned(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    if from_logits:
        return ops.mean(ops.softplus(y_pred) - y_true * y_pred, axis=axis)
    return ops.mean(_binary_entropy(y_true, y_pred), axis=axis)


@_registry.built_in("losses")
def binary_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    apply_class_balancing: bool = False,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return the binary cross entropy with each element times (1 - p_t) ** gamma, p_t the probability of its target.

    Parameters
    ----------
    y_true, y_pred, from_logits, label_smoothing, axis
        See `binary_crossentropy`.
    apply_class_balancing : bool, default False
        Weigh target 1 by `alpha` and target 0 by 1 - alpha.
    alpha : float, default 0.25
    gamma : float, default 2.0
        0: the plain cross entropy.

    Returns
    -------
    tensor (...)
    """
    y_true, y_pred = aligned(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, 2)
    p = ops.sigmoid(y_pred) if from_logits else y_pred
    not_p_t = p + y_true - 2.0 * y_true * p
    loss = not_p_t**gamma * _binary_entropy(y_true, p)
    if apply_class_balancing:
        loss = (y_true * alpha + (1.0 - y_true) * (1 - alpha)) * loss
    return ops.mean(loss, axis=axis)


@_registry.built_in("losses")
def categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1
) -> Any:
    """Return -sum(y_true * log(y_pred)) along `axis`.

    Parameters
    ----------
    y_true : tensor (..., k)
        One-hot rows, or probabilities.
    y_pred : tensor (..., k)
        Probabilities, divided by their sum and clipped to [1e-7, 1 - 1e-7]; or logits.
    from_logits : bool, default False
        Whether y_pred are logits: the probabilities are softmax(y_pred).
    label_smoothing : float in [0, 1], default 0.0
        s moves the targets to (1 - s) * y_true + s / k.
    axis : int, default -1

    Returns
    -------
    tensor (...)

    Examples
    --------
    >>> import numpy as np
    >>> categorical_crossentropy(np.array([[0.0, 1.0]]), np.array([[0.75, 0.25]])).round(4)
    array([1.3863], dtype=float32)
    """
    y_true, y_pred = aligned(y_true, y_pred, hint="; for class indices there is sparse_categorical_crossentropy")
    y_true = _smoothed(y_true, label_smoothing, y_pred.shape[axis])
    return -ops.sum(y_true * _log_probabilities(y_pred, from_logits, axis), axis=axis)


@_registry.built_in("losses")
def categorical_focal_crossentropy(
    y_true: Any,
    y_pred: Any,
    alpha: float = 0.25,
    gamma: float = 2.0,
    from_logits: bool = False,
    label_smoothing: float = 0.0,
    axis: int = -1,
) -> Any:
    """Return -sum(alpha * (1 - y_pred) ** gamma * y_true * log(y_pred)) along `axis`.

    Parameters
    ----------
    y_true, y_pred, from_logits, label_smoothing, axis
        See `categorical_crossentropy`.
    alpha : float, default 0.25
    gamma : float, default 2.0

    Returns
    -------
    tensor (...)
    """
    y_true, y_pred = aligned(y_true, y_pred)
    y_true = _smoothed(y_true, label_smoothing, y_pred.shape[axis])
    p = _clipped(_shares(ops.softmax(y_pred, axis=axis) if from_logits else y_pred, axis))
    return -ops.sum(alpha * (1.0 - p) ** gamma * y_true * ops.log(p), axis=axis)


@_registry.built_in("losses")
def sparse_categorical_crossentropy(
    y_true: Any, y_pred: Any, from_logits: bool = False, ignore_class: int | None = None, axis: int = -1
) -> Any:
    """Return -log(y_pred[y_true]): the cross entropy of class indices.

    Parameters
    ----------
    y_true : tensor of integers (...) or (..., 1)
        0 <= y_true < k.
    y_pred : tensor (..., k)
        Probabilities or logits, as in `categorical_crossentropy`.
    from_logits : bool, default False
    ignore_class : int, optional
        Positions of this class have loss 0.
    axis : int, default -1
        The last one.

    Returns
    -------
    tensor (...)
        NaN where y_true is no class.

    Examples
    --------
    >>> import numpy as np
    >>> sparse_categorical_crossentropy(np.array([1]), np.array([[0.75, 0.25]])).round(4)
    array([1.3863], dtype=float32)
    """
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    if axis not in (-1, len(y_pred.shape) - 1):
        raise ValueError(f"sparse_categorical_crossentropy works along the last axis, got axis={axis}")
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    if len(y_true.shape) + 1 != len(y_pred.shape) or tuple(y_true.shape[1:]) != tuple(y_pred.shape[1:-1]):
        raise ValueError(
            f"class indices of shape {tuple(y_true.shape)} do not fit probabilities of shape {tuple(y_pred.shape)}; "
            "one-hot targets belong to categorical_crossentropy"
        )
    ignored = None if ignore_class is None else ops.equal(y_true, ignore_class)
    one_hot = ops.one_hot(y_true if ignored is None else ops.where(ignored, 0, y_true), y_pred.shape[-1])
    logs = ops.sum(one_hot * _log_probabilities(y_pred, from_logits, -1), axis=-1)
    loss = -ops.divide(logs, ops.sum(one_hot, axis=-1))  # 0 / 0 for a class that there is not
    return loss if ignored is None else ops.where(ignored, 0.0, loss)


@_registry.built_in("losses")
def hinge(y_true: Any, y_pred: Any) -> Any:
    """Return mean(max(0, 1 - s * y_pred)), s = 1 where y_true > 0, else -1: targets 0 and 1, or -1 and 1."""
    return ops.mean(_margin(y_true, y_pred), axis=-1)


@_registry.built_in("losses")
def squared_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return mean(max(0, 1 - s * y_pred) ** 2), s = 1 where y_true > 0, else -1: targets 0 and 1, or -1 and 1."""
    return ops.mean(ops.square(_margin(y_true, y_pred)), axis=-1)


@_registry.built_in("losses")
def categorical_hinge(y_true: Any, y_pred: Any) -> Any:
    """Return max(0, 1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred)) along the last axis, for one-hot targets."""
    y_true, y_pred = aligned(y_true, y_pred)
    own = ops.sum(y_true * y_pred, axis=-1)
    others = ops.max((1.0 - y_true) * y_pred, axis=-1)
    return ops.maximum(others - own + 1.0, 0.0)


def _smoothed(y_true: Any, smoothing: float, n_classes: int) -> Any:
    return (1.0 - smoothing) * y_true + smoothing / n_classes if smoothing else y_true


def _clipped(p: Any) -> Any:
    return ops.clip(p, EPSILON, 1.0 - EPSILON)


def _shares(p: Any, axis: int) -> Any:
    return ops.divide(p, ops.sum(p, axis=axis, keepdims=True))


def _log_probabilities(y_pred: Any, from_logits: bool, axis: int) -> Any:
    if from_logits:
        return ops.log_softmax(y_pred, axis=axis)
    return ops.log(_clipped(_shares(y_pred, axis)))


def _binary_entropy(y_true: Any, p: Any) -> Any:
    p = _clipped(p)
    return -(y_true * ops.log(p) + (1.0 - y_true) * ops.log(1.0 - p))


def _margin(y_true: Any, y_pred: Any) -> Any:
    y_true, y_pred = aligned(y_true, y_pred)
    sign = ops.where(ops.greater(y_true, 0.0), 1.0, -1.0)
    return ops.maximum(1.0 - sign * y_pred, 0.0)
