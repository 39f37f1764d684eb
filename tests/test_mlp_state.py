"""A failing call changes nothing; copies, pickles and replaced weights behave."""

import copy
import pickle
import warnings

import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, fitted, with_value
from mlpcore import MLPClassifier, MLPRegressor
from mlpcore.estimators import _training
from mlpcore.estimators._recording import Network

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def state_of(model):
    """Return a deep copy of all that the model holds."""
    return copy.deepcopy(vars(model))


def assert_same_state(model, before):
    assert vars(model).keys() == before.keys()
    for name in before.keys() - {"_optimizer", "_forward", "_random_state", "_label_binarizer"}:
        np.testing.assert_equal(vars(model)[name], before[name])


FAILING = {
    "nan": lambda m, y: m.fit(with_value(np.nan), y),
    "other width, bad y": lambda m, y: m.fit(X[:, :2], np.full(40, np.nan)),
    "zero weights": lambda m, y: m.fit(X[:, :3], y, np.zeros(40)),
    "divergence": lambda m, y: m.set_params(solver="sgd", learning_rate_init=1e300).fit(X[:, :3] * 1e10, y),
    "warning as error": lambda m, y: m.fit(X[:, :3], y),
    "bad hidden layers": lambda m, y: m.set_params(hidden_layer_sizes=(3, 0)).fit(X[:, :3], y),
    "partial_fit of other width": lambda m, y: m.partial_fit(X[:, :3], y),
    "diverging partial_fit": lambda m, y: m.partial_fit(X / np.abs(X).max() * 1.7e308, y),
    "memory": lambda m, y: m.set_params(hidden_layer_sizes=(2**40,)).fit(X[:, :3], y),
    "validation of one row": lambda m, y: m.set_params(early_stopping=True).fit(X[:5, :3], y[:5]),
}


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("kind", KINDS)
def test_failing_fit_keeps_the_fitted_state(kind, name):
    model = fitted(kind, activation="identity", solver="sgd")
    before, expected = state_of(model), model.predict(X)
    parameters = model.get_params()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises((ValueError, MemoryError, ConvergenceWarning)):
            FAILING[name](model, Y[kind])
    model.set_params(**parameters)
    assert_same_state(model, before)
    assert_array_equal(model.predict(X), expected)


def test_failing_first_fit_leaves_an_unfitted_estimator():
    model = MLPClassifier()
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(with_value(np.nan), Y_BINARY)
    assert vars(model) == vars(MLPClassifier())
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_failing_partial_fit_keeps_the_optimizer(solver):
    def run(failing):
        model = MLPRegressor(hidden_layer_sizes=(5,), activation="identity", solver=solver)
        model.set_params(random_state=0).partial_fit(X, Y_REAL).partial_fit(X, Y_REAL)
        if failing:
            with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
                model.partial_fit(X * 1e300, Y_REAL)
        return model.partial_fit(X, Y_REAL)

    assert_array_equal(run(True).coefs_[0], run(False).coefs_[0])


def test_interrupt_keeps_the_epochs_done(monkeypatch):
    epochs = []

    def interrupt(self, loss):
        epochs.append(loss)
        if len(epochs) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(_training.Epochs, "_observe", interrupt)
    model = MLPRegressor(hidden_layer_sizes=(5,), random_state=0)
    with pytest.warns(UserWarning, match="^Training interrupted by user.$"):
        model.fit(X, Y_REAL)
    assert model.n_iter_ == 3
    assert model.loss_curve_ == epochs
    monkeypatch.undo()
    three = MLPRegressor(hidden_layer_sizes=(5,), random_state=0, max_iter=3).fit(X, Y_REAL)
    assert_array_equal(model.coefs_[0], three.coefs_[0])


COPIES = {
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_predicts_and_goes_on_the_same(kind, solver, how):
    model = fitted(kind, solver=solver)
    model.predict(X)
    twin = COPIES[how](model)
    assert_array_equal(twin.predict(X), model.predict(X))
    if how != "copy":  # a shallow copy shares the optimizer
        for each in (model, twin):
            each.partial_fit(X, Y[kind]).partial_fit(X, Y[kind])
        assert_array_equal(twin.coefs_[0], model.coefs_[0])
        assert_array_equal(twin.intercepts_[1], model.intercepts_[1])


def test_a_pickle_holds_no_compiled_object(tmp_path):
    model = fitted("MLPClassifier")
    model.predict(X)
    joblib.dump(model, tmp_path / "model.joblib")
    assert b"mlpcore._core" not in pickle.dumps(model)
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode="r")  # read-only weights
    assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("rows", [1, 2, 40])
def test_predict_uses_weights_edited_in_place(rows):
    model = fitted("MLPRegressor", activation="identity")
    model.predict(X[:rows])
    model.coefs_[0][...] = 0
    model.coefs_[1][...] = 0
    model.intercepts_[1][...] = 7.5
    assert_array_equal(model.predict(X[:rows]), np.full(rows, 7.5))


def test_predict_uses_replaced_weights_of_any_width_and_dtype():
    model = fitted("MLPRegressor", activation="relu")
    model.coefs_ = [np.eye(4, dtype=int), np.ones((4, 1), np.float32)]
    model.intercepts_ = [[0, 0, 0, 0], np.zeros(1)]
    assert_allclose(model.predict(X), np.maximum(X, 0).sum(axis=1), rtol=1e-12)


def test_weights_that_do_not_chain_are_refused():
    model = fitted("MLPRegressor")
    model.coefs_[1] = np.zeros((6, 1))
    with pytest.raises(ValueError, match=r"coefs_\[1\] must have shape \(5, n_units\), got \(6, 1"):
        model.predict(X)
    with pytest.raises(ValueError, match=r"coefs_\[1\] must have shape"):
        model.partial_fit(X, Y_REAL)


def test_warm_start_with_other_hidden_layers_is_refused():
    model = fitted("MLPRegressor", warm_start=True)
    with pytest.raises(ValueError, match=r"join layers of \[4, 5, 1\] units.* ask for \[4, 7, 1\]"):
        model.set_params(hidden_layer_sizes=(7,)).fit(X, Y_REAL)
    with pytest.raises(ValueError, match=r"ask for \[4, 5, 2\]"):
        model.set_params(hidden_layer_sizes=(5,)).partial_fit(X, np.c_[Y_REAL, Y_REAL])


def test_fit_does_not_edit_weights_it_has_handed_out():
    model = fitted("MLPRegressor", warm_start=True)
    kept = model.coefs_[0]
    values = kept.copy()
    model.fit(X, Y_REAL)
    model.partial_fit(X, Y_REAL)
    assert_array_equal(kept, values)


def test_warm_early_stopping_ends_with_the_best_weights_of_both_fits():
    # scikit-learn trains on the very arrays it keeps as the best
    model = fitted("MLPRegressor", early_stopping=True, warm_start=True, max_iter=30)
    best, weights = model.best_validation_score_, [c.copy() for c in model.coefs_]
    model.set_params(tol=0.0, learning_rate_init=10.0, max_iter=3).fit(X, Y_REAL)
    assert model.best_validation_score_ == best  # so large a rate improves nothing
    assert_array_equal(model.coefs_[0], weights[0])


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("method", ["train", "evaluate", "predict"])
def test_an_interrupt_in_the_first_epoch_leaves_a_fitted_model(method, early_stopping, monkeypatch):
    model = MLPRegressor(max_iter=3, early_stopping=early_stopping).fit(X, Y_REAL)

    class Interrupted:
        def __init__(self, engine):
            self.engine = engine

        def __getattr__(self, name):
            if name == method:
                raise KeyboardInterrupt
            return getattr(self.engine, name)

    link = Network.engine
    with monkeypatch.context() as patch:
        patch.setattr(Network, "engine", lambda network, dtype: Interrupted(link(network, dtype)))
        with pytest.warns(UserWarning, match="interrupted"):
            model.fit(X, Y_REAL, X_val=X, y_val=Y_REAL)
    assert model.validation_scores_ == model.validation_loss_curve_ == []
    assert model.best_validation_score_ == -np.inf
    assert np.isnan(model.loss_) == (method == "train")
    assert np.isfinite(model.predict(X)).all()


def test_lists_that_users_hold_stay_as_they_are():
    model = MLPRegressor(max_iter=2, warm_start=True)
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y_REAL, X_val=X, y_val=Y_REAL)
    curve, scores = model.loss_curve_, model.validation_scores_
    with pytest.warns(ConvergenceWarning):
        model.fit(X, Y_REAL, X_val=X, y_val=Y_REAL)
    assert len(curve) == len(scores) == 2
    assert len(model.loss_curve_) == len(model.validation_scores_) == 4
