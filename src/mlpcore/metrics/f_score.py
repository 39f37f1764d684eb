"""F scores: weighted harmonic means of precision and recall."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry, ops
from mlpcore.losses.aligned import EPSILON, tensor
from mlpcore.metrics.base import Result, SumsMetric, number


@_registry.built_in("metrics", "fbeta_score")
class FBetaScore(SumsMetric):
    """(1 + beta ** 2) * precision * recall / (beta ** 2 * precision + recall).

    Parameters
    ----------
    average : {None, "micro", "macro", "weighted"}, default None
        None: an array, one score a column; "micro": the score of all elements; "macro": the mean of the columns;
        "weighted": weighted by their positives.
    beta : float > 0, default 1.0
        Recall counts beta times as much as precision.
    threshold : float in (0, 1], optional
        Predicted positive is what is larger; None: a row's largest element.
    name : str, default "fbeta_score"
    dtype : str, optional

    Examples
    --------
    >>> metric = FBetaScore(beta=2.0, threshold=0.5)
    >>> metric([[1, 1, 1], [1, 0, 0], [1, 1, 0]], [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]).round(4)
    array([0.3846, 0.9091, 0.8333])
    """

    _direction = "up"
    _arguments: ClassVar[tuple[str, ...]] = ("average", "beta", "threshold")

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ValueError(f"average must be None, 'micro', 'macro' or 'weighted', got {average!r}")
        if not beta > 0:
            raise ValueError(f"beta must be > 0, got {beta!r}")
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"threshold must be in (0, 1], got {threshold!r}")
        self.average, self.beta, self.threshold = average, float(beta), threshold

    def rows(self, y_true: Any, y_pred: Any) -> Any:
        """Return true positives, false positives and false negatives of each column (batch, 3 k)."""
        y_true, y_pred = tensor(y_true), tensor(y_pred)
        if len(y_true.shape) != 2 or tuple(y_true.shape[1:]) != tuple(y_pred.shape[1:]):
            raise ValueError(
                f"{self.name} expects targets and predictions (batch, classes), got {tuple(y_true.shape)} and "
                f"{tuple(y_pred.shape)}"
            )
        if self.threshold is None:
            top = ops.greater_equal(y_pred, ops.max(y_pred, axis=-1, keepdims=True))
            positive = ops.logical_and(top, ops.greater(ops.abs(y_pred), 1e-9))
        else:
            positive = ops.greater(y_pred, self.threshold)
        predicted = ops.cast(positive, "float32")
        return ops.concatenate([predicted * y_true, predicted * (1.0 - y_true), (1.0 - predicted) * y_true], axis=-1)

    def from_totals(self, totals: NDArray[np.float64], weight: float) -> Result:
        """Return the score, or one score a column."""
        counts = totals.reshape(3, -1)
        tp, fp, fn = counts.sum(axis=1, keepdims=True) if self.average == "micro" else counts
        precision, recall = tp / (tp + fp + EPSILON), tp / (tp + fn + EPSILON)
        square = self.beta**2
        scores = (1 + square) * precision * recall / (square * precision + recall + EPSILON)
        if self.average == "weighted":
            return float((scores * (tp + fn)).sum() / ((tp + fn).sum() + EPSILON))
        return scores if self.average is None else number(scores.mean())


@_registry.built_in("metrics")
class F1Score(FBetaScore):
    """2 * precision * recall / (precision + recall).

    Parameters
    ----------
    average, threshold
        See `FBetaScore`.
    name : str, default "f1_score"
    dtype : str, optional

    Examples
    --------
    >>> F1Score(average="micro")([[1, 0], [0, 1]], [[0.9, 0.1], [0.6, 0.4]])  # doctest: +ELLIPSIS
    0.4999...
    """

    _arguments = ("average", "threshold")

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
