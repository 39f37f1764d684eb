"""Searches over estimators with other tools: two integers for depth and width, and an objective for Optuna studies."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlpcore.tuner._results import result_of
from mlpcore.tuner._storage import require_optuna
from mlpcore.tuner.objective import Objective, make_objective

if TYPE_CHECKING:
    import optuna


class LayerSizes(Sequence[int]):
    """Hidden layers of equal width, as two integers that scikit-learn's searches can set.

    Goes wherever `hidden_layer_sizes` goes; ``hidden_layer_sizes__depth`` and ``hidden_layer_sizes__width`` are then
    parameters of the estimator, for GridSearchCV, RandomizedSearchCV, HalvingRandomSearchCV, OptunaSearchCV, in
    pipelines too.

    Parameters
    ----------
    depth : int, default=1
        Number of hidden layers, from 0.
    width : int, default=100
        Units of each, from 1.

    Examples
    --------
    >>> tuple(LayerSizes(depth=3, width=50))
    (50, 50, 50)
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> from mlpcore import MLPClassifier
    >>> model = MLPClassifier(LayerSizes(), solver="lbfgs", max_iter=2000, random_state=0)
    >>> grid = {"hidden_layer_sizes__depth": [1, 2], "hidden_layer_sizes__width": [5, 10]}
    >>> search = GridSearchCV(model, grid, cv=2).fit(*load_iris(return_X_y=True))
    >>> sorted(search.best_params_)
    ['hidden_layer_sizes__depth', 'hidden_layer_sizes__width']
    """

    def __init__(self, depth: int = 1, width: int = 100) -> None:
        self.depth, self.width = depth, width

    def get_params(self, deep: bool = True) -> dict[str, int]:
        """Return depth and width by name (`deep` is scikit-learn's; there is nothing below)."""
        return {"depth": self.depth, "width": self.width}

    def set_params(self, **params: int) -> LayerSizes:
        """Set depth or width."""
        for name, value in params.items():
            if name not in ("depth", "width"):
                raise ValueError(f"LayerSizes has depth and width, but no {name!r}.")
            setattr(self, name, value)
        return self

    def __len__(self) -> int:
        return int(self.depth)

    def __getitem__(self, index: Any) -> Any:
        return ((self.width,) * len(self))[index]

    def __iter__(self) -> Iterator[int]:
        return iter((self.width,) * len(self))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LayerSizes) and self.get_params() == other.get_params()

    def __hash__(self) -> int:
        return hash((self.depth, self.width))

    def __repr__(self) -> str:
        return f"LayerSizes(depth={self.depth}, width={self.width})"


def optuna_objective(
    build: Callable[[optuna.trial.Trial], Any],
    X: Any,
    y: Any,
    *,
    validation_data: tuple[Any, Any],
    scoring: Any = None,
    monitor: str | Objective = "val_loss",
    **fit_arguments: Any,
) -> Callable[[optuna.trial.Trial], float]:
    """Return an objective for an Optuna study of your own, which prunes trials by epoch.

    Parameters
    ----------
    build : callable
        Takes an Optuna trial, returns an unfitted estimator of ours or a compiled model.
    X, y : array-like
        To train on.
    validation_data : tuple (X, y)
        To judge on, after each epoch and at the end.
    scoring : str or callable, default=None
        How to judge an estimator, as scikit-learn's; None: its `score`. The study's direction must be "maximize".
    monitor : str or Objective, default="val_loss"
        What to judge a model by; its value is the best epoch's. The study's direction must suit it.
    **fit_arguments
        Further arguments of `fit`.

    Returns
    -------
    callable
        For ``study.optimize``. Estimators are pruned with scikit-learn 1.9 or later, which has callbacks.

    Examples
    --------
    >>> import optuna
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import train_test_split
    >>> from mlpcore import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> X, X_valid, y, y_valid = train_test_split(X, y, random_state=0)
    >>> def build(trial):
    ...     depth, width = trial.suggest_int("depth", 1, 3), trial.suggest_int("width", 4, 64)
    ...     sizes = LayerSizes(depth, width)
    ...     return MLPClassifier(sizes, max_iter=20, n_iter_no_change=20, random_state=0)
    >>> objective = optuna_objective(build, X, y, validation_data=(X_valid, y_valid))
    >>> optuna.logging.set_verbosity(optuna.logging.ERROR)
    >>> study = optuna.create_study(direction="maximize", pruner=optuna.pruners.MedianPruner())
    >>> import warnings
    >>> with warnings.catch_warnings(action="ignore"):
    ...     study.optimize(objective, n_trials=3)
    >>> sorted(study.best_params)
    ['depth', 'width']
    """
    goal = make_objective(monitor)

    def objective(trial: optuna.trial.Trial) -> float:
        model = build(trial)
        if hasattr(model, "get_params"):
            return _run_estimator(trial, model, X, y, validation_data, scoring, fit_arguments)
        return _run_model(trial, model, X, y, validation_data, goal, fit_arguments)

    return objective


def _run_estimator(
    trial: optuna.trial.Trial,
    estimator: Any,
    X: Any,
    y: Any,
    validation_data: tuple[Any, Any],
    scoring: Any,
    fit_arguments: Mapping[str, Any],
) -> float:
    from sklearn.metrics import check_scoring

    scorer = check_scoring(estimator, scoring)
    pruning = _PruneEstimator(trial, lambda fitted: float(scorer(fitted, *validation_data)))
    if hasattr(estimator, "set_callbacks"):
        estimator.set_callbacks(pruning)
    estimator.fit(X, y, **fit_arguments)
    if pruning.pruned:
        raise require_optuna().TrialPruned()
    return float(scorer(estimator, *validation_data))


class _PruneEstimator:
    """A scikit-learn callback that reports the score after each epoch and stops the fit if the pruner says so."""

    def __init__(self, trial: optuna.trial.Trial, score: Callable[[Any], float]) -> None:
        self._trial, self._score = trial, score
        self.pruned = False

    def setup(self, estimator: Any, context: Any) -> None:
        """Do nothing; scikit-learn expects it."""

    def teardown(self, estimator: Any, context: Any) -> None:
        """Do nothing; scikit-learn expects it."""

    def on_fit_task_begin(self, estimator: Any, context: Any) -> None:
        """Do nothing; scikit-learn expects it."""

    def on_fit_task_end(self, estimator: Any, context: Any, *, fitted_estimator: Any) -> bool:
        """Report after an epoch."""
        if context.task_name in ("epoch", "lbfgs-iter"):
            self._trial.report(self._score(fitted_estimator), context.task_id + 1)
            self.pruned = self._trial.should_prune()
        return self.pruned


def _run_model(
    trial: optuna.trial.Trial,
    model: Any,
    X: Any,
    y: Any,
    validation_data: tuple[Any, Any],
    goal: Objective,
    fit_arguments: Mapping[str, Any],
) -> float:
    from mlpcore.tuner._callbacks import ReportEpochs

    report = ReportEpochs(trial, goal)
    callbacks = [*fit_arguments.get("callbacks", ()), report]
    history = model.fit(X, y, **{**fit_arguments, "validation_data": validation_data, "callbacks": callbacks})
    if report.pruned:
        raise require_optuna().TrialPruned()
    return result_of(history, goal, "fit()").score
