"""Depth and width in scikit-learn's searches, and objectives for plain Optuna studies."""

import pickle

import numpy as np
import pytest
from scipy.stats import randint
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlpcore import MLPClassifier
from mlpcore.tuner import LayerSizes, optuna_objective

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, y = make_classification(120, 6, random_state=0)


def model(**options):
    return MLPClassifier(LayerSizes(), solver="lbfgs", max_iter=5, random_state=0, **options)


def test_layer_sizes_are_what_a_tuple_would_be():
    same = MLPClassifier((7, 7), max_iter=3, random_state=0).fit(X, y)
    ours = MLPClassifier(LayerSizes(2, 7), max_iter=3, random_state=0).fit(X, y)
    np.testing.assert_array_equal(ours.predict_proba(X), same.predict_proba(X))
    assert LayerSizes(2, 7)[-1] == 7
    assert list(LayerSizes(np.int64(0), 7)) == []


def test_depth_and_width_are_parameters_of_the_estimator():
    estimator = clone(model()).set_params(hidden_layer_sizes__depth=2, hidden_layer_sizes__width=3)
    assert [coefs.shape for coefs in estimator.fit(X, y).coefs_] == [(6, 3), (3, 3), (3, 1)]
    assert estimator.get_params()["hidden_layer_sizes__width"] == 3
    assert model().hidden_layer_sizes == LayerSizes()  # the clone has its own
    assert pickle.loads(pickle.dumps(estimator)).hidden_layer_sizes == LayerSizes(2, 3)
    with pytest.raises(ValueError, match="no 'height'"):
        LayerSizes().set_params(height=3)


@pytest.mark.parametrize(
    "search",
    [
        lambda estimator, space: GridSearchCV(estimator, {name: [1, 2] for name in space}, cv=2),
        lambda estimator, space: RandomizedSearchCV(estimator, space, n_iter=3, cv=2, random_state=0),
        lambda estimator, space: HalvingRandomSearchCV(estimator, space, cv=2, random_state=0, min_resources=60),
    ],
)
def test_searches_set_depth_and_width(search):
    pipeline = make_pipeline(StandardScaler(), model())
    names = [f"mlpclassifier__hidden_layer_sizes__{name}" for name in ("depth", "width")]
    found = search(pipeline, {names[0]: randint(1, 3), names[1]: randint(2, 9)}).fit(X, y)
    assert sorted(found.best_params_) == names
    sizes = found.best_estimator_[-1].hidden_layer_sizes
    assert sizes == LayerSizes(found.best_params_[names[0]], found.best_params_[names[1]])


@pytest.mark.parametrize(
    ("search", "options"),
    [
        (GridSearchCV, {}),
        (RandomizedSearchCV, {"n_iter": 2, "random_state": 0}),
        (HalvingRandomSearchCV, {"n_candidates": 2, "random_state": 0}),
    ],
)
def test_searches_choose_among_tuples(search, options):
    found = search(model(), {"hidden_layer_sizes": [(3,), (2, 4)]}, cv=2, **options).fit(X, y)
    shapes = [coefs.shape[1] for coefs in found.best_estimator_.coefs_]
    assert tuple(shapes[:-1]) == found.best_params_["hidden_layer_sizes"]


@pytest.mark.filterwarnings("ignore:OptunaSearchCV is experimental")
@pytest.mark.filterwarnings("ignore:The OptunaSearchCV or classes:FutureWarning")  # scikit-learn 1.6
@pytest.mark.filterwarnings("ignore:.*optuna.terminator:FutureWarning")  # optuna-integration 5.0 asks for it itself
@pytest.mark.filterwarnings("ignore:Choices for a categorical distribution")  # tuples: no database could store them
def test_optunas_search_sets_depth_and_width_and_chooses_among_tuples():
    optuna = pytest.importorskip("optuna")
    integration = pytest.importorskip("optuna_integration")
    integers = optuna.distributions.IntDistribution
    spaces = [
        {"hidden_layer_sizes__depth": integers(1, 2), "hidden_layer_sizes__width": integers(2, 8)},
        {"hidden_layer_sizes": optuna.distributions.CategoricalDistribution([(3,), (2, 4)])},
    ]
    for space in spaces:
        search = integration.OptunaSearchCV(model(), space, n_trials=3, cv=2, random_state=0).fit(X, y)
        best = search.best_params_
        assert best.keys() == space.keys()
        expected = best.get("hidden_layer_sizes") or LayerSizes(*(best[name] for name in space))
        shapes = [coefs.shape[1] for coefs in search.best_estimator_.coefs_]
        assert shapes[:-1] == list(expected)


def test_estimators_in_a_study_are_pruned_by_epoch():
    optuna = pytest.importorskip("optuna")
    pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")

    def build(trial):
        rate = trial.suggest_categorical("rate", [1e-2, 1e-6])
        return MLPClassifier((8,), learning_rate_init=rate, max_iter=15, n_iter_no_change=15, random_state=0)

    study = optuna.create_study(
        direction="maximize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=3),
        sampler=optuna.samplers.GridSampler({"rate": [1e-2, 1e-6]}, seed=0),
    )
    study.enqueue_trial({"rate": 1e-2})
    study.enqueue_trial({"rate": 1e-6})
    study.optimize(optuna_objective(build, X[:80], y[:80], validation_data=(X[80:], y[80:])), n_trials=2)
    states = [trial.state.name for trial in study.trials]
    assert states == ["COMPLETE", "PRUNED"]
    assert len(study.trials[0].intermediate_values) == 15
    assert study.trials[0].value == study.trials[0].intermediate_values[15]
    assert len(study.trials[1].intermediate_values) < 15


def test_models_in_a_study_are_pruned_by_epoch():
    optuna = pytest.importorskip("optuna")
    from pretend_model import PretendModel

    study = optuna.create_study(
        direction="maximize", pruner=optuna.pruners.MedianPruner(n_startup_trials=1, n_warmup_steps=0)
    )
    objective = optuna_objective(
        lambda trial: PretendModel(trial.suggest_float("best", 0, 1)),
        0.0,
        None,
        validation_data=(0, 0),
        monitor="val_accuracy",
        epochs=4,
    )
    study.enqueue_trial({"best": 0.9})
    study.enqueue_trial({"best": 0.5})
    study.optimize(objective, n_trials=2)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE", "PRUNED"]
    assert study.best_value == pytest.approx(0.9 * (1 - 2**-4))
