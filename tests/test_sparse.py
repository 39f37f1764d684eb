"""Sparse rows in the core: kernels against SciPy, an engine against its dense self, hostile matrices."""

from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from kernel_tables import ISAS
from mlpcore import _core
from mlpcore._core import kernels

DTYPES = ["float32", "float64"]
FEATURES, CLASSES = 150, 3


def random_rows(rows, features, dtype="float64", density=0.2, seed=0):
    """Return CSR rows with unsorted indices, some places twice, some rows empty."""
    rng = np.random.RandomState(seed)
    lengths = rng.poisson(density * features, rows) * rng.randint(4, size=rows).clip(0, 1)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    values, columns = rng.standard_normal(starts[-1]), rng.randint(features, size=starts[-1])
    return sparse.csr_matrix((values.astype(dtype), columns.astype(np.int32), starts), shape=(rows, features))


def tolerance(dtype):
    return {"float32": 2e-5, "float64": 1e-13}[dtype]  # some 30 terms of order 1


# ------------------------------------------------------------ kernels

SHAPES = [(0, 5, 3), (1, 1, 1), (5, 63, 15), (13, 64, 16), (7, 65, 17), (40, 200, 100), (3, 33, 130)]


@pytest.mark.parametrize("order", [None, "shuffled", "repeated"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("isa", ISAS)
def test_kernels_equal_scipys_products(isa, dtype, shape, order):
    rows, features, units = shape
    rng = np.random.RandomState(1)
    x = random_rows(rows, features, dtype)
    w, b = rng.standard_normal((features, units)).astype(dtype), rng.standard_normal(units).astype(dtype)
    picked = {
        None: None,
        "shuffled": rng.permutation(rows),
        "repeated": rng.randint(max(rows, 1), size=2 * rows),
    }[order]
    taken = x if picked is None else x[picked]
    dy = rng.standard_normal((taken.shape[0], units)).astype(dtype)
    z = taken.astype("f8") @ w.astype("f8") + b
    atol = tolerance(dtype) * 3
    assert_allclose(kernels.sparse_dense(x, w, b, picked, isa=isa), z, rtol=0, atol=atol)
    assert_allclose(kernels.sparse_dense(x, w, b, picked, relu=True, isa=isa), z.clip(0), rtol=0, atol=atol)
    dw, db = kernels.sparse_dw(x, dy, picked, isa=isa)
    assert_allclose(dw, taken.T.astype("f8") @ dy, rtol=0, atol=atol)
    assert_allclose(db, dy.sum(axis=0), rtol=0, atol=atol)


@pytest.mark.parametrize("isa", ISAS)
def test_a_row_of_zeros_gives_the_bias(isa):
    b = np.arange(20.0)
    y = kernels.sparse_dense(sparse.csr_matrix((4, 9)), np.ones((9, 20)), b, isa=isa)
    assert_array_equal(y, np.tile(b, (4, 1)))
    dw, _ = kernels.sparse_dw(sparse.csr_matrix((4, 9)), y, isa=isa)
    assert_array_equal(dw, np.zeros((9, 20)))


# ------------------------------------------------------------ engine

UPDATES = {
    "sgd": {"kind": "sgd"},
    "sgd, l2": {"kind": "sgd", "l2": 0.5},
    "momentum": {"kind": "sgd", "momentum": 0.9, "l2": 0.1},
    "nesterov": {"kind": "sgd", "momentum": 0.9, "nesterov": True},
    "adam": {"kind": "adam"},
    "adam, l2": {"kind": "adam", "l2": 0.5},
    "sgd, decay": {"kind": "sgd", "weight_decay": 0.1},
    "adamw": {"kind": "adamw", "weight_decay": 0.1},
    "adagrad, l1": {"kind": "adagrad", "l1": 0.1, "epsilon": 1e-3},
    "rmsprop": {"kind": "rmsprop", "momentum": 0.5, "epsilon": 1e-3},
    "sgd, clipped": {"kind": "sgd", "clip_norm": 0.3},
}


def make_engine(dtype, hidden=(70,), features=FEATURES, first="dense", trainable=True):
    tape = _core.Tape()
    value = tape.input(features)
    if first != "dense":
        value = tape.activation(value, first)
    for units in hidden:
        value = tape.activation(tape.dense(value, units, trainable=trainable), "relu")
    value = tape.activation(tape.dense(value, CLASSES), "softmax")
    tape.output(value)
    tape.loss(value, "cross_entropy")
    engine = _core.Engine(tape, dtype)
    rng = np.random.RandomState(3)
    engine.load([0.2 * rng.standard_normal(s).astype(dtype) for s in engine.parameter_shapes])
    return engine


def stored(engine, dtype):
    parameters = [np.empty(shape, dtype) for shape in engine.parameter_shapes]
    engine.store(parameters)
    return parameters


def labels(rows):
    return np.random.RandomState(4).randint(CLASSES, size=rows).astype(np.int32)


def trained(x, dtype, update, n_threads=1, weight=None, hidden=(70,), batch_size=30):
    """Return the parameters and slots after two passes over the rows, and the sums of each pass."""
    engine = make_engine(dtype, hidden)
    order = np.random.RandomState(5).permutation(x.shape[0])
    settings = _core.Update(learning_rate=0.05, **UPDATES[update])
    arguments = (x, labels(x.shape[0]), order, batch_size, settings)
    sums = [tuple(engine.train(*arguments, sample_weight=weight, n_threads=n_threads)) for _ in range(2)]
    return stored(engine, dtype) + [array for slot in engine.slots() for array in slot], sums


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("update", UPDATES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_training_equals_training_on_dense_rows(dtype, update, weighted):
    x = random_rows(100, FEATURES, dtype)
    weight = np.random.RandomState(6).uniform(0, 2, 100).astype(dtype) if weighted else None
    ours, sums = trained(x, dtype, update, weight=weight)
    dense, dense_sums = trained(x.toarray(), dtype, update, weight=weight)
    # Adam divides by sqrt(v): where that is near 0, roundings become hundredths of a step.
    atol = {"float32": 5e-4 if "adam" in update else 1e-5, "float64": 1e-12}[dtype]
    for a, b in zip(ours, dense, strict=True):
        assert_allclose(a, b, rtol=0, atol=atol)
    assert_allclose(sums, dense_sums, rtol=1e-5 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("hidden", [(70,), (), (3, 5)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES)
def test_gradient_and_predictions_equal_those_of_dense_rows(dtype, hidden):
    x, y = random_rows(401, FEATURES, dtype), labels(401)
    engine = make_engine(dtype, hidden)
    for weight in (None, np.random.RandomState(6).uniform(0, 2, 401).astype(dtype)):
        loss, penalty, gradients = engine.gradient(x, y, 0.3, sample_weight=weight)
        dense_loss, dense_penalty, dense_gradients = engine.gradient(x.toarray(), y, 0.3, sample_weight=weight)
        assert_allclose([loss, penalty], [dense_loss, dense_penalty], rtol=1e-5)
        for a, b in zip(gradients, dense_gradients, strict=True):
            assert_allclose(a, b, rtol=0, atol=tolerance(dtype))
        assert_allclose(
            engine.evaluate(x, y, sample_weight=weight).mean_loss,
            engine.evaluate(x.toarray(), y, sample_weight=weight).mean_loss,
            rtol=1e-5,
        )
    assert_allclose(engine.predict(x), engine.predict(x.toarray()), rtol=0, atol=tolerance(dtype))
    slope, expected = (engine.input_gradient(rows) for rows in (x, x.toarray()))
    assert_allclose(slope, expected, rtol=0, atol=tolerance(dtype))


def test_a_frozen_first_layer_stays_as_it_is():
    x = random_rows(100, FEATURES)
    engines = [make_engine("float64", trainable=False) for _ in range(2)]
    for engine, rows in zip(engines, (x, x.toarray()), strict=True):
        engine.train(rows, labels(100), np.arange(100), 30, _core.Update("adam", learning_rate=0.1))
    ours, dense = (stored(engine, "float64") for engine in engines)
    assert_array_equal(ours[0], stored(make_engine("float64"), "float64")[0])
    assert_allclose(ours[2], dense[2], rtol=0, atol=1e-12)


@pytest.mark.parametrize("update", UPDATES)
def test_the_bits_are_the_same_for_any_number_of_threads(update):
    x = random_rows(1000, FEATURES, "float32")  # enough work for five threads
    alone = trained(x, "float32", update, hidden=(256, 64), batch_size=500)
    for n_threads in (2, 3, 5):
        together = trained(x, "float32", update, n_threads, hidden=(256, 64), batch_size=500)
        for a, b in zip(alone[0], together[0], strict=True):
            assert_array_equal(a, b)
        assert alone[1] == together[1]
    engine = make_engine("float32", (256, 64))
    gradient, output = engine.gradient(x, labels(1000))[2], engine.predict(x)
    for n_threads in (2, 3, 5):
        for a, b in zip(gradient, engine.gradient(x, labels(1000), n_threads=n_threads)[2], strict=True):
            assert_array_equal(a, b)
        assert_array_equal(engine.predict(x, n_threads=n_threads), output)


@pytest.mark.parametrize("update", ["sgd", "adam, l2"])
def test_any_form_of_a_matrix_gives_the_same_bits(update):
    x = random_rows(100, FEATURES)
    wide = sparse.csr_matrix(x)
    wide.indices, wide.indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
    assert wide.indices.dtype == np.int64
    forms = [
        sparse.csr_array(x),
        wide,
        (x.data, x.indices, x.indptr, x.shape),
        (x.data, x.indices.astype(np.int64), x.indptr, x.shape),
        (x.data, x.indices, x.indptr.astype(np.int64), np.array(x.shape)),
    ]
    expected = trained(x, "float64", update)[0]
    for form in forms:
        order = np.random.RandomState(5).permutation(100)
        engine = make_engine("float64")
        settings = _core.Update(learning_rate=0.05, **UPDATES[update])
        for _ in range(2):
            engine.train(form, labels(100), order, 30, settings)
        for a, b in zip(stored(engine, "float64"), expected[:4], strict=True):
            assert_array_equal(a, b)


@pytest.mark.parametrize("rows", [0, 7])
def test_a_matrix_of_zeros_trains_the_biases(rows):
    x = sparse.csr_matrix((rows, FEATURES))
    parameters, sums = trained(x, "float64", "sgd")
    before = stored(make_engine("float64"), "float64")
    assert_array_equal(parameters[0], before[0])
    assert np.isfinite(sums).all()
    assert (parameters[3] != before[3]).any() == (rows > 0)
    assert make_engine("float64").predict(x).shape == (rows, CLASSES)


def test_plain_sgd_leaves_untouched_features_alone():
    x = sparse.csr_matrix(random_rows(50, FEATURES)[:, :20])
    x.resize(50, FEATURES)
    kernel, before = trained(x, "float64", "sgd")[0][0], stored(make_engine("float64"), "float64")[0]
    assert_array_equal(kernel[20:], before[20:])
    assert (kernel[:20] != before[:20]).any(axis=1).all()


# ------------------------------------------------------------ hostile matrices


def parts(**changes):
    """Return (data, indices, indptr, shape) of two rows with three values, with some part replaced."""
    good = {
        "data": np.ones(3),
        "indices": np.array([0, 149, 5], np.int32),
        "indptr": np.array([0, 2, 3], np.int32),
        "shape": (2, FEATURES),
    }
    return tuple({**good, **changes}.values())


HOSTILE = {
    "column too large": (parts(indices=np.array([0, 150, 5], np.int32)), ValueError, r"columns in \[0, 150\), got 150"),
    "column negative": (parts(indices=np.array([0, -1, 5], np.int32)), ValueError, r"columns in \[0, 150\), got -1"),
    "column that wraps": (parts(indices=np.array([0, 2**32, 5])), ValueError, r"columns in \[0, 150\), got 4294967296"),
    "decreasing": (parts(indptr=np.array([0, 3, 2], np.int32)), ValueError, "must not decrease, got 3 and then 2"),
    "beyond the values": (parts(indptr=np.array([0, 2, 4])), ValueError, "ends with 4, but there are only 3 values"),
    "negative start": (parts(indptr=np.array([-1, 2, 3])), ValueError, "must begin with 0, got -1"),
    "overflowing": (parts(indptr=np.array([0, 2**62, 3])), ValueError, "must not decrease"),
    "short indptr": (parts(indptr=np.array([0, 3])), ValueError, r"x\.indptr must be .* of shape \(3,\)"),
    "short indices": (parts(indices=np.array([0, 1], np.int32)), ValueError, r"x\.indices must be .* of shape \(3,\)"),
    "strided data": (parts(data=np.ones(6)[::2]), ValueError, r"x\.data must be .* another memory layout"),
    "float indices": (parts(indices=np.ones(3)), TypeError, r"x\.indices must be a C-contiguous int32"),
    "other type": (parts(data=np.ones(3, np.float32)), TypeError, r"x\.data must be a C-contiguous float64"),
    "list": (parts(data=[1.0, 2.0, 3.0]), TypeError, r"x\.data must be .* got list"),
    "too narrow": (parts(shape=(2, 149)), ValueError, r"shape \(n, 150\).* got shape \(2, 149\)"),
    "negative rows": (parts(shape=(-2, 150)), ValueError, r"got shape \(-2, 150\)"),
    "too many rows": (parts(shape=(2**40, 150)), ValueError, "fewer than 2\\^31 rows"),
    "three dimensions": (parts(shape=(2, 150, 1)), ValueError, r"got shape \(2, 150, 1\)"),
    "no shape": (parts(shape=None), TypeError, "got the shape None"),
    "endless shape": (parts(shape=(2**70, 150)), TypeError, "got the shape"),
    "three parts": (parts()[:3], ValueError, "got a tuple of 3"),
    "csc": (sparse.csc_matrix((2, 150)), TypeError, "got the format 'csc'"),
    "bsr": (sparse.bsr_matrix((2, 150)), TypeError, "got the format 'bsr'"),
    "coo": (sparse.coo_matrix((2, 150)), TypeError, "x must be"),
    "something else": (SimpleNamespace(indptr=None), TypeError, "got the format 'unknown'"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_matrix_is_a_clear_error(name):
    x, error, message = HOSTILE[name]
    engine = make_engine("float64")
    calls = [
        lambda: engine.predict(x),
        lambda: engine.gradient(x, labels(2)),
        lambda: engine.train(x, labels(2), np.arange(2), 1, _core.Update("sgd", learning_rate=0.1)),
    ]
    for call in calls:
        with pytest.raises(error, match=message):
            call()


def test_sparse_rows_need_a_dense_layer_first():
    with pytest.raises(ValueError, match="first operation is dense"):
        make_engine("float64", first="tanh").predict(random_rows(3, FEATURES))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_sparse_rows_that_nothing_reads_are_refused(dtype):
    tape = _core.Tape()
    tape.input(3)
    tape.output(tape.n_rows())
    with pytest.raises(ValueError, match="first operation is dense"):
        _core.Engine(tape, dtype).predict(sparse.csr_matrix(np.ones((4, 3), dtype)))
