"""A training that may be killed at any moment: what `kill_and_resume.py` and the tests run in a process of its own.

``python resumed_training.py FOLDER VARIANT SECONDS`` trains, with a backup in FOLDER, and writes FOLDER/result.npz.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np

EPOCHS = 20
VARIANTS = {  # how often it is backed up, and what is trained
    "epochs": ("epoch", "sequential"),
    "batches": (3, "sequential"),
    "functional": (2, "functional"),
    "subclass": (4, "subclass"),
}


def data(n_rows=160):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n_rows, 6)).astype(np.float32)
    return x, np.tanh(x @ rng.normal(size=(6, 1))).astype(np.float32) + 0.1


def make_model(kind):
    import mlpcore
    from mlpcore import layers

    if kind == "sequential":
        return mlpcore.Sequential(
            [
                layers.Input((6,)),
                layers.Dense(16, activation="relu", kernel_regularizer="l2"),
                layers.BatchNormalization(),
                layers.Dropout(0.2),
                layers.Dense(1),
            ]
        )
    if kind == "functional":
        inputs = layers.Input((6,))
        hidden = layers.Dropout(0.3)(layers.Dense(8, activation="tanh")(inputs))
        return mlpcore.Model(inputs, layers.Dense(1)(layers.concatenate([inputs, hidden])))

    class Net(mlpcore.Model):
        def __init__(self):
            super().__init__()
            self.hidden = layers.Dense(8, activation="gelu")
            self.noise = layers.GaussianNoise(0.1)
            self.out = layers.Dense(1)

        def call(self, inputs, training=None):
            return self.out(self.noise(self.hidden(inputs), training=training))

    return Net()


def main(folder, variant, seconds):
    """Train; sleep so that all of it takes about `seconds`."""
    import mlpcore
    from mlpcore import callbacks

    every, kind = VARIANTS[variant]
    mlpcore.utils.set_random_seed(7)
    x, y = data()
    model = make_model(kind)
    rate = 0.05 if kind == "sequential" else mlpcore.optimizers.schedules.ExponentialDecay(0.02, 20, 0.9)
    model.compile(loss="mse", optimizer=mlpcore.optimizers.Adam(rate), metrics=["mae"])
    pause = seconds / EPOCHS / (1 if every == "epoch" else 9)

    class Slow(callbacks.Callback):
        """Spread the training over time, so that a kill meets any moment of it."""

    def sleep(*_, **__):
        time.sleep(pause)

    setattr(Slow, "on_epoch_begin" if every == "epoch" else "on_train_batch_begin", sleep)
    stopping = callbacks.EarlyStopping("val_loss", patience=15, restore_best_weights=True)
    others = [callbacks.ReduceLROnPlateau(patience=1, factor=0.7)] if kind == "sequential" else []
    best = callbacks.ModelCheckpoint(str(folder / "best"), save_best_only=True, save_weights_only=True)
    backup = callbacks.BackupAndRestore(str(folder / "backup"), save_freq=every)
    print("training", flush=True)
    history = model.fit(
        x,
        y,
        batch_size=16,
        epochs=EPOCHS,
        validation_split=0.1,
        verbose=0,
        callbacks=[Slow(), stopping, best, *others, backup],
    )
    result = {
        "history": history.history,
        "epochs": history.epoch,
        "iterations": int(model.optimizer.iterations),
        "learning_rate": float(model.optimizer.learning_rate),
        "stopping": [stopping.wait, stopping.best, stopping.best_epoch, stopping.stopped_epoch],
        "best": best.best,
        "others": [each.get_state() for each in others],
        "random": [mlpcore._random.next_seed(), model._session.seed],
        "orders": model._session.rng.integers(2**40, size=3).tolist(),
    }
    arrays = {f"weight_{number}": array for number, array in enumerate(model.get_weights())}
    for slot, values in enumerate(model._session.slots()):
        arrays |= {f"slot_{slot}_{number}": array for number, array in enumerate(values)}
    model.load_weights(str(folder / "best"))
    arrays |= {f"best_{number}": array for number, array in enumerate(model.get_weights())}
    np.savez(folder / "writing.npz", result=np.array(json.dumps(result, default=float)), **arrays)
    (folder / "writing.npz").rename(folder / "result.npz")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3]))
