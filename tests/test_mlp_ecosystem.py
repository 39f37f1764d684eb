"""scikit-learn's meta-estimators, inspection and displays take our estimators, also in parallel."""

import joblib
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, fitted
from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def network(**parameters):
    return MLPClassifier((5,), max_iter=10, random_state=0, **parameters)


MANY = np.c_[Y_BINARY, X[:, 1] > 0, X[:, :3].argmax(axis=1)].astype(int)  # multiclass-multioutput
PARALLEL = {
    "cross_val_score": lambda: cross_val_score(network(), X, Y_BINARY, cv=3, n_jobs=2),
    "calibrated": lambda: CalibratedClassifierCV(network(), cv=2, n_jobs=2).fit(X, Y_BINARY).predict_proba(X),
    "bagging": lambda: BaggingClassifier(network(), 3, random_state=0, n_jobs=2).fit(X, Y_BINARY).predict_proba(X),
    "stacking": lambda: (
        StackingClassifier([("a", network()), ("b", network(alpha=1.0))], LogisticRegression(), cv=2, n_jobs=2)
        .fit(X, Y_BINARY)
        .predict_proba(X)
    ),
    "voting": lambda: (
        VotingClassifier([("a", network()), ("b", network(alpha=1.0))], voting="soft", n_jobs=2)
        .fit(X, Y_BINARY)
        .predict_proba(X)
    ),
    "multioutput": lambda: MultiOutputClassifier(network(), n_jobs=2).fit(X, MANY).predict(X),
    "regressors": lambda: (
        MultiOutputRegressor(MLPRegressor(max_iter=5, random_state=0), n_jobs=2).fit(X, X[:, :2]).predict(X)
    ),
    "permutation": lambda: (
        permutation_importance(
            network().fit(X, Y_BINARY), X, Y_BINARY, n_repeats=2, random_state=0, n_jobs=2
        ).importances_mean
    ),
    "search over depths": lambda: (
        GridSearchCV(
            make_pipeline(StandardScaler(), network()),
            {"mlpclassifier__hidden_layer_sizes": [(3,), (3, 3)], "mlpclassifier__activation": ["mish", "relu"]},
            cv=2,
            n_jobs=2,
        )
        .fit(X, Y_BINARY)
        .cv_results_["mean_test_score"]
    ),
}


@pytest.mark.parametrize("backend", ["loky", "threading"])
@pytest.mark.parametrize("name", PARALLEL)
def test_two_jobs_give_what_one_gives(name, backend):
    with joblib.parallel_backend(backend, n_jobs=2):
        together = PARALLEL[name]()
    with joblib.parallel_backend("sequential"):
        alone = PARALLEL[name]()
    assert_array_equal(together, alone)


def test_a_fit_inside_a_worker_does_not_ask_for_more_threads_than_it_may():
    with joblib.parallel_backend("loky", n_jobs=2, inner_max_num_threads=1):
        limits = joblib.Parallel(n_jobs=2)(joblib.delayed(threads_here)() for _ in range(2))
    assert limits == [1, 1]


def threads_here():
    from mlpcore._validation import thread_limit

    return thread_limit(None)


@pytest.mark.parametrize("selector", [RFE, SelectFromModel])
def test_feature_selection_says_that_there_are_no_importances(selector):
    with pytest.raises((ValueError, AttributeError), match=r"coef_|feature_importances_"):
        selector(network()).fit(X, Y_BINARY).transform(X)
    kept = RFE(network(), importance_getter=first_kernel, n_features_to_select=2).fit(X, Y_BINARY)
    assert kept.support_.sum() == 2


def first_kernel(model):
    """Return an importance of each feature."""
    return np.abs(model.coefs_[0]).sum(axis=1)


def test_partial_dependence():
    assert partial_dependence(fitted("MLPRegressor"), X, [0])["average"].shape[0] == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_html_repr_shows_parameters_and_state(kind):
    html = fitted(kind, activation=["tanh"], kernel_initializer="he_normal")._repr_html_()
    assert kind in html
    assert "kernel_initializer" in html  # scikit-learn 1.6 shows only what differs from the default


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_tables_serve_as_validation_rows_and_targets(package):
    module = pytest.importorskip(package)
    make = module.table if package == "pyarrow" else module.DataFrame
    table = make(dict(zip("abcd", X.T.copy(), strict=True)))
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, random_state=0)
    model.fit(table, Y_REAL, X_val=table, y_val=Y_REAL)
    assert list(model.feature_names_in_) == [*"abcd"]
    assert model.validation_scores_[-1] == model.score(table, Y_REAL)
    assert model.activations(table)[0].shape == (40, 5)
