"""Layers that join tensors: side by side, or by sums of products."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlpcore import ops
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore._validation import checked
from mlpcore.layers._arguments import arguments_of
from mlpcore.layers.merge import Merge


@built_in("layers")
class Concatenate(Merge):
    """Joins its inputs along an axis.

    Parameters
    ----------
    axis : int, default -1
        Any but that of the batch; along all others the inputs' shapes must be equal.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> Concatenate()([np.ones((1, 2), np.float32), np.zeros((1, 1), np.float32)])
    array([[1., 1., 0.]], dtype=float32)
    """

    @checked
    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        """Return the joined tensors."""
        tensors = self.tensors(inputs)
        self.compute_output_shape([tuple(x.shape) for x in tensors])
        return tensors[0] if len(tensors) == 1 else ops.concatenate(tensors, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of the joined tensors."""
        shapes = [list(shape) for shape in self.checked(input_shape)]
        n = len(shapes[0])
        if not -n <= self.axis < n or self.axis % n == 0:
            raise ValueError(f"{self.name}: cannot join inputs of shape {tuple(shapes[0])} along axis {self.axis}")
        axis = self.axis % n
        sizes = [shape.pop(axis) if len(shape) == n else None for shape in shapes]
        known = [{m for m in column if m is not None} for column in zip(*shapes, strict=False)]
        if any(len(shape) != n - 1 for shape in shapes) or any(len(each) > 1 for each in known):
            listed = ", ".join(str(tuple(shape)) for shape in input_shape)
            raise ValueError(f"{self.name}: inputs must be equal but for axis {self.axis}, got the shapes {listed}")
        joined = None if None in sizes else sum(sizes)  # type: ignore[arg-type]
        return (*shapes[0][:axis], joined, *shapes[0][axis:])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "axis")}


@built_in("layers")
class Dot(Merge):
    """Sums of products of two inputs along one axis of each, row by row.

    Parameters
    ----------
    axes : int or pair of int
        The axis of the first and of the second input (1 is the first after the batch).
    normalize : bool, default False
        Divide both by their norms along these axes first: cosines come out.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> Dot(axes=1)([np.array([[1, 2]], np.float32), np.array([[3, 4]], np.float32)])
    array([[11.]], dtype=float32)
    """

    _least = _most = 2

    def __init__(self, axes: int | Sequence[int], normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        pair = list(axes) if isinstance(axes, list | tuple) else [axes, axes]
        if len(pair) != 2 or not all(isinstance(axis, int) for axis in pair):
            raise ValueError(f"Dot: axes must be an integer or two, got {axes!r}")
        self.axes = axes if isinstance(axes, int) else tuple(axes)
        self.normalize = normalize

    def _axes(self, shapes: list[Shape]) -> list[int]:
        axes = (self.axes, self.axes) if isinstance(self.axes, int) else self.axes
        for axis, shape in zip(axes, shapes, strict=True):
            if not -len(shape) <= axis < len(shape) or axis % len(shape) == 0:
                raise ValueError(f"{self.name}: axis {axis} is none of an input of shape {shape} besides the batch")
        first, second = (axis % len(shape) for axis, shape in zip(axes, shapes, strict=True))
        if shapes[0][first] != shapes[1][second]:
            message = f"{self.name}: axes {axes} of inputs of shapes {shapes[0]} and {shapes[1]} differ in length"
            raise ValueError(message)
        return [first, second]

    def call(self, inputs: Any) -> Any:
        """Return the products of two tensors."""
        tensors = self.tensors(inputs)
        shapes: list[Shape] = [tuple(x.shape) for x in tensors]
        axes = self._axes(shapes)
        matrices = []
        for x, shape, axis, last in zip(tensors, shapes, axes, (True, False), strict=True):
            if self.normalize:
                squares = ops.sum(ops.square(x), axis=axis, keepdims=True)
                x = x / ops.sqrt(ops.maximum(squares, 1e-12))
            rest = [k for k in range(1, len(shape)) if k != axis]
            x = ops.transpose(x, (0, *rest, axis) if last else (0, axis, *rest))
            others = math.prod(shape[k] for k in rest)  # type: ignore[misc]
            matrices.append(ops.reshape(x, (-1, others, shape[axis]) if last else (-1, shape[axis], others)))
        return ops.reshape(ops.matmul(*matrices), (-1, *self.compute_output_shape(shapes)[1:]))

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of the products."""
        shapes: list[Shape] = [tuple(shape) for shape in self.checked(input_shape)]
        axes = self._axes(shapes)
        rest = [n for shape, axis in zip(shapes, axes, strict=True) for k, n in enumerate(shape) if k not in (0, axis)]
        return (shapes[0][0], *(rest or [1]))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "axes", "normalize")}
