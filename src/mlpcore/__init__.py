"""Multilayer perceptrons with a fast C++ core, with scikit-learn's interface and with Keras'.

>>> from mlpcore import MLPClassifier
>>> model = MLPClassifier(hidden_layer_sizes=(2,), max_iter=50, tol=0, random_state=0)

>>> import mlpcore
>>> model = mlpcore.Sequential([mlpcore.layers.Dense(2, activation="relu"), mlpcore.layers.Dense(1)])
>>> model.compile(loss="mse", optimizer="adam")

Importing this package loads neither scikit-learn nor SciPy: a public name is imported from its
module when it is first touched.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlpcore import (
        activations as activations,
    )
    from mlpcore import (
        backend as backend,
    )
    from mlpcore import (
        callbacks as callbacks,
    )
    from mlpcore import (
        constraints as constraints,
    )
    from mlpcore import (
        initializers as initializers,
    )
    from mlpcore import (
        layers as layers,
    )
    from mlpcore import (
        learning_rate as learning_rate,
    )
    from mlpcore import (
        losses as losses,
    )
    from mlpcore import (
        metrics as metrics,
    )
    from mlpcore import (
        models as models,
    )
    from mlpcore import (
        ops as ops,
    )
    from mlpcore import (
        optimizers as optimizers,
    )
    from mlpcore import (
        plot as plot,
    )
    from mlpcore import (
        random as random,
    )
    from mlpcore import (
        regularizers as regularizers,
    )
    from mlpcore import (
        saving as saving,
    )
    from mlpcore import (
        tuner as tuner,
    )
    from mlpcore import (
        utils as utils,
    )
    from mlpcore import (
        wrappers as wrappers,
    )
    from mlpcore._arena import Variable
    from mlpcore._tensor import KerasTensor
    from mlpcore.estimators.classifier import MLPClassifier
    from mlpcore.estimators.conversion import from_sklearn, to_sklearn
    from mlpcore.estimators.display import LossCurveDisplay
    from mlpcore.estimators.perceptron import Perceptron
    from mlpcore.estimators.regressor import MLPRegressor
    from mlpcore.layers.base import Layer
    from mlpcore.layers.input import Input
    from mlpcore.losses.base import Loss
    from mlpcore.metrics.base import Metric
    from mlpcore.models.model import Model
    from mlpcore.models.sequential import Sequential
    from mlpcore.optimizers.base import Optimizer
    from mlpcore.saving.loading import load

__version__ = "0.1.0"

__all__ = [
    "Input",
    "KerasTensor",
    "Layer",
    "Loss",
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "Metric",
    "Model",
    "Optimizer",
    "Perceptron",
    "Sequential",
    "Variable",
    "__version__",
    "from_sklearn",
    "load",
    "to_sklearn",
]

_HOME = {  # public name -> the module that defines it
    "Input": "mlpcore.layers.input",
    "KerasTensor": "mlpcore._tensor",
    "Layer": "mlpcore.layers.base",
    "Loss": "mlpcore.losses.base",
    "LossCurveDisplay": "mlpcore.estimators.display",
    "MLPClassifier": "mlpcore.estimators.classifier",
    "MLPRegressor": "mlpcore.estimators.regressor",
    "Metric": "mlpcore.metrics.base",
    "Model": "mlpcore.models.model",
    "Optimizer": "mlpcore.optimizers.base",
    "Perceptron": "mlpcore.estimators.perceptron",
    "Sequential": "mlpcore.models.sequential",
    "Variable": "mlpcore._arena",
    "from_sklearn": "mlpcore.estimators.conversion",
    "load": "mlpcore.saving.loading",
    "to_sklearn": "mlpcore.estimators.conversion",
}

_MODULES = {  # public modules, which are imported on first use too
    "activations",
    "backend",
    "callbacks",
    "constraints",
    "initializers",
    "layers",
    "learning_rate",
    "losses",
    "metrics",
    "models",
    "ops",
    "optimizers",
    "plot",
    "random",
    "regularizers",
    "saving",
    "tuner",
    "utils",
    "wrappers",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home on first use (PEP 562)."""
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOME:
        hint = ""
        if not name.startswith("_"):  # while a private module is imported, it is asked for here first
            hint = import_module("mlpcore._validation").suggest(name, __dir__())
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}{hint}")
    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what is public, whether imported yet or not."""
    return sorted({*__all__, *_MODULES})
