"""
Transfer learning
=================

Reuses the lower layers of a network that knows eight classes to tell two new ones apart from a few images.

``python examples/transfer_learning.py --data FOLDER`` takes ``FOLDER/fashion_mnist.npz``; without the file it takes the
small digits that come with scikit-learn.
"""

import matplotlib.pyplot as plt
import numpy as np
from example_data import fashion_mnist, options

import mlpcore
from mlpcore import layers

chosen = options("Transfer learning")
data = fashion_mnist(chosen)
new_classes = (
    (0, 2) if data.X_train.shape[1] == 784 else (3, 5)
)  # T-shirts and pullovers, or two digits alike
known_classes = [each for each in range(10) if each not in new_classes]


def only(classes, X, y):
    """Return the rows of some classes, which are numbered anew from 0."""
    rows = np.isin(y, classes)
    return X[rows], np.searchsorted(classes, y[rows]).astype(np.int32)


# %%
# Task A has all the images of eight classes. Task B has a handful of each of the other two.

n_few = 10
X_a, y_a = only(known_classes, data.X_train, data.y_train)
X_a_valid, y_a_valid = only(known_classes, data.X_valid, data.y_valid)
X_b, y_b = only(new_classes, data.X_train, data.y_train)
few = np.concatenate([np.flatnonzero(y_b == each)[:n_few] for each in (0, 1)])
X_b, y_b = X_b[few], y_b[few, None].astype(np.float32)
X_b_test, y_b_test = only(new_classes, data.X_test, data.y_test)
y_b_test = y_b_test[:, None]

mlpcore.utils.set_random_seed(42)
model_a = mlpcore.Sequential([layers.Input((data.X_train.shape[1],))])
for number in (1, 2, 3):
    model_a.add(
        layers.Dense(
            100, activation="relu", kernel_initializer="he_normal", name=f"hidden{number}"
        )
    )
model_a.add(layers.Dense(len(known_classes), activation="softmax"))
model_a.compile(
    loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"]
)
model_a.fit(X_a, y_a, epochs=2 if chosen.quick else 10, verbose=0)
accuracy = model_a.evaluate(X_a_valid, y_a_valid, verbose=0)[1]
print(f"task A, {len(X_a)} images of 8 classes: accuracy {accuracy:.4f}")


# %%
# Layers that two models share are trained by both, so they are copied first. ``clone_model`` copies the layers, not the
# weights: those of the lowest layers are taken from model A, the rest starts anew. The output layer is exchanged. At
# first the reused layers are frozen; after ``trainable`` has changed, a model is compiled again.


def reused(n_layers):
    """Return a model for task B whose lowest layers are those of model A, frozen."""
    copy = mlpcore.models.clone_model(model_a)
    for layer, known in list(zip(copy.layers, model_a.layers, strict=True))[:n_layers]:
        layer.set_weights(known.get_weights())
        layer.trainable = False
    return mlpcore.Sequential([*copy.layers[:-1], layers.Dense(1, activation="sigmoid")])


def train(model, learning_rate, epochs):
    """Train on the few images and return the accuracy on test images."""
    model.compile(
        loss="binary_crossentropy",
        optimizer=mlpcore.optimizers.Adam(learning_rate),
        metrics=["accuracy"],
    )
    model.fit(X_b, y_b, batch_size=8, epochs=epochs, verbose=0)
    return model.evaluate(X_b_test, y_b_test, verbose=0)[1]


# %%
# The lower layers see what all classes have in common and are worth keeping; the upper ones know the old task too well.
# Once the new layers have settled, all are trained on with a small rate.

rounds = 1 if chosen.quick else 5
print(f"task B, {len(X_b)} images of 2 classes")
print(f"mean accuracy of {rounds} trainings on {len(X_b_test)} test images")
print("reused layers | frozen | then unfrozen")
accuracies = []
for n_layers in range(4):
    frozen, unfrozen = [], []
    for seed in range(rounds):
        mlpcore.utils.set_random_seed(seed)
        model_b = reused(n_layers)
        frozen.append(train(model_b, 1e-3, 40))
        for layer in model_b.layers:
            layer.trainable = True
        unfrozen.append(train(model_b, 3e-4, 20))
    accuracies.append((np.mean(frozen), np.mean(unfrozen)))
    print(f"{n_layers:13} | {np.mean(frozen):.4f} | {np.mean(unfrozen):.4f}")

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.plot(accuracies, "o-", label=["frozen", "then unfrozen"])
ax.set(xlabel="reused layers", ylabel="accuracy", xticks=range(4))
_ = ax.legend()
