"""TensorBoard: curves, weights, images, the model's graph and hyperparameters for the viewer of that name."""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np

from mlpcore._layer_graph import layer_graph
from mlpcore._validation import checked
from mlpcore.callbacks.base import Callback, Logs, overrides_batches
from mlpcore.callbacks.event_files import EventFiles, require_writer
from mlpcore.callbacks.graph_def import graph_def


class TensorBoard(Callback):
    """Write event files for TensorBoard; look at them with ``tensorboard --logdir logs``.

    Needs the package tensorboardX to write (``pip install mlpcore[tensorboard]``), and no TensorFlow.

    Parameters
    ----------
    log_dir : str or path, default "logs"
        Folder of this training; "train" and "validation" are made in it. Give each training its own.
    histogram_freq : int, default 0
        Every how many epochs to write the distribution of each weight; 0: never.
    write_graph : bool, default True
        Whether to write the graph of the model's layers.
    write_images : bool, default False
        Whether to write weights as images too, with the histograms.
    write_steps_per_second : bool, default False
        Whether to write how many steps a second are done, per epoch and with `update_freq` per batch.
    update_freq : "epoch", "batch" or int, default "epoch"
        Also write loss and metrics after every batch, or every so many; training then runs batch by batch.
    profile_batch : int, default 0
        Not available: only 0.
    embeddings_freq : int, default 0
        Every how many epochs to write the tables of Embedding layers for the projector; 0: never.
    embeddings_metadata : str, path or dict, optional
        File with a label for each row of the table, one a line; a dict has one for each layer's name.
    hparams : dict, optional
        Hyperparameters of this training, for the page that compares trainings: numbers, strings, booleans.
    images : dict or callable, optional
        Images to write: name -> array of shape (height, width), (height, width, 1 | 3 | 4), or several stacked,
        uint8 or floats in [0, 1]. A function of the epoch is called after each one and returns such a dict.

    Raises
    ------
    ImportError
        tensorboardX is not installed (told at once).
    ValueError
        An option that does not exist.

    Notes
    -----
    Tags are those of Keras: ``epoch_loss``, ``epoch_learning_rate``, ``batch_loss``,
    ``evaluation_loss_vs_iterations``.

    Examples
    --------
    >>> from mlpcore.callbacks import TensorBoard  # doctest: +SKIP
    >>> board = TensorBoard("logs/run1", histogram_freq=1, hparams={"units": 300})  # doctest: +SKIP
    >>> model.fit(X, y, validation_split=0.1, callbacks=[board])  # doctest: +SKIP
    """

    @checked
    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: int | Literal["epoch", "batch"] = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: str | os.PathLike[str] | dict[str, Any] | None = None,
        hparams: Mapping[str, Any] | None = None,
        images: Mapping[str, Any] | Callable[[int], Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        require_writer()
        if update_freq not in ("epoch", "batch") and not (isinstance(update_freq, int) and update_freq > 0):
            raise ValueError(f"TensorBoard: update_freq is 'epoch', 'batch' or a number from 1 up, got {update_freq!r}")
        if profile_batch:
            raise ValueError(f"TensorBoard: profiles are not available, profile_batch has to be 0, got {profile_batch}")
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = histogram_freq
        self.write_graph = write_graph
        self.write_images = write_images
        self.write_steps_per_second = write_steps_per_second
        self.update_freq = 1 if update_freq == "batch" else update_freq
        self.embeddings_freq = embeddings_freq
        self.embeddings_metadata = embeddings_metadata
        self.hparams = hparams
        self.images = images
        self._files = EventFiles(self.log_dir)
        self._batches = 0  # of this training
        self._in_fit = False
        self._started = 0.0  # the epoch
        self._batch_started = 0.0

    def add_scalar(self, tag: str, value: float, step: int, run: str = "train") -> None:
        """Write a number of your own."""
        self._files.scalar(run, tag, value, step)

    def add_histogram(self, tag: str, values: Any, step: int, run: str = "train") -> None:
        """Write the distribution of an array of your own."""
        self._files.histogram(run, tag, np.asarray(values), step)

    def add_image(self, tag: str, image: Any, step: int, run: str = "train") -> None:
        """Write an image of your own, as in the parameter `images`."""
        self._files.images(run, tag, image, step)

    def on_train_begin(self, logs: Logs = None) -> None:
        """Write what does not change."""
        self._batches, self._in_fit = 0, True
        if self.write_graph:
            self._write_graph()
        if self.hparams:
            names = ["validation", "train"]
            self._files.hparams(dict(self.hparams), [(run, "epoch_loss") for run in names])
        if isinstance(self.images, Mapping):
            self._write_images(self.images, 0)
        self._labels = self._read_labels() if self.embeddings_freq else {}

    def on_train_end(self, logs: Logs = None) -> None:
        """Close the files."""
        self._close()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Start the clock."""
        self._started = time.perf_counter()
        self._steps_before = _iterations(self.model)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Write loss and metrics, and weights and images if it is time."""
        for name, value in (logs or {}).items():
            run = "validation" if name.startswith("val_") else "train"
            if np.ndim(value) == 0 and name != "learning_rate":
                self._files.scalar(run, f"epoch_{name.removeprefix('val_')}", value, epoch)
        optimizer = getattr(self.model, "optimizer", None)
        if optimizer is not None and logs:
            self._files.scalar("train", "epoch_learning_rate", float(optimizer.learning_rate), epoch)
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._started
            steps = _iterations(self.model) - self._steps_before
            self._files.scalar("train", "epoch_steps_per_second", steps / max(seconds, 1e-9), epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_weights(epoch)
        if self.embeddings_freq and epoch % self.embeddings_freq == 0:
            for layer in self._embeddings():
                table = np.asarray(layer.get_weights()[0])
                self._files.embedding("train", layer.name, table, self._labels.get(layer.name), epoch)
        if callable(self.images):
            self._write_images(self.images(epoch), epoch)
        self._files.flush()

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Start the clock."""
        self._batches += 1
        self._batch_started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Write loss and metrics, if it is time."""
        if self.update_freq == "epoch" or self._batches % int(self.update_freq):
            return
        if self.write_steps_per_second:
            seconds = time.perf_counter() - self._batch_started
            self._files.scalar("train", "batch_steps_per_second", 1 / max(seconds, 1e-9), self._batches)
        for name, value in (logs or {}).items():
            if np.ndim(value) == 0:
                self._files.scalar("train", f"batch_{name}", value, self._batches)

    def on_test_end(self, logs: Logs = None) -> None:
        """Write loss and metrics against the optimizer's steps."""
        if getattr(self.model, "optimizer", None) is not None:
            for name, value in (logs or {}).items():
                if np.ndim(value) == 0:
                    tag = f"evaluation_{name}_vs_iterations"
                    self._files.scalar("validation", tag, value, _iterations(self.model))
        if not self._in_fit:
            self._files.flush(at_once=True)

    def get_state(self) -> dict[str, Any]:
        """Return the number of batches so far."""
        return {"batches": self._batches}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on counting batches."""
        self._batches = state["batches"]

    def _needs_batches(self, phase: str) -> bool:
        own = phase == "train" and self.update_freq != "epoch"
        return own or overrides_batches(self, phase, beyond=TensorBoard)

    def _close(self) -> None:
        self._in_fit = False
        self._files.close()

    def _write_graph(self) -> None:
        try:
            graph = layer_graph(self.model)
        except Exception as error:  # a picture is no reason to lose a training
            warnings.warn(f"TensorBoard: the graph of the model cannot be written: {error}", stacklevel=2)
        else:
            self._files.graph("train", graph_def(graph))

    def _write_images(self, images: Mapping[str, Any], step: int) -> None:
        for name, image in images.items():
            self._files.images("train", name, image, step)

    def _write_weights(self, epoch: int) -> None:
        for layer in self.model.layers:
            for weight in layer.weights:
                tag = str(getattr(weight, "path", None) or f"{layer.name}/{weight.name}").replace(":", "_")
                values = np.asarray(weight.numpy())
                self._files.histogram("train", f"{tag}/histogram", values, epoch)
                if self.write_images and np.squeeze(values).ndim in (1, 2, 3):
                    self._files.images("train", f"{tag}/image", _weight_as_images(values), epoch)

    def _embeddings(self) -> list[Any]:
        return [layer for layer in self.model.layers if type(layer).__name__ == "Embedding"]

    def _read_labels(self) -> dict[str, list[str]]:
        files = self.embeddings_metadata
        names = [layer.name for layer in self._embeddings()]
        if files is None:
            return {}
        if not isinstance(files, dict):
            files = dict.fromkeys(names, files)
        unknown = sorted(set(files) - set(names))
        if unknown:
            raise ValueError(f"TensorBoard: embeddings_metadata names {unknown}, the Embedding layers are {names}")
        return {name: Path(path).read_text().splitlines() for name, path in files.items()}


def _iterations(model: Any) -> int:
    return int(getattr(getattr(model, "optimizer", None), "iterations", 0))


def _weight_as_images(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a weight as gray images (n, height, width, 1), its smallest number black and its largest white."""
    values = np.squeeze(values).astype(np.float64)
    if values.ndim == 1:
        values = values[:, None]
    elif values.ndim == 2 and values.shape[0] > values.shape[1]:
        values = values.T
    low, high = np.min(values), np.max(values)
    values = (values - low) / (high - low if high > low else 1)
    return values[None, :, :, None] if values.ndim == 2 else np.moveaxis(values, 2, 0)[..., None]
