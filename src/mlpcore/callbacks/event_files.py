"""EventFiles: what TensorBoard reads, written by tensorboardX (an optional dependency)."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from importlib import import_module
from itertools import count
from typing import Any

import numpy as np

from mlpcore.saving.errors import naming

_FLUSH_EVERY = 1.0  # seconds: a reader may lag so far behind
_number = count()
_MISSING = "TensorBoard needs the package tensorboardX: pip install 'mlpcore[tensorboard]' or pip install tensorboardX"


def require_writer() -> Any:
    """Return the module tensorboardX.

    Raises
    ------
    ImportError
        It is not installed; the message says how to get it.
    """
    try:
        return import_module("tensorboardX")
    except ImportError as error:
        raise ImportError(_MISSING) from error


class EventFiles:
    """The event files of one folder, one writer for each run in it; a run's file is made with its first entry.

    Parameters
    ----------
    folder : str
        TensorBoard's ``--logdir`` or a folder in it. Runs ("train", "validation") are folders in it, "" is itself.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._writers: dict[str, Any] = {}
        self._flushed = time.monotonic()

    def scalar(self, run: str, tag: str, value: float, step: int) -> None:
        """Write a number."""
        self._writer(run).add_scalar(tag, float(value), step)

    def histogram(self, run: str, tag: str, values: np.ndarray[Any, Any], step: int) -> None:
        """Write the distribution of an array's numbers; of its finite ones, if it has others."""
        values = np.asarray(values, np.float64).ravel()
        values = values[np.isfinite(values)]
        if values.size:
            self._writer(run).add_histogram(tag, values, step)

    def images(self, run: str, tag: str, images: Any, step: int) -> None:
        """Write images of shape (height, width), (height, width, 1 | 3 | 4), or several: (n, height, width, ...)."""
        plain = tag.replace(" ", "_")  # a space would be replaced too, with a warning for each image
        for number, image in enumerate(_as_images(images, tag)):
            self._writer(run).add_image(f"{plain}/{number}", image, step, dataformats="HWC")

    def embedding(self, run: str, tag: str, table: np.ndarray[Any, Any], labels: list[str] | None, step: int) -> None:
        """Write the rows of a table for the projector."""
        with naming(os.path.join(self._folder, run)):
            self._writer(run).add_embedding(np.asarray(table), metadata=labels, global_step=step, tag=tag)

    def graph(self, run: str, graph: Any) -> None:
        """Write a ``GraphDef``."""
        event = import_module("tensorboardX.proto.event_pb2").Event(graph_def=graph.SerializeToString())
        self._writer(run).file_writer.add_event(event)

    def hparams(self, values: dict[str, Any], metrics: list[tuple[str, str]]) -> None:
        """Write the hyperparameters of the whole folder, and which (run, tag) tell how good they are."""
        summaries = import_module("tensorboardX.summary").hparams(_plain(values), {})
        self._writer("").file_writer.add_summary(_experiment(values, metrics))
        for summary in summaries[1:]:
            self._writer("").file_writer.add_summary(summary)

    def flush(self, at_once: bool = False) -> None:
        """Hand everything to the operating system, if the last time was a second ago."""
        now = time.monotonic()
        if at_once or now - self._flushed > _FLUSH_EVERY:
            for writer in self._writers.values():
                writer.flush()
            self._flushed = now

    def close(self) -> None:
        """Write what is due and close; a later entry begins another file."""
        writers, self._writers = self._writers, {}
        for writer in writers.values():
            writer.close()

    def _writer(self, run: str) -> Any:
        if run not in self._writers or self._writers[run].file_writer.event_writer.closed:
            module = require_writer()
            suffix = f".{os.getpid()}.{next(_number)}"  # tensorboardX's names tell no more than second and machine
            folder = os.path.join(self._folder, run)
            with naming(folder):
                writer = module.SummaryWriter(folder, filename_suffix=suffix)
            writer.file_writer.event_writer = _Direct(writer.file_writer.event_writer)
            self._writers[run] = writer
        return self._writers[run]


class _Direct:
    """Writes events where they come from, in the place of tensorboardX's thread.

    That thread ends with the first error of the disk, and training then waits for it without end. An error closes the
    file; the next entry begins another one.

    Parameters
    ----------
    events : tensorboardX.event_file_writer.EventFileWriter
        With its file just made. Its thread is ended.
    """

    def __init__(self, events: Any) -> None:
        events._worker.stop()
        events._event_queue.close()
        self._folder = events.get_logdir()
        self._file = events._ev_writer
        self.closed = False

    def get_logdir(self) -> str:
        folder: str = self._folder
        return folder

    def add_event(self, event: Any) -> None:
        self._do(lambda: self._file.write_event(event))

    def flush(self) -> None:
        self._do(self._file.flush)

    def close(self) -> None:
        self._do(self._file.close)
        self.closed = True

    def _do(self, what: Callable[[], object]) -> None:
        if self.closed:
            return
        try:
            with naming(self._folder):
                what()
        except OSError:
            self.closed = True
            with contextlib.suppress(OSError):  # what could not be written is tried again, and lost
                self._file._py_recordio_writer.close()
            raise


def _as_images(images: Any, tag: str) -> np.ndarray[Any, Any]:
    """Return uint8 images of shape (n, height, width, channels); floats are taken to lie in [0, 1]."""
    array = np.asarray(images)
    shape = array.shape
    if array.ndim == 2:
        array = array[None, :, :, None]
    elif array.ndim == 3:
        array = array[None] if shape[2] in (1, 3, 4) else array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3, 4):
        raise ValueError(
            f"image {tag!r}: expected (height, width), (height, width, 1 | 3 | 4) or several of these stacked, "
            f"got an array of shape {shape}"
        )
    if array.dtype != np.uint8:
        array = np.rint(np.clip(np.nan_to_num(array.astype(np.float64)), 0, 1) * 255).astype(np.uint8)
    return np.repeat(array, 3, axis=3) if array.shape[3] == 1 else array


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    kinds = (bool, str, int, float)
    plain = {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}
    return {name: value if isinstance(value, kinds) else str(value) for name, value in plain.items()}


def _experiment(values: dict[str, Any], metrics: list[tuple[str, str]]) -> Any:
    """Return the summary that declares hyperparameters and metrics (tensorboardX's own names metrics without runs)."""
    api = import_module("tensorboardX.proto.api_pb2")
    plugin = import_module("tensorboardX.proto.plugin_hparams_pb2")
    summary = import_module("tensorboardX.proto.summary_pb2")
    kinds = {bool: "DATA_TYPE_BOOL", str: "DATA_TYPE_STRING", int: "DATA_TYPE_FLOAT64", float: "DATA_TYPE_FLOAT64"}
    experiment = api.Experiment(
        hparam_infos=[
            api.HParamInfo(name=name, type=api.DataType.Value(kinds[type(value)]))
            for name, value in _plain(values).items()
        ],
        metric_infos=[
            api.MetricInfo(name=api.MetricName(group=run, tag=tag), display_name=f"{run} {tag}") for run, tag in metrics
        ],
    )
    content = plugin.HParamsPluginData(experiment=experiment, version=0).SerializeToString()
    data = summary.SummaryMetadata.PluginData(plugin_name="hparams", content=content)
    metadata = summary.SummaryMetadata(plugin_data=data)
    return summary.Summary(value=[summary.Summary.Value(tag="_hparams_/experiment", metadata=metadata)])
