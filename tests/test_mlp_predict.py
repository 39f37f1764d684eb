"""One row at a time: the short way of `predict` checks what the long way does, and `predictor` gives the same bits."""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from numpy.testing import assert_array_equal

from mlp_cases import KINDS, X, Y, fitted
from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def targets(kind, outputs):
    rng = np.random.RandomState(0)
    if kind == "MLPRegressor":
        return rng.standard_normal((len(X), outputs)).squeeze()
    return np.arange(len(X)) % outputs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("kind", "outputs"), [("MLPClassifier", 2), ("MLPClassifier", 5), ("MLPRegressor", 1), ("MLPRegressor", 3)]
)
def test_predictor_gives_the_bits_of_predict(kind, outputs, dtype):
    x = X.astype(dtype)
    model = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}[kind](hidden_layer_sizes=(9,), max_iter=3)
    model.fit(x, targets(kind, outputs))
    expected = model.predict_proba(x) if kind == "MLPClassifier" else model.predict(x)
    f = model.predictor()
    assert_array_equal(f(x), expected)
    assert_array_equal(f(x[:1]), expected[:1])


def test_predictor_keeps_the_weights_it_was_made_of():
    model = fitted("MLPRegressor")
    f = model.predictor()
    before = f(X)
    model.coefs_[0][:] = 0
    assert_array_equal(f(X), before)


def test_predictor_of_multilabel_gives_a_column_for_each():
    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    model = MLPClassifier((5,), max_iter=2).fit(X, y)
    assert_array_equal(model.predictor()(X), model.predict_proba(X))


def test_predictor_refuses_other_arrays():
    f = fitted("MLPRegressor").predictor()
    with pytest.raises(TypeError, match="got float32"):
        f(X.astype("float32"))
    with pytest.raises(ValueError, match="got shape"):
        f(X[:, :2])
    with pytest.raises(ValueError, match="memory layout"):
        f(np.asfortranarray(X))


@pytest.mark.parametrize("kind", KINDS)
def test_weights_edited_or_replaced_are_used_at_once(kind):
    model = fitted(kind)
    first = model.predict(X)  # the short way is known from here on
    assert_array_equal(model.predict(X), first)
    method = model.predict_proba if kind == "MLPClassifier" else model.predict
    before = method(X)
    model.coefs_[0][:] *= 0.5
    edited = method(X)
    assert not np.array_equal(edited, before)
    model.coefs_ = [w.copy() for w in model.coefs_]
    assert_array_equal(method(X), edited)
    model.coefs_[0] = np.asfortranarray(model.coefs_[0])
    assert_array_equal(method(X), edited)


@pytest.mark.parametrize("kind", KINDS)
def test_activation_set_after_fit_is_used(kind):
    model = fitted(kind, activation=["relu"])
    method = model.predict_proba if kind == "MLPClassifier" else model.predict
    before = method(X)
    model.activation[0] = "tanh"
    assert not np.array_equal(method(X), before)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rows", [1, 5, 40])
def test_short_and_long_way_agree(kind, rows):
    model = fitted(kind)
    expected = model.predict(X[:rows].tolist())  # needs conversion
    assert_array_equal(model.predict(X[:rows]), expected)
    assert_array_equal(model.predict(X[:rows]), expected)
    assert_array_equal(model.predict(np.asfortranarray(X[:rows])), expected)
    assert_array_equal(model.predict(np.repeat(X[:rows], 2, axis=0)[::2]), expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_not_finite_is_refused_after_good_rows(bad):
    model = fitted("MLPClassifier")
    model.predict(X)
    row = X[:1].copy()
    row[0, -1] = bad
    with pytest.raises(ValueError, match=r"Input X contains (NaN|infinity)"):
        model.predict(row)
    with sklearn.config_context(assume_finite=True):
        model.predict(row)


def test_other_widths_are_refused_after_good_rows():
    model = fitted("MLPRegressor")
    model.predict(X)
    with pytest.raises(ValueError, match="X has 3 features, but MLPRegressor is expecting 4"):
        model.predict(X[:, :3].copy())
    with pytest.raises(ValueError, match="Expected 2D array"):
        model.predict(X[0])
    with pytest.raises(ValueError, match="0 sample"):
        model.predict(X[:0])


def test_feature_names_are_still_asked_for():
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=2).fit(frame, Y["MLPRegressor"])
    expected = model.predict(frame)
    for _ in range(2):
        with pytest.warns(UserWarning, match="X does not have valid feature names"):
            assert_array_equal(model.predict(X), expected)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[["b", "a", "c", "d"]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.predict(frame)


@pytest.mark.parametrize("outputs", [2, 4])
def test_predictor_of_a_hinge_loss_gives_decisions(outputs):
    model = MLPClassifier((5,), loss="hinge", max_iter=2).fit(X, targets("MLPClassifier", outputs))
    assert_array_equal(model.predictor()(X), model.decision_function(X))


def test_loss_set_after_fit_decides_the_output():
    model = MLPClassifier((5,), max_iter=2).fit(X, targets("MLPClassifier", 4))
    p = model.predict_proba(X)
    model.set_params(loss="hinge")
    assert not np.array_equal(model.decision_function(X), p)
