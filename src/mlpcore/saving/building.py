"""Which shapes layers were built for, and layers built for them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpcore import _random
from mlpcore._structure import flatten
from mlpcore._tensor import UnknownValueError
from mlpcore.saving.errors import FileFormatError
from mlpcore.saving.weights import walk


def build_config(model: Any) -> dict[str, Any]:
    """Return what the layers were built for, by path, as far as they are built."""
    return {path: _plain(layer.get_build_config()) for path, layer in walk(model) if layer.built}


def build(model: Any, config: Mapping[str, Any]) -> None:
    """Build the layers of a model that were built when it was saved; layers that others make are met after these.

    The initial weights are of no use, so the package's random stream stays where it is.
    """
    with _random.kept():
        for path, layer in walk(model):
            if path in config and not layer.built:
                if config[path] is not None:
                    _build(layer, _checked(config[path]))
                layer.built = True


def _build(layer: Any, config: dict[str, Any]) -> None:
    if type(layer).build.__module__ != "mlpcore.models.model":
        layer.build_from_config(config)
        return
    try:  # a subclassed model builds its layers by calling them
        layer.build_from_config(config)
    except UnknownValueError:  # on what depends on numbers: they are built one by one
        layer._input_shape = config.get("input_shape")


def _plain(config: Any) -> Any:
    if isinstance(config, Mapping):
        return {str(name): _plain(each) for name, each in config.items()}
    if isinstance(config, (list, tuple)):
        return [_plain(each) for each in config]
    return int(config) if isinstance(config, np.integer) else config


def _checked(config: Any) -> Any:
    """Return a configuration if all that it consists of can be lengths of axes, or names."""
    for each in flatten(config):
        if not (each is None or isinstance(each, str) or (type(each) is int and each >= 0)):
            raise FileFormatError(f"a layer was built for {each!r}")
    if not isinstance(config, dict):
        raise FileFormatError(f"a layer was built for {config!r}")
    return config
