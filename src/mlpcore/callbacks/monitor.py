"""MonitorCallback: what callbacks share that watch a quantity for improvement."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

from mlpcore._validation import suggest
from mlpcore.callbacks.base import Callback, Logs

_MODES = ("auto", "min", "max")
_UP = "acc accuracy auc precision recall f1 fbeta f_beta r2 iou similarity sensitivity".split()
_DOWN = "loss error mse mae mape msle rmse crossentropy divergence hinge poisson log_cosh".split()


class MonitorCallback(Callback):
    """Watches one quantity of the logs; base of `EarlyStopping`, `ModelCheckpoint` and `ReduceLROnPlateau`.

    Parameters
    ----------
    monitor : str, default "val_loss"
        The quantity's name in the logs: ``"loss"`` or a metric's name, with ``val_`` before it for validation data.
    mode : {"auto", "min", "max"}, default "auto"
        Whether less or more is better. "auto" asks the model's metric of that name, then goes by the name.
    baseline : float, optional
        What the first value has to beat.
    min_delta : float, default 0
        Smallest change that counts as an improvement.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None, min_delta: float = 0
    ) -> None:
        super().__init__()
        if mode not in _MODES:
            warnings.warn(f"{type(self).__name__}: unknown mode {mode!r}, 'auto' is used", stacklevel=4)
            mode = "auto"
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(min_delta)
        self._sign: int | None = None  # 1: more is better, -1: less is; None: not known yet

    def _current(self, logs: Logs, consequence: str) -> Any:
        """Return the monitored value; without one warn of the consequence and return None."""
        value = (logs or {}).get(self.monitor)
        if value is None:
            names = list(logs or {})
            warnings.warn(
                f"{type(self).__name__} {consequence}: the monitored {self.monitor!r} is not available"
                f"{self._reason(names)} Available: {', '.join(names) or 'nothing'}",
                stacklevel=3,
            )
        elif self._sign is None:
            self._sign = self._direction()
        return value

    def _reason(self, names: list[str]) -> str:
        if self.monitor.startswith("val_") and not any(name.startswith("val_") for name in names):
            return " without validation data (validation_data or validation_split of fit)."
        return suggest(self.monitor, names) or "."

    def _is_improvement(self, value: Any, reference: float | None) -> bool:
        if reference is None or math.isnan(reference):
            return True
        if self._sign is None:
            self._sign = self._direction()
        if self._sign > 0:
            return bool(value - self.min_delta > reference)
        return bool(value + self.min_delta < reference)

    def _direction(self) -> int:
        if self.mode != "auto":
            return 1 if self.mode == "max" else -1
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return -1
        for metric in _flat_metrics(getattr(self._model, "metrics", None)):
            own = getattr(metric, "name", None)
            way = getattr(metric, "_direction", None)
            if way is not None and own and (name == own or name.endswith(f"_{own}")):
                return 1 if way == "up" else -1
        lower = name.lower()
        for sign, words in ((-1, _DOWN), (1, _UP)):
            if any(lower == word or lower.endswith(f"_{word}") for word in words):
                return sign
        down, up = (any(word in lower for word in words) for words in (_DOWN, _UP))
        if down != up:
            return 1 if up else -1
        raise ValueError(
            f"{type(self).__name__} cannot tell whether more or less of {self.monitor!r} is better: "
            "pass mode='max' or mode='min'"
        )


def _flat_metrics(metrics: Any) -> Iterable[Any]:
    for metric in metrics or ():
        inner = getattr(metric, "metrics", None)
        if isinstance(inner, list | tuple):
            yield from _flat_metrics(inner)
        else:
            yield metric
