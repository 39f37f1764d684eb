"""Checks of what users pass to an estimator, and the promise that a failing call changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral, Real
from typing import Any

import numpy as np
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import _check_feature_names, _check_sample_weight, validate_data

from mlpcore._validation import is_ready
from mlpcore.estimators._targets import Array


@contextmanager
def unchanged_on_error(estimator: BaseEstimator) -> Iterator[None]:
    """Put every attribute of the estimator back if the block raises.

    The block must replace attributes rather than edit the objects they hold.
    """
    before = vars(estimator).copy()
    try:
        yield
    except BaseException:
        state = vars(estimator)
        state.update(before)
        for name in state.keys() - before.keys():
            del state[name]
        raise


ACCEPTED_SPARSE = ("csr", "csc")  # what validate_data leaves as it is; it makes CSR of the others


def by_rows(X: Any) -> Any:
    """Return X as the core reads it: an aligned array, or a sparse matrix by rows (CSR) of contiguous arrays."""
    if not issparse(X):
        return np.require(X, requirements="A")
    rows = X.tocsr()  # itself if it is one
    given = (rows.data, rows.indices, rows.indptr)
    contiguous = tuple(np.require(array, requirements=("C", "A")) for array in given)
    if all(new is old for new, old in zip(contiguous, given, strict=True)):
        return rows
    return type(rows)(contiguous, shape=rows.shape)


def checked_rows(estimator: BaseEstimator, X: Any, dtype: str) -> Any:
    """Return X as C-contiguous or sparse rows of `dtype`, checked against the fitted features."""
    if is_ready(X, estimator.n_features_in_, dtype) and not hasattr(estimator, "feature_names_in_"):
        return X
    with np.errstate(over="ignore", invalid="ignore"):  # overflow is refused as infinity
        rows = validate_data(estimator, X, accept_sparse=ACCEPTED_SPARSE, dtype=np.dtype(dtype), order="C", reset=False)
    return by_rows(rows)


def checked_rows_and_y(
    estimator: BaseEstimator, X: Any, y: Any, *, dtype: Any, reset: bool, y_numeric: bool = False
) -> tuple[Any, Array]:
    """Return X as C-contiguous or sparse rows of one of `dtype`, and y (rows,) or (rows, n_outputs), both checked.

    Plain arrays of one of these types take a way ten times shorter than scikit-learn's `validate_data`.
    """
    if _are_plain(X, y, dtype) and (reset or X.shape[1] == estimator.n_features_in_):
        if reset:
            estimator.n_features_in_ = X.shape[1]
            vars(estimator).pop("feature_names_in_", None)
        if reset or not hasattr(estimator, "feature_names_in_"):
            return X, y
    with np.errstate(over="ignore", invalid="ignore"):  # overflow is refused as infinity
        X, y = validate_data(
            estimator,
            X,
            y,
            accept_sparse=ACCEPTED_SPARSE,
            multi_output=True,
            y_numeric=y_numeric,
            dtype=dtype,
            order="C",
            reset=reset,
        )
    if y_numeric and issparse(y):
        raise TypeError("Sparse data was passed for y, but dense data is required. Use '.toarray()' to convert it.")
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    return by_rows(X), y


def checked_validation_rows(
    estimator: BaseEstimator, X: Any, y: Any, like: Array, *, dtype: Any, y_numeric: bool = False
) -> tuple[Any, Array]:
    """Return X_val and y_val as `checked_rows_and_y` does; y_val must have the columns of the checked y `like`."""
    if not (_are_plain(X, y, dtype) and X.shape[1] == estimator.n_features_in_) or hasattr(
        estimator, "feature_names_in_"
    ):
        _check_feature_names(estimator, X, reset=False)
        with np.errstate(over="ignore", invalid="ignore"):  # overflow is refused as infinity
            X = check_array(
                X, accept_sparse=ACCEPTED_SPARSE, dtype=dtype, order="C", estimator=estimator, input_name="X_val"
            )
        if X.shape[1] != estimator.n_features_in_:
            raise ValueError(
                f"X_val has {X.shape[1]} features, but {type(estimator).__name__} is expecting "
                f"{estimator.n_features_in_} features as input."
            )
        y = check_array(
            y,
            accept_sparse=False if y_numeric else "csr",
            ensure_2d=False,
            dtype=None,
            estimator=estimator,
            input_name="y_val",
        )
        if y_numeric and y.dtype.kind == "O":
            y = y.astype(np.float64)
        check_consistent_length(X, y)
        X = by_rows(X)
    if y.ndim == 2 and y.shape[1] == 1:
        y = column_or_1d(y, warn=True)
    if y.shape[1:] != like.shape[1:]:
        raise ValueError(f"y_val must have the columns of y, got {y.shape} where y is {like.shape}.")
    return X, y


def _are_plain(X: Any, y: Any, dtypes: Any) -> bool:
    """Tell whether X and y need no conversion and hold no NaN or infinity."""
    if type(X) is not np.ndarray or type(y) is not np.ndarray or X.ndim != 2 or y.ndim != 1 or len(X) != len(y):
        return False
    allowed = dtypes if isinstance(dtypes, tuple) else (dtypes,)
    if X.shape[1] == 0 or X.dtype not in allowed or not is_ready(X, X.shape[1], X.dtype):
        return False
    return y.dtype.kind in "biu" or (y.dtype.kind == "f" and bool(np.isfinite(y).all()))


def checked_sample_weight(sample_weight: Any, X: Any, dtype: str, name: str = "sample_weight") -> Array | None:
    """Return the weights as (rows,) of `dtype`; their sum must be a number to divide by."""
    if sample_weight is None:
        return None
    try:
        weight: Array = _check_sample_weight(sample_weight, X)
    except ValueError as error:  # whose words know one name only
        raise ValueError(str(error).replace("sample_weight", name)) from None
    if not np.any(weight):
        raise ValueError("Sample weights must contain at least one non-zero number.")
    with np.errstate(over="ignore", under="ignore"):  # what overflows is refused
        return with_usable_sum(np.require(weight, dtype, ["C", "A"]), name)


def with_usable_sum(weight: Array, name: str) -> Array:
    """Return the weights if they are finite and their sum is, in their type, neither 0 nor subnormal."""
    limits = np.finfo(weight.dtype)
    with np.errstate(over="ignore", invalid="ignore"):
        total = abs(float(weight.astype(np.float64, copy=False).sum()))
    if not limits.tiny <= total <= limits.max or not np.isfinite(weight).all():
        raise ValueError(
            f"{name} must make weights that are finite and whose sum is neither 0 nor too small or too large "
            f"for {weight.dtype}."
        )
    return weight


def checked_hidden_layer_sizes(sizes: Any) -> list[int]:
    """Return the units of each hidden layer; a single number stands for one layer."""
    units = list(sizes) if hasattr(sizes, "__iter__") else [sizes]
    if not all(isinstance(size, Integral) and not isinstance(size, bool) for size in units):
        raise TypeError(f"hidden_layer_sizes must be integers, got {units}.")
    if any(size <= 0 for size in units):
        raise ValueError(f"hidden_layer_sizes must be > 0, got {units}.")
    return [int(size) for size in units]


def checked_dropout(dropout: Any, n_hidden: int) -> tuple[float, ...]:
    """Return the rate behind each hidden layer, () if all are 0; a single number stands for all."""
    rates: tuple[Any, ...] = (dropout,) * n_hidden if isinstance(dropout, Real) else tuple(dropout)
    if not all(isinstance(rate, Real) and 0 <= rate < 1 for rate in rates):  # type: ignore[operator]
        raise ValueError(f"dropout must hold numbers in [0, 1), got {dropout!r}.")
    if len(rates) != n_hidden:
        raise ValueError(f"dropout must be one rate, or one for each of {n_hidden} hidden layers, got {dropout!r}.")
    return tuple(float(rate) for rate in rates) if any(rates) else ()


def check_finite(parameters: list[Array]) -> None:
    """Raise ValueError if the training has blown up."""
    if not all(np.isfinite(p).all() for p in parameters):
        raise ValueError(
            "Solver produced non-finite parameter weights. The input data may"
            " contain large values and need to be preprocessed."
        )
