"""Layers that change the shape of what passes, not its numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlpcore import ops
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore._validation import integers
from mlpcore.layers._arguments import arguments_of, positive_integer
from mlpcore.layers.base import Layer


@built_in("layers")
class Flatten(Layer):
    """Turns each row of the batch into a vector.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        "channels_first" moves the axis after the batch to the end before; default: "channels_last".
    **kwargs
        `name`, `trainable`, `dtype`, `input_shape`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> Flatten()(np.zeros((2, 28, 28), np.float32)).shape
    (2, 784)
    """

    _pure = True

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last", "channels_first"):
            message = f"Flatten: data_format must be 'channels_last' or 'channels_first', got {data_format!r}"
            raise ValueError(message)
        self.data_format = data_format or "channels_last"

    def call(self, inputs: Any) -> Any:
        """Return the rows of `inputs` as vectors."""
        n = len(inputs.shape)
        if self.data_format == "channels_first" and n > 2:
            inputs = ops.transpose(inputs, (0, *range(2, n), 1))
        return ops.reshape(inputs, (-1, math.prod(inputs.shape[1:])))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (rows, product of the other axes)."""
        unknown = None in input_shape[1:]
        return input_shape[0], None if unknown else math.prod(input_shape[1:])  # type: ignore[arg-type]

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "data_format")}


@built_in("layers")
class Reshape(Layer):
    """Gives each row of the batch another shape.

    Parameters
    ----------
    target_shape : sequence of int
        Without the batch; one axis may be -1, which is what remains.
    **kwargs
        `name`, `trainable`, `dtype`, `input_shape`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> Reshape((3, -1))(np.zeros((2, 12), np.float32)).shape
    (2, 3, 4)
    """

    _pure = True

    def __init__(self, target_shape: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.target_shape = tuple(integers("Reshape: target_shape", target_shape))
        if self.target_shape.count(-1) > 1 or any(n == 0 or n < -1 for n in self.target_shape):
            message = f"Reshape: target_shape must hold positive integers and at most one -1, got {self.target_shape}"
            raise ValueError(message)

    def call(self, inputs: Any) -> Any:
        """Return `inputs` with the target shape."""
        return ops.reshape(inputs, (-1, *self.compute_output_shape(inputs.shape)[1:]))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (rows, *target_shape)."""
        if None in input_shape[1:]:
            return (input_shape[0], *(None if n == -1 else n for n in self.target_shape))
        size, known = math.prod(input_shape[1:]), math.prod(n for n in self.target_shape if n != -1)  # type: ignore
        if size % known or (size != known and -1 not in self.target_shape):
            raise ValueError(
                f"{self.name}: an input of shape {tuple(input_shape)} with {size} elements a row cannot become "
                f"{self.target_shape}"
            )
        return (input_shape[0], *(size // known if n == -1 else n for n in self.target_shape))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "target_shape")}


@built_in("layers")
class Permute(Layer):
    """Reorders the axes of each row.

    Parameters
    ----------
    dims : sequence of int
        Which axis comes first, second, ...; the first after the batch is 1.
    **kwargs
        `name`, `trainable`, `dtype`, `input_shape`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> Permute((2, 1))(np.zeros((5, 3, 4), np.float32)).shape
    (5, 4, 3)
    """

    _pure = True

    def __init__(self, dims: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.dims = tuple(integers("Permute: dims", dims))
        if sorted(self.dims) != list(range(1, len(self.dims) + 1)):
            raise ValueError(f"Permute: dims must hold each of 1, ..., {len(self.dims)} once, got {self.dims}")

    def call(self, inputs: Any) -> Any:
        """Return `inputs` with its axes reordered."""
        self.compute_output_shape(inputs.shape)
        return ops.transpose(inputs, (0, *self.dims))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the reordered shape."""
        if len(input_shape) != len(self.dims) + 1:
            expected, got = len(self.dims) + 1, tuple(input_shape)
            raise ValueError(f"{self.name}: dims {self.dims} need inputs with {expected} axes, got the shape {got}")
        return (input_shape[0], *(input_shape[axis] for axis in self.dims))

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "dims")}


@built_in("layers")
class RepeatVector(Layer):
    """Repeats each row's vector `n` times: (rows, d) becomes (rows, n, d).

    Parameters
    ----------
    n : int >= 1
    **kwargs
        `name`, `trainable`, `dtype`, `input_shape`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> RepeatVector(2)(np.array([[1.0, 2.0]], np.float32))
    array([[[1., 2.],
            [1., 2.]]], dtype=float32)
    """

    _pure = True

    def __init__(self, n: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.n = positive_integer("RepeatVector", "n", n)

    def call(self, inputs: Any) -> Any:
        """Return the repeated vectors."""
        self.compute_output_shape(inputs.shape)
        return ops.repeat(ops.expand_dims(inputs, 1), self.n, axis=1)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (rows, n, d)."""
        if len(input_shape) != 2:
            raise ValueError(f"{self.name}: expected vectors, shape (rows, d), got the shape {tuple(input_shape)}")
        return (input_shape[0], self.n, input_shape[1])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "n")}
