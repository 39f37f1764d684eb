"""The epochs of the stochastic solvers: one call of the engine each, everything else between the calls."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from mlpcore import _core
from mlpcore.estimators._initial import Parameters
from mlpcore.estimators._optimizer import Optimizer
from mlpcore.estimators._stopping import LossPatience
from mlpcore.estimators._targets import Array, Targets


@dataclass
class Rows:
    """Rows to train on: x (n,d), y as the targets encode it, weights (n,), and which rows in which order."""

    x: Array
    y: Array
    sample_weight: Array | None
    order: Array  # int64

    def __len__(self) -> int:
        return len(self.order)

    def shuffle(self, rng: np.random.RandomState) -> None:
        """Permute the present order; permutations add up from epoch to epoch, as in scikit-learn."""
        permutation = np.arange(len(self.order))
        rng.shuffle(permutation)
        self.order = self.order[permutation]


@dataclass
class Validation:
    """Rows kept back, and the score of the network on them."""

    x: Array
    y: Array
    sample_weight: Array | None
    targets: Targets

    def score(self, engine: _core.Engine, n_threads: int) -> float:
        """Score the weights that the engine has now."""
        output = engine.predict(self.x, n_threads=n_threads)
        return self.targets.score(output, self.y, self.sample_weight)


def split_validation(
    rows: Rows, fraction: float, targets: Targets, rng: np.random.RandomState
) -> tuple[Rows, Validation]:
    """Keep a part of the rows back; x is not copied but for that part."""
    kept, held = train_test_split(rows.order, test_size=fraction, random_state=rng, stratify=targets.strata(rows.y))
    if len(held) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    weight = None if rows.sample_weight is None else rows.sample_weight[held]
    if weight is not None and weight.sum() == 0:
        raise ValueError("The sample weights of the validation set sum to zero.")
    training = Rows(rows.x, rows.y, rows.sample_weight, kept)
    return training, Validation(rows.x[held], rows.y[held], weight, targets)


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
class Epochs:
    """A run of epochs: what it needs, and after `run` what it found."""

    engine: _core.Engine
    optimizer: Optimizer
    rows: Rows
    validation: Validation | None
    patience: LossPatience
    parameters: Parameters  # receives the final weights, or the best ones if there is a validation
    rng: np.random.RandomState | None  # None keeps the order of the rows
    batch_size: int
    max_epochs: int
    alpha: float
    loss_divisor: int
    n_threads: int
    verbose: bool | int
    samples_seen: int  # over all fits
    n_epochs: int = 0
    losses: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def run(self) -> None:
        """Train until the patience is exhausted or `max_epochs` are done; Ctrl-C ends it early."""
        try:
            while not self._epoch():
                if self.n_epochs == self.max_epochs:
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({self.max_epochs}) "
                        "reached and the optimization hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=2,
                    )
                    break
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        self._keep_last()

    def run_one(self) -> None:
        """Train for one epoch, as partial_fit does."""
        try:
            self._epoch()
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=2)
        self._keep_last()

    def _keep_last(self) -> None:
        if self.validation is None:
            self.engine.store(self.parameters)

    def _epoch(self) -> bool:
        """Do one pass over the rows; return whether to stop."""
        rows = self.rows
        if self.rng is not None:
            rows.shuffle(self.rng)
        loss_sum, penalty_sum = self.engine.train(
            rows.x,
            rows.y,
            rows.order,
            self.batch_size,
            self.optimizer.update(self.alpha),
            sample_weight=rows.sample_weight,
            n_threads=self.n_threads,
        )
        self.n_epochs += 1
        self.samples_seen += len(rows)
        loss = (loss_sum / self.loss_divisor + penalty_sum) / len(rows)
        self.losses.append(loss)
        if self.verbose:
            print(f"Iteration {self.n_epochs}, loss = {loss:.8f}")
        self._observe(loss)
        self.optimizer.schedule.after_epoch(self.samples_seen)
        return self.patience.is_exhausted and self._is_over()

    def _observe(self, loss: float) -> None:
        if self.validation is None:
            self.patience.observe(loss)
            return
        score = self.validation.score(self.engine, self.n_threads)
        self.scores.append(score)
        if self.verbose:
            print(f"Validation score: {score:f}")
        if self.patience.observe(score):
            self.engine.store(self.parameters)

    def _is_over(self) -> bool:
        stop, words = self.optimizer.schedule.on_plateau()
        if self.verbose:
            print(f"{self.patience.message} {words}")
        if not stop:
            self.patience.bad_epochs = 0
        return stop
