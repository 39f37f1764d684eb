"""Variables, and the arena: where a model's variables meet the parameters that its engines share.

A variable owns a NumPy array. After training, the newest values are in the engines of an arena; the variable then knows
that arena (its holder) and fetches them when somebody looks. What Python changes is stamped with a module-wide counter,
so that "nothing to load" is one comparison of integers.
"""

from __future__ import annotations

import itertools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry
from mlpcore._core import Engine, Tape
from mlpcore._tape import active
from mlpcore._tensor import Structure, Symbol, Tensor

_MOST_ENGINES = 64
_allowance: ContextVar[list[int] | None] = ContextVar("allowance", default=None)


@contextmanager
def at_most(n_bytes: int) -> Iterator[None]:
    """Let the variables made in a ``with`` block take so many bytes in all: what a file that describes them justifies.

    >>> with at_most(100):
    ...     Variable(np.zeros, shape=(10**9,))
    Traceback (most recent call last):
    MemoryError: variable 'variable' of shape (1000000000,) takes more memory than what describes it justifies
    """
    token = _allowance.set([n_bytes])
    try:
        yield
    finally:
        _allowance.reset(token)


def _spend(name: str, shape: Sequence[int], dtype: str) -> None:
    left = _allowance.get()
    if left is not None:
        left[0] -= math.prod(shape) * np.dtype(dtype).itemsize
        if left[0] < 0:
            raise MemoryError(f"variable {name!r} of shape {shape} takes more memory than what describes it justifies")


class _Changes:
    """Counts the changes of any variable's numbers."""

    count = 0
    _numbers = itertools.count(1)  # never gives a number twice, whatever threads do

    @classmethod
    def next(cls) -> int:
        cls.count = number = next(cls._numbers)
        return number


class Variable(Tensor):
    """A named array that a model trains, or keeps.

    Parameters
    ----------
    initializer : callable, str or array_like
        ``initializer(shape, dtype)`` returns the first values; or the name of such, or the values themselves.
    shape : sequence of int, optional
        Needed for a callable.
    dtype : str, default="float32"
    trainable : bool, default=True
    name : str, default="variable"
    regularizer, constraint : callable, optional
        What the training adds to the loss for it, and what it maps its values to after a step.

    Examples
    --------
    >>> v = Variable(np.zeros, shape=(2,), name="offset")
    >>> v.assign([1.0, 2.0])
    >>> v
    <Variable name=offset shape=(2,) dtype=float32 value=[1. 2.]>
    """

    def __init__(
        self,
        initializer: Callable[..., Any] | Any,
        shape: Sequence[int] | None = None,
        dtype: str | None = None,
        trainable: bool = True,
        name: str = "variable",
        *,
        regularizer: Callable[..., Any] | None = None,
        constraint: Callable[..., Any] | None = None,
    ):
        self.dtype = np.dtype(dtype or "float32").name
        self.name = self.path = name
        if isinstance(initializer, str):
            initializer = _registry.get("initializers", initializer)
        if callable(initializer):
            if shape is None:
                raise ValueError(f"variable {name!r}: shape is needed with an initializer")
            shape = tuple(map(int, shape))
            _spend(name, shape, self.dtype)
            values = initializer(shape, self.dtype)
        else:
            values = initializer
            shape = np.shape(values) if shape is None else shape
        self.shape: tuple[int, ...] = tuple(map(int, shape))
        if np.shape(values) != self.shape:
            raise ValueError(f"variable {name!r} has shape {self.shape}, its initial value {np.shape(values)}")
        self.initializer = initializer
        self.regularizer = regularizer
        self.constraint = constraint
        self._trainable = self.wanted_trainable = bool(trainable)
        self._array: NDArray[Any] = np.array(values, self.dtype, order="C")
        self._stamp = _Changes.next()
        self._holder: Arena | None = None  # whose engines have newer values
        self.is_kernel = False  # the matrix of a product with rows: kept by engines as those of dense layers are
        self.bias: Variable | None = None  # the bias that goes with this kernel
        self.kernel: Variable | None = None  # the kernel that this bias goes with

    @property
    def trainable(self) -> bool:
        """Whether training changes it."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        if bool(value) != self._trainable:
            self._trainable = bool(value)
            Structure.touch()

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(self._array.size)

    @property
    def value(self) -> NDArray[Any]:
        """A copy of the values."""
        return self.numpy()

    def newest(self) -> NDArray[Any]:
        """Return the array itself, after fetching newer values from engines; not to be written to."""
        if self._holder is not None:
            self._holder.pull()
        return self._array

    def numpy(self) -> NDArray[Any]:
        """Return a copy of the values, an array of the variable's shape and dtype."""
        return np.array(self.newest())

    def assign(self, value: Any) -> None:
        """Set the values.

        Parameters
        ----------
        value : array_like or Symbol
            Of the variable's shape. Inside `call`, what is computed there: it is assigned after each training step and
            each direct call on arrays; `evaluate` and `predict` leave variables alone.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        shape = value.shape if isinstance(value, Tensor) else np.shape(value)
        if shape != self.shape:
            raise ValueError(f"variable {self.name!r} has shape {self.shape}, got values of shape {shape}")
        recorder = active()
        if isinstance(value, Symbol):
            if recorder is not None:
                recorder.assign(self, value)
            return
        if self._holder is not None:
            self._holder.pull()
        self._array[...] = value
        self._stamp = _Changes.next()

    def assign_add(self, value: Any) -> None:
        """Add to the values; see `assign`."""
        self.assign((self + value) if active() is not None else self.newest() + np.asarray(value))

    def assign_sub(self, value: Any) -> None:
        """Subtract from the values; see `assign`."""
        self.assign((self - value) if active() is not None else self.newest() - np.asarray(value))

    def pair(self, bias: Variable | None) -> None:
        """Let engines keep this matrix, and a vector that is always added to its product, as a dense layer's.

        It holds for arenas that have not placed them yet.
        """
        self.is_kernel = True
        if bias is not None and self.bias is None and bias.kernel is None and bias.shape == self.shape[1:]:
            self.bias, bias.kernel = bias, self

    def __getstate__(self) -> dict[str, Any]:
        self.newest()
        return {**self.__dict__, "_holder": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._stamp = _Changes.next()  # the counter of this process

    def __repr__(self) -> str:
        values = np.array2string(self.newest(), threshold=6, separator=" ").replace("\n", "")
        return f"<Variable name={self.name} shape={self.shape} dtype={self.dtype} value={values}>"


class _Declared(NamedTuple):
    """One parameter of all tapes of an arena: the variables that it consists of."""

    variables: tuple[Variable, ...]
    is_dense: bool


class Arena:
    """A model's variables and the engines that share them as parameters.

    Variables are placed when a recording first reads them, or by `add`. Tapes declare them in the order of placing.

    Parameters
    ----------
    dtype : {"float32", "float64"}, default="float32"
        What engines compute in.

    Attributes
    ----------
    generation : int
        Grows with every placing: engines made before are of no more use.
    variables : list of Variable
        In the order of `Engine.load` and of the optimizer's slots.

    Examples
    --------
    >>> from mlpcore._core import Tape
    >>> arena, v = Arena(), Variable(np.ones, shape=(2,))
    >>> arena.add([v])
    >>> tape = Tape()
    >>> arena.declare(tape)
    >>> tape.output(tape.binary(tape.input(2), tape.parameter(0), "add"))
    >>> engine = arena.engine(tape)
    >>> arena.push()
    >>> engine.predict(np.zeros((1, 2), np.float32))
    array([[1., 1.]], dtype=float32)
    """

    def __init__(self, dtype: str = "float32"):
        if dtype not in {"float32", "float64"}:
            raise ValueError(f"dtype must be 'float32' or 'float64', got {dtype!r}")
        self.dtype = dtype
        self.generation = 0
        self.variables: list[Variable] = []
        self._declared: list[_Declared] = []
        self._places: dict[int, tuple[int, str]] = {}  # id of a variable -> its parameter, and which part
        self._engines: OrderedDict[Tape, Engine] = OrderedDict()
        self._last: tuple[Tape, Engine] | None = None
        self._root: Engine | None = None  # the first engine: the others share its parameters
        self._state: tuple[list[list[NDArray[Any]]], int, int] | None = None  # slots, step and seed for the next root
        self._pushed = -1  # the count of changes up to which the engines know everything
        self._ahead = False  # whether the engines have newer values than the variables

    # ------------------------------------------------ declarations

    def add(self, variables: Iterable[Variable]) -> None:
        """Place variables, those that are not yet."""
        for variable in variables:
            self.place(variable)

    def place(self, variable: Variable, tape: Tape | None = None) -> tuple[int, str]:
        """Return a variable's parameter and which part of it; declare it, on `tape` too, if it is new here."""
        place = self._places.get(id(variable))
        if place is not None:
            return place
        if variable.kernel is not None and id(variable.kernel) not in self._places:
            self.place(variable.kernel, tape)
            return self.place(variable, tape)
        self._retire()
        bias = variable.bias
        if bias is not None and (bias.kernel is not variable or id(bias) in self._places):
            bias = None
        together = (variable,) if bias is None else (variable, bias)
        number = len(self._declared)
        self._declared.append(_Declared(together, variable.is_kernel))
        self._places[id(variable)] = (number, "kernel")
        if bias is not None:
            self._places[id(bias)] = (number, "bias")
        self.variables += together
        self.generation += 1
        if tape is not None:
            self._declare(tape, self._declared[-1])
        return number, "kernel"

    def declare(self, tape: Tape) -> None:
        """Declare everything that is placed on a new tape."""
        for each in self._declared:
            self._declare(tape, each)

    @staticmethod
    def _declare(tape: Tape, declared: _Declared) -> None:
        first = declared.variables[0]
        trainable = any(variable.trainable for variable in declared.variables)
        if declared.is_dense:
            n_in, n_out = first.shape
            tape.add_dense(n_in, n_out, bias=len(declared.variables) == 2, trainable=trainable)
        else:
            tape.add_parameter(first.size, trainable=trainable)

    def is_dense(self, parameter: int) -> bool:
        """Tell whether a parameter is a dense layer's kernel, with its bias or without."""
        return self._declared[parameter].is_dense

    def bias_of(self, parameter: int) -> Variable | None:
        """Return the bias that is declared together with a kernel."""
        variables = self._declared[parameter].variables
        return variables[1] if len(variables) == 2 else None

    def __contains__(self, variable: Variable) -> bool:
        return id(variable) in self._places

    # ------------------------------------------------ engines

    def engine(self, tape: Tape) -> Engine:
        """Return the engine of a finished tape that declares this arena's variables; call `push` before a pass."""
        last = self._last
        if last is not None and last[0] is tape:
            return last[1]
        engine = self._engines.get(tape)
        if engine is None:
            engine = Engine(tape, self.dtype, self._root) if self._root is not None else self._new_root(tape)
            self._engines[tape] = engine
            if len(self._engines) > _MOST_ENGINES:
                self._engines.popitem(last=False)
        else:
            self._engines.move_to_end(tape)
        self._last = (tape, engine)
        return engine

    def _new_root(self, tape: Tape) -> Engine:
        self._root = root = Engine(tape, self.dtype)
        self._pushed = -1
        if self._state is not None:
            slots, step, root.seed = self._state
            new = [variable.shape for variable in self.variables[len(slots[0]) :]] if slots else []
            root.set_slots([[*slot, *(np.zeros(shape, self.dtype) for shape in new)] for slot in slots], step)
            self._state = None
        return root

    def _retire(self) -> None:
        """Give up the engines, because more parameters come; keep what they know."""
        self.pull()
        if self._root is not None:
            self._state = (self._root.slots(), self._root.step, self._root.seed)
        self._root = self._last = None
        self._engines.clear()

    def set_seed(self, seed: int) -> None:
        """Let the noise of the coming passes follow from another seed."""
        if self._root is not None:
            self._root.seed = seed
        else:
            slots, step, _ = self._state or ([], 0, 0)
            self._state = (slots, step, seed)

    @property
    def root(self) -> Engine | None:
        """An engine with this arena's parameters, slots and step; None before the first."""
        return self._root

    def push(self) -> None:
        """Bring the engines up to date with what Python, or another arena, changed. Call it before every pass."""
        if self._pushed == _Changes.count or self._root is None:
            return
        changed = self._pushed < 0
        for variable in self.variables:
            if variable._holder is not None and variable._holder is not self:
                variable._holder.pull()
            changed = changed or variable._stamp > self._pushed
        if changed:
            self.pull()
            self._root.load([np.ascontiguousarray(v._array, self.dtype) for v in self.variables])
        self._pushed = _Changes.count

    def trained(self) -> None:
        """Note that an engine changed the parameters. Call it after every training pass."""
        if self._ahead:
            return
        self._ahead = True
        self._pushed = stamp = _Changes.next()
        for variable in self.variables:
            variable._holder, variable._stamp = self, stamp

    def pull(self) -> None:
        """Fetch newer values from the engines into the variables' arrays."""
        if not self._ahead:
            return
        assert self._root is not None
        arrays = [v._array if v._array.dtype == self.dtype else np.empty(v.shape, self.dtype) for v in self.variables]
        self._root.store(arrays)
        for variable, array in zip(self.variables, arrays, strict=True):
            if array is not variable._array:
                variable._array[...] = array
            variable._holder = None
        self._ahead = False

    def __deepcopy__(self, memo: dict[int, Any]) -> Arena:
        return Arena(self.dtype)  # engines are made again; whoever copies a model takes care of slots

    def __reduce__(self) -> tuple[type[Arena], tuple[str]]:
        return Arena, (self.dtype,)
