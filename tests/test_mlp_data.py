"""Layouts and types of X, and bugs of peers that must not return."""

import numpy as np
import pytest
import sklearn.neural_network as peer
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

import mlpcore
from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, fitted
from mlpcore import MLPClassifier, MLPRegressor
from mlpcore.estimators import _lbfgs, _training

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_the_training_type_are_not_copied(dtype, monkeypatch):
    seen = []
    monkeypatch.setattr(_training.Epochs, "_observe", lambda self, loss: seen.append(self.one_pass.rows.x))
    rows = X.astype(dtype)
    for early_stopping in (False, True):
        MLPRegressor(max_iter=1, early_stopping=early_stopping).fit(rows, Y_REAL)
    assert [x is rows for x in seen] == [True, True]


@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        lambda x: np.repeat(x, 2, axis=1)[:, ::2],
        lambda x: x.astype(">f8"),
        lambda x: x.tolist(),
        lambda x: np.array(x, dtype=object),
    ],
    ids=["fortran", "strided", "big-endian", "list", "object"],
)
def test_other_layouts_give_the_same_model(convert):
    model = fitted("MLPRegressor")
    other = clone(model).fit(convert(X), Y_REAL)
    assert_array_equal(other.coefs_[0], model.coefs_[0])
    assert_array_equal(other.predict(convert(X)), model.predict(X))


def test_read_only_data_are_fine():
    rows, y = X.copy(), Y_REAL.copy()
    rows.setflags(write=False)
    y.setflags(write=False)
    weight = np.ones(40)
    weight.setflags(write=False)
    MLPRegressor(max_iter=2).fit(rows, y, weight).predict(rows)


def test_float32_rows_that_overflow_are_refused():
    model = MLPRegressor(max_iter=2).fit(X.astype(np.float32), Y_REAL)
    with pytest.raises(ValueError, match=r"too large for dtype\('float32'\)"):
        model.predict(X * 1e200)
    with pytest.raises(ValueError, match=r"y contains a value too large for dtype\('float32'\)"):
        model.fit(X.astype(np.float32), Y_REAL * 1e200)


def test_a_batch_whose_weights_sum_to_zero_is_skipped():
    # scikit-learn raises ZeroDivisionError
    weight = np.ones(40)
    weight[:10] = 0
    for kind in KINDS:
        model = getattr(mlpcore, kind)(hidden_layer_sizes=3, batch_size=10, shuffle=False)
        model.set_params(max_iter=3, random_state=0).fit(X, Y[kind], weight)
        assert np.isfinite(model.loss_curve_).all()
        assert model.predict(X).shape == (40,)


def test_validation_weights_that_sum_to_zero_are_refused():
    weight = np.zeros(40)
    weight[0] = 1
    with pytest.raises(ValueError, match="validation set sum to zero"):
        MLPRegressor(early_stopping=True, random_state=0, shuffle=False).fit(X, Y_REAL, weight)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_poisson_refuses_negative_targets(solver):
    # scikit-learn's loss is silently NaN
    with pytest.raises(ValueError, match=r"loss='poisson' requires y >= 0, got a minimum of -"):
        MLPRegressor("poisson", solver=solver).fit(X, Y_REAL)


def test_partial_fit_is_hidden_for_lbfgs():
    # scikit-learn's MLPRegressor exposes it
    for kind in KINDS:
        assert hasattr(getattr(mlpcore, kind)(), "partial_fit")
        model = getattr(mlpcore, kind)(solver="lbfgs")
        assert not hasattr(model, "partial_fit")
        with pytest.raises(AttributeError, match="has no attribute 'partial_fit'") as caught:
            _ = model.partial_fit
        assert str(caught.value.__cause__) == (
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
        )


def test_lbfgs_gradient_agrees_with_its_loss_for_several_outputs():
    # scikit-learn averages the loss over outputs but not the gradient
    y = np.c_[Y_REAL, -Y_REAL, Y_REAL**2]
    model = MLPRegressor(hidden_layer_sizes=(5,), activation="tanh", solver="lbfgs", max_iter=3)
    model.set_params(random_state=0, alpha=0.1).fit(X, y)
    theta = np.concatenate([p.ravel() for p in model.coefs_ + model.intercepts_])
    direction = np.random.RandomState(0).standard_normal(theta.size)
    (ahead, _), (behind, _) = (
        model._loss_grad_lbfgs(theta + s * direction, X, y, None, [], [], [], []) for s in (1e-5, -1e-5)
    )
    _, gradient = model._loss_grad_lbfgs(theta, X, y, None, [], [], [], [])
    assert_allclose(gradient @ direction, (ahead - behind) / 2e-5, rtol=1e-7)


@pytest.mark.parametrize("weighted", [False, True])
def test_lbfgs_objective_does_not_depend_on_how_the_rows_are_cut(weighted, monkeypatch):
    # some of the pieces have no weight at all
    weight = np.repeat([0.0, 2.0, 0.5], -(-len(X) // 3))[: len(X)] if weighted else None
    model = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=1, alpha=0.3, random_state=0).fit(X, Y_REAL)
    theta = np.concatenate([p.ravel() for p in model.coefs_ + model.intercepts_])
    loss, gradient = model._loss_grad_lbfgs(theta, X, Y_REAL, weight, [], [], [], [])
    monkeypatch.setattr(_lbfgs, "_CHUNK", 7 * X.shape[1])
    loss_of_pieces, gradient_of_pieces = model._loss_grad_lbfgs(theta, X, Y_REAL, weight, [], [], [], [])
    assert_allclose(loss_of_pieces, loss, rtol=1e-13)
    assert_allclose(gradient_of_pieces, gradient, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("target", ["binary", "multiclass", "multilabel"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_log_probabilities_are_finite_and_silent(target, dtype):
    # scikit-learn warns and returns -inf
    y = {
        "binary": Y_BINARY,
        "multiclass": Y_BINARY + (X[:, 1] > 0),
        "multilabel": (X[:, :3] > 0).astype(int),
    }[target]
    rows = X.astype(dtype)
    model = MLPClassifier((5,), "identity", max_iter=5, random_state=0).fit(rows, y)
    model.coefs_ = [c * 100 for c in model.coefs_]
    log_p = model.predict_log_proba(rows)
    assert log_p.min() < -1000
    assert np.isfinite(log_p).all()
    assert_array_equal(model.predict_proba(rows) == 0, log_p < np.log(np.nextafter(0, 1, dtype=dtype)))


def test_string_labels_with_early_stopping():
    y = np.array(["no", "yes"], dtype=object)[Y_BINARY]
    model = MLPClassifier((5,), early_stopping=True, random_state=0, max_iter=5).fit(X, y)
    assert set(model.predict(X)) <= {"no", "yes"}
    assert np.isfinite(model.validation_scores_).all()


def test_diverging_early_stopping_scores_nan_and_keeps_finite_weights():
    model = MLPRegressor(hidden_layer_sizes=(20,), activation="identity", solver="sgd", learning_rate_init=1.0)
    with np.errstate(all="ignore"):
        model.set_params(early_stopping=True, max_iter=60, random_state=0).fit(X * 100, Y_REAL)
    assert np.isnan(model.validation_scores_[-1])
    assert np.isfinite(model.predict(X)).all()


def test_stopping_needs_one_bad_epoch_more_than_n_iter_no_change():
    model = MLPRegressor(hidden_layer_sizes=(3,), tol=1e9, n_iter_no_change=4).fit(X, Y_REAL)
    assert model.n_iter_ == 6  # the first epoch beats infinity
    assert model._no_improvement_count == 5


def test_a_new_fit_forgets_the_history_of_another_solver():
    model = fitted("MLPRegressor").set_params(solver="lbfgs").fit(X, Y_REAL)
    assert not hasattr(model, "loss_curve_")
    model.set_params(solver="adam", max_iter=2, warm_start=True).fit(X, Y_REAL)
    assert len(model.loss_curve_) == 2


def test_early_stopping_may_be_switched_between_warm_fits():
    # scikit-learn raises TypeError
    model = fitted("MLPRegressor", warm_start=True)
    model.set_params(early_stopping=True).fit(X, Y_REAL)
    assert len(model.validation_scores_) == 3
    model.set_params(early_stopping=False).fit(X, Y_REAL)
    assert len(model.loss_curve_) == 9
    model.partial_fit(X, Y_REAL)


def test_partial_fit_of_another_kind_of_target_is_refused():
    model = MLPClassifier((5,)).partial_fit(X, (X[:, :3] > 0).astype(int), classes=[0, 1, 2])
    with pytest.raises(ValueError, match="The object was not fitted with single-label input"):
        model.partial_fit(X, Y_BINARY)


def test_multilabel_targets_other_than_0_and_1_are_refused():
    # scikit-learn takes -1 for True
    with pytest.raises(ValueError, match=r"Multilabel y must hold 0 and 1 only, got \[-1"):
        MLPClassifier().fit(X, np.sign(X[:, :3]).astype(int))


def test_strings_are_no_targets_of_a_regression():
    with pytest.raises(ValueError, match="y must hold numbers, got an array of <U"):
        MLPRegressor().fit(X, Y_REAL.astype(str))


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_sparse_targets_of_a_regression_are_refused(method):
    with pytest.raises(TypeError, match="Sparse data was passed for y, but dense data is required"):
        getattr(MLPRegressor(), method)(X, sparse.csr_matrix(np.c_[Y_REAL, Y_REAL]))


LABELS = np.array(["aa", "b", "cccc"])[X[:, :3].argmax(axis=1)]
LABEL_KINDS = {
    "strings": LABELS,
    "list": LABELS.tolist(),
    "objects": LABELS.astype(object),
    "booleans": LABELS == "b",
    "floats": X[:, :3].argmax(axis=1) * 1.0,
    "int8": X[:, :3].argmax(axis=1).astype(np.int8),
    "negative": -X[:, :3].argmax(axis=1),
    "one class": ["only"] * 40,
    "multilabel list": (X[:, :3] > 0).astype(int).tolist(),
    "multilabel sparse": sparse.csr_matrix((X[:, :3] > 0).astype(int)),
}


@pytest.mark.parametrize("name", LABEL_KINDS)
def test_labels_of_any_kind_come_back_as_in_scikit_learn(name):
    ours, theirs = (
        package.MLPClassifier((5,), max_iter=5, random_state=0).fit(X, LABEL_KINDS[name]) for package in (mlpcore, peer)
    )
    assert_array_equal(ours.classes_, theirs.classes_)
    a, b = ours.predict(X), theirs.predict(X)
    assert type(a) is type(b)
    assert a.dtype == b.dtype
    assert (a != b).sum() == 0


@pytest.mark.parametrize("package", ["pandas", "polars", "pyarrow"])
def test_tables_keep_their_column_names(package):
    columns = dict(zip("abcd", X.T.copy(), strict=True))
    module = pytest.importorskip(package)
    table = module.table(columns) if package == "pyarrow" else module.DataFrame(columns)
    model = MLPRegressor(max_iter=2, random_state=0).fit(table, Y_REAL)
    assert_array_equal(model.predict(table), fitted_on_plain_rows().predict(X))
    if hasattr(model, "feature_names_in_"):  # which tables have names depends on scikit-learn
        assert list(model.feature_names_in_) == list("abcd")
        with pytest.warns(UserWarning, match="does not have valid feature names"):
            model.predict(X)


def fitted_on_plain_rows():
    return MLPRegressor(max_iter=2, random_state=0).fit(X, Y_REAL)


@pytest.mark.parametrize("solver", ["sgd", "lbfgs"])
@pytest.mark.parametrize("class_weight", [{0: np.nan}, {0: 0, 1: 0}, {0: np.inf}, {0: 1e-320, 1: 0}], ids=str)
def test_class_weights_that_make_no_weights_are_refused(class_weight, solver):
    with pytest.raises(ValueError, match="class_weight must make weights that are finite"):
        MLPClassifier(solver=solver, class_weight=class_weight).fit(X, Y_BINARY)


def test_class_weights_are_checked_together_with_those_of_the_rows():
    with pytest.raises(ValueError, match="class_weight must make weights"):
        MLPClassifier(solver="lbfgs", class_weight={1: 0}).fit(X, Y_BINARY, sample_weight=Y_BINARY)


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("value", [1e-60, 1e60, -1e60, 1e37])
def test_sample_weights_must_fit_the_type_of_the_training(value, solver):
    rows, weight = X.astype(np.float32), np.full(40, value)
    with pytest.raises(ValueError, match="sample_weight must make weights that are finite"):
        MLPRegressor(solver=solver).fit(rows, Y_REAL, sample_weight=weight)
    assert MLPRegressor(solver=solver, max_iter=2).fit(rows, Y_REAL, sample_weight=np.full(40, 1e-3)).n_iter_ == 2


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sample_weights_must_not_cancel(solver):
    with pytest.raises(ValueError, match="sample_weight must make weights"):
        MLPRegressor(solver=solver).fit(X, Y_REAL, sample_weight=np.resize([1.0, -1.0], 40))


def unaligned(array):
    """Return a copy that begins one byte after an aligned address."""
    copy = np.empty(array.nbytes + 1, np.uint8)[1:].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_unaligned_arrays_are_copied(kind, solver):
    weight = np.linspace(0.5, 1, 40)
    y = Y[kind].astype(float)
    model = getattr(mlpcore, kind)(solver=solver, hidden_layer_sizes=3, max_iter=3, random_state=0)
    expected = clone(model).fit(X, y, weight).predict(X)
    assert_array_equal(model.fit(unaligned(X), unaligned(y), unaligned(weight)).predict(unaligned(X)), expected)


def test_unaligned_sparse_arrays_are_copied():
    rows = sparse.csr_matrix(X)
    bad = sparse.csr_matrix((unaligned(rows.data), unaligned(rows.indices), unaligned(rows.indptr)), shape=X.shape)
    bad.data, bad.indices = unaligned(rows.data), unaligned(rows.indices)
    assert_array_equal(fitted("MLPRegressor").predict(bad), fitted("MLPRegressor").predict(rows))
