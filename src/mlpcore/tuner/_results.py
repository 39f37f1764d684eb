"""From what a trial returned to its metrics at the best epoch."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any, NamedTuple

from mlpcore._validation import suggest
from mlpcore.tuner.objective import Objective


class Result(NamedTuple):
    """How a trial did."""

    score: float
    metrics: dict[str, float]
    best_step: int  # epoch from 0


def result_of(returned: Any, objective: Objective, where: str) -> Result:
    """Return score and metrics at the best epoch, means over executions.

    Parameters
    ----------
    returned : History, dict of metrics, float, or a list of these
    objective : Objective
    where : str
        Who returned it, for messages.

    Raises
    ------
    TypeError
        It is something else.
    ValueError
        It lacks the objective.
    """
    if isinstance(returned, (list, tuple)) and returned:
        results = [result_of(each, objective, where) for each in returned]
        names = [name for name in results[0].metrics if all(name in each.metrics for each in results)]
        n = len(results)
        metrics = {name: sum(each.metrics[name] for each in results) / n for name in names}
        return Result(sum(each.score for each in results) / n, metrics, sum(each.best_step for each in results) // n)
    if isinstance(returned, numbers.Real):
        return Result(float(returned), {objective.name: float(returned)}, 0)
    if isinstance(returned, Mapping):
        return _of_logs(returned, objective, where, 0)
    history = getattr(returned, "history", None)
    if not isinstance(history, Mapping):
        raise TypeError(
            f"{where} must return a History, a dict of metrics, a number or a list of these, "
            f"got {type(returned).__name__}."
        )
    epochs = [dict(zip(history, values, strict=False)) for values in zip(*history.values(), strict=False)]
    if not epochs:
        raise ValueError(f"{where} returned the History of no epoch.")
    best = 0
    for epoch in range(1, len(epochs)):
        _check_has(objective, epochs[epoch], where)
        if objective.better_than(objective.get_value(epochs[epoch]), objective.get_value(epochs[best])):
            best = epoch
    return _of_logs(epochs[best], objective, where, best)


def _of_logs(logs: Mapping[str, Any], objective: Objective, where: str, step: int) -> Result:
    _check_has(objective, logs, where)
    score = objective.get_value(logs)
    metrics = {name: float(value) for name, value in logs.items() if isinstance(value, numbers.Real)}
    return Result(score, {**metrics, objective.name: score}, step)


def _check_has(objective: Objective, logs: Mapping[str, Any], where: str) -> None:
    if not objective.has_value(logs):
        names = sorted(logs)
        hint = suggest(objective.name, names)
        if objective.name.startswith("val_") and not any(name.startswith("val_") for name in names):
            hint = ": pass validation_data or validation_split to search()"
        raise ValueError(f"{where} returned no {objective.name!r}, but {names}{hint}")
