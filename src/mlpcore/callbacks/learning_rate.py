"""LearningRateScheduler and ReduceLROnPlateau: callbacks that set the optimizer's learning rate."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from mlpcore._validation import checked
from mlpcore.callbacks.base import Callback, Logs
from mlpcore.callbacks.monitor import MonitorCallback


class LearningRateScheduler(Callback):
    """Set the learning rate at the beginning of every epoch; the logs tell it as ``"learning_rate"``.

    Parameters
    ----------
    schedule : callable
        ``schedule(epoch, learning_rate)`` or ``schedule(epoch)``, with the epoch counted from 0 and the present
        rate; returns the rate of this epoch, a float.
    verbose : {0, 1}, default 0
        1 prints every rate.

    Raises
    ------
    TypeError
        `schedule` is not callable.
    ValueError
        It returned something else than a float.

    Examples
    --------
    Constant for ten epochs, then 10 % less in each:

    >>> from mlpcore.callbacks import LearningRateScheduler
    >>> callback = LearningRateScheduler(lambda epoch, rate: rate if epoch < 10 else 0.9 * rate)
    """

    @checked
    def __init__(self, schedule: Callable[..., Any], verbose: bool | int = 0) -> None:
        super().__init__()
        self.schedule = schedule
        self.verbose = verbose
        self._takes_rate = _takes_two(schedule)

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Set the rate."""
        rate = self._rate_of(epoch)
        self.model.optimizer.learning_rate = rate
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: LearningRateScheduler setting learning rate to {rate}.")

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Tell the rate in the logs."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)

    def _rate_of(self, epoch: int) -> float:
        if self._takes_rate:
            rate = self.schedule(epoch, float(self.model.optimizer.learning_rate))
        else:
            rate = self.schedule(epoch)
        if not isinstance(rate, float | np.floating) and not (isinstance(rate, np.ndarray) and rate.ndim == 0):
            raise ValueError(f"the schedule has to return a float, got {rate!r} for epoch {epoch}")
        return float(rate)


class ReduceLROnPlateau(MonitorCallback):
    """Multiply the learning rate by `factor` when a quantity has not improved for `patience` epochs.

    The logs tell the rate as ``"learning_rate"``.

    Parameters
    ----------
    monitor : str, default "val_loss"
        Quantity of the logs to watch. If it is missing, a warning names what there is.
    factor : float in (0, 1), default 0.1
        New rate / old rate.
    patience : int, default 10
        Epochs without improvement after which the rate is reduced.
    verbose : {0, 1}, default 0
        1 tells every reduction.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto" asks the metric.
    min_delta : float, default 1e-4
        Smallest change that counts as an improvement.
    cooldown : int, default 0
        Epochs after a reduction in which `patience` does not count.
    min_lr : float, default 0
        The rate does not go below it.

    Raises
    ------
    ValueError
        A factor of 1 or more.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from mlpcore.callbacks import ReduceLROnPlateau
    >>> model = SimpleNamespace(optimizer=SimpleNamespace(learning_rate=0.5))
    >>> reduce = ReduceLROnPlateau("loss", factor=0.2, patience=1)
    >>> reduce.set_model(model)
    >>> reduce.on_train_begin()
    >>> for epoch, loss in enumerate([0.9, 0.8, 0.8]):
    ...     reduce.on_epoch_end(epoch, {"loss": loss})
    >>> model.optimizer.learning_rate
    0.1
    """

    @checked
    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: float = 10,
        verbose: bool | int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: float = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1.0:
            raise ValueError(f"ReduceLROnPlateau: factor has to be less than 1, got {factor}")
        self.factor = factor
        self.min_lr = min_lr
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.cooldown_counter: float = 0
        self.wait = 0

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget what an earlier training left."""
        self.best = None
        self.cooldown_counter = self.wait = 0

    def in_cooldown(self) -> bool:
        """Tell whether the last reduction is still too recent."""
        return self.cooldown_counter > 0

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare the quantity with the best so far."""
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = self._current(logs, "cannot reduce the learning rate")
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self._is_improvement(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience and self._reduce(epoch):
                self.cooldown_counter, self.wait = self.cooldown, 0

    def _reduce(self, epoch: int) -> bool:
        old = float(self.model.optimizer.learning_rate)
        if old <= np.float32(self.min_lr):
            return False
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        if self.verbose:
            print(f"\nEpoch {epoch + 1}: ReduceLROnPlateau reducing learning rate to {new}.")
        return True

    def get_state(self) -> dict[str, Any]:
        """Return counters and best value; the rate itself belongs to the optimizer."""
        return {"best": self.best, "wait": self.wait, "cooldown_counter": self.cooldown_counter}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from the counters and best value of an earlier run."""
        self.best, self.wait, self.cooldown_counter = state["best"], state["wait"], state["cooldown_counter"]


def _takes_two(schedule: Callable[..., Any]) -> bool:
    try:
        inspect.signature(schedule).bind(0, 0.1)
    except (TypeError, ValueError):
        return False
    return True
