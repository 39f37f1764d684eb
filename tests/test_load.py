"""load reads whatever was saved, and estimators become models."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import mlpcore

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
LABELS = np.array(["ant", "bee", "cat"])[RNG.integers(0, 3, 40)]


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor", "Perceptron"])
@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}")
def test_load_returns_the_estimator_that_was_saved(name, tmp_path):
    estimator = getattr(mlpcore, name)(max_iter=3, random_state=0)
    estimator.fit(X, X @ [1.0, 2.0, 3.0] if name == "MLPRegressor" else LABELS)
    estimator.save(tmp_path / "file")
    loaded = mlpcore.load(tmp_path / "file")
    assert type(loaded) is type(estimator)
    assert_array_equal(loaded.predict(X), estimator.predict(X))


def test_load_returns_the_model_that_was_saved(tmp_path):
    model = mlpcore.Sequential([mlpcore.layers.Input((3,)), mlpcore.layers.Dense(2)])
    model.save(tmp_path / "file")
    assert_array_equal(mlpcore.load(tmp_path / "file").predict(X, verbose=0), model.predict(X, verbose=0))


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.{ConvergenceWarning.__name__}")
def test_an_estimator_becomes_a_model_with_the_same_predictions():
    estimator = mlpcore.MLPClassifier((5,), max_iter=3, random_state=0).fit(X, LABELS)
    assert_allclose(estimator.to_model().predict(X, verbose=0), estimator.predict_proba(X), rtol=1e-6)
    with pytest.raises(NotFittedError):
        mlpcore.MLPRegressor().to_model()
