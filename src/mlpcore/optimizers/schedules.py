"""Learning-rate schedules: the rate of each optimizer step, for one step or for an array of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry

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

    name: str

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


class _Formula(LearningRateSchedule):
    """A built-in schedule: a dataclass of its arguments with a formula on arrays of steps."""

    _positive: ClassVar[tuple[str, ...]] = ("decay_steps", "first_decay_steps", "total_steps")

    def __post_init__(self) -> None:
        for name in self._positive:
            if not getattr(self, name, 1) > 0:
                raise ValueError(f"{name} must be > 0, got {getattr(self, name)!r}")

    def __call__(self, step: Any) -> Any:
        steps = np.asarray(step, np.float64)
        rates = self._at(steps.reshape(-1))  # NumPy's power of a single number has other last bits
        return rates.reshape(steps.shape) if steps.ndim else float(rates[0])

    def rates(self, first_step: int, n_steps: int) -> Rates:
        return self._at(np.arange(first_step, first_step + n_steps, dtype=np.float64))

    def _at(self, step: Rates) -> Rates:  # (n,) -> (n,)
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in fields(self)}  # type: ignore[arg-type]


@_registry.built_in("schedules")
@dataclass(eq=False)
class ExponentialDecay(_Formula):
    """rate = initial_learning_rate * decay_rate ** (step / decay_steps).

    Parameters
    ----------
    initial_learning_rate : float
        Rate of step 0.
    decay_steps : int
        Steps in which the rate is multiplied by `decay_rate` once, > 0.
    decay_rate : float
        The factor.
    staircase : bool, default False
        Round step / decay_steps down: the rate stays for `decay_steps` steps.
    name : str, default "ExponentialDecay"

    Examples
    --------
    >>> ExponentialDecay(0.1, 1000, 0.5)([0, 1000, 2000])
    array([0.1  , 0.05 , 0.025])
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False
    name: str = "ExponentialDecay"

    def _at(self, step: Rates) -> Rates:
        decays = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (np.floor(decays) if self.staircase else decays)


@_registry.built_in("schedules")
@dataclass(eq=False)
class InverseTimeDecay(_Formula):
    """rate = initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Parameters
    ----------
    initial_learning_rate : float
        Rate of step 0.
    decay_steps : int
        Unit of the steps, > 0.
    decay_rate : float
        With 1 the rate has halved after `decay_steps` steps.
    staircase : bool, default False
        Round step / decay_steps down.
    name : str, default "InverseTimeDecay"

    Examples
    --------
    >>> InverseTimeDecay(0.1, 100, 1.0)(100)
    0.05
    """

    initial_learning_rate: float
    decay_steps: int
    decay_rate: float
    staircase: bool = False
    name: str = "InverseTimeDecay"

    def _at(self, step: Rates) -> Rates:
        decays = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (np.floor(decays) if self.staircase else decays))


@_registry.built_in("schedules")
@dataclass(eq=False)
class PiecewiseConstantDecay(_Formula):
    """rate = values[i] where boundaries[i - 1] < step <= boundaries[i].

    Parameters
    ----------
    boundaries : sequence of int
        The last step of each value but the last, increasing.
    values : sequence of float
        One more than there are boundaries.
    name : str, default "PiecewiseConstant"

    Examples
    --------
    >>> PiecewiseConstantDecay([100, 200], [0.1, 0.01, 0.001])([0, 100, 101, 500])
    array([0.1  , 0.1  , 0.01 , 0.001])
    """

    boundaries: Sequence[float]
    values: Sequence[float]
    name: str = "PiecewiseConstant"

    def __post_init__(self) -> None:
        if len(self.boundaries) != len(self.values) - 1:
            raise ValueError(
                f"expected one boundary less than values, got {len(self.boundaries)} and {len(self.values)}"
            )
        if list(self.boundaries) != sorted(self.boundaries):
            raise ValueError(f"boundaries must increase, got {self.boundaries!r}")

    def _at(self, step: Rates) -> Rates:
        return np.asarray(self.values, np.float64)[np.searchsorted(self.boundaries, step, side="left")]


@_registry.built_in("schedules")
@dataclass(eq=False)
class PolynomialDecay(_Formula):
    """rate = (initial - end) * (1 - step / decay_steps) ** power + end, and `end` after `decay_steps` steps.

    Parameters
    ----------
    initial_learning_rate : float
        Rate of step 0.
    decay_steps : int
        Steps until `end_learning_rate`, > 0.
    end_learning_rate : float, default 0.0001
        The last rate.
    power : float, default 1.0
        1: a straight line.
    cycle : bool, default False
        Start anew after `decay_steps`, each time with as many more steps.
    name : str, default "PolynomialDecay"

    Examples
    --------
    >>> PolynomialDecay(0.1, 100, 0.0)([0, 50, 200])
    array([0.1 , 0.05, 0.  ])
    """

    initial_learning_rate: float
    decay_steps: int
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str = "PolynomialDecay"

    def _at(self, step: Rates) -> Rates:
        length: Any = self.decay_steps
        if self.cycle:
            length = length * np.maximum(np.ceil(step / self.decay_steps), 1)
        left = 1 - np.minimum(step, length) / length
        rates: Rates = (self.initial_learning_rate - self.end_learning_rate) * left**self.power
        return rates + self.end_learning_rate


@_registry.built_in("schedules")
@dataclass(eq=False)
class CosineDecay(_Formula):
    """rate = initial * (alpha + (1 - alpha) * (1 + cos(pi * step / decay_steps)) / 2), with a warm-up before it.

    With a `warmup_target` the rate first goes from `initial_learning_rate` to it along a straight line in
    `warmup_steps` steps; the cosine starts there and from it.

    Parameters
    ----------
    initial_learning_rate : float
        Rate of step 0.
    decay_steps : int
        Steps of the cosine, > 0.
    alpha : float, default 0.0
        Last rate, as a part of the rate at the cosine's start.
    name : str, default "CosineDecay"
    warmup_target : float, optional
        Rate at the end of the warm-up; None: no warm-up.
    warmup_steps : int, default 0
        Steps of the warm-up.

    References
    ----------
    Loshchilov and Hutter 2017, SGDR: stochastic gradient descent with warm restarts, equation 5.

    Examples
    --------
    >>> CosineDecay(0.0, 100, warmup_target=0.1, warmup_steps=10)([0, 5, 10, 60, 110]).round(6)
    array([0.  , 0.05, 0.1 , 0.05, 0.  ])
    """

    initial_learning_rate: float
    decay_steps: int
    alpha: float = 0.0
    name: str = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: int = 0

    def _at(self, step: Rates) -> Rates:
        if self.warmup_target is None:
            return self._decayed(step, self.initial_learning_rate)
        rise = (self.warmup_target - self.initial_learning_rate) / max(self.warmup_steps, 1)
        return np.where(
            step < self.warmup_steps,
            self.initial_learning_rate + rise * step,
            self._decayed(step - self.warmup_steps, self.warmup_target),
        )

    def _decayed(self, step: Rates, start: float) -> Rates:
        half_wave = 0.5 * (1 + np.cos(np.pi * np.minimum(step, self.decay_steps) / self.decay_steps))
        return start * ((1 - self.alpha) * half_wave + self.alpha)


@_registry.built_in("schedules")
@dataclass(eq=False)
class CosineDecayRestarts(_Formula):
    """A cosine to alpha * initial that starts anew: each period is `t_mul` times as long and `m_mul` times as high.

    Parameters
    ----------
    initial_learning_rate : float
        Rate of step 0.
    first_decay_steps : int
        Steps of the first period, > 0.
    t_mul : float, default 2.0
        Length of a period, as a multiple of the one before, >= 1.
    m_mul : float, default 1.0
        Height of a period, as a multiple of the one before.
    alpha : float, default 0.0
        Lowest rate, as a part of `initial_learning_rate`.
    name : str, default "SGDRDecay"

    References
    ----------
    Loshchilov and Hutter 2017, SGDR: stochastic gradient descent with warm restarts.

    Examples
    --------
    >>> CosineDecayRestarts(0.1, 10, m_mul=0.5)([0, 5, 10, 20, 30]).round(6)
    array([0.1  , 0.05 , 0.05 , 0.025, 0.025])
    """

    initial_learning_rate: float
    first_decay_steps: int
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str = "SGDRDecay"

    def _at(self, step: Rates) -> Rates:
        done = step / self.first_decay_steps
        if self.t_mul == 1:
            period = np.floor(done)
            done = done - period
        else:
            period = np.floor(np.log(1 - done * (1 - self.t_mul)) / np.log(self.t_mul) + 1e-12)  # a restart is exact
            done = (done - (1 - self.t_mul**period) / (1 - self.t_mul)) / self.t_mul**period
        half_wave: Rates = 0.5 * self.m_mul**period * (1 + np.cos(np.pi * done))
        return self.initial_learning_rate * ((1 - self.alpha) * half_wave + self.alpha)


@_registry.built_in("schedules")
@dataclass(eq=False)
class OneCycle(_Formula):
    """Up to `max_learning_rate` and down again, once: 1cycle, along two half cosines.

    With u = total_steps * warmup_fraction, the rate goes from max / div_factor at step 0 to max at step u, and then to
    max / div_factor / final_div_factor at step total_steps, where it stays. (PyTorch's ``OneCycleLR`` reaches its
    last rate one step earlier.)

    Parameters
    ----------
    max_learning_rate : float
        The highest rate.
    total_steps : int
        Steps of the whole cycle, > 0: usually epochs * batches per epoch.
    warmup_fraction : float in (0, 1), default 0.3
        The part of the steps in which the rate grows.
    div_factor : float, default 25.0
        The highest rate divided by the first one.
    final_div_factor : float, default 1e4
        The first rate divided by the last one.
    name : str, default "OneCycle"

    References
    ----------
    Smith and Topin 2018, Super-convergence: very fast training of neural networks using large learning rates.

    Examples
    --------
    >>> OneCycle(0.1, 100)([0, 15, 30, 65, 100]).round(6)
    array([0.004, 0.052, 0.1  , 0.05 , 0.   ])
    """

    max_learning_rate: float
    total_steps: int
    warmup_fraction: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    name: str = "OneCycle"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.warmup_fraction < 1:
            raise ValueError(f"warmup_fraction must be between 0 and 1, got {self.warmup_fraction!r}")

    def _at(self, step: Rates) -> Rates:
        top, first = self.max_learning_rate, self.max_learning_rate / self.div_factor
        last, peak = first / self.final_div_factor, self.total_steps * self.warmup_fraction
        up = np.minimum(step / peak, 1)
        down = np.clip((step - peak) / (self.total_steps - peak), 0, 1)
        rising = first + (top - first) * 0.5 * (1 - np.cos(np.pi * up))
        return np.where(step < peak, rising, last + (top - last) * 0.5 * (1 + np.cos(np.pi * down)))


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return a schedule as plain JSON data."""
    return dict(_registry.serialize_object(learning_rate_schedule))


def deserialize(config: Mapping[str, Any] | str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the schedule that `serialize` described."""
    return _registry.deserialize(config, custom_objects, "schedules")
