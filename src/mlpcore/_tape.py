"""Recording: what runs inside `call` becomes a tape, and the next pass replays it without recording."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar, Token
from math import prod
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._passes import Passes
from mlpcore._tensor import Shape, Symbol, UnknownValueError

if TYPE_CHECKING:
    from mlpcore._arena import Arena, Variable

_active: ContextVar[Recorder | None] = ContextVar("recorder", default=None)
active = _active.get  # () -> the recorder that ops record on, or None


class Recorder(Passes):
    """Records what is computed inside ``with recorder:`` on a tape.

    Parameters
    ----------
    arena : Arena or None
        Where the variables that are read live. None: abstract, only shapes are found out, and nothing is kept.
    training : bool, default=False
        What layers are told.
    batch : list of ndarray, optional
        Shape (rows, width) each: the inputs that numbers are asked about.

    Examples
    --------
    >>> from mlpcore import ops
    >>> from mlpcore._arena import Arena
    >>> recorder = Recorder(Arena())
    >>> x = recorder.input((3,))
    >>> for _ in range(2):  # the second pass replays
    ...     recorder.replay([np.ones((2, 3), np.float32)])
    ...     with recorder:
    ...         y = ops.sum(x, axis=-1) * 2.0
    ...         print(y, y.numpy())
    <Symbol shape=(None,) dtype=float32> [6. 6.]
    <Symbol shape=(None,) dtype=float32> [6. 6.]
    """

    def __init__(self, arena: Arena | None, training: bool = False, batch: Sequence[NDArray[Any]] | None = None):
        super().__init__(arena, training, batch)
        self.dtype = "float32" if arena is None else arena.dtype
        self.inputs: list[Symbol] = []
        self._tokens: list[Token[Recorder | None]] = []

    def __enter__(self) -> Recorder:
        self._tokens.append(_active.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        _active.reset(self._tokens.pop())

    @property
    def abstract(self) -> bool:
        """Whether only shapes are found out."""
        return self.arena is None

    # ------------------------------------------------ what ops and trainers record

    def symbol(self, method: str, *args: Any, shape: Shape, dtype: str, **kwargs: Any) -> Symbol:
        """Put one call down; return its value as a Symbol of that shape and dtype."""
        return Symbol(self, self.emit(method, *args, **kwargs), shape, dtype)

    def input(self, shape: Sequence[int], dtype: str | None = None, *, batched: bool = True) -> Symbol:
        """Add an input, before anything else is recorded.

        Parameters
        ----------
        shape : sequence of int
            Without the batch; an engine reads the i-th input's rows from ``x[i]``, shape (rows, product of these).
        dtype : str, optional
            Default: the arena's.
        batched : bool, default=True
            False: the engine runs on one row, which is a whole array of that shape.
        """
        if self.at is not self._root or self._root.next is not None:
            raise RuntimeError("inputs come before everything else")
        if self.arena is not None:
            self._prepare()
        outer, self.block = self.block, self._root
        try:
            axes = tuple(shape)
            symbol = self.symbol(
                "input", prod(axes), shape=(None, *axes) if batched else axes, dtype=dtype or self.dtype
            )
        finally:
            self.block = outer
        self.inputs.append(symbol)
        return symbol

    def _effect(self, method: str, *args: Any, **kwargs: Any) -> None:
        """Record a call that makes no value; Symbols among the arguments are replaced by their numbers."""

        def put_down(*args: Any, **kwargs: Any) -> None:
            self.emit(method, *[a.value if isinstance(a, Symbol) else a for a in args], **kwargs)

        self.record(method, args, kwargs, put_down)

    def target(self, index: int, shape: Sequence[int], dtype: str | None = None) -> Symbol:
        """Return ``y[index]`` as numbers, for losses and metrics written in ops; `shape` is without the batch."""
        axes = tuple(shape)

        def put_down(index: int, axes: tuple[int, ...], dtype: str) -> Symbol:
            return self.symbol("target", index, prod(axes), shape=(None, *axes), dtype=dtype)

        return self.record("target", (index, axes, dtype or self.dtype), {}, put_down)

    def output(self, x: Symbol) -> None:
        """Let ``predict`` return a value; several outputs come in the order of these calls."""
        self._effect("output", x)

    def loss(self, x: Symbol, name: str, weight: float = 1.0, clip: float = 0.0, **settings: Any) -> None:
        """Add a fused row loss (see `Tape.loss`): `target`, `sample_weight` and its settings by keyword."""
        self._effect("loss", x, name, weight, clip, **settings)

    def row_loss(self, x: Symbol, weight: float = 1.0, *, sample_weight: int = -1) -> None:
        """Add a loss given row by row, (rows, 1)."""
        self._effect("row_loss", x, weight, sample_weight=sample_weight)

    def scalar_loss(self, x: Symbol, weight: float = 1.0) -> None:
        """Add a loss that is a single number."""
        self._effect("scalar_loss", x, weight)

    def total(self, x: Symbol, *, sample_weight: int = -1) -> None:
        """Have the weighted sums over the rows of (rows, k) returned by a pass."""
        self._effect("total", x, sample_weight=sample_weight)

    def penalty(self, variable: Variable, l1: float = 0.0, l2: float = 0.0) -> bool:
        """Add ``l1 sum|w| + l2 sum w^2`` of the kernel of a dense layer, fused into the update.

        Returns
        -------
        bool
            False, and nothing is recorded, if the variable is no such kernel: write the penalty in ops then.
        """
        arena = self._arena()

        def put_down(variable: Variable, l1: float, l2: float) -> bool:
            parameter, part = arena.place(variable, self._tape)
            self._tape_generation = arena.generation
            if part != "kernel" or not arena.is_dense(parameter):
                return False
            self.emit("penalty", parameter, l1, l2)
            return True

        return self.record("penalty", (variable, float(l1), float(l2)), {}, put_down)

    def assign(self, variable: Variable, x: Symbol) -> None:
        """Set a variable to a value that has no batch axis: after each training step; the pass itself reads it so."""
        if self.arena is None:
            return
        arena = self.arena

        def put_down(variable: Variable, x: Symbol) -> None:
            parameter, _ = arena.place(variable, self._tape)
            self._tape_generation = arena.generation
            if arena.is_dense(parameter):
                raise ValueError(
                    f"{variable.name!r}: the kernel and bias of a dense layer cannot be assigned in `call`"
                )
            assert self.block is not None
            self.emit("assign", parameter, x.value)
            self.block.assigned.append((variable, x))
            self._parameters[id(variable)] = x
            self.block.parameters.append((id(variable), x))

        self.record("assign", (variable, x), {}, put_down)

    def add_loss(self, x: Symbol) -> None:
        """Remember a single number that a layer adds to the loss; the trainer finds it in `losses`."""
        if self.arena is None:
            return

        def put_down(x: Symbol) -> None:
            assert self.block is not None
            self.block.losses.append(x)

        self.record("add_loss", (x,), {}, put_down)

    # ------------------------------------------------ leaves

    def parameter(self, variable: Variable) -> Symbol:
        """Return a variable's value, inside a block."""
        if self.arena is None:
            return Symbol(self, self.emit("parameter"), variable.shape, variable.dtype)
        symbol = self._parameters.get(id(variable))
        if symbol is None:
            assert self.block is not None
            place = self.arena.place(variable, self._tape)
            self._tape_generation = self.arena.generation
            symbol = self.symbol("parameter", *place, shape=variable.shape, dtype=variable.dtype)
            partner = variable.bias if variable.bias is not None else variable.kernel
            if partner is not None and partner.trainable and not variable.trainable:  # one flag for both on the tape
                symbol = self.symbol("stop_gradient", symbol.value, shape=symbol.shape, dtype=symbol.dtype)
            self._parameters[id(variable)] = symbol
            self.block.parameters.append((id(variable), symbol))
        return symbol

    def apply(self, x: Symbol, kernel: Variable, bias: Variable | None) -> tuple[Symbol, bool] | None:
        """Return ``x @ kernel + bias`` on the last axis as engines do it fastest, inside a block.

        Returns
        -------
        (Symbol, bool) or None
            Whether the bias is in it. None if the variables are kept in another way here.
        """
        shape = (*x.shape[:-1], kernel.shape[1])
        if self.arena is None:
            kernel.pair(bias)
            return Symbol(self, self.emit("apply"), shape, self.dtype), True
        if bias is not None and bias.trainable != kernel.trainable:
            return None
        if kernel not in self.arena:
            kernel.pair(bias)
        parameter, _ = self.arena.place(kernel, self._tape)
        self._tape_generation = self.arena.generation
        if not self.arena.is_dense(parameter):
            return None
        has_bias = self.arena.bias_of(parameter)
        if has_bias is not None and has_bias is not bias:
            return None
        return self.symbol("apply", x.value, parameter, shape=shape, dtype=self.dtype), has_bias is bias

    def constant(self, values: Any) -> Symbol:
        """Return an array or number as a value, inside a block."""
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"expected numbers, got {values!r} of type {type(values).__name__}")
        dtype = {"f": self.dtype, "b": "bool"}.get(array.dtype.kind, "int32")
        numbers = np.ascontiguousarray(array, np.float64).ravel()
        return self.symbol("constant", numbers, shape=array.shape, dtype=dtype)

    # ------------------------------------------------ numbers

    def numbers(self, symbol: Symbol) -> NDArray[Any]:
        """Return a value's numbers for the current batch, by running the tape so far."""
        if self.arena is None or self.batch is None:
            raise UnknownValueError(
                f"the numbers of {symbol!r} are not known here: what builds a model, a loss or a metric is recorded "
                "once, for all batches. Use ops.where to choose between tensors, or ask for numbers in the `call` of a "
                "subclassed model, which runs on batches"
            )
        arena = self.arena
        if symbol.reader is None or symbol.reader[0] != arena.generation:
            self._prepare()
            assert self._tape is not None
            tape = self._tape.copy()
            tape.output(symbol.value)
            symbol.reader = (arena.generation, arena.engine(tape))
        arena.push()
        return symbol.array(symbol.reader[1].predict(list(self.batch), training=self.training))
