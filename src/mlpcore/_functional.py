"""The functional API's calls: which tensors are among the arguments, and what a call on placeholders returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mlpcore._structure import map_structure
from mlpcore._tape import Recorder
from mlpcore._tensor import History, KerasTensor, Symbol, Tensor


def tensors(value: Any, found: list[Any]) -> list[Any]:
    """Append the tensors and arrays in nested arguments to `found`, from left to right, and return it."""
    if isinstance(value, Tensor | np.ndarray):
        found.append(value)
    elif isinstance(value, list | tuple):
        for each in value:
            tensors(each, found)
    elif isinstance(value, dict):
        for each in value.values():
            tensors(each, found)
    return found


def placeholder(recorder: Recorder, tensor: Tensor) -> Symbol:
    """Return a Symbol of an abstract recorder with a tensor's shape and dtype."""
    symbol = recorder.symbol("input", shape=tensor.shape, dtype=tensor.dtype)
    recorder.inputs.append(symbol)
    return symbol


def _same(value: Any) -> Any:
    return value


def symbolic(owner: Callable[..., Any], function: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
    """Return what ``owner(*args, **kwargs)`` is on KerasTensors: new ones, which know how they are computed.

    Parameters
    ----------
    owner : callable
        The layer or op, for the history.
    function : callable
        Records `owner`'s call on Symbols; run once on an abstract recorder to find the shapes.
    args, kwargs
        With KerasTensors among them, however nested.
    """
    recorder = Recorder(None)
    given_dtypes = {each.dtype for each in tensors((args, kwargs), []) if isinstance(each, KerasTensor)}
    if "float64" in given_dtypes or getattr(owner, "dtype", None) == "float64":
        recorder.dtype = "float64"
    known: dict[int, Symbol] = {}

    def as_symbol(value: Any) -> Any:
        if not isinstance(value, KerasTensor):
            return value
        if id(value) not in known:
            known[id(value)] = placeholder(recorder, value)
        return known[id(value)]

    outputs: list[Any] = []
    args, kwargs = map_structure(_same, args), map_structure(_same, dict(kwargs))  # lists of our own
    history = History(owner, args, kwargs, outputs)
    given: dict[int, KerasTensor] = {}  # id of a returned Symbol -> its placeholder

    def as_tensor(value: Any) -> Any:
        if not isinstance(value, Symbol):
            return value
        if id(value) not in given:
            given[id(value)] = KerasTensor(value.shape, value.dtype, history=history)
        return given[id(value)]

    with recorder:
        result = function(*map_structure(as_symbol, args), **map_structure(as_symbol, kwargs))
    outputs.append(map_structure(as_tensor, result))
    return outputs[0]
