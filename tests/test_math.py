"""The stated errors of the vectorised functions, on every instruction set."""

import math

import numpy as np
import pytest
from scipy.special import expit

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


def arguments(low, high):
    rng = np.random.RandomState(0)
    near_zero = 10.0 ** rng.uniform(-8, 0, 500)
    near_zero = near_zero[near_zero < high]
    return np.concatenate([np.linspace(low, high, 4001), rng.standard_normal(1000), near_zero, -near_zero])


@pytest.mark.parametrize("isa", _core.available_isas())
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


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gelu_derivative_is_exact_to_two_units_at_one(dtype, isa):
    x = arguments(-13, 13).astype(dtype)[:, None]
    z = x.astype(np.float64)
    exact = 0.5 * erfc(-z / np.sqrt(2.0)) + z * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    got = _core.kernels.activation_dx(x, np.ones_like(x), "gelu", isa=isa)
    assert np.abs(got - exact).max() <= 2 * np.finfo(dtype).eps


@pytest.mark.parametrize("isa", _core.available_isas())
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_gelu_beyond_the_normal_numbers(dtype, isa):
    x = np.array([[-1e4, -40, -0.0, 0, 40, 1e4, np.nan]], dtype)
    got = _core.kernels.activation(x, "gelu", isa=isa)
    np.testing.assert_array_equal(got, np.array([[0, 0, 0, 0, 40, 1e4, np.nan]], dtype))
