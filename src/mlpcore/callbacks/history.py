"""History: the loss and the metrics after every epoch, which ``fit`` returns."""

from __future__ import annotations

from typing import Any
from weakref import ref

from mlpcore.callbacks.base import Callback, Logs


class History(Callback):
    """Remembers the logs of every epoch; every ``fit`` has one and returns it.

    Attributes
    ----------
    history : dict of str to list of float
        Each quantity's values, an entry an epoch: ``"loss"`` and the metrics, with validation data also
        ``"val_loss"`` and so on, with a callback that sets it ``"learning_rate"``.
    epoch : list of int
        Numbers of the epochs, from 0.
    params : dict
        ``"verbose"``, ``"epochs"`` and ``"steps"``.

    Examples
    --------
    >>> from mlpcore.callbacks import History
    >>> history = History()
    >>> history.on_train_begin()
    >>> history.on_epoch_end(0, {"accuracy": 0.7, "loss": 0.9})
    >>> history.epoch, history.history
    ([0], {'accuracy': [0.7], 'loss': [0.9]})
    """

    def __init__(self) -> None:
        super().__init__()
        self.history: dict[str, list[Any]] = {}
        self.epoch: list[int] = []

    @property
    def _model(self) -> Any:
        """The model, which keeps its history and is not kept by it."""
        weak = self.__dict__.get("_weak_model")
        return None if weak is None else weak()

    @_model.setter
    def _model(self, model: Any) -> None:
        self._weak_model = None if model is None else ref(model)

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_weak_model": None}

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget the numbers of earlier epochs (as Keras does, earlier values stay)."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Remember the logs."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
        if self._model is not None:
            self._model.history = self

    def get_state(self) -> dict[str, Any]:
        """Return everything remembered."""
        return {"epoch": list(self.epoch), "history": {name: list(values) for name, values in self.history.items()}}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what an earlier run remembered."""
        self.epoch = list(state["epoch"])
        self.history = {name: list(values) for name, values in state["history"].items()}
