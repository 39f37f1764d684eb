"""What tests of products from words share: matrices, trainings by several rules, and the comparison of their bits."""

import numpy as np
from numpy.testing import assert_array_equal

from mlpcore import _core

UPDATES = {
    "sgd": {"learning_rate": 0.1},
    "momentum": {"kind": "sgd", "learning_rate": 0.1, "momentum": 0.9, "l2": 0.1},
    "adam": {"learning_rate": 0.01},
    "clip_norm": {"kind": "sgd", "learning_rate": 0.1, "clip_norm": 0.01},
    "penalties": {"kind": "rmsprop", "learning_rate": 0.01, "l1": 0.01, "l2": 0.1, "clip_value": 0.01},
    "average": {"kind": "sgd", "learning_rate": 0.1, "average_momentum": 0.9, "average_every": 2},
}
Y = np.random.default_rng(5).integers(0, 10, 330).astype(np.int32)
ORDER = np.random.default_rng(6).permutation(330)


def matrix(rows, width, seed=0):
    return np.random.default_rng([rows, width, seed]).normal(size=(rows, width)).astype(np.float32)


def rule(settings, name):
    """Return the update of these settings, of the kind they name or else `name`."""
    return _core.Update(settings.get("kind", name), **{key: value for key, value in settings.items() if key != "kind"})


def parameters(engine, dtype=np.float32):
    arrays = [np.empty(shape, dtype) for shape in engine.parameter_shapes]
    engine.store(arrays)
    return arrays


def assert_same_bits(ours, expected):
    """Compare arrays one by one."""
    for one, other in zip(ours, expected, strict=True):
        assert_array_equal(one, other)
