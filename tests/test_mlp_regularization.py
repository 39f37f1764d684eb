"""Dropout, penalties, clipping, further solvers, and the derivatives with respect to the input."""

import pickle

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore
from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, fitted
from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
STOCHASTIC = ["sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad"]


@pytest.mark.parametrize("solver", STOCHASTIC)
@pytest.mark.parametrize("kind", KINDS)
def test_every_solver_trains_and_goes_on(kind, solver):
    model = getattr(mlpcore, kind)(hidden_layer_sizes=(20,), solver=solver, max_iter=200, random_state=0, tol=0)
    model.set_params(learning_rate_init=0.3 if solver == "adagrad" else 0.02).fit(X, Y[kind])
    assert model.score(X, Y[kind]) > 0.9
    twin = pickle.loads(pickle.dumps(model))
    for each in (model, twin):
        each.partial_fit(X, Y[kind]).partial_fit(X, Y[kind])
    assert_array_equal(twin.coefs_[0], model.coefs_[0])


def test_adamw_without_decay_is_adam_and_decays_kernels_otherwise():
    settings = {"hidden_layer_sizes": (5,), "max_iter": 20, "random_state": 0, "alpha": 0.0}
    adam = MLPRegressor(**settings).fit(X, Y_REAL)
    plain, decayed = (MLPRegressor(solver="adamw", weight_decay=d, **settings).fit(X, Y_REAL) for d in (0.0, 50.0))
    assert_array_equal(plain.coefs_[0], adam.coefs_[0])
    assert np.abs(decayed.coefs_[0]).sum() < 0.5 * np.abs(adam.coefs_[0]).sum()


@pytest.mark.parametrize("rule", ["adaptive", "invscaling", "cosine"])
def test_the_new_solvers_follow_every_rule(rule):
    settings = {"solver": "rmsprop", "hidden_layer_sizes": (5,), "random_state": 0, "max_iter": 20, "tol": 1e9}
    plain, ruled = (
        MLPRegressor(learning_rate=r, n_iter_no_change=3, **settings).fit(X, Y_REAL) for r in ("constant", rule)
    )
    assert not np.array_equal(plain.coefs_[0], ruled.coefs_[0])


@pytest.mark.parametrize("kind", KINDS)
def test_dropout_trains_reproducibly_and_is_off_in_predictions(kind):
    settings = {"hidden_layer_sizes": (30, 20), "max_iter": 10}
    a, b, other, plain = (
        fitted(kind, dropout=rate, random_state=seed, **settings)
        for rate, seed in ((0.4, 0), (0.4, 0), (0.4, 1), (0.0, 0))
    )
    assert_array_equal(a.coefs_[0], b.coefs_[0])
    assert not np.array_equal(a.coefs_[0], other.coefs_[0])
    assert not np.array_equal(a.coefs_[0], plain.coefs_[0])
    assert_array_equal(a.predict(X), a.predict(X))
    assert fitted(kind, dropout=[0.0, 0.5], **settings).loss_ != plain.loss_
    assert_array_equal(fitted(kind, dropout=[0.0, 0.0], **settings).coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_dropout_is_the_same_for_any_thread_count_and_through_a_pickle(solver):
    settings = {"dropout": 0.3, "solver": solver, "momentum": 0.0, "hidden_layer_sizes": (64,), "resume": True}
    one, two, pieces = (fitted("MLPRegressor", n_threads=n, **settings) for n in (1, 2, 1))
    assert_array_equal(one.coefs_[0], two.coefs_[0])
    pieces = MLPRegressor(**one.get_params())
    for _ in range(3):
        pieces = pickle.loads(pickle.dumps(pieces.partial_fit(X, Y_REAL)))
    assert_array_equal(pieces.coefs_[0], one.coefs_[0])


def test_dropout_makes_a_large_network_forget_its_noise():
    rng = np.random.RandomState(0)
    rows, y = rng.standard_normal((100, 30)), rng.standard_normal(100)
    settings = {"hidden_layer_sizes": (200,), "max_iter": 300, "random_state": 0, "tol": 0}
    plain, dropped = (MLPRegressor(dropout=rate, **settings).fit(rows, y) for rate in (0.0, 0.6))
    assert plain.score(rows, y) > 0.99 > 0.97 > dropped.score(rows, y)


@pytest.mark.parametrize(
    ("dropout", "message"),
    [
        ([0.1], r"one for each of 2 hidden layers, got \[0.1\]"),
        ([0.1, 1.0], r"dropout must hold numbers in \[0, 1\), got \[0.1, 1.0\]"),
        (["a", "b"], "dropout must hold numbers"),
    ],
)
def test_bad_dropout_is_refused(dropout, message):
    with pytest.raises(ValueError, match=message):
        MLPRegressor(hidden_layer_sizes=(3, 3), dropout=dropout).fit(X, Y_REAL)


@pytest.mark.parametrize("parameters", [{"l1": 0.1}, {"dropout": 0.1}], ids=str)
def test_lbfgs_refuses_what_is_not_smooth(parameters):
    with pytest.raises(ValueError, match="solver='lbfgs' needs a smooth objective"):
        MLPRegressor(solver="lbfgs", **parameters).fit(X, Y_REAL)


def test_l1_is_in_the_loss_and_makes_kernels_small():
    settings = {"hidden_layer_sizes": (5,), "random_state": 0, "alpha": 0.0, "shuffle": False}
    plain, still = (MLPRegressor(l1=l1, max_iter=1, learning_rate_init=1e-300, **settings) for l1 in (0.0, 2.0))
    penalty = still.fit(X, Y_REAL).loss_ - plain.fit(X, Y_REAL).loss_
    assert penalty == pytest.approx(2.0 * sum(np.abs(c).sum() for c in plain.coefs_) / 40, rel=1e-9)
    settings |= {"max_iter": 500, "learning_rate_init": 0.01, "tol": 0}
    plain, sparse = (MLPRegressor(l1=l1, **settings).fit(X, Y_REAL) for l1 in (0.0, 2.0))
    n_small = [(np.abs(model.coefs_[0]) < 0.02).sum() for model in (plain, sparse)]
    assert n_small[1] > n_small[0] + 5


def test_clip_norm_bounds_a_step():
    settings = {"hidden_layer_sizes": (5,), "solver": "sgd", "momentum": 0.0, "learning_rate_init": 1.0, "max_iter": 1}
    start = MLPRegressor(**{**settings, "learning_rate_init": 1e-300}, random_state=0).fit(X * 100, Y_REAL)
    model = MLPRegressor(**settings, clip_norm=0.25, random_state=0).fit(X * 100, Y_REAL)
    step = [a - b for a, b in zip(model.coefs_ + model.intercepts_, start.coefs_ + start.intercepts_, strict=True)]
    assert np.sqrt(sum((s**2).sum() for s in step)) == pytest.approx(0.25, rel=1e-9)


@pytest.mark.parametrize("activation", ["tanh", "mish", "softplus"])
def test_input_gradients_agree_with_differences(activation):
    three = X[:, :3].argmax(axis=1)
    models = [
        fitted("MLPRegressor", activation=activation),
        MLPRegressor(activation=activation, max_iter=3).fit(X, np.c_[Y_REAL, Y_REAL]),
        fitted("MLPClassifier", activation=activation),
        MLPClassifier(activation=activation, max_iter=3).fit(X, three),
    ]
    for model, n_outputs in zip(models, (1, 2, 1, 3), strict=True):
        gradients = model.input_gradients(X)
        assert gradients.shape == ((40, 4) if n_outputs == 1 else (40, n_outputs, 4))
        for j in range(4):
            ahead, behind = (model.activations(X + s * np.eye(4)[j])[-1] for s in (1e-5, -1e-5))
            expected = (ahead - behind) / 2e-5
            assert_allclose(gradients.reshape(40, n_outputs, 4)[:, :, j], expected, rtol=1e-6, atol=1e-9)


def test_input_gradients_are_those_of_the_second_class():
    model = fitted("MLPClassifier", activation="tanh")
    ahead, behind = (model.predict_proba(X + s * np.eye(4)[0])[:, 1] for s in (1e-5, -1e-5))
    assert_allclose(model.input_gradients(X)[:, 0], (ahead - behind) / 2e-5, rtol=1e-6, atol=1e-9)


def test_partial_fit_takes_all_of_it_at_once():
    model = MLPClassifier(
        (6, 6), ["gelu", "selu"], solver="adamw", dropout=0.1, l1=1e-3, clip_norm=1.0, loss="focal", dtype="float32"
    )
    model.set_params(learning_rate="one_cycle", n_iter_warmup=1, class_weight={0: 2, 1: 1}, random_state=0)
    for _ in range(3):
        model.partial_fit(X, Y_BINARY, classes=[0, 1])
    assert np.isfinite(model.loss_curve_).all()
    assert model.predict_proba(X).dtype == np.float32
