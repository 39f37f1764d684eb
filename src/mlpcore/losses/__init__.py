"""Losses: what a model is trained to make small; with Keras 3's names, arguments and values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlpcore import _registry
from mlpcore._validation import no_attribute
from mlpcore.losses.base import Loss, LossFunctionWrapper
from mlpcore.losses.classification import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    hinge,
    sparse_categorical_crossentropy,
    squared_hinge,
)
from mlpcore.losses.classification_classes import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    CategoricalHinge,
    Hinge,
    SparseCategoricalCrossentropy,
    SquaredHinge,
)
from mlpcore.losses.regression import (
    cosine_similarity,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    quantile,
)
from mlpcore.losses.regression_classes import (
    CosineSimilarity,
    Huber,
    KLDivergence,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Poisson,
    Quantile,
)

__all__ = [
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy",
    "CategoricalHinge",
    "CosineSimilarity",
    "Hinge",
    "Huber",
    "KLDivergence",
    "LogCosh",
    "Loss",
    "LossFunctionWrapper",
    "MeanAbsoluteError",
    "MeanAbsolutePercentageError",
    "MeanSquaredError",
    "MeanSquaredLogarithmicError",
    "Poisson",
    "Quantile",
    "SparseCategoricalCrossentropy",
    "SquaredHinge",
    "as_loss",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "categorical_crossentropy",
    "categorical_focal_crossentropy",
    "categorical_hinge",
    "cosine_similarity",
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
    "quantile",
    "serialize",
    "sparse_categorical_crossentropy",
    "squared_hinge",
]

BY_SHAPE = ("crossentropy", "ce")  # names whose meaning depends on the outputs


def get(identifier: Any) -> Any:
    """Return the loss, or the function, that a name, a config, a function or a loss means.

    Parameters
    ----------
    identifier : None, str, dict, class, callable or Loss
        "mean_squared_error" or "mse": a function; "MeanSquaredError": a Loss.

    Raises
    ------
    ValueError
        An unknown name; the message suggests the nearest.

    Examples
    --------
    >>> get("MeanSquaredError")
    <MeanSquaredError name=mean_squared_error>
    """
    return _registry.get("losses", identifier)


def as_loss(identifier: Any, y_true: Sequence[int], y_pred: Sequence[int]) -> Loss | None:
    """Return the Loss that an argument of ``compile`` means for an output.

    Parameters
    ----------
    identifier : None, str, dict, class, callable or Loss
        As in `get`; "crossentropy" or "ce" is the one for the shapes.
    y_true, y_pred : sequences of int
        Shapes of the targets and predictions, without the batch.

    Examples
    --------
    >>> as_loss("crossentropy", (), (10,)).name
    'sparse_categorical_crossentropy'
    """
    if isinstance(identifier, str) and identifier.lower() in BY_SHAPE:
        kind = kind_of_classes(y_true, y_pred)
        functions = {"binary": binary_crossentropy, "sparse_categorical": sparse_categorical_crossentropy}
        identifier = functions.get(kind, categorical_crossentropy)
    found = get(identifier)
    if found is None or isinstance(found, Loss):
        return found
    return LossFunctionWrapper(found, name=identifier if isinstance(identifier, str) else None)


def kind_of_classes(y_true: Sequence[int], y_pred: Sequence[int]) -> str:
    """Return what targets of these shapes (without the batch) are: "binary", "sparse_categorical" or "categorical"."""
    if not y_pred or y_pred[-1] == 1:
        return "binary"
    sparse = len(y_true) < len(y_pred) or y_true[-1] == 1
    return "sparse_categorical" if sparse else "categorical"


def serialize(loss: Any) -> Any:
    """Return a loss as plain JSON data; a built-in function becomes its name."""
    return _registry.serialize_object(loss)


def deserialize(config: Mapping[str, Any] | str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the loss or function that `serialize` described."""
    return _registry.deserialize(config, custom_objects, "losses")


def __getattr__(name: str) -> Any:
    """Say which name was meant."""
    raise no_attribute(__name__, name, __all__)
