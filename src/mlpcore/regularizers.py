"""Regularizers: penalties on weights or outputs that are added to the loss.

A regularizer is a callable that takes a weight and returns a scalar, written with `mlpcore.ops`. L1 and L2 of a
Dense kernel are fused into the update of the weights; everything else is recorded as ops.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

from mlpcore import _registry, ops

RegularizerLike: TypeAlias = "str | Mapping[str, Any] | Regularizer | Callable[[Any], Any] | None"


class Regularizer(_registry.Configured):
    """Base of all regularizers; subclasses define ``__call__(x)`` in `mlpcore.ops` and, to be saved, ``get_config()``.

    Examples
    --------
    >>> from mlpcore import ops
    >>> class Sum(Regularizer):
    ...     def __call__(self, x):
    ...         return 0.1 * ops.sum(x)
    """

    def __call__(self, x: Any) -> Any:
        """Return the scalar penalty of a weight; here 0."""
        return 0.0


def _factor(name: str, value: Any) -> float:
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or math.isnan(value) or math.isinf(value) or value < 0:
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}")
    return float(value)


@_registry.built_in("regularizers", "l1_l2")
class L1L2(Regularizer):
    """``l1 * sum |x| + l2 * sum x^2``.

    Parameters
    ----------
    l1, l2 : float >= 0, default 0
        By the name "l1_l2" both are 0.01, as in Keras.

    Examples
    --------
    >>> float(L1L2(l1=0.5, l2=0.25)(np.array([-1.0, 2.0], np.float32)))
    2.75
    """

    _arguments = "l1 l2"

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = _factor("l1", 0.0 if l1 is None else l1)
        self.l2 = _factor("l2", 0.0 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        """Return the scalar penalty."""
        penalty: Any = 0.0
        if self.l1:
            penalty = self.l1 * ops.sum(ops.abs(x))
        if self.l2:
            penalty = self.l2 * ops.sum(ops.square(x)) + penalty
        return penalty


@_registry.built_in("regularizers")
class L1(Regularizer):
    """``l1 * sum |x|``: drives weights to exactly 0.

    Parameters
    ----------
    l1 : float >= 0, default 0.01

    Examples
    --------
    >>> float(L1(0.5)(np.array([-1.0, 2.0], np.float32)))
    1.5
    """

    _arguments = "l1"

    def __init__(self, l1: float | None = 0.01):
        self.l1 = _factor("l1", 0.01 if l1 is None else l1)

    def __call__(self, x: Any) -> Any:
        """Return the scalar penalty."""
        return self.l1 * ops.sum(ops.abs(x))


@_registry.built_in("regularizers")
class L2(Regularizer):
    """``l2 * sum x^2``; its gradient is ``2 * l2 * x`` (scikit-learn's `alpha` has a half here).

    Parameters
    ----------
    l2 : float >= 0, default 0.01

    Examples
    --------
    >>> float(L2(0.5)(np.array([-1.0, 2.0], np.float32)))
    2.5
    """

    _arguments = "l2"

    def __init__(self, l2: float | None = 0.01):
        self.l2 = _factor("l2", 0.01 if l2 is None else l2)

    def __call__(self, x: Any) -> Any:
        """Return the scalar penalty."""
        return self.l2 * ops.sum(ops.square(x))


@_registry.built_in("regularizers")
class OrthogonalRegularizer(Regularizer):
    """Keeps the rows (or columns) of a matrix orthogonal: `factor` times the mean absolute cosine between two of them.

    Parameters
    ----------
    factor : float >= 0, default 0.01
    mode : {"rows", "columns"}, default "rows"

    Examples
    --------
    >>> print(round(float(OrthogonalRegularizer(1.0)(np.array([[1, 0], [0, 3], [2, 0]], np.float32))), 5))
    0.33333
    """

    _arguments = "factor mode"

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        if mode not in {"rows", "columns"}:
            raise ValueError(f"OrthogonalRegularizer's mode must be 'rows' or 'columns', got {mode!r}")
        self.factor, self.mode = _factor("factor", factor), mode

    def __call__(self, x: Any) -> Any:
        """Return the scalar penalty."""
        if len(x.shape) != 2:
            raise ValueError(f"OrthogonalRegularizer needs a matrix, got the shape {tuple(x.shape)}")
        vectors = x if self.mode == "rows" else ops.transpose(x)
        n = vectors.shape[0]
        squares = ops.sum(ops.square(vectors), axis=1, keepdims=True)
        vectors = vectors / ops.sqrt(ops.maximum(squares, 1e-12))  # as Keras' normalize
        cosines = ops.matmul(vectors, ops.transpose(vectors)) * (1.0 - np.eye(n, dtype=np.float32))
        return self.factor * 0.5 * ops.sum(ops.abs(cosines)) / max(n * (n - 1) / 2, 1)


l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer


def fused_penalty(regularizer: Any) -> tuple[float, float] | None:
    """Return (l1, l2) if a regularizer is exactly ``l1 * sum |x| + l2 * sum x^2``, else None.

    >>> fused_penalty(L2(0.5)), fused_penalty(lambda x: 0)
    ((0.0, 0.5), None)
    """
    if type(regularizer) not in {L1, L2, L1L2}:
        return None
    return getattr(regularizer, "l1", 0.0), getattr(regularizer, "l2", 0.0)


def get(identifier: RegularizerLike) -> Regularizer | Callable[[Any], Any] | None:
    """Return the regularizer that a name, config, class or callable ``(x) -> scalar`` means; None stays None.

    >>> get("l2").get_config()
    {'l2': 0.01}
    """
    if isinstance(identifier, str) and identifier in {"l1_l2", "l1l2", "L1L2"}:
        return L1L2(l1=0.01, l2=0.01)
    found: Regularizer | Callable[[Any], Any] | None = _registry.get("regularizers", identifier)
    return found


def serialize(regularizer: Any) -> Any:
    """Return a regularizer as plain data."""
    return _registry.serialize_object(regularizer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the regularizer that `serialize` described."""
    return _registry.get("regularizers", config, custom_objects)
