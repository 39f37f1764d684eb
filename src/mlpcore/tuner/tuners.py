"""The tuners by name: RandomSearch, GridSearch, BayesianOptimization, Hyperband and SklearnTuner."""

from __future__ import annotations

from typing import Any

from mlpcore._validation import checked
from mlpcore.tuner.oracles import (
    BayesianOptimizationOracle,
    GridSearchOracle,
    HyperbandOracle,
    RandomSearchOracle,
)
from mlpcore.tuner.sklearn_tuner import SklearnTuner
from mlpcore.tuner.tuner import Tuner

__all__ = ["BayesianOptimization", "GridSearch", "Hyperband", "RandomSearch", "SklearnTuner"]

_ORACLE_OPTIONS = (
    "hyperparameters",
    "allow_new_entries",
    "tune_new_entries",
    "max_retries_per_trial",
    "max_consecutive_failed_trials",
)


def _split(options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the options of the oracle and those of the tuner."""
    of_oracle = {name: options.pop(name) for name in _ORACLE_OPTIONS if name in options}
    return of_oracle, options


class RandomSearch(Tuner):
    """Tries configurations drawn at random.

    Parameters
    ----------
    hypermodel : HyperModel or callable
        Takes HyperParameters, returns a compiled model.
    objective : str, Objective, list of these, or None
        What to optimize: "val_accuracy", "val_loss", ...
    max_trials : int, default=10
        Number of trials in all; fewer if the space has fewer configurations.
    seed : int, default=None
        Decides the values of each trial and what its training draws, however often the search is interrupted.
    **options
        hyperparameters, allow_new_entries, tune_new_entries, max_retries_per_trial, max_consecutive_failed_trials
        of `Oracle`; directory, project_name, overwrite, executions_per_trial, optimizer, loss, metrics,
        max_model_size of `Tuner`.

    Examples
    --------
    >>> import mlpcore.tuner as kt
    >>> tuner = kt.RandomSearch(
    ...     build_model,
    ...     objective="val_accuracy",
    ...     max_trials=5,
    ...     directory="searches",
    ...     project_name="digits",
    ...     seed=42,
    ... )  # doctest: +SKIP
    >>> valid = (X_valid, y_valid)  # doctest: +SKIP
    >>> tuner.search(X, y, epochs=10, validation_data=valid)  # doctest: +SKIP
    >>> best = tuner.get_best_models()[0]  # doctest: +SKIP
    """

    @checked
    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int | None = 10,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        of_oracle, of_tuner = _split(options)
        super().__init__(RandomSearchOracle(objective, max_trials, seed, **of_oracle), hypermodel, **of_tuner)


class GridSearch(Tuner):
    """Tries every combination once; of a range without a step ten values.

    Parameters
    ----------
    hypermodel, objective, seed, **options
        As for `RandomSearch`; the seed decides the order.
    max_trials : int or None, default=None
        None: all combinations.
    """

    @checked
    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        of_oracle, of_tuner = _split(options)
        super().__init__(GridSearchOracle(objective, max_trials, seed, **of_oracle), hypermodel, **of_tuner)


class BayesianOptimization(Tuner):
    """Tries configurations where finished trials did well (Optuna's tree-structured Parzen estimator).

    Parameters
    ----------
    hypermodel, objective, max_trials, seed, **options
        As for `RandomSearch`.
    num_initial_points : int, default=None
        Trials drawn at random first; None: 10.
    alpha, beta : float
        Of KerasTuner's Gaussian process; without meaning here.
    """

    @checked
    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_trials: int | None = 10,
        num_initial_points: int | None = None,
        alpha: float = 1e-4,
        beta: float = 2.6,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        of_oracle, of_tuner = _split(options)
        oracle = BayesianOptimizationOracle(objective, max_trials, num_initial_points, alpha, beta, seed, **of_oracle)
        super().__init__(oracle, hypermodel, **of_tuner)


class Hyperband(Tuner):
    """Tries random configurations and stops early those that fall behind.

    Parameters
    ----------
    hypermodel, objective, seed, **options
        As for `RandomSearch`.
    max_epochs : int, default=100
        Epochs of a trial that is not stopped; replaces the `epochs` of `search`.
    factor : int, default=3
        About one of `factor` trials survives each of the epochs 1, factor, factor**2, ...
    hyperband_iterations : int, default=1
        How often to go through all brackets; decides the number of trials.
    """

    @checked
    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = None,
        max_epochs: int = 100,
        factor: int = 3,
        hyperband_iterations: int = 1,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        of_oracle, of_tuner = _split(options)
        oracle = HyperbandOracle(objective, max_epochs, factor, hyperband_iterations, seed, **of_oracle)
        super().__init__(oracle, hypermodel, **of_tuner)
        self._fixed_arguments["epochs"] = max_epochs
