"""Hostile calls of the engine: each is an error that says what is wrong, or works, and never reads astray."""

import sys

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from mlpcore import _core

UPDATE = _core.Update(kind="sgd", learning_rate=0.1)
X, ONES = np.ones((4, 3), np.float32), np.ones((4, 1), np.float32)


def engine_of(record, dtype="float32"):
    tape = _core.Tape()
    record(tape, tape.input(3))
    engine = _core.Engine(tape, dtype)
    rng = np.random.default_rng(0)
    engine.load([rng.normal(size=shape).astype(dtype) for shape in engine.parameter_shapes])
    return engine


def regression(tape, x):
    y = tape.dense(x, 1)
    tape.output(y)
    tape.loss(y, "squared_error")


def test_class_indices_for_a_loss_of_numbers_are_refused():
    with pytest.raises(TypeError, match="y must be a C-contiguous float32 array"):
        engine_of(regression).train(X, np.arange(4, dtype=np.int32), None, 2, UPDATE)


def test_a_target_of_indices_and_of_numbers_is_refused():
    def record(tape, x):
        p = tape.activation(tape.dense(x, 3), "softmax")
        tape.loss(p, "cross_entropy")
        tape.loss(tape.dense(p, 1), "squared_error")

    with pytest.raises(ValueError, match="target 0 is read as class indices by one loss and as numbers by another"):
        engine_of(record)


@pytest.mark.parametrize("offset", [5, 2**31, 2**63 - 1, -1, -(2**63)])
def test_a_view_from_outside_is_refused(offset):
    tape = _core.Tape()
    with pytest.raises(ValueError, match=r"offset must be in \[0, 5\)"):
        tape.view(tape.input(5), [2], [1], offset)


@pytest.mark.parametrize("stride", [2**31, -(2**31), 2**63 - 1, -(2**63)])
def test_strides_beyond_any_width_are_refused(stride):
    tape = _core.Tape()
    with pytest.raises(ValueError, match="strides are too large"):
        tape.view(tape.input(5), [2], [stride])


@pytest.mark.parametrize("index", [65536, 2**31 - 1])
def test_indices_of_arrays_nobody_has_are_refused(index):
    tape = _core.Tape()
    y = tape.dense(tape.input(3), 1)
    for call in (
        lambda: tape.loss(y, "squared_error", target=index),
        lambda: tape.loss(y, "squared_error", sample_weight=index),
        lambda: tape.total(y, sample_weight=index),
        lambda: tape.target(index, 1),
    ):
        with pytest.raises(ValueError, match=f"must be between -?[01] and 65535, got {index}"):
            call()


def batch_statistics(tape, x):
    y = tape.dense(tape.binary(x, tape.over_rows(x, "mean"), "subtract"), 1)
    tape.output(y)
    tape.loss(y, "squared_error")


@pytest.mark.parametrize("record", [regression, batch_statistics])
def test_a_batch_of_any_size_is_all_rows(record):
    engine, most = engine_of(record), sys.maxsize
    assert engine.evaluate(X, ONES, batch_size=most).loss == engine.evaluate(X, ONES, batch_size=4).loss
    assert_array_equal(engine.predict(X, batch_size=most), engine.predict(X))
    other = engine_of(record)
    sums = [
        engine.train(X, ONES, None, most, UPDATE, learning_rates=np.array([0.1])).loss,
        other.train(X, ONES, None, 4, UPDATE, learning_rates=np.array([0.1])).loss,
    ]
    assert sums[0] == sums[1]


def test_no_rows_have_no_statistics_and_no_gradient():
    def record(tape, x):
        regression(tape, x)
        tape.output(tape.over_rows(x, "sum"))

    engine = engine_of(record)
    with pytest.raises(ValueError, match="needs at least one row"):
        engine.predict(X[:0])
    with pytest.raises(ValueError, match="needs at least one row"):
        engine.gradient(X[:0], ONES[:0])
    assert engine.train(X[:0], ONES[:0], None, 4, UPDATE).loss == 0


def test_noise_does_not_repeat_itself_within_a_batch():
    def record(tape, x):
        tape.output(tape.dropout(x, 0.5))

    kept = engine_of(record).predict(np.ones((1000, 3), np.float32), training=True)
    for rows in (125, 192, 250, 500):
        assert not np.array_equal(kept[:rows], kept[rows : 2 * rows])


def test_losses_behind_stop_gradient_pull_at_nothing():
    def record(tape, x):
        h = tape.dense(x, 1)
        tape.loss(tape.stop_gradient(h), "squared_error")
        tape.loss(h, "squared_error", 0.0)

    for gradient in engine_of(record).gradient(X, 9 * ONES)[2]:
        assert_array_equal(gradient, 0)


def test_a_loss_whose_rows_have_no_weight_counts_nothing():
    def record(tape, x):
        y = tape.dense(x, 1)
        tape.loss(y, "squared_error", sample_weight=0)
        tape.loss(y, "absolute_error", sample_weight=1)

    ones, zeros = np.ones(4, np.float32), np.zeros(4, np.float32)
    engine = engine_of(record)
    for weights in ([ones, zeros], [zeros, ones]):
        assert np.isfinite(engine.evaluate(X, ONES, sample_weight=weights).loss)
        loss, _, gradients = engine.gradient(X, ONES, sample_weight=weights)
        assert np.isfinite(loss)
        assert any(g.any() for g in gradients)
        assert all(np.isfinite(g).all() for g in gradients)
        assert engine.train(X, ONES, None, 4, UPDATE, sample_weight=weights).loss > 0


def test_penalties_of_layers_that_no_loss_reaches_count_as_in_keras():
    def record(tape, x):
        regression(tape, x)
        aside = tape.add_dense(3, 2)
        tape.output(tape.apply(x, aside))
        tape.penalty(aside, 0.1, 0.2)

    engine = engine_of(record)
    _, penalty, gradients = engine.gradient(X, ONES)
    assert penalty > 0
    assert gradients[2].all()
    assert engine.evaluate(X, ONES).penalty > 0


def test_a_row_loss_on_an_input_reads_the_input():
    tape = _core.Tape()
    x = tape.input(1)
    tape.row_loss(x)
    engine = _core.Engine(tape, "float32")
    x = np.arange(5, dtype=np.float32)[:, None]
    assert engine.evaluate(x, []).loss == 10
    assert engine.train(x, [], None, 2, UPDATE).loss == 10


def test_a_refused_input_is_not_counted():
    tape = _core.Tape()
    with pytest.raises(ValueError, match="width must be between 1"):
        tape.input(0)
    assert tape == _core.Tape()
    tape.output(tape.input(3))
    assert_array_equal(_core.Engine(tape, "float32").predict(X), X)


def test_values_may_come_before_the_first_input():
    tape = _core.Tape()
    tape.constant([1.0])
    tape.output(tape.activation(tape.input(3), "relu"))
    assert_array_equal(_core.Engine(tape, "float32").predict(X), X)


def test_a_predictor_takes_no_layer_that_is_applied_to_groups_of_columns():
    tape = _core.Tape()
    tape.output(tape.apply(tape.input(6), tape.add_dense(1, 1)))
    with pytest.raises(ValueError, match="a predictor takes a chain of layers"):
        _core.Predictor(tape, "float32")


INTEGERS = st.one_of(st.integers(-3, 9), st.sampled_from([2**31 - 1, -(2**31), 2**63 - 1, -(2**63), 2**40]))
FEW = st.lists(INTEGERS, max_size=9)
NAMES = st.sampled_from(
    ["add", "exp", "sum", "argmax", "softmax", "tanh", "kernel", "bias", "quantile", "cross_entropy", ""]
)
FLOATS = st.floats(allow_nan=True, allow_infinity=True)
ARGUMENT = st.one_of(INTEGERS, FEW, NAMES, FLOATS)
METHODS = sorted(name for name in dir(_core.Tape) if not name.startswith("_") and name not in ("copy", "truncated"))


@settings(max_examples=400, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(METHODS), st.lists(ARGUMENT, max_size=5)), max_size=25))
def test_any_calls_of_a_tape_are_recorded_or_refused(calls):
    """What was recorded runs on a few rows, if it is small enough to try."""
    tape = _core.Tape()
    for value in (tape.input(3), tape.constant([1.0, 2.0])):
        assert value >= 0
    widest = 3
    for method, arguments in calls:
        if any(isinstance(a, int) and 64 < a < 2**32 for a in arguments):
            continue  # memory that a machine may have
        try:
            getattr(tape, method)(*arguments)
        except (ValueError, TypeError, IndexError, OverflowError, MemoryError):
            continue
        widest += 1
    try:
        engine = _core.Engine(tape, "float32")
        engine.predict([np.ones((2, 3), np.float32)])
    except (ValueError, TypeError, MemoryError):
        return


ARRAYS = st.sampled_from(
    [
        X,
        X[:0],
        X[:, :2],
        X.astype(np.float64),
        np.asfortranarray(X),
        X[::2],
        X.astype(">f4"),
        np.float32(1),
        np.ones((4, 3, 1), np.float32),
        ONES,
        ONES[:, 0],
        np.zeros(4, np.int32),
        np.full(4, 7, np.int32),
        np.full(4, -1, np.int32),
        np.arange(4),
        np.full(4, 2**62),
        np.full((4, 3), np.nan, np.float32),
        np.ma.array(X),
        np.array([None] * 4),
        None,
        "x",
        [],
        [X],
        [X, X],
        (X,),
        3,
    ]
)


@settings(max_examples=400, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(ARRAYS, ARRAYS, ARRAYS, INTEGERS, ARRAYS, ARRAYS)
def test_any_arrays_are_trained_on_or_refused(x, y, order, batch_size, weights, rates):
    def classes(tape, x):
        p = tape.activation(tape.dense(x, 3), "softmax")
        tape.output(p)
        tape.loss(p, "cross_entropy", clip=1e-7)

    for record in (regression, classes):
        engine = engine_of(record)
        for call in (
            lambda engine: engine.train(x, y, order, batch_size, UPDATE, sample_weight=weights, learning_rates=rates),
            lambda engine: engine.evaluate(x, y, sample_weight=weights, batch_size=batch_size),
            lambda engine: engine.predict(x, batch_size=batch_size),
            lambda engine: engine.gradient(x, y, sample_weight=weights),
            lambda engine: engine.load([x, y]),
            lambda engine: engine.set_slots([[x, y]], batch_size),
        ):
            try:
                call(engine)
            except (ValueError, TypeError, OverflowError):
                continue
