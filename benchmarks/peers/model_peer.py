"""mlpcore's models: Keras' names, so Keras' preparation, plus the threads."""

from __future__ import annotations

import numpy as np

from peers import Work
from problems import Problem


def versions() -> str:
    import mlpcore
    from mlpcore import _core

    return f"mlpcore {mlpcore.__version__}, {_core.isa()}"


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, threads: int, variant: str = "") -> Work:
    import mlpcore
    from peers.keras_api import prepare_with

    return prepare_with(mlpcore, problem, x, y, variant)
