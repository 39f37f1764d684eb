"""SklearnTuner: a search over scikit-learn estimators, each judged by cross-validation."""

from __future__ import annotations

import inspect
import pickle
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from mlpcore.saving.atomic import replacing
from mlpcore.tuner.base_tuner import BaseTuner
from mlpcore.tuner.oracle import Oracle
from mlpcore.tuner.trial import Trial


class SklearnTuner(BaseTuner):
    """A search over estimators or pipelines, each judged by cross-validation.

    Parameters
    ----------
    oracle : Oracle
        With ``objective=Objective("score", "max")``; not Hyperband's.
    hypermodel : HyperModel or callable
        Takes HyperParameters, returns an estimator.
    scoring : str or callable, default=None
        As scikit-learn's; None: the estimator's `score`.
    metrics : callable or list of callable, default=None
        Functions of sklearn.metrics to note too, under their names.
    cv : int, splitter or iterable, default=None
        As scikit-learn's; None: five shuffled folds.
    **options
        directory, project_name, overwrite.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> import mlpcore.tuner as kt
    >>> from mlpcore import MLPClassifier
    >>> def build(hp):
    ...     layers = kt.LayerSizes(hp.Int("depth", 1, 2), hp.Int("width", 4, 16))
    ...     return MLPClassifier(layers, max_iter=300, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:  # doctest: +SKIP
    ...     objective = kt.Objective("score", "max")
    ...     oracle = kt.oracles.RandomSearchOracle(objective, max_trials=3, seed=0)
    ...     tuner = kt.SklearnTuner(oracle, build, directory=folder)
    ...     tuner.search(*load_iris(return_X_y=True))
    """

    def __init__(
        self,
        oracle: Oracle,
        hypermodel: Any,
        scoring: str | Callable[..., float] | None = None,
        metrics: Callable[..., float] | Sequence[Callable[..., float]] | None = None,
        cv: Any = None,
        **options: Any,
    ) -> None:
        super().__init__(oracle, hypermodel, **options)
        self.scoring = scoring
        self.metrics = [metrics] if callable(metrics) else list(metrics or [])
        self.cv = cv

    def search(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, verbose: int = 1) -> None:
        """Run trials until the search is at its end.

        Parameters
        ----------
        X, y : array-like or DataFrame
        sample_weight : array-like of shape (n_samples,), default=None
        groups : array-like of shape (n_samples,), default=None
            For splitters that need them.
        verbose : int, default=1
            0 prints nothing.
        """
        super().search(X, y, sample_weight=sample_weight, groups=groups, verbose=verbose)

    def run_trial(
        self, trial: Trial, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, **_: Any
    ) -> dict[str, float]:
        """Fit the trial's estimator on each fold's training rows and score it on the others.

        Returns
        -------
        dict of str to float
            Means over the folds: "score", and each of `metrics` under its name.
        """
        from sklearn.base import clone, is_classifier
        from sklearn.metrics import check_scoring
        from sklearn.model_selection import KFold, check_cv
        from sklearn.utils import _safe_indexing

        estimator = self._build(trial)
        cv = KFold(5, shuffle=True, random_state=1) if self.cv is None else self.cv
        splitter = check_cv(cv, y, classifier=is_classifier(estimator))
        scorer = check_scoring(estimator, self.scoring)
        sums: dict[str, float] = {}
        n_folds = 0
        for train, test in splitter.split(X, y, groups):
            model = clone(estimator)
            rows = {
                which: (_safe_indexing(X, index), _safe_indexing(y, index))
                for which, index in (("train", train), ("test", test))
            }
            weights = {
                which: {} if sample_weight is None else {"sample_weight": _safe_indexing(sample_weight, index)}
                for which, index in (("train", train), ("test", test))
            }
            takes_weights = "sample_weight" in inspect.signature(model.fit).parameters
            model.fit(*rows["train"], **(weights["train"] if takes_weights else {}))
            scores = {"score": scorer(model, *rows["test"], **(weights["test"] if takes_weights else {}))}
            if self.metrics:
                predicted = model.predict(rows["test"][0])
                for metric in self.metrics:
                    scores[metric.__name__] = metric(rows["test"][1], predicted, **weights["test"])
            n_folds += 1
            for name, value in scores.items():
                sums[name] = sums.get(name, 0.0) + float(value)
        self.save_model(trial.trial_id, model)
        return {name: value / n_folds for name, value in sums.items()}

    def save_model(self, trial_id: str, model: Any) -> None:
        """Pickle the estimator of the last fold in the trial's folder."""
        with replacing(Path(self.get_trial_dir(trial_id)) / "model.pickle") as file:
            file.write(pickle.dumps(model))

    def load_model(self, trial: Trial) -> Any:
        """Return the estimator that the trial fitted on its last fold."""
        return pickle.loads((Path(self.get_trial_dir(trial.trial_id)) / "model.pickle").read_bytes())
