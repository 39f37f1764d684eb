"""Comparisons, logic, and choosing by a condition, elementwise."""

from __future__ import annotations

from typing import Any

from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol


@op
def isfinite(x: Any) -> Any:
    """Whether x is neither infinite nor NaN."""
    return p.unary(x, "isfinite", "bool")


@op
def isnan(x: Any) -> Any:
    """Whether x is NaN."""
    x = symbol(x)
    return p.binary(x, x, "not_equal", "bool")


@op
def isinf(x: Any) -> Any:
    """Whether x is infinite."""
    return p.binary(p.unary(x, "abs"), float("inf"), "equal", "bool")


@op
def equal(x1: Any, x2: Any) -> Any:
    """Whether x1 == x2, elementwise."""
    return p.binary(x1, x2, "equal", "bool")


@op
def not_equal(x1: Any, x2: Any) -> Any:
    """Whether x1 != x2, elementwise."""
    return p.binary(x1, x2, "not_equal", "bool")


@op
def greater(x1: Any, x2: Any) -> Any:
    """Whether x1 > x2, elementwise."""
    return p.binary(x1, x2, "greater", "bool")


@op
def greater_equal(x1: Any, x2: Any) -> Any:
    """Whether x1 >= x2, elementwise."""
    return p.binary(x1, x2, "greater_equal", "bool")


@op
def less(x1: Any, x2: Any) -> Any:
    """Whether x1 < x2, elementwise."""
    return p.binary(x1, x2, "less", "bool")


@op
def less_equal(x1: Any, x2: Any) -> Any:
    """Whether x1 <= x2, elementwise."""
    return p.binary(x1, x2, "less_equal", "bool")


@op
def logical_and(x1: Any, x2: Any) -> Any:
    """Whether neither is 0."""
    return p.binary(x1, x2, "logical_and", "bool")


@op
def logical_or(x1: Any, x2: Any) -> Any:
    """Whether one is not 0."""
    return p.binary(x1, x2, "logical_or", "bool")


@op
def logical_not(x: Any) -> Any:
    """Whether it is 0."""
    return p.unary(x, "logical_not", "bool")


@op
def logical_xor(x1: Any, x2: Any) -> Any:
    """Whether exactly one is not 0."""
    return p.binary(p.unary(x1, "logical_not"), p.unary(x2, "logical_not"), "not_equal", "bool")


@op
def where(condition: Any, x1: Any = None, x2: Any = None) -> Any:
    """x1 where the condition holds, x2 elsewhere.

    Both are computed; the gradient reaches the one that was taken.

    Parameters
    ----------
    condition, x1, x2 : tensor, array or number
        Of shapes that broadcast.

    Raises
    ------
    ValueError
        If x1 and x2 are not given: which elements of a batch fulfil a condition is no tensor of a known shape.

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.where([True, False], 1.0, [5.0, 6.0])
    array([1., 6.], dtype=float32)
    """
    if x1 is None or x2 is None:
        raise ValueError("ops.where needs condition, x1 and x2: the number of places where it holds is not known")
    x1, x2 = symbol(x1), symbol(x2)
    dtype = x1.dtype if x1.dtype == x2.dtype else p.arithmetic_dtype(x1, x2)
    return p.elementwise("where", (condition, x1, x2), dtype)


@op
def isclose(x1: Any, x2: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    """Whether |x1 - x2| <= atol + rtol |x2|, elementwise."""
    x1, x2 = symbol(x1), symbol(x2)
    limit = p.binary(p.binary(p.unary(x2, "abs"), rtol, "multiply"), atol, "add")
    near = p.binary(p.unary(p.binary(x1, x2, "subtract"), "abs"), limit, "less_equal", "bool")
    near = p.binary(near, p.unary(x2, "isfinite", "bool"), "logical_and", "bool")
    near = p.binary(near, p.binary(x1, x2, "equal"), "logical_or", "bool")  # infinities
    if not equal_nan:
        return near
    return p.binary(near, p.binary(isnan(x1), isnan(x2), "logical_and"), "logical_or", "bool")
