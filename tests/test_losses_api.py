"""Losses with Keras' names against Keras' values and gradients: on arrays, and recorded on a tape."""

import json
import warnings

import numpy as np
import pytest

from keras_numbers import DATA, FILE, LOSSES, UNWEIGHTED_LOSSES, WEIGHTS, key
from mlpcore import losses, ops
from mlpcore._arena import Arena, Variable
from mlpcore._tape import Recorder
from mlpcore.losses import kind_of_classes

KERAS = json.loads(FILE.read_text())["losses"]
CASES = [(*case, weights) for case in LOSSES for weights in (None, WEIGHTS)]
CASES += [(*case, None) for case in UNWEIGHTED_LOSSES]
IDS = [key(*case[:3]) + " weighted" * (case[3] is not None) for case in CASES]
FUSED = {  # what kernels compute; the others are recorded in ops
    "MeanSquaredError",
    "MeanAbsoluteError",
    "Huber",
    "LogCosh",
    "BinaryCrossentropy",
    "BinaryFocalCrossentropy",
    "SparseCategoricalCrossentropy",
    "Hinge",
    "SquaredHinge",
    "Quantile",
}


def expected(name, arguments, data, weights):
    value, gradient = KERAS[key(name, arguments, data)][weights is not None]
    return value, np.array(gradient)


class Recorded:
    """A loss of predictions that are parameters, so that the engine's gradient is that of the predictions."""

    def __init__(self, loss, y_true, y_pred, weights=None, dtype="float64", activation=None, factor=1.0):
        self.loss, n = loss, len(y_pred)
        axes, flat = y_pred.shape[1:], np.reshape(y_pred, (n, -1))
        self.arena = Arena(dtype)
        self.recorder = Recorder(self.arena)
        variable = Variable(np.asarray(flat, dtype), dtype=dtype)
        x = self.recorder.input((n,))
        self.calls = []
        with self.recorder:
            prediction = ops.reshape(ops.matmul(x, variable), (-1, *axes))
            if activation is not None:
                prediction = activation(prediction)
            self.classes = loss.reads_classes(y_true.shape[1:], axes)
            sample_weight = -1 if weights is None else 0
            loss.record(self.recorder, prediction, 0, y_true.shape[1:], sample_weight=sample_weight, weight=factor)
        self.engine = self.arena.engine(self.recorder.tape)
        self.arena.push()
        self.x = [np.eye(n, dtype=dtype)]
        y = np.ascontiguousarray(np.reshape(y_true, (n, -1)), dtype)
        self.y = [np.ascontiguousarray(np.ravel(y_true), np.int32) if self.classes else y]
        self.weights = None if weights is None else [weights.astype(dtype)]
        self.shape = y_pred.shape

    def value_and_gradient(self):
        value, _, gradients = self.engine.gradient(
            self.x, self.y, sample_weight=self.weights, divide_by=self.loss.divide_by
        )
        return value, gradients[0].reshape(self.shape)


@pytest.mark.parametrize(("name", "arguments", "data", "weights"), CASES, ids=IDS)
def test_value_of_arrays_matches_keras(name, arguments, data, weights):
    loss = getattr(losses, name)(**arguments)
    value = loss(*DATA[data], weights)
    assert type(value) is float
    assert value == pytest.approx(expected(name, arguments, data, weights)[0], rel=1e-5, abs=1e-6)


@pytest.mark.parametrize(("name", "arguments", "data", "weights"), CASES, ids=IDS)
def test_recorded_value_and_gradient_match_keras(name, arguments, data, weights):
    loss = getattr(losses, name)(**arguments)
    value, gradient = Recorded(loss, *DATA[data], weights).value_and_gradient()
    keras_value, keras_gradient = expected(name, arguments, data, weights)
    assert value == pytest.approx(keras_value, rel=1e-5, abs=1e-6)
    # Keras computed in float32
    np.testing.assert_allclose(gradient, keras_gradient.reshape(gradient.shape), rtol=2e-4, atol=2e-6)


@pytest.mark.parametrize(("name", "arguments", "data", "weights"), CASES, ids=IDS)
def test_recorded_gradient_is_that_of_the_value(name, arguments, data, weights):
    loss = getattr(losses, name)(**arguments)
    y_true, y_pred = DATA[data]
    direction = np.random.default_rng(1).normal(size=y_pred.shape)
    step = 1e-6
    values = [
        Recorded(loss, y_true, y_pred + sign * step * direction, weights).value_and_gradient()[0] for sign in (1, -1)
    ]
    slope = (Recorded(loss, y_true, y_pred, weights).value_and_gradient()[1] * direction).sum()
    assert slope == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5, abs=1e-7)


@pytest.mark.parametrize(
    ("name", "data", "activation"),
    [
        ("SparseCategoricalCrossentropy", "class logits", ops.softmax),
        ("CategoricalCrossentropy", "one-hot logits", ops.softmax),
        ("BinaryCrossentropy", "binary logits", ops.sigmoid),
        ("BinaryFocalCrossentropy", "binary logits", ops.sigmoid),
    ],
)
def test_loss_behind_its_activation_is_that_from_logits(name, data, activation):
    make, (y_true, y_pred) = getattr(losses, name), DATA[data]
    value, gradient = Recorded(make(), y_true, y_pred, activation=activation).value_and_gradient()
    from_logits = Recorded(make(from_logits=True), y_true, y_pred).value_and_gradient()
    assert value == pytest.approx(from_logits[0], rel=1e-6)
    np.testing.assert_allclose(gradient, from_logits[1], rtol=1e-5, atol=1e-9)


def test_logits_of_any_size_have_finite_losses_and_exact_gradients():
    y_true, logits = np.float32([[0], [1]]), np.float32([[200], [-200]])
    value, gradient = Recorded(
        losses.BinaryCrossentropy(from_logits=True), y_true, logits, dtype="float32"
    ).value_and_gradient()
    assert value == pytest.approx(200)
    np.testing.assert_allclose(gradient.ravel(), [0.5, -0.5])
    classes, logits = np.int32([0]), np.float32([[-200, 200]])
    value, gradient = Recorded(
        losses.SparseCategoricalCrossentropy(from_logits=True), classes, logits, dtype="float32"
    ).value_and_gradient()
    assert np.isfinite(value)
    np.testing.assert_allclose(gradient, [[-1, 1]])


def test_kernels_compute_the_losses_they_know():
    for name, arguments, data in LOSSES:
        loss = getattr(losses, name)(**arguments)
        y_true, y_pred = DATA[data]
        fused = loss._fusable(y_true.shape[1:], y_pred.shape[1:])
        in_ops = name not in FUSED or arguments.get("reduction") == "sum" or "ignore_class" in arguments
        in_ops = in_ops or (name == "BinaryCrossentropy" and "from_logits" in arguments)
        assert (fused is None) is in_ops, key(name, arguments, data)


def test_class_that_there_is_not_has_no_loss():
    y_pred = DATA["class grid"][1]
    y_true = np.int32([[0, 1], [2, 4], [-1, 0], [3, 3], [0, 0], [1, 1]])
    values = losses.sparse_categorical_crossentropy(y_true, y_pred)
    np.testing.assert_array_equal(np.isnan(values), (y_true < 0) | (y_true > 3))
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    value, gradient = Recorded(loss, np.maximum(np.where(y_true == 4, -1, y_true), -1), y_pred).value_and_gradient()
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    assert not gradient[1, 1].any()


def test_functions_are_recorded_as_the_classes_of_their_name():
    for name in ("mse", "sparse_categorical_crossentropy", "huber"):
        y_true, y_pred = DATA["classes" if name.startswith("sparse") else "real"]
        loss = losses.as_loss(name, y_true.shape[1:], y_pred.shape[1:])
        assert loss.name == name
        assert loss._fusable(y_true.shape[1:], y_pred.shape[1:]) is not None
        assert loss(y_true, y_pred) == pytest.approx(Recorded(loss, y_true, y_pred).value_and_gradient()[0], rel=1e-6)


def test_weight_multiplies_value_and_gradient():
    loss, data = losses.Poisson(), DATA["counts"]
    value, gradient = Recorded(loss, *data).value_and_gradient()
    half = Recorded(loss, *data, factor=0.5).value_and_gradient()
    assert half[0] == pytest.approx(0.5 * value)
    np.testing.assert_allclose(half[1], 0.5 * gradient)


# ------------------------------------------------ quantiles


def test_quantile_loss_is_the_pinball_loss():
    y_true, y_pred = DATA["real"]
    error = y_true - y_pred
    assert losses.Quantile(0.9)(y_true, y_pred) == pytest.approx(np.maximum(0.9 * error, -0.1 * error).mean(), rel=1e-5)


def test_quantiles_of_several_targets_lie_side_by_side():
    y_true = np.float64([[1, 10], [2, 20], [0, 5]])
    y_pred = np.float64([[0, 2, 9, 12], [2.5, 3, 18, 19], [1, 2, 6, 4]])
    loss = losses.Quantile([0.2, 0.7])
    error = y_true[:, :, None] - y_pred.reshape(3, 2, 2)
    tau = np.array([0.2, 0.7])
    expected_value = np.maximum(tau * error, (tau - 1) * error).mean()
    assert loss(y_true, y_pred) == pytest.approx(expected_value, rel=1e-6)
    value, gradient = Recorded(loss, y_true, y_pred).value_and_gradient()
    assert value == pytest.approx(expected_value)
    np.testing.assert_allclose(gradient, (np.where(error < 0, 1 - tau, -tau) / 12).reshape(3, 4))
    one_target = losses.Quantile([0.2, 0.7])
    assert one_target(y_true[:, 0], y_pred[:, :2]) == pytest.approx(
        Recorded(one_target, y_true[:, 0], y_pred[:, :2]).value_and_gradient()[0], rel=1e-6
    )


# ------------------------------------------------ the user's own


def own_huber(y_true, y_pred):
    error = y_true - y_pred
    return ops.where(ops.abs(error) < 1, ops.square(error) / 2, ops.abs(error) - 0.5)


class OwnLoss(losses.Loss):
    def __init__(self, power=2.0, **keywords):
        super().__init__(**keywords)
        self.power = power

    def call(self, y_true, y_pred):
        return ops.mean(abs(y_pred - y_true) ** self.power, axis=-1)

    def get_config(self):
        return {**super().get_config(), "power": self.power}


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean_with_sample_weight"])
@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
def test_own_loss_does_what_the_built_in_one_does(reduction, weights):
    y_true, y_pred = DATA["real"]
    own = OwnLoss(reduction=reduction)
    built_in = losses.MeanSquaredError(reduction=reduction)
    assert own(y_true, y_pred, weights) == pytest.approx(built_in(y_true, y_pred, weights), rel=1e-6)
    value, gradient = Recorded(own, y_true, y_pred, weights).value_and_gradient()
    assert value == pytest.approx(built_in(y_true, y_pred, weights), rel=1e-6)
    np.testing.assert_allclose(
        gradient, Recorded(built_in, y_true, y_pred, weights).value_and_gradient()[1], atol=1e-12
    )


def test_subclass_of_a_built_in_loss_is_recorded_as_it_computes():
    class Doubled(losses.MeanSquaredError):
        def call(self, y_true, y_pred):
            return 2.0 * super().call(y_true, y_pred)

    class Renamed(losses.MeanSquaredError):
        def __init__(self):
            super().__init__(name="renamed")

    data = DATA["real"]
    plain = Recorded(losses.MeanSquaredError(), *data).value_and_gradient()
    doubled = Recorded(Doubled(), *data).value_and_gradient()
    assert doubled[0] == pytest.approx(2 * plain[0])
    np.testing.assert_allclose(doubled[1], 2 * plain[1])
    assert Renamed()._fusable((3,), (3,)).name == "squared_error"
    assert losses.as_loss("mse", (3,), (3,))._fusable((3,), (3,)).weight == 2 / 3


def test_function_of_whole_columns_is_averaged_over_the_row():
    y_true, y_pred = DATA["real"]
    loss = losses.as_loss(own_huber, (3,), (3,))
    assert loss.name == "own_huber"
    value, gradient = Recorded(loss, y_true, y_pred).value_and_gradient()
    theirs = Recorded(losses.Huber(), y_true, y_pred).value_and_gradient()
    assert value == pytest.approx(theirs[0])
    np.testing.assert_allclose(gradient, theirs[1], atol=1e-12)


def test_function_that_reduces_the_batch_itself_is_a_scalar_loss():
    loss = losses.as_loss(lambda y_true, y_pred: ops.sqrt(ops.mean(ops.square(y_true - y_pred))), (3,), (3,))
    y_true, y_pred = DATA["real"]
    value, gradient = Recorded(loss, y_true, y_pred).value_and_gradient()
    root = np.sqrt(np.mean((y_true - y_pred) ** 2))
    assert value == pytest.approx(root, rel=1e-6)
    np.testing.assert_allclose(gradient, (y_pred - y_true) / root / y_true.size, rtol=1e-5)


def test_function_of_columns_alone_gets_them_in_equal_rank():
    y_true, y_pred = DATA["column"]
    loss = losses.LossFunctionWrapper(lambda y_true, y_pred: abs(y_true - y_pred))
    assert loss(y_true, y_pred) == pytest.approx(np.abs(y_true - y_pred.ravel()).mean(), rel=1e-6)


def test_function_without_gradient_is_refused():
    loss = losses.LossFunctionWrapper(lambda y_true, y_pred: 3.0, name="mine")
    with pytest.raises(TypeError, match="the loss 'mine' returned a float, through which no gradient flows"):
        Recorded(loss, *DATA["real"])


# ------------------------------------------------ arguments, names, configs


@pytest.mark.parametrize("name", sorted({case[0] for case in LOSSES} | {"Quantile"}))
def test_loss_comes_back_from_its_config(name):
    loss = getattr(losses, name)(name="mine", reduction="sum")
    again = losses.deserialize(json.loads(json.dumps(losses.serialize(loss))))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert again.name == "mine"


def test_wrapped_function_and_own_class_come_back_from_their_configs():
    loss = losses.LossFunctionWrapper(losses.huber, delta=0.5)
    again = losses.deserialize(json.loads(json.dumps(losses.serialize(loss))))
    assert again(*DATA["real"]) == loss(*DATA["real"])
    own = losses.deserialize(losses.serialize(OwnLoss(3.0)), {"OwnLoss": OwnLoss})
    assert own.power == 3.0
    assert losses.serialize(losses.mean_squared_error) == "mean_squared_error"


def test_names_are_those_of_keras():
    assert losses.get("mse") is losses.mean_squared_error
    assert losses.get("BCE") is losses.binary_crossentropy
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert losses.get(None) is None
    assert losses.Huber().name == "huber_loss"
    assert losses.KLDivergence().name == "kl_divergence"
    assert losses.MeanSquaredError().name == "mean_squared_error"


@pytest.mark.parametrize(
    ("y_true", "y_pred", "kind"),
    [
        ((1,), (1,), "binary"),
        ((), (1,), "binary"),
        ((), (10,), "sparse_categorical"),
        ((1,), (10,), "sparse_categorical"),
        ((10,), (10,), "categorical"),
        ((4,), (4, 10), "sparse_categorical"),
    ],
)
def test_crossentropy_is_the_one_for_the_shapes(y_true, y_pred, kind):
    assert kind_of_classes(y_true, y_pred) == kind
    assert losses.as_loss("crossentropy", y_true, y_pred).name == f"{kind}_crossentropy"


def test_reduction_none_returns_weighted_values():
    y_true, y_pred = DATA["real"]
    values = losses.MeanSquaredError(reduction="none")(y_true, y_pred, WEIGHTS)
    np.testing.assert_allclose(values, WEIGHTS * np.mean((y_true - y_pred) ** 2, axis=1), rtol=1e-5)
    with pytest.raises(ValueError, match="a model cannot train with the loss 'mean_squared_error'"):
        Recorded(losses.MeanSquaredError(reduction=None), y_true, y_pred)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: losses.MeanSquaredError(reduction="summ"),
            "reduction must be one of .* got 'summ'; did you mean 'sum'",
        ),
        (lambda: losses.Huber(delta=0), "delta must be > 0, got 0"),
        (lambda: losses.Quantile([0.5, 1.0]), "quantiles must be between 0 and 1"),
        (lambda: losses.CategoricalCrossentropy(label_smoothing=2), r"label_smoothing must be in \[0, 1\], got 2"),
        (
            lambda: losses.get("mean_square_error"),
            "unknown loss 'mean_square_error'; did you mean 'mean_squared_error'",
        ),
        (lambda: losses.MeanSquaredError()(np.ones((2, 3)), np.ones((2, 4))), r"y_true of shape \(2, 3\) does not fit"),
        (
            lambda: losses.SparseCategoricalCrossentropy()(np.eye(4), np.eye(4)),
            "one-hot targets belong to categorical_crossentropy",
        ),
    ],
)
def test_wrong_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_no_warnings_from_probabilities_of_zero_and_one():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value = losses.BinaryCrossentropy()([[0.0, 1.0]], [[1.0, 0.0]])
    assert value == pytest.approx(-np.log(1e-7), rel=0.02)  # 1 - 1e-7 is 1 - 1.2e-7 in float32
