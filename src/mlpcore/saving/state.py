"""What a model's future depends on, as a tree of numbers and arrays: taken out and put back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore import _random
from mlpcore.optimizers import Optimizer
from mlpcore.saving.building import build, build_config
from mlpcore.saving.errors import FileFormatError
from mlpcore.saving.generators import generator_state, restored_generator
from mlpcore.saving.weights import assign, mismatches, named_variables

Slots = list[dict[str, NDArray[Any]]]  # by weight; what an optimizer keeps beside it


def model_state(model: Any) -> dict[str, Any]:
    """Return weights, optimizer, seeds and random generators of a model.

    Parameters
    ----------
    model : Model
        Built; compiled or not.

    Returns
    -------
    dict
        A tree for `mlpcore.saving.trees`.
    """
    session = model._session
    return {
        "build": build_config(model),
        "weights": {name: variable.numpy() for name, (variable, _) in named_variables(model).items()},
        "optimizer": None if model.optimizer is None else {**optimizer_state(model), "slots": optimizer_slots(model)},
        "seed": int(session.seed),
        "orders": generator_state(session.rng),
        "random": _random.get_state(),
    }


def set_model_state(model: Any, state: Any) -> None:
    """Put back what `model_state` returned.

    Raises
    ------
    FileFormatError
        It is not the state of such a model. Nothing has been changed then, but layers may have been built.
    """
    try:
        build(model, state["build"])
        found = named_variables(model)
        weights, optimizer, seed = state["weights"], state["optimizer"], state["seed"]
        orders = restored_generator(state["orders"])
        package = restored_generator({"kind": "Generator", "state": state["random"]})
        _check_arrays(weights)
        problems = mismatches({name: variable.shape for name, (variable, _) in found.items()}, weights)
        if problems:
            raise FileFormatError(f"the state of another model: {problems[0]}")
        if (optimizer is None) != (model.optimizer is None):
            raise FileFormatError(
                f"the state of a model that was {'not ' * (optimizer is None)}compiled; this one differs"
            )
        if type(seed) is not int or not 0 <= seed < 2**64:
            raise FileFormatError(f"the seed {seed!r}")
        slots = [] if optimizer is None else check_slots(optimizer["slots"], found)
        if optimizer is not None:
            check_optimizer(model.optimizer, optimizer)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"a damaged state of a model ({error!r})") from None
    assign(found, weights)
    if optimizer is not None:
        set_optimizer(model.optimizer, optimizer)
    set_session(model, slots, seed, orders)
    _random.set_state(generator_state(package)["state"])


# ------------------------------------------------ the optimizer


def optimizer_state(model: Any) -> dict[str, Any]:
    """Return the optimizer's class, its step and, unless a schedule gives it, its learning rate."""
    optimizer = model.optimizer
    rate = optimizer.get_config().get("learning_rate")
    return {
        "class_name": type(optimizer).__name__,
        "iterations": int(optimizer.iterations),
        "learning_rate": float(rate) if isinstance(rate, (int, float)) else None,
    }


def optimizer_slots(model: Any) -> Slots:
    """Return the optimizer's slots, each as a dict of arrays by the names of the weights; [] before training."""
    names = {id(variable): name for name, (variable, _) in named_variables(model).items()}
    return [
        {names[id(variable)]: array for variable, array in zip(model.variables, slot, strict=True)}
        for slot in model._session.slots()
    ]


def check_slots(slots: Any, found: Mapping[str, Any]) -> Slots:
    """Return slots if they have the shapes of the weights; raise FileFormatError if not."""
    shapes = {name: variable.shape for name, (variable, _) in found.items()}
    checked: Slots = []
    for slot in slots:
        _check_arrays(slot)
        if problems := mismatches(shapes, slot):
            raise FileFormatError(f"the optimizer's state of another model: {problems[0]}")
        checked.append(slot)
    return checked


def check_optimizer(optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Raise FileFormatError if a state is none of this optimizer."""
    iterations, rate = state["iterations"], state["learning_rate"]
    if state["class_name"] != type(optimizer).__name__:
        raise FileFormatError(f"the state of {state['class_name']!r}, but the model has {type(optimizer).__name__!r}")
    if type(iterations) is not int or not 0 <= iterations < 2**62:
        raise FileFormatError(f"an optimizer after {iterations!r} steps")
    if rate is not None and (isinstance(rate, bool) or not isinstance(rate, (int, float)) or not rate >= 0):
        raise FileFormatError(f"an optimizer with the learning rate {rate!r}")


def set_optimizer(optimizer: Optimizer, state: Mapping[str, Any]) -> None:
    """Put back what `optimizer_state` returned."""
    optimizer.iterations = state["iterations"]
    if state["learning_rate"] is not None:
        optimizer.learning_rate = state["learning_rate"]


def set_session(model: Any, slots: Slots, seed: int, orders: Any) -> None:
    """Let the next training of a model go on from slots, the seed of its noise and the generator of its orders."""
    names = {id(variable): name for name, (variable, _) in named_variables(model).items()}
    in_order = [[np.asarray(slot[names[id(variable)]]) for variable in model.variables] for slot in slots]
    model._session.set_state({"slots": in_order, "seed": seed, "rng": orders.bit_generator.state})


def _check_arrays(arrays: Any) -> None:
    if not isinstance(arrays, dict) or not all(isinstance(array, np.ndarray) for array in arrays.values()):
        raise FileFormatError("a damaged state of a model (arrays by name are expected)")
