"""Models: `Sequential`, `Model` of inputs and outputs, and subclasses of `Model`; with Keras' interface."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpcore import _registry, _thread_limits
from mlpcore._validation import checked, no_attribute
from mlpcore.models.cloning import clone_model
from mlpcore.models.functional import Functional
from mlpcore.models.model import Model, PathLike
from mlpcore.models.sequential import Sequential

__all__ = [
    "Functional",
    "Model",
    "Sequential",
    "clone_model",
    "load_model",
    "model_from_json",
    "save_model",
]

_thread_limits.register()


@checked
def load_model(filepath: PathLike, *args: Any, **kwargs: Any) -> Any:
    """Return the model in a file; see `mlpcore.saving.load_model`."""
    from mlpcore import saving

    return saving.load_model(filepath, *args, **kwargs)


@checked
def save_model(model: Model, filepath: PathLike, *args: Any, **kwargs: Any) -> None:
    """Save a model; see `mlpcore.saving.save_model`."""
    from mlpcore import saving

    saving.save_model(model, filepath, *args, **kwargs)


@checked
def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the model that `Model.to_json` described, with new weights.

    Parameters
    ----------
    json_string : str
    custom_objects : dict, optional
        Your own classes and functions by name.

    Examples
    --------
    >>> import mlpcore
    >>> model = mlpcore.Sequential([mlpcore.Input((3,)), mlpcore.layers.Dense(2)])
    >>> mlpcore.models.model_from_json(model.to_json()).output_shape
    (None, 2)
    """
    import json

    model = _registry.deserialize(json.loads(json_string), custom_objects, "models")
    if not isinstance(model, Model):
        raise ValueError(f"model_from_json: json_string must describe a model, got {json_string!r}")
    return model


def __getattr__(name: str) -> Any:
    """Say which name was meant."""
    raise no_attribute(__name__, name, __all__)
