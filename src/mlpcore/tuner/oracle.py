"""Oracle: objective, number of trials and space of a search; what Optuna shall do is left to subclasses."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mlpcore._validation import checked
from mlpcore.tuner._project import Project
from mlpcore.tuner._storage import quiet, repeatable, require_optuna
from mlpcore.tuner.hyperparameters import HyperParameters
from mlpcore.tuner.objective import Objective, make_objective
from mlpcore.tuner.parameters import HyperParameter, Value
from mlpcore.tuner.trial import Trial

if TYPE_CHECKING:
    import optuna
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler

REPETITIONS = 20  # configurations tried before, drawn in a row: then there is nothing new left


class Oracle:
    """What all searches share: objective, number of trials, space.

    Parameters
    ----------
    objective : str, Objective, list of these, or None, default=None
        What to optimize; None: a trial returns one number, the smaller the better.
    max_trials : int or None, default=None
        Number of trials, those of earlier sessions in the same folder included; None: until all are tried.
    hyperparameters : HyperParameters, default=None
        Definitions that replace those of the same name and conditions in the model-building function.
    allow_new_entries : bool, default=True
        Whether the function may ask for others than these.
    tune_new_entries : bool, default=True
        Whether others than these are searched; else they have their defaults.
    seed : int, default=None
        Decides what is drawn for each trial, and in its training; None: random.
    max_retries_per_trial : int, default=0
        How often a trial that raised an error, or whose objective was NaN, is run again.
    max_consecutive_failed_trials : int, default=3
        So many failures in a row end the search with an error.
    """

    @checked
    def __init__(
        self,
        objective: str | Objective | Sequence[str | Objective] | None = None,
        max_trials: int | None = None,
        hyperparameters: HyperParameters | None = None,
        allow_new_entries: bool = True,
        tune_new_entries: bool = True,
        seed: int | None = None,
        max_retries_per_trial: int = 0,
        max_consecutive_failed_trials: int = 3,
    ) -> None:
        if max_trials is not None and max_trials < 0:
            raise ValueError(f"max_trials must not be negative, got {max_trials}.")
        if hyperparameters is None and not (tune_new_entries and allow_new_entries):
            raise ValueError("tune_new_entries=False and allow_new_entries=False need hyperparameters.")
        if not isinstance(hyperparameters, HyperParameters | None):
            raise TypeError(f"hyperparameters must be a HyperParameters, got {hyperparameters!r}.")
        self.objective = make_objective(objective)
        self.max_trials = max_trials
        self.hyperparameters = hyperparameters or HyperParameters()
        self.allow_new_entries = allow_new_entries
        self.tune_new_entries = tune_new_entries
        self.seed = seed
        self.max_retries_per_trial = max_retries_per_trial
        self.max_consecutive_failed_trials = max_consecutive_failed_trials
        self.prunes = False  # whether trials are told when to stop, known once the search is open
        self._space = self.hyperparameters.copy()
        self._project: Project | None = None

    # ------------------------------------------------------------------------------- what kinds of search differ in

    def _sampler(self, seed: int) -> BaseSampler:
        """Make the Optuna sampler that draws one value."""
        raise NotImplementedError

    def _pruner(self) -> BasePruner | None:
        """Make the Optuna pruner that is asked after each epoch; None asks nobody."""
        return None

    def _draw(self, handle: optuna.trial.Trial, parameter: HyperParameter) -> Value:
        """Draw a value for a trial."""
        return parameter.sample(handle)

    def _exhausted(self) -> bool:
        """Tell whether every configuration is tried or being tried."""
        return False

    # ------------------------------------------------------------------------------------------------ for the tuner

    def _open(self, folder: Path, overwrite: bool) -> None:
        """Begin or go on with the search in a folder."""
        require_optuna()
        from optuna.pruners import NopPruner

        with quiet():
            seed = random.SystemRandom().getrandbits(32) if self.seed is None else self.seed
            sampler = repeatable(self._sampler, seed)
            pruner = self._pruner()
            self._project = Project(folder, self.objective, sampler, pruner or NopPruner(), overwrite)
        self.prunes = pruner is not None

    @property
    def project(self) -> Project:
        """The folder and the study in it."""
        if self._project is None:
            raise RuntimeError("an Oracle works in a tuner's folder: pass it to a tuner first.")
        return self._project

    def create_trial(self) -> Trial | None:
        """Return the next trial to run, None if the search is at its end; wait for other processes' trials."""
        handle = self.project.next(self.max_trials, self._exhausted)
        if handle is None:
            return None
        trial = Trial(str(handle.number), self._connected(lambda parameter: self._draw(handle, parameter)))
        trial._handle = handle
        return trial

    def first_space(self) -> HyperParameters:
        """Return hyperparameters with their defaults, which answer the questions of a first build."""
        hp = self._connected(lambda parameter: parameter.default)
        hp.values.update(self.hyperparameters.values)
        return hp

    def _connected(self, draw: Callable[[HyperParameter], Value]) -> HyperParameters:
        """Return hyperparameters that draw their values, with the user's definitions in force."""
        given = {(each.name, each.conditions): each for each in self.hyperparameters.space}

        def replace(parameter: HyperParameter) -> HyperParameter:
            if not self.allow_new_entries and (parameter.name, parameter.conditions) not in given:
                raise RuntimeError(
                    f"{parameter.name!r} is none of the given hyperparameters, and allow_new_entries=False."
                )
            return given.get((parameter.name, parameter.conditions), parameter)

        def value(parameter: HyperParameter) -> Value:
            if not self.tune_new_entries and (parameter.name, parameter.conditions) not in given:
                return parameter.default
            return draw(parameter)

        hp = HyperParameters()
        hp._connect(value, replace)
        return hp

    def update_space(self, hyperparameters: HyperParameters) -> None:
        """Take note of hyperparameters that a trial asked for."""
        self._space.merge(hyperparameters, overwrite=False)

    # -------------------------------------------------------------------------------------------------- for users

    @property
    def trials(self) -> dict[str, Trial]:
        """Trials by id, of all processes that work in the folder."""
        return {str(each.number): Trial._of(each) for each in self.project.trials()}

    def get_space(self) -> HyperParameters:
        """Return all hyperparameters that were asked for so far."""
        return self._space.copy()

    def get_trial(self, trial_id: str) -> Trial:
        """Return a trial by its id."""
        return self.trials[str(trial_id)]

    def get_best_trials(self, num_trials: int = 1) -> list[Trial]:
        """Return the trials with the best scores, the best first."""
        scored = [trial for trial in self.trials.values() if trial.score is not None and trial.status != "FAILED"]
        sign = -1 if self.objective.direction == "max" else 1
        return sorted(
            (trial for trial in scored if trial.status != "RUNNING"), key=lambda trial: sign * (trial.score or 0.0)
        )[:num_trials]

    def remaining_trials(self) -> int | None:
        """Return how many trials are still to be started, None without `max_trials`."""
        return None if self.max_trials is None else max(0, self.max_trials - len(self.trials))
