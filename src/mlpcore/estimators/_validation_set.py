"""Validation rows: kept back from the training rows or given by the user, with their loss and their score."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import check_scoring
from sklearn.model_selection import train_test_split

from mlpcore import _core
from mlpcore.estimators._initial import Parameters, separated
from mlpcore.estimators._targets import Array, Targets

Scorer = Callable[[Parameters, Any, Any, Any], float]  # (parameters, x, y as the user gave it, weights) -> score


class Validation:
    """Validation rows and what the network makes of them.

    Parameters
    ----------
    x : ndarray or CSR matrix of shape (rows, n_features)
    y : ndarray
        As the targets encode it.
    labels : array-like of shape (rows, ...)
        As the user gave it, for a scorer.
    sample_weight : ndarray of shape (rows,), or None
    targets : Targets
    scorer : Scorer, 'loss' or None
        None is the accuracy or R^2.
    """

    def __init__(
        self,
        x: Any,
        y: Array,
        labels: Any,
        sample_weight: Array | None,
        targets: Targets,
        scorer: Scorer | str | None,
    ) -> None:
        if sample_weight is not None and sample_weight.sum() == 0:
            raise ValueError("The sample weights of the validation set sum to zero.")
        self.x = x
        self.y = y
        self.labels = labels
        self.sample_weight = sample_weight
        self.targets = targets
        self.scorer = scorer
        self.losses: list[float] = []
        self.scores: list[float] = []

    def observe(self, engine: _core.Engine, n_threads: int, parameters: Callable[[], Parameters]) -> float:
        """Note loss and score of the weights that the engine has now; return the score."""
        sums = engine.evaluate(self.x, self.y, sample_weight=self.sample_weight, n_threads=n_threads)
        loss = sums.mean_loss / self.targets.loss_divisor
        if self.scorer is None:
            output = engine.predict(self.x, n_threads=n_threads)
            score = self.targets.score(output, self.y, self.sample_weight)
        elif isinstance(self.scorer, str):
            score = -loss
        elif not math.isfinite(loss):
            score = float("nan")
        else:
            score = self.scorer(parameters(), self.x, self.labels, self.sample_weight)
        self.losses.append(loss)
        self.scores.append(score)
        return score


def scorer_of(estimator: BaseEstimator, scoring: Any) -> Scorer | str | None:
    """Return what scores a validation set; None means the accuracy or R^2, 'loss' the negative loss."""
    if scoring is None or (isinstance(scoring, str) and scoring == "loss"):
        return scoring
    scikit_learns = check_scoring(estimator, scoring)

    def score(parameters: Parameters, x: Any, y: Any, sample_weight: Array | None) -> float:
        fitted = copy.copy(estimator)
        fitted.coefs_, fitted.intercepts_ = separated(parameters)
        vars(fitted).pop("feature_names_in_", None)  # x has none
        weights = {} if sample_weight is None else {"sample_weight": sample_weight}
        return float(scikit_learns(fitted, x, y, **weights))

    return score


def split(order: Array, fraction: float, strata: Array | None, rng: np.random.RandomState) -> tuple[Array, Array]:
    """Split row numbers into those to train on and those kept back, as scikit-learn does."""
    kept, held = train_test_split(order, test_size=fraction, random_state=rng, stratify=strata)
    if len(held) < 2:
        raise ValueError("The validation set is too small. Increase 'validation_fraction' or the size of your dataset.")
    return kept, held
