"""
3. An image classifier
======================

A network of two hidden layers, from the layers to the predictions. If the environment variable ``MLPCORE_DATA`` names
a folder with ``fashion_mnist.npz``, this page trains on its 55 000 pictures of clothes; otherwise on the 8 x 8 digits
that come with scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from example_data import fashion_mnist, options

import mlpcore
from mlpcore import plot

data = fashion_mnist(options(""))
side = int(data.X_train.shape[1] ** 0.5)
X_train, X_valid, X_test = (
    X.reshape(-1, side, side) for X in (data.X_train, data.X_valid, data.X_test)
)
y_train, y_valid, y_test = data.y_train, data.y_valid, data.y_test

figure, axes = plt.subplots(1, 10, figsize=(10, 1.3), layout="constrained")
for ax, image, label in zip(axes, X_train, y_train, strict=False):
    ax.imshow(image, cmap="gray_r")
    ax.set_title(label)
    ax.axis("off")

# %%
# Build
# -----
#
# The seed makes the initial weights, the order of the rows and everything else that is random reproducible. A
# ``Sequential`` is a stack of layers; ``Flatten`` makes a row of numbers of each image; ``softmax`` makes ten numbers
# that add up to one, the probabilities of the classes.

mlpcore.random.set_seed(42)
model = mlpcore.Sequential()
model.add(mlpcore.layers.Input(shape=[side, side]))
model.add(mlpcore.layers.Flatten())
model.add(mlpcore.layers.Dense(300, activation="relu"))
model.add(mlpcore.layers.Dense(100, activation="relu"))
model.add(mlpcore.layers.Dense(10, activation="softmax"))
model.summary()

# %%
# Layers have names, by which ``get_layer`` finds them. Weights are NumPy arrays that can be read and set. By default
# kernels are drawn uniformly within Glorot's bounds and biases are zero; ``kernel_initializer`` and
# ``bias_initializer`` change that.

hidden = model.get_layer(index=1)
kernel, bias = hidden.get_weights()
print(hidden.name, kernel.shape, bias.shape, f"largest weight {np.abs(kernel).max():.3f}")

# %%
# Compile and train
# -----------------
#
# The classes are given as numbers, one a row, hence the *sparse* loss. Rows of rare classes can be given more weight by
# ``class_weight``.

model.compile(
    loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"]
)
history = model.fit(
    X_train, y_train, epochs=30, validation_data=(X_valid, y_valid), verbose=0
)
print(history.params)
print({name: round(values[-1], 4) for name, values in history.history.items()})

# %%
# The training values are means over the epoch, while the model is still learning; the validation values are measured at
# its end. ``shift=True`` draws training half an epoch earlier, which compares like with like.

axes = plot.history(history, shift=True)

# %%
# Plain SGD with a rate of 0.01 is slow. Try, in this order: the learning rate, another optimizer, then the widths, the
# number of layers and the batch size. :ref:`The last page <sphx_glr_generated_chapter_6_tuning.py>` does so.
#
# Evaluate and predict
# --------------------

loss, accuracy = model.evaluate(X_test, y_test, verbose=0)
print(f"test loss {loss:.4f}, accuracy {accuracy:.4f}")
y_proba = model.predict(X_test[:3], verbose=0)
print(y_proba.round(2))
print("predicted", y_proba.argmax(axis=-1), "true", y_test[:3])

# %%
# On Fashion-MNIST (``MLPCORE_DATA=FOLDER PYTHONPATH=examples python docs/chapter/3_image_classifier.py``) the model
# ends with an accuracy of 0.8822 on the 10 000 test images, and 0.8862 on the validation rows.
#
# The images that it is least sure about, and what it takes them for:

y_proba = model.predict(X_test, verbose=0)
doubtful = np.argsort(y_proba.max(axis=-1))[:10]
figure, axes = plt.subplots(1, 10, figsize=(10, 1.6), layout="constrained")
for ax, row in zip(axes, doubtful, strict=True):
    ax.imshow(X_test[row], cmap="gray_r")
    ax.set_title(f"{y_proba[row].argmax()} ({y_test[row]})")
    ax.axis("off")

# %%
# What the first units of the first layer respond to:

ax = plot.weights(model, n_units=24)

# %%
# As an estimator
# ---------------
#
# The same network in scikit-learn's words. It has fewer choices, chooses sensibly, and works in pipelines and searches.

estimator = mlpcore.MLPClassifier(
    (300, 100),
    solver="sgd",
    learning_rate_init=0.01,
    batch_size=32,
    max_iter=15,
    random_state=42,
)
estimator.fit(data.X_train, y_train)
accuracy = estimator.score(data.X_test, y_test)
print(f"accuracy {accuracy:.4f} after {estimator.n_iter_} epochs")
ax = plot.loss_curve(estimator)
