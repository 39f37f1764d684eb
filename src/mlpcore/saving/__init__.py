"""Saving and loading: models, weights, estimators, and the state of a training that is to go on later.

>>> from mlpcore.saving import read_container, write_container

A public name is imported from its module when it is first touched: reading a container loads no layers.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlpcore._registry import (
        custom_object_scope,
        get_registered_name,
        get_registered_object,
        register_keras_serializable,
    )
    from mlpcore._registry import deserialize as deserialize_keras_object
    from mlpcore._registry import register_keras_serializable as register_serializable
    from mlpcore._registry import serialize_object as serialize_keras_object
    from mlpcore.saving.checkpoint import CheckpointWarning, load_state, save_state
    from mlpcore.saving.container import read_container, write_container
    from mlpcore.saving.errors import FileFormatError
    from mlpcore.saving.estimators import load_estimator, save_estimator
    from mlpcore.saving.loading import load
    from mlpcore.saving.model import load_model, save_model
    from mlpcore.saving.weights import load_weights, save_weights

__all__ = [
    "CheckpointWarning",
    "FileFormatError",
    "custom_object_scope",
    "deserialize_keras_object",
    "get_registered_name",
    "get_registered_object",
    "load",
    "load_estimator",
    "load_model",
    "load_state",
    "load_weights",
    "read_container",
    "register_keras_serializable",
    "register_serializable",
    "save_estimator",
    "save_model",
    "save_state",
    "save_weights",
    "serialize_keras_object",
    "write_container",
]

_HOME = {  # public name -> the module that defines it, and its name there if it is another
    "CheckpointWarning": ("checkpoint", ""),
    "FileFormatError": ("errors", ""),
    "custom_object_scope": ("_registry", ""),
    "deserialize_keras_object": ("_registry", "deserialize"),
    "get_registered_name": ("_registry", ""),
    "get_registered_object": ("_registry", ""),
    "load": ("loading", ""),
    "load_estimator": ("estimators", ""),
    "load_model": ("model", ""),
    "load_state": ("checkpoint", ""),
    "load_weights": ("weights", ""),
    "read_container": ("container", ""),
    "register_keras_serializable": ("_registry", ""),
    "register_serializable": ("_registry", "register_keras_serializable"),
    "save_estimator": ("estimators", ""),
    "save_model": ("model", ""),
    "save_state": ("checkpoint", ""),
    "save_weights": ("weights", ""),
    "serialize_keras_object": ("_registry", "serialize_object"),
    "write_container": ("container", ""),
}


def __getattr__(name: str) -> object:
    """Import a public name from its home on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home, own_name = _HOME[name]
    package = "mlpcore." if home == "_registry" else "mlpcore.saving."
    value: object = getattr(import_module(package + home), own_name or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what is public, whether imported yet or not."""
    return sorted([*__all__, "__all__"])  # Sphinx documents what __all__ names only where it finds that
