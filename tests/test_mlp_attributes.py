"""Signatures, fitted attributes, tags and printed lines are scikit-learn's."""

import contextlib
import inspect
import io

import numpy as np
import pytest
import sklearn.neural_network as peer
from numpy.testing import assert_allclose
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.utils.validation import check_is_fitted

import mlpcore
from mlp_cases import KINDS, Y_BINARY, X, Y, fitted, like_scikit_learn
from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@like_scikit_learn
@pytest.mark.parametrize("kind", KINDS)
def test_signature_is_scikit_learns_and_keywords_after_it(kind):
    ours = list(inspect.signature(getattr(mlpcore, kind)).parameters.values())
    theirs = list(inspect.signature(getattr(peer, kind)).parameters.values())
    shared, further = ours[: len(theirs)], ours[len(theirs) :]
    assert [(p.name, p.default, p.kind) for p in shared] == [(p.name, p.default, p.kind) for p in theirs]
    assert {p.kind for p in further} == {inspect.Parameter.KEYWORD_ONLY}
    for method in ("fit", "partial_fit", "predict", "score"):
        ours, theirs = (list(inspect.signature(getattr(getattr(m, kind), method)).parameters) for m in (mlpcore, peer))
        further = ["X_val", "y_val", "sample_weight_val"] if method == "fit" else []
        assert ours == theirs + further


@like_scikit_learn
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_fitted_attributes_are_scikit_learns(kind, solver, early_stopping):
    parameters = {"solver": solver, "early_stopping": early_stopping}
    ours = fitted(kind, **parameters)
    settings = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0}
    theirs = getattr(peer, kind)(**settings, **parameters)
    theirs.fit(X, Y[kind])
    public = {name for name in vars(theirs) if name.endswith("_")}
    further = set() if solver == "lbfgs" else {"validation_loss_curve_"}
    assert {name for name in vars(ours) if name.endswith("_")} == public | further
    for name in public - {"coefs_", "intercepts_", "loss_curve_", "loss_", "best_loss_"}:
        a, b = getattr(ours, name), getattr(theirs, name)
        if isinstance(b, (float, list)):  # equal but for rounding
            assert_allclose(a, b, rtol=1e-10)
        else:
            np.testing.assert_equal(a, b)
    for name in ("coefs_", "intercepts_", "loss_curve_"):
        assert type(getattr(ours, name, None)) is type(getattr(theirs, name, None))
    check_is_fitted(ours)


def test_tags_and_kinds_hold():
    assert is_classifier(MLPClassifier())
    assert is_regressor(MLPRegressor())
    assert MLPClassifier().__sklearn_tags__().classifier_tags.multi_label
    assert clone(MLPClassifier((3,), n_threads=2)).n_threads == 2


def test_verbose_output_is_scikit_learns():
    for parameters in (
        {"max_iter": 3},
        {"early_stopping": True, "max_iter": 30, "n_iter_no_change": 2},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 1},
        {"solver": "sgd", "tol": 0.5, "n_iter_no_change": 1},
    ):
        printed = []
        for package in (mlpcore, peer):
            out = io.StringIO()
            model = package.MLPClassifier((5,), random_state=0, verbose=True, **parameters)
            with contextlib.redirect_stdout(out):
                model.fit(X, Y_BINARY)
            printed.append(out.getvalue())
        assert printed[0] == printed[1] != ""


@pytest.mark.parametrize("target", [Y_BINARY, X[:, :3].argmax(axis=1), (X[:, :3] > 0).astype(int)])
def test_private_names_that_converters_read_are_scikit_learns(target):
    # skl2onnx reads the binarizer's type of target, scikit-learn's tests the rest
    ours, theirs = (p.MLPClassifier((5,), max_iter=3, random_state=0).fit(X, target) for p in (mlpcore, peer))
    assert ours._label_binarizer.y_type_ == theirs._label_binarizer.y_type_
    assert ours._no_improvement_count == theirs._no_improvement_count
    assert ours._optimizer.learning_rate == pytest.approx(theirs._optimizer.learning_rate)
    assert isinstance(ours._random_state, np.random.RandomState)
