"""A model that pretends to train, so that tests of searches take milliseconds."""

import json
import time
from pathlib import Path


class History:
    """What fit returns."""

    def __init__(self):
        self.history = {}


class PretendModel:
    """Its validation accuracy rises to `best` over the epochs, its validation loss falls."""

    def __init__(self, best, fast=1.0):
        self.best, self.fast = best, fast
        self.built, self.stop_training, self.epochs = False, False, 0
        self.fits = []

    def fit(self, x=None, y=None, batch_size=None, epochs=1, verbose="auto", callbacks=None, validation_data=None):
        self.built = True
        self.fits.append({"epochs": epochs, "verbose": verbose, "validation_data": validation_data})
        history = History()
        pause = 0.0 if x is None else float(x)
        for callback in callbacks or []:
            callback.set_model(self)
            callback.on_train_begin()
        for epoch in range(epochs):
            if self.stop_training:
                break
            time.sleep(pause)
            self.epochs = epoch + 1
            accuracy = self.best * (1 - 2.0 ** (-self.fast * (epoch + 1)))
            logs = {"loss": 1 - accuracy, "val_accuracy": accuracy, "val_loss": 1 - accuracy}
            for name, value in logs.items():
                history.history.setdefault(name, []).append(value)
            for callback in callbacks or []:
                callback.on_epoch_end(epoch, dict(logs))
        for callback in callbacks or []:
            callback.on_train_end()
        return history

    def count_params(self):
        return 1000

    def get_weights(self):
        return [self.epochs]

    def get_build_config(self):
        return {"input_shape": (None, 1)}

    def build_from_config(self, config):
        self.built = config == {"input_shape": [None, 1]}  # as JSON gives tuples back

    def save_weights(self, path):
        Path(path).write_text(json.dumps({"epochs": self.epochs, "best": self.best}))

    def load_weights(self, path):
        assert self.built
        state = json.loads(Path(path).read_text())
        assert state["best"] == self.best
        self.epochs = state["epochs"]


def build_pretend_model(hp):
    """Build a model whose accuracy grows with `units` and depends on a condition."""
    units = hp.Int("units", 1, 64)
    if hp.Choice("optimizer", ["sgd", "adam"]) == "sgd":
        momentum = hp.Float("momentum", 0.0, 0.9)
    else:
        momentum = 0.5
    return PretendModel(0.5 + units / 256 + momentum / 8, fast=0.2 + momentum)
