"""Losses of numbers as classes, with Keras 3's names and arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlpcore import _registry
from mlpcore._validation import numbers
from mlpcore.losses import regression
from mlpcore.losses.base import Axes, FormulaLoss, Fused, elementwise


@_registry.built_in("losses")
class MeanSquaredError(FormulaLoss):
    """mean((y_true - y_pred) ** 2).

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> MeanSquaredError()([[0.0, 2.0]], [[1.0, 2.0]])
    0.5
    """

    function = staticmethod(regression.mean_squared_error)

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        return elementwise(y_true, y_pred, Fused("squared_error", 2.0))  # the kernel has half the square


@_registry.built_in("losses")
class MeanAbsoluteError(FormulaLoss):
    """mean(|y_true - y_pred|); its gradient is 0 where both are equal.

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> MeanAbsoluteError()([[0.0, 2.0]], [[1.0, 2.0]])
    0.5
    """

    function = staticmethod(regression.mean_absolute_error)

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        return elementwise(y_true, y_pred, Fused("absolute_error", 1.0))


@_registry.built_in("losses")
class MeanAbsolutePercentageError(FormulaLoss):
    """100 * mean(|y_true - y_pred| / max(|y_true|, 1e-7)).

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 4.0]])
    25.0
    """

    function = staticmethod(regression.mean_absolute_percentage_error)


@_registry.built_in("losses")
class MeanSquaredLogarithmicError(FormulaLoss):
    """mean((log(1 + y_true) - log(1 + y_pred)) ** 2), with negative numbers taken as 1e-7.

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> round(MeanSquaredLogarithmicError()([[0.0]], [[1.0]]), 4)
    0.4805
    """

    function = staticmethod(regression.mean_squared_logarithmic_error)


@_registry.built_in("losses")
class Huber(FormulaLoss):
    """The mean of e ** 2 / 2 where |e| <= delta, else delta * |e| - delta ** 2 / 2; e = y_pred - y_true.

    Parameters
    ----------
    delta : float > 0, default 1.0
        Where the parabola goes over into a straight line.
    reduction, name, dtype
        See `Loss`.

    References
    ----------
    Huber 1964, Robust estimation of a location parameter.

    Examples
    --------
    >>> Huber()([[0.0, 0.0]], [[1.0, 3.0]])
    1.5
    """

    function = staticmethod(regression.huber)
    _arguments = ("delta",)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        if not delta > 0:
            raise ValueError(f"delta must be > 0, got {delta!r}")
        self.delta = float(delta)

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        return elementwise(y_true, y_pred, Fused("huber", 1.0, {"delta": self.delta}))


@_registry.built_in("losses")
class LogCosh(FormulaLoss):
    """mean(log(cosh(y_pred - y_true))): a parabola near 0, straight lines far away.

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> round(LogCosh()([[0.0]], [[1.0]]), 4)
    0.4338
    """

    function = staticmethod(regression.log_cosh)

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        return elementwise(y_true, y_pred, Fused("log_cosh", 1.0))


@_registry.built_in("losses")
class Poisson(FormulaLoss):
    """mean(y_pred - y_true * log(y_pred + 1e-7)), for counts and their predicted means.

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> round(Poisson()([[1.0, 0.0]], [[2.0, 1.0]]), 4)
    1.1534
    """

    function = staticmethod(regression.poisson)


@_registry.built_in("losses")
class KLDivergence(FormulaLoss):
    """sum(y_true * log(y_true / y_pred)), with both clipped to [1e-7, 1].

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 4)
    0.1438
    """

    function = staticmethod(regression.kl_divergence)


@_registry.built_in("losses")
class CosineSimilarity(FormulaLoss):
    """Minus the cosine of the angle between y_true and y_pred: -1 is alike, 1 is opposite.

    Parameters
    ----------
    axis : int, default -1
        The axis of the vectors.
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> round(CosineSimilarity()([[1.0, 0.0]], [[3.0, 4.0]]), 4)
    -0.6
    """

    function = staticmethod(regression.cosine_similarity)
    _arguments = ("axis",)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.axis = axis


@_registry.built_in("losses")
class Quantile(FormulaLoss):
    """mean(max(q * e, (q - 1) * e)), e = y_true - y_pred: its minimum is at the quantile q of y_true. Not in Keras.

    Parameters
    ----------
    quantiles : float or sequence of float in (0, 1), default 0.5
        With several, the model's last layer has targets * len(quantiles) units; unit i * len(quantiles) + j is
        quantile j of target i.
    reduction, name, dtype
        See `Loss`.

    References
    ----------
    Koenker and Bassett 1978, Regression quantiles.

    Examples
    --------
    >>> Quantile(0.75)([[2.0], [2.0]], [[1.0], [3.0]])
    0.5
    """

    function = staticmethod(regression.quantile)
    _arguments = ("quantiles",)

    def __init__(
        self,
        quantiles: float | Sequence[float] = 0.5,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.quantiles = numbers("quantiles", quantiles)
        if not self.quantiles or not all(0 < q < 1 for q in self.quantiles):
            raise ValueError(f"quantiles must be between 0 and 1, got {quantiles!r}")

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        if len(y_pred) != 1 or y_pred[0] != len(self.quantiles) * (y_true[0] if y_true else 1) or len(y_true) > 1:
            return None
        return Fused("quantile", 1.0 / y_pred[0], {"quantiles": self.quantiles})
