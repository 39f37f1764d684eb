"""partial_fit and warm starts that go on exactly where the last call ended; what a pickle holds."""

import copy
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import mlpcore
from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, fitted, with_value
from mlpcore import MLPRegressor, _core

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RULES = {
    "adam": {},
    "sgd": {"solver": "sgd"},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "cosine": {"learning_rate": "cosine", "n_iter_warmup": 2},
}


def assert_same_model(a, b):
    for p, q in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        assert_array_equal(p, q)
    assert a.loss_curve_ == b.loss_curve_
    assert a.t_ == b.t_


def resuming(kind, rule, **parameters):
    settings = {
        "hidden_layer_sizes": (5,),
        "batch_size": 16,
        "max_iter": 6,
        "random_state": 0,
        "resume": True,
        "tol": 0,
    }
    return getattr(mlpcore, kind)(**{**settings, **RULES[rule], **parameters})


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", KINDS)
def test_partial_fits_on_the_same_rows_are_the_epochs_of_fit(kind, rule):
    whole, pieces = resuming(kind, rule).fit(X, Y[kind]), resuming(kind, rule)
    for i in range(6):
        if i == 3:
            pieces = pickle.loads(pickle.dumps(pieces))
        pieces.partial_fit(X, Y[kind], **({"classes": [0, 1]} if kind == "MLPClassifier" and i == 0 else {}))
    assert_same_model(pieces, whole)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("rule", ["adam", "sgd", "invscaling"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_warm_fit_goes_on_as_if_the_first_had_not_stopped(kind, rule, early_stopping):
    settings = {"warm_start": True, "early_stopping": early_stopping, "n_iter_no_change": 100}
    whole = resuming(kind, rule, **settings).fit(X, Y[kind])
    pieces = resuming(
        kind,
        rule,
        **settings,
    )
    for n_epochs in (2, 3, 1):
        pieces.set_params(max_iter=n_epochs).fit(X, Y[kind])
    if early_stopping:  # ends with the best weights, from which the next fit starts
        assert whole._row_order[1].tolist() == pieces._row_order[1].tolist()
        assert len(pieces.validation_scores_) == 6
    else:
        assert_same_model(pieces, whole)


def test_by_default_each_partial_fit_draws_the_same_order_anew():
    whole, pieces = (resuming("MLPRegressor", "adam", resume=False) for _ in range(2))
    whole.fit(X, Y_REAL)
    for _ in range(6):
        pieces.partial_fit(X, Y_REAL)
    assert not np.array_equal(whole.coefs_[0], pieces.coefs_[0])


def test_a_failing_resumed_call_changes_nothing():
    model, twin = (resuming("MLPRegressor", "adam").partial_fit(X, Y_REAL) for _ in range(2))
    for bad in (with_value(np.nan), X * 1e300):
        with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"NaN|non-finite"):
            model.partial_fit(bad, Y_REAL)
    assert_same_model(model.partial_fit(X, Y_REAL), twin.partial_fit(X, Y_REAL))


def test_resuming_with_other_rows_starts_their_order_anew():
    model = resuming("MLPRegressor", "adam").partial_fit(X, Y_REAL).partial_fit(X[:20], Y_REAL[:20])
    assert model.t_ == 60


@pytest.mark.parametrize("copied", [lambda m: pickle.loads(pickle.dumps(m)), copy.deepcopy], ids=["pickle", "deepcopy"])
def test_pickles_may_leave_the_optimizer_out(copied):
    model = fitted("MLPClassifier", hidden_layer_sizes=(100,), pickle_optimizer=False)
    loaded = copied(model)
    assert hasattr(model, "_optimizer")
    assert not hasattr(loaded, "_optimizer")
    assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    loaded.partial_fit(X, Y_BINARY)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_pickle_holds_the_weights_once(early_stopping):
    model = fitted("MLPClassifier", hidden_layer_sizes=(2000,), early_stopping=early_stopping, pickle_optimizer=False)
    n_bytes = sum(p.nbytes for p in (*model.coefs_, *model.intercepts_))
    assert n_bytes < len(pickle.dumps(model)) < n_bytes + 10_000
    with_state = len(pickle.dumps(model.set_params(pickle_optimizer=True)))
    assert 3 * n_bytes < with_state < 3 * n_bytes + 12_000  # Adam's two moments


LOADED = """
import pickle, sys, numpy as np
from mlpcore import _core
model, X, expected = pickle.load(open(sys.argv[1], "rb"))
assert _core.isa() == sys.argv[2], _core.isa()
np.testing.assert_allclose(model.predict(X), expected, rtol=1e-12)
model.partial_fit(X, expected)
"""


@pytest.mark.parametrize("isa", _core.available_isas())
def test_a_pickle_loads_on_another_instruction_set(isa, tmp_path):
    model = MLPRegressor(hidden_layer_sizes=(17,), max_iter=3, random_state=0).fit(X, Y_REAL)
    (tmp_path / "model.pkl").write_bytes(pickle.dumps((model, X, model.predict(X))))
    command = [sys.executable, "-c", LOADED, str(tmp_path / "model.pkl"), isa]
    subprocess.run(command, check=True, env={**os.environ, "MLPCORE_ISA": isa}, timeout=60)
