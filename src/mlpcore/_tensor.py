"""Tensors: what stands for numbers while a model is described or recorded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from mlpcore._tape import Recorder

Shape = tuple[int | None, ...]

operators: dict[str, Callable[..., Any]] = {}  # name -> function; `mlpcore.ops`, which stands above, fills it


class Structure:
    """Counts the changes of anything but numbers that a recording depends on: what is trainable, how layers are set."""

    version = 0
    _numbers = itertools.count(1)  # never gives a number twice, whatever threads do

    @classmethod
    def touch(cls) -> None:
        """Make every recording start anew at its next pass."""
        cls.version = next(cls._numbers)


class UnknownValueError(ValueError):
    """Somebody asked for the numbers of a tensor that has none yet."""


class Tensor:
    """Base of everything that `mlpcore.ops` computes with, apart from arrays and numbers.

    Attributes
    ----------
    shape : tuple of int or None
        None stands first where there is one value per row of the batch.
    dtype : str
        "float32", "float64", "int32" or "bool". A tape computes in the model's floating-point type; integers and
        truth values are kept in it as numbers, 0 and 1.
    """

    shape: Shape
    dtype: str

    @property
    def ndim(self) -> int:
        """Number of axes, that of the batch included."""
        return len(self.shape)

    def numpy(self) -> NDArray[Any]:
        """Return the numbers as an array."""
        raise NotImplementedError

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.asarray(self.numpy(), dtype)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Let NumPy's functions and ``array + tensor`` do what the functions of `mlpcore.ops` of that name do."""
        function = operators.get(ufunc.__name__)
        if method != "__call__" or function is None or kwargs:
            return NotImplemented
        return function(*inputs)

    def __bool__(self) -> bool:
        return bool(self._number())

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def _number(self) -> Any:
        values = self.numpy()
        if values.size != 1:
            raise ValueError(
                f"expected a single number, got a tensor of shape {self.shape} with {values.size} of them; "
                "reduce it first, for example with ops.mean, ops.any or ops.all"
            )
        return values.reshape(-1)[0]

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("a tensor without axes has no length")
        return len(self.numpy()) if self.shape[0] is None else self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        if not self.shape:
            raise TypeError("a tensor without axes cannot be iterated over")
        if self.shape[0] is None:
            raise TypeError(
                f"cannot iterate over the rows of a batch (shape {self.shape}); compute with whole tensors, or take "
                "the columns with ops.unstack(x, axis=1)"
            )
        return iter([self[i] for i in range(self.shape[0])])

    def __getitem__(self, key: Any) -> Any:
        return operators["get_item"](self, key)

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        return operators["equal"](self, other) if _is_number(other) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return operators["not_equal"](self, other) if _is_number(other) else NotImplemented

    def __lt__(self, other: Any) -> Any:
        return operators["less"](self, other)

    def __le__(self, other: Any) -> Any:
        return operators["less_equal"](self, other)

    def __gt__(self, other: Any) -> Any:
        return operators["greater"](self, other)

    def __ge__(self, other: Any) -> Any:
        return operators["greater_equal"](self, other)

    def __neg__(self) -> Any:
        return operators["negative"](self)

    def __pos__(self) -> Any:
        return self

    def __abs__(self) -> Any:
        return operators["absolute"](self)

    def __invert__(self) -> Any:
        return operators["logical_not"](self)

    def __add__(self, other: Any) -> Any:
        return operators["add"](self, other)

    def __radd__(self, other: Any) -> Any:
        return operators["add"](other, self)

    def __sub__(self, other: Any) -> Any:
        return operators["subtract"](self, other)

    def __rsub__(self, other: Any) -> Any:
        return operators["subtract"](other, self)

    def __mul__(self, other: Any) -> Any:
        return operators["multiply"](self, other)

    def __rmul__(self, other: Any) -> Any:
        return operators["multiply"](other, self)

    def __truediv__(self, other: Any) -> Any:
        return operators["divide"](self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return operators["divide"](other, self)

    def __floordiv__(self, other: Any) -> Any:
        return operators["floor_divide"](self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return operators["floor_divide"](other, self)

    def __mod__(self, other: Any) -> Any:
        return operators["mod"](self, other)

    def __rmod__(self, other: Any) -> Any:
        return operators["mod"](other, self)

    def __pow__(self, other: Any) -> Any:
        return operators["power"](self, other)

    def __rpow__(self, other: Any) -> Any:
        return operators["power"](other, self)

    def __matmul__(self, other: Any) -> Any:
        return operators["matmul"](self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return operators["matmul"](other, self)

    def __and__(self, other: Any) -> Any:
        return operators["logical_and"](self, other)

    def __rand__(self, other: Any) -> Any:
        return operators["logical_and"](other, self)

    def __or__(self, other: Any) -> Any:
        return operators["logical_or"](self, other)

    def __ror__(self, other: Any) -> Any:
        return operators["logical_or"](other, self)


def _is_number(value: object) -> bool:
    """Tell whether a tensor can be compared with it, element by element."""
    return isinstance(value, Tensor | np.ndarray | np.generic | int | float | list | tuple)


class Symbol(Tensor):
    """A value on the tape of a recorder.

    Parameters
    ----------
    recorder : Recorder
        Who recorded it.
    value : int
        Its number on the tape.
    shape : tuple of int or None
        Leading None: one value of the other axes per row of the batch.
    dtype : str
        What it means.
    """

    __slots__ = ("block", "dtype", "reader", "recorder", "shape", "value")

    def __init__(self, recorder: Recorder, value: int, shape: Shape, dtype: str):
        self.recorder = recorder
        self.value = value
        self.shape = shape
        self.dtype = dtype
        self.block = recorder.block  # in whose recording it was made
        self.reader: Any = None  # the engine that computes it alone, once somebody asked for its numbers

    @property
    def batched(self) -> bool:
        """Whether there is one value per row of the batch."""
        return bool(self.shape) and self.shape[0] is None

    @property
    def axes(self) -> tuple[int, ...]:
        """The shape without the batch."""
        return self.shape[1:] if self.batched else self.shape  # type: ignore[return-value]

    def array(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return what an engine computed for it, (rows, width) or (width,), in its shape and dtype."""
        shape = (len(values), *self.axes) if self.batched else self.axes
        with np.errstate(invalid="ignore"):  # NaN among integers
            return values.astype(self.dtype, copy=False).reshape(shape)

    def numpy(self) -> NDArray[Any]:
        """Return the numbers for the current batch, by running the tape so far.

        Returns
        -------
        ndarray
            Shape (rows, ...) or, without a batch axis, (...).

        Raises
        ------
        UnknownValueError
            While a model is only being described, with no batch at hand.
        """
        return self.recorder.numbers(self)

    def __repr__(self) -> str:
        return f"<Symbol shape={self.shape} dtype={self.dtype}>"


class History(NamedTuple):
    """How KerasTensors came about: ``outputs = function(*args, **kwargs)``."""

    function: Callable[..., Any]  # a layer, or a function of `mlpcore.ops`
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    outputs: list[Any]  # one item: what the call returned, a KerasTensor or a nested structure of them


class KerasTensor(Tensor):
    """A placeholder of the functional API: a shape, a type, and how it is computed from others.

    Parameters
    ----------
    shape : tuple of int or None
        With the leading None of the batch, if it has one.
    dtype : str, default="float32"
    name : str, optional
    history : History, optional
        The call that returns it; None for an input.
    """

    def __init__(self, shape: Shape, dtype: str = "float32", name: str | None = None, history: History | None = None):
        self.shape = tuple(shape)
        self.dtype = dtype
        self.name = name
        self.history = history
        self.layer: Any = None  # of an input: the layer that stands for it

    def numpy(self) -> NDArray[Any]:
        """Raise: a placeholder has no numbers."""
        raise UnknownValueError(
            f"a KerasTensor (shape {self.shape}) is a placeholder without numbers; compute with it by layers or "
            "mlpcore.ops, and decide by values inside the `call` of a layer or model"
        )

    def __repr__(self) -> str:
        name = "" if self.name is None else f" name={self.name}"
        return f"<KerasTensor shape={self.shape} dtype={self.dtype}{name}>"
