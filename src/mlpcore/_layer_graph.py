"""LayerGraph: a model's layers and what flows between them, as plain data for pictures and TensorBoard."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from mlpcore import _random
from mlpcore._structure import flatten
from mlpcore._tensor import KerasTensor

Shape = tuple[int | None, ...]


@dataclass(frozen=True)
class LayerNode:
    """One call of a layer or op."""

    name: str  # unique in the graph
    layer: str  # the layer's name: of several calls the same
    kind: str  # class of the layer
    inputs: list[str] = field(default_factory=list)  # names of the nodes whose results it takes
    input_shapes: list[Shape] = field(default_factory=list)
    output_shapes: list[Shape] = field(default_factory=list)
    n_params: int = 0
    trainable: bool | None = None  # None: nothing to train
    dtype: str = ""
    activation: str = ""
    inner: LayerGraph | None = None  # the layers of a model in the model


@dataclass(frozen=True)
class LayerGraph:
    """The calls of a model, each after those that it depends on; `is_traced` is False if the edges are unknown."""

    name: str
    nodes: list[LayerNode]
    inputs: list[str] = field(default_factory=list)  # nodes that stand for the inputs, in order
    outputs: list[str] = field(default_factory=list)  # nodes whose results are the outputs, in order
    is_traced: bool = True

    def expanded(self) -> LayerGraph:
        """Return the graph with the layers of inner models in the place of these; their names get a prefix."""
        nodes: list[LayerNode] = []
        ends: dict[str, list[str]] = {}  # an inner model's node -> the nodes that its results come from
        for node in self.nodes:
            sources = [end for name in node.inputs for end in ends.get(name, [name])]
            inner = None if node.inner is None else node.inner.expanded()
            if inner is None or not inner.is_traced or len(inner.inputs) != len(sources):
                nodes.append(replace(node, inputs=sources))
                continue
            renamed = {each.name: f"{node.name}/{each.name}" for each in inner.nodes}
            renamed.update(zip(inner.inputs, sources, strict=True))
            for each in inner.nodes:
                if each.name not in inner.inputs:
                    moved = [renamed[name] for name in each.inputs]
                    nodes.append(replace(each, name=renamed[each.name], inputs=moved))
            ends[node.name] = [renamed[name] for name in inner.outputs]
        outputs = [end for name in self.outputs for end in ends.get(name, [name])]
        return LayerGraph(self.name, nodes, self.inputs, outputs, self.is_traced)


def layer_graph(model: Any) -> LayerGraph:
    """Return the graph of a model's layers.

    Parameters
    ----------
    model : Model
        Built, or a functional one. A subclassed model is traced by calling it with placeholders; if its ``call``
        looks at numbers, its layers are listed without edges.

    Raises
    ------
    ValueError
        A model that is not built: its layers and shapes are not known yet.
    """
    inputs, outputs = (_placeholders(getattr(model, name, None)) for name in ("inputs", "outputs"))
    if not outputs:
        inputs, outputs = _called(model)
    if outputs:
        return _traced(model.name, inputs, outputs)
    if not hasattr(model, "layers"):
        raise TypeError(f"expected a model, got {model!r}")
    layers = list(model.layers)
    if not getattr(model, "built", True) or not layers:
        raise ValueError(f"the model {model.name!r} is not built: call it on data or fit it first")
    return LayerGraph(model.name, [_node(layer, layer.name, [], [], []) for layer in layers], is_traced=False)


def _called(model: Any) -> tuple[list[KerasTensor], list[KerasTensor]]:
    """Return the placeholders that a subclassed model's ``call`` gets and returns; none if it needs numbers."""
    config: dict[str, Any] = getattr(model, "get_build_config", dict)() or {}
    if config.get("input_shape") is None:
        return [], []
    inputs = _as_placeholders(config["input_shape"])
    try:
        with _random.kept():  # a picture changes no training
            return flatten(inputs), _placeholders(model.call(inputs))
    except Exception:  # whatever its code does without numbers
        return [], []


def _as_placeholders(shape: Any) -> Any:
    if isinstance(shape, dict):
        return {name: _as_placeholders(each) for name, each in shape.items()}
    if all(size is None or isinstance(size, int) for size in shape):
        return KerasTensor(tuple(shape), name="input")
    return [_as_placeholders(each) for each in shape]


def _placeholders(tensors: Any) -> list[KerasTensor]:
    return [each for each in flatten(tensors) if isinstance(each, KerasTensor)] if tensors is not None else []


def _traced(name: str, inputs: list[KerasTensor], outputs: list[KerasTensor]) -> LayerGraph:
    nodes: dict[int, LayerNode] = {}  # by the id of the call, of an input by the tensor's
    names: set[str] = set()
    input_ids = {id(tensor) for tensor in inputs}

    def key_of(tensor: KerasTensor) -> int:
        return id(tensor) if tensor.history is None or id(tensor) in input_ids else id(tensor.history)

    def add(tensor: KerasTensor) -> None:
        history = None if id(tensor) in input_ids else tensor.history
        if history is None:
            layer = tensor.name or "input"
            shapes = [tensor.shape]
            nodes[key_of(tensor)] = LayerNode(_unique(layer, names), layer, "InputLayer", [], shapes, shapes)
            return
        sources = _placeholders([history.args, history.kwargs])
        made = _placeholders(history.outputs)
        nodes[key_of(tensor)] = _node(
            history.function,
            _unique(_name(history.function), names),
            [nodes[key_of(source)].name for source in sources],
            [source.shape for source in sources],
            [each.shape for each in made],
        )

    for tensor in inputs:
        add(tensor)
    for output in outputs:
        stack = [output]
        while stack:  # a call is added when all that it needs is there
            tensor = stack[-1]
            needs = [] if tensor.history is None else _placeholders([tensor.history.args, tensor.history.kwargs])
            missing = [] if key_of(tensor) in nodes else [each for each in needs if key_of(each) not in nodes]
            if missing:
                stack += reversed(missing)
                continue
            stack.pop()
            if key_of(tensor) not in nodes:
                add(tensor)
    return LayerGraph(
        name,
        list(nodes.values()),
        [nodes[key_of(tensor)].name for tensor in inputs],
        [nodes[key_of(tensor)].name for tensor in outputs],
    )


def _node(layer: Any, name: str, inputs: list[str], input_shapes: list[Shape], output_shapes: list[Shape]) -> LayerNode:
    is_layer = hasattr(layer, "count_params")
    weights = getattr(layer, "weights", [])
    activation = getattr(layer, "activation", None)
    is_model = hasattr(layer, "layers") and hasattr(layer, "fit")
    return LayerNode(
        name=name,
        layer=_name(layer),
        kind=type(layer).__name__ if is_layer else _camel(_name(layer)),
        inputs=inputs,
        input_shapes=input_shapes,
        output_shapes=output_shapes,
        n_params=int(layer.count_params()) if is_layer else 0,
        trainable=bool(layer.trainable) if weights else None,
        dtype=str(getattr(layer, "dtype", "") or ""),
        activation=_name(activation) if activation is not None else "",
        inner=layer_graph(layer) if is_model else None,
    )


def _name(thing: Any) -> str:
    return str(getattr(thing, "name", None) or getattr(thing, "__name__", None) or type(thing).__name__)


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("_"))


def _unique(name: str, taken: set[str]) -> str:
    number, candidate = 1, name
    while candidate in taken:
        number += 1
        candidate = f"{name}:{number}"
    taken.add(candidate)
    return candidate
