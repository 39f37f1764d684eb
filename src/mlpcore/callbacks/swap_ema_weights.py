"""SwapEMAWeights: evaluates and saves with the moving averages of the weights."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore.callbacks.base import Callback, Logs


class SwapEMAWeights(Callback):
    """Put the optimizer's moving averages of the weights into the model while it is evaluated or predicts.

    Parameters
    ----------
    swap_on_epoch : bool, default False
        Whether the averages also stand in the model between epochs, from ``on_epoch_end`` on, so that callbacks
        after this one (`ModelCheckpoint`) see them. After the last epoch they stay.

    Raises
    ------
    ValueError
        The optimizer keeps no averages (told by the first swap).

    Notes
    -----
    Training always goes on from the weights themselves. If it ends with an error, they stand in the model.

    Examples
    --------
    >>> from mlpcore.callbacks import SwapEMAWeights
    >>> callback = SwapEMAWeights(swap_on_epoch=True)  # model.compile(Adam(use_ema=True), ...)
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = swap_on_epoch
        self._own: list[NDArray[Any]] | None = None  # the weights themselves, while the averages are in the model

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Take the averages out again."""
        self._take_out()

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Put the averages in, if they are to stand there between epochs."""
        if self.swap_on_epoch:
            self._put_in()

    def on_train_end(self, logs: Logs = None) -> None:
        """Leave in the model what is there."""
        self._own = None

    def on_test_begin(self, logs: Logs = None) -> None:
        """Put the averages in."""
        self._put_in()

    def on_test_end(self, logs: Logs = None) -> None:
        """Take the averages out again."""
        self._take_out()

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Put the averages in."""
        self._put_in()

    def on_predict_end(self, logs: Logs = None) -> None:
        """Take the averages out again."""
        self._take_out()

    def get_state(self) -> dict[str, Any]:
        """Return the weights themselves, if the averages stand in the model."""
        return {"own": self._own}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on as the earlier run was."""
        own = state["own"]
        self._own = None if own is None else list(own)

    def _close(self) -> None:
        self._take_out()  # nothing to do after a training that ended in order

    def _put_in(self) -> None:
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise ValueError(f"SwapEMAWeights needs an optimizer with use_ema=True, got {optimizer!r}")
        averages = self.model._session.averages() if self._own is None else None
        if averages is not None:
            variables = self.model.trainable_variables
            self._own = [np.array(variable.numpy()) for variable in variables]
            for variable, average in zip(variables, averages, strict=True):
                variable.assign(average)

    def _take_out(self) -> None:
        if self._own is not None:
            for variable, value in zip(self.model.trainable_variables, self._own, strict=True):
                variable.assign(value)
            self._own = None
