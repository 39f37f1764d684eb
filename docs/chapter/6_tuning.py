"""
6. Finding good hyperparameters
===============================

How many layers, how wide, which optimizer, how large a step? Each question below is answered by measuring. This page
runs small versions; :doc:`/guides/tuning` has the measurements on whole data sets.
"""

import tempfile

import matplotlib.pyplot as plt
from example_data import fashion_mnist, options

import mlpcore
import mlpcore.tuner as kt
from mlpcore import layers
from mlpcore.learning_rate import find_learning_rate

data = fashion_mnist(options("")).head(5000)

# %%
# A search
# --------
#
# A function builds a model, and asks for its hyperparameters as it goes along: a whole number, a float on a logarithmic
# scale, one of several. The first call registers a name, later ones return the values of the trial.


def build_model(hp):
    n_hidden = hp.Int("n_hidden", min_value=0, max_value=8, default=2)
    n_neurons = hp.Int("n_neurons", min_value=16, max_value=256)
    learning_rate = hp.Float(
        "learning_rate", min_value=1e-4, max_value=1e-2, sampling="log"
    )
    optimizer = hp.Choice("optimizer", values=["sgd", "adam"])
    if optimizer == "sgd":
        optimizer = mlpcore.optimizers.SGD(learning_rate=learning_rate)
    else:
        optimizer = mlpcore.optimizers.Adam(learning_rate=learning_rate)

    model = mlpcore.Sequential()
    model.add(layers.Flatten())
    for _ in range(n_hidden):
        model.add(layers.Dense(n_neurons, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(
        loss="sparse_categorical_crossentropy", optimizer=optimizer, metrics=["accuracy"]
    )
    return model


tuner = kt.RandomSearch(
    build_model,
    objective="val_accuracy",
    max_trials=5,
    overwrite=True,
    directory=tempfile.mkdtemp(),
    project_name="my_rnd_search",
    seed=42,
)
tuner.search(
    data.X_train,
    data.y_train,
    epochs=5,
    validation_data=(data.X_valid, data.y_valid),
    verbose=0,
)
print("accuracy:", *tuner.get_best_hyperparameters()[0].values)
for trial in sorted(tuner.oracle.trials.values(), key=lambda trial: -trial.score):
    values = trial.hyperparameters.values
    told = [f"{v:.4f}" if isinstance(v, float) else str(v) for v in values.values()]
    print(f"{trial.score:.4f}:", *told)
best = tuner.get_best_models(num_models=1)[0]
accuracy = best.evaluate(data.X_test, data.y_test, verbose=0)[1]
print(f"the best one on test images: {accuracy:.4f}")

# %%
# ``BayesianOptimization`` learns from earlier trials, ``Hyperband`` gives up on bad ones early. A search that is killed
# goes on where it was. :doc:`/guides/tuning` has all of it, and scikit-learn's searches too.
#
# Learning rate
# -------------
#
# The most important one. A *range test* trains for a few hundred steps with a rate that grows from tiny to far too
# large, and watches the loss: good rates lie where it falls fastest, well before it shoots up.

mlpcore.utils.set_random_seed(42)
model = mlpcore.Sequential(
    [layers.Dense(300, "relu"), layers.Dense(100, "relu"), layers.Dense(10, "softmax")]
)
model.compile(
    loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"]
)
found = find_learning_rate(model, data.X_train, data.y_train, min_rate=1e-5)
print(found)
ax = found.plot()

# %%
# What the suggestion is worth, after 5 epochs of plain SGD:

figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for name, rate in {
    "a tenth": found.suggestion / 10,
    "the suggestion": found.suggestion,
    "ten times": found.suggestion * 10,
}.items():
    mlpcore.utils.set_random_seed(42)
    model = mlpcore.models.clone_model(model)
    model.compile(
        loss="sparse_categorical_crossentropy", optimizer=mlpcore.optimizers.SGD(rate)
    )
    losses = model.fit(data.X_train, data.y_train, epochs=5, verbose=0).history["loss"]
    ax.plot(range(1, 6), losses, ".-", label=f"{name}: {rate:.3g}")
ax.set(xlabel="epoch", ylabel="training loss", ylim=(0, 2.5), xticks=range(1, 6))
_ = ax.legend()

# %%
# Layers and units
# ----------------
#
# The first layer takes what the data give, the last what the task asks. In between, start with one or two layers.
# Deeper networks need fewer units, since upper layers build on what lower ones have found: lines, shapes, things.
# Lower layers can even serve a new task: :ref:`transfer learning <sphx_glr_generated_examples_transfer_learning.py>`.
#
# Layers of equal width do as well as a pyramid, and need one number less to be chosen. And there is an easier way than
# choosing: *stretch pants*. Take a network that is larger than needed, and stop in time.

mlpcore.utils.set_random_seed(42)
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for color, widths in zip(
    ("C0", "C1", "C2"), ((4,), (30, 30), (200, 200, 200)), strict=True
):
    model = mlpcore.Sequential(
        [layers.Dense(width, activation="relu") for width in widths]
    )
    model.add(layers.Dense(10, activation="softmax"))
    model.compile(
        loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"]
    )
    stopping = mlpcore.callbacks.EarlyStopping(patience=10, restore_best_weights=True)
    history = model.fit(
        data.X_train,
        data.y_train,
        epochs=100,
        validation_data=(data.X_valid, data.y_valid),
        callbacks=[stopping],
        verbose=0,
    )
    losses = history.history["val_loss"]
    ax.plot(range(1, len(losses) + 1), losses, color, label="-".join(map(str, widths)))
    ax.plot(stopping.best_epoch + 1, stopping.best, "o", color=color)
    accuracy = model.evaluate(data.X_test, data.y_test, verbose=0)[1]
    epoch = stopping.best_epoch + 1
    print(f"{widths!s:15} best epoch {epoch:3}, test accuracy {accuracy:.4f}")
ax.set(xlabel="epoch", ylabel="validation loss", yscale="log")
_ = ax.legend()

# %%
# In short
# --------
#
# 1. Find the learning rate by a range test.
# 2. Take Adam, or SGD with momentum.
# 3. Make the network larger than needed, and stop early.
# 4. Take batches of 32 to a few hundred rows, and find the rate anew when you change that.
# 5. Search over what is left.
