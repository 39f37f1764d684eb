"""Tapes of any ops on the engine: gradients, training, sums and predictions as the NumPy reference has them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import reference_tape
from mlpcore import _core

ROWS = 23
TOLERANCE = {"float64": 1e-9, "float32": 2e-4}


def wide_and_deep(tape):
    """Two inputs, plain normalisation, a concatenation, two outputs with their losses and a total."""
    wide, deep = tape.input(5), tape.input(6)
    norm = tape.binary(tape.binary(wide, tape.constant(np.arange(5.0)), "subtract"), tape.constant([2.0]), "divide")
    hidden = tape.activation(tape.dense(deep, 30), "relu")
    hidden = tape.activation(tape.dense(hidden, 30), "relu")
    out = tape.dense(tape.concat([norm, hidden]), 1)
    aux = tape.dense(hidden, 1)
    tape.output(out)
    tape.output(aux)
    tape.loss(out, "squared_error", 1.8, target=0, sample_weight=0)
    tape.loss(aux, "squared_error", 0.2, target=1, sample_weight=1)
    error = tape.unary(tape.binary(out, tape.target(0, 1), "subtract"), "square")
    tape.total(error, sample_weight=0)
    tape.total(error)


def shared_layer(tape):
    """One dense layer used twice, and a residual sum that is read twice."""
    x = tape.dense(tape.input(5), 7)
    layer = tape.add_dense(7, 7)
    a = tape.activation(tape.apply(x, layer), "tanh")
    b = tape.activation(tape.apply(tape.binary(a, x, "add"), layer), "relu")
    y = tape.dense(tape.binary(a, b, "multiply"), 1)
    tape.output(y)
    tape.row_loss(tape.unary(tape.binary(y, tape.target(0, 1), "subtract"), "square"), sample_weight=0)


def parameters_as_values(tape):
    """A kernel that is multiplied by hand, tied to the layer it belongs to, and penalised by ops."""
    x = tape.input(5)
    layer = tape.add_dense(5, 4)
    h = tape.activation(tape.apply(x, layer), "logistic")
    kernel = tape.parameter(layer)
    y = tape.matmul(h, tape.view(kernel, [4, 5], [1, 4]), 1, 4, 5)
    error = tape.unary(tape.binary(y, x, "subtract"), "abs")
    tape.output(y)
    tape.row_loss(tape.reduce(error, "sum", 1, 5, 1), 0.5, sample_weight=0)
    tape.scalar_loss(tape.reduce(tape.unary(kernel, "square"), "sum", 1, 20, 1), 0.01)
    bias = tape.parameter(layer, "bias")
    tape.scalar_loss(tape.reduce(tape.unary(bias, "abs"), "mean", 1, 4, 1), 0.1)


def batch_normalised(tape):
    """Statistics over the rows, with averages that are assigned."""
    x = tape.dense(tape.input(5), 6)
    gamma, beta, average = tape.add_parameter(6), tape.add_parameter(6), tape.add_parameter(6, trainable=False)
    mean = tape.over_rows(x, "mean")
    centred = tape.binary(x, mean, "subtract")
    variance = tape.over_rows(tape.unary(centred, "square"), "mean")
    scaled = tape.binary(centred, tape.unary(tape.binary(variance, tape.constant([1e-3]), "add"), "rsqrt"), "multiply")
    y = tape.binary(tape.binary(scaled, tape.parameter(gamma), "multiply"), tape.parameter(beta), "add")
    y = tape.dense(tape.activation(y, "relu"), 2)
    tape.output(y)
    tape.loss(y, "squared_error", target=0, sample_weight=0)
    old = tape.binary(tape.parameter(average), tape.constant([0.9]), "multiply")
    tape.assign(average, tape.binary(old, tape.binary(mean, tape.constant([0.1]), "multiply"), "add"))


def embedded(tape):
    """A table of vectors, groups of columns through one layer, softmax of groups."""
    table = tape.parameter(tape.add_parameter(4 * 3))
    index = tape.unary(tape.activation(tape.input(5), "hard_sigmoid"), "round")
    vectors = tape.take(table, index, 3)
    h = tape.activation(tape.apply(vectors, tape.add_dense(3, 4)), "softmax", last=4)
    h = tape.reduce(h, "max", 5, 4, 1)
    y = tape.dense(tape.where(tape.binary(h, tape.constant([0.4]), "greater"), h, tape.unary(h, "exp")), 1)
    tape.output(y)
    tape.row_loss(tape.unary(tape.binary(y, tape.target(0, 1), "subtract"), "square"), sample_weight=0)


def classes(tape):
    """Softmax and cross entropy with penalties on a kernel without a bias, its prediction read by a total."""
    x = tape.input(5)
    first = tape.add_dense(5, 60, bias=False)
    p = tape.activation(tape.dense(tape.activation(tape.apply(x, first), "relu"), 3), "softmax")
    tape.output(p)
    tape.loss(p, "cross_entropy", clip=1e-7, sample_weight=0)
    tape.penalty(first, 0.01, 0.02)
    hit = tape.binary(tape.reduce(p, "argmax", 1, 3, 1), tape.target(0, 1), "equal")
    tape.total(hit)


def same_value_twice(tape):
    """Two losses on one value, read by others too; a frozen layer; a stopped gradient; an unused value."""
    x = tape.input(5)
    frozen = tape.add_dense(5, 8, trainable=False)
    h = tape.activation(tape.apply(x, frozen), "tanh")
    y = tape.activation(tape.dense(h, 2), "logistic")
    z = tape.dense(tape.concat([y, tape.stop_gradient(y), y]), 2)
    tape.dense(x, 3)
    tape.output(z)
    tape.output(y)
    tape.loss(y, "binary_cross_entropy", clip=1e-7, sample_weight=0)
    tape.loss(y, "absolute_error", 0.3, sample_weight=0)
    tape.loss(z, "squared_error", sample_weight=1)


def joined(tape):
    """Columns side by side across panels, some of them twice, joined once more; gradients that meet in them."""
    x = tape.input(5)
    a = tape.activation(tape.dense(x, 70), "relu")
    b = tape.activation(tape.dense(x, 37), "tanh")
    inner = tape.concat([b, x, a])
    outer = tape.concat([a, inner, b, tape.unary(b, "square"), inner])
    y = tape.dense(tape.activation(tape.dense(tape.activation(outer, "softplus"), 66), "relu"), 1)
    z = tape.dense(tape.concat([x, inner]), 1)
    tape.output(inner)
    tape.loss(y, "squared_error", 1e-3, target=0, sample_weight=0)
    tape.loss(z, "squared_error", 1e-3, target=1)


def auxiliary(tape):
    """A value whose gradient comes from joined columns first, then from a layer of its own."""
    x = tape.input(5)
    h = tape.activation(tape.dense(x, 5), "relu")
    y = tape.dense(h, 1)
    z = tape.dense(tape.concat([h, tape.dense(x, 5)]), 1)
    tape.output(y)
    tape.output(z)
    tape.loss(y, "squared_error", target=0)
    tape.loss(z, "squared_error", target=1)


CASES = {
    f.__name__: f
    for f in (
        wide_and_deep,
        shared_layer,
        parameters_as_values,
        batch_normalised,
        embedded,
        classes,
        same_value_twice,
        joined,
        auxiliary,
    )
}
TARGETS = {"classes": "classes", "batch_normalised": 2, "same_value_twice": 2}


def data_of(case, dtype, rows=ROWS):
    rng = np.random.default_rng(3)
    x = [rng.normal(size=(rows, 5)).astype(dtype)]
    if case == "wide_and_deep":
        x.append(rng.normal(size=(rows, 6)).astype(dtype))
    kind = TARGETS.get(case, 1)
    y = rng.integers(0, 3, rows).astype(np.int32) if kind == "classes" else rng.random((rows, kind)).astype(dtype)
    weights = [rng.random(rows).astype(dtype), rng.random(rows).astype(dtype)]
    return x, [y, y], weights


def engines(case, dtype):
    for module in (_core, reference_tape):
        tape = module.Tape()
        CASES[case](tape)
        engine = module.Engine(tape, dtype)
        rng = np.random.default_rng(4)
        engine.load([(0.5 * rng.normal(size=s)).astype(dtype) for s in engine.parameter_shapes])
        yield engine


def parameters_of(engine, dtype):
    arrays = [np.zeros(s, dtype) for s in engine.parameter_shapes]
    engine.store(arrays)
    return arrays


def assert_close(ours, reference, dtype):
    for a, b in zip(ours, reference, strict=True):
        assert_allclose(a, b, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("divide_by", ["rows", "weights"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_the_reference(case, dtype, divide_by):
    x, y, weights = data_of(case, dtype)
    results = [e.gradient(x, y, sample_weight=weights, divide_by=divide_by) for e in engines(case, dtype)]
    assert_allclose(results[0][:2], results[1][:2], rtol=TOLERANCE[dtype])
    assert_close(results[0][2], results[1][2], dtype)


def exponential_of_joined(tape, stddev=None):
    """What works in place on columns side by side that do not fill their last vector, before a layer of one output."""
    x = tape.input(5)
    columns = tape.concat([tape.dense(x, 3), tape.dense(x, 4)])
    value = columns if stddev is None else tape.gaussian_noise(columns, stddev)
    y = tape.dense(tape.activation(value, "exp"), 1)
    tape.output(y)
    tape.loss(y, "squared_error", target=0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_follows_joined_columns_does_not_depend_on_the_batches_before(dtype):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2000, 5)).astype(dtype), rng.normal(size=(2000, 1)).astype(dtype)
    results = []
    for module in (_core, reference_tape):
        tape = module.Tape()
        exponential_of_joined(tape)
        engine = module.Engine(tape, dtype)
        start = np.random.default_rng(1)
        engine.load([(0.1 * start.normal(size=s)).astype(dtype) for s in engine.parameter_shapes])
        sums = engine.train(x, y, None, 20, _core.Update("sgd", learning_rate=1e-3))
        seen = engine.evaluate(x, y)
        results.append([sums.loss, seen.loss, engine.predict(x), *parameters_of(engine, dtype)])
    assert_close(*results, dtype)


def test_noise_on_joined_columns_stays_finite():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(3200, 5)).astype("float32"), rng.normal(size=(3200, 1)).astype("float32")
    tape = _core.Tape()
    exponential_of_joined(tape, stddev=0.1)
    engine = _core.Engine(tape, "float32")
    engine.load([(0.1 * rng.normal(size=s)).astype("float32") for s in engine.parameter_shapes])
    for _ in range(10):
        assert np.isfinite(engine.train(x, y, None, 8, _core.Update("sgd", learning_rate=1e-3)).loss)


@pytest.mark.parametrize("poisoned", ["x", "y"])
@pytest.mark.parametrize("case", CASES)
def test_a_batch_of_nan_leaves_nothing_behind_but_the_weights(case, poisoned):
    x, y, weights = data_of(case, "float32")
    bad_x, bad_y = x, y
    if poisoned == "x":
        bad_x = [np.full_like(array, np.nan) for array in x]
    elif y[0].dtype == np.float32:
        bad_y = [np.full_like(y[0], np.nan), y[1]]
    update = _core.Update("sgd", learning_rate=0.05)
    results = []
    for poisons in (False, True):
        engine = next(iter(engines(case, "float32")))
        start = parameters_of(engine, "float32")
        if poisons:
            engine.train(bad_x, bad_y, None, 10, update, sample_weight=weights)
            engine.load(start)
        engine.train(x, y, None, 10, update, sample_weight=weights)
        results.append(parameters_of(engine, "float32"))
    for a, b in zip(*results, strict=True):
        assert_array_equal(a, b)


@pytest.mark.parametrize("kind", ["sgd", "momentum", "adam", "clipped", "clipped each", "average"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_training_is_that_of_the_reference(case, dtype, kind):
    options = {
        "sgd": {"kind": "sgd"},
        "momentum": {"kind": "sgd", "momentum": 0.9, "nesterov": True},
        "adam": {"kind": "adam"},
        "clipped": {"kind": "sgd", "clip_norm": 0.1},
        "clipped each": {"kind": "sgd", "clip_norm_each": 0.05},
        "average": {"kind": "sgd", "average_momentum": 0.9, "average_every": 3},
    }[kind]
    x, y, weights = data_of(case, dtype)
    order = np.random.default_rng(5).permutation(ROWS)
    update = _core.Update(learning_rate=0.05, epsilon=1e-3, **options)
    results = []
    for engine in engines(case, dtype):
        sums = [engine.train(x, y, order, 10, update, sample_weight=weights, divide_by="rows") for _ in range(2)]
        totals = (
            [np.concatenate([t for s in sums for t in s.totals]), [w for s in sums for w in s.total_weights]]
            if sums[0].totals
            else []
        )
        results.append(
            [
                [s.loss for s in sums],
                [s.penalty for s in sums],
                *[s.losses for s in sums],
                *totals,
                *parameters_of(engine, dtype),
            ]
        )
    assert_close(*results, dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("case", CASES)
def test_evaluation_and_prediction_are_those_of_the_reference(case, dtype):
    x, y, weights = data_of(case, dtype)
    results = []
    for engine in engines(case, dtype):
        sums = engine.evaluate(x, y, sample_weight=weights, batch_size=10, divide_by="rows")
        outputs = engine.predict(x, batch_size=10)
        outputs = outputs if isinstance(outputs, list) else [outputs]
        results.append([sums.loss, sums.penalty, sums.losses, *sums.totals, *outputs])
    assert_close(*results, dtype)


@pytest.mark.parametrize("case", CASES)
def test_bits_do_not_depend_on_threads(case):
    x, y, weights = data_of(case, "float32", rows=20000)  # enough work for several
    results = []
    for n_threads in (1, 2, 3):
        engine = next(iter(engines(case, "float32")))
        update = _core.Update(kind="adam", learning_rate=0.01)
        sums = engine.train(x, y, None, 9000, update, sample_weight=weights, n_threads=n_threads, divide_by="rows")
        seen = engine.evaluate(x, y, sample_weight=weights, batch_size=9000, n_threads=n_threads, divide_by="rows")
        results.append(
            [sums.loss, sums.losses, *sums.totals, seen.loss, *seen.totals, *parameters_of(engine, "float32")]
        )
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_array_equal(a, b)


def test_engines_share_parameters_slots_and_steps():
    x, y, weights = data_of("wide_and_deep", "float32")
    tape = _core.Tape()
    wide_and_deep(tape)
    engine = _core.Engine(tape, "float32")
    engine.load([np.full(s, 0.1, np.float32) for s in engine.parameter_shapes])
    other = _core.Engine(tape.copy(), "float32", engine)
    other.train(x, y, None, 10, _core.Update(kind="adam", learning_rate=0.01), sample_weight=weights)
    assert engine.step == other.step == 3
    for a, b in zip(parameters_of(engine, "float32"), parameters_of(other, "float32"), strict=True):
        assert_array_equal(a, b)
    with pytest.raises(TypeError, match="same dtype"):
        _core.Engine(tape, "float64", engine)
    smaller = _core.Tape()
    smaller.output(smaller.dense(smaller.input(5), 1))
    with pytest.raises(ValueError, match="declares other parameters"):
        _core.Engine(smaller, "float32", engine)


def test_tapes_are_values():
    one, two = _core.Tape(), _core.Tape()
    for tape in (one, two):
        wide_and_deep(tape)
    assert one == two
    assert hash(one) == hash(two)
    two.output(3)
    assert one != two


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (lambda t: t.binary(0, t.input(3), "add"), "widths must be equal or 1"),
        (lambda t: t.unary(9, "exp"), "no value 9"),
        (lambda t: t.unary(0, "expp"), "unknown operation 'expp'"),
        (lambda t: t.view(0, [6], [1]), "within its 5 columns"),
        (lambda t: t.view(0, [2], [-1]), "within its 5 columns"),
        (lambda t: t.reduce(0, "sum", 2, 2, 1), r"outer \* n \* inner must be 5"),
        (lambda t: t.apply(0, t.add_dense(3, 2)), "multiple of 3 columns, got 5"),
        (lambda t: t.parameter(t.add_dense(3, 2, bias=False), "bias"), "has no bias"),
        (lambda t: t.assign(t.add_dense(3, 2), 0), "only parameters of add_parameter"),
        (lambda t: t.row_loss(0), "1 wide"),
        (lambda t: t.scalar_loss(0), "unbatched"),
        (lambda t: t.take(0, 0, 1), "unbatched table"),
        (lambda t: t.over_rows(t.constant([1.0]), "sum"), "batched"),
    ],
)
def test_recording_refuses_what_cannot_be_linked(record, message):
    tape = _core.Tape()
    tape.input(5)
    with pytest.raises(ValueError, match=message):
        record(tape)


@pytest.mark.parametrize("units", [300, 292, 290])  # the last panel: narrow; so narrow that it is computed another way
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_bits_do_not_depend_on_threads_that_share_columns(dtype, units):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(100, 500)).astype(dtype), rng.normal(size=(100, 3)).astype(dtype)
    results = []
    for n_threads in (1, 2, 3, 5):
        tape = _core.Tape()
        hidden = tape.activation(tape.dense(tape.input(500), units), "relu")
        out = tape.dense(tape.activation(tape.dense(hidden, units), "tanh"), 3)
        tape.output(out)
        tape.loss(out, "squared_error")
        engine = _core.Engine(tape, dtype)
        start = np.random.default_rng(1)
        engine.load([(0.05 * start.normal(size=s)).astype(dtype) for s in engine.parameter_shapes])
        sums = engine.train(x, y, None, 32, _core.Update(kind="adam", learning_rate=0.01), n_threads=n_threads)
        results.append([sums.loss, *parameters_of(engine, dtype)])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            assert_array_equal(a, b)
