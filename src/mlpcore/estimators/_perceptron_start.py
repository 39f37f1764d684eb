"""What a Perceptron starts to train from: parameters and sample weights, checked and copied."""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse import issparse
from sklearn.utils.validation import _check_sample_weight

Array = npt.NDArray[Any]

# scikit-learn >= 1.9 refuses all-zero weights in there; before, the check below does.
_ANY_WEIGHTS = (
    {"allow_all_zero_weights": True} if "allow_all_zero_weights" in signature(_check_sample_weight).parameters else {}
)


def checked_weights(sample_weight: Any, X: Any, early_stopping: bool) -> Array | None:
    """Return the sample weights in X's dtype.

    Parameters
    ----------
    sample_weight : array-like of shape (n,), number or None
    X : ndarray or CSR matrix of shape (n, d)
    early_stopping : bool
        The split into training and validation rows has its own check.

    Returns
    -------
    ndarray of shape (n,) or None

    Raises
    ------
    ValueError
        The shape is wrong or no weight differs from zero.
    """
    if sample_weight is None:
        return None
    weight: Array = _check_sample_weight(sample_weight, X, dtype=X.dtype, **_ANY_WEIGHTS)
    if not early_stopping and not np.any(weight):
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weight


def first_parameters(estimator: Any, n_units: int, X: Any, coef_init: Any, intercept_init: Any) -> tuple[Array, Array]:
    """Return copies of the parameters to train from: those given, the present ones, or zeros.

    Parameters
    ----------
    estimator : Perceptron
    n_units : int
    X : ndarray or CSR matrix of shape (n, d)
    coef_init, intercept_init : array-like or None

    Returns
    -------
    coef : ndarray of shape (n_units, d)
        Of X's dtype, or of that of the present weights.
    intercept : ndarray of shape (n_units,)

    Raises
    ------
    ValueError
        A shape does not match.
    """
    d = X.shape[1]
    present = getattr(estimator, "coef_", None)
    if present is not None and coef_init is None:
        coef = np.array(present.toarray() if issparse(present) else present, order="C")
        if coef.dtype not in (np.float32, np.float64):
            coef = coef.astype(X.dtype)
        if coef.shape[-1] != d:
            raise ValueError(f"Number of features {d} does not match previous data {coef.shape[-1]}.")
        return coef.reshape(n_units, d), np.array(estimator.intercept_, dtype=float).reshape(n_units)
    coef = np.zeros((n_units, d), dtype=X.dtype)
    intercept = np.zeros(n_units, dtype=X.dtype)
    if coef_init is not None:
        given = np.asarray(coef_init, dtype=X.dtype)
        if n_units > 1 and given.shape != coef.shape:
            raise ValueError("Provided ``coef_`` does not match dataset. ")
        if given.size != d * n_units:
            raise ValueError("Provided coef_init does not match dataset.")
        coef[:] = given.reshape(coef.shape)
    if intercept_init is not None:
        given = np.asarray(intercept_init, dtype=X.dtype)
        if given.shape != (n_units,) and not (n_units == 1 and given.shape == ()):
            raise ValueError("Provided intercept_init does not match dataset.")
        intercept[:] = given
    return coef, intercept
