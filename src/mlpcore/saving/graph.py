"""The graph of a functional model as JSON, in the form that Keras 3 writes and reads, and the graph made from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import EllipsisType
from typing import Any

import numpy as np

from mlpcore import _registry
from mlpcore._structure import flatten, map_structure
from mlpcore._tensor import KerasTensor

_MOST_CALLS = 1 << 16
Place = tuple[str, int, int]  # a layer's name, the number of its call, the number among what the call returned


def graph_config(graph: Any, inputs: Any, outputs: Any) -> dict[str, Any]:
    """Return the layers of a functional model, how they are called, and which tensors go in and come out.

    Parameters
    ----------
    graph : Graph
        With ``operations``, ``nodes_of`` and ``place``.
    inputs, outputs : KerasTensor, or list, tuple or dict of these
        As the model was made with.

    Returns
    -------
    dict
        ``layers``, ``input_layers`` and ``output_layers``, plain JSON.

    Raises
    ------
    TypeError
        A layer is called with something that has no JSON form.
    """
    nested = {operation.name for operation in graph.operations if _is_functional(operation)}

    def end(tensor: KerasTensor) -> list[Any]:
        name, node, index = graph.place(tensor)
        return [name, node + (name in nested), index]  # here, and here alone, Keras counts a model's making as a call

    def plain(value: Any) -> Any:
        if isinstance(value, KerasTensor):
            config = {"shape": list(value.shape), "dtype": value.dtype, "keras_history": list(graph.place(value))}
            return {"class_name": "__keras_tensor__", "config": config}
        return _plain(value, plain)

    layers = []
    for operation in graph.operations:
        nodes = [node.history for node in graph.nodes_of(operation) if node.history is not None]
        calls = [{"args": [plain(each) for each in node.args], "kwargs": plain(node.kwargs)} for node in nodes]
        if hasattr(operation, "get_config"):
            config = _registry.serialize_object(operation)
        else:
            config, calls = _op_config(operation, nodes[0], plain)
        layers.append({**config, "name": operation.name, "inbound_nodes": calls})
    return {
        "layers": layers,
        "input_layers": map_structure(end, inputs),
        "output_layers": map_structure(end, outputs),
    }


def _is_functional(operation: Any) -> bool:
    return any(base.__name__ == "Functional" for base in type(operation).__mro__)


def _plain(value: Any, plain: Callable[[Any], Any]) -> Any:
    """Return what `value` is in Keras' JSON; `plain` is called for what stands within."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, (list, tuple)):
        return [plain(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, slice):
        ends = {name: plain(getattr(value, name)) for name in ("start", "stop", "step")}
        return {"class_name": "__slice__", "config": ends}
    if isinstance(value, EllipsisType):
        return {"class_name": "__ellipsis__", "config": {}}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"class_name": "__numpy__", "config": {"value": value.tolist(), "dtype": value.dtype.name}}
    if isinstance(value, np.dtype):
        return value.name
    raise TypeError(f"a call with {value!r} cannot be saved; tensors, numbers, strings, arrays and structures can")


# ------------------------------------------------ functions of `mlpcore.ops`

_TENSORS = {  # the arguments that Keras' ops are called with; the others belong to the op
    "a", "arrays", "b", "condition", "indices", "inputs", "key", "operands", "source", "target", "tensors", "values",
    "x", "x1", "x2", "xs",
}  # fmt: skip


def _op_config(operation: Any, history: Any, plain: Callable[[Any], Any]) -> tuple[dict[str, Any], list[Any]]:
    function = history.function
    given = inspect.signature(function).bind(*history.args, **history.kwargs)
    called: list[Any] = []
    settings: dict[str, Any] = {}
    for name, parameter in given.signature.parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            called += [plain(each) for each in given.arguments.get(name, ())]
        elif name in given.arguments and (not settings and (name in _TENSORS or not called)):
            called.append(plain(given.arguments[name]))
        elif name in given.arguments:
            settings[name] = plain(given.arguments[name])
    config = {
        "module": "mlpcore.ops",
        "class_name": operation.class_name,
        "config": {"name": operation.name, **settings},
        "registered_name": operation.class_name,
    }
    return config, [{"args": called, "kwargs": {}}]


class _Op:
    """A function of `mlpcore.ops` with the settings that a file gives; called like a layer."""

    def __init__(self, data: Mapping[str, Any], find: Callable[[str], Any]) -> None:
        name = str(data["class_name"])
        self.function = find(_registry.snake_case(name))
        if not getattr(self.function, "__module__", "").startswith("mlpcore.ops"):
            raise ValueError(f"mlpcore has no layer or function {name!r}")
        known = inspect.signature(self.function).parameters
        self.settings: dict[str, Any] = {}
        for key, value in data["config"].items():
            if key in known and key != "name":
                self.settings[key] = _Reader({}).value(value)
            elif key not in ("name", "dtype", "trainable") and value is not None:
                raise ValueError(f"mlpcore's function {name!r} has no argument {key!r}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.function(*args, **kwargs, **self.settings)


# ------------------------------------------------ reading


def graph_from_config(
    config: Mapping[str, Any],
    custom_objects: Mapping[str, Any] | None = None,
    find_op: Callable[[str], Any] = lambda name: None,
) -> tuple[Any, Any]:
    """Make the layers that `graph_config` described and call them as described.

    Parameters
    ----------
    config : dict
        ``layers``, ``input_layers`` and ``output_layers``.
    custom_objects : dict, optional
        Your own classes and functions by name.
    find_op : callable
        Returns the function of `mlpcore.ops` that goes by a name, or None.

    Returns
    -------
    inputs, outputs : KerasTensor, or list, tuple or dict of these

    Raises
    ------
    ValueError
        The graph has gaps or loops, or names something unknown.
    """
    made: dict[str, Any] = {}
    waiting: dict[str, list[Any]] = {}
    tensors: dict[Place, Any] = {}
    for data in config["layers"]:
        name = data["name"]
        if name in made:
            raise ValueError(f"two layers are called {name!r}")
        is_op = str(data.get("module")).partition(".src")[0].endswith(".ops") or ".src.ops" in str(data.get("module"))
        made[name] = layer = _Op(data, find_op) if is_op else _registry.deserialize(data, custom_objects, "layers")
        waiting[name] = list(data["inbound_nodes"])
        if not callable(layer):
            raise ValueError(f"{name!r} is no layer")
        if not waiting[name] and hasattr(layer, "output"):
            tensors[name, 0, 0] = layer.output
    if sum(map(len, waiting.values())) > _MOST_CALLS:
        raise ValueError(f"a graph of more than {_MOST_CALLS} calls")
    reader = _Reader(tensors, {name for name, layer in made.items() if _is_functional(layer)})
    while any(waiting.values()):
        before = sum(map(len, waiting.values()))
        for name, calls in waiting.items():
            _call_while_possible(name, made[name], calls, reader)
        if sum(map(len, waiting.values())) == before:
            stuck = sorted(name for name, calls in waiting.items() if calls)
            raise ValueError(f"the graph has gaps or loops; calls that never get their inputs: {stuck[:5]}")
    return reader.structure(config["input_layers"]), reader.structure(config["output_layers"])


def _call_while_possible(name: str, layer: Any, calls: list[Any], reader: _Reader) -> None:
    """Do the calls of a layer in their order, up to the first one whose inputs are not there yet."""
    while calls and reader.has_all(calls[0]):
        if not isinstance(calls[0], list) and not _places(calls[0]):
            raise ValueError(f"a call of {name!r} on nothing that comes from the inputs")
        args, kwargs = reader.arguments(calls.pop(0))
        if not isinstance(layer, _Op):
            kwargs = {key: value for key, value in kwargs.items() if not (key == "mask" and value is None)}
        number = reader.counts.get(name, 0)
        reader.counts[name] = number + 1
        for index, tensor in enumerate(flatten(layer(*args, **kwargs))):
            reader.tensors[name, number, index] = tensor


class _Reader:
    """Turns the JSON of arguments back into values and the tensors made so far."""

    def __init__(self, tensors: dict[Place, Any], nested: set[str] | None = None) -> None:
        self.tensors = tensors
        self.nested = nested or set()  # names of models in the graph
        self.counts: dict[str, int] = {}

    def arguments(self, call: Any) -> tuple[list[Any], dict[str, Any]]:
        """Return what a layer is called with."""
        if isinstance(call, list):  # the older form: [[name, node, tensor, kwargs], ...]
            inputs = [self.tensors[_place(each)] for each in call]
            return [inputs[0] if len(inputs) == 1 else inputs], dict(call[0][3]) if len(call[0]) > 3 else {}
        args, kwargs = self.value(call["args"]), self.value(call["kwargs"])
        if not isinstance(args, list) or not isinstance(kwargs, dict):
            raise ValueError(f"a call with {str(call)[:80]}")
        return args, kwargs

    def has_all(self, call: Any) -> bool:
        """Tell whether every tensor that a call needs has been made."""
        if isinstance(call, list):
            return all(_place(each) in self.tensors for each in call)
        return all(place in self.tensors for place in _places(call))

    def structure(self, places: Any) -> Any:
        """Return the tensors in the places of a nested structure of places."""
        if isinstance(places, list) and len(places) == 3 and isinstance(places[0], str):
            name, node, index = _place(places)
            place = name, node - (name in self.nested), index
            if place not in self.tensors:
                raise ValueError(f"the graph has no tensor {places}")
            return self.tensors[place]
        if isinstance(places, dict):
            return {key: self.structure(each) for key, each in places.items()}
        if not isinstance(places, list):
            raise ValueError(f"{str(places)[:80]} is no place of a tensor")
        return [self.structure(each) for each in places]

    def value(self, data: Any) -> Any:
        """Return what a piece of JSON stands for."""
        if isinstance(data, list):
            return [self.value(each) for each in data]
        if not isinstance(data, dict):
            return data
        if "class_name" not in data:
            return {key: self.value(each) for key, each in data.items()}
        kind, config = data["class_name"], data.get("config") or {}
        if kind == "__keras_tensor__":
            return self.tensors[_place(config["keras_history"])]
        if kind == "__tuple__":
            return tuple(self.value(each) for each in config["items"])
        if kind == "__slice__":
            return slice(*(self.value(config[name]) for name in ("start", "stop", "step")))
        if kind == "__ellipsis__":
            return ...
        if kind in ("__numpy__", "__tensor__"):
            dtype = np.dtype(str(config["dtype"]))
            if dtype.kind not in "biuf":
                raise ValueError(f"an array of {dtype}")
            return np.array(config["value"], dtype)
        return _registry.deserialize(data)


def _place(history: Any) -> Place:
    name, node, index = history[:3]
    return str(name), int(node), int(index)


def _places(data: Any) -> list[Place]:
    """Return the places of all tensors in the JSON of a call."""
    if isinstance(data, list):
        return [place for each in data for place in _places(each)]
    if not isinstance(data, dict):
        return []
    if data.get("class_name") == "__keras_tensor__":
        return [_place(data["config"]["keras_history"])]
    return [place for each in data.values() for place in _places(each)]
