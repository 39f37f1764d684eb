"""TimeDistributed: a layer applied to each step of a sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpcore import _registry, activations, ops
from mlpcore._registry import built_in
from mlpcore.layers._arguments import arguments_of
from mlpcore.layers.base import Layer
from mlpcore.layers.dense import Dense


@built_in("layers")
class TimeDistributed(Layer):
    """Applies a layer, with the same weights, to each step of the inputs: x[:, 0], x[:, 1], and so on.

    A `Dense` works on the last axis anyway and is called once; other layers, models too, are called for each step.

    Parameters
    ----------
    layer : Layer
        Takes rows of shape (rows, ...) and returns one tensor.
    **kwargs
        `name`, `trainable`, `dtype`, `input_shape`, as of every layer.

    Raises
    ------
    TypeError
        `layer` is no layer.
    ValueError
        Inputs are not of shape (rows, steps, ...).

    Examples
    --------
    >>> import numpy as np
    >>> from mlpcore import layers
    >>> layer = layers.TimeDistributed(layers.Dense(2))
    >>> layer(np.zeros((8, 10, 3), np.float32)).shape
    (8, 10, 2)
    """

    def __init__(self, layer: Layer, **kwargs: Any):
        super().__init__(**kwargs)
        if not isinstance(layer, Layer):
            raise TypeError(f"TimeDistributed: expected a layer, got {layer!r} of type {type(layer).__name__}")
        self.layer = layer
        self._pure = layer._pure

    def build(self, input_shape: Any) -> None:
        """Build the layer for one step of inputs of shape (None, steps, ...)."""
        if len(input_shape) < 3:
            shape = tuple(input_shape)
            raise ValueError(f"{self.name}: expected inputs of shape (rows, steps, ...), got the shape {shape}")
        self.layer.build_for((input_shape[0], *input_shape[2:]))

    def call(self, inputs: Any) -> Any:
        """Return what the layer makes of each step, (rows, steps, ...)."""
        if isinstance(self.layer, Dense) and activations.is_built_in(self.layer.activation):
            return self.layer(inputs)
        return ops.stack([self.layer(inputs[:, step]) for step in range(inputs.shape[1])], axis=1)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "layer")}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Any:
        """Return a layer made from `get_config`'s dict, with new weights."""
        return cls(**{**config, "layer": _registry.deserialize(config["layer"], family="layers")})
