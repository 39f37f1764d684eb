"""Calling a layer on arrays: it records as always, and the tape runs at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from mlpcore import _random
from mlpcore._arena import Arena
from mlpcore._structure import flatten, map_structure, pack
from mlpcore._tape import Recorder
from mlpcore._tensor import Symbol
from mlpcore._validation import thread_limit

_MOST_FORMS = 32


class _Form:
    """The recording of a layer's call for arrays of certain shapes."""

    def __init__(self, arena: Arena, arrays: list[NDArray[Any]], training: bool):
        self.recorder = Recorder(arena, training)
        self.inputs = [
            self.recorder.input(array.shape[1:], {"b": "bool", "f": None}.get(array.dtype.kind, "int32"))
            for array in arrays
        ]


class Eager:
    """Runs a layer on arrays; keeps its recordings and the arena that they share.

    Parameters
    ----------
    layer : Layer
    """

    def __init__(self, layer: Any):
        self._weak_layer = ref(layer)  # which keeps this
        self.arena = Arena(layer.dtype)
        self.forms: dict[Any, _Form] = {}
        self.losses: list[Any] = []  # what layers added to the loss in the last call

    @property
    def layer(self) -> Any:
        """The layer."""
        return self._weak_layer()

    def __call__(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Return ``layer(*args, **kwargs)`` as arrays.

        In training every call has noise of its own. What the layer assigns to variables is assigned.

        Parameters
        ----------
        args, kwargs
            Arrays of shape (rows, ...) somewhere among them.
        """
        arrays: list[NDArray[Any]] = []

        def collect(value: Any) -> Any:
            if isinstance(value, np.ndarray | np.generic):
                arrays.append(np.asarray(value))
            return value

        map_structure(collect, (args, kwargs))
        for leaf in flatten(args[:1]):
            if isinstance(leaf, str | bytes | type) or not (arrays or hasattr(leaf, "shape")):
                raise TypeError(f"{self.layer.name}: expected arrays of shape (rows, ...), got {leaf!r}")
        self._check(arrays)
        training = bool(kwargs.get("training"))
        key = (training, *((array.shape[1:], array.dtype.kind) for array in arrays))
        form = self.forms.get(key)
        if form is None:
            if len(self.forms) >= _MOST_FORMS:
                self.forms.clear()
            form = self.forms[key] = _Form(self.arena, arrays, training)
        rows = [
            np.ascontiguousarray(array.reshape(len(array), int(np.prod(array.shape[1:]))), self.arena.dtype)
            for array in arrays
        ]
        symbols = iter(form.inputs)

        def replaced(value: Any) -> Any:
            return next(symbols) if isinstance(value, np.ndarray | np.generic) else value

        args, kwargs = map_structure(replaced, (args, kwargs))
        recorder = form.recorder
        recorder.replay(rows)
        if training:
            self.arena.set_seed(_random.next_seed())
        with recorder:
            try:
                result = self.layer(*args, **kwargs)
            finally:
                recorder.batch = None  # the data shall not live on
            leaves = flatten(result)
            assigned, losses = recorder.assigned, recorder.losses
            wanted = [*(x for x in leaves if isinstance(x, Symbol)), *(x for _, x in assigned), *losses]
            for each in wanted:
                recorder.output(each)
            self.losses = []
            if not wanted:
                return result
            engine = self.arena.engine(recorder.tape)
        self.arena.push()
        values = engine.predict(rows, n_threads=thread_limit(None), training=training)
        numbers: Iterator[NDArray[Any]] = iter([values] if len(wanted) == 1 else values)
        computed = [leaf.array(next(numbers)) if isinstance(leaf, Symbol) else leaf for leaf in leaves]
        for variable, x in assigned:
            variable.assign(x.array(next(numbers)))
        self.losses = [x.array(next(numbers)) for x in losses]
        return pack(result, computed)

    def _check(self, arrays: list[NDArray[Any]]) -> None:
        lengths = {array.shape[0] if array.ndim else None for array in arrays}
        if None in lengths:
            raise ValueError(f"{self.layer.name}: expected arrays of shape (rows, ...), got a single number")
        if len(lengths) > 1:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise ValueError(f"{self.layer.name}: the arrays must have the same number of rows, got shapes {shapes}")
        for array in arrays:
            if array.dtype.kind not in "fiub":
                raise TypeError(f"{self.layer.name}: expected arrays of numbers, got one of dtype {array.dtype}")
