"""The graph of a functional model: which calls lead from its inputs to its outputs, and in which order they run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlpcore._structure import Structure, flatten, map_structure, pack
from mlpcore._tensor import History, KerasTensor
from mlpcore.layers import InputLayer, Layer


class OpCall:
    """One call of a function of `mlpcore.ops` in a graph, which is listed among the layers like one."""

    def __init__(self, history: History, name: str):
        self.history = history
        self.name = name
        self.class_name = "".join(part.capitalize() for part in history.function.__name__.split("_"))

    def count_params(self) -> int:
        """Return 0."""
        return 0


Operation = Layer | OpCall


class Node:
    """One call of a layer or op: which tensors go in and which come out. An input is a node of its `InputLayer`."""

    def __init__(self, operation: Operation, history: History | None, outputs: Sequence[KerasTensor]):
        self.operation = operation
        self.history = history
        self.outputs = list(outputs)
        arguments = [] if history is None else flatten([history.args, history.kwargs])
        self.inputs = [each for each in arguments if isinstance(each, KerasTensor)]
        self.depth = 0
        self.index = 0  # among the calls of this operation in the graph


class Graph:
    """The calls between inputs and outputs.

    Parameters
    ----------
    inputs, outputs : KerasTensor or structure of KerasTensors
        Where it begins and ends. An input may be any tensor: what leads to it is left out.

    Attributes
    ----------
    nodes : list of Node
        In an order in which they can run.
    operations : list of Layer or OpCall
        The layers and ops, each once, in Keras' order: far from the outputs first.

    Raises
    ------
    ValueError
        An output does not depend on the inputs alone, or two layers have the same name.
    """

    def __init__(self, inputs: Structure, outputs: Structure):
        self.inputs: list[KerasTensor] = flatten(inputs)
        self.outputs: list[KerasTensor] = flatten(outputs)
        self._output_structure = map_structure(lambda _: None, outputs)
        self._nodes: dict[int, Node] = {}  # by the id of what a call returned, of an input by that of the tensor
        self._order: dict[int, int] = {}  # id of an operation -> when it was first met
        self._op_names: dict[str, int] = {}
        self._input_ids = {id(tensor) for tensor in self.inputs}
        self.nodes: list[Node] = []
        for tensor in self.outputs:
            self._visit(tensor)
        self._set_depths()
        self.operations = self._sorted_operations()
        self._check_names()
        self._steps = self._compiled()

    def __reduce__(self) -> Any:
        return Graph, (self.inputs, pack(self._output_structure, self.outputs))

    # ------------------------------------------------ building

    def _node_of(self, tensor: KerasTensor) -> Node:
        is_input = id(tensor) in self._input_ids or tensor.history is None
        key = id(tensor) if is_input or tensor.history is None else id(tensor.history.outputs)
        if key not in self._nodes:
            if is_input:
                self._nodes[key] = Node(_input_layer(tensor), None, [tensor])
            else:
                history = tensor.history
                assert history is not None
                function = history.function
                operation = function if isinstance(function, Layer) else OpCall(history, self._op_name(history))
                self._nodes[key] = Node(operation, history, flatten(history.outputs))
        return self._nodes[key]

    def _op_name(self, history: History) -> str:
        name = history.function.__name__
        number = self._op_names.get(name, 0)
        self._op_names[name] = number + 1
        return f"{name}_{number}" if number else name

    def _visit(self, tensor: KerasTensor) -> None:
        """Append the nodes that lead to a tensor, each after those that it needs."""
        stack: list[tuple[Node, int]] = []

        def enter(tensor: KerasTensor) -> None:
            node = self._node_of(tensor)
            if id(node) in finished:
                return
            if node.history is None and id(tensor) not in self._input_ids:
                raise ValueError(
                    f"the outputs depend on the input {tensor.name!r} (shape {tensor.shape}), "
                    "which is not among the model's inputs."
                )
            self._order.setdefault(id(node.operation), len(self._order))
            finished.add(id(node))
            stack.append((node, 0))

        finished = {id(node) for node in self.nodes}
        enter(tensor)
        while stack:
            node, position = stack.pop()
            if position < len(node.inputs):
                stack.append((node, position + 1))
                enter(node.inputs[position])
            else:
                self.nodes.append(node)

    def _set_depths(self) -> None:
        """Give every node the number of calls between it and the outputs; all calls of a layer count as one."""
        of_operation: dict[int, int] = {}
        for node in reversed(self.nodes):
            node.depth = max(node.depth, of_operation.get(id(node.operation), 0))
            of_operation[id(node.operation)] = node.depth
            for tensor in node.inputs:
                parent = self._node_of(tensor)
                parent.depth = max(parent.depth, node.depth + 1)
        for tensor in self.inputs:  # those that no output needs
            node = self._node_of(tensor)
            if id(node.operation) not in of_operation:
                of_operation[id(node.operation)] = 0
                self._order[id(node.operation)] = -1
                self.nodes.insert(0, node)
        self._operation_depths = of_operation

    def _sorted_operations(self) -> list[Operation]:
        distinct = {id(node.operation): node.operation for node in self.nodes}
        counts: dict[int, int] = {}
        for node in sorted(self.nodes, key=lambda node: -node.depth):
            node.index = counts.get(id(node.operation), 0)
            counts[id(node.operation)] = node.index + 1
        return sorted(distinct.values(), key=lambda op: (-self._operation_depths[id(op)], self._order[id(op)]))

    def _check_names(self) -> None:
        layers = {operation.name for operation in self.operations if isinstance(operation, Layer)}
        by_name: dict[str, Operation] = {}
        for operation in self.operations:
            while isinstance(operation, OpCall) and operation.name in layers:  # a layer Multiply beside an op multiply
                operation.name += "_op"
            if operation.name in by_name:
                raise ValueError(f"two layers of the model are called {operation.name!r}; layer names must be unique.")
            by_name[operation.name] = operation

    # ------------------------------------------------ running

    def _compiled(self) -> list[tuple[Any, tuple[Any, ...], dict[str, Any], list[int]]]:
        """Return the calls with numbers of slots in the place of tensors."""
        self._slots = {id(tensor): number for number, tensor in enumerate(self.inputs)}
        steps = []
        for node in self.nodes:
            if node.history is None:
                continue
            args = map_structure(self._slot, node.history.args)
            kwargs = map_structure(self._slot, node.history.kwargs)
            for tensor in node.outputs:
                self._slots.setdefault(id(tensor), len(self._slots))
            steps.append((node.history.function, args, kwargs, [self._slots[id(tensor)] for tensor in node.outputs]))
        return steps

    def _slot(self, argument: Any) -> Any:
        return _Slot(self._slots[id(argument)]) if isinstance(argument, KerasTensor) else argument

    def run(self, values: Sequence[Any]) -> Structure:
        """Return the outputs for values in the place of the inputs, by calling the layers and ops in order."""
        tensors: list[Any] = [None] * len(self._slots)
        tensors[: len(values)] = values

        def fill(argument: Any) -> Any:
            return tensors[argument] if type(argument) is _Slot else argument

        for function, args, kwargs, slots in self._steps:
            if len(args) == 1 and type(args[0]) is _Slot and not kwargs:
                result = function(tensors[args[0]])
            else:
                result = function(*map_structure(fill, args), **map_structure(fill, kwargs))
            if len(slots) == 1 and not isinstance(result, list | tuple | dict):
                tensors[slots[0]] = result
            else:
                for slot, part in zip(slots, flatten(result), strict=True):
                    tensors[slot] = part
        return pack(self._output_structure, [tensors[self._slots[id(tensor)]] for tensor in self.outputs])

    # ------------------------------------------------ looking

    def nodes_of(self, operation: Operation) -> list[Node]:
        """Return the calls of a layer or op in this graph, in order."""
        return sorted((node for node in self.nodes if node.operation is operation), key=lambda node: node.index)

    def place(self, tensor: KerasTensor) -> tuple[str, int, int]:
        """Return a tensor's layer, the number of its call and the number among what the call returned."""
        node = self._node_of(tensor)
        number = next(index for index, each in enumerate(node.outputs) if each is tensor)
        return node.operation.name, node.index, number

    @property
    def is_chain(self) -> bool:
        """Whether each call has one input and follows the one before, so that a list of layers says it all."""
        depths = [node.depth for node in self.nodes]
        return (
            len(set(depths)) == len(depths)
            and all(len(node.inputs) <= 1 for node in self.nodes)
            and len({id(node.operation) for node in self.nodes}) == len(self.nodes)
        )


class _Slot(int):
    """The number of a tensor among those of a run."""


def _input_layer(tensor: KerasTensor) -> Layer:
    """Return the layer that stands for an input."""
    own: Layer | None = getattr(tensor, "layer", None)
    if own is not None and tensor.history is None:
        return own
    return InputLayer(batch_shape=tensor.shape, dtype=tensor.dtype, name=tensor.name)
