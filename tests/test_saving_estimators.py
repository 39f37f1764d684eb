"""Estimators in files: every kind comes back, predicts and trains on with the same bits; damage is refused."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone

from mlpcore import MLPClassifier, MLPRegressor, Perceptron
from mlpcore.saving.container import read_container, write_container
from mlpcore.saving.errors import FileFormatError
from mlpcore.saving.estimators import load_estimator, save_estimator
from saving_mutations import mutations

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 4))
LABELS = {
    "strings": np.where(X[:, 0] > 0, "ja", "nein"),
    "objects": np.where(X[:, 0] > 0, "ja", "nein").astype(object),
    "integers": np.arange(60) % 3,
    "booleans": X[:, 0] > 0,
    "floats": np.where(X[:, 0] > 0, 1.0, -1.0),
    "many": np.stack([X[:, 0] > 0, X[:, 1] > 0], 1).astype(int),
}
SMALL = {"hidden_layer_sizes": (5,), "max_iter": 3}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "estimator"


def reloaded(estimator, path, **keywords):
    save_estimator(estimator, path)
    return load_estimator(path, **keywords)


@pytest.mark.parametrize("labels", LABELS)
def test_classifiers_come_back(path, labels):
    model = MLPClassifier(**SMALL, random_state=0).fit(X, LABELS[labels])
    back = reloaded(model, path)
    assert_array_equal(back.predict(X), model.predict(X))
    assert_array_equal(back.predict_proba(X), model.predict_proba(X))
    assert np.asarray(back.classes_).dtype == np.asarray(model.classes_).dtype
    assert back.get_params() == model.get_params()
    assert back.loss_curve_ == model.loss_curve_


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "lbfgs"},
        {"solver": "sgd", "learning_rate": "adaptive"},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"learning_rate": "cosine", "n_iter_warmup": 1},
        {"early_stopping": True, "scoring": "r2"},
        {"dtype": "float32", "dropout": 0.2},
        {"random_state": np.random.RandomState(3)},
        {"loss": "quantile", "quantiles": (0.1, 0.9)},
    ],
    ids=lambda options: ", ".join(options) or "defaults",
)
def test_regressors_come_back(path, parameters):
    model = MLPRegressor(**SMALL, **parameters).fit(X, X[:, 0])
    back = reloaded(model, path)
    assert_array_equal(back.predict(X), model.predict(X))
    assert back.predict(X).dtype == model.predict(X).dtype


@pytest.mark.parametrize("labels", ["strings", "integers", "booleans"])
def test_perceptrons_come_back(path, labels):
    model = Perceptron(random_state=0).fit(X, LABELS[labels])
    assert_array_equal(reloaded(model, path).predict(X), model.predict(X))


@pytest.mark.parametrize(
    "rule", [{}, {"solver": "sgd"}, {"solver": "sgd", "learning_rate": "invscaling"}, {"dropout": 0.3}]
)
def test_training_goes_on_with_the_same_bits(path, rule):
    model = MLPClassifier(**SMALL, random_state=0, resume=True, **rule).partial_fit(
        X, LABELS["strings"], classes=["ja", "nein"]
    )
    back = reloaded(model, path)
    for each in (model, back):
        each.partial_fit(X, LABELS["strings"]).partial_fit(X, LABELS["strings"])
    for one, other in zip(model.coefs_ + model.intercepts_, back.coefs_ + back.intercepts_, strict=True):
        assert_array_equal(one, other)


def test_names_of_features_come_back(path):
    frame = pd.DataFrame(X, columns=list("abcd"))
    back = reloaded(MLPRegressor(**SMALL).fit(frame, X[:, 0]), path)
    assert back.feature_names_in_.tolist() == list("abcd")
    with pytest.raises(ValueError, match="feature names"):
        back.predict(frame[list("dcba")])


def test_unfitted_estimators_come_back(path):
    weights = {0: 1.0, 1: 2.0}
    assert reloaded(MLPClassifier(class_weight=weights, alpha=float("inf")), path).class_weight == weights
    assert clone(reloaded(Perceptron(), path)).get_params() == Perceptron().get_params()


def test_a_generator_used_twice_stays_one(path):
    back = reloaded(MLPRegressor(**SMALL, random_state=np.random.RandomState(0)).fit(X, X[:, 0]), path)
    assert back.random_state is back._random_state


class Mine(Perceptron):
    """A subclass of a user."""


def test_subclasses_are_passed(path):
    model = Mine().fit(X, LABELS["strings"])
    assert type(reloaded(model, path, custom_objects={"Mine": Mine})) is Mine
    with pytest.raises(FileFormatError, match=r"it holds a 'Mine'; pass the class as custom_objects"):
        load_estimator(path)
    with pytest.raises(FileFormatError, match="is no subclass of"):
        load_estimator(path, custom_objects={"Mine": dict})


def test_what_cannot_be_saved_is_named(path):
    with pytest.raises(TypeError, match=r"MLPClassifier\.scoring is <function"):
        save_estimator(MLPClassifier(scoring=lambda *_: 0), path)
    with pytest.raises(TypeError, match="dict cannot be saved"):
        save_estimator({}, path)
    assert not path.exists()


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"class_name": "os.system"}, "it holds a 'os.system'"),
        ({"class_name": None}, "it holds a 'None'"),
        ({"class_name": []}, "unhashable|it holds"),
        ({"state": None}, "no state of an estimator"),
        ({"state": {"predict": 1}}, "'predict' is no attribute"),
        ({"state": {"__dict__": 1}}, "'__dict__' is no attribute"),
        ({"state": {"_get_param_names": 1}}, "is no attribute"),
        ({"state": {"coefs_": []}}, "'intercepts_' is missing"),
        ({"state": {"x_": {"__class__": "Popen", "state": {}}}}, "damaged entry of kind 'Popen'"),
        ({"state": {"x_": {"__class__": "same", "index": 3}}}, "damaged entry of kind 'same'"),
        ({"state": {"x_": {"__class__": "Optimizer", "state": {"engine": 1}}}}, "damaged entry of kind 'Optimizer'"),
        ({"state": {"x_": {"__class__": "generator", "state": {}}}}, "damaged state of a random generator"),
    ],
)
def test_hostile_states_are_refused(path, change, match):
    save_estimator(Perceptron(), path)
    config, arrays = read_container(path)
    write_container(path, {**config, **change}, arrays)
    with pytest.raises(FileFormatError, match=match):
        load_estimator(path)


def test_a_parameter_that_the_files_version_did_not_have_gets_its_default(path):
    model = MLPRegressor(**SMALL).fit(X, X[:, 0])
    save_estimator(model, path)
    config, arrays = read_container(path)
    del config["state"]["mixed_precision"]
    write_container(path, config, arrays)
    loaded = load_estimator(path)
    assert loaded.mixed_precision is None
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("name", ["coefs_", "intercepts_", "_optimizer"])
def test_weights_that_do_not_follow_are_refused(path, name):
    model = MLPRegressor(**SMALL, resume=True).fit(X, X[:, 0])
    if name == "_optimizer":
        model._optimizer.set_state([[array[:1] for array in slot] for slot in model._optimizer.slots()], 3)
        model._optimizer._engine = None
    else:
        setattr(model, name, [array[:1] for array in getattr(model, name)])
    save_estimator(model, path)
    with pytest.raises(FileFormatError, match="weights"):
        load_estimator(path)


@pytest.mark.parametrize(("field", "value"), [("pos", 625), ("pos", -1), ("key", np.arange(3)), ("pos", 1.5)])
def test_generators_that_would_read_beyond_their_memory_are_refused(field, value):
    from mlpcore.saving.generators import generator_state, restored_generator

    saved = generator_state(np.random.RandomState(0))
    saved["state"]["state"][field] = value
    with pytest.raises(FileFormatError, match="damaged state of a random generator"):
        restored_generator(saved)


@pytest.mark.parametrize("kind", ["PCG64", "PCG64DXSM", "MT19937", "Philox", "SFC64"])
def test_every_generator_of_numpy_goes_on(kind):
    from mlpcore.saving.generators import generator_state, restored_generator

    generator = np.random.Generator(getattr(np.random, kind)(1))
    generator.integers(3, size=5, dtype=np.int32)
    back = restored_generator(generator_state(generator))
    assert_array_equal(back.normal(size=9), generator.normal(size=9))


def test_200_mutated_estimators_load_equal_or_are_refused(path):
    model = MLPClassifier(**SMALL, random_state=0).fit(X, LABELS["strings"])
    save_estimator(model, path)
    expected = model.predict_proba(X)
    for mutated in mutations(path.read_bytes(), 200, seed=1):
        path.write_bytes(mutated)
        try:
            back = load_estimator(path)
        except FileFormatError:
            continue
        assert_array_equal(back.predict_proba(X), expected)
