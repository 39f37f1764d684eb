"""Dropout: the same masks on every thread, instruction set and element type, and after a restart."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import mlpcore
import reference
from mlpcore import _core
from reference_dropout import kept, philox


@pytest.mark.parametrize(  # the known answers of Random123's kat_vectors
    ("counter", "key", "words"),
    [
        ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xA4093822, 0x299F31D0),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_reference_philox_gives_the_known_answers(counter, key, words):
    assert tuple(int(word) for word in philox(counter, key)) == words


def make_engine(module, dtype, rate=0.4, hidden="tanh", sizes=(6, 7, 5, 3), first=True):
    """Record a regressor with dropout on its input and behind each hidden layer."""
    tape = module.Tape()
    value = tape.input(sizes[0])
    if first:
        value = tape.dropout(value, 0.2)
    for units in sizes[1:-1]:
        value = tape.dropout(tape.activation(tape.dense(value, units), hidden), rate)
    value = tape.dense(value, sizes[-1])
    tape.output(value)
    tape.loss(value, "squared_error")
    engine = module.Engine(tape, dtype)
    rng = np.random.RandomState(3)
    engine.load([0.4 * rng.standard_normal(s).astype(dtype) for s in engine.parameter_shapes])
    return engine


def problem(dtype, sizes=(6, 7, 5, 3), rows=37):
    rng = np.random.RandomState(0)
    return (rng.standard_normal((rows, n)).astype(dtype) for n in (sizes[0], sizes[-1]))


def parameters_of(engine, dtype):
    parameters = [np.empty(shape, dtype) for shape in engine.parameter_shapes]
    engine.store(parameters)
    return parameters


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("hidden", ["identity", "relu", "tanh", "logistic", "gelu", "elu"])
@pytest.mark.parametrize("sizes", [(6, 7, 5, 3), (3, 130, 33, 1)])
def test_training_with_dropout_is_the_references(hidden, dtype, sizes):
    results = []
    for module in (_core, reference):
        x, y = problem(dtype, sizes)
        engine = make_engine(module, dtype, hidden=hidden, sizes=sizes)
        engine.seed = 2**40 + 7
        step = module.Update(kind="sgd", learning_rate=0.002)
        losses = [tuple(engine.train(x, y, np.arange(37)[::-1].copy(), 10, step)) for _ in range(2)]
        results.append((losses, parameters_of(engine, dtype)))
    tolerance = {"float32": 2e-5, "float64": 1e-11}[dtype]  # the same products summed in another order
    assert_allclose(results[0][0], results[1][0], rtol=tolerance)
    for a, b in zip(results[0][1], results[1][1], strict=True):
        assert_allclose(a, b, rtol=tolerance, atol=tolerance)


def test_gradient_through_dropout_is_the_slope():
    x, y = problem("float64")
    start = parameters_of(make_engine(_core, "float64"), "float64")
    rng = np.random.RandomState(5)
    directions = [rng.standard_normal(p.shape) for p in start]

    def one_step(shift, rate):
        engine = make_engine(_core, "float64")
        engine.load([p + shift * d for p, d in zip(start, directions, strict=True)])
        loss, _ = engine.train(x, y, np.arange(37), 37, _core.Update(kind="sgd", learning_rate=rate))
        return loss / 37, parameters_of(engine, "float64")

    moved = one_step(0.0, 1.0)[1]  # by the gradient
    slope = sum(((p - q) * d).sum() for p, q, d in zip(start, moved, directions, strict=True))
    ahead, behind = (one_step(h, 0.0)[0] for h in (1e-6, -1e-6))
    assert slope == pytest.approx((ahead - behind) / 2e-6, rel=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_masks_are_the_same_for_any_number_of_threads(dtype):
    sizes = (130, 141, 70, 3)
    results = []
    for n_threads in (1, 2, 3, 5):
        x, y = problem(dtype, sizes, rows=300)
        engine = make_engine(_core, dtype, hidden="relu", sizes=sizes)
        engine.train(x, y, np.arange(300), 75, _core.Update(kind="adam", learning_rate=0.01), n_threads=n_threads)
        results.append(parameters_of(engine, dtype))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_restored_engine_goes_on_with_the_same_masks():
    x, y = problem("float64")
    update = _core.Update(kind="adam", learning_rate=0.01)
    whole, first, second = (make_engine(_core, "float64") for _ in range(3))
    whole.seed = first.seed = second.seed = 11
    for _ in range(2):
        whole.train(x, y, np.arange(37), 8, update)
    first.train(x, y, np.arange(37), 8, update)
    second.load(parameters_of(first, "float64"))
    second.set_slots(first.slots(), first.step)
    second.train(x, y, np.arange(37), 8, update)
    for a, b in zip(parameters_of(whole, "float64"), parameters_of(second, "float64"), strict=True):
        np.testing.assert_array_equal(a, b)


def test_seeds_give_other_masks():
    x, y = problem("float64")
    losses = set()
    for seed in (0, 1, 2**32, 2**63):
        engine = make_engine(_core, "float64")
        engine.seed = seed
        losses.add(engine.train(x, y, np.arange(37), 37, _core.Update(kind="sgd", learning_rate=0.01)).loss)
    assert len(losses) == 4


def test_dropout_rests_outside_training():
    x, y = problem("float64")
    engine, plain = make_engine(_core, "float64"), make_engine(_core, "float64", rate=0.0, first=False)
    np.testing.assert_array_equal(engine.predict(x), plain.predict(x))
    assert engine.evaluate(x, y).mean_loss == plain.evaluate(x, y).mean_loss
    assert engine.gradient(x, y)[0] == plain.gradient(x, y)[0]
    np.testing.assert_array_equal(engine.input_gradient(x), plain.input_gradient(x))


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_kept_share_is_one_minus_the_rate(rate):
    n = 1000 * 400
    share = kept(3, 1, 2, 1000, 400, rate).mean()
    assert abs(share - (1 - rate)) < 4 * np.sqrt(rate * (1 - rate) / n)  # four standard deviations


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_wrong_rate_is_refused(rate):
    tape = _core.Tape()
    with pytest.raises(ValueError, match=r"dropout rate must be in \[0, 1\), got"):
        tape.dropout(tape.input(2), rate)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_rate_that_rounds_to_one_drops_nearly_all(dtype):
    model = mlpcore.Sequential([mlpcore.Input((1000,), dtype=dtype), mlpcore.layers.Dropout(1 - 1e-9, dtype=dtype)])
    y = np.asarray(model(np.ones((100, 1000), dtype), training=True))
    assert np.all(np.isfinite(y))
    assert np.mean(y != 0) < 1e-3
