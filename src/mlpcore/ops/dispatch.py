"""What a call of an op does: it records on a tape, describes a functional model, or computes at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from mlpcore._arena import Arena, Variable
from mlpcore._functional import symbolic, tensors
from mlpcore._passes import KEPT, same
from mlpcore._structure import flatten, map_structure, pack
from mlpcore._tape import Recorder, active
from mlpcore._tensor import KerasTensor, Symbol, operators

P = ParamSpec("P")
R = TypeVar("R")

_MOST_PROGRAMS = 512


def op(function: Callable[P, R], of_arrays: Callable[..., Any] | None = None) -> Callable[P, R]:
    """Make an op of a function that records on the active recorder.

    A KerasTensor among the arguments makes the result a KerasTensor. Symbols, and variables inside `call`, are recorded
    (and replayed). Arrays and numbers alone are computed at once, in float32; by `of_arrays`, if it is given.
    """

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        recorder = active()
        if recorder is not None:
            block = recorder.next
            if block is not None and block.owner is call and not kwargs and not block.kwargs:
                given = block.args
                if len(given) == len(args):
                    for a, b in zip(given, args):  # noqa: B905 (their lengths were compared)
                        if a is not b and not same(a, b):
                            break
                    else:
                        recorder.at, recorder.next = block, block.next
                        return block.result  # type: ignore[no-any-return]
        found = tensors(args, [])
        if kwargs:
            tensors(kwargs, found)
        recorded = False
        for each in found:
            if isinstance(each, KerasTensor):
                return symbolic(call, function, args, kwargs)  # type: ignore[no-any-return]
            if isinstance(each, Symbol):
                check_home(each, recorder)
                recorded = True
            elif recorder is not None and isinstance(each, Variable):
                recorded = True
        if recorded and recorder is not None:
            return recorder.record(call, args, kwargs, function)
        if of_arrays is not None:
            return of_arrays(*args, **kwargs)  # type: ignore[no-any-return]
        return _computed(function, args, kwargs)  # type: ignore[no-any-return]

    name = getattr(function, "__name__", "")
    operators[name.rstrip("_")] = call
    return call


def check_home(symbol: Symbol, recorder: Recorder | None) -> None:
    """Raise if a Symbol comes from another recording."""
    if symbol.recorder is not recorder:
        raise ValueError(f"{symbol!r} belongs to another recording: {KEPT}")


def symbol(x: Any) -> Symbol:
    """Return a Symbol of a tensor, array or number, inside a block of the active recorder."""
    if isinstance(x, Symbol):
        return x
    recorder = active()
    assert recorder is not None
    if isinstance(x, Variable):
        return recorder.parameter(x)
    if isinstance(x, list | tuple) and any(isinstance(each, Symbol | Variable) for each in flatten(x)):
        return operators["stack"](list(x), axis=0)  # type: ignore[no-any-return]
    return recorder.constant(x)


class _Program:
    """An op for arrays of certain shapes, as a tape and its engine; every array is one row of all its elements."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any):
        arena = Arena()
        recorder = Recorder(arena)

        def as_symbol(value: Any) -> Any:
            if not isinstance(value, np.ndarray):
                return value
            dtype = {"b": "bool", "f": None}.get(value.dtype.kind, "int32")
            return recorder.input(value.shape, dtype, batched=False)

        args, kwargs = map_structure(as_symbol, args), map_structure(as_symbol, kwargs)
        if not recorder.inputs:  # of constants alone; the engine runs on rows
            recorder.input((1,))
        with recorder:
            self.result = recorder.record(function, args, kwargs, function)
            leaves = [leaf for leaf in flatten(self.result) if isinstance(leaf, Symbol)]
            for leaf in leaves:
                recorder.output(leaf)
        self.engine = arena.engine(recorder.tape)
        self.n_outputs = len(leaves)

    def __call__(self, arrays: list[NDArray[Any]]) -> Any:
        if not self.n_outputs:
            return self.result
        rows = [np.ascontiguousarray(array, np.float32).reshape(1, -1) for array in arrays]
        values = self.engine.predict(rows or [np.zeros((1, 1), np.float32)])
        computed = iter([values] if self.n_outputs == 1 else values)
        leaves = [leaf.array(next(computed)) if isinstance(leaf, Symbol) else leaf for leaf in flatten(self.result)]
        return pack(self.result, leaves)


_programs: OrderedDict[Any, _Program] = OrderedDict()


def _computed(function: Callable[..., Any], args: Any, kwargs: Any) -> Any:
    """Return an op of arrays and numbers."""
    arrays: list[NDArray[Any]] = []

    def as_array(value: Any) -> Any:
        if isinstance(value, Variable):
            return value.newest()
        return np.asarray(value) if isinstance(value, np.generic) else value

    args, kwargs = map_structure(as_array, args), map_structure(as_array, kwargs)
    key = (function, _signature(args, arrays), _signature(kwargs, arrays))
    program = _programs.get(key)
    if program is None:
        program = _programs[key] = _Program(function, args, kwargs)
        if len(_programs) > _MOST_PROGRAMS:
            _programs.popitem(last=False)
    return program(arrays)


def _signature(value: Any, arrays: list[NDArray[Any]]) -> Any:
    """Return what a program depends on in nested arguments; collect the arrays that it is run on."""
    if isinstance(value, np.ndarray):
        if value.dtype.kind not in "fiub":
            raise TypeError(f"expected an array of numbers, got one of dtype {value.dtype}")
        arrays.append(value)
        return (value.shape, value.dtype.kind)
    if isinstance(value, list | tuple):
        return (type(value), *(_signature(each, arrays) for each in value))
    if isinstance(value, dict):
        return tuple((key, _signature(each, arrays)) for key, each in sorted(value.items()))
    try:
        hash(value)
    except TypeError:
        value = repr(value)
    return (type(value), value)
