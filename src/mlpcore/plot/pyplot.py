"""matplotlib, imported when the first picture is drawn."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def load(caller: str) -> Any:
    """Return ``matplotlib.pyplot``.

    Raises
    ------
    ImportError
        matplotlib is not installed; the message says who needs it and how to get it.
    """
    try:
        return import_module("matplotlib.pyplot")
    except ImportError as error:
        raise ImportError(
            f"{caller} needs matplotlib: pip install 'mlpcore[plot]' or pip install matplotlib"
        ) from error


def axes(caller: str, ax: Any, **figure: Any) -> Any:
    """Return the axes that the user gave, or new ones in a figure of their own."""
    pyplot = load(caller)
    return pyplot.subplots(**figure)[1] if ax is None else ax
