"""Errors of numbers: means of the losses of that name, the root mean squared error, and R2."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry, ops
from mlpcore.losses import regression
from mlpcore.losses.aligned import aligned
from mlpcore.metrics.base import Result, SumsMetric, averaged, number, ratio
from mlpcore.metrics.reduction import FormulaMetric


@_registry.built_in("metrics", "mse", "MSE")
class MeanSquaredError(FormulaMetric):
    """mean((y_true - y_pred) ** 2).

    Parameters
    ----------
    name : str, default "mean_squared_error"
    dtype : str, optional

    Examples
    --------
    >>> MeanSquaredError()([[0.0, 2.0]], [[1.0, 2.0]])
    0.5
    """

    function = staticmethod(regression.mean_squared_error)
    _direction = "down"


@_registry.built_in("metrics", "rmse", "RMSE")
class RootMeanSquaredError(SumsMetric):
    """sqrt(mean((y_true - y_pred) ** 2)).

    Parameters
    ----------
    name : str, default "root_mean_squared_error"
    dtype : str, optional

    Examples
    --------
    >>> RootMeanSquaredError()([[0.0], [0.0]], [[4.0], [0.0]]) ** 2
    8.000000000000002
    """

    _direction = "down"

    def rows(self, y_true: Any, y_pred: Any) -> Any:
        """Return the mean squared error of each row."""
        y_true, y_pred = aligned(y_true, y_pred)
        return averaged(ops.square(y_pred - y_true))

    def from_totals(self, totals: NDArray[np.float64], weight: float) -> Result:
        """Return the root of the mean."""
        return float(np.sqrt(ratio(totals[0], weight)))


@_registry.built_in("metrics", "mae", "MAE")
class MeanAbsoluteError(FormulaMetric):
    """mean(|y_true - y_pred|).

    Parameters
    ----------
    name : str, default "mean_absolute_error"
    dtype : str, optional

    Examples
    --------
    >>> MeanAbsoluteError()([[0.0, 2.0]], [[1.0, 2.0]])
    0.5
    """

    function = staticmethod(regression.mean_absolute_error)
    _direction = "down"


@_registry.built_in("metrics", "mape", "MAPE")
class MeanAbsolutePercentageError(FormulaMetric):
    """100 * mean(|y_true - y_pred| / max(|y_true|, 1e-7)).

    Parameters
    ----------
    name : str, default "mean_absolute_percentage_error"
    dtype : str, optional

    Examples
    --------
    >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]])
    25.0
    """

    function = staticmethod(regression.mean_absolute_percentage_error)
    _direction = "down"


@_registry.built_in("metrics", "msle", "MSLE")
class MeanSquaredLogarithmicError(FormulaMetric):
    """mean((log(1 + y_true) - log(1 + y_pred)) ** 2).

    Parameters
    ----------
    name : str, default "mean_squared_logarithmic_error"
    dtype : str, optional

    Examples
    --------
    >>> round(MeanSquaredLogarithmicError()([[0.0]], [[1.0]]), 4)
    0.4805
    """

    function = staticmethod(regression.mean_squared_logarithmic_error)
    _direction = "down"


@_registry.built_in("metrics", "logcosh", "log_cosh")
class LogCoshError(FormulaMetric):
    """mean(log(cosh(y_pred - y_true))).

    Parameters
    ----------
    name : str, default "logcosh"
    dtype : str, optional

    Examples
    --------
    >>> round(LogCoshError()([[0.0]], [[1.0]]), 4)
    0.4338
    """

    function = staticmethod(regression.log_cosh)
    _direction = "down"

    def __init__(self, name: str | None = "logcosh", dtype: Any = None) -> None:
        super().__init__(name, dtype)


def cosine_similarity(y_true: Any, y_pred: Any, axis: int = -1) -> Any:
    """Return the cosine of the angle between y_true and y_pred along `axis`: 1 is alike."""
    return -regression.cosine_similarity(y_true, y_pred, axis)


@_registry.built_in("metrics")
class CosineSimilarity(FormulaMetric):
    """The mean cosine of the angle between y_true and y_pred: 1 is alike (the loss of that name has the other sign).

    Parameters
    ----------
    name : str, default "cosine_similarity"
    dtype : str, optional
    axis : int, default -1
        The axis of the vectors.

    Examples
    --------
    >>> round(CosineSimilarity()([[1.0, 0.0]], [[3.0, 4.0]]), 4)
    0.6
    """

    function = staticmethod(cosine_similarity)
    _direction = "up"
    _arguments = ("axis",)

    def __init__(self, name: str | None = "cosine_similarity", dtype: Any = None, axis: int = -1) -> None:
        super().__init__(name, dtype)
        self.axis = axis


@_registry.built_in("metrics", "r2", "R2")
class R2Score(SumsMetric):
    """R2 = 1 - sum((y_true - y_pred) ** 2) / sum((y_true - mean(y_true)) ** 2), column by column.

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average", None}, default "uniform_average"
        What is made of several columns; None: an array.
    num_regressors : int, default 0
        With p > 0 the adjusted R2 of n targets: 1 - (1 - R2) * (n - 1) / (n - p - 1).
    name : str, default "r2_score"
    dtype : str, optional

    Examples
    --------
    >>> round(R2Score()([[1.0], [4.0], [3.0]], [[2.0], [4.0], [4.0]]), 4)
    0.5714
    """

    _direction = "up"
    _arguments = ("class_aggregation", "num_regressors")

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: Any = None,
    ) -> None:
        super().__init__(name, dtype)
        options = ("uniform_average", "variance_weighted_average", None)
        if class_aggregation not in options:
            raise ValueError(f"class_aggregation must be one of {options}, got {class_aggregation!r}")
        if num_regressors < 0:
            raise ValueError(f"num_regressors must be >= 0, got {num_regressors!r}")
        self.class_aggregation, self.num_regressors = class_aggregation, num_regressors

    def rows(self, y_true: Any, y_pred: Any) -> Any:
        """Return y_true, its square and the squared error of each column: (batch, 3 k)."""
        y_true, y_pred = aligned(y_true, y_pred)
        if len(y_true.shape) == 1:
            y_true, y_pred = ops.expand_dims(y_true, axis=-1), ops.expand_dims(y_pred, axis=-1)
        return ops.concatenate([y_true, ops.square(y_true), ops.square(y_true - y_pred)], axis=-1)

    def from_totals(self, totals: NDArray[np.float64], weight: float) -> Result:
        """Return R2."""
        sums, squares, errors = totals.reshape(3, -1)
        with np.errstate(divide="ignore", invalid="ignore"):
            spread = squares - sums * (sums / weight)
            scores = 1 - errors / spread
            scores = np.where(np.isinf(scores), 0.0, scores)
            if self.class_aggregation == "uniform_average":
                scores = scores.mean()
            elif self.class_aggregation == "variance_weighted_average":
                scores = (spread * scores).sum() / spread.sum()
        return number(self._adjusted(scores, (self._n_rows or round(weight)) * len(sums)))

    def _adjusted(self, scores: Any, n: int) -> Any:
        p = self.num_regressors
        if p == 0:
            return scores
        if p >= n - 1:
            warnings.warn(f"R2 of {n} targets cannot be adjusted for {p} regressors; it is left as it is", stacklevel=4)
            return scores
        return 1 - (1 - scores) * (n - 1) / (n - p - 1)
