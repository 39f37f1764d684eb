"""Model: layers as a whole that is trained, evaluated, used, inspected and saved."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mlpcore._functional import symbolic
from mlpcore._structure import Structure, flatten
from mlpcore._tape import Recorder, active
from mlpcore._tensor import KerasTensor
from mlpcore._validation import check_integer, checked, suggest
from mlpcore.layers import InputLayer, Layer
from mlpcore.layers.base import map_shapes
from mlpcore.layers.eager import Eager
from mlpcore.layers.signatures import parameters_of
from mlpcore.layers.weights import Weighted
from mlpcore.models.wiring import Wiring, names_of_keys, shapes_of
from mlpcore.training.trainer import Trainer

PathLike = str | os.PathLike[str]


class Model(Trainer):
    """Layers as a whole that can be trained, evaluated, used for predictions, inspected and saved.

    There are three ways to make one:

    - ``Model(inputs, outputs)``, from placeholders (`mlpcore.layers.Input`) and what layers return for them;
    - `Sequential`, for layers one after the other;
    - a subclass with layers as attributes and a `call`, in which loops and conditions (on values too) may stand.

    Parameters
    ----------
    inputs, outputs : KerasTensor, or list, tuple or dict of KerasTensors, optional
        Where the graph begins and ends. Without them, the class must define ``call(inputs)``, which may take
        ``training``.
    name : str, optional
    trainable : bool, default True
    dtype : {"float32", "float64"}, default "float32"

    Examples
    --------
    >>> import mlpcore
    >>> class WideAndDeep(mlpcore.Model):
    ...     def __init__(self, **kwargs):
    ...         super().__init__(**kwargs)
    ...         self.hidden = mlpcore.layers.Dense(30, activation="relu")
    ...         self.out = mlpcore.layers.Dense(1)
    ...
    ...     def call(self, inputs):
    ...         return self.out(mlpcore.layers.concatenate([inputs, self.hidden(inputs)]))
    >>> WideAndDeep(name="wide_and_deep").name
    'wide_and_deep'
    """

    _takes_one = False
    _wiring: Wiring | None = None
    _adds_losses: bool = False  # whether a layer has been seen to add to the loss in a call for predictions

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Make a `Functional` of ``Model(inputs, outputs)``."""
        if cls is Model and _is_functional(args, kwargs):
            from mlpcore.models.functional import Functional

            return super().__new__(Functional, *args, **kwargs)
        return super().__new__(cls, *args, **kwargs)

    def __init__(self, *args: Any, **kwargs: Any):
        if not _is_functional(args, kwargs):
            super().__init__(*args, **kwargs)
            return
        given = {**dict(zip(("inputs", "outputs", "name"), args, strict=False)), **kwargs}
        inputs, outputs = given.pop("inputs"), given.pop("outputs")
        super().__init__(**given)
        self._wiring = Wiring(f"{type(self).__name__} {self.name!r}", inputs, outputs)
        self.built = True
        if not self._trainable:
            self.trainable = False

    # ------------------------------------------------ structure

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        """Return the outputs for `inputs`; subclasses define it."""
        if self._wiring is None:
            raise NotImplementedError(f"{type(self).__name__} must define call(inputs)")
        return self._wiring.run(self._wiring.matched(inputs))

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of a shape, (None, ...), or a structure of shapes."""
        if self._wiring is not None or active() is not None:  # `call` is about to build its layers
            self.built = True
            return
        self.built = True
        placeholders = map_shapes(lambda shape: InputLayer(batch_shape=shape).output, input_shape)
        symbolic(self, self._recorded, (placeholders,), {})

    def _called(self, recorder: Recorder | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        is_quiet = recorder is None and self._is_static and not self._adds_losses
        if is_quiet and len(args) == 1 and not kwargs and _holds_arrays(args[0]):
            result = self.predict_on_batch(args[0])
            if not self._session.adds_losses:
                if self._eager is not None:
                    self._eager.losses = []
                return result
            self._adds_losses = True  # so that `Eager` lists them, now and from now on
        if recorder is None and self._eager is None:
            self._eager = Eager(self)
            self._eager.arena = self._session.arena  # the one in which it is trained
        return super()._called(recorder, args, kwargs)

    def sublayers(self) -> list[Weighted]:
        """Return the layers of the graph, then those that are set as attributes."""
        own = super().sublayers()
        if self._wiring is None:
            return own
        found: dict[int, Weighted] = {id(op): op for op in self._wiring.graph.operations if isinstance(op, Layer)}
        found.update((id(each), each) for each in own)
        return list(found.values())

    @property
    def layers(self) -> list[Layer]:
        """The layers, those of nested models not included."""
        return [layer for layer in self.sublayers() if isinstance(layer, Layer)]

    def get_layer(self, name: str | None = None, index: int | None = None) -> Layer:
        """Return a layer by its name or its number.

        Raises
        ------
        ValueError
            There is none; the message suggests the nearest name.
        """
        layers = self.layers
        if (name is None) == (index is None):
            raise ValueError("get_layer needs either a name or an index.")
        if index is not None:
            check_integer("index", index)
            if not -len(layers) <= index < len(layers):
                raise ValueError(f"{self.name!r} has {len(layers)} layers, index {index} is out of range.")
            return layers[index]
        for layer in layers:
            if layer.name == name:
                return layer
        names = [layer.name for layer in layers]
        raise ValueError(f"{self.name!r} has no layer {name!r}{suggest(name, names)}; its layers are {names}.")

    def _known_wiring(self) -> Wiring:
        if self._wiring is None:
            raise AttributeError(f"{self.name!r} has no inputs and outputs that are known before it is called.")
        return self._wiring

    @property
    def _graph(self) -> Any:
        return None if self._wiring is None else self._wiring.graph

    @property
    def inputs(self) -> list[KerasTensor]:
        """The placeholders of a functional model's inputs."""
        return list(self._known_wiring().graph.inputs)

    @property
    def outputs(self) -> list[KerasTensor]:
        """The placeholders of a functional model's outputs."""
        return list(self._known_wiring().graph.outputs)

    @property
    def input(self) -> Any:
        """The inputs of a functional model, in their structure."""
        return self._known_wiring().inputs

    @property  # type: ignore[misc]
    def output(self) -> Any:
        """The outputs of a functional model, in their structure."""
        return self._known_wiring().outputs

    @property
    def input_shape(self) -> Any:
        """The shapes of a functional model's inputs."""
        return shapes_of(self._known_wiring().inputs)

    @property
    def output_shape(self) -> Any:
        """The shapes of a functional model's outputs."""
        return shapes_of(self._known_wiring().outputs)

    @property
    def input_names(self) -> list[str]:
        """The names of a functional model's inputs."""
        return list(self._known_wiring().input_names)

    @property
    def output_names(self) -> list[str]:
        """The names of a functional model's outputs."""
        return list(self._known_wiring().output_names)

    # ------------------------------------------------ for the trainer

    @property
    def _is_static(self) -> bool:
        return self._wiring is not None and not self.run_eagerly and type(self).call in _CALLS_OF_GRAPHS

    @property
    def _fixed_output_names(self) -> list[str] | None:
        if self._wiring is None or type(self).call not in _CALLS_OF_GRAPHS:
            return None
        return self._wiring.names(self._wiring.outputs)

    def _forward(self, inputs: Structure) -> Structure:
        recorder = active()
        if not self.built or self.activity_regularizer is not None or recorder is None:
            return self._recorded(inputs)
        call: Any = self.call
        takes_training = "training" in parameters_of(type(self).call)
        outputs = call(inputs, training=recorder.training) if takes_training else call(inputs)
        return self._recorded(inputs) if outputs is None else outputs  # which says what is wrong

    def _matched(self, x: Structure) -> Structure:
        return x if self._wiring is None else self._wiring.matched(x)

    def _rows(self, x: Structure, dtype: str) -> Structure:
        if self._wiring is None:
            return super()._rows(x, dtype)
        return self._wiring.rows(dtype)

    def _name_outputs(self, outputs: Structure) -> list[str]:
        if self._wiring is not None and len(flatten(outputs)) == len(self._wiring.output_names):
            return self._wiring.names(outputs)
        n = len(flatten(outputs))
        return names_of_keys(outputs) or (["output"] if n == 1 else [f"output_{number + 1}" for number in range(n)])

    def __getstate__(self) -> dict[str, Any]:
        state = {**super().__getstate__(), "_fit": None, "_session_or_none": None}
        history = state.get("history")
        if history is not None:  # without the callbacks that it stood among
            state["history"] = copy = type(history)()
            copy.history, copy.epoch, copy.params = history.history, history.epoch, history.params
        if self._session_or_none is not None:
            state["_session_state"] = self._session_or_none.get_state()
        return state

    # ------------------------------------------------ looking, saving

    @checked
    def summary(
        self,
        line_length: int | None = None,
        positions: Sequence[float] | None = None,
        print_fn: Callable[[str], Any] | None = None,
        expand_nested: bool = False,
        show_trainable: bool = False,
        layer_range: Sequence[str] | None = None,
    ) -> None:
        """Print a table of the layers: names, output shapes, numbers of parameters.

        Parameters
        ----------
        line_length : int, optional
            Characters of a line; default: that of the terminal, at most 88 (108 with the column "Connected to").
        positions : sequence of float, optional
            Where the columns end, as parts of the line.
        print_fn : callable, optional
            Takes the whole text; default: print.
        expand_nested : bool, default False
            List the layers of nested models too.
        show_trainable : bool, default False
            Add a column that says which layers are trained.
        layer_range : (str, str), optional
            First and last layer to list: names, or regular expressions.
        """
        from mlpcore.models.summary import print_summary

        print_summary(self, line_length, positions, print_fn, expand_nested, show_trainable, layer_range)

    def get_build_config(self) -> dict[str, Any] | None:
        """Return what `build_from_config` needs to create the weights: the shape of the inputs; None if unknown."""
        if self._wiring is None:
            return super().get_build_config()
        return {"input_shape": shapes_of(self._wiring.inputs)}

    def to_json(self, **kwargs: Any) -> str:
        """Return the model's layers (not its weights) as JSON; keywords go to `json.dumps`."""
        import json

        from mlpcore import _registry

        return json.dumps(_registry.serialize_object(self), **kwargs)

    def save(self, filepath: PathLike, overwrite: bool = True, **kwargs: Any) -> None:
        """Save layers, weights and optimizer in one file; see `mlpcore.saving.save_model`."""
        from mlpcore import saving

        saving.save_model(self, filepath, overwrite=overwrite, **kwargs)

    def save_weights(self, filepath: PathLike, overwrite: bool = True, **kwargs: Any) -> None:
        """Save the weights alone; see `mlpcore.saving.save_weights`."""
        from mlpcore import saving

        saving.save_weights(self, filepath, overwrite=overwrite, **kwargs)

    def load_weights(self, filepath: PathLike, skip_mismatch: bool = False, **kwargs: Any) -> None:
        """Load weights that `save_weights` or `save` wrote; see `mlpcore.saving.load_weights`."""
        from mlpcore import saving

        saving.load_weights(self, filepath, skip_mismatch=skip_mismatch, **kwargs)


_CALLS_OF_GRAPHS: list[Any] = [Model.call]  # those that do nothing but run a graph


def _is_functional(args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    return len(args) >= 2 or (len(args) == 1 and "outputs" in kwargs) or ("inputs" in kwargs and "outputs" in kwargs)


def _holds_arrays(value: Any) -> bool:
    return all(isinstance(each, np.ndarray) for each in flatten(value))
