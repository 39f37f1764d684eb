"""Layers that make one tensor of several, and the functions of the same names."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any, ClassVar

from mlpcore import ops
from mlpcore._registry import built_in
from mlpcore._tensor import KerasTensor, Shape
from mlpcore.layers._arguments import arguments_of
from mlpcore.layers.base import Layer


class Merge(Layer):
    """Base of the layers that combine a list of tensors element by element.

    An input with fewer axes than another gets axes of length 1 after the batch; then NumPy's broadcasting applies.
    """

    _pure = True
    _least: ClassVar[int] = 1  # how many inputs at least
    _most: ClassVar[float] = math.inf

    def merge(self, inputs: list[Any]) -> Any:
        """Return the combination of tensors with equally many axes."""
        raise NotImplementedError(f"{type(self).__name__} must define merge(inputs)")

    def _checked(self, inputs: Any) -> list[Any]:
        if not isinstance(inputs, list | tuple):
            raise ValueError(f"{self.name}: expected a list of tensors, got {inputs!r}")
        if not self._least <= len(inputs) <= self._most:
            count = f"{self._least}" if self._least == self._most else f"at least {self._least}"
            raise ValueError(f"{self.name}: expected a list of {count} tensors, got {len(inputs)}")
        return list(inputs)

    def call(self, inputs: Any) -> Any:
        """Return the combination of `inputs`, a list of tensors."""
        tensors = self._checked(inputs)
        self.compute_output_shape([tuple(x.shape) for x in tensors])
        most = max(len(x.shape) for x in tensors)
        return self.merge([_with_axes(x, most) for x in tensors])

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape that the inputs broadcast to.

        Parameters
        ----------
        input_shape : list of tuple
            One shape per input.
        """
        shapes = [tuple(shape) for shape in self._checked(input_shape)]
        most = max(map(len, shapes))
        padded = [(*shape[:1], *(1,) * (most - len(shape)), *shape[1:]) for shape in shapes]
        result: list[int | None] = []
        for axis, sizes in enumerate(zip(*padded, strict=True)):
            known = {n for n in sizes if n is not None and (n != 1 or axis == 0)}
            if len(known) > 1:
                raise ValueError(f"{self.name}: inputs of shapes {', '.join(map(str, shapes))} do not fit together")
            result.append(known.pop() if known else None if None in sizes else 1)
        return tuple(result)


def _with_axes(x: Any, n: int) -> Any:
    shape = tuple(x.shape)
    return x if len(shape) == n else ops.reshape(x, (-1, *(1,) * (n - len(shape)), *shape[1:]))


@built_in("layers")
class Add(Merge):
    """Sum of its inputs, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> Add()([np.ones((1, 2), np.float32), np.full((1, 2), 3, np.float32)])
    array([[4., 4.]], dtype=float32)
    """

    def merge(self, inputs: list[Any]) -> Any:
        """Return the sum."""
        return reduce(ops.add, inputs)


@built_in("layers")
class Subtract(Merge):
    """First of two inputs minus the second.

    Examples
    --------
    >>> import numpy as np
    >>> Subtract()([np.ones((1, 2), np.float32), np.full((1, 2), 3, np.float32)])
    array([[-2., -2.]], dtype=float32)
    """

    _least = _most = 2

    def merge(self, inputs: list[Any]) -> Any:
        """Return the difference."""
        return ops.subtract(*inputs)


@built_in("layers")
class Multiply(Merge):
    """Product of its inputs, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> Multiply()([np.full((1, 2), 2, np.float32), np.full((1, 2), 3, np.float32)])
    array([[6., 6.]], dtype=float32)
    """

    def merge(self, inputs: list[Any]) -> Any:
        """Return the product."""
        return reduce(ops.multiply, inputs)


@built_in("layers")
class Average(Merge):
    """Mean of its inputs, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> Average()([np.full((1, 2), 2, np.float32), np.full((1, 2), 3, np.float32)])
    array([[2.5, 2.5]], dtype=float32)
    """

    def merge(self, inputs: list[Any]) -> Any:
        """Return the mean."""
        return reduce(ops.add, inputs) * (1 / len(inputs))


@built_in("layers")
class Maximum(Merge):
    """Largest of its inputs, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> Maximum()([np.array([[1, 5]], np.float32), np.array([[2, 4]], np.float32)])
    array([[2., 5.]], dtype=float32)
    """

    def merge(self, inputs: list[Any]) -> Any:
        """Return the maximum."""
        return reduce(ops.maximum, inputs)


@built_in("layers")
class Minimum(Merge):
    """Smallest of its inputs, element by element.

    Examples
    --------
    >>> import numpy as np
    >>> Minimum()([np.array([[1, 5]], np.float32), np.array([[2, 4]], np.float32)])
    array([[1., 4.]], dtype=float32)
    """

    def merge(self, inputs: list[Any]) -> Any:
        """Return the minimum."""
        return reduce(ops.minimum, inputs)


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

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        """Return the joined tensors."""
        tensors = self._checked(inputs)
        self.compute_output_shape([tuple(x.shape) for x in tensors])
        return tensors[0] if len(tensors) == 1 else ops.concatenate(tensors, axis=self.axis)

    def compute_output_shape(self, input_shape: Any) -> Shape:
        """Return the shape of the joined tensors."""
        shapes = [list(shape) for shape in self._checked(input_shape)]
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
        if not isinstance(axes, int) and (len(axes) != 2 or not all(isinstance(axis, int) for axis in axes)):
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
        tensors = self._checked(inputs)
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
        shapes: list[Shape] = [tuple(shape) for shape in self._checked(input_shape)]
        axes = self._axes(shapes)
        rest = [n for shape, axis in zip(shapes, axes, strict=True) for k, n in enumerate(shape) if k not in (0, axis)]
        return (shapes[0][0], *(rest or [1]))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "axes", "normalize")}


def _apply(layer: type[Merge], inputs: Any, **kwargs: Any) -> Any:
    """Return the combination of `inputs`; a model's graph shows it as a layer.

    Inside `call` it is computed by a throw-away layer without its bookkeeping, so that loops do not pile up layers.
    """
    made = layer(**kwargs)
    is_placeholder = isinstance(inputs, list | tuple) and any(isinstance(x, KerasTensor) for x in inputs)
    return made(inputs) if is_placeholder else made.call(inputs)


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the sum of tensors: see `Add`."""
    return _apply(Add, inputs, **kwargs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the difference of two tensors: see `Subtract`."""
    return _apply(Subtract, inputs, **kwargs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the product of tensors: see `Multiply`."""
    return _apply(Multiply, inputs, **kwargs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the mean of tensors: see `Average`."""
    return _apply(Average, inputs, **kwargs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the maximum of tensors: see `Maximum`."""
    return _apply(Maximum, inputs, **kwargs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the minimum of tensors: see `Minimum`."""
    return _apply(Minimum, inputs, **kwargs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Return tensors joined along an axis: see `Concatenate`."""
    return _apply(Concatenate, inputs, axis=axis, **kwargs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """Return sums of products of two tensors: see `Dot`."""
    return _apply(Dot, inputs, axes=axes, **kwargs)
