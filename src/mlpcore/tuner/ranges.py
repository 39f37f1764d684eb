"""Ranges of numbers as hyperparameters: Int and Float."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real
from typing import TYPE_CHECKING, Any

from mlpcore._validation import check_hint, suggest
from mlpcore.tuner.parameters import Condition, HyperParameter, Value

if TYPE_CHECKING:
    from optuna.trial import Trial

_SAMPLINGS = ("linear", "log", "reverse_log")
_POINTS_ON_GRID = 10  # of a range without a step, as KerasTuner 1.4 does


class _Range(HyperParameter):
    """Numbers from `min_value` to `max_value`, both included."""

    def __init__(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = "linear",
        default: float | None = None,
        conditions: Sequence[Condition] = (),
    ) -> None:
        super().__init__(name, default, conditions)
        check_hint(f"{type(self).__name__} {name!r}: default", default, "float | None")
        check_hint(f"{type(self).__name__} {name!r}: sampling", sampling, "str | None")
        self.min_value, self.max_value, self.step = min_value, max_value, step
        self.sampling = (sampling or "linear").lower()
        what = f"{type(self).__name__} {name!r}"
        if min_value > max_value:
            raise ValueError(f"{what}: min_value {min_value} is greater than max_value {max_value}.")
        if self.sampling not in _SAMPLINGS:
            raise ValueError(
                f"{what}: sampling must be one of {list(_SAMPLINGS)}, got {sampling!r}"
                f"{suggest(self.sampling, _SAMPLINGS)}"
            )
        if self.sampling != "linear" and min_value <= 0:
            raise ValueError(f"{what}: sampling={self.sampling!r} needs a positive min_value, got {min_value}.")
        if step is not None and step <= (0 if self.sampling == "linear" else 1):
            bound = "a positive step" if self.sampling == "linear" else "a step (a factor) greater than 1"
            raise ValueError(f"{what}: sampling={self.sampling!r} needs {bound}, got {step}.")

    @property
    def default(self) -> Value:
        """The default given, else the smallest value."""
        return self.min_value if self._default is None else self._default

    def grid(self) -> list[Value]:
        """Return every value that a step allows; without a step, ten values evenly spread on the sampling's scale."""
        if self.step is not None:
            return [self._stepped(index) for index in range(self._n_steps())]
        spread = [self._at((point + 0.5) / _POINTS_ON_GRID) for point in range(_POINTS_ON_GRID)]
        return sorted(set(spread))

    def sample(self, trial: Trial) -> Value:
        """Ask for a number; for what studies do not know, for a position on the scale."""
        if self.sampling != "linear" and self.step is not None:
            return self._stepped(trial.suggest_int(f"{self.key} (index)", 0, self._n_steps() - 1))
        if self.sampling == "reverse_log":
            return self._at(trial.suggest_float(f"{self.key} (position)", 0.0, 1.0))
        return self._sample_native(trial)

    def _sample_native(self, trial: Trial) -> Value:
        raise NotImplementedError

    def _n_steps(self) -> int:
        assert self.step is not None
        if self.sampling == "linear":
            return int((self.max_value - self.min_value) / self.step + 1e-8) + 1
        return int(math.log(self.max_value / self.min_value, self.step) + 1e-8) + 1

    def _stepped(self, index: int) -> Value:
        assert self.step is not None
        if self.sampling == "linear":
            return self._number(self.min_value + index * self.step)
        grown = self.min_value * self.step**index
        return self._number(grown if self.sampling == "log" else self.max_value + self.min_value - grown)

    def _at(self, position: float) -> Value:
        """Return the number at a position in [0, 1] of the sampling's scale."""
        low, high = self.min_value, self.max_value
        if self.sampling == "linear":
            return self._number(low + position * (high - low))
        if self.sampling == "log":
            return self._number(low * (high / low) ** position)
        return self._number(high + low - low * (high / low) ** (1 - position))

    def _number(self, value: float) -> Any:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        own = {name: getattr(self, name) for name in ("min_value", "max_value", "step", "sampling")}
        return {**super().get_config(), **own}


class Int(_Range):
    """An integer from `min_value` to `max_value`, both included.

    Parameters
    ----------
    name : str
    min_value, max_value : int
    step : int or None, default=None
        Distance between two values (None: 1), or for "log" and "reverse_log" their ratio.
    sampling : {"linear", "log", "reverse_log"}, default="linear"
        Where values are dense: evenly, near `min_value`, near `max_value`.
    default : int or None, default=None
        None: `min_value`.
    conditions : sequence of Condition
    """

    def __init__(self, name: str, min_value: int, max_value: int, step: int | None = None, **options: Any) -> None:
        given: dict[str, Any] = {"min_value": min_value, "max_value": max_value, "step": step}
        for what, value in given.items():
            is_integer = isinstance(value, Real) and math.isfinite(value) and value % 1 == 0
            if not is_integer and (value is not None or what != "step"):
                raise ValueError(f"Int {name!r}: {what} must be an integer, got {value!r}.")
        if step is None and (options.get("sampling") or "linear") == "linear":
            step = 1
        super().__init__(name, int(min_value), int(max_value), None if step is None else int(step), **options)

    def _number(self, value: float) -> int:
        return min(max(round(value), int(self.min_value)), int(self.max_value))

    def _sample_native(self, trial: Trial) -> int:
        low, step = int(self.min_value), int(self.step or 1)
        if self.sampling == "log":
            return trial.suggest_int(self.key, low, int(self.max_value), log=True)
        high = low + (int(self.max_value) - low) // step * step
        return trial.suggest_int(self.key, low, high, step=step)


class Float(_Range):
    """A number from `min_value` to `max_value`, both included.

    Parameters
    ----------
    name : str
    min_value, max_value : float
    step : float or None, default=None
        Distance between two values, or for "log" and "reverse_log" their ratio.
    sampling : {"linear", "log", "reverse_log"}, default="linear"
        Where values are dense: evenly, near `min_value`, near `max_value`.
    default : float or None, default=None
        None: `min_value`.
    conditions : sequence of Condition
    """

    def __init__(
        self, name: str, min_value: float, max_value: float, step: float | None = None, **options: Any
    ) -> None:
        for what, value in (("min_value", min_value), ("max_value", max_value)):
            check_hint(f"Float {name!r}: {what}", value, "float")
        check_hint(f"Float {name!r}: step", step, "float | None")
        step = None if step is None else float(step)
        super().__init__(name, float(min_value), float(max_value), step, **options)

    def _number(self, value: float) -> float:
        rounded = float(f"{value:.12g}")  # 0.1 * 3 is 0.3
        return min(max(rounded, self.min_value), self.max_value)

    def _sample_native(self, trial: Trial) -> float:
        if self.step is None:
            return trial.suggest_float(self.key, self.min_value, self.max_value, log=self.sampling == "log")
        high = self._stepped(self._n_steps() - 1)
        return self._number(trial.suggest_float(self.key, self.min_value, high, step=self.step))
