"""Constraints: projections applied to a weight after each step of training.

A constraint is a callable ``(w: ndarray) -> ndarray`` of equal shape, run in Python: training a model that has
some makes one call a batch into the core instead of one an epoch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry
from mlpcore._validation import integers

Values: TypeAlias = NDArray[Any]
Axis: TypeAlias = int | Sequence[int]
ConstraintLike: TypeAlias = "str | Mapping[str, Any] | Constraint | Callable[[Values], Values] | None"

_EPSILON = 1e-7  # Keras' backend.epsilon()


class Constraint(_registry.Configured):
    """Base of all constraints; subclasses define ``__call__(w)`` and, if they have arguments, ``get_config()``.

    Examples
    --------
    >>> class AtMostOne(Constraint):
    ...     def __call__(self, w):
    ...         return np.minimum(w, 1)
    >>> AtMostOne()(np.array([0.5, 2.0]))
    array([0.5, 1. ])
    """

    def __call__(self, w: Values) -> Values:
        """Return the nearest allowed value of a weight; here `w` itself."""
        return w


def _axis(axis: Axis | None) -> Axis | None:
    """Return an axis, several as a list, or None for all; raise TypeError if it is none of these."""
    return axis if axis is None or isinstance(axis, int) else integers("axis", axis)


def _norms(w: Values, axis: Axis | None) -> Values:
    axes = tuple(axis) if isinstance(axis, Sequence) else axis
    norms: Values = np.sqrt(np.sum(np.square(w), axis=axes, keepdims=True))
    return norms


@_registry.built_in("constraints")
class MaxNorm(Constraint):
    """Shortens each unit's incoming weights to a norm of at most `max_value`.

    Parameters
    ----------
    max_value : float, default 2
    axis : int, sequence of int or None, default 0
        Axes that a norm sums over; 0 in a kernel (inputs, units) means one norm per unit.

    Examples
    --------
    >>> MaxNorm(1)(np.array([[3.0, 0.3], [4.0, 0.4]])).round(4)
    array([[0.6, 0.3],
           [0.8, 0.4]])
    """

    _arguments = "max_value axis"

    def __init__(self, max_value: float = 2, axis: Axis | None = 0):
        self.max_value, self.axis = max_value, _axis(axis)

    def __call__(self, w: Values) -> Values:
        """Return the nearest allowed weight."""
        norms = _norms(w, self.axis)
        return w * (np.clip(norms, 0, self.max_value) / (_EPSILON + norms))


@_registry.built_in("constraints")
class NonNeg(Constraint):
    """Sets negative weights to 0.

    >>> NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def __call__(self, w: Values) -> Values:
        """Return the nearest allowed weight."""
        return np.maximum(w, 0)


@_registry.built_in("constraints")
class UnitNorm(Constraint):
    """Scales each unit's incoming weights to a norm of 1.

    Parameters
    ----------
    axis : int, sequence of int or None, default 0
        Axes that a norm sums over.

    Examples
    --------
    >>> UnitNorm()(np.array([[3.0], [4.0]])).round(4)
    array([[0.6],
           [0.8]])
    """

    _arguments = "axis"

    def __init__(self, axis: Axis | None = 0):
        self.axis = _axis(axis)

    def __call__(self, w: Values) -> Values:
        """Return the nearest allowed weight."""
        return w / (_EPSILON + _norms(w, self.axis))


@_registry.built_in("constraints")
class MinMaxNorm(Constraint):
    """Moves the norm of each unit's incoming weights into [min_value, max_value].

    Parameters
    ----------
    min_value, max_value : float, default 0 and 1
    rate : float, default 1
        The norm becomes ``(1 - rate) * norm + rate * clip(norm, min_value, max_value)``.
    axis : int, sequence of int or None, default 0
        Axes that a norm sums over.

    Examples
    --------
    >>> MinMaxNorm(1, 2)(np.array([[0.6, 30.0], [0.0, 40.0]])).round(3)
    array([[1. , 1.2],
           [0. , 1.6]])
    """

    _arguments = "min_value max_value rate axis"

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis | None = 0):
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, _axis(axis)

    def __call__(self, w: Values) -> Values:
        """Return the nearest allowed weight."""
        norms = _norms(w, self.axis)
        desired = self.rate * np.clip(norms, self.min_value, self.max_value) + (1 - self.rate) * norms
        return w * (desired / (_EPSILON + norms))


def __getattr__(name: str) -> Any:
    """Find a class by its name in lower case too, as ``constraints.max_norm``."""
    return _registry.module_attribute("constraints", name)


def get(identifier: ConstraintLike) -> Callable[[Values], Values] | None:
    """Return the constraint that a name, config, class or callable ``(w) -> w`` means; None stays None.

    >>> get("non_neg")(np.array([-1.0]))
    array([0.])
    """
    found: Callable[[Values], Values] | None = _registry.get("constraints", identifier)
    return found


def serialize(constraint: Any) -> Any:
    """Return a constraint as plain data."""
    return _registry.serialize_object(constraint)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the constraint that `serialize` described."""
    return _registry.get("constraints", config, custom_objects)
