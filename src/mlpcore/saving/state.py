"""What a model's future depends on, as a tree of numbers and arrays: taken out and put back."""

from __future__ import annotations

from typing import Any


def model_state(model: Any) -> dict[str, Any]:
    """Return weights, optimizer, engine seed and random generators of a model."""
    raise NotImplementedError


def set_model_state(model: Any, state: dict[str, Any]) -> None:
    """Put back what `model_state` returned; raises before anything has changed if it does not fit."""
    raise NotImplementedError
