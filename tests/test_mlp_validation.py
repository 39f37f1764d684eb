"""Validation rows of one's own, validation curves, scorers, metadata routing."""

import numpy as np
import pytest
import sklearn
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_matrix
from sklearn.metrics import log_loss, make_scorer, mean_squared_error
from sklearn.model_selection import cross_validate
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.fixes import parse_version

import mlpcore
from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, fitted
from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
THREE = X[:, :3].argmax(axis=1)
LABELS = {"binary": Y_BINARY, "multiclass": THREE, "multilabel": (X[:, :3] > 0).astype(int)}


def settings(**parameters):
    return {"hidden_layer_sizes": (5,), "max_iter": 8, "random_state": 0, **parameters}


@pytest.mark.parametrize("target", LABELS)
def test_validation_loss_of_a_classifier_is_the_log_loss(target):
    y = LABELS[target]
    model = MLPClassifier(**settings()).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    p = model.predict_proba(X[30:])
    if target == "multilabel":
        expected = sum(log_loss(y[30:, k], p[:, k], labels=[0, 1]) for k in range(3))
    else:
        expected = log_loss(y[30:], p, labels=model.classes_)
    assert len(model.validation_loss_curve_) == len(model.loss_curve_) == 8
    assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-9)


@pytest.mark.parametrize("y", [Y_REAL, np.c_[Y_REAL, -Y_REAL]], ids=["one", "two"])
def test_validation_loss_of_a_regressor_is_half_the_squared_error(y):
    weight = np.random.RandomState(0).uniform(0, 2, 10)
    model = MLPRegressor(**settings()).fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:], sample_weight_val=weight)
    expected = 0.5 * mean_squared_error(y[30:], model.predict(X[30:]), sample_weight=weight)
    assert_allclose(model.validation_loss_curve_[-1], expected, rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_validation_rows_do_not_change_the_training(kind):
    alone = fitted(kind)
    watched = getattr(mlpcore, kind)(**alone.get_params()).fit(X, Y[kind], X_val=X[:5], y_val=Y[kind][:5])
    assert_array_equal(watched.coefs_[0], alone.coefs_[0])
    assert len(watched.validation_scores_) == len(watched.validation_loss_curve_) == 3
    assert alone.validation_loss_curve_ is None
    assert watched.best_loss_ == alone.best_loss_


@pytest.mark.parametrize("kind", KINDS)
def test_early_stopping_by_given_rows_ends_with_their_best_weights(kind):
    y = Y[kind]
    model = getattr(mlpcore, kind)(**settings(early_stopping=True, max_iter=60, learning_rate_init=0.1))
    model.fit(X[:30], y[:30], X_val=X[30:], y_val=y[30:])
    assert model.score(X[30:], y[30:]) == pytest.approx(max(model.validation_scores_), rel=1e-12)
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.t_ == 30 * model.n_iter_  # no row was kept back


def test_kept_back_rows_have_a_loss_curve_too():
    model = fitted("MLPClassifier", early_stopping=True)
    assert len(model.validation_loss_curve_) == len(model.validation_scores_) == 3


SCORINGS = {
    "a name": "neg_mean_absolute_error",
    "a scorer": make_scorer(lambda y, p: -np.abs(y - p).mean()),
    "a function": lambda model, X, y: -np.abs(y - model.predict(X)).mean(),
}


@pytest.mark.parametrize("name", SCORINGS)
def test_early_stopping_by_a_scorer(name):
    model = MLPRegressor(**settings(early_stopping=True, scoring=SCORINGS[name], max_iter=30, learning_rate_init=0.1))
    model.fit(X[:30], Y_REAL[:30], X_val=X[30:], y_val=Y_REAL[30:])
    error = np.abs(Y_REAL[30:] - model.predict(X[30:])).mean()
    assert model.best_validation_score_ == pytest.approx(-error, rel=1e-12)


def test_early_stopping_by_the_loss():
    model = MLPClassifier(**settings(early_stopping=True, scoring="loss", max_iter=20)).fit(X, Y_BINARY)
    assert_array_equal(model.validation_scores_, -np.array(model.validation_loss_curve_))


def test_scorers_see_labels_as_they_came():
    y = np.array(["no", "yes"])[Y_BINARY]
    model = MLPClassifier(**settings(early_stopping=True, scoring="roc_auc", max_iter=3)).fit(X, y)
    assert 0 <= model.best_validation_score_ <= 1
    pandas = pytest.importorskip("pandas")
    MLPClassifier(**settings(early_stopping=True, scoring="f1_macro")).fit(pandas.DataFrame(X, columns=[*"abcd"]), y)


BAD_VALIDATION = {
    "no y_val": ({"X_val": X}, "X_val is provided, but y_val was not provided"),
    "no X_val": ({"y_val": Y_BINARY}, "y_val is provided, but X_val was not provided"),
    "other columns": ({"X_val": X[:, :2], "y_val": Y_BINARY}, "X_val has 2 features, but MLPClassifier is expecting 4"),
    "too few y_val": ({"X_val": X, "y_val": Y_BINARY[1:]}, "inconsistent numbers of samples"),
    "another class": ({"X_val": X, "y_val": Y_BINARY + 1}, r"`y_val` has classes that `y` has not: \[2\]"),
    "nan": ({"X_val": np.full((3, 4), np.nan), "y_val": Y_BINARY[:3]}, "Input X_val contains NaN"),
    "nan in y_val": ({"X_val": X, "y_val": np.full(40, np.nan)}, "Input y_val contains NaN"),
    "weights alone": ({"sample_weight_val": np.ones(40)}, "sample_weight_val is provided, but X_val"),
    "huge weights": ({"X_val": X, "y_val": Y_BINARY, "sample_weight_val": np.full(40, 1e308)}, "sample_weight_val"),
    "2-D y_val": ({"X_val": X, "y_val": np.eye(40, 2, dtype=int)}, "y_val must have the columns of y"),
    "numbers": ({"X_val": X, "y_val": Y_REAL}, "y_val must hold class labels"),
    "zero weights": (
        {"X_val": X, "y_val": Y_BINARY, "sample_weight_val": np.zeros(40)},
        "at least one non-zero number",
    ),
    "too few weights": ({"X_val": X, "y_val": Y_BINARY, "sample_weight_val": np.ones(3)}, "sample_weight_val.shape"),
}


@pytest.mark.parametrize("name", BAD_VALIDATION)
def test_bad_validation_data_are_refused(name):
    data, message = BAD_VALIDATION[name]
    model = MLPClassifier()
    with pytest.raises(ValueError, match=message):
        model.fit(X, Y_BINARY, **data)
    assert not hasattr(model, "n_features_in_")


BAD_NUMBERS = {
    "nan": ({"X_val": np.full((3, 4), np.nan), "y_val": Y_REAL[:3]}, "Input X_val contains NaN"),
    "infinity in y_val": ({"X_val": X, "y_val": np.full(40, np.inf)}, "Input y_val contains infinity"),
    "2-D y_val": ({"X_val": X, "y_val": np.c_[Y_REAL, Y_REAL]}, "y_val must have the columns of y"),
    "strings": ({"X_val": X, "y_val": ["a"] * 40}, "y_val must hold numbers"),
    "too large": (
        {"X_val": X.astype(np.float32), "y_val": np.full(40, 1e200)},
        "Input y_val contains a value too large",
    ),
    "list with nan": ({"X_val": [[np.nan] * 4] * 2, "y_val": [1.0, 2.0]}, "Input X_val contains NaN"),
}


def test_validation_indicators_may_be_sparse():
    y = (X[:, :3] > 0).astype(int)
    dense, sparse = (
        MLPClassifier(**settings(), early_stopping=True).fit(X[:30], fmt(y[:30]), X_val=X[30:], y_val=fmt(y[30:]))
        for fmt in (np.asarray, csr_matrix)
    )
    assert sparse.validation_scores_ == dense.validation_scores_
    assert_array_equal(sparse.coefs_[0], dense.coefs_[0])


@pytest.mark.parametrize("name", BAD_NUMBERS)
def test_bad_validation_numbers_are_refused(name):
    data, message = BAD_NUMBERS[name]
    model = MLPRegressor()
    with pytest.raises(ValueError, match=message):
        model.fit(X.astype(np.float32), Y_REAL, **data)
    assert not hasattr(model, "n_features_in_")


def test_poisson_refuses_negative_validation_targets():
    with pytest.raises(ValueError, match="y_val >= 0"):
        MLPRegressor("poisson").fit(X, Y_REAL**2, X_val=X, y_val=Y_REAL)


def test_lbfgs_refuses_validation_rows():
    with pytest.raises(ValueError, match="solver='lbfgs' does not look at them"):
        MLPRegressor(solver="lbfgs").fit(X, Y_REAL, X_val=X, y_val=Y_REAL)


def test_scoring_is_checked():
    with pytest.raises(ValueError, match="scoring"):
        MLPRegressor(early_stopping=True, scoring="accuracies").fit(X, Y_REAL)


@pytest.mark.skipif(parse_version(sklearn.__version__) < parse_version("1.6"), reason="transform_input came with 1.6")
def test_a_pipeline_transforms_the_validation_rows():
    scaler = StandardScaler().fit(X[:30])
    with sklearn.config_context(enable_metadata_routing=True):
        network = MLPRegressor(**settings()).set_fit_request(X_val=True, y_val=True)
        pipeline = Pipeline([("scale", StandardScaler()), ("net", network)], transform_input=["X_val"])
        pipeline.fit(X[:30], Y_REAL[:30], X_val=X[30:], y_val=Y_REAL[30:])
    expected = MLPRegressor(**settings())
    expected.fit(scaler.transform(X[:30]), Y_REAL[:30], X_val=scaler.transform(X[30:]), y_val=Y_REAL[30:])
    assert_array_equal(pipeline[-1].validation_loss_curve_, expected.validation_loss_curve_)


@pytest.mark.parametrize("kind", KINDS)
def test_sample_weight_is_routed(kind):
    weight = np.random.RandomState(0).uniform(0, 2, 40)
    with sklearn.config_context(enable_metadata_routing=True):
        model = getattr(mlpcore, kind)(**settings()).set_fit_request(sample_weight=True)
        model.set_score_request(sample_weight=False)
        result = cross_validate(model, X, Y[kind], params={"sample_weight": weight}, cv=2, return_indices=True)
    rows, held = result["indices"]["train"][0], result["indices"]["test"][0]
    alone = getattr(mlpcore, kind)(**settings()).fit(X[rows], Y[kind][rows], weight[rows])
    assert result["test_score"][0] == alone.score(X[held], Y[kind][held])
