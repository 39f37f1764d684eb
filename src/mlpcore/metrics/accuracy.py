"""Accuracies: how often a prediction is right."""

from __future__ import annotations

from typing import Any

from mlpcore import _registry, ops
from mlpcore.losses.aligned import aligned, tensor
from mlpcore.metrics.reduction import FormulaMetric


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1.0 where y_true == y_pred, else 0.0."""
    return _matches(*aligned(y_true, y_pred))


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Return 1.0 where y_true == (y_pred > threshold), else 0.0."""
    y_true, y_pred = aligned(y_true, y_pred)
    return _matches(y_true, ops.cast(ops.greater(y_pred, threshold), "float32"))


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1.0 where the largest of y_true and of y_pred along the last axis are in the same place, else 0.0."""
    y_true, y_pred = aligned(y_true, y_pred)
    return _matches(ops.argmax(y_true, axis=-1), ops.argmax(y_pred, axis=-1))


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return 1.0 where y_pred (..., k) is largest at the class index y_true (...) or (..., 1), else 0.0."""
    y_true, y_pred = _indices(y_true, y_pred)
    return _matches(y_true, ops.argmax(y_pred, axis=-1))


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Return 1.0 where less than k of y_pred are larger than that of the class of y_true (one-hot), else 0.0."""
    y_true, y_pred = aligned(y_true, y_pred)
    return _in_top_k(ops.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Return 1.0 where less than k of y_pred are larger than that of the class index y_true, else 0.0."""
    return _in_top_k(*_indices(y_true, y_pred), k)


def _matches(a: Any, b: Any) -> Any:
    return ops.cast(ops.equal(a, b), "float32")


def _indices(y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    y_true, y_pred = tensor(y_true), tensor(y_pred)
    if len(y_true.shape) == len(y_pred.shape) and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, axis=-1)
    if len(y_true.shape) + 1 != len(y_pred.shape):
        raise ValueError(
            f"class indices of shape {tuple(y_true.shape)} do not fit predictions of shape {tuple(y_pred.shape)}"
        )
    return y_true, y_pred


def _in_top_k(y_true: Any, y_pred: Any, k: int) -> Any:
    own = ops.sum(ops.one_hot(y_true, y_pred.shape[-1]) * y_pred, axis=-1, keepdims=True)
    larger = ops.sum(ops.cast(ops.greater(y_pred, own), "float32"), axis=-1)
    return ops.cast(ops.less(larger, float(k)), "float32")


@_registry.built_in("metrics")
class Accuracy(FormulaMetric):
    """How often y_true == y_pred.

    Parameters
    ----------
    name : str, default "accuracy"
    dtype : str, optional

    Examples
    --------
    >>> Accuracy()([1, 2, 3, 4], [0, 2, 3, 4])
    0.75
    """

    function = staticmethod(accuracy)
    _direction = "up"


@_registry.built_in("metrics")
class BinaryAccuracy(FormulaMetric):
    """How often y_true == (y_pred > threshold).

    Parameters
    ----------
    name : str, default "binary_accuracy"
    dtype : str, optional
    threshold : float, default 0.5

    Examples
    --------
    >>> BinaryAccuracy()([[1], [1], [0], [0]], [[0.98], [1], [0], [0.6]])
    0.75
    """

    function = staticmethod(binary_accuracy)
    _direction = "up"
    _arguments = ("threshold",)

    def __init__(self, name: str | None = "binary_accuracy", dtype: Any = None, threshold: float = 0.5) -> None:
        super().__init__(name, dtype)
        self.threshold = threshold


@_registry.built_in("metrics")
class CategoricalAccuracy(FormulaMetric):
    """How often the most probable class is the right one, for one-hot targets.

    Parameters
    ----------
    name : str, default "categorical_accuracy"
    dtype : str, optional

    Examples
    --------
    >>> CategoricalAccuracy()([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    0.5
    """

    function = staticmethod(categorical_accuracy)
    _direction = "up"


@_registry.built_in("metrics")
class SparseCategoricalAccuracy(FormulaMetric):
    """How often the most probable class is the right one, for class indices.

    Parameters
    ----------
    name : str, default "sparse_categorical_accuracy"
    dtype : str, optional

    Examples
    --------
    >>> SparseCategoricalAccuracy()([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    0.5
    """

    function = staticmethod(sparse_categorical_accuracy)
    _direction = "up"


@_registry.built_in("metrics")
class TopKCategoricalAccuracy(FormulaMetric):
    """How often the right class is among the k most probable ones, for one-hot targets.

    Parameters
    ----------
    k : int, default 5
    name : str, default "top_k_categorical_accuracy"
    dtype : str, optional

    Examples
    --------
    >>> TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    0.5
    """

    function = staticmethod(top_k_categorical_accuracy)
    _direction = "up"
    _arguments = ("k",)

    def __init__(self, k: int = 5, name: str | None = "top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        self.k = k


@_registry.built_in("metrics")
class SparseTopKCategoricalAccuracy(FormulaMetric):
    """How often the right class is among the k most probable ones, for class indices.

    Parameters
    ----------
    k : int, default 5
    name : str, default "sparse_top_k_categorical_accuracy"
    dtype : str, optional

    Examples
    --------
    >>> SparseTopKCategoricalAccuracy(k=2)([2, 1], [[0.1, 0.9, 0.8], [0.05, 0.95, 0]])
    1.0
    """

    function = staticmethod(sparse_top_k_categorical_accuracy)
    _direction = "up"
    _arguments = ("k",)

    def __init__(self, k: int = 5, name: str | None = "sparse_top_k_categorical_accuracy", dtype: Any = None) -> None:
        super().__init__(name, dtype)
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        self.k = k
