"""
A callback of your own
======================

Shows four callbacks: one that prints, one that stops by the clock, one that watches batches, one that survives a kill.

``python examples/custom_callback.py`` runs on data that come with scikit-learn; ``--data FOLDER`` takes
``FOLDER/fashion_mnist.npz``.
"""

import time

from example_data import fashion_mnist, options

import mlpcore
from mlpcore import layers, plot
from mlpcore.callbacks import Callback

chosen = options("A callback of your own")
data = fashion_mnist(chosen).head(10000)

# %%
# Hooks that you do not define cost nothing: an epoch stays one call of the compiled core. This one tells overfitting.


class RatioOfLosses(Callback):
    def on_epoch_end(self, epoch, logs=None):
        print(f"epoch {epoch + 1}: val/train = {logs['val_loss'] / logs['loss']:.2f}")


# %%
# ``stop_training`` ends training after the epoch.


class TimeLimit(Callback):
    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def on_train_begin(self, logs=None):
        self.end = time.monotonic() + self.seconds

    def on_epoch_end(self, epoch, logs=None):
        if time.monotonic() > self.end:
            self.model.stop_training = True


# %%
# A batch hook makes training run batch by batch, with the same result. ``logs`` are means over the epoch so far.


class LossOfBatches(Callback):
    def on_train_begin(self, logs=None):
        self.losses = []

    def on_train_batch_end(self, batch, logs=None):
        self.losses.append(logs["loss"])


# %%
# A callback that remembers something says what, so that ``BackupAndRestore`` can bring it back in a resumed training.
# This one lowers the learning rate each time the validation accuracy falls.


class HalveWhenWorse(Callback):
    def __init__(self):
        super().__init__()
        self.last, self.halved = 0.0, 0

    def get_state(self):
        return {"last": self.last, "halved": self.halved}

    def set_state(self, state):
        self.last, self.halved = state["last"], state["halved"]

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_accuracy"] < self.last:
            self.model.optimizer.learning_rate = (
                float(self.model.optimizer.learning_rate) / 2
            )
            self.halved += 1
        self.last = logs["val_accuracy"]


# %%
# All four at work. The losses of the batches are means since their epoch began, hence the steps in the curve.

mlpcore.utils.set_random_seed(42)
model = mlpcore.Sequential(
    [layers.Dense(50, activation="relu"), layers.Dense(10, activation="softmax")]
)
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=mlpcore.optimizers.Adam(0.01),
    metrics=["accuracy"],
)
batches, halving = LossOfBatches(), HalveWhenWorse()
history = model.fit(
    data.X_train,
    data.y_train,
    epochs=2 if chosen.quick else 8,
    validation_data=(data.X_valid, data.y_valid),
    callbacks=[RatioOfLosses(), TimeLimit(seconds=60), batches, halving],
    verbose=0,
)
print(f"{len(batches.losses)} batches in {len(history.epoch)} epochs")
print(f"halved {halving.halved} times, to {float(model.optimizer.learning_rate):g}")
ax = plot.history({"loss": batches.losses})
_ = ax.set_xlabel("Batch")
