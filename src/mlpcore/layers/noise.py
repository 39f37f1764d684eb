"""Layers that disturb what passes in training, and the one that penalizes it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from mlpcore import ops, regularizers
from mlpcore._registry import built_in
from mlpcore._validation import checked
from mlpcore.layers._arguments import arguments_of, number_between
from mlpcore.layers.activation import Elementwise

_SELU_LIMIT = -1.7580993408473766  # what selu tends to at -infinity: -scale * alpha


class _Noise(Elementwise):
    """Base of the layers that are the identity unless training.

    Their noise follows from the model's seed (`mlpcore.random.set_seed`) and the layer's place in the model; an own
    `seed` is kept for the config only.
    """

    @checked
    def __init__(self, seed: int | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.seed = seed

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), "seed": self.seed}


class _Rated(_Noise):
    """Base of those whose `rate` says which part of the inputs is lost, or how strong the noise is."""

    _at_one: str | None = None  # why a rate of 1 is refused; None: it is not

    def __init__(self, rate: float, seed: int | None = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.rate = number_between(type(self).__name__, "rate", rate, 0, 1)
        if self.rate == 1 and self._at_one:
            raise ValueError(f"{type(self).__name__}: rate must be less than 1, at which {self._at_one}")

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "rate")}


@built_in("layers")
class Dropout(_Rated):
    """Sets a random part of its inputs to 0 in training and multiplies the others by ``1 / (1 - rate)`` [1]_.

    Parameters
    ----------
    rate : float in [0, 1]
        Which part.
    noise_shape : sequence of int or None, optional
        Shape of the mask, the batch first (None); where it is 1, the elements along that axis share their fate.
    seed : int, optional
        Kept for the config; the noise follows from `mlpcore.random.set_seed`.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    References
    ----------
    .. [1] N. Srivastava et al., "Dropout: a simple way to prevent neural networks from overfitting", 2014.

    Examples
    --------
    >>> import numpy as np
    >>> Dropout(0.5)(np.ones((1, 3), np.float32))  # not training
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(
        self, rate: float, noise_shape: Sequence[int | None] | None = None, seed: int | None = None, **kwargs: Any
    ):
        super().__init__(rate, seed, **kwargs)
        if not isinstance(noise_shape, list | tuple | None):
            raise TypeError(f"Dropout: noise_shape must be a tuple of integers and None, got {noise_shape!r}")
        self.noise_shape = None if noise_shape is None else tuple(noise_shape)
        if self.noise_shape and (self.noise_shape[0] is not None or any(n == 0 for n in self.noise_shape)):
            message = f"Dropout: noise_shape must start with None, the batch, and hold no 0, got {self.noise_shape}"
            raise ValueError(message)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return `inputs`, in training with a random part of them set to 0."""
        if not training or not self.rate:
            return inputs
        if self.rate == 1:
            return inputs * 0.0
        if self.noise_shape is None:
            return ops.dropout(inputs, self.rate)
        shape = tuple(inputs.shape)
        fits = len(shape) == len(self.noise_shape) and all(
            m in (None, 1, n) for m, n in zip(self.noise_shape[1:], shape[1:], strict=True)
        )
        if not fits:
            raise ValueError(f"{self.name}: noise_shape {self.noise_shape} does not fit an input of shape {shape}")
        corner = tuple(slice(1 if n == 1 else None) for n in self.noise_shape)
        return inputs * ops.dropout(ops.ones_like(inputs[corner]), self.rate)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "noise_shape")}


@built_in("layers")
class GaussianNoise(_Noise):
    """Adds normal noise of mean 0 in training.

    Parameters
    ----------
    stddev : float >= 0
        Standard deviation.
    seed : int, optional
        Kept for the config; the noise follows from `mlpcore.random.set_seed`.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> GaussianNoise(0.1)(np.ones((1, 3), np.float32))  # not training
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, stddev: float, seed: int | None = None, **kwargs: Any):
        super().__init__(seed, **kwargs)
        self.stddev = number_between("GaussianNoise", "stddev", stddev, 0)

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return `inputs`, in training with noise."""
        return ops.gaussian_noise(inputs, self.stddev) if training and self.stddev else inputs

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "stddev")}


@built_in("layers")
class GaussianDropout(_Rated):
    """Multiplies by normal noise of mean 1 and standard deviation ``sqrt(rate / (1 - rate))`` in training.

    Parameters
    ----------
    rate : float in [0, 1)
    seed : int, optional
        Kept for the config; the noise follows from `mlpcore.random.set_seed`.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> GaussianDropout(0.1)(np.ones((1, 3), np.float32))  # not training
    array([[1., 1., 1.]], dtype=float32)
    """

    _at_one = "the noise has no bounds"

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return `inputs`, in training with noise."""
        if not training or not self.rate:
            return inputs
        return inputs * ops.gaussian_noise(ops.ones_like(inputs), math.sqrt(self.rate / (1 - self.rate)))


@built_in("layers")
class AlphaDropout(_Rated):
    """Dropout that keeps the mean and variance of what `selu` puts out [1]_.

    A random part of the inputs becomes selu's lower limit, then all are scaled and moved.

    Parameters
    ----------
    rate : float in [0, 1)
    seed : int, optional
        Kept for the config; the noise follows from `mlpcore.random.set_seed`.
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    References
    ----------
    .. [1] G. Klambauer et al., "Self-normalizing neural networks", 2017.

    Examples
    --------
    >>> import numpy as np
    >>> AlphaDropout(0.1)(np.ones((1, 3), np.float32))  # not training
    array([[1., 1., 1.]], dtype=float32)
    """

    _at_one = "nothing would pass"

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return `inputs`, in training with noise."""
        if not training or not self.rate:
            return inputs
        kept = ops.dropout(ops.ones_like(inputs), self.rate) * (1 - self.rate)  # 0 or 1
        scale = ((1 - self.rate) * (1 + self.rate * _SELU_LIMIT**2)) ** -0.5
        return scale * (inputs * kept + _SELU_LIMIT * (1.0 - kept)) - scale * _SELU_LIMIT * self.rate


@built_in("layers")
class ActivityRegularization(Elementwise):
    """Passes its inputs on and adds ``l1 * sum |x| + l2 * sum x^2``, divided by the batch's rows, to the loss.

    Parameters
    ----------
    l1, l2 : float >= 0, default 0
    **kwargs
        `name`, `trainable`, `dtype`, as of every layer.

    Examples
    --------
    >>> import numpy as np
    >>> ActivityRegularization(l2=0.1)(np.ones((1, 3), np.float32))
    array([[1., 1., 1.]], dtype=float32)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(activity_regularizer=regularizers.L1L2(l1, l2), **kwargs)
        self.l1, self.l2 = float(l1 or 0), float(l2 or 0)

    def call(self, inputs: Any) -> Any:
        """Return `inputs`."""
        return inputs

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        config = {**super().get_config(), **arguments_of(self, "l1", "l2")}
        config.pop("activity_regularizer", None)
        return config
