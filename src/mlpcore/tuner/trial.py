"""Trial: one configuration of a search, as users see it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlpcore.tuner.hyperparameters import HyperParameters

if TYPE_CHECKING:
    import optuna

RESULT, REPETITION = "result", "repetition"  # user attributes of the study's trials
_STATUS = {"COMPLETE": "COMPLETED", "PRUNED": "PRUNED", "FAIL": "FAILED", "RUNNING": "RUNNING", "WAITING": "IDLE"}


class Metrics:
    """The metrics of a trial at its best epoch, means over its executions.

    Parameters
    ----------
    values : mapping of str to float
    """

    def __init__(self, values: Mapping[str, float]) -> None:
        self._values = dict(values)

    def exists(self, name: str) -> bool:
        """Tell whether the trial has a metric."""
        return name in self._values

    def get_last_value(self, name: str) -> float | None:
        """Return the value of a metric, None if the trial does not have it."""
        return self._values.get(name)

    get_best_value = get_last_value

    def __iter__(self) -> Any:
        return iter(self._values)

    def __repr__(self) -> str:
        return f"Metrics({self._values})"


class Trial:
    """One configuration: what it was and how it did.

    Attributes
    ----------
    trial_id : str
        Its number in the search, as text.
    hyperparameters : HyperParameters
        While the trial runs, a question for a new one draws its value.
    status : str
        "RUNNING", "COMPLETED", "PRUNED" (stopped early by Hyperband) or "FAILED".
    score : float or None
        The objective at the best epoch, mean over the executions.
    metrics : Metrics
    best_step : int
        The best epoch, from 0.
    message : str or None
        Why it failed.
    """

    def __init__(self, trial_id: str, hyperparameters: HyperParameters) -> None:
        self.trial_id = trial_id
        self.hyperparameters = hyperparameters
        self.status = "RUNNING"
        self.score: float | None = None
        self.metrics = Metrics({})
        self.best_step = 0
        self.message: str | None = None
        self._handle: optuna.trial.Trial | None = None  # of the study, while the trial runs

    @classmethod
    def _of(cls, frozen: optuna.trial.FrozenTrial) -> Trial:
        """Return what the study keeps of a trial."""
        result = frozen.user_attrs.get(RESULT, {})
        config = result.get("hyperparameters") or {"space": [], "values": dict(frozen.params)}
        trial = cls(str(frozen.number), HyperParameters.from_config(config))
        trial.status = _STATUS[frozen.state.name]
        trial.score = result.get("score")
        trial.metrics = Metrics(result.get("metrics", {}))
        trial.best_step = result.get("best_step", 0)
        trial.message = result.get("message")
        return trial

    def _result(self) -> dict[str, Any]:
        """Return what the study shall keep."""
        return {
            "hyperparameters": self.hyperparameters.get_config(),
            "score": self.score,
            "metrics": self.metrics._values,
            "best_step": self.best_step,
            "message": self.message,
        }

    def summary(self) -> None:
        """Print the configuration and the score."""
        print(f"Trial {self.trial_id} summary")
        print("Hyperparameters:")
        for name, value in self.hyperparameters.values.items():
            print(f"{name}: {value}")
        if not self.hyperparameters.values:
            print("default configuration")
        if self.score is not None:
            print(f"Score: {self.score}")
        if self.message is not None:
            print(self.message)

    def __repr__(self) -> str:
        return f"Trial({self.trial_id!r}, {self.status}, score={self.score}, {self.hyperparameters.values})"
