"""BaseTuner: the loop of a search, which knows nothing of what a trial trains."""

from __future__ import annotations

import math
import os
import traceback
import warnings
from pathlib import Path
from typing import Any

from mlpcore._validation import checked
from mlpcore.tuner._display import Display
from mlpcore.tuner._results import result_of
from mlpcore.tuner.hypermodel import make_hypermodel
from mlpcore.tuner.hyperparameters import HyperParameters
from mlpcore.tuner.oracle import REPETITIONS, Oracle
from mlpcore.tuner.trial import REPETITION, RESULT, Trial


class _Repetition(Exception):
    """The trial's configuration was tried before."""


class BaseTuner:
    """Runs the trials of an oracle; subclasses say what a trial is.

    Parameters
    ----------
    oracle : Oracle
    hypermodel : HyperModel or callable, default=None
        Builds a model from hyperparameters.
    directory : str or path-like, default=None
        Folder for projects; None: the working directory.
    project_name : str, default=None
        Folder of this search; None: "untitled_project".
    overwrite : bool, default=False
        Whether to remove an earlier search of that name; else it goes on.

    Notes
    -----
    A search may be killed at any moment. Started again it goes on: finished trials count, and a trial that was
    running is run again with its hyperparameters. Several processes with the same folder share a search.
    """

    @checked
    def __init__(
        self,
        oracle: Oracle,
        hypermodel: Any = None,
        directory: Any = None,
        project_name: str | None = None,
        overwrite: bool = False,
    ) -> None:
        if not isinstance(oracle, Oracle):
            raise TypeError(f"oracle must be an Oracle, got {oracle!r}.")
        if not isinstance(directory, (str, os.PathLike, type(None))):
            raise TypeError(f"directory must be a path, got {directory!r}.")
        self.oracle = oracle
        self.hypermodel = make_hypermodel(hypermodel)
        self.directory = os.fspath(directory or ".")
        self.project_name = project_name or "untitled_project"
        oracle._open(Path(self.project_dir), overwrite)
        if oracle.project.continues:
            print(f"Reloading Tuner from {oracle.project.folder}")
        self._first_model = self._explore()
        self._display = Display(oracle, 0)

    # ------------------------------------------------------------------------------------------------- the search

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Run trials until the search is at its end.

        Parameters
        ----------
        *fit_args, **fit_kwargs
            What `run_trial` gets: for models the arguments of `fit`. With ``verbose=0`` the search prints nothing.

        Raises
        ------
        TypeError
            An argument that `fit` does not have.
        RuntimeError
            Several trials in a row failed.

        Warns
        -----
        RuntimeWarning
            A trial failed; its `message` says where.
        """
        self._check_arguments(fit_kwargs)
        self._display = Display(self.oracle, fit_kwargs.get("verbose", 1))
        self.on_search_begin()
        failures = repetitions = 0
        while repetitions < REPETITIONS:
            trial = self.oracle.create_trial()
            if trial is None:
                break
            try:
                self.on_trial_begin(trial)
                self._run(trial, fit_args, fit_kwargs)
                self.on_trial_end(trial)
            except _Repetition as repetition:
                self._finish(trial, "FAIL", **{REPETITION: repetition.args[0]})
                repetitions = repetitions + 1 if trial.hyperparameters.values else REPETITIONS
                continue
            finally:  # after an interrupt the trial stays open, for the next search
                self.oracle.project.let_go(int(trial.trial_id))
            repetitions = 0
            failures = failures + 1 if trial.status == "FAILED" else 0
            if failures:
                reason = (trial.message or "").strip().splitlines()[-1]
                warnings.warn(f"trial {trial.trial_id} failed: {reason}", RuntimeWarning, stacklevel=2)
            if failures and failures >= self.oracle.max_consecutive_failed_trials:
                raise RuntimeError(f"{failures} trials in a row failed, the last one with:\n{trial.message}")
        self.on_search_end()

    def _run(self, trial: Trial, fit_args: tuple[Any, ...], fit_kwargs: dict[str, Any]) -> None:
        """Run a trial, again after errors as often as the oracle allows."""
        for attempt in range(self.oracle.max_retries_per_trial + 1):
            try:
                where = f"{type(self).__name__}.run_trial()"
                result = result_of(self.run_trial(trial, *fit_args, **dict(fit_kwargs)), self.oracle.objective, where)
                trial.score, trial.metrics._values, trial.best_step = result
                if math.isnan(result.score):
                    raise FloatingPointError(f"{self.oracle.objective.name} is NaN.")
            except _Repetition:
                raise
            except Exception:
                trial.score, trial.status, trial.message = None, "FAILED", traceback.format_exc()
                if attempt < self.oracle.max_retries_per_trial:
                    continue
            else:
                trial.status = "PRUNED" if trial.status == "PRUNED" else "COMPLETED"
                trial.message = None
            break
        self.oracle.update_space(trial.hyperparameters)
        state = {"COMPLETED": "COMPLETE", "PRUNED": "PRUNED", "FAILED": "FAIL"}[trial.status]
        self._finish(trial, state, trial.score if state == "COMPLETE" else None, **{RESULT: trial._result()})

    def _finish(self, trial: Trial, state: str, value: float | None = None, **attributes: Any) -> None:
        assert trial._handle is not None
        self.oracle.project.finish(trial._handle, state, value, **attributes)

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> Any:
        """Train and judge one configuration; to be written by subclasses.

        Parameters
        ----------
        trial : Trial
            ``trial.hyperparameters`` answers questions for hyperparameters.
        *args, **kwargs
            Arguments of `search`.

        Returns
        -------
        float, dict of metrics, History, or a list of these
        """
        raise NotImplementedError(f"{type(self).__name__} must have a method run_trial.")

    def _build(self, trial: Trial) -> Any:
        """Build the trial's model; turn away a configuration that was tried before."""
        assert self.hypermodel is not None
        assert trial._handle is not None
        with self.oracle.project.lock.held():  # other processes must not draw the same meanwhile
            model = self.hypermodel._build(trial.hyperparameters)
            other = self.oracle.project.repeats(trial._handle)
        if other is not None:
            raise _Repetition(other)
        self._display.built(trial)
        return model

    def _check_arguments(self, fit_kwargs: dict[str, Any]) -> None:
        """Refuse arguments of `search` that no trial could use."""

    def _explore(self) -> Any:
        """Build models with default values until every conditional scope was entered; return the first."""
        if self.hypermodel is None:
            return None
        first, hp = None, self.oracle.first_space()
        self.hypermodel.declare_hyperparameters(hp)
        entered: set[Any] = set()
        while True:
            model = self.hypermodel._build(hp)
            first = model if first is None else first
            self.oracle.update_space(hp)
            hidden = [scope for scope, active in hp._entered.items() if not active and scope not in entered]
            entered.update(hp._entered)
            if not hidden:
                return first
            hp = self.oracle.first_space()
            hp.values.update({name: values[0] for name, values in hidden[0]})

    # -------------------------------------------------------------------------------- hooks, for subclasses to fill

    def on_search_begin(self) -> None:
        """Run before the first trial."""

    def on_search_end(self) -> None:
        """Run after the last trial."""

    def on_trial_begin(self, trial: Trial) -> None:
        """Run before each trial; overriders call this one."""
        self._display.begin(trial)

    def on_trial_end(self, trial: Trial) -> None:
        """Run after each trial; overriders call this one."""
        self._display.end(trial)

    def load_model(self, trial: Trial) -> Any:
        """Return the model that a trial left behind."""
        raise NotImplementedError(f"{type(self).__name__} must have a method load_model.")

    # -------------------------------------------------------------------------------------------------- the results

    @checked
    def get_best_models(self, num_models: int = 1) -> list[Any]:
        """Return the models of the best trials, the best first, with the weights of their best epochs.

        Parameters
        ----------
        num_models : int, default=1
        """
        return [self.load_model(trial) for trial in self.oracle.get_best_trials(num_models)]

    @checked
    def get_best_hyperparameters(self, num_trials: int = 1) -> list[HyperParameters]:
        """Return the hyperparameters of the best trials, the best first.

        Parameters
        ----------
        num_trials : int, default=1
        """
        return [trial.hyperparameters for trial in self.oracle.get_best_trials(num_trials)]

    def search_space_summary(self, extended: bool = False) -> None:
        """Print the hyperparameters that are known so far.

        Parameters
        ----------
        extended : bool, default=False
            For KerasTuner's sake; the summary is complete anyway.
        """
        space = self.oracle.get_space().space
        print(f"Search space summary\nDefault search space size: {len(space)}")
        for each in space:
            config = {name: value for name, value in each.get_config().items() if name != "name"}
            print(f"{each.name} ({type(each).__name__})\n{config}")

    @checked
    def results_summary(self, num_trials: int = 10) -> None:
        """Print the best trials.

        Parameters
        ----------
        num_trials : int, default=10
        """
        print(f"Results summary\nResults in {self.project_dir}\nShowing {num_trials} best trials")
        print(self.oracle.objective)
        for trial in self.oracle.get_best_trials(num_trials):
            print()
            trial.summary()

    @property
    def remaining_trials(self) -> int | None:
        """Number of trials still to be started; None without `max_trials`."""
        return self.oracle.remaining_trials()

    @property
    def project_dir(self) -> str:
        """Folder of this search."""
        return str(Path(self.directory) / self.project_name)

    def get_trial_dir(self, trial_id: str) -> str:
        """Return the folder of a trial."""
        return str(self.oracle.project.trial_folder(trial_id))
