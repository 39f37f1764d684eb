"""Layers that are a function: the identity, and one of the user's."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from mlpcore import _registry
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore._validation import check_hint
from mlpcore.layers._arguments import arguments_of
from mlpcore.layers.base import Layer


@built_in("layers")
class Identity(Layer):
    """Returns its inputs, one tensor or any structure of them.

    Examples
    --------
    >>> import numpy as np
    >>> Identity()(np.ones((1, 2), np.float32))
    array([[1., 1.]], dtype=float32)
    """

    _pure = True
    _takes_one = False

    def call(self, inputs: Any) -> Any:
        """Return `inputs`."""
        return inputs

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape


@built_in("layers")
class Lambda(Layer):
    """Applies a function of yours.

    A model with a ``lambda`` in it cannot be saved; with a function defined by ``def`` it can, and whoever loads it
    passes the function in ``custom_objects`` or registers it. No code is ever stored.

    Parameters
    ----------
    function : callable
        Takes the inputs, written in `mlpcore.ops`; an argument called "training" is told whether it runs in training.
    output_shape : sequence of int or callable, optional
        Not needed: the shape is found by running the function.
    mask : None
        Masks are not supported.
    arguments : dict, optional
        Further keyword arguments of the function.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> Lambda(lambda x: x * x)(np.array([[2.0, 3.0]], np.float32))
    array([[4., 9.]], dtype=float32)
    """

    _takes_one = False

    def __init__(
        self,
        function: Callable[..., Any] | Mapping[str, Any] | str,
        output_shape: Any = None,
        mask: None = None,
        arguments: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if isinstance(function, Mapping | str):  # from a config
            function = _registry.deserialize(function, family="activations")
        if not callable(function):
            raise TypeError(f"Lambda: expected a function, got {function!r}")
        if mask is not None:
            raise ValueError("Lambda: masks are not supported")
        self.function = function
        check_hint("Lambda: arguments", arguments, "Mapping | None")
        if isinstance(output_shape, int):
            output_shape = (output_shape,)
        self.output_shape = None if callable(output_shape) or output_shape is None else tuple(output_shape)
        self.arguments = dict(arguments or {})
        try:
            self._wants_training = "training" in inspect.signature(function).parameters
        except (TypeError, ValueError):  # a built-in without a signature
            self._wants_training = False

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the function's result."""
        told = {"training": training} if self._wants_training else {}
        return self.function(inputs, **self.arguments, **told)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data; a ValueError if the function is a lambda."""
        return {**super().get_config(), **arguments_of(self, "function", "output_shape", "arguments")}
