"""The epochs of a fit: training, validation, and what callbacks hear of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlpcore.data import ArrayRows, Source
from mlpcore.training.passes import Pass
from mlpcore.training.running import Running
from mlpcore.training.watching import BatchHooks

if TYPE_CHECKING:
    from mlpcore.callbacks import CallbackList
    from mlpcore.training.trainer import Trainer

Logs = dict[str, Any]


class Fit:
    """One call of `Model.fit`.

    Parameters
    ----------
    model : Model
    source, validation : Source
        What is trained on, and evaluated after epochs.
    validation_freq : int or sequence of int
        After which.
    callbacks : CallbackList
    """

    def __init__(
        self,
        model: Trainer,
        source: Source,
        validation: Source | None,
        validation_freq: int | Sequence[int],
        callbacks: CallbackList,
    ):
        self._model = model
        self._source = source
        self._validation = validation
        self._validation_freq = validation_freq
        self._callbacks = callbacks
        self._running = Running()
        self._start: dict[str, Any] = {}  # state of generator and rows before the running epoch
        self._is_inside = False  # an epoch
        self._resumed: Mapping[str, Any] | None = None
        if not isinstance(validation_freq, int | list | tuple | set) or (
            isinstance(validation_freq, int) and validation_freq < 1
        ):
            raise ValueError(f"validation_freq must be an int of at least 1 or a list, got {validation_freq!r}.")

    def run(self, initial_epoch: int, epochs: int) -> None:
        """Train from one epoch to another."""
        model, callbacks = self._model, self._callbacks
        model.stop_training = False
        model._initial_epoch = model._initial_batch = 0
        session = model._session
        session.start()
        self._build()
        callbacks.on_train_begin()
        initial_epoch = model._initial_epoch or initial_epoch
        logs: Logs = {}
        for epoch in range(initial_epoch, epochs):
            if model.stop_training:  # a resumed training that had stopped
                break
            callbacks.on_epoch_begin(epoch)
            logs = self._epoch(model._initial_batch if epoch == initial_epoch else 0)
            if not logs:  # the source is used up
                break
            if self._validation is not None and self._is_due(epoch):
                logs |= {f"val_{name}": value for name, value in self._validated().items()}
            callbacks.on_epoch_end(epoch, logs)
        if epochs > initial_epoch:
            session.finish()
        callbacks.on_train_end(logs)

    def _build(self) -> None:
        """Record the first batch, so that callbacks find the weights and mistakes show before they begin."""
        source, session, n_rows = self._source, self._model._session, 0
        if isinstance(source, ArrayRows):
            feed, n_rows = session.whole("train", source), source.batch_size
        else:
            feed = session.feed("train", source.first(session.rng))
        feed.program(slice(0, min(n_rows or feed.n_rows, feed.n_rows)), self._model._is_static)
        if isinstance(self._validation, ArrayRows):
            feed = session.whole("test", self._validation)
            feed.program(slice(0, min(self._validation.batch_size, feed.n_rows)), self._model._is_static)

    def _epoch(self, done: int) -> Logs:
        model, session = self._model, self._model._session
        running = self._running = Running(model.metrics)
        if self._resumed is not None:
            self._restore(self._resumed)
            self._resumed = None
        self._start, self._is_inside = self._position(), True
        hooks = BatchHooks(self._callbacks, "train", model)
        a_pass = Pass(running, hooks, session.n_threads, model._is_static, session.learner())
        for feed, order, batch_size in session.feeds("train", self._source):
            a_pass.over(feed, order, batch_size, skip=done)
            done = max(0, done - 1) if not isinstance(self._source, ArrayRows) else 0
            if a_pass.stopped:
                break
        self._is_inside = False
        return running.logs()

    def _validated(self) -> Logs:
        assert self._validation is not None
        callbacks = self._callbacks
        callbacks.on_test_begin()
        hooks = BatchHooks(callbacks, "test", self._model)
        hooks.wants_progress = False  # the line shows the epoch
        logs: Logs = self._model._session.evaluated(self._validation, hooks)
        callbacks.on_test_end(logs)
        return logs

    def _is_due(self, epoch: int) -> bool:
        if isinstance(self._validation_freq, int):
            return (epoch + 1) % self._validation_freq == 0
        return epoch + 1 in self._validation_freq

    # ------------------------------------------------ resuming inside an epoch

    def _position(self) -> dict[str, Any]:
        return {"rng": dict(self._model._session.rng.bit_generator.state), "rows": self._source.get_state()}

    def get_state(self) -> dict[str, Any]:
        """Return where rows and orders stood before the running epoch and what it has added up, or where they stand."""
        if self._is_inside:
            return {**self._start, "running": self._running.get_state()}
        return {**self._position(), "running": None}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Let the first epoch go on where `get_state` saw it."""
        self._resumed = state

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._model._session.rng.bit_generator.state = state["rng"]
        self._source.set_state(state["rows"])
        if state["running"] is not None:
            self._running.set_state(state["running"])
