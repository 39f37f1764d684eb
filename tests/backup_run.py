"""A training with everything that counts, for tests that stop it anywhere: ``backup_run.py FOLDER OUT WHEN FREQ``.

WHEN is "never", "batch:N" (the process kills itself with SIGKILL after its N-th batch), "write:N" (before it renames
its N-th file) or "half:N" (when it has written half of its N-th file).
"""

import os
import signal
import stat
import sys
from pathlib import Path

import numpy as np

from mlpcore import _random, callbacks, layers, models, optimizers, random
from mlpcore.saving import atomic

EPOCHS = 8


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


class KillAfterBatch(callbacks.Callback):
    def __init__(self, count):
        self.count = count

    def on_train_batch_end(self, batch, logs=None):
        self.count -= 1
        if not self.count:
            kill()


def kill_in_write(number, half):
    """Let the process kill itself while it writes its `number`-th file."""
    rename, sync, seen = os.replace, os.fsync, [0]

    def fsync(descriptor):
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        seen[0] += 1
        if half and seen[0] == number:
            os.truncate(descriptor, os.fstat(descriptor).st_size // 2)
            sync(descriptor)
            kill()
        sync(descriptor)

    def replace(source, target, **rest):
        if not half and seen[0] == number:
            kill()
        rename(source, target, **rest)

    atomic.os.fsync, atomic.os.replace = fsync, replace


def train(folder, out, when="never", save_freq="epoch", epochs=EPOCHS):
    random.set_seed(7)
    model = models.Sequential(
        [layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dropout(0.2), layers.Dense(1)]
    )
    model.compile(optimizers.Adam(0.02), "mse", metrics=["mae"])
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, 4)).astype(np.float32)
    y = x.sum(axis=1) + rng.normal(size=80)
    stopping = callbacks.EarlyStopping(patience=4, restore_best_weights=True)
    used = [
        callbacks.BackupAndRestore(folder, save_freq=save_freq),
        stopping,
        callbacks.ReduceLROnPlateau(patience=1, factor=0.5),
        callbacks.CSVLogger(f"{out}.csv"),
    ]
    kind, _, number = when.partition(":")
    if kind == "batch":
        used.append(KillAfterBatch(int(number)))
    elif kind in ("write", "half"):
        kill_in_write(int(number), kind == "half")
    history = model.fit(x, y, batch_size=8, epochs=epochs, verbose=0, validation_split=0.2, callbacks=used)
    results = {f"history_{name}": values for name, values in history.history.items()}
    results |= {f"weight_{number}": array for number, array in enumerate(model.get_weights())}
    np.savez(
        out,
        **results,
        epochs=history.epoch,
        counters=[stopping.wait, stopping.best_epoch, stopping.stopped_epoch, int(model.optimizer.iterations)],
        best=stopping.best,
        rate=float(model.optimizer.learning_rate),
        log=Path(f"{out}.csv").read_text(),
        next_seed=_random.next_seed(),
    )
    return model


if __name__ == "__main__":
    folder, out, when, freq = sys.argv[1:]
    train(folder, out, when, int(freq) if freq.isdigit() else freq)
