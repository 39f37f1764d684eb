"""Activations, initial weights, element types and class weights beyond scikit-learn's."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import erf, expit

import mlpcore
from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, fitted
from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def softplus(z):
    return np.logaddexp(0, z)


FORMULAS = {
    "identity": lambda z: z,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, 0.01 * z),
    "elu": lambda z: np.where(z > 0, z, np.expm1(z)),
    "selu": lambda z: 1.0507009873554805 * np.where(z > 0, z, 1.6732632423543772 * np.expm1(z)),
    "gelu": lambda z: z * 0.5 * (1 + erf(z / np.sqrt(2))),
    "silu": lambda z: z * expit(z),
    "mish": lambda z: z * np.tanh(softplus(z)),
    "softplus": softplus,
    "hard_sigmoid": lambda z: np.clip(z / 6 + 0.5, 0, 1),
    "softsign": lambda z: z / (1 + np.abs(z)),
    "heaviside": lambda z: (z > 0) * 1.0,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_activation_is_its_formula(name):
    model = fitted("MLPRegressor").set_params(activation=name)
    hidden = FORMULAS[name](X @ model.coefs_[0] + model.intercepts_[0])
    assert_allclose(model.predict(X), (hidden @ model.coefs_[1] + model.intercepts_[1])[:, 0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("name", [name for name in FORMULAS if name != "heaviside"])
def test_every_activation_trains(name, solver):
    model = MLPRegressor(hidden_layer_sizes=(20,), activation=name, solver=solver, learning_rate_init=0.05)
    assert model.set_params(max_iter=150, random_state=0).fit(X, Y_REAL).score(X, Y_REAL) > 0.9


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_heaviside_is_refused_in_training(method):
    with pytest.raises(ValueError, match="activation='heaviside' has no gradient to train by"):
        getattr(MLPRegressor(activation=["relu", "heaviside"], hidden_layer_sizes=(3, 3)), method)(X, Y_REAL)


def test_each_hidden_layer_may_have_its_activation():
    model = MLPClassifier((5, 4, 3), ["tanh", "relu", "mish"], max_iter=4, random_state=0).fit(X, Y_BINARY)
    outputs = model.activations(X)
    assert [output.shape for output in outputs] == [(40, 5), (40, 4), (40, 3), (40, 1)]
    below = X
    for output, name, coef, intercept in zip(
        outputs, ["tanh", "relu", "mish", "logistic"], model.coefs_, model.intercepts_, strict=True
    ):
        assert_allclose(output, FORMULAS[name](below @ coef + intercept), rtol=1e-9, atol=1e-12)
        below = output
    assert_array_equal(outputs[-1][:, 0] > 0.5, model.predict(X) == 1)


@pytest.mark.parametrize("name", ["logistic", "relu"])
def test_a_list_of_one_name_is_that_name(name):
    settings = {"hidden_layer_sizes": (5, 4), "max_iter": 4, "random_state": 0}
    one, each = (MLPRegressor(activation=a, **settings).fit(X, Y_REAL) for a in (name, [name, name]))
    assert_array_equal(one.coefs_[2], each.coefs_[2])


def test_bad_activations_are_refused():
    for activation, message in (
        ("swish", "The 'activation' parameter of MLPRegressor must be"),
        (["relu"], r"one for each of 2 hidden layers, got \('relu',\)"),
        (["relu", "swish"], "activation must hold names among .* got 'swish'"),
    ):
        with pytest.raises(ValueError, match=message):
            MLPRegressor(hidden_layer_sizes=(3, 3), activation=activation).fit(X, Y_REAL)


OUTPUTS = {"identity": 0, "relu": 0, "softplus": 0, "sigmoid": 0, "logistic": 0, "tanh": 0, "exp": 0}


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("name", OUTPUTS)
def test_a_regression_may_have_another_output_activation(name, solver):
    formula = np.exp if name == "exp" else FORMULAS["logistic" if name == "sigmoid" else name]
    model = MLPRegressor(hidden_layer_sizes=(20,), output_activation=name, solver=solver, learning_rate_init=0.02)
    y = formula(0.5 * Y_REAL)
    model.set_params(max_iter=300, random_state=1).fit(X, y)
    assert model.score(X, y) > 0.9
    linear = model.activations(X)[0] @ model.coefs_[1] + model.intercepts_[1]
    assert_allclose(model.predict(X), formula(linear)[:, 0], rtol=1e-9)


def test_poisson_refuses_other_outputs():
    with pytest.raises(ValueError, match="loss='poisson' requires output_activation 'exp' or None, got 'relu'"):
        MLPRegressor("poisson", output_activation="relu").fit(X, Y_REAL**2)


VARIANCES = {"glorot": 2 / (400 + 100), "he": 2 / 400, "lecun": 1 / 400}


@pytest.mark.parametrize("shape", ["uniform", "normal"])
@pytest.mark.parametrize("name", VARIANCES)
def test_initial_kernels_have_their_variance(name, shape):
    wide = np.random.RandomState(0).standard_normal((10, 400))
    model = MLPRegressor(kernel_initializer=f"{name}_{shape}", learning_rate_init=1e-300, max_iter=1, random_state=0)
    kernel = model.fit(wide, wide[:, 0]).coefs_[0]
    assert kernel.var() == pytest.approx(VARIANCES[name], rel=0.03)  # of 40000 draws
    is_uniform = np.abs(kernel).max() <= np.sqrt(3 * VARIANCES[name])
    assert is_uniform == (shape == "uniform")
    assert not np.any(model.intercepts_[0] > 1e-200)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_dtype_decides_the_type_of_weights_and_predictions(kind, solver):
    for given in ("float32", "float64"):
        for asked in ("float32", "float64"):
            model = getattr(mlpcore, kind)(hidden_layer_sizes=(5,), solver=solver, dtype=asked, max_iter=5)
            model.fit(X.astype(given), Y[kind])
            assert {str(p.dtype) for p in (*model.coefs_, *model.intercepts_)} == {asked}
            output = model.predict_proba(X) if kind == "MLPClassifier" else model.predict(X)
            assert str(output.dtype) == asked


def test_float64_rows_trained_in_float32_are_float32_rows():
    small, asked = (MLPRegressor(dtype=d, max_iter=5, random_state=0) for d in (None, "float32"))
    assert_array_equal(small.fit(X.astype("f4"), Y_REAL).coefs_[0], asked.fit(X, Y_REAL).coefs_[0])
    with pytest.raises(ValueError, match=r"too large for dtype\('float32'\)"):
        asked.fit(X * 1e200, Y_REAL)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_class_weight_is_a_factor_of_sample_weight(solver):
    y = X[:, :3].argmax(axis=1)
    settings = {"hidden_layer_sizes": (5,), "solver": solver, "max_iter": 5, "random_state": 0}
    weight = np.random.RandomState(0).uniform(0.5, 2, 40)
    factors = {0: 2.0, 1: 0.5, 2: 1.0}
    ours = MLPClassifier(class_weight=factors, **settings).fit(X, y, weight)
    expected = MLPClassifier(**settings).fit(X, y, weight * np.array([2.0, 0.5, 1.0])[y])
    assert_array_equal(ours.coefs_[0], expected.coefs_[0])
    balanced = MLPClassifier(class_weight="balanced", **settings).fit(X, y)
    expected = MLPClassifier(**settings).fit(X, y, (40 / (3 * np.bincount(y)))[y])
    assert_array_equal(balanced.coefs_[0], expected.coefs_[0])


def test_class_weight_weighs_float32_rows():
    settings = {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}
    weighted = MLPClassifier(class_weight={0: 2.0, 1: 1.0}, **settings).fit(X.astype("f4"), Y_BINARY)
    expected = MLPClassifier(**settings).fit(X.astype("f4"), Y_BINARY, 2.0 - Y_BINARY)
    assert_array_equal(weighted.coefs_[0], expected.coefs_[0])


def test_class_weight_balances_rare_classes():
    rng = np.random.RandomState(0)
    rows = rng.standard_normal((400, 2))
    y = (rows[:, 0] + rng.standard_normal(400) > 2.2).astype(int)
    plain, balanced = (
        MLPClassifier((5,), class_weight=w, max_iter=100, random_state=0, learning_rate_init=0.01).fit(rows, y)
        for w in (None, "balanced")
    )
    assert balanced.predict(rows).sum() > 2 * plain.predict(rows).sum()


def test_class_weight_takes_batches_that_lack_a_class():
    y = X[:, :3].argmax(axis=1)
    some = y != 2
    weighted = MLPClassifier((5,), class_weight={2: 5.0}, random_state=0).partial_fit(X, y, classes=[0, 1, 2])
    plain = MLPClassifier((5,), random_state=0)
    plain.partial_fit(X, y, classes=[0, 1, 2], sample_weight=np.where(some, 1.0, 5.0))
    for model in (weighted, plain):
        model.partial_fit(X[some], y[some])
    assert_array_equal(weighted.coefs_[0], plain.coefs_[0])
    labels = (X[:, :3] > 0).astype(int)
    several = MLPClassifier((5,), class_weight=[{1: 5.0}] * 3, random_state=0)
    several.partial_fit(X, labels, classes=[0, 1, 2])
    several.partial_fit(X[:2], np.zeros((2, 3), int))


def test_label_smoothing_of_a_hinge_loss_is_refused():
    with pytest.raises(ValueError, match=r"label_smoothing=0\.5 is of the log losses"):
        MLPClassifier(loss="hinge", label_smoothing=0.5).fit(X, Y_BINARY)


def test_class_weight_is_checked():
    with pytest.raises(ValueError, match="class_weight 'balanced' is not supported for partial_fit"):
        MLPClassifier(class_weight="balanced").partial_fit(X, Y_BINARY, classes=[0, 1])
    with pytest.raises(ValueError, match="The 'class_weight' parameter of MLPClassifier must be"):
        MLPClassifier(class_weight="even").fit(X, Y_BINARY)
    MLPClassifier(class_weight={0: 1, 1: 3}).partial_fit(X, Y_BINARY, classes=[0, 1])
