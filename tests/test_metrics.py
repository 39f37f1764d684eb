"""Metrics against Keras' values: on arrays, and as sums that an engine adds up; the user's own ones."""

import json
import warnings

import numpy as np
import pytest

from keras_numbers import DATA, FILE, METRICS, WEIGHTS, key
from mlpcore import metrics, ops
from mlpcore._arena import Arena
from mlpcore._tape import Recorder

KERAS = json.loads(FILE.read_text())["metrics"]
CASES = [(*case, weights) for case in METRICS for weights in (None, WEIGHTS)]
IDS = [key(*case[:3]) + " weighted" * (case[3] is not None) for case in CASES]
HALVES = (slice(0, 4), slice(4, 6))


def part(weights, rows):
    return None if weights is None else weights[rows]


def in_engine(metric, y_true, y_pred, weights=None):
    """Feed a metric by two passes of an engine that adds up what it records."""
    n = len(y_pred)
    arena = Arena()
    recorder = Recorder(arena)
    prediction = recorder.input(y_pred.shape[1:])
    with recorder:
        rows = metric.record(recorder.target(0, y_true.shape[1:]), prediction)
        assert rows is not None
        assert rows.shape[0] is None
        recorder.output(prediction)
        recorder.total(rows, sample_weight=-1 if weights is None else 0)
    engine = arena.engine(recorder.tape)
    x = np.ascontiguousarray(y_pred.reshape(n, -1), np.float32)
    y = np.ascontiguousarray(y_true.reshape(n, -1), np.float32)
    for half in HALVES:
        sample_weight = None if weights is None else [weights[half]]
        sums = engine.evaluate([x[half]], [y[half]], sample_weight=sample_weight)
        metric.accumulate(sums.totals[0], sums.total_weights[0], sums.rows)
    return metric.result()


def assert_matches_keras(result, name, arguments, data, weights):
    expected = KERAS[key(name, arguments, data)][weights is not None]
    assert type(result) is float or result.dtype == np.float64
    assert np.shape(result) == np.shape(expected)
    np.testing.assert_allclose(result, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "arguments", "data", "weights"), CASES, ids=IDS)
def test_metric_of_arrays_matches_keras(name, arguments, data, weights):
    metric, (y_true, y_pred) = getattr(metrics, name)(**arguments), DATA[data]
    for half in HALVES:
        metric.update_state(y_true[half], y_pred[half], part(weights, half))
    assert_matches_keras(metric.result(), name, arguments, data, weights)


@pytest.mark.parametrize(("name", "arguments", "data", "weights"), CASES, ids=IDS)
def test_metric_of_sums_matches_keras(name, arguments, data, weights):
    result = in_engine(getattr(metrics, name)(**arguments), *DATA[data], weights)
    assert_matches_keras(result, name, arguments, data, weights)


@pytest.mark.parametrize(("name", "arguments", "data"), METRICS, ids=[key(*case) for case in METRICS])
def test_reset_forgets_everything(name, arguments, data):
    metric, (y_true, y_pred) = getattr(metrics, name)(**arguments), DATA[data]
    metric.update_state(y_true[:4], y_pred[:4])
    first = metric.result()
    metric.reset_state()
    assert metric.result() == 0.0
    np.testing.assert_array_equal(metric(y_true[:4], y_pred[:4]), first)


@pytest.mark.parametrize(("name", "arguments", "data"), METRICS, ids=[key(*case) for case in METRICS])
def test_metric_comes_back_from_its_config(name, arguments, data):
    metric = getattr(metrics, name)(**arguments, name="mine")
    again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(metric))))
    assert type(again) is type(metric)
    assert again.name == "mine"
    np.testing.assert_array_equal(again(*DATA[data]), metric(*DATA[data]))


def test_ties_in_the_top_k_go_to_the_first():
    y_true, y_pred = np.float32([[0, 1, 0], [1, 0, 0]]), np.float32([[0.4, 0.4, 0.2], [0.2, 0.4, 0.4]])
    assert metrics.Precision(top_k=1)(y_true, y_pred) == 0.0
    assert metrics.Precision(top_k=2)(y_true, y_pred) == 0.25


# ------------------------------------------------ means and sums


def test_mean_weighs_values():
    mean = metrics.Mean()
    mean.update_state(3.0)
    mean.update_state([1.0, 5.0], sample_weight=[3.0, 0.0])
    assert mean.result() == 1.5
    mean.reset_states()
    assert mean.result() == 0.0


def test_mean_of_weights_of_the_shape_of_the_values_is_that_of_keras():
    values, weights = np.arange(6.0).reshape(2, 3), np.array([[1, 0, 2], [1, 1, 0.5]])
    assert metrics.Mean()(values, weights) == pytest.approx((values * weights).sum() / weights.sum())


def test_sum_adds():
    total = metrics.Sum()
    total.update_state([[1.0, 2.0], [3.0, 4.0]], [1.0, 0.5])
    assert total.result() == 6.5


# ------------------------------------------------ the user's own


def worst(y_true, y_pred):
    return ops.max(ops.abs(y_true - y_pred), axis=-1)


def numpy_worst(y_true, y_pred):
    return np.max(np.abs(np.asarray(y_true) - np.asarray(y_pred)), axis=-1)


def test_function_in_ops_is_added_up_by_the_engine():
    metric = metrics.as_metric(worst, (3,), (3,))
    assert metric.name == "worst"
    assert in_engine(metric, *DATA["real"]) == pytest.approx(numpy_worst(*DATA["real"]).mean(), rel=1e-6)


def test_function_of_arrays_is_not_recorded():
    metric = metrics.as_metric(numpy_worst, (3,), (3,))
    recorder = Recorder(Arena())
    prediction = recorder.input((3,))
    with recorder:
        assert metric.record(recorder.target(0, (3,)), prediction) is None
    assert metric(*DATA["real"]) == pytest.approx(numpy_worst(*DATA["real"]).mean(), rel=1e-6)


class HuberMean(metrics.Metric):
    """As in the Keras books: variables, add_weight with the name first, ops or NumPy."""

    def __init__(self, threshold=1.0, **keywords):
        super().__init__(**keywords)
        self.threshold = threshold
        self.total = self.add_weight("total", initializer="zeros")
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        error = ops.abs(y_true - y_pred)
        inner = ops.minimum(error, self.threshold)
        self.total.assign_add(ops.sum(inner * (error - 0.5 * inner)))
        self.count.assign_add(y_true.size)

    def result(self):
        return self.total / self.count

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}


def test_own_metric_keeps_its_state_in_variables():
    metric = HuberMean(2.0)
    y_true, y_pred = DATA["real"]
    assert metric.name == "huber_mean"
    assert [variable.name for variable in metric.variables] == ["total", "count"]
    for half in HALVES:
        metric.update_state(y_true[half], y_pred[half])
    error = np.abs(y_true - y_pred)
    assert float(metric.result()) == pytest.approx(np.where(error < 2, error**2 / 2, 2 * error - 2).mean(), rel=1e-5)
    metric.reset_state()
    assert [float(variable) for variable in metric.variables] == [0.0, 0.0]
    assert metric.record(None, None) is None
    again = metrics.deserialize(metrics.serialize(metric), {"HuberMean": HuberMean})
    assert again.threshold == 2.0


def test_subclass_with_its_own_update_is_not_recorded():
    class Positive(metrics.BinaryAccuracy):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(np.abs(y_true), np.abs(y_pred), sample_weight)

    class Percent(metrics.MeanSquaredError):
        def result(self):
            return 100 * super().result()

    class Doubled(metrics.AUC):
        def update_state(self, y_true, y_pred, sample_weight=None):
            super().update_state(y_true, y_pred, sample_weight)

    assert Positive().record(None, None) is None
    assert Doubled().record(None, None) is None
    assert in_engine(Percent(), *DATA["real"]) == pytest.approx(100 * KERAS["MeanSquaredError() real"][0], rel=1e-5)


# ------------------------------------------------ names


@pytest.mark.parametrize(
    ("name", "y_true", "y_pred", "expected"),
    [
        ("accuracy", (1,), (1,), metrics.BinaryAccuracy),
        ("acc", (), (1,), metrics.BinaryAccuracy),
        ("accuracy", (), (10,), metrics.SparseCategoricalAccuracy),
        ("accuracy", (1,), (10,), metrics.SparseCategoricalAccuracy),
        ("accuracy", (10,), (10,), metrics.CategoricalAccuracy),
        ("crossentropy", (), (10,), metrics.SparseCategoricalCrossentropy),
        ("ce", (3,), (3,), metrics.CategoricalCrossentropy),
        ("RootMeanSquaredError", (1,), (1,), metrics.RootMeanSquaredError),
        ("mae", (1,), (1,), metrics.MeanAbsoluteError),
        ("auc", (1,), (1,), metrics.AUC),
    ],
)
def test_name_means_the_metric_for_the_shapes(name, y_true, y_pred, expected):
    metric = metrics.as_metric(name, y_true, y_pred)
    assert type(metric) is expected
    assert metric.name == name


def test_names_are_those_of_keras():
    assert metrics.LogCoshError().name == "logcosh"
    assert metrics.R2Score().name == "r2_score"
    assert metrics.FBetaScore().name == "fbeta_score"
    assert metrics.Precision().name == "precision"
    assert metrics.AUC().name == "auc"
    assert isinstance(metrics.get("r2_score"), metrics.R2Score)
    assert isinstance(metrics.get(metrics.Recall), metrics.Recall)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: metrics.get("acuracy"), "unknown metric 'acuracy'; did you mean 'accuracy'"),
        (lambda: metrics.Precision(thresholds=1.5), r"thresholds must be in \[0, 1\], got 1.5"),
        (lambda: metrics.AUC(curve="ROCK"), "curve must be 'ROC', 'PR' or 'PRGAIN', got 'ROCK'"),
        (lambda: metrics.AUC(num_thresholds=1), "num_thresholds must be > 1, got 1"),
        (lambda: metrics.F1Score(average="mean"), "average must be None, 'micro', 'macro' or 'weighted', got 'mean'"),
        (lambda: metrics.F1Score()([1.0], [1.0]), r"f1_score expects targets and predictions \(batch, classes\)"),
        (lambda: metrics.R2Score(class_aggregation="mean"), "class_aggregation must be one of"),
        (lambda: metrics.Precision(class_id=3)(np.eye(3), np.eye(3)), "class_id 3 is not one of the 3 columns"),
        (lambda: metrics.Recall()([1.0, 0.0], [1.0, 0.0], [1.0]), "recall: expected one sample weight a row"),
        (lambda: metrics.as_metric(None, (1,), (1,)), "expected a metric, got None"),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_adjusted_r2_of_too_few_rows_warns():
    with pytest.warns(UserWarning, match="cannot be adjusted for 5 regressors"):
        metrics.R2Score(num_regressors=5)([1.0, 2.0, 4.0], [1.0, 2.0, 3.0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metrics.R2Score()([1.0, 1.0], [1.0, 1.0])
