"""Estimators in files: parameters and fitted attributes as JSON and arrays, without pickle.

What a file can name is in `_HOMES` and `_parts` below or passed by the caller; nothing else is ever looked up.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from mlpcore._validation import checked
from mlpcore.saving.container import read_container, write_container
from mlpcore.saving.errors import FileFormatError, PathLike
from mlpcore.saving.generators import generator_state, restored_generator
from mlpcore.saving.trees import pack, unpack

KIND = "estimator"
_HOMES = {  # class -> the module that defines it
    "MLPClassifier": "mlpcore.estimators.classifier",
    "MLPRegressor": "mlpcore.estimators.regressor",
    "Perceptron": "mlpcore.estimators.perceptron",
}
_PARTS = {  # what estimators hold besides plain data -> the module that defines it
    "LabelBinarizer": "sklearn.preprocessing",
    "Forward": "mlpcore.estimators._forward",
    "Optimizer": "mlpcore.estimators._optimizer",
    "Constant": "mlpcore.estimators._schedule",
    "InverseScaling": "mlpcore.estimators._schedule",
    "Adaptive": "mlpcore.estimators._schedule",
    "Curve": "mlpcore.estimators._schedule",
}
_MARK = "__class__"
_PASSED_OVER = {"_sklearn_version"}


@checked
def save_estimator(estimator: Any, path: PathLike) -> None:
    """Write an estimator, fitted or not, to one file that holds no code.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor, Perceptron or a subclass
        With parameters of plain data: numbers, strings, None, tuples, lists, dicts, arrays, random generators.
    path : str or path-like
        The file, of any name. What lay there is replaced at the very end.

    Raises
    ------
    TypeError
        A parameter or attribute is a function or another object that only a pickle can hold; the message names it.

    See Also
    --------
    load_estimator

    Examples
    --------
    >>> import os, tempfile
    >>> from mlpcore import Perceptron
    >>> model = Perceptron(random_state=0).fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 1])
    >>> path = os.path.join(tempfile.mkdtemp(), "or_gate")
    >>> save_estimator(model, path)
    >>> load_estimator(path).predict([[1, 0]])
    array([1])
    """
    cls = type(estimator)
    if not _is_known(cls):
        raise TypeError(f"{cls.__name__} cannot be saved; {sorted(_HOMES)} and their subclasses can")
    state = {key: value for key, value in estimator.__getstate__().items() if key not in _PASSED_OVER}
    config, arrays = pack({"state": _Encoder()(state, cls.__name__)}, "estimator")
    write_container(path, {"kind": KIND, "class_name": cls.__name__, **config}, arrays)


@checked
def load_estimator(path: PathLike, custom_objects: Mapping[str, type] | None = None) -> Any:
    """Return the estimator that `save_estimator` wrote; it predicts, and trains on, with the same bits.

    Parameters
    ----------
    path : str or path-like
        The file.
    custom_objects : dict of str to class, optional
        Your own subclasses, by the name of the class.

    Returns
    -------
    MLPClassifier, MLPRegressor, Perceptron or one of `custom_objects`

    Raises
    ------
    FileFormatError
        The file is torn, foreign, damaged or hostile, or of a class that has not been passed.
    """
    config, arrays = read_container(path, kind=KIND)
    try:
        cls = _class_of(config.get("class_name"), custom_objects or {})
        state = _Decoder()(unpack(config.get("state"), arrays))
        estimator = cls.__new__(cls)
        state = _checked_names(cls, state)
        estimator.__setstate__(state)
        _check_shapes(state)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        what = f"{error} is missing" if isinstance(error, KeyError) else error
        raise FileFormatError(f"{str(path)!r}: {what}. Save the estimator again, or take another copy.") from None
    return estimator


def _is_known(cls: type) -> bool:
    return any(base.__module__ == _HOMES.get(base.__name__) for base in cls.__mro__)


def _class_of(name: Any, custom_objects: Mapping[str, type]) -> Any:
    if name in custom_objects:
        if not _is_known(custom_objects[name]):
            raise TypeError(f"{name!r} in custom_objects is no subclass of {sorted(_HOMES)}")
        return custom_objects[name]
    if not isinstance(name, str) or name not in _HOMES:
        raise ValueError(f"it holds a {str(name)[:80]!r}; pass the class as custom_objects={{{str(name)[:80]!r}: ...}}")
    return getattr(import_module(_HOMES[name]), name)


def _checked_names(cls: Any, state: Any) -> dict[str, Any]:
    """Let a file set parameters and fitted attributes, never what the class defines.

    Parameters that its version did not know yet get their defaults.
    """
    if not isinstance(state, dict):
        raise ValueError("no state of an estimator")
    parameters = set(cls._get_param_names())
    for name in state:
        fitted = (name.endswith("_") or name.startswith("_")) and not name.startswith("__")
        if name not in parameters and (not name.isidentifier() or not fitted or hasattr(cls, name)):
            raise ValueError(f"{name!r} is no attribute of a {cls.__name__}")
    signature = inspect.signature(cls).parameters
    defaults = {name: signature[name].default for name in parameters - set(state)}
    if missing := sorted(name for name, value in defaults.items() if value is inspect.Parameter.empty):
        raise ValueError(f"the parameters {missing} are missing")
    return {**defaults, **state}


def _check_shapes(state: Mapping[str, Any]) -> None:
    """Refuse weights that do not follow one another."""
    for name in ("n_features_in_", "n_outputs_", "n_layers_", "n_iter_", "t_"):
        if name in state and (isinstance(state[name], (bool, str)) or not state[name] >= 0):
            raise ValueError(f"{name} is {state[name]!r}")
    if "coef_" in state:
        coef, classes = state["coef_"], state["classes_"]
        n_units = 1 if len(classes) == 2 and not state.get("outputs_2d_", False) else len(classes)
        if coef.shape != (n_units, state["n_features_in_"]) or state["intercept_"].shape != (n_units,):
            raise ValueError(f"weights of shape {coef.shape} for {len(classes)} classes")
    if "coefs_" not in state:
        return
    coefs, intercepts = state["coefs_"], state["intercepts_"]
    width = state["n_features_in_"]
    if len(coefs) != len(intercepts) or len(coefs) != state["n_layers_"] - 1:
        raise ValueError(f"{len(coefs)} matrices and {len(intercepts)} vectors for {state['n_layers_']} layers")
    for layer, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        if coef.ndim != 2 or coef.shape[0] != width or intercept.shape != coef.shape[1:] or coef.dtype.kind != "f":
            raise ValueError(f"layer {layer} has weights {coef.shape} and {intercept.shape} for {width} inputs")
        width = coef.shape[1]
    expected = [array.shape for pair in zip(coefs, intercepts, strict=True) for array in pair]
    for slot in getattr(state.get("_optimizer"), "_slots", []):
        if [array.shape for array in slot] != expected:
            raise ValueError("the optimizer's slots have other shapes than the weights")


class _Encoder:
    """Objects to trees of plain data; one object met twice stays one."""

    def __init__(self) -> None:
        self._met: dict[int, int] = {}
        self._kept: list[Any] = []  # so that no id is used again

    def __call__(self, value: Any, where: str) -> Any:
        if value is None or isinstance(value, (bool, int, float, str, np.generic)):
            return value
        if isinstance(value, np.ndarray):
            return self._array(value, where)
        if isinstance(value, (list, tuple)):
            items = [self(item, f"{where}[{index}]") for index, item in enumerate(value)]
            return items if type(value) is list else tuple(items)
        if isinstance(value, dict):
            if all(type(key) is str and key != _MARK for key in value):
                return {key: self(item, f"{where}.{key}") for key, item in value.items()}
            return {_MARK: "dict", "items": [[self(key, where), self(item, where)] for key, item in value.items()]}
        return self._object(value, where)

    def _array(self, value: np.ndarray[Any, Any], where: str) -> Any:
        if value.dtype.kind != "O":
            return value
        if not all(isinstance(item, (str, int, float, bool, type(None))) for item in value.flat):
            raise TypeError(f"{where}: an array of objects other than strings and numbers cannot be saved")
        return {_MARK: "array", "shape": list(value.shape), "items": list(value.flat)}

    def _object(self, value: Any, where: str) -> Any:
        if id(value) in self._met:
            return {_MARK: "same", "index": self._met[id(value)]}
        self._met[id(value)] = len(self._met)
        self._kept.append(value)
        if isinstance(value, (np.random.RandomState, np.random.Generator)):
            return {_MARK: "generator", "state": generator_state(value)}
        cls = type(value)
        home = _PARTS.get(cls.__name__)
        if home is None or getattr(import_module(home), cls.__name__) is not cls:
            raise TypeError(
                f"{where} is {value!r}, which no file without code can hold: set it to plain data, or use pickle"
            )
        if cls.__name__ == "Forward":  # holds nothing that a copy needs
            return {_MARK: "Forward", "state": {}}
        state = {key: item for key, item in value.__getstate__().items() if key not in _PASSED_OVER}
        return {_MARK: cls.__name__, "state": self(state, where)}


class _Decoder:
    """Trees of plain data to the objects that `_Encoder` saw."""

    def __init__(self) -> None:
        self._met: list[Any] = []

    def __call__(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self(item) for item in value]
        if isinstance(value, tuple):
            return tuple([self(item) for item in value])
        if not isinstance(value, dict):
            return value
        if _MARK not in value:
            return {key: self(item) for key, item in value.items()}
        kind = value[_MARK]
        if kind == "same":
            return self._met[value["index"]] if value["index"] in range(len(self._met)) else _refuse(kind)
        if kind == "dict":
            return {self(key): self(item) for key, item in value["items"]}
        if kind == "array":
            array = np.empty(len(value["items"]), object)
            array[:] = value["items"]
            return array.reshape(value["shape"])
        index = len(self._met)
        self._met.append(None)  # the place that it had when it was written
        self._met[index] = _MADE[kind](self, value["state"]) if kind in _MADE else self._part(kind, value["state"])
        return self._met[index]

    def _part(self, kind: str, state: Any) -> Any:
        if kind not in _PARTS:
            _refuse(kind)
        cls = getattr(import_module(_PARTS[kind]), kind)
        made = cls.__new__(cls)
        attributes = self(state)
        if not isinstance(attributes, dict) or any(hasattr(cls, name) for name in attributes):
            _refuse(kind)
        vars(made).update(attributes)
        return made


_MADE: dict[str, Callable[[_Decoder, Any], Any]] = {
    "generator": lambda _, state: restored_generator(state),
    "Forward": lambda _, __: getattr(import_module(_PARTS["Forward"]), "Forward")(),  # noqa: B009  no import upwards
}


def _refuse(kind: Any) -> Any:
    raise ValueError(f"a damaged entry of kind {str(kind)[:40]!r}")
