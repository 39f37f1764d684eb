"""The picture of a fit's course."""

import numpy as np
import pytest
import sklearn.neural_network as peer
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline

from mlp_cases import Y_BINARY, X, fitted
from mlpcore import LossCurveDisplay, MLPClassifier, Perceptron

matplotlib = pytest.importorskip("matplotlib")
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def no_window():
    matplotlib.use("Agg")
    yield
    matplotlib.pyplot.close("all")


def test_a_display_shows_all_curves():
    model = fitted("MLPClassifier", early_stopping=True, scoring="roc_auc")
    display = LossCurveDisplay.from_estimator(model, name="net")
    labels = ["net: Training loss", "net: Validation loss", "net: Validation score (roc auc)"]
    assert [line.get_label() for line in display.lines_] == labels
    curves = (model.loss_curve_, model.validation_loss_curve_, model.validation_scores_)
    for line, values in zip(display.lines_, curves, strict=True):
        np.testing.assert_array_equal(line.get_xdata(), [1, 2, 3])
        np.testing.assert_array_equal(line.get_ydata(), values)
    assert display.ax_.get_xlabel() == "Epoch"
    assert display.score_ax_.get_ylabel() == "Validation score (roc auc)"


@pytest.mark.parametrize(
    ("scoring", "label"),
    [
        ("neg_mean_absolute_error", "Validation score (negative mean absolute error)"),
        ("loss", "Validation score (negative loss)"),
        (None, "Validation score"),
    ],
)
def test_labels_say_what_the_scores_are(scoring, label):
    model = fitted("MLPRegressor", early_stopping=True, scoring=scoring)
    display = LossCurveDisplay.from_estimator(model)
    assert display.score_ax_.get_ylabel() == label
    display.figure_.draw_without_rendering()
    text = display.score_ax_.yaxis.label.get_window_extent()
    assert text.x1 <= display.figure_.bbox.x1  # nothing of it is cut off


def test_a_single_epoch_is_a_point():
    once, twice = (LossCurveDisplay.from_estimator(fitted("MLPRegressor", max_iter=n)).lines_[0] for n in (1, 2))
    assert once.get_marker() == "o"
    assert twice.get_marker() == "None"


def test_a_display_draws_on_given_axes():
    _, ax = matplotlib.pyplot.subplots()
    display = LossCurveDisplay.from_estimator(fitted("MLPRegressor"), ax=ax, log_scale=True, line_kw={"alpha": 0.5})
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.score_ax_ is None
    assert ax.get_yscale() == "log"
    assert [line.get_alpha() for line in display.lines_] == [0.5]


def test_a_display_takes_scikit_learns_estimators():
    theirs = peer.MLPClassifier(max_iter=3, early_stopping=True).fit(X, Y_BINARY)
    assert len(LossCurveDisplay.from_estimator(theirs, plot_scores=False).lines_) == 1


def test_estimators_without_a_curve_are_refused():
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(MLPClassifier())
    with pytest.raises(ValueError, match="has no loss_curve_: solver='lbfgs' does not record one"):
        LossCurveDisplay.from_estimator(fitted("MLPClassifier", solver="lbfgs"))
    for other in (Perceptron(), make_pipeline(MLPClassifier(max_iter=2))):
        with pytest.raises(ValueError, match="has no loss_curve_: expected an MLPClassifier or MLPRegressor"):
            LossCurveDisplay.from_estimator(other.fit(X, Y_BINARY))


def test_curves_of_a_later_fit_lie_at_its_epochs():
    model = MLPClassifier((4,), max_iter=3, warm_start=True, random_state=0).fit(X, Y_BINARY)
    model.fit(X, Y_BINARY, X_val=X[:9], y_val=Y_BINARY[:9])
    training, validation, _ = LossCurveDisplay.from_estimator(model).lines_
    np.testing.assert_array_equal(training.get_xdata(), range(1, 7))
    np.testing.assert_array_equal(validation.get_xdata(), [4, 5, 6])
