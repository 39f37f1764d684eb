"""What MLPClassifier and MLPRegressor promise beyond trajectories: attributes, messages, state, threads."""

import contextlib
import copy
import inspect
import io
import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import joblib
import numpy as np
import pytest
import sklearn
import sklearn.neural_network as peer
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone, is_classifier, is_regressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.fixes import parse_version
from sklearn.utils.validation import check_is_fitted

import mlpcore
from mlpcore import MLPClassifier, MLPRegressor
from mlpcore.estimators import _training

KINDS = ["MLPClassifier", "MLPRegressor"]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

like_scikit_learn = pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"), reason="we follow scikit-learn 1.9"
)
rng = np.random.RandomState(0)
X = rng.standard_normal((40, 4))
Y_BINARY = (X[:, 0] > 0).astype(int)
Y_REAL = X @ [1.0, -2.0, 0.5, 0.0]
Y = {"MLPClassifier": Y_BINARY, "MLPRegressor": Y_REAL}


def fitted(kind, **parameters):
    """Return our estimator of this kind, fitted for a few epochs."""
    settings = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, **parameters}
    return getattr(mlpcore, kind)(**settings).fit(X, Y[kind])


def state_of(model):
    """Return a deep copy of all that the model holds."""
    return copy.deepcopy(vars(model))


def assert_same_state(model, before):
    assert vars(model).keys() == before.keys()
    for name in before.keys() - {"_optimizer", "_forward", "_random_state", "_label_binarizer"}:
        np.testing.assert_equal(vars(model)[name], before[name])


# ---------------------------------------------------------------- the contract


@like_scikit_learn
@pytest.mark.parametrize("kind", KINDS)
def test_signature_is_scikit_learns_plus_n_threads(kind):
    ours = list(inspect.signature(getattr(mlpcore, kind)).parameters.values())
    theirs = list(inspect.signature(getattr(peer, kind)).parameters.values())
    assert [(p.name, p.default, p.kind) for p in ours[:-1]] == [(p.name, p.default, p.kind) for p in theirs]
    assert (ours[-1].name, ours[-1].default, ours[-1].kind) == (
        "n_threads",
        None,
        inspect.Parameter.KEYWORD_ONLY,
    )
    for method in ("fit", "partial_fit", "predict", "score"):
        ours, theirs = (getattr(getattr(m, kind), method) for m in (mlpcore, peer))
        assert list(inspect.signature(ours).parameters) == list(inspect.signature(theirs).parameters)


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
    assert {name for name in vars(ours) if name.endswith("_")} == public
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


# ---------------------------------------------------------------- messages


BAD_PARAMETERS = [
    {"hidden_layer_sizes": 0},
    {"hidden_layer_sizes": -1},
    {"hidden_layer_sizes": (0,)},
    {"hidden_layer_sizes": (10, -3)},
    {"hidden_layer_sizes": "ten"},
    {"activation": "swish"},
    {"solver": "newton"},
    {"alpha": -1},
    {"batch_size": 0},
    {"batch_size": "full"},
    {"learning_rate": "cosine"},
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


def with_value(value):
    bad = X.copy()
    bad[3, 2] = value
    return bad


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


def test_n_threads_is_checked():
    for bad in (0, -1, 1.5, "two"):
        with pytest.raises(ValueError, match="The 'n_threads' parameter of MLPRegressor must be"):
            MLPRegressor(n_threads=bad).fit(X, Y_REAL)


# ---------------------------------------------------------------- a failing call changes nothing


FAILING = {
    "nan": lambda m, y: m.fit(with_value(np.nan), y),
    "other width, bad y": lambda m, y: m.fit(X[:, :2], np.full(40, np.nan)),
    "zero weights": lambda m, y: m.fit(X[:, :3], y, np.zeros(40)),
    "divergence": lambda m, y: m.set_params(solver="sgd", learning_rate_init=1e300).fit(X[:, :3] * 1e10, y),
    "warning as error": lambda m, y: m.fit(X[:, :3], y),
    "bad hidden layers": lambda m, y: m.set_params(hidden_layer_sizes=(3, 0)).fit(X[:, :3], y),
    "partial_fit of other width": lambda m, y: m.partial_fit(X[:, :3], y),
    "diverging partial_fit": lambda m, y: m.partial_fit(X / np.abs(X).max() * 1.7e308, y),
    "memory": lambda m, y: m.set_params(hidden_layer_sizes=(2**40,)).fit(X[:, :3], y),
    "validation of one row": lambda m, y: m.set_params(early_stopping=True).fit(X[:5, :3], y[:5]),
}


@pytest.mark.parametrize("name", FAILING)
@pytest.mark.parametrize("kind", KINDS)
def test_failing_fit_keeps_the_fitted_state(kind, name):
    model = fitted(kind, activation="identity", solver="sgd")
    before, expected = state_of(model), model.predict(X)
    parameters = model.get_params()
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        warnings.simplefilter("ignore", RuntimeWarning)
        with pytest.raises((ValueError, MemoryError, ConvergenceWarning)):
            FAILING[name](model, Y[kind])
    model.set_params(**parameters)
    assert_same_state(model, before)
    assert_array_equal(model.predict(X), expected)


def test_failing_first_fit_leaves_an_unfitted_estimator():
    model = MLPClassifier()
    with pytest.raises(ValueError, match="contains NaN"):
        model.fit(with_value(np.nan), Y_BINARY)
    assert vars(model) == vars(MLPClassifier())
    with pytest.raises(NotFittedError):
        model.predict(X)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_failing_partial_fit_keeps_the_optimizer(solver):
    def run(failing):
        model = MLPRegressor(hidden_layer_sizes=(5,), activation="identity", solver=solver)
        model.set_params(random_state=0).partial_fit(X, Y_REAL).partial_fit(X, Y_REAL)
        if failing:
            with np.errstate(all="ignore"), pytest.raises(ValueError, match="non-finite"):
                model.partial_fit(X * 1e300, Y_REAL)
        return model.partial_fit(X, Y_REAL)

    assert_array_equal(run(True).coefs_[0], run(False).coefs_[0])


def test_interrupt_keeps_the_epochs_done(monkeypatch):
    epochs = []

    def interrupt(self, loss):
        epochs.append(loss)
        if len(epochs) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(_training.Epochs, "_observe", interrupt)
    model = MLPRegressor(hidden_layer_sizes=(5,), random_state=0)
    with pytest.warns(UserWarning, match="^Training interrupted by user.$"):
        model.fit(X, Y_REAL)
    assert model.n_iter_ == 3
    assert model.loss_curve_ == epochs
    monkeypatch.undo()
    three = MLPRegressor(hidden_layer_sizes=(5,), random_state=0, max_iter=3).fit(X, Y_REAL)
    assert_array_equal(model.coefs_[0], three.coefs_[0])


# ---------------------------------------------------------------- pickles, copies, replaced weights


COPIES = {
    "pickle": lambda m: pickle.loads(pickle.dumps(m)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_copy_predicts_and_goes_on_the_same(kind, solver, how):
    model = fitted(kind, solver=solver)
    model.predict(X)
    twin = COPIES[how](model)
    assert_array_equal(twin.predict(X), model.predict(X))
    if how != "copy":  # a shallow copy shares the optimizer
        for each in (model, twin):
            each.partial_fit(X, Y[kind]).partial_fit(X, Y[kind])
        assert_array_equal(twin.coefs_[0], model.coefs_[0])
        assert_array_equal(twin.intercepts_[1], model.intercepts_[1])


def test_a_pickle_holds_no_compiled_object(tmp_path):
    model = fitted("MLPClassifier")
    model.predict(X)
    joblib.dump(model, tmp_path / "model.joblib")
    assert b"mlpcore._core" not in pickle.dumps(model)
    loaded = joblib.load(tmp_path / "model.joblib", mmap_mode="r")  # read-only weights
    assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize("rows", [1, 2, 40])
def test_predict_uses_weights_edited_in_place(rows):
    model = fitted("MLPRegressor", activation="identity")
    model.predict(X[:rows])
    model.coefs_[0][...] = 0
    model.coefs_[1][...] = 0
    model.intercepts_[1][...] = 7.5
    assert_array_equal(model.predict(X[:rows]), np.full(rows, 7.5))


def test_predict_uses_replaced_weights_of_any_width_and_dtype():
    model = fitted("MLPRegressor", activation="relu")
    model.coefs_ = [np.eye(4, dtype=int), np.ones((4, 1), np.float32)]
    model.intercepts_ = [[0, 0, 0, 0], np.zeros(1)]
    assert_allclose(model.predict(X), np.maximum(X, 0).sum(axis=1), rtol=1e-12)


def test_weights_that_do_not_chain_are_refused():
    model = fitted("MLPRegressor")
    model.coefs_[1] = np.zeros((6, 1))
    with pytest.raises(ValueError, match=r"coefs_\[1\] must have shape \(5, n_units\), got \(6, 1"):
        model.predict(X)
    with pytest.raises(ValueError, match=r"coefs_\[1\] must have shape"):
        model.partial_fit(X, Y_REAL)


def test_warm_start_with_other_hidden_layers_is_refused():
    model = fitted("MLPRegressor", warm_start=True)
    with pytest.raises(ValueError, match=r"join layers of \[4, 5, 1\] units.* ask for \[4, 7, 1\]"):
        model.set_params(hidden_layer_sizes=(7,)).fit(X, Y_REAL)
    with pytest.raises(ValueError, match=r"ask for \[4, 5, 2\]"):
        model.set_params(hidden_layer_sizes=(5,)).partial_fit(X, np.c_[Y_REAL, Y_REAL])


def test_fit_does_not_edit_weights_it_has_handed_out():
    model = fitted("MLPRegressor", warm_start=True)
    kept = model.coefs_[0]
    values = kept.copy()
    model.fit(X, Y_REAL)
    model.partial_fit(X, Y_REAL)
    assert_array_equal(kept, values)


def test_warm_early_stopping_ends_with_the_best_weights_of_both_fits():
    # scikit-learn trains on the very arrays it keeps as the best
    model = fitted("MLPRegressor", early_stopping=True, warm_start=True, max_iter=30)
    best, weights = model.best_validation_score_, [c.copy() for c in model.coefs_]
    model.set_params(tol=0.0, learning_rate_init=10.0, max_iter=3).fit(X, Y_REAL)
    assert model.best_validation_score_ == best  # so large a rate improves nothing
    assert_array_equal(model.coefs_[0], weights[0])


def test_one_estimator_predicts_from_many_threads():
    model = fitted("MLPClassifier", hidden_layer_sizes=(30, 30))
    many = np.tile(X, (50, 1))
    expected = model.predict_proba(many)
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda _: model.predict_proba(many), range(40)))
    for result in results:
        assert_array_equal(result, expected)


def test_predict_runs_beside_partial_fit():
    model = fitted("MLPRegressor", hidden_layer_sizes=(30,))
    stop = threading.Event()

    def keep_predicting():
        while not stop.is_set():
            assert np.isfinite(model.predict(X)).all()
        return True

    with ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(keep_predicting) for _ in range(2)]
        for _ in range(30):
            model.partial_fit(X, Y_REAL)
        stop.set()
        assert all(reader.result() for reader in readers)


@pytest.mark.parametrize("n_threads", [2, 3, 5])
@pytest.mark.parametrize("parameters", [{}, {"solver": "sgd"}, {"solver": "lbfgs"}], ids=str)
def test_fit_is_the_same_for_any_thread_count(n_threads, parameters):
    big = np.random.RandomState(1).standard_normal((500, 20))
    y = big[:, 0] * big[:, 1]
    settings = {"hidden_layer_sizes": (64, 32), "random_state": 0, "max_iter": 4, **parameters}
    one = MLPRegressor(**settings, n_threads=1).fit(big, y)
    several = MLPRegressor(**settings, n_threads=n_threads).fit(big, y)
    for a, b in zip(one.coefs_ + one.intercepts_, several.coefs_ + several.intercepts_, strict=True):
        assert_array_equal(a, b)
    assert_array_equal(one.predict(big), several.predict(big))


# ---------------------------------------------------------------- memory and types


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_of_the_training_type_are_not_copied(dtype, monkeypatch):
    seen = []
    monkeypatch.setattr(_training.Epochs, "_observe", lambda self, loss: seen.append(self.rows.x))
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


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_sparse_rows_are_refused_clearly(solver):
    with pytest.raises(NotImplementedError, match="MLPRegressor does not take sparse X yet"):
        MLPRegressor(solver=solver).fit(sparse.csr_array(X), Y_REAL)
    with pytest.raises(NotImplementedError, match="does not take sparse X yet"):
        fitted("MLPClassifier").predict_proba(sparse.csr_array(X))


def test_float32_rows_that_overflow_are_refused():
    model = MLPRegressor(max_iter=2).fit(X.astype(np.float32), Y_REAL)
    with pytest.raises(ValueError, match=r"too large for dtype\('float32'\)"):
        model.predict(X * 1e200)
    with pytest.raises(ValueError, match=r"y contains a value too large for dtype\('float32'\)"):
        model.fit(X.astype(np.float32), Y_REAL * 1e200)


# ---------------------------------------------------------------- bugs of peers that must not return


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
