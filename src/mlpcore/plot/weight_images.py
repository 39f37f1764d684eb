"""Weights as images: what each unit of the first layer looks for."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore.plot import pyplot


def weights(
    model: Any,
    shape: tuple[int, ...] | None = None,
    *,
    n_units: int = 36,
    ax: Any = None,
    cmap: str = "RdBu_r",
    colorbar: bool = True,
) -> Any:
    """Draw the weights that lead into units of the first layer as images, side by side.

    Parameters
    ----------
    model : Model, estimator or ndarray of shape (n_features, n_units)
        A built model, a fitted estimator, or a kernel itself.
    shape : tuple of 2 or 3 ints, optional
        Height and width (and 3 for colours) of an input. Default: the model's own input shape, else a square.
    n_units : int, default 36
        How many units to draw at most, the first ones.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure.
    cmap : str, default "RdBu_r"
        Colours; the scale is the same for all units and symmetric about 0, where the middle colour is.
    colorbar : bool, default True
        Whether to draw the scale. Colour images have none.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        Weights that do not form images of the shape.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np
    >>> from mlpcore import plot
    >>> ax = plot.weights(np.random.default_rng(0).normal(size=(64, 10)))
    >>> ax.get_title()
    'Weights of 10 units, 8 x 8'
    """
    kernel, own_shape = _first_kernel(model)
    size = _image_shape(kernel.shape[0], shape or own_shape, given=shape is not None)
    count = min(n_units, kernel.shape[1])
    images = kernel[:, :count].T.reshape(count, *size)
    ax = pyplot.axes("plot.weights", ax, figsize=(5.6, 5), layout="constrained")
    limit = float(np.max(np.abs(images))) or 1.0
    if len(size) == 3:
        ax.imshow(_mosaic(images / (2 * limit) + 0.5, fill=1.0), interpolation="nearest")
    else:
        drawn = ax.imshow(_mosaic(images), cmap=cmap, vmin=-limit, vmax=limit, interpolation="nearest")
        if colorbar:
            ax.figure.colorbar(drawn, ax=ax, shrink=0.8, label="weight")
    ax.set_title(f"Weights of {count} units, {size[0]} x {size[1]}")
    ax.set_axis_off()
    return ax


def _first_kernel(model: Any) -> tuple[NDArray[np.float64], tuple[int, ...] | None]:
    """Return the kernel (n_features, n_units) of the first layer that has one, and the shape of an input."""
    if isinstance(model, np.ndarray):
        kernel, own_shape = model, None
    elif hasattr(model, "coefs_"):
        kernel, own_shape = model.coefs_[0], None
    elif hasattr(model, "layers"):
        arrays = [np.asarray(each) for layer in model.layers for each in layer.get_weights()[:1]]
        matrices = [array for array in arrays if array.ndim == 2]
        if not matrices:
            raise ValueError(f"plot.weights: no layer of the model {model.name!r} has a kernel yet; is it built?")
        kernel = matrices[0]
        own_shape = getattr(model, "input_shape", None)
        is_one = isinstance(own_shape, tuple) and own_shape[:1] == (None,) and all(own_shape[1:])
        own_shape = own_shape[1:] if is_one and own_shape is not None else None
    else:
        raise TypeError(f"plot.weights: expected a model, a fitted estimator or an array, got {model!r}")
    kernel = np.asarray(kernel, np.float64)
    if kernel.ndim != 2:
        raise ValueError(f"plot.weights: expected weights of shape (n_features, n_units), got {kernel.shape}")
    return kernel, own_shape


def _image_shape(n_features: int, shape: tuple[int, ...] | None, given: bool) -> tuple[int, ...]:
    if shape is not None and len(shape) == 3 and shape[2] == 1:
        shape = shape[:2]
    fits = shape is not None and math.prod(shape) == n_features
    if shape is not None and fits and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)):
        return tuple(shape)
    side = math.isqrt(n_features)
    if given or side * side != n_features:
        got = f"shape={shape}" if given else "no shape"
        raise ValueError(
            f"plot.weights: {n_features} weights of a unit need shape=(height, width) or (height, width, 3) "
            f"of that size, got {got}"
        )
    return side, side


def _mosaic(images: NDArray[np.float64], fill: float = np.nan) -> NDArray[np.float64]:
    """Return images (n, height, width, ...) in the fields of a nearly square table with gaps of one pixel."""
    count, height, width = images.shape[:3]
    columns = math.ceil(math.sqrt(count))
    rows = -(-count // columns)
    gap = max(1, round(min(height, width) / 14))
    mosaic = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, *images.shape[3:]), fill)
    for number, image in enumerate(images):
        top, left = (number // columns) * (height + gap), (number % columns) * (width + gap)
        mosaic[top : top + height, left : left + width] = image
    return mosaic
