"""Learning curves: how loss, metrics and learning rate went from epoch to epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np

from mlpcore._validation import suggest
from mlpcore.plot import pyplot

_COLUMNS = 3


def history(
    history: Any,
    metrics: str | Sequence[str] | None = None,
    *,
    ax: Any = None,
    shift: bool = False,
    log_scale: bool = False,
    line_kw: dict[str, Any] | None = None,
) -> Any:
    """Draw the learning curves of a model, training and validation of a quantity together.

    Parameters
    ----------
    history : History, Model or dict
        What ``fit`` returned, the model itself, or a dict of lists such as ``History.history``.
    metrics : str or list of str, optional
        What to draw: "loss", "accuracy", "learning_rate", ...; default: everything, each on its own axes.
    ax : matplotlib Axes, or as many as there are quantities, optional
        Where to draw; all on one if it is one. Default: a new figure.
    shift : bool, default False
        Whether to draw training half an epoch earlier: its values are means over the epoch while the model learns,
        those of validation are measured at the epoch's end, so that training looks up to half an epoch too bad.
    log_scale : bool, default False
        Whether the scales of the quantities are logarithmic.
    line_kw : dict, optional
        Further arguments of all ``ax.plot`` calls.

    Returns
    -------
    matplotlib Axes, or array of Axes
        One for each quantity if no `ax` was given and there are several.

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        A quantity that was not recorded, or nothing was.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from mlpcore import plot
    >>> ax = plot.history({"loss": [0.9, 0.5, 0.4], "val_loss": [0.8, 0.6, 0.6]}, shift=True)
    >>> [line.get_label() for line in ax.lines]
    ['training', 'validation']
    """
    curves = _curves_of(history)
    names = _chosen(curves, metrics)
    loaded = pyplot.load("plot.history")
    made = None
    if ax is None:
        rows, columns = -(-len(names) // _COLUMNS), min(len(names), _COLUMNS)
        size = (4.6 * columns + 0.2, 3.4 * rows)
        made = loaded.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")[1]
        for empty in made.flat[len(names) :]:
            empty.remove()
        places = list(made.flat[: len(names)])
    else:
        given = list(np.ravel(np.asarray(ax, dtype=object)))
        if len(given) not in (1, len(names)):
            raise ValueError(f"plot.history: expected one axes or {len(names)} ({', '.join(names)}), got {len(given)}")
        places = given * len(names) if len(given) == 1 else given
    shared = len(names) > 1 and len({id(place) for place in places}) == 1
    for number, (name, place) in enumerate(zip(names, places, strict=True)):
        _draw(place, name, curves, f"C{number if shared else 0}", shared, shift, line_kw or {})
        place.set(xlabel="Epoch", ylabel="" if shared else _words(name))
        place.xaxis.get_major_locator().set_params(integer=True)
        place.grid(visible=True, alpha=0.3)
        if log_scale or (name == "learning_rate" and not shared):
            place.set_yscale("log")
        if len(place.lines) > 1:
            place.legend()
    if made is None:
        return ax
    return places[0] if len(places) == 1 else np.array(places, dtype=object)


def loss_curve(estimators: Any, *, ax: Any = None, plot_scores: bool = True, log_scale: bool = False) -> Any:
    """Draw the loss of fitted estimators after each epoch, with validation where there was any.

    Parameters
    ----------
    estimators : MLPClassifier or MLPRegressor, list or dict of them
        Fitted by a stochastic solver. The keys of a dict name them in the legend.
    ax : matplotlib Axes, optional
        Where to draw; default: a new figure.
    plot_scores : bool, default True
        Whether to draw validation scores too, of one estimator only.
    log_scale : bool, default False
        Whether the scale of the losses is logarithmic.

    Returns
    -------
    matplotlib Axes
        With the losses; scores have their scale at the right.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from mlpcore import MLPRegressor, plot
    >>> X = [[0.0], [1.0], [2.0]]
    >>> fitted = [MLPRegressor(tol=9.0).fit(X, [1.0, 0.0, 1.0]) for _ in range(2)]
    >>> ax = plot.loss_curve({"first": fitted[0], "second": fitted[1]})
    >>> [line.get_label() for line in ax.lines]
    ['first: Training loss', 'second: Training loss']
    """
    ax = pyplot.axes("plot.loss_curve", ax)
    if isinstance(estimators, Mapping):
        named = list(estimators.items())
    elif isinstance(estimators, Sequence):
        named = [(f"{type(each).__name__} {number}", each) for number, each in enumerate(estimators)]
    else:
        named = [(None, estimators)]
    display = import_module("mlpcore.estimators.display").LossCurveDisplay
    for name, estimator in named:
        scores = plot_scores and len(named) == 1
        drawn = display.from_estimator(estimator, ax=ax, name=name, plot_scores=scores, log_scale=log_scale)
    if len(named) > 1:
        drawn.ax_.legend(loc="best")
    return ax


def _curves_of(history: Any) -> dict[str, list[float]]:
    """Return quantity -> values, whatever holds them."""
    found = history
    while found is not None and not isinstance(found, Mapping):
        found = getattr(found, "history", None)
    if found is None:
        raise TypeError(f"plot.history: expected a History, a fitted model or a dict of lists, got {history!r}")
    curves = {name: list(values) for name, values in found.items() if len(values)}
    if not curves:
        raise ValueError("plot.history: the history is empty; fit the model first")
    return curves


def _chosen(curves: dict[str, list[float]], metrics: str | Sequence[str] | None) -> list[str]:
    names = list(dict.fromkeys(name.removeprefix("val_") for name in curves))
    if metrics is None:
        return sorted(names, key=lambda name: (name == "learning_rate", name != "loss"))
    chosen = [metrics] if isinstance(metrics, str) else list(metrics)
    for name in chosen:
        if name not in names:
            raise ValueError(
                f"plot.history: {name!r} was not recorded{suggest(name, names)} There is {', '.join(names)}"
            )
    return chosen


def _draw(
    ax: Any, name: str, curves: dict[str, list[float]], color: str, named: bool, shift: bool, style: dict[str, Any]
) -> None:
    training, validation = curves.get(name, []), curves.get(f"val_{name}", [])
    before = f"{_words(name)}, " if named else ""
    marker = "o" if max(len(training), len(validation)) == 1 else None
    if training:
        epochs = np.arange(1.0, len(training) + 1) - (0.5 if shift and name != "learning_rate" else 0)
        label = _words(name) if name == "learning_rate" else f"{before}training"
        ax.plot(epochs, training, **{"color": color, "label": label, "marker": marker, **style})
    if validation:
        every = max(1, round(len(training) / len(validation))) if training else 1  # validation_freq
        epochs = every * np.arange(1.0, len(validation) + 1)
        looks = {"color": color if named else "C1", "linestyle": "--", "label": f"{before}validation", "marker": marker}
        ax.plot(epochs, validation, **{**looks, **style})


def _words(name: str) -> str:
    return name.replace("_", " ").capitalize() if name.islower() else name
