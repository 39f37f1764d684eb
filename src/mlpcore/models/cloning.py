"""clone_model: the same layers with new weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlpcore._registry import functions_kept
from mlpcore._structure import Structure, flatten, map_structure, pack
from mlpcore._tensor import KerasTensor
from mlpcore._validation import checked
from mlpcore.layers import InputLayer, Layer
from mlpcore.models.model import Model
from mlpcore.models.sequential import Sequential


@checked
def clone_model(
    model: Model,
    input_tensors: Structure = None,
    clone_function: Callable[[Layer], Layer] | None = None,
) -> Any:
    """Return a model of new layers of the same configuration, with new weights; compiled alike if the model is.

    Parameters
    ----------
    model : Model
        Functional or Sequential; a subclass is made anew from its constructor's arguments.
    input_tensors : KerasTensor or structure of KerasTensors, optional
        The inputs of the new model; default: new ones like the old.
    clone_function : callable, optional
        Returns the new layer for each old one; returning the old one shares it.

    Returns
    -------
    Model

    Examples
    --------
    >>> import mlpcore
    >>> model = mlpcore.Sequential([mlpcore.Input((3,)), mlpcore.layers.Dense(2)])
    >>> copy = mlpcore.models.clone_model(model)
    >>> copy.set_weights(model.get_weights())
    """
    if not isinstance(model, Model):
        raise TypeError(f"clone_model: model must be a Model, got {model!r}")
    with functions_kept():
        copy = _copied(model, input_tensors, clone_function or _cloned)
        if not model.compiled:
            return copy
        try:
            copy.compile_from_config(model.get_compile_config())
        except ValueError as error:
            raise ValueError(
                f"clone_model: {model.name!r} is compiled with what cannot be made anew: {error} Give it a "
                "get_config() with the arguments of its constructor, or clone the model before compile()."
            ) from error
    return copy


def _copied(model: Model, input_tensors: Structure, clone: Callable[[Layer], Layer]) -> Any:
    if isinstance(model, Sequential) and type(model).from_config.__func__ is Sequential.from_config.__func__:  # type: ignore[attr-defined]
        layers: list[Any] = [clone(layer) for layer in model.layers]
        first = model._first
        if input_tensors is not None:
            layers.insert(0, flatten(input_tensors)[0])
        elif first is not None:
            layers.insert(0, InputLayer(batch_shape=first.batch_shape, dtype=first.input_dtype, name=first.name))
        return Sequential(layers, name=model.name, trainable=model.trainable)
    if model._wiring is None:
        return type(model).from_config(model.get_config())
    return _cloned_graph(model, input_tensors, clone)


def _cloned(layer: Layer) -> Layer:
    if isinstance(layer, Model):
        whole: Layer = clone_model(layer)
        return whole
    new: Layer = type(layer).from_config(layer.get_config())
    return new


def _cloned_graph(model: Model, input_tensors: Structure, clone: Callable[[Layer], Layer]) -> Model:
    wiring = model._known_wiring()
    graph = wiring.graph
    if input_tensors is None:
        new_inputs = [InputLayer(batch_shape=t.shape, dtype=t.dtype, name=t.name).output for t in graph.inputs]
    else:
        new_inputs = flatten(input_tensors)
    tensors: dict[int, Any] = dict(zip(map(id, graph.inputs), new_inputs, strict=True))
    layers: dict[int, Any] = {}

    def replaced(argument: Any) -> Any:
        return tensors[id(argument)] if isinstance(argument, KerasTensor) else argument

    for node in graph.nodes:
        if node.history is None:
            continue
        function = node.history.function
        if isinstance(function, Layer):
            if id(function) not in layers:
                layers[id(function)] = clone(function)
            function = layers[id(function)]
        result = function(*map_structure(replaced, node.history.args), **map_structure(replaced, node.history.kwargs))
        for old, new in zip(node.outputs, flatten(result), strict=True):
            tensors[id(old)] = new
    outputs = pack(wiring.outputs, [tensors[id(tensor)] for tensor in graph.outputs])
    return type(model)(pack(wiring.inputs, new_inputs), outputs, name=model.name)
