"""What a fit tells the user while it runs: nothing, scikit-learn's lines, or a progress bar."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any


class Silence:
    """Tells nothing; the interface of the others."""

    def loss(self, epoch: int, loss: float) -> None:
        """Tell the loss of an epoch, counted from 1."""

    def score(self, score: float) -> None:
        """Tell the validation score after the epoch."""

    def say(self, words: str) -> None:
        """Tell why the training stops or changes its rate."""

    def close(self) -> None:
        """Tell that no more is coming."""


class Lines(Silence):
    """Prints scikit-learn's lines."""

    def loss(self, epoch: int, loss: float) -> None:
        """Tell the loss of an epoch, counted from 1."""
        print(f"Iteration {epoch}, loss = {loss:.8f}")

    def score(self, score: float) -> None:
        """Tell the validation score after the epoch."""
        print(f"Validation score: {score:f}")

    def say(self, words: str) -> None:
        """Tell why the training stops or changes its rate."""
        print(words)


class Bar(Silence):
    """Moves a progress bar of tqdm's, one step an epoch."""

    def __init__(self, tqdm: Any, n_epochs: int) -> None:
        self._bar = tqdm(total=n_epochs, file=sys.stdout, unit="epoch", dynamic_ncols=True)
        self._figures: dict[str, str] = {}

    def loss(self, epoch: int, loss: float) -> None:
        """Tell the loss of an epoch, counted from 1."""
        self._figures["loss"] = f"{loss:.6g}"
        self._bar.set_postfix(self._figures, refresh=False)
        self._bar.update()

    def score(self, score: float) -> None:
        """Tell the validation score after the epoch."""
        self._figures["validation score"] = f"{score:.4f}"
        self._bar.set_postfix(self._figures, refresh=False)

    def say(self, words: str) -> None:
        """Tell why the training stops or changes its rate."""
        self._bar.write(words, file=sys.stdout)

    def close(self) -> None:
        """Tell that no more is coming."""
        self._bar.close()


def reporter(verbose: bool | int, n_epochs: int, *, lines: bool = True) -> Silence:
    """Return who tells of the epochs; without `lines` only a bar will do."""
    if not verbose:
        return Silence()
    if verbose is True or verbose == 1:
        tqdm = _tqdm() if sys.stdout.isatty() or _in_notebook() else None
        if tqdm is not None:
            return Bar(tqdm, n_epochs)
    return Lines() if lines else Silence()


def _in_notebook() -> bool:
    return type(sys.stdout).__module__.startswith("ipykernel")


def _tqdm() -> Any:
    try:
        return import_module("tqdm.auto").tqdm
    except ImportError:
        return None
