"""ProgbarLogger: the lines that ``verbose=1`` and ``verbose=2`` print, and a live line where someone looks on."""

from __future__ import annotations

import sys
import time
from functools import cache
from importlib import import_module
from shutil import get_terminal_size
from typing import Any

import numpy as np

from mlpcore.callbacks.base import Callback, Logs, overrides_batches

_BAR_WIDTH = 20
_SHARE = 0.01  # of the training's time, at most
_GRACE = 0.01  # seconds that may be spent anyway: some hundred lines
_SOON = 0.1  # seconds: shorter passes have no live line


class ProgbarLogger(Callback):
    """Print how training, evaluation or prediction goes; ``verbose`` adds one to every run.

    With ``verbose=1`` a terminal or notebook shows a live line (by tqdm, if that is installed) which gives way to
    the epoch's result; a pipe or file gets plain lines. ``verbose=2`` prints a line an epoch everywhere.

    Notes
    -----
    At most 1 % of the training's time goes into it (or 10 ms, if that is more): in long trainings of very short
    epochs it leaves out epochs, never the last. The live line asks for no batch hooks.

    Examples
    --------
    >>> from mlpcore.callbacks import ProgbarLogger
    >>> bar = ProgbarLogger()
    >>> bar.set_params({"verbose": 2, "epochs": 3, "steps": 40})
    >>> bar.on_train_begin()
    >>> bar.on_epoch_begin(0)
    Epoch 1/3
    >>> bar.on_epoch_end(0, {"loss": 0.25})  # doctest: +ELLIPSIS
    40/40 - 0s - ...s/step - loss: 0.2500
    """

    def __init__(self) -> None:
        super().__init__()
        self.verbose: int | str = 1
        self.epochs = 1
        self.target: int | None = None
        self.seen = 0
        self.is_live = False
        self._in_fit = False
        self._paused = False  # while the epoch's validation runs
        self._bar: Any = None
        self._heading = ""  # waits to be printed with the line below it
        self._train_start = self._start = self._next_look = self._flushed = 0.0
        self._spent = 0.0  # seconds that printing took in this training
        self._skips = False  # whether the running epoch is left out

    def set_params(self, params: dict[str, Any]) -> None:
        """Take over verbosity, number of epochs and of steps."""
        self.params = params
        verbose = params.get("verbose", 1)
        if verbose not in ("auto", 0, 1, 2):
            raise ValueError(f"verbose must be 'auto', 0, 1 or 2, got {verbose!r}.")
        self.verbose = 1 if verbose == "auto" else int(verbose)
        self.epochs = params.get("epochs") or 1
        self.target = params.get("steps")
        self.is_live = self.verbose == 1 and _is_watched()

    def on_train_begin(self, logs: Logs = None) -> None:
        """Start the clock."""
        self._in_fit, self._paused = True, False
        self._train_start, self._spent = time.perf_counter(), 0.0

    def on_train_end(self, logs: Logs = None) -> None:
        """Leave nothing unprinted."""
        self._in_fit = False
        self._close()

    def on_epoch_begin(self, epoch: int, logs: Logs = None) -> None:
        """Print the epoch's heading, unless too much time went into printing."""
        if not self.verbose:
            return
        now = time.perf_counter()
        is_last = epoch + 1 >= self.epochs
        self._skips = self._spent > _GRACE + _SHARE * (now - self._train_start) and not is_last
        self._begin(f"Epoch {epoch + 1}/{self.epochs}\n" if self.epochs > 1 else "")
        if not self._skips:
            self._print("")
            self._spent += time.perf_counter() - now

    def on_epoch_end(self, epoch: int, logs: Logs = None) -> None:
        """Print the epoch's result."""
        if self.verbose:
            self._end(logs, skip=self._skips and not getattr(self._model, "stop_training", False))

    def on_test_begin(self, logs: Logs = None) -> None:
        """Start the clock of an evaluation; validation shows in its epoch's line."""
        self._paused = self._in_fit
        if self.verbose and not self._in_fit:
            self._begin("")

    def on_test_end(self, logs: Logs = None) -> None:
        """Print the evaluation's result."""
        self._paused = False
        if self.verbose and not self._in_fit:
            self._end(logs)

    def on_predict_begin(self, logs: Logs = None) -> None:
        """Start the clock of a prediction."""
        if self.verbose:
            self._begin("")

    def on_predict_end(self, logs: Logs = None) -> None:
        """Print how long the prediction took."""
        if self.verbose:
            self._end(None)

    def on_train_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the live line on."""
        self.progress(batch + 1, logs)

    def on_test_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the live line on."""
        self.progress(batch + 1, logs)

    def on_predict_batch_end(self, batch: int, logs: Logs = None) -> None:
        """Move the live line on."""
        self.progress(batch + 1)

    def progress(self, done: int, logs: Logs = None) -> None:
        """Tell that `done` batches of the pass are done: moves the live line if there is one and it is time."""
        if self._paused:
            return
        self.seen = done
        if not self.is_live:
            return
        now = time.perf_counter()
        if now < self._next_look:
            return
        tqdm = _tqdm()  # its import, once, is not what the pace below is about
        now = time.perf_counter()
        if self._bar is None:
            self._print("")
            self._bar = None if tqdm is None else _live_line(tqdm, self.target)
        if self._bar is not None:
            self._bar.n = done
            self._bar.set_description_str(_figures(logs), refresh=False)
            self._bar.refresh()
        took = time.perf_counter() - now
        self._spent += took
        self._next_look = now + max(_SOON, took / _SHARE)

    def clear(self) -> None:
        """Take the live line away, so that others can print."""
        self._close()

    def _needs_batches(self, phase: str) -> bool:
        return overrides_batches(self, phase, beyond=ProgbarLogger)  # the line moves with others' batches or progress()

    def _begin(self, heading: str) -> None:
        self._start = time.perf_counter()
        self._next_look = self._start + _SOON
        self._heading, self.seen = heading, 0

    def _end(self, logs: Logs, skip: bool = False) -> None:
        now = time.perf_counter()
        self._close()
        if skip:
            self._heading = ""
            return
        steps = self.target or self.seen or 1
        seconds = now - self._start
        speed = _duration(seconds / steps)
        if self.verbose == 1:
            line = f"{steps}/{steps} {_full_bar()} {seconds:.0f}s {speed}/step{_figures(logs)}"
        else:
            line = f"{steps}/{steps} - {seconds:.0f}s - {speed}/step{_figures(logs)}"
        self._print(line + "\n")
        self._spent += time.perf_counter() - now

    def _print(self, text: str) -> None:
        text, self._heading = self._heading + text, ""
        if text:
            sys.stdout.write(text)
            now = time.perf_counter()
            if now - self._flushed > _SOON:
                sys.stdout.flush()
                self._flushed = now

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _figures(logs: Logs) -> str:
    return "".join(f" - {name}: {_figure(value)}" for name, value in (logs or {}).items() if name != "outputs")


def _figure(value: Any) -> str:
    number = float(value) if isinstance(value, float) else float(np.mean(value))
    return f"{number:.4f}" if abs(number) > 1e-3 else f"{number:.4e}"


def _duration(seconds: float) -> str:
    if seconds >= 1:
        return f"{seconds:.0f}s"
    return f"{seconds * 1e3:.0f}ms" if seconds >= 1e-3 else f"{seconds * 1e6:.0f}us"


def _full_bar() -> str:
    try:
        "━".encode(getattr(sys.stdout, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return "=" * _BAR_WIDTH
    if sys.stdout.isatty():
        return f"\x1b[32m{'━' * _BAR_WIDTH}\x1b[0m"
    return "━" * _BAR_WIDTH


def _is_watched() -> bool:
    """Tell whether standard output is a terminal or a notebook."""
    is_terminal = getattr(sys.stdout, "isatty", None)
    return bool(is_terminal and is_terminal()) or type(sys.stdout).__module__.startswith("ipykernel")


@cache
def _tqdm() -> Any:
    """Return the class of bars for a terminal or notebook; None if tqdm is not installed."""
    try:
        return import_module("tqdm.auto").tqdm
    except ImportError:
        return None


def _live_line(tqdm: Any, target: int | None) -> Any:
    """Return a bar that vanishes when it is closed."""
    look = "{n_fmt}/{total_fmt} {bar:20} {remaining}{desc}" if target else "{n_fmt}/Unknown {elapsed}{desc}"
    size = get_terminal_size()  # not tqdm's own measure: that is 0 in a terminal which does not tell
    ascii_ = " ━" if "━" in _full_bar() else None
    style = {"bar_format": look, "ascii": ascii_, "ncols": size.columns - 1, "nrows": size.lines}
    return tqdm(total=target, file=sys.stdout, leave=False, **style)
