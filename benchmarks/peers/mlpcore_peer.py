"""mlpcore's estimators: scikit-learn's names, so scikit-learn's preparation, plus the threads."""

from __future__ import annotations

import numpy as np

from peers import Work
from peers.sklearn_peer import prepare_estimator
from problems import Problem


def versions() -> str:
    import mlpcore
    from mlpcore import _core

    return f"mlpcore {mlpcore.__version__}, {_core.isa()}"


def prepare(problem: Problem, x, y: np.ndarray, threads: int, variant: str = "") -> Work:
    """Prepare an estimator; variant "predictor" asks its prepared function."""
    import mlpcore

    extra = {"n_threads": threads}
    if variant == "predictor":
        extra["predictor"] = True
    return prepare_estimator(problem, x, y, threads, mlpcore, extra)
