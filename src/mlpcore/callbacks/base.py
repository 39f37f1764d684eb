"""Callback: what a user's code may do while a model trains, is evaluated or predicts."""

from __future__ import annotations

import inspect
from typing import Any

from mlpcore._validation import unknown_argument

Logs = dict[str, Any] | None

BATCH_HOOKS = {  # phase -> the hooks that make a pass run batch by batch when a callback overrides one
    "train": ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end"),
    "test": ("on_test_batch_begin", "on_test_batch_end"),
    "predict": ("on_predict_batch_begin", "on_predict_batch_end"),
}


class Callback:
    """Base class of all callbacks: override the hooks you need, the others do nothing.

    The order in ``fit`` is ``on_train_begin``; for each epoch ``on_epoch_begin``, the training batches, then with
    validation data ``on_test_begin``, the validation batches and ``on_test_end``, and ``on_epoch_end``; last
    ``on_train_end``. ``evaluate`` calls the ``on_test_...`` hooks alone, ``predict`` the ``on_predict_...`` hooks.

    A pass over data runs as one call of the compiled core, unless a callback overrides a batch hook of that pass:
    then it runs batch by batch. Setting ``self.model.stop_training = True`` ends training after the current batch
    (with batch hooks) or epoch. An error that a hook raises ends training with that error; the model keeps what it
    has learned so far.

    Attributes
    ----------
    model : Model
        The model that runs.
    params : dict
        ``"verbose"``, ``"epochs"`` and ``"steps"`` (batches an epoch, None if unknown).

    Notes
    -----
    `logs` are new dictionaries of floats in alphabetical order: running means of the loss and the metrics at the
    end of a batch; their values over the epoch and, prefixed with ``val_``, over the validation data at the end of
    an epoch. What one callback adds to them the following ones see.

    Examples
    --------
    A callback of your own:

    >>> from mlpcore.callbacks import Callback
    >>> class RatioOfLosses(Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         print(f"val/train = {logs['val_loss'] / logs['loss']:.2f}")
    >>> RatioOfLosses().on_epoch_end(0, {"loss": 0.5, "val_loss": 0.6})
    val/train = 1.20
    """

    params: dict[str, Any] | None = None
    _model: Any = None
    _runs_last = False  # BackupAndRestore sees what all others have done
    _list: Any = None  # a weak reference to the CallbackList it is in

    def __new__(cls, *args: Any, **kwargs: Any) -> Callback:  # noqa: D102 - checks what __init__ gets
        if kwargs:
            _check_arguments(cls, kwargs)
        return super().__new__(cls)

    def __init__(self) -> None:
        pass

    def __repr__(self) -> str:
        given = inspect.signature(type(self).__init__).parameters.items()
        values = [(name, getattr(self, name, each.default), each.default) for name, each in given]
        plain = str | int | float  # what else an argument can be is long
        shown = [
            f"{name}={value!r}" for name, value, default in values if isinstance(value, plain) and value != default
        ]
        return f"{type(self).__name__}({', '.join(shown)})"

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_list": None}

    @property
    def model(self) -> Any:
        """The model that this callback was last used with; None before."""
        return self._model

    def set_model(self, model: Any) -> None:
        """Tell which model runs."""
        self._model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Tell how it runs: ``{"verbose": ..., "epochs": ..., "steps": ...}``."""
        self.params = params

    def get_state(self) -> dict[str, Any]:
        """Return what a resumed run needs to go on as if it had not stopped.

        Returns
        -------
        dict
            Numbers, strings, booleans, None, arrays, and lists and dicts of these. Override it together with
            `set_state` if your callback counts or remembers something.
        """
        return {}

    def set_state(self, state: dict[str, Any]) -> None:
        """Take over a state that `get_state` returned; called after ``on_train_begin``."""

    def _needs_batches(self, phase: str) -> bool:
        """Tell whether a pass ("train", "test" or "predict") has to run batch by batch."""
        return overrides_batches(self, phase)

    def _close(self) -> None:
        """Release files and the screen, also when training ended with an error; may be called twice."""

    # What follows does nothing: these are the hooks.

    def on_train_begin(self, logs: Logs = None) -> None:
        """Training begins; `logs` is empty."""

    def on_train_end(self, logs: Logs = None) -> None:
        """Training has ended; `logs` are those of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Epoch `epoch` (counted from 0) begins; `logs` is empty."""

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Epoch `epoch` (counted from 0) and its validation have ended."""

    def on_train_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Batch `batch` (counted from 0 in each epoch) begins."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Batch `batch` has been learned; `logs` are means over the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_begin`."""

    def on_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Older name of `on_train_batch_end`."""

    def on_test_begin(self, logs: Logs = None) -> None:
        """Begin an evaluation or validation."""

    def on_test_end(self, logs: Logs = None) -> None:
        """End an evaluation or validation; `logs` are its results, without ``val_``."""

    def on_test_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Batch `batch` of an evaluation begins."""

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Batch `batch` of an evaluation has ended."""

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Prediction begins."""

    def on_predict_end(self, logs: Logs = None) -> None:
        """Prediction has ended."""

    def on_predict_batch_begin(self, batch: int, logs: Logs = None) -> None:
        """Batch `batch` of a prediction begins."""

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Batch `batch` has been predicted; ``logs["outputs"]`` are its predictions."""


HOOKS = [name for name in vars(Callback) if name.startswith("on_")]


def overrides(callback: Callback, hook: str, beyond: type[Callback] = Callback) -> bool:
    """Tell whether a callback defines a hook, in its class (below the class `beyond`) or on the instance."""
    return hook in vars(callback) or getattr(type(callback), hook) is not getattr(beyond, hook)


def overrides_batches(callback: Callback, phase: str, beyond: type[Callback] = Callback) -> bool:
    """Tell whether a callback defines a batch hook of a phase."""
    return any(overrides(callback, name, beyond) for name in BATCH_HOOKS[phase])


def _check_arguments(cls: type, given: dict[str, Any]) -> None:
    known = inspect.signature(cls.__init__).parameters  # type: ignore[misc]
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values()):
        return
    options = [name for name in known if name != "self"]
    for name in given:
        if name not in options:
            raise unknown_argument(cls.__name__, name, options)
