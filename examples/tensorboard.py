"""
TensorBoard
===========

Writes curves, weights, images, the model's graph and hyperparameters for TensorBoard, without TensorFlow.

``python examples/tensorboard.py --data FOLDER --logs logs`` takes ``FOLDER/fashion_mnist.npz``; then
``tensorboard --logdir logs`` shows the trainings at http://localhost:6006.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
from example_data import fashion_mnist

import mlpcore
from mlpcore import layers
from mlpcore.callbacks import TensorBoard

parser = argparse.ArgumentParser(description="TensorBoard")
parser.add_argument(
    "--data",
    type=Path,
    default=os.environ.get("MLPCORE_DATA"),
    help="folder with fashion_mnist.npz",
)
parser.add_argument(
    "--logs",
    type=Path,
    default=tempfile.mkdtemp(),
    help="where to write; default: a new folder",
)
parser.add_argument("--quick", action="store_true", help="few rows and epochs")
chosen = parser.parse_args()
data = fashion_mnist(chosen)
side = int(data.X_train.shape[1] ** 0.5)

# %%
# Two trainings, each with a folder of its own and its hyperparameters, so that the viewer can compare them. The images
# are those that the model is least sure about.


def doubtful(epoch):
    probabilities = model.predict(data.X_valid, verbose=0)
    rows = np.argsort(probabilities.max(axis=1))[:9]
    return {"least_sure": data.X_valid[rows].reshape(-1, side, side, 1)}


for rate in (0.01, 0.1):
    mlpcore.utils.set_random_seed(42)
    model = mlpcore.Sequential(
        [
            layers.Dense(100, activation="relu", name="hidden"),
            layers.Dense(10, activation="softmax", name="output"),
        ]
    )
    model.compile(
        loss="sparse_categorical_crossentropy",
        optimizer=mlpcore.optimizers.SGD(rate),
        metrics=["accuracy"],
    )
    board = TensorBoard(
        chosen.logs / f"rate-{rate:g}",
        histogram_freq=1,
        write_steps_per_second=True,
        hparams={"learning_rate": rate, "units": 100},
        images=doubtful,
    )
    history = model.fit(
        data.X_train,
        data.y_train,
        epochs=2 if chosen.quick else 6,
        validation_data=(data.X_valid, data.y_valid),
        callbacks=[board],
        verbose=0,
    )
    print(f"rate {rate:g}: validation accuracy {history.history['val_accuracy'][-1]:.4f}")

# %%
# What was written:

for path in sorted(chosen.logs.rglob("events.*")):
    folder = path.parent.relative_to(chosen.logs).as_posix()
    print(f"{folder:20} {path.stat().st_size // 1024} KiB")
