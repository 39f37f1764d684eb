"""The full-batch gradient, which keeps its memory for the next call."""

import numpy as np
import pytest

from mlpcore import _core

RNG = np.random.default_rng(0)


def new_engine() -> "_core.Engine":
    tape = _core.Tape()
    x = tape.activation(tape.dense(tape.input(20), 70), "tanh")
    y = tape.dense(tape.activation(tape.dense(x, 30), "relu"), 3)
    tape.output(y)
    tape.loss(y, "squared_error")
    engine = _core.Engine(tape, "float64")
    rng = np.random.default_rng(1)
    engine.load([rng.normal(size=shape) for shape in engine.parameter_shapes])
    return engine


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_a_gradient_does_not_depend_on_the_calls_before_it(n_threads):
    engine = new_engine()
    for rows in (200, 200, 77, 3000, 77):
        x, y = RNG.normal(size=(rows, 20)), RNG.normal(size=(rows, 3))
        weight = RNG.random(rows)
        for sample_weight in (None, weight):
            loss, penalty, parts = engine.gradient(x, y, 1e-2, sample_weight=sample_weight, n_threads=n_threads)
            expected = new_engine().gradient(x, y, 1e-2, sample_weight=sample_weight)
            assert (loss, penalty) == expected[:2]
            for part, other in zip(parts, expected[2], strict=True):
                np.testing.assert_array_equal(part, other)


@pytest.mark.parametrize("n_threads", [1, 2, 3])
def test_a_gradient_of_many_blocks_is_the_mean_over_all_rows(n_threads):
    engine = new_engine()
    x, y = RNG.normal(size=(3000, 20)), RNG.normal(size=(3000, 3))
    weight = RNG.random(3000)
    loss, _, parts = engine.gradient(x, y, sample_weight=weight, n_threads=n_threads)
    pieces = [slice(i, i + 100) for i in range(0, 3000, 100)]
    each = [engine.gradient(x[p], y[p], sample_weight=weight[p]) for p in pieces]
    shares = [weight[p].sum() / weight.sum() for p in pieces]
    np.testing.assert_allclose(loss, np.dot(shares, [of_piece[0] for of_piece in each]), rtol=1e-12)
    for i, part in enumerate(parts):
        expected = sum(share * of_piece[2][i] for share, of_piece in zip(shares, each, strict=True))
        np.testing.assert_allclose(part, expected, rtol=1e-9, atol=1e-13)


def test_a_gradient_goes_to_the_arrays_given_for_it():
    x, y = RNG.normal(size=(50, 20)), RNG.normal(size=(50, 3))
    engine = new_engine()
    out = [np.full(shape, np.nan) for shape in engine.parameter_shapes]
    parts = engine.gradient(x, y, 1e-2, out=out)[2]
    for part, given, expected in zip(parts, out, engine.gradient(x, y, 1e-2)[2], strict=True):
        assert part is given
        np.testing.assert_array_equal(given, expected)
    out[0].setflags(write=False)
    with pytest.raises(ValueError, match="that is writable"):
        engine.gradient(x, y, out=out)
    with pytest.raises(ValueError, match="expected 6 parameters"):
        engine.gradient(x, y, out=out[:-1])
