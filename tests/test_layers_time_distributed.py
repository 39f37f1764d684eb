"""TimeDistributed: each step as the layer itself would have it; gradients, configs, files, messages."""

import numpy as np
import pytest

import mlpcore
from layer_cases import check_gradient, check_round_trip, rows
from mlpcore import layers, ops

X = rows(3, 4).astype(np.float32)


def steps_of(layer, x):
    """Return what a layer gives for each step by itself."""
    return np.stack([layer(x[:, step]) for step in range(x.shape[1])], axis=1)


@pytest.mark.parametrize(
    ("make", "x"),
    [
        (lambda **kw: layers.Dense(2, "tanh", **kw), X),
        (lambda **kw: layers.Dense(2, activation=lambda v: v * ops.mean(v, axis=1, keepdims=True), **kw), X),
        (lambda **kw: layers.LayerNormalization(**kw), X),
        (lambda **kw: layers.Flatten(**kw), rows(3, 2, 2).astype(np.float32)),
        (lambda **kw: layers.Dense(2, **kw), rows(3, 2, 4).astype(np.float32)),
        (lambda **kw: layers.Softmax(axis=1, **kw), X),
    ],
)
def test_each_step_is_what_the_layer_makes_of_it(make, x):
    layer = layers.TimeDistributed(make())
    y = layer(x)
    np.testing.assert_allclose(y, steps_of(layer.layer, x), rtol=1e-6)
    assert layer(layers.Input(x.shape[1:])).shape == (None, *y.shape[1:])
    check_gradient(layers.TimeDistributed(make(dtype="float64"), dtype="float64"), x)


def test_a_model_is_applied_to_each_step():
    block = mlpcore.Sequential([mlpcore.Input((4,)), layers.Dense(3, "relu"), layers.Dense(2)])
    model = mlpcore.Sequential([mlpcore.Input((3, 4)), layers.TimeDistributed(block)])
    np.testing.assert_allclose(model(X), steps_of(block, X), rtol=1e-6)
    assert len(model.trainable_weights) == 4


def test_the_layer_is_called_in_training_where_the_model_is():
    layer = layers.TimeDistributed(layers.Dropout(0.5, seed=1))
    np.testing.assert_array_equal(layer(X), X)
    assert np.mean(layer(np.ones((20, 3, 40), np.float32), training=True) == 0) > 0.4


def test_config():
    check_round_trip(layers.TimeDistributed(layers.Dense(2, "relu", name="inner"), name="outer"), X)
    check_round_trip(layers.TimeDistributed(layers.LayerNormalization()), X)


def test_a_model_with_it_is_saved(tmp_path):
    model = mlpcore.Sequential([mlpcore.Input((3, 4)), layers.TimeDistributed(layers.Dense(2))])
    for name in ("model.keras", "model"):
        model.save(tmp_path / name)
        np.testing.assert_array_equal(mlpcore.models.load_model(tmp_path / name)(X), model(X))


def test_error_messages():
    with pytest.raises(TypeError, match="TimeDistributed: expected a layer, got 'relu' of type str"):
        layers.TimeDistributed("relu")
    with pytest.raises(
        ValueError, match=r"outer: expected inputs of shape \(rows, steps, ...\), got the shape \(None, 4\)"
    ):
        layers.TimeDistributed(layers.Dense(2), name="outer")(X[:, 0])
