"""The oracle itself: its derivatives against central differences, and the compiled engine against it."""

from itertools import product

import numpy as np
import pytest
from numpy.testing import assert_allclose

import reference
from mlpcore import _core

ACTIVATIONS = [name for name in reference.ACTIVATIONS if name != "heaviside"]
OUTPUTS = {  # loss -> the activation it is used behind
    "squared_error": "identity",
    "poisson": "exp",
    "cross_entropy": "softmax",
    "binary_cross_entropy": "logistic",
}
UPDATES = {
    "sgd": {"kind": "sgd"},
    "momentum": {"kind": "sgd", "momentum": 0.9},
    "nesterov": {"kind": "sgd", "momentum": 0.9, "nesterov": True},
    "adam": {"kind": "adam"},
}


@pytest.mark.parametrize("name", [*ACTIVATIONS, "softmax"])
def test_activation_derivative_is_the_slope(name):
    rng = np.random.RandomState(0)
    z = rng.uniform(-4, 4, (30, 5))
    z = z[np.abs(np.abs(z) - 3).min(axis=1) > 1e-3]  # away from the kinks of hard_sigmoid
    dy, direction, h = rng.standard_normal((2, *z.shape)).tolist() + [1e-6]
    ahead, behind = (reference.activate(name, z + s * h * np.array(direction)) for s in (1, -1))
    slope = (np.array(dy) * (ahead - behind) / (2 * h)).sum()
    dz = reference.activate_backward(name, z, np.array(dy))
    assert (dz * np.array(direction)).sum() == pytest.approx(slope, rel=1e-7)


@pytest.mark.parametrize("name", OUTPUTS)
def test_loss_gradient_is_the_slope(name):
    x, y, _ = problem(name)
    p = reference.activate("softmax" if name == "cross_entropy" else "logistic", x[:, :3])
    direction, h = np.random.RandomState(1).standard_normal(p.shape), 1e-6
    ahead, behind = (reference.loss_rows(name, p + s * h * direction, y) for s in (1, -1))
    slope = (reference.loss_gradient(name, p, y) * direction).sum(axis=1)
    assert_allclose(slope, (ahead - behind) / (2 * h), rtol=1e-6)


def problem(loss, dtype="float64", rows=37):
    """Return x (37, 6), y that suits the loss, and weights with some zeros."""
    rng = np.random.RandomState(0)
    x = rng.standard_normal((rows, 6)).astype(dtype)
    y = {
        "squared_error": rng.standard_normal((rows, 3)),
        "poisson": rng.poisson(1.5, (rows, 3)),
        "binary_cross_entropy": rng.randint(2, size=(rows, 3)),
        "cross_entropy": rng.randint(3, size=rows),
    }[loss]
    weight = rng.uniform(0, 2, rows) * rng.randint(2, size=rows)
    y = y.astype(np.int32 if loss == "cross_entropy" else dtype)
    return x, y, weight.astype(dtype)


def make_engine(module, dtype, hidden, loss, weight=1.0):
    """Record 6-7-5-3 with the module's Tape and load the same parameters into its Engine."""
    tape = module.Tape()
    value = tape.input(6)
    for units in (7, 5):
        value = tape.activation(tape.dense(value, units), hidden)
    value = tape.dense(value, 3)
    if OUTPUTS[loss] != "identity":
        value = tape.activation(value, OUTPUTS[loss])
    tape.output(value)
    tape.loss(value, loss, weight, float(np.finfo(dtype).eps) if "cross" in loss else 0.0)
    engine = module.Engine(tape, dtype)
    rng = np.random.RandomState(3)
    engine.load([0.4 * rng.standard_normal(s).astype(dtype) for s in engine.parameter_shapes])
    return engine


def parameters_of(engine, dtype):
    parameters = [np.empty(shape, dtype) for shape in engine.parameter_shapes]
    engine.store(parameters)
    return parameters


CASES = [("tanh", loss) for loss in OUTPUTS] + [(name, "squared_error") for name in ("identity", "logistic", "relu")]


@pytest.mark.parametrize(("hidden", "loss"), CASES)
def test_reference_gradient_is_the_slope(hidden, loss):
    x, y, weight = problem(loss)
    engine = make_engine(reference, "float64", hidden, loss)
    _, _, gradients = engine.gradient(x, y, 0.3, sample_weight=weight)
    start = parameters_of(engine, "float64")
    rng = np.random.RandomState(5)
    directions = [rng.standard_normal(p.shape) for p in start]
    values = []
    for step in (1e-6, -1e-6):
        engine.load([p + step * d for p, d in zip(start, directions, strict=True)])
        values.append(sum(engine.gradient(x, y, 0.3, sample_weight=weight)[:2]))
    slope = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    assert slope == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)


# float32: sums of at most 37 products in another order; float64: the same with eps 2^-52
TOLERANCE = {"float32": 2e-5, "float64": 1e-12}


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("case", "update", "dtype"), [*product(CASES, UPDATES, ("float32", "float64"))])
def test_engine_trains_as_the_reference_does(case, update, dtype, weighted):
    hidden, loss = case
    x, y, weight = problem(loss, dtype)
    order = np.random.RandomState(1).permutation(37)
    results = []
    for module in (_core, reference):
        engine = make_engine(module, dtype, hidden, loss)
        step = module.Update(**UPDATES[update], learning_rate=0.01, l2=0.1)
        losses = [
            tuple(engine.train(x, y, order, 8, step, sample_weight=weight if weighted else None)) for _ in range(3)
        ]
        slots = [s for slot in engine.slots() for s in slot]
        results.append((losses, parameters_of(engine, dtype), slots, engine.predict(x)))
        assert engine.step == 15
    ours, oracle = results
    tolerance = TOLERANCE[dtype]
    assert_allclose(ours[0], oracle[0], rtol=tolerance)
    for a, b in zip(ours[1] + ours[2], oracle[1] + oracle[2], strict=True):
        assert_allclose(a, b, rtol=tolerance, atol=tolerance)
    assert_allclose(ours[3], oracle[3], rtol=10 * tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("hidden", "loss"), CASES)
def test_engine_gradient_is_the_references(hidden, loss, dtype):
    x, y, weight = problem(loss, dtype)
    tolerance = TOLERANCE[dtype]
    for sample_weight in (None, weight):
        (ours, oracle) = (
            make_engine(module, dtype, hidden, loss, weight=0.5).gradient(x, y, 0.3, sample_weight=sample_weight)
            for module in (_core, reference)
        )
        assert_allclose(ours[:2], oracle[:2], rtol=tolerance)
        for a, b in zip(ours[2], oracle[2], strict=True):
            assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_engine_goes_on_from_given_slots():
    x, y, _ = problem("squared_error")
    order = np.arange(37)
    step = _core.Update(kind="adam", learning_rate=0.01)
    first = make_engine(_core, "float64", "tanh", "squared_error")
    first.train(x, y, order, 8, step)
    second = make_engine(_core, "float64", "tanh", "squared_error")
    second.load(parameters_of(first, "float64"))
    second.set_slots(first.slots(), first.step)
    for engine in (first, second):
        engine.train(x, y, order, 8, step)
    for a, b in zip(parameters_of(first, "float64"), parameters_of(second, "float64"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_engine_takes_a_learning_rate_for_each_batch():
    x, y, _ = problem("squared_error")
    rates = np.linspace(0.1, 0.02, 5)
    results = []
    for module in (_core, reference):
        engine = make_engine(module, "float64", "tanh", "squared_error")
        step = module.Update(kind="sgd", learning_rate=7.0, momentum=0.5)
        engine.train(x, y, np.arange(37), 8, step, learning_rates=rates)
        results.append(parameters_of(engine, "float64"))
    for a, b in zip(*results, strict=True):
        assert_allclose(a, b, rtol=1e-11, atol=1e-13)


def test_engine_skips_a_batch_whose_weights_sum_to_zero():
    x, y, _ = problem("squared_error")
    weight = np.ones(37)
    weight[8:16] = 0
    results = []
    for module in (_core, reference):
        engine = make_engine(module, "float64", "tanh", "squared_error")
        step = module.Update(kind="adam", learning_rate=0.01, l2=0.1)
        losses = tuple(engine.train(x, y, np.arange(37), 8, step, sample_weight=weight))
        assert engine.step == 4
        results.append((losses, parameters_of(engine, "float64")))
    assert_allclose(results[0][0], results[1][0], rtol=1e-12)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        assert_allclose(a, b, rtol=1e-11, atol=1e-13)
