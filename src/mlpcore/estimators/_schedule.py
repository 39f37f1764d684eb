"""Learning-rate rules: each holds the current rate, gives those of an epoch's batches and says what a plateau means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RULES = ("constant", "invscaling", "adaptive", "reduce_on_plateau", "cosine", "exponential", "one_cycle")
_RISE = 0.3  # of one_cycle's epochs


class Constant:
    """The rate never changes but for the warm-up; a plateau ends the training.

    Parameters
    ----------
    initial : float
        Rate after the warm-up.
    n_warmup : float, default=0
        Epochs in which the rates grow from 0.
    """

    def __init__(self, initial: float, n_warmup: float = 0) -> None:
        self.rate = float(initial)
        self.n_warmup = n_warmup
        self.n_epochs = 0

    def rates(self, n_batches: int) -> NDArray[np.float64] | None:
        """Return the rate of each batch (n_batches,) of the coming epoch, or None if all are `rate`."""
        rates = self._curve(n_batches)
        if self.n_epochs >= self.n_warmup:
            return rates
        done = self.n_epochs + np.arange(1, n_batches + 1) / n_batches
        return (self.rate if rates is None else rates) * np.minimum(1.0, done / self.n_warmup)

    @property
    def is_rising(self) -> bool:
        """Whether the rates of this epoch grow; then a loss that hardly falls is no plateau."""
        return self.n_epochs < self.n_warmup

    def _curve(self, n_batches: int) -> NDArray[np.float64] | None:
        return None

    def after_epoch(self, samples_seen: int) -> None:
        """Set the rate of the next epoch."""
        self.n_epochs += 1

    def on_plateau(self) -> tuple[bool, str]:
        """Return whether to stop, and the words for it."""
        return True, "Stopping."


class InverseScaling(Constant):
    """rate = initial / (samples_seen + 1) ** power, from the second epoch on."""

    def __init__(self, initial: float, power: float, n_warmup: float = 0) -> None:
        super().__init__(initial, n_warmup)
        self.initial = float(initial)
        self.power = power

    def after_epoch(self, samples_seen: int) -> None:
        """Set the rate of the next epoch."""
        super().after_epoch(samples_seen)
        self.rate = self.initial / (samples_seen + 1) ** self.power


class Adaptive(Constant):
    """A plateau divides the rate by 5, and ends the training once the rate is at most `final`."""

    def __init__(self, initial: float, final: float = 1e-6, n_warmup: float = 0) -> None:
        super().__init__(initial, n_warmup)
        self.final = final

    def on_plateau(self) -> tuple[bool, str]:
        """Return whether to stop, and the words for it."""
        if self.rate <= self.final:
            return True, "Learning rate too small. Stopping."
        self.rate /= 5.0
        return False, f"Setting learning rate to {self.rate:f}"


class Curve(Constant):
    """The rate follows a curve over `max_epochs`, batch by batch, and stays at `final`."""

    def __init__(self, shape: str, initial: float, final: float, max_epochs: int, n_warmup: float = 0) -> None:
        super().__init__(initial, n_warmup)
        self.shape, self.initial, self.final, self.max_epochs = shape, float(initial), final, max_epochs
        self.rate = float(self._at(np.zeros(1))[0])

    @property
    def is_rising(self) -> bool:
        """Whether the rates of this epoch grow."""
        return super().is_rising or (self.shape == "one_cycle" and self.n_epochs < _RISE * self.max_epochs)

    def _curve(self, n_batches: int) -> NDArray[np.float64]:
        return self._at(self.n_epochs + np.arange(n_batches) / n_batches)

    def after_epoch(self, samples_seen: int) -> None:
        """Set the rate of the next epoch."""
        super().after_epoch(samples_seen)
        self.rate = float(self._at(np.array([self.n_epochs]))[0])

    def _at(self, epochs: NDArray[np.float64]) -> NDArray[np.float64]:
        progress = np.minimum(1.0, epochs / self.max_epochs)
        if self.shape == "cosine":
            return _half_cosine(self.initial, self.final, progress)
        if self.shape == "exponential":
            return np.asarray(self.initial * (self.final / self.initial) ** progress)
        # one_cycle, after L. N. Smith and N. Topin, "Super-convergence", 2017, with PyTorch's proportions
        up = _half_cosine(self.initial / 25, self.initial, progress / _RISE)
        down = _half_cosine(self.initial, self.final, (progress - _RISE) / (1 - _RISE))
        return np.where(progress < _RISE, up, down)


def _half_cosine(start: float, end: float, progress: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(end + (start - end) * 0.5 * (1 + np.cos(np.pi * progress)))


def learning_rate_rule(
    solver: str,
    name: str,
    initial: float,
    power: float,
    *,
    final: float = 1e-6,
    max_epochs: int = 1,
    n_warmup: float = 0,
) -> Constant:
    """Return the rule that an estimator's parameters name."""
    if solver == "adam" and name in ("invscaling", "adaptive"):
        name = "constant"  # as in scikit-learn
    if name == "constant":
        return Constant(initial, n_warmup)
    if name == "invscaling":
        return InverseScaling(initial, power, n_warmup)
    if name in ("adaptive", "reduce_on_plateau"):
        return Adaptive(initial, 1e-6 if name == "adaptive" else final, n_warmup)
    return Curve(name, initial, final, max_epochs, n_warmup)
