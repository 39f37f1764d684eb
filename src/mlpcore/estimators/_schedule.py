"""Learning-rate rules: each holds the current rate and says what a plateau means."""

from __future__ import annotations


class Constant:
    """The rate never changes; a plateau ends the training."""

    def __init__(self, initial: float) -> None:
        self.rate = float(initial)

    def after_epoch(self, samples_seen: int) -> None:
        """Set the rate of the next epoch."""

    def on_plateau(self) -> tuple[bool, str]:
        """Return whether to stop, and the words for it."""
        return True, "Stopping."


class InverseScaling(Constant):
    """rate = initial / (samples_seen + 1) ** power, from the second epoch on."""

    def __init__(self, initial: float, power: float) -> None:
        super().__init__(initial)
        self.initial = float(initial)
        self.power = power

    def after_epoch(self, samples_seen: int) -> None:
        """Set the rate of the next epoch."""
        self.rate = self.initial / (samples_seen + 1) ** self.power


class Adaptive(Constant):
    """A plateau divides the rate by 5, and ends the training once the rate is at most 1e-6."""

    def on_plateau(self) -> tuple[bool, str]:
        """Return whether to stop, and the words for it."""
        if self.rate <= 1e-6:
            return True, "Learning rate too small. Stopping."
        self.rate /= 5.0
        return False, f"Setting learning rate to {self.rate:f}"


def learning_rate_rule(solver: str, name: str, initial: float, power: float) -> Constant:
    """Return the rule that scikit-learn's parameters name; only 'sgd' has other than constant."""
    if solver == "sgd" and name == "invscaling":
        return InverseScaling(initial, power)
    if solver == "sgd" and name == "adaptive":
        return Adaptive(initial)
    return Constant(initial)
