"""scikit-learn's callbacks around our epochs, and what `verbose` shows where."""

import contextlib
import io
import sys
import types

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlpcore
from mlp_cases import KINDS, Y_BINARY, Y_REAL, X, Y, fitted, with_value
from mlpcore import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture
def callback():
    """Return scikit-learn's module of callbacks, or skip."""
    return pytest.importorskip("sklearn.callback", reason="scikit-learn has callbacks from 1.9 on")


class Recorder:
    """Notes the hooks that are called; asks to stop after `stop_after` tasks."""

    def __init__(self, stop_after=np.inf):
        self.events, self.seen, self.stop_after = [], [], stop_after

    def setup(self, estimator, context):
        self.events.append("setup")

    def teardown(self, estimator, context):
        self.events.append("teardown")

    def on_fit_task_begin(self, estimator, context):
        self.events.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, X, y, metadata, fitted_estimator):
        self.events.append(f"end {context.task_name}")
        self.seen.append((X, y, metadata, fitted_estimator))
        return context.task_name != "fit" and context.task_id + 1 >= self.stop_after


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("kind", KINDS)
def test_callbacks_surround_the_fit_and_each_epoch(callback, kind, solver):
    recorder, weight = Recorder(), np.ones(40)
    model = getattr(mlpcore, kind)(hidden_layer_sizes=(5,), solver=solver, max_iter=3, random_state=0)
    model.set_callbacks(recorder).fit(X, Y[kind], weight)
    task = "lbfgs-iter" if solver == "lbfgs" else "epoch"
    epochs = [f"begin {task}", f"end {task}"] * 3
    assert recorder.events == ["setup", "begin fit", *epochs, "end fit", "teardown"]
    assert all(seen[0] is X and seen[2]["sample_weight"] is weight for seen in recorder.seen)
    assert not hasattr(model, "_callback_fit_ctx")


def test_callbacks_see_the_estimator_as_it_is_after_each_epoch(callback):
    recorder = Recorder()
    MLPClassifier((5,), max_iter=3, random_state=0).set_callbacks(recorder).fit(X, Y_BINARY)
    for n_epochs, (_, _, _, model) in enumerate(recorder.seen[:3], 1):
        expected = MLPClassifier((5,), max_iter=n_epochs, random_state=0).fit(X, Y_BINARY)
        assert_array_equal(model.predict_proba(X), expected.predict_proba(X))


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_callback_may_stop_the_training(callback, solver):
    model = MLPRegressor(hidden_layer_sizes=(5,), solver=solver, random_state=0).set_callbacks(Recorder(stop_after=4))
    model.fit(X, Y_REAL)
    assert model.n_iter_ == 4
    same = clone(model).set_params(max_iter=4).fit(X, Y_REAL)
    assert_array_equal(model.coefs_[0], same.coefs_[0])


def test_callbacks_change_nothing(callback):
    model = fitted("MLPRegressor")
    assert_array_equal(clone(model).set_callbacks(Recorder()).fit(X, Y_REAL).coefs_[0], model.coefs_[0])


def test_callbacks_are_torn_down_after_a_failure(callback):
    recorder = Recorder()
    model = MLPRegressor().set_callbacks(recorder)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(with_value(np.nan), Y_REAL)
    assert recorder.events == ["setup", "begin fit", "teardown"]
    assert not hasattr(model, "_callback_fit_ctx")


def test_scoring_monitor_scores_each_epoch(callback):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[*"abcd"])
    monitor = callback.ScoringMonitor(scoring="r2")
    model = MLPRegressor(hidden_layer_sizes=(5,), max_iter=4, random_state=0).set_callbacks(monitor).fit(frame, Y_REAL)
    scores = [row["r2"] for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(scores) == 4
    assert scores[-1] == model.score(frame, Y_REAL)


def test_scoring_monitor_works_in_a_search_and_a_pipeline(callback):
    monitor = callback.ScoringMonitor(scoring="accuracy")
    network = MLPClassifier((5,), max_iter=3, random_state=0).set_callbacks(monitor)
    make_pipeline(StandardScaler(), network).fit(X, Y_BINARY)
    assert len([row for row in monitor.get_logs().data if row["task_name"] == "epoch"]) == 3
    GridSearchCV(network, {"alpha": [0.1, 1.0]}, cv=2, n_jobs=2).fit(X, Y_BINARY)


def test_progress_bar_of_scikit_learn_follows_a_pipeline(callback, capsys):
    pytest.importorskip("rich")
    pipeline = make_pipeline(StandardScaler(), MLPClassifier((5,), max_iter=3, random_state=0))
    pipeline.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X, Y_BINARY)
    assert "MLPClassifier - fit" in capsys.readouterr().out


# ---------------------------------------------------------------- verbose


class Terminal(io.StringIO):
    """A text stream that says that it is a terminal."""

    def isatty(self):
        return True


def printed(stream, **parameters):
    with contextlib.redirect_stdout(stream):
        MLPClassifier((5,), random_state=0, max_iter=3, **parameters).fit(X, Y_BINARY)
    return stream.getvalue()


@pytest.mark.parametrize("parameters", [{}, {"early_stopping": True}, {"solver": "lbfgs"}], ids=str)
def test_a_terminal_shows_a_bar(parameters):
    pytest.importorskip("tqdm")
    text = printed(Terminal(), verbose=True, **parameters)
    assert "3/3" in text
    assert "loss=" in text
    assert ("validation score=" in text) == ("early_stopping" in parameters)
    assert "Iteration" not in text


def test_a_terminal_shows_lines_for_verbose_2_and_without_tqdm(monkeypatch):
    lines = printed(io.StringIO(), verbose=True)
    assert lines.count("Iteration") == 3
    assert printed(Terminal(), verbose=2) == lines
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)  # as if it were not installed
    assert printed(Terminal(), verbose=True) == lines


def test_a_notebook_shows_a_bar(monkeypatch):
    bars = []

    class Bar:
        def __init__(self, total, **settings):
            bars.append(total)

        def set_postfix(self, *args, **settings):
            pass

        update = write = close = set_postfix

    monkeypatch.setitem(sys.modules, "tqdm.auto", types.SimpleNamespace(tqdm=Bar))
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    assert printed(stream, verbose=True) == ""
    assert bars == [3]


def test_silence_is_the_default():
    assert printed(Terminal()) == ""
