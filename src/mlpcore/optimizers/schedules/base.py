"""What all learning-rate schedules share: a rate for each step, for arrays of steps, and the way to a config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry
from mlpcore._validation import check_hint

Rates = NDArray[np.float64]


class LearningRateSchedule:
    """A learning rate as a function of the step: subclass it and write `__call__`.

    The built-in schedules take a step or an array of steps. Yours may take single steps alone: `rates` then asks for
    one after the other.

    Examples
    --------
    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 * 0.5 ** (step // 100)
    >>> Halving().rates(99, 3)
    array([0.1 , 0.05, 0.05])
    """

    name: str | None

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        _registry.note_class(cls)

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of optimizer step `step` (0, 1, ...).

        Parameters
        ----------
        step : int or array-like of any shape
            Number of steps that were done before.

        Returns
        -------
        float or ndarray of the shape of `step`
        """
        raise NotImplementedError(f"{type(self).__name__} has no __call__(self, step)")

    def rates(self, first_step: int, n_steps: int) -> Rates:
        """Return the rates of steps first_step, ..., first_step + n_steps - 1.

        Returns
        -------
        ndarray of float64 (n_steps,)
        """
        return np.array([float(self(step)) for step in range(first_step, first_step + n_steps)], np.float64)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        raise NotImplementedError(f"{type(self).__name__} has no get_config(), so it cannot be saved")

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> LearningRateSchedule:
        """Return the schedule that `get_config` described."""
        return cls(**config)


class Formula(LearningRateSchedule):
    """A built-in schedule: a dataclass of its arguments with a formula on arrays of steps."""

    _positive: ClassVar[tuple[str, ...]] = ("decay_steps", "first_decay_steps", "total_steps")

    def __post_init__(self) -> None:
        for field in fields(self):  # type: ignore[arg-type] # a dataclass
            check_hint(field.name, getattr(self, field.name), str(field.type))
        for name in self._positive:
            if not getattr(self, name, 1) > 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)!r}")

    def __call__(self, step: Any) -> Any:
        """Return the learning rate of a step, or of each of an array of steps."""
        steps = np.asarray(step, np.float64)
        rates = self._at(steps.reshape(-1))  # NumPy's power of a single number has other last bits
        return rates.reshape(steps.shape) if steps.ndim else float(rates[0])

    def rates(self, first_step: int, n_steps: int) -> Rates:
        """Return the rates of consecutive steps."""
        return self._at(np.arange(first_step, first_step + n_steps, dtype=np.float64))

    def _at(self, step: Rates) -> Rates:  # (n,) -> (n,)
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        return {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]
