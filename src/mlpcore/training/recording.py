"""A pass of a model as a tape: its inputs, call, losses and metrics; recorded once, or anew for each batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._arena import Arena, Variable
from mlpcore._core import Engine, Tape
from mlpcore._passes import same
from mlpcore._structure import Structure, flatten, pack
from mlpcore._tape import Recorder
from mlpcore._tensor import Structure as Changes
from mlpcore._tensor import Symbol
from mlpcore.metrics import MeanMetricWrapper, Metric
from mlpcore.metrics.base import averaged
from mlpcore.regularizers import fused_penalty
from mlpcore.training.compiled import Compiled, Output, OutputMetric, Plan
from mlpcore.training.rows import Axes, Row, Target

_MOST_PROGRAMS = 256
_OF_BATCHES = {"over_rows", "n_rows"}  # what makes rows depend on the others of their batch


@dataclass(frozen=True)
class Form:
    """What comes with the inputs, output by output: the shape of a row of targets (None: none), whether weights."""

    targets: tuple[Axes | None, ...] = ()
    weighted: tuple[bool, ...] = ()


@dataclass(eq=False)
class Program:
    """A recorded pass: its tape and what its sums and outputs stand for."""

    tape: Tape
    plan: Plan
    outputs: list[Symbol]
    output_structure: Structure
    targets: list[Target]  # what the engine reads as y
    weightless: list[int]  # the losses of weight 0, which the engine's first totals are for
    recorded: list[OutputMetric]  # the metrics that the engine's totals are for, in order
    others: list[OutputMetric]  # those that take their batches in Python
    is_rowwise: bool  # whether rows do not depend on the others of their batch
    version: int  # of the layers' settings
    generation: int  # of the arena

    def flat_outputs(self, values: Any) -> list[NDArray[Any]]:
        """Return what the engine predicted as arrays of the outputs' shapes and types."""
        arrays = values if isinstance(values, list) else [values]
        return [
            np.asarray(array, symbol.dtype).reshape((-1, *symbol.axes) if symbol.batched else symbol.axes)
            for array, symbol in zip(arrays, self.outputs, strict=True)
        ]


class Recording:
    """Makes the programs of one kind of pass (training, evaluation or prediction) for inputs of one form.

    Parameters
    ----------
    forward : callable
        The model: takes the structure of inputs, returns that of the outputs.
    arena : Arena
        Of the model's variables.
    inputs : structure of Row
        What the inputs look like.
    compiled : Compiled or None
        None: only the outputs are computed.
    name_outputs : callable
        Returns the names of a structure of outputs.
    regularized : callable
        Returns the variables whose regularizers count.
    training : bool
        What layers are told.
    """

    def __init__(
        self,
        forward: Callable[[Structure], Structure],
        arena: Arena,
        inputs: Structure,
        compiled: Compiled | None,
        name_outputs: Callable[[Structure], list[str]],
        regularized: Callable[[], Sequence[Variable]],
        training: bool,
    ):
        self._forward = forward
        self._arena = arena
        self._compiled = compiled
        self._name_outputs = name_outputs
        self._regularized = regularized
        self.recorder = Recorder(arena, training)
        rows: list[Row] = flatten(inputs)
        self._inputs = pack(inputs, [self.recorder.input(row.axes, row.dtype) for row in rows])
        self._programs: dict[Form, dict[int, tuple[Any, Program]]] = {}  # by the block in which the model's call ended
        self._static: dict[Form, Program] = {}
        self._names: list[str] | None = None
        self._form: Form | None = None
        self._of_form: dict[int, tuple[Any, Program]] = {}  # those of that form

    @property
    def has_objectives(self) -> bool:
        """Whether losses and metrics are recorded."""
        return self._compiled is not None

    def trace(self, batch: Any = None) -> Structure:
        """Run the model's call; return its outputs.

        Parameters
        ----------
        batch : iterable of ndarray (rows, width), optional
            The inputs, should `call` ask for numbers.
        """
        self.recorder.replay(batch)
        try:
            with self.recorder:
                return self._forward(self._inputs)
        finally:
            self.recorder.batch = None  # `call` alone may ask for numbers, and the data shall not live on

    def names(self, batch: Any = None) -> list[str]:
        """Return the names of the outputs; the model's call runs for them once."""
        if self._names is None:
            self._names = self._name_outputs(self.trace(batch))
        return self._names

    def program(self, form: Form, batch: Any = None) -> Program:
        """Return the program of a pass over `batch`; see `trace`."""
        outputs = self.trace(batch)
        block = self.recorder.at
        if form is not self._form:
            self._form, self._of_form = form, self._programs.setdefault(form, {})
        known = self._of_form.get(id(block))
        if known is not None and self.is_valid(known[1]) and same(outputs, known[1].output_structure):
            return known[1]
        program = self._completed(outputs, form)
        if len(self._of_form) > _MOST_PROGRAMS:
            self._of_form.clear()
        self._of_form[id(block)] = (block, program)
        return program

    def static_program(self, form: Form, batch: Any = None) -> Program:
        """Return the program of every pass, where the model's call is always the same."""
        program = self._static.get(form)
        if program is None or not self.is_valid(program):
            self._static[form] = program = self.program(form, batch)
        return program

    def is_valid(self, program: Program) -> bool:
        """Tell whether a program still holds: no layer has been set otherwise, no variable has come."""
        return program.version == Changes.version and program.generation == self._arena.generation

    def engine(self, program: Program) -> Engine:
        """Return the engine of a program, with the newest values of the variables."""
        engine = self._arena.engine(program.tape)
        self._arena.push()
        return engine

    def _completed(self, outputs: Structure, form: Form) -> Program:
        """Record what follows the model's call."""
        recorder = self.recorder
        symbols = flatten(outputs)
        names = self._name_outputs(outputs)
        for name, symbol in zip(names, symbols, strict=True):
            if not isinstance(symbol, Symbol):
                raise TypeError(f"output {name!r} must be a tensor, got {symbol!r} of type {type(symbol).__name__}.")
        plan, targets, recorded = Plan([], []), list[Target](), list[OutputMetric]()
        with recorder:
            if self._compiled is not None:
                plan, targets, recorded = self._record_objectives(self._compiled, names, symbols, form)
            others = [each for each in plan.metrics if each not in recorded]
            if self._compiled is None or others:
                for symbol in symbols:
                    recorder.output(symbol)
            tape = recorder.tape
        return Program(
            tape=tape,
            plan=plan,
            outputs=symbols,
            output_structure=outputs,
            targets=targets,
            weightless=[number for number, each in enumerate(plan.losses) if each.weight == 0],
            recorded=recorded,
            others=others,
            is_rowwise=not any(call[0] in _OF_BATCHES for block in recorder.at.path() for call in block.calls),
            version=Changes.version,
            generation=self._arena.generation,
        )

    def _record_objectives(
        self, compiled: Compiled, names: list[str], symbols: list[Symbol], form: Form
    ) -> tuple[Plan, list[Target], list[OutputMetric]]:
        recorder, axes, weighted = self.recorder, form.targets, form.weighted
        plan = compiled.plan(
            [Output(name, symbol.axes, own) for name, symbol, own in zip(names, symbols, axes, strict=True)]
        )
        weight_numbers = [sum(weighted[:output]) if own else -1 for output, own in enumerate(weighted)]
        targets: list[Target] = []
        numbers: dict[tuple[int, bool], int] = {}  # output, whether as classes -> number among the targets

        def target_of(output: int, as_classes: bool) -> int:
            own = axes[output]
            if own is None:
                raise ValueError(f"output {names[output]!r} has a loss or a metric, but no targets were given for it.")
            if (output, as_classes) not in numbers:
                numbers[output, as_classes] = len(targets)
                n_classes = symbols[output].axes[-1] if as_classes else None
                targets.append(Target(output, names[output], own, n_classes))
            return numbers[output, as_classes]

        for each in plan.losses:
            output, y_pred = each.output, symbols[each.output]
            number = target_of(output, each.loss.reads_classes(axes[output] or (), y_pred.axes))
            if each.weight == 0:  # only reported
                values = each.loss.call(recorder.target(number, targets[number].axes), y_pred)
                recorder.total(averaged(values), sample_weight=weight_numbers[output])
                continue
            try:
                each.loss.record(
                    recorder,
                    y_pred,
                    number,
                    targets[number].axes,
                    sample_weight=weight_numbers[output],
                    weight=each.weight,
                )
            except ValueError as error:
                raise ValueError(f"loss {each.loss.name!r} of output {names[output]!r}: {error}") from error
        regularized = [variable for variable in self._regularized() if variable.regularizer is not None]
        if recorder.training and not (any(each.weight for each in plan.losses) or regularized or recorder.losses):
            raise ValueError("there is nothing to train for: compile the model with a loss, or add_loss() in its call.")
        for variable in regularized:
            assert variable.regularizer is not None
            penalty = fused_penalty(variable.regularizer)
            if penalty is None or not recorder.penalty(variable, *penalty):
                recorder.scalar_loss(variable.regularizer(variable))
        for loss in recorder.losses:
            recorder.scalar_loss(loss)
        recorded: list[OutputMetric] = []
        for each_metric in plan.metrics:
            output = each_metric.output
            number = numbers.get((output, True), -1)
            number = target_of(output, False) if number < 0 else number
            own = for_function(each_metric.metric, targets[number].axes, symbols[output].axes)
            value = each_metric.metric.record(recorder.target(number, own), symbols[output])
            if value is not None:
                recorder.total(value, sample_weight=weight_numbers[output] if each_metric.is_weighted else -1)
                recorded.append(each_metric)
        return plan, targets, recorded


def for_function(metric: Metric, target: Axes, output: Axes) -> Axes:
    """Return the shape of a row of targets as a metric shall see it.

    For a function, targets (n,) of an output (n, 1) become (n, 1): their difference is then what was meant. A metric
    class sees what the user gave.
    """
    return output if type(metric) is MeanMetricWrapper and (*target, 1) == output else target
