"""Perceptron trains exactly as scikit-learn's, for every parameter, element type and storage."""

import hashlib
import os
import subprocess
import sys
import warnings

import numpy as np
import pytest
import sklearn
from scipy.sparse import csr_array, csr_matrix
from sklearn.linear_model import Perceptron as Peer
from sklearn.utils.fixes import parse_version

from mlpcore import Perceptron
from mlpcore.estimators import _perceptron_units

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# 1.8 changed what stops a penalised fit: its objective has the penalty since.
NEW_OBJECTIVE = parse_version(sklearn.__version__) >= parse_version("1.8")

PENALTIES = [None, "l2", "l1", "elasticnet"]
DTYPES = [np.float32, np.float64]


def problem(seed=0, n=150, d=40, classes=3, dtype=np.float64):
    """Return noisy, not separable classes."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    scores = X @ rng.normal(size=(d, classes)) + 3 * rng.normal(size=(n, classes))
    return X.astype(dtype), scores.argmax(axis=1)


def assert_same(ours, peer, tolerance=0.0):
    """Compare what both learnt; a tolerance of 0 asks for the same bits."""
    assert ours.n_iter_ == peer.n_iter_
    assert ours.t_ == peer.t_
    for name in ("classes_", "coef_", "intercept_"):
        a, b = getattr(ours, name), getattr(peer, name)
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        if a.dtype.kind == "f":
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * np.abs(b).max())
        else:
            np.testing.assert_array_equal(a, b)


def rounding(X, penalty=None):
    """Return 0 where the same bits are promised, else the tolerance (in float32: its rounding, grown)."""
    if penalty is None:
        return 0.0
    return 1e-12 if X.dtype == np.float64 else 1e-4


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [2, 3, 5])
@pytest.mark.parametrize("tol", [None, 0.0, 1e-3])
def test_dense_fit_has_the_bits_of_scikit_learn(classes, tol, dtype):
    X, y = problem(classes=classes, dtype=dtype)
    options = {"tol": tol, "max_iter": 40, "random_state": 3}
    assert_same(Perceptron(**options).fit(X, y), Peer(**options).fit(X, y))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [2, 4])
@pytest.mark.parametrize("penalty", PENALTIES[1:])
@pytest.mark.skipif(not NEW_OBJECTIVE, reason="stops by another objective before 1.8")
def test_every_penalty_matches_scikit_learn(penalty, classes, dtype):
    X, y = problem(classes=classes, dtype=dtype)
    options = {"penalty": penalty, "alpha": 1e-3, "max_iter": 60}
    assert_same(Perceptron(**options).fit(X, y), Peer(**options).fit(X, y), rounding(X, penalty))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_csr_fit_matches_scikit_learn(penalty, dtype):
    X, y = problem(dtype=dtype)
    X = csr_matrix(X * (np.abs(X) > 1))
    # With a penalty scikit-learn 1.9 stops sparse fits by a wrong objective: leave it out of play.
    options = {"penalty": penalty, "tol": None if penalty else 1e-3, "max_iter": 20}
    assert_same(Perceptron(**options).fit(X, y), Peer(**options).fit(X, y), rounding(X, penalty))


@pytest.mark.parametrize("dtype", DTYPES)
def test_csr_indices_may_be_64_bits_wide(dtype):
    X, y = problem(dtype=dtype)
    narrow = csr_array(X * (np.abs(X) > 1))
    wide = narrow.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    a, b = Perceptron().fit(narrow, y), Perceptron().fit(wide, y)
    np.testing.assert_array_equal(a.coef_, b.coef_)
    np.testing.assert_array_equal(a.predict(narrow), b.predict(wide))


@pytest.mark.parametrize("penalty", ["l2", "elasticnet"])
def test_penalised_sparse_fit_stops_by_the_objective_of_all_weights(penalty):
    # Without intercept (sparse X damps it) and zeros (L1 passes over them), CSR is only another storage.
    X, y = problem(classes=2)
    options = {"penalty": penalty, "alpha": 1e-3, "fit_intercept": False, "max_iter": 60}
    dense, sparse = Perceptron(**options).fit(X, y), Perceptron(**options).fit(csr_matrix(X), y)
    assert dense.n_iter_ == sparse.n_iter_ < 60
    np.testing.assert_allclose(dense.coef_, sparse.coef_, rtol=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"eta0": 0.1},
        {"shuffle": False},
        {"fit_intercept": False},
        {"class_weight": "balanced"},
        {"class_weight": {0: 0.3, 2: 5.0}},
        {"n_iter_no_change": 1, "tol": 0.1},
        {"early_stopping": True},
        {"early_stopping": True, "penalty": "l2", "alpha": 1e-2},
        {"early_stopping": True, "penalty": "l1", "validation_fraction": 0.3, "n_iter_no_change": 2},
        {"random_state": None},
        {"n_jobs": 2},
    ],
    ids=str,
)
@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("storage", [np.asarray, csr_matrix])
def test_every_parameter_acts_as_in_scikit_learn(storage, classes, options):
    X, y = problem(classes=classes)
    if classes == 2 and isinstance(options.get("class_weight"), dict):
        options = {"class_weight": {0: 0.3}}
    options = {"max_iter": 30, **options}
    fitted = []
    for cls in (Perceptron, Peer):
        np.random.seed(5)  # noqa: NPY002 - the generator of random_state=None
        fitted.append(cls(**options).fit(storage(X), y))
    # A step that is no power of two rounds c * x, which a compiler may fuse with the sum.
    exact = not {"eta0", "class_weight", "penalty"} & options.keys()
    assert_same(*fitted, 0.0 if exact else 1e-12)


def test_random_state_instance_is_drawn_from_in_the_same_order():
    for classes in (2, 3):
        X, y = problem(classes=classes)
        options = {"early_stopping": True, "max_iter": 20}
        ours, peer = (cls(**options, random_state=np.random.RandomState(7)).fit(X, y) for cls in (Perceptron, Peer))
        assert_same(ours, peer)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_sample_weight_matches_scikit_learn(classes, early_stopping):
    X, y = problem(classes=classes)
    weight = np.random.default_rng(1).random(len(y))
    options = {"early_stopping": early_stopping, "max_iter": 30}
    ours = Perceptron(**options).fit(X, y, sample_weight=weight)
    assert_same(ours, Peer(**options).fit(X, y, sample_weight=weight), 1e-12)


@pytest.mark.parametrize("classes", [2, 3])
def test_first_parameters_and_warm_start_match_scikit_learn(classes):
    X, y = problem(classes=classes)
    rng = np.random.default_rng(2)
    n_units = 1 if classes == 2 else classes
    start = rng.normal(size=(n_units, X.shape[1])), rng.normal(size=n_units)
    fitted = []
    for cls in (Perceptron, Peer):
        model = cls(max_iter=6, warm_start=True).fit(X, y, *(s.copy() for s in start))
        fitted.append(model.fit(X[::-1], y[::-1]))
    assert_same(*fitted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("classes", [2, 3])
def test_partial_fit_matches_scikit_learn(classes, dtype):
    X, y = problem(classes=classes, dtype=dtype)
    ours, peer = Perceptron(), Peer()
    for part in range(0, len(y), 30):
        rows = slice(part, part + 30)
        for model in (ours, peer):
            model.partial_fit(X[rows], y[rows], classes=np.arange(classes))
        assert_same(ours, peer)


def ill_conditioned(kind, rng, n, d):
    """Return rows whose sums cancel, tie, or span the whole range of exponents."""
    X = rng.normal(size=(n, d))
    if kind == "cancelling":
        tiny = rng.choice([0, 1e-16, 1e-8, 1e-7], size=(n, d // 2))
        X[:, 1::2] = -X[:, ::2] * (1 + tiny)
    elif kind == "integers":
        X = rng.integers(-2, 3, size=(n, d)).astype(float)
    elif kind == "mixed":
        X = rng.choice([-1, 0, 1, 1e8, -1e8, 1e-8], size=(n, d))
    elif kind == "scaled":
        X *= 10.0 ** rng.integers(-30, 30, size=(n, 1))
    return X


@pytest.mark.parametrize("coded", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", ["cancelling", "integers", "mixed", "scaled", "normal"])
def test_uncertain_signs_are_decided_as_scikit_learn_does(kind, dtype, coded, monkeypatch):
    # With the fast product alone, one in seven of these fits differs.
    monkeypatch.setattr(_perceptron_units, "CODED_BYTES", 0 if coded else 2**60)
    monkeypatch.setattr(_perceptron_units, "CODED_EPOCHS", 0)
    rng = np.random.default_rng(0)
    for _ in range(15):
        n, d = rng.integers(6, 120), 2 * rng.integers(1, 150)
        X, y = ill_conditioned(kind, rng, n, d).astype(dtype), rng.integers(0, 2, size=n)
        y[:2] = 0, 1
        options = {"max_iter": 8, "tol": None, "fit_intercept": bool(rng.integers(2))}
        assert_same(Perceptron(**options).fit(X, y), Peer(**options).fit(X, y))


@pytest.mark.parametrize("dtype", DTYPES)
def test_signs_that_underflow_are_decided_as_scikit_learn_does(dtype):
    # w.x survives in the element type, but times the scale of an L2 penalty it does not.
    size = 1e-22 if dtype == np.float32 else 1e-161
    for seed in range(20):
        X, y = problem(seed, n=60, d=7, classes=2)
        options = {"penalty": "l2", "alpha": 0.05, "fit_intercept": False, "max_iter": 5, "tol": None}
        X = (X * size).astype(dtype)
        assert_same(Perceptron(**options).fit(X, y), Peer(**options).fit(X, y))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("penalty", PENALTIES)
def test_fit_is_the_same_for_any_number_of_jobs(penalty, dtype):
    X, y = problem(classes=5, dtype=dtype)
    one, two, many = (Perceptron(penalty=penalty, n_jobs=jobs).fit(X, y) for jobs in (1, 2, -1))
    assert_same(two, one)
    assert_same(many, one)


FIT_AND_PRINT = """
import hashlib, warnings, numpy as np
from mlpcore import Perceptron
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.normal(size=(300, 101)); y = rng.integers(0, 3, 300)
digest = hashlib.sha256()
for dtype in ("float32", "float64"):
    for penalty in (None, "l2", "l1"):
        model = Perceptron(penalty=penalty, max_iter=10).fit(X.astype(dtype), y)
        digest.update(model.coef_.tobytes() + model.intercept_.tobytes())
print(digest.hexdigest())
"""


def test_fit_is_the_same_on_every_instruction_set():
    from mlpcore import _core

    digests = {
        subprocess.run(
            [sys.executable, "-c", FIT_AND_PRINT],
            env={**os.environ, "MLPCORE_ISA": isa},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for isa in _core.available_isas()
    }
    assert len(digests) == 1
    assert len(digests.pop().strip()) == hashlib.sha256().digest_size * 2


@pytest.mark.skipif(not NEW_OBJECTIVE, reason="prints no objective before 1.8")
def test_verbose_prints_the_lines_of_scikit_learn(capsys):
    X, y = problem(classes=2)
    printed = []
    for cls in (Perceptron, Peer):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            cls(verbose=1, max_iter=7).fit(X, y)
        lines = capsys.readouterr().out.splitlines()
        printed.append([line for line in lines if "seconds" not in line])
    ours, peer = printed
    assert len(ours) == len(peer) == 14

    assert ours == peer


def test_real_data_gives_the_bits_of_scikit_learn(dataset):
    arrays = dataset("fashion_mnist")
    X, y = arrays["X_train"][:4000].reshape(-1, 784) / 255.0, arrays["y_train"][:4000]
    options = {"max_iter": 5, "tol": None}
    assert_same(Perceptron(**options).fit(X, y), Peer(**options).fit(X, y))
