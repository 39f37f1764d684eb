"""SwapEMAWeights: evaluates and saves with the moving averages of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlpcore.callbacks.base import Callback, Logs


class SwapEMAWeights(Callback):
    """Put the optimizer's moving averages into the model while it is evaluated or predicts.

    Parameters
    ----------
    swap_on_epoch : bool, default False
        Whether the averages also stand in the model between epochs, from ``on_epoch_end`` on, so that callbacks
        after this one (`ModelCheckpoint`) see them.

    Raises
    ------
    ValueError
        The optimizer keeps no averages (told by the first swap).

    Examples
    --------
    >>> from mlpcore.callbacks import SwapEMAWeights
    >>> callback = SwapEMAWeights(swap_on_epoch=True)  # model.compile(Adam(use_ema=True), ...)
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._averages_in_model = False

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Take the averages out again."""
        if self.swap_on_epoch:
            self._swap(False)

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Put the averages in; after the last epoch they stay."""
        if self.swap_on_epoch and not self._averages_in_model:
            self._swap(True)
            if epoch == (self.params or {}).get("epochs", 0) - 1:
                for weight, average in self._pairs():
                    average.assign(_value(weight))

    def on_test_begin(self, logs: Logs = None) -> None:
        """Put the averages in."""
        self._swap(True)

    def on_test_end(self, logs: Logs = None) -> None:
        """Take the averages out again."""
        self._swap(False)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Put the averages in."""
        self._swap(True)

    def on_predict_end(self, logs: Logs = None) -> None:
        """Take the averages out again."""
        self._swap(False)

    def get_state(self) -> dict[str, Any]:
        """Return whether the averages stand in the model."""
        return {"averages_in_model": self._averages_in_model}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on as the earlier run was."""
        self._averages_in_model = state["averages_in_model"]

    def _swap(self, averages: bool) -> None:
        """Exchange weights and averages, unless the model holds what is wanted."""
        if averages == self._averages_in_model:
            return
        for weight, average in self._pairs():
            value = np.array(_value(weight))
            weight.assign(_value(average))
            average.assign(value)
        self._averages_in_model = averages

    def _pairs(self) -> list[tuple[Any, Any]]:
        optimizer = self.model.optimizer
        averages = getattr(optimizer, "_model_variables_moving_average", None)
        if not getattr(optimizer, "use_ema", False) or averages is None:
            raise ValueError("SwapEMAWeights needs an optimizer with use_ema=True, got use_ema=False")
        return list(zip(self.model.trainable_variables, averages, strict=True))


def _value(variable: Any) -> np.ndarray[Any, Any]:
    return np.asarray(variable.numpy())
