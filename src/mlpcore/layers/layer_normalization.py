"""Normalization of each row by its own statistics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlpcore import constraints, initializers, ops, regularizers
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore.layers._affine import Affine


@built_in("layers")
class LayerNormalization(Affine):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta`` with the mean and variance of each row [1]_.

    Parameters
    ----------
    axis : int or sequence of int, default -1
        The axes to take the statistics over.
    epsilon : float >= 0, default 1e-3
    center, scale : bool, default True
        Whether there is a beta, a gamma.
    beta_initializer, gamma_initializer : str, config, object or callable, default "zeros" and "ones"
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : str, config, object or callable, optional
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer. `rms_scaling` must be false.

    Attributes
    ----------
    gamma, beta : Variable or None
        Shaped like the normalized axes.

    References
    ----------
    .. [1] J. L. Ba et al., "Layer normalization", 2016.

    Examples
    --------
    >>> import numpy as np
    >>> LayerNormalization(epsilon=0)(np.array([[1.0, 3.0]], np.float32))
    array([[-1.,  1.]], dtype=float32)
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: initializers.InitializerLike = "zeros",
        gamma_initializer: initializers.InitializerLike = "ones",
        beta_regularizer: regularizers.RegularizerLike = None,
        gamma_regularizer: regularizers.RegularizerLike = None,
        beta_constraint: constraints.ConstraintLike = None,
        gamma_constraint: constraints.ConstraintLike = None,
        **kwargs: Any,
    ):
        if kwargs.pop("rms_scaling", False):
            raise ValueError("LayerNormalization: rms_scaling=True is not supported")
        super().__init__(
            axis,
            epsilon,
            center,
            scale,
            beta_initializer,
            gamma_initializer,
            beta_regularizer,
            gamma_regularizer,
            beta_constraint,
            gamma_constraint,
            **kwargs,
        )

    def build(self, input_shape: Shape) -> None:
        """Create the weights, one number of each per element of the normalized axes."""
        self._add_gamma_and_beta(input_shape)

    def call(self, inputs: Any) -> Any:
        """Return the normalized `inputs`."""
        axes = self._axes(tuple(inputs.shape))
        n = len(inputs.shape)
        wide = [inputs.shape[k] if k in axes else 1 for k in range(axes[0], n)]  # what a weight broadcasts from
        centered = inputs - ops.mean(inputs, axis=axes, keepdims=True)
        variance = ops.mean(ops.square(centered), axis=axes, keepdims=True)
        outputs = centered * ops.rsqrt(variance + self.epsilon)
        if self.gamma is not None:
            outputs = outputs * ops.reshape(self.gamma, wide)
        return outputs if self.beta is None else outputs + ops.reshape(self.beta, wide)
