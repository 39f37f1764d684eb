"""scikit-learn's estimators, and the preparation that every library with its names shares."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from equal import loss, output_loss
from peers import Work
from problems import Problem
from rows import SEED

ENDLESS = {"tol": 0.0, "n_iter_no_change": 10**9}  # every fit makes all its epochs


def versions() -> str:
    import sklearn
    from threadpoolctl import threadpool_info

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    blas = sorted({f"{pool['internal_api']} {pool['version']}" for pool in pools})
    return ", ".join([f"scikit-learn {sklearn.__version__}", f"numpy {np.__version__}", *blas])


def prepare(problem: Problem, x, y: np.ndarray, threads: int) -> Work:
    from sklearn.linear_model import Perceptron
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    library = SimpleNamespace(MLPClassifier=MLPClassifier, MLPRegressor=MLPRegressor, Perceptron=Perceptron)
    return prepare_estimator(problem, x, y, threads, library, {})


def prepare_estimator(problem: Problem, x, y: np.ndarray, threads: int, library: Any, extra: dict[str, Any]) -> Work:
    """Prepare a problem for a library with MLPClassifier, MLPRegressor and Perceptron.

    `extra` are arguments of the multilayer perceptrons beyond scikit-learn's.
    """
    if problem.kind == "perceptron":
        perceptron = library.Perceptron(max_iter=problem.epochs, tol=None, n_jobs=threads)
        return prepare_perceptron(x, y, perceptron)
    mlp = library.MLPRegressor if problem.output == "identity" else library.MLPClassifier
    settings: dict[str, Any] = {
        "hidden_layer_sizes": problem.layers[1:-1],
        "solver": problem.solver,
        "alpha": problem.alpha,
        "batch_size": min(problem.batch, problem.rows),
        "learning_rate_init": problem.learning_rate,
        "momentum": 0.0,
        "max_iter": problem.epochs,
        "random_state": SEED,
        "shuffle": problem.shuffle,
        **ENDLESS,
        **extra,
    }
    is_prepared = settings.pop("predictor", False)
    if problem.kind == "search":
        return prepare_search(x, y, mlp(**settings))
    if problem.kind == "predict":
        return prepare_prediction(problem, x, y, mlp, settings, is_prepared)
    estimator = mlp(**settings)

    def final_loss() -> float:
        parameters = zip(estimator.coefs_, estimator.intercepts_, strict=True)
        return loss(problem, [array for pair in parameters for array in pair], x, y)

    return Work(lambda: estimator.fit(x, y), final_loss)


def prepare_prediction(problem: Problem, x, y, mlp, settings, is_prepared: bool) -> Work:
    """Predict with the initial weights: a fit with a vanishing step leaves them as they were.

    `is_prepared`: by the function without checks that mlpcore's estimators give.
    """
    tiny = {"max_iter": 1, "solver": "sgd", "learning_rate_init": 1e-30, "batch_size": "auto"}
    examples, targets = problem.data(1000)
    estimator = mlp(**{**settings, **tiny}).fit(examples, targets)
    predict = estimator.predict if problem.output == "identity" else estimator.predict_proba
    if is_prepared:
        predict = estimator.predictor()
    return Work(lambda: predict(x), lambda: output_loss(problem, predict(x), y))


def prepare_perceptron(x, y: np.ndarray, estimator) -> Work:
    """Judge a Perceptron by the mean hinge loss of its classes."""

    def final_loss() -> float:
        scores = estimator.decision_function(x[:10000]).astype(np.float64)
        signs = np.where(estimator.classes_ == y[:10000, None], 1.0, -1.0)
        return float(np.maximum(0.0, -signs * scores).mean())

    return Work(lambda: estimator.fit(x, y), final_loss)


def prepare_search(x, y: np.ndarray, estimator) -> Work:
    """Judge a search by its best mean accuracy."""
    from sklearn.model_selection import GridSearchCV

    grid = {"hidden_layer_sizes": [(50,), (100,), (50, 50)], "alpha": [1e-5, 1e-3, 1e-1]}
    search = GridSearchCV(estimator, grid, cv=5, n_jobs=2, refit=False)
    return Work(lambda: search.fit(x, y), lambda: float(1.0 - search.best_score_))
