"""The parameters that MLPClassifier and MLPRegressor share: their types, their constraints, how they are kept."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import cache
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils._param_validation import Interval, Options, StrOptions, validate_parameter_constraints

from mlpcore.estimators._activations import HIDDEN_ACTIVATIONS
from mlpcore.estimators._initial import INITIALIZERS
from mlpcore.estimators._schedule import RULES
from mlpcore.estimators._stochastic import STOCHASTIC_SOLVERS


class Hyperparameters(BaseEstimator):
    """Parameters as attributes, checked when a fit begins."""

    hidden_layer_sizes: Any
    activation: Any
    solver: str
    alpha: float
    batch_size: int | str
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    loss: str
    shuffle: bool
    random_state: Any
    tol: float
    verbose: bool | int
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    n_threads: int | None
    dtype: str | None
    kernel_initializer: str | None
    learning_rate_final: float
    n_iter_warmup: float
    scoring: str | Callable[..., float] | None
    max_time: float | None
    divergence: str
    resume: bool
    pickle_optimizer: bool
    dropout: Any
    l1: float
    clip_norm: float | None
    weight_decay: float
    rho: float
    mixed_precision: str | None

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(HIDDEN_ACTIVATIONS)), list, tuple, np.ndarray],
        "solver": [StrOptions({"lbfgs", *STOCHASTIC_SOLVERS})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions(set(RULES))],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
        "dtype": [StrOptions({"float32", "float64"}), None],
        "kernel_initializer": [StrOptions(set(INITIALIZERS)), None],
        "learning_rate_final": [Interval(Real, 0, None, closed="neither")],
        "n_iter_warmup": [Interval(Real, 0, None, closed="left")],
        "scoring": [str, callable, None],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "divergence": [StrOptions({"raise", "stop"})],
        "resume": ["boolean"],
        "pickle_optimizer": ["boolean"],
        "dropout": [Interval(Real, 0, 1, closed="left"), list, tuple, np.ndarray],
        "l1": [Interval(Real, 0, None, closed="left")],
        "clip_norm": [Interval(Real, 0, None, closed="neither"), None],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "rho": [Interval(Real, 0, 1, closed="left")],
        "mixed_precision": [StrOptions({"bfloat16"}), None],
    }

    def _remember(self, arguments: dict[str, Any]) -> None:
        """Keep the constructor's arguments, its ``locals()``, as attributes."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    def _validate_params(self) -> None:
        """Check the parameters that are not the defaults, which saves a tenth of a short fit."""
        defaults = _defaults(type(self))  # type: ignore[arg-type] # a class is hashable
        changed = {
            name: value
            for name, value in vars(self).items()
            if name in self._parameter_constraints and value is not defaults.get(name, inspect.Parameter.empty)
        }
        validate_parameter_constraints(self._parameter_constraints, changed, caller_name=type(self).__name__)


@cache
def _defaults(cls: Any) -> dict[str, Any]:
    return {name: parameter.default for name, parameter in inspect.signature(cls).parameters.items()}
