"""Counts of right and wrong positives and negatives at thresholds; precision and recall."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry, ops
from mlpcore._validation import numbers
from mlpcore.losses.aligned import aligned
from mlpcore.metrics.base import Result, SumsMetric, number, ratio


def outcomes(
    y_true: Any, y_pred: Any, thresholds: Sequence[float], top_k: int | None = None, class_id: int | None = None
) -> tuple[Any, Any]:
    """Return which elements are positive, and which are predicted to be so at each threshold.

    Parameters
    ----------
    y_true, y_pred : tensors (batch, ...)
        An element is positive unless y_true is 0, and predicted so where y_pred > threshold.
    thresholds : sequence of float
    top_k : int, optional
        Only the k largest of a row (batch, classes) are predicted positive.
    class_id : int, optional
        Only this column is looked at.

    Returns
    -------
    positive : tensor (batch, elements of a row, 1)
    predicted : tensor (batch, elements of a row, thresholds)
        0.0 or 1.0.
    """
    y_true, y_pred = aligned(y_true, y_pred)
    n_elements = int(np.prod(y_pred.shape[1:]))
    positive = _truth(ops.not_equal(y_true, 0.0), n_elements)
    predicted = _truth(ops.greater(ops.reshape(y_pred, (-1, n_elements, 1)), np.asarray(thresholds, np.float32)))
    if top_k is not None:
        predicted = predicted * _largest(ops.reshape(y_pred, (-1, n_elements)), top_k)
    if class_id is not None:
        if not -n_elements <= class_id < n_elements:
            raise ValueError(f"class_id {class_id} is not one of the {n_elements} columns of y_pred")
        column = slice(class_id % n_elements, class_id % n_elements + 1)
        positive, predicted = positive[:, column], predicted[:, column]
    return positive, predicted


def _truth(condition: Any, n_elements: int | None = None) -> Any:
    values = ops.cast(condition, "float32")
    return values if n_elements is None else ops.reshape(values, (-1, n_elements, 1))


def _largest(x: Any, k: int) -> Any:
    """Return 1.0 for the k largest elements of each row (batch, m), of equals the first; (batch, m, 1)."""
    m = x.shape[-1]
    one, other = ops.expand_dims(x, axis=2), ops.expand_dims(x, axis=1)
    before = np.tri(m, m, -1, dtype=np.float32)  # [i, j]: j < i
    ahead = _truth(ops.greater(other, one)) + _truth(ops.equal(other, one)) * before
    return _truth(ops.less(ops.sum(ahead, axis=-1, keepdims=True), float(k)))


def count(a: Any, b: Any) -> Any:
    """Return how many elements are both: the sum of the products over the elements of a row (batch, thresholds)."""
    return ops.sum(a * b, axis=1)


class _Counts(SumsMetric):
    """A metric of counts at thresholds."""

    _arguments: ClassVar[tuple[str, ...]] = ("thresholds",)

    def __init__(
        self, thresholds: float | Sequence[float] | None = None, name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name, dtype)
        self.thresholds = thresholds
        self._at = numbers("thresholds", 0.5 if thresholds is None else thresholds)
        if not all(0 <= each <= 1 for each in self._at):
            raise ValueError(f"thresholds must be in [0, 1], got {thresholds!r}")

    def rows(self, y_true: Any, y_pred: Any) -> Any:
        """Return the counts of each row (batch, thresholds)."""
        return self._count(*outcomes(y_true, y_pred, self._at))

    def _count(self, positive: Any, predicted: Any) -> Any:
        raise NotImplementedError

    def from_totals(self, totals: NDArray[np.float64], weight: float) -> Result:
        """Return the count, an array for several thresholds."""
        return number(totals)


@_registry.built_in("metrics")
class TruePositives(_Counts):
    """How many elements are positive and predicted so (sum of their weights).

    Parameters
    ----------
    thresholds : float or sequence of float in [0, 1], default 0.5
        Predicted positive is what is larger.
    name, dtype : str, optional

    Examples
    --------
    >>> TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
    2.0
    """

    def _count(self, positive: Any, predicted: Any) -> Any:
        return count(positive, predicted)


@_registry.built_in("metrics")
class TrueNegatives(_Counts):
    """How many elements are negative and predicted so (sum of their weights).

    Parameters
    ----------
    thresholds : float or sequence of float in [0, 1], default 0.5
    name, dtype : str, optional

    Examples
    --------
    >>> TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0])
    2.0
    """

    def _count(self, positive: Any, predicted: Any) -> Any:
        return count(1.0 - positive, 1.0 - predicted)


@_registry.built_in("metrics")
class FalsePositives(_Counts):
    """How many elements are negative and predicted positive (sum of their weights).

    Parameters
    ----------
    thresholds : float or sequence of float in [0, 1], default 0.5
    name, dtype : str, optional

    Examples
    --------
    >>> FalsePositives()([0, 1, 0, 0], [0, 0, 1, 1])
    2.0
    """

    def _count(self, positive: Any, predicted: Any) -> Any:
        return count(1.0 - positive, predicted)


@_registry.built_in("metrics")
class FalseNegatives(_Counts):
    """How many elements are positive and predicted negative (sum of their weights).

    Parameters
    ----------
    thresholds : float or sequence of float in [0, 1], default 0.5
    name, dtype : str, optional

    Examples
    --------
    >>> FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0])
    2.0
    """

    def _count(self, positive: Any, predicted: Any) -> Any:
        return count(positive, 1.0 - predicted)


class _Share(_Counts):
    """Which part of some elements is right."""

    _direction = "up"
    _arguments = ("thresholds", "top_k", "class_id")

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(thresholds, name, dtype)
        self.top_k, self.class_id = top_k, class_id
        if top_k is not None and thresholds is None:
            self._at = [-1e10]

    def rows(self, y_true: Any, y_pred: Any) -> Any:
        """Return the counts of the right elements and of all, of each row (batch, 2 thresholds)."""
        positive, predicted = outcomes(y_true, y_pred, self._at, self.top_k, self.class_id)
        return ops.concatenate([count(positive, predicted), self._count(positive, predicted)], axis=-1)

    def from_totals(self, totals: NDArray[np.float64], weight: float) -> Result:
        """Return the share, 0.0 of nothing; an array for several thresholds."""
        right, of = totals.reshape(2, -1)
        return number(ratio(right, of))


@_registry.built_in("metrics")
class Precision(_Share):
    """true positives / (true positives + false positives).

    Parameters
    ----------
    thresholds : float or sequence of float in [0, 1], optional
        Predicted positive is what is larger; default 0.5, or with `top_k` minus infinity.
    top_k : int, optional
        Only the k largest predictions of a row can be positive.
    class_id : int, optional
        Only this column is looked at.
    name, dtype : str, optional

    Examples
    --------
    >>> round(Precision()([0, 1, 1, 1], [1, 0, 1, 1]), 4)
    0.6667
    """

    def _count(self, positive: Any, predicted: Any) -> Any:
        return ops.sum(predicted, axis=1)


@_registry.built_in("metrics")
class Recall(_Share):
    """true positives / (true positives + false negatives).

    Parameters
    ----------
    thresholds, top_k, class_id
        See `Precision`.
    name, dtype : str, optional

    Examples
    --------
    >>> round(Recall()([0, 1, 1, 1], [1, 0, 1, 1]), 4)
    0.6667
    """

    def _count(self, positive: Any, predicted: Any) -> Any:
        return count(positive, ops.ones_like(predicted))
