"""Extreme inputs: activations, losses and optimizers are finite where Keras' are, and fits as scikit-learn's."""

import json
import warnings

import numpy as np
import pytest
import sklearn.neural_network as peers

import keras_extremes
import mlpcore
from mlpcore.estimators._activations import HIDDEN_ACTIVATIONS

KERAS = json.loads(keras_extremes.FILE.read_text())
CASES = dict(keras_extremes.cases(mlpcore))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_finite_in_keras_is_finite_here(name):
    ours = keras_extremes.pattern(CASES[name]())
    worse = [i for i, (a, b) in enumerate(zip(ours, KERAS[name], strict=True)) if a and not b]
    assert not worse, f"places {worse}: {[ours[i] for i in worse]}"


def fitted(module, kind, x, y, **settings):
    """Fit a small estimator; None if it says that it diverges."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return getattr(module, kind)(hidden_layer_sizes=(5,), max_iter=20, random_state=0, **settings).fit(x, y)
        except ValueError as error:
            if "finite" in str(error):
                return None
            raise


def is_finite(model, x):
    return all(np.isfinite(w).all() for w in model.coefs_) and np.isfinite(np.asarray(model.predict(x), float)).all()


def fits(*arguments, **settings):
    """Whether a fit ends with finite weights and predictions."""
    model = fitted(*arguments, **settings)
    return model is not None and is_finite(model, arguments[2])


RNG = np.random.RandomState(0)
NORMAL = RNG.standard_normal((40, 4))
DATA = {
    "features of 1e6": NORMAL * 1e6,
    "features of 1e150": NORMAL * 1e150,
    "denormal features": NORMAL * 1e-310,
    "constant features": np.ones((40, 4)),
    "all zero": np.zeros((40, 4)),
    "one huge number": np.where(np.arange(160).reshape(40, 4) == 7, 1e12, NORMAL),
}
TARGETS = {
    "labels of noise": RNG.randint(0, 3, 40),
    "one class": np.zeros(40, int),
    "huge targets": NORMAL[:, 0] * 1e100,
    "counts": RNG.poisson(3, 40).astype(float),
}


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("data", DATA)
def test_fits_that_scikit_learn_ends_with_numbers_end_with_numbers(data, target, activation, solver):
    kind = "MLPRegressor" if target in ("huge targets", "counts") else "MLPClassifier"
    x, y = DATA[data], TARGETS[target]
    settings = {"activation": activation, "solver": solver}
    if target == "counts":
        if not hasattr(peers.MLPRegressor(), "loss"):
            pytest.skip("scikit-learn before 1.7 has no Poisson loss")
        settings["loss"] = "poisson"
    with np.errstate(all="ignore"):
        theirs = fits(peers, kind, x, y, **settings)
        if theirs:
            assert fits(mlpcore, kind, x, y, **settings)


LOSSES = {
    "MLPClassifier": ["log_loss", "focal", "hinge"],
    "MLPRegressor": ["squared_error", "absolute_error", "huber", "log_cosh", "quantile"],
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam", "adamw", "nadam", "rmsprop", "adagrad"])
@pytest.mark.parametrize("data", DATA)
def test_what_scikit_learn_lacks_ends_with_numbers_or_says_that_it_diverges(data, solver, dtype):
    """Only numbers of 1e150 and steps of plain SGD, which grow with the features, may end in the error."""
    if dtype == "float32" and data == "features of 1e150":
        pytest.skip("no numbers of this type")
    x, classes = DATA[data].astype(dtype), TARGETS["labels of noise"]
    may_diverge = solver == "sgd" or data == "features of 1e150"
    for activation in HIDDEN_ACTIVATIONS[:-1]:
        for kind, losses in LOSSES.items():
            y = classes if kind == "MLPClassifier" else NORMAL[:, 0]
            for loss in losses if activation == "relu" else losses[:1]:
                settings = {"solver": solver, "activation": activation, "loss": loss}
                with np.errstate(all="ignore"):
                    model = fitted(mlpcore, kind, x, y, **settings)
                assert is_finite(model, x) if model is not None else may_diverge, settings


@pytest.mark.parametrize(
    ("solver", "settings"),
    [
        ("adam", {}),
        ("sgd", {"learning_rate_init": 0.01}),
        ("rmsprop", {}),
        ("adagrad", {"learning_rate_init": 0.05}),
    ],
)
def test_long_runs_in_float32_stay_near_float64(solver, settings):
    """3000 steps on the same rows: the losses part by less than 5 % of what is left, and lie below that of a mean.

    Rounding moves weights in directions that hardly matter to the loss; Adam and RMSProp end in steps of a fixed
    length, where the loss of each trajectory swings by a few percent.
    """
    x, y = NORMAL, np.sin(NORMAL[:, 0]) + NORMAL[:, 1] ** 2
    settings = {"solver": solver, "max_iter": 3000, "tol": 0, "n_iter_no_change": 3000, **settings}

    def loss(dtype):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = mlpcore.MLPRegressor(hidden_layer_sizes=(20,), activation="tanh", random_state=0, **settings)
            model.fit(x.astype(dtype), y)
        assert model.coefs_[0].dtype == dtype
        return np.mean((model.predict(x.astype(dtype)) - y) ** 2)

    exact = loss("float64")
    assert exact < 0.2 * np.var(y)
    assert abs(loss("float32") - exact) < 0.05 * exact + 1e-6


def test_labels_of_noise_are_learned_to_their_shares():
    """What no feature tells is predicted by the classes' shares, at most 0.1 beside them for 600 rows."""
    rng = np.random.RandomState(1)
    x, y = rng.standard_normal((600, 4)), rng.choice(3, 600, p=[0.6, 0.3, 0.1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = mlpcore.MLPClassifier((10,), alpha=10, max_iter=300, random_state=0).fit(x, y)
    shares = np.broadcast_to(np.bincount(y) / len(y), (len(y), 3))
    np.testing.assert_allclose(model.predict_proba(x), shares, atol=0.1)
