"""Means of the losses of probabilities and of margins: cross entropies, divergences, hinges."""

from __future__ import annotations

from typing import Any

from mlpcore import _registry
from mlpcore.losses import classification, regression
from mlpcore.metrics.reduction import FormulaMetric


@_registry.built_in("metrics", "bce", "BCE")
class BinaryCrossentropy(FormulaMetric):
    """mean(-y_true * log(y_pred) - (1 - y_true) * log(1 - y_pred)).

    Parameters
    ----------
    name : str, default "binary_crossentropy"
    dtype : str, optional
    from_logits : bool, default False
    label_smoothing : float, default 0
        See the loss of that name.

    Examples
    --------
    >>> round(BinaryCrossentropy()([[0.0, 1.0]], [[0.5, 0.25]]), 4)
    1.0397
    """

    function = staticmethod(classification.binary_crossentropy)
    _direction = "down"
    _arguments = ("from_logits", "label_smoothing")

    def __init__(
        self,
        name: str | None = "binary_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits, self.label_smoothing = from_logits, label_smoothing


@_registry.built_in("metrics")
class CategoricalCrossentropy(FormulaMetric):
    """-sum(y_true * log(y_pred)), for one-hot targets.

    Parameters
    ----------
    name : str, default "categorical_crossentropy"
    dtype : str, optional
    from_logits : bool, default False
    label_smoothing : float, default 0
    axis : int, default -1
        See the loss of that name.

    Examples
    --------
    >>> round(CategoricalCrossentropy()([[0.0, 1.0]], [[0.75, 0.25]]), 4)
    1.3863
    """

    function = staticmethod(classification.categorical_crossentropy)
    _direction = "down"
    _arguments = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        name: str | None = "categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        label_smoothing: float = 0,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits, self.label_smoothing, self.axis = from_logits, label_smoothing, axis


@_registry.built_in("metrics")
class SparseCategoricalCrossentropy(FormulaMetric):
    """-log(y_pred[y_true]), for class indices.

    Parameters
    ----------
    name : str, default "sparse_categorical_crossentropy"
    dtype : str, optional
    from_logits : bool, default False
    ignore_class : int, optional
        Positions of this class count as 0.
    axis : int, default -1
        See the loss of that name.

    Examples
    --------
    >>> round(SparseCategoricalCrossentropy()([1], [[0.75, 0.25]]), 4)
    1.3863
    """

    function = staticmethod(classification.sparse_categorical_crossentropy)
    _direction = "down"
    _arguments = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        name: str | None = "sparse_categorical_crossentropy",
        dtype: Any = None,
        from_logits: bool = False,
        ignore_class: int | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(name, dtype)
        self.from_logits, self.ignore_class, self.axis = from_logits, ignore_class, axis


@_registry.built_in("metrics", "kld", "KLD")
class KLDivergence(FormulaMetric):
    """sum(y_true * log(y_true / y_pred)), with both clipped to [1e-7, 1].

    Parameters
    ----------
    name : str, default "kl_divergence"
    dtype : str, optional

    Examples
    --------
    >>> round(KLDivergence()([[0.5, 0.5]], [[0.25, 0.75]]), 4)
    0.1438
    """

    function = staticmethod(regression.kl_divergence)
    _direction = "down"


@_registry.built_in("metrics")
class Poisson(FormulaMetric):
    """mean(y_pred - y_true * log(y_pred + 1e-7)).

    Parameters
    ----------
    name : str, default "poisson"
    dtype : str, optional

    Examples
    --------
    >>> round(Poisson()([[1.0, 0.0]], [[2.0, 1.0]]), 4)
    1.1534
    """

    function = staticmethod(regression.poisson)
    _direction = "down"


@_registry.built_in("metrics")
class Hinge(FormulaMetric):
    """mean(max(0, 1 - s * y_pred)), s = 1 where y_true > 0, else -1.

    Parameters
    ----------
    name : str, default "hinge"
    dtype : str, optional

    Examples
    --------
    >>> Hinge()([[1.0, -1.0]], [[0.5, 0.5]])
    1.0
    """

    function = staticmethod(classification.hinge)
    _direction = "down"


@_registry.built_in("metrics")
class SquaredHinge(FormulaMetric):
    """mean(max(0, 1 - s * y_pred) ** 2), s = 1 where y_true > 0, else -1.

    Parameters
    ----------
    name : str, default "squared_hinge"
    dtype : str, optional

    Examples
    --------
    >>> SquaredHinge()([[1.0, -1.0]], [[0.5, 0.5]])
    1.25
    """

    function = staticmethod(classification.squared_hinge)
    _direction = "down"


@_registry.built_in("metrics")
class CategoricalHinge(FormulaMetric):
    """max(0, 1 + max((1 - y_true) * y_pred) - sum(y_true * y_pred)), for one-hot targets.

    Parameters
    ----------
    name : str, default "categorical_hinge"
    dtype : str, optional

    Examples
    --------
    >>> CategoricalHinge()([[0.0, 1.0]], [[0.75, 0.25]])
    1.5
    """

    function = staticmethod(classification.categorical_hinge)
    _direction = "down"
