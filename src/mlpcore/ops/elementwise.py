"""Elementwise ops: arithmetic, powers, exponentials, rounding, comparisons, logic."""

from __future__ import annotations

from math import inf as _inf
from math import log as _log
from math import pi as _pi
from typing import Any

from numpy import finfo as _finfo

from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol


@op
def add(x1: Any, x2: Any) -> Any:
    """x1 + x2, elementwise with NumPy's broadcasting.

    Parameters
    ----------
    x1, x2 : tensor, array or number
        Of shapes that broadcast.

    Returns
    -------
    tensor or ndarray
        A tensor if an argument is one, else a float32 array (int32 for integers).

    Examples
    --------
    >>> from mlpcore import ops
    >>> ops.add([1.0, 2.0], 1.0)
    array([2., 3.], dtype=float32)
    """
    return p.binary(x1, x2, "add")


@op
def subtract(x1: Any, x2: Any) -> Any:
    """x1 - x2, elementwise with NumPy's broadcasting."""
    return p.binary(x1, x2, "subtract")


@op
def multiply(x1: Any, x2: Any) -> Any:
    """x1 * x2, elementwise with NumPy's broadcasting."""
    return p.binary(x1, x2, "multiply")


@op
def divide(x1: Any, x2: Any) -> Any:
    """x1 / x2, elementwise with NumPy's broadcasting; never an integer division."""
    x1, x2 = symbol(x1), symbol(x2)
    return p.binary(x1, x2, "divide", p.as_float(x1))


@op
def true_divide(x1: Any, x2: Any) -> Any:
    """x1 / x2; another name of `divide`."""
    return divide(x1, x2)


@op
def divide_no_nan(x1: Any, x2: Any) -> Any:
    """x1 / x2, and 0 where x2 is 0; its gradient is 0 there too.

    >>> divide_no_nan([1.0, 1.0], [2.0, 0.0])
    array([0.5, 0. ], dtype=float32)
    """
    x1, x2 = symbol(x1), symbol(x2)
    zero = p.binary(x2, 0.0, "equal", "bool")
    safe = p.elementwise("where", (zero, 1.0, x2), p.as_float(x2))
    return p.elementwise("where", (zero, 0.0, p.binary(x1, safe, "divide")), p.as_float(x1))


@op
def floor_divide(x1: Any, x2: Any) -> Any:
    """Return the largest integer not above x1 / x2; its gradient is 0."""
    x1, x2 = symbol(x1), symbol(x2)
    return p.unary(p.binary(x1, x2, "divide"), "floor", p.arithmetic_dtype(x1, x2))


@op
def mod(x1: Any, x2: Any) -> Any:
    """Return the remainder of x1 / x2, with the sign of x2 as NumPy's."""
    return p.binary(x1, x2, "mod")


@op
def power(x1: Any, x2: Any) -> Any:
    """x1 to the power of x2, elementwise.

    >>> power([1.0, 2.0, 3.0], 2)
    array([1., 4., 9.], dtype=float32)
    """
    exponents = {2: "square", -1: "reciprocal", 0.5: "sqrt", -0.5: "rsqrt"}
    if isinstance(x2, int | float) and x2 in exponents:
        x1 = symbol(x1)
        return p.unary(x1, exponents[x2], p.arithmetic_dtype(x1) if x2 == 2 else None)
    return p.binary(x1, x2, "power")


@op
def maximum(x1: Any, x2: Any) -> Any:
    """Return the larger of x1 and x2, elementwise."""
    return p.binary(x1, x2, "maximum")


@op
def minimum(x1: Any, x2: Any) -> Any:
    """Return the smaller of x1 and x2, elementwise."""
    return p.binary(x1, x2, "minimum")


@op
def clip(x: Any, x_min: Any, x_max: Any) -> Any:
    """min(max(x, x_min), x_max), elementwise.

    >>> clip([-2.0, 0.5, 2.0], -1.0, 1.0)
    array([-1. ,  0.5,  1. ], dtype=float32)
    """
    return p.binary(p.binary(x, x_min, "maximum"), x_max, "minimum")


@op
def negative(x: Any) -> Any:
    """-x."""
    x = symbol(x)
    return p.unary(x, "negative", p.arithmetic_dtype(x))


@op
def absolute(x: Any) -> Any:
    """|x|."""
    x = symbol(x)
    return p.unary(x, "abs", p.arithmetic_dtype(x))


@op
def abs(x: Any) -> Any:
    """|x|; another name of `absolute`."""
    return absolute(x)


@op
def square(x: Any) -> Any:
    """x times x."""
    x = symbol(x)
    return p.unary(x, "square", p.arithmetic_dtype(x))


@op
def sqrt(x: Any) -> Any:
    """Return the square root; NaN below 0."""
    return p.unary(x, "sqrt")


@op
def rsqrt(x: Any) -> Any:
    """1 / sqrt(x)."""
    return p.unary(x, "rsqrt")


@op
def reciprocal(x: Any) -> Any:
    """1 / x."""
    return p.unary(x, "reciprocal")


@op
def exp(x: Any) -> Any:
    """Return the exponential function."""
    return p.unary(x, "exp")


@op
def expm1(x: Any) -> Any:
    """exp(x) - 1, exact near 0."""
    return p.unary(x, "expm1")


@op
def exp2(x: Any) -> Any:
    """2 to the power of x."""
    return p.unary(p.binary(x, _log(2), "multiply"), "exp")


@op
def log(x: Any) -> Any:
    """Return the natural logarithm; NaN below 0."""
    return p.unary(x, "log")


@op
def log1p(x: Any) -> Any:
    """log(1 + x), exact near 0."""
    return p.unary(x, "log1p")


@op
def log2(x: Any) -> Any:
    """Return the logarithm to base 2."""
    return p.binary(p.unary(x, "log"), 1 / _log(2), "multiply")


@op
def log10(x: Any) -> Any:
    """Return the logarithm to base 10."""
    return p.binary(p.unary(x, "log"), 1 / _log(10), "multiply")


@op
def logaddexp(x1: Any, x2: Any) -> Any:
    """log(exp(x1) + exp(x2)), without overflow."""
    x1, x2 = symbol(x1), symbol(x2)
    apart = p.binary(x1, x2, "subtract")
    apart = p.elementwise("where", (p.binary(x1, x2, "equal"), 0.0, apart), apart.dtype)  # infinities
    distance = p.unary(p.unary(apart, "abs"), "negative")
    return p.binary(p.binary(x1, x2, "maximum"), p.unary(p.unary(distance, "exp"), "log1p"), "add")


@op
def sign(x: Any) -> Any:
    """-1, 0 or 1."""
    x = symbol(x)
    return p.unary(x, "sign", p.arithmetic_dtype(x))


@op
def floor(x: Any) -> Any:
    """Return the largest integer not above x, as a floating-point number."""
    return p.unary(x, "floor")


@op
def ceil(x: Any) -> Any:
    """Return the smallest integer not below x, as a floating-point number."""
    return p.unary(x, "ceil")


@op
def round(x: Any, decimals: int = 0) -> Any:
    """x rounded to so many decimals, halves to even."""
    if decimals == 0:
        return p.unary(x, "round")
    scale = 10.0**decimals
    return p.binary(p.unary(p.binary(x, scale, "multiply"), "round"), scale, "divide")


@op
def trunc(x: Any) -> Any:
    """x without what stands behind the point."""
    x = symbol(x)
    return p.binary(p.unary(x, "sign"), p.unary(p.unary(x, "abs"), "floor"), "multiply")


@op
def sin(x: Any) -> Any:
    """Return the sine of an angle in radians."""
    return p.unary(x, "sin")


@op
def cos(x: Any) -> Any:
    """Return the cosine of an angle in radians."""
    return p.unary(x, "cos")


@op
def tan(x: Any) -> Any:
    """Return the tangent of an angle in radians."""
    x = symbol(x)
    return p.binary(p.unary(x, "sin"), p.unary(x, "cos"), "divide")


@op
def sinh(x: Any) -> Any:
    """(exp(x) - exp(-x)) / 2."""
    x = symbol(x)
    back = p.unary(p.unary(x, "negative"), "expm1")
    return p.binary(p.binary(p.unary(x, "expm1"), back, "subtract"), 0.5, "multiply")


@op
def cosh(x: Any) -> Any:
    """(exp(x) + exp(-x)) / 2."""
    x = symbol(x)
    return p.binary(p.binary(p.unary(x, "exp"), p.unary(p.unary(x, "negative"), "exp"), "add"), 0.5, "multiply")


@op
def erf(x: Any) -> Any:
    """Return the error function."""
    return p.unary(x, "erf")


@op
def stop_gradient(variable: Any) -> Any:
    """Return the same values, through which no gradient flows."""
    x = symbol(variable)
    return x.recorder.symbol("stop_gradient", x.value, shape=x.shape, dtype=x.dtype)


@op
def erfc(x: Any) -> Any:
    """1 - erf(x)."""
    return p.binary(1.0, p.unary(x, "erf"), "subtract")


@op
def cbrt(x: Any) -> Any:
    """Return the cubic root."""
    x = symbol(x)
    return p.binary(p.unary(x, "sign"), p.binary(p.unary(x, "abs"), 1 / 3, "power"), "multiply")


@op
def hypot(x1: Any, x2: Any) -> Any:
    """sqrt(x1^2 + x2^2)."""
    return p.unary(p.binary(p.unary(x1, "square"), p.unary(x2, "square"), "add"), "sqrt")


@op
def heaviside(x1: Any, x2: Any) -> Any:
    """0 below 0, x2 at 0, 1 above; NaN stays."""
    x1 = symbol(x1)
    at_zero = p.binary(p.binary(x1, 0.0, "equal"), x2, "multiply")
    step = p.binary(p.binary(x1, 0.0, "greater"), at_zero, "add", p.as_float(x1))
    return p.elementwise("where", (p.binary(x1, x1, "equal"), step, x1), step.dtype)


@op
def deg2rad(x: Any) -> Any:
    """Return degrees as radians."""
    return p.binary(x, _pi / 180, "multiply")


@op
def rad2deg(x: Any) -> Any:
    """Return radians as degrees."""
    return p.binary(x, 180 / _pi, "multiply")


@op
def nan_to_num(x: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None) -> Any:
    """Return x with numbers in the place of NaN and the infinities, by default 0 and the largest floats."""
    x = symbol(x)
    most = float(_finfo(p.as_float(x)).max)
    x = p.elementwise("where", (p.binary(x, x, "not_equal"), nan, x), x.dtype)
    x = p.elementwise("where", (p.binary(x, _inf, "equal"), most if posinf is None else posinf, x), x.dtype)
    return p.elementwise("where", (p.binary(x, -_inf, "equal"), -most if neginf is None else neginf, x), x.dtype)
