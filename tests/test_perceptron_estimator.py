"""Perceptron keeps scikit-learn's contract, and a fit that fails or is interrupted changes nothing."""

import copy
import importlib.util
import pickle
import re
import signal
import subprocess
import sys
from unittest import mock

import joblib
import numpy as np
import pytest
import sklearn.linear_model
from scipy.sparse import csr_matrix, issparse
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning, NotFittedError
from sklearn.linear_model import Perceptron as Peer
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import estimator_checks

from mlpcore import Perceptron

X, Y = load_iris(return_X_y=True)


def _load_peer_tests():
    """Import scikit-learn's test module with its class replaced by ours."""
    spec = importlib.util.find_spec("sklearn.linear_model.tests.test_perceptron")
    module = importlib.util.module_from_spec(spec)
    with mock.patch.object(sklearn.linear_model, "Perceptron", Perceptron):
        spec.loader.exec_module(module)
    tests = {name: test for name, test in vars(module).items() if name.startswith("test_")}
    return {f"test_peer_{name[5:]}": test for name, test in tests.items()}


globals().update(_load_peer_tests())

# As scikit-learn expects of its own class.
EXPECTED_FAILURES = dict.fromkeys(
    (
        "check_sample_weight_equivalence_on_dense_data",
        "check_sample_weight_equivalence_on_sparse_data",
    ),
    "sample_weight is not equivalent to removing/repeating samples.",
)


@pytest.mark.filterwarnings("default", "ignore::sklearn.exceptions.ConvergenceWarning")
@estimator_checks.parametrize_with_checks([Perceptron(max_iter=5)], expected_failed_checks=lambda _: EXPECTED_FAILURES)
def test_scikit_learns_estimator_checks(estimator, check):
    check(estimator)


def test_parameters_are_scikit_learns_and_ours_come_after():
    ours, peer = Perceptron().get_params(), Peer().get_params()
    assert {name: ours[name] for name in peer} == peer
    assert ours.keys() - peer.keys() == {"step"}
    assert ours["step"] is None


def test_there_are_no_probabilities():
    assert not hasattr(Perceptron().fit(X, Y), "predict_proba")


def test_unfitted_perceptron_says_so():
    for method in ("predict", "decision_function", "sparsify", "densify"):
        arguments = (X,) if method in ("predict", "decision_function") else ()
        with pytest.raises(NotFittedError):
            getattr(Perceptron(), method)(*arguments)
    with pytest.raises(NotFittedError):
        Perceptron().score(X, Y)


BAD_FITS = {
    "nan": lambda model: model.fit(np.full_like(X, np.nan), Y),
    "one class": lambda model: model.fit(X, np.zeros(len(Y))),
    "continuous y": lambda model: model.fit(X, X[:, 0]),
    "no y": lambda model: model.fit(X, None),
    "lengths": lambda model: model.fit(X, Y[:-1]),
    "coef_init": lambda model: model.fit(X, Y, coef_init=np.zeros((2, 2))),
    "coef_init of one unit": lambda model: model.fit(X, Y > 0, coef_init=np.zeros(3)),
    "intercept_init": lambda model: model.fit(X, Y, intercept_init=np.zeros(2)),
    "sample_weight": lambda model: model.fit(X, Y, sample_weight=np.ones(3)),
    "parameter": lambda model: clone(model).set_params(penalty="l3").fit(X, Y),
    "jobs": lambda model: clone(model).set_params(n_jobs=0).fit(X, Y),
    "overflow": lambda model: model.fit(X * 1e308, Y),
    "features": lambda model: model.partial_fit(X[:, :2], Y),
    "classes": lambda model: model.partial_fit(X, Y, classes=[0, 1]),
    "unknown label": lambda model: model.partial_fit(X, Y + 1),
}


def words(error: pytest.ExceptionInfo[ValueError]) -> list[str]:
    """Return a message's words in an order of their own: scikit-learn prints the options of a parameter as a set."""
    return sorted(re.findall(r"[\w.'-]+", str(error.value)))


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning", "ignore:overflow")
@pytest.mark.parametrize("bad_fit", BAD_FITS.values(), ids=BAD_FITS)
def test_errors_are_scikit_learns_and_keep_the_previous_fit(bad_fit):
    peer, model = Peer().fit(X, Y), Perceptron().fit(X, Y)
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError) as expected:  # noqa: PT011 - compared below
        bad_fit(peer)
    with pytest.raises(ValueError) as error:  # noqa: PT011
        bad_fit(model)
    assert words(error) == words(expected)
    assert vars(model).keys() == before.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(model, name), value)


# What is wrong with the arrays of a matrix of 3 rows, 5 columns and 4 values, and what the error says.
MALFORMED_CSR = {
    "column too large": ({"indices": [0, 50_000_000, 1, 2]}, r"X\.indices must hold .* in \[0, 5\), got 50000000"),
    "column just outside": ({"indices": [0, 4, 5, 2]}, r"X\.indices must hold columns in \[0, 5\), got 5"),
    "negative column": ({"indices": [0, 4, 1, -1]}, r"X\.indices must hold columns in \[0, 5\), got -1"),
    "late beginning": ({"indptr": [1, 2, 3, 4]}, r"X\.indptr must begin with 0, got 1"),
    "negative beginning": ({"indptr": [-1, 2, 3, 4]}, r"X\.indptr must begin with 0, got -1"),
    "decreasing": ({"indptr": [0, 3, 2, 4]}, r"X\.indptr must not decrease, got 3 and then 2 in row 1"),
    "decreasing from afar": ({"indptr": [0, 2**31 - 1, -(2**31), 4]}, r"X\.indptr must not decrease"),
    "beyond the values": ({"indptr": [0, 2, 3, 5]}, r"X\.indptr ends with 5, but there are only 4 values"),
    "short indptr": ({"indptr": [0, 2, 4]}, r"X\.indptr must have shape \(4,\), got \(3,\)"),
    "long indptr": ({"indptr": [0, 2, 3, 4, 4]}, r"X\.indptr must have shape \(4,\), got \(5,\)"),
    "fewer columns": ({"indices": [0, 4, 1]}, r"must be of one length, got .* \(3,\) and \(4,\)"),
    "more columns": ({"indices": [0, 4, 1, 2, 3]}, r"must be of one length, got shapes \(5,\) and \(4,\)"),
}


def _csr(index=np.int32, **parts):
    """Return a CSR matrix of shape (3, 5) with some of its arrays replaced, unchecked."""
    matrix = csr_matrix((np.ones(4), np.array([0, 4, 1, 2]), np.array([0, 2, 3, 4])), shape=(3, 5))
    for name, part in ({"indices": matrix.indices, "indptr": matrix.indptr} | parts).items():
        setattr(matrix, name, np.array(part, dtype=index))
    return matrix


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("index", [np.int32, np.int64])
@pytest.mark.parametrize(("parts", "message"), MALFORMED_CSR.values(), ids=MALFORMED_CSR)
def test_malformed_csr_is_refused_and_keeps_the_previous_fit(parts, message, index, method):
    model = Perceptron(tol=None, max_iter=3).fit(_csr(index=index), [0, 1, 2])
    before = copy.deepcopy(vars(model))
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(_csr(index=index, **parts), [0, 1, 2])
    assert vars(model).keys() == before.keys()
    for name, value in before.items():
        np.testing.assert_array_equal(getattr(model, name), value)


def test_csr_may_hold_more_values_than_its_rows_use():
    spare = _csr(indptr=[0, 2, 3, 3], indices=[0, 4, 1, 50_000_000])
    plain = csr_matrix([[1.0, 0, 0, 0, 1], [0, 1, 0, 0, 0], [0, 0, 0, 0, 0]])
    options = {"tol": None, "max_iter": 3}
    ours, expected = (Perceptron(**options).fit(matrix, [0, 1, 0]) for matrix in (spare, plain))
    np.testing.assert_array_equal(ours.coef_, expected.coef_)


def test_weights_of_zero_are_refused():
    with pytest.raises(ValueError, match="at least one non-zero number"):
        Perceptron().fit(X, Y, sample_weight=np.zeros(len(Y)))
    with pytest.raises(ValueError, match="sample weights for validation set are all zero"):
        Perceptron(early_stopping=True).fit(X, Y, sample_weight=np.zeros(len(Y)))


def test_partial_fit_refuses_what_needs_all_rows():
    with pytest.raises(ValueError, match="early_stopping should be False with partial_fit"):
        Perceptron(early_stopping=True).partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="class_weight 'balanced' is not supported for partial_fit"):
        Perceptron(class_weight="balanced").partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        Perceptron().partial_fit(X, Y)


def test_initial_parameters_are_not_changed():
    # scikit-learn trains in the arrays it is given.
    coef, intercept = np.zeros((3, 4)), np.zeros(3)
    Perceptron().fit(X, Y, coef_init=coef, intercept_init=intercept)
    assert not coef.any()
    assert not intercept.any()


@pytest.mark.parametrize(
    "labels", [np.array(["a", "b", "c"]), np.array([-1.0, 0.0, 7.0]), np.array(list("xyz"), dtype=object)]
)
def test_labels_may_be_anything_sortable(labels):
    model = Perceptron().fit(X, labels[Y])
    np.testing.assert_array_equal(model.classes_, labels)
    np.testing.assert_array_equal(model.predict(X), Peer().fit(X, labels[Y]).predict(X))


def test_column_y_warns_as_scikit_learn_does():
    with pytest.warns(DataConversionWarning, match="column-vector y was passed"):
        Perceptron().fit(X, Y.reshape(-1, 1))


def test_reaching_max_iter_warns():
    with pytest.warns(ConvergenceWarning, match="Maximum number of iteration reached"):
        Perceptron(max_iter=2).fit(X, Y)


def test_sparsified_model_predicts_and_trains_on():
    model = Perceptron(penalty="l1", alpha=0.01).fit(X, Y)
    twin = pickle.loads(pickle.dumps(model)).sparsify()
    assert issparse(twin.coef_)
    np.testing.assert_array_equal(twin.predict(X), model.predict(X))
    np.testing.assert_array_equal(twin.predict(csr_matrix(X)), model.predict(X))
    np.testing.assert_array_equal(twin.partial_fit(X, Y).coef_, model.partial_fit(X, Y).coef_)
    assert not issparse(twin.densify().coef_)


def test_pickle_and_clone_are_faithful():
    model = Perceptron(step="heaviside", n_jobs=2).fit(X, Y)
    loaded = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(loaded.coef_, model.coef_)
    assert clone(model).get_params() == model.get_params()


def test_names_of_columns_are_kept():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = Perceptron().fit(frame, Y)
    np.testing.assert_array_equal(model.feature_names_in_, list("abcd"))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("dcba")])


def test_sample_weight_is_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        model = Perceptron().set_fit_request(sample_weight=True)
        weight = np.linspace(0.5, 1.5, len(Y))
        piped = make_pipeline(FunctionTransformer(), model).fit(X, Y, sample_weight=weight)
    alone = Perceptron().fit(X, Y, sample_weight=weight)
    np.testing.assert_array_equal(piped[-1].coef_, alone.coef_)


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_searches_run_in_parallel(backend):
    search = GridSearchCV(Perceptron(n_jobs=2), {"alpha": [1e-4, 1e-2], "penalty": ["l2"]}, cv=3)
    with joblib.parallel_config(backend=backend, n_jobs=2):
        scores = cross_val_score(Perceptron(), X, Y, cv=3)
        search.fit(X, Y)
    assert scores.mean() > 0.6
    assert search.best_score_ > 0.6


def test_columns_equal_a_classifier_for_each():
    columns = np.column_stack([Y == 0, Y == 2]).astype(int)
    each = MultiOutputClassifier(Perceptron()).fit(X, columns)
    assert Perceptron().fit(X, columns).predict(X).shape == each.predict(X).shape


LONG_FIT = """
import os, signal, sys, threading
import numpy as np
from mlpcore import Perceptron
rng = np.random.default_rng(0)
X = rng.normal(size=(20000, 200)); y = rng.integers(0, 4, 20000)
model = Perceptron(max_iter=1, tol=None).fit(X[:100], y[:100])
before = model.coef_.copy()
model.set_params(max_iter=100000, n_jobs=int(sys.argv[1]))
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    model.fit(X, y)
except KeyboardInterrupt:
    print("kept" if np.array_equal(model.coef_, before) else "changed")
"""


@pytest.mark.skipif(not hasattr(signal, "SIGINT"), reason="needs signals")
@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_stops_and_keeps_the_previous_fit(jobs):
    done = subprocess.run([sys.executable, "-c", LONG_FIT, str(jobs)], capture_output=True, text=True, timeout=60)
    assert done.stdout.split() == ["kept"], done.stderr
