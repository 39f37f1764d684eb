"""The epochs of the stochastic solvers: one call of the engine each, everything else between the calls."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from mlpcore import _core
from mlpcore.estimators._callbacks import Hooks
from mlpcore.estimators._initial import Parameters, separated
from mlpcore.estimators._optimizer import Optimizer
from mlpcore.estimators._progress import Silence
from mlpcore.estimators._stopping import LossPatience
from mlpcore.estimators._targets import Array
from mlpcore.estimators._validation_set import Validation


@dataclass
class Rows:
    """Rows to train on: x (n,d), y as the targets encode it, weights (n,), and which rows in which order."""

    x: Any  # an array or CSR
    y: Array
    sample_weight: Array | None
    order: Array  # int64, of the rows to train on
    held: Array = field(default_factory=lambda: np.arange(0))  # int64, of the rows kept back

    def __len__(self) -> int:
        return len(self.order)

    def shuffle(self, rng: np.random.RandomState) -> None:
        """Permute the present order; permutations add up from epoch to epoch, as in scikit-learn."""
        permutation = np.arange(len(self.order))
        rng.shuffle(permutation)
        self.order = self.order[permutation]


def clipped_batch_size(batch_size: int | str, n_rows: int) -> int:
    """Return the batch size in use: 'auto' is min(200, n_rows), more than n_rows is clipped."""
    if isinstance(batch_size, str):
        return min(200, n_rows)
    if batch_size > n_rows:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )
    return int(np.clip(batch_size, 1, n_rows))


@dataclass
class Pass:
    """One pass over the rows, again and again; it is called and returns the mean loss, penalty included."""

    engine: _core.Engine
    optimizer: Optimizer
    rows: Rows
    rng: np.random.RandomState | None  # None keeps the order of the rows
    batch_size: int
    l2: float
    l1: float
    loss_divisor: int
    n_threads: int

    def __post_init__(self) -> None:
        """Describe the step once: between passes only its learning rate changes."""
        self._update = self.optimizer.update(self.l2, self.l1)

    def __call__(self) -> float:
        """Train on every row once."""
        self._update.learning_rate = self.optimizer.schedule.rate
        rows = self.rows
        if self.rng is not None:
            rows.shuffle(self.rng)
        sums = self.engine.train(
            rows.x,
            rows.y,
            rows.order,
            self.batch_size,
            self._update,
            sample_weight=rows.sample_weight,
            learning_rates=self.optimizer.schedule.rates(-(-len(rows) // self.batch_size)),
            n_threads=self.n_threads,
        )
        return (sums.loss / self.loss_divisor + sums.penalty) / len(rows)

    def weights(self) -> Parameters:
        """Return a copy of the weights of this moment."""
        parameters = [np.empty(shape, self.rows.x.dtype) for shape in self.engine.parameter_shapes]
        self.engine.store(parameters)
        return parameters


@dataclass
class Epochs:
    """A run of epochs: what it needs, and after `run` what it found."""

    one_pass: Pass
    patience: LossPatience
    parameters: Parameters  # becomes the final weights, or the best ones if `restores_best`
    max_epochs: int
    samples_seen: int  # over all fits
    validation: Validation | None = None
    restores_best: bool = False  # by the validation score
    survives_divergence: bool = False  # with the weights of the smallest loss
    max_time: float | None = None
    report: Silence = field(default_factory=Silence)
    hooks: Hooks | None = None
    n_epochs: int = 0
    losses: list[float] = field(default_factory=list)

    def run(self, max_epochs: int | None = None) -> None:
        """Train until a rule says stop or `max_epochs` are done; Ctrl-C ends it early."""
        self._end = math.inf if self.max_time is None else time.perf_counter() + self.max_time
        self._has_best = self.restores_best and self.patience.has_best  # of an earlier fit
        self._keeps_best = self.restores_best
        try:
            while not self._epoch():
                if self.n_epochs == max_epochs:
                    break
                if self.n_epochs == self.max_epochs:
                    _warn_of(f"Maximum iterations ({self.max_epochs}) reached")
                    break
                if time.perf_counter() >= self._end:
                    _warn_of(f"Maximum time ({self.max_time:g} s) reached after {self.n_epochs} iterations")
                    break
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        finally:
            self.report.close()
        if self.restores_best and not self._has_best:
            self._keeps_best = False
            if self.validation is not None and self.validation.scores and _are_finite(self.one_pass.weights()):
                warnings.warn("No validation score was a number; the last weights are kept.", stacklevel=2)
        if not self._keeps_best:
            self.one_pass.engine.store(self.parameters)

    def _epoch(self) -> bool:
        """Do one pass over the rows; return whether to stop."""
        if self.hooks is not None:
            self.hooks.begin_task(self._state)
        loss = self.one_pass()
        self.n_epochs += 1
        self.samples_seen += len(self.one_pass.rows)
        self.losses.append(loss)
        self.report.loss(self.n_epochs, loss)
        self._observe(loss)
        self.one_pass.optimizer.schedule.after_epoch(self.samples_seen)
        asked_to_stop = self.hooks is not None and self.hooks.end_task(self._state)
        if not math.isfinite(loss) and self._is_lost():
            return True
        return (self.patience.is_exhausted and self._is_over()) or asked_to_stop

    def _observe(self, loss: float) -> None:
        """Let the patience see the epoch's loss or validation score, and keep the best weights."""
        score = None
        if self.validation is not None:
            score = self.validation.observe(self.one_pass.engine, self.one_pass.n_threads, self.one_pass.weights)
            self.report.score(score)
        is_best = self.patience.observe(score if self.restores_best and score is not None else loss)
        if self.one_pass.optimizer.schedule.is_rising:
            self.patience.bad_epochs = 0
        if is_best and self.restores_best:
            self.one_pass.engine.store(self.parameters)
            self._has_best = True
        elif is_best and self.survives_divergence:
            weights = self.one_pass.weights()
            if _are_finite(weights):
                self.parameters = weights
                self._has_best = True

    def _is_over(self) -> bool:
        stop, words = self.one_pass.optimizer.schedule.on_plateau()
        self.report.say(f"{self.patience.message} {words}")
        if not stop:
            self.patience.bad_epochs = 0
        return stop

    def _is_lost(self) -> bool:
        """Tell whether no epoch can mend the weights, and say what is left."""
        if _are_finite(self.one_pass.weights()):
            return False
        self._keeps_best = self._has_best
        if self._has_best:
            _warn_of(f"Non-finite weights after {self.n_epochs} iterations; the best ones before are kept")
        return True

    def _state(self) -> dict[str, Any]:
        coefs, intercepts = separated(self.one_pass.weights())
        return {"coefs_": coefs, "intercepts_": intercepts}


def _are_finite(parameters: Parameters) -> bool:
    return all(np.isfinite(p).all() for p in parameters)


def _warn_of(what: str) -> None:
    warnings.warn(
        f"Stochastic Optimizer: {what} and the optimization hasn't converged yet.",
        ConvergenceWarning,
        stacklevel=4,
    )
