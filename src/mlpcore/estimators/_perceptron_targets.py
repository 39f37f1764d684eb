"""Targets of the Perceptron: which rows each threshold logic unit should fire for."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.utils import compute_class_weight

Array = npt.NDArray[Any]


def dense_targets(y: Any) -> tuple[Any, bool]:
    """Return y without sparse storage, and whether it has one column per unit.

    Parameters
    ----------
    y : array-like of shape (n,) or (n, m), or sparse matrix of shape (n, m)

    Returns
    -------
    y : array-like
    outputs_2d : bool
        True for m >= 2; a single column counts as labels, as in scikit-learn.
    """
    if issparse(y):
        y = y.toarray()
    try:
        shape = y.shape if hasattr(y, "shape") else np.asarray(y).shape
    except ValueError:  # ragged; the validation that follows says so
        shape = ()
    return y, len(shape) == 2 and shape[1] > 1


def check_indicator(y: Array, step: str | None) -> None:
    """Check that a 2-D y holds the two outputs of a unit.

    Parameters
    ----------
    y : ndarray of shape (n, m)
    step : {"heaviside", "sign"} or None

    Raises
    ------
    ValueError
        An element is neither 0 nor 1, or with ``step="sign"`` neither -1 nor +1.
    """
    low = -1 if step == "sign" else 0
    if not np.isin(y, (low, 1)).all():
        raise ValueError(
            f"y should be a 1d array, got an array of shape {y.shape} instead. A 2-D y trains one "
            f"threshold logic unit per column and holds {low} and 1 only with step={step!r}."
        )


def check_signs(classes: Array) -> None:
    """Check that the labels are the outputs -1 and +1 of the sign function.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)

    Raises
    ------
    ValueError
        The labels are others.
    """
    if classes.dtype.kind not in "if" or not np.array_equal(classes, (-1, 1)):
        raise ValueError(f"step='sign' needs the labels -1 and 1, got the classes {classes}.")


def class_codes(y: Array, classes: Array) -> Array:
    """Return the position of each label in the sorted classes.

    Parameters
    ----------
    y : ndarray of shape (n,)
    classes : ndarray of shape (n_classes,), sorted

    Returns
    -------
    ndarray of shape (n,), int64

    Raises
    ------
    ValueError
        A label is not among the classes.
    """
    codes = np.searchsorted(classes, y).clip(max=len(classes) - 1)
    if np.any(classes[codes] != y):
        raise ValueError("classes should include all valid labels that can be in y")
    return codes


def unit_masks(y: Array, classes: Array, outputs_2d: bool) -> list[Array]:
    """Return for each unit the rows it should fire for.

    Parameters
    ----------
    y : ndarray of shape (n,) or (n, m)
    classes : ndarray of shape (n_classes,)
    outputs_2d : bool

    Returns
    -------
    list of ndarray of shape (n,), uint8
        One per column or class; a single one, of the larger label, for two classes.
    """
    if outputs_2d:
        return [np.ascontiguousarray(column > 0).view(np.uint8) for column in y.T]
    codes = class_codes(y, classes)
    units = [1] if len(classes) == 2 else range(len(classes))
    return [(codes == unit).view(np.uint8) for unit in units]


def class_weights(class_weight: Any, y: Array, classes: Array, outputs_2d: bool) -> Array:
    """Return the weight of each class or column.

    A column counts as the class of the rows it should fire for, so that a one-hot y has the weights
    of its labels.

    Parameters
    ----------
    class_weight : dict, "balanced" or None
    y : ndarray of shape (n,) or (n, m)
    classes : ndarray of shape (n_classes,)
    outputs_2d : bool

    Returns
    -------
    ndarray of shape (n_classes,)
    """
    if class_weight is None:
        return np.ones(len(classes))
    labels = np.nonzero(y > 0)[1] if outputs_2d else y
    weights: Array = compute_class_weight(class_weight, classes=classes, y=labels)
    return weights
