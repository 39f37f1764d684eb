"""Rates along half cosines: once, with a warm-up or with restarts, and up and down."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mlpcore import _registry
from mlpcore.optimizers.schedules.base import Formula, Rates


@_registry.built_in("schedules")
@dataclass(eq=False)
class CosineDecay(Formula):
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
    decay_steps: float
    alpha: float = 0.0
    name: str | None = "CosineDecay"
    warmup_target: float | None = None
    warmup_steps: float = 0

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
class CosineDecayRestarts(Formula):
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
    first_decay_steps: float
    t_mul: float = 2.0
    m_mul: float = 1.0
    alpha: float = 0.0
    name: str | None = "SGDRDecay"

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
class OneCycle(Formula):
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
    total_steps: float
    warmup_fraction: float = 0.3
    div_factor: float = 25.0
    final_div_factor: float = 1e4
    name: str | None = "OneCycle"

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
