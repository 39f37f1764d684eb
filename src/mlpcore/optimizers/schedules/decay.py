"""Rates that fall: exponentially, as the inverse of time, in steps, as a polynomial."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpcore import _registry
from mlpcore._validation import numbers
from mlpcore.optimizers.schedules.base import Formula, Rates


@_registry.built_in("schedules")
@dataclass(eq=False)
class ExponentialDecay(Formula):
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
    decay_steps: float
    decay_rate: float
    staircase: bool = False
    name: str | None = "ExponentialDecay"

    def _at(self, step: Rates) -> Rates:
        decays = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (np.floor(decays) if self.staircase else decays)


@_registry.built_in("schedules")
@dataclass(eq=False)
class InverseTimeDecay(Formula):
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
    decay_steps: float
    decay_rate: float
    staircase: bool = False
    name: str | None = "InverseTimeDecay"

    def _at(self, step: Rates) -> Rates:
        decays = step / self.decay_steps
        return self.initial_learning_rate / (1 + self.decay_rate * (np.floor(decays) if self.staircase else decays))


@_registry.built_in("schedules")
@dataclass(eq=False)
class PiecewiseConstantDecay(Formula):
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
    name: str | None = "PiecewiseConstant"

    def __post_init__(self) -> None:
        super().__post_init__()
        boundaries, values = numbers("boundaries", self.boundaries), numbers("values", self.values)
        if len(boundaries) != len(values) - 1:
            raise ValueError(f"expected one boundary less than values, got {len(boundaries)} and {len(values)}")
        if boundaries != sorted(boundaries):
            raise ValueError(f"boundaries must increase, got {self.boundaries!r}")

    def _at(self, step: Rates) -> Rates:
        return np.array(numbers("values", self.values))[np.searchsorted(self.boundaries, step, side="left")]


@_registry.built_in("schedules")
@dataclass(eq=False)
class PolynomialDecay(Formula):
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
    decay_steps: float
    end_learning_rate: float = 0.0001
    power: float = 1.0
    cycle: bool = False
    name: str | None = "PolynomialDecay"

    def _at(self, step: Rates) -> Rates:
        length: Any = self.decay_steps
        if self.cycle:
            length = length * np.maximum(np.ceil(step / self.decay_steps), 1)
        left = 1 - np.minimum(step, length) / length
        rates: Rates = (self.initial_learning_rate - self.end_learning_rate) * left**self.power
        return rates + self.end_learning_rate
