"""Functional: a model given by its inputs and outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpcore import ops
from mlpcore._registry import built_in
from mlpcore.models.model import Model


@built_in("models", "Model")
class Functional(Model):
    """What ``Model(inputs, outputs)`` returns: a model whose graph is known.

    Parameters
    ----------
    inputs, outputs : KerasTensor, or list, tuple or dict of KerasTensors
        Placeholders. An input may be any tensor of a graph: the model begins there.
    name : str, optional
        Default: "functional", numbered.
    trainable : bool, default True

    Examples
    --------
    >>> import mlpcore
    >>> inputs = mlpcore.Input((4,))
    >>> outputs = mlpcore.layers.Dense(2)(inputs)
    >>> mlpcore.Model(inputs, outputs).count_params()
    10
    """

    def get_config(self) -> dict[str, Any]:
        """Return layers and graph as plain JSON data, in Keras' form; of a subclass, the constructor's arguments."""
        if type(self) is not Functional:
            return super().get_config()
        from mlpcore.saving.graph import graph_config

        wiring = self._known_wiring()
        graph = graph_config(wiring.graph, wiring.inputs, wiring.outputs)
        return {"name": self.name, "trainable": self.trainable, **graph}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return the model that `get_config` described, with new weights."""
        if "input_layers" not in config:
            if cls is Functional:
                raise ValueError("a functional model is described by its layers, input_layers and output_layers")
            return super().from_config(dict(config))
        from mlpcore.saving.graph import graph_from_config

        inputs, outputs = graph_from_config(config, custom_objects, lambda name: getattr(ops, name, None))
        return cls(inputs, outputs, name=config.get("name"), trainable=config.get("trainable", True))
