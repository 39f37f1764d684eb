"""Inputs, embeddings and layers that are functions: outputs, configs, messages."""

import numpy as np
import pytest

from layer_cases import Recorded, check_gradient, check_round_trip, rows, through_json
from mlpcore import _registry, layers, ops
from mlpcore._tensor import KerasTensor


def test_input_is_a_placeholder_that_knows_its_layer():
    x = layers.Input(shape=[28, 28], name="image")
    assert isinstance(x, KerasTensor)
    assert (x.shape, x.dtype, x.name, x.history) == ((None, 28, 28), "float32", "image", None)
    assert isinstance(x.layer, layers.InputLayer)
    assert x.layer.output is x
    assert (x.layer.name, x.layer.batch_shape) == ("image", (None, 28, 28))


def test_ways_to_say_the_shape():
    assert layers.Input(8).shape == (None, 8)
    assert layers.Input(()).shape == (None,)
    assert layers.Input(batch_shape=(None, 8)).shape == (None, 8)
    assert layers.InputLayer(input_shape=(8,)).output.shape == (None, 8)
    fixed = layers.Input((8,), batch_size=16)
    assert (fixed.shape, fixed.layer.batch_shape) == ((None, 8), (16, 8))


@pytest.mark.parametrize(
    ("dtype", "name"),
    [(None, "float32"), ("float64", "float64"), ("float16", "float32"), (np.uint8, "int32"), (bool, "bool")],
)
def test_dtype_of_an_input(dtype, name):
    assert layers.Input((3,), dtype=dtype).dtype == name


def test_config_of_an_input():
    layer = layers.InputLayer((3, 2), dtype="int32", name="steps")
    again = through_json(layer)
    assert again.get_config() == layer.get_config()
    assert (again.output.shape, again.output.dtype, again.name) == ((None, 3, 2), "int32", "steps")


def test_embedding_looks_up():
    table = rows(4, n=6).astype(np.float32)
    layer = layers.Embedding(6, 4, weights=table)
    indices = np.array([[5, 0, 1], [2, 2, 2]])
    np.testing.assert_array_equal(layer(indices), table[indices])
    np.testing.assert_array_equal(layer(indices[:, 0]), table[indices[:, 0]])
    assert np.isnan(layer(np.array([[6]]))).all()


def test_gradient_of_an_embedding():
    indices = np.array([[5, 0, 1], [2, 2, 2]], np.float64)
    layer = layers.Embedding(6, 4, embeddings_regularizer="l2", dtype="float64")
    recorded = Recorded(lambda x: layer(ops.stop_gradient(x)), [indices])
    place = [each is layer.embeddings for each in recorded.arena.variables].index(True)
    gradient = recorded.gradient()[1][place].reshape(6, 4)
    weights = np.random.default_rng(9).standard_normal(12).reshape(3, 4)
    table, expected = layer.embeddings.numpy(), np.zeros((6, 4))
    for row in indices.astype(int):
        for place, index in enumerate(row):
            expected[index] += (weights[place] + table[index]) / 2
    with_penalty = [expected, expected + 2 * 0.01 * table]
    assert any(np.allclose(gradient, each) for each in with_penalty)  # the trainer adds the penalties of weights


def test_config_of_an_embedding():
    indices = np.array([[5, 0, 1]])
    layer = layers.Embedding(6, 4, "he_normal", embeddings_constraint="unit_norm", input_length=3, name="words")
    check_round_trip(layer, indices)
    assert layers.Embedding(6, 4)(layers.Input((3,), dtype="int32")).shape == (None, 3, 4)


def squares(x, factor=1.0):
    return factor * ops.square(x)


def test_lambda():
    x = rows(3).astype(np.float32)
    layer = layers.Lambda(squares, arguments={"factor": 2.0})
    np.testing.assert_allclose(layer(x), 2 * x**2, rtol=1e-6)
    check_gradient(layers.Lambda(squares, dtype="float64"), x)
    with _registry.custom_object_scope({"squares": squares}):
        check_round_trip(layer, x)
    with pytest.raises(ValueError, match="unknown activation 'squares'"):
        through_json(layer)


def test_lambda_is_told_whether_it_trains():
    layer = layers.Lambda(lambda x, training: x * (2.0 if training else 1.0), dtype="float64")
    x = rows(3)
    np.testing.assert_array_equal(layer(x), x)
    np.testing.assert_array_equal(layer(x, training=True), 2 * x)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Input(), ValueError, "InputLayer: shape is missing"),
        (lambda: layers.Input((None, 3)), ValueError, r"positive integer for every axis .*, got \(None, 3\)"),
        (lambda: layers.Input((3,), batch_shape=(None, 3)), ValueError, "either shape or batch_shape, not both"),
        (lambda: layers.Input((3,), dtype="str"), ValueError, "dtype must be a floating-point, integer or boolean"),
        (lambda: layers.Input((3,), sparse=True), ValueError, "sparse=True is not supported"),
        (lambda: layers.InputLayer((3,), shap=2), TypeError, "'shap'; did you mean 'shape'"),
        (lambda: layers.Embedding(0, 3), ValueError, "Embedding: input_dim must be a positive integer, got 0"),
        (lambda: layers.Embedding(3, 3, mask_zero=True), ValueError, "mask_zero=True is not supported"),
        (lambda: layers.Embedding(3, 2, weights=np.zeros((2, 3))), ValueError, r"shape \(3, 2\), got \(2, 3\)"),
        (lambda: layers.Lambda(3), TypeError, "Lambda: expected a function, got 3"),
        (lambda: layers.serialize(layers.Lambda(lambda x: x)), ValueError, "a lambda has no name and cannot be saved"),
    ],
)
def test_error_messages(make, error, message):
    with pytest.raises(error, match=message):
        make()
