"""
Regression
==========

Predicts prices of houses, or the course of diabetes, by a Keras-style model and by a scikit-learn-style estimator.

``python examples/regression.py --data FOLDER`` takes ``FOLDER/california_housing.npz``; without the file it takes the
diabetes data that come with scikit-learn.
"""

import warnings

import numpy as np
from example_data import california_housing, options
from sklearn.exceptions import ConvergenceWarning
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import mlpcore
from mlpcore import layers, plot

chosen = options("Regression")
data = california_housing(chosen)
epochs = 5 if chosen.quick else 30

# %%
# A model that normalizes its own inputs: ``adapt`` learns their means and variances before training.

mlpcore.utils.set_random_seed(42)
normalization = layers.Normalization()
normalization.adapt(data.X_train)
model = mlpcore.Sequential(
    [
        normalization,
        layers.Dense(50, activation="relu"),
        layers.Dense(50, activation="relu"),
        layers.Dense(50, activation="relu"),
        layers.Dense(1),
    ]
)
model.compile(
    loss="mse",
    optimizer=mlpcore.optimizers.Adam(1e-3),
    metrics=["RootMeanSquaredError", "R2Score"],
)
history = model.fit(
    data.X_train,
    data.y_train[:, None],
    epochs=epochs,
    validation_data=(data.X_valid, data.y_valid[:, None]),
    callbacks=[mlpcore.callbacks.EarlyStopping(patience=5, restore_best_weights=True)],
    verbose=0,
)
mse, rmse, r2 = model.evaluate(data.X_test, data.y_test[:, None], verbose=0)
print("root of the mean square error on test rows")
print(f"model:     {rmse:.4f} after {len(history.epoch)} epochs; R2 is {r2:.4f}")

# %%
# The same network as an estimator in a pipeline. It keeps a tenth of the training rows to stop by.

estimator = make_pipeline(
    StandardScaler(),
    mlpcore.MLPRegressor(
        hidden_layer_sizes=(50, 50, 50),
        batch_size=32,
        early_stopping=True,
        n_iter_no_change=5,
        max_iter=epochs,
        random_state=42,
    ),
)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    estimator.fit(data.X_train, data.y_train)
errors = estimator.predict(data.X_test) - data.y_test
rmse = np.sqrt(np.mean(errors**2))
print(f"estimator: {rmse:.4f} after {estimator[-1].n_iter_} epochs")

# %%
# How training went:

axes = plot.history(history, "loss", shift=True)
axes = plot.loss_curve(estimator[-1])
