"""Real data for the comparison: scikit-learn's digits, Fashion-MNIST, or any `.npz` file."""

import warnings
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import fetch_openml, load_digits
from sklearn.model_selection import train_test_split

Array = NDArray[Any]

LAYOUTS = "X_train, y_train, X_test and y_test; X and y; or X_num, X_cat and y"


class ProblemError(Exception):
    """The data cannot be had; the message says why and what to do."""


@dataclass(frozen=True)
class Problem:
    """A data set split into training and test rows, ready for an estimator.

    Attributes
    ----------
    name : str
        What to call it in a table.
    X_train, X_test : ndarray of float32, shape (rows, features)
        Features of about unit size.
    y_train, y_test : ndarray, shape (rows,) or (rows, outputs)
        Classes, or targets standardised by the training rows.
    is_classification : bool
        Whether the targets are classes.
    """

    name: str
    X_train: Array
    y_train: Array
    X_test: Array
    y_test: Array
    is_classification: bool

    @property
    def n_outputs(self) -> int:
        """Width of the network's last layer."""
        if self.is_classification:
            n_classes = len(np.unique(self.y_train))
            return n_classes if n_classes > 2 else 1
        return 1 if self.y_train.ndim == 1 else int(self.y_train.shape[1])

    def __str__(self) -> str:
        """Describe the rows, the features and the target in one line."""
        n_classes = len(np.unique(self.y_train))
        return (
            f"{self.name}, {len(self.X_train)} training rows, {len(self.X_test)} test rows, "
            f"{self.X_train.shape[1]} features, " + (f"{n_classes} classes" if self.is_classification else "regression")
        )


def load_problem(name: str) -> Problem:
    """Load a data set by name.

    Parameters
    ----------
    name : {"digits", "fashion-mnist"}
        Digits comes with scikit-learn; Fashion-MNIST is downloaded from OpenML on first use.

    Raises
    ------
    ProblemError
        If the download fails.
    """
    if name == "digits":
        X, y = load_digits(return_X_y=True)
        return _split(name, X.astype(np.float32) / 16, y, is_classification=True)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # one for each try
            X, y = fetch_openml(
                "Fashion-MNIST",
                version=1,
                return_X_y=True,
                as_frame=False,
                parser="pandas" if find_spec("pandas") else "liac-arff",
            )
    except OSError as error:
        raise ProblemError(
            f"cannot download Fashion-MNIST from OpenML: {error}\n"
            "If you have a copy on disk, pass it as --path FILE.npz."
        ) from error
    # The official test set is the last 10000 rows.
    return _split(name, X.astype(np.float32) / 255, y, is_classification=True, n_train=60_000)


def load_file(path: Path) -> Problem:
    """Load a data set from a `.npz` file.

    Parameters
    ----------
    path : Path
        Holds `X_train, y_train, X_test, y_test`; or `X, y`; or the table `X_num` (NaN = missing),
        `X_cat` (codes, negative = missing) and `y`. Bytes count as pixels and are divided by 255.
        Floating-point targets mean regression.

    Raises
    ------
    ProblemError
        If the file is missing, is no `.npz`, or holds something else.
    """
    arrays = _read(path)
    n_train = None
    if {"X_train", "y_train", "X_test", "y_test"} <= arrays.keys():
        n_train = len(arrays["y_train"])
        X = np.concatenate([arrays["X_train"], arrays["X_test"]])
        y = np.concatenate([arrays["y_train"], arrays["y_test"]])
    elif {"X", "y"} <= arrays.keys():
        X, y = arrays["X"], arrays["y"]
    elif {"X_num", "X_cat", "y"} <= arrays.keys():
        X, y = _table(arrays["X_num"], arrays["X_cat"]), arrays["y"]
    else:
        found = ", ".join(sorted(arrays)) or "nothing"
        raise ProblemError(f"{path} should hold {LAYOUTS}; it holds {found}.")
    if len(X) != len(y):
        raise ProblemError(f"{path} has {len(X)} rows of features but {len(y)} targets.")
    X = X.reshape(len(X), -1).astype(np.float32) / (255 if X.dtype == np.uint8 else 1)
    if not np.isfinite(X).all():
        raise ProblemError(f"{path} has NaN or infinite features; only X_num may have NaN.")
    return _split(path.stem, X, y, is_classification=y.dtype.kind != "f", n_train=n_train)


def _read(path: Path) -> dict[str, Array]:
    """Read all arrays of a `.npz` file."""
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except OSError as error:
        raise ProblemError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, TypeError, EOFError, BadZipFile) as error:
        raise ProblemError(f"cannot read {path}: it is no .npz file of plain arrays") from error


def _table(numbers: Array, codes: Array) -> Array:
    """Standardise the numeric columns, a missing value becoming the mean; one-hot the others."""
    numbers = numbers.astype(np.float64)
    spread = np.nanstd(numbers, axis=0)
    scaled = (numbers - np.nanmean(numbers, axis=0)) / np.where(spread > 0, spread, 1)
    hot = [column[:, None] == np.arange(column.max(initial=-1) + 1) for column in codes.T]
    return np.hstack([np.nan_to_num(scaled, nan=0.0), *hot])


def _split(name: str, X: Array, y: Array, is_classification: bool, n_train: int | None = None) -> Problem:
    """Split at `n_train`, or else a random fifth off for testing; standardise numeric targets."""
    if n_train is None:
        counts = np.unique(y, return_counts=True)[1]
        stratify = y if is_classification and counts.min() > 1 else None
        parts = train_test_split(X, y, test_size=0.2, random_state=0, stratify=stratify)
    else:
        parts = [X[:n_train], X[n_train:], y[:n_train], y[n_train:]]
    X_train, X_test, y_train, y_test = parts
    if not is_classification:
        mean, spread = y_train.mean(axis=0), y_train.std(axis=0)
        y_train, y_test = (y_train - mean) / spread, (y_test - mean) / spread
    return Problem(name, X_train, y_train, X_test, y_test, is_classification)
