"""Losses beyond scikit-learn's: their values, what they predict, the methods that go with them."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_softmax
from sklearn.calibration import CalibratedClassifierCV
from sklearn.metrics import d2_pinball_score

from mlp_cases import Y_BINARY, Y_REAL, X, fitted
from mlpcore import MLPClassifier, MLPRegressor, to_sklearn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
THREE = X[:, :3].argmax(axis=1)
LABELS = {"binary": Y_BINARY, "multiclass": THREE, "multilabel": (X[:, :3] > 0).astype(int)}
SOLVERS = ["sgd", "adam", "lbfgs"]

ERRORS = {  # of e = prediction - y
    "squared_error": lambda e: 0.5 * e**2,
    "absolute_error": np.abs,
    "huber": lambda e: np.where(np.abs(e) <= 0.7, 0.5 * e**2, 0.7 * (np.abs(e) - 0.35)),
    "log_cosh": lambda e: np.log(np.cosh(e)),
}


@pytest.mark.parametrize("y", [Y_REAL, np.c_[Y_REAL, -Y_REAL]], ids=["one", "two"])
@pytest.mark.parametrize("name", ERRORS)
def test_loss_of_a_regression_is_its_formula(name, y):
    model = MLPRegressor(name, (5,), delta=0.7, max_iter=3, random_state=0).fit(X, y, X_val=X, y_val=y)
    assert_allclose(model.validation_loss_curve_[-1], ERRORS[name](model.predict(X) - y).mean(), rtol=1e-9)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", ["absolute_error", "huber", "log_cosh", "quantile"])
def test_every_loss_of_a_regression_trains(name, solver):
    model = MLPRegressor(name, (20,), solver=solver, learning_rate_init=0.02, max_iter=400, tol=0, random_state=0)
    assert np.corrcoef(model.fit(X, Y_REAL).predict(X), Y_REAL)[0, 1] > 0.98


def test_robust_losses_do_not_mind_an_outlier():
    y = Y_REAL.copy()
    y[3] = 1000.0
    settings = {"hidden_layer_sizes": (), "learning_rate_init": 0.05, "max_iter": 500, "random_state": 0, "tol": 0}
    squared, robust = (MLPRegressor(loss, **settings).fit(X, y) for loss in ("squared_error", "absolute_error"))
    rest = np.arange(40) != 3
    errors = [np.abs(model.predict(X) - y)[rest].mean() for model in (squared, robust)]
    assert errors[1] < 0.1 < errors[0]


NOISY = np.random.RandomState(0).uniform(0, 1, (2000, 1))
SPREAD = NOISY[:, 0] * np.random.RandomState(1).uniform(0, 1, 2000)  # the quantile q at x is q x


def test_quantiles_are_predicted_together():
    model = MLPRegressor("quantile", (20,), quantiles=[0.1, 0.5, 0.9], learning_rate_init=0.01, random_state=0)
    p = model.set_params(max_iter=100).fit(NOISY, SPREAD).predict(NOISY)
    assert p.shape == (2000, 3)
    assert model.n_outputs_ == 3
    assert_allclose((SPREAD[:, None] <= p).mean(axis=0), [0.1, 0.5, 0.9], atol=0.04)
    expected = np.mean([d2_pinball_score(SPREAD, p[:, j], alpha=q) for j, q in enumerate([0.1, 0.5, 0.9])])
    assert model.score(NOISY, SPREAD) == pytest.approx(expected, rel=1e-9)


def test_quantiles_of_several_targets_have_an_axis_of_their_own():
    y = np.c_[SPREAD, 10 + SPREAD]
    model = MLPRegressor("quantile", (20,), quantiles=[0.1, 0.9], solver="lbfgs", random_state=0).fit(NOISY, y)
    p = model.predict(NOISY)
    assert p.shape == (2000, 2, 2)
    assert_allclose((y[:, :, None] <= p).mean(axis=0), [[0.1, 0.9]] * 2, atol=0.05)
    one = MLPRegressor("quantile", (5,), max_iter=2, early_stopping=True).fit(NOISY, y)
    assert one.predict(NOISY).shape == (2000, 2)


@pytest.mark.parametrize("quantiles", [[], [0.5, 1.0], ["median"]], ids=str)
def test_bad_quantiles_are_refused(quantiles):
    with pytest.raises(ValueError, match=r"quantiles must hold numbers in \(0, 1\), at least one"):
        MLPRegressor("quantile", quantiles=quantiles).fit(X, Y_REAL)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("loss", ["focal", "hinge"])
@pytest.mark.parametrize("target", LABELS)
def test_every_loss_of_a_classification_trains(target, loss, solver):
    model = MLPClassifier((20,), loss=loss, solver=solver, learning_rate_init=0.02, max_iter=200, random_state=0)
    assert model.fit(X, LABELS[target]).score(X, LABELS[target]) > 0.9


def test_focal_loss_is_its_formula():
    model = MLPClassifier((5,), loss="focal", focal_gamma=1.5, max_iter=3, random_state=0)
    p = model.fit(X, THREE, X_val=X, y_val=THREE).predict_proba(X)[np.arange(40), THREE]
    assert_allclose(model.validation_loss_curve_[-1], np.mean((1 - p) ** 1.5 * -np.log(p)), rtol=1e-9)


def test_focal_loss_without_gamma_is_the_log_loss():
    settings = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    focal = MLPClassifier(loss="focal", focal_gamma=0.0, **settings).fit(X, THREE)
    assert_array_equal(focal.coefs_[0], MLPClassifier(**settings).fit(X, THREE).coefs_[0])


@pytest.mark.parametrize("target", LABELS)
def test_label_smoothing_spreads_the_truth(target):
    y = LABELS[target]
    model = MLPClassifier((5,), label_smoothing=0.1, max_iter=3, random_state=0).fit(X, y, X_val=X, y_val=y)
    z = model._output(X, out_activation="identity")
    if target == "multiclass":
        truth = 0.9 * np.eye(3)[y] + 0.1 / 3
        expected = -(truth * log_softmax(z, axis=1)).sum(axis=1).mean()
    else:
        truth = 0.9 * y.reshape(z.shape) + 0.05
        expected = -(truth * np.log(expit(z)) + (1 - truth) * np.log(expit(-z))).sum(axis=1).mean()
    assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-9)


def test_label_smoothing_keeps_probabilities_from_the_ends():
    settings = {"hidden_layer_sizes": (20,), "solver": "lbfgs", "alpha": 0.0, "random_state": 0}
    sure, smooth = (MLPClassifier(label_smoothing=s, **settings).fit(X, Y_BINARY) for s in (0.0, 0.2))
    assert sure.predict_proba(X).max() > 0.999
    assert smooth.predict_proba(X).max() < 0.95


@pytest.mark.parametrize("target", LABELS)
def test_hinge_has_a_decision_function_and_no_probabilities(target):
    y = LABELS[target]
    model = MLPClassifier((5,), loss="hinge", max_iter=20, random_state=0).fit(X, y, X_val=X, y_val=y)
    z = model.decision_function(X)
    assert z.shape == ((40,) if target == "binary" else (40, 3))
    if target == "multiclass":
        assert_array_equal(model.predict(X), z.argmax(axis=1))
        sign = 2 * np.eye(3)[y] - 1
    else:
        assert_array_equal(model.predict(X), (z > 0).astype(int))
        sign = 2 * y - 1
    row_losses = np.maximum(0, 1 - sign * z).reshape(40, -1).sum(axis=1)
    assert_allclose(model.validation_loss_curve_[-1], row_losses.mean(), rtol=1e-9)
    assert model.validation_scores_[-1] == model.score(X, y)
    for method in ("predict_proba", "predict_log_proba"):
        assert not hasattr(model, method)
    assert not hasattr(fitted("MLPClassifier"), "decision_function")


def test_hinge_may_be_calibrated():
    network = MLPClassifier((5,), loss="hinge", max_iter=50, random_state=0)
    assert CalibratedClassifierCV(network, cv=2).fit(X, THREE).predict_proba(X).shape == (40, 3)


def test_other_losses_go_to_scikit_learn_where_they_predict_the_same():
    with pytest.warns(UserWarning, match="has no loss='huber'"):
        theirs = to_sklearn(fitted("MLPRegressor", loss="huber"))
    assert_allclose(theirs.predict(X), fitted("MLPRegressor", loss="huber").predict(X), rtol=1e-12)
    with pytest.raises(ValueError, match="MLPClassifier has no output activation 'identity' for this problem"):
        to_sklearn(fitted("MLPClassifier", loss="hinge"))
