"""
5. Saving, callbacks and TensorBoard
====================================

What to do while a model trains, and after.
"""

import tempfile
from pathlib import Path

import numpy as np
from example_data import fashion_mnist, options

import mlpcore
from mlpcore import layers, plot

data = fashion_mnist(options("")).head(10000)
folder = Path(tempfile.mkdtemp())

mlpcore.utils.set_random_seed(42)
model = mlpcore.Sequential(
    [layers.Dense(100, activation="relu"), layers.Dense(10, activation="softmax")]
)
model.compile(
    loss="sparse_categorical_crossentropy",
    optimizer=mlpcore.optimizers.Adam(5e-3),
    metrics=["accuracy"],
)

# %%
# Callbacks
# ---------
#
# A callback is called before and after training, each epoch and each batch. Three that belong together: stop when the
# validation loss no longer falls and keep the best weights; save the best model on the way; lower the learning rate
# when nothing moves.

callbacks = [
    mlpcore.callbacks.ReduceLROnPlateau(patience=3, factor=0.5),
    mlpcore.callbacks.EarlyStopping(patience=8, restore_best_weights=True),
    mlpcore.callbacks.ModelCheckpoint(folder / "best.mlp", save_best_only=True),
]
history = model.fit(
    data.X_train,
    data.y_train,
    epochs=40,
    validation_data=(data.X_valid, data.y_valid),
    callbacks=callbacks,
    verbose=0,
)
best = callbacks[1].best_epoch + 1
print(f"stopped after {len(history.epoch)} epochs; the best was number {best}")
axes = plot.history(history, ["loss", "learning_rate"], log_scale=True)

# %%
# :doc:`/guides/callbacks` lists them all, and shows how to write one.
#
# Saving
# ------
#
# ``save`` writes one file with the layers, the weights and the optimizer; ``load_model`` makes the same model of it.

model.save(folder / "my_model.mlp")
loaded = mlpcore.models.load_model(folder / "my_model.mlp")
same = np.array_equal(
    loaded.predict(data.X_test, verbose=0), model.predict(data.X_test, verbose=0)
)
best = mlpcore.models.load_model(folder / "best.mlp")
print("predicts the same to the bit:", same)
print(
    "so does the checkpoint:",
    np.array_equal(best.get_weights()[0], model.get_weights()[0]),
)

# %%
# With ``BackupAndRestore``, a training that is killed goes on where it was and ends with the same weights, to the bit:
# :ref:`an example <sphx_glr_generated_examples_save_and_resume.py>`, and :doc:`/guides/saving`.
#
# TensorBoard
# -----------
#
# The callback ``TensorBoard("logs/run1")`` writes what the viewer of that name shows: curves, distributions of weights,
# the graph, images, hyperparameters. It needs tensorboardX and no TensorFlow. :ref:`An example
# <sphx_glr_generated_examples_tensorboard.py>`; then
#
# .. code-block:: bash
#
#    pip install tensorboard && tensorboard --logdir logs
