"""Weights in files: one name for each, by the layer's place in the model, for every format."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from mlpcore._arena import Variable
from mlpcore._registry import snake_case
from mlpcore._validation import checked
from mlpcore.layers import Layer
from mlpcore.saving.array_files import read_npz, read_safetensors, write_npz, write_safetensors
from mlpcore.saving.atomic import replacing
from mlpcore.saving.container import read_container, write_container
from mlpcore.saving.errors import FileFormatError, PathLike
from mlpcore.saving.hdf5 import H5File, write_hdf5

KIND = "weights"
Arrays = dict[str, NDArray[Any]]
_NO_LAYERS = {"_inbound", "_eager", "_arguments", "_first"}  # attributes that hold none of a layer's own
_HDF5 = (".h5", ".hdf5", ".keras")


def walk(model: Layer) -> Iterator[tuple[str, Layer]]:
    """Yield a model and every layer in it, each once, with a path that depends on the structure alone.

    The paths are those of Keras 3: ``layers/dense_1`` is the second `Dense` of a model made of layers, ``encoder`` the
    layer that a class keeps in its attribute `encoder`. Names of layers do not count, so automatic ones may differ.
    """
    yield from _walk(model, "", set())


def _walk(layer: Layer, path: str, seen: set[int]) -> Iterator[tuple[str, Layer]]:
    if id(layer) in seen:
        return
    seen.add(id(layer))
    yield path, layer
    attributes = {name: value for name, value in vars(layer).items() if name not in _NO_LAYERS}
    if hasattr(type(layer), "layers"):  # a model
        attributes["layers"] = getattr(layer, "layers")  # noqa: B009  Layer itself has none
    first = "layers" if "_layers" in attributes or getattr(layer, "_wiring", None) is not None else ""
    for name in sorted(attributes, key=lambda name: (name != first, name[:1] == "_", name)):
        yield from _walk_into(attributes[name], f"{path}/{name}" if path else name, seen, ())


def _walk_into(value: Any, path: str, seen: set[int], within: tuple[int, ...]) -> Iterator[tuple[str, Layer]]:
    if isinstance(value, Layer):
        yield from _walk(value, path, seen)
    elif isinstance(value, (list, tuple, dict)) and id(value) not in within:
        counts: Counter[str] = Counter()
        for each in list(value.values()) if isinstance(value, dict) else value:
            is_layer = isinstance(each, Layer)
            if is_layer or isinstance(each, (list, tuple, dict)):
                name = snake_case(type(each).__name__) if is_layer else "container"
                number = counts[name]
                counts[name] += 1
                place = f"{path}/{name}_{number}" if number else f"{path}/{name}"
                yield from _walk_into(each, place, seen, (*within, id(value)))


def named_variables(model: Layer) -> dict[str, tuple[Variable, str]]:
    """Return every weight by its name in files, with its name in Keras' files.

    Returns
    -------
    dict of str to (Variable, str)
        As ``"layers/dense/kernel": (kernel, "layers/dense/vars/0")``.
    """
    if not isinstance(model, Layer):
        raise TypeError(f"model must be a layer or a model, got {model!r}")
    found: dict[str, tuple[Variable, str]] = {}
    seen: set[int] = set()
    for path, layer in walk(model):
        start = f"{path}/" if path else ""
        for index, variable in enumerate(layer._own_variables()):
            if id(variable) in seen:
                continue
            seen.add(id(variable))
            name = start + variable.name.replace("/", ".")
            while name in found:
                name += f".{index}"
            found[name] = (variable, f"{start}vars/{index}")
    return found


def weight_arrays(model: Layer) -> Arrays:
    """Return the values of all weights by name."""
    return {name: variable.numpy() for name, (variable, _) in named_variables(model).items()}


@checked
def save_weights(model: Layer, path: PathLike, overwrite: bool = True) -> None:
    """Write the weights of a model, without its structure.

    Parameters
    ----------
    model : Model or Layer
        Built.
    path : str or path-like
        The ending decides on the format: ``.weights.h5`` (and any ``.h5``) as Keras 3, which needs h5py;
        ``.safetensors``, which needs safetensors; ``.npz``; any other, and none, mlpcore's own.
    overwrite : bool, default=True
        Whether a file there may be replaced.

    Raises
    ------
    FileExistsError
        There is a file and `overwrite` is False.
    ValueError
        The model is not built.
    """
    refuse_existing(path, overwrite)
    found = named_variables(model)
    if not found and not model.built:
        raise ValueError(f"{model.name!r} has no weights yet: build it, or call it on data, before saving them")
    suffix = Path(path).suffix.lower()
    arrays = {name: variable.numpy() for name, (variable, _) in found.items()}
    if suffix in _HDF5:
        with replacing(path) as file:
            write_hdf5(file, {theirs: variable.numpy() for variable, theirs in found.values()}, keras_groups(model))
    elif suffix == ".safetensors":
        write_safetensors(path, arrays)
    elif suffix == ".npz":
        write_npz(path, arrays)
    else:
        write_container(path, {"kind": KIND}, arrays)


@checked
def load_weights(model: Layer, path: PathLike, skip_mismatch: bool = False) -> None:
    """Set the weights of a model to those of a file. Nothing is set unless all of them fit.

    Parameters
    ----------
    model : Model or Layer
        Built, of the same structure as the one that was saved; the names of layers do not count.
    path : str or path-like
        A file of `save_weights`, of ``model.save``, or of Keras 3. The contents decide on the format.
    skip_mismatch : bool, default=False
        Set what fits, and warn of the rest.

    Raises
    ------
    FileFormatError
        The file is damaged, or of another kind.
    ValueError
        The weights are those of another model; the message names the first that does not fit.
    """
    found = named_variables(model)
    if not found and not model.built:
        raise ValueError(f"{model.name!r} has no weights yet: build it, or call it on data, before loading them")
    shapes = {name: variable.shape for name, (variable, _) in found.items()}
    arrays, odd = read_weights(path, found)
    problems = odd or mismatches(shapes, arrays)
    if problems and not skip_mismatch:
        raise ValueError(f"{os.fspath(path)!r} does not fit {model.name!r}: {problems[0]}{_and_more(problems)}")
    for problem in problems:
        warnings.warn(f"{os.fspath(path)!r}: {problem}; skipped", stacklevel=2)
    assign(found, {name: array for name, array in arrays.items() if shapes.get(name) == array.shape})


def assign(found: Mapping[str, tuple[Variable, str]], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Set weights by name."""
    for name, array in arrays.items():
        found[name][0].assign(array)


def mismatches(shapes: Mapping[str, tuple[int, ...]], arrays: Mapping[str, NDArray[Any]]) -> list[str]:
    """Return what keeps arrays from being the weights of these names and shapes; [] if nothing does."""
    problems = [f"it has no weight {name!r}" for name in shapes if name not in arrays]
    problems += [f"it has a weight {name!r} more" for name in arrays if name not in shapes]
    for name, shape in shapes.items():
        if name in arrays and arrays[name].shape != shape:
            problems.append(f"the weight {name!r} has shape {arrays[name].shape} there and {shape} here")
        elif name in arrays and arrays[name].dtype.kind not in "biuf":
            problems.append(f"the weight {name!r} is of {arrays[name].dtype}")
    return problems


def _and_more(problems: list[str]) -> str:
    return f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""


def read_weights(path: PathLike, found: Mapping[str, tuple[Variable, str]]) -> tuple[Arrays, list[str]]:
    """Return the weights in a file of any format by name, and what does not fit before they are compared."""
    kind = kind_of(path)
    if kind == "hdf5":
        with H5File(path, os.fspath(path)) as file:
            return read_keras_weights(file, found)
    if kind == "keras":
        from mlpcore.saving.keras_file import weights_of

        with weights_of(path) as file:
            return read_keras_weights(file, found)
    if kind == "npz":
        return read_npz(path), []
    if kind == "safetensors":
        return read_safetensors(path), []
    config, arrays = read_container(path)
    if config.get("kind") == "model":
        start = "weights/"
        return {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}, []
    if config.get("kind") != KIND:
        raise FileFormatError(f"{os.fspath(path)!r} holds a {str(config.get('kind'))[:40]!r}, not weights or a model.")
    return arrays, []


def kind_of(path: PathLike) -> str:
    """Return what a file holds by its first bytes: "hdf5", "keras", "npz", "safetensors" or "container".

    Raises
    ------
    IsADirectoryError
        A directory lies there.
    """
    path = os.fspath(path)  # a number would be a file that somebody else has open
    if os.path.isdir(path):
        hint = "saved by TensorFlow?" if os.path.exists(os.path.join(path, "saved_model.pb")) else "a file is expected"
        raise IsADirectoryError(f"{os.fspath(path)!r} is a directory ({hint}); mlpcore saves a model in one file")
    with open(path, "rb") as file:
        start = file.read(4096)
    if start.startswith(b"\x89HDF\r\n\x1a\n"):
        return "hdf5"
    if not start.startswith(b"PK\x03\x04"):
        return "safetensors" if Path(path).suffix.lower() == ".safetensors" else "container"
    name = start[30 : 30 + int.from_bytes(start[26:28], "little")]
    if name == b"config.json" and b'"mlpcore"' in start:
        return "container"
    if name.endswith(b".npy"):
        return "npz"
    return "keras" if name in (b"metadata.json", b"config.json", b"model.weights.h5") else "container"


# ------------------------------------------------ Keras' layout


def keras_groups(model: Layer) -> dict[str, dict[str, Any]]:
    """Return the groups that Keras expects in a file of weights, with the names of the layers."""
    return {f"{path}/vars" if path else "vars": {"name": layer.name} for path, layer in walk(model)}


def read_keras_weights(file: H5File, found: Mapping[str, tuple[Variable, str]]) -> tuple[Arrays, list[str]]:
    """Return the weights of a file in Keras' layout by our names, and what does not fit."""
    counts = Counter(theirs.rpartition("/")[0] for _, theirs in found.values())
    problems = []
    for group, count in counts.items():
        there = len(file.names(group))
        if there != count:
            problems.append(f"the layer {group.removesuffix('/vars')!r} has {there} weights there and {count} here")
    arrays: Arrays = {}
    for name, (variable, theirs) in found.items():
        try:
            arrays[name] = file.array(theirs, variable.shape)
        except FileFormatError as error:
            problems.append(str(error))
    return arrays, problems


def refuse_existing(path: PathLike, overwrite: bool) -> None:
    """Raise if something at `path` must not be replaced."""
    if not overwrite and os.path.lexists(path):
        raise FileExistsError(f"{os.fspath(path)!r} exists; pass overwrite=True to replace it")
