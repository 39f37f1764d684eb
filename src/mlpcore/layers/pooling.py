"""Layers that reduce the steps of a sequence to one."""

from __future__ import annotations

from typing import Any, ClassVar

from mlpcore import ops
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore.layers._arguments import arguments_of
from mlpcore.layers.base import Layer


class _GlobalPooling1D(Layer):
    """Base of the layers that reduce (rows, steps, features) to (rows, features)."""

    _pure = True
    _reduce: ClassVar[Any]

    def __init__(self, data_format: str | None = None, keepdims: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last", "channels_first"):
            given = f"got {data_format!r}"
            raise ValueError(f"{self.name}: data_format must be 'channels_last' or 'channels_first', {given}")
        self.data_format = data_format or "channels_last"
        self.keepdims = bool(keepdims)

    def call(self, inputs: Any) -> Any:
        """Return the reduced `inputs`."""
        self.compute_output_shape(tuple(inputs.shape))
        return type(self)._reduce(inputs, axis=self._axis, keepdims=self.keepdims)

    @property
    def _axis(self) -> int:
        return 1 if self.data_format == "channels_last" else 2

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (rows, features), with `keepdims` (rows, 1, features)."""
        if len(input_shape) != 3:
            got = tuple(input_shape)
            raise ValueError(f"{self.name}: expected inputs of shape (rows, steps, features), got {got}")
        kept = [1] if self.keepdims else []
        return (*input_shape[: self._axis], *kept, *input_shape[self._axis + 1 :])

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "data_format", "keepdims")}


@built_in("layers", "GlobalAvgPool1D")
class GlobalAveragePooling1D(_GlobalPooling1D):
    """Mean over the steps of a sequence, as of the words that an `Embedding` gives.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        Inputs are (rows, steps, features), the default, or (rows, features, steps).
    keepdims : bool, default False
        Keep an axis of length 1.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> GlobalAveragePooling1D()(np.array([[[1, 2], [3, 4]]], np.float32))
    array([[2., 3.]], dtype=float32)
    """

    _reduce = ops.mean


@built_in("layers", "GlobalMaxPool1D")
class GlobalMaxPooling1D(_GlobalPooling1D):
    """Maximum over the steps of a sequence.

    Parameters
    ----------
    data_format : {"channels_last", "channels_first"}, optional
        Inputs are (rows, steps, features), the default, or (rows, features, steps).
    keepdims : bool, default False
        Keep an axis of length 1.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> GlobalMaxPooling1D()(np.array([[[1, 2], [3, 4]]], np.float32))
    array([[3., 4.]], dtype=float32)
    """

    _reduce = ops.max
