"""Extreme inputs: activations, losses and optimizers are finite where Keras' are, and fits as scikit-learn's."""

import json
import warnings

import numpy as np
import pytest
import sklearn.neural_network as peers

import keras_extremes
import mlpcore

KERAS = json.loads(keras_extremes.FILE.read_text())
CASES = dict(keras_extremes.cases(mlpcore))


@pytest.mark.parametrize("name", CASES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_is_finite_in_keras_is_finite_here(name):
    ours = keras_extremes.pattern(CASES[name]())
    worse = [i for i, (a, b) in enumerate(zip(ours, KERAS[name], strict=True)) if a and not b]
    assert not worse, f"places {worse}: {[ours[i] for i in worse]}"


def fits(module, kind, x, y, **settings):
    """Whether a fit ends with finite weights and predictions; an error that names the divergence counts as no."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            model = getattr(module, kind)(hidden_layer_sizes=(5,), max_iter=20, random_state=0, **settings).fit(x, y)
        except ValueError:
            return False
        return (
            all(np.isfinite(w).all() for w in model.coefs_) and np.isfinite(np.asarray(model.predict(x), float)).all()
        )


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
}


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("data", DATA)
def test_fits_that_scikit_learn_ends_with_numbers_end_with_numbers(data, target, activation, solver):
    kind = "MLPRegressor" if target == "huge targets" else "MLPClassifier"
    arguments = kind, DATA[data], TARGETS[target]
    with np.errstate(all="ignore"):
        theirs = fits(peers, *arguments, activation=activation, solver=solver)
        if theirs:
            assert fits(mlpcore, *arguments, activation=activation, solver=solver)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_long_runs_in_float32_stay_near_float64(dtype):
    """3000 steps of Adam: the loss in float32 stays within 5 % of that in float64."""
    x, y = NORMAL, np.sin(NORMAL[:, 0]) + NORMAL[:, 1] ** 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        settings = {
            "hidden_layer_sizes": (20,),
            "max_iter": 3000,
            "tol": 0,
            "random_state": 0,
            "n_iter_no_change": 3000,
        }
        exact = mlpcore.MLPRegressor(**settings).fit(x, y)
        found = mlpcore.MLPRegressor(**settings).fit(x.astype(dtype), y)
    assert abs(found.loss_ - exact.loss_) < 0.05 * exact.loss_ + 1e-6
