"""Mixed precision: products of operands rounded to bfloat16, everything else in float32."""

import os
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse
from numpy.testing import assert_array_equal

import mlpcore
from mlpcore import MLPClassifier, MLPRegressor, _core, layers
from reference_bf16 import product, rounded
from word_cases import ORDER, UPDATES, Y, assert_same_bits, matrix, parameters, rule

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
ISAS = _core.available_bf16()
needs_bf16 = pytest.mark.skipif(not ISAS, reason="this processor, or MLPCORE_ISA, has no bfloat16")
each_isa = pytest.mark.parametrize("isa", ISAS or [pytest.param(None, marks=needs_bf16)])

ROWS = [0, 1, 2, 15, 16, 17, 33, 95]
WIDTHS = [(1, 5), (2, 16), (31, 64), (32, 65), (65, 10), (130, 100), (17, 33)]
# Sums of up to 130 terms in float32, in any order: each addition errs by half a unit of the running sum.
ERROR = 130 * np.finfo(np.float32).eps


# ------------------------------------------------------------ kernels


@each_isa
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("widths", WIDTHS)
def test_dense_is_the_product_of_rounded_operands(isa, rows, widths):
    x, kernel, bias = matrix(rows, widths[0]), matrix(*widths), matrix(1, widths[1])[0]
    expected, size = product(x, kernel)
    y = _core.kernels.word_dense(x, kernel, bias, isa=isa)
    assert np.all(np.abs(y - (expected + bias)) <= ERROR * (size + np.abs(bias)))
    assert_array_equal(_core.kernels.word_dense(x, kernel, bias, True, isa=isa), np.maximum(y, 0))


@each_isa
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("widths", WIDTHS)
def test_dx_is_the_product_of_rounded_operands(isa, rows, widths):
    dy, kernel, output = matrix(rows, widths[1]), matrix(*widths), matrix(rows, widths[0], 1)
    expected, size = product(dy, kernel.T)
    dx = _core.kernels.word_dense_dx(dy, kernel, isa=isa)
    assert np.all(np.abs(dx - expected) <= ERROR * size)
    assert_array_equal(_core.kernels.word_dense_dx(dy, kernel, output, isa=isa), np.where(output > 0, dx, 0))


@each_isa
@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("widths", WIDTHS)
def test_dw_is_the_product_of_rounded_operands(isa, rows, widths):
    x, dy = matrix(rows, widths[0]), matrix(rows, widths[1])
    expected, size = product(x.T, dy)
    assert np.all(np.abs(_core.kernels.word_dense_dw(x, dy, isa=isa) - expected) <= ERROR * size)


@each_isa
def test_a_row_has_the_same_bits_in_every_block(isa):
    x, kernel, bias, dy = matrix(53, 600), matrix(600, 70), matrix(1, 70)[0], matrix(53, 70)
    y, dx = (_core.kernels.word_dense(x, kernel, bias, isa=isa), _core.kernels.word_dense_dx(dy, kernel, isa=isa))
    for block in (1, 5, 16, 21, 40):
        assert_array_equal(_core.kernels.word_dense(x, kernel, bias, isa=isa, block=block), y)
        assert_array_equal(_core.kernels.word_dense_dx(dy, kernel, isa=isa, block=block), dx)


@each_isa
def test_operands_are_rounded_to_nearest_even(isa):
    halfway = np.float32(1) + np.arange(1, 40, 2, dtype=np.float32) * np.float32(2**-8)  # between two neighbours
    x = np.concatenate([halfway, -halfway, np.nextafter(halfway, np.float32(2)), np.nextafter(halfway, np.float32(0))])
    x = np.concatenate([x, np.array([0.0, 3.3e38, 3.4e38, 1e-37, 1e-40, np.inf, -np.inf, np.nan], np.float32)])
    one, zero = np.ones((1, 5), np.float32), np.zeros(5, np.float32)
    assert_array_equal(_core.kernels.word_dense(x[:, None], one, zero, isa=isa)[:, 0], rounded(x))
    assert_array_equal(_core.kernels.word_dense(one[:, :1], x[None], np.zeros_like(x), isa=isa)[0], rounded(x))


# ------------------------------------------------------------ engines


def chain(widths, loss="squared_error", hidden="relu", dtype="float32", mixed=True):
    tape = _core.Tape()
    value = tape.input(widths[0])
    for units in widths[1:-1]:
        value = tape.activation(tape.dense(value, units), hidden)
    value = tape.dense(value, widths[-1])
    if loss == "cross_entropy":
        value = tape.activation(value, "softmax")
    tape.output(value)
    tape.loss(value, loss)
    return ready(tape, dtype, mixed)


def ready(tape, dtype="float32", mixed=True, draw=None):
    engine = _core.Engine(tape, dtype)
    rng = np.random.default_rng(1)
    draw = draw or (lambda shape: rng.normal(size=shape) / np.sqrt(shape[0]))
    engine.load([np.asarray(draw(shape), dtype) for shape in engine.parameter_shapes])
    if mixed:
        engine.mixed_precision = "bfloat16"
    return engine


@needs_bf16
@pytest.mark.parametrize("rows", [1, 64, 128])
def test_the_gradient_of_a_chain_is_that_of_rounded_operands(rows):
    """Of integers: float32 holds what goes forward and back exactly, bfloat16 does not."""
    rng = np.random.default_rng(0)
    most = iter([8, 20, 2, 20, 2, 20])
    engine = ready(_chain_tape(40, 70, 33, 8), draw=lambda shape: rng.integers(-(m := next(most)), m + 1, shape))
    x = rng.integers(-10, 11, (rows, 40)).astype(np.float32)
    kernels, biases = (arrays := parameters(engine))[::2], arrays[1::2]
    values = [x]
    for kernel, bias in zip(kernels, biases, strict=True):
        values.append(np.maximum(product(values[-1], kernel)[0] + bias, 0 if len(values) < 3 else -np.inf))
    assert all(np.any(rounded(value) != value) for value in values[1:])
    gradient = engine.gradient(x, np.zeros((rows, 8), np.float32), divide_by="rows")[2]
    dy = values[3] / rows  # a power of 2
    for i in (2, 1, 0):
        dw, size = product(values[i].T, dy)
        assert np.all(np.abs(gradient[2 * i] - dw) <= ERROR * size)
        assert np.all(np.abs(gradient[2 * i + 1] - dy.sum(axis=0)) <= ERROR * np.abs(dy).sum(axis=0))
        dy = np.where(values[i] > 0, product(dy, kernels[i].T)[0], 0)


def _chain_tape(*widths):
    tape = _core.Tape()
    value = tape.input(widths[0])
    for units in widths[1:-1]:
        value = tape.activation(tape.dense(value, units), "relu")
    value = tape.dense(value, widths[-1])
    tape.output(value)
    tape.loss(value, "squared_error")
    return tape


def _branches():
    """A tape with a layer used twice, a sum of two layers, a concatenation, and a kernel that is read as a value."""
    tape = _core.Tape()
    x = tape.input(20)
    shared = tape.add_dense(20, 20, True, True)
    first = tape.apply(x, shared)
    second = tape.apply(tape.activation(first, "relu"), shared)
    joined = tape.concat([tape.binary(first, second, "add"), x])
    value = tape.dense(tape.activation(joined, "relu"), 6)
    tape.output(value)
    tape.loss(value, "squared_error", weight=64.0)
    return tape


@needs_bf16
@pytest.mark.parametrize("tape", [_chain_tape(20, 70, 8, 6), _branches()], ids=["chain", "branches"])
def test_operands_that_bfloat16_holds_give_the_bits_of_float32(tape):
    """Small integers: nothing is rounded, so what is wired differently would show."""
    rng = np.random.default_rng(3)

    def draw(shape):  # one or two entries a column
        return rng.integers(-1, 2, shape) * (rng.random(shape) < 2 / shape[0])

    plain, mixed = (ready(tape, mixed=m, draw=draw) for m in (False, True))
    plain.load(parameters(mixed))
    x, y = (rng.integers(-1, 2, (64, n)).astype(np.float32) for n in (20, 6))
    assert_same_bits(mixed.gradient(x, y)[2], plain.gradient(x, y)[2])


X = matrix(330, 70)


def trained(update, n_threads=1, *, calls=None, x=X, engine=None, order=ORDER):
    """Train for an epoch of four batches, in `calls` calls; return the parameters."""
    engine = engine or chain((70, 130, 65, 10), "cross_entropy")
    for rows in [order] if calls is None else np.split(order, calls):
        engine.train(x, Y, rows, 100, rule(UPDATES[update], update), n_threads=n_threads)
    return parameters(engine)


@needs_bf16
@pytest.mark.parametrize("update", UPDATES)
def test_training_gives_the_same_bits_for_any_number_of_threads(update):
    expected = trained(update)
    for n_threads in (2, 3, 5):
        assert_same_bits(trained(update, n_threads), expected)


@needs_bf16
@pytest.mark.parametrize("update", [name for name in UPDATES if name != "average"])  # it begins with a training
def test_the_rounded_weights_follow_each_step(update):
    assert_same_bits(trained(update, calls=[100, 200, 300]), trained(update))


@needs_bf16
def test_training_is_near_that_in_float32_and_another():
    start = parameters(chain((70, 130, 65, 10), "cross_entropy"))
    mixed, plain = trained("sgd"), trained("sgd", engine=chain((70, 130, 65, 10), "cross_entropy", mixed=False))
    for ours, exact, before in zip(mixed, plain, start, strict=True):
        way = np.linalg.norm(exact - before)
        # Operands are off by up to 2^-9; the sums over random labels are smaller than their terms.
        assert 0 < np.linalg.norm(ours - exact) < way / 8


@needs_bf16
def test_rows_in_any_order_give_the_bits_of_rows_in_order():
    engine = chain((70, 130, 65, 10), "cross_entropy")
    engine.train(X[ORDER], Y[ORDER], None, 100, _core.Update("sgd", learning_rate=0.1))
    assert_same_bits(parameters(engine), trained("sgd"))


@needs_bf16
def test_an_input_that_others_read_too_is_gathered():
    """A layer in bfloat16 and one of few outputs, which is not, read the same rows."""
    tape = _core.Tape()
    x = tape.input(70)
    value = tape.concat([tape.dense(x, 8), tape.dense(x, 2)])
    tape.output(value)
    tape.loss(value, "squared_error")
    both = []
    for order in (None, ORDER):
        engine = ready(tape)
        rows = slice(None) if order is not None else ORDER
        engine.train(X[rows], matrix(330, 10)[rows], order, 100, _core.Update("sgd", learning_rate=0.01))
        both.append(parameters(engine))
    for ours, expected in zip(*both, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)  # two outputs add up in another order


@needs_bf16
@pytest.mark.parametrize("n_threads", [1, 3])
def test_sparse_rows_meet_their_weights_in_float32(n_threads):
    """Sparse rows of integers against dense ones, which bfloat16 holds; the later layers are rounded alike."""
    rng = np.random.default_rng(7)
    x = (rng.integers(-3, 4, (330, 70)) * (rng.random((330, 70)) < 0.1)).astype(np.float32)
    tape = _chain_tape(70, 130, 65, 10)
    both = []
    for rows in (x, scipy.sparse.csr_matrix(x)):
        draws = np.random.default_rng(8)
        engine = ready(tape, draw=lambda shape: draws.integers(-4, 5, shape) / 16)  # noqa: B023
        both.append(engine.gradient(rows, matrix(330, 10), n_threads=n_threads)[2])
    for sparse, dense in zip(both[1][1:], both[0][1:], strict=True):  # but for the first kernel
        assert_array_equal(sparse, dense)


@needs_bf16
def test_layers_of_few_outputs_stay_in_float32():
    x, y = matrix(50, 30), matrix(50, 3)
    mixed, plain = (ready(_chain_tape(30, 4, 3), mixed=m).gradient(x, y)[2] for m in (True, False))
    assert_same_bits(mixed, plain)


@needs_bf16
def test_predictions_and_evaluations_are_in_float32():
    mixed, plain = (chain((70, 130, 65, 10), "cross_entropy", mixed=m) for m in (True, False))
    assert_array_equal(mixed.predict(X), plain.predict(X))
    assert mixed.evaluate(X, Y).loss == plain.evaluate(X, Y).loss


@needs_bf16
def test_mixed_precision_can_be_switched_off_again():
    engine = chain((70, 130, 65, 10), "cross_entropy")
    assert engine.mixed_precision == "bfloat16"
    start = parameters(engine)
    trained("sgd", engine=engine)
    engine.mixed_precision = None
    engine.load(start)
    plain = chain((70, 130, 65, 10), "cross_entropy", mixed=False)
    assert_same_bits(trained("sgd", engine=engine), trained("sgd", engine=plain))


# ------------------------------------------------------------ estimators and models


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="mixed_precision must be None or 'bfloat16', got 'float16'"):
        chain((5, 6), mixed=False).mixed_precision = "float16"
    with pytest.raises(ValueError, match="The 'mixed_precision' parameter of MLPRegressor must be"):
        MLPRegressor(mixed_precision="float16").fit(X, X[:, 0])
    with pytest.raises(ValueError, match="mixed_precision must be None or 'bfloat16', got 'mixed_bfloat16'"):
        mlpcore.Sequential([layers.Dense(3)]).compile(mixed_precision="mixed_bfloat16")


def test_float64_is_refused():
    with pytest.raises(ValueError, match="mixed_precision='bfloat16' needs dtype 'float32', got 'float64'"):
        chain((5, 6), dtype="float64", mixed=False).mixed_precision = "bfloat16"
    with pytest.raises(ValueError, match="needs dtype='float32' or None, got 'float64'"):
        MLPRegressor(mixed_precision="bfloat16", dtype="float64").fit(X, X[:, 0])


def test_lbfgs_is_refused():
    with pytest.raises(ValueError, match="'lbfgs' needs gradients without rounding"):
        MLPRegressor(mixed_precision="bfloat16", solver="lbfgs").fit(X, X[:, 0])


@pytest.mark.skipif("avx2" not in _core.available_isas(), reason="this processor has no AVX2")
def test_other_kernels_are_an_error_that_says_what_is_needed():
    code = "import mlpcore; mlpcore.MLPRegressor(mixed_precision='bfloat16').fit([[0.0], [1.0]], [0.0, 1.0])"
    run = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "MLPCORE_ISA": "avx2"}, capture_output=True, text=True
    )
    assert "needs a processor with AVX512_BF16" in run.stderr
    assert "and the avx512 kernels; here are those of avx2" in run.stderr


@needs_bf16
@pytest.mark.parametrize("dtype", [None, "float32"])
def test_an_estimator_takes_rows_of_float64_as_float32(dtype):
    model = MLPClassifier((70,), max_iter=3, random_state=0, mixed_precision="bfloat16", dtype=dtype)
    model.fit(X.astype(np.float64), Y)
    assert {w.dtype for w in (*model.coefs_, *model.intercepts_)} == {np.dtype(np.float32)}
    again = MLPClassifier((70,), max_iter=3, random_state=0, mixed_precision="bfloat16").fit(X, Y)
    plain = MLPClassifier((70,), max_iter=3, random_state=0).fit(X, Y)
    assert_array_equal(model.coefs_[0], again.coefs_[0])
    assert np.any(plain.coefs_[0] != again.coefs_[0])


@needs_bf16
def test_an_estimator_predicts_with_its_own_weights():
    model = MLPClassifier((70,), max_iter=3, random_state=0, mixed_precision="bfloat16").fit(X, Y)
    plain = MLPClassifier((70,), max_iter=1, random_state=1).fit(X, Y)
    plain.coefs_, plain.intercepts_ = model.coefs_, model.intercepts_
    assert_array_equal(model.predict_proba(X), plain.predict_proba(X))


@needs_bf16
def test_partial_fit_takes_the_precision_of_the_moment():
    settings = {"random_state": 0, "solver": "sgd"}
    model = MLPRegressor(hidden_layer_sizes=(70,), mixed_precision="bfloat16", **settings)
    model.partial_fit(X, X[:, 0]).set_params(mixed_precision=None).partial_fit(X, X[:, 0])
    other = MLPRegressor(hidden_layer_sizes=(70,), mixed_precision="bfloat16", **settings)
    other.partial_fit(X, X[:, 0]).partial_fit(X, X[:, 0])
    assert np.any(model.coefs_[0] != other.coefs_[0])


def _model(mixed_precision):
    mlpcore.utils.set_random_seed(0)
    model = mlpcore.Sequential([layers.Dense(70, activation="relu"), layers.Dropout(0.1), layers.Dense(10)])
    model.compile("adam", "mse", mixed_precision=mixed_precision)
    return model


@needs_bf16
def test_a_model_made_of_an_estimator_keeps_its_precision():
    estimator = MLPClassifier((70,), max_iter=1, random_state=0, mixed_precision="bfloat16").fit(X, Y)
    assert estimator.to_model().get_compile_config()["mixed_precision"] == "bfloat16"


@needs_bf16
def test_a_compiled_model_trains_in_mixed_precision():
    losses = {}
    for mixed_precision in (None, "bfloat16"):
        model = _model(mixed_precision)
        losses[mixed_precision] = model.fit(X, X[:, :10], epochs=5, batch_size=64, verbose=0).history["loss"]
    assert losses[None] != losses["bfloat16"]
    np.testing.assert_allclose(losses["bfloat16"], losses[None], rtol=0.02)  # operands of 8 bits


@needs_bf16
def test_a_model_in_float64_is_refused_by_fit():
    model = mlpcore.Sequential([layers.Dense(70, dtype="float64")])
    model.compile("adam", "mse", mixed_precision="bfloat16")
    with pytest.raises(ValueError, match="needs dtype 'float32', got 'float64'"):
        model.fit(X, X, verbose=0)


def test_a_saved_model_keeps_its_precision(tmp_path):
    model = _model("bfloat16")
    model.build((None, 70))
    path = tmp_path / "model.mlpcore"
    model.save(path)
    assert mlpcore.saving.load_model(path).get_compile_config()["mixed_precision"] == "bfloat16"
