"""Models in Keras 3's ``.keras`` files: written so that Keras reads them, and read without trust."""

from __future__ import annotations

import contextlib
import io
import json
import os
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry
from mlpcore._arena import at_most
from mlpcore.layers import Layer
from mlpcore.saving import strict_json
from mlpcore.saving.archive import Archive
from mlpcore.saving.atomic import replacing
from mlpcore.saving.building import build, build_config
from mlpcore.saving.errors import FileFormatError, PathLike
from mlpcore.saving.hdf5 import H5File, write_hdf5
from mlpcore.saving.keras_config import from_keras, to_keras
from mlpcore.saving.model import reviving
from mlpcore.saving.state import optimizer_slots, optimizer_state, set_session
from mlpcore.saving.weights import assign, keras_groups, named_variables, read_keras_weights, walk

_CONFIG, _WEIGHTS, _METADATA = "config.json", "model.weights.h5", "metadata.json"
_STATE = "optimizer/vars"  # the optimizer's, among the weights
_KERAS_VERSION = "3.15.1"  # whose layout is written
_GROUPS = {  # how Keras interleaves the slots of these optimizers; those of others stand one after another
    "Adam": (("momentum", "velocity"), ("velocity_hat",)),
    "AdamW": (("momentum", "velocity"), ("velocity_hat",)),
    "Nadam": (("momentum", "velocity"),),
    "Adamax": (("momentum", "norm"),),
    "Adadelta": (("accumulated_grad", "accumulated_delta_var"),),
    "Ftrl": (("accumulator", "linear"),),
}


def save_keras(model: Any, path: PathLike, include_optimizer: bool = True) -> None:
    """Write a model to a ``.keras`` file.

    Parameters
    ----------
    model : Model
        Of layers that Keras has too, for Keras to read it.
    path : str or path-like
        The file.
    include_optimizer : bool, default=True
        Whether its compilation and the optimizer's state are written.

    Raises
    ------
    ImportError
        The package h5py is missing.
    """
    config = to_keras(_registry.serialize_object(model))
    _add_build_configs(config, model)
    arrays = {theirs: variable.numpy() for variable, theirs in named_variables(model).values()}
    groups = keras_groups(model)
    if include_optimizer and model.compiled:
        own = model.get_compile_config()
        del own["mixed_precision"]  # Keras' compile has no such argument
        config["compile_config"] = to_keras(own)
        groups[_STATE] = {"name": model.optimizer.name}
        for number, array in enumerate(_optimizer_arrays(model)):
            arrays[f"{_STATE}/{number}"] = array
    weights = io.BytesIO()
    write_hdf5(weights, arrays, groups)
    metadata = json.dumps({"keras_version": _KERAS_VERSION, "date_saved": "1980-01-01@00:00:00"}).encode()
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, data in ((_METADATA, metadata), (_CONFIG, _json(config)), (_WEIGHTS, weights.getbuffer())):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def _json(config: Any) -> bytes:
    strict_json.dumps(config)  # so that it can be read again
    return json.dumps(config).encode()


def _add_build_configs(config: Any, model: Any) -> None:
    """Tell Keras what the layers were built for, as it does itself; a subclassed model has no other place for it."""
    shapes = build_config(model)
    by_name = {layer.name: shapes[path] for path, layer in walk(model) if shapes.get(path)}
    layers = config["config"].get("layers", []) if isinstance(config.get("config"), dict) else []
    for each in [config, *layers]:
        name = each["config"].get("name")
        if name in by_name and each["class_name"] != "InputLayer":
            each["build_config"] = by_name[name]


def load_keras(path: PathLike, compile: bool = True) -> Any:
    """Return the model in a ``.keras`` file; see `mlpcore.saving.load_model`."""
    where = os.fspath(path)
    with Archive(path) as archive:
        config = strict_json.loads(archive.read(_CONFIG), f"{where!r}: {_CONFIG}")
        n_bytes = archive.sizes.get(_WEIGHTS, 0)
    with reviving(where):
        with at_most(n_bytes):
            model = _model_of(config)
        with weights_of(path) as file:
            found = named_variables(model)
            arrays, problems = read_keras_weights(file, found)
            if problems:
                raise FileFormatError(f"its weights do not fit its description: {problems[0]}")
            assign(found, arrays)
            if compile and config.get("compile_config"):
                model.compile_from_config(compile_config(config["compile_config"]))
                read_optimizer(model, [f"{_STATE}/{name}" for name in file.names(_STATE)], file)
    return model


def _model_of(config: Any) -> Any:
    model = _registry.deserialize(from_keras(config))
    if not isinstance(model, Layer):
        raise FileFormatError("its description is not one of a model")
    if not model.built and (config.get("build_config") or {}).get("input_shape") is not None:
        build(model, {"": config["build_config"]})
    return model


def compile_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of compile in Keras' description of it."""
    known = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "run_eagerly", "steps_per_execution")
    return {key: from_keras(value) for key, value in config.items() if key in known}


@contextlib.contextmanager
def weights_of(path: PathLike) -> Iterator[H5File]:
    """Open the weights in a ``.keras`` file."""
    with Archive(path) as archive:
        data = archive.read(_WEIGHTS)
    with H5File(data, os.fspath(path)) as file:
        yield file


# ------------------------------------------------ the optimizer


def _optimizer_arrays(model: Any) -> list[NDArray[Any]]:
    """Return the state of the optimizer in Keras' order."""
    state = optimizer_state(model)
    arrays = [np.array(state["iterations"], np.int32)]
    if state["learning_rate"] is not None:
        arrays.append(np.array(state["learning_rate"], np.float32))
    slots = dict(zip(model.optimizer.slot_names, optimizer_slots(model), strict=False))
    if slots:
        names = _names_of(model, model.trainable_variables)
        for group in _groups(model.optimizer):
            arrays += [slots[slot][name] for name in names for slot in group]
        arrays += [_nadam_product(model.optimizer)] if type(model.optimizer).__name__ == "Nadam" else []
    return arrays


def read_optimizer(model: Any, waiting: list[str], file: H5File) -> None:
    """Let the optimizer of a model just compiled go on from the arrays that wait in a file, in Keras' order."""
    optimizer = model.optimizer
    if not waiting:
        return
    optimizer.iterations = max(0, int(file.array(waiting.pop(0), ())))
    described = optimizer_state(model)["learning_rate"]
    if described is not None and waiting:
        rate = file.array(waiting.pop(0), ())
        if rate != np.float32(described):  # else the description has more digits
            optimizer.learning_rate = float(rate)
    found = named_variables(model)
    names = _names_of(model, model.trainable_variables)
    slots = {
        slot: {name: np.zeros(v.shape, v.dtype) for name, (v, _) in found.items()} for slot in optimizer.slot_names
    }
    groups = _groups(optimizer)
    if len(waiting) < sum(len(group) for group in groups) * len(names):
        return  # saved before its first step, or by another optimizer
    for each in groups:
        for name in names:
            for slot in each:
                slots[slot][name] = file.array(waiting.pop(0), found[name][0].shape)
    set_session(model, list(slots.values()), 0, np.random.default_rng(0))


def _names_of(model: Any, variables: Any) -> list[str]:
    names = {id(variable): name for name, (variable, _) in named_variables(model).items()}
    return [names[id(variable)] for variable in variables]


def _groups(optimizer: Any) -> list[tuple[str, ...]]:
    """Return which slots Keras keeps for an optimizer, in its order; those of one group variable by variable."""
    there = list(optimizer.slot_names)
    if type(optimizer).__name__ == "RMSprop" and not optimizer.momentum:
        there = [slot for slot in there if slot != "momentum"]
    groups: list[tuple[str, ...]] = [("average",)] if "average" in there else []
    for group in _GROUPS.get(type(optimizer).__name__, tuple((slot,) for slot in there if slot != "average")):
        if all(slot in there for slot in group):
            groups.append(group)
    return groups


def _nadam_product(optimizer: Any) -> NDArray[Any]:
    """Return the product of Nadam's momentum schedule, which Keras stores and mlpcore computes from the step."""
    steps = np.arange(1, int(optimizer.iterations) + 1)
    product: NDArray[Any] = np.prod(optimizer.beta_1 * (1 - 0.5 * 0.96**steps)).astype(np.float32)
    return product
