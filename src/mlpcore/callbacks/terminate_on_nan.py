"""TerminateOnNaN: ends training when the loss is no longer a finite number."""

from __future__ import annotations

import math

from mlpcore.callbacks.base import Callback, Logs


class TerminateOnNaN(Callback):
    """Stop training after the first batch whose loss is NaN or infinite.

    Parameters
    ----------
    raise_error : bool, default False
        Whether to raise RuntimeError instead of ending training in order.

    Notes
    -----
    It looks at every batch, so training runs batch by batch.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from mlpcore.callbacks import TerminateOnNaN
    >>> model, callback = SimpleNamespace(stop_training=False), TerminateOnNaN()
    >>> callback.set_model(model)
    >>> callback.on_train_batch_end(7, {"loss": float("nan")})
    Batch 7: Invalid loss, terminating training
    >>> model.stop_training
    True
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = raise_error

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Look at the loss."""
        loss = (logs or {}).get("loss")
        if loss is None or math.isfinite(loss):
            return
        if self.raise_error:
            raise RuntimeError(f"the loss is {loss} after batch {batch} (counted from 0): training ends")
        print(f"Batch {batch}: Invalid loss, terminating training")
        self.model.stop_training = True
