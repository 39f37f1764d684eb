"""Layers that make one tensor of several, element by element."""

from __future__ import annotations

import math
from functools import reduce
from typing import Any, ClassVar

from mlpcore import ops
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore.layers.base import Layer


class Merge(Layer):
    """Base of the layers that combine a list of tensors element by element.

    An input with fewer axes than another gets axes of length 1 after the batch; then NumPy's broadcasting applies.
    """

    _pure = True
    _takes_one = False
    _least: ClassVar[int] = 1  # how many inputs at least
    _most: ClassVar[float] = math.inf

    def merge(self, inputs: list[Any]) -> Any:
        """Return the combination of tensors with equally many axes."""
        raise NotImplementedError(f"{type(self).__name__} must define merge(inputs)")

    def checked(self, inputs: Any) -> list[Any]:
        """Return the inputs (or their shapes) as a list; raise a ValueError if there are too few or too many."""
        if not isinstance(inputs, list | tuple):
            raise ValueError(f"{self.name}: expected a list of tensors, got {inputs!r}")
        if not self._least <= len(inputs) <= self._most:
            count = f"{self._least}" if self._least == self._most else f"at least {self._least}"
            raise ValueError(f"{self.name}: expected a list of {count} tensors, got {len(inputs)}")
        return list(inputs)

    def tensors(self, inputs: Any) -> list[Any]:
        """Return the inputs as a list; raise a ValueError if it does not hold as many tensors as it should."""
        found = self.checked(inputs)
        for each in found:
            if not hasattr(each, "shape"):
                raise ValueError(f"{self.name}: expected a list of tensors, got {each!r} in it")
        return found

    def call(self, inputs: Any) -> Any:
        """Return the combination of `inputs`, a list of tensors."""
        tensors = self.tensors(inputs)
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
        shapes = [tuple(shape) for shape in self.checked(input_shape)]
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
