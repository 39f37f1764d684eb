"""Decision regions: what a model of two features says everywhere in the plane."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpcore.plot import pyplot

_MARGIN = 0.08  # of the data's range, on each side
_PALEST = 0.12  # strength of a class's colour where the model is not sure at all
_STRONGEST = 0.55


def decision_regions(
    model: Any,
    X: ArrayLike,
    y: ArrayLike | None = None,
    *,
    ax: Any = None,
    resolution: int = 200,
    feature_names: tuple[str, str] | None = None,
    scatter_kw: dict[str, Any] | None = None,
) -> Any:
    """Draw what a model predicts in the plane of two features, and the data upon it.

    A classifier's classes have a colour each, the stronger the surer the model is; lines separate them. A regressor's
    values are drawn as a scale.

    Parameters
    ----------
    model : estimator or Model
        Takes 2 features. An estimator is a classifier if it has ``classes_``. Of a model, outputs of several columns
        are taken for probabilities of the classes 0, 1, ..., one column in [0, 1] for that of class 1 (unless `y`
        holds other numbers than 0 and 1), and anything else for values.
    X : array-like of shape (n, 2)
        Decides which part of the plane is drawn.
    y : array-like of shape (n,), optional
        Classes or values of the rows; without them no points are drawn.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure.
    resolution : int, default 200
        Points of the plane that are predicted in each direction.
    feature_names : tuple of 2 str, optional
        Labels of the axes; default: the columns of a data frame.
    scatter_kw : dict, optional
        Further arguments of ``ax.scatter``.

    Returns
    -------
    matplotlib Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        Other than two features.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from mlpcore import MLPClassifier, plot
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> model = MLPClassifier((8,), solver="lbfgs", random_state=0).fit(X, y)
    >>> ax = plot.decision_regions(model, X, y)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0', '1']
    """
    names = feature_names or tuple(str(name) for name in getattr(X, "columns", ("Feature 0", "Feature 1")))
    points = np.asarray(X, np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"plot.decision_regions: expected X of shape (n, 2), got {points.shape}")
    labels = None if y is None else np.asarray(y).reshape(len(points))
    ax = pyplot.axes("plot.decision_regions", ax, layout="constrained")
    low, high = points.min(axis=0), points.max(axis=0)
    margin = np.where(high > low, _MARGIN * (high - low), 1.0)
    low, high = low - margin, high + margin
    across, up = (np.linspace(low[axis], high[axis], resolution) for axis in (0, 1))
    plane = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    classes, outputs = _predicted(model, plane, X, labels)
    style = {"s": 18, "edgecolors": "black", "linewidths": 0.4, **(scatter_kw or {})}
    extent = (low[0], high[0], low[1], high[1])
    if classes is None:
        _draw_values(ax, outputs.reshape(resolution, resolution), across, up, points, labels, style)
    else:
        _draw_classes(ax, classes, outputs.reshape(resolution, resolution, -1), extent, points, labels, style)
    ax.set(xlabel=names[0], ylabel=names[1], xlim=extent[:2], ylim=extent[2:])
    return ax


def _predicted(
    model: Any, plane: NDArray[np.float64], X: Any, labels: NDArray[Any] | None
) -> tuple[NDArray[Any] | None, NDArray[np.float64]]:
    """Return the classes and their probabilities (n, n_classes); or None and values (n,)."""
    rows: Any = plane
    if hasattr(X, "columns"):
        rows = type(X)(plane, columns=X.columns)
    if hasattr(model, "classes_"):
        classes = np.asarray(model.classes_)
        if hasattr(model, "predict_proba"):
            return classes, np.asarray(model.predict_proba(rows))
        return classes, (np.asarray(model.predict(rows))[:, None] == classes).astype(np.float64)
    if hasattr(model, "layers"):
        outputs = np.asarray(model.predict(plane.astype(np.float32), verbose=0), np.float64)
    else:
        outputs = np.asarray(model.predict(rows), np.float64)
    outputs = outputs.reshape(len(plane), -1)
    if outputs.shape[1] > 1:
        return np.arange(outputs.shape[1]), outputs
    is_binary = labels is None or set(np.unique(labels).tolist()) <= {0, 1}
    if hasattr(model, "layers") and is_binary and outputs.min() >= 0 and outputs.max() <= 1:
        return np.arange(2), np.hstack([1 - outputs, outputs])
    return None, outputs[:, 0]


def _draw_classes(
    ax: Any,
    classes: NDArray[Any],
    probabilities: NDArray[np.float64],
    extent: tuple[float, ...],
    points: NDArray[np.float64],
    labels: NDArray[Any] | None,
    style: dict[str, Any],
) -> None:
    colormap = pyplot.load("plot.decision_regions").get_cmap("tab10" if len(classes) <= 10 else "tab20")
    colors = np.array([colormap(number % colormap.N)[:3] for number in range(len(classes))])
    winner = probabilities.argmax(axis=-1)
    unsure = 1 / len(classes)
    sureness = np.clip((probabilities.max(axis=-1, keepdims=True) - unsure) / (1 - unsure), 0, 1)
    strength = _PALEST + (_STRONGEST - _PALEST) * sureness
    ax.imshow(
        1 - strength * (1 - colors[winner]), extent=extent, origin="lower", aspect="auto", interpolation="nearest"
    )
    for number in range(len(classes)):
        others = np.delete(probabilities, number, axis=-1).max(axis=-1)
        ahead = probabilities[..., number] - others
        if ahead.min() < 0 < ahead.max() and not (len(classes) == 2 and number):
            ax.contour(ahead, [0], extent=extent, colors="black", linewidths=0.8)
    if labels is None:
        return
    for number, name in enumerate(classes):
        own = points[labels == name]
        ax.scatter(own[:, 0], own[:, 1], color=[colors[number]], label=str(name), zorder=3, **style)
    ax.legend()


def _draw_values(
    ax: Any,
    values: NDArray[np.float64],
    across: NDArray[np.float64],
    up: NDArray[np.float64],
    points: NDArray[np.float64],
    labels: NDArray[Any] | None,
    style: dict[str, Any],
) -> None:
    low, high = float(values.min()), float(values.max())
    if labels is not None:
        low, high = min(low, float(labels.min())), max(high, float(labels.max()))
    high = high if high > low else low + 1
    drawn = ax.contourf(across, up, values, np.linspace(low, high, 25), cmap="viridis")
    ticks = import_module("matplotlib.ticker").MaxNLocator(7)
    ax.figure.colorbar(drawn, ax=ax, label="prediction", ticks=ticks)
    if labels is not None:
        ax.scatter(points[:, 0], points[:, 1], c=labels, cmap="viridis", vmin=low, vmax=high, zorder=3, **style)
