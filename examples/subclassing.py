"""
A model with loops and conditions
=================================

A subclassed model may do anything in Python: repeat a layer, and decide by values when to stop.

``python examples/subclassing.py`` runs on data that come with scikit-learn; ``--data FOLDER`` takes
``FOLDER/california_housing.npz``.
"""

from example_data import california_housing, options

import mlpcore
from mlpcore import layers, ops

chosen = options("A model with loops and conditions")
data = california_housing(chosen)

# %%
# The same layer refines a state again and again, with the same weights, until the state hardly changes any more.
# ``float(...)`` asks for a value: what was recorded so far is run on the batch, and Python decides how to go on.


class Refining(mlpcore.Model):
    def __init__(self, units=30, most=6, tolerance=0.1, **kwargs):
        super().__init__(**kwargs)
        self.most, self.tolerance = most, tolerance
        self.encode = layers.Dense(units, activation="tanh")
        self.refine = layers.Dense(units, activation="tanh")
        self.out = layers.Dense(1)
        self.steps = []

    def call(self, inputs):
        state = self.encode(inputs)
        for step in range(self.most):  # noqa: B007
            new = 0.5 * (state + self.refine(state))
            change = float(ops.mean(ops.abs(new - state)))
            state = new
            if change < self.tolerance:
                break
        self.steps.append(step + 1)
        return self.out(state)


mlpcore.utils.set_random_seed(42)
model = Refining(name="refining")
model.compile(
    loss="mse", optimizer=mlpcore.optimizers.Adam(3e-3), metrics=["RootMeanSquaredError"]
)
history = model.fit(
    data.X_train,
    data.y_train[:, None],
    epochs=3 if chosen.quick else 10,
    validation_data=(data.X_valid, data.y_valid[:, None]),
    verbose=0,
)
_, rmse = model.evaluate(data.X_test, data.y_test[:, None], verbose=0)
print(f"root of the mean square error on test rows: {rmse:.4f}")
counts = {steps: model.steps.count(steps) for steps in sorted(set(model.steps))}
print("steps of refinement: how often", counts)

# %%
# Loops and conditions that look at no values cost less: the recording is compared with the last one and its engine is
# used again.


class Deep(mlpcore.Model):
    def __init__(self, widths, dropout, **kwargs):
        super().__init__(**kwargs)
        self.hidden = [layers.Dense(width, activation="relu") for width in widths]
        self.dropout = layers.Dropout(dropout) if dropout else None
        self.out = layers.Dense(1)

    def call(self, inputs, training=False):
        x = inputs
        for layer in self.hidden:
            x = layer(x)
            if self.dropout is not None and training:
                x = self.dropout(x, training=training)
        return self.out(x)


mlpcore.utils.set_random_seed(42)
model = Deep([50, 50, 50], dropout=0.1)
model.compile(loss="mse", optimizer="adam", metrics=["RootMeanSquaredError"])
model.fit(
    data.X_train, data.y_train[:, None], epochs=3 if chosen.quick else 10, verbose=0
)
print(
    f"static loop: {model.evaluate(data.X_test, data.y_test[:, None], verbose=0)[1]:.4f}"
)
