"""CSVLogger: the loss and the metrics of every epoch as lines of a text file."""

from __future__ import annotations

import contextlib
import csv
import os
from typing import Any

import numpy as np

from mlpcore._validation import checked
from mlpcore.callbacks.base import Callback, Logs
from mlpcore.saving.errors import naming


class CSVLogger(Callback):
    """Write a line with the logs of each epoch; the epoch counts from 0 and the columns are alphabetical.

    Parameters
    ----------
    filename : str or path
        The file.
    separator : str, default ","
        Stands between the columns.
    append : bool, default False
        Whether an existing file is continued (without a second line of headings), not replaced.

    Raises
    ------
    FileNotFoundError
        The file's folder does not exist (told when training begins).
    OSError
        The disk is full, or the file cannot be written. Training ends with it; a later one opens the file again.

    Notes
    -----
    Columns for validation are made also if the first epoch has none, and filled with "NA". A run that
    `BackupAndRestore` resumes drops the lines written after the last backup, whatever `append` says.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from mlpcore.callbacks import CSVLogger
    >>> path = pathlib.Path(tempfile.mkdtemp(), "log.csv")
    >>> logger = CSVLogger(path)
    >>> logger.on_train_begin()
    >>> logger.on_epoch_end(0, {"loss": 0.5, "val_loss": 0.75})
    >>> logger.on_train_end()
    >>> print(path.read_text().strip())
    epoch,loss,val_loss
    0,0.5,0.75
    """

    @checked
    def __init__(self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None
        self._file: Any = None
        self._size: int | None = None  # where a resumed run goes on

    def on_train_begin(self, logs: Logs = None) -> None:
        """Look whether the file can be made; it is opened with the first line."""
        self._close()
        self.keys = self._size = None
        folder = os.path.dirname(os.path.abspath(self.filename))
        if not os.path.isdir(folder):
            raise FileNotFoundError(f"CSVLogger: there is no folder {folder!r} for {self.filename!r}")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write a line."""
        logs = logs or {}
        if self.keys is None:
            self.keys = sorted(logs)
            if not any(name.startswith("val_") for name in self.keys):
                self.keys += [f"val_{name}" for name in self.keys]
        try:
            with naming(self.filename):
                writer = csv.writer(self._open(), delimiter=self.sep)
                writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self.keys)])
                self._file.flush()
        except OSError:
            with contextlib.suppress(OSError):  # what could not be written is tried again, and lost
                self._close()
            raise

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the file."""
        if self._file is None and not self.append:
            self._open()  # no epoch has run: an empty file takes the place of an older one
        self._close()

    def get_state(self) -> dict[str, Any]:
        """Return the columns and the length of the file in bytes."""
        return {"keys": self.keys, "size": None if self._file is None else self._file.tell()}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on after the lines that an earlier run had written at its last backup."""
        self.keys, self._size = state["keys"], state["size"]

    def _open(self) -> Any:
        if self._file is None:
            resumed = self._size is not None and os.path.exists(self.filename)
            keep = self.append or resumed
            self._file = open(self.filename, "a" if keep else "w", newline="")  # noqa: SIM115 - stays open
            if resumed and self._size is not None:
                self._file.truncate(self._size)
                self._file.seek(0, os.SEEK_END)
            if self._file.tell() == 0 and self.keys is not None:
                csv.writer(self._file, delimiter=self.sep).writerow(["epoch", *self.keys])
        return self._file

    def _close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()


def _cell(value: Any) -> Any:
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return '"[' + ", ".join(map(str, value)) + ']"'
