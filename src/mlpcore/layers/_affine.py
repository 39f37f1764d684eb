"""What normalizations have in common: axes to keep, an epsilon, and ``gamma * x + beta`` at the end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlpcore import constraints, initializers, regularizers
from mlpcore._arena import Variable
from mlpcore._tensor import Shape
from mlpcore.layers._arguments import arguments_of, axes_within, number_between, sizes_of
from mlpcore.layers.base import Layer

_OF_WEIGHTS = ("initializer", "regularizer", "constraint")


class Affine(Layer):
    """Base of layers with a gamma and a beta for the elements of some axes.

    Parameters
    ----------
    axis : int or sequence of int
    epsilon : float >= 0
    center, scale : bool
        Whether there is a beta, a gamma.
    beta_initializer, gamma_initializer : str, config, object or callable
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : str, config, object or callable, optional
    **kwargs
        As of every layer.
    """

    _pure = True
    gamma: Variable | None
    beta: Variable | None

    def __init__(
        self,
        axis: int | Sequence[int],
        epsilon: float,
        center: bool,
        scale: bool,
        beta_initializer: initializers.InitializerLike,
        gamma_initializer: initializers.InitializerLike,
        beta_regularizer: regularizers.RegularizerLike,
        gamma_regularizer: regularizers.RegularizerLike,
        beta_constraint: constraints.ConstraintLike,
        gamma_constraint: constraints.ConstraintLike,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        axes = axis if isinstance(axis, list | tuple) else [axis]
        if not all(isinstance(each, int) for each in axes):
            raise TypeError(f"{type(self).__name__}: axis must be an integer or a sequence of them, got {axis!r}")
        self.axis = axis if isinstance(axis, int) else list(axis)
        self.epsilon = number_between(type(self).__name__, "epsilon", epsilon, 0)
        self.center, self.scale = bool(center), bool(scale)
        self.beta_initializer = initializers.get(beta_initializer)
        self.gamma_initializer = initializers.get(gamma_initializer)
        self.beta_regularizer = regularizers.get(beta_regularizer)
        self.gamma_regularizer = regularizers.get(gamma_regularizer)
        self.beta_constraint = constraints.get(beta_constraint)
        self.gamma_constraint = constraints.get(gamma_constraint)

    def _axes(self, shape: Shape) -> list[int]:
        """Return the axes counted from the front; raise a ValueError if the shape has no such axis."""
        return axes_within(self.name, [self.axis] if isinstance(self.axis, int) else self.axis, shape)

    def _add_gamma_and_beta(self, input_shape: Shape) -> tuple[int, ...]:
        """Create the two, one number of each per element of the axes; return their shape."""
        shape = sizes_of(self.name, self._axes(input_shape), input_shape)
        for name, wanted in (("gamma", self.scale), ("beta", self.center)):
            settings = {each: getattr(self, f"{name}_{each}") for each in _OF_WEIGHTS}
            setattr(self, name, self.add_weight(shape=shape, name=name, **settings) if wanted else None)
        return shape

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        self._axes(input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        names = [f"{name}_{each}" for each in _OF_WEIGHTS for name in ("beta", "gamma")]
        return {**super().get_config(), **arguments_of(self, "axis", "epsilon", "center", "scale", *names)}
