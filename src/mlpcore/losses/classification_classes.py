"""Losses of classes as classes, with Keras 3's names and arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlpcore import _registry, ops
from mlpcore._validation import numbers
from mlpcore.losses import classification
from mlpcore.losses.aligned import EPSILON
from mlpcore.losses.base import Axes, FormulaLoss, Fused, elementwise


@_registry.built_in("losses")
class BinaryCrossentropy(FormulaLoss):
    """mean(-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred)), for targets of 0 and 1.

    Behind a sigmoid layer the gradient is that of the exact loss, where Keras' vanishes at clipped probabilities.

    Parameters
    ----------
    from_logits : bool, default False
        Whether the predictions are logits rather than probabilities; those are clipped to [1e-7, 1 - 1e-7].
    label_smoothing : float in [0, 1], default 0.0
        s moves the targets to (1 - s) * y_true + s / 2.
    axis : int, default -1
        Which is averaged first.
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> round(BinaryCrossentropy()([[0.0, 1.0]], [[0.5, 0.25]]), 4)
    1.0397
    """

    function = staticmethod(classification.binary_crossentropy)
    _arguments = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, _fraction(label_smoothing), axis

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        if self.from_logits:  # the logistic function rounds to 1 where the loss is still exact
            return None
        settings = {"label_smoothing": self.label_smoothing}
        return elementwise(y_true, y_pred, Fused("binary_cross_entropy", 1.0, settings, EPSILON))


@_registry.built_in("losses")
class BinaryFocalCrossentropy(FormulaLoss):
    """The binary cross entropy with each element times (1 - p_t) ** gamma, p_t the probability of its target.

    Parameters
    ----------
    apply_class_balancing : bool, default False
        Weigh target 1 by `alpha` and target 0 by 1 - alpha.
    alpha : float, default 0.25
    gamma : float, default 2.0
        0: the plain cross entropy.
    from_logits, label_smoothing, axis
        See `BinaryCrossentropy`.
    reduction, name, dtype
        See `Loss`.

    References
    ----------
    Lin et al. 2018, Focal loss for dense object detection.

    Examples
    --------
    >>> round(BinaryFocalCrossentropy()([[0.0, 1.0]], [[0.5, 0.25]]), 4)
    0.4765
    """

    function = staticmethod(classification.binary_focal_crossentropy)
    _arguments = ("apply_class_balancing", "alpha", "gamma", "from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        apply_class_balancing: bool = False,
        alpha: float = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.apply_class_balancing, self.alpha, self.gamma = apply_class_balancing, alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, _fraction(label_smoothing), axis

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        settings = {
            "gamma": self.gamma,
            "alpha": self.alpha if self.apply_class_balancing else None,
            "label_smoothing": self.label_smoothing,
        }
        activation = ops.sigmoid if self.from_logits else None
        return elementwise(y_true, y_pred, Fused("binary_cross_entropy", 1.0, settings, EPSILON, activation))


@_registry.built_in("losses")
class CategoricalCrossentropy(FormulaLoss):
    """-sum(y_true * log(y_pred)), for one-hot targets.

    Parameters
    ----------
    from_logits : bool, default False
        Whether the probabilities are softmax(y_pred); else y_pred / sum(y_pred), clipped to [1e-7, 1 - 1e-7].
    label_smoothing : float in [0, 1], default 0.0
        s moves the targets to (1 - s) * y_true + s / k, with k classes.
    axis : int, default -1
        The axis of the classes.
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.75, 0.25]]), 4)
    1.3863
    """

    function = staticmethod(classification.categorical_crossentropy)
    _arguments = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, _fraction(label_smoothing), axis


@_registry.built_in("losses")
class CategoricalFocalCrossentropy(FormulaLoss):
    """-sum(alpha * (1 - y_pred) ** gamma * y_true * log(y_pred)), for one-hot targets.

    Parameters
    ----------
    alpha : float or one for each class, default 0.25
    gamma : float, default 2.0
    from_logits, label_smoothing, axis
        See `CategoricalCrossentropy`.
    reduction, name, dtype
        See `Loss`.

    References
    ----------
    Lin et al. 2018, Focal loss for dense object detection.

    Examples
    --------
    >>> round(CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.75, 0.25]]), 4)
    0.1949
    """

    function = staticmethod(classification.categorical_focal_crossentropy)
    _arguments = ("alpha", "gamma", "from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        alpha: float | Sequence[float] = 0.25,
        gamma: float = 2.0,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        numbers("alpha", alpha)
        self.alpha, self.gamma = alpha, gamma
        self.from_logits, self.label_smoothing, self.axis = from_logits, _fraction(label_smoothing), axis


@_registry.built_in("losses")
class SparseCategoricalCrossentropy(FormulaLoss):
    """-log(y_pred[y_true]), for class indices.

    Parameters
    ----------
    from_logits : bool, default False
        Whether the probabilities are softmax(y_pred); else y_pred / sum(y_pred), clipped to [1e-7, 1 - 1e-7].
    ignore_class : int, optional
        Positions of this class count neither in the sum nor in what it is divided by.
    reduction, axis, name, dtype
        See `Loss`; the classes' axis is the last one.

    Notes
    -----
    Behind a softmax layer the gradient is that of the exact loss, where Keras' vanishes at clipped probabilities.

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([1], [[0.75, 0.25]]), 4)
    1.3863
    """

    function = staticmethod(classification.sparse_categorical_crossentropy)
    _arguments = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the values, enlarged by the share of the positions that count."""
        values = super().call(y_true, y_pred)
        if self.ignore_class is None or self.reduction not in ("sum_over_batch_size", "mean"):
            return values
        counted = ops.cast(ops.not_equal(y_true, self.ignore_class), "float32")
        return values / ops.maximum(ops.mean(counted), EPSILON)

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        if self.ignore_class is not None or len(y_pred) != 1 or y_true not in ((), (1,)):
            return None
        if self.from_logits:
            return Fused("logits_cross_entropy", 1.0)
        return Fused("cross_entropy", 1.0, {}, EPSILON)


@_registry.built_in("losses")
class Hinge(FormulaLoss):
    """mean(max(0, 1 - s * y_pred)), s = 1 where y_true > 0, else -1: for targets 0 and 1, or -1 and 1.

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> Hinge()([[1.0, -1.0]], [[0.5, 0.5]])
    1.0
    """

    function = staticmethod(classification.hinge)

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        return elementwise(y_true, y_pred, Fused("hinge", 1.0))


@_registry.built_in("losses")
class SquaredHinge(FormulaLoss):
    """mean(max(0, 1 - s * y_pred) ** 2), s = 1 where y_true > 0, else -1: for targets 0 and 1, or -1 and 1.

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]])
    1.25
    """

    function = staticmethod(classification.squared_hinge)

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        return elementwise(y_true, y_pred, Fused("squared_hinge", 1.0))


@_registry.built_in("losses")
class CategoricalHinge(FormulaLoss):
    """max(0, 1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred)), for one-hot targets.

    Parameters
    ----------
    reduction, name, dtype
        See `Loss`.

    Examples
    --------
    >>> CategoricalHinge()([[0.0, 1.0]], [[0.75, 0.25]])
    1.5
    """

    function = staticmethod(classification.categorical_hinge)


def _fraction(label_smoothing: float) -> float:
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be in [0, 1], got {label_smoothing!r}")
    return float(label_smoothing)
