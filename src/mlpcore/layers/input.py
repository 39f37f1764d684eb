"""Inputs: where a model begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from mlpcore._registry import built_in
from mlpcore._tensor import KerasTensor, Shape
from mlpcore.layers._arguments import positive_integer
from mlpcore.layers.base import Layer


def _axes(owner: str, name: str, shape: Any) -> tuple[int, ...]:
    axes = tuple(shape) if isinstance(shape, Iterable) else (shape,)
    for n in axes:
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
            raise ValueError(
                f"{owner}: {name} must hold a positive integer for every axis (besides the batch), got {shape!r}"
            )
    return tuple(int(n) for n in axes)


def _dtype_name(owner: str, dtype: DTypeLike | None) -> str:
    try:
        kind = np.dtype("float32" if dtype is None else dtype)
    except TypeError:  # of what is no dtype at all
        kind = np.dtype(object)
    if kind.kind not in "fiub":
        raise ValueError(f"{owner}: dtype must be a floating-point, integer or boolean type, got {dtype!r}")
    return {"i": "int32", "u": "int32", "b": "bool"}.get(kind.kind, "float64" if kind.itemsize == 8 else "float32")


@built_in("layers")
class InputLayer(Layer):
    """The layer that stands for an input of a model.

    Parameters
    ----------
    shape : sequence of int
        Of one row, without the batch.
    batch_size : int, optional
        Rows that every batch is to have; only shown in summaries.
    dtype : dtype, default "float32"
        What the input means; models compute in their floating-point type.
    batch_shape : sequence of int or None, optional
        (batch_size, *shape) in one, in the place of both.
    input_tensor : KerasTensor, optional
        The placeholder that it stands for; default: a new one.
    name : str, optional
    **kwargs
        `input_shape`: another name of `shape`. `sparse`, `ragged`, `optional`: must be false.

    Attributes
    ----------
    output : KerasTensor
        Shape (None, *shape).

    Examples
    --------
    >>> InputLayer((28, 28), name="image").output
    <KerasTensor shape=(None, 28, 28) dtype=float32 name=image>
    """

    def __init__(
        self,
        shape: Sequence[int] | int | None = None,
        batch_size: int | None = None,
        dtype: DTypeLike | None = None,
        *,
        batch_shape: Sequence[int | None] | None = None,
        input_tensor: KerasTensor | None = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        shape = kwargs.pop("input_shape", shape)
        batch_shape = kwargs.pop("batch_input_shape", batch_shape)
        for option in ("sparse", "ragged", "optional"):
            if kwargs.pop(option, None):
                raise ValueError(f"InputLayer: {option}=True is not supported")
        super().__init__(name=name, **kwargs)
        if not isinstance(input_tensor, KerasTensor | None):
            raise TypeError(f"InputLayer: the tensor must be a placeholder, got {input_tensor!r}")
        if input_tensor is not None:
            batch_shape, dtype = input_tensor.shape, dtype or input_tensor.dtype
        if shape is not None and batch_shape is not None:
            raise ValueError("InputLayer: give either shape or batch_shape, not both")
        if batch_shape is not None:
            if not isinstance(batch_shape, list | tuple) or not batch_shape:
                raise ValueError(f"InputLayer: batch_shape must be a tuple such as (None, 3), got {batch_shape!r}")
            batch_size, shape = batch_shape[0], tuple(n or 0 for n in batch_shape[1:])
        if shape is None:
            raise ValueError("InputLayer: shape is missing: the lengths of a row's axes, as (28, 28)")
        if batch_size is not None:
            batch_size = positive_integer("InputLayer", "batch_size", batch_size)
        self.batch_size = batch_size
        self.batch_shape: Shape = (batch_size, *_axes("InputLayer", "shape", shape))
        self.input_dtype = _dtype_name("InputLayer", dtype)
        made = KerasTensor((None, *self.batch_shape[1:]), self.input_dtype, name=self.name)
        self.output = made if input_tensor is None else input_tensor
        self.output.layer = self
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return `inputs`."""
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {"batch_shape": list(self.batch_shape), "dtype": self.input_dtype, "name": self.name}


def Input(
    shape: Sequence[int] | int | None = None,
    batch_size: int | None = None,
    dtype: DTypeLike | None = None,
    sparse: bool | None = None,
    ragged: bool | None = None,
    batch_shape: Sequence[int | None] | None = None,
    name: str | None = None,
    tensor: KerasTensor | None = None,
    optional: bool = False,
) -> KerasTensor:
    """Return a placeholder for an input of a model.

    Parameters
    ----------
    shape : sequence of int
        Of one row, without the batch: (8,) for 8 features, (28, 28) for an image.
    batch_size : int, optional
        Rows that every batch is to have; only shown in summaries.
    dtype : dtype, default "float32"
    sparse, ragged, optional : bool
        Must be false.
    batch_shape : sequence of int or None, optional
        (batch_size, *shape) in one, in the place of both.
    name : str, optional
        Also of the key, where a model's inputs are passed in a dict.
    tensor : KerasTensor, optional
        An existing placeholder to make an input of.

    Returns
    -------
    KerasTensor
        Shape (None, *shape).

    Raises
    ------
    ValueError
        No shape, or one with an axis of unknown length.

    Examples
    --------
    >>> Input((28, 28), name="image")
    <KerasTensor shape=(None, 28, 28) dtype=float32 name=image>
    """
    layer = InputLayer(
        shape,
        batch_size,
        dtype,
        batch_shape=batch_shape,
        input_tensor=tensor,
        name=name,
        sparse=sparse,
        ragged=ragged,
        optional=optional,
    )
    output: KerasTensor = layer.output
    return output
