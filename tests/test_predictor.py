"""Predictions read the weights where NumPy keeps them: same bits as the engine, for any number of rows and threads."""

import ctypes
import mmap
from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from mlpcore import _core

LIBC = ctypes.CDLL(None)
DTYPES = ["float32", "float64"]
# Narrower than a vector, one beyond, whole panels and one beyond, wider than the widest strip; thin layers.
WIDTHS = [
    (1, 1, 1),
    (3, 1),
    (5, 3, 2),
    (7, 4, 9, 4, 17),
    (13, 6, 7),
    (63, 16),
    (64, 64, 64),
    (65, 130, 33, 5),
    (129, 15, 16, 1),
    (2, 500, 410, 3),
    (5, 1024, 3),  # rows of 4 KB, which push each other out of a cache
]
ROWS = [1, 2, 3, 4, 7, 12, 13, 20, 48, 49, 193, 400]


def tape_of(widths, activation="relu", last="identity"):
    tape = _core.Tape()
    value = tape.input(widths[0])
    for i, units in enumerate(widths[1:]):
        value = tape.dense(value, units)
        name = last if i + 2 == len(widths) else activation
        if name != "identity":
            value = tape.activation(value, name)
    tape.output(value)
    return tape


def guarded(array):
    """Return a copy that ends where memory may not be read, so that a read beyond it is fatal."""
    page = mmap.PAGESIZE
    size = -(-array.nbytes // page) * page
    memory = mmap.mmap(-1, size + page)
    start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    assert LIBC.mprotect(ctypes.c_void_p(start + size), page, 0) == 0
    copy = np.frombuffer(memory, array.dtype, array.size, size - array.nbytes).reshape(array.shape)
    copy[...] = array
    return copy


def parameters_of(widths, dtype, rng):
    shapes = [shape for pair in pairwise(widths) for shape in (pair, pair[1:])]
    return [guarded(rng.standard_normal(shape).astype(dtype)) for shape in shapes]


@pytest.fixture
def rng():
    return np.random.RandomState(0)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("widths", WIDTHS, ids=str)
@pytest.mark.parametrize(("activation", "last"), [("relu", "softmax"), ("tanh", "identity"), ("gelu", "logistic")])
def test_all_ways_give_the_bits_of_the_engine(widths, dtype, activation, last, rng):
    tape, parameters = tape_of(widths, activation, last), parameters_of(widths, dtype, rng)
    engine, predictor = _core.Engine(tape, dtype), _core.Predictor(tape, dtype)
    prepared = _core.Prepared(tape, dtype, parameters)
    engine.load(parameters)
    x = guarded(rng.standard_normal((max(ROWS), widths[0])).astype(dtype))
    many, few = engine.predict(x), engine.predict(x[:31])  # large layers may be computed in another way for few rows
    for rows in ROWS:
        part, expected = guarded(x[:rows]), few if rows < 32 else many
        for threads in (1, 2):
            assert_array_equal(predictor.predict(part, parameters, threads), expected[:rows])
        assert_array_equal(predictor.attempt(part, parameters[::2], parameters[1::2]), expected[:rows])
        assert_array_equal(prepared(part), expected[:rows])


def test_a_row_does_not_depend_on_its_neighbours(rng):
    widths = (784, 300, 100, 10)
    tape, parameters = tape_of(widths, last="softmax"), parameters_of(widths, "float32", rng)
    predictor = _core.Predictor(tape, "float32")
    x = rng.standard_normal((31, 784)).astype("float32")
    one_by_one = [predictor.predict(x[i : i + 1], parameters)[0] for i in range(31)]
    assert_array_equal(predictor.predict(x, parameters), one_by_one)


@pytest.mark.parametrize("widths", [(3, 5), (20, 30, 2)], ids=str)
def test_weights_that_are_not_finite_stay_in_their_column(widths, rng):
    tape, parameters = tape_of(widths), parameters_of(widths, "float32", rng)
    parameters[-2][:, -1] = np.nan
    for rows in (1, 4, 30):
        x = rng.standard_normal((rows, widths[0])).astype("float32")
        y = _core.Predictor(tape, "float32").predict(x, parameters)
        assert np.isnan(y[:, -1]).all()
        assert np.isfinite(y[:, :-1]).all()


def test_no_rows_give_no_rows(rng):
    tape, parameters = tape_of((4, 3)), parameters_of((4, 3), "float64", rng)
    nothing = np.empty((0, 4))
    assert _core.Predictor(tape, "float64").predict(nothing, parameters).shape == (0, 3)
    assert _core.Prepared(tape, "float64", parameters)(nothing).shape == (0, 3)
    assert _core.Predictor(tape, "float64").attempt(nothing, parameters[::2], parameters[1::2]) is None


def test_a_tape_without_layers_returns_its_input(rng):
    tape = _core.Tape()
    tape.output(tape.input(20))
    x = rng.standard_normal((3, 20))
    assert_array_equal(_core.Predictor(tape, "float64").predict(x, []), x)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype("float32"),
        lambda x: x.astype(">f8"),
        lambda x: x.astype(int),
        lambda x: np.asfortranarray(np.vstack([x, x])),
        lambda x: np.hstack([x, x])[:, ::2],
        lambda x: x[:, :-1],
        lambda x: x[0],
        lambda x: x[None],
        lambda x: x.tolist(),
        lambda x: x.view(np.matrix),
        lambda x: None,
        lambda x: np.frombuffer(b" " + x.tobytes(), np.uint8)[1:].view("float64").reshape(x.shape),
        lambda x: np.where(np.arange(x.shape[1]) == 3, np.nan, x),
        lambda x: np.where(np.arange(x.shape[1]) == 19, np.inf, x),
        lambda x: np.where(np.arange(x.shape[1]) == 0, -np.inf, x),
    ],
)
def test_attempt_leaves_what_is_not_plain_and_finite(change, rng):
    tape, parameters = tape_of((20, 3)), parameters_of((20, 3), "float64", rng)
    predictor = _core.Predictor(tape, "float64")
    x = rng.standard_normal((1, 20))
    assert predictor.attempt(x, parameters[:1], parameters[1:]) is not None
    assert predictor.attempt(change(x), parameters[:1], parameters[1:]) is None


def test_attempt_takes_large_finite_numbers():
    tape = tape_of((20, 3))
    x = np.full((1, 20), 1e308)
    assert _core.Predictor(tape, "float64").attempt(x, [np.zeros((20, 3))], [np.zeros(3)]) is not None


@pytest.mark.parametrize(
    ("coefs", "intercepts"),
    [
        ([], []),
        ((np.zeros((20, 3)),), (np.zeros(3),)),
        ([np.zeros((20, 3))], []),
        ([np.zeros((20, 4))], [np.zeros(3)]),
        ([np.zeros((20, 3), order="F")], [np.zeros(3)]),
        ([np.zeros((20, 3), "float32")], [np.zeros(3)]),
        ([np.zeros((20, 3))], [None]),
    ],
)
def test_attempt_leaves_other_parameters(coefs, intercepts):
    assert _core.Predictor(tape_of((20, 3)), "float64").attempt(np.zeros((1, 20)), coefs, intercepts) is None


def test_errors_name_what_was_expected():
    predictor = _core.Predictor(tape_of((2, 3)), "float64")
    with pytest.raises(ValueError, match=r"x must be a C-contiguous float64 array of shape \(n, 2\), got shape \(1"):
        predictor.predict(np.zeros((1, 3)), [])
    with pytest.raises(ValueError, match="expected 2 parameters"):
        predictor.predict(np.zeros((1, 2)), [])
    with pytest.raises(TypeError, match="got float32"):
        predictor.predict(np.zeros((1, 2), "float32"), [np.zeros((2, 3)), np.zeros(3)])
    with pytest.raises(TypeError, match="got >f8"):
        predictor.predict(np.zeros((1, 2), ">f8"), [np.zeros((2, 3)), np.zeros(3)])
    with pytest.raises(TypeError, match="got list"):
        predictor.predict([[0.0, 0.0]], [np.zeros((2, 3)), np.zeros(3)])
    with pytest.raises(ValueError, match="one column"):
        _core.Prepared(tape_of((2, 3)), "float64", [np.zeros((2, 3)), np.zeros(3)], flat=True)
