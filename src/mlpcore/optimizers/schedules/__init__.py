"""Learning-rate schedules: the rate of each optimizer step; with Keras 3's names and arguments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpcore import _registry
from mlpcore._validation import no_attribute
from mlpcore.optimizers.schedules.base import LearningRateSchedule
from mlpcore.optimizers.schedules.cosine import CosineDecay, CosineDecayRestarts, OneCycle
from mlpcore.optimizers.schedules.decay import (
    ExponentialDecay,
    InverseTimeDecay,
    PiecewiseConstantDecay,
    PolynomialDecay,
)

__all__ = [
    "CosineDecay",
    "CosineDecayRestarts",
    "ExponentialDecay",
    "InverseTimeDecay",
    "LearningRateSchedule",
    "OneCycle",
    "PiecewiseConstantDecay",
    "PolynomialDecay",
    "deserialize",
    "serialize",
]


def serialize(learning_rate_schedule: LearningRateSchedule) -> dict[str, Any]:
    """Return a schedule as plain JSON data."""
    return dict(_registry.serialize_object(learning_rate_schedule))


def deserialize(config: Mapping[str, Any] | str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the schedule that `serialize` described."""
    return _registry.deserialize(config, custom_objects, "schedules")


def __getattr__(name: str) -> Any:
    """Say which name was meant."""
    raise no_attribute(__name__, name, __all__)
