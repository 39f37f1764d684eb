"""Layers that prepare data: Normalization and Rescaling."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpcore import ops
from mlpcore._arena import Variable
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore._validation import array_of_numbers, integers
from mlpcore.layers._arguments import arguments_of, axes_within, sizes_of
from mlpcore.layers._moments import Moments, batches_of
from mlpcore.layers.activation import Elementwise

_EPSILON = 1e-7  # Keras' backend.epsilon(), the least standard deviation that is divided by


@built_in("layers")
class Normalization(Elementwise):
    """``(x - mean) / sqrt(variance)``, feature by feature, with numbers that are given or taken from data.

    A feature whose variance is 0 becomes 0, whatever comes (Keras divides by 1e-7 there, so that a value that differs
    from the constant of the data becomes a huge number).

    Parameters
    ----------
    axis : int, sequence of int or None, default -1
        The axes whose elements have a mean and a variance each; None: one of both for all numbers.
    mean, variance : float or array_like, optional
        Both or none; without them `adapt` finds them, and until then they are 0 and 1.
    invert : bool, default False
        Return ``x * sqrt(variance) + mean`` instead.
    **kwargs
        `name`, `dtype`, `input_shape`, as of every layer.

    Attributes
    ----------
    adapt_mean, adapt_variance : Variable
        What `adapt` found, shaped like the kept axes; not trainable, and absent if they were given.
    count : Variable
        How many numbers `adapt` averaged, shape ().

    Examples
    --------
    >>> layer = Normalization()
    >>> layer.adapt(np.array([[0.0, 7.0, 4.0], [2.0, 9.0, 4.0]]))
    >>> layer(np.array([[2.0, 7.0, 5.0]]))
    array([[ 1., -1.,  0.]], dtype=float32)
    """

    adapt_mean: Variable
    adapt_variance: Variable
    count: Variable

    def __init__(
        self,
        axis: int | Sequence[int] | None = -1,
        mean: ArrayLike | None = None,
        variance: ArrayLike | None = None,
        invert: bool = False,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        axes = () if axis is None else [axis] if isinstance(axis, int) else axis
        self.axis = tuple(integers("Normalization: axis", axes))
        if (mean is None) != (variance is None):
            raise ValueError("Normalization: mean and variance must be given together")
        self.input_mean = None if mean is None else array_of_numbers("Normalization: mean", mean)
        self.input_variance = None
        if variance is not None:
            self.input_variance = array_of_numbers("Normalization: variance", variance)
        if self.input_mean is not None and self.input_variance is not None:
            shapes = self.input_mean.shape, self.input_variance.shape
            if shapes[0] != shapes[1]:
                message = f"Normalization: mean and variance must have the same shape, got {shapes[0]} and {shapes[1]}"
                raise ValueError(message)
        self.invert = bool(invert)
        self._kept: list[int] | None = None

    def _axes(self, shape: Shape) -> list[int]:
        axes = axes_within(self.name, self.axis, shape)
        if 0 in axes:
            raise ValueError(
                f"{self.name}: axis {self.axis} has the batch's in an input of shape {tuple(shape)}; expected (rows, "
                "..., features), or axis=None for one mean of all numbers"
            )
        return axes

    def build(self, input_shape: Shape) -> None:
        """Create the weights, or spread the given numbers over the kept axes."""
        self._kept = self._axes(input_shape)
        self._sizes = shape = sizes_of(self.name, self._kept, input_shape)
        self._wide = tuple(n if axis in self._kept else 1 for axis, n in enumerate(input_shape))[1:]
        if self.input_mean is None or self.input_variance is None:
            self.adapt_mean = self.add_weight(shape=shape, initializer="zeros", trainable=False, name="mean")
            self.adapt_variance = self.add_weight(shape=shape, initializer="ones", trainable=False, name="variance")
            self.count = self.add_weight(shape=(), initializer="zeros", dtype="int32", trainable=False, name="count")
            return
        try:
            given = [np.broadcast_to(x, shape) for x in (self.input_mean, self.input_variance)]
        except ValueError:
            message = f"{self.name}: mean of shape {self.input_mean.shape} does not fit the features, shape {shape}"
            raise ValueError(message) from None
        self._given = given[0].reshape(self._wide), self._factor(given[1]).reshape(self._wide)

    def adapt(self, data: Any) -> None:
        """Take mean and variance from data, forgetting those of earlier calls.

        They are computed in float64, whatever the data's type, and a constant feature's variance is exactly 0.

        Parameters
        ----------
        data : array_like, DataFrame, or iterable of batches
            Shape (rows, ..., features). Batches, as of a generator or a list of arrays, may be tuples (x, y).

        Raises
        ------
        ValueError
            No rows, NaN or infinity, or another shape than the layer was built for.
        """
        if self.input_mean is not None:
            raise ValueError(f"{self.name}: mean and variance were given; there is nothing to adapt")
        moments: Moments | None = None
        for batch in batches_of(f"{self.name}.adapt", data):
            shape: Shape = (None, *batch.shape[1:])
            if not self.built:
                self.build_for(shape)
            if moments is None:
                moments = Moments(self._axes(shape))
            self._check_fit(shape)
            moments.add(batch)
        if moments is None or not moments.count:
            raise ValueError(f"{self.name}.adapt: expected at least one row, got none")
        mean, variance = moments.mean, moments.variance
        bad = np.flatnonzero(~np.isfinite(mean + variance))
        if bad.size:
            where = f" in feature {bad[0]} of {mean.size}" if mean.ndim else ""
            raise ValueError(f"{self.name}.adapt: the data holds NaN or infinity{where}")
        self.adapt_mean.assign(mean)
        self.adapt_variance.assign(variance)
        self.count.assign(min(moments.count, np.iinfo(np.int32).max))

    @property
    def mean(self) -> NDArray[Any]:
        """What is subtracted, shape (1, ..., features)."""
        return self._in_shape(self.input_mean, "adapt_mean")

    @property
    def variance(self) -> NDArray[Any]:
        """The square of what is divided by, shape (1, ..., features)."""
        return self._in_shape(self.input_variance, "adapt_variance")

    def _in_shape(self, given: NDArray[Any] | None, weight: str) -> NDArray[Any]:
        if self._kept is None:
            raise ValueError(f"{self.name} is not built yet: call adapt(data), or the layer, first")
        numbers = getattr(self, weight).numpy() if given is None else np.broadcast_to(given, self._sizes)
        return np.array(numbers, self.dtype).reshape(1, *self._wide)

    def _check_fit(self, shape: Shape) -> None:
        features = tuple(shape[axis] for axis in self._axes(shape))
        if features != self.adapt_mean.shape:
            expected = self.adapt_mean.shape
            raise ValueError(f"{self.name}.adapt: expected features of shape {expected}, got data of shape {shape}")

    def _factor(self, variance: Any) -> Any:
        """Return what to multiply by: the (inverse) standard deviation, of at least 1e-7, and 0 where it is 0."""
        deviation = ops.maximum(ops.sqrt(variance), _EPSILON)
        return (variance > 0) * deviation if self.invert else (variance > 0) / deviation

    def call(self, inputs: Any) -> Any:
        """Return the normalized `inputs`."""
        mean: Any
        if self.input_mean is not None:
            mean, factor = self._given
        else:
            mean, factor = self.adapt_mean, self._factor(self.adapt_variance)
            if len(self._wide) != len(self.adapt_mean.shape):
                mean, factor = ops.reshape(mean, self._wide), ops.reshape(factor, self._wide)
        return inputs * factor + mean if self.invert else (inputs - mean) * factor

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        config = {**super().get_config(), **arguments_of(self, "axis", "invert")}
        config["mean"], config["variance"] = (
            None if x is None else x.tolist() for x in (self.input_mean, self.input_variance)
        )
        return {**config, "axis": None if self.axis == () else config["axis"]}


@built_in("layers")
class Rescaling(Elementwise):
    """``x * scale + offset``: as ``Rescaling(1 / 255)`` for images.

    Parameters
    ----------
    scale, offset : float or array_like, offset default 0
        Arrays broadcast against the inputs.
    **kwargs
        `name`, `dtype`, `input_shape`, as of every layer.

    Examples
    --------
    >>> Rescaling(0.5, offset=-1)(np.array([[0, 4]]))
    array([[-1.,  1.]], dtype=float32)
    """

    scale: Any
    offset: Any

    def __init__(self, scale: ArrayLike, offset: ArrayLike = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        for name, value in (("scale", scale), ("offset", offset)):
            numbers = array_of_numbers(f"Rescaling: {name}", value)
            setattr(self, name, float(numbers) if isinstance(value, int | float) else numbers)

    def call(self, inputs: Any) -> Any:
        """Return the rescaled `inputs`."""
        scaled = inputs * self.scale
        return scaled + self.offset if np.any(self.offset) else scaled

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        return {**super().get_config(), **arguments_of(self, "scale", "offset")}
