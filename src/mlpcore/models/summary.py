"""The table that `Model.summary` prints, in Keras' form."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mlpcore._arena import Variable
from mlpcore._validation import numbers, suggest
from mlpcore.layers import InputLayer, Layer
from mlpcore.models._table import Column, drawn

if TYPE_CHECKING:
    from mlpcore.models.model import Model

_LINE, _LONG_LINE = 88, 108
_POSITIONS: tuple[float, ...] = (0.45, 0.80, 1.0)
_LONG_POSITIONS: tuple[float, ...] = (0.3, 0.56, 0.74, 1.0)
_TRAINABLE_WIDTH = 12


def print_summary(
    model: Model,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    print_fn: Callable[[str], Any] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> None:
    """Print a model's layers; see `Model.summary` for the arguments."""
    lines = summary_lines(model, line_length, positions, expand_nested, show_trainable, layer_range)
    (print_fn or print)("\n".join(lines))


def summary_lines(
    model: Model,
    line_length: int | None = None,
    positions: Sequence[float] | None = None,
    expand_nested: bool = False,
    show_trainable: bool = False,
    layer_range: Sequence[str] | None = None,
) -> list[str]:
    """Return the lines that `print_summary` prints."""
    graph = None if _is_list(model) else model._graph
    headings, aligns = ["Layer (type)", "Output Shape", "Param #"], ["left", "left", "right"]
    total, ends = (_LINE, _POSITIONS) if graph is None else (_LONG_LINE, _LONG_POSITIONS)
    if graph is not None:
        headings, aligns = [*headings, "Connected to"], [*aligns, "left"]
    ends = tuple(numbers("summary: positions", positions or ends))
    if show_trainable:
        headings, aligns = [*headings, "Trainable"], [*aligns, "center"]
        total, ends = total + _TRAINABLE_WIDTH, (*(0.9 * end for end in ends), 1.0)
    total = line_length or min(total, shutil.get_terminal_size().columns - 4)
    stops = [0, *(int(end if end > 1 else end * total) for end in ends)]
    widths = [end - start for start, end in pairwise(stops)]
    if min(widths) < 4 or len(widths) != len(headings):
        raise ValueError(f"summary: {len(headings)} columns do not fit a line of {total} characters at {ends}.")
    columns = [Column(*each) for each in zip(headings, aligns, widths, strict=True)]
    operations = _in_range(list(model.layers if graph is None else graph.operations), layer_range)
    rows = [
        row for operation in operations for row in _rows(model, operation, graph, expand_nested, show_trainable, "")
    ]
    return [f'Model: "{model.name}"', *drawn(columns, rows, total), *_counts(model)]


def _is_list(model: Model) -> bool:
    """Tell whether a model is a list of layers: sequential in kind or in fact, or of an unknown graph."""
    from mlpcore.models.sequential import Sequential

    return model._graph is None or isinstance(model, Sequential) or model._graph.is_chain


def _in_range(operations: list[Any], layer_range: Sequence[str] | None) -> list[Any]:
    if layer_range is None:
        return operations
    names = [operation.name for operation in operations]
    is_list = isinstance(layer_range, list | tuple) and len(layer_range) > 0
    if not is_list or not all(isinstance(each, str) for each in layer_range):
        raise ValueError(f"summary: layer_range must be two names of layers, got {layer_range!r}")
    found = []
    for pattern in layer_range:
        numbers = [number for number, name in enumerate(names) if re.match(pattern, name)]
        if not numbers:
            raise ValueError(f"summary: layer_range names the layer {pattern!r}{suggest(pattern, names)}.")
        found.append(numbers)
    return operations[min(found[0]) : max(found[-1]) + 1]


def _rows(
    model: Model, operation: Any, graph: Any, expand_nested: bool, show_trainable: bool, prefix: str
) -> Iterable[list[str]]:
    kind = getattr(operation, "class_name", None) or type(operation).__name__
    row = [f"{prefix}{operation.name} ({kind})", output_shape_of(operation, model), _parameters(operation)]
    if graph is not None:
        row.append(_connections(graph, operation))
    if show_trainable:
        weights = getattr(operation, "weights", [])
        row.append(("Y" if operation.trainable else "N") if weights else "-")
    yield row
    nested = operation.layers if expand_nested and hasattr(operation, "layers") else []
    for inner in nested:
        inside = f"{prefix}   " if prefix else "   "
        marked = inside.replace("└ ", "  ") + "└ "
        yield from _rows(operation, inner, graph, expand_nested, show_trainable, marked)


def output_shape_of(operation: Any, model: Model) -> str:
    """Return the shape that a layer or op returns, "?" if that is unknown."""
    if isinstance(operation, InputLayer):
        return _shape(operation.batch_shape)
    graph = model._graph
    if graph is not None:
        nodes = graph.nodes_of(operation)
        if nodes:
            tensors = nodes[-1].outputs
            return _shape(tensors[0].shape) if len(tensors) == 1 else f"[{', '.join(_shape(t.shape) for t in tensors)}]"
    if isinstance(operation, Layer) and operation.built and operation._input_shape is not None:
        try:
            shape = operation.compute_output_shape(operation._input_shape)
        except Exception:  # a layer's own method, or a `call` that asks for numbers
            return "?"
        return _shape(shape) if not isinstance(shape, list | dict) else str(shape)
    return "?"


def _shape(shape: Sequence[int | None]) -> str:
    return f"({', '.join(map(str, shape))})"


def _parameters(operation: Any) -> str:
    if isinstance(operation, Layer) and not operation.built:
        return "0 (unbuilt)"
    return f"{operation.count_params():,}"


def _connections(graph: Any, operation: Any) -> str:
    places = [graph.place(tensor) for node in graph.nodes_of(operation) for tensor in node.inputs]
    return ", ".join(f"{name}[{node}][{number}]" for name, node, number in places) or "-"


def _counts(model: Model) -> Iterable[str]:
    trainable, frozen, own = _size(model.trainable_weights), _size(model.non_trainable_weights), (0, 0)
    is_trained = model.optimizer is not None and int(model.optimizer.iterations) > 0
    if is_trained:  # the slots of what is trained, the rate and the number of steps
        n_slots = len(model._session.slots())
        own = (trainable[0] * n_slots + 2, trainable[1] * n_slots + 8)
    total = (trainable[0] + frozen[0] + own[0], trainable[1] + frozen[1] + own[1])
    shown = [("Total", total), ("Trainable", trainable), ("Non-trainable", frozen)]
    for name, (count, size) in [*shown, ("Optimizer", own)] if is_trained else shown:
        yield f" {name} params: {count:,} ({memory(size)})"


def _size(variables: Iterable[Variable]) -> tuple[int, int]:
    """Return how many numbers there are and how many bytes they take."""
    sizes = [(variable.size, variable.size * np.dtype(variable.dtype).itemsize) for variable in variables]
    return sum(count for count, _ in sizes), sum(size for _, size in sizes)


def memory(size: float) -> str:
    """Return a number of bytes as text.

    >>> memory(0), memory(954_032)
    ('0.00 B', '931.67 KB')
    """
    for unit in ("B", "KB", "MB", "GB", "TB"):
        if size < 1024:
            return f"{size:.2f} {unit}"
        size /= 1024
    return f"{size:.2f} PB"
