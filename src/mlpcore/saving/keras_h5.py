"""Whole models in Keras' older ``.h5`` files, read without trust; none are written: ``.keras`` took their place."""

from __future__ import annotations

import os
import warnings
from typing import Any

from mlpcore import _registry
from mlpcore._arena import at_most
from mlpcore.layers import Layer
from mlpcore.saving import strict_json
from mlpcore.saving.errors import FileFormatError, PathLike
from mlpcore.saving.hdf5 import H5File
from mlpcore.saving.keras_config import from_keras
from mlpcore.saving.keras_file import compile_config, read_optimizer
from mlpcore.saving.model import reviving

_WEIGHTS, _OPTIMIZER = "model_weights", "optimizer_weights"


def load_h5(path: PathLike, compile: bool = True) -> Any:
    """Return the model in an ``.h5`` file of Keras; see `mlpcore.saving.load_model`."""
    where = os.fspath(path)
    with H5File(path, where) as file, reviving(where):
        text = file.attribute("", "model_config")
        if not isinstance(text, str):
            raise FileFormatError("an HDF5 file without a model: weights, perhaps, which model.load_weights() reads")
        config = strict_json.loads(text.encode(), "model_config")
        with at_most(os.path.getsize(path)):
            model = _registry.deserialize(from_keras(_with_modules(config)))
        if not isinstance(model, Layer):
            raise FileFormatError("its description is not one of a model")
        _read_weights(model, file)
        training = file.attribute("", "training_config")
        if compile and isinstance(training, str):
            _compile(model, strict_json.loads(training.encode(), "training_config"), file)
    return model


def _with_modules(value: Any) -> Any:
    """Say which of Keras' modules built-in classes are from, which these files leave out."""
    if isinstance(value, list):
        return [_with_modules(each) for each in value]
    if not isinstance(value, dict):
        return value
    name = value.get("class_name")
    result = {key: _with_modules(each) for key, each in value.items()}
    if isinstance(result.get("config"), dict):
        result["config"] = _of_keras_3(name, result["config"])
    if "module" not in value and isinstance(name, str) and isinstance(value.get("config"), dict):
        for family in ("models", "layers", "optimizers"):
            if name in _registry.built_in_names(family):
                result["module"] = f"keras.{family}"
                break
        else:
            if "inbound_nodes" in value and _registry.get_registered_object(name) is None:
                result["module"] = "keras.src.ops.numpy"  # a function in the graph
    return result


def _of_keras_3(name: Any, config: dict[str, Any]) -> dict[str, Any]:
    """Return a built-in object's settings by Keras 2 as Keras 3 has them."""
    axis = config.get("axis")
    if name == "BatchNormalization" and isinstance(axis, list) and len(axis) == 1:
        return {**config, "axis": axis[0]}
    if name in _registry.built_in_names("optimizers") and "decay" in config:  # divides the rate by 1 + decay * steps
        config = dict(config)
        decay, rate = config.pop("decay"), config.get("learning_rate")
        if decay:
            settings = {"initial_learning_rate": rate, "decay_steps": 1, "decay_rate": decay}
            schedule = {"module": "keras.optimizers.schedules", "class_name": "InverseTimeDecay", "config": settings}
            config["learning_rate"] = schedule
    return config


def _read_weights(model: Any, file: H5File) -> None:
    """Set the weights of layer after layer, in the order in which they stand; names do not count."""
    groups = [f"{_WEIGHTS}/{name}" for name in file.attribute(_WEIGHTS, "layer_names") or []]
    there = [(group, names) for group in groups if (names := file.attribute(group, "weight_names"))]
    layers = [layer for layer in model.layers if layer.weights]
    if len(there) != len(layers):
        raise FileFormatError(f"weights of {len(there)} layers, but its description has {len(layers)} with weights")
    pairs = []
    for layer, (group, names) in zip(layers, there, strict=True):
        variables = [*layer.trainable_weights, *layer.non_trainable_weights]
        if len(variables) != len(names):
            raise FileFormatError(f"{len(names)} weights of the layer {layer.name!r}, which has {len(variables)}")
        pairs += [
            (variable, file.array(f"{group}/{name}", variable.shape))
            for variable, name in zip(variables, names, strict=True)
        ]
    for variable, array in pairs:
        variable.assign(array)


def _compile(model: Any, config: Any, file: H5File) -> None:
    optimizer = _with_modules(config.get("optimizer_config"))
    model.compile_from_config(compile_config({**config, "optimizer": optimizer}))
    names = file.attribute(_OPTIMIZER, "weight_names") or []
    if names and str(file.attribute("", "keras_version")).startswith("2."):
        warnings.warn("the state of Keras 2's optimizer is left out: it starts anew.", stacklevel=5)
        return
    read_optimizer(model, [f"{_OPTIMIZER}/{name}" for name in names], file)
