"""A model that only remembers what callbacks do to it, and a training loop that calls them in Keras' order."""

from mlpcore.callbacks import CallbackList


class Optimizer:
    use_ema = False

    def __init__(self):
        self.learning_rate = 0.5
        self.iterations = 0


class Model:
    def __init__(self):
        self.name = "model"
        self.stop_training = False
        self.optimizer = Optimizer()
        self.weights = [0.0]
        self.saved = []
        self.metrics = []
        self.layers = []

    def get_weights(self):
        return list(self.weights)

    def set_weights(self, weights):
        self.weights = list(weights)

    def save(self, path, overwrite=True):
        self.saved.append(path)

    def save_weights(self, path, overwrite=True):
        self.saved.append(f"weights {path}")


def run(callbacks, epochs_logs, model=None, n_batches=3, verbose=0, epochs=None):
    """Train for the epochs whose logs are given; weights after epoch e are [e]. Returns the model."""
    model = model or Model()
    epochs = len(epochs_logs) if epochs is None else epochs
    together = CallbackList(
        callbacks,
        add_history=True,
        add_progbar=verbose != 0,
        model=model,
        verbose=verbose,
        epochs=epochs,
        steps=n_batches,
    )
    model.stop_training, model._initial_epoch, model._initial_batch = False, 0, 0
    try:
        together.on_train_begin()
        logs = {}
        for epoch in range(model._initial_epoch, epochs):
            if model.stop_training:
                break
            together.on_epoch_begin(epoch)
            logs = epochs_logs[epoch]
            for batch in range(n_batches if together.needs_batches else 0):
                together.on_train_batch_begin(batch)
                model.optimizer.iterations += 1
                together.on_train_batch_end(batch, {name: value for name, value in logs.items() if name[:4] != "val_"})
                if model.stop_training:
                    break
            model.weights = [float(epoch)]
            together.on_epoch_end(epoch, logs)
        together.on_train_end(logs)
    finally:
        together.close()
    return model


def losses(*values, name="val_loss"):
    return [{name: value} for value in values]
