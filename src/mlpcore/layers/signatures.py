"""What the functions of a layer's class take: for checking keywords, passing `training` and writing configs."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import lru_cache
from typing import Any

_FROM_BASE = ("name", "trainable", "dtype", "activity_regularizer", "input_shape", "input_dim", "batch_input_shape")


@lru_cache(maxsize=512)
def parameters_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of a function's parameters, `self` included; those that are only collected are not."""
    kinds = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return ()
    return tuple(parameter.name for parameter in parameters if parameter.kind not in kinds)


def keywords_of(cls: type) -> list[str]:
    """Return every keyword that the constructor of a layer's class takes."""
    names = list(_FROM_BASE)
    for base in cls.__mro__:
        if "__init__" in base.__dict__ and base is not object:
            names += parameters_of(base.__dict__["__init__"])[1:]
    return names


def bound_arguments(cls: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """Return the arguments of a constructor's call by name."""
    signature = inspect.signature(cls.__init__)  # type: ignore[misc]
    bound = signature.bind(None, *args, **kwargs)
    found: dict[str, Any] = {}
    for name, value in list(bound.arguments.items())[1:]:
        kind = signature.parameters[name].kind
        if kind is inspect.Parameter.VAR_KEYWORD:
            found |= value
        elif kind is inspect.Parameter.VAR_POSITIONAL:
            raise NotImplementedError(f"{cls.__name__} takes *{name}: define get_config()")
        else:
            found[name] = value
    return found
