"""fit, evaluate and predict: logs, orders, weights, callbacks, and the same results whichever way a pass runs."""

import re

import numpy as np
import pytest

import mlpcore
from mlpcore import Input, Model, Sequential, layers, metrics, ops
from mlpcore.callbacks import Callback, CSVLogger, EarlyStopping, LambdaCallback, TerminateOnNaN
from mlpcore.data import PyDataset
from mlpcore.training import passes


@pytest.fixture(autouse=True)
def from_the_beginning():
    mlpcore.utils.clear_session()
    mlpcore.utils.set_random_seed(0)


RNG = np.random.default_rng(0)
X = RNG.normal(size=(70, 4)).astype(np.float32)
Y = (X[:, 0] - 2 * X[:, 1] + 0.5).astype(np.float32)
CLASSES = (X[:, 0] > 0).astype(int) + (X[:, 1] > 0)


def regressor(**compiled):
    mlpcore.utils.set_random_seed(1)
    model = Sequential([Input((4,)), layers.Dense(5, activation="relu"), layers.Dense(1)])
    model.compile(**{"loss": "mse", "optimizer": "sgd", **compiled})
    return model


def classifier(**compiled):
    mlpcore.utils.set_random_seed(1)
    model = Sequential([Input((4,)), layers.Dense(5, activation="relu"), layers.Dense(3, activation="softmax")])
    model.compile(
        **{"loss": "sparse_categorical_crossentropy", "optimizer": "sgd", "metrics": ["accuracy"], **compiled}
    )
    return model


def two_outputs(**compiled):
    mlpcore.utils.set_random_seed(1)
    x = Input((4,))
    hidden = layers.Dense(5, activation="tanh")(x)
    model = Model(x, [layers.Dense(1, name="main")(hidden), layers.Dense(1, name="aux")(hidden)])
    model.compile(**{"loss": "mse", "optimizer": "adam", **compiled})
    return model


class Subclassed(Model):
    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(5, activation="relu")
        self.out = layers.Dense(1)

    def call(self, inputs):
        return self.out(self.hidden(inputs))


def same_weights(a, b):
    return all(np.array_equal(*pair) for pair in zip(a.get_weights(), b.get_weights(), strict=True))


class EveryBatch(Callback):
    """Has batch hooks, so that everything runs batch by batch; remembers what it hears."""

    def __init__(self):
        super().__init__()
        self.heard = []

    def on_train_batch_end(self, batch, logs=None):
        self.heard.append((batch, dict(logs)))

    def on_test_batch_end(self, batch, logs=None):
        pass

    def on_predict_batch_end(self, batch, logs=None):
        pass


# ------------------------------------------------ one way or another


def test_batch_hooks_change_no_results():
    fast = classifier()
    first = fast.fit(X, CLASSES, epochs=3, validation_split=0.2, verbose=0)
    slow = classifier()
    second = slow.fit(X, CLASSES, epochs=3, validation_split=0.2, verbose=0, callbacks=[EveryBatch()])
    assert same_weights(fast, slow)
    for name, values in first.history.items():
        assert values == pytest.approx(second.history[name], rel=1e-6)
    slow_predictions = slow.predict(X, verbose=0, callbacks=[EveryBatch()])
    assert slow_predictions == pytest.approx(fast.predict(X, verbose=0), abs=1e-6)


def test_a_subclass_trains_as_the_sequential_does():
    model, other = regressor(optimizer="adam"), Subclassed()
    other.build((None, 4))
    other.set_weights(model.get_weights())
    other.compile(loss="mse", optimizer="adam")
    first = model.fit(X, Y, epochs=3, shuffle=False, verbose=0)
    second = other.fit(X, Y, epochs=3, shuffle=False, verbose=0)
    assert same_weights(model, other)
    assert first.history["loss"] == pytest.approx(second.history["loss"], rel=1e-6)


def test_run_eagerly_changes_no_results():
    model, other = regressor(), regressor(run_eagerly=True)
    for each in (model, other):
        mlpcore.utils.set_random_seed(3)
        each.fit(X, Y, epochs=2, verbose=0)
    assert same_weights(model, other)


def test_generators_and_datasets_train_as_arrays_do():
    class Batches(PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            rows = slice(14 * index, 14 * (index + 1))
            return X[rows], Y[rows]

    def generator():
        while True:
            yield from Batches()

    whole, batches, endless = regressor(), regressor(), regressor()
    first = whole.fit(X, Y, batch_size=14, epochs=3, shuffle=False, verbose=0)
    second = batches.fit(Batches(), epochs=3, shuffle=False, verbose=0, validation_data=Batches())
    third = endless.fit(generator(), steps_per_epoch=5, epochs=3, verbose=0)
    assert same_weights(whole, batches)
    assert same_weights(whole, endless)
    assert first.history["loss"] == pytest.approx(second.history["loss"]) == third.history["loss"]
    assert second.history["val_loss"][-1] == pytest.approx(whole.evaluate(X, Y, verbose=0), rel=1e-6)
    assert second.params["steps"] == 5
    assert batches.predict(Batches(), verbose=0) == pytest.approx(whole.predict(X, verbose=0), abs=1e-6)


def test_batches_one_by_one_train_as_fit_does():
    model, other = classifier(), classifier()
    history = model.fit(X[:64], CLASSES[:64], shuffle=False, verbose=0)
    logs = [other.train_on_batch(X[rows], CLASSES[rows], return_dict=True) for rows in (slice(0, 32), slice(32, 64))]
    assert same_weights(model, other)
    assert np.mean([each["loss"] for each in logs]) == pytest.approx(history.history["loss"][0])
    assert other.test_on_batch(X, CLASSES) == pytest.approx(other.evaluate(X, CLASSES, verbose=0), rel=1e-6)
    assert np.array_equal(other.predict_on_batch(X), other.predict(X, verbose=0))


def test_memmaps_and_other_types_of_numbers_are_taken(tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped, doubled = regressor(), regressor()
    mapped.fit(np.load(tmp_path / "x.npy", mmap_mode="r"), Y, shuffle=False, verbose=0)
    doubled.fit(np.asfortranarray(X, np.float64), Y[:, None].astype(np.float64), shuffle=False, verbose=0)
    assert same_weights(mapped, doubled)


def test_the_seed_makes_orders_weights_and_dropout_repeat():
    def trained(seed):
        mlpcore.utils.set_random_seed(seed)
        model = Sequential([layers.Dense(8), layers.Dropout(0.5), layers.Dense(1)])
        model.compile(loss="mse")
        model.fit(X, Y, epochs=2, verbose=0)
        return model

    assert same_weights(trained(5), trained(5))
    assert not same_weights(trained(5), trained(6))


# ------------------------------------------------ logs


def test_logs_of_batches_are_running_means():
    seen = EveryBatch()
    history = regressor().fit(X, Y, shuffle=False, verbose=0, callbacks=[seen])
    assert [batch for batch, _ in seen.heard] == [0, 1, 2]
    other = regressor()
    losses = [other.train_on_batch(X[32 * i : 32 * i + 32], Y[32 * i : 32 * i + 32]) for i in range(3)]
    rows = np.array([32, 32, 6])
    means = np.cumsum(rows * losses) / np.cumsum(rows)
    assert [logs["loss"] for _, logs in seen.heard] == pytest.approx(means)
    assert history.history["loss"] == pytest.approx([means[-1]])


def test_the_loss_of_an_epoch_holds_the_penalties():
    model = Sequential([Input((4,)), layers.Dense(1, kernel_regularizer=mlpcore.regularizers.L2(0.5))])
    model.compile(loss="mse", optimizer="sgd")
    kernel = model.get_weights()[0]
    mse = np.mean((model.predict(X, verbose=0)[:, 0] - Y) ** 2)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(mse + 0.5 * np.sum(kernel**2), rel=1e-5)
    history = model.fit(X, Y, batch_size=70, verbose=0)
    assert history.history["loss"] == pytest.approx([mse + 0.5 * np.sum(kernel**2)], rel=1e-5)


def test_names_and_order_with_two_outputs():
    model = two_outputs(loss_weights=[0.9, 0.1], metrics=["RootMeanSquaredError"], weighted_metrics=[["mae"], None])
    history = model.fit(X, [Y, -Y], epochs=1, verbose=0, validation_data=(X, (Y, -Y)))
    own = ["aux_RootMeanSquaredError", "aux_loss", "loss", "main_RootMeanSquaredError", "main_loss", "main_mae"]
    assert list(history.history) == own + [f"val_{name}" for name in own]
    assert model.metrics_names == [
        "loss",
        "main_loss",
        "aux_loss",
        "main_RootMeanSquaredError",
        "aux_RootMeanSquaredError",
        "main_mae",
    ]
    logs, values = model.evaluate(X, [Y, -Y], verbose=0, return_dict=True), model.evaluate(X, [Y, -Y], verbose=0)
    assert [logs[name] for name in model.metrics_names] == values
    assert values[0] == pytest.approx(0.9 * values[1] + 0.1 * values[2])
    assert logs["aux_RootMeanSquaredError"] == pytest.approx(np.sqrt(logs["aux_loss"]), rel=1e-5)


@pytest.mark.parametrize(
    ("loss", "weights", "targets"),
    [
        (("mse", "mse"), (0.9, 0.1), (Y, -Y)),
        (["mse", "mse"], [0.9, 0.1], [Y, -Y]),
        ({"main": "mse", "aux": "mse"}, {"aux": 0.1, "main": 0.9}, {"aux": -Y, "main": Y}),
        ("mse", (0.9, 0.1), {"main": Y, "aux": -Y}),
        (mlpcore.losses.MeanSquaredError(), [0.9, 0.1], [Y[:, None], -Y[:, None]]),
    ],
)
def test_losses_weights_and_targets_in_all_forms(loss, weights, targets):
    expected = two_outputs(loss=("mse", "mse"), loss_weights=(0.9, 0.1))
    expected.fit(X, (Y, -Y), shuffle=False, verbose=0)
    model = two_outputs(loss=loss, loss_weights=weights)
    model.fit(X, targets, shuffle=False, verbose=0)
    assert same_weights(model, expected)


def test_losses_given_by_name_are_listed_in_that_order():  # as Keras 3.15 lists them, and metrics by output
    x = layers.Input((4,))
    model = mlpcore.Model(x, {"b": layers.Dense(1, name="first")(x), "a": layers.Dense(1, name="second")(x)})
    model.compile(loss={"b": "mse", "a": "mae"}, metrics={"b": ["mae"], "a": ["mse"]})
    y = {"a": Y, "b": Y}
    listed = model.evaluate(X, y, verbose=0)
    named = model.evaluate(X, y, verbose=0, return_dict=True)
    assert model.metrics_names == ["loss", "b_loss", "a_loss", "a_mse", "b_mae"]
    assert listed == [named[name] for name in model.metrics_names]
    assert named["loss"] == pytest.approx(named["a_loss"] + named["b_loss"])


def test_an_output_may_have_no_loss():
    model = two_outputs(loss={"main": "mse"}, metrics={"aux": ["mae"]})
    history = model.fit(X, (Y, -Y), verbose=0)
    assert list(history.history) == ["aux_mae", "loss"]
    alone = two_outputs(loss=["mse", None])
    before = alone.get_layer("aux").get_weights()
    alone.fit(X, {"main": Y}, verbose=0)
    assert all(np.array_equal(*pair) for pair in zip(before, alone.get_layer("aux").get_weights(), strict=True))


def test_a_loss_of_weight_0_is_still_reported():
    model = two_outputs(loss_weights=[1.0, 0.0])
    values = model.evaluate(X, (Y, -Y), verbose=0)
    aux = model.predict(X, verbose=0)[1][:, 0]
    assert values[2] == pytest.approx(np.mean((aux + Y) ** 2), rel=1e-5)


# ------------------------------------------------ weights of rows


def test_weights_of_rows_count_in_the_loss_and_in_weighted_metrics():
    weights = np.where(np.arange(70) < 10, 3.0, 0.5)
    model = regressor(metrics=["mae"], weighted_metrics=["mae"])
    errors = np.abs(model.predict(X, verbose=0)[:, 0] - Y)
    loss, plain, weighted = model.evaluate(X, Y, sample_weight=weights, verbose=0)
    assert loss == pytest.approx(np.mean(weights * errors**2), rel=1e-5)
    assert plain == pytest.approx(np.mean(errors), rel=1e-5)
    assert weighted == pytest.approx(np.average(errors, weights=weights), rel=1e-5)
    assert model.metrics_names == ["loss", "mae", "weighted_mae"]


def test_class_weights_are_weights_of_rows():
    model, other = classifier(), classifier()
    model.fit(X, CLASSES, class_weight={0: 2.0, 2: 0.1}, verbose=0, shuffle=False)
    other.fit(X, CLASSES, sample_weight=np.array([2.0, 1.0, 0.1])[CLASSES], verbose=0, shuffle=False)
    assert same_weights(model, other)
    with pytest.raises(ValueError, match="class_weight and sample_weight cannot be given together"):
        model.fit(X, CLASSES, class_weight={0: 2.0}, sample_weight=np.ones(70))


def test_validation_data_carry_weights():
    weights = np.linspace(0, 2, 70)
    model = regressor()
    history = model.fit(X, Y, verbose=0, validation_data=(X, Y, weights))
    assert history.history["val_loss"][0] == pytest.approx(
        model.evaluate(X, Y, sample_weight=weights, verbose=0), rel=1e-6
    )


def test_weights_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"one weight per row, shape \(70,\); got shape \(70, 2\)"):
        regressor().fit(X, Y, sample_weight=np.ones((70, 2)), verbose=0)


# ------------------------------------------------ callbacks


def test_hooks_come_in_the_order_of_keras():
    heard = []
    names = [name for name in dir(Callback) if re.match("on_(train|epoch|test|predict)_", name)]

    class Listening(Callback):
        pass

    for name in names:
        setattr(Listening, name, lambda self, *args, _name=name, **kwargs: heard.append((_name, *args[:1])))
    model = regressor()
    model.fit(X, Y, batch_size=35, epochs=1, validation_data=(X, Y), callbacks=[Listening()], verbose=0)
    assert [entry[0] for entry in heard] == [
        "on_train_begin",
        "on_epoch_begin",
        *["on_train_batch_begin", "on_train_batch_end"] * 2,
        "on_test_begin",
        *["on_test_batch_begin", "on_test_batch_end"] * 2,
        "on_test_end",
        "on_epoch_end",
        "on_train_end",
    ]
    heard.clear()
    model.predict(X, verbose=0, callbacks=[Listening()])
    assert [entry[0] for entry in heard][:2] == ["on_predict_begin", "on_predict_batch_begin"]


def test_the_weights_of_a_subclass_are_known_when_training_begins():
    class Limited(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, kernel_constraint=mlpcore.constraints.MaxNorm(0.01))

        def call(self, inputs):
            return self.dense(inputs)

    seen = []
    model = Limited()
    model.compile(loss="mse", metrics=["mae"])
    begin = LambdaCallback(on_train_begin=lambda logs: seen.append((len(model.weights), len(model.metrics))))
    model.fit(X, Y, verbose=0, callbacks=[begin])
    assert seen == [(2, 1)]
    assert np.linalg.norm(model.get_weights()[0]) <= 0.01 + 1e-6


def test_stop_training_ends_after_the_batch_or_the_epoch():
    def stop(model):
        model.stop_training = True

    model = regressor()
    by_batch = LambdaCallback(on_train_batch_end=lambda batch, logs: stop(model) if batch == 1 else None)
    history = model.fit(X, Y, epochs=5, callbacks=[by_batch], verbose=0)
    assert (history.epoch, int(model.optimizer.iterations)) == ([0], 2)
    by_epoch = LambdaCallback(on_epoch_end=lambda epoch, logs: stop(model) if epoch == 1 else None)
    assert model.fit(X, Y, epochs=5, callbacks=[by_epoch], verbose=0).epoch == [0, 1]
    assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]


def test_early_stopping_restores_the_best_weights():
    model = regressor(optimizer=mlpcore.optimizers.SGD(0.05))
    stopping = EarlyStopping(patience=2, restore_best_weights=True)
    validation = (X[:10], Y[:10] + RNG.normal(size=10))
    history = model.fit(X[10:], Y[10:], epochs=200, validation_data=validation, callbacks=[stopping], verbose=0)
    assert len(history.epoch) < 200
    assert model.evaluate(*validation, verbose=0) == pytest.approx(min(history.history["val_loss"]), rel=1e-6)


def test_the_learning_rate_may_be_set_between_batches():
    model, other = regressor(), regressor()

    def halve(batch, logs):
        model.optimizer.learning_rate = 0.005 if batch == 0 else 0.01

    model.fit(X, Y, shuffle=False, verbose=0, callbacks=[LambdaCallback(on_train_batch_begin=halve)])
    for number, rate in enumerate([0.005, 0.01, 0.01]):
        other.optimizer.learning_rate = rate
        other.train_on_batch(X[32 * number : 32 * number + 32], Y[32 * number : 32 * number + 32])
    assert same_weights(model, other)


def test_a_schedule_goes_on_over_epochs():
    schedule = mlpcore.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    model, other = regressor(optimizer=mlpcore.optimizers.SGD(schedule)), regressor()
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    for step in range(6):
        other.optimizer.learning_rate = schedule(step)
        rows = slice(32 * (step % 3), 32 * (step % 3) + 32)
        other.train_on_batch(X[rows], Y[rows])
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert a == pytest.approx(b, abs=1e-7)


def test_weights_set_in_a_callback_count():
    model = regressor()
    zeros = [0 * w for w in model.get_weights()]
    model.fit(X, Y, verbose=0, callbacks=[LambdaCallback(on_epoch_end=lambda epoch, logs: model.set_weights(zeros))])
    assert not model.predict(X, verbose=0).any()


@pytest.mark.parametrize("subclassed", [False, True])
def test_an_error_or_ctrl_c_leaves_the_last_finished_batch(subclassed):
    model = Subclassed() if subclassed else regressor()
    model.compile(loss="mse", optimizer="sgd")

    def fail(batch, logs):
        if batch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, shuffle=False, verbose=0, callbacks=[LambdaCallback(on_train_batch_begin=fail)])
    assert int(model.optimizer.iterations) == 1
    assert np.isfinite(model.predict(X, verbose=0)).all()
    assert model.fit(X, Y, verbose=0).epoch == [0]


def test_files_of_callbacks_are_closed_and_nan_stops(tmp_path):
    model = regressor()
    log = CSVLogger(tmp_path / "log.csv")
    history = model.fit(
        X, np.where(np.arange(70) == 69, np.nan, Y), epochs=5, verbose=0, callbacks=[TerminateOnNaN(), log]
    )
    assert len(history.epoch) < 5
    assert (tmp_path / "log.csv").read_text().startswith("epoch,loss")


# ------------------------------------------------ epochs and steps


def test_initial_epoch_and_validation_freq():
    model = regressor()
    history = model.fit(X, Y, initial_epoch=2, epochs=6, validation_data=(X, Y), validation_freq=2, verbose=0)
    assert history.epoch == [2, 3, 4, 5]
    assert len(history.history["val_loss"]) == 2
    history = model.fit(X, Y, epochs=3, validation_data=(X, Y), validation_freq=[1, 3], verbose=0)
    assert len(history.history["val_loss"]) == 2


def test_steps_per_epoch_and_validation_steps():
    model = regressor()
    history = model.fit(
        X, Y, batch_size=10, steps_per_epoch=2, epochs=3, validation_data=(X, Y), validation_steps=1, verbose=0
    )
    assert int(model.optimizer.iterations) == 6
    assert history.params["steps"] == 2
    assert history.history["val_loss"][-1] == pytest.approx(model.evaluate(X[:10], Y[:10], verbose=0), rel=1e-6)


def test_the_last_rows_validate_and_the_first_ones_train():
    model, other = regressor(), regressor()
    history = model.fit(X, Y, validation_split=0.25, shuffle=False, verbose=0)
    other.fit(X[:52], Y[:52], shuffle=False, verbose=0)
    assert same_weights(model, other)
    assert history.history["val_loss"][0] == pytest.approx(model.evaluate(X[52:], Y[52:], verbose=0), rel=1e-6)


# ------------------------------------------------ losses and metrics of one's own


def test_a_loss_written_in_ops_is_the_loss_of_that_name():
    def mine(y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)

    model, other = regressor(loss=mine), regressor()
    model.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    other.fit(X, Y, epochs=2, shuffle=False, verbose=0)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        assert a == pytest.approx(b, abs=1e-6)


def test_metrics_of_ones_own_see_each_batch():
    class Worst(metrics.Metric):
        def __init__(self, name="worst", **kwargs):
            super().__init__(name=name, **kwargs)
            self.worst = 0.0

        def update_state(self, y_true, y_pred, sample_weight=None):
            assert y_pred.shape == (len(y_true), 1)
            self.worst = max(self.worst, float(np.abs(y_true - y_pred[:, 0]).max()))

        def result(self):
            return self.worst

        def reset_state(self):
            self.worst = 0.0

    def numpy_mae(y_true, y_pred):
        return np.mean(np.abs(np.asarray(y_true) - np.asarray(y_pred)), axis=-1)

    model = regressor(metrics=[Worst(), numpy_mae, "mae"])
    history = model.fit(X, Y, verbose=0, shuffle=False)
    assert set(history.history) == {"loss", "mae", "numpy_mae", "worst"}
    _, worst, own, mae = model.evaluate(X, Y, verbose=0)
    errors = np.abs(model.predict(X, verbose=0)[:, 0] - Y)
    assert (worst, mae) == pytest.approx((errors.max(), errors.mean()), rel=1e-5)
    assert own == pytest.approx(mae, rel=1e-5)


@pytest.mark.parametrize("layer", [layers.Dropout(0.5), layers.GaussianNoise(0.5), layers.BatchNormalization()])
def test_metrics_of_ones_own_see_the_noise_of_the_step(layer):
    def numpy_mae(y_true, y_pred):
        return np.mean(np.abs(np.asarray(y_true) - np.asarray(y_pred)), axis=-1)

    model = Sequential([Input((4,)), layers.Dense(20), layer, layers.Dense(1)])
    model.compile(loss="mse", metrics=["mae", numpy_mae])
    history = model.fit(X, Y, epochs=2, verbose=0).history
    assert history["numpy_mae"] == pytest.approx(history["mae"], rel=1e-5)


def test_add_loss_counts():
    class Penalized(Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(1, kernel_initializer="ones")

        def call(self, inputs):
            self.add_loss(0.1 * ops.sum(ops.square(self.dense.kernel if self.dense.built else 0.0)))
            return self.dense(inputs)

    model = Penalized()
    model.build((None, 4))
    model.compile(loss="mse", optimizer="sgd")
    mse = np.mean((model.predict(X, verbose=0)[:, 0] - Y) ** 2)
    assert model.evaluate(X, Y, verbose=0) == pytest.approx(mse + 0.4, rel=1e-5)


def test_call_may_decide_by_values():
    class Choosy(Model):
        def __init__(self):
            super().__init__()
            self.a, self.b = layers.Dense(1), layers.Dense(1)

        def call(self, inputs):
            x = self.a(inputs) if float(ops.mean(inputs)) > 0 else self.b(inputs)
            for _ in range(2):
                x = ops.tanh(x)
            return x

    model = Choosy()
    model.compile(loss="mse", optimizer="sgd")
    model.predict(np.ones((2, 4)), verbose=0)
    model.predict(-np.ones((2, 4)), verbose=0)
    a, b = model.a.get_weights(), model.b.get_weights()
    model.fit(np.abs(X), np.tanh(Y), epochs=2, verbose=0)
    assert not np.array_equal(model.a.get_weights()[0], a[0])
    assert np.array_equal(model.b.get_weights()[0], b[0])
    assert np.isfinite(model.fit(X, np.tanh(Y), verbose=0).history["loss"][0])


# ------------------------------------------------ freezing


def test_frozen_layers_keep_their_weights():
    base = Sequential([Input((4,)), layers.Dense(5, activation="relu"), layers.BatchNormalization()], name="base")
    model = Sequential([base, layers.Dense(1)])
    base.trainable = False
    model.compile(loss="mse", optimizer="adam")
    before = base.get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    assert all(np.array_equal(*pair) for pair in zip(before, base.get_weights(), strict=True))
    assert len(model.trainable_weights) == 2
    base.trainable = True
    model.compile(loss="mse", optimizer="adam")
    model.fit(X, Y, verbose=0)
    assert not np.array_equal(before[0], base.get_weights()[0])


def test_two_models_share_their_layers_weights():
    base = layers.Dense(5, activation="relu")
    first, second = Sequential([Input((4,)), base, layers.Dense(1)]), Sequential([Input((4,)), base, layers.Dense(2)])
    for model, y in ((first, Y), (second, X[:, :2])):
        model.compile(loss="mse", optimizer="sgd")
        model.fit(X, y, verbose=0)
    kernel = base.get_weights()[0]
    assert np.array_equal(first.get_weights()[0], kernel)
    first.fit(X, Y, verbose=0)
    assert not np.array_equal(second.get_weights()[0], kernel)


# ------------------------------------------------ errors


def test_misspelt_arguments_are_named():
    model = regressor()
    for call, message in (
        (
            lambda: model.fit(X, Y, valid_data=(X, Y)),
            "argument 'valid_data'; did you mean 'validation_data'",
        ),
        (lambda: model.compile(los="mse"), "compile: unknown argument 'los'; did you mean 'loss'"),
        (lambda: model.evaluate(X, Y, batchsize=3), "unknown argument 'batchsize'; did you mean 'batch_size'"),
        (lambda: model.predict(X, step=3), "unknown argument 'step'; did you mean 'steps'"),
    ):
        with pytest.raises(TypeError, match=message):
            call()


def test_misspelt_names_are_named():
    with pytest.raises(ValueError, match="did you mean 'adam'"):
        regressor(optimizer="adamm")
    with pytest.raises(ValueError, match="did you mean 'mean_squared_error'"):
        regressor(loss="mean_squred_error").fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="did you mean"):
        regressor(metrics=["acuracy"]).fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="'accuracy'"):
        regressor(loss="accuracy")


@pytest.mark.parametrize("weights", [{"main": None, "aux": 0.1}, [None, 0.1], {"aux": 0.1}])
def test_no_weight_of_a_loss_is_one(weights):
    expected = two_outputs(loss_weights=[1.0, 0.1]).fit(X, (Y, Y), verbose=0, shuffle=False).history
    assert two_outputs(loss_weights=weights).fit(X, (Y, Y), verbose=0, shuffle=False).history == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"loss": {"mian": "mse", "aux": "mse"}}, "loss names the output 'mian'; did you mean 'main'"),
        ({"loss": ["mse"] * 3}, "loss must have one entry for each of the 2 outputs .*, got 3"),
        ({"loss": "mse", "loss_weights": {"auxx": 2.0}}, "loss_weights names the output 'auxx'; did you mean 'aux'"),
        ({"loss": "mse", "metrics": {"mane": "mae"}}, "metrics names the output 'mane'; did you mean 'main'"),
    ],
)
def test_compile_refuses_what_does_not_fit_the_outputs_and_keeps_what_it_had(arguments, message):
    model = two_outputs()
    with pytest.raises(ValueError, match=message):
        model.compile(**arguments)
    assert model.fit(X, (Y, Y), verbose=0).history["loss"][0] > 0

    class Called(type(model)):
        def call(self, inputs):
            main, aux = super().call(inputs)
            return {"main": main, "aux": aux}

    model = Called(model.inputs, model.outputs)
    model.compile(**arguments)  # its outputs are known with the first data
    with pytest.raises(ValueError, match=message):
        model.fit(X, {"main": Y, "aux": Y}, verbose=0)


def test_a_model_that_is_not_compiled_says_so():
    model = Sequential([layers.Dense(1)], name="fresh")
    for method in (model.fit, model.evaluate, model.train_on_batch):
        with pytest.raises(ValueError, match="'fresh' is not compiled: call compile"):
            method(X, Y)


def test_classes_out_of_range_are_refused():
    with pytest.raises(ValueError, match=r"output 'dense_1' has 3 units, .* class indices from 0 to 2; got 0 to 3"):
        classifier().fit(X, np.where(np.arange(70) == 3, 3, CLASSES), verbose=0)
    with pytest.raises(ValueError, match=r"class indices from 0 to 2; got 0\.5"):
        classifier().fit(X, np.full(70, 0.5), verbose=0)


def test_wrong_numbers_of_targets_are_refused():
    with pytest.raises(ValueError, match="y must have one array for each of the outputs 'main', 'aux'; got one array"):
        two_outputs().fit(X, Y, verbose=0)
    with pytest.raises(ValueError, match="y names the output 'axu'; did you mean 'aux'"):
        two_outputs().fit(X, {"main": Y, "axu": Y}, verbose=0)
    with pytest.raises(ValueError, match=r"output 'dense_\d' has a loss or a metric, but no targets"):
        regressor().fit(X, verbose=0)
    with pytest.raises(ValueError, match="loss must have one entry for each of the 2 outputs 'main', 'aux', got 3"):
        two_outputs(loss=["mse"] * 3).fit(X, (Y, Y), verbose=0)


def test_a_model_without_a_loss_is_evaluated_but_not_trained():
    model = Sequential([Input((4,)), layers.Dense(1)])
    model.compile(optimizer="sgd", metrics=["mae"])
    assert model.evaluate(X, Y, verbose=0)[0] == 0
    with pytest.raises(ValueError, match="nothing to train for: compile the model with a loss"):
        model.fit(X, Y, verbose=0)


def test_own_steps_of_training_are_refused():
    class Own(Model):
        def train_step(self, data):
            return {}

    with pytest.raises(NotImplementedError, match=r"Own overrides train_step\(\), which mlpcore does not call"):
        Own().compile(loss="mse")


def test_a_model_of_float64_computes_in_it():
    model = Sequential([Input((4,)), layers.Dense(5, dtype="float64"), layers.Dense(1, dtype="float64")])
    model.compile(loss="mse", optimizer="sgd")
    model.fit(X, Y, verbose=0)
    assert model.predict(X, verbose=0).dtype == np.float64
    assert {w.dtype for w in model.get_weights()} == {np.dtype("float64")}


def test_logs_do_not_depend_on_how_a_pass_is_cut_into_calls(monkeypatch):
    x, y = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32), np.arange(100) % 2

    def history():
        mlpcore.utils.set_random_seed(0)
        model = mlpcore.Sequential([mlpcore.layers.Dense(5, activation="relu"), mlpcore.layers.Dense(2, "softmax")])
        model.compile(loss="categorical_crossentropy", metrics=["accuracy", mlpcore.metrics.AUC(name="auc")])
        return model.fit(x, np.eye(2)[y], epochs=2, batch_size=7, validation_split=0.2, verbose=0).history

    def cut(self, n_batches, batch_size, by_batch):
        yield from [1, 3, n_batches - 4] if self.learner is not None else [n_batches]

    expected = history()
    monkeypatch.setattr(passes.Pass, "_counts", cut)
    assert history() == expected
