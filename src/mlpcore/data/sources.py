"""Where batches come from: arrays in memory, or a generator or dataset that hands them out one by one."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._structure import Structure
from mlpcore._validation import check_integer
from mlpcore.data.arrays import Batch, as_arrays, class_weights_of_rows, count_rows, is_stream, unpack


class PyDataset:
    """Base class of datasets that hand out batches by number: write ``__len__`` and ``__getitem__``.

    Parameters
    ----------
    workers, use_multiprocessing, max_queue_size
        Taken for the sake of code written for Keras; batches are made one after the other.

    Examples
    --------
    >>> class Halves(PyDataset):
    ...     def __len__(self):
    ...         return 2
    ...     def __getitem__(self, index):
    ...         return np.full((4, 3), index), np.zeros(4)
    >>> [x.shape for x, y in Halves()]
    [(4, 3), (4, 3)]
    """

    def __init__(self, workers: int = 1, use_multiprocessing: bool = False, max_queue_size: int = 10):
        self.workers = workers
        self.use_multiprocessing = use_multiprocessing
        self.max_queue_size = max_queue_size

    def __getitem__(self, index: int) -> Any:
        """Return batch number `index`: ``(x, y)`` or ``(x, y, sample_weight)``."""
        raise NotImplementedError(f"{type(self).__name__} has no __getitem__.")

    def __len__(self) -> int:
        """Return the number of batches."""
        raise NotImplementedError(f"{type(self).__name__} has no __len__.")

    def __iter__(self) -> Iterator[Any]:
        return (self[index] for index in range(len(self)))

    def on_epoch_begin(self) -> None:
        """Run before each epoch."""

    def on_epoch_end(self) -> None:
        """Run after each epoch."""


class ArrayRows:
    """Arrays in memory, and which rows of them each epoch takes in which order.

    Parameters
    ----------
    x, y, sample_weight : structures of array-likes with n rows
        Inputs, targets, weights of the rows.
    batch_size : int, optional
        Rows of a batch; 32, or as many as make `steps` batches.
    steps : int, optional
        Batches of an epoch; an epoch goes on where the last one stopped.
    shuffle : bool or "batch"
        Draw a new order whenever the rows are used up; "batch" permutes the rows inside each batch.
    class_weight : mapping, optional
        Weights by class index, instead of `sample_weight`.
    """

    def __init__(
        self,
        x: Structure,
        y: Structure = None,
        sample_weight: Structure = None,
        *,
        batch_size: int | None = None,
        steps: int | None = None,
        shuffle: bool | str = False,
        class_weight: Mapping[int, float] | None = None,
    ):
        self.x = as_arrays(x, "x")
        self.y = as_arrays(y, "y")
        self.sample_weight = as_arrays(sample_weight, "sample_weight")
        if class_weight is not None:
            self.sample_weight = class_weights_of_rows(self.y, class_weight)
        self.n_rows = count_rows(self.x, self.y, self.sample_weight)
        if self.n_rows == 0:
            raise ValueError("x has no rows.")
        self.batch_size = batch_size or (math.ceil(self.n_rows / steps) if steps else 32)
        self.n_batches: int = math.ceil(self.n_rows / self.batch_size)
        self.steps = steps
        self.shuffle = shuffle
        self._order: NDArray[np.int64] | None = None
        self._next = 0  # batch of the present order

    @property
    def steps_per_epoch(self) -> int:
        """Batches of an epoch."""
        return self.steps or self.n_batches

    def epoch(self, rng: np.random.Generator) -> NDArray[np.int64] | None:
        """Return the rows (m,) of the coming epoch in their order; None stands for all of them as they lie."""
        if self.steps is None or self._next == 0:
            self._order, self._next = self._draw(rng), 0
        if self.steps is None:
            return self._order
        begin, end = self._next, self._next + self.steps
        if end > self.n_batches:
            _warn_of_the_end()
        self._next = end if end < self.n_batches else 0
        order = np.arange(self.n_rows, dtype=np.int64) if self._order is None else self._order
        return order[begin * self.batch_size : end * self.batch_size]

    def restart(self) -> None:
        """Let the coming epoch begin with the first rows."""
        self._next = 0

    def get_state(self) -> dict[str, Any]:
        """Return where the epochs stand."""
        return {"order": self._order, "next": self._next}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self._order, self._next = state["order"], int(state["next"])

    def _draw(self, rng: np.random.Generator) -> NDArray[np.int64] | None:
        if self.shuffle == "batch":
            order = np.arange(self.n_rows, dtype=np.int64)
            for begin in range(0, self.n_rows, self.batch_size):
                rng.shuffle(order[begin : begin + self.batch_size])
            return order
        return rng.permutation(self.n_rows) if self.shuffle else None


class BatchStream:
    """Batches from a generator, a Sequence-like object or another iterable.

    Parameters
    ----------
    source : iterable
        Yields ``x``, ``(x, y)`` or ``(x, y, sample_weight)``. An iterator is used up; anything else starts again
        each epoch. A Sequence-like has ``__getitem__`` and ``__len__`` (or ``num_batches``), perhaps
        ``on_epoch_begin`` and ``on_epoch_end``.
    steps : int, optional
        Batches of an epoch; without it an epoch lasts as long as the source.
    shuffle : bool
        Take the batches of a Sequence-like in random order.
    class_weight : mapping, optional
        Weights by class index for batches without weights.
    """

    def __init__(
        self,
        source: Any,
        *,
        steps: int | None = None,
        shuffle: bool | str = False,
        class_weight: Mapping[int, float] | None = None,
    ):
        self.source = source
        self.steps = steps
        self.shuffle = shuffle
        self.class_weight = class_weight
        self._is_sequence = hasattr(source, "__getitem__")
        self._iterator: Iterator[Any] | None = None
        self._order: NDArray[np.int64] | None = None  # of a Sequence-like's batches
        self._taken = 0  # of the iterator's batches
        self._peeked: list[Any] = []
        self._kept: list[Any] | None = None  # copies of the batches that `keep` asked for

    def keep(self) -> None:
        """Let an iterator's batches of the first epoch come again after `restart`, if their number is limited."""
        if self.steps is not None and hasattr(self.source, "__next__"):
            self._kept = []

    @property
    def steps_per_epoch(self) -> int | None:
        """Batches of an epoch, None where nobody knows."""
        return self.steps or self._length()

    def first(self, rng: np.random.Generator) -> Batch:
        """Return the first batch, which comes again in the first epoch: for building models without shapes."""
        if self._is_sequence and self._length() != 0:
            return self._read(self.source[0])
        if not self._peeked:
            self._iterator = self._batches(rng)
            self._peeked = [self._take()]
            if self._peeked[0] is None:
                raise ValueError("the source of batches is empty.")
        return self._read(self._peeked[0])

    def epoch(self, rng: np.random.Generator) -> Iterator[Batch]:
        """Yield the batches of the coming epoch."""
        if hasattr(self.source, "on_epoch_begin"):
            self.source.on_epoch_begin()
        if self._iterator is None:
            self._iterator = self._batches(rng)
        limit = self.steps_per_epoch
        step = 0
        while limit is None or step < limit:
            batch = self._peeked.pop() if self._peeked else self._take()
            if batch is None:
                if self.steps is not None or step == 0:
                    _warn_of_the_end()
                self._iterator = None
                break
            step += 1
            if self._kept is not None:
                self._kept.append(copy.deepcopy(batch))  # a generator may fill the same arrays again
            yield self._read(batch)
        if self.steps is None:
            self._iterator = None
        if hasattr(self.source, "on_epoch_end"):
            self.source.on_epoch_end()

    def restart(self) -> None:
        """Let the coming epoch begin with the first batch, unless the source is an iterator, which only goes on."""
        if self._kept:
            self.source, self._kept = self._kept, None
        if not hasattr(self.source, "__next__"):
            self._iterator, self._peeked = None, []

    def _take(self) -> Any:
        assert self._iterator is not None
        batch = next(self._iterator, None)
        self._taken += batch is not None
        return batch

    def get_state(self) -> dict[str, Any]:
        """Return where the epochs stand."""
        if self._iterator is None:
            return {"order": None, "taken": 0}
        return {"order": self._order, "taken": self._taken - len(self._peeked)}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` returned; what cannot be wound is drawn and dropped."""
        self._order, taken = state["order"], int(state["taken"])
        if self._is_sequence:
            self._iterator, self._taken = None if self._order is None else self._ordered(taken), taken
        elif taken:
            if self._iterator is None:
                self._iterator, self._taken = iter(self.source), 0
            while self._taken - len(self._peeked) < taken:
                if (self._peeked.pop() if self._peeked else self._take()) is None:
                    break

    def _batches(self, rng: np.random.Generator) -> Iterator[Any]:
        n, self._taken = self._length(), 0
        if not self._is_sequence:
            return iter(self.source)
        if n is None:
            raise ValueError(f"{type(self.source).__name__} has __getitem__ but neither __len__ nor num_batches.")
        self._order = rng.permutation(n) if self.shuffle else np.arange(n)
        return self._ordered(0)

    def _ordered(self, first: int) -> Iterator[Any]:
        assert self._order is not None
        return (self.source[int(index)] for index in self._order[first:])

    def _length(self) -> int | None:
        try:
            length = getattr(self.source, "num_batches", None)
            return len(self.source) if length is None else int(length)
        except TypeError:  # no __len__, or one that does not know
            return None

    def _read(self, batch: Any) -> Batch:
        x, y, weight = unpack(batch)
        x, y, weight = as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(weight, "sample_weight")
        if self.class_weight is not None:
            if weight is not None:
                raise ValueError("give class_weight or batches with sample weights, not both.")
            weight = class_weights_of_rows(y, self.class_weight)
        count_rows(x, y, weight)
        return x, y, weight


Source = ArrayRows | BatchStream


def source_of(
    x: Any,
    y: Any = None,
    sample_weight: Any = None,
    *,
    batch_size: int | None = None,
    steps: int | None = None,
    shuffle: bool | str = False,
    class_weight: Mapping[int, float] | None = None,
) -> Source:
    """Return the rows or batches behind what a user passed to fit, evaluate or predict.

    Raises
    ------
    ValueError
        Targets or weights beside a generator, weights of both kinds, unequal numbers of rows, a size below 1.
    """
    if class_weight is not None and sample_weight is not None:
        raise ValueError("class_weight and sample_weight cannot be given together: multiply them into sample_weight.")
    for name, size in (("batch_size", batch_size), ("steps", steps)):
        if size is None:
            continue
        check_integer(name, size)
        if size < 1:
            raise ValueError(f"{name} must be at least 1, got {size}.")
    if not isinstance(shuffle, bool | np.bool_) and shuffle not in ("batch", 0, 1):
        raise ValueError(f"shuffle must be True, False or 'batch', got {shuffle!r}.")
    if isinstance(x, Source):
        return x
    if not is_stream(x):
        return ArrayRows(
            x, y, sample_weight, batch_size=batch_size, steps=steps, shuffle=shuffle, class_weight=class_weight
        )
    for name, value in (("y", y), ("sample_weight", sample_weight)):
        if value is not None:
            kind = type(x).__name__
            raise ValueError(f"{name} must not be given beside a {kind}: its batches carry it, as (x, y[, weights]).")
    return BatchStream(x, steps=steps, shuffle=shuffle, class_weight=class_weight)


def _warn_of_the_end() -> None:
    warnings.warn(
        "Your input ran out of data; the epoch ends early. The generator or dataset must yield "
        "steps_per_epoch * epochs batches.",
        stacklevel=2,
    )
