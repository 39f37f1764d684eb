"""Which loss, weight and metrics each output gets: what the lists, tuples and dicts passed to compile mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlpcore._structure import flatten, is_nested
from mlpcore.training.matching import by_name


def losses_of_outputs(loss: Any, names: Sequence[str]) -> list[list[Any]]:
    """Return the losses of each output, in the order of `names`; [] for an output that has none.

    One loss holds for every output. A list or tuple has one entry for each output, a dict one for each that has a
    loss. On a single output several losses add up.
    """
    if loss is None:
        return [[] for _ in names]
    if not is_nested(loss):
        return [[loss] for _ in names]
    if isinstance(loss, dict):
        return [_listed(entry) for entry in by_name("compile: loss", loss, names)]
    entries = list(loss)
    if len(names) == 1:
        return [[entry for entry in flatten(entries) if entry is not None]]
    if len(entries) != len(names):
        raise ValueError(_one_each("loss", entries, names))
    return [_listed(entry) for entry in entries]


def weights_of_losses(loss_weights: Any, losses: Sequence[Sequence[Any]], names: Sequence[str]) -> list[list[float]]:
    """Return the weight of each loss of each output; 1 where none is given."""
    if loss_weights is None:
        return [[1.0] * len(own) for own in losses]
    by_names = isinstance(loss_weights, dict)
    given = by_name("compile: loss_weights", loss_weights, names) if by_names else flatten(loss_weights)
    given = [1.0 if weight is None else float(weight) for weight in given]
    if not by_names and len(names) == 1 and len(given) == len(losses[0]):
        return [given]
    if len(given) != len(names):
        raise ValueError(_one_each("loss_weights", given, names))
    return [[weight] * len(own) for weight, own in zip(given, losses, strict=True)]


def metrics_of_outputs(metrics: Any, names: Sequence[str], argument: str = "metrics") -> list[list[Any]]:
    """Return the metrics of each output, in the order of `names`.

    A list as long as there are outputs has one entry (a metric, a list of metrics or None) for each. A list of
    metrics of another length holds for every output, as in TensorFlow 2. A dict names outputs.
    """
    if metrics is None:
        return [[] for _ in names]
    if isinstance(metrics, dict):
        return [_listed(entry) for entry in by_name(f"compile: {argument}", metrics, names)]
    entries = list(metrics) if is_nested(metrics) else [metrics]
    if len(names) == 1:
        return [[entry for entry in flatten(entries) if entry is not None]]
    if len(entries) == len(names):
        return [_listed(entry) for entry in entries]
    if any(is_nested(entry) for entry in entries):
        raise ValueError(_one_each(argument, entries, names))
    return [[entry for entry in entries if entry is not None] for _ in names]


def _listed(entry: Any) -> list[Any]:
    return [each for each in flatten(entry) if each is not None]


def _one_each(argument: str, given: Sequence[Any], names: Sequence[str]) -> str:
    outputs = ", ".join(map(repr, names))
    return f"compile: {argument} must have one entry for each of the {len(names)} outputs {outputs}, got {len(given)}."


def unique_names(names: Sequence[str]) -> list[str]:
    """Return the names with ``_1``, ``_2``, ... behind those that came before.

    >>> unique_names(["mse", "mae", "mse"])
    ['mse', 'mae', 'mse_1']
    """
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 0
        while candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate)
        result.append(candidate)
    return result
