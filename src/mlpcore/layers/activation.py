"""Layers that apply an activation function."""

from __future__ import annotations

from typing import Any

from mlpcore import activations, constraints, initializers, ops, regularizers
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore._validation import checked, integers
from mlpcore.layers._arguments import arguments_of, number_between, sizes_of
from mlpcore.layers.base import Layer


class Elementwise(Layer):
    """Base of the layers whose output has the input's shape and that have no weights."""

    _pure = True

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the input's shape."""
        return input_shape


@built_in("layers")
class Activation(Elementwise):
    """Applies an activation function.

    Parameters
    ----------
    activation : str or callable
        A name (see `mlpcore.activations`), or a function of a tensor written in `mlpcore.ops`.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> Activation("relu")(np.array([[-1.0, 2.0]], np.float32))
    array([[0., 2.]], dtype=float32)
    """

    def __init__(self, activation: activations.ActivationLike, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)
        self._pure = activations.is_built_in(self.activation)

    def call(self, inputs: Any) -> Any:
        """Return the activation of `inputs`."""
        return self.activation(inputs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "activation")}


@built_in("layers")
class ReLU(Elementwise):
    """Applies ``max(x, 0)``.

    Parameters
    ----------
    max_value : float >= 0, optional
        The largest output.
    negative_slope : float >= 0, default 0
        Slope below `threshold`.
    threshold : float >= 0, default 0
        Inputs up to here are cut.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> ReLU(max_value=1)(np.array([[-1.0, 0.5, 2.0]], np.float32))
    array([[0. , 0.5, 1. ]], dtype=float32)
    """

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0, threshold: float = 0.0, **kwargs: Any
    ):
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else number_between("ReLU", "max_value", max_value, 0)
        self.negative_slope = number_between("ReLU", "negative_slope", negative_slope, 0)
        self.threshold = number_between("ReLU", "threshold", threshold, 0)

    def call(self, inputs: Any) -> Any:
        """Return the activation of `inputs`."""
        return activations.relu(inputs, self.negative_slope, self.max_value, self.threshold)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "max_value", "negative_slope", "threshold")}


@built_in("layers")
class LeakyReLU(Elementwise):
    """Applies x where it is positive, else ``negative_slope * x``.

    Parameters
    ----------
    negative_slope : float >= 0, default 0.3
        The function of that name has another default, 0.2; both are Keras'. `alpha` is its old name.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> LeakyReLU(0.5)(np.array([[-1.0, 2.0]], np.float32))
    array([[-0.5,  2. ]], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        negative_slope = kwargs.pop("alpha", negative_slope)
        super().__init__(**kwargs)
        self.negative_slope = number_between("LeakyReLU", "negative_slope", negative_slope, 0)

    def call(self, inputs: Any) -> Any:
        """Return the activation of `inputs`."""
        return activations.leaky_relu(inputs, self.negative_slope)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "negative_slope")}


@built_in("layers")
class ELU(Elementwise):
    """Applies x where it is positive, else ``alpha * (exp(x) - 1)``.

    Parameters
    ----------
    alpha : float, default 1
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> ELU()(np.array([[-100.0, 2.0]], np.float32))
    array([[-1.,  2.]], dtype=float32)
    """

    @checked
    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = float(alpha)

    def call(self, inputs: Any) -> Any:
        """Return the activation of `inputs`."""
        return activations.elu(inputs, self.alpha)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "alpha")}


@built_in("layers")
class Softmax(Elementwise):
    """Applies ``exp(x) / sum exp(x)`` along an axis.

    Parameters
    ----------
    axis : int, default -1
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> Softmax()(np.array([[1.0, 1.0]], np.float32))
    array([[0.5, 0.5]], dtype=float32)
    """

    @checked
    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = axis

    def call(self, inputs: Any) -> Any:
        """Return the activation of `inputs`."""
        return activations.softmax(inputs, axis=self.axis)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "axis")}


@built_in("layers")
class PReLU(Elementwise):
    """Applies x where it is positive, else ``alpha * x`` with a learned alpha for each element.

    Parameters
    ----------
    alpha_initializer, alpha_regularizer, alpha_constraint : str, config, object or callable
        Of the slopes; they start as zeros.
    shared_axes : int or sequence of int, optional
        Axes (the first after the batch is 1) along which the elements share a slope.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> PReLU("ones")(np.array([[-1.0, 2.0]], np.float32))
    array([[-1.,  2.]], dtype=float32)
    """

    def __init__(
        self,
        alpha_initializer: initializers.InitializerLike = "zeros",
        alpha_regularizer: regularizers.RegularizerLike = None,
        alpha_constraint: constraints.ConstraintLike = None,
        shared_axes: int | list[int] | tuple[int, ...] | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        shared = [shared_axes] if isinstance(shared_axes, int) else integers("PReLU: shared_axes", shared_axes or [])
        self.shared_axes = shared or None

    def build(self, input_shape: Shape) -> None:
        """Create the slopes."""
        shape = list(sizes_of(self.name, range(1, len(input_shape)), input_shape))
        for axis in self.shared_axes or ():
            if not 1 <= axis <= len(shape):
                raise ValueError(f"{self.name}: shared axis {axis} is none of an input of shape {tuple(input_shape)}")
            shape[axis - 1] = 1
        self.alpha = self.add_weight(
            shape=tuple(shape),
            initializer=self.alpha_initializer,
            regularizer=self.alpha_regularizer,
            constraint=self.alpha_constraint,
            name="alpha",
        )

    def call(self, inputs: Any) -> Any:
        """Return the activation of `inputs`."""
        return ops.relu(inputs) - self.alpha * ops.relu(-inputs)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        names = "alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes"
        return {**super().get_config(), **arguments_of(self, *names)}
