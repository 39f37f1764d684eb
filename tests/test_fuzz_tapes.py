"""Random tapes: the engine against the NumPy reference, and against itself on other threads, memory and data."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

import reference_tape
from fuzz_settings import EXAMPLES, fuzzed
from mlpcore import _core
from random_tapes import programs

pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of the reference, where values overflow
UPDATES = [
    {"kind": "sgd"},
    {"kind": "sgd", "momentum": 0.9, "nesterov": True},
    {"kind": "adam", "epsilon": 1e-2},
    {"kind": "sgd", "clip_norm": 0.1},
    {"kind": "sgd", "clip_norm_each": 0.05},
    {"kind": "adam", "epsilon": 1e-2, "clip_value": 0.01},
    {"kind": "sgd", "average_momentum": 0.9, "average_every": 2},
]
rows_of_a_pass = st.integers(1, 30)


def engine_of(module, program, dtype="float64"):
    engine = module.Engine(program.record(module.Tape()), dtype)
    rng = np.random.default_rng(1)
    engine.load([(0.5 * rng.normal(size=shape)).astype(dtype) for shape in engine.parameter_shapes])
    return engine


def parameters_of(engine, dtype="float64"):
    arrays = [np.zeros(shape, dtype) for shape in engine.parameter_shapes]
    engine.store(arrays)
    return arrays


def sums_of(sums):
    return [sums.loss, sums.penalty, sums.losses, *sums.totals, sums.total_weights, sums.rows]


def flat(results):
    return [np.atleast_1d(np.asarray(r, np.float64)) for r in results]


def assert_close(ours, reference):
    reference = flat(reference)
    assume(all(np.isfinite(r).all() and (abs(r) < 1e8).all() for r in reference))
    for a, b in zip(flat(ours), reference, strict=True):
        assert_allclose(a, b, rtol=1e-6, atol=1e-8 * max(1.0, abs(b).max(initial=0)))


def assert_same(one, other):
    for a, b in zip(one, other, strict=True):
        assert_array_equal(a, b)


def listed(outputs):
    return outputs if isinstance(outputs, list) else [outputs]


@fuzzed
@given(programs(), rows_of_a_pass, st.sampled_from(["rows", "weights"]), st.booleans())
def test_gradients_are_those_of_the_reference(program, rows, divide_by, weighted):
    x, y, weights = program.data(rows, "float64")
    weights = weights if weighted else [None, weights[1]]
    results = [
        engine_of(module, program).gradient(x, y, sample_weight=weights, divide_by=divide_by)
        for module in (_core, reference_tape)
    ]
    assert_close(*([loss, penalty, *gradients] for loss, penalty, gradients in results))


@fuzzed
@given(programs(), rows_of_a_pass, st.integers(1, 40), st.sampled_from(UPDATES), st.booleans())
def test_training_is_that_of_the_reference(program, rows, batch_size, options, ordered):
    x, y, weights = program.data(rows, "float64")
    order = np.random.default_rng(rows).integers(0, rows, rows + 3) if ordered else None
    update = _core.Update(learning_rate=0.01, **options)
    results = []
    for module in (_core, reference_tape):
        engine = engine_of(module, program)
        sums = [
            engine.train(x, y, order, batch_size, update, sample_weight=weights, divide_by="rows") for _ in range(2)
        ]
        results.append([*sums_of(sums[0]), *sums_of(sums[1]), *parameters_of(engine)])
    assert_close(*results)


@fuzzed
@given(programs(), rows_of_a_pass, st.integers(1, 40))
def test_evaluation_and_prediction_are_those_of_the_reference(program, rows, batch_size):
    x, y, weights = program.data(rows, "float64")
    results = []
    for module in (_core, reference_tape):
        engine = engine_of(module, program)
        sums = engine.evaluate(x, y, sample_weight=weights, batch_size=batch_size, divide_by="rows")
        results.append([*sums_of(sums), *listed(engine.predict(x, batch_size=batch_size))])
    assert_close(*results)


@settings(fuzzed, max_examples=max(20, EXAMPLES // 3))
@given(programs(noise=True, heavy=True), st.integers(90, 400), st.integers(60, 300), st.sampled_from(UPDATES))
def test_bits_do_not_depend_on_threads(program, rows, batch_size, options):
    x, y, weights = program.data(rows, "float32")
    update = _core.Update(learning_rate=0.01, **options)
    results = []
    for n_threads in (1, 2, 3, 4):
        engine = engine_of(_core, program, "float32")
        engine.seed = 5
        keywords = {"sample_weight": weights, "n_threads": n_threads, "divide_by": "rows"}
        sums = engine.train(x, y, None, batch_size, update, **keywords)
        seen = engine.evaluate(x, y, batch_size=batch_size, **keywords)
        gradient = engine.gradient(x, y, **keywords)
        outputs = [
            *listed(engine.predict(x, n_threads, batch_size=batch_size)),
            *listed(engine.predict(x, n_threads, training=True)),
        ]
        found = [*sums_of(sums), *sums_of(seen), *gradient[:2], *gradient[2], *outputs]
        results.append([*found, *parameters_of(engine, "float32")])
    for other in results[1:]:
        assert_same(results[0], other)


@fuzzed
@given(programs(noise=True), st.integers(1, 500), st.integers(1, 300))
def test_rowwise_predictions_and_sums_do_not_depend_on_chunks(program, rows, batch_size):
    assume(not program.is_batchwise)
    x, y, weights = program.data(rows, "float32")
    engine = engine_of(_core, program, "float32")
    whole = listed(engine.predict(x))
    assert_same(whole, listed(engine.predict(x, batch_size=batch_size)))
    assert_same(
        sums_of(engine.evaluate(x, y, sample_weight=weights, divide_by="rows")),
        sums_of(engine.evaluate(x, y, sample_weight=weights, divide_by="rows", batch_size=batch_size)),
    )
    parts = [listed(engine.predict([a[i : i + 1] for a in x])) for i in range(0, rows, max(1, rows // 5))]
    for i, part in zip(range(0, rows, max(1, rows // 5)), parts, strict=True):
        assert_same([w[i : i + 1] for w in whole], part)


def shifted(array, by):
    """The same array at an address `by` elements further on."""
    memory = np.empty(array.size + by + 64, array.dtype)
    start = by + (-(memory.ctypes.data // array.itemsize)) % (64 // array.itemsize)
    place = memory[start : start + array.size].reshape(array.shape)
    place[...] = array
    return place


@fuzzed
@given(programs(noise=True), st.integers(1, 60), st.integers(1, 70), st.sampled_from(UPDATES), st.integers(1, 5))
def test_results_do_not_depend_on_what_ran_before_or_on_addresses(program, rows, batch_size, options, by):
    """Passes over other rows, NaN and infinities come before, on the same engine; arrays lie elsewhere."""
    x, y, weights = program.data(rows, "float32")
    bad = [np.where(a > 0, np.nan, np.inf).astype(np.float32) for a in x]
    update = _core.Update(learning_rate=0.01, **options)
    order = np.random.default_rng(rows).integers(0, rows, rows)
    results = []
    for used in (False, True):
        engine = engine_of(_core, program, "float32")
        keywords = {"sample_weight": weights, "divide_by": "rows"}
        here = [x, y, order]
        if used:
            start = parameters_of(engine, "float32")
            engine.train(bad, y, order, batch_size, update, **keywords)
            engine.gradient(bad, y, **keywords)
            engine.evaluate(bad, y, batch_size=batch_size, **keywords)
            engine.load([shifted(a, by) for a in start])
            engine.set_slots([], 0)
            here = [[shifted(a, by) for a in x], [shifted(a, by) for a in y], shifted(order, by)]
            keywords["sample_weight"] = [shifted(w, by) for w in weights]
        engine.seed = 7
        sums = engine.train(*here, batch_size, update, **keywords)
        found = [*sums_of(sums), *sums_of(engine.evaluate(*here[:2], batch_size=batch_size, **keywords))]
        found += [*engine.gradient(*here[:2], **keywords)[2], *listed(engine.predict(here[0], batch_size=batch_size))]
        results.append([*found, *parameters_of(engine, "float32")])
    assert_same(*results)
