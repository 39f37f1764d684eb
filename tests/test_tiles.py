"""Large products on AMX tiles, from three bfloat16 parts of each number: as exact as float32, for any sharing."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import mlpcore
from mlpcore import MLPClassifier, _core, layers
from word_cases import ORDER, UPDATES, Y, assert_same_bits, matrix, parameters, rule

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
needs_tiles = pytest.mark.skipif("amx" not in _core.available_isas(), reason="this processor or system has no AMX")
on_tiles = pytest.mark.skipif(_core.isa() != "amx", reason="these are not the kernels in use")

ROWS = [0, 1, 2, 15, 16, 17, 31, 33, 64, 95, 300]
WIDTHS = [(1, 5), (31, 64), (32, 65), (65, 10), (130, 100), (17, 33), (600, 70), (64, 200), (40, 530)]
EPSILON = np.finfo(np.float32).eps
WIDE = (200, 330, 110, 10)  # of batches of 100 rows, all products but the last are taken on tiles


def product(a, b):
    """Return a @ b in float64, and the sum of its terms' magnitudes."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    return a @ b, np.abs(a) @ np.abs(b)


# ------------------------------------------------------------ kernels


@needs_tiles
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("widths", WIDTHS)
def test_products_are_those_of_float32(rows, widths):
    """Within two roundings of the sum of magnitudes; products in float32 come to four here."""
    x, kernel, bias, dy = matrix(rows, widths[0]), matrix(*widths), matrix(1, widths[1])[0], matrix(rows, widths[1], 1)
    k = _core.kernels
    for ours, (expected, size) in (
        (k.word_dense(x, kernel, 0 * bias, isa="amx"), product(x, kernel)),
        (k.word_dense_dx(dy, kernel, isa="amx"), product(dy, kernel.T)),
        (k.word_dense_dw(x, dy, isa="amx"), product(x.T, dy)),
    ):
        assert ours.shape == expected.shape
        assert np.all(np.abs(ours - expected) <= 2 * EPSILON * size)
    y = k.word_dense(x, kernel, bias, isa="amx")
    assert np.all(np.abs(y - product(x, kernel)[0] - bias) <= 2 * EPSILON * (product(x, kernel)[1] + np.abs(bias)))


@needs_tiles
@pytest.mark.parametrize("widths", [(130, 100), (600, 70), (64, 200), (784, 300)])
def test_products_round_less_than_those_of_float32(widths):
    x, kernel, dy, zero = (
        matrix(95, widths[0]),
        matrix(*widths),
        matrix(95, widths[1], 1),
        np.zeros(widths[1], np.float32),
    )
    k = _core.kernels
    for ours, theirs, expected in (
        (k.word_dense(x, kernel, zero, isa="amx"), k.dense(x, kernel, zero, isa="avx512"), product(x, kernel)[0]),
        (k.word_dense_dx(dy, kernel, isa="amx"), k.dense_dx(dy, kernel, isa="avx512"), product(dy, kernel.T)[0]),
        (k.word_dense_dw(x, dy, isa="amx"), k.dense_dw(x, dy, isa="avx512")[0], product(x.T, dy)[0]),
    ):
        assert np.std(ours - expected) < 0.7 * np.std(theirs - expected)


@needs_tiles
@pytest.mark.parametrize("widths", WIDTHS)
def test_a_row_has_the_same_bits_in_every_block(widths):
    x, kernel, bias, dy = matrix(75, widths[0]), matrix(*widths), matrix(1, widths[1])[0], matrix(75, widths[1], 1)
    k = _core.kernels
    y, dx = k.word_dense(x, kernel, bias, isa="amx"), k.word_dense_dx(dy, kernel, x, isa="amx")
    for block in (1, 5, 16, 24, 40):
        assert_array_equal(k.word_dense(x, kernel, bias, isa="amx", block=block), y)
        assert_array_equal(k.word_dense_dx(dy, kernel, x, isa="amx", block=block), dx)
    assert_array_equal(k.word_dense(x, kernel, bias, True, isa="amx"), np.maximum(y, 0))
    assert_array_equal(dx, np.where(x > 0, k.word_dense_dx(dy, kernel, isa="amx"), 0))


@needs_tiles
def test_three_parts_are_the_number():
    """Times one, every float32 comes back to the bit, unless it is so small that its parts are subnormal."""
    bits = np.random.default_rng(0).integers(0, 2**32, 4000, dtype=np.uint32)
    x = bits.view(np.float32)
    x = np.concatenate([x[np.abs(x) > 1e-30], np.float32([0, 1, -1, 3.4028235e38, -3.4028235e38, 16777215, 0.1])])
    x = x[np.isfinite(x)]
    one, zero = np.ones((1, 5), np.float32), np.zeros(5, np.float32)
    assert_array_equal(_core.kernels.word_dense(x[:, None], one, zero, isa="amx")[:, 0], x)
    assert_array_equal(_core.kernels.word_dense(one[:, :1], x[None], np.zeros_like(x), isa="amx")[0], x)
    assert_array_equal(_core.kernels.word_dense_dx(x[:, None], one[:, :1], isa="amx")[:, 0], x)
    assert_array_equal(_core.kernels.word_dense_dx(one[:, :1], x[:, None], isa="amx")[0], x)
    assert_array_equal(_core.kernels.word_dense_dw(x[None], one, isa="amx")[:, 0], x)


@needs_tiles
@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_an_operand_that_is_not_finite_makes_nan_where_it_is_read(value):
    x, kernel = matrix(40, 50), matrix(50, 20)
    x[3, 7] = value
    y = _core.kernels.word_dense(x, kernel, np.zeros(20, np.float32), isa="amx")
    assert np.isnan(y[3]).all()
    assert np.isfinite(np.delete(y, 3, axis=0)).all()


# ------------------------------------------------------------ engines


def tape_of(widths, branches=False):
    tape = _core.Tape()
    x = value = tape.input(widths[0])
    for units in widths[1:-1]:
        value = tape.activation(tape.dense(value, units), "relu")
    if branches:  # a layer used twice
        shared = tape.add_dense(widths[-2], widths[-2], True, True)
        value = tape.activation(tape.apply(tape.activation(tape.apply(value, shared), "tanh"), shared), "relu")
        value = tape.concat([value, x])
    value = tape.activation(tape.dense(value, widths[-1]), "softmax")
    tape.output(value)
    tape.loss(value, "cross_entropy")
    return tape


def engine_of(dtype="float32", branches=False):
    engine = _core.Engine(tape_of(WIDE, branches), dtype)
    rng = np.random.default_rng(1)
    draws = [(rng.normal(size=shape) / np.sqrt(shape[0])).astype(np.float32) for shape in engine.parameter_shapes]
    engine.load([draw.astype(dtype) for draw in draws])
    return engine


X = matrix(330, WIDE[0])
UPDATES = {**UPDATES, "adam": {"learning_rate": 0.001}}


def train(engine, update, dtype=np.float32, rows=ORDER, batch_size=100, n_threads=1):
    engine.train(X.astype(dtype), Y, rows, batch_size, rule(UPDATES[update], update), n_threads=n_threads)
    return parameters(engine, dtype)


@pytest.mark.parametrize("branches", [False, True])
@pytest.mark.parametrize("update", UPDATES)
def test_training_is_that_of_float64(update, branches):
    ours = train(engine_of(branches=branches), update)
    exact = train(engine_of("float64", branches), update, np.float64)
    start = parameters(engine_of("float64", branches), np.float64)
    for one, expected, before in zip(ours, exact, start, strict=True):
        way, stored = np.linalg.norm(expected - before), EPSILON * np.linalg.norm(expected)
        # adam, rmsprop and the sign of l1 make a step of full size of the rounding of a gradient near 0
        assert np.linalg.norm(one - expected) <= (2e-3 if update in ("adam", "penalties") else 1e-5) * way + stored


@pytest.mark.parametrize("branches", [False, True])
@pytest.mark.parametrize("update", UPDATES)
def test_training_gives_the_same_bits_for_any_number_of_threads(update, branches):
    expected = train(engine_of(branches=branches), update)
    for n_threads in (2, 3, 5):
        assert_same_bits(train(engine_of(branches=branches), update, n_threads=n_threads), expected)


@pytest.mark.parametrize("n_threads", [2, 3])
@pytest.mark.parametrize("update", ["sgd", "clip_norm"])
def test_how_a_pass_is_cut_into_calls_changes_no_bit(update, n_threads):
    """Each batch is judged by its own rows: the last one has 44, too few for the second layer, in whatever call."""
    order = ORDER[:244]
    expected = train(engine_of(), update, rows=order)
    for cuts in ([100, 200], [100], [200]):
        engine = engine_of()
        for rows in np.split(order, cuts):
            ours = train(engine, update, rows=rows, n_threads=n_threads)
        assert_same_bits(ours, expected)


def test_observers_change_no_bit_of_a_training():
    class Observer(mlpcore.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    results = []
    for callbacks in ([], [Observer()]):
        mlpcore.utils.set_random_seed(0)
        model = mlpcore.Sequential([layers.Input((200,)), layers.Dense(330, activation="relu"), layers.Dense(10)])
        model.compile(loss="mse", optimizer="sgd")
        y = matrix(330, 10)
        history = model.fit(
            X, y, batch_size=32, epochs=2, verbose=0, callbacks=callbacks, validation_data=(X[:50], y[:50])
        )
        results.append((model.get_weights(), history.history["val_loss"]))
    assert results[0][1] == results[1][1]
    assert_same_bits(results[0][0], results[1][0])


def test_the_gradient_is_that_of_float64():
    ours = engine_of().gradient(X, Y)[2]
    for n_threads in (2, 3):
        assert_same_bits(engine_of().gradient(X, Y, n_threads=n_threads)[2], ours)
    exact = engine_of("float64").gradient(X.astype(float), Y)[2]
    for one, expected in zip(ours, exact, strict=True):
        assert np.linalg.norm(one - expected) <= 1e-6 * np.linalg.norm(expected)


def test_what_was_trained_before_changes_no_bit():
    """A batch of 60 rows takes other products on tiles than one of 100, in the memory that is there from that."""
    engine = engine_of()
    start = parameters(engine)
    train(engine, "sgd")
    engine.load(start)
    assert_same_bits(train(engine, "sgd", batch_size=60), train(engine_of(), "sgd", batch_size=60))


def test_a_layer_over_the_places_of_a_row_gives_the_same_bits_for_any_number_of_threads():
    x, results = matrix(64 * 7, 120).reshape(64, 7, 120), []
    for n_threads in (1, 2, 3):
        mlpcore.utils.set_random_seed(0)
        model = mlpcore.Sequential(
            [layers.Input((7, 120)), layers.Dense(130, activation="relu"), layers.Flatten(), layers.Dense(100)]
        )
        model.compile(loss="mse", optimizer="sgd")
        before = _core.default_threads()
        _core.set_default_threads(n_threads)
        try:
            model.fit(x, matrix(64, 100), batch_size=32, epochs=2, verbose=0)
        finally:
            _core.set_default_threads(before)
        results.append(model.get_weights())
    for other in results[1:]:
        assert_same_bits(other, results[0])


@on_tiles
def test_tiles_are_used_where_they_pay_and_differ_from_float32_by_rounding(tmp_path):
    code = """if 1:
    import sys, numpy as np
    sys.path.insert(0, sys.argv[1])
    import test_tiles
    np.savez(sys.argv[2], *test_tiles.train(test_tiles.engine_of(), "sgd"))
    """
    here = train(engine_of(), "sgd")
    path = str(tmp_path / "parameters.npz")
    command = [sys.executable, "-c", code, os.path.dirname(__file__), path]
    subprocess.run(command, check=True, env={**os.environ, "MLPCORE_ISA": "avx512"}, timeout=100)
    with np.load(path) as stored:
        there = [stored[name] for name in stored.files]
    assert any(np.any(a != b) for a, b in zip(here, there, strict=True))
    for a, b in zip(here, there, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


# ------------------------------------------------------------ predictions


@pytest.fixture(scope="module")
def classifier():
    return MLPClassifier((330, 250), max_iter=2, random_state=0).fit(X, Y)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_a_row_is_predicted_alike_in_all_calls_of_32_rows_and_more(classifier, n_threads):
    classifier.set_params(n_threads=n_threads)
    many = matrix(1000, WIDE[0], 3)
    expected = classifier.predict_proba(many)
    for n in (32, 33, 63, 100, 383, 384, 999):
        assert_array_equal(classifier.predict_proba(many[:n]), expected[:n])
        assert_array_equal(classifier.predict_proba(many[-n:]), expected[-n:])
    few = np.concatenate([classifier.predict_proba(many[r : r + 31]) for r in range(0, 310, 31)])
    one = np.concatenate([classifier.predict_proba(many[r : r + 1]) for r in range(310)])
    assert_array_equal(few, one)
    np.testing.assert_allclose(one, expected[:310], atol=1e-6)
    model = classifier.to_model()
    assert_array_equal(model.predict(many, verbose=0), expected)
    assert_array_equal(classifier.predictor()(many[:50]), expected[:50])
