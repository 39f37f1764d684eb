"""The reference of tapes: every op's gradient against central differences, and what its passes add up."""

import numpy as np
import pytest

from reference import ACTIVATIONS
from reference_ops import BINARY, UNARY
from reference_tape import Engine, Tape, Update

ROWS = 5
POSITIVE = {"sqrt", "rsqrt", "log", "log1p", "reciprocal", "power", "divide", "mod"}


def batched(tape, width, positive=False):
    """A batched value that depends on parameters."""
    x = tape.apply(tape.input(3), tape.add_dense(3, width))
    return tape.unary(x, "exp") if positive else x


def unbatched(tape, width, positive=False):
    x = tape.parameter(tape.add_parameter(width))
    return tape.unary(x, "exp") if positive else x


def finished(tape, y):
    """The tape with a row loss that weighs every element of y differently."""
    weights = np.random.default_rng(1).normal(size=tape.ops[y].width)
    tape.output(y)
    y = tape.binary(y, tape.constant(weights), "multiply")
    tape.row_loss(tape.reduce(y, "sum", 1, len(weights), 1))
    return tape


def engine_of(tape, seed=0):
    rng = np.random.default_rng(seed)
    engine = Engine(tape, "float64")
    engine.load([rng.normal(size=s) for s in engine.parameter_shapes])
    n_inputs = sum(op.kind == "input" for op in tape.ops)
    x = [rng.normal(size=(ROWS, 3)) for _ in range(n_inputs)]
    return engine, x


def assert_gradient(tape, y=None, **weights):
    """One random direction of all parameters against a central difference."""
    engine, x = engine_of(tape)
    y = np.zeros((ROWS, 1)) if y is None else y
    loss, penalty, gradients = engine.gradient(x, y, **weights)
    rng = np.random.default_rng(2)
    at = [np.zeros(s) for s in engine.parameter_shapes]
    engine.store(at)
    direction = [rng.normal(size=p.shape) for p in at]
    h = 1e-6  # the cube root of the precision of float64, for an error of about 1e-10

    def moved(step):
        engine.load([p + step * d for p, d in zip(at, direction, strict=True)])
        return sum(engine.gradient(x, y, **weights)[:2])

    expected = (moved(h) - moved(-h)) / (2 * h)
    assert sum((g * d).sum() for g, d in zip(gradients, direction, strict=True)) == pytest.approx(expected, 1e-6, 1e-8)
    return loss, penalty, gradients


@pytest.mark.parametrize("name", UNARY)
@pytest.mark.parametrize("make", [batched, unbatched])
def test_gradient_of_unary(name, make):
    tape = Tape()
    assert_gradient(finished(tape, tape.unary(make(tape, 4, name in POSITIVE), name)))


@pytest.mark.parametrize("name", BINARY)
@pytest.mark.parametrize("widths", [(4, 4), (4, 1), (1, 4)])
@pytest.mark.parametrize("makes", [(batched, batched), (batched, unbatched), (unbatched, batched), (unbatched,) * 2])
def test_gradient_of_binary(name, widths, makes):
    tape = Tape()
    a, b = (make(tape, width, name in POSITIVE) for make, width in zip(makes, widths, strict=True))
    assert_gradient(finished(tape, tape.binary(a, b, name)))


@pytest.mark.parametrize("name", [name for name in [*ACTIVATIONS, "softmax"] if name != "heaviside"])
@pytest.mark.parametrize("last", [0, 2])
def test_gradient_of_activation(name, last):
    tape = Tape()
    assert_gradient(finished(tape, tape.activation(batched(tape, 4), name, None, last)))


@pytest.mark.parametrize("makes", [(batched, unbatched), (unbatched, batched)])
def test_gradient_of_where(makes):
    tape = Tape()
    a, b = (make(tape, width) for make, width in zip(makes, (4, 1), strict=True))
    condition = tape.binary(batched(tape, 4), tape.constant(np.zeros(1)), "greater")
    assert_gradient(finished(tape, tape.where(condition, a, b)))


@pytest.mark.parametrize(
    ("dims", "strides", "offset"),
    [
        ((3, 2), (1, 3), 0),  # transposed
        ((6,), (-1,), 5),  # flipped
        ((2, 3, 4), (3, 1, 0), 0),  # repeated
        ((2, 2), (3, 1), 1),  # a slice
    ],
)
@pytest.mark.parametrize("make", [batched, unbatched])
def test_gradient_of_view(make, dims, strides, offset):
    tape = Tape()
    assert_gradient(finished(tape, tape.view(make(tape, 6), dims, strides, offset)))


@pytest.mark.parametrize("outer", [1, 2])
def test_gradient_of_concat(outer):
    tape = Tape()
    parts = [batched(tape, 4), unbatched(tape, 2), batched(tape, 6)]
    assert_gradient(finished(tape, tape.concat(parts, outer)))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min", "prod", "argmax", "argmin"])
@pytest.mark.parametrize("make", [batched, unbatched])
def test_gradient_of_reduce(name, make):
    tape = Tape()
    assert_gradient(finished(tape, tape.reduce(make(tape, 12), name, 2, 3, 2)))


@pytest.mark.parametrize("name", ["sum", "mean", "max", "min"])
def test_gradient_of_over_rows(name):
    tape = Tape()
    assert_gradient(finished(tape, tape.over_rows(batched(tape, 4), name)))


@pytest.mark.parametrize("makes", [(batched, batched), (batched, unbatched), (unbatched, batched), (unbatched,) * 2])
def test_gradient_of_matmul(makes):
    tape = Tape()
    a, b = (make(tape, width) for make, width in zip(makes, (6, 12), strict=True))
    assert_gradient(finished(tape, tape.matmul(a, b, 2, 3, 4)))


def test_gradient_of_apply_on_groups_of_columns():
    tape = Tape()
    assert_gradient(finished(tape, tape.apply(batched(tape, 6), tape.add_dense(2, 3, bias=False))))


def test_gradient_of_dense_parameters_as_values():
    tape = Tape()
    p = tape.add_dense(2, 3)
    y = tape.binary(tape.apply(batched(tape, 2), p), tape.parameter(p, "bias"), "multiply")
    y = tape.concat([y, tape.parameter(p)])
    assert_gradient(finished(tape, tape.unary(y, "square")))


def test_gradient_of_take():
    tape = Tape()
    index = tape.constant(np.array([0.0, 3.0, 3.0]))
    assert_gradient(finished(tape, tape.take(unbatched(tape, 8), index, 2)))


def test_take_of_a_wrong_index_is_nan_and_has_no_gradient():
    tape = Tape()
    index = tape.constant(np.array([4.0, -1.0, 0.5, np.nan, 2.0]))
    tape = finished(tape, tape.take(unbatched(tape, 8), index, 2))
    engine, x = engine_of(tape)
    assert np.isnan(engine.predict(x)).tolist() == [True] * 8 + [False] * 2
    assert np.flatnonzero(engine.gradient(x, np.zeros((1, 1)))[2][0]).tolist() == [4, 5]


def test_gradient_stops_at_stop_gradient():
    tape = Tape()
    engine, x = engine_of(finished(tape, tape.stop_gradient(batched(tape, 4))))
    assert not any(g.any() for g in engine.gradient(x, [])[2])


@pytest.mark.parametrize("name", ["max", "min"])
def test_ties_share_the_gradient(name):
    tape = Tape()
    x = tape.parameter(tape.add_parameter(4))
    tape.scalar_loss(tape.reduce(x, name, 1, 4, 1))
    engine = Engine(tape, "float64")
    engine.load([np.zeros(4)])
    assert engine.gradient([], [])[2][0].tolist() == [0.25] * 4


def test_one_hot_of_a_wrong_index_is_all_zeros():
    tape = Tape()
    tape.output(tape.one_hot(tape.constant(np.array([1.0, 3.0, -1.0])), 3))
    assert Engine(tape, "float32").predict([]).tolist() == [0, 1, 0] + [0] * 6


@pytest.mark.parametrize("name", ["squared_error", "huber", "log_cosh", "binary_cross_entropy"])
@pytest.mark.parametrize("divide_by", ["weights", "rows"])
def test_gradient_of_fused_loss(name, divide_by):
    tape, rng = Tape(), np.random.default_rng(3)
    y = rng.random((ROWS, 2))
    tape.loss(tape.activation(batched(tape, 2), "logistic"), name, 0.5, target=0, sample_weight=0)
    tape.penalty(0, l1=0.1, l2=0.2)
    assert_gradient(tape, y, sample_weight=rng.random(ROWS), divide_by=divide_by, l2=0.3)


def test_gradient_of_cross_entropy():
    tape = Tape()
    tape.loss(tape.activation(batched(tape, 3), "softmax"), "cross_entropy")
    assert_gradient(tape, np.array([0, 1, 2, 1, 0], np.int32))


def test_dropout_is_the_same_in_value_and_gradient():
    tape = Tape()
    w = tape.parameter(tape.add_parameter(3))
    y = tape.dropout(tape.binary(tape.input(3), w, "multiply"), 0.5)
    tape.output(y)
    tape.row_loss(tape.reduce(y, "sum", 1, 3, 1))
    engine = Engine(tape, "float64")
    engine.load([np.ones(3)])
    x = np.ones((100, 3))
    assert (engine.predict(x) == x).all()
    loss = engine.train(x, [], None, 100, Update("sgd", learning_rate=1.0)).loss
    after = [np.zeros(3)]
    engine.store(after)
    assert (1 - after[0]).sum() * 100 == pytest.approx(loss)
    assert 0 < loss < 600
    assert loss != 300


def small_model():
    tape = Tape()
    p = batched(tape, 2)
    tape.output(p)
    tape.loss(p, "squared_error", 0.5, sample_weight=0)
    tape.row_loss(tape.reduce(p, "sum", 1, 2, 1), 2.0)
    tape.total(p, sample_weight=0)
    return tape


def test_sums_add_up_over_batches():
    engine, (x,) = engine_of(small_model())
    rng = np.random.default_rng(4)
    y, weight = rng.normal(size=(ROWS, 2)), rng.random(ROWS)
    sums = engine.evaluate(x, y, sample_weight=weight, batch_size=2, divide_by="rows")
    p = engine.predict(x, batch_size=3)
    assert sums.losses == pytest.approx([0.25 * weight @ ((p - y) ** 2).sum(axis=1), 2 * p.sum()])
    assert sums.loss == pytest.approx(sum(sums.losses))
    assert (tuple(sums), sums.rows) == ((sums.loss, 0.0), ROWS)
    np.testing.assert_allclose(sums.totals[0], weight @ p)
    assert sums.total_weights == pytest.approx([weight.sum()])


def test_assign_moves_a_parameter_after_each_step():
    tape = Tape()
    p = tape.add_parameter(1, trainable=False)
    tape.assign(p, tape.binary(tape.parameter(p), tape.n_rows(), "add"))
    tape.scalar_loss(tape.parameter(p))
    engine = Engine(tape, "float32")
    x = np.zeros((ROWS, 1), np.float32)
    assert engine.train(x, [], None, 2, Update("sgd", learning_rate=1.0)).loss == 0 * 2 + 2 * 2 + 4 * 1
    after = [np.zeros(1, np.float32)]
    engine.store(after)
    assert after[0] == [5]


def test_moving_average_begins_with_the_first_weights_and_replaces_them():
    tape = Tape()
    tape.scalar_loss(tape.parameter(tape.add_parameter(1)))
    engine = Engine(tape, "float64")
    x = np.zeros((2, 1))
    update = Update("sgd", learning_rate=1.0, average_momentum=0.75, average_every=3)
    weights, averages = [], []
    for _ in range(3):
        engine.train(x, [], None, 2, update)
        now = [np.zeros(1)]
        engine.store(now)
        weights.append(now[0][0])
        averages.append(engine.slots()[0][0][0])
    assert averages == [-1, -1.25, 0.75 * -1.25 + 0.25 * -3]
    assert weights == [-1, -2, averages[-1]]


def test_engines_share_parameters_and_steps():
    first, (x,) = engine_of(small_model())
    second = Engine(small_model(), "float64", first)
    first.train(x, np.zeros((ROWS, 2)), None, 2, Update("adam", learning_rate=0.1))
    assert second.step == 3
    assert (second.predict(x) == first.predict(x)).all()


def test_tapes_are_values():
    tape, other = small_model(), small_model()
    assert tape == other
    assert hash(tape) == hash(other)
    assert tape.copy() == tape
    other.unary(0, "exp")
    assert tape != other
