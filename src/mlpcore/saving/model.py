"""Whole models in files: structure, weights, compilation and the optimizer's state."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from mlpcore import _random, _registry
from mlpcore._arena import at_most
from mlpcore._validation import checked, suggest
from mlpcore.layers import Layer
from mlpcore.saving.building import build, build_config
from mlpcore.saving.container import read_container, write_container
from mlpcore.saving.errors import FileFormatError, PathLike
from mlpcore.saving.state import (
    check_optimizer,
    check_slots,
    optimizer_slots,
    optimizer_state,
    set_optimizer,
    set_session,
)
from mlpcore.saving.weights import assign, kind_of, mismatches, named_variables, refuse_existing, walk, weight_arrays

KIND = "model"
_FORMATS = ("mlpcore", "tf", "keras", "h5")


@checked
def save_model(
    model: Any,
    path: PathLike,
    overwrite: bool = True,
    save_format: str | None = None,
    include_optimizer: bool = True,
) -> None:
    """Write a model to one file: its structure, weights, compilation and the optimizer's state.

    Parameters
    ----------
    model : Model
        Any kind. One that is not built yet is saved without weights.
    path : str or path-like
        ``.keras`` is written as Keras 3 writes it, which needs h5py. Any other name, with a suffix or without, gets
        mlpcore's own format: a zip file of JSON and NumPy arrays.
    overwrite : bool, default=True
        Whether a file there may be replaced.
    save_format : {"mlpcore", "tf", "keras"}, optional
        Decides in the place of the suffix; "tf" is another name of "mlpcore", for code written for TensorFlow.
    include_optimizer : bool, default=True
        Whether training can go on where it was.

    Raises
    ------
    FileExistsError
        There is a file and `overwrite` is False.
    IsADirectoryError
        A directory lies there.
    ValueError
        Something in the model has no name that a file could hold, as a lambda; or an unknown `save_format`.

    Examples
    --------
    >>> import os, tempfile, numpy as np
    >>> from mlpcore import layers, models
    >>> model = models.Sequential([layers.Input((2,)), layers.Dense(1)])
    >>> path = os.path.join(tempfile.mkdtemp(), "my_keras_model")
    >>> save_model(model, path)
    >>> bool((load_model(path).predict(np.ones((1, 2)), verbose=0) == model.predict(np.ones((1, 2)), verbose=0)).all())
    True
    """
    if isinstance(model, type) or not hasattr(model, "get_compile_config"):
        raise TypeError(f"save_model: model must be a Model, got {model!r}")
    if save_format is not None and save_format not in _FORMATS:
        raise ValueError(f"unknown save_format {save_format!r}{suggest(str(save_format), list(_FORMATS))}")
    suffix = Path(path).suffix.lower()
    if save_format == "h5" or (save_format is None and suffix in (".h5", ".hdf5")):
        raise ValueError(
            f"{os.fspath(path)!r}: whole models are not written to Keras' older .h5 files; "
            "use .keras, a name without suffix, or save_weights('....weights.h5')"
        )
    refuse_existing(path, overwrite)
    _note_classes(model)
    if save_format == "keras" or (save_format is None and suffix == ".keras"):
        from mlpcore.saving.keras_file import save_keras

        save_keras(model, path, include_optimizer)
        return
    arrays = {f"weights/{name}": array for name, array in weight_arrays(model).items()}
    compiled: dict[str, Any] = {}
    if include_optimizer and model.compiled:
        compiled = {"compile": model.get_compile_config(), "optimizer": {**optimizer_state(model), "slots": 0}}
        for number, slot in enumerate(optimizer_slots(model)):
            arrays.update({f"optimizer/{number}/{name}": array for name, array in slot.items()})
            compiled["optimizer"]["slots"] = number + 1
    config = {"kind": KIND, "model": _registry.serialize_object(model), "build": build_config(model), **compiled}
    write_container(path, config, arrays)


@checked
def load_model(
    path: PathLike, custom_objects: Mapping[str, Any] | None = None, compile: bool = True, safe_mode: bool = True
) -> Any:
    """Return the model that ``model.save`` wrote, or Keras 3 to a ``.keras`` or ``.h5`` file.

    Parameters
    ----------
    path : str or path-like
        The file. Its contents decide on the format.
    custom_objects : dict of str to class or function, optional
        Your own classes and functions by name. Those registered with `register_keras_serializable`, and classes of
        layers and models that this process has defined, are found without.
    compile : bool, default=True
        Whether the model is compiled, with the optimizer's state, if it was.
    safe_mode : bool, default=True
        For Keras' sake. Code in files is never run, whatever it is.

    Returns
    -------
    Model

    Raises
    ------
    FileFormatError
        The file is torn, foreign, damaged or hostile.
    ValueError
        It names a class or function that is not known.

    See Also
    --------
    save_model
    """
    import_module("mlpcore.models")  # defines what files call Sequential and Functional
    where = os.fspath(path)
    kind = kind_of(path)
    with _registry.custom_object_scope(custom_objects or {}):
        if kind == "hdf5":
            from mlpcore.saving.keras_h5 import load_h5

            return load_h5(path, compile)
        if kind == "keras":
            from mlpcore.saving.keras_file import load_keras

            return load_keras(path, compile)
        config, arrays = read_container(path, kind=KIND)
        with reviving(where):
            return _restored(config, arrays, compile)


@contextlib.contextmanager
def reviving(where: str) -> Iterator[None]:
    """Keep the package's random stream as it is, and let what a damaged description raises say which file it is in."""
    try:
        with _random.kept():
            yield
    except FileFormatError as error:
        raise FileFormatError(f"{where!r}: {error}. Save it again, or take another copy.") from None
    except (KeyError, TypeError, AttributeError, IndexError, OverflowError, MemoryError, RecursionError) as error:
        raise FileFormatError(f"{where!r}: a damaged description of a model ({error!r}). Save it again.") from None


def _restored(config: Mapping[str, Any], arrays: Mapping[str, Any], compile: bool) -> Any:
    weights = {name[len("weights/") :]: array for name, array in arrays.items() if name.startswith("weights/")}
    with at_most(sum(array.nbytes for array in weights.values())):
        model = _registry.deserialize(config["model"])
        if not isinstance(model, Layer):
            raise FileFormatError("its description is not one of a model")
        build(model, config["build"])
    found = named_variables(model)
    if problems := mismatches({name: variable.shape for name, (variable, _) in found.items()}, weights):
        raise FileFormatError(f"description and weights differ: {problems[0]}")
    assign(found, weights)
    if compile and "compile" in config:
        model.compile_from_config(config["compile"])  # type: ignore[attr-defined]
        _restore_optimizer(model, config["optimizer"], arrays, found)
    return model


def _restore_optimizer(model: Any, state: Mapping[str, Any], arrays: Mapping[str, Any], found: Any) -> None:
    check_optimizer(model.optimizer, state)
    if type(state["slots"]) is not int or not 0 <= state["slots"] <= len(arrays):
        raise FileFormatError(f"an optimizer with {state['slots']!r} slots")
    starts = [f"optimizer/{number}/" for number in range(state["slots"])]
    slots = [{name[len(each) :]: a for name, a in arrays.items() if name.startswith(each)} for each in starts]
    slots = check_slots(slots, found)
    set_optimizer(model.optimizer, state)
    set_session(model, slots, 0, np.random.default_rng(0))  # fit draws new ones


def _note_classes(model: Any) -> None:
    """Let this process find the user's classes in the model by their names alone, as long as they live."""
    for _, layer in walk(model):
        _registry.note_class(type(layer))
