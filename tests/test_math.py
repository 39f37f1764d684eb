"""The stated errors of the vectorised functions, on every instruction set."""

import math

import numpy as np
import pytest
from scipy.special import expit

import reference
from kernel_tables import ISAS
from mlpcore import _core

erfc = np.vectorize(math.erfc)  # more exact than SciPy's

# name -> (the function in float64, its error in ULP, the range)
FUNCTIONS = {
    "exp": (np.exp, 1.5, (-87, 88)),
    "logistic": (expit, 3, (-80, 80)),
    "tanh": (np.tanh, 4, (-12, 12)),
    "softplus": (lambda z: np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z))), 4, (-80, 80)),
    "gelu": (lambda z: z * 0.5 * erfc(-z / np.sqrt(2.0)), 5, (-13, 13)),
}

# the same for the ops
OPS = {
    "exp": (np.exp, 1.5, (-87, 88)),
    "expm1": (np.expm1, 2.5, (-90, 88)),
    "log": (np.log, 2, (1e-30, 1e30)),
    "log1p": (np.log1p, 3, (-0.999, 1e30)),
    "sin": (np.sin, 2, (-1e6, 1e6)),
    "cos": (np.cos, 2, (-1e6, 1e6)),
    "erf": (np.vectorize(math.erf), 3, (-7, 7)),
}


def arguments(low, high):
    rng = np.random.RandomState(0)
    near_zero = 10.0 ** rng.uniform(-8, 0, 500)
    near_zero = near_zero[near_zero < high]
    return np.concatenate([np.linspace(low, high, 4001), rng.standard_normal(1000), near_zero, -near_zero])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_is_as_stated(name, dtype, isa):
    function, ulp, limits = FUNCTIONS[name]
    x = arguments(*limits).astype(dtype)
    exact = function(x.astype(np.float64))
    got = _core.kernels.activation(x[:, None], name, isa=isa)[:, 0].astype(np.float64)
    unit = np.spacing(np.abs(exact).astype(dtype)).astype(np.float64)
    # the float64 functions are a unit or two off, and erfc's argument is rounded twice: z^2 units each in the tail
    slack = 0 if dtype == "float32" else 2 + (2 * np.maximum(-x, 0) ** 2 if name == "gelu" else 0)
    assert (np.abs(got - exact) / unit <= ulp + slack).all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", OPS)
def test_error_of_an_op_is_as_stated(name, dtype, isa):
    function, ulp, (low, high) = OPS[name]
    x = arguments(low, high)
    x = np.concatenate([x, arguments(-8, 8), np.geomspace(1e-30, 1e30, 1001), np.pi / 4 * np.arange(1, 3000)])
    x = x[(x >= low) & (x <= high)].astype(dtype)
    exact = function(x.astype(np.float64))
    got = _core.kernels.unary(x[:, None], name, isa=isa)[:, 0].astype(np.float64)
    unit = np.spacing(np.abs(exact).astype(dtype)).astype(np.float64)
    assert (np.abs(got - exact) / unit <= ulp + (0 if dtype == "float32" else 1)).all()  # NumPy's own: a unit at most


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_power_is_exact_to_a_unit(dtype, isa):
    rng = np.random.default_rng(0)
    a, b = (np.exp(3 * rng.normal(size=(1, 2000))).astype(dtype) for _ in range(2))
    with np.errstate(over="ignore", under="ignore"):
        exact = np.power(a.astype(np.longdouble), b.astype(np.longdouble))
        inside = (exact < np.finfo(dtype).max) & (exact > np.finfo(dtype).tiny)
        unit = np.spacing(exact[inside].astype(dtype))
    got = _core.kernels.binary(a, b, "power", isa=isa)[inside]
    assert (np.abs(got - exact[inside]) <= unit).all()


@pytest.mark.parametrize("isa", ISAS)
def test_sin_and_cos_far_out(isa):
    x = np.array([[1e7, 1e22, -3e300, np.inf, np.nan, 2.0]])
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(_core.kernels.unary(x, "sin", isa=isa), np.sin(x), 1e-15)
        np.testing.assert_allclose(_core.kernels.unary(x, "cos", isa=isa), np.cos(x), 1e-15)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gelu_derivative_is_exact_to_two_units_at_one(dtype, isa):
    x = arguments(-13, 13).astype(dtype)[:, None]
    z = x.astype(np.float64)
    exact = 0.5 * erfc(-z / np.sqrt(2.0)) + z * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    got = _core.kernels.activation_dx(x, np.ones_like(x), "gelu", isa=isa)
    assert np.abs(got - exact).max() <= 2 * np.finfo(dtype).eps


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gelu_beyond_the_normal_numbers(dtype, isa):
    x = np.array([[-1e4, -40, -0.0, 0, 40, 1e4, np.nan]], dtype)
    got = _core.kernels.activation(x, "gelu", isa=isa)
    np.testing.assert_array_equal(got, np.array([[0, 0, 0, 0, 40, 1e4, np.nan]], dtype))


LANES = (1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33)  # halves of vectors, vectors, and one more


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [name for name in reference.ACTIVATIONS if name != "softmax"])
def test_an_activation_does_not_depend_on_what_stands_beside(name, dtype, isa):
    x = np.random.default_rng(0).normal(scale=3, size=(19, 40)).astype(dtype)
    x[4, :] = np.nan
    x[7, ::2] = np.inf
    x[9, 1::2] = -np.inf
    whole = _core.kernels.activation(x, name, isa=isa)
    for width in LANES:
        for rows in LANES:
            part = np.ascontiguousarray(x[:rows, :width])
            np.testing.assert_array_equal(_core.kernels.activation(part, name, isa=isa), whole[:rows, :width])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_softmax_of_any_width_is_the_references_and_keeps_rows_apart(dtype, isa):
    x = np.random.default_rng(0).normal(scale=3, size=(19, 40)).astype(dtype)
    for width in LANES:
        clean = np.ascontiguousarray(x[:, :width])
        expected = reference.softmax(clean.astype(np.float64))
        bad = clean.copy()
        bad[3], bad[11] = np.nan, np.inf
        kept = np.delete(np.arange(19), [3, 11])
        for rows in (1, 2, 7, 8, 9, 15, 16, 17, 19):
            got = _core.kernels.activation(np.ascontiguousarray(clean[:rows]), "softmax", isa=isa)
            np.testing.assert_allclose(got, expected[:rows], rtol=8 * np.finfo(dtype).eps)  # exp, a sum, a quotient
            among = _core.kernels.activation(np.ascontiguousarray(bad[:rows]), "softmax", isa=isa)
            here = kept[kept < rows]
            np.testing.assert_array_equal(among[here], got[here])
