"""How often a model's call runs in training, and what losses and metrics may ask for."""

import gc
import weakref

import numpy as np
import pytest

import mlpcore
from mlpcore import layers, ops

X = np.arange(24.0, dtype=np.float32).reshape(8, 3) / 10
Y = X[:, :1] * 2


class Counting(mlpcore.Model):
    """Counts its calls."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)
        self.n_calls = 0

    def call(self, inputs):
        self.n_calls += 1
        return self.dense(inputs)


class Batches(mlpcore.utils.PyDataset):
    """The rows in two batches."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        rows = slice(4 * index, 4 * index + 4)
        return X[rows], Y[rows]


@pytest.mark.parametrize("data", [(X, Y), (Batches(),)], ids=["arrays", "batches"])
def test_call_runs_once_a_batch(data):
    model = Counting()
    model.compile(loss="mse")
    model.fit(*data, batch_size=None if len(data) == 1 else 4, verbose=0)
    model.n_calls = 0
    model.fit(*data, batch_size=None if len(data) == 1 else 4, epochs=3, verbose=0)
    assert model.n_calls <= 3 * 2 + 1  # and one before callbacks begin


@pytest.mark.parametrize("run_eagerly", [False, True])
def test_a_loss_that_asks_for_numbers_is_an_error(run_eagerly):
    def loss(y_true, y_pred):
        scale = 2.0 if float(ops.mean(y_true)) > 0 else 1.0
        return scale * ops.mean(ops.square(y_true - y_pred), axis=-1)

    model = mlpcore.Sequential([layers.Dense(1)])
    model.compile(loss=loss, run_eagerly=run_eagerly)
    with pytest.raises(ValueError, match=r"numbers of <Symbol .* a loss or a metric is recorded once.*ops\.where"):
        model.fit(X, Y, verbose=0)


def test_an_optimizer_changed_by_a_callback_counts_from_the_next_batch():
    class Change(mlpcore.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.optimizer.learning_rate = 0.0

    model = mlpcore.Sequential([mlpcore.Input((3,)), layers.Dense(1)])
    model.compile(optimizer=mlpcore.optimizers.SGD(0.1), loss="mse")
    before = model.get_weights()[0]
    model.fit(X[:4], Y[:4], verbose=0, callbacks=[Change()])
    once = model.get_weights()[0]
    model.fit(X, Y, batch_size=2, epochs=3, verbose=0, callbacks=[Change()])
    assert not np.array_equal(before, once)
    np.testing.assert_array_equal(model.get_weights()[0], once)


@pytest.mark.parametrize(("width", "n_targets"), [(1, 3), (3, 1)])
def test_targets_of_another_width_than_the_output_are_an_error(width, n_targets):
    model = mlpcore.Sequential([layers.Dense(width, name="price")])
    model.compile(loss="mse")
    message = rf"'price': y_true of shape \(None, {n_targets}\) does not fit y_pred of shape \(None, {width}\)"
    with pytest.raises(ValueError, match=message):
        model.fit(X, X[:, :n_targets], verbose=0)


def test_class_indices_for_categorical_crossentropy_get_a_hint():
    model = mlpcore.Sequential([layers.Dense(3, activation="softmax")])
    model.compile(loss="categorical_crossentropy")
    with pytest.raises(ValueError, match="for class indices there is sparse_categorical_crossentropy"):
        model.fit(X, np.zeros(8, int), verbose=0)


def test_an_error_leaves_the_weights_of_the_last_batch_and_not_their_averages():
    class Stop(mlpcore.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.weights = self.model.get_weights()
            if batch == 2:
                raise KeyboardInterrupt

    model = mlpcore.Sequential([mlpcore.Input((3,)), layers.Dense(1)])
    model.compile(optimizer=mlpcore.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.9), loss="mse")
    stop = Stop()
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, batch_size=2, verbose=0, callbacks=[stop])
    for now, then in zip(model.get_weights(), stop.weights, strict=True):
        np.testing.assert_array_equal(now, then)


class Stops(mlpcore.callbacks.Callback):
    """Ends an evaluation or a prediction after its second batch."""

    def on_test_batch_end(self, batch, logs=None):
        self.model.stop_evaluating = batch == 1

    def on_predict_batch_end(self, batch, logs=None):
        self.model.stop_predicting = batch == 1


class Counts(mlpcore.callbacks.Callback):
    """Counts the batches of an evaluation."""

    def on_test_begin(self, logs=None):
        self.batches = 0

    def on_test_batch_end(self, batch, logs=None):
        self.batches += 1

    def on_predict_batch_end(self, batch, logs=None):
        pass


def test_a_pass_that_was_stopped_does_not_stop_the_next():
    x = np.ones((10, 2), np.float32)
    model = mlpcore.Sequential([mlpcore.Input((2,)), mlpcore.layers.Dense(1)])
    model.compile(loss="mse")
    counts = Counts()
    assert len(model.predict(x, batch_size=2, verbose=0, callbacks=[Stops()])) == 4
    assert len(model.predict(x, batch_size=2, verbose=0, callbacks=[counts])) == 10
    assert len(model.predict((x[i : i + 2] for i in range(0, 10, 2)), verbose=0, callbacks=[Stops()])) == 4
    model.evaluate(x, x[:, :1], batch_size=2, verbose=0, callbacks=[Stops(), counts])
    assert counts.batches == 2
    model.evaluate(x, x[:, :1], batch_size=2, verbose=0, callbacks=[counts])
    assert counts.batches == 5


class Squares(mlpcore.Model):
    def __init__(self):
        super().__init__()
        self.dense = mlpcore.layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs * inputs)


def test_data_are_freed_after_the_last_pass():
    model = Squares()
    model.compile(loss="mse")
    x = np.ones((64, 2), np.float32)
    layer = mlpcore.layers.Dense(1)
    model.fit(x, x[:, :1], verbose=0)
    model.evaluate(x, x[:, :1], verbose=0)
    model.predict(x, verbose=0)
    layer(x)
    x_is_there = weakref.ref(x)
    del x
    gc.collect()
    assert x_is_there() is None
