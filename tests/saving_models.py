"""Models of every kind that the tests of saving write and read."""

import numpy as np
from numpy.testing import assert_array_equal

import mlpcore
from mlpcore import layers, ops

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 5)).astype(np.float32)
Y = X[:, :1] * 2


def sequential():
    return mlpcore.Sequential(
        [
            layers.Input((5,)),
            layers.Normalization(),
            layers.Dense(4, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(1, name="out"),
        ]
    )


def unbuilt():
    return mlpcore.Sequential([layers.Dense(3, activation="gelu"), layers.LayerNormalization(), layers.Dense(1)])


def shared_and_nested():
    inputs = layers.Input((5,), name="x")
    shared = layers.Dense(5, activation="tanh")
    inner_input = layers.Input((5,))
    inner = mlpcore.Model(inner_input, layers.Dense(5)(inner_input), name="inner")
    chain = mlpcore.Sequential([layers.Dense(4), layers.Dense(5)], name="chain")
    z = chain(inner(shared(inner(shared(inputs)))))
    z = layers.Concatenate()([z, inputs]) * 2.0 + 1
    return mlpcore.Model(inputs, layers.Dense(1)(ops.relu(z)))


class Block(layers.Layer):
    """A layer of a user, with layers in a list and a weight of its own."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = [layers.Dense(units, activation="relu") for _ in range(2)]

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(self.units,), initializer="ones", name="scale")

    def call(self, inputs):
        for layer in self.hidden:
            inputs = layer(inputs)
        return inputs * self.scale

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Net(mlpcore.Model):
    """A model of a user, whose constructor's arguments are its config."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.block = Block(units)
        self.by_name = {"out": layers.Dense(1), "unused": None}
        self._private = layers.Dense(3)

    def call(self, inputs):
        return self.by_name["out"](layers.concatenate([self.block(inputs), self._private(inputs)]))


MODELS = {
    "sequential": sequential,
    "unbuilt": unbuilt,
    "nested": shared_and_nested,
    "subclass": Net,
    "with block": lambda: mlpcore.Sequential([layers.Input((5,)), Block(3), layers.Dense(1)]),
}


def fitted(make, optimizer="adam", **compiled):
    mlpcore.utils.set_random_seed(0)
    model = make()
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"], **compiled)
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    return model


def assert_equal_models(one, other):
    assert_array_equal(one.predict(X, verbose=0), other.predict(X, verbose=0))
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(ours, theirs)
