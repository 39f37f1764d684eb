"""Normalization by the statistics of the batch."""

from __future__ import annotations

from typing import Any

from mlpcore import constraints, initializers, ops, regularizers
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore._validation import check_hint
from mlpcore.layers._affine import Affine
from mlpcore.layers._arguments import arguments_of, number_between


@built_in("layers")
class BatchNormalization(Affine):
    """``gamma * (x - mean) / sqrt(variance + epsilon) + beta``, feature by feature [1]_.

    In training the mean and the (population) variance are the batch's, and their moving averages follow after each
    step: ``moving = momentum * moving + (1 - momentum) * batch's``. Elsewhere, and if the layer is frozen
    (``trainable = False``), the moving averages are used.

    Parameters
    ----------
    axis : int, default -1
        The axis of the features; all others are averaged over.
    momentum : float in [0, 1], default 0.99
    epsilon : float >= 0, default 1e-3
    center, scale : bool, default True
        Whether there is a beta, a gamma.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer : str, config or callable
        Default: zeros, ones, zeros, ones.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : str, config, object or callable, optional
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer. `renorm` and `synchronized` must be false.

    Attributes
    ----------
    gamma, beta, moving_mean, moving_variance : Variable
        Shape (features,) each; the last two are not trainable.

    References
    ----------
    .. [1] S. Ioffe, C. Szegedy, "Batch normalization", 2015.

    Examples
    --------
    >>> import numpy as np
    >>> layer = BatchNormalization(epsilon=0)
    >>> layer(np.array([[3.0, -1.0]], np.float32))  # not training: mean 0, variance 1
    array([[ 3., -1.]], dtype=float32)
    """

    axis: int

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: initializers.InitializerLike = "zeros",
        gamma_initializer: initializers.InitializerLike = "ones",
        moving_mean_initializer: initializers.InitializerLike = "zeros",
        moving_variance_initializer: initializers.InitializerLike = "ones",
        beta_regularizer: regularizers.RegularizerLike = None,
        gamma_regularizer: regularizers.RegularizerLike = None,
        beta_constraint: constraints.ConstraintLike = None,
        gamma_constraint: constraints.ConstraintLike = None,
        **kwargs: Any,
    ):
        for option in ("renorm", "synchronized"):
            if kwargs.pop(option, False):
                raise ValueError(f"BatchNormalization: {option}=True is not supported")
        kwargs.pop("renorm_clipping", None), kwargs.pop("renorm_momentum", None)
        check_hint("BatchNormalization: axis", axis, "int")
        super().__init__(
            int(axis),
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
        self.momentum = number_between(type(self).__name__, "momentum", momentum, 0, 1)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)

    def build(self, input_shape: Shape) -> None:
        """Create the weights, one number of each per feature."""
        shape = self._add_gamma_and_beta(input_shape)
        self.moving_mean = self.add_weight(
            shape=shape, initializer=self.moving_mean_initializer, trainable=False, name="moving_mean"
        )
        self.moving_variance = self.add_weight(
            shape=shape, initializer=self.moving_variance_initializer, trainable=False, name="moving_variance"
        )

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the normalized `inputs`."""
        n = len(inputs.shape)
        axis = self.axis % n
        wide = (inputs.shape[axis], *(1,) * (n - 1 - axis))  # what a feature's number broadcasts from

        def spread(x: Any) -> Any:
            return x if axis == n - 1 else ops.reshape(x, wide)

        if training and self.trainable:
            others = [k for k in range(n) if k != axis]
            mean = ops.mean(inputs, axis=others)
            centered = inputs - spread(mean)
            variance = ops.mean(ops.square(centered), axis=others)
            for moving, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(self.momentum * moving + (1 - self.momentum) * new)
        else:
            variance = self.moving_variance
            centered = inputs - spread(self.moving_mean)
        factor = ops.rsqrt(variance + self.epsilon)
        outputs = centered * spread(factor if self.gamma is None else factor * self.gamma)
        return outputs if self.beta is None else outputs + spread(self.beta)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        names = ("momentum", "moving_mean_initializer", "moving_variance_initializer")
        return {**super().get_config(), **arguments_of(self, *names)}
