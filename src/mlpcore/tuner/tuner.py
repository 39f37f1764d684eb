"""Tuner: a search over models, which trains them and keeps the weights of each trial's best epoch."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from mlpcore import _random
from mlpcore._validation import checked, unknown_argument
from mlpcore.saving.atomic import replacing
from mlpcore.tuner.base_tuner import BaseTuner
from mlpcore.tuner.hypermodel import HyperModel
from mlpcore.tuner.oracle import Oracle
from mlpcore.tuner.trial import Trial


class Tuner(BaseTuner):
    """A search over models.

    Parameters
    ----------
    oracle : Oracle
        Decides what is tried.
    hypermodel : HyperModel or callable, default=None
        Takes HyperParameters, returns a compiled model. None only where a subclass writes its own `run_trial`.
    directory, project_name, overwrite
        As for `BaseTuner`.
    executions_per_trial : int, default=1
        How often each configuration is trained, each time from new initial weights; its score is the mean.
    optimizer, loss, metrics : optional
        Compile the models with these instead of their own.
    max_model_size : int, default=None
        Configurations with more parameters fail untrained.
    """

    @checked
    def __init__(
        self,
        oracle: Oracle,
        hypermodel: Any = None,
        *,
        max_model_size: int | None = None,
        optimizer: Any = None,
        loss: Any = None,
        metrics: Any = None,
        directory: Any = None,
        project_name: str | None = None,
        overwrite: bool = False,
        executions_per_trial: int = 1,
    ) -> None:
        if hypermodel is None and type(self).run_trial is Tuner.run_trial:
            raise ValueError(
                f"{type(self).__name__} needs a hypermodel: a function that takes hp and returns a compiled model "
                f"(or override run_trial)."
            )
        if executions_per_trial < 1:
            raise ValueError(f"executions_per_trial must be at least 1, got {executions_per_trial}.")
        self.max_model_size = max_model_size
        self._compile_with = {"optimizer": optimizer, "loss": loss, "metrics": metrics}
        self.executions_per_trial = executions_per_trial
        self._fixed_arguments: dict[str, Any] = {}  # of fit, whatever search was called with
        super().__init__(oracle, hypermodel, directory, project_name, overwrite)

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> Any:
        """Build and train the trial's model, `executions_per_trial` times.

        Parameters
        ----------
        trial : Trial
        *args, **kwargs
            Arguments of `search`.

        Returns
        -------
        list of History, or of what `HyperModel.fit` returns
        """
        from mlpcore.tuner._callbacks import KeepBestEpoch, ReportEpochs, TunerHooks, for_trial

        assert self.hypermodel is not None
        assert trial._handle is not None
        kwargs = {**kwargs, **self._fixed_arguments}
        hp, folder = trial.hyperparameters, self.get_trial_dir(trial.trial_id)
        keep = KeepBestEpoch(self.oracle.objective, lambda model: self.save_model(trial.trial_id, model))
        report = ReportEpochs(trial._handle, self.oracle.objective)
        returned = []
        for execution in range(self.executions_per_trial):
            with self._random_stream(trial, execution):
                model = self._build(trial) if execution == 0 else self.hypermodel._build(hp)
                self._check_model(model)
                callbacks = for_trial(kwargs.get("callbacks"), trial.trial_id, execution, hp.values, folder)
                callbacks += [
                    TunerHooks(self, trial),
                    keep,
                    *([report] if self.oracle.prunes and execution == 0 else []),
                ]
                returned.append(self.hypermodel.fit(hp, model, *args, **{**kwargs, "callbacks": callbacks}))
            if report.pruned:
                trial.status = "PRUNED"
                break
        return returned

    @contextmanager
    def _random_stream(self, trial: Trial, execution: int) -> Iterator[None]:
        """Let what a training draws follow from the search's seed, so that interruptions change nothing."""
        if self.oracle.seed is None:
            yield
            return
        seed = np.random.SeedSequence([abs(self.oracle.seed), int(trial.trial_id), execution])
        with _random.kept():
            _random.set_seed(int(seed.generate_state(1)[0]))
            yield

    def _check_model(self, model: Any) -> None:
        """Refuse what cannot be trained, and compile as the user of the tuner wants it."""
        _must_be_model(model)
        if self.max_model_size is not None and model.built and model.count_params() > self.max_model_size:
            raise ValueError(f"the model has {model.count_params()} parameters, max_model_size={self.max_model_size}.")
        if any(value is not None for value in self._compile_with.values()):
            old = {name: getattr(model, name, None) for name in ("optimizer", "loss")}
            model.compile(**{**old, **{name: value for name, value in self._compile_with.items() if value is not None}})

    def _check_arguments(self, fit_kwargs: dict[str, Any]) -> None:
        """Refuse before the first trial what `fit` would refuse in every one."""
        if self.hypermodel is None or type(self.hypermodel).fit is not HyperModel.fit:
            return
        if type(self).run_trial is not Tuner.run_trial:
            return
        _must_be_model(self._first_model)
        fit = self._first_model.fit
        parameters = dict(inspect.signature(fit).parameters)
        rest = [name for name, each in parameters.items() if each.kind is each.VAR_KEYWORD]
        if rest and not fit.__module__.startswith("mlpcore."):
            return  # a fit of the user's, which may do anything with them
        for name in fit_kwargs:
            if name not in parameters or name in rest:
                options = [each for each in parameters if each not in rest]
                raise unknown_argument(f"{type(self._first_model).__name__}.fit", name, options)

    # -------------------------------------------------------------------------------------------------- checkpoints

    def save_model(self, trial_id: str, model: Any, step: int = 0) -> None:
        """Save a trial's model as it is: its weights, and the shapes that it was built for.

        Parameters
        ----------
        trial_id : str
        model : Model
        step : int, default=0
            For overriders; not used.
        """
        folder = Path(self.get_trial_dir(trial_id))
        shape = folder / "build_config.json"
        if not shape.exists():
            with replacing(shape) as file:
                file.write(json.dumps(model.get_build_config()).encode())
        model.save_weights(str(folder / "checkpoint.weights"))

    def load_model(self, trial: Trial) -> Any:
        """Build a trial's model and give it the weights of its best epoch.

        Parameters
        ----------
        trial : Trial
        """
        assert self.hypermodel is not None
        folder = Path(self.get_trial_dir(trial.trial_id))
        if not (folder / "checkpoint.weights").exists():
            raise FileNotFoundError(
                f"trial {trial.trial_id} left no weights: a fit of your own must pass its callbacks on."
            )
        model = self.hypermodel._build(trial.hyperparameters.copy())
        self._check_model(model)
        if not model.built:
            model.build_from_config(json.loads((folder / "build_config.json").read_text()))
        model.load_weights(str(folder / "checkpoint.weights"))
        return model

    # ------------------------------------------------------------------------------- hooks, for subclasses to fill

    def on_epoch_begin(self, trial: Trial, model: Any, epoch: int, logs: Any = None) -> None:
        """Run before each epoch of each trial."""

    def on_epoch_end(self, trial: Trial, model: Any, epoch: int, logs: Any = None) -> None:
        """Run after each epoch of each trial."""


def _must_be_model(model: Any) -> None:
    if isinstance(model, type) or not (hasattr(model, "fit") and hasattr(model, "get_weights")):
        raise TypeError(f"the model-building function must return a model, got {model!r}.")
