"""
2. How a network learns
=======================

A training step by hand, in twelve lines of NumPy, and the same step by mlpcore: they agree to rounding.
"""

# %%
# Activations
# -----------
#
# Between two layers there must be something that is not linear, for two linear layers in a row are one. It must have a
# slope, for the slope is what training follows. The usual ones, and (dashed) their slopes:

import matplotlib.pyplot as plt
import numpy as np

import mlpcore
from mlpcore import activations, layers

z = np.linspace(-4, 4, 201, dtype=np.float32)
figure, axes = plt.subplots(1, 4, figsize=(11, 2.6), layout="constrained", sharey=True)
for ax, name in zip(axes, ["sigmoid", "tanh", "relu", "silu"], strict=True):
    values = np.asarray(activations.get(name)(z))
    ax.plot(z, values)
    ax.plot(z, np.gradient(values, z), "--")
    ax.set(title=name, ylim=(-1.2, 2), xlabel="z")
    ax.grid(alpha=0.3)

# %%
# The steps of backpropagation
# ----------------------------
#
# Training goes through the rows in *mini-batches*; one pass through all of them is an *epoch*. Each mini-batch takes
#
# 1. the *forward pass*: the rows go through the layers, and what each layer put out is kept;
# 2. the *loss*: one number that says how wrong the outputs are;
# 3. the *backward pass*: by the chain rule, from the last layer to the first, how much each number had to do with it;
# 4. the *update*: each weight is moved a little against its gradient.
#
# Weights start at random: if all were equal, all units of a layer would stay equal for ever. Here is a small network
# and one mini-batch.

mlpcore.utils.set_random_seed(42)
model = mlpcore.Sequential(
    [layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)]
)
model.compile(loss="mse", optimizer=mlpcore.optimizers.SGD(learning_rate=0.1))

rng = np.random.default_rng(0)
x = rng.normal(size=(32, 3)).astype(np.float32)  # rows, features
y = np.sin(x.sum(axis=1, keepdims=True))  # rows, 1
W1, b1, W2, b2 = model.get_weights()

# 1. forward
hidden = np.tanh(x @ W1 + b1)  # rows, 4
output = hidden @ W2 + b2  # rows, 1
# 2. loss
loss = np.mean((output - y) ** 2)
# 3. backward
d_output = 2 * (output - y) / len(x)
d_W2, d_b2 = hidden.T @ d_output, d_output.sum(axis=0)
d_hidden = d_output @ W2.T * (1 - hidden**2)  # the slope of tanh(z) is 1 - tanh(z)²
d_W1, d_b1 = x.T @ d_hidden, d_hidden.sum(axis=0)
# 4. update
by_hand = [
    w - 0.1 * d for w, d in zip([W1, b1, W2, b2], [d_W1, d_b1, d_W2, d_b2], strict=True)
]

# %%
# The same step by the model:

model_loss = model.train_on_batch(x, y)
difference = max(
    np.abs(a - b).max() for a, b in zip(by_hand, model.get_weights(), strict=True)
)
print(f"loss by hand {loss:.6f}, by the model {float(np.ravel(model_loss)[0]):.6f}")
print(f"largest difference of a weight: {difference:.1e}")
assert difference < 1e-6

# %%
# The library does no differentiation on paper. It records what the layers compute, and walks the recording backwards
# (*reverse-mode automatic differentiation*); :doc:`/engine` tells how. So any model, layer or loss that is written in
# layers and :doc:`operations </generated/api/mlpcore.ops>` can be trained.
#
# Repeated, step by step, the loss goes down:

history = model.fit(x, y, epochs=200, verbose=0)
ax = mlpcore.plot.history(history, log_scale=True)

# %%
# What a network should look like
# -------------------------------
#
# Mostly one to five hidden layers of 10 to 300 units each, with relu or silu. The last layer follows from the task:
#
# .. list-table::
#    :header-rows: 1
#
#    * - task
#      - outputs
#      - activation
#      - loss
#    * - numbers
#      - one a target
#      - none; softplus if they are positive
#      - ``"mse"``; ``"huber"`` with outliers
#    * - two classes
#      - 1
#      - sigmoid
#      - ``"binary_crossentropy"``
#    * - several labels at once, or none
#      - one a label
#      - sigmoid
#      - ``"binary_crossentropy"``
#    * - one of many classes
#      - one a class
#      - softmax
#      - ``"sparse_categorical_crossentropy"``
#
# :class:`~mlpcore.MLPRegressor` and :class:`~mlpcore.MLPClassifier` choose the outputs, the output activation and the
# loss themselves.
