"""Mean and variance of data that comes in pieces, in float64."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_MOST_ELEMENTS = 1 << 17  # converted to float64 at a time: 1 MB, which stays in the cache


class Moments:
    """Mean and population variance over some axes of the batches given so far.

    Parameters
    ----------
    kept : sequence of int
        The axes that are not averaged over.

    Attributes
    ----------
    count : int
        Numbers averaged.
    mean, variance : ndarray
        Shape: the lengths of the kept axes. The variance of equal numbers is exactly 0.

    Examples
    --------
    >>> moments = Moments(kept=[1])
    >>> moments.add(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> moments.add(np.array([[2.0, 5.0]]))
    >>> moments.mean, moments.variance.round(4), moments.count
    (array([2., 5.]), array([0.6667, 0.    ]), 3)

    References
    ----------
    .. [1] T. F. Chan, G. H. Golub, R. J. LeVeque, "Updating formulae and a pairwise algorithm for computing sample
       variances", 1979, equation 2.1.
    """

    def __init__(self, kept: Sequence[int]):
        self.kept = tuple(kept)
        self.count = 0
        self._pivot: NDArray[np.float64] | None = None  # the first numbers, subtracted from all others
        self._mean: Any = 0.0  # of what remains
        self._squares: Any = 0.0  # sum of squared distances to the mean

    def add(self, batch: NDArray[Any]) -> None:
        """Take one more batch, an array of any number type and any number of rows."""
        rows = max(1, _MOST_ELEMENTS // max(1, math.prod(batch.shape[1:])))
        for first in range(0, len(batch), rows):
            self._add(np.asarray(batch[first : first + rows], np.float64))

    def _add(self, values: NDArray[np.float64]) -> None:
        averaged = tuple(axis for axis in range(values.ndim) if axis not in self.kept)
        n = math.prod(values.shape[axis] for axis in averaged)
        if not n:
            return
        if self._pivot is None:
            corner = tuple(slice(None) if axis in self.kept else slice(1) for axis in range(values.ndim))
            self._pivot = values[corner].copy()
        values = values - self._pivot
        middle = values.mean(axis=averaged, keepdims=True)
        mean = middle.reshape([values.shape[axis] for axis in self.kept])
        values -= middle
        squares = np.square(values, out=values).sum(axis=averaged)
        total = self.count + n
        distance = mean - self._mean
        self._mean = self._mean + distance * (n / total)
        self._squares = self._squares + squares + np.square(distance) * (self.count * n / total)
        self.count = total

    @property
    def mean(self) -> NDArray[np.float64]:
        """The mean of all numbers so far."""
        assert self._pivot is not None, "no numbers were given"
        return np.asarray(self._pivot.reshape(np.shape(self._mean)) + self._mean)

    @property
    def variance(self) -> NDArray[np.float64]:
        """The population variance of all numbers so far."""
        return np.asarray(self._squares / self.count)


def batches_of(owner: str, data: Any) -> Iterator[NDArray[Any]]:
    """Return the arrays of a data set, one after the other.

    Parameters
    ----------
    owner : str
        Whom errors name.
    data : array_like, DataFrame, list of arrays, iterable of batches, or sequence of batches
        A batch is an array with two axes or more, or a tuple that begins with one, as (x, y).
    """
    if isinstance(data, list | tuple):
        is_batches = bool(data) and all(np.ndim(_inputs_of(each)) >= 2 for each in data)
        batches: Iterable[Any] = data if is_batches else [data]  # else nested lists of numbers, or rows
    elif hasattr(data, "__array__") or np.isscalar(data):
        batches = [data]
    elif hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        batches = (data[index] for index in range(len(data)))
    elif isinstance(data, Iterable):
        batches = data
    else:
        raise TypeError(f"{owner}: expected an array, a DataFrame or batches of arrays, got {type(data).__name__}")
    for batch in batches:
        yield _numbers(owner, _inputs_of(batch))


def _inputs_of(batch: Any) -> Any:
    """Return x of a batch (x, y) or (x, y, sample_weight)."""
    return batch[0] if isinstance(batch, tuple) and hasattr(batch[0], "shape") else batch


def _numbers(owner: str, data: Any) -> NDArray[Any]:
    array = np.asarray(data)
    if array.dtype.kind == "O":
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise TypeError(f"{owner}: expected numbers, got {error}") from error
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{owner}: expected numbers, got an array of dtype {array.dtype}")
    return array
