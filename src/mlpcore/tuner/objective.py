"""What a search optimizes: a metric by name with its direction, or the sum of several."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mlpcore._validation import checked

_RISING = re.compile(
    r"(^|_)(acc|accuracy|auc|precision|recall|f1|f1_score|fbeta_score|r2|r2_score|score|true_positives|true_negatives"
    r"|cosine_similarity|mean_io_u|iou|one_hot_io_u|binary_io_u|one_hot_mean_io_u"
    r"|sensitivity_at_specificity|specificity_at_sensitivity|precision_at_recall|recall_at_precision)(_\d+)?$"
)
_FALLING = re.compile(
    r"(^|_)(loss|error|crossentropy|ce|mse|mae|mape|msle|rmse|hinge|huber|poisson|log_cosh|logcosh|kl_divergence|kld"
    r"|divergence|quantile|pinball|false_positives|false_negatives)(_\d+)?$"
)


class Objective:
    """A metric and whether it shall be small or large.

    Parameters
    ----------
    name : str
        As in the logs of an epoch: "val_accuracy", "val_loss".
    direction : {"min", "max"}

    Examples
    --------
    >>> print(Objective("val_f1", direction="max"))
    Objective(name="val_f1", direction="max")
    """

    @checked
    def __init__(self, name: str, direction: str) -> None:
        if direction not in ("min", "max"):
            raise ValueError(f"the direction of an Objective is 'min' or 'max', got {direction!r}.")
        self.name, self.direction = name, direction

    def has_value(self, logs: Mapping[str, Any]) -> bool:
        """Tell whether the logs have what the objective needs."""
        return self.name in logs

    def get_value(self, logs: Mapping[str, Any]) -> float:
        """Return the objective's value in the logs."""
        return float(logs[self.name])

    def better_than(self, a: float, b: float) -> bool:
        """Tell whether `a` is better than `b`; any number is better than NaN."""
        if a != a or b != b:
            return a == a and b != b
        return a > b if self.direction == "max" else a < b

    @property
    def worst(self) -> float:
        """A value that every other is better than."""
        return float("-inf") if self.direction == "max" else float("inf")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Objective) and str(self) == str(other)

    def __hash__(self) -> int:
        return hash(str(self))

    def __str__(self) -> str:
        return f'Objective(name="{self.name}", direction="{self.direction}")'


class MultiObjective(Objective):
    """The sum of objectives to minimize less the sum of those to maximize.

    Parameters
    ----------
    objectives : sequence of Objective
    """

    def __init__(self, objectives: Sequence[Objective]) -> None:
        super().__init__("multi_objective", "min")
        self.objectives = list(objectives)

    def has_value(self, logs: Mapping[str, Any]) -> bool:
        """Tell whether the logs have all objectives."""
        return all(each.has_value(logs) for each in self.objectives)

    def get_value(self, logs: Mapping[str, Any]) -> float:
        """Return the signed sum."""
        return sum(each.get_value(logs) * (1 if each.direction == "min" else -1) for each in self.objectives)

    def __str__(self) -> str:
        return f"Multi{super().__str__()}: [{', '.join(str(each) for each in self.objectives)}]"


def make_objective(objective: str | Objective | Sequence[str | Objective] | None) -> Objective:
    """Return an Objective for what users pass.

    Parameters
    ----------
    objective : str, Objective, list of these, or None
        A name's direction is inferred; a list is summed (`MultiObjective`); None: the trial returns one number, the
        smaller the better.

    Examples
    --------
    >>> print(make_objective("val_accuracy"))
    Objective(name="val_accuracy", direction="max")
    """
    if objective is None:
        return Objective("default_objective", "min")
    if isinstance(objective, Objective):
        return objective
    if isinstance(objective, str):
        return Objective(objective, _direction(objective))
    if isinstance(objective, (list, tuple)):
        return MultiObjective([make_objective(each) for each in objective])
    raise TypeError(f"objective must be a name, an Objective or a list of these, got {objective!r}.")


def _direction(name: str) -> str:
    if _RISING.search(name):
        return "max"
    if _FALLING.search(name):
        return "min"
    raise ValueError(
        f"cannot tell whether {name!r} shall be small or large: "
        f'pass Objective("{name}", direction="min") or direction="max".'
    )
