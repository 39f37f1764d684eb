"""The densely connected layer."""

from __future__ import annotations

from typing import Any

from mlpcore import activations, constraints, initializers, ops, regularizers
from mlpcore._arena import Variable
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore.layers._arguments import arguments_of, positive_integer
from mlpcore.layers.base import Layer


@built_in("layers")
class Dense(Layer):
    """``activation(x @ kernel + bias)``: every unit sees every input.

    Parameters
    ----------
    units : int >= 1
        Number of outputs.
    activation : str or callable, optional
        A name (see `mlpcore.activations`), or a function of a tensor written in `mlpcore.ops`; default: none.
    use_bias : bool, default True
    kernel_initializer : str, config, object or callable, default "glorot_uniform"
    bias_initializer : str, config, object or callable, default "zeros"
    kernel_regularizer, bias_regularizer, activity_regularizer : str, config, object or callable, optional
        Penalties on the weights, and on the output divided by the batch's rows, that are added to the loss. L1 and L2
        of the kernel cost next to nothing: they are fused into the update.
    kernel_constraint, bias_constraint : str, config, object or callable, optional
        Projections of the weights after each step.
    **kwargs
        `name`, `trainable`, `dtype`, `input_shape`, as of every layer.

    Attributes
    ----------
    kernel : Variable
        Shape (inputs, units), once the layer is built.
    bias : Variable or None
        Shape (units,).

    Examples
    --------
    >>> import numpy as np
    >>> layer = Dense(2, activation="relu", kernel_initializer="ones")
    >>> layer(np.array([[1.0, 2.0], [-3.0, 1.0]], np.float32))
    array([[3., 3.],
           [0., 0.]], dtype=float32)
    >>> layer.kernel.shape, layer.bias.shape
    ((2, 2), (2,))
    """

    bias: Variable | None

    def __init__(
        self,
        units: int,
        activation: activations.ActivationLike = None,
        use_bias: bool = True,
        kernel_initializer: initializers.InitializerLike = "glorot_uniform",
        bias_initializer: initializers.InitializerLike = "zeros",
        kernel_regularizer: regularizers.RegularizerLike = None,
        bias_regularizer: regularizers.RegularizerLike = None,
        activity_regularizer: regularizers.RegularizerLike = None,
        kernel_constraint: constraints.ConstraintLike = None,
        bias_constraint: constraints.ConstraintLike = None,
        **kwargs: Any,
    ):
        super().__init__(activity_regularizer=activity_regularizer, **kwargs)
        self.units = positive_integer("Dense", "units", units)
        self.activation = activations.get(activation)
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)
        self._pure = activations.is_built_in(self.activation)

    def build(self, input_shape: Shape) -> None:
        """Create the kernel, shape (inputs, units), and the bias, shape (units,)."""
        n_inputs = input_shape[-1] if len(input_shape) > 1 else None
        if n_inputs is None:
            raise ValueError(f"{self.name}: expected inputs of shape (rows, ..., features), got {tuple(input_shape)}")
        self.kernel = self.add_weight(
            shape=(n_inputs, self.units),
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
            name="kernel",
        )
        self.bias = None
        if self.use_bias:
            self.bias = self.add_weight(
                shape=(self.units,),
                initializer=self.bias_initializer,
                regularizer=self.bias_regularizer,
                constraint=self.bias_constraint,
                name="bias",
            )
        self.kernel.pair(self.bias)

    def call(self, inputs: Any) -> Any:
        """Return the units' outputs, shape (rows, ..., units)."""
        if inputs.shape[-1] != self.kernel.shape[0]:
            raise ValueError(
                f"Dense {self.name!r} expects {self.kernel.shape[0]} features (built on the first call), "
                f"got {inputs.shape[-1]} in an input of shape {tuple(inputs.shape)}"
            )
        return self.activation(ops.dense(inputs, self.kernel, self.bias))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (rows, ..., units)."""
        return (*input_shape[:-1], self.units)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        names = (
            "units activation use_bias kernel_initializer bias_initializer kernel_regularizer bias_regularizer "
            "activity_regularizer kernel_constraint bias_constraint"
        )
        return {**super().get_config(), **arguments_of(self, *names.split())}
