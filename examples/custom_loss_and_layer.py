"""
A loss, a metric and a layer of your own
========================================

Writes all three with ``mlpcore.ops``, trains with them, and saves and loads the model that has them.

``python examples/custom_loss_and_layer.py`` runs on data that come with scikit-learn; ``--data FOLDER`` takes
``FOLDER/california_housing.npz``.
"""

import tempfile
from pathlib import Path

import numpy as np
from example_data import california_housing, options

import mlpcore
from mlpcore import layers, ops, plot
from mlpcore.saving import register_keras_serializable

chosen = options("A loss, a metric and a layer of your own")
data = california_housing(chosen)

# %%
# A loss returns one value for each row. It is recorded once, differentiated and run by the compiled core, like the
# losses that come with the library. This one is relaxed about predictions that are too high and strict about the rest.


@register_keras_serializable(package="examples")
class Lopsided(mlpcore.Loss):
    def __init__(self, factor=3.0, name="lopsided"):
        super().__init__(name=name)
        self.factor = factor

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        return ops.mean(ops.where(error > 0, self.factor, 1.0) * ops.abs(error), axis=-1)

    def get_config(self):
        return {"factor": self.factor, "name": self.name}


# %%
# A metric can be a plain function.


def share_too_low(y_true, y_pred):
    return ops.mean(ops.cast(y_pred < y_true, "float32"), axis=-1)


# %%
# A layer creates its weights in ``build``, when it knows the shape of its inputs, and computes in ``call``. This one
# adds to its input what a small network makes of it, behind a gate that it learns to open.


@register_keras_serializable(package="examples")
class GatedResidual(layers.Layer):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units

    def build(self, input_shape):
        width = input_shape[-1]
        self.hidden = layers.Dense(self.units, activation="silu")
        self.back = layers.Dense(width)
        self.gate = self.add_weight(shape=(width,), initializer="zeros", name="gate")

    def call(self, inputs):
        return inputs + ops.tanh(self.gate) * self.back(self.hidden(inputs))

    def get_config(self):
        return {**super().get_config(), "units": self.units}


# %%
# They go where the library's own go.

mlpcore.utils.set_random_seed(42)
model = mlpcore.Sequential(
    [
        layers.Dense(32, activation="relu"),
        GatedResidual(64),
        GatedResidual(64),
        layers.Dense(1),
    ]
)
model.compile(
    loss=Lopsided(3.0),
    optimizer=mlpcore.optimizers.Adam(1e-3),
    metrics=["mae", share_too_low],
)
history = model.fit(
    data.X_train, data.y_train[:, None], epochs=5 if chosen.quick else 40, verbose=0
)
loss, mae, too_low = model.evaluate(data.X_test, data.y_test[:, None], verbose=0)
print(f"loss {loss:.4f}, mean absolute error {mae:.4f}, {too_low:.0%} predicted too low")
widest = np.abs(model.layers[1].gate.numpy()).max()
print(f"gates of the first block: {widest:.3f} at most")
axes = plot.history(history)

# %%
# The loss alone, on arrays, and the check that its value is what the formula says:

by_hand = np.mean([3.0 * abs(1.0 - 0.5), 1.0 * abs(1.0 - 2.0)])
print(
    "loss of two rows:",
    float(Lopsided(3.0)([[1.0], [1.0]], [[0.5], [2.0]])),
    "by hand:",
    by_hand,
)

# %%
# A saved model holds no code. Registered classes are found again by name; the function is handed over.

with tempfile.TemporaryDirectory() as folder:
    path = Path(folder, "gated.mlp")
    model.save(path)
    loaded = mlpcore.models.load_model(
        path, custom_objects={"share_too_low": share_too_low}
    )
same = np.array_equal(
    loaded.predict(data.X_test, verbose=0), model.predict(data.X_test, verbose=0)
)
print("the loaded model predicts the same, to the bit:", same)
