"""Layers and models called on arrays: noise, what is assigned, what is added to the loss."""

import numpy as np

import mlpcore
from mlpcore import layers, ops

X = (np.arange(12.0).reshape(4, 3) ** 1.5 % 5).astype(np.float32)


class RunningSum(layers.Layer):
    """Keras' guide: a layer that adds up what it has seen, and returns it."""

    def build(self, input_shape):
        self.total = self.add_weight(shape=(input_shape[-1],), initializer="zeros", trainable=False)

    def call(self, inputs):
        self.total.assign_add(ops.sum(inputs, axis=0))
        return inputs * 0 + self.total


def test_every_call_in_training_has_noise_of_its_own():
    model = mlpcore.Sequential([mlpcore.Input((100,)), layers.Dropout(0.5), layers.GaussianNoise(1.0)])
    ones = np.ones((3, 100), np.float32)
    mlpcore.utils.set_random_seed(3)
    samples = [model(ones, training=True) for _ in range(3)]
    assert not np.array_equal(samples[0], samples[1])
    assert not np.array_equal(samples[1], samples[2])
    mlpcore.utils.set_random_seed(3)
    np.testing.assert_array_equal(model(ones, training=True), samples[0])
    np.testing.assert_array_equal(model(ones), ones)


def test_batch_normalization_moves_its_averages_when_called_in_training():
    layer = layers.BatchNormalization(momentum=0.5)
    layer(X)
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(3))
    layer(X, training=True)
    np.testing.assert_allclose(layer.moving_mean.numpy(), X.mean(0) / 2, rtol=1e-5)
    np.testing.assert_allclose(layer.moving_variance.numpy(), 0.5 + X.var(0) / 2, rtol=1e-5)


def test_what_call_assigns_is_there_at_once_and_after_it():
    layer = RunningSum()
    np.testing.assert_allclose(layer(X), np.tile(X.sum(0), (4, 1)), rtol=1e-6)
    np.testing.assert_allclose(layer(X[:1]), X.sum(0, keepdims=True) + X[:1], rtol=1e-6)
    np.testing.assert_allclose(layer.total.numpy(), X.sum(0) + X[0], rtol=1e-6)


def test_two_calls_in_one_pass_both_move_the_averages():
    layer = layers.BatchNormalization(momentum=0.5)
    x = mlpcore.Input((3,))
    model = mlpcore.Model(x, layers.Add()([layer(x), layer(x * 3)]))
    model.compile(optimizer=mlpcore.optimizers.SGD(0.0), loss="mse")
    model.train_on_batch(X, X)
    np.testing.assert_allclose(layer.moving_mean.numpy(), X.mean(0) * (0.25 + 1.5), rtol=1e-5)


def test_losses_of_the_last_call_are_listed():
    class Penalized(layers.Layer):
        def call(self, inputs):
            self.add_loss(0.01 * ops.mean(inputs))
            return inputs

    class Outer(layers.Layer):
        def __init__(self):
            super().__init__()
            self.inner = Penalized()

        def call(self, inputs):
            return self.inner(inputs)

    layer = Outer()
    assert layer.losses == []
    for factor in (1, 2):
        layer(X * factor)
        np.testing.assert_allclose(layer.losses, [0.01 * X.mean() * factor], rtol=1e-6)


def test_a_model_lists_the_losses_of_its_last_call_as_keras_does():
    class Summed(layers.Layer):
        def call(self, inputs):
            self.add_loss(ops.sum(inputs))
            return inputs

    dense = layers.Dense(2, kernel_initializer="ones", kernel_regularizer="l2", activity_regularizer="l2")
    model = mlpcore.Sequential([mlpcore.Input((2,)), dense, Summed()])
    np.testing.assert_allclose(model.losses, [0.04])
    ones = np.ones((3, 2), np.float32)
    for factor in (1, 2):  # sums over the rows of squares, divided by their number; and of what comes out
        for options in ({}, {"training": True}, {}):
            np.testing.assert_array_equal(model(factor * ones, **options), np.full((3, 2), 2.0 * factor))
            np.testing.assert_allclose(model.losses, [0.08 * factor**2, 12 * factor, 0.04], rtol=1e-6)


def test_a_model_forgets_the_losses_of_training_in_a_call_without_any():
    class Penalized(layers.Layer):
        def call(self, inputs, training=False):
            if training:
                self.add_loss(ops.sum(inputs))
            return inputs

    model = mlpcore.Sequential([mlpcore.Input((3,)), Penalized()])
    model(X, training=True)
    np.testing.assert_allclose(model.losses, [X.sum()], rtol=1e-6)
    model(X)
    assert model.losses == []


def test_normalization_tells_mean_and_variance():
    layer = layers.Normalization()
    layer.adapt(X)
    np.testing.assert_allclose(layer.mean, X.mean(0, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(layer.variance, X.var(0, keepdims=True), rtol=1e-5)
    layer = layers.Normalization(mean=[1.0, 2.0, 3.0], variance=4.0 * np.ones(3))
    layer(X)
    np.testing.assert_array_equal(layer.mean, [[1, 2, 3]])


def test_a_cleared_session_counts_names_anew():
    mlpcore.backend.clear_session()
    assert [layers.Dense(1).name for _ in range(2)] == ["dense", "dense_1"]
    mlpcore.backend.clear_session()
    assert layers.Dense(1).name == "dense"
