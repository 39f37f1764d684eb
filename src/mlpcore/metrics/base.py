"""What all metrics share: a state, its updates and its result; and metrics of sums over rows, which a tape adds up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry, initializers, ops
from mlpcore._arena import Variable
from mlpcore._tensor import Tensor
from mlpcore._validation import checked
from mlpcore.losses.aligned import tensor

if TYPE_CHECKING:
    from typing_extensions import Self

Result = float | NDArray[np.float64]


class Metric:
    """Base of the metrics. Subclass it with `update_state` and `result`; NumPy and `mlpcore.ops` both serve.

    In ``fit`` and ``evaluate`` the state is reset before each pass, and `update_state` gets the arrays of each batch.

    Parameters
    ----------
    dtype : str, optional
        Of the state; default "float32".
    name : str, optional
        Default: the class's name in snake case.

    Examples
    --------
    >>> import numpy as np
    >>> class LargestError(Metric):
    ...     def __init__(self, name="largest_error", **keywords):
    ...         super().__init__(name=name, **keywords)
    ...         self.largest = self.add_weight(name="largest", initializer="zeros")
    ...
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.largest.assign(max(float(self.largest), np.abs(y_true - y_pred).max()))
    ...
    ...     def result(self):
    ...         return self.largest
    >>> metric = LargestError()
    >>> metric.update_state(np.array([1.0, 2.0]), np.array([1.5, 2.0]))
    >>> float(metric.result())
    0.5
    """

    _direction: ClassVar[str | None] = None  # "up": more is better; "down": less is
    _arguments: ClassVar[tuple[str, ...]] = ()  # of a built-in class's own constructor, which are its attributes

    @checked
    def __init__(self, dtype: Any = None, name: str | None = None) -> None:
        self.name = name or _registry.snake_case(type(self).__name__)
        self.dtype = dtype or "float32"

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        _registry.note_class(cls)

    def add_variable(
        self,
        shape: Sequence[int] = (),
        initializer: Any = None,
        dtype: Any = None,
        aggregation: str = "sum",
        name: str | None = None,
    ) -> Variable:
        """Return a new variable of the state.

        Parameters
        ----------
        shape : sequence of int, default ()
        initializer : str or callable, default "zeros"
        dtype : str, optional
            Default: the metric's.
        aggregation : str
            For Keras' signature.
        name : str, optional
        """
        first = initializers.get("zeros" if initializer is None else initializer)
        return Variable(first, tuple(shape), dtype or self.dtype, trainable=False, name=name or "variable")

    def add_weight(
        self,
        shape: Sequence[int] | str = (),
        initializer: Any = None,
        dtype: Any = None,
        name: str | None = None,
    ) -> Variable:
        """Return a new variable of the state; see `add_variable`. A string in the first place is the name."""
        if isinstance(shape, str):
            return self.add_variable((), initializer, dtype, name=shape)
        return self.add_variable(shape, initializer, dtype, name=name)

    @property
    def variables(self) -> list[Variable]:
        """The variables of the state, those of metrics among the attributes included."""
        found: list[Variable] = []
        for value in vars(self).values():
            for each in value if isinstance(value, list | tuple) else (value,):
                found += [each] if isinstance(each, Variable) else each.variables if isinstance(each, Metric) else []
        return found

    def update_state(self, *args: Any, **kwargs: Any) -> None:
        """Take in a batch: ``update_state(y_true, y_pred, sample_weight=None)`` in a model."""
        raise NotImplementedError(f"{type(self).__name__} has no update_state()")

    def result(self) -> Any:
        """Return the metric of all batches since the last reset: a number, an array, or a dict of numbers."""
        raise NotImplementedError(f"{type(self).__name__} has no result()")

    def reset_state(self) -> None:
        """Forget all batches."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape, variable.dtype))

    def reset_states(self) -> None:
        """Forget all batches: Keras 2's name of `reset_state`."""
        self.reset_state()

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Take in a batch and return the result so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    def record(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """Return the rows (None, k) whose sums the metric needs, recorded; None if it takes its batches in Python.

        Parameters
        ----------
        y_true, y_pred : Symbol (None, ...)
        """
        return None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return {"name": self.name, "dtype": self.dtype} | {each: getattr(self, each) for each in self._arguments}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the metric that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


class SumsMetric(Metric):
    """A metric computed from weighted sums over rows: subclass it with `rows` and `from_totals`.

    `rows` is written in ops: in a model it is recorded, and the engine adds up; on arrays `update_state` does the same.
    """

    def __init__(self, name: str | None = None, dtype: Any = None) -> None:
        super().__init__(dtype, name)
        self._totals: NDArray[np.float64] | None = None
        self._weight = 0.0
        self._n_rows = 0

    def rows(self, y_true: Any, y_pred: Any) -> Any:
        """Return what is summed.

        Parameters
        ----------
        y_true, y_pred : tensors or arrays (batch, ...)

        Returns
        -------
        tensor or array (batch, k) or (batch,)
        """
        raise NotImplementedError

    def from_totals(self, totals: NDArray[np.float64], weight: float) -> Result:
        """Return the metric.

        Parameters
        ----------
        totals : ndarray of float64 (k,)
            The sums of `rows`, each row times its weight.
        weight : float
            The sum of the weights; without weights the number of rows.
        """
        raise NotImplementedError

    def record(self, y_true: Tensor, y_pred: Tensor) -> Any:
        """Return the recorded rows; None if a subclass takes batches in its own way."""
        return self.rows(y_true, y_pred) if _defines(type(self), "update_state") is SumsMetric else None

    def accumulate(self, totals: Any, weight: float, n_rows: int | None = None) -> None:
        """Add sums over rows, as an engine returns them, to the state.

        Parameters
        ----------
        totals : array-like (k,)
        weight : float
            The sum of the weights.
        n_rows : int, optional
            Number of rows; default: `weight`.
        """
        new = np.asarray(totals, np.float64)
        self._totals = new if self._totals is None else self._totals + new
        self._weight += float(weight)
        self._n_rows += int(weight if n_rows is None else n_rows)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Take in a batch.

        Parameters
        ----------
        y_true, y_pred : array-like (batch, ...)
        sample_weight : array-like (batch,), optional
        """
        y_true, y_pred = np.asarray(tensor(y_true)), np.asarray(tensor(y_pred))
        rows = np.asarray(self.rows(y_true, y_pred), np.float64).reshape(len(y_pred), -1)
        weights = np.ones(len(rows)) if sample_weight is None else np.ravel(np.asarray(sample_weight, np.float64))
        if len(weights) != len(rows):
            raise ValueError(f"{self.name}: expected one sample weight a row ({len(rows)}), got {len(weights)}")
        self.accumulate(weights @ rows, weights.sum(), len(rows))

    def result(self) -> Result:
        """Return the metric of all batches since the last reset: a float, or an array; 0.0 before the first batch."""
        return 0.0 if self._totals is None else self.from_totals(self._totals, self._weight)

    def reset_state(self) -> None:
        """Forget all batches."""
        self._totals, self._weight, self._n_rows = None, 0.0, 0


def _defines(cls: type, method: str) -> type:
    """Return the class that a method comes from."""
    return next(each for each in cls.__mro__ if method in vars(each))


def ratio(a: Any, b: Any) -> Any:
    """Return a / b in float64, and 0 where b is 0."""
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    return np.divide(a, b, out=np.zeros(np.broadcast_shapes(a.shape, b.shape)), where=b != 0)


def number(values: Any) -> Result:
    """Return a single number as a float, several as an array of float64."""
    array = np.asarray(values, np.float64)
    return float(array.reshape(())) if array.size == 1 else array


def averaged(values: Any) -> Any:
    """Return the mean of each row (batch, ...) -> (batch,)."""
    n_axes = len(values.shape)
    return ops.mean(values, axis=tuple(range(1, n_axes))) if n_axes > 1 else values
