"""Inverses of the trigonometric and hyperbolic functions, composed of other ops.

The largest errors are those of a test: at most 4 units in the last place, of float32 and of float64.
"""

from __future__ import annotations

from math import log as _log
from math import pi as _pi
from typing import Any

from mlpcore._tensor import Symbol
from mlpcore.ops import primitives as p
from mlpcore.ops.dispatch import op, symbol

# arctan(z) = z + z w P(w) / Q(w), w = z^2, |z| <= 0.66: S. L. Moshier's Cephes library, atan.c
_P = (-0.8750608600031904122785, -16.15753718733365076637, -75.00855792314704667340, -122.8866684490136173410,
      -64.85021904942025371773)  # fmt: skip
_Q = (1.0, 24.85846490142306297962, 165.0270098316988542046, 432.8810604912902668951, 485.3903996359136964868,
      194.5506571482613964425)  # fmt: skip
_LARGE = 1e8  # beyond, x + sqrt(x^2 +- 1) is 2 x in float64, and x^2 can overflow in float32


@op
def arctan(x: Any) -> Any:
    """Return the angle, in radians between -pi/2 and pi/2, whose tangent is x.

    >>> float(arctan(1.0))
    0.7853981852531433
    """
    sign, t = _parted(symbol(x))
    steep, middle = _greater(t, 2.414213562373095), _greater(t, 0.66)  # tan(3 pi / 8)
    small = _where(steep, 1.0, t)
    small = _where(middle, p.binary(p.binary(small, 1.0, "subtract"), p.binary(small, 1.0, "add"), "divide"), small)
    z = _where(steep, p.unary(p.unary(_where(steep, t, 1.0), "reciprocal"), "negative"), small)
    w = p.unary(z, "square")
    series = p.binary(p.binary(w, _polynomial(w, _P), "multiply"), _polynomial(w, _Q), "divide")
    angle = p.binary(z, p.binary(z, series, "multiply"), "add")
    start = _where(steep, _pi / 2, _where(middle, _pi / 4, 0.0))
    return p.binary(sign, p.binary(start, angle, "add"), "multiply")


@op
def arctan2(x1: Any, x2: Any) -> Any:
    """Return the angle, in radians between -pi and pi, of the point with ordinate x1 and abscissa x2.

    The coordinates must be finite, and -0 counts as 0. Of (0, 0) it is 0.

    >>> float(arctan2(1.0, -1.0))
    2.356194496154785
    """
    y, x = symbol(x1), symbol(x2)
    steep = p.binary(p.unary(y, "abs"), p.unary(x, "abs"), "greater", "bool")
    flat_x = _where(p.binary(steep, p.binary(x, 0.0, "equal", "bool"), "logical_or", "bool"), 1.0, x)
    slope = _where(steep, p.unary(p.binary(x, _where(steep, y, 1.0), "divide"), "negative"),
                   p.binary(y, flat_x, "divide"))  # fmt: skip
    half = _where(p.binary(y, 0.0, "less", "bool"), -_pi, _pi)
    left = p.binary(p.binary(x, 0.0, "less"), half, "multiply")
    start = _where(steep, p.binary(half, 0.5, "multiply"), left)
    return p.binary(start, arctan(slope), "add")


@op
def arcsin(x: Any) -> Any:
    """Return the angle, in radians between -pi/2 and pi/2, whose sine is x; NaN beyond -1 and 1.

    >>> float(arcsin(1.0))
    1.5707963705062866
    """
    x = symbol(x)
    cosine = p.unary(p.binary(p.binary(1.0, x, "subtract"), p.binary(1.0, x, "add"), "multiply"), "sqrt")
    return arctan(p.binary(x, cosine, "divide"))


@op
def arccos(x: Any) -> Any:
    """Return the angle, in radians between 0 and pi, whose cosine is x; NaN beyond -1 and 1.

    >>> float(arccos(0.0))
    1.5707963705062866
    """
    x = symbol(x)
    square = p.binary(p.binary(1.0, x, "subtract"), p.binary(1.0, x, "add"), "divide")  # of the half angle's tangent
    return p.binary(arctan(p.unary(square, "sqrt")), 2.0, "multiply")


@op
def arcsinh(x: Any) -> Any:
    """Return log(x + sqrt(x^2 + 1)), exact near 0 and without overflow.

    >>> float(arcsinh(0.0))
    0.0
    """
    sign, t = _parted(symbol(x))
    large = _greater(t, _LARGE)
    square = p.unary(_where(large, 1.0, t), "square")
    root = p.binary(p.unary(p.binary(square, 1.0, "add"), "sqrt"), 1.0, "add")
    near = p.unary(p.binary(t, p.binary(square, root, "divide"), "add"), "log1p")
    return p.binary(sign, _where(large, _log_of_double(large, t), near), "multiply")


@op
def arccosh(x: Any) -> Any:
    """Return log(x + sqrt(x^2 - 1)), exact near 1 and without overflow; NaN below 1.

    >>> float(arccosh(1.0))
    0.0
    """
    x = symbol(x)
    large = _greater(x, _LARGE)
    over = p.binary(_where(large, 2.0, x), 1.0, "subtract")
    root = p.binary(p.unary(over, "sqrt"), p.unary(p.binary(over, 2.0, "add"), "sqrt"), "multiply")
    return _where(large, _log_of_double(large, x), p.unary(p.binary(over, root, "add"), "log1p"))


@op
def arctanh(x: Any) -> Any:
    """log((1 + x) / (1 - x)) / 2, exact near 0; infinite at -1 and 1, NaN beyond.

    >>> float(arctanh(0.0))
    0.0
    """
    sign, t = _parted(symbol(x))
    ratio = p.binary(p.binary(t, 2.0, "multiply"), p.binary(1.0, t, "subtract"), "divide")
    return p.binary(p.binary(sign, 0.5, "multiply"), p.unary(ratio, "log1p"), "multiply")


def _parted(x: Symbol) -> tuple[Symbol, Symbol]:
    """Return 1 or -1, and |x|; at 0 the gradient of their product is 1, where that of ``sign(x) |x|`` is 0."""
    sign = _where(p.binary(x, 0.0, "less", "bool"), -1.0, 1.0)
    return sign, p.binary(sign, x, "multiply")


def _where(condition: Symbol, a: Any, b: Any) -> Symbol:
    return p.elementwise("where", (condition, a, b), p.as_float(condition))


def _greater(x: Symbol, limit: float) -> Symbol:
    return p.binary(x, limit, "greater", "bool")


def _log_of_double(large: Symbol, t: Symbol) -> Symbol:
    """Return log(2 t) where t is large, anything elsewhere."""
    return p.binary(p.unary(_where(large, t, 1.0), "log"), _log(2), "add")


def _polynomial(x: Symbol, coefficients: tuple[float, ...]) -> Symbol:
    """Return a polynomial's value by Horner's rule, the highest power's coefficient first."""
    value = p.binary(p.binary(x, coefficients[0], "multiply"), coefficients[1], "add")
    for each in coefficients[2:]:
        value = p.binary(p.binary(value, x, "multiply"), each, "add")
    return value
