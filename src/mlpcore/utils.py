"""Small public functions under Keras' name `utils`: seeds, one-hot targets, splits, datasets of batches."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpcore import _random
from mlpcore._registry import (
    custom_object_scope,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from mlpcore._structure import Structure, map_structure
from mlpcore._validation import array_of_numbers, check_integer, checked, no_attribute
from mlpcore.data import PyDataset, as_arrays, count_rows
from mlpcore.layers.naming import clear_session

__all__ = [
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "get_registered_name",
    "get_registered_object",
    "normalize",
    "register_keras_serializable",
    "set_random_seed",
    "split_dataset",
    "to_categorical",
]

Sequence = PyDataset  # its name in TensorFlow 2


def set_random_seed(seed: int) -> None:
    """Make everything random reproducible: Python's and NumPy's generators and this package's.

    The package's own generator draws initial weights, shuffles, dropout and noise.

    Parameters
    ----------
    seed : int
        In [0, 2**32).

    Raises
    ------
    ValueError
        `seed` is out of range.

    Examples
    --------
    >>> import mlpcore
    >>> mlpcore.utils.set_random_seed(42)
    """
    import random

    if not isinstance(seed, int | np.integer) or not 0 <= seed < 2**32:
        raise ValueError(f"seed must be an integer in [0, 2**32), got {seed!r}.")
    random.seed(int(seed))
    np.random.seed(int(seed))  # noqa: NPY002 - what users draw with it shall repeat too
    _random.set_seed(int(seed))


@checked
def to_categorical(x: ArrayLike, num_classes: int | None = None) -> NDArray[np.float64]:
    """Return class indices as one-hot rows.

    Parameters
    ----------
    x : array-like of int, any shape
        Indices in [0, num_classes). A last axis of length 1 is dropped.
    num_classes : int, optional
        Default: the largest index plus one.

    Returns
    -------
    ndarray of shape (*x.shape, num_classes)

    Raises
    ------
    ValueError
        An index is out of range.

    Examples
    --------
    >>> to_categorical([0, 2])
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = array_of_numbers("to_categorical: x", x).astype(np.int64)
    if labels.ndim > 1 and labels.shape[-1] == 1:
        labels = labels[..., 0]
    n = int(labels.max(initial=-1)) + 1 if num_classes is None else num_classes
    if labels.size and (labels.min() < 0 or labels.max() >= n):
        raise ValueError(f"class indices must be in [0, {n}), got {labels.min()} to {labels.max()}.")
    result: NDArray[np.float64] = np.eye(n)[labels]
    return result


@checked
def normalize(x: ArrayLike, axis: int = -1, order: float = 2) -> NDArray[Any]:
    """Return `x` with norm 1 along an axis; rows of zeros stay zeros.

    Parameters
    ----------
    x : array-like
        Numbers.
    axis : int, default -1
        The axis along which the norm is taken.
    order : float, default 2
        2: Euclidean norm.

    Examples
    --------
    >>> normalize([[3.0, 4.0]])
    array([[0.6, 0.8]])
    """
    values = array_of_numbers("normalize: x", x)
    norms = np.linalg.norm(np.atleast_1d(values), order, axis, keepdims=True)
    return values / np.where(norms == 0, 1, norms)


@checked
def split_dataset(
    dataset: Structure,
    left_size: float | int | None = None,
    right_size: float | int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
) -> tuple[Structure, Structure]:
    """Split arrays by rows into two parts.

    Parameters
    ----------
    dataset : array, or tuple, list or dict of arrays, with n rows each
        What to split.
    left_size, right_size : float in (0, 1) or int, optional
        Part or number of the rows on each side. One alone determines the other.
    shuffle : bool, default False
        Draw the rows of each part at random.
    seed : int, optional
        Of the shuffle; default: the package's generator.

    Returns
    -------
    left, right : of the structure of `dataset`

    Raises
    ------
    ValueError
        A part is empty, or both together have more rows than there are.

    Examples
    --------
    >>> import numpy as np
    >>> left, right = split_dataset(np.arange(4), left_size=0.75)
    >>> left, right
    (array([0, 1, 2]), array([3]))
    """
    arrays = as_arrays(dataset, "dataset")
    n = count_rows(arrays)
    if left_size is None and right_size is None:
        raise ValueError("split_dataset needs left_size or right_size.")
    n_left, n_right = _rows(left_size, n, "left_size"), _rows(right_size, n, "right_size")
    if n_left is None:
        assert n_right is not None
        n_left = n - n_right
    if n_right is None:
        n_right = n - n_left
    if n_left + n_right > n or n_left < 1 or n_right < 1:
        raise ValueError(f"cannot split {n} rows into {n_left} and {n_right}.")
    order = np.arange(n)
    if shuffle:
        order = np.random.default_rng(_random.next_seed() if seed is None else seed).permutation(n)
    left = map_structure(lambda a: a[order[:n_left]], arrays)
    return left, map_structure(lambda a: a[order[n_left : n_left + n_right]], arrays)


def _rows(size: float | int | None, n: int, name: str) -> int | None:
    if size is None:
        return None
    if isinstance(size, float):
        if not 0 < size < 1:
            raise ValueError(f"{name} must lie between 0 and 1 or be a number of rows, got {size}.")
        return round(size * n)
    check_integer(name, size)
    return int(size)


def __getattr__(name: str) -> Any:
    """Say which name was meant."""
    raise no_attribute(__name__, name, __all__)
