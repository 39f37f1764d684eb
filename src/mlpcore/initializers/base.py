"""What all initializers share, and those that draw nothing: zeros, ones, constants, the identity."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcore import _registry
from mlpcore._validation import array_of_numbers

Shape: TypeAlias = Sequence[int]
Values: TypeAlias = NDArray[Any]


class Initializer(_registry.Configured):
    """Base of all initializers.

    Subclasses define ``__call__(shape, dtype)`` and, if they have arguments, ``get_config()``.
    """

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return an array of the given shape and dtype (default float32)."""
        raise NotImplementedError(f"{type(self).__name__} must define __call__(shape, dtype)")

    def clone(self) -> Initializer:
        """Return an equal initializer."""
        return type(self).from_config(self.get_config())


def real_dtype(dtype: DTypeLike | None) -> np.dtype[Any]:
    """Return the dtype asked for, float32 without one."""
    return np.dtype(np.float32 if dtype is None else dtype)


@_registry.built_in("initializers", "zero")
class Zeros(Initializer):
    """All elements 0.

    >>> Zeros()((2,))
    array([0., 0.], dtype=float32)
    """

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return the values."""
        return np.zeros(tuple(shape), real_dtype(dtype))


@_registry.built_in("initializers", "one")
class Ones(Initializer):
    """All elements 1.

    >>> Ones()((2,))
    array([1., 1.], dtype=float32)
    """

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return the values."""
        return np.ones(tuple(shape), real_dtype(dtype))


@_registry.built_in("initializers")
class Constant(Initializer):
    """All elements equal.

    Parameters
    ----------
    value : float or array-like, default 0
        The element, or an array that broadcasts to the shape.

    Examples
    --------
    >>> Constant(0.5)((2,))
    array([0.5, 0.5], dtype=float32)
    """

    _arguments = "value"

    def __init__(self, value: Any = 0.0):
        array_of_numbers("Constant: value", value)
        self.value = value

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return the values."""
        value = np.asarray(self.value, real_dtype(dtype))
        try:
            return np.array(np.broadcast_to(value, tuple(shape)))
        except ValueError:
            message = f"Constant's value of shape {value.shape} does not fit a weight of shape {tuple(shape)}"
            raise ValueError(message) from None


@_registry.built_in("initializers", "IdentityInitializer")
class Identity(Initializer):
    """The identity matrix times `gain`; only for two axes.

    >>> Identity()((2, 2))
    array([[1., 0.],
           [0., 1.]], dtype=float32)
    """

    _arguments = "gain"

    def __init__(self, gain: float = 1.0):
        self.gain = gain

    def __call__(self, shape: Shape, dtype: DTypeLike | None = None) -> Values:
        """Return the values."""
        if len(shape) != 2:
            raise ValueError(f"Identity needs a weight with two axes, got the shape {tuple(shape)}")
        return np.asarray(self.gain * np.eye(shape[0], shape[1]), real_dtype(dtype))
