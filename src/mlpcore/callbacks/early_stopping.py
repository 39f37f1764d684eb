"""EarlyStopping: ends training when a quantity no longer improves."""

from __future__ import annotations

from typing import Any

from mlpcore._validation import checked
from mlpcore.callbacks.base import Logs
from mlpcore.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Stop training when a quantity has not improved for `patience` epochs.

    Parameters
    ----------
    monitor : str, default "val_loss"
        Quantity of the logs to watch. If it is missing, a warning names what there is and training goes on.
    min_delta : float, default 0
        Smallest change that counts as an improvement.
    patience : int, default 0
        Epochs without improvement after which training stops. The very first epoch never stops it.
    verbose : {0, 1}, default 0
        1 tells when training stops and which weights are restored.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better; "auto" asks the metric.
    baseline : float, optional
        Value to beat: while the quantity stays behind it, an improvement does not restart the patience.
    restore_best_weights : bool, default False
        Whether the model ends with the weights of its best epoch, also if training was not stopped.
    start_from_epoch : int, default 0
        Epochs that are not watched at the beginning.

    Attributes
    ----------
    best : float or None
        Best value so far.
    best_epoch : int
        Its epoch, from 0.
    wait : int
        Epochs since.
    stopped_epoch : int
        Epoch that stopped training, from 0; 0 if none did.

    Examples
    --------
    >>> from mlpcore.callbacks import EarlyStopping
    >>> class Model:
    ...     stop_training = False
    >>> model, stopping = Model(), EarlyStopping("loss", patience=2)
    >>> stopping.set_model(model)
    >>> stopping.on_train_begin()
    >>> for epoch, loss in enumerate([0.9, 0.7, 0.8, 0.75]):
    ...     stopping.on_epoch_end(epoch, {"loss": loss})
    >>> model.stop_training, stopping.best_epoch, stopping.best
    (True, 1, 0.7)
    """

    @checked
    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: float = 0,
        verbose: bool | int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: float = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best_weights: list[Any] | None = None

    def on_train_begin(self, logs: Logs = None) -> None:
        """Forget what an earlier training left."""
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Compare the quantity with the best so far."""
        current = self._current(logs, "cannot stop training")
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        better = self._is_improvement(current, self.best)
        if self.restore_best_weights and (better or self.best_weights is None):
            self.best_weights = self.model.get_weights()
            self.best_epoch = epoch
        if better:
            self.best, self.best_epoch = current, epoch
            if self.baseline is None or self._is_improvement(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs = None) -> None:
        """Restore the best weights if asked to."""
        if self.stopped_epoch > 0 and self.verbose:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring model weights from the end of the best epoch: {self.best_epoch + 1}.")
            self.model.set_weights(self.best_weights)

    def get_state(self) -> dict[str, Any]:
        """Return counters, best value and, if they are to be restored, best weights."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "wait": self.wait,
            "stopped_epoch": self.stopped_epoch,
            "best_weights": self.best_weights,
        }

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from the counters and best values of an earlier run."""
        self.best, self.best_epoch = state["best"], state["best_epoch"]
        self.wait, self.stopped_epoch = state["wait"], state["stopped_epoch"]
        weights = state["best_weights"]
        self.best_weights = None if weights is None else list(weights)
