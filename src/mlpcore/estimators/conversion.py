"""Fitted estimators from scikit-learn's classes to ours and back."""

from __future__ import annotations

import inspect
import warnings
from copy import deepcopy
from typing import Any

import numpy as np
import sklearn.linear_model
import sklearn.neural_network
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from mlpcore.estimators._forward import Forward
from mlpcore.estimators._initial import interleaved, separated
from mlpcore.estimators._optimizer import Optimizer, Slots
from mlpcore.estimators._stochastic import new_optimizer
from mlpcore.estimators.classifier import MLPClassifier
from mlpcore.estimators.perceptron import Perceptron
from mlpcore.estimators.regressor import MLPRegressor

_PAIRS: list[tuple[type, type]] = [
    (MLPClassifier, sklearn.neural_network.MLPClassifier),
    (MLPRegressor, sklearn.neural_network.MLPRegressor),
    (Perceptron, sklearn.linear_model.Perceptron),
]
_PRIVATE = ("_label_binarizer", "_no_improvement_count", "_random_state")  # have one meaning in both packages
_HARMLESS = ("n_threads", "pickle_optimizer", "kernel_initializer", "dtype", "step")  # of no use in scikit-learn


def from_sklearn(estimator: Any) -> Any:
    """Return our estimator with the parameters and the fitted state of one of scikit-learn's.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or Perceptron of scikit-learn
        Fitted or not; it is copied from, never changed.

    Returns
    -------
    MLPClassifier, MLPRegressor or Perceptron
        Predicts the same; `partial_fit` goes on with the same optimizer state.

    Raises
    ------
    TypeError
        For an estimator of another class.

    Examples
    --------
    >>> from sklearn.neural_network import MLPRegressor
    >>> from mlpcore import from_sklearn
    >>> theirs = MLPRegressor(solver="lbfgs", max_iter=50).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> from_sklearn(theirs).coefs_[0].shape
    (1, 100)
    """
    ours = _counterpart(estimator, "from_sklearn", {theirs: ours for ours, theirs in _PAIRS})
    accepted = inspect.signature(ours).parameters
    # a subclass may have other parameters than the attributes that count
    converted = ours(**{name: getattr(estimator, name) for name in accepted if hasattr(estimator, name)})
    _copy_fitted(estimator, converted)
    if not hasattr(converted, "coefs_"):
        return converted
    converted._forward = Forward()
    if hasattr(converted, "loss_curve_"):
        converted.validation_loss_curve_ = None
    theirs_optimizer = getattr(estimator, "_optimizer", None)
    if theirs_optimizer is not None:
        converted._optimizer = _our_optimizer(converted, theirs_optimizer)
    return converted


def to_sklearn(estimator: Any) -> Any:
    """Return scikit-learn's estimator with the parameters and the fitted state of one of ours.

    Parameters
    ----------
    estimator : MLPClassifier, MLPRegressor or Perceptron
        Fitted or not; it is copied from, never changed.

    Returns
    -------
    MLPClassifier, MLPRegressor or Perceptron of scikit-learn
        Predicts the same; `partial_fit` goes on with the same optimizer state. A UserWarning names settings of
        the training that scikit-learn does not have.

    Raises
    ------
    TypeError
        For an estimator of another class.
    ValueError
        Where scikit-learn's class could not predict the same, for lack of an activation, or of the units for
        the columns of y or the `step` of our Perceptron.

    Examples
    --------
    >>> from mlpcore import MLPRegressor, to_sklearn
    >>> ours = MLPRegressor(solver="lbfgs", max_iter=50).fit([[0.0], [1.0]], [0.0, 1.0])
    >>> type(to_sklearn(ours)).__module__.split(".")[0]
    'sklearn'
    """
    theirs = _counterpart(estimator, "to_sklearn", dict(_PAIRS))
    parameters, lost = _their_parameters(estimator, theirs)
    converted = theirs(**parameters)
    _check_outputs(estimator, converted)
    if lost:
        settings = ", ".join(f"{name}={getattr(estimator, name)!r}" for name in lost)
        warnings.warn(
            f"scikit-learn's {theirs.__name__} has no {settings}; predictions are the same, further training would "
            "not be.",
            stacklevel=2,
        )
    _copy_fitted(estimator, converted)
    vars(converted).pop("validation_loss_curve_", None)
    if getattr(converted, "best_validation_score_", None) is not None:  # scikit-learn's fit ends with these
        converted._best_coefs = [kernel.copy() for kernel in converted.coefs_]
        converted._best_intercepts = [bias.copy() for bias in converted.intercepts_]
    optimizer = getattr(estimator, "_optimizer", None)
    if optimizer is not None and optimizer.kind in ("sgd", "adam"):
        converted._optimizer = _their_optimizer(converted, optimizer)
    return converted


def _counterpart(estimator: Any, function: str, counterparts: dict[type, Any]) -> Any:
    """Return the class that stands for the estimator's in the other package."""
    for known, counterpart in counterparts.items():
        if isinstance(estimator, known):
            return counterpart
    expected = ", ".join(f"{known.__module__}.{known.__name__}" for known in counterparts)
    kind = type(estimator)
    raise TypeError(f"{function} expects one of {expected}; got {kind.__module__}.{kind.__name__}.")


def _copy_fitted(source: Any, target: Any) -> None:
    for name, value in vars(source).items():
        if (name.endswith("_") and not name.startswith("_")) or name in _PRIVATE:
            setattr(target, name, deepcopy(value))


def _their_parameters(estimator: Any, theirs: type) -> tuple[dict[str, Any], list[str]]:
    """Return what scikit-learn's constructor takes, and the names of what it does not."""
    accepted = inspect.signature(theirs).parameters
    ours = next(ours for ours, counterpart in _PAIRS if counterpart is theirs)
    kept, lost = {}, []
    for name, parameter in inspect.signature(ours).parameters.items():
        value = getattr(estimator, name)
        if name in accepted:
            kept[name] = value
        elif name not in _HARMLESS and (isinstance(value, np.ndarray) or value != parameter.default):
            lost.append(name)
    constraints = getattr(theirs, "_parameter_constraints", {})
    for name in ("activation", "loss", "solver", "learning_rate"):
        value = kept.get(name)
        if name == "activation" and isinstance(value, list | tuple | np.ndarray) and len(set(value)) == 1:
            kept[name] = value = value[0]
        options = [o.options for o in constraints.get(name, []) if hasattr(o, "options")]
        if name not in kept or any(isinstance(value, str) and value in o for o in options):
            continue
        if name == "activation":
            raise ValueError(f"scikit-learn's {theirs.__name__} has no activation={value!r}.")
        kept[name] = accepted[name].default
        lost.append(name)
    return kept, lost


def _check_outputs(estimator: Any, converted: Any) -> None:
    """Raise ValueError if scikit-learn would put another activation behind the output layer."""
    if isinstance(estimator, Perceptron):
        _check_units(estimator)
    activation = getattr(estimator, "out_activation_", None)
    if activation is None:
        return
    if isinstance(estimator, MLPRegressor):
        expected = "exp" if converted.loss == "poisson" else "identity"
    else:
        expected = "softmax" if estimator._fitted_targets().is_multiclass else "logistic"
    if activation != expected:
        raise ValueError(
            f"scikit-learn's {type(converted).__name__} has no output activation {activation!r} for this problem."
        )


def _check_units(estimator: Perceptron) -> None:
    """Raise ValueError if scikit-learn's units would decide otherwise."""
    if getattr(estimator, "outputs_2d_", False):
        raise ValueError("scikit-learn's Perceptron has no unit for each column of y; it would predict a label a row.")
    takes_the_largest = estimator.step == "heaviside" and len(getattr(estimator, "classes_", ())) > 2
    if estimator.step is not None and not takes_the_largest:
        raise ValueError(
            f"scikit-learn's Perceptron has no step={estimator.step!r}: where z is 0 it predicts what step=None does."
        )


def _our_optimizer(estimator: Any, theirs: Any) -> Optimizer:
    ours = new_optimizer(estimator)
    n_layers = len(estimator.coefs_)

    def in_our_order(arrays: list[Any]) -> list[Any]:
        return interleaved(arrays[:n_layers], arrays[n_layers:], str(estimator.coefs_[0].dtype))

    if isinstance(theirs, AdamOptimizer):
        slots: Slots = [in_our_order(theirs.ms), in_our_order(theirs.vs)]
        ours.set_state(slots if theirs.t else [], theirs.t)
    else:
        ours.set_state([in_our_order(theirs.velocities)] if theirs.momentum else [], 0)
        ours.schedule.rate = float(theirs.learning_rate)
    return ours


def _their_optimizer(estimator: Any, ours: Optimizer) -> Any:
    parameters = [*estimator.coefs_, *estimator.intercepts_]
    slots = [[a.copy() for part in separated(slot) for a in part] for slot in ours.slots()]
    if ours.kind == "adam":
        theirs = AdamOptimizer(
            parameters,
            estimator.learning_rate_init,
            ours.settings["beta_1"],
            ours.settings["beta_2"],
            ours.settings["epsilon"],
        )
        theirs.t = ours.step
        if slots:
            theirs.ms, theirs.vs = slots
    else:
        theirs = SGDOptimizer(
            parameters,
            estimator.learning_rate_init,
            estimator.learning_rate,
            ours.settings["momentum"],
            ours.settings["nesterov"],
            estimator.power_t,
        )
        if slots:
            (theirs.velocities,) = slots
    theirs.learning_rate = ours.learning_rate
    return theirs
