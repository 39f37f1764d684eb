"""Hyperparameters of any kind: which values each may take, and how a trial is asked for one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from optuna.trial import Trial

Value = Any  # int, float, str, bool, None; for Fixed anything that JSON can hold


class Condition(NamedTuple):
    """A parameter that another one depends on, and the values for which the other is active."""

    name: str
    values: tuple[Value, ...]

    def is_active(self, values: dict[str, Value]) -> bool:
        """Tell whether the parent is active and has one of the values."""
        return self.name in values and values[self.name] in self.values


class HyperParameter:
    """A name with the values it may take.

    Parameters
    ----------
    name : str
        With the names of its scopes in front, separated by "/".
    default : object
        Value outside a search; None lets the kind of parameter decide.
    conditions : sequence of Condition
        All must hold for the parameter to have a value.
    """

    def __init__(self, name: str, default: Value = None, conditions: Sequence[Condition] = ()) -> None:
        self.name = str(name)
        self.conditions = tuple(conditions)
        self._default = default

    @property
    def default(self) -> Value:
        """Value outside a search."""
        return self._default

    @property
    def key(self) -> str:
        """Name in the study: a conditional parameter's differs from those of its namesakes under other conditions."""
        return self.name + "".join(f" | {name} in {list(values)}" for name, values in self.conditions)

    def grid(self) -> list[Value]:
        """Return the values that a grid search tries."""
        raise NotImplementedError

    def sample(self, trial: Trial) -> Value:
        """Ask a trial of the study for a value."""
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal parameter, as JSON can hold them."""
        conditions = [{"name": name, "values": list(values)} for name, values in self.conditions]
        return {"name": self.name, "default": self._default, "conditions": conditions}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> HyperParameter:
        """Make a parameter from what `get_config` returned."""
        conditions = [Condition(each["name"], tuple(each["values"])) for each in config["conditions"]]
        return cls(**{**config, "conditions": conditions})

    def __repr__(self) -> str:
        arguments = {key: value for key, value in self.get_config().items() if key != "conditions"}
        return f"{type(self).__name__}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"


class Choice(HyperParameter):
    """One of several values of one type.

    Parameters
    ----------
    name : str
    values : sequence of int, float, str or bool
    ordered : bool or None, default=None
        Whether the values have an order; None: numbers have.
    default : object, default=None
        None: the first value.
    conditions : sequence of Condition
    """

    def __init__(
        self,
        name: str,
        values: Sequence[Value],
        ordered: bool | None = None,
        default: Value = None,
        conditions: Sequence[Condition] = (),
    ) -> None:
        super().__init__(name, default, conditions)
        if not isinstance(values, Iterable):
            raise TypeError(f"the values of Choice {name!r} must be a sequence, got {values!r}.")
        self.values = [_plain(value) for value in values]
        if not self.values:
            raise ValueError(f"Choice {name!r} needs at least one value.")
        if not all(isinstance(value, (bool, int, float, str, type(None))) for value in self.values):
            raise TypeError(f"the values of Choice {name!r} must be int, float, str or bool, got {self.values}.")
        if default is not None and default not in self.values:
            raise ValueError(f"the default {default!r} of Choice {name!r} is none of its values {self.values}.")
        numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in self.values)
        if ordered and not numbers:
            raise ValueError(f"Choice {name!r}: only numbers can be ordered, got {self.values}.")
        self.ordered = numbers if ordered is None else ordered

    @property
    def default(self) -> Value:
        """The default given, else None if it is a value, else the first value."""
        if self._default is None and None not in self.values:
            return self.values[0]
        return self._default

    def grid(self) -> list[Value]:
        """Return all values, the default first."""
        return [self.default, *(value for value in self.values if value != self.default)]

    def sample(self, trial: Trial) -> Value:
        """Ask for one of the values."""
        return trial.suggest_categorical(self.key, self.values)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        return {**super().get_config(), "values": self.values, "ordered": self.ordered}


class Boolean(HyperParameter):
    """True or False.

    Parameters
    ----------
    name : str
    default : bool, default=False
    conditions : sequence of Condition
    """

    def __init__(self, name: str, default: bool = False, conditions: Sequence[Condition] = ()) -> None:
        super().__init__(name, bool(default), conditions)

    def grid(self) -> list[Value]:
        """Return both values, the default first."""
        return [self.default, not self.default]

    def sample(self, trial: Trial) -> Value:
        """Ask for True or False."""
        return trial.suggest_categorical(self.key, [False, True])


class Fixed(HyperParameter):
    """A value that is not searched.

    Parameters
    ----------
    name : str
    value : object
        Anything that JSON can hold.
    conditions : sequence of Condition
    """

    def __init__(self, name: str, value: Value, conditions: Sequence[Condition] = ()) -> None:
        super().__init__(name, _plain(value), conditions)
        self.value = self._default

    def grid(self) -> list[Value]:
        """Return the value alone."""
        return [self.value]

    def sample(self, trial: Trial) -> Value:
        """Return the value; the study does not see it."""
        return self.value

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        config = super().get_config()
        return {"name": config["name"], "value": self.value, "conditions": config["conditions"]}


def _plain(value: Value) -> Value:
    """Turn a NumPy scalar into the Python number that it holds."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
