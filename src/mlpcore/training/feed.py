"""Rows ready for the engine, with the program that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._structure import Structure, flatten
from mlpcore.training.matching import by_output, weights_by_output
from mlpcore.training.recording import Form, Program, Recording
from mlpcore.training.rows import as_matrix, weight_of_rows

Array = NDArray[Any]
Order = NDArray[np.int64]


class Batch:
    """Some rows of the inputs, gathered if somebody asks for them."""

    def __init__(self, inputs: list[Array], rows: Order | slice):
        self._inputs = inputs
        self._rows = rows

    def __iter__(self) -> Iterator[Array]:
        return (np.ascontiguousarray(array[self._rows]) for array in self._inputs)


class Feed:
    """Inputs, targets and weights of some rows, converted once, for one kind of pass.

    Parameters
    ----------
    find : callable
        Returns the recording for the form of the inputs, a structure of `Row`.
    dtype : str
        The engine's.
    x : structure of ndarray (n, ...)
        In the structure that the model's call takes.
    rows : structure of Row
        What the call is told about them.
    y, sample_weight : structures of ndarray, or None
        As the user gave them.

    Attributes
    ----------
    inputs, weights : lists of ndarray
        (n, width) each, and (n,) each.
    n_rows : int
    """

    def __init__(
        self,
        find: Callable[[Structure], Recording],
        dtype: str,
        x: Structure,
        rows: Structure,
        y: Structure = None,
        sample_weight: Structure = None,
    ):
        self._dtype = dtype
        leaves = flatten(x)
        self.n_rows = len(leaves[0])
        self.inputs = [as_matrix(array, dtype) for array in leaves]
        self.recording = find(rows)
        self._form = Form()
        self._targets: list[Any] = []
        self.weights: list[Array] = []
        self._read: list[Any] | None = None
        self._y: list[Array] = []
        if not self.recording.has_objectives:
            return
        names = self.recording.names(self.batch(slice(0, min(self.n_rows, 32))))
        self._targets = by_output("y", y, names)
        weights = [
            weight_of_rows(weight, self.n_rows, dtype, "sample_weight")
            for weight in weights_by_output(sample_weight, names)
        ]
        self.weights = [weight for weight in weights if weight is not None]
        self._form = Form(
            tuple(None if array is None else array.shape[1:] for array in self._targets),
            tuple(weight is not None for weight in weights),
        )

    def batch(self, rows: Order | slice) -> Batch:
        """Return some rows of the inputs."""
        return Batch(self.inputs, rows)

    def program(self, rows: Order | slice, is_static: bool = False) -> Program:
        """Return the program of a pass over some rows; a static model's is recorded once."""
        find = self.recording.static_program if is_static else self.recording.program
        return find(self._form, self.batch(rows))

    def targets(self, program: Program) -> list[Array]:
        """Return the targets as the program's tape reads them."""
        if self._read is not program.targets and self._read != program.targets:
            self._y = [target.read(self._targets[target.output], self._dtype) for target in program.targets]
        self._read = program.targets
        return self._y

    def raw_target(self, output: int) -> Array:
        """Return the targets of an output as they were given."""
        target: Array = self._targets[output]
        return target

    def weight(self, output: int) -> Array | None:
        """Return the weights of an output's rows."""
        weighted = self._form.weighted
        if not weighted or not weighted[output]:
            return None
        return self.weights[sum(weighted[:output])]
