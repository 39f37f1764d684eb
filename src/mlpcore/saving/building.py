"""Which shapes layers were built for, and layers built for them again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpcore import _random
from mlpcore._tensor import UnknownValueError
from mlpcore.saving.errors import FileFormatError
from mlpcore.saving.weights import walk


def build_config(model: Any) -> dict[str, Any]:
    """Return the shapes that the layers were built for, by path, as far as they are built."""
    shapes = {path: layer._input_shape for path, layer in walk(model) if layer.built}
    return {path: shape if shape is None else _plain(shape) for path, shape in shapes.items()}


def build(model: Any, config: Mapping[str, Any]) -> None:
    """Build the layers of a model that were built when it was saved; layers that others make are met after these.

    The initial weights are of no use, so the package's random stream stays where it is.
    """
    stream = _random.get_state()
    try:
        for path, layer in walk(model):
            if path in config and not layer.built:
                if config[path] is not None:
                    _build(layer, _shapes(config[path]))
                layer.built = True
    finally:
        _random.set_state(stream)


def _build(layer: Any, shape: Any) -> None:
    if type(layer).build.__module__ != "mlpcore.models.model":
        layer.build_for(shape)
        return
    try:  # a subclassed model builds its layers by calling them
        layer.build_for(shape)
    except UnknownValueError:  # on what depends on numbers: they are built one by one
        layer._input_shape = shape


def _plain(shape: Any) -> Any:
    if isinstance(shape, Mapping):
        return {str(name): _plain(each) for name, each in shape.items()}
    if isinstance(shape, (list, tuple)):
        return [_plain(each) for each in shape]
    return None if shape is None else int(shape)


def _shapes(config: Any) -> Any:
    if isinstance(config, dict):
        return {name: _shapes(each) for name, each in config.items()}
    if not isinstance(config, list):
        raise FileFormatError(f"{config!r} is no shape")
    if all(each is None or type(each) is int for each in config):
        if any(each is not None and each < 0 for each in config):
            raise FileFormatError(f"the shape {config}")
        return tuple(config)
    return [_shapes(each) for each in config]
