"""Weights and loss curves follow scikit-learn's for the same random_state."""

import warnings
from itertools import product

import numpy as np
import pytest
import sklearn
import sklearn.neural_network as peer
from numpy.testing import assert_allclose
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.fixes import parse_version

import mlpcore

ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
SOLVERS = {  # name -> parameters; every learning-rate rule, and every kind of momentum
    "adam": {"solver": "adam", "learning_rate_init": 0.01},
    "sgd": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.02},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.01},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.01},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.03},
    # a large tol makes epochs bad, so that the rate really falls
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2},
}
TARGETS = ("binary", "multiclass", "multilabel", "real", "two_outputs", "poisson", "strings")


def make_problem(target, dtype="float64", n_samples=53):
    """Return X (53, 6), y and the name of the estimator; 53 leaves the last batch short."""
    rng = np.random.RandomState(0)
    X = rng.standard_normal((n_samples, 6)).astype(dtype)
    z = X @ rng.standard_normal((6, 3)) + 0.3 * rng.standard_normal((n_samples, 3))
    y = {
        "binary": (z[:, 0] > 0).astype(int),
        "multiclass": z.argmax(axis=1) + 3,
        "strings": np.array(["low", "mid", "top"])[z.argmax(axis=1)],
        "multilabel": (z > 0).astype(int),
        "real": z[:, 0],
        "two_outputs": z[:, :2],
        "poisson": rng.poisson(np.exp(0.3 * z[:, 0])).astype(float),
    }[target]
    kind = "MLPRegressor" if target in ("real", "two_outputs", "poisson") else "MLPClassifier"
    return X, y, kind


def fit_both(target, dtype="float64", sample_weight=None, **parameters):
    """Fit our estimator and scikit-learn's; return both."""
    skip_unless_peer_has(target, sample_weight, parameters.get("early_stopping", False))
    X, y, kind = make_problem(target, dtype)
    if target == "poisson":
        parameters["loss"] = "poisson"
    settings = {"hidden_layer_sizes": (7, 5), "batch_size": 16, "random_state": 1, **parameters}
    models = []
    for package in (mlpcore, peer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", category=RuntimeWarning)
            model = getattr(package, kind)(**settings)
            model.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
        models.append(model)
    return models


def skip_unless_peer_has(target, sample_weight=None, early_stopping=False):
    version = parse_version(sklearn.__version__)
    if (target == "poisson" or sample_weight is not None) and version < parse_version("1.7"):
        pytest.skip("scikit-learn has sample_weight and the Poisson loss from 1.7 on")
    if target == "strings" and early_stopping and version < parse_version("1.9"):
        pytest.skip("scikit-learn stops early on string labels from 1.9 on")


def assert_same_weights(ours, theirs, atol):
    pairs = zip(ours.coefs_ + ours.intercepts_, theirs.coefs_ + theirs.intercepts_, strict=True)
    for a, b in pairs:
        assert a.dtype == b.dtype
        assert_allclose(a, b, rtol=0, atol=atol)


@pytest.mark.parametrize(("activation", "solver", "target"), [*product(ACTIVATIONS, SOLVERS, TARGETS)])
def test_fifty_epochs_in_float64_follow_scikit_learn(activation, solver, target):
    ours, theirs = fit_both(target, activation=activation, max_iter=50, **SOLVERS[solver])
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert_same_weights(ours, theirs, atol=1e-10)  # issue 1's tolerance; rounding gives about 1e-14
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)
    assert_allclose(ours._optimizer.learning_rate, theirs._optimizer.learning_rate, rtol=1e-12)


@pytest.mark.parametrize(("activation", "solver", "target"), [*product(ACTIVATIONS, SOLVERS, TARGETS)])
def test_five_epochs_in_float32_follow_scikit_learn(activation, solver, target):
    ours, theirs = fit_both(target, "float32", activation=activation, max_iter=5, **SOLVERS[solver])
    assert_same_weights(ours, theirs, atol=1e-5)  # issue 1's tolerance
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-5)


@pytest.mark.parametrize(("solver", "target"), [*product(SOLVERS, TARGETS)])
def test_sample_weight_follows_scikit_learn(solver, target):
    weight = np.random.RandomState(2).uniform(0, 3, 53)
    weight[::7] = 0
    ours, theirs = fit_both(target, sample_weight=weight, max_iter=20, **SOLVERS[solver])
    assert_same_weights(ours, theirs, atol=1e-10)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("solver", "target"), [*product(("adam", "nesterov"), TARGETS)])
def test_early_stopping_follows_scikit_learn(solver, target, weighted):
    weight = np.random.RandomState(2).uniform(0.1, 3, 53) if weighted else None
    ours, theirs = fit_both(
        target,
        sample_weight=weight,
        early_stopping=True,
        validation_fraction=0.3,
        n_iter_no_change=4,
        max_iter=60,
        **SOLVERS[solver],
    )
    assert ours.n_iter_ == theirs.n_iter_
    assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-11)
    assert_allclose(ours.best_validation_score_, theirs.best_validation_score_, rtol=1e-11)
    assert_same_weights(ours, theirs, atol=1e-10)


@pytest.mark.parametrize(
    "parameters",
    [
        {"shuffle": False},
        {"batch_size": 1},
        {"batch_size": 53},
        {"batch_size": "auto"},
        {"hidden_layer_sizes": ()},
        {"hidden_layer_sizes": 4},
        {"hidden_layer_sizes": [3, 3, 3, 3]},
        {"alpha": 0.0},
        {"alpha": 3.0},
        {"beta_1": 0.0, "beta_2": 0.5, "epsilon": 1e-3},
        {"tol": 0.1, "n_iter_no_change": 1, "max_iter": 40},
        {"random_state": np.random.RandomState(7)},
        {"shuffle": False, "early_stopping": True},
    ],
    ids=lambda parameters: str(parameters).partition(" at ")[0],
)
@pytest.mark.parametrize("target", ["multiclass", "two_outputs"])
def test_other_parameters_follow_scikit_learn(parameters, target):
    if "random_state" in parameters:  # each fit needs its own, in the same state
        X, y, kind = make_problem(target)
        settings = {"max_iter": 5, "batch_size": 16, "tol": 0.0}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            ours, theirs = (
                getattr(package, kind)(random_state=np.random.RandomState(7), **settings).fit(X, y)
                for package in (mlpcore, peer)
            )
    else:
        ours, theirs = fit_both(target, **{"max_iter": 15, **parameters})
    assert ours.n_iter_ == theirs.n_iter_
    assert_same_weights(ours, theirs, atol=1e-10)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("target", [t for t in TARGETS if t != "two_outputs"])
def test_lbfgs_follows_scikit_learn(target, activation):
    ours, theirs = fit_both(target, solver="lbfgs", activation=activation, max_iter=10)
    assert ours.n_iter_ == theirs.n_iter_
    # about 1e-13 at 20 iterations, growing by the line searches from there
    assert_same_weights(ours, theirs, atol=1e-9)
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-9)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("target", [t for t in TARGETS if t != "two_outputs"])
def test_lbfgs_on_float32_rows_is_as_good_as_scikit_learns(target, activation):
    # scikit-learn evaluates the loss at weights rounded to float32, we do not: paths part early
    ours, theirs = fit_both(target, "float32", solver="lbfgs", activation=activation, max_iter=3)
    assert_same_weights(ours, theirs, atol=1e-3)
    assert_allclose(ours.loss_, theirs.loss_, rtol=1e-4)


def test_lbfgs_with_sample_weight_follows_scikit_learn():
    weight = np.random.RandomState(2).uniform(0, 3, 53)
    ours, theirs = fit_both("multiclass", sample_weight=weight, solver="lbfgs", max_iter=10)
    assert_same_weights(ours, theirs, atol=1e-9)


@pytest.mark.parametrize(("solver", "target"), [*product(("adam", "nesterov", "adaptive"), TARGETS)])
def test_partial_fits_follow_scikit_learn(solver, target):
    skip_unless_peer_has(target)
    X, y, kind = make_problem(target)
    loss = {"loss": "poisson"} if target == "poisson" else {}
    models = []
    for package in (mlpcore, peer):
        model = getattr(package, kind)(hidden_layer_sizes=(7,), random_state=1, **loss, **SOLVERS[solver])
        arguments = {"classes": np.unique(y)} if kind == "MLPClassifier" else {}
        if target == "multilabel":
            arguments = {"classes": np.arange(3)}
        model.partial_fit(X[:20], y[:20], **arguments)
        for start in (20, 0, 33, 10, 5):
            model.partial_fit(X[start : start + 20], y[start : start + 20])
        models.append(model)
    ours, theirs = models
    assert ours.n_iter_ == theirs.n_iter_ == 1
    assert ours.t_ == theirs.t_
    assert_same_weights(ours, theirs, atol=1e-10)
    assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
def test_fit_then_partial_fit_follows_scikit_learn(solver):
    ours, theirs = fit_both("multiclass", max_iter=5, **SOLVERS[solver])
    X, y, _ = make_problem("multiclass")
    for model in (ours, theirs):
        for _ in range(3):
            model.partial_fit(X, y)
    assert_same_weights(ours, theirs, atol=1e-10)


@pytest.mark.parametrize(("solver", "target"), [*product((*SOLVERS, "lbfgs"), ("binary", "real"))])
def test_warm_starts_follow_scikit_learn(solver, target):
    parameters = SOLVERS.get(solver, {"solver": "lbfgs"})
    ours, theirs = fit_both(target, max_iter=4, warm_start=True, **parameters)
    X, y, _ = make_problem(target)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for model in (ours, theirs):
            model.fit(X, y)
            model.set_params(max_iter=3).fit(X[:40], y[:40])
    assert ours.n_iter_ == theirs.n_iter_
    assert ours.t_ == theirs.t_
    assert_same_weights(ours, theirs, atol=1e-9)
    if solver != "lbfgs":
        assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-12)
        assert ours._no_improvement_count == theirs._no_improvement_count


@pytest.mark.parametrize("target", TARGETS)
def test_predictions_equal_scikit_learns(target):
    ours, theirs = fit_both(target, max_iter=10)
    X, y, kind = make_problem(target)
    predictions = ours.predict(X)
    assert predictions.shape == theirs.predict(X).shape
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), rel=1e-9)
    if kind == "MLPRegressor":
        assert_allclose(predictions, theirs.predict(X), rtol=1e-9)
    else:
        assert (predictions == theirs.predict(X)).all()
        assert predictions.dtype == theirs.predict(X).dtype
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=1e-9)
        assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-8, atol=1e-12)
