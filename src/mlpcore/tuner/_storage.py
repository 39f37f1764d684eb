"""Optuna's storage in one file of the project's folder, and its samplers made repeatable."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpcore.saving.errors import naming
from mlpcore.tuner._locks import FileLock

if TYPE_CHECKING:
    from optuna import Study
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial, Trial, TrialState


def require_optuna() -> Any:
    """Return the module optuna, or say how to get it."""
    try:
        import optuna
    except ImportError as error:
        raise ImportError(
            "mlpcore.tuner searches with Optuna, which is not installed: pip install 'mlpcore[tuner]'"
        ) from error
    return optuna


@contextmanager
def quiet() -> Iterator[None]:
    """Keep Optuna from announcing studies and warning of experimental features that are used here on purpose."""
    optuna = require_optuna()
    verbosity = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(verbosity)


class JournalLock:
    """Excludes other writers of a journal and drops a line that a killed writer left unfinished.

    Optuna appends to a line without an end, which makes the file unreadable for ever; and it waits 30 s for the
    lock of a writer that died.

    Parameters
    ----------
    journal : path
    """

    def __init__(self, journal: Path) -> None:
        self._journal = journal
        self._lock = FileLock(journal.with_name(f"{journal.name}.lock"))

    def acquire(self) -> bool:
        """Take the lock and repair the file's end."""
        self._lock.acquire()
        drop_unfinished_line(self._journal)
        return True

    def release(self) -> None:
        """Give the lock back."""
        self._lock.release()


def drop_unfinished_line(path: Path) -> None:
    """Cut a file after its last line end."""
    with open(path, "r+b") as file:
        size = end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 4096)
            file.seek(start)
            found = file.read(end - start).rfind(b"\n")
            if found >= 0:
                end = start + found + 1
                break
            end = start
        if end < size:
            file.truncate(end)


def open_study(journal: Path, name: str, direction: str, sampler: BaseSampler, pruner: Any) -> Study:
    """Open the study in a journal file, or make it.

    Parameters
    ----------
    journal : path
    name : str
        Name of the study; Hyperband's brackets are drawn from it.
    direction : {"minimize", "maximize"}
    sampler, pruner : Optuna sampler and pruner
    """
    optuna = require_optuna()
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    class Journal(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            with naming(journal):
                super().append_logs(logs)

    journal.touch()
    lock: Any = JournalLock(journal)
    with quiet():
        storage = JournalStorage(Journal(str(journal), lock_obj=lock))
        study: Study = optuna.create_study(
            storage=storage, study_name=name, direction=direction, sampler=sampler, pruner=pruner, load_if_exists=True
        )
    return study


def running_trial(study: Study, number: int) -> Trial:
    """Return the trial of that number to go on with it, its parameters as they were drawn."""
    optuna = require_optuna()
    storage = study._storage
    study_id = storage.get_study_id_from_name(study.study_name)
    trial: Trial = optuna.trial.Trial(study, storage.get_trial_id_from_study_id_trial_number(study_id, number))
    return trial


def repeatable(make: Callable[[int], BaseSampler], seed: int) -> BaseSampler:
    """Return a sampler whose draws follow from the seed, the trial's number, the parameter and the finished trials.

    A sampler that draws from one stream starts it again with every process: a search that goes on would repeat its
    first trials, and two processes would try the same.

    Parameters
    ----------
    make : callable
        Makes the sampler from a seed.
    seed : int
    """
    require_optuna()
    from optuna.samplers import BaseSampler

    class Repeatable(BaseSampler):
        def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
            return {}

        def sample_relative(self, study: Study, trial: FrozenTrial, search_space: Any) -> dict[str, Any]:
            return {}

        def sample_independent(
            self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
        ) -> Any:
            text = f"{seed} {trial.number} {param_name}".encode()
            sampler = make(int.from_bytes(hashlib.sha256(text).digest()[:4], "little"))
            return sampler.sample_independent(study, trial, param_name, param_distribution)

        def after_trial(
            self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None
        ) -> None:
            """Leave it to the tuner when to stop."""

    return Repeatable()
