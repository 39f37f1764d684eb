"""Arguments that many layers take: how they are read, checked and written into a config."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mlpcore._registry import serialize_object


def arguments_of(layer: object, *names: str) -> dict[str, Any]:
    """Return attributes of a layer as plain data, for its ``get_config()``."""
    return {name: serialize_object(getattr(layer, name)) for name in names}


def positive_integer(owner: str, name: str, value: Any) -> int:
    """Return `value` as an int if it is one of at least 1, else raise a ValueError about it."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise ValueError(f"{owner}: {name} must be a positive integer, got {value!r}")
    return int(value)


def number_between(owner: str, name: str, value: Any, low: float, high: float = math.inf) -> float:
    """Return `value` as a float if it is a number in [low, high], else raise a ValueError about it."""
    is_number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not is_number or not low <= value <= high:
        limits = f"of at least {low:g}" if high == math.inf else f"between {low:g} and {high:g}"
        raise ValueError(f"{owner}: {name} must be a number {limits}, got {value!r}")
    return float(value)


def axes_within(owner: str, axes: Sequence[int], shape: Sequence[int | None]) -> list[int]:
    """Return axes counted from the front, sorted; raise a ValueError if the shape has no such axis."""
    for axis in axes:
        if not -len(shape) <= axis < len(shape):
            raise ValueError(f"{owner}: axis {axis} is out of bounds for an input of shape {tuple(shape)}")
    return sorted({axis % len(shape) for axis in axes})


def sizes_of(owner: str, axes: Sequence[int], shape: Sequence[int | None]) -> tuple[int, ...]:
    """Return the lengths of axes counted from the front; raise a ValueError if one is the batch's."""
    sizes = [shape[axis] for axis in axes]
    known = tuple(n for n in sizes if n is not None)
    if 0 in axes or len(known) != len(sizes):
        raise ValueError(f"{owner}: axes {tuple(axes)} hold the batch's in an input of shape {tuple(shape)}")
    return known
