"""Searches for good hyperparameters, with KerasTuner's names: ``import mlpcore.tuner as kt``.

Sampling, pruning and storage are Optuna's (``pip install 'mlpcore[tuner]'``), which is loaded with the first tuner.
"""

from mlpcore.tuner import oracles, tuners
from mlpcore.tuner.base_tuner import BaseTuner
from mlpcore.tuner.hypermodel import HyperModel
from mlpcore.tuner.hyperparameters import HyperParameters
from mlpcore.tuner.objective import Objective
from mlpcore.tuner.oracle import Oracle
from mlpcore.tuner.parameters import HyperParameter
from mlpcore.tuner.sklearn_search import LayerSizes, optuna_objective
from mlpcore.tuner.sklearn_tuner import SklearnTuner
from mlpcore.tuner.trial import Trial
from mlpcore.tuner.tuner import Tuner
from mlpcore.tuner.tuners import BayesianOptimization, GridSearch, Hyperband, RandomSearch

__all__ = [
    "BaseTuner",
    "BayesianOptimization",
    "GridSearch",
    "HyperModel",
    "HyperParameter",
    "HyperParameters",
    "Hyperband",
    "LayerSizes",
    "Objective",
    "Oracle",
    "RandomSearch",
    "SklearnTuner",
    "Trial",
    "Tuner",
    "optuna_objective",
    "oracles",
    "tuners",
]
