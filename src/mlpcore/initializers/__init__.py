"""Initial values of weights: Keras 3's initializers, drawn with NumPy from the package's random stream.

An initializer is a callable ``(shape, dtype) -> ndarray``. With an integer `seed` it returns the same values every
time; with ``seed=None`` every call draws fresh values from the stream that ``mlpcore.random.set_seed`` starts (Keras
draws the seed once per object there, so that two layers sharing an object start equal).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry
from mlpcore.initializers.base import Constant, Identity, Initializer, Ones, Zeros
from mlpcore.initializers.random import Orthogonal, RandomNormal, RandomUniform, TruncatedNormal
from mlpcore.initializers.scaling import (
    GlorotNormal,
    GlorotUniform,
    HeNormal,
    HeUniform,
    LecunNormal,
    LecunUniform,
    VarianceScaling,
    compute_fans,
)

InitializerLike: TypeAlias = "str | Mapping[str, Any] | Initializer | Callable[..., Any] | NDArray[Any] | None"

__all__ = [
    "Constant",
    "GlorotNormal",
    "GlorotUniform",
    "HeNormal",
    "HeUniform",
    "Identity",
    "Initializer",
    "LecunNormal",
    "LecunUniform",
    "Ones",
    "Orthogonal",
    "RandomNormal",
    "RandomUniform",
    "TruncatedNormal",
    "VarianceScaling",
    "Zeros",
    "compute_fans",
    "deserialize",
    "get",
    "serialize",
]


def __getattr__(name: str) -> Any:
    """Find a class by its name in lower case too, as ``initializers.he_normal``."""
    return _registry.module_attribute("initializers", name)


def get(identifier: InitializerLike) -> Initializer | Callable[..., Any] | None:
    """Return the initializer that a name, config, class, function or array means.

    Parameters
    ----------
    identifier : str, dict, Initializer, callable ``(shape, dtype) -> array``, array or None
        An array is the value itself.

    Returns
    -------
    Initializer, callable or None

    Examples
    --------
    >>> get("he_normal")
    HeNormal(seed=None)
    >>> get("he_norml")
    Traceback (most recent call last):
        ...
    ValueError: unknown initializer 'he_norml'; did you mean 'he_normal'?
    """
    if isinstance(identifier, np.ndarray | np.generic):
        return Constant(identifier)
    found: Initializer | Callable[..., Any] | None = _registry.get("initializers", identifier)
    return found


def serialize(initializer: Any) -> Any:
    """Return an initializer as plain data: see `mlpcore._registry.serialize_object`."""
    return _registry.serialize_object(initializer)


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the initializer that `serialize` described."""
    return _registry.get("initializers", config, custom_objects)
