"""Random parameters and data for the estimators, with scikit-learn's as the oracle, and random layouts of the data."""

import warnings

import numpy as np
import pytest
import sklearn.neural_network as peers
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

import mlpcore
from fuzz_settings import fuzzed

PARAMETERS = st.fixed_dictionaries(
    {
        "hidden_layer_sizes": st.lists(st.integers(1, 20), max_size=3).map(tuple),
        "activation": st.sampled_from(["identity", "logistic", "tanh", "relu"]),
        "solver": st.sampled_from(["sgd", "adam", "lbfgs"]),
        "alpha": st.sampled_from([0.0, 1e-4, 0.5]),
        "batch_size": st.sampled_from(["auto", 1, 7, 64]),
        "learning_rate": st.sampled_from(["constant", "invscaling", "adaptive"]),
        "learning_rate_init": st.sampled_from([1e-3, 0.05]),
        "power_t": st.sampled_from([0.5, 0.1]),
        "max_iter": st.integers(1, 6),
        "shuffle": st.booleans(),
        "random_state": st.integers(0, 5),
        "tol": st.sampled_from([0.0, 1e-4, 0.1]),
        "momentum": st.sampled_from([0.0, 0.9]),
        "nesterovs_momentum": st.booleans(),
        "early_stopping": st.booleans(),
        "validation_fraction": st.sampled_from([0.1, 0.4]),
        "beta_1": st.sampled_from([0.9, 0.0]),
        "beta_2": st.sampled_from([0.999, 0.5]),
        "epsilon": st.sampled_from([1e-8, 1e-2]),
        "n_iter_no_change": st.integers(1, 3),
        "max_fun": st.sampled_from([3, 15000]),
    }
)


def outcome(module, kind, parameters, x, y):
    """Return what a fit leaves, or the kind of its error."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            model = getattr(module, kind)(**parameters).fit(x, y)
            predictions = model.predict_proba(x) if kind == "MLPClassifier" else model.predict(x)
        except (ValueError, TypeError) as error:
            return type(error)
        return [*model.coefs_, *model.intercepts_, predictions, [model.loss_], model.n_iter_, model.t_]


def data_of(kind, rows, columns, scale, seed):
    rng = np.random.RandomState(seed)
    x = rng.standard_normal((rows, columns)) * scale
    return x, rng.randint(0, 3, rows) if kind == "MLPClassifier" else rng.standard_normal(rows)


@fuzzed
@given(
    st.sampled_from(["MLPClassifier", "MLPRegressor"]),
    PARAMETERS,
    st.integers(1, 60),
    st.integers(1, 9),
    st.sampled_from([1.0, 1e-3, 0.0]),
)
def test_any_parameters_give_scikit_learns_fit(kind, parameters, rows, columns, scale):
    """To 1e-6: ten steps of L-BFGS and Adam with beta_1 = 0 amplify the rounding of sums in another order."""
    x, y = data_of(kind, rows, columns, scale, rows)
    ours, theirs = (outcome(module, kind, parameters, x, y) for module in (mlpcore, peers))
    if isinstance(theirs, type):
        assert ours is theirs
        return
    assert not isinstance(ours, type)
    for a, b in zip(ours, theirs, strict=True):
        assert_allclose(a, b, rtol=1e-5, atol=1e-6 * max(1.0, np.abs(b).max(initial=0)))


LAYOUTS = {
    "Fortran": np.asfortranarray,
    "strided": lambda x: np.repeat(np.repeat(x, 2, 0), 3, 1)[::2, ::3],
    "reversed": lambda x: x[::-1, ::-1].copy()[::-1, ::-1],
    "big-endian": lambda x: x.astype(x.dtype.newbyteorder(">")),
    "list": lambda x: x.tolist(),
    "read-only": lambda x: np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape),
}


@fuzzed
@given(
    st.sampled_from(["MLPClassifier", "MLPRegressor"]),
    PARAMETERS,
    st.integers(2, 40),
    st.sampled_from(["float64", "float32"]),
    st.sampled_from(sorted(LAYOUTS)),
)
def test_any_layout_gives_the_same_bits(kind, parameters, rows, dtype, layout):
    x, y = data_of(kind, rows, 5, 1.0, rows)
    x = x.astype(dtype)
    other = LAYOUTS[layout](x)
    if layout == "list":
        x = x.astype(np.float64)
    one, two = outcome(mlpcore, kind, parameters, x, y), outcome(mlpcore, kind, parameters, other, y)
    if isinstance(one, type):
        assert one is two
        return
    for a, b in zip(one, two, strict=True):
        assert_array_equal(a, b)


@fuzzed
@given(PARAMETERS, st.integers(2, 40), st.floats(0, 0.6))
def test_sparse_rows_give_the_fit_of_dense_ones(parameters, rows, density):
    x, y = data_of("MLPRegressor", rows, 6, 1.0, rows)
    x[np.random.RandomState(1).random_sample(x.shape) > density] = 0
    one = outcome(mlpcore, "MLPRegressor", parameters, x, y)
    two = outcome(mlpcore, "MLPRegressor", parameters, sparse.csr_matrix(x), y)
    if isinstance(one, type):
        assert one is two
        return
    for a, b in zip(one, two, strict=True):
        assert_allclose(a, b, rtol=1e-5, atol=1e-6 * max(1.0, np.abs(b).max(initial=0)))


@pytest.mark.parametrize("tol", [0.0, 1e-9])
def test_a_loss_that_stays_is_no_failure_where_tol_is_0(tol):
    x, y = data_of("MLPRegressor", 20, 3, 1.0, 0)
    parameters = {"learning_rate_init": 1e-300, "tol": tol, "n_iter_no_change": 1, "max_iter": 6, "shuffle": False}
    parameters |= {"hidden_layer_sizes": (3,), "random_state": 0, "solver": "sgd", "batch_size": 20}
    ours, theirs = (outcome(module, "MLPRegressor", parameters, x, y) for module in (mlpcore, peers))
    assert ours[-2] == theirs[-2] == (6 if tol == 0 else 3)


@pytest.mark.parametrize("value", [1e300, 1e-310, -0.0, np.nan, np.inf])
@pytest.mark.parametrize("kind", ["MLPClassifier", "MLPRegressor"])
def test_a_strange_number_gets_what_scikit_learn_gives_it(kind, value):
    x, y = data_of(kind, 30, 4, 1.0, 0)
    x[3, 2] = value
    parameters = {"hidden_layer_sizes": (4,), "max_iter": 3, "random_state": 0}
    ours, theirs = (outcome(module, kind, parameters, x, y) for module in (mlpcore, peers))
    if isinstance(theirs, type):
        assert ours is theirs
    else:
        assert not isinstance(ours, type)
