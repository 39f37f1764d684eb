"""Models as scikit-learn estimators: parameters, labels, weights, randomness, scikit-learn's own checks."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn import neural_network
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import mlpcore
from mlpcore import MLPClassifier, MLPRegressor
from mlpcore.callbacks import Callback
from mlpcore.wrappers import ModelClassifier, ModelRegressor, model_from_estimator

X, Y = make_classification(90, 5, n_informative=4, n_redundant=0, n_classes=3, random_state=0)
X = X.astype(np.float32)
LABELS = np.array(["ant", "bee", "cat"])[Y]
X_REAL, Y_REAL = make_regression(90, 4, random_state=0)
Y_REAL = Y_REAL / Y_REAL.std()


def build_classifier(width=8, rate=0.02, loss="sparse_categorical_crossentropy", meta=None):
    dense = mlpcore.layers.Dense
    outputs = 1 if loss == "binary_crossentropy" else (meta or {}).get("n_classes_", 3)
    model = mlpcore.Sequential([dense(width, "tanh"), dense(outputs, "sigmoid" if outputs == 1 else "softmax")])
    model.compile(loss=loss, optimizer=mlpcore.optimizers.Adam(rate), metrics=["accuracy"])
    return model


def build_regressor(width=8, rate=0.02, meta=None):
    dense = mlpcore.layers.Dense
    model = mlpcore.Sequential([dense(width, "tanh"), dense((meta or {}).get("n_outputs_", 1))])
    model.compile(loss="mse", optimizer=mlpcore.optimizers.Adam(rate))
    return model


def classifier(**options):
    return ModelClassifier(build_classifier, **({"epochs": 20, "random_state": 0} | options))


def regressor(**options):
    return ModelRegressor(build_regressor, **({"epochs": 20, "random_state": 0} | options))


def test_the_functions_parameters_are_the_estimators():
    model = classifier(width=4)
    assert {"width": 4, "rate": 0.02, "epochs": 20}.items() <= model.get_params().items()
    assert "meta" not in model.get_params()
    same = clone(model).set_params(rate=0.5)
    assert (same.get_params()["width"], same.get_params()["rate"]) == (4, 0.5)
    assert model.get_params()["rate"] == 0.02
    assert model.set_params(build=build_regressor, width=3).get_params()["width"] == 3


def test_the_function_gets_parameters_of_the_estimators_own():
    def build(epochs, width=3):
        model = build_regressor(width)
        model.epochs_seen = epochs
        return model

    model = ModelRegressor(build, epochs=2).fit(X_REAL, Y_REAL)
    assert model.model_.epochs_seen == 2
    assert "width" in model.get_params()


@pytest.mark.parametrize("make", [classifier, regressor])
def test_unknown_parameters_get_a_suggestion(make):
    with pytest.raises(TypeError, match="unknown argument 'widht'; did you mean 'width'"):
        make(widht=3)
    with pytest.raises(ValueError, match="Invalid parameter 'widht'"):
        make().set_params(widht=3)


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
def test_classifier_knows_labels_of_any_kind(loss):
    model = classifier(loss=loss).fit(X, LABELS)
    assert_array_equal(model.classes_, ["ant", "bee", "cat"])
    assert model.n_features_in_ == 5
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (90, 3)
    assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert_array_equal(model.predict(X), model.classes_[probabilities.argmax(axis=1)])
    assert model.score(X, LABELS) > 0.6
    assert sorted(model.history_) == ["accuracy", "loss"]
    assert len(model.history_["loss"]) == 20


def test_both_losses_train_alike():
    one, other = (classifier(loss=f"{kind}categorical_crossentropy").fit(X, Y) for kind in ("", "sparse_"))
    assert_allclose(one.predict_proba(X), other.predict_proba(X), atol=1e-5)


def test_two_classes_may_have_one_output():
    model = classifier(loss="binary_crossentropy").fit(X, Y > 0)
    assert model.predict_proba(X).shape == (90, 2)
    assert model.predict(X).dtype == bool
    assert model.score(X, Y > 0) > 0.6


def test_regressor_returns_the_shape_of_y():
    assert regressor().fit(X_REAL, Y_REAL).predict(X_REAL).shape == (90,)
    two = regressor().fit(X_REAL, np.column_stack([Y_REAL, -Y_REAL]))
    assert two.predict(X_REAL).shape == (90, 2)
    assert two.score(X_REAL, np.column_stack([Y_REAL, -Y_REAL])) > 0.3


@pytest.mark.parametrize(("make", "x", "y"), [(classifier, X, LABELS), (regressor, X_REAL, Y_REAL)])
def test_random_state_decides_and_leaves_the_packages_stream_alone(make, x, y):
    mlpcore.random.set_seed(5)
    expected = regressor(random_state=None).fit(X_REAL, Y_REAL).predict(X_REAL)
    one, same, other = (make(random_state=seed).fit(x, y) for seed in (1, 1, 2))
    mlpcore.random.set_seed(5)
    make(random_state=3).fit(x, y)
    assert_array_equal(regressor(random_state=None).fit(X_REAL, Y_REAL).predict(X_REAL), expected)
    for first, second in zip(one.model_.get_weights(), same.model_.get_weights(), strict=True):
        assert_array_equal(first, second)
    assert not np.array_equal(one.model_.get_weights()[0], other.model_.get_weights()[0])


@pytest.mark.parametrize(("make", "x", "y"), [(classifier, X, LABELS), (regressor, X_REAL, Y_REAL)])
def test_partial_fit_and_warm_start_go_on(make, x, y):
    whole = make(epochs=3, shuffle=False).fit(x, y)
    parts = make(shuffle=False)
    for _ in range(3):
        parts.partial_fit(x, y)
    assert len(parts.history_["loss"]) == 3
    assert_allclose(parts.model_.get_weights()[0], whole.model_.get_weights()[0], rtol=1e-5)
    warm = make(epochs=2, warm_start=True, shuffle=False).fit(x, y).set_params(epochs=1).fit(x, y)
    assert_allclose(warm.model_.get_weights()[0], whole.model_.get_weights()[0], rtol=1e-5)
    assert len(make(epochs=2).fit(x, y).fit(x, y).history_["loss"]) == 2
    assert len(warm.fit(x, y, epochs=4).history_["loss"]) == 7


def test_partial_fit_may_announce_classes():
    model = classifier().partial_fit(X[Y > 0], LABELS[Y > 0], classes=["ant", "bee", "cat"])
    model.partial_fit(X, LABELS)
    assert_array_equal(model.classes_, ["ant", "bee", "cat"])
    with pytest.raises(ValueError, match="are not those of the first call"):
        model.partial_fit(X, LABELS, classes=["ant", "bee"])
    with pytest.raises(ValueError, match="none of the classes"):
        model.partial_fit(X, ["dog"] * 90)


def test_weights_of_rows_and_classes_count():
    twice = np.r_[np.arange(90), np.flatnonzero(Y == 1)]
    by_rows = classifier(batch_size=200, shuffle=False).fit(X[twice], LABELS[twice])
    weights = np.where(Y == 1, 2.0, 1.0)
    scale = 90 / 120  # Keras divides by rows, not by weights
    assert by_rows.n_classes_ == 3
    by_weights = classifier(batch_size=200, shuffle=False).fit(X, LABELS, sample_weight=weights * scale)
    by_class = classifier(
        batch_size=200, shuffle=False, class_weight={"ant": scale, "bee": 2 * scale, "cat": scale}
    ).fit(X, LABELS)
    assert_allclose(by_class.predict_proba(X), by_weights.predict_proba(X), atol=1e-5)
    assert_allclose(by_rows.predict_proba(X), by_weights.predict_proba(X), atol=1e-3)
    balanced = classifier(class_weight="balanced").fit(X, LABELS)
    assert balanced.score(X, LABELS) > 0.6


def test_fit_takes_validation_data_with_labels_and_callbacks_are_copied():
    class Counter(Callback):
        def __init__(self):
            super().__init__()
            self.epochs = 0

        def on_epoch_end(self, epoch, logs=None):
            self.epochs += 1
            assert "val_accuracy" in logs

    counter = Counter()
    model = classifier(epochs=2, callbacks=[counter]).fit(X, LABELS, validation_data=(X[:20], LABELS[:20]))
    assert counter.epochs == 0
    assert len(model.history_["val_accuracy"]) == 2
    assert clone(model).get_params()["callbacks"][0].epochs == 0


def test_pipelines_searches_and_frames_work():
    frame = pd.DataFrame(X, columns=list("abcde"))
    pipeline = make_pipeline(StandardScaler().set_output(transform="pandas"), classifier(epochs=5))
    search = GridSearchCV(pipeline, {"modelclassifier__width": [2, 8], "modelclassifier__epochs": [1, 10]}, cv=2)
    search.fit(frame, LABELS)
    assert search.best_params_["modelclassifier__epochs"] == 10
    assert list(search.best_estimator_[-1].feature_names_in_) == list("abcde")
    assert cross_val_score(regressor(epochs=100, rate=0.05), X_REAL, Y_REAL, cv=3).mean() > 0.5


def test_inputs_may_have_more_axes():
    def build():
        layers = mlpcore.layers
        model = mlpcore.Sequential([layers.Flatten(), layers.Dense(3, "softmax")])
        model.compile(loss="sparse_categorical_crossentropy", optimizer="adam")
        return model

    images = X[:, :4].reshape(90, 2, 2)
    assert ModelClassifier(build).fit(images, Y).predict(images).shape == (90,)


@pytest.mark.parametrize(("make", "x", "y"), [(classifier, X, LABELS), (regressor, X_REAL, Y_REAL)])
def test_fitted_estimators_survive_pickle(make, x, y):
    model = make(epochs=2).fit(x, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict(x), model.predict(x))
    assert_allclose(again.partial_fit(x, y).predict(x[:5]).shape, (5,))


@pytest.mark.parametrize(
    ("act", "error", "message"),
    [
        (
            lambda: ModelClassifier().fit(X, Y),
            ValueError,
            "needs a function that builds a compiled model, got build=None",
        ),
        (lambda: ModelClassifier(lambda: 3).fit(X, Y), TypeError, "must return a compiled model, got 3"),
        (lambda: classifier().predict(X), NotFittedError, "not fitted"),
        (lambda: ModelClassifier(build_regressor).fit(X, Y).predict(X), ValueError, "1 outputs for 3 classes"),
    ],
)
def test_mistakes_are_named(act, error, message):
    with pytest.raises(error, match=message):
        act()


@parametrize_with_checks(
    [
        ModelClassifier(build_classifier, epochs=60, batch_size=8, random_state=0),
        ModelRegressor(build_regressor, epochs=100, batch_size=8, random_state=0),
    ],
    expected_failed_checks=lambda estimator: {
        "check_sample_weight_equivalence_on_dense_data": "other rows make other batches",
        "check_do_not_raise_errors_in_init_or_set_params": "takes **build_parameters for a parameter",
        **({"check_regressor_multioutput": "wants float64"} if isinstance(estimator, ModelRegressor) else {}),
    },
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks(estimator, check):
    check(estimator)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (MLPClassifier((6, 4), max_iter=5, random_state=0), LABELS),
        (MLPClassifier((6,), activation="logistic", solver="sgd", max_iter=5, random_state=0), Y > 0),
        (MLPClassifier((), max_iter=5, random_state=0), LABELS),
        (MLPClassifier((6, 4), activation=["tanh", "selu"], dropout=0.1, max_iter=5, random_state=0), LABELS),
        (MLPRegressor(hidden_layer_sizes=(6, 4), activation="identity", max_iter=5, random_state=0), Y),
        (MLPRegressor(hidden_layer_sizes=(6,), loss="poisson", alpha=0, solver="lbfgs", max_iter=5, random_state=0), Y),
    ],
    ids=str,
)
def test_an_estimator_becomes_the_equal_sequential(estimator, y):
    estimator.fit(X, y)
    model = model_from_estimator(estimator)
    outputs = model.predict(X, verbose=0)
    if isinstance(estimator, MLPRegressor):
        assert_allclose(outputs[:, 0], estimator.predict(X), rtol=1e-4, atol=1e-5)
        targets = Y[:, None].astype(np.float32)
    else:
        expected = estimator.predict_proba(X)
        assert_allclose(outputs, expected[:, 1:] if outputs.shape[1] == 1 else expected, rtol=1e-4, atol=1e-6)
        targets = np.searchsorted(estimator.classes_, Y > 0 if outputs.shape[1] == 1 else LABELS)
        targets = targets[:, None].astype(np.float32) if outputs.shape[1] == 1 else targets
    assert model.layers[-1].name == "output"
    losses = model.fit(X, targets, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_scikit_learns_estimators_become_models_too(name):
    estimator = getattr(neural_network, name)(hidden_layer_sizes=(6,), max_iter=5)
    if "loss" in estimator.get_params():  # of MLPRegressor, from scikit-learn 1.7 on
        estimator.set_params(loss="poisson")
    estimator.fit(X, Y)
    outputs = model_from_estimator(estimator).predict(X, verbose=0)
    expected = estimator.predict_proba(X) if name == "MLPClassifier" else estimator.predict(X)[:, None]
    assert_allclose(outputs, expected, rtol=1e-4, atol=1e-6)  # float32 on either side


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    ("estimator", "factor"),  # of the model's loss, of the estimator's
    [
        (MLPRegressor("squared_error"), 2.0),
        (MLPRegressor("absolute_error"), 1.0),
        (MLPRegressor("huber", delta=0.1), 1.0),
        (MLPRegressor("log_cosh"), 1.0),
        (MLPRegressor("quantile", quantiles=0.9), 1.0),
        (MLPRegressor("quantile", quantiles=[0.1, 0.9]), 1.0),
        (MLPClassifier(loss="hinge"), 1.0),
        (MLPClassifier(loss="focal", focal_gamma=1.5), 1.0),
        (MLPClassifier(loss="focal", label_smoothing=0.1), 1.0),
        (MLPClassifier(label_smoothing=0.1), 1.0),
        (MLPClassifier(), 1.0),
    ],
    ids=str,
)
def test_the_model_goes_on_with_the_estimators_loss(estimator, factor):
    estimator.set_params(hidden_layer_sizes=(6,), alpha=0.0, max_iter=5, random_state=0, dtype="float32")
    y = Y_REAL if isinstance(estimator, MLPRegressor) else (Y > 0).astype(int)
    rows = X_REAL.astype(np.float32)
    estimator.fit(rows, y, X_val=rows, y_val=y)
    loss = estimator.to_model().evaluate(rows, y, verbose=0)
    assert loss == pytest.approx(factor * estimator.validation_loss_curve_[-1], rel=1e-4)  # float32 of either


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "settings",
    [
        {"solver": "sgd", "momentum": 0.7, "nesterovs_momentum": False},
        {"solver": "adam", "beta_1": 0.5, "epsilon": 1e-3},
        {"solver": "adamw", "weight_decay": 0.5, "beta_1": 0.5, "epsilon": 1e-3},
        {"solver": "nadam", "beta_2": 0.9},
        {"solver": "rmsprop", "rho": 0.5, "epsilon": 1e-3},
        {"solver": "adagrad", "epsilon": 1e-2},
        {"solver": "sgd", "clip_norm": 0.01},
        {"solver": "sgd", "l1": 0.3, "alpha": 0.2},
    ],
    ids=str,
)
def test_the_model_trains_as_the_estimator_would_from_a_new_optimizer(settings):
    n = len(X)
    once = {"max_iter": 1, "batch_size": n, "shuffle": False, "dtype": "float32"}
    estimator = MLPClassifier((6,), alpha=0.0, random_state=0, learning_rate_init=0.05, **once).set_params(**settings)
    model = estimator.fit(X, Y).to_model()
    if "l1" in settings:  # which estimators divide by the rows
        estimator.set_params(l1=settings["l1"] * n, alpha=settings["alpha"] * n)
    estimator.set_params(warm_start=True, max_iter=3).fit(X, Y)
    model.fit(X, Y, batch_size=n, shuffle=False, epochs=3, verbose=0)
    expected = [part for pair in zip(estimator.coefs_, estimator.intercepts_, strict=True) for part in pair]
    for ours, theirs in zip(model.get_weights(), expected, strict=True):
        assert_allclose(ours, theirs, rtol=1e-3, atol=1e-5)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_the_model_of_a_hinge_loss_for_several_classes_trains():
    estimator = MLPClassifier((6,), loss="hinge", max_iter=5, random_state=0).fit(X, Y)
    with pytest.warns(UserWarning, match="no hinge loss: the model is compiled with the plain cross entropy"):
        model = estimator.to_model()
    losses = model.fit(X, Y, epochs=20, verbose=0).history["loss"]
    assert losses[-1] < losses[0] < 3.0  # cross-entropy of the outputs as probabilities would be about 10 here


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("settings", [{"loss": "focal"}, {"label_smoothing": 0.1}])
def test_a_loss_that_models_lack_for_several_classes_is_told(settings):
    estimator = MLPClassifier((6,), max_iter=2, random_state=0, **settings).fit(X, Y)
    with pytest.warns(UserWarning, match="no focal loss and no label smoothing"):
        estimator.to_model()


def test_only_fitted_mlp_estimators_become_models():
    with pytest.raises(NotFittedError):
        model_from_estimator(MLPClassifier())
    with pytest.raises(TypeError, match="expects an MLPClassifier or MLPRegressor"):
        model_from_estimator(StandardScaler())


@pytest.mark.parametrize("arguments", [{"validation_data": (X[:, :2], LABELS)}, {"epochs": "many"}])
def test_a_fit_that_fails_leaves_the_estimator_as_it_was(arguments):
    estimator = ModelClassifier(build_classifier, epochs=1).fit(X, LABELS)
    before, state = estimator.predict_proba(X), dict(vars(estimator))
    with pytest.raises((TypeError, ValueError)):
        estimator.fit(X[:, :4], Y, **arguments)
    assert vars(estimator) == state
    assert_array_equal(estimator.predict_proba(X), before)
