"""A search's folder: the study in a journal, a folder for each trial, and who runs which trial."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpcore.tuner._locks import FileLock, is_held
from mlpcore.tuner._storage import open_study, require_optuna, running_trial
from mlpcore.tuner.objective import Objective
from mlpcore.tuner.trial import REPETITION

if TYPE_CHECKING:
    import optuna
    from optuna.trial import FrozenTrial

_PAUSE = 0.1  # seconds between two looks at the trials that other processes run


class Project:
    """The folder of one search, which any number of processes may work on at once.

    A process that runs a trial holds the lock on the file ``running.lock`` in the trial's folder. The system
    releases the lock when the process ends, also by kill -9. So a running trial whose lock is free has lost its
    process, and whoever asks for a trial next runs it again: under its number and with its parameters.

    Parameters
    ----------
    folder : path
        Made if need be.
    objective : Objective
        Must be the one that the folder was searched for.
    sampler, pruner : Optuna sampler and pruner
    overwrite : bool
        Whether to remove an earlier search first.
    """

    def __init__(self, folder: Path, objective: Objective, sampler: Any, pruner: Any, overwrite: bool) -> None:
        require_optuna()
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.lock = FileLock(folder / "search.lock")
        self._claims: dict[int, FileLock] = {}
        with self.lock.held():
            if overwrite:
                self._clear()
            self.continues = (folder / "journal.log").exists()
            direction = "maximize" if objective.direction == "max" else "minimize"
            self.study = open_study(folder / "journal.log", folder.name, direction, sampler, pruner)
            searched_for = self.study.user_attrs.get("objective")
            if searched_for is None:
                self.study.set_user_attr("objective", str(objective))
        if searched_for not in (None, str(objective)):
            raise ValueError(
                f"{str(folder)!r} holds a search for {searched_for}, not for {objective}: choose another project_name, "
                f"or overwrite=True to start anew."
            )

    def _clear(self) -> None:
        """Remove an earlier search, and nothing else that may be in the folder."""
        trials = [path for path in self.folder.glob("trial_*") if path.is_dir()]
        if any(is_held(path / "running.lock") for path in trials):
            raise RuntimeError(
                f"another process is searching in {str(self.folder)!r}: overwrite=True would remove its trials. "
                f"Several processes share a search with overwrite=False."
            )
        (self.folder / "journal.log").unlink(missing_ok=True)
        for path in trials:
            shutil.rmtree(path)

    def trial_folder(self, number: int | str) -> Path:
        """Return the folder of a trial, made if need be."""
        path = self.folder / f"trial_{number}"
        path.mkdir(exist_ok=True)
        return path

    def trials(self) -> list[FrozenTrial]:
        """Return the study's trials in order, without those given up because they repeated another."""
        trials = self.study.get_trials(deepcopy=False)
        return [trial for trial in trials if REPETITION not in trial.user_attrs]

    def next(self, max_trials: int | None, exhausted: Callable[[], bool]) -> optuna.trial.Trial | None:
        """Return a trial to run: one that lost its process, or a new one; None once all have finished.

        Waits for trials that other processes run, in case they get lost.

        Parameters
        ----------
        max_trials : int or None
            None: until exhausted.
        exhausted : callable
            Tells whether every configuration is run already.
        """
        while True:
            with self.lock.held():
                trials = self.trials()
                running = [trial.number for trial in trials if trial.state.name == "RUNNING"]
                lost = next((number for number in running if self._claim(number)), None)
                if lost is not None:
                    return running_trial(self.study, lost)
                n_started = sum(trial.state.name != "WAITING" for trial in trials)
                if (max_trials is None or n_started < max_trials) and not exhausted():
                    trial = self.study.ask()
                    self._claim(trial.number)
                    return trial
            if not running:
                return None
            time.sleep(_PAUSE)

    def repeats(self, trial: optuna.trial.Trial) -> int | None:
        """Return the number of another trial with the same parameters, None if there is none."""
        for other in self.trials():
            if other.number != trial.number and other.params == trial.params and other.state.name != "WAITING":
                return int(other.number)
        return None

    def finish(self, trial: optuna.trial.Trial, state: str, value: float | None = None, **attributes: Any) -> None:
        """Write down how a trial ended, and give its lock back.

        Parameters
        ----------
        trial : Optuna trial
        state : {"COMPLETE", "PRUNED", "FAIL"}
        value : float, optional
            For "COMPLETE".
        **attributes : object
            User attributes to keep, JSON.
        """
        for name, attribute in attributes.items():
            trial.set_user_attr(name, attribute)
        with self.lock.held():
            self.study.tell(trial, value, state=require_optuna().trial.TrialState[state])
            self.let_go(trial.number)

    def let_go(self, number: int) -> None:
        """Give back the lock on a trial."""
        claim = self._claims.pop(number, None)
        if claim is not None:
            claim.release()

    def _claim(self, number: int) -> bool:
        claim = FileLock(self.trial_folder(number) / "running.lock")
        if number in self._claims or not claim.acquire(wait=False):
            return False
        self._claims[number] = claim
        return True
