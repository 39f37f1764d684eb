"""BackupAndRestore: lets a training that was killed go on where it was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from mlpcore._validation import checked
from mlpcore.callbacks.base import Callback, Logs, overrides_batches
from mlpcore.callbacks.model_checkpoint import BatchCounter
from mlpcore.saving import checkpoint


class BackupAndRestore(Callback):
    """Back up everything that decides the future of a training; the next ``fit`` goes on from there.

    Killed at any moment and started again, a program ends with the same weights, History, optimizer, random numbers
    and callbacks (patience, best values) as if it had run through, to the bit. The resumed ``fit`` has to get the
    same model, data and arguments; only `epochs` may differ. A training that reaches its end deletes the backup.

    Parameters
    ----------
    backup_dir : str or path
        Folder for the backup, of this training alone. Made if missing.
    save_freq : "epoch", int or False, default "epoch"
        After each epoch, or after so many batches (training then runs batch by batch). False makes none and only
        restores.
    double_checkpoint : bool, default True
        Whether to keep the backup before the last one too, which is used if the last is damaged. It costs as much
        disk again. (Keras keeps one by default.)
    delete_checkpoint : bool, default True
        Whether to delete the backup when training has ended. If not, the next ``fit`` goes on from it too.

    Warns
    -----
    CheckpointWarning
        A backup is damaged or another model's. The one before it is used; without any, training starts anew.

    Notes
    -----
    Files are written beside the old ones and renamed when complete, so a kill while writing harms nothing. The
    callback is called after all others. Callbacks of your own that count something take part by `get_state` and
    `set_state`.

    Examples
    --------
    >>> from mlpcore.callbacks import BackupAndRestore
    >>> callback = BackupAndRestore("backup")  # model.fit(X, y, epochs=100, callbacks=[callback])
    """

    _runs_last = True

    @checked
    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: int | Literal["epoch"] = "epoch",
        double_checkpoint: bool = True,
        delete_checkpoint: bool = True,
    ) -> None:
        super().__init__()
        if not os.fspath(backup_dir):
            raise ValueError("BackupAndRestore: backup_dir is empty")
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self._counter = BatchCounter("epoch" if save_freq is False else save_freq, type(self).__name__)
        self._epoch = 0
        self._path = Path(self.backup_dir, "training.checkpoint")

    def on_train_begin(self, logs: Logs = None) -> None:
        """Restore the backup if there is one."""
        state = checkpoint.load_state(self.model, self._path)
        if state is None:
            return
        self.model._initial_epoch = state["epoch"]
        self.model._initial_batch = state["batch"]
        self.model.stop_training = state["stop_training"]
        if state["fit"] is not None:
            self.model._set_fit_state(state["fit"])
        self._others().set_state(state["callbacks"])
        self._counter.set_state(state["counter"])

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Remember which epoch it is."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Back up, if enough batches have gone by."""
        if self._counter.is_due(batch):
            self._save(self._epoch, batch + 1)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Back up after the epoch; whatever `save_freq` is, for the backup in the next epoch holds no validation."""
        if self.save_freq is not False:
            self._save(epoch + 1, 0)

    def on_train_end(self, logs: Logs = None) -> None:
        """Delete the backup; also the folder, if it is empty then."""
        if self.delete_checkpoint:
            checkpoint.delete_state(self._path)
            folder = Path(self.backup_dir)
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()

    def _needs_batches(self, phase: str) -> bool:
        own = phase == "train" and self._counter.every != "epoch"
        return own or overrides_batches(self, phase, beyond=BackupAndRestore)

    def _save(self, epoch: int, batch: int) -> None:
        state = {
            "epoch": epoch,
            "batch": batch,
            "stop_training": bool(self.model.stop_training),
            "fit": self.model._fit_state(),
            "callbacks": self._others().get_state(),
            "counter": self._counter.get_state(),
        }
        checkpoint.save_state(self.model, self._path, state)
        if not self.double_checkpoint:
            checkpoint.previous(self._path).unlink(missing_ok=True)

    def _others(self) -> Any:
        """Return the list that this callback is called by; itself alone has nothing to say."""
        found = None if self._list is None else self._list()
        return Callback() if found is None else found
