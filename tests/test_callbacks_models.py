"""Callbacks in the training of real models."""

import numpy as np
import pytest

from mlpcore import callbacks, layers, models, random
from mlpcore.callbacks import Callback, EarlyStopping, LambdaCallback, ModelCheckpoint

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 4)).astype(np.float32)
Y = (X.sum(axis=1) > 0).astype(np.int32)


def classifier():
    random.set_seed(1)
    model = models.Sequential(
        [layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.3), layers.Dense(2, "softmax")]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def fit(model, *used, epochs=3, **more):
    random.set_seed(2)
    more = {"validation_split": 0.2, "verbose": 0, "batch_size": 8, **more}
    return model.fit(X, Y, epochs=epochs, callbacks=list(used), **more)


def assert_same_weights(one, other):
    for left, right in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_hooks_of_fit_evaluate_and_predict_come_in_the_order_of_keras():
    seen = []
    names = [f"on_{phase}_{when}" for phase in ("train", "epoch", "test", "predict") for when in ("begin", "end")]
    names += [f"on_{phase}_batch_{when}" for phase in ("train", "test", "predict") for when in ("begin", "end")]

    def hook(name):
        return lambda *args, **kwargs: seen.append(name)

    spy = LambdaCallback(**{name: hook(name) for name in names})
    model = classifier()
    fit(model, spy, epochs=1, batch_size=40)
    model.evaluate(X, Y, batch_size=50, verbose=0, callbacks=[spy])
    model.predict(X, batch_size=50, verbose=0, callbacks=[spy])
    batch = ["on_{}_batch_begin", "on_{}_batch_end"]
    test = ["on_test_begin", *[each.format("test") for each in batch], "on_test_end"]
    assert seen == [
        "on_train_begin",
        "on_epoch_begin",
        *[each.format("train") for each in batch],
        *test,
        "on_epoch_end",
        "on_train_end",
        *test,
        "on_predict_begin",
        *[each.format("predict") for each in batch],
        "on_predict_end",
    ]


def test_batch_hooks_do_not_change_what_is_learned():
    seen = []
    plain, watched = classifier(), classifier()
    first = fit(plain)
    second = fit(watched, LambdaCallback(on_train_batch_end=lambda batch, logs=None: None))
    assert first.history.keys() == second.history.keys()
    for name, values in first.history.items():
        np.testing.assert_allclose(values, second.history[name], rtol=1e-6)
    assert_same_weights(plain, watched)
    fit(plain, LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append((batch, logs))), epochs=1)
    assert [batch for batch, _ in seen] == [0, 1, 2, 3, 4]
    assert seen[-1][1]["loss"] == pytest.approx(plain.history.history["loss"][-1])


def test_best_weights_are_restored_and_saved(tmp_path):
    model = classifier()
    path = str(tmp_path / "my_checkpoints")
    stopping = EarlyStopping("val_accuracy", patience=2, restore_best_weights=True)
    kept = []
    keep = LambdaCallback(on_epoch_end=lambda epoch, logs: kept.append(model.get_weights()))
    saver = ModelCheckpoint(path, "val_accuracy", save_best_only=True, save_weights_only=True)
    history = fit(model, keep, stopping, saver, epochs=30)
    best = int(np.argmax(history.history["val_accuracy"]))
    assert stopping.best_epoch == best
    assert len(kept) == best + 3
    restored = classifier()
    restored.load_weights(path)
    assert_same_weights(model, restored)
    for left, right in zip(model.get_weights(), kept[best], strict=True):
        np.testing.assert_array_equal(left, right)


def test_whole_models_are_saved_with_numbers_in_their_names(tmp_path):
    model = classifier()
    fit(model, ModelCheckpoint(tmp_path / "{epoch:02d}-{val_loss:.3f}.keras"), epochs=2)
    losses = model.history.history["val_loss"]
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == [f"{number + 1:02d}-{loss:.3f}.keras" for number, loss in enumerate(losses)]
    loaded = models.load_model(tmp_path / names[-1])
    np.testing.assert_array_equal(loaded.predict(X, verbose=0), model.predict(X, verbose=0))


def test_rates_reach_the_optimizer():
    model = classifier()
    history = fit(model, callbacks.LearningRateScheduler(lambda epoch: 0.0 if epoch else 0.01))
    assert history.history["learning_rate"] == [pytest.approx(0.01), 0.0, 0.0]
    validation = history.history["val_loss"]
    assert validation[1] == validation[2]


def test_error_of_a_callback_comes_out_and_leaves_the_model_usable():
    class Fails(Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 2:
                raise RuntimeError("mine")

    model, expected = classifier(), classifier()
    with pytest.raises(RuntimeError, match="mine"):
        fit(model, Fails())
    with pytest.raises(RuntimeError, match="mine"):
        fit(expected, Fails())
    assert_same_weights(model, expected)
    assert model.evaluate(X, Y, verbose=0)[0] > 0
    assert fit(model).epoch == [0, 1, 2]


def test_stopping_after_a_batch_ends_the_epoch_with_its_validation():
    class Stops(Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch == 1

    model = classifier()
    history = fit(model, Stops())
    assert history.epoch == [0]
    assert int(model.optimizer.iterations) == 2
    assert set(history.history) == {"accuracy", "loss", "val_accuracy", "val_loss"}


def test_nan_stops_training(capsys):
    model = classifier()
    model.set_weights([np.full_like(weight, np.nan) for weight in model.get_weights()])
    assert fit(model, callbacks.TerminateOnNaN()).epoch == [0]
    assert int(model.optimizer.iterations) == 1
    assert "Invalid loss, terminating training" in capsys.readouterr().out


def test_monitor_knows_the_directions_of_metrics():
    model = classifier()
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["sparse_top_k_categorical_accuracy"])
    stopping = EarlyStopping("val_sparse_top_k_categorical_accuracy")
    fit(model, stopping, epochs=1)
    assert stopping._sign == 1


def test_lines_of_progress_are_those_of_keras(capsys):
    model = classifier()
    fit(model, epochs=2, verbose=2)
    model.evaluate(X, Y, batch_size=25, verbose=2)
    lines = capsys.readouterr().out.splitlines()
    assert lines[::2] == ["Epoch 1/2", "Epoch 2/2", lines[-1]]
    parts = [part.split(":")[0] for part in lines[1].split(" - ")]
    assert parts[0] == "5/5"
    assert parts[3:] == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert lines[-1].startswith("2/2 - ")
