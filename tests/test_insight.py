"""What a model did: the values of all its layers, and the gradient of its outputs by the input."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import reference
from mlpcore import _core

ACTIVATIONS = ["identity", "relu", "tanh", "gelu", "silu", "elu", "softplus", "leaky_relu"]


def make_engine(module, dtype, hidden, sizes=(5, 9, 7, 4), output="softmax"):
    tape = module.Tape()
    value = tape.input(sizes[0])
    for units in sizes[1:-1]:
        alpha = 0.3 if hidden == "leaky_relu" else None
        value = tape.dropout(tape.activation(tape.dense(value, units), hidden, alpha), 0.5)
    value = tape.activation(tape.dense(value, sizes[-1]), output)
    tape.output(value)
    engine = module.Engine(tape, dtype)
    rng = np.random.RandomState(3)
    engine.load([0.4 * rng.standard_normal(s).astype(dtype) for s in engine.parameter_shapes])
    return engine


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("sizes", [(5, 9, 7, 4), (1, 130, 33, 17)])
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_predictions_and_input_gradients_are_the_references(hidden, sizes, dtype):
    rng = np.random.RandomState(1)
    x = rng.standard_normal((23, sizes[0])).astype(dtype)
    ours, oracle = (make_engine(module, dtype, hidden, sizes) for module in (_core, reference))
    tolerance = {"float32": 5e-5, "float64": 1e-12}[dtype]  # sums of at most 130 products in another order
    assert_allclose(ours.predict(x), oracle.predict(x), rtol=tolerance, atol=tolerance)
    a, b = (engine.input_gradient(x) for engine in (ours, oracle))
    assert a.shape == (23, sizes[-1], sizes[0])
    assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("hidden", ACTIVATIONS)
@pytest.mark.parametrize("output", ["identity", "logistic", "softmax", "exp"])
def test_input_gradient_is_the_slope(hidden, output):
    engine = make_engine(_core, "float64", hidden, output=output)
    rng = np.random.RandomState(1)
    x, direction = rng.standard_normal((2, 11, 5))
    slope = (engine.predict(x + 1e-6 * direction) - engine.predict(x - 1e-6 * direction)) / 2e-6
    along = np.einsum("nkd,nd->nk", engine.input_gradient(x), direction)
    assert_allclose(along, slope, rtol=1e-6, atol=1e-9)


def test_insight_has_the_same_bits_for_any_number_of_threads():
    sizes = (60, 150, 90, 4)
    x = np.random.RandomState(1).standard_normal((801, 60)).astype(np.float32)
    engine = make_engine(_core, "float32", "relu", sizes)
    gradient = engine.input_gradient(x)
    for n_threads in (2, 3, 5):
        assert_array_equal(gradient, engine.input_gradient(x, n_threads=n_threads))


def test_no_rows_give_empty_answers():
    engine, x = make_engine(_core, "float64", "relu"), np.empty((0, 5))
    assert engine.input_gradient(x).shape == (0, 4, 5)


def test_output_before_the_end_and_a_model_without_layers():
    tape = _core.Tape()
    hidden = tape.activation(tape.dense(tape.input(2), 3), "relu")
    tape.output(hidden)
    tape.loss(tape.dense(hidden, 1), "squared_error")
    engine = _core.Engine(tape, "float64")
    rng = np.random.RandomState(0)
    parameters = [rng.standard_normal(s) for s in engine.parameter_shapes]
    engine.load(parameters)
    x = rng.standard_normal((4, 2))
    mask = engine.predict(x) > 0
    assert_allclose(engine.input_gradient(x), mask[:, :, None] * parameters[0].T[None], rtol=1e-12)
    tape = _core.Tape()
    tape.output(tape.input(2))
    assert_array_equal(_core.Engine(tape, "float64").input_gradient(x), np.broadcast_to(np.eye(2), (4, 2, 2)))


def test_other_tapes_than_chains_have_no_input_gradient():
    tape = _core.Tape()
    x = tape.input(1)
    tape.unary(x, "sqrt")
    tape.loss(x, "squared_error")
    tape.output(x)
    with pytest.raises(ValueError, match="only a chain of layers"):
        _core.Engine(tape, "float64").input_gradient(np.ones((5, 1)))
