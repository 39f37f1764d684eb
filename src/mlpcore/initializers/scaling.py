"""Initializers whose variance follows from a weight's numbers of inputs and outputs: Glorot, He, LeCun."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

from numpy.typing import DTypeLike

from mlpcore import _registry
from mlpcore.initializers.base import Shape, Values, real_dtype
from mlpcore.initializers.random import TRUNCATED_STDDEV, Random, truncated_normal


def compute_fans(shape: Shape) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of a weight.

    >>> compute_fans((784, 300)), compute_fans((5,)), compute_fans((3, 3, 8, 16))
    ((784, 300), (5, 5), (72, 144))
    """
    if len(shape) < 2:
        fan = math.prod(shape)
        return fan, fan
    field = math.prod(shape[:-2])
    return shape[-2] * field, shape[-1] * field


@_registry.built_in("initializers")
class VarianceScaling(Random):
    """Draws with a variance of ``scale / n``, where n counts a weight's inputs, its outputs, or their mean.

    Parameters
    ----------
    scale : float > 0, default 1
    mode : {"fan_in", "fan_out", "fan_avg"}, default "fan_in"
    distribution : {"truncated_normal", "untruncated_normal", "uniform"}, default "truncated_normal"
        The normal one is cut at two standard deviations and widened to have the variance after the cut. "normal"
        is another name for it.
    seed : int, optional

    Examples
    --------
    >>> he_uniform = VarianceScaling(2.0, "fan_in", "uniform", seed=0)
    >>> bool(abs(he_uniform((6, 100))).max() <= 1.0)  # sqrt(3 * 2 / 6)
    True
    """

    _arguments = "scale mode distribution seed"

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
    ):
        super().__init__(seed)
        distribution = {"normal": "truncated_normal"}.get(distribution.lower(), distribution.lower())
        modes, distributions = _DENOMINATORS, ("truncated_normal", "untruncated_normal", "uniform")
        if not scale > 0:
            raise ValueError(f"VarianceScaling's scale must be positive, got {scale!r}")
        if mode not in modes:
            raise ValueError(f"VarianceScaling's mode must be one of {tuple(modes)}, got {mode!r}")
        if distribution not in distributions:
            raise ValueError(f"VarianceScaling's distribution must be one of {distributions}, got {distribution!r}")
        self.scale, self.mode, self.distribution = scale, mode, distribution

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return the values."""
        variance = self.scale / max(1.0, _DENOMINATORS[self.mode](*compute_fans(shape)))
        generator = self._generator()
        if self.distribution == "uniform":
            values = generator.uniform(-1.0, 1.0, tuple(shape)) * math.sqrt(3.0 * variance)
        elif self.distribution == "untruncated_normal":
            values = generator.standard_normal(tuple(shape)) * math.sqrt(variance)
        else:
            values = truncated_normal(generator, tuple(shape)) * (math.sqrt(variance) / TRUNCATED_STDDEV)
        return values.astype(real_dtype(dtype))


_DENOMINATORS: dict[str, Callable[[int, int], float]] = {
    "fan_in": lambda fan_in, fan_out: fan_in,
    "fan_out": lambda fan_in, fan_out: fan_out,
    "fan_avg": lambda fan_in, fan_out: (fan_in + fan_out) / 2,
}


class _NamedScaling(VarianceScaling):
    """Base of the scalings with a name of their own, whose only argument is the seed."""

    _arguments = "seed"
    _fixed: ClassVar[tuple[float, str, str]]

    def __init__(self, seed: int | None = None):
        super().__init__(*self._fixed, seed=seed)


@_registry.built_in("initializers")
class GlorotUniform(_NamedScaling):
    """Draws evenly from [-a, a], a = sqrt(6 / (inputs + outputs)); the default of kernels [1]_.

    References
    ----------
    .. [1] X. Glorot, Y. Bengio, "Understanding the difficulty of training deep feedforward neural networks", 2010.

    Examples
    --------
    >>> GlorotUniform(seed=0)((784, 300)).shape
    (784, 300)
    """

    _fixed = (1.0, "fan_avg", "uniform")


@_registry.built_in("initializers")
class GlorotNormal(_NamedScaling):
    """Draws from a truncated normal distribution of standard deviation sqrt(2 / (inputs + outputs)).

    >>> GlorotNormal(seed=0)((784, 300)).shape
    (784, 300)
    """

    _fixed = (1.0, "fan_avg", "truncated_normal")


@_registry.built_in("initializers")
class LecunNormal(_NamedScaling):
    """Draws from a truncated normal distribution of standard deviation sqrt(1 / inputs); for "selu".

    >>> LecunNormal(seed=0)((784, 300)).shape
    (784, 300)
    """

    _fixed = (1.0, "fan_in", "truncated_normal")


@_registry.built_in("initializers")
class LecunUniform(_NamedScaling):
    """Draws evenly from [-a, a], a = sqrt(3 / inputs).

    >>> LecunUniform(seed=0)((784, 300)).shape
    (784, 300)
    """

    _fixed = (1.0, "fan_in", "uniform")


@_registry.built_in("initializers")
class HeNormal(_NamedScaling):
    """Draws from a truncated normal distribution of standard deviation sqrt(2 / inputs); for "relu" [1]_.

    References
    ----------
    .. [1] K. He et al., "Delving deep into rectifiers", 2015, equation 10.

    Examples
    --------
    >>> HeNormal(seed=0)((784, 300)).shape
    (784, 300)
    """

    _fixed = (2.0, "fan_in", "truncated_normal")


@_registry.built_in("initializers")
class HeUniform(_NamedScaling):
    """Draws evenly from [-a, a], a = sqrt(6 / inputs); for "relu".

    >>> HeUniform(seed=0)((784, 300)).shape
    (784, 300)
    """

    _fixed = (2.0, "fan_in", "uniform")
