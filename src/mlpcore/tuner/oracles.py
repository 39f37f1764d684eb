"""The oracles by name: which configuration comes next, and whether a trial is worth going on with; Optuna decides."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlpcore._validation import checked
from mlpcore.tuner._storage import quiet
from mlpcore.tuner.oracle import Oracle
from mlpcore.tuner.parameters import HyperParameter, Value

if TYPE_CHECKING:
    import optuna
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

__all__ = [
    "BayesianOptimization",
    "BayesianOptimizationOracle",
    "GridSearch",
    "GridSearchOracle",
    "Hyperband",
    "HyperbandOracle",
    "RandomSearch",
    "RandomSearchOracle",
]


class RandomSearchOracle(Oracle):
    """Each trial's values are drawn independently (parameters as `Oracle`'s; Optuna's RandomSampler)."""

    @checked
    def __init__(
        self, objective: Any = None, max_trials: int | None = 10, seed: int | None = None, **options: Any
    ) -> None:
        super().__init__(objective, max_trials, seed=seed, **options)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import RandomSampler

        return RandomSampler(seed)


class GridSearchOracle(Oracle):
    """Every combination once, in an order drawn at random (parameters as `Oracle`'s).

    Optuna's BruteForceSampler: unlike its GridSampler it learns the space while trials ask, so conditional
    hyperparameters take part only where they are active.
    """

    @checked
    def __init__(
        self, objective: Any = None, max_trials: int | None = None, seed: int | None = None, **options: Any
    ) -> None:
        super().__init__(objective, max_trials, seed=seed, **options)

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import BruteForceSampler

        with quiet():
            return BruteForceSampler(seed)

    def _draw(self, handle: optuna.trial.Trial, parameter: HyperParameter) -> Value:
        values = parameter.grid()
        return values[0] if len(values) == 1 else handle.suggest_categorical(parameter.key, values)

    def _exhausted(self) -> bool:
        tried = [trial for trial in self.project.trials() if trial.state.is_finished()]
        if not tried:
            return False
        try:  # the sampler stops a study that has nothing left, which outside of Study.optimize is an error
            self._sampler(0).after_trial(self.project.study, tried[-1], tried[-1].state, tried[-1].values)
        except RuntimeError:
            return True
        return False


class BayesianOptimizationOracle(Oracle):
    """Values are drawn where finished trials did well (parameters as `Oracle`'s; Optuna's TPESampler).

    The tree-structured Parzen estimator rather than a Gaussian process: it needs NumPy alone (Optuna's GPSampler
    needs torch), knows conditional hyperparameters, and counts trials that still run as bad ones, so processes that
    share a search do not crowd at one place.

    Parameters
    ----------
    objective, max_trials, seed, **options
        As for `Oracle`.
    num_initial_points : int, default=None
        Trials drawn at random first; None: 10.
    alpha, beta : float
        Noise and exploration of KerasTuner's Gaussian process; without meaning here.
    """

    @checked
    def __init__(
        self,
        objective: Any = None,
        max_trials: int | None = 10,
        num_initial_points: int | None = None,
        alpha: float = 1e-4,
        beta: float = 2.6,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__(objective, max_trials, seed=seed, **options)
        self.num_initial_points = num_initial_points or 10
        self.alpha, self.beta = alpha, beta

    def _sampler(self, seed: int) -> BaseSampler:
        from optuna.samplers import TPESampler

        with quiet():
            return TPESampler(seed=seed, n_startup_trials=self.num_initial_points, constant_liar=True)


class HyperbandOracle(RandomSearchOracle):
    """Random configurations, of which those that fall behind are stopped early (Optuna's HyperbandPruner).

    Brackets stop the more trials the earlier; a trial that is not stopped goes on, where KerasTuner would start a
    new one from its weights.

    Parameters
    ----------
    objective, seed, **options
        As for `Oracle`.
    max_epochs : int, default=100
        Epochs of a trial that is not stopped.
    factor : int, default=3
        About one of `factor` trials survives each of the epochs 1, factor, factor**2, ...
    hyperband_iterations : int, default=1
        How often to go through all brackets; decides the number of trials.
    """

    @checked
    def __init__(
        self,
        objective: Any = None,
        max_epochs: int = 100,
        factor: int = 3,
        hyperband_iterations: int = 1,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        if factor < 2:
            raise ValueError(f"factor must be at least 2, got {factor}.")
        if max_epochs < 1:
            raise ValueError(f"max_epochs must be at least 1, got {max_epochs}.")
        self.max_epochs, self.factor, self.hyperband_iterations = max_epochs, factor, hyperband_iterations
        super().__init__(objective, hyperband_iterations * self._trials_of_a_pass(), seed, **options)

    def _trials_of_a_pass(self) -> int:
        """Return the number of configurations of all brackets, as KerasTuner 1.4 sizes them."""
        last_round = math.ceil(1 + math.log(self.max_epochs, self.factor))
        n_brackets = 1
        while self.factor**n_brackets <= self.max_epochs:
            n_brackets += 1
        return sum(math.ceil(last_round / (s + 1) * self.factor**s) for s in range(n_brackets))

    def _pruner(self) -> BasePruner:
        from optuna.pruners import HyperbandPruner

        return HyperbandPruner(min_resource=1, max_resource=self.max_epochs, reduction_factor=self.factor)


Hyperband = HyperbandOracle
RandomSearch = RandomSearchOracle
GridSearch = GridSearchOracle
BayesianOptimization = BayesianOptimizationOracle
