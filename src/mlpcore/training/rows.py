"""Rows as the engine reads them: inputs and targets flattened, in its dtype, class indices as integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Axes = tuple[int, ...]  # a shape without the batch


@dataclass(frozen=True)
class Row:
    """One row of an array: its shape and what its numbers are."""

    axes: Axes
    dtype: str

    @classmethod
    def of(cls, array: Array, dtype: str) -> Row:
        """Return that of an array (n, ...); floating-point numbers are of the model's `dtype`."""
        kind = {"f": dtype, "b": "bool"}.get(array.dtype.kind, "int32")
        return cls(array.shape[1:], kind)


def as_matrix(array: Array, dtype: str) -> Array:
    """Return rows (n, ...) as a C-contiguous matrix (n, width) of the engine's dtype; the same memory if it is one."""
    return np.ascontiguousarray(array, dtype).reshape(len(array), -1)


@dataclass(frozen=True)
class Target:
    """The targets of one output: where the engine finds them, and how it reads them.

    Attributes
    ----------
    output : int
        Which output they belong to.
    name : str
        Of that output.
    axes : tuple of int
        Shape of a row.
    n_classes : int or None
        They are class indices below this; None: numbers.
    """

    output: int
    name: str
    axes: Axes
    n_classes: int | None

    def read(self, array: Array, dtype: str) -> Array:
        """Return targets (n, ...) as the engine reads them.

        Returns
        -------
        ndarray
            int32 (n,) class indices, or (n, width) of `dtype`.

        Raises
        ------
        ValueError
            A class index is no integer or out of range, or rows have another shape than the first ones had.
        """
        if array.shape[1:] != self.axes:
            raise ValueError(
                f"targets of output {self.name!r} have rows of shape {array.shape[1:]}, before it was {self.axes}."
            )
        if self.n_classes is None:
            return as_matrix(array, dtype)
        labels = array.reshape(len(array))
        if labels.dtype.kind == "f":
            rounded = np.rint(labels)
            if not np.array_equal(rounded, labels):
                raise ValueError(f"{self._expected} got {labels[rounded != labels][0]}.")
        if labels.size and (labels.min() < 0 or labels.max() >= self.n_classes):
            raise ValueError(f"{self._expected} got {labels.min():g} to {labels.max():g}.")
        return np.ascontiguousarray(labels, np.int32)

    @property
    def _expected(self) -> str:
        return (
            f"output {self.name!r} has {self.n_classes} units, so its targets must be class indices "
            f"from 0 to {self.n_classes - 1 if self.n_classes else 0};"
        )


def weight_of_rows(weight: Any, n_rows: int, dtype: str, where: str) -> Array | None:
    """Return weights as the engine reads them, (n,), or None if there are none.

    Raises
    ------
    ValueError
        They are not one number per row.
    """
    if weight is None:
        return None
    array = np.asarray(weight)
    if array.size != n_rows or array.shape[0] != n_rows:
        raise ValueError(f"{where} must have one weight per row, shape ({n_rows},); got shape {array.shape}.")
    return np.ascontiguousarray(array.reshape(n_rows), dtype)
