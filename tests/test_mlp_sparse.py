"""Sparse X through the estimators: scikit-learn's trajectories, and the same model as from a dense X."""

import warnings
from itertools import product

import numpy as np
import pytest
import sklearn.neural_network as peer
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV
from sklearn.utils import get_tags

import mlpcore
from mlp_cases import KINDS, like_scikit_learn
from mlpcore import MLPClassifier, MLPRegressor
from mlpcore.estimators import _training

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SOLVERS = {
    "sgd": {"solver": "sgd", "momentum": 0.0, "alpha": 0.0},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False},
    "nesterov": {"solver": "sgd"},
    "adam": {"solver": "adam"},
    "adam without penalty": {"solver": "adam", "alpha": 0.0},
}
FORMATS = {
    "csr": sparse.csr_matrix,
    "csc": sparse.csc_matrix,
    "csr array": sparse.csr_array,
    "csc array": sparse.csc_array,
}
X = sparse.random(60, 90, 0.1, format="csr", random_state=0)
X.data[:] = np.random.RandomState(1).standard_normal(X.nnz)
X = sparse.diags(np.sign(np.arange(60.0) % 13)) @ X  # every 13th row is one of zeros
X.eliminate_zeros()
X.sort_indices()
Z = X @ np.random.RandomState(2).standard_normal((90, 4))
Y = {"MLPClassifier": Z.argmax(axis=1), "MLPRegressor": Z[:, 0]}
WEIGHT = np.random.RandomState(3).uniform(0, 2, 60)


def fit(package, kind, x, sample_weight=None, **parameters):
    settings = {"hidden_layer_sizes": (20, 5), "batch_size": 16, "max_iter": 20, "random_state": 0, **parameters}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return getattr(package, kind)(**settings).fit(x, Y[kind], sample_weight)


def assert_same_model(ours, theirs, atol):
    for a, b in zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True):
        assert a.dtype == b.dtype
        assert_allclose(a, b, rtol=0, atol=atol)


@like_scikit_learn
@pytest.mark.parametrize(("form", "weighted", "early_stopping"), [*product(FORMATS, [False, True], [False, True])])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_fit_follows_scikit_learn(kind, solver, form, weighted, early_stopping):
    parameters = {**SOLVERS[solver], "early_stopping": early_stopping}
    weight = WEIGHT if weighted else None
    x = FORMATS[form](X)
    ours, theirs = (fit(package, kind, x, weight, **parameters) for package in (mlpcore, peer))
    assert ours.n_iter_ == theirs.n_iter_
    assert_same_model(ours, theirs, atol=1e-10)  # as for dense rows; rounding gives about 1e-14
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-11)
    if early_stopping:
        assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-10)
    assert_allclose(ours.predict(x), theirs.predict(x), rtol=0, atol=1e-9)
    assert ours.score(x, Y[kind]) == pytest.approx(theirs.score(x, Y[kind]), rel=1e-9)
    if kind == "MLPClassifier":
        assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-9)


@like_scikit_learn
@pytest.mark.parametrize("kind", KINDS)
def test_float32_follows_scikit_learn(kind):
    x = X.astype("float32")
    ours, theirs = (fit(package, kind, x, max_iter=5) for package in (mlpcore, peer))
    assert_same_model(ours, theirs, atol=1e-5)
    assert ours.coefs_[0].dtype == np.float32


@like_scikit_learn
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_lbfgs_follows_scikit_learn(kind, weighted):
    weight = WEIGHT if weighted else None
    ours, theirs = (fit(package, kind, X, weight, solver="lbfgs", max_iter=8, alpha=0.1) for package in (mlpcore, peer))
    assert ours.n_iter_ == theirs.n_iter_
    assert_same_model(ours, theirs, atol=1e-9)  # grown by the line searches


@like_scikit_learn
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", KINDS)
def test_partial_fit_follows_scikit_learn(kind, form):
    models = [getattr(package, kind)(hidden_layer_sizes=(7,), random_state=0) for package in (mlpcore, peer)]
    for model in models:
        for part in (slice(20, 40), slice(0, 20), slice(30, 60)):
            more = {"classes": np.arange(4)} if kind == "MLPClassifier" else {}
            model.partial_fit(FORMATS[form](X[part]), Y[kind][part], **more)
    assert_same_model(*models, atol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_model_is_that_of_the_dense_rows(kind, solver, dtype):
    x = X.astype(dtype)
    ours, dense = (fit(mlpcore, kind, rows, solver=solver, max_iter=5) for rows in (x, x.toarray()))
    assert_same_model(ours, dense, atol=1e-9 if dtype == "float64" or solver == "lbfgs" else 1e-5)
    assert_allclose(ours.predict(x), ours.predict(x.toarray()), rtol=1e-5)


def with_int64_indices(x):
    x = x.copy()
    x.indices, x.indptr = x.indices.astype(np.int64), x.indptr.astype(np.int64)
    return x


def with_every_place_twice(x):
    """Return the same matrix as two halves of each value, the columns of a row in falling order."""
    columns = np.concatenate([np.repeat(x.indices[a:b], 2)[::-1] for a, b in zip(x.indptr, x.indptr[1:], strict=False)])
    values = np.concatenate([np.repeat(x.data[a:b], 2)[::-1] for a, b in zip(x.indptr, x.indptr[1:], strict=False)])
    twice = sparse.csr_matrix((values / 2, columns, x.indptr * 2), shape=x.shape)
    assert not twice.has_sorted_indices
    return twice


def with_strided_values(x):
    strided = sparse.csr_matrix((np.repeat(x.data, 2)[::2], x.indices, x.indptr), shape=x.shape)
    strided.data = np.repeat(x.data, 2)[::2]
    return strided


def read_only(x):
    x = x.copy()
    for array in (x.data, x.indices, x.indptr):
        array.setflags(write=False)
    return x


def as_coo(x):
    return x.tocoo()


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize(
    "convert",
    [with_int64_indices, with_every_place_twice, with_strided_values, read_only, as_coo],
    ids=lambda f: f.__name__,
)
def test_other_forms_give_the_same_model(convert, solver):
    x = convert(X)
    ours, expected = (fit(mlpcore, "MLPRegressor", rows, solver=solver, max_iter=5) for rows in (x, X))
    assert_same_model(ours, expected, atol=1e-12)
    assert_allclose(ours.predict(x), expected.predict(X), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_csr_rows_of_the_training_type_are_not_copied(dtype, early_stopping, monkeypatch):
    seen = []
    monkeypatch.setattr(_training.Epochs, "_observe", lambda self, loss: seen.append(self.one_pass.rows.x))
    x = X.astype(dtype)
    MLPRegressor(max_iter=1, early_stopping=early_stopping).fit(x, Y["MLPRegressor"])
    assert all(np.shares_memory(getattr(seen[0], name), getattr(x, name)) for name in ("data", "indices", "indptr"))


@pytest.mark.parametrize("parameters", [{}, {"solver": "sgd"}, {"solver": "lbfgs"}], ids=str)
def test_fit_is_the_same_for_any_thread_count(parameters):
    x = sparse.random(600, 400, 0.05, format="csr", random_state=0)
    y = np.asarray(x.sum(axis=1)).ravel()
    model = MLPRegressor(hidden_layer_sizes=(128, 64), max_iter=3, random_state=0, n_threads=1, **parameters)
    alone = clone(model).fit(x, y)
    for n_threads in (2, 3, 5):
        together = clone(model).set_params(n_threads=n_threads).fit(x, y)
        for a, b in zip(alone.coefs_ + alone.intercepts_, together.coefs_ + together.intercepts_, strict=True):
            assert_array_equal(a, b)
        assert_array_equal(alone.predict(x), together.predict(x))


@pytest.mark.parametrize("kind", KINDS)
def test_sparse_and_dense_rows_may_take_turns(kind):
    model = fit(mlpcore, kind, X)
    model.partial_fit(X.toarray(), Y[kind]).partial_fit(X.tocsc(), Y[kind])
    assert_allclose(model.predict(X), model.predict(X.toarray()), rtol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_matrix_of_zeros_is_fitted(kind, solver):
    nothing = sparse.csr_matrix(X.shape)
    model = fit(mlpcore, kind, nothing, solver=solver)
    assert np.isfinite(model.predict(nothing)).all()


def test_tags_say_that_sparse_rows_are_welcome():
    assert all(get_tags(getattr(mlpcore, kind)()).input_tags.sparse for kind in KINDS)


def test_wrong_matrices_are_refused_in_scikit_learns_words():
    model = fit(mlpcore, "MLPClassifier", X)
    with pytest.raises(ValueError, match="X has 89 features, but MLPClassifier is expecting 90"):
        model.predict(X[:, :89])
    bad = X.copy()
    bad.data[5] = np.nan
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.predict(bad)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        model.fit(bad, Y["MLPClassifier"])
    outside = X.copy()
    outside.indices[7] = 1000
    with pytest.raises(ValueError, match=r"x.indices must hold columns in \[0, 90\), got 1000"):
        model.predict(outside)
    with pytest.raises(ValueError, match=r"x.indices must hold columns in \[0, 90\), got 1000"):
        model.fit(outside, Y["MLPClassifier"])
    assert_array_equal(model.predict(X).shape, (60,))


def test_grid_search_takes_sparse_rows():
    search = GridSearchCV(MLPClassifier((5,), max_iter=5, random_state=0), {"alpha": [1e-4, 1.0]}, cv=2)
    assert search.fit(X, Y["MLPClassifier"]).predict(X).shape == (60,)


@pytest.mark.parametrize("kind", KINDS)
def test_validation_rows_may_be_sparse(kind):
    model = getattr(mlpcore, kind)(hidden_layer_sizes=(5,), max_iter=4, random_state=0)
    curves = []
    for x in (X, X.tocsc(), X.toarray()):
        model.fit(x[:40], Y[kind][:40], X_val=x[40:], y_val=Y[kind][40:])
        curves.append(model.validation_loss_curve_)
    assert_array_equal(curves[0], curves[1])
    assert_allclose(curves[0], curves[2], rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_activations_of_sparse_rows_are_those_of_dense_ones(kind):
    model = fit(mlpcore, kind, X)
    for a, b in zip(model.activations(X), model.activations(X.toarray()), strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-13)


def test_early_stopping_with_a_scorer_takes_sparse_rows():
    settings = {"early_stopping": True, "scoring": "accuracy"}
    ours, dense = (fit(mlpcore, "MLPClassifier", x, **settings) for x in (X, X.toarray()))
    assert_allclose(ours.validation_scores_, dense.validation_scores_, rtol=1e-11)
