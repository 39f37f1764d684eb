"""Optimizers: what becomes of a gradient; with Keras 3's names, arguments and arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpcore import _registry
from mlpcore._validation import no_attribute
from mlpcore.optimizers import schedules
from mlpcore.optimizers.adagrad import Adadelta, Adagrad, Ftrl, RMSprop
from mlpcore.optimizers.adam import Adam, Adamax, AdamW, Nadam
from mlpcore.optimizers.base import Optimizer
from mlpcore.optimizers.sgd import SGD, Lion

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Ftrl",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "schedules",
    "serialize",
]


def get(identifier: Any) -> Any:
    """Return the optimizer that a name, a config or an optimizer means.

    Parameters
    ----------
    identifier : None, str, dict, class or Optimizer
        A name in any case: "adam", "Adam", "RMSprop".

    Raises
    ------
    ValueError
        An unknown name; the message suggests the nearest.

    Examples
    --------
    >>> get("RMSProp")
    RMSprop(learning_rate=0.001, rho=0.9, momentum=0.0, epsilon=1e-07, centered=False)
    """
    return _registry.get("optimizers", _any_case(identifier))


def serialize(optimizer: Optimizer) -> dict[str, Any]:
    """Return an optimizer, without its state, as plain JSON data."""
    return dict(_registry.serialize_object(optimizer))


def deserialize(config: Mapping[str, Any] | str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the optimizer that `serialize` described."""
    return _registry.deserialize(_any_case(config), custom_objects, "optimizers")


def _any_case(identifier: Any) -> Any:
    """Return a built-in optimizer's name as the registry has it, whatever its case."""
    if isinstance(identifier, Mapping) and isinstance(identifier.get("class_name"), str):
        return {**identifier, "class_name": _any_case(identifier["class_name"])}
    if isinstance(identifier, str):
        return {name.lower(): name for name in _registry.built_in_names("optimizers")}.get(
            identifier.lower(), identifier
        )
    return identifier


def __getattr__(name: str) -> Any:
    """Say which name was meant."""
    raise no_attribute(__name__, name, __all__)
