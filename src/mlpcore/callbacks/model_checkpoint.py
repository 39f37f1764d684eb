"""ModelCheckpoint: saves the model or its weights while it trains."""

from __future__ import annotations

import os
import string
import warnings
from typing import Any, Literal

import numpy as np

from mlpcore._validation import checked, suggest
from mlpcore.callbacks.base import Logs, overrides_batches
from mlpcore.callbacks.monitor import MonitorCallback


class BatchCounter:
    """Counts batches across epochs; tells when every `every`-th has ended."""

    def __init__(self, every: int | str | bool, owner: str) -> None:
        if every != "epoch" and (isinstance(every, bool) or not isinstance(every, int) or every < 1):
            raise ValueError(f"{owner}: save_freq is 'epoch' or a number of batches from 1 up, got {every!r}")
        self.every = every
        self.since_last = 0
        self.last_batch: int | None = None

    def is_due(self, batch: int) -> bool:
        """Tell whether the batch (counted from 0 in its epoch) is one to save after."""
        new_epoch = self.last_batch is None or batch <= self.last_batch
        self.since_last += batch + 1 if new_epoch else batch - (self.last_batch or 0)
        self.last_batch = batch
        if self.every == "epoch" or self.since_last < int(self.every):
            return False
        self.since_last = 0
        return True

    def get_state(self) -> dict[str, Any]:
        """Return the counts."""
        return {"since_last": self.since_last, "last_batch": self.last_batch}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from the counts of an earlier run."""
        self.since_last, self.last_batch = state["since_last"], state["last_batch"]


class ModelCheckpoint(MonitorCallback):
    """Save the model, or its weights, after every epoch or every so many batches.

    Parameters
    ----------
    filepath : str or path
        Where to. May name quantities of the logs and ``epoch`` (counted from 1), with `save_freq` in batches also
        ``batch`` (from 1): ``"{epoch:02d}-{val_loss:.3f}.keras"``. Its ending decides on the format as in
        ``model.save`` and ``model.save_weights``; without one the library's own format is written. Missing folders
        are made.
    monitor : str, default "val_loss"
        Quantity that decides what is best.
    verbose : {0, 1}, default 0
        1 tells what is saved.
    save_best_only : bool, default False
        Whether to save only when `monitor` has improved.
    save_weights_only : bool, default False
        Whether to call ``model.save_weights`` instead of ``model.save``.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto" asks the metric.
    save_freq : "epoch" or int, default "epoch"
        After each epoch, or after so many batches. In batches, training runs batch by batch, and quantities are
        means over the running epoch.
    initial_value_threshold : float, optional
        With `save_best_only`: value that the first model to be saved has to beat.

    Attributes
    ----------
    best : float or None
        Best value so far; it stays for the next ``fit``.

    Raises
    ------
    KeyError
        `filepath` names a quantity that the logs do not have.

    Examples
    --------
    >>> from mlpcore.callbacks import ModelCheckpoint
    >>> class Model:
    ...     def save_weights(self, path, overwrite=True):
    ...         print("saved", path)
    >>> checkpoint = ModelCheckpoint("best-{val_loss:.2f}", save_best_only=True, save_weights_only=True)
    >>> checkpoint.set_model(Model())
    >>> for epoch, loss in enumerate([0.5, 0.6, 0.25]):
    ...     checkpoint.on_epoch_end(epoch, {"val_loss": loss})
    saved best-0.50
    saved best-0.25
    """

    @checked
    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: bool | int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: int | Literal["epoch"] = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._counter = BatchCounter(save_freq, type(self).__name__)
        self._epoch = 0

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Remember which epoch it is."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Save, if enough batches have gone by."""
        if self._counter.is_due(batch):
            self._save_if_good(self._epoch, batch, logs or {})

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Save, if asked to do so after epochs."""
        if self.save_freq == "epoch":
            self._save_if_good(epoch, None, logs or {})

    def get_state(self) -> dict[str, Any]:
        """Return the best value and the count of batches."""
        return {"best": self.best, **self._counter.get_state()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from the best value of an earlier run."""
        self.best = state["best"]
        self._counter.set_state(state)

    def _needs_batches(self, phase: str) -> bool:
        own = phase == "train" and self.save_freq != "epoch"
        return own or overrides_batches(self, phase, beyond=ModelCheckpoint)

    def _save_if_good(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> None:
        path = self._path(epoch, batch, logs)
        if self.save_best_only and not self._is_best(epoch, logs, path):
            return
        if not self.save_best_only:
            self._say(f"\nEpoch {epoch + 1}: saving model to {path}")
        folder = os.path.dirname(path)
        if folder:
            os.makedirs(folder, exist_ok=True)
        (self.model.save_weights if self.save_weights_only else self.model.save)(path, overwrite=True)
        self._say(f"\nEpoch {epoch + 1}: finished saving model to {path}")

    def _is_best(self, epoch: int, logs: dict[str, Any], path: str) -> bool:
        current = self._current(logs, "saves every model")
        if current is None:
            return True
        if np.ndim(current) > 0:
            warnings.warn(
                f"ModelCheckpoint saves every model: the monitored {self.monitor!r} is not a number but {current!r}",
                stacklevel=2,
            )
            return True
        best = "None" if self.best is None else f"{self.best:.5f}"
        if not self._is_improvement(current, self.best):
            self._say(f"\nEpoch {epoch + 1}: {self.monitor} did not improve from {best}")
            return False
        self._say(f"\nEpoch {epoch + 1}: {self.monitor} improved from {best} to {current:.5f}, saving model to {path}")
        self.best = current
        return True

    def _path(self, epoch: int, batch: int | None, logs: dict[str, Any]) -> str:
        names = {"epoch": epoch + 1, **({} if batch is None else {"batch": batch + 1}), **logs}
        try:
            return self.filepath.format(**names)
        except (KeyError, IndexError):
            fields = [field for _, field, _, _ in string.Formatter().parse(self.filepath) if field is not None]
            missing = next(field for field in fields if field not in names)
            raise KeyError(
                f"ModelCheckpoint: {self.filepath!r} names {missing!r}, which is not available"
                f"{suggest(missing, list(names))} Available: {', '.join(names)}"
            ) from None

    def _say(self, words: str) -> None:
        if self.verbose:
            print(words)
