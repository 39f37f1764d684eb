"""Bad parameters and bad data raise scikit-learn's errors, word for word."""

import inspect
import warnings

import numpy as np
import pytest
import sklearn.neural_network as peer

import mlpcore
from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, like_scikit_learn, with_value
from mlpcore import MLPRegressor
from mlpcore._validation import thread_limit
from mlpcore.estimators._hyperparameters import Hyperparameters

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

BAD_PARAMETERS = [
    {"hidden_layer_sizes": 0},
    {"hidden_layer_sizes": -1},
    {"hidden_layer_sizes": (0,)},
    {"hidden_layer_sizes": (10, -3)},
    {"hidden_layer_sizes": "ten"},
    {"alpha": -1},
    {"batch_size": 0},
    {"batch_size": "full"},
    {"learning_rate_init": 0},
    {"power_t": -1},
    {"max_iter": 0},
    {"max_iter": 2.5},
    {"shuffle": "yes"},
    {"random_state": "seed"},
    {"tol": -1},
    {"warm_start": 2},
    {"momentum": 1.1},
    {"nesterovs_momentum": None},
    {"early_stopping": "soon"},
    {"validation_fraction": 1.0},
    {"early_stopping": True, "validation_fraction": 0.0},
    {"early_stopping": True, "validation_fraction": 0.02},
    {"beta_1": 1.0},
    {"beta_2": -0.1},
    {"epsilon": 0},
    {"n_iter_no_change": 0},
    {"max_fun": 0},
]


def complaint(call):
    """Return the type and the message of what the call raises."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - the peer's exception is the claim
        call()
    message = str(caught.value)
    options = message.partition("among {")[2].partition("}")[0]  # a set, in no order
    return type(caught.value), message.replace(options, ", ".join(sorted(options.split(", "))))


@like_scikit_learn
@pytest.mark.parametrize("parameters", BAD_PARAMETERS, ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_bad_parameters_raise_scikit_learns_error(kind, parameters):
    ours, theirs = (
        complaint(lambda p=package: getattr(p, kind)(**parameters).fit(X, Y[kind])) for package in (mlpcore, peer)
    )
    assert ours == theirs


BAD_CALLS = {
    "nan in X": lambda m, y: m.fit(with_value(np.nan), y),
    "infinity in X": lambda m, y: m.fit(with_value(np.inf), y),
    "1-D X": lambda m, y: m.fit(X[:, 0], y),
    "3-D X": lambda m, y: m.fit(X[None], y),
    "empty X": lambda m, y: m.fit(X[:0], y[:0]),
    "no columns": lambda m, y: m.fit(X[:, :0], y),
    "too few y": lambda m, y: m.fit(X, y[:-1]),
    "too many weights": lambda m, y: m.fit(X, y, np.ones(41)),
    "2-D weights": lambda m, y: m.fit(X, y, np.ones((40, 1))),
    "nan weight": lambda m, y: m.fit(X, y, np.full(40, np.nan)),
    "zero weights": lambda m, y: m.fit(X, y, np.zeros(40)),
    "strings in X": lambda m, y: m.fit(X.astype(str)[:, :1] + "a", y),
    "complex X": lambda m, y: m.fit(X * 1j, y),
    "no y": lambda m, y: m.fit(X, None),
    "nan in y": lambda m, y: m.fit(X, np.where(np.arange(40) == 2, np.nan, y)),
    "infinity in y": lambda m, y: m.fit(X, np.where(np.arange(40) == 2, np.inf, y)),
    "unfitted": lambda m, y: m.predict(X),
    "other columns": lambda m, y: m.fit(X, y).predict(X[:, :3]),
    "nan at predict": lambda m, y: m.fit(X, y).predict(with_value(np.nan)),
    "1-D at predict": lambda m, y: m.fit(X, y).predict(X[0]),
    "no rows at predict": lambda m, y: m.fit(X, y).predict(X[:0]),
}


@like_scikit_learn
@pytest.mark.parametrize("name", BAD_CALLS)
@pytest.mark.parametrize("kind", KINDS)
def test_bad_data_raise_scikit_learns_error(kind, name):
    ours, theirs = (
        complaint(lambda p=package: BAD_CALLS[name](getattr(p, kind)(max_iter=2), Y[kind]))
        for package in (mlpcore, peer)
    )
    assert ours == theirs


BAD_CLASSIFICATION = {
    "continuous y": lambda m: m.fit(X, Y_REAL),
    "multioutput y": lambda m: m.fit(X, np.c_[Y_BINARY, np.arange(40)]),
    "no classes": lambda m: m.partial_fit(X, Y_BINARY),
    "unseen label": lambda m: m.partial_fit(X, Y_BINARY + 1, classes=[0, 1]),
    "other classes": lambda m: m.partial_fit(X, Y_BINARY, classes=[0, 1]).partial_fit(X, Y_BINARY, classes=[0, 2]),
    "unseen label later": lambda m: m.partial_fit(X, Y_BINARY, classes=[0, 1]).partial_fit(X, Y_BINARY * 2),
    "warm start with other classes": lambda m: m.set_params(warm_start=True).fit(X, Y_BINARY).fit(X, Y_BINARY + 1),
    "early stopping in partial_fit": lambda m: m.set_params(early_stopping=True).partial_fit(
        X, Y_BINARY, classes=[0, 1]
    ),
    "a class of one": lambda m: m.set_params(early_stopping=True).fit(X, (np.arange(40) == 3).astype(int)),
    "tiny validation set": lambda m: m.set_params(early_stopping=True).fit(X[:4], Y_BINARY[:4]),
}


@like_scikit_learn
@pytest.mark.parametrize("name", BAD_CLASSIFICATION)
def test_bad_classes_raise_scikit_learns_error(name):
    ours, theirs = (
        complaint(lambda p=package: BAD_CLASSIFICATION[name](p.MLPClassifier(max_iter=2)))
        for package in (mlpcore, peer)
    )
    assert ours == theirs


@like_scikit_learn
@pytest.mark.parametrize("kind", KINDS)
def test_warnings_are_scikit_learns(kind):
    collected = []
    for package in (mlpcore, peer):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model = getattr(package, kind)(hidden_layer_sizes=3, max_iter=2, batch_size=100)
            model.fit(X, Y[kind].reshape(-1, 1))
        collected.append([(w.category, str(w.message)) for w in caught])
    assert collected[0] == collected[1]
    assert len(collected[0]) == 3  # column vector, batch size, no convergence


@pytest.mark.parametrize("sizes", [["a"], [True], True, [2.5], [[3]], [None]], ids=str)
def test_hidden_layer_sizes_are_integers(sizes):
    with pytest.raises(TypeError, match="hidden_layer_sizes must be integers, got"):
        MLPRegressor(hidden_layer_sizes=sizes).fit(X, Y_REAL)


@pytest.mark.parametrize("kind", KINDS)
def test_parameters_are_those_annotated(kind):
    # what both share, with its types, and what a class has beyond that
    signature = inspect.signature(getattr(mlpcore, kind)).parameters
    annotated = {n: t for n, t in Hyperparameters.__annotations__.items() if not n.startswith("_")}
    shared = {name: parameter.annotation for name, parameter in signature.items() if name in annotated}
    assert shared == annotated
    own = {
        "MLPClassifier": {"class_weight", "focal_gamma", "label_smoothing"},
        "MLPRegressor": {"output_activation", "delta", "quantiles"},
    }
    assert signature.keys() - annotated.keys() == own[kind]
    assert signature.keys() == getattr(mlpcore, kind)._parameter_constraints.keys()


def test_n_threads_is_checked():
    for bad in (0, -1, 1.5, "two"):
        with pytest.raises(ValueError, match="The 'n_threads' parameter of MLPRegressor must be"):
            MLPRegressor(n_threads=bad).fit(X, Y_REAL)


def test_more_threads_than_can_be_are_as_many_as_can_be():
    assert thread_limit(7) == 7
    assert thread_limit(2**31) == thread_limit(2**80) < 2**31


@pytest.mark.parametrize("sizes", [(50,), [50, 20], 50])
def test_sizes_in_the_place_of_the_loss_are_an_error_that_tells_what_to_write(sizes):
    with pytest.raises(ValueError, match="The 'loss' parameter of MLPRegressor must be a str among") as caught:
        MLPRegressor(sizes).fit(X, Y_REAL)
    assert f"Got {sizes!r} instead." in str(caught.value)
    assert str(caught.value).endswith(f"give the sizes of layers by name: MLPRegressor(hidden_layer_sizes={sizes!r}).")


def test_another_loss_that_is_none_gets_no_advice_about_sizes():
    with pytest.raises(ValueError, match=r"Got 'squared_eror' instead\.$"):
        MLPRegressor("squared_eror").fit(X, Y_REAL)
