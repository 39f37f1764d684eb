"""
Image classifier
================

Tells clothes, or handwritten digits, apart by a network of two hidden layers.

``python examples/image_classifier.py --data FOLDER`` trains on ``FOLDER/fashion_mnist.npz``; without the file it takes
the small digits that come with scikit-learn.
"""

import numpy as np
from example_data import fashion_mnist, options

import mlpcore
from mlpcore import layers, plot

chosen = options("Image classifier")
data = fashion_mnist(chosen)
side = int(data.X_train.shape[1] ** 0.5)
X_train, X_valid, X_test = (
    X.reshape(-1, side, side) for X in (data.X_train, data.X_valid, data.X_test)
)

# %%
# The model takes images as they are; ``Flatten`` makes a row of each.

mlpcore.utils.set_random_seed(42)
model = mlpcore.Sequential(
    [
        layers.Input((side, side)),
        layers.Flatten(),
        layers.Dense(300, activation="relu"),
        layers.Dense(100, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]
)
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=mlpcore.optimizers.SGD(0.01, momentum=0.9),
    metrics=["accuracy"],
)
model.summary()

# %%
# Training stops when the validation loss has not fallen for three epochs, and keeps the best weights.

stopping = mlpcore.callbacks.EarlyStopping(patience=3, restore_best_weights=True)
history = model.fit(
    X_train,
    data.y_train,
    epochs=3 if chosen.quick else 20,
    validation_data=(X_valid, data.y_valid),
    callbacks=[stopping],
    verbose=0,
)
axes = plot.history(history, shift=True)

# %%
# On images that it has never seen:

loss, accuracy = model.evaluate(X_test, data.y_test, verbose=0)
print(f"{len(history.epoch)} epochs; test loss {loss:.4f}, accuracy {accuracy:.4f}")
probabilities = model.predict(X_test[:3], verbose=0)
print("first three images:", probabilities.argmax(axis=-1), "should be", data.y_test[:3])
print("with probabilities", np.round(probabilities.max(axis=-1), 3))

# %%
# What the first units look at: red pixels speak for a unit, blue ones against it.

axes = plot.weights(model, n_units=24)
