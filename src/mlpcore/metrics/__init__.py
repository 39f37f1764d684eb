"""Metrics: what is reported while a model trains and is evaluated; with Keras 3's names, arguments and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlpcore import _registry
from mlpcore._validation import no_attribute
from mlpcore.losses import kind_of_classes
from mlpcore.losses.classification import (
    binary_crossentropy,
    categorical_crossentropy,
    categorical_hinge,
    hinge,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from mlpcore.losses.regression import (
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
)
from mlpcore.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from mlpcore.metrics.auc import AUC
from mlpcore.metrics.base import Metric, SumsMetric
from mlpcore.metrics.confusion import FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives
from mlpcore.metrics.errors import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    R2Score,
    RootMeanSquaredError,
)
from mlpcore.metrics.f_score import F1Score, FBetaScore
from mlpcore.metrics.probabilistic import (
    BinaryCrossentropy,
    CategoricalCrossentropy,
    CategoricalHinge,
    Hinge,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from mlpcore.metrics.reduction import Mean, MeanMetricWrapper, Sum

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryCrossentropy",
    "CategoricalAccuracy",
    "CategoricalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Hinge",
    "KLDivergence",
    "LogCoshError",
    "Mean",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Metric",
    "Poisson",
    "Precision",
    "R2Score",
    "Recall",
    "RootMeanSquaredError",
    "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy",
    "SquaredHinge",
    "Sum",
    "SumsMetric",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "as_metric",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "categorical_hinge",
    "deserialize",
    "get",
    "hinge",
    "huber",
    "kl_divergence",
    "log_cosh",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_error",
    "mean_squared_logarithmic_error",
    "poisson",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "squared_hinge",
    "top_k_categorical_accuracy",
]

_BY_KIND: dict[tuple[str, str], type[Metric]] = {
    ("accuracy", "binary"): BinaryAccuracy,
    ("accuracy", "sparse_categorical"): SparseCategoricalAccuracy,
    ("accuracy", "categorical"): CategoricalAccuracy,
    ("crossentropy", "binary"): BinaryCrossentropy,
    ("crossentropy", "sparse_categorical"): SparseCategoricalCrossentropy,
    ("crossentropy", "categorical"): CategoricalCrossentropy,
}
# names whose meaning depends on the outputs
BY_SHAPE = {"accuracy": "accuracy", "acc": "accuracy", "crossentropy": "crossentropy", "ce": "crossentropy"}


def get(identifier: Any) -> Any:
    """Return the metric, or the function, that a name, a config, a function or a metric means.

    Parameters
    ----------
    identifier : None, str, dict, class, callable or Metric

    Raises
    ------
    ValueError
        An unknown name; the message suggests the nearest.

    Examples
    --------
    >>> get("mse")
    <MeanSquaredError name=mean_squared_error>
    """
    return _registry.get("metrics", identifier)


def as_metric(identifier: Any, y_true: Sequence[int], y_pred: Sequence[int]) -> Metric:
    """Return the metric that an item of ``compile(metrics=...)`` means for an output.

    Parameters
    ----------
    identifier : str, dict, class, callable or Metric
        As in `get`; "accuracy" ("acc") and "crossentropy" ("ce") are those for the shapes. A metric given by name has
        this name.
    y_true, y_pred : sequences of int
        Shapes of the targets and predictions, without the batch.

    Examples
    --------
    >>> as_metric("accuracy", (), (10,))
    <SparseCategoricalAccuracy name=accuracy>
    """
    if not isinstance(identifier, str):
        found = get(identifier)
    elif identifier.lower() in BY_SHAPE:
        found = _BY_KIND[BY_SHAPE[identifier.lower()], kind_of_classes(y_true, y_pred)]()
    else:
        found = get(identifier)
    if found is None:
        raise ValueError("expected a metric, got None")
    metric: Metric = found if isinstance(found, Metric) else MeanMetricWrapper(found)
    if isinstance(identifier, str):
        metric.name = identifier
    return metric


def serialize(metric: Any) -> Any:
    """Return a metric as plain JSON data."""
    return _registry.serialize_object(metric)


def deserialize(config: Mapping[str, Any] | str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the metric that `serialize` described."""
    return _registry.deserialize(config, custom_objects, "metrics")


def __getattr__(name: str) -> Any:
    """Say which name was meant."""
    raise no_attribute(__name__, name, __all__)
