"""Layer: what owns weights and computes something; the base of all layers and models."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from typing import Any, ClassVar

import numpy as np

from mlpcore import _random, ops, regularizers
from mlpcore._arena import Variable
from mlpcore._functional import symbolic, tensors
from mlpcore._passes import same
from mlpcore._registry import note_class
from mlpcore._structure import flatten, is_nested, map_structure
from mlpcore._tape import Recorder, active
from mlpcore._tensor import History, KerasTensor, Shape, Structure, Symbol, Tensor
from mlpcore._validation import unknown_argument
from mlpcore.layers.eager import Eager
from mlpcore.layers.naming import automatic_name
from mlpcore.layers.signatures import bound_arguments, keywords_of, parameters_of
from mlpcore.layers.weights import Weighted
from mlpcore.ops.dispatch import check_home

__all__ = ["Layer", "Shape"]


class Layer(Weighted):
    """Base of all layers: something with weights that is called on tensors.

    Subclasses define ``call(inputs)``, which may take a ``training`` argument, and mostly ``build(input_shape)``, which
    creates weights by `add_weight` when the shape of the inputs is known. Layers and variables that are set as
    attributes, also in lists and dicts, belong to the layer.

    A layer may be called on

    - placeholders (`mlpcore.layers.Input`): returns a placeholder; this is the functional API;
    - tensors, inside the `call` of a model or layer: records what it computes;
    - arrays of shape (rows, ...): computes at once and returns arrays.

    Parameters
    ----------
    activity_regularizer : str, config, object or callable, optional
        A penalty on the output, divided by the batch's rows, that is added to the loss.
    trainable : bool, default=True
    dtype : {"float32", "float64"}, default="float32"
        Of the weights, and of the computation when called on arrays.
    name : str, optional
        Default: the class's name in snake case, numbered.
    **kwargs
        `input_shape` (of a row), `input_dim` or `batch_input_shape`, for the first layer of a `Sequential`.

    Raises
    ------
    TypeError
        For any other keyword, with the nearest right one.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpcore import ops
    >>> class Scale(Layer):
    ...     def build(self, input_shape):
    ...         self.factor = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="factor")
    ...
    ...     def call(self, inputs):
    ...         return inputs * self.factor
    >>> layer = Scale(name="scale")
    >>> layer(np.array([[1.0, 2.0]]))
    array([[1., 2.]], dtype=float32)
    >>> layer.weights
    [<Variable name=factor shape=(2,) dtype=float32 value=[1. 1.]>]
    """

    _pure: bool = False  # whether a call with the same inputs records the same, so that it need not run again
    _takes_one: ClassVar[bool] = True  # whether a call on several tensors is an error
    _arguments: tuple[tuple[Any, ...], dict[str, Any]]

    def __new__(cls, *args: Any, **kwargs: Any) -> Any:
        """Remember the constructor's arguments, for `get_config`."""
        layer = super().__new__(cls)
        object.__setattr__(layer, "_arguments", (args, kwargs))
        return layer

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not cls.__module__.startswith("mlpcore."):
            cls._pure = cls._takes_one = False  # its methods may do anything
            note_class(cls)
        if "build" in cls.__dict__:
            cls.build = _guarded(cls.build)  # type: ignore[method-assign]

    def __init__(
        self,
        *,
        activity_regularizer: regularizers.RegularizerLike = None,
        trainable: bool = True,
        dtype: Any = None,
        name: str | None = None,
        **kwargs: Any,
    ):
        owner = type(self).__name__
        shape = kwargs.pop("input_shape", None)
        features, batch_shape = kwargs.pop("input_dim", None), kwargs.pop("batch_input_shape", None)
        kwargs.pop("autocast", None)
        if kwargs:
            raise unknown_argument(owner, next(iter(kwargs)), keywords_of(type(self)))
        if batch_shape is not None:
            shape = batch_shape[1:] if isinstance(batch_shape, list | tuple) else batch_shape
        elif features is not None:
            shape = (features,)
        elif isinstance(shape, int | np.integer):
            shape = (shape,)
        if shape is not None and not _is_shape(shape):
            raise ValueError(f"{owner}: the shape of the inputs must be a tuple of integers, got {shape!r}")
        if name is not None and not isinstance(name, str):
            raise TypeError(f"{owner}: name must be a string, got {name!r}")
        if not isinstance(trainable, bool | np.bool_ | int):
            raise TypeError(f"{owner}: trainable must be a boolean, got {trainable!r}")
        self.name = name or automatic_name(owner)
        self.dtype = _checked_dtype(owner, dtype)
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.given_input_shape: tuple[int, ...] | None = None if shape is None else tuple(shape)
        self.built = False
        self._trainable = bool(trainable)
        self._own_weights: list[Variable] = []
        self._input_shape: Any = None  # what it was built for
        self._inbound: list[History] = []  # its calls on placeholders
        self._eager: Eager | None = None

    # ------------------------------------------------ to be defined by subclasses

    def build(self, input_shape: Any) -> None:
        """Create the weights for inputs of a shape, (None, ...); of several inputs, a structure of shapes."""
        self.built = True

    def call(self, inputs: Any) -> Any:
        """Return what the layer computes of `inputs`, written in layers and `mlpcore.ops`."""
        raise NotImplementedError(f"{type(self).__name__} must define call(inputs)")

    # ------------------------------------------------ calling

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the layer on placeholders, tensors or arrays; see the class."""
        recorder = active()
        if recorder is not None and self._pure:
            block = recorder.next
            if (
                block is not None
                and block.owner is self
                and block.training is recorder.training
                and not kwargs
                and not block.kwargs
                and len(args) == 1
            ):
                given, x = block.args[0], args[0]
                if given is x or same(given, x):
                    recorder.at, recorder.next = block, block.next
                    return block.result
        return self._called(recorder, args, kwargs)

    def _called(self, recorder: Recorder | None, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do what a call on these arguments means."""
        found = tensors(args, [])
        tensors(kwargs, found)
        if not found and args and isinstance(args[0], list | tuple | int | float):
            args = (np.asarray(args[0]), *args[1:])
        for each in found:
            if isinstance(each, KerasTensor):
                result = symbolic(self, self._recorded, args, kwargs)
                made = [x.history for x in flatten(result) if isinstance(x, KerasTensor)]
                self._inbound += [history for history in made[:1] if history is not None]
                return result
            if isinstance(each, Symbol):
                check_home(each, recorder)
        if recorder is None:
            if self._eager is None:
                self._eager = Eager(self)
            return self._eager(args, kwargs)
        if self._pure:
            return recorder.record(self, args, kwargs, self._recorded)
        return self._recorded(*args, **kwargs)

    def _recorded(self, *args: Any, **kwargs: Any) -> Any:
        """Run `call` on the active recorder, with the right `training`, after building."""
        recorder = active()
        assert recorder is not None
        takes = parameters_of(type(self).call)[1:]
        place = takes.index("training") if "training" in takes else -1
        given = args[place] if 0 <= place < len(args) else kwargs.get("training")
        outer, told = recorder.training, recorder.training if given is None else bool(given)
        if 0 <= place < len(args):
            args = (*args[:place], told, *args[place + 1 :])
        elif place >= 0:
            kwargs["training"] = told
        else:
            kwargs.pop("training", None)
        recorder.training = told
        try:
            if not self.built:
                self._build_by_arguments(takes, args, kwargs)
            result = self.call(*args, **kwargs)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            if self._takes_one and args and is_nested(args[0]):
                kind = f"a {type(args[0]).__name__} of {len(args[0])}"
                raise ValueError(f"{type(self).__name__} {self.name!r}: expected one tensor, got {kind}") from None
            if isinstance(error, ValueError) and str(error).startswith("ops."):  # say in which layer
                raise ValueError(f"{type(self).__name__} {self.name!r}: {error}") from None
            raise
        finally:
            recorder.training = outer
        if result is None:
            raise ValueError(f"{type(self).__name__} {self.name!r}: `call` returned None; did it forget a return?")
        if self.activity_regularizer is not None:
            for output in flatten(result):
                penalty = ops.sum(self.activity_regularizer(output))
                self.add_loss(penalty / ops.shape(output)[0] if output.shape[:1] == (None,) else penalty)
        return result

    def _build_by_arguments(self, takes: Sequence[str], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Build for the shapes of the arguments: of the first, or of those that `build` names (`x_shape` for `x`)."""
        given = {**dict(zip(takes, args, strict=False)), **kwargs}
        names = [name for name in parameters_of(type(self).build)[1:] if name.endswith("_shape")]
        if len(names) > 1 and all(name.removesuffix("_shape") in given for name in names):
            self.build(*(_shapes(given[name.removesuffix("_shape")]) for name in names))
        else:
            self.build_for(_shapes(args[0] if args else next(iter(kwargs.values()), None)))
        self.built = True

    def build_for(self, input_shape: Any) -> None:
        """Build the layer for inputs of a shape, unless it is built."""
        if not self.built:
            self.build(input_shape)
            self.built = True

    def compute_output_shape(self, input_shape: Any) -> Any:
        """Return the shape of the output for inputs of a shape, or a structure of them; nothing is built.

        Parameters
        ----------
        input_shape : tuple of int or None
            (None, ...), or a list or dict of such.
        """
        _check_shape(self, input_shape)
        layer = self if self.built else copy.deepcopy(self)
        with _random.kept():
            placeholders = map_shapes(lambda shape: KerasTensor((None, *shape[1:])), input_shape)
            result = symbolic(layer, layer._recorded, (placeholders,), {})
        return map_structure(lambda output: output.shape, result)

    @property
    def losses(self) -> list[Any]:
        """What was added to the loss in the last call on arrays, then the penalties of the weights."""
        return ([] if self._eager is None else self._eager.losses) + super().losses

    def add_loss(self, loss: Any) -> None:
        """Add to the loss of the model, inside `call`.

        Parameters
        ----------
        loss : tensor or float, or list of them
            Computed from the inputs or weights; of a tensor with axes, the sum.
        """
        recorder = active()
        for each in loss if isinstance(loss, list | tuple) else [loss]:
            if recorder is None:
                raise RuntimeError(f"{self.name}: add_loss is for the inside of `call`")
            total = ops.sum(each) if isinstance(each, Tensor) else each
            if not isinstance(total, Symbol):
                total = recorder.record("constant", (float(total),), {}, recorder.constant)
            recorder.add_loss(total)

    # ------------------------------------------------ the functional API

    @property
    def input(self) -> Any:
        """The placeholder that the layer was called on, if it was called on placeholders once."""
        return self._only_call("input").args[0]

    @property
    def output(self) -> Any:
        """The placeholder that the layer returned, if it was called on placeholders once."""
        known = self.__dict__.get("_output")
        return self._only_call("output").outputs[0] if known is None else known

    @output.setter
    def output(self, value: Any) -> None:
        self._output = value

    def _only_call(self, what: str) -> History:
        if len(self._inbound) != 1:
            times = f"{len(self._inbound)} times" if self._inbound else "never"
            raise AttributeError(f"{self.name} has no single {what}: it was called on placeholders {times}")
        return self._inbound[0]

    # ------------------------------------------------ configs and copies

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data.

        Classes with arguments of their own add them: ``{**super().get_config(), "units": self.units}``. Without a
        `get_config` of its own, a class's arguments are returned as they were given.
        """
        config: dict[str, Any] = {"name": self.name, "trainable": self.trainable, "dtype": self.dtype}
        if self.given_input_shape is not None:
            config["input_shape"] = list(self.given_input_shape)
        if type(self).get_config is Layer.get_config and type(self).__init__ is not Layer.__init__:
            given = bound_arguments(type(self), *self._arguments)
            takes = [*parameters_of(type(self).__init__), *given]
            config = {key: value for key, value in config.items() if key in takes or _collects(type(self))}
            config |= {key: value for key, value in given.items() if key not in {"name", "dtype", "trainable"}}
        return config

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Return a layer made from `get_config`'s dict, with new weights."""
        return cls(**config)

    def get_build_config(self) -> dict[str, Any] | None:
        """Return what the layer was built for, as plain data; None before that."""
        return None if self._input_shape is None else {"input_shape": self._input_shape}

    def build_from_config(self, config: dict[str, Any] | None) -> None:
        """Build the layer for what `get_build_config` told."""
        if config and config.get("input_shape") is not None:
            self.build_for(map_shapes(tuple, config["input_shape"]))

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_eager": None, "_inbound": []}

    def __setattr__(self, name: str, value: Any) -> None:
        state = self.__dict__
        if name == "_pure":
            value = bool(value) and type(self).__module__.startswith("mlpcore.")
        elif self._pure and state.get("built") and name != "_eager" and state.get(name) is not value:
            Structure.touch()
        elif "_own_weights" not in state and isinstance(value, Layer | Variable):
            raise RuntimeError(f"{type(self).__name__}.__init__ must call super().__init__() before it sets layers")
        object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}, built={self.built}>"


def _checked_dtype(owner: str, dtype: Any) -> str:
    name = ""
    with suppress(TypeError):  # of what is no dtype at all
        name = str(np.dtype("float32" if dtype is None else dtype).name)
    if name not in {"float32", "float64"}:
        raise ValueError(f"{owner}: dtype must be 'float32' or 'float64', got {dtype!r}")
    return name


def _is_shape(shape: Any) -> bool:
    """Tell whether something is a shape, or a list or dict of shapes."""
    if isinstance(shape, dict):
        return all(map(_is_shape, shape.values()))
    if not isinstance(shape, list | tuple):
        return False
    return all(n is None or (isinstance(n, int | np.integer) and n >= 0) for n in shape) or all(map(_is_shape, shape))


def _check_shape(layer: Layer, shape: Any) -> None:
    if not _is_shape(shape):
        raise ValueError(f"{layer.name}: an input shape must be a tuple such as (None, 3), or several, got {shape!r}")


def _collects(cls: type) -> bool:
    """Tell whether a constructor takes any keywords, to hand them on."""
    code = getattr(cls.__init__, "__code__", None)  # type: ignore[misc]
    return code is not None and bool(code.co_flags & 0x08)


def _shapes(inputs: Any) -> Any:
    """Return the shapes of nested inputs, as `build` takes them."""

    def shape_of(x: Any) -> Any:
        return tuple(x.shape) if isinstance(x, Tensor) else np.shape(x)

    return map_structure(shape_of, inputs)


def map_shapes(function: Callable[[Shape], Any], shapes: Any) -> Any:
    """Apply a function to each shape in a structure of them."""
    if isinstance(shapes, dict):
        return {key: map_shapes(function, shape) for key, shape in shapes.items()}
    if all(n is None or isinstance(n, int | np.integer) for n in shapes):
        return function(tuple(shapes))
    return type(shapes)(map_shapes(function, shape) for shape in shapes)


def _guarded(build: Callable[..., Any]) -> Callable[..., Any]:
    """Let `build` note that it is done, and leave no trace where it fails."""

    @wraps(build)
    def guarded(self: Layer, *args: Any, **kwargs: Any) -> None:
        for shape in (*args, *kwargs.values()):
            if shape is not None or self._takes_one:
                _check_shape(self, shape)
        before = {**self.__dict__, "_own_weights": list(self.__dict__.get("_own_weights", []))}
        try:
            build(self, *args, **kwargs)
        except BaseException:
            self.__dict__.clear()
            self.__dict__.update(before)
            raise
        if not self._trainable:
            for variable in self._own_weights:
                variable.trainable = False
        self._input_shape = args[0] if args else None
        self.built = True

    return guarded
