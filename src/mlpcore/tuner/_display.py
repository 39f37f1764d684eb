"""What a search prints about its trials."""

from __future__ import annotations

import time

from mlpcore.tuner.oracle import Oracle
from mlpcore.tuner.trial import Trial

_WIDTH = 18


class Display:
    """Prints each trial's hyperparameters beside the best ones, then how it did.

    Parameters
    ----------
    oracle : Oracle
    verbose : int or str
        0 prints nothing.
    """

    def __init__(self, oracle: Oracle, verbose: int | str) -> None:
        self._oracle, self._silent = oracle, verbose == 0
        self._began = self._trial_began = time.monotonic()
        self._number = 0  # of the trial, from 1, repetitions left out

    def begin(self, trial: Trial) -> None:
        """Start the trial's clock."""
        self._trial_began = time.monotonic()
        self._number = len(self._oracle.trials)

    def built(self, trial: Trial) -> None:
        """Print the hyperparameters that a trial has drawn, beside the best ones."""
        if self._silent:
            return
        print(f"\nSearch: Running Trial #{self._number}\n")
        best = next((each.hyperparameters.values for each in self._oracle.get_best_trials()), None)
        print(f"{'Value':{_WIDTH}}|{'Best Value So Far':{_WIDTH}}|Hyperparameter")
        for name, value in trial.hyperparameters.values.items():
            known = "?" if best is None else _text(best.get(name))
            print(f"{_text(value):{_WIDTH}}|{known:{_WIDTH}}|{name}")
        print()

    def end(self, trial: Trial) -> None:
        """Print how a trial did."""
        if self._silent:
            return
        now, name = time.monotonic(), self._oracle.objective.name
        end = {"FAILED": "Failed", "PRUNED": "Stopped early"}.get(trial.status, "Complete")
        print(f"Trial {self._number} {end} [{_duration(now - self._trial_began)}]")
        print(f"{name}: {trial.score}" if trial.score is not None else f"{trial.message}")
        best = self._oracle.get_best_trials()
        print(f"\nBest {name} So Far: {best[0].score if best else None}")
        print(f"Total elapsed time: {_duration(now - self._began)}")


def _text(value: object) -> str:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    text = f"{value:.5g}" if number else str(value)
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 3]}..."


def _duration(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}h {minutes:02d}m {seconds:02d}s"
