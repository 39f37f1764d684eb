"""A fit by 'sgd', 'adam' and their like: from an estimator's parameters to epochs, and from these to its attributes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from mlpcore._validation import thread_limit
from mlpcore.estimators._callbacks import Hooks
from mlpcore.estimators._checking import check_finite
from mlpcore.estimators._initial import Parameters, separated
from mlpcore.estimators._optimizer import Optimizer
from mlpcore.estimators._progress import reporter
from mlpcore.estimators._recording import Network
from mlpcore.estimators._schedule import learning_rate_rule
from mlpcore.estimators._stopping import LossPatience, ScorePatience
from mlpcore.estimators._targets import Array, Targets
from mlpcore.estimators._training import Epochs, Pass, Rows, clipped_batch_size
from mlpcore.estimators._validation_set import Validation, scorer_of, split

_ADAM = ("beta_1", "beta_2", "epsilon")
_SETTINGS = {  # solver -> the estimator's parameters that it has
    "sgd": ("momentum",),
    "adam": _ADAM,
    "adamw": (*_ADAM, "weight_decay"),
    "nadam": _ADAM,
    "rmsprop": ("rho", "epsilon"),
    "adagrad": ("epsilon",),
}
STOCHASTIC_SOLVERS = tuple(_SETTINGS)
STOCHASTIC_ATTRIBUTES = (
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "validation_loss_curve_",
    "best_validation_score_",
    "_no_improvement_count",
    "_measure",
    "_optimizer",
    "_row_order",
)


@dataclass
class Problem:
    """Checked data and what to do with them."""

    x: Any  # (n, n_features), an array or CSR
    y: Array  # as the user gave it
    sample_weight: Array | None  # the user's
    training_weight: Array | None  # times those of the classes
    validation: tuple[Any, Array, Array | None] | None  # the user's X_val, y_val, sample_weight_val
    targets: Targets
    network: Network
    first: bool  # the weights are new
    incremental: bool  # one epoch only


def fit_by_epochs(
    estimator: Any, problem: Problem, parameters: Parameters, rng: np.random.RandomState, hooks: Hooks | None
) -> None:
    """Train from `parameters` and set the estimator's fitted attributes."""
    if estimator.early_stopping and problem.incremental:
        raise ValueError("partial_fit does not support early_stopping=True")
    rows, validation = _rows(estimator, problem, rng)
    optimizer = _optimizer(estimator, problem, rng)
    engine = optimizer.engine(problem.network, str(problem.x.dtype), parameters)
    engine.mixed_precision = estimator.mixed_precision
    one_pass = Pass(
        engine=engine,
        optimizer=optimizer,
        rows=rows,
        rng=rng if estimator.shuffle else None,
        batch_size=clipped_batch_size(estimator.batch_size, len(rows)),
        l2=estimator.alpha,
        l1=estimator.l1,
        loss_divisor=problem.targets.loss_divisor,
        n_threads=thread_limit(estimator.n_threads),
    )
    epochs = Epochs(
        one_pass,
        _patience(estimator, problem.first),
        parameters,
        max_epochs=estimator.max_iter,
        samples_seen=0 if problem.first else getattr(estimator, "t_", 0),
        validation=validation,
        restores_best=estimator.early_stopping,
        survives_divergence=estimator.divergence == "stop",
        max_time=estimator.max_time,
        report=reporter(estimator.verbose, 1 if problem.incremental else estimator.max_iter),
        hooks=hooks,
    )
    epochs.run(1 if problem.incremental else None)
    check_finite(epochs.parameters)
    _publish(estimator, epochs, problem.first)


def _rows(estimator: Any, problem: Problem, rng: np.random.RandomState) -> tuple[Rows, Validation | None]:
    """Return the rows to train on, in the order in which a resumed fit left them, and those to validate on."""
    targets, dtype, n_rows = problem.targets, str(problem.x.dtype), problem.x.shape[0]
    rows = Rows(problem.x, targets.encode(problem.y, dtype), problem.training_weight, np.arange(n_rows))
    keeps_back = estimator.early_stopping and problem.validation is None
    left = getattr(estimator, "_row_order", None) if estimator.resume and not problem.first else None
    if left is not None and len(left[0]) + len(left[1]) == n_rows and (len(left[1]) > 0) == keeps_back:
        rows.order, rows.held = left
    elif keeps_back:
        rows.order, rows.held = split(rows.order, estimator.validation_fraction, targets.strata(rows.y), rng)
    if problem.validation is not None:
        x, y, weight = problem.validation
        if targets.min_rows_to_score > x.shape[0] and estimator.scoring in (None, "r2"):
            raise ValueError(f"X_val and y_val must hold at least two rows to score by R^2 or D^2, got {x.shape[0]}.")
        return rows, Validation(
            x, targets.encode(y, dtype), y, weight, targets, scorer_of(estimator, estimator.scoring)
        )
    if not keeps_back:
        return rows, None
    x, y, labels = (array[rows.held] for array in (rows.x, rows.y, problem.y))
    weight = None if problem.sample_weight is None else problem.sample_weight[rows.held]
    return rows, Validation(x, y, labels, weight, targets, scorer_of(estimator, estimator.scoring))


def _optimizer(estimator: Any, problem: Problem, rng: np.random.RandomState) -> Optimizer:
    """Return the optimizer of the last fit to go on with, or a new one."""
    last: Optimizer | None = getattr(estimator, "_optimizer", None)
    goes_on = not problem.first and (problem.incremental or estimator.resume)
    if goes_on and last is not None and last.kind == estimator.solver and last.fits(problem.network):
        return last.continued()
    seed = int(rng.randint(2**31)) if problem.network.dropout else 0  # else the draws are scikit-learn's
    return new_optimizer(estimator, seed)


def solver_settings(estimator: Any, solver: str) -> dict[str, Any]:
    """Return an estimator's parameters for a stochastic solver, by the names of the core and of the optimizers."""
    settings = {name: getattr(estimator, name) for name in _SETTINGS[solver]}
    if solver == "sgd":
        settings["nesterov"] = estimator.nesterovs_momentum
    return settings


def new_optimizer(estimator: Any, seed: int = 0) -> Optimizer:
    """Return the optimizer that an estimator's parameters describe, before its first step."""
    rule = learning_rate_rule(
        estimator.solver,
        estimator.learning_rate,
        estimator.learning_rate_init,
        estimator.power_t,
        final=estimator.learning_rate_final,
        max_epochs=estimator.max_iter,
        n_warmup=estimator.n_iter_warmup,
    )
    settings = solver_settings(estimator, estimator.solver)
    if estimator.clip_norm is not None:
        settings["clip_norm"] = float(estimator.clip_norm)
    return Optimizer(estimator.solver, rule, seed, **settings)


def _patience(estimator: Any, first: bool) -> LossPatience:
    """Return the stopping rule, where the last fit left it unless this is the first."""
    rule, attribute = (
        (ScorePatience, "best_validation_score_") if estimator.early_stopping else (LossPatience, "best_loss_")
    )
    patience = rule(estimator.n_iter_no_change, estimator.tol)
    best = None if first else getattr(estimator, attribute, None)
    if best is not None and getattr(estimator, "_measure", _measure(estimator)) == _measure(estimator):
        patience.best = best
        patience.bad_epochs = getattr(estimator, "_no_improvement_count", 0)
    return patience


def _measure(estimator: Any) -> tuple[str, Any]:
    """Return what the best of a fit is the best of; only of the score are the best weights kept."""
    return ("score", estimator.scoring) if estimator.early_stopping else ("loss", getattr(estimator, "loss", None))


def _publish(estimator: Any, epochs: Epochs, first: bool) -> None:
    """Set the fitted attributes of the stochastic solvers."""
    rows, validation = epochs.one_pass.rows, epochs.validation
    estimator.coefs_, estimator.intercepts_ = separated(epochs.parameters)
    estimator.n_iter_ = epochs.n_epochs
    estimator.t_ = epochs.samples_seen
    if epochs.losses or first:  # NaN: interrupted in the first epoch
        estimator.loss_ = epochs.losses[-1] if epochs.losses else math.nan
    estimator._optimizer = epochs.one_pass.optimizer
    estimator._no_improvement_count = epochs.patience.bad_epochs
    estimator._measure = _measure(estimator)
    estimator.best_loss_ = None if estimator.early_stopping else epochs.patience.best

    estimator.loss_curve_ = _extended(estimator, "loss_curve_", epochs.losses, first)
    if validation is None:
        estimator.validation_scores_ = estimator.validation_loss_curve_ = estimator.best_validation_score_ = None
    else:
        estimator.validation_scores_ = _extended(estimator, "validation_scores_", validation.scores, first)
        estimator.validation_loss_curve_ = _extended(estimator, "validation_loss_curve_", validation.losses, first)
        estimator.best_validation_score_ = (
            epochs.patience.best if estimator.early_stopping else max(estimator.validation_scores_, default=-math.inf)
        )
    estimator._row_order = (rows.order, rows.held) if estimator.resume else None


def _extended(estimator: Any, name: str, news: list[float], first: bool) -> list[float]:
    """Return the list of earlier fits, which users may hold, and the news in a new list."""
    history: list[float] | None = None if first else getattr(estimator, name, None)
    return [*(history or ()), *news]
