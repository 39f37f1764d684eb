"""BatchNormalization and LayerNormalization against Keras and formulas: outputs, averages, gradients, configs."""

import numpy as np
import pytest

from layer_cases import Recorded, check_gradient, check_round_trip, rows
from mlpcore import layers
from mlpcore.initializers import Constant

X = (np.arange(12.0).reshape(4, 3) ** 1.5 % 5).astype(np.float32)
X3 = (np.arange(24.0).reshape(2, 3, 4) ** 1.5 % 5).astype(np.float32)

# fmt: off
# keras.layers.BatchNormalization(momentum=0.9, gamma_initializer=Constant(2), beta_initializer=Constant(0.5)) of X in
# training, its moving averages after it, and its output with these; Keras 3.15.1, jax
KERAS_TRAINING = [[-1.3276262, -2.0304613, 2.7479367], [-1.1195958, 1.9056749, -1.8908107],
                  [3.6537375, 2.9295802, 2.1821690], [0.7934847, -0.8047945, -1.0392942]]
KERAS_MEAN, KERAS_VARIANCE = [0.17232727, 0.2285759, 0.20297642], [1.2555258, 1.0031713, 0.95039153]
KERAS_AFTER = [[0.19253317, 2.0396404, 5.8833699], [0.5425089, 6.0313239, 2.5040405],
               [8.5728254, 7.0696788, 5.4712081], [3.7609394, 3.2826037, 3.1243703]]
# first six elements of keras.layers.LayerNormalization(axis)(X3)
KERAS_LAYER = {
    -1: [-0.90053898, -0.0054998994, 1.6310139, -0.72497487, -0.078411579, -1.5140746],
    1: [-1.4046115, -0.90174174, -0.17465282, -1.1227475, 0.84180152, -0.48842001],
    (1, 2): [-1.5212702, -0.76552171, 0.61630929, -1.3730283, 0.74597514, -0.62923008],
}
# fmt: on


def batch_normalization(**kwargs):
    return layers.BatchNormalization(
        momentum=0.9, gamma_initializer=Constant(2.0), beta_initializer=Constant(0.5), dtype="float64", **kwargs
    )


def test_batch_normalization_matches_keras():
    layer = batch_normalization()
    recorded = Recorded(layer, [X])
    np.testing.assert_allclose(recorded.predict(), KERAS_TRAINING, rtol=3e-6)  # Keras computed in float32
    np.testing.assert_array_equal(layer.moving_mean.numpy(), 0)
    recorded.train(1)
    np.testing.assert_allclose(layer.moving_mean.numpy(), KERAS_MEAN, rtol=3e-6)
    np.testing.assert_allclose(layer.moving_variance.numpy(), KERAS_VARIANCE, rtol=3e-6)
    np.testing.assert_allclose(layer(X), KERAS_AFTER, rtol=3e-6)


def test_moving_averages_follow_every_step():
    layer = batch_normalization()
    Recorded(layer, [X]).train(3)
    x = X.astype(np.float64)
    np.testing.assert_allclose(layer.moving_mean.numpy(), (1 - 0.9**3) * x.mean(axis=0))
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.9**3 + (1 - 0.9**3) * x.var(axis=0))


@pytest.mark.parametrize("axis", [-1, 1, 2])
@pytest.mark.parametrize(("center", "scale"), [(True, True), (False, True), (True, False), (False, False)])
def test_batch_normalization_of_matrices(axis, center, scale):
    layer = layers.BatchNormalization(axis, epsilon=0.1, center=center, scale=scale, dtype="float64")
    others = tuple({0, 1, 2} - {axis % 3})
    x = X3.astype(np.float64)
    expected = (x - x.mean(axis=others, keepdims=True)) / np.sqrt(x.var(axis=others, keepdims=True) + 0.1)
    recorded = Recorded(layer, [X3])
    np.testing.assert_allclose(recorded.predict().reshape(X3.shape), expected, rtol=1e-9, atol=1e-9)
    assert [w.name for w in layer.weights] == ["gamma", "beta"][1 - scale : 1 + center] + [
        "moving_mean",
        "moving_variance",
    ]
    check_gradient(layer, X3)
    check_gradient(layer, X3, training=False)


def test_gradient_of_batch_normalization():
    check_gradient(batch_normalization(), rows(3))
    check_gradient(batch_normalization(beta_regularizer="l2", gamma_regularizer="l1"), rows(3), training=False)


def test_frozen_batch_normalization_uses_and_keeps_its_averages():
    layer = batch_normalization(trainable=False)
    recorded = Recorded(layer, [X])
    recorded.train(2)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), 0)
    np.testing.assert_allclose(recorded.predict(), X / np.sqrt(1.001) * 2 + 0.5, rtol=1e-6)
    assert len(layer.trainable_weights) == 0
    assert len(layer.non_trainable_weights) == 4


def test_training_by_argument():
    np.testing.assert_allclose(batch_normalization()(X, training=True), KERAS_TRAINING, rtol=3e-6)


def test_batch_normalization_config():
    check_round_trip(layers.BatchNormalization(momentum=0.5, beta_constraint="non_neg", name="bn"), X)
    check_round_trip(layers.BatchNormalization(axis=1, scale=False), X3)
    keras_only = {"renorm": False, "renorm_clipping": None, "renorm_momentum": 0.99, "synchronized": False}
    assert layers.BatchNormalization(**keras_only).momentum == 0.99


@pytest.mark.parametrize("axis", list(KERAS_LAYER))
def test_layer_normalization_matches_keras(axis):
    y = layers.LayerNormalization(axis)(X3)
    np.testing.assert_allclose(y.ravel()[:6], KERAS_LAYER[axis], rtol=1e-5)


@pytest.mark.parametrize("axis", [-1, 1, (1, 2), [2]])
@pytest.mark.parametrize(("center", "scale"), [(True, True), (False, False)])
def test_gradient_and_config_of_layer_normalization(axis, center, scale):
    settings = {"gamma_initializer": "uniform", "beta_initializer": "uniform"}
    layer = layers.LayerNormalization(axis, 0.1, center, scale, dtype="float64", **settings)
    check_gradient(layer, X3)
    check_round_trip(layers.LayerNormalization(axis, center=center, scale=scale, **settings), X3)


def test_layer_normalization_has_a_weight_per_element_of_its_axes():
    layer = layers.LayerNormalization(axis=(1, 2))
    layer(X3)
    assert layer.gamma.shape == layer.beta.shape == (3, 4)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.BatchNormalization(renorm=True), ValueError, "renorm=True is not supported"),
        (lambda: layers.BatchNormalization(momentum=2), ValueError, "momentum must be a number between 0 and 1, got 2"),
        (lambda: layers.BatchNormalization(3, name="b")(X), ValueError, "b: axis 3 is out of bounds for an input of"),
        (lambda: layers.BatchNormalization(0, name="b")(X), ValueError, "b: axes .* hold the batch's in an input of"),
        (lambda: layers.BatchNormalization(epsilom=1), TypeError, "'epsilom'; did you mean 'epsilon'"),
        (lambda: layers.LayerNormalization(0, name="l")(X), ValueError, "l: axes .* hold the batch's in an input of"),
        (lambda: layers.LayerNormalization("last"), TypeError, "axis must be an integer .* got 'last'"),
        (lambda: layers.LayerNormalization(rms_scaling=True), ValueError, "rms_scaling=True is not supported"),
    ],
)
def test_error_messages(make, error, message):
    with pytest.raises(error, match=message):
        make()
