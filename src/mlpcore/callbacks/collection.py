"""CallbackList: several callbacks called as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any
from weakref import ref

import numpy as np

from mlpcore.callbacks.base import Callback, Logs, overrides
from mlpcore.callbacks.history import History
from mlpcore.callbacks.progress import ProgbarLogger


class CallbackList(Callback):
    """Calls the hooks of several callbacks, in their order.

    Parameters
    ----------
    callbacks : Callback or (nested) list of Callback, optional
        The callbacks. `BackupAndRestore` is called after all others, wherever it stands.
    add_history : bool, default False
        Whether to add a `History` at the end, if there is none.
    add_progbar : bool, default False
        Whether to add a `ProgbarLogger` at the end, if there is none.
    model : Model, optional
        The model that runs.
    **params
        What the callbacks see as ``params``: `verbose`, `epochs` and `steps`.

    Attributes
    ----------
    callbacks : list of Callback
        In the order in which they are called.
    history : History or None
        The history among them.
    needs_batches, needs_test_batches, needs_predict_batches : bool
        Whether a pass of this kind has to call the batch hooks. If not, none of them does anything.
    wants_progress : bool
        Whether a live line is shown that `progress` moves on.

    Raises
    ------
    TypeError
        Something that is not a callback.

    Examples
    --------
    A training loop of your own:

    >>> from mlpcore.callbacks import CallbackList, History
    >>> class Model:
    ...     stop_training = False
    >>> callbacks = CallbackList(add_history=True, model=Model(), epochs=2, steps=1, verbose=0)
    >>> callbacks.on_train_begin()
    >>> for epoch in range(2):
    ...     callbacks.on_epoch_begin(epoch)
    ...     callbacks.on_epoch_end(epoch, {"loss": 1 / (epoch + 1)})
    >>> callbacks.on_train_end()
    >>> callbacks.history.history
    {'loss': [1.0, 0.5]}
    """

    def __init__(
        self,
        callbacks: Any = None,
        add_history: bool = False,
        add_progbar: bool = False,
        model: Any = None,
        **params: Any,
    ) -> None:
        self.callbacks: list[Callback] = list(_flat(callbacks))
        if add_history and not any(isinstance(each, History) for each in self.callbacks):
            self.callbacks.append(History())
        if add_progbar and not any(isinstance(each, ProgbarLogger) for each in self.callbacks):
            self.callbacks.append(ProgbarLogger())
        self._hooks: dict[str, list[Any]] = {}
        self._sort()
        if params:
            self.set_params(params)
        if model is not None:
            self.set_model(model)

    def append(self, callback: Callback) -> None:
        """Add a callback at the end."""
        self.callbacks += _flat(callback)
        if self.params:
            callback.set_params(self.params)
        if self._model is not None:
            callback.set_model(self._model)
        self._sort()

    def set_model(self, model: Any) -> None:
        """Tell all which model runs."""
        self._model = model
        if self.history is not None:
            model.history = self.history
        for callback in self.callbacks:
            callback.set_model(model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell all how it runs."""
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    @property
    def history(self) -> History | None:
        """The (last) history among the callbacks."""
        return next((each for each in reversed(self.callbacks) if isinstance(each, History)), None)

    @property
    def needs_batches(self) -> bool:
        """Whether training has to call the batch hooks."""
        return self._needs_batches("train")

    @property
    def needs_test_batches(self) -> bool:
        """Whether evaluation has to call the batch hooks."""
        return self._needs_batches("test")

    @property
    def needs_predict_batches(self) -> bool:
        """Whether prediction has to call the batch hooks."""
        return self._needs_batches("predict")

    @property
    def wants_progress(self) -> bool:
        """Whether `progress` shows something."""
        return any(each.is_live for each in self.callbacks if isinstance(each, ProgbarLogger))

    def progress(self, done: int, logs: Logs = None) -> None:
        """Tell that `done` batches of the running pass are done, where no batch hook tells it."""
        for callback in self.callbacks:
            if isinstance(callback, ProgbarLogger):
                callback.progress(done, logs)

    def get_state(self) -> dict[str, Any]:
        """Return the states of all callbacks that have one, by class and place among those of that class."""
        states = {name: each.get_state() for name, each in self._named()}
        return {name: state for name, state in states.items() if state}

    def set_state(self, state: dict[str, Any]) -> None:
        """Give every callback its state back; one that has none stays as it is."""
        for name, callback in self._named():
            if name in state:
                callback.set_state(state[name])

    def close(self) -> None:
        """Release what callbacks hold (files, the screen); call it also after an error."""
        for callback in self.callbacks:
            callback._close()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Training begins."""
        self._prepare("train")
        self._call("on_train_begin", logs)

    def on_train_end(self, logs: Logs = None) -> None:
        """Training has ended."""
        self._call("on_train_end", logs)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Begin an epoch, counted from 0."""
        self._call_at("on_epoch_begin", epoch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """End an epoch, counted from 0."""
        for callback in self.callbacks:
            if isinstance(callback, ProgbarLogger):
                callback.clear()
        self._call_at("on_epoch_end", epoch, logs)

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Begin a training batch, counted from 0."""
        self._call_batch("train", "on_train_batch_begin", batch, logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """End a training batch, counted from 0."""
        self._call_batch("train", "on_train_batch_end", batch, logs)

    def on_test_begin(self, logs: Logs = None) -> None:
        """Begin an evaluation or validation."""
        self._prepare("test")
        self._call("on_test_begin", logs)

    def on_test_end(self, logs: Logs = None) -> None:
        """End an evaluation or validation."""
        self._call("on_test_end", logs)

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Begin a batch of an evaluation, counted from 0."""
        self._call_batch("test", "on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """End a batch of an evaluation, counted from 0."""
        self._call_batch("test", "on_test_batch_end", batch, logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Begin a prediction."""
        self._prepare("predict")
        self._call("on_predict_begin", logs)

    def on_predict_end(self, logs: Logs = None) -> None:
        """End a prediction."""
        self._call("on_predict_end", logs)

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Begin a batch of a prediction, counted from 0."""
        self._call_batch("predict", "on_predict_batch_begin", batch, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """End a batch of a prediction, counted from 0."""
        self._call_batch("predict", "on_predict_batch_end", batch, logs)

    def _sort(self) -> None:
        self.callbacks.sort(key=lambda each: each._runs_last)  # stable: the user's order otherwise
        for callback in self.callbacks:
            callback._list = ref(self)
        self._hooks.clear()

    def _named(self) -> Iterable[tuple[str, Callback]]:
        seen: Counter[str] = Counter()
        for callback in self.callbacks:
            name = type(callback).__name__
            seen[name] += 1
            yield (name if seen[name] == 1 else f"{name}_{seen[name]}"), callback

    def _needs_batches(self, phase: str) -> bool:
        return any(callback._needs_batches(phase) for callback in self.callbacks)

    def _prepare(self, phase: str) -> None:
        """Find who has to be called for each batch, once a pass."""
        for hook, older in ((f"on_{phase}_batch_{when}", f"on_batch_{when}") for when in ("begin", "end")):
            names = [hook, older] if phase == "train" else [hook]
            self._hooks[hook] = [
                getattr(each, hook) for each in self.callbacks if any(overrides(each, name) for name in names)
            ]

    def _call(self, hook: str, logs: Logs) -> None:
        logs = _plain(logs)
        for callback in self.callbacks:
            getattr(callback, hook)(logs)

    def _call_at(self, hook: str, epoch: int, logs: Logs) -> None:
        logs = _plain(logs)
        for callback in self.callbacks:
            getattr(callback, hook)(epoch, logs)

    def _call_batch(self, phase: str, hook: str, batch: int, logs: Logs) -> None:
        if hook not in self._hooks:
            self._prepare(phase)
        for call in self._hooks[hook]:
            call(batch, logs=logs or {})


def _flat(callbacks: Any) -> Iterable[Callback]:
    if callbacks is None:
        return
    if isinstance(callbacks, CallbackList):
        yield from callbacks.callbacks
    elif isinstance(callbacks, Callback):
        yield callbacks
    elif isinstance(callbacks, list | tuple):
        for each in callbacks:
            yield from _flat(each)
    elif isinstance(callbacks, type) and issubclass(callbacks, Callback):
        raise TypeError(f"callbacks expects instances, got the class {callbacks.__name__}: add () to make one")
    elif callable(callbacks):
        raise TypeError(f"callbacks expects Callback instances, got {callbacks!r}: wrap a function in LambdaCallback")
    else:
        raise TypeError(f"callbacks expects Callback instances, got {callbacks!r} of type {type(callbacks).__name__}")


def _plain(logs: Logs) -> dict[str, Any]:
    if not logs:
        return {}
    return {name: _number(logs[name]) for name in sorted(logs)}


def _number(value: Any) -> Any:
    if type(value) is float or not isinstance(value, int | np.generic | np.ndarray):
        return value
    return float(value) if np.ndim(value) == 0 else value
