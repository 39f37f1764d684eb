"""from_sklearn and to_sklearn: the same predictions, and the same training from there on."""

import numpy as np
import pytest
import sklearn.linear_model
import sklearn.neural_network as peer
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import NotFittedError

import mlpcore
from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, fitted, like_scikit_learn
from mlpcore import MLPClassifier, MLPRegressor, Perceptron, from_sklearn, to_sklearn

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
SOLVERS = {
    "adam": {},
    "sgd": {"solver": "sgd"},
    "plain sgd": {"solver": "sgd", "momentum": 0.0},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling"},
    "lbfgs": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True},
}
LABELS = {
    "binary": np.array(["no", "yes"])[Y_BINARY],
    "multiclass": X[:, :3].argmax(axis=1),
    "multilabel": (X[:, :3] > 0).astype(int),
}


@pytest.mark.parametrize("name", SOLVERS)
@pytest.mark.parametrize("kind", KINDS)
def test_an_estimator_goes_there_and_back(kind, name):
    ours = fitted(kind, **SOLVERS[name])
    theirs = to_sklearn(ours)
    again = from_sklearn(theirs)
    assert type(theirs) is getattr(peer, kind)
    assert type(again) is type(ours)
    assert_array_equal(again.predict(X), ours.predict(X))
    assert_allclose(theirs.predict(X), ours.predict(X), rtol=1e-12)
    public = {n for n in vars(ours) if n.endswith("_")}
    assert {n for n in vars(again) if n.endswith("_")} == public
    for n in public - {"validation_loss_curve_"}:  # which scikit-learn does not have
        np.testing.assert_equal(getattr(again, n), getattr(ours, n))
    assert again.get_params() == ours.get_params()
    assert again.coefs_[0] is not ours.coefs_[0]


@pytest.mark.parametrize("direction", ["from_sklearn", "to_sklearn"])
@pytest.mark.parametrize("name", ["adam", "sgd", "plain sgd", "adaptive", "invscaling"])
@pytest.mark.parametrize("kind", KINDS)
def test_training_goes_on_as_in_the_other_package(kind, name, direction):
    package = peer if direction == "from_sklearn" else mlpcore
    one = getattr(package, kind)(hidden_layer_sizes=(5, 3), max_iter=5, random_state=0, **SOLVERS[name])
    one.fit(X, Y[kind])
    other = getattr(mlpcore, direction)(one)
    for model in (one, other):
        for _ in range(5):
            model.partial_fit(X, Y[kind])
    for a, b in zip(one.coefs_ + one.intercepts_, other.coefs_ + other.intercepts_, strict=True):
        assert_allclose(a, b, rtol=0, atol=1e-12)
    assert_allclose(one.loss_curve_, other.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("target", LABELS)
def test_labels_survive(target):
    ours = MLPClassifier((5,), max_iter=3, random_state=0).fit(X, LABELS[target])
    theirs = to_sklearn(ours)
    assert_array_equal(theirs.predict(X), ours.predict(X))
    assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), rtol=1e-12)
    assert_array_equal(from_sklearn(theirs).predict(X), ours.predict(X))


@like_scikit_learn
def test_poisson_survives():
    ours = MLPRegressor("poisson", max_iter=3, random_state=0).fit(X, np.exp(Y_REAL))
    assert_allclose(to_sklearn(ours).predict(X), ours.predict(X), rtol=1e-12)


@pytest.mark.parametrize("y", [Y_BINARY, X[:, :3].argmax(axis=1)], ids=["binary", "multiclass"])
def test_a_perceptron_goes_there_and_back(y):
    theirs = sklearn.linear_model.Perceptron(max_iter=5).fit(X, y)
    ours = from_sklearn(theirs)
    assert type(ours) is Perceptron
    assert_array_equal(ours.decision_function(X), theirs.decision_function(X))
    assert_array_equal(to_sklearn(ours).predict(X), ours.predict(X))
    for model in (ours, theirs, to_sklearn(ours)):
        model.partial_fit(X, y)
    assert_array_equal(ours.coef_, theirs.coef_)


class Ours(MLPClassifier):
    def __init__(self, alpha=0.1):
        super().__init__((5,), "tanh", alpha=alpha, max_iter=3)


class Theirs(peer.MLPClassifier):
    def __init__(self, alpha=0.1):
        super().__init__((5,), "tanh", alpha=alpha, max_iter=3)


@pytest.mark.parametrize(("kind", "convert"), [(Ours, to_sklearn), (Theirs, from_sklearn)])
def test_subclasses_with_other_parameters_predict_the_same(kind, convert):
    fitted_one = kind().fit(X, Y_BINARY)
    other = convert(fitted_one)
    assert other.activation == "tanh"
    assert_allclose(other.predict_proba(X), fitted_one.predict_proba(X), rtol=1e-12)


def test_perceptrons_that_scikit_learn_lacks_are_refused():
    three = X[:, :3].argmax(axis=1)
    with pytest.raises(ValueError, match="has no unit for each column of y"):
        to_sklearn(Perceptron(max_iter=5).fit(X, np.eye(3)[three]))
    for step in ("heaviside", "sign"):
        with pytest.raises(ValueError, match=f"has no step='{step}'"):
            to_sklearn(Perceptron(max_iter=5, step=step).fit(X, 2 * Y_BINARY - 1))
    largest = Perceptron(max_iter=5, step="heaviside").fit(X, three)  # with three classes the step has no say
    assert_array_equal(to_sklearn(largest).predict(X), largest.predict(X))


def test_unfitted_estimators_keep_their_parameters():
    assert from_sklearn(peer.MLPRegressor(alpha=3.0)).alpha == 3.0
    with pytest.raises(NotFittedError):
        to_sklearn(MLPClassifier(alpha=3.0)).predict(X)


def test_settings_of_the_training_that_scikit_learn_lacks_are_named():
    with pytest.warns(UserWarning, match=r"has no max_time=60, learning_rate='cosine'; predictions are the same"):
        theirs = to_sklearn(fitted("MLPRegressor", learning_rate="cosine", max_time=60))
    assert theirs.learning_rate == "constant"


def test_networks_that_scikit_learn_cannot_compute_are_refused():
    for parameters, message in (
        ({"activation": "mish"}, "scikit-learn's MLPRegressor has no activation='mish'"),
        ({"hidden_layer_sizes": (3, 3), "activation": ["relu", "tanh"]}, r"no activation=\['relu', 'tanh'\]"),
        ({"output_activation": "softplus"}, "MLPRegressor has no output activation 'softplus'"),
    ):
        with pytest.raises(ValueError, match=message):
            to_sklearn(fitted("MLPRegressor", **parameters))
    assert to_sklearn(fitted("MLPRegressor", activation=["tanh"])).activation == "tanh"


def test_other_classes_are_refused():
    with pytest.raises(TypeError, match=r"from_sklearn expects one of sklearn.* got mlpcore.*MLPRegressor"):
        from_sklearn(MLPRegressor())
    with pytest.raises(TypeError, match=r"to_sklearn expects one of mlpcore.* got sklearn.*MLPRegressor"):
        to_sklearn(peer.MLPRegressor())


def test_a_warm_start_in_scikit_learn_that_finds_nothing_better_ends_with_the_best():
    ours = fitted("MLPClassifier", early_stopping=True, warm_start=True)
    theirs = to_sklearn(ours)
    theirs.best_validation_score_ = 2.0  # which no score exceeds
    best = [kernel.copy() for kernel in theirs.coefs_]
    theirs.fit(X, Y_BINARY)
    for kernel, expected in zip(theirs.coefs_, best, strict=True):
        assert_array_equal(kernel, expected)


def test_arrays_are_settings_like_lists():
    lists = {"activation": ["relu", "tanh"], "dropout": [0.1, 0.2]}
    models = [
        MLPClassifier((5, 4), max_iter=2, random_state=0, **settings).fit(X, Y_BINARY)
        for settings in (lists, {name: np.array(value) for name, value in lists.items()})
    ]
    for a, b in zip(models[0].coefs_, models[1].coefs_, strict=True):
        assert_array_equal(a, b)
    assert len(models[1].to_model().layers) == len(models[0].to_model().layers)
    model = MLPRegressor("quantile", quantiles=np.linspace(0.1, 0.9, 3), max_iter=2).fit(X, Y_REAL)
    assert model.predict(X).shape == (len(X), 3)
    with pytest.raises(ValueError, match="no activation"):
        to_sklearn(models[1])
