"""
Wide and deep
=============

A functional model with two inputs, a short and a long path, and an auxiliary output that helps the long one.

``python examples/wide_and_deep.py --data FOLDER`` takes ``FOLDER/california_housing.npz``; without the file it takes
the diabetes data that come with scikit-learn.
"""

import matplotlib.pyplot as plt
from example_data import california_housing, options

import mlpcore
from mlpcore import layers, plot

chosen = options("Wide and deep")
data = california_housing(chosen)
epochs = 3 if chosen.quick else 20


def parts(X):
    """Return five features for the wide path, and all but two for the deep one."""
    return X[:, :5], X[:, 2:]


# %%
# Layers are called like functions on placeholders; a model is what lies between inputs and outputs.

mlpcore.utils.set_random_seed(42)
n_features = data.X_train.shape[1]
wide = layers.Input((5,), name="wide")
deep = layers.Input((n_features - 2,), name="deep")
hidden = layers.Dense(30, activation="relu")(deep)
hidden = layers.Dense(30, activation="relu")(hidden)
both = layers.concatenate([wide, hidden])
output = layers.Dense(1, name="price")(both)
auxiliary = layers.Dense(1, name="auxiliary")(hidden)
model = mlpcore.Model(inputs=[wide, deep], outputs=[output, auxiliary])
figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
ax = plot.plot_model(model).draw(ax)

# %%
# Each output has its loss; the main one weighs nine times as much.

model.compile(
    loss=("mse", "mse"),
    loss_weights=(0.9, 0.1),
    optimizer=mlpcore.optimizers.Adam(1e-3),
    metrics=["RootMeanSquaredError"],
)
y_train, y_valid, y_test = (y[:, None] for y in (data.y_train, data.y_valid, data.y_test))
history = model.fit(
    parts(data.X_train),
    (y_train, y_train),
    epochs=epochs,
    validation_data=(parts(data.X_valid), (y_valid, y_valid)),
    verbose=0,
)
total, main_loss, auxiliary_loss, main_rmse, auxiliary_rmse = model.evaluate(
    parts(data.X_test), (y_test, y_test), verbose=0
)
print(f"total loss {total:.4f} = 0.9 x {main_loss:.4f} + 0.1 x {auxiliary_loss:.4f}")
print("roots of the mean square errors:")
print(f"{main_rmse:.4f} of the main output, {auxiliary_rmse:.4f} of the auxiliary output")

# %%
# The curves of both outputs:

axes = plot.history(history, ["loss", "price_loss", "auxiliary_loss"], shift=True)
predicted, _ = model.predict(parts(data.X_test[:3]), verbose=0)
print("first three predictions:", predicted.ravel().round(2))
print("should be:", data.y_test[:3].round(2))
