"""What the tests of layers share: gradients against differences, single steps of training, the way through JSON."""

import json
from math import prod

import numpy as np

from mlpcore import layers, ops
from mlpcore._arena import Arena, Variable
from mlpcore._core import Update
from mlpcore._tape import Recorder


def rows(*shape, n=5, seed=0, scale=1.0):
    """Return `n` rows of normal numbers, float64."""
    return scale * np.random.default_rng(seed).standard_normal((n, *shape))


class Recorded:
    """A function of batches on a tape in float64: ``loss = sum over the outputs of weights * y + y^2 / 2``."""

    def __init__(self, function, arrays, training=True):
        self.arrays = [np.ascontiguousarray(a, np.float64).reshape(len(a), -1) for a in arrays]
        self.arena = Arena("float64")
        recorder = Recorder(self.arena, training=training, batch=self.arrays)
        inputs = [recorder.input(np.shape(a)[1:]) for a in arrays]
        self.offsets = [Variable(np.zeros, np.shape(a)[1:], "float64") for a in arrays]
        with recorder:
            y = function(*[x + offset for x, offset in zip(inputs, self.offsets, strict=True)])
            self.width = prod(y.shape[1:])
            y = ops.reshape(y, (-1, self.width))
            weights = np.random.default_rng(9).standard_normal(self.width)
            recorder.output(y)
            recorder.row_loss(ops.sum(y * weights + 0.5 * ops.square(y), axis=-1, keepdims=True))
            for loss in recorder.losses:
                recorder.scalar_loss(loss)
        self.engine = self.arena.engine(recorder.tape)

    def gradient(self):
        self.arena.push()
        loss, penalty, gradients = self.engine.gradient(self.arrays, [])
        return loss + penalty, gradients

    def predict(self):
        self.arena.push()
        return self.engine.predict(self.arrays, training=True)

    def train(self, steps=1, rate=0.0):
        """Do some steps of gradient descent on all rows."""
        self.arena.push()
        update = Update("sgd", learning_rate=rate)
        for _ in range(steps):
            self.engine.train(self.arrays, [], None, len(self.arrays[0]), update)
        self.arena.trained()


def check_gradient(function, *arrays, training=True, step=1e-5):
    """Compare the gradients for all trainable variables and the inputs, along a random direction, with differences."""
    recorded = Recorded(function, arrays, training)
    _, gradients = recorded.gradient()
    generator = np.random.default_rng(1)
    variables = recorded.arena.variables
    directions = [generator.standard_normal(v.shape) * v.trainable for v in variables]
    values = [v.numpy() for v in variables]
    losses = []
    for sign in (1, -1):
        for variable, value, direction in zip(variables, values, directions, strict=True):
            variable.assign(value + sign * step * direction)
        losses.append(recorded.gradient()[0])
    slope = sum(float(np.sum(g.reshape(d.shape) * d)) for g, d in zip(gradients, directions, strict=True))
    expected = (losses[0] - losses[1]) / (2 * step)
    assert abs(slope) > 1e-3, "the direction tells nothing"
    np.testing.assert_allclose(slope, expected, rtol=1e-6, atol=1e-8)  # the differences' own error is below 1e-7


def through_json(layer):
    """Return the layer that a config gives after a way through JSON."""
    return layers.deserialize(json.loads(json.dumps(layers.serialize(layer))))


def check_round_trip(layer, *inputs):
    """Compare a layer with the one made from its config, given equal weights."""
    x = inputs[0] if len(inputs) == 1 else list(inputs)
    expected = layer(x)
    again = through_json(layer)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    again(x)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(again(x), expected)
    assert [w.shape for w in again.weights] == [w.shape for w in layer.weights]
    shape = again.compute_output_shape([x.shape for x in inputs] if len(inputs) > 1 else x.shape)
    assert shape[1:] == expected.shape[1:]
