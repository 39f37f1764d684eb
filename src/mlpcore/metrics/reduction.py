"""Means and sums: of values as they come, and of a function of targets and predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry
from mlpcore._tensor import Symbol
from mlpcore.losses.aligned import same_rank, tensor
from mlpcore.metrics.base import Result, SumsMetric, averaged, ratio

if TYPE_CHECKING:
    from typing_extensions import Self


@_registry.built_in("metrics")
class Mean(SumsMetric):
    """The weighted mean of values: sum(w * values) / sum(w).

    Parameters
    ----------
    name : str, default "mean"
    dtype : str, optional

    Examples
    --------
    >>> mean = Mean()
    >>> mean.update_state([1.0, 3.0, 5.0], sample_weight=[1.0, 1.0, 0.0])
    >>> mean.result()
    2.0
    """

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in values.

        Parameters
        ----------
        values : array-like (batch, ...) or a number
        sample_weight : array-like (batch,), or of the shape of `values`, optional
        """
        rows, weights = samplewise(values, sample_weight, np.mean)
        self.accumulate([rows.sum()], weights.sum(), rows.size)

    def from_totals(self, totals: NDArray[np.float64], weight: float) -> Result:
        """Return the mean, 0.0 if the weights sum to 0."""
        return float(ratio(totals[0], weight))


@_registry.built_in("metrics")
class Sum(SumsMetric):
    """The weighted sum of values.

    Parameters
    ----------
    name : str, default "sum"
    dtype : str, optional

    Examples
    --------
    >>> total = Sum()
    >>> total([1.0, 3.0])
    4.0
    """

    def update_state(self, values: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in values; see `Mean.update_state`."""
        rows, weights = samplewise(values, sample_weight, np.sum)
        self.accumulate([rows.sum()], weights.sum(), rows.size)

    def from_totals(self, totals: NDArray[np.float64], weight: float) -> Result:
        """Return the sum."""
        return float(totals[0])


@_registry.built_in("metrics")
class MeanMetricWrapper(Mean):
    """The mean of a function of targets and predictions.

    Parameters
    ----------
    fn : callable
        ``fn(y_true, y_pred, **kwargs)`` -> values (batch,) or (batch, ...). Written with operators and `mlpcore.ops` it
        is computed with the model; any other function is called with the arrays of each batch.
    name : str, optional
        Default: the function's.
    dtype : str, optional
    **kwargs
        Passed to `fn`.

    Examples
    --------
    >>> import numpy as np
    >>> worst = MeanMetricWrapper(lambda y_true, y_pred: np.max(np.abs(y_true - y_pred), axis=-1), name="worst")
    >>> worst([[0.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [3.0, 4.0]])
    3.0
    """

    def __init__(self, fn: Callable[..., Any], name: str | None = None, dtype: Any = None, **kwargs: Any) -> None:
        super().__init__(name or getattr(fn, "__name__", None), dtype)
        self._fn = fn
        self._kwargs = kwargs

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the function's values (batch, ...)."""
        return self._fn(y_true, y_pred, **self._kwargs)

    def record(self, y_true: Any, y_pred: Any) -> Any:
        """Return the recorded means of the rows; None for a function that cannot be recorded, or an own way."""
        if type(self).update_state is not MeanMetricWrapper.update_state:
            return None
        try:
            values = self.values(y_true, y_pred)
        except Exception:  # a function of arrays; if it is wrong for arrays too, it will say so
            return None
        return averaged(values) if isinstance(values, Symbol) and values.batched else None

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # type: ignore[override]
        """Take in a batch.

        Parameters
        ----------
        y_true, y_pred : array-like (batch, ...)
        sample_weight : array-like (batch,), or of the shape of the function's values, optional
        """
        super().update_state(self.values(tensor(y_true), tensor(y_pred)), sample_weight)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return super().get_config() | {"fn": _registry.serialize_object(self._fn), **self._kwargs}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the metric that `get_config` described."""
        arguments = dict(config)
        return cls(_registry.deserialize(arguments.pop("fn"), family="metrics"), **arguments)


class FormulaMetric(MeanMetricWrapper):
    """A built-in metric: the mean of a function of targets, predictions and the class's own arguments."""

    function: ClassVar[Callable[..., Any]]

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(type(self).function, name or _registry.snake_case(type(self).__name__), dtype)

    def values(self, y_true: Any, y_pred: Any) -> Any:
        """Return the function's values (batch, ...)."""
        return type(self).function(y_true, y_pred, **{each: getattr(self, each) for each in self._arguments})

    def record(self, y_true: Any, y_pred: Any) -> Any:
        """Return the recorded means of the rows; None if a subclass takes batches in its own way."""
        if type(self).update_state is not MeanMetricWrapper.update_state:
            return None
        return averaged(self.values(y_true, y_pred))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return SumsMetric.get_config(self)

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the metric that `get_config` described."""
        return cls(**config)


def samplewise(
    values: Any, sample_weight: Any, reduce: Callable[..., Any]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return one weighted value and one weight a row, as Keras has them: what lies in a row is reduced."""
    values = np.atleast_1d(np.asarray(values, np.float64))
    if sample_weight is None:
        rows = reduce(values.reshape(len(values), -1), axis=1)
        return rows, np.ones(len(rows))
    values, weights = same_rank(values, np.atleast_1d(np.asarray(sample_weight, np.float64)))
    if values.ndim > weights.ndim:
        values = reduce(values, axis=tuple(range(weights.ndim, values.ndim)))
    try:
        weights = np.broadcast_to(weights, values.shape)
    except ValueError:
        raise ValueError(
            f"sample_weight of shape {weights.shape} does not fit values of shape {values.shape}"
        ) from None
    flat = (len(values), -1)
    return reduce((values * weights).reshape(flat), axis=1), reduce(weights.reshape(flat), axis=1)
