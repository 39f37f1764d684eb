"""Initializers that draw from a distribution of given parameters."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcore import _registry
from mlpcore._random import next_seed
from mlpcore.initializers.base import Initializer, Shape, Values, real_dtype

TRUNCATED_STDDEV = 0.87962566103423978  # of a standard normal cut off at two standard deviations


class Random(Initializer):
    """Base of what draws."""

    _arguments = "seed"

    def __init__(self, seed: int | None = None):
        self.seed = None if seed is None else int(seed)

    def _generator(self) -> np.random.Generator:
        # SeedSequence takes no negative integers; Keras takes any
        return np.random.default_rng(next_seed() if self.seed is None else self.seed % 2**64)


def truncated_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Draw standard normals, drawing again what lies beyond 2."""
    values = generator.standard_normal(shape)
    flat = values.reshape(-1)
    outside = np.flatnonzero(np.abs(flat) > 2)
    while outside.size:
        flat[outside] = generator.standard_normal(outside.size)
        outside = outside[np.abs(flat[outside]) > 2]
    return values


@_registry.built_in("initializers", "normal")
class RandomNormal(Random):
    """Draws from a normal distribution.

    Parameters
    ----------
    mean, stddev : float, default 0 and 0.05
    seed : int, optional
        Makes every call return the same values.

    Examples
    --------
    >>> RandomNormal(stddev=0.01, seed=1)((2, 3)).shape
    (2, 3)
    """

    _arguments = "mean stddev seed"

    def __init__(self, mean: float = 0.0, stddev: float = 0.05, seed: int | None = None):
        super().__init__(seed)
        if stddev < 0:
            raise ValueError(f"{type(self).__name__}'s stddev must be >= 0, got {stddev!r}")
        self.mean, self.stddev = mean, stddev

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return the values."""
        return self._generator().normal(self.mean, self.stddev, tuple(shape)).astype(real_dtype(dtype))


@_registry.built_in("initializers")
class TruncatedNormal(RandomNormal):
    """Draws from a normal distribution without what lies more than two `stddev` from the mean.

    Parameters
    ----------
    mean, stddev : float, default 0 and 0.05
        Of the distribution before the cut.
    seed : int, optional

    Examples
    --------
    >>> bool(abs(TruncatedNormal(stddev=1.0, seed=1)((1000,))).max() <= 2)
    True
    """

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return the values."""
        return (self.mean + self.stddev * truncated_normal(self._generator(), tuple(shape))).astype(real_dtype(dtype))


@_registry.built_in("initializers", "uniform")
class RandomUniform(Random):
    """Draws evenly from [minval, maxval).

    Parameters
    ----------
    minval, maxval : float, default -0.05 and 0.05
    seed : int, optional

    Examples
    --------
    >>> RandomUniform(0, 1, seed=1)((3,)).dtype
    dtype('float32')
    """

    _arguments = "minval maxval seed"

    def __init__(self, minval: float = -0.05, maxval: float = 0.05, seed: int | None = None):
        super().__init__(seed)
        self.minval, self.maxval = minval, maxval

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return the values."""
        low, high = sorted((self.minval, self.maxval))
        return self._generator().uniform(low, high, tuple(shape)).astype(real_dtype(dtype))


@_registry.built_in("initializers", "OrthogonalInitializer")
class Orthogonal(Random):
    """A matrix with orthonormal columns (or rows, if there are fewer of them), times `gain`.

    Parameters
    ----------
    gain : float, default 1
    seed : int, optional

    Examples
    --------
    >>> w = Orthogonal(seed=0)((4, 2))
    >>> (w.T @ w).round(4) + 0.0
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    _arguments = "gain seed"

    def __init__(self, gain: float = 1.0, seed: int | None = None):
        super().__init__(seed)
        self.gain = gain

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return the values."""
        if len(shape) < 2:
            raise ValueError(f"Orthogonal needs a weight with at least two axes, got the shape {tuple(shape)}")
        rows, columns = math.prod(shape[:-1]), shape[-1]
        q, r = np.linalg.qr(self._generator().standard_normal((max(rows, columns), min(rows, columns))))
        q = q * np.sign(np.diagonal(r))  # else the distribution would not be uniform
        return np.asarray(self.gain * (q.T if rows < columns else q), real_dtype(dtype)).reshape(tuple(shape))
