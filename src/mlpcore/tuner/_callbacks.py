"""The tuner's own callbacks, and the user's given to one trial."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlpcore.callbacks import BackupAndRestore, Callback, TensorBoard
from mlpcore.tuner.objective import Objective

if TYPE_CHECKING:
    import optuna


class KeepBestEpoch(Callback):
    """Saves the model whenever the objective is better than ever in the trial.

    Parameters
    ----------
    objective : Objective
    save : callable
        Saves a model.
    """

    def __init__(self, objective: Objective, save: Callable[[Any], None]) -> None:
        super().__init__()
        self._objective, self._save = objective, save
        self._best = math.nan  # anything is better

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Save the model; also if the logs lack the objective, which then is known after training alone."""
        logs = logs or {}
        if self._objective.has_value(logs):
            value = self._objective.get_value(logs)
            if not (math.isnan(value) and math.isnan(self._best)) and not self._objective.better_than(
                value, self._best
            ):
                return
            self._best = value
        self._save(self.model)

    def get_state(self) -> dict[str, Any]:
        """Return the best value so far."""
        return {"best": self._best}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from a best value."""
        self._best = state["best"]


class ReportEpochs(Callback):
    """Tells an Optuna trial the objective after each epoch, and ends the training if its pruner says so.

    Parameters
    ----------
    trial : Optuna trial
    objective : Objective
    """

    def __init__(self, trial: optuna.trial.Trial, objective: Objective) -> None:
        super().__init__()
        self._trial, self._objective = trial, objective
        self._reported = 0  # epochs, also of a process that was killed
        self.pruned = False

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        """Look how far a process that was killed had come: a study does not forget what it was told."""
        known = self._trial.study.trials[self._trial.number].intermediate_values
        self._reported = max(known, default=0)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Report epoch + 1, the number of epochs trained."""
        if epoch + 1 <= self._reported or not self._objective.has_value(logs or {}):
            return
        self._trial.report(self._objective.get_value(logs or {}), epoch + 1)
        if self._trial.should_prune():
            self.pruned = self.model.stop_training = True


class TunerHooks(Callback):
    """Calls the tuner's hooks of epochs.

    Parameters
    ----------
    tuner : Tuner
    trial : Trial
    """

    def __init__(self, tuner: Any, trial: Any) -> None:
        super().__init__()
        self._tuner, self._trial = tuner, trial

    def on_epoch_begin(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Call the tuner."""
        self._tuner.on_epoch_begin(self._trial, self.model, epoch, logs=logs)

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        """Call the tuner."""
        self._tuner.on_epoch_end(self._trial, self.model, epoch, logs=logs)


def for_trial(
    callbacks: Sequence[Any] | Any | None, trial_id: str, execution: int, values: Mapping[str, Any], folder: str
) -> list[Any]:
    """Return copies of the user's callbacks for one training of one trial.

    Each starts as the user made it. TensorBoard writes to a folder of the trial, with its hyperparameters;
    BackupAndRestore backs up in the trial's folder, so that a trial whose process was killed goes on from its last
    epoch.

    Parameters
    ----------
    callbacks : list of callbacks, callback or None
    trial_id : str
    execution : int
        From 0.
    values : mapping
        Hyperparameters.
    folder : str
        The trial's.
    """
    if callbacks is None:
        callbacks = []
    try:
        copies = copy.deepcopy(list(callbacks) if isinstance(callbacks, (list, tuple)) else [callbacks])
    except Exception as error:
        raise TypeError(
            f"each trial gets copies of the callbacks, but copy.deepcopy fails on one of {callbacks}: {error}"
        ) from error
    for callback in copies:
        if isinstance(callback, TensorBoard):
            logs = Path(callback.log_dir, trial_id, f"execution{execution}")
            _begin_anew(callback, TensorBoard, log_dir=str(logs), hparams=dict(values))
        elif isinstance(callback, BackupAndRestore):
            _begin_anew(callback, BackupAndRestore, backup_dir=str(Path(folder, f"backup{execution}")))
    return copies


def _begin_anew(callback: Callback, kind: type[Callback], **changes: Any) -> None:
    """Initialize a callback again with some of its arguments changed; a subclass keeps what it added."""
    names = list(inspect.signature(kind.__init__).parameters)[1:]
    kept = {name: getattr(callback, name) for name in names if hasattr(callback, name)}
    kind.__init__(callback, **{**kept, **changes})
