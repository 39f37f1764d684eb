"""Learning-rate rules beyond scikit-learn's, limits of time, divergence."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning

import mlpcore
from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, fitted
from mlpcore import MLPRegressor
from mlpcore.estimators._schedule import learning_rate_rule

quiet = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def rates_of(name, n_epochs, n_batches=4, **settings):
    """Return the rate of each batch, (n_epochs, n_batches)."""
    rule = learning_rate_rule("adam", name, 0.1, 0.5, final=0.001, max_epochs=10, **settings)
    rates = []
    for epoch in range(n_epochs):
        of_epoch = rule.rates(n_batches)
        rates.append(np.full(n_batches, rule.rate) if of_epoch is None else of_epoch)
        rule.after_epoch(100 * (epoch + 1))
    return np.array(rates)


def test_cosine_is_half_a_cosine_and_stays_at_the_end():
    rates = rates_of("cosine", 13).ravel()
    progress = np.arange(40) / 40
    assert_allclose(rates[:40], 0.001 + 0.099 * (1 + np.cos(np.pi * progress)) / 2)
    assert_allclose(rates[40:], 0.001)


def test_exponential_falls_by_the_same_factor_each_batch():
    rates = rates_of("exponential", 12).ravel()
    assert_allclose(rates[:40], 0.1 * 0.01 ** (np.arange(40) / 40))
    assert_allclose(rates[40:], 0.001)


def test_one_cycle_rises_for_three_tenths_and_falls():
    rates = rates_of("one_cycle", 11).ravel()
    assert rates[0] == pytest.approx(0.1 / 25)
    assert rates[12] == rates.max() == pytest.approx(0.1)
    assert (np.diff(rates[:13]) > 0).all()
    assert (np.diff(rates[12:41]) < 0).all()
    assert_allclose(rates[40:], 0.001)


@pytest.mark.parametrize("name", ["constant", "cosine", "exponential"])
def test_warm_up_grows_from_0_under_any_rule(name):
    plain, warm = rates_of(name, 5).ravel(), rates_of(name, 5, n_warmup=2.5).ravel()
    assert_allclose(warm / plain, np.minimum(1, np.arange(1, 21) / 10))


@quiet
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("rule", ["cosine", "exponential", "one_cycle"])
def test_rules_reach_the_solver(rule, solver):
    # with the rate all but 0 from the second epoch on, the weights stay
    settings = {
        "hidden_layer_sizes": (5,),
        "solver": solver,
        "learning_rate": rule,
        "random_state": 0,
        "tol": 0,
        "momentum": 0.0,
    }
    one = MLPRegressor(max_iter=1, learning_rate_final=1e-300, **settings)
    several = MLPRegressor(max_iter=1, learning_rate_final=1e-300, warm_start=True, resume=True, **settings)
    one.fit(X, Y_REAL)
    several.fit(X, Y_REAL).fit(X, Y_REAL)
    assert_allclose(several.coefs_[0], one.coefs_[0], rtol=1e-12)
    assert several._optimizer.schedule.rate == 1e-300


@quiet
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_plateau_reduces_the_rate_of_every_solver(solver):
    settings = {"learning_rate": "reduce_on_plateau", "learning_rate_init": 0.1, "learning_rate_final": 0.01}
    model = MLPRegressor(hidden_layer_sizes=(5,), solver=solver, tol=1e9, n_iter_no_change=1, **settings)
    model.fit(X, Y_REAL)
    assert model._optimizer.schedule.rate == pytest.approx(0.1 / 25)  # 0.1, 0.02, 0.004: below 0.01
    assert model.n_iter_ == 7  # the first, then two bad ones for each rate


@quiet
@pytest.mark.parametrize("rule", ["invscaling", "adaptive"])
def test_adam_ignores_the_rules_of_sgd_as_in_scikit_learn(rule):
    settings = {"hidden_layer_sizes": (5,), "max_iter": 30, "random_state": 0, "tol": 1.0, "n_iter_no_change": 2}
    plain, ruled = (MLPRegressor(learning_rate=r, **settings).fit(X, Y_REAL) for r in ("constant", rule))
    assert_array_equal(ruled.loss_curve_, plain.loss_curve_)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_max_time_ends_the_training(solver):
    endless = {"max_iter": 10**6, "max_fun": 10**6, "tol": 0, "n_iter_no_change": 10**6, "random_state": 0}
    model = MLPRegressor(solver=solver, max_time=1e-6, **endless)
    with pytest.warns(ConvergenceWarning, match=r"Maximum time \(1e-06 s\) reached after 1 iterations?"):
        model.fit(X, np.random.RandomState(0).standard_normal(40))
    assert np.isfinite(model.predict(X)).all()
    assert model.n_iter_ == 1


def diverging(**parameters):
    settings = {"hidden_layer_sizes": (5,), "activation": "identity", "solver": "sgd", "random_state": 0, "tol": 0}
    return MLPRegressor(**{**settings, "learning_rate_init": 1.0, "max_iter": 2000, **parameters})


def test_divergence_raises_as_in_scikit_learn_but_at_once():
    model = diverging(max_iter=10**9)
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        model.fit(X * 3, Y_REAL)
    assert not hasattr(model, "coefs_")


def test_divergence_may_end_with_the_weights_of_the_smallest_loss():
    model = diverging(divergence="stop")
    with np.errstate(all="ignore"), pytest.warns(ConvergenceWarning, match="Non-finite weights after .* the best ones"):
        model.fit(X * 3, Y_REAL)
    assert not np.isfinite(model.loss_curve_[-1])
    best = int(np.nanargmin(model.loss_curve_)) + 1
    with pytest.warns(ConvergenceWarning, match="Maximum iterations"):
        until_then = diverging(max_iter=best).fit(X * 3, Y_REAL)
    assert_array_equal(model.coefs_[0], until_then.coefs_[0])


@quiet
@pytest.mark.parametrize("kind", KINDS)
def test_surviving_divergence_costs_nothing_where_there_is_none(kind):
    settings = {"hidden_layer_sizes": (5,), "max_iter": 10, "random_state": 0}
    a, b = (getattr(mlpcore, kind)(divergence=d, **settings).fit(X, Y[kind]) for d in ("raise", "stop"))
    assert_array_equal(a.coefs_[0], b.coefs_[0])


def test_divergence_in_the_first_epoch_is_an_error():
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
        diverging(divergence="stop").fit(X * 1e160, Y_REAL)


@pytest.mark.parametrize(
    "parameters",
    [
        {"learning_rate": "step"},
        {"learning_rate_final": 0},
        {"n_iter_warmup": -1},
        {"max_time": 0},
        {"divergence": "ignore"},
        {"resume": "yes"},
        {"dtype": "float16"},
        {"kernel_initializer": "zeros"},
        {"output_activation": "mish"},
        {"scoring": 3},
        {"solver": "adamax"},
        {"loss": "hinge"},
        {"l1": -1},
        {"dropout": 1.0},
        {"clip_norm": 0},
        {"weight_decay": -1},
        {"rho": 1},
        {"delta": 0},
        {"quantiles": 1.0},
    ],
    ids=str,
)
def test_bad_parameters_are_refused(parameters):
    name = next(iter(parameters))
    with pytest.raises(ValueError, match=f"The '{name}' parameter of MLPRegressor must be"):
        MLPRegressor(**parameters).fit(X, Y_REAL)


def test_scores_that_are_never_numbers_keep_the_last_weights():
    settings = {"hidden_layer_sizes": (5,), "max_iter": 4, "random_state": 0}
    plain = MLPRegressor(**settings, scoring=lambda *a: np.nan)
    with pytest.warns(ConvergenceWarning), pytest.warns(UserWarning, match="the last weights are kept"):
        stopped = MLPRegressor(**settings, early_stopping=True, scoring=lambda *a: np.nan).fit(
            X, Y_REAL, X_val=X, y_val=Y_REAL
        )
    with pytest.warns(ConvergenceWarning):
        plain.fit(X, Y_REAL)
    for ours, expected in zip(stopped.coefs_, plain.coefs_, strict=True):
        assert_array_equal(ours, expected)


@pytest.mark.parametrize("loss", ["squared_error", "quantile"])
def test_one_validation_row_has_no_r2(loss):
    model = MLPRegressor(loss, early_stopping=True)
    with pytest.raises(ValueError, match="X_val and y_val must hold at least two rows"):
        model.fit(X, Y_REAL, X_val=X[:1], y_val=Y_REAL[:1])
    with pytest.warns(ConvergenceWarning):
        model.set_params(scoring="loss", max_iter=2).fit(X, Y_REAL, X_val=X[:1], y_val=Y_REAL[:1])


@quiet
@pytest.mark.parametrize(
    "settings", [{"n_iter_warmup": 40, "max_iter": 60}, {"learning_rate": "one_cycle", "max_iter": 133}]
)
def test_no_epoch_is_bad_while_the_rate_rises(settings):
    model = MLPRegressor(hidden_layer_sizes=(4,), solver="sgd", n_iter_no_change=3, tol=1e9, random_state=0, **settings)
    model.fit(X, Y_REAL)
    rising = 40  # 0.3 of the 133
    assert model.n_iter_ == rising + 3 + 1


@quiet
@pytest.mark.parametrize("change", [{"scoring": "neg_log_loss"}, {"scoring": "loss"}])
def test_a_best_of_another_measure_is_not_compared(change):
    model = fitted("MLPClassifier", early_stopping=True, warm_start=True, n_iter_no_change=1000, tol=0.0)
    before = [kernel.copy() for kernel in model.coefs_]
    n = len(model.validation_scores_)
    model.set_params(max_iter=30, **change).fit(X, Y_BINARY)
    assert model.best_validation_score_ == max(model.validation_scores_[n:])
    assert not np.array_equal(before[0], model.coefs_[0])


@quiet
def test_scores_without_early_stopping_are_no_best_that_was_kept():
    model = fitted("MLPClassifier", warm_start=True, max_iter=30, learning_rate_init=0.05)
    model.fit(X, Y_BINARY, X_val=X[:20], y_val=Y_BINARY[:20])
    n = len(model.validation_scores_)
    model.set_params(early_stopping=True, alpha=50.0, n_iter_no_change=1000).fit(
        X, Y_BINARY, X_val=X[:20], y_val=Y_BINARY[:20]
    )
    assert model.best_validation_score_ == max(model.validation_scores_[n:])
    assert model.score(X[:20], Y_BINARY[:20]) == model.best_validation_score_
