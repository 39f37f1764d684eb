"""Beyond scikit-learn: one threshold logic unit per column of a 2-D y, and the chapter's step functions."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from mlpcore import Perceptron

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SQUARE = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
TIED = np.array([[0.0], [1.0], [-1.0]])


def problem(seed=0, n=120, d=20, classes=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d))
    return X, (X @ rng.normal(size=(d, classes)) + rng.normal(size=(n, classes))).argmax(axis=1)


def unit(weights, bias, step=None, labels=(0, 1)):
    """Return a unit with weights set by hand."""
    model = Perceptron(step=step)
    model.classes_ = np.array(labels)
    model.coef_ = np.array([weights], dtype=float)
    model.intercept_ = np.array([bias], dtype=float)
    return model


@pytest.mark.parametrize("class_weight", [None, "balanced", {0: 2.0, 3: 0.5}])
@pytest.mark.parametrize("penalty", [None, "l2"])
def test_one_hot_targets_train_the_units_of_one_versus_rest(penalty, class_weight):
    X, y = problem()
    options = {"penalty": penalty, "class_weight": class_weight, "max_iter": 20}
    labels, columns = Perceptron(**options).fit(X, y), Perceptron(**options).fit(X, np.eye(4)[y])
    np.testing.assert_array_equal(labels.coef_, columns.coef_)
    np.testing.assert_array_equal(labels.intercept_, columns.intercept_)
    np.testing.assert_array_equal(labels.decision_function(X), columns.decision_function(X))


def test_each_column_learns_its_own_function():
    both = np.column_stack([SQUARE.all(axis=1), SQUARE.any(axis=1), SQUARE[:, 0]]).astype(int)
    model = Perceptron().fit(SQUARE, both)
    np.testing.assert_array_equal(model.predict(SQUARE), both)
    assert model.coef_.shape == (3, 2)
    assert model.score(SQUARE, both) == 1.0


def test_two_columns_are_two_units_and_not_two_classes():
    both = np.column_stack([SQUARE.all(axis=1), SQUARE.any(axis=1)]).astype(int)
    model = Perceptron().fit(SQUARE, both)
    assert model.coef_.shape == (2, 2)
    assert model.decision_function(SQUARE).shape == (4, 2)


def test_a_column_may_be_constant():
    X, y = problem(classes=2)
    columns = np.column_stack([y, np.ones_like(y), np.zeros_like(y)])
    predicted = Perceptron(tol=None, max_iter=3).fit(X, columns).predict(X)
    np.testing.assert_array_equal(predicted[:, 1:], columns[:, 1:])


@pytest.mark.parametrize("storage", [csr_matrix, np.ndarray.tolist, np.asfortranarray])
def test_columns_may_be_sparse_or_lists(storage):
    X, y = problem()
    one_hot = np.eye(4, dtype=int)[y]
    a, b = Perceptron().fit(X, one_hot), Perceptron().fit(X, storage(one_hot))
    np.testing.assert_array_equal(a.coef_, b.coef_)
    assert b.score(X, storage(one_hot)) == a.score(X, one_hot)


def test_partial_fit_of_columns_needs_no_classes():
    X, y = problem()
    one_hot = np.eye(4, dtype=int)[y]
    whole = Perceptron(max_iter=1, tol=None).fit(X, one_hot)
    np.testing.assert_array_equal(Perceptron().partial_fit(X, one_hot).coef_, whole.coef_)


def test_columns_train_with_early_stopping():
    X, y = problem()
    model = Perceptron(early_stopping=True, n_iter_no_change=2).fit(X, np.eye(4, dtype=int)[y])
    assert model.n_iter_ < 1000


def test_columns_must_hold_zeros_and_ones():
    X, y = problem()
    with pytest.raises(ValueError, match=r"y should be a 1d array, got an array of shape \(120, 2\)"):
        Perceptron().fit(X, np.column_stack([y, y]) + 0.5)
    with pytest.raises(ValueError, match="-1 and 1 only with step='sign'"):
        Perceptron(step="sign").fit(X, np.eye(4)[y])


def test_units_keep_their_kind_of_targets():
    X, y = problem()
    model = Perceptron().fit(X, y)
    with pytest.raises(ValueError, match="does not match what the units were trained on"):
        model.partial_fit(X, np.eye(4)[y])
    model = Perceptron().fit(X, np.eye(4)[y])
    with pytest.raises(ValueError, match=r"y of shape \(120, 3\) does not match what the units were trained on"):
        model.partial_fit(X, np.eye(4)[y, :3])


@pytest.mark.parametrize("classes", [[0, 1], range(5)])
def test_classes_name_the_columns(classes):
    X, y = problem()
    with pytest.raises(ValueError, match="classes must name the 4 columns of y, got"):
        Perceptron().partial_fit(X, np.eye(4)[y], classes=classes)
    named = Perceptron().partial_fit(X, np.eye(4)[y], classes=["a", "b", "c", "d"])
    assert named.classes_.tolist() == ["a", "b", "c", "d"]


def test_weights_of_the_score_must_be_one_a_row():
    X, y = problem()
    columns = np.eye(4)[y]
    model = Perceptron().fit(X, columns)
    right = (model.predict(X) == columns).all(axis=1)
    assert model.score(X, columns, sample_weight=right + 0.5) == pytest.approx(1.5 * right.sum() / (right + 0.5).sum())
    with pytest.raises(ValueError, match=r"sample_weight\.shape"):
        model.score(X, columns, sample_weight=[1.0, 2.0])


@pytest.mark.parametrize(
    ("step", "labels", "expected"),
    [(None, (0, 1), [0, 1, 0]), ("heaviside", (0, 1), [1, 1, 0]), ("sign", (-1, 1), [0, 1, -1])],
)
def test_step_decides_what_zero_means(step, labels, expected):
    np.testing.assert_array_equal(unit([1], 0, step, labels).predict(TIED), expected)


def test_heaviside_step_is_that_of_numpy():
    rng = np.random.default_rng(0)
    X = rng.integers(-3, 4, size=(200, 3)).astype(float)
    model = unit([1, -2, 1], 1, "heaviside")
    np.testing.assert_array_equal(model.predict(X), np.heaviside(model.decision_function(X), 1))


@pytest.mark.parametrize(
    ("step", "low", "expected"),
    [(None, 0, [0, 1, 0]), ("heaviside", 0, [1, 1, 0]), ("sign", -1, [0, 1, -1])],
)
def test_step_holds_for_every_column(step, low, expected):
    y = np.array([[1, low], [1, low], [low, 1], [low, 1]])
    model = Perceptron(step=step, fit_intercept=False).fit([[1.0], [2.0], [-1.0], [-2.0]], y)
    np.testing.assert_array_equal(model.predict(TIED)[:, 0], expected)


def test_step_changes_neither_training_nor_decision():
    X, y = problem(classes=2)
    models = [Perceptron(step=step).fit(X, 2 * y - 1) for step in (None, "heaviside", "sign")]
    for model in models[1:]:
        np.testing.assert_array_equal(model.coef_, models[0].coef_)
        np.testing.assert_array_equal(model.decision_function(X), models[0].decision_function(X))
        np.testing.assert_array_equal(model.predict(X), models[0].predict(X))  # no z is 0 here


def test_heaviside_leaves_the_largest_z_to_decide_among_many_classes():
    X, y = problem()
    a, b = Perceptron().fit(X, y), Perceptron(step="heaviside").fit(X, y)
    np.testing.assert_array_equal(a.predict(X), b.predict(X))


def test_sign_needs_signs_as_labels():
    X, y = problem(classes=2)
    with pytest.raises(ValueError, match=r"needs the labels -1 and 1, got the classes \[0 1\]"):
        Perceptron(step="sign").fit(X, y)
    with pytest.raises(ValueError, match="needs the labels -1 and 1"):
        Perceptron().fit(X, y).set_params(step="sign").predict(X)


def test_an_undecided_sign_counts_as_wrong():
    assert unit([1], 0, "sign", (-1, 1)).score(TIED, [1, 1, -1]) == pytest.approx(2 / 3)


def test_units_set_by_hand_can_be_trained_on():
    model = unit([1, 1], -1.5)
    before = model.predict(SQUARE)
    np.testing.assert_array_equal(before, SQUARE.all(axis=1))
    model.partial_fit(SQUARE, before)
    np.testing.assert_array_equal(model.predict(SQUARE), before)
    np.testing.assert_array_equal(model.coef_, [[1, 1]])  # nothing was wrong
