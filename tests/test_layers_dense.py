"""Dense: outputs, gradients, arguments, configs, messages."""

import numpy as np
import pytest

from layer_cases import Recorded, check_gradient, check_round_trip, rows
from mlpcore import constraints, initializers, layers, ops, regularizers


def test_output_is_the_formula():
    x = rows(3).astype(np.float32)
    layer = layers.Dense(4, activation="tanh")
    y = layer(x)
    assert (y.shape, y.dtype) == ((5, 4), np.float32)
    kernel, bias = layer.get_weights()
    assert (kernel.shape, bias.shape) == ((3, 4), (4,))
    np.testing.assert_allclose(y, np.tanh(x @ kernel + bias), rtol=1e-5, atol=1e-6)


def test_last_axis_of_a_sequence():
    x = rows(6, 3).astype(np.float32)
    layer = layers.Dense(2, bias_initializer="ones")
    y = layer(x)
    assert y.shape == (5, 6, 2)
    np.testing.assert_allclose(y, x @ layer.kernel.numpy() + 1, rtol=1e-5, atol=1e-6)


def test_default_weights_are_keras():
    layer = layers.Dense(200)
    layer(np.zeros((1, 300), np.float32))
    limit = np.sqrt(6 / 500)
    kernel, bias = layer.get_weights()
    assert 0.95 * limit < abs(kernel).max() <= limit
    assert not bias.any()


@pytest.mark.parametrize("activation", ["relu", "softmax", "gelu", "elu", lambda x: ops.square(x) + 1.0])
@pytest.mark.parametrize("shape", [(3,), (2, 3)])
@pytest.mark.parametrize("use_bias", [True, False])
def test_gradient(activation, shape, use_bias):
    layer = layers.Dense(4, activation, use_bias, dtype="float64")
    check_gradient(layer, rows(*shape))


def test_gradient_of_a_layer_that_is_used_twice():
    layer = layers.Dense(3, "tanh", dtype="float64")
    check_gradient(lambda x: layer(layer(x)), rows(3))


@pytest.mark.parametrize("kernel_regularizer", ["l1", "l2", "l1_l2", lambda w: 0.1 * ops.sum(w * w * w)])
def test_gradient_of_penalties(kernel_regularizer):
    layer = layers.Dense(
        3,
        kernel_regularizer=kernel_regularizer,
        bias_regularizer=regularizers.L2(0.3),
        bias_initializer="ones",
        activity_regularizer=regularizers.L1L2(0.1, 0.2),
        dtype="float64",
    )
    check_gradient(layer, rows(3))


def test_activity_penalty_is_divided_by_the_rows():
    x = rows(3)
    layer = layers.Dense(2, activity_regularizer=regularizers.L2(0.5), dtype="float64")
    plain = layers.Dense(2, dtype="float64")
    with_penalty, without = Recorded(layer, [x]), Recorded(plain, [x])
    plain.set_weights(layer.get_weights())
    y = x @ layer.kernel.numpy()
    np.testing.assert_allclose(with_penalty.gradient()[0] - without.gradient()[0], 0.5 * (y**2).sum() / 5)


def test_config_round_trip():
    layer = layers.Dense(
        3,
        "selu",
        kernel_initializer=initializers.HeNormal(seed=3),
        bias_initializer="ones",
        kernel_regularizer=regularizers.L1(0.1),
        bias_regularizer="l2",
        activity_regularizer="l1_l2",
        kernel_constraint=constraints.MaxNorm(1.5),
        bias_constraint="non_neg",
        name="hidden",
        trainable=False,
    )
    check_round_trip(layer, rows(2).astype(np.float32))


def test_config_has_keras_keys():
    config = layers.Dense(3, "relu").get_config()
    assert (config["units"], config["activation"], config["use_bias"], config["trainable"]) == (3, "relu", True, True)
    assert config["kernel_initializer"]["class_name"] == "GlorotUniform"
    assert config["kernel_regularizer"] is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Dense(0), ValueError, "Dense: units must be a positive integer, got 0"),
        (lambda: layers.Dense(2.5), ValueError, r"Dense: units must be a positive integer, got 2\.5"),
        (lambda: layers.Dense(True), ValueError, "positive integer, got True"),
        (lambda: layers.Dense(3, "rleu"), ValueError, "unknown activation 'rleu'; did you mean 'relu'"),
        (
            lambda: layers.Dense(3, kernel_initializeer="zeros"),
            TypeError,
            "unknown argument 'kernel_initializeer'; did you mean 'kernel_initializer'",
        ),
        (lambda: layers.Dense(3, kernel_initializer="he"), ValueError, "unknown initializer 'he'"),
        (lambda: layers.Dense(3)(np.zeros(3)), ValueError, "expected"),
    ],
)
def test_error_messages(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_other_number_of_features_names_the_layer():
    layer = layers.Dense(3, name="hidden1")
    layer(np.zeros((2, 6), np.float32))
    with pytest.raises(ValueError, match=r"'hidden1' expects 6 features \(built on the first call\), got 5"):
        layer(np.zeros((2, 5), np.float32))
