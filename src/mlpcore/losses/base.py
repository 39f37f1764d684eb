"""What all losses share: reductions, sample weights, and how a loss is recorded on a tape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from mlpcore import _registry, ops
from mlpcore._structure import map_structure
from mlpcore._tensor import Symbol, Tensor
from mlpcore._validation import checked, suggest
from mlpcore.losses.aligned import aligned_shapes, same_rank, tensor

if TYPE_CHECKING:
    from typing_extensions import Self

    from mlpcore._tape import Recorder

Axes = tuple[int, ...]  # a shape without the batch

REDUCTIONS = ("sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None)


class Fused(NamedTuple):
    """A kernel of the engine that computes a loss: its name, what its row sums are multiplied by, its settings."""

    name: str
    weight: float
    settings: Mapping[str, Any] = {}
    clip: float = 0.0
    activation: Callable[[Any], Any] | None = None  # to be applied to the predictions first


class Loss:
    """Base of the losses: subclass it and write `call` with `mlpcore.ops`.

    Parameters
    ----------
    name : str, optional
        Default: the class's name in snake case.
    reduction : {"sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None}
        What is made of the values that `call` returns. "sum_over_batch_size" (the default) and "mean": their sum,
        weighted, divided by their number; "mean_with_sample_weight": divided by the sum of the weights; "sum": their
        weighted sum; "none": the weighted values themselves, not for training.
    dtype : str, optional
        For Keras' signature: a loss computes in the model's floating-point type.

    Examples
    --------
    >>> from mlpcore import ops
    >>> class Cubic(Loss):
    ...     def call(self, y_true, y_pred):
    ...         return ops.mean(ops.abs(y_pred - y_true) ** 3, axis=-1)
    >>> Cubic()([[0.0], [1.0]], [[2.0], [1.0]])
    4.0
    """

    @checked
    def __init__(
        self, name: str | None = None, reduction: str | None = "sum_over_batch_size", dtype: Any = None
    ) -> None:
        if reduction not in REDUCTIONS:
            hint = suggest(reduction, [each for each in REDUCTIONS if each])
            raise ValueError(f"reduction must be one of {REDUCTIONS}, got {reduction!r}{hint}")
        self.name = name or _registry.snake_case(type(self).__name__)
        self.reduction = reduction
        self.dtype = dtype or "float32"

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        _registry.note_class(cls)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each position.

        Parameters
        ----------
        y_true, y_pred : tensors (batch, ...)

        Returns
        -------
        tensor (batch,) or (batch, ...)
        """
        raise NotImplementedError(f"{type(self).__name__} has no call(self, y_true, y_pred)")

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss.

        Parameters
        ----------
        y_true, y_pred : array-like or tensors (batch, ...)
        sample_weight : array-like (batch,) or of the shape of the values, optional

        Returns
        -------
        float, or ndarray if the reduction is "none"; a tensor if tensors came
        """
        values = self.call(_tensors(y_true), _tensors(y_pred))
        weights = None if sample_weight is None else tensor(sample_weight)
        if weights is not None:
            values, weights = same_rank(tensor(values), weights)
            values = values * weights
        reduced = values
        if self.reduction == "mean_with_sample_weight" and weights is not None:
            reduced = ops.sum(values) / ops.sum(weights)
        elif self.reduction == "sum":
            reduced = ops.sum(values)
        elif self.reduction not in (None, "none"):
            reduced = ops.mean(values)
        return reduced if isinstance(reduced, Tensor) or np.ndim(reduced) else float(reduced)

    # ------------------------------------------------ on a tape

    @property
    def divide_by(self) -> str:
        """What a batch's sum is divided by when a model trains with this loss: "rows" or "weights"."""
        return "weights" if self.reduction == "mean_with_sample_weight" else "rows"

    def reads_classes(self, y_true: Sequence[int], y_pred: Sequence[int]) -> bool:
        """Tell whether `record` will read the targets as class indices, an int32 array (rows,).

        Parameters
        ----------
        y_true, y_pred : sequences of int
            Shapes without the batch.
        """
        fused = self._fusable(tuple(y_true), tuple(y_pred))
        return fused is not None and fused.name in ("cross_entropy", "logits_cross_entropy")

    def record(
        self,
        recorder: Recorder,
        y_pred: Symbol,
        target: int,
        shape: Sequence[int],
        *,
        sample_weight: int = -1,
        weight: float = 1.0,
    ) -> None:
        """Add this loss to what is being recorded: by a kernel of the engine if there is one, else by `call`.

        Parameters
        ----------
        recorder : Recorder
            The active one.
        y_pred : Symbol (None, ...)
            The predictions.
        target : int
            The targets are ``y[target]``.
        shape : sequence of int
            Their shape without the batch.
        sample_weight : int, default -1
            Number of the array of sample weights; -1: none.
        weight : float, default 1.0
            What the loss is multiplied by.

        Raises
        ------
        TypeError
            `call` returned something that is not computed with `mlpcore.ops` from the predictions.
        ValueError
            The reduction is "none".
        """
        fused = self._fusable(tuple(shape), y_pred.axes)
        if fused is not None:
            x = y_pred if fused.activation is None else fused.activation(y_pred)
            recorder.loss(
                x,
                fused.name,
                weight * fused.weight,
                fused.clip,
                target=target,
                sample_weight=sample_weight,
                **fused.settings,
            )
            return
        if self.reduction in (None, "none"):
            raise ValueError(f"a model cannot train with the loss {self.name!r}: its reduction is {self.reduction!r}")
        values = self.call(recorder.target(target, shape), y_pred)
        if not isinstance(values, Symbol):
            raise TypeError(
                f"the loss {self.name!r} returned a {type(values).__name__}, through which no gradient flows; compute "
                "it from y_pred with operators and the functions of mlpcore.ops"
            )
        reduce = ops.sum if self.reduction == "sum" else ops.mean
        if not values.batched:
            recorder.scalar_loss(reduce(values) if values.shape else values, weight)
            return
        if len(values.shape) > 1:
            values = reduce(values, axis=tuple(range(1, len(values.shape))))
        if self.reduction == "sum":  # undoes the division by the rows
            values = values * _n_rows(recorder)
        recorder.row_loss(values, weight, sample_weight=sample_weight)

    def _fusable(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        defining = next(cls for cls in type(self).__mro__ if {"call", "_fused"} & vars(cls).keys())
        if "_fused" not in vars(defining) or self.reduction in ("sum", "none", None):
            return None  # `call` is younger than the kernel, or the kernel's mean is not what is wanted
        return self._fused(y_true, y_pred)

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        """Return the kernel that computes the mean of `call`'s values over a row; None: there is none."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {"name": self.name, "reduction": self.reduction}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the loss that `get_config` described."""
        return cls(**config)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def _tensors(y: Any) -> Any:
    """Return the targets or predictions of an output as a tensor; a dict, or a list of tensors, part by part."""
    several = isinstance(y, dict) or (isinstance(y, list | tuple) and any(isinstance(each, Tensor) for each in y))
    return map_structure(tensor, y) if several else tensor(y)


def _n_rows(recorder: Recorder) -> Symbol:
    return recorder.record("n_rows", (), {}, lambda: recorder.symbol("n_rows", shape=(), dtype=recorder.dtype))


_CLASSES: dict[Any, type[FormulaLoss]] = {}  # a built-in function -> the class of it


class FormulaLoss(Loss):
    """A built-in loss: a function of targets, predictions and the class's own arguments."""

    function: ClassVar[Callable[..., Any]]
    _arguments: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        if "function" in vars(cls):
            _CLASSES[cls.function] = cls

    def __init__(
        self, reduction: str | None = "sum_over_batch_size", name: str | None = None, dtype: Any = None
    ) -> None:
        super().__init__(name, reduction, dtype)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the function's values."""
        return type(self).function(y_true, y_pred, **{name: getattr(self, name) for name in self._arguments})

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return super().get_config() | {name: getattr(self, name) for name in self._arguments}


@_registry.built_in("losses")
class LossFunctionWrapper(Loss):
    """A function of targets and predictions as a loss.

    Parameters
    ----------
    fn : callable
        ``fn(y_true, y_pred, **kwargs)`` -> tensor (batch,), (batch, ...) or (), written with `mlpcore.ops`.
    reduction, name, dtype
        See `Loss`; the name's default is the function's.
    **kwargs
        Passed to `fn`.

    Examples
    --------
    >>> from mlpcore import ops
    >>> loss = LossFunctionWrapper(lambda y_true, y_pred: ops.max(ops.abs(y_pred - y_true), axis=-1), name="worst")
    >>> loss([[0.0, 0.0]], [[1.0, -3.0]])
    3.0
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", None), reduction, dtype)
        self.fn = fn
        self._kwargs = kwargs

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the function's values, for targets and predictions of equal rank."""
        if isinstance(y_true, list | tuple | dict) or isinstance(y_pred, list | tuple | dict):
            return self.fn(y_true, y_pred, **self._kwargs)
        return self.fn(*same_rank(y_true, y_pred), **self._kwargs)

    def _fused(self, y_true: Axes, y_pred: Axes) -> Fused | None:
        formula = _CLASSES.get(self.fn)
        return None if formula is None else formula(**self._kwargs)._fused(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return super().get_config() | {"fn": _registry.serialize_object(self.fn), **self._kwargs}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """Return the loss that `get_config` described."""
        arguments = dict(config)
        return cls(_registry.deserialize(arguments.pop("fn"), family="losses"), **arguments)


def elementwise(y_true: Axes, y_pred: Axes, fused: Fused) -> Fused | None:
    """Return a kernel of sums over a row so that it averages the row; None unless the shapes are equal."""
    if not aligned_shapes(y_true, y_pred):
        return None
    return fused._replace(weight=fused.weight / max(prod(y_pred), 1))
