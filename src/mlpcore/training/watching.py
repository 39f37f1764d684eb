"""How a pass tells callbacks about its batches, and which of them want to know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlpcore.callbacks import CallbackList


class BatchHooks:
    """The batch hooks of one phase of a list of callbacks.

    Parameters
    ----------
    callbacks : CallbackList
    phase : {"train", "test", "predict"}
    model : Model
        Its ``stop_training`` ends a training pass after a batch.
    """

    def __init__(self, callbacks: CallbackList, phase: str, model: Any):
        self._callbacks = callbacks
        self._model = model
        self._begin = getattr(callbacks, f"on_{phase}_batch_begin")
        self._end = getattr(callbacks, f"on_{phase}_batch_end")
        self._stop = {"train": "stop_training", "test": "stop_evaluating", "predict": "stop_predicting"}[phase]
        name = "needs_batches" if phase == "train" else f"needs_{phase}_batches"
        self.needs_batches = bool(getattr(callbacks, name))
        self.wants_progress = callbacks.wants_progress

    def begin(self, step: int) -> None:
        """Call the hooks of a batch's begin."""
        self._begin(step)

    def end(self, step: int, logs: dict[str, Any]) -> bool:
        """Call the hooks of a batch's end; return whether one of them asked to stop."""
        self._end(step, logs)
        return bool(getattr(self._model, self._stop, False))

    def progress(self, done: int, logs: Callable[[], dict[str, Any]]) -> None:
        """Move the line on that shows how far the pass is."""
        self._callbacks.progress(done, logs())


class NoHooks:
    """The batch hooks of a pass that nobody watches."""

    needs_batches = False
    wants_progress = False

    def begin(self, step: int) -> None:
        """Do nothing."""

    def end(self, step: int, logs: dict[str, Any]) -> bool:
        """Go on."""
        return False

    def progress(self, done: int, logs: Callable[[], dict[str, Any]]) -> None:
        """Do nothing."""
