"""Activation layers: outputs, gradients, configs, messages."""

import numpy as np
import pytest

from layer_cases import check_gradient, check_round_trip, rows
from mlpcore import activations, layers, ops

X = np.array([[-2.0, -0.5, 0.3], [0.7, 1.5, 8.0]], np.float32)

CASES = [
    (lambda: layers.Activation("tanh"), np.tanh(X)),
    (lambda: layers.ReLU(), np.maximum(X, 0)),
    (lambda: layers.ReLU(6, 0.1), np.where(X < 0, 0.1 * X, np.minimum(X, 6))),
    (lambda: layers.ReLU(None, 0.1, 0.5), np.where(X < 0.5, 0.1 * (X - 0.5), X)),
    (lambda: layers.LeakyReLU(), np.where(X < 0, 0.3 * X, X)),
    (lambda: layers.LeakyReLU(alpha=0.1), np.where(X < 0, 0.1 * X, X)),
    (lambda: layers.ELU(0.5), np.where(X < 0, 0.5 * np.expm1(X), X)),
    (lambda: layers.Softmax(), np.exp(X) / np.exp(X).sum(axis=1, keepdims=True)),
    (lambda: layers.PReLU(), np.maximum(X, 0)),
    (lambda: layers.PReLU("ones"), X),
]


@pytest.mark.parametrize(("make", "expected"), CASES)
def test_output_is_the_formula(make, expected):
    np.testing.assert_allclose(make()(X), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("make", [make for make, _ in CASES])
def test_config_round_trip(make):
    check_round_trip(make(), X)


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.ReLU(1.2, 0.1, 0.2, dtype="float64"),
        lambda: layers.LeakyReLU(dtype="float64"),
        lambda: layers.ELU(dtype="float64"),
        lambda: layers.Softmax(dtype="float64"),
        lambda: layers.Softmax(axis=1, dtype="float64"),
        lambda: layers.PReLU("uniform", dtype="float64"),
        lambda: layers.PReLU("uniform", shared_axes=[1], dtype="float64"),
        lambda: layers.Activation("mish", dtype="float64"),
        lambda: layers.Activation(lambda x: ops.sin(x) * x, dtype="float64"),
    ],
)
def test_gradient(make):
    check_gradient(make(), rows(2, 3))


def test_prelu_shares_slopes():
    layer = layers.PReLU("ones", shared_axes=1)
    layer(np.zeros((2, 4, 3), np.float32))
    assert layer.alpha.shape == (1, 3)
    assert layer.shared_axes == [1]


def test_softmax_along_another_axis():
    x = rows(2, 3).astype(np.float32)
    np.testing.assert_allclose(layers.Softmax(axis=1)(x).sum(axis=1), 1, rtol=1e-6)


def test_activation_layer_as_activation_argument():
    layer = layers.Dense(2, activation=layers.LeakyReLU(0.1), kernel_initializer="identity")
    np.testing.assert_allclose(layer(np.array([[-1.0, 2.0]], np.float32)), [[-0.1, 2.0]], rtol=1e-6)


def test_only_built_in_functions_make_a_pure_layer():
    assert layers.Activation("relu")._pure
    assert not layers.Activation(lambda x: x)._pure
    assert layers.Dense(1, activations.gelu)._pure
    assert not layers.Dense(1, lambda x: x)._pure


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.ReLU(max_value=-1), "ReLU: max_value must be a number of at least 0, got -1"),
        (lambda: layers.ReLU(threshold=None), "ReLU: threshold must be a number of at least 0, got None"),
        (lambda: layers.LeakyReLU(-0.1), "LeakyReLU: negative_slope must be a number of at least 0, got -0.1"),
        (lambda: layers.PReLU(shared_axes=3, name="p")(X), r"p: shared axis 3 is none of an input of shape \(.*, 3\)"),
    ],
)
def test_error_messages(make, message):
    with pytest.raises(ValueError, match=message):
        make()
