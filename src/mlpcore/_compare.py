"""Train scikit-learn's estimator and ours side by side: same data, settings, threads and seed."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

import mlpcore
from mlpcore._problems import Problem


@dataclass(frozen=True)
class Settings:
    """What both estimators are told.

    Attributes
    ----------
    hidden : tuple of int
        Units of each hidden layer.
    solver : {"sgd", "adam"}
        Optimizer.
    epochs, batch_size, threads : int
        Passes over the training rows, rows of a mini-batch, threads of either library.
    """

    hidden: tuple[int, ...]
    solver: str
    epochs: int
    batch_size: int
    threads: int


@dataclass(frozen=True)
class Result:
    """One estimator's fits.

    Attributes
    ----------
    score, loss : float
        Accuracy or R² on the test rows, and the last epoch's training loss.
    seconds : float
        Median time of a fit.
    weights : list of ndarray
        Kernels and biases after the last fit.
    """

    score: float
    loss: float
    seconds: float
    weights: list[Any]


@dataclass(frozen=True)
class Comparison:
    """Both estimators' results for one element type."""

    dtype: str
    theirs: Result
    ours: Result

    @property
    def ratio(self) -> float:
        """How many times sooner our estimator has finished."""
        return self.theirs.seconds / self.ours.seconds

    @property
    def weight_difference(self) -> float:
        """Largest absolute difference of any two weights or biases."""
        pairs = zip(self.theirs.weights, self.ours.weights, strict=True)
        return max(float(np.abs(a - b).max()) for a, b in pairs)


def compare(
    problem: Problem,
    settings: Settings,
    dtype: str,
    repeats: int,
    report: Callable[[str], None] = lambda step: None,
) -> Comparison:
    """Fit both estimators in turns.

    Parameters
    ----------
    problem : Problem
        The data.
    settings : Settings
        What both are told. Neither stops before the last epoch.
    dtype : {"float32", "float64"}
        Element type of the features, hence of the arithmetic.
    repeats : int
        Timed fits of each, after one untimed epoch.
    report : callable
        Told what is about to happen.

    Returns
    -------
    Comparison
        Scores, losses, median seconds and weights.

    Raises
    ------
    KeyboardInterrupt
        On Ctrl-C, which either estimator's own `fit` would only turn into a warning.
    """
    X_train, X_test = problem.X_train.astype(dtype), problem.X_test.astype(dtype)
    kind = "MLPClassifier" if problem.is_classification else "MLPRegressor"
    makers: dict[str, Callable[..., Any]] = {
        "scikit-learn": lambda **options: getattr(neural_network, kind)(**options),
        "mlpcore": lambda **options: getattr(mlpcore, kind)(n_threads=settings.threads, **options),
    }
    seconds: dict[str, list[float]] = {name: [] for name in makers}
    fitted: dict[str, Any] = {}
    with threadpool_limits(settings.threads), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("error", "Training interrupted by user")
        for repeat in range(repeats + 1):
            for name, make in makers.items():
                report(f"{name}, {dtype}, " + (f"fit {repeat} of {repeats}" if repeat else "warm-up"))
                model = make(**_options(settings, settings.epochs if repeat else 1))
                start = time.perf_counter()
                try:
                    model.fit(X_train, problem.y_train)
                except UserWarning as warning:
                    raise KeyboardInterrupt from warning
                if repeat:
                    seconds[name].append(time.perf_counter() - start)
                    fitted[name] = model
    results = {
        name: Result(
            score=float(model.score(X_test, problem.y_test)),
            loss=float(model.loss_),
            seconds=median(seconds[name]),
            weights=[*model.coefs_, *model.intercepts_],
        )
        for name, model in fitted.items()
    }
    return Comparison(dtype, results["scikit-learn"], results["mlpcore"])


def _options(settings: Settings, epochs: int) -> dict[str, Any]:
    """Return the constructor's arguments that both estimators share."""
    return {
        "hidden_layer_sizes": settings.hidden,
        "solver": settings.solver,
        "batch_size": settings.batch_size,
        "max_iter": epochs,
        "n_iter_no_change": epochs + 1,
        "random_state": 0,
    }
