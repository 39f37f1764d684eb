"""The rows of the problems: data sets of this machine, scikit-learn's own, or synthetic ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

SEED = 0
Rows = Callable[[int], tuple]  # number of rows -> X (rows, features), y


class NoData(Exception):
    """A data set is not on this machine."""


def table(name: str) -> dict[str, np.ndarray]:
    """Read NAME.npz from the folder that --data or MLPCORE_DATA names."""
    folder = os.environ.get("MLPCORE_DATA")
    path = Path(folder or ".") / f"{name}.npz"
    if folder is None or not path.exists():
        raise NoData(f"needs {name}.npz; name its folder by --data or MLPCORE_DATA")
    with np.load(path) as archive:
        return dict(archive)


def fashion_mnist(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first training images as rows of 784 numbers in [0, 1], and their classes."""
    arrays = table("fashion_mnist")
    x = arrays["X_train"][:rows].reshape(-1, 784) / np.float32(255)
    return x, arrays["y_train"][:rows].astype(np.int64)


def housing(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return shuffled, standardised rows of the California housing table and their prices."""
    arrays = table("california_housing")
    x = arrays["X_num"].astype(np.float64)
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    chosen = np.random.RandomState(SEED).permutation(len(x))[:rows]
    return x[chosen], arrays["y"][chosen].astype(np.float32)


def digits(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of digits that scikit-learn brings, 64 numbers in [0, 1], and classes."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x[:rows] / 16.0).astype(np.float32), y[:rows].astype(np.int64)


def diabetes(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the diabetes table that scikit-learn brings, target in its standard deviations."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True, scaled=True)
    return (x[:rows] * np.sqrt(len(x))), ((y - y.mean()) / y.std())[:rows]


def synthetic(features: int, outputs: int, task: str, dtype: str = "float32") -> Rows:
    """Return a maker of normal rows whose targets a random network with noise gives."""

    def make(rows: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(SEED)
        x = rng.standard_normal((rows, features), dtype=np.float32)
        hidden = np.tanh(x @ rng.standard_normal((features, 16), dtype=np.float32) / features**0.5)
        scores = hidden @ rng.standard_normal((16, outputs)) + rng.normal(0, 0.3, (rows, outputs))
        if task == "classes":
            y = scores.argmax(axis=1)
        elif task == "labels":
            y = (scores > 0).astype(np.int64)
        else:
            y = scores.astype(dtype)
        return x.astype(dtype), y if task == "classes" or outputs > 1 else y.ravel()

    return make


def text_like(rows: int, features: int = 20000, words: int = 60, classes: int = 10):
    """Return CSR rows of about 60 words drawn by Zipf's law (0.3 % dense), and their topics."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(SEED)
    y = rng.integers(0, classes, rows)
    weights = 1.0 / np.arange(10, features + 10)
    common = rng.choice(features, (rows, words), p=weights / weights.sum())
    rotated = (common + y[:, None] * (features // classes)) % features  # each topic's own words
    columns = np.where(rng.random((rows, words)) < 0.5, common, rotated)
    values = rng.uniform(0.5, 1.5, columns.size).astype(np.float32)
    starts = np.arange(0, columns.size + 1, words)
    x = csr_matrix((values, columns.ravel(), starts), shape=(rows, features))
    x.sum_duplicates()
    return x, y
