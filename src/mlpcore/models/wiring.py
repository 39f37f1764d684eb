"""The inputs and outputs of a functional model: their structure and names, and data put in their order."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlpcore import ops
from mlpcore._structure import Structure, flatten, is_nested, map_structure, pack
from mlpcore._tensor import KerasTensor, Tensor
from mlpcore._validation import suggest
from mlpcore.models.graph import Graph
from mlpcore.training.assignment import unique_names
from mlpcore.training.rows import Row


class Wiring:
    """A graph with the structures in which a model takes its inputs and returns its outputs.

    Parameters
    ----------
    owner : str
        The model, for errors.
    inputs, outputs : KerasTensor, or list, tuple or dict of KerasTensors

    Raises
    ------
    ValueError
        Something is no KerasTensor, or the outputs do not follow from the inputs.
    """

    def __init__(self, owner: str, inputs: Structure, outputs: Structure):
        for argument, structure in (("inputs", inputs), ("outputs", outputs)):
            if not flatten(structure):
                raise ValueError(f"{owner}: {argument} must be placeholders, got none.")
            for each in flatten(structure):
                if not isinstance(each, KerasTensor):
                    raise ValueError(
                        f"{owner}: {argument} must be placeholders (of layers.Input, or what layers return for them), "
                        f"got {each!r} of type {type(each).__name__}."
                    )
        self.owner = owner
        self.inputs = inputs
        self.outputs = outputs
        self.graph = Graph(inputs, outputs)
        self.input_names = [self._name_of(tensor) for tensor in self.graph.inputs]
        self.output_names = unique_names([self._name_of(tensor) for tensor in self.graph.outputs])

    def _name_of(self, tensor: KerasTensor) -> str:
        return self.graph.place(tensor)[0]

    def run(self, values: Structure) -> Structure:
        """Return the outputs for inputs in the structure of the model's; one output comes alone."""
        outputs = self.graph.run(flatten(values))
        return outputs[0] if isinstance(outputs, list | tuple) and len(outputs) == 1 else outputs

    def matched(self, x: Structure) -> Structure:
        """Return inputs in the structure and the ranks of the model's.

        Parameters
        ----------
        x : array, tensor, or list, tuple or dict of these
            A dict names inputs; a list or tuple has them in order.

        Raises
        ------
        ValueError
            There is another number of them, a name is missing, or rows have another shape.
        """
        values = self._ordered(x)
        tensors = self.graph.inputs
        if len(values) != len(tensors):
            expected = ", ".join(map(repr, self.input_names))
            raise ValueError(f"{self.owner} has {len(tensors)} inputs ({expected}), got {len(values)}.")
        fitted = [self._fitted(*each) for each in zip(self.input_names, tensors, values, strict=True)]
        return pack(self.inputs, fitted)

    def _ordered(self, x: Structure) -> list[Any]:
        if not isinstance(x, dict):
            return flatten(x)
        names = list(self.inputs) if isinstance(self.inputs, dict) else self.input_names
        missing = [name for name in names if name not in x]
        if missing:
            hint = next((suggest(name, missing) for name in x if name not in names), "")
            raise ValueError(
                f"{self.owner} has the inputs {', '.join(map(repr, names))}, got a dict of "
                f"{', '.join(map(repr, x))}{hint}."
            )
        return flatten({name: x[name] for name in names} if isinstance(self.inputs, dict) else [x[n] for n in names])

    def _fitted(self, name: str, tensor: KerasTensor, value: Any) -> Any:
        expected, given = tuple(tensor.shape[1:]), tuple(value.shape[1:])
        if given == expected:
            return value
        if given == (*expected, 1):
            return ops.squeeze(value, axis=-1) if isinstance(value, Tensor) else value[..., 0]
        if (*given, 1) == expected:
            return ops.expand_dims(value, axis=-1) if isinstance(value, Tensor) else np.asarray(value)[..., None]
        raise ValueError(f"{self.owner}: input {name!r} expects rows of shape {expected}, got {given}.")

    def rows(self, dtype: str) -> Structure:
        """Return a `Row` for each input, of the placeholder's type, whatever numbers are fed; floats are of `dtype`."""
        kinds = [dtype if tensor.dtype.startswith("float") else tensor.dtype for tensor in self.graph.inputs]
        shapes: list[Any] = [tensor.shape[1:] for tensor in self.graph.inputs]
        rows = [Row(tuple(shape), kind) for shape, kind in zip(shapes, kinds, strict=True)]
        return pack(self.inputs, rows)

    def names(self, outputs: Structure) -> list[str]:
        """Return the names of the outputs: their keys in a dict, else their layers'."""
        return names_of_keys(outputs) or self.output_names


def names_of_keys(outputs: Structure) -> list[str]:
    """Return the keys of a dict of outputs, in the order in which they are flattened; [] for anything else."""
    if not isinstance(outputs, dict) or any(is_nested(part) for part in outputs.values()):
        return []
    return flatten({key: str(key) for key in outputs})


def shapes_of(structure: Structure) -> Any:
    """Return the shapes of tensors in their structure; that of a single one in a list comes alone."""
    if isinstance(structure, list | tuple) and len(structure) == 1:
        structure = structure[0]
    return map_structure(lambda tensor: tensor.shape, structure)
