"""Data sets and options that the examples share."""

import argparse
import os
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Split(NamedTuple):
    """Rows to train on, to choose by, and to judge by in the end."""

    X_train: np.ndarray
    y_train: np.ndarray
    X_valid: np.ndarray
    y_valid: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray

    def head(self, n_train, n_valid=1000):
        """Return the first rows alone."""
        return self._replace(
            X_train=self.X_train[:n_train],
            y_train=self.y_train[:n_train],
            X_valid=self.X_valid[:n_valid],
            y_valid=self.y_valid[:n_valid],
        )


def options(description):
    """Return the command line's options: the folder of data (or None), and whether to be quick."""
    parser = argparse.ArgumentParser(description=description)
    folder = os.environ.get("MLPCORE_DATA")
    parser.add_argument(
        "--data",
        type=Path,
        default=folder,
        help="folder with fashion_mnist.npz and california_housing.npz",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="few rows and epochs: shows the way, not the result",
    )
    return parser.parse_args()


def told(values):
    """Return hyperparameters as a line of text."""
    return ", ".join(
        f"{name}={value:.3g}" if isinstance(value, float) else f"{name}={value}"
        for name, value in values.items()
    )


def announced(split, name, options):
    """Return the rows, only some of them if the user is in a hurry, and say what they are."""
    split = split.head(2000, 500) if options.quick else split
    n_train, n_valid = len(split.X_train), len(split.X_valid)
    print(f"{name}: {n_train} rows to train on, {n_valid} to choose by")
    return split


def fashion_mnist(options):
    """Return Fashion-MNIST with pixels in [0, 1]; without the file scikit-learn's small digits."""
    path = options.data and Path(options.data, "fashion_mnist.npz")
    if path and path.exists():
        with np.load(path) as arrays:
            X, X_test = (
                arrays[name].reshape(-1, 784) / np.float32(255)
                for name in ("X_train", "X_test")
            )
            y, y_test = (arrays[name].astype(np.int32) for name in ("y_train", "y_test"))
        split = Split(X[:-5000], y[:-5000], X[-5000:], y[-5000:], X_test, y_test)
        name = "Fashion-MNIST"
    else:
        from sklearn.datasets import load_digits

        X, y = load_digits(return_X_y=True)
        X, y = X.astype(np.float32) / 16, y.astype(np.int32)
        split = Split(X[:1200], y[:1200], X[1200:1500], y[1200:1500], X[1500:], y[1500:])
        name = "scikit-learn's digits" + (f" (there is no {path})" if path else "")
    return announced(split, name, options)


def california_housing(options):
    """Return California housing, standardized; without the file scikit-learn's diabetes data."""
    path = options.data and Path(options.data, "california_housing.npz")
    if path and path.exists():
        with np.load(path) as arrays:
            X, y = arrays["X_num"].astype(np.float32), arrays["y"].astype(np.float32)
        name = "California housing"
    else:
        from sklearn.datasets import load_diabetes

        X, y = load_diabetes(return_X_y=True)
        X, y = X.astype(np.float32), y.astype(np.float32) / 100
        name = "scikit-learn's diabetes data" + (f" (there is no {path})" if path else "")
    order = np.random.default_rng(42).permutation(len(X))
    X, y = X[order], y[order]
    n, m = int(0.6 * len(X)), int(0.8 * len(X))
    X = (X - X[:n].mean(axis=0)) / X[:n].std(axis=0)
    split = Split(X[:n], y[:n], X[n:m], y[n:m], X[m:], y[m:])
    return announced(split, name, options)
