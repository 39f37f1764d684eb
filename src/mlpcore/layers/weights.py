"""What a layer does with weights: making, finding, freezing and setting them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore import constraints, initializers, regularizers
from mlpcore._arena import Variable
from mlpcore._structure import flatten, is_nested
from mlpcore._tensor import Structure
from mlpcore._validation import check_hint, integers, unknown_argument
from mlpcore.layers.signatures import parameters_of

NOT_TRACKED = {"_arguments", "_eager", "_inbound", "_own_weights", "given_input_shape", "_input_shape", "_output"}


class Weighted:
    """Something with weights of its own, and with others that have weights as attributes; the base of `Layer`."""

    name: str
    dtype: str
    built: bool
    _trainable: bool
    _own_weights: list[Variable]

    def add_weight(
        self,
        shape: Sequence[int] | None = None,
        initializer: initializers.InitializerLike = None,
        dtype: Any = None,
        trainable: bool = True,
        *,
        regularizer: regularizers.RegularizerLike = None,
        constraint: constraints.ConstraintLike = None,
        name: str | None = None,
        **kwargs: Any,
    ) -> Variable:
        """Create a weight of the layer.

        Parameters
        ----------
        shape : sequence of int, default=()
        initializer : str, config, object or callable, default="glorot_uniform"
            For integers and truth values "zeros".
        dtype : dtype, optional
            Default: the layer's.
        trainable : bool, default=True
        regularizer, constraint : str, config, object or callable, optional
        name : str, optional
        **kwargs
            `autocast` and `aggregation` are accepted for Keras' sake and mean nothing here.

        Returns
        -------
        Variable
        """
        for option in kwargs:
            if option not in {"autocast", "aggregation", "overwrite_with_gradient", "synchronization"}:
                options = [*parameters_of(Weighted.add_weight)[1:]]
                raise unknown_argument(f"{type(self).__name__}.add_weight", option, options)
        if isinstance(shape, str):
            raise TypeError(f"{type(self).__name__}.add_weight: shape comes first, name={shape!r} by keyword")
        dims = [] if shape is None else integers(f"{type(self).__name__}.add_weight: shape", shape)
        if any(n < 0 for n in dims):
            raise ValueError(f"{type(self).__name__}.add_weight: shape must not be negative, got {shape!r}")
        check_hint(f"{type(self).__name__}.add_weight: name", name, "str | None")
        number = len(self._own_weights)
        name = name or (f"variable_{number}" if number else "variable")
        kind = np.dtype(dtype or self.dtype)
        if initializer is None:
            initializer = "glorot_uniform" if kind.kind == "f" else "zeros"
        variable = Variable(
            initializers.get(initializer),
            tuple(dims),
            kind.name,
            trainable,
            name,
            regularizer=regularizers.get(regularizer),
            constraint=constraints.get(constraint),
        )
        variable.path = f"{self.name}/{name}"
        self._own_weights.append(variable)
        return variable

    def sublayers(self) -> list[Weighted]:
        """Return the layers that are set as attributes, also in lists and dicts, in the order of setting."""
        found: dict[int, Weighted] = {}
        for name, value in self.__dict__.items():
            if name not in NOT_TRACKED and (isinstance(value, Weighted) or is_nested(value)):
                found.update((id(each), each) for each in flatten(value) if isinstance(each, Weighted))
        return list(found.values())

    def _own_variables(self) -> list[Variable]:
        found = {id(variable): variable for variable in self._own_weights}
        for name, value in self.__dict__.items():
            if name not in NOT_TRACKED and (isinstance(value, Variable) or is_nested(value)):
                found.update((id(each), each) for each in flatten(value) if isinstance(each, Variable))
        return sorted(found.values(), key=lambda variable: not variable.wanted_trainable)

    @property
    def weights(self) -> list[Variable]:
        """All weights: the layer's own, trainable ones first, then those of its layers."""
        found = {id(variable): variable for variable in self._own_variables()}
        for layer in self.sublayers():
            found.update((id(variable), variable) for variable in layer.weights)
        return list(found.values())

    variables = weights

    @property
    def trainable_weights(self) -> list[Variable]:
        """The weights that training changes."""
        if not self.trainable:
            return []
        found = {id(variable): variable for variable in self._own_variables() if variable.trainable}
        for layer in self.sublayers():
            found.update((id(variable), variable) for variable in layer.trainable_weights)
        return list(found.values())

    @property
    def trainable_variables(self) -> list[Variable]:
        """The weights that training changes."""
        return self.trainable_weights

    @property
    def non_trainable_weights(self) -> list[Variable]:
        """The weights that training leaves alone."""
        trainable = {id(variable) for variable in self.trainable_weights}
        return [variable for variable in self.weights if id(variable) not in trainable]

    @property
    def non_trainable_variables(self) -> list[Variable]:
        """The weights that training leaves alone."""
        return self.non_trainable_weights

    @property
    def trainable(self) -> bool:
        """Whether training changes the weights that can be trained; setting it sets it in all layers within."""
        return self._trainable

    @trainable.setter
    def trainable(self, value: bool) -> None:
        self._trainable = bool(value)
        for variable in self._own_variables():
            if variable.wanted_trainable:
                variable.trainable = value
        for layer in self.sublayers():
            layer.trainable = value
        Structure.touch()

    @property
    def losses(self) -> list[Any]:
        """The penalties of the regularized weights that are trained: numbers, or tensors inside `call`."""
        return [v.regularizer(v) for v in self.trainable_weights if v.regularizer is not None]

    def count_params(self) -> int:
        """Return the number of elements of all weights."""
        if not self.built and not self.weights:
            raise ValueError(
                f"{self.name}: the weights are not known yet; build the layer, or call it, before count_params()"
            )
        return sum(variable.size for variable in self.weights)

    def get_weights(self) -> list[NDArray[Any]]:
        """Return copies of all weights, in the order of `weights`."""
        return [variable.numpy() for variable in self.weights]

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all weights.

        Parameters
        ----------
        weights : sequence of array_like
            In the order and shapes of `get_weights`.

        Raises
        ------
        ValueError
            If their number or a shape differs; nothing is set then.
        TypeError
            If they hold something else than real numbers; nothing is set then either.
        """
        owner = f"{type(self).__name__} {self.name!r}"
        if not isinstance(weights, Iterable):
            raise TypeError(f"{owner}: expected a list of arrays, got {weights!r}")
        variables, arrays = self.weights, [np.asarray(array) for array in weights]
        if len(arrays) != len(variables):
            hint = "" if self.built or variables else " (it is not built yet: call it, or build(input_shape), first)"
            raise ValueError(f"{owner} has {len(variables)} weights, got {len(arrays)} arrays{hint}")
        for number, (variable, array) in enumerate(zip(variables, arrays, strict=True)):
            if array.shape != variable.shape:
                raise ValueError(
                    f"{owner}: weight {number}, {variable.name!r}, has shape {variable.shape}, got {array.shape}"
                )
            if array.dtype.kind not in "biuf":
                raise TypeError(f"{owner}: weight {number}, {variable.name!r}, holds numbers, got {array.dtype}")
        for variable, array in zip(variables, arrays, strict=True):
            variable.assign(array)
