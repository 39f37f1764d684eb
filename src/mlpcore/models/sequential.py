"""Sequential: a model of layers one after the other."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mlpcore import _registry
from mlpcore._registry import built_in
from mlpcore._structure import Structure, is_nested
from mlpcore._tensor import KerasTensor
from mlpcore.layers import InputLayer, Layer
from mlpcore.layers.weights import Weighted
from mlpcore.models.model import _CALLS_OF_GRAPHS, Model
from mlpcore.models.wiring import Wiring


@built_in("models")
class Sequential(Model):
    """Layers one after the other.

    With an `Input` as first layer, or ``input_shape=`` on the first one, the weights are created as layers are added;
    else by the first data, or by `build`.

    Parameters
    ----------
    layers : sequence of Layer or Input, optional
    trainable : bool, default True
    name : str, optional
        Default: "sequential", numbered.

    Examples
    --------
    >>> import mlpcore
    >>> model = mlpcore.Sequential()
    >>> model.add(mlpcore.layers.Input(shape=[28, 28]))
    >>> model.add(mlpcore.layers.Flatten())
    >>> model.add(mlpcore.layers.Dense(10, activation="softmax"))
    >>> model.output_shape
    (None, 10)
    """

    def __init__(self, layers: Any = None, trainable: bool = True, name: str | None = None):
        super().__init__(trainable=trainable, name=name)
        self._layers: list[Layer] = []
        self._first: InputLayer | None = None
        self._chain: list[KerasTensor] = []  # the placeholder, and what each layer returns; [] while unknown
        given: Any = [layers] if isinstance(layers, Layer | KerasTensor) else layers
        if not isinstance(given, Iterable | None):
            raise TypeError(f"{self.name!r}: expected a list of layers, got {given!r}.")
        for layer in given or ():
            self.add(layer)
        if not trainable:
            self.trainable = False

    def add(self, layer: Any) -> None:
        """Put a layer, or an `Input` before all others, on top.

        Raises
        ------
        TypeError
            It is neither.
        ValueError
            Its name is taken, it is a second input, or it cannot take what the layer below returns.
        """
        if isinstance(layer, KerasTensor) and layer.history is None and hasattr(layer, "layer"):
            layer = layer.layer
        if not isinstance(layer, Layer):
            kind = layer.__name__ + " (a class: add parentheses)" if isinstance(layer, type) else type(layer).__name__
            raise TypeError(f"{self.name!r}: only layers can be added, got {layer!r} of type {kind}.")
        if any(each.name == layer.name for each in self._layers):
            raise ValueError(f"{self.name!r} has a layer called {layer.name!r} already; layer names must be unique.")
        if isinstance(layer, InputLayer):
            if self._layers or self._first is not None:
                raise ValueError(f"{self.name!r} has an input or layers already; an Input comes first, and alone.")
            self._begin(layer)
            return
        if not self._layers and not self._chain:
            shape = layer.given_input_shape or _known_input_shape(layer)
            if shape is not None:
                self._begin(InputLayer(shape=shape, dtype=_input_dtype(layer)))
        if self._chain:
            self._chain.append(layer(self._chain[-1]))
        self._layers.append(layer)
        self._changed()

    def pop(self) -> Layer:
        """Remove the layer on top and return it."""
        if not self._layers:
            raise ValueError(f"{self.name!r} has no layers to remove.")
        layer = self._layers.pop()
        del self._chain[len(self._layers) + 1 :]
        self._changed()
        return layer

    def _begin(self, layer: InputLayer) -> None:
        self._first = layer
        self._chain = [layer.output]

    def _changed(self) -> None:
        """Take note of other layers."""
        self._wiring = None
        if self._layers and self._chain:
            owner = f"{type(self).__name__} {self.name!r}"
            self._wiring = Wiring(owner, self._chain[0], self._chain[-1])
        self.built = self._wiring is not None
        self._eager, self._adds_losses = None, False
        if self._session_or_none is not None:
            self._session.reset()

    def build(self, input_shape: Any = None) -> None:
        """Create the weights for inputs of a shape, (None, ...)."""
        if self._chain:
            expected = self._chain[0].shape
            if input_shape is not None and tuple(input_shape)[1:] != expected[1:]:
                raise ValueError(f"{self.name!r} has the input shape {expected} already, got {tuple(input_shape)}.")
            return
        if not self._layers:
            raise ValueError(f"{self.name!r} has no layers: add some first.")
        if input_shape is None:
            raise ValueError(f"{self.name!r} needs an input shape to be built: build((None, n_features)).")
        if is_nested(input_shape) and any(is_nested(part) for part in input_shape):
            self.built = True  # several inputs: the first layer takes them as they come
            return
        self._begin(InputLayer(batch_shape=(None, *tuple(input_shape)[1:]), dtype=_input_dtype(self._layers[0])))
        try:
            for layer in self._layers:
                self._chain.append(layer(self._chain[-1]))
        except BaseException:
            self._first, self._chain = None, []
            raise
        self._changed()

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return what the layers make of `inputs`, one after the other."""
        if self._wiring is not None:
            return self._wiring.run(self._wiring.matched(inputs))
        for layer in self._layers:
            inputs = layer(inputs)
        return inputs

    def sublayers(self) -> list[Weighted]:
        """Return the layers in their order, then others that are set as attributes."""
        found: dict[int, Weighted] = {id(layer): layer for layer in self._layers}
        own = Layer.sublayers(self)
        found.update((id(each), each) for each in own if each is not self._first)
        return list(found.values())

    @property
    def layers(self) -> list[Layer]:
        """The layers, without the input."""
        return list(self._layers)

    def _matched(self, x: Structure) -> Structure:
        if self._wiring is None and not is_nested(x):
            self.build(x.shape)
        return super()._matched(x)

    def get_config(self) -> dict[str, Any]:
        """Return the layers as plain JSON data, in Keras' form."""
        if type(self) is not Sequential:
            return super().get_config()
        layers = [*([self._first] if self._first is not None else []), *self._layers]
        config: dict[str, Any] = {
            "name": self.name,
            "trainable": self.trainable,
            "layers": [_registry.serialize_object(layer) for layer in layers],
        }
        if self._chain:
            config["build_input_shape"] = list(self._chain[0].shape)
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Any:
        """Return the model that `get_config` described, with new weights."""
        if "layers" not in config:
            return super().from_config(dict(config))
        model = cls(name=config.get("name"))
        for each in config["layers"]:
            model.add(_registry.deserialize(each, custom_objects, "layers"))
        shape = config.get("build_input_shape")
        if shape and not model._chain:
            model.build(tuple(shape))
        if not config.get("trainable", True):
            model.trainable = False
        return model


_CALLS_OF_GRAPHS.append(Sequential.call)


def _known_input_shape(layer: Layer) -> tuple[int, ...] | None:
    """Return the shape of a row that a nested model takes, if it is known."""
    if isinstance(layer, Model) and layer._wiring is not None and len(layer.inputs) == 1:
        return tuple(layer.inputs[0].shape[1:])  # type: ignore[arg-type]
    return None


def _input_dtype(layer: Layer) -> str:
    if isinstance(layer, Model) and layer._wiring is not None:
        return layer.inputs[0].dtype
    return layer.dtype
