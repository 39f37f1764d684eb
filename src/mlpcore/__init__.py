"""Multilayer perceptrons with a fast C++ core and scikit-learn's interface.

>>> from mlpcore import MLPClassifier
>>> model = MLPClassifier(hidden_layer_sizes=(2,), max_iter=50, tol=0, random_state=0)

Importing this package loads neither scikit-learn nor SciPy: a public name is imported from its
module when it is first touched.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlpcore.estimators.classifier import MLPClassifier
    from mlpcore.estimators.conversion import from_sklearn, to_sklearn
    from mlpcore.estimators.display import LossCurveDisplay
    from mlpcore.estimators.perceptron import Perceptron
    from mlpcore.estimators.regressor import MLPRegressor

__version__ = "0.1.0"

__all__ = [
    "LossCurveDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "Perceptron",
    "__version__",
    "from_sklearn",
    "to_sklearn",
]

_HOME = {  # public name -> the module that defines it
    "LossCurveDisplay": "mlpcore.estimators.display",
    "MLPClassifier": "mlpcore.estimators.classifier",
    "MLPRegressor": "mlpcore.estimators.regressor",
    "Perceptron": "mlpcore.estimators.perceptron",
    "from_sklearn": "mlpcore.estimators.conversion",
    "to_sklearn": "mlpcore.estimators.conversion",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home on first use (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what is public, whether imported yet or not."""
    return sorted(__all__)
