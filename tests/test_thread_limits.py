"""Limits that joblib and threadpoolctl set hold for our threads; forks and nested pools neither hang nor differ."""

import multiprocessing
import os
import subprocess
import sys

import joblib
import numpy as np
import pytest
import threadpoolctl
from numpy.testing import assert_array_equal

from mlpcore import MLPRegressor, _core

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X = np.random.RandomState(0).standard_normal((600, 64))


def model():
    return MLPRegressor(hidden_layer_sizes=(128,), max_iter=2, tol=0, random_state=0)


def ours():
    return [entry for entry in threadpoolctl.threadpool_info() if entry["user_api"] == "mlpcore"]


def test_threadpool_info_lists_us():
    (entry,) = ours()
    assert entry["num_threads"] == _core.default_threads()
    assert entry["filepath"] == os.path.realpath(_core.__file__)


@pytest.mark.parametrize("limits", [1, {"mlpcore": 1}], ids=str)
def test_threadpool_limits_hold_for_us(limits):
    before = _core.default_threads()
    with threadpoolctl.threadpool_limits(limits=limits):
        assert _core.default_threads() == 1
        limited = model().fit(X, X[:, 0]).predict(X)
    assert _core.default_threads() == before
    assert_array_equal(limited, model().fit(X, X[:, 0]).predict(X))


def fit_and_report(_):
    return _core.default_threads(), model().fit(X, X[:, 0]).predict(X)


def test_loky_workers_share_the_processors():
    alone = model().fit(X, X[:, 0]).predict(X)
    with joblib.parallel_config("loky", inner_max_num_threads=1):
        results = joblib.Parallel(n_jobs=2)(joblib.delayed(fit_and_report)(i) for i in range(4))
    for threads, predicted in results:
        assert threads == 1
        assert_array_equal(predicted, alone)


def test_threads_of_joblib_share_one_team():
    alone = model().fit(X, X[:, 0]).predict(X)
    results = joblib.Parallel(n_jobs=4, backend="threading")(joblib.delayed(fit_and_report)(i) for i in range(12))
    for _, predicted in results:
        assert_array_equal(predicted, alone)


def threads_of_this_process():
    return len(os.listdir("/proc/self/task"))


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="counts threads in /proc")
def test_no_more_threads_than_asked_for():
    script = (
        "import os, joblib, numpy as np\n"
        "from mlpcore import _core\n"
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from test_thread_limits import fit_and_report, threads_of_this_process\n"
        "fit_and_report(0); before = threads_of_this_process()\n"
        "joblib.Parallel(n_jobs=4, backend='threading')(joblib.delayed(fit_and_report)(i) for i in range(12))\n"
        "_core.set_default_threads(1); fit_and_report(0)\n"
        "assert threads_of_this_process() <= before + 5, (before, threads_of_this_process())\n"
    )
    env = {**os.environ, "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script, os.path.dirname(__file__)], check=True, timeout=120, env=env
    )


FORKS = """
import multiprocessing, numpy as np, warnings
warnings.simplefilter("ignore")
from mlpcore import MLPRegressor
X = np.random.RandomState(0).standard_normal((2000, 64))
model = MLPRegressor(hidden_layer_sizes=(128, 128), max_iter=2, tol=0, n_threads=2, random_state=0).fit(X, X[:, 0])
expected = model.predict(X)
def work(i):
    same = np.array_equal(model.predict(X), expected)
    model.fit(X, X[:, 0])
    return same and np.array_equal(model.predict(X), expected)
with multiprocessing.get_context("fork").Pool(3) as pool:
    assert all(pool.map(work, range(6)))
assert work(0)
"""


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="needs fork")
def test_forked_workers_predict_and_train_after_the_parent_did():
    subprocess.run([sys.executable, "-W", "ignore", "-c", FORKS], check=True, timeout=120)


def test_old_threadpoolctl_is_left_alone(monkeypatch):
    from mlpcore import _thread_limits

    monkeypatch.delattr(threadpoolctl, "register", raising=False)
    _thread_limits.register()
