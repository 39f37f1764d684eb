"""HyperParameters: the space that a model-building function declares by asking, and the values it got."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any

from mlpcore._validation import suggest
from mlpcore.tuner.parameters import Boolean, Choice, Condition, Fixed, HyperParameter, Value
from mlpcore.tuner.ranges import Float, Int

_KINDS: dict[str, type[HyperParameter]] = {kind.__name__: kind for kind in (Boolean, Choice, Fixed, Float, Int)}


class HyperParameters:
    """Hyperparameters with their values, in the order in which they were first asked for.

    A model-building function asks for what it needs; the first question registers a hyperparameter, each further
    one returns its value. In a search the values are the trial's; outside, the defaults.

    Attributes
    ----------
    values : dict
        Value by name, of active hyperparameters alone.
    space : list of HyperParameter
        What was registered, active or not.

    Examples
    --------
    >>> hp = HyperParameters()
    >>> hp.Int("n_hidden", 0, 8, default=2)
    2
    >>> hp.values["n_hidden"] = 5
    >>> hp.Int("n_hidden", 0, 8, default=2)
    5
    >>> optimizer = hp.Choice("optimizer", ["sgd", "adam"])
    >>> with hp.conditional_scope("optimizer", ["adam"]):
    ...     print(hp.Float("beta_1", 0.8, 0.99))
    None
    >>> hp.values
    {'n_hidden': 5, 'optimizer': 'sgd'}
    """

    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self._space: dict[tuple[str, tuple[Condition, ...]], HyperParameter] = {}
        self._scopes: list[str] = []
        self._conditions: list[Condition] = []
        self._entered: dict[tuple[Condition, ...], bool] = {}  # conditional scopes and whether they were active
        self._draw: Callable[[HyperParameter], Value] = lambda parameter: parameter.default
        self._replace: Callable[[HyperParameter], HyperParameter] = lambda parameter: parameter

    @property
    def space(self) -> list[HyperParameter]:
        """What was registered, in that order."""
        return list(self._space.values())

    # ----------------------------------------------------------------------------------------------- asking

    def Int(
        self,
        name: str,
        min_value: int,
        max_value: int,
        step: int | None = None,
        sampling: str | None = "linear",
        default: int | None = None,
        parent_name: str | None = None,
        parent_values: Sequence[Value] | None = None,
    ) -> Any:
        """Return an integer from `min_value` to `max_value`, both included.

        Parameters
        ----------
        name : str
        min_value, max_value : int
        step : int or None, default=None
            Distance between two values, or for "log" and "reverse_log" their ratio.
        sampling : {"linear", "log", "reverse_log"}, default="linear"
            Where values are dense: evenly, near `min_value`, near `max_value`.
        default : int or None, default=None
            Value outside a search; None: `min_value`.
        parent_name, parent_values : str and list, optional
            As a `conditional_scope` around this question.

        Returns
        -------
        int or None
            None if a condition does not hold.
        """
        with self._scope(parent_name, parent_values):
            options = {"sampling": sampling, "default": default, "conditions": self._conditions}
            return self._ask(Int(self._full(name), min_value, max_value, step, **options))

    def Float(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = "linear",
        default: float | None = None,
        parent_name: str | None = None,
        parent_values: Sequence[Value] | None = None,
    ) -> Any:
        """Return a number from `min_value` to `max_value`; None if a condition does not hold (see `Int`)."""
        with self._scope(parent_name, parent_values):
            options = {"sampling": sampling, "default": default, "conditions": self._conditions}
            return self._ask(Float(self._full(name), min_value, max_value, step, **options))

    def Choice(
        self,
        name: str,
        values: Sequence[Value],
        ordered: bool | None = None,
        default: Value = None,
        parent_name: str | None = None,
        parent_values: Sequence[Value] | None = None,
    ) -> Any:
        """Return one of `values`.

        Parameters
        ----------
        name : str
        values : sequence of int, float, str or bool
        ordered : bool or None, default=None
            Whether the values have an order; None: numbers have.
        default : object, default=None
            Value outside a search; None: the first.
        parent_name, parent_values : str and list, optional
            As a `conditional_scope` around this question.

        Returns
        -------
        object
            None if a condition does not hold.
        """
        with self._scope(parent_name, parent_values):
            return self._ask(Choice(self._full(name), values, ordered, default, self._conditions))

    def Boolean(
        self,
        name: str,
        default: bool = False,
        parent_name: str | None = None,
        parent_values: Sequence[Value] | None = None,
    ) -> Any:
        """Return True or False; None if a condition does not hold (parameters as in `Choice`)."""
        with self._scope(parent_name, parent_values):
            return self._ask(Boolean(self._full(name), default, self._conditions))

    def Fixed(
        self,
        name: str,
        value: Value,
        parent_name: str | None = None,
        parent_values: Sequence[Value] | None = None,
    ) -> Any:
        """Register and return a value that is not searched (further parameters as in `Choice`)."""
        with self._scope(parent_name, parent_values):
            return self._ask(Fixed(self._full(name), value, self._conditions))

    def get(self, name: str) -> Any:
        """Return a value by name.

        Raises
        ------
        KeyError
            Nothing of that name was registered.
        ValueError
            Its conditions do not hold.
        """
        name = self._full(name)
        if name in self.values:
            return self.values[name]
        if any(known == name for known, _ in self._space):
            raise ValueError(f"the hyperparameter {name!r} is inactive: its conditions do not hold.")
        raise KeyError(f"there is no hyperparameter {name!r}{suggest(name, list(self.values))}")

    def __getitem__(self, name: str) -> Any:
        return self.get(name)

    def __contains__(self, name: str) -> bool:
        return self._full(name) in self.values

    # ----------------------------------------------------------------------------------------------- scopes

    @contextmanager
    def name_scope(self, name: str) -> Iterator[None]:
        """Put `name` and a slash before the names that are asked for inside.

        >>> hp = HyperParameters()
        >>> with hp.name_scope("encoder"):
        ...     units = hp.Int("units", 8, 64)
        >>> hp.values
        {'encoder/units': 8}
        """
        self._scopes.append(name)
        try:
            yield
        finally:
            self._scopes.pop()

    @contextmanager
    def conditional_scope(self, parent_name: str, parent_values: Sequence[Value]) -> Iterator[None]:
        """Let what is asked for inside have a value only while another hyperparameter has one of some values.

        Parameters
        ----------
        parent_name : str
            Registered before.
        parent_values : list
        """
        parent = self._full(parent_name)
        if not any(name == parent for name, _ in self._space):
            known = [name for name, _ in self._space]
            raise ValueError(f"there is no hyperparameter {parent!r} to depend on{suggest(parent, known)}")
        values = parent_values if isinstance(parent_values, (list, tuple)) else [parent_values]
        self._conditions.append(Condition(parent, tuple(values)))
        active = all(condition.is_active(self.values) for condition in self._conditions)
        self._entered[tuple(self._conditions)] = active
        try:
            yield
        finally:
            self._conditions.pop()

    def is_active(self, hyperparameter: HyperParameter | str) -> bool:
        """Tell whether the conditions of a hyperparameter (or of one with that name) hold."""
        if isinstance(hyperparameter, HyperParameter):
            return all(condition.is_active(self.values) for condition in hyperparameter.conditions)
        return any(self.is_active(each) for each in self.space if each.name == hyperparameter)

    # ----------------------------------------------------------------------------------------------- copies

    def get_config(self) -> dict[str, Any]:
        """Return space and values as JSON can hold them."""
        space = [{"class_name": type(each).__name__, "config": each.get_config()} for each in self.space]
        return {"space": space, "values": dict(self.values)}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> HyperParameters:
        """Make an equal object from what `get_config` returned."""
        made = cls()
        for each in config["space"]:
            made._add(_KINDS[each["class_name"]].from_config(each["config"]))
        made.values = dict(config["values"])
        return made

    def copy(self) -> HyperParameters:
        """Return space and values in an object of their own."""
        return self.from_config(self.get_config())

    def merge(self, other: HyperParameters | Sequence[HyperParameter], overwrite: bool = True) -> None:
        """Register what another object has.

        Parameters
        ----------
        other : HyperParameters or list of HyperParameter
        overwrite : bool, default=True
            Whether definitions of the same name and conditions give way, with their values.
        """
        for parameter in other.space if isinstance(other, HyperParameters) else other:
            if overwrite or (parameter.name, parameter.conditions) not in self._space:
                self._add(parameter)
                if self.is_active(parameter) and (overwrite or parameter.name not in self.values):
                    self.values[parameter.name] = parameter.default

    # ----------------------------------------------------------------------------------------------- inside

    def _connect(
        self, draw: Callable[[HyperParameter], Value], replace: Callable[[HyperParameter], HyperParameter]
    ) -> None:
        """Take values from `draw`, for the definitions that `replace` gives instead of those asked for."""
        self._draw, self._replace = draw, replace

    def _ask(self, parameter: HyperParameter) -> Value:
        known = self._space.get((parameter.name, parameter.conditions))
        if known is None:
            if any(condition.name == parameter.name for condition in parameter.conditions):
                raise ValueError(f"the hyperparameter {parameter.name!r} cannot depend on itself.")
            known = self._add(self._replace(parameter))
        if not self.is_active(known):
            return None
        if known.name not in self.values:
            self.values[known.name] = self._draw(known)
        return self.values[known.name]

    def _add(self, parameter: HyperParameter) -> HyperParameter:
        self._space[parameter.name, parameter.conditions] = parameter
        return parameter

    def _full(self, name: str) -> str:
        return "/".join([*self._scopes, str(name)])

    def _scope(self, parent_name: str | None, parent_values: Sequence[Value] | None) -> Any:
        return self.conditional_scope(parent_name, parent_values or ()) if parent_name else nullcontext()
