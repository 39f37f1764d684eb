"""Stopping rules: they watch one number per epoch and lose patience."""

from __future__ import annotations

from typing import ClassVar


class LossPatience:
    """Counts epochs whose training loss is not below the best one by more than `tol`."""

    watched: ClassVar[str] = "Training loss"
    nothing: ClassVar[float] = float("inf")  # the best before any epoch

    def __init__(self, limit: float, tol: float) -> None:
        self.limit = limit
        self.tol = tol
        self.best = self.nothing
        self.bad_epochs = 0

    def observe(self, value: float) -> bool:
        """Count the epoch; return whether its value is the best so far (never for NaN)."""
        self.bad_epochs = self.bad_epochs + 1 if value > self.best - self.tol else 0
        return self._keep(value, value < self.best)

    def _keep(self, value: float, is_best: bool) -> bool:
        if is_best:
            self.best = value
        return is_best

    @property
    def has_best(self) -> bool:
        """True once a value was better than none, which NaN never is."""
        return self.best != self.nothing

    @property
    def is_exhausted(self) -> bool:
        """True after more than `limit` bad epochs in a row (limit + 1, as scikit-learn counts)."""
        return self.bad_epochs > self.limit

    @property
    def message(self) -> str:
        """The reason to stop, in scikit-learn's words."""
        return f"{self.watched} did not improve more than tol={self.tol:f} for {self.limit:d} consecutive epochs."


class ScorePatience(LossPatience):
    """Counts epochs whose validation score is not above the best one by at least `tol`."""

    watched: ClassVar[str] = "Validation score"
    nothing: ClassVar[float] = float("-inf")

    def observe(self, value: float) -> bool:
        """Count the epoch; return whether its value is the best so far (never for NaN)."""
        self.bad_epochs = self.bad_epochs + 1 if value < self.best + self.tol else 0
        return self._keep(value, value > self.best)
