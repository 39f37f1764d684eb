"""Areas under curves of counts at many thresholds: ROC and precision-recall."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry, ops
from mlpcore._validation import numbers
from mlpcore.losses.aligned import EPSILON, aligned
from mlpcore.metrics.base import Result, SumsMetric, ratio
from mlpcore.metrics.confusion import count

_CURVES = {"ROC": "ROC", "roc": "ROC", "PR": "PR", "pr": "PR", "PRGAIN": "PRGAIN", "prgain": "PRGAIN"}
_HEIGHTS: dict[str, Callable[[Any, Any], Any]] = {
    "interpolation": lambda a, b: (a + b) / 2,
    "minoring": np.minimum,
    "majoring": np.maximum,
}

Columns = NDArray[np.float64]  # (thresholds, labels)


@_registry.built_in("metrics")
class AUC(SumsMetric):
    """The area under a curve through the counts at thresholds, by Riemann sums.

    Parameters
    ----------
    num_thresholds : int > 1, default 200
        Equally spaced in [0, 1]; the more, the more exact.
    curve : {"ROC", "PR", "PRGAIN"}, default "ROC"
        True positive rate over false positive rate; precision over recall; precision gain over recall gain.
    summation_method : {"interpolation", "minoring", "majoring"}, default "interpolation"
        The height of a strip: the mean, the smaller or the larger of both ends. "interpolation" of a PR curve is that
        of Davis and Goadrich.
    name, dtype : str, optional
    thresholds : sequence of float in [0, 1], optional
        In the place of equally spaced ones; 0 and 1 are added.
    multi_label : bool, default False
        Average the areas of the columns; else all elements make one curve.
    num_labels : int, optional
        Number of columns, for `multi_label`.
    label_weights : sequence of float, optional
        Weights of the columns: in their average, or without `multi_label` of their elements.
    from_logits : bool, default False
        Whether the predictions are logits.

    References
    ----------
    Davis and Goadrich 2006, The relationship between precision-recall and ROC curves; Flach and Kull 2015,
    Precision-recall-gain curves.

    Examples
    --------
    >>> round(AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]), 4)
    0.75
    """

    _direction = "up"
    _arguments = ("num_thresholds", "curve", "summation_method", "multi_label", "num_labels", "label_weights")

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: Any = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Sequence[float] | None = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(name, dtype)
        if curve not in _CURVES:
            raise ValueError(f"curve must be 'ROC', 'PR' or 'PRGAIN', got {curve!r}")
        if summation_method not in _HEIGHTS:
            raise ValueError(f"summation_method must be one of {list(_HEIGHTS)}, got {summation_method!r}")
        if num_labels and not multi_label:
            raise ValueError("num_labels is needed only with multi_label=True")
        if thresholds is None and num_thresholds <= 1:
            raise ValueError(f"num_thresholds must be > 1, got {num_thresholds!r}")
        own = [] if thresholds is None else numbers("thresholds", thresholds)
        inner = np.linspace(0, 1, num_thresholds)[1:-1] if thresholds is None else np.sort(own)
        if len(inner) and not (inner[0] >= 0 and inner[-1] <= 1):
            raise ValueError(f"thresholds must be in [0, 1], got {thresholds!r}")
        self._own_thresholds = thresholds
        self.thresholds = [-EPSILON, *inner.tolist(), 1 + EPSILON]
        self.num_thresholds = len(self.thresholds)
        self.curve, self.summation_method = _CURVES[curve], summation_method
        self.multi_label, self.num_labels, self.from_logits = multi_label, num_labels, from_logits
        self.label_weights = None if label_weights is None else numbers("label_weights", label_weights)

    def rows(self, y_true: Any, y_pred: Any) -> Any:
        """Return each row's counts (batch, labels * (2 * thresholds + 2)).

        For each label the true positives and the false positives at the thresholds, the positives and the negatives.
        """
        y_true, y_pred = aligned(y_true, y_pred)
        n = int(np.prod(y_pred.shape[1:]))
        p = ops.reshape(ops.sigmoid(y_pred) if self.from_logits else y_pred, (-1, n, 1))
        at = np.asarray(self.thresholds, np.float32)
        predicted = ops.cast(ops.greater(ops.clip(p, 0.0, 1.0), at), "float32")  # (batch, n, thresholds)
        predicted = ops.concatenate([predicted, ops.ones_like(p)], axis=-1)
        positive = ops.reshape(ops.cast(ops.not_equal(y_true, 0.0), "float32"), (-1, n, 1))
        negative = 1.0 - positive
        if self.multi_label:
            both = ops.concatenate([positive * predicted, negative * predicted], axis=-1)
            return ops.reshape(both, (-1, n * 2 * (self.num_thresholds + 1)))
        if self.label_weights is not None:
            weights = np.asarray(self.label_weights, np.float32).reshape(n, 1)
            positive, negative = positive * weights, negative * weights
        return ops.concatenate([count(positive, predicted), count(negative, predicted)], axis=-1)

    def from_totals(self, totals: NDArray[np.float64], weight: float) -> Result:
        """Return the area."""
        counts = totals.reshape(-1, 2, self.num_thresholds + 1).transpose(1, 2, 0)
        tp, fp = counts[:, :-1]
        fn, tn = counts[:, -1:] - counts[:, :-1]
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated_pr(tp, fp, fn)
        else:
            x, y = _points(self.curve, tp, fp, fn, tn)
            areas = ((x[:-1] - x[1:]) * _HEIGHTS[self.summation_method](y[:-1], y[1:])).sum(axis=0)
        weights = None if self.label_weights is None or not self.multi_label else self.label_weights
        return float(np.average(areas, weights=weights))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        config = super().get_config() | {"from_logits": self.from_logits}
        return config if self._own_thresholds is None else config | {"thresholds": list(self._own_thresholds)}


def _points(curve: str, tp: Columns, fp: Columns, fn: Columns, tn: Columns) -> tuple[Columns, Columns]:
    """Return the curve's x and y at each threshold."""
    if curve == "ROC":
        return ratio(fp, fp + tn), ratio(tp, tp + fn)
    if curve == "PR":
        return ratio(tp, tp + fn), ratio(tp, tp + fp)
    odds = ratio(tp + fn, tn + fp)
    recall_gain = np.where(tp == 0, 0, 1 - odds * ratio(fn, tp))
    precision_gain = np.where(tp == 0, 1, 1 - odds * ratio(fp, tp))
    return np.maximum(recall_gain, 0), precision_gain


def _interpolated_pr(tp: Columns, fp: Columns, fn: Columns) -> Columns:
    """Return the area under a PR curve along which true and false positives change linearly, as Keras has it."""
    p = tp + fp
    d_tp, d_p = tp[:-1] - tp[1:], p[:-1] - p[1:]
    slope = ratio(d_tp, np.maximum(d_p, 0))
    intercept = tp[1:] - slope * p[1:]
    safe = np.where((p[:-1] > 0) & (p[1:] > 0), ratio(p[:-1], np.maximum(p[1:], 0)), 1)
    area: Columns = ratio(slope * (d_tp + intercept * np.log(safe)), np.maximum(tp[1:] + fn[1:], 0)).sum(axis=0)
    return area
