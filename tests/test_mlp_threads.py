"""Predictions from many threads, the same model for any number of them, interrupts, processes."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from mlp_cases import Y_BINARY, Y_REAL, X, fitted
from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_one_estimator_predicts_from_many_threads():
    model = fitted("MLPClassifier", hidden_layer_sizes=(30, 30))
    many = np.tile(X, (50, 1))
    expected = model.predict_proba(many)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: model.predict_proba(many), range(40)))
    for result in results:
        assert_array_equal(result, expected)


def test_predict_runs_beside_partial_fit():
    model = fitted("MLPRegressor", hidden_layer_sizes=(30,))
    stop = threading.Event()

    def keep_predicting():
        while not stop.is_set():
            assert np.isfinite(model.predict(X)).all()
        return True

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(keep_predicting) for _ in range(2)]
        for _ in range(30):
            model.partial_fit(X, Y_REAL)
        stop.set()
        assert all(reader.result() for reader in readers)


@pytest.mark.parametrize("n_threads", [2, 3, 5])
@pytest.mark.parametrize("parameters", [{}, {"solver": "sgd"}, {"solver": "lbfgs"}], ids=str)
def test_fit_is_the_same_for_any_thread_count(n_threads, parameters):
    big = np.random.RandomState(1).standard_normal((500, 20))
    y = big[:, 0] * big[:, 1]
    settings = {"hidden_layer_sizes": (64, 32), "random_state": 0, "max_iter": 4, **parameters}
    one = MLPRegressor(**settings, n_threads=1).fit(big, y)
    several = MLPRegressor(**settings, n_threads=n_threads).fit(big, y)
    for a, b in zip(one.coefs_ + one.intercepts_, several.coefs_ + several.intercepts_, strict=True):
        assert_array_equal(a, b)
    assert_array_equal(one.predict(big), several.predict(big))


@pytest.mark.parametrize("backend", ["loky", "threading"])
def test_grid_search_in_parallel_is_the_same(backend):
    search = GridSearchCV(MLPClassifier((5,), max_iter=5, random_state=0), {"alpha": [1e-4, 1.0]}, cv=3, n_jobs=2)
    alone = clone(search).set_params(n_jobs=1).fit(X, Y_BINARY)
    with joblib.parallel_backend(backend):
        together = search.fit(X, Y_BINARY)
    key = "mean_test_score"
    assert_array_equal(together.cv_results_[key], alone.cv_results_[key])
    assert_array_equal(together.predict_proba(X), alone.predict_proba(X))


IN_A_FORKED_CHILD = """
import os, numpy as np
from mlpcore import MLPRegressor
X = np.random.RandomState(0).standard_normal((600, 64))
model = MLPRegressor(hidden_layer_sizes=(128,), max_iter=2, tol=0, n_threads=2, random_state=0)
before = model.fit(X, X[:, 0]).predict(X)
child = os.fork()
if child == 0:
    same = np.array_equal(model.fit(X, X[:, 0]).predict(X), before)
    os._exit(0 if same else 1)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert np.array_equal(model.fit(X, X[:, 0]).predict(X), before)
"""

INTERRUPTED = """
import os, signal, threading, warnings, numpy as np
from mlpcore import MLPRegressor
X = np.random.RandomState(0).standard_normal((20000, 100))
model = MLPRegressor(hidden_layer_sizes=(200, 200), max_iter=10000, tol=0, random_state=0)
threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    model.fit(X, X[:, 0])
assert [str(w.message) for w in caught] == ["Training interrupted by user."], caught
assert np.isfinite(model.predict(X[:5])).all()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("script", [IN_A_FORKED_CHILD, INTERRUPTED], ids=["fork", "interrupt"])
def test_in_a_process_of_its_own(script):
    command = [sys.executable, "-W", "ignore", "-c", script]
    subprocess.run(command, check=True, timeout=120)
