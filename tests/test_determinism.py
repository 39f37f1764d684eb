"""Fits of models and estimators: the same bits whatever the threads, the processes, the load and the data's layout."""

import hashlib
import multiprocessing
import os
import subprocess
import sys
import threading

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore
from mlpcore import MLPClassifier, MLPRegressor, Sequential, _core, layers

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.RandomState(0)
X, Y = RNG.standard_normal((400, 24)), RNG.randint(0, 3, 400)
# A longer check: REPEATS=100 pytest tests/test_determinism.py
REPEATS = int(os.environ.get("REPEATS", 8))


def trained_model(n_threads=None, x=X, y=Y):
    """Return weights and predictions of a model with all that is random or sums over rows."""
    before = _core.default_threads()
    if n_threads is not None:
        _core.set_default_threads(n_threads)
    try:
        mlpcore.utils.set_random_seed(3)
        model = Sequential(
            [
                layers.Dense(200, activation="relu"),
                layers.BatchNormalization(),
                layers.Dropout(0.2),
                layers.Dense(200, activation="tanh"),
                layers.GaussianNoise(0.1),
                layers.Dense(3, activation="softmax"),
            ]
        )
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        history = model.fit(np.asarray(x, np.float32), y, epochs=2, batch_size=96, verbose=0)
        return [*model.get_weights(), model.predict(np.asarray(x, np.float32), verbose=0), history.history["loss"]]
    finally:
        _core.set_default_threads(before)


def trained_estimator(n_threads=None, x=X, **parameters):
    settings = {"hidden_layer_sizes": (64, 64), "max_iter": 3, "random_state": 0, "n_threads": n_threads, **parameters}
    model = MLPClassifier(**settings).fit(x, Y)
    return [*model.coefs_, *model.intercepts_, model.predict_proba(x), model.loss_]


def digest(arrays):
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def digest_of_both():
    return digest(trained_model()) + digest(trained_estimator())


@pytest.fixture(scope="module")
def expected():
    return digest_of_both()


@pytest.mark.parametrize("n_threads", range(1, 9))
def test_the_number_of_threads_changes_nothing(n_threads, expected):
    assert digest(trained_model(n_threads)) + digest(trained_estimator(n_threads)) == expected


def test_a_loaded_machine_changes_nothing(expected):
    stop = threading.Event()

    def load():
        while not stop.is_set():
            np.linalg.svd(X)

    threads = [threading.Thread(target=load) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        found = {digest_of_both() for _ in range(REPEATS)}
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert found == {expected}


def say(queue):
    queue.put(digest_of_both())


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_change_nothing(method, expected):
    """The team of threads is running here when the process forks."""
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    children = [context.Process(target=say, args=(queue,)) for _ in range(2)]
    for child in children:
        child.start()
    found = {queue.get(timeout=120) for _ in children}
    for child in children:
        child.join(60)
        assert child.exitcode == 0
    assert found == {expected}


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*:DeprecationWarning")
@pytest.mark.parametrize("backend", ["loky", "threading", "multiprocessing"])
def test_joblib_changes_nothing(backend):
    """Globally seeded models would share their seed in threads: the estimators have theirs."""
    expected = digest(trained_estimator())
    found = joblib.Parallel(n_jobs=2, backend=backend)(joblib.delayed(trained_estimator)() for _ in range(3))
    assert {digest(each) for each in found} == {expected}


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_the_layout_of_the_data_changes_nothing(solver):
    spread = np.zeros((800, 48))
    spread[::2, ::2] = X
    read_only = X.copy()
    read_only.flags.writeable = False
    unaligned = np.frombuffer(b"x" + X.tobytes(), np.uint8)[1:].view(np.float64).reshape(X.shape)
    expected = trained_estimator(solver=solver)
    for other in (np.asfortranarray(X), spread[::2, ::2], X[::-1][::-1], read_only, unaligned, X.astype(">f8")):
        for a, b in zip(expected, trained_estimator(x=other, solver=solver), strict=True):
            assert_array_equal(a, b)


def test_the_layout_of_the_data_changes_nothing_for_models():
    x = X.astype(np.float32)
    spread = np.zeros((800, 48), np.float32)
    spread[::2, ::2] = x
    read_only = x.copy()
    read_only.flags.writeable = False
    expected = trained_model()
    for other in (np.asfortranarray(x), spread[::2, ::2], read_only, x.astype(">f4"), x.astype(np.float64)):
        for a, b in zip(expected, trained_model(x=other), strict=True):
            assert_array_equal(a, b)


@pytest.mark.parametrize("chunk", [1, 37, 192, 193, 399])
def test_predictions_do_not_depend_on_chunks(chunk):
    mlpcore.utils.set_random_seed(3)
    model = Sequential([layers.Dense(70, activation="relu"), layers.BatchNormalization(), layers.Dense(5)])
    x = X.astype(np.float32)
    whole = model.predict(x, verbose=0)
    assert_array_equal(whole, model.predict(x, batch_size=chunk, verbose=0))
    parts = [model.predict(x[i : i + chunk], verbose=0) for i in range(0, len(x), chunk)]
    assert_array_equal(whole, np.concatenate(parts))
    estimator = MLPRegressor(hidden_layer_sizes=(30, 7), max_iter=2, random_state=0).fit(X, X[:, :2])
    parts = [estimator.predict(X[i : i + chunk]) for i in range(0, len(X), chunk)]
    assert_array_equal(estimator.predict(X), np.concatenate(parts))


def test_a_model_trains_the_same_after_other_models_and_other_data(expected):
    model = Sequential([layers.Dense(9, activation="selu"), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(np.full((50, 24), 1e30, np.float32), np.zeros(50, int), epochs=1, verbose=0)
    assert digest_of_both() == expected


SCRIPT = """
import sys
import numpy as np
sys.path.insert(0, "tests")
import test_determinism as t
np.savez(sys.argv[1], *t.trained_model(), *t.trained_estimator())
"""


def test_instruction_sets_agree_to_rounding(tmp_path):
    """Two epochs of float32 Adam: rounding grows to about 1e-4 of a weight; float64 stays at 1e-9."""
    isas, results = _core.available_isas(), []
    for isa in isas:
        path = str(tmp_path / f"{isa}.npz")
        subprocess.run(
            [sys.executable, "-c", SCRIPT, path], check=True, timeout=200, env={**os.environ, "MLPCORE_ISA": isa}
        )
        with np.load(path) as arrays:
            results.append([arrays[name] for name in arrays.files])
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            if a.dtype == np.float32:
                assert_allclose(a, b, rtol=1e-2, atol=2e-3)
            else:
                assert_allclose(a, b, rtol=1e-6, atol=1e-6)
