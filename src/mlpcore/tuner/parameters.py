"""The kinds of hyperparameters: which values each may take, and how a trial is asked for one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from mlpcore._validation import suggest

if TYPE_CHECKING:
    from optuna.trial import Trial

Value = Any  # int, float, str, bool, None; for Fixed anything that JSON can hold

_SAMPLINGS = ("linear", "log", "reverse_log")
_POINTS_ON_GRID = 10  # of a range without a step, as KerasTuner 1.4 does


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


class _Range(HyperParameter):
    """Numbers from `min_value` to `max_value`, both included."""

    def __init__(
        self,
        name: str,
        min_value: float,
        max_value: float,
        step: float | None = None,
        sampling: str | None = "linear",
        default: float | None = None,
        conditions: Sequence[Condition] = (),
    ) -> None:
        super().__init__(name, default, conditions)
        self.min_value, self.max_value, self.step = min_value, max_value, step
        self.sampling = (sampling or "linear").lower()
        what = f"{type(self).__name__} {name!r}"
        if min_value > max_value:
            raise ValueError(f"{what}: min_value {min_value} is greater than max_value {max_value}.")
        if self.sampling not in _SAMPLINGS:
            raise ValueError(
                f"{what}: sampling must be one of {list(_SAMPLINGS)}, got {sampling!r}"
                f"{suggest(self.sampling, _SAMPLINGS)}"
            )
        if self.sampling != "linear" and min_value <= 0:
            raise ValueError(f"{what}: sampling={self.sampling!r} needs a positive min_value, got {min_value}.")
        if step is not None and step <= (0 if self.sampling == "linear" else 1):
            bound = "a positive step" if self.sampling == "linear" else "a step (a factor) greater than 1"
            raise ValueError(f"{what}: sampling={self.sampling!r} needs {bound}, got {step}.")

    @property
    def default(self) -> Value:
        """The default given, else the smallest value."""
        return self.min_value if self._default is None else self._default

    def grid(self) -> list[Value]:
        """Return every value that a step allows; without a step, ten values evenly spread on the sampling's scale."""
        if self.step is not None:
            return [self._stepped(index) for index in range(self._n_steps())]
        spread = [self._at((point + 0.5) / _POINTS_ON_GRID) for point in range(_POINTS_ON_GRID)]
        return sorted(set(spread))

    def sample(self, trial: Trial) -> Value:
        """Ask for a number; for what studies do not know, for a position on the scale."""
        if self.sampling != "linear" and self.step is not None:
            return self._stepped(trial.suggest_int(f"{self.key} (index)", 0, self._n_steps() - 1))
        if self.sampling == "reverse_log":
            return self._at(trial.suggest_float(f"{self.key} (position)", 0.0, 1.0))
        return self._sample_native(trial)

    def _sample_native(self, trial: Trial) -> Value:
        raise NotImplementedError

    def _n_steps(self) -> int:
        assert self.step is not None
        if self.sampling == "linear":
            return int((self.max_value - self.min_value) / self.step + 1e-8) + 1
        return int(math.log(self.max_value / self.min_value, self.step) + 1e-8) + 1

    def _stepped(self, index: int) -> Value:
        assert self.step is not None
        if self.sampling == "linear":
            return self._number(self.min_value + index * self.step)
        grown = self.min_value * self.step**index
        return self._number(grown if self.sampling == "log" else self.max_value + self.min_value - grown)

    def _at(self, position: float) -> Value:
        """Return the number at a position in [0, 1] of the sampling's scale."""
        low, high = self.min_value, self.max_value
        if self.sampling == "linear":
            return self._number(low + position * (high - low))
        if self.sampling == "log":
            return self._number(low * (high / low) ** position)
        return self._number(high + low - low * (high / low) ** (1 - position))

    def _number(self, value: float) -> Any:
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        """Return the arguments."""
        own = {name: getattr(self, name) for name in ("min_value", "max_value", "step", "sampling")}
        return {**super().get_config(), **own}


class Int(_Range):
    """An integer from `min_value` to `max_value`, both included.

    Parameters
    ----------
    name : str
    min_value, max_value : int
    step : int or None, default=None
        Distance between two values (None: 1), or for "log" and "reverse_log" their ratio.
    sampling : {"linear", "log", "reverse_log"}, default="linear"
        Where values are dense: evenly, near `min_value`, near `max_value`.
    default : int or None, default=None
        None: `min_value`.
    conditions : sequence of Condition
    """

    def __init__(self, name: str, min_value: int, max_value: int, step: int | None = None, **options: Any) -> None:
        for what, value in (("min_value", min_value), ("max_value", max_value), ("step", step)):
            if value is not None and int(value) != value:
                raise ValueError(f"Int {name!r}: {what} must be an integer, got {value!r}.")
        if step is None and (options.get("sampling") or "linear") == "linear":
            step = 1
        super().__init__(name, int(min_value), int(max_value), None if step is None else int(step), **options)

    def _number(self, value: float) -> int:
        return min(max(round(value), int(self.min_value)), int(self.max_value))

    def _sample_native(self, trial: Trial) -> int:
        low, step = int(self.min_value), int(self.step or 1)
        if self.sampling == "log":
            return trial.suggest_int(self.key, low, int(self.max_value), log=True)
        high = low + (int(self.max_value) - low) // step * step
        return trial.suggest_int(self.key, low, high, step=step)


class Float(_Range):
    """A number from `min_value` to `max_value`, both included.

    Parameters
    ----------
    name : str
    min_value, max_value : float
    step : float or None, default=None
        Distance between two values, or for "log" and "reverse_log" their ratio.
    sampling : {"linear", "log", "reverse_log"}, default="linear"
        Where values are dense: evenly, near `min_value`, near `max_value`.
    default : float or None, default=None
        None: `min_value`.
    conditions : sequence of Condition
    """

    def __init__(
        self, name: str, min_value: float, max_value: float, step: float | None = None, **options: Any
    ) -> None:
        step = None if step is None else float(step)
        super().__init__(name, float(min_value), float(max_value), step, **options)

    def _number(self, value: float) -> float:
        rounded = float(f"{value:.12g}")  # 0.1 * 3 is 0.3
        return min(max(rounded, self.min_value), self.max_value)

    def _sample_native(self, trial: Trial) -> float:
        if self.step is None:
            return trial.suggest_float(self.key, self.min_value, self.max_value, log=self.sampling == "log")
        high = self._stepped(self._n_steps() - 1)
        return self._number(trial.suggest_float(self.key, self.min_value, high, step=self.step))


KINDS: dict[str, type[HyperParameter]] = {kind.__name__: kind for kind in (Boolean, Choice, Fixed, Float, Int)}


def _plain(value: Value) -> Value:
    """Turn a NumPy scalar into the Python number that it holds."""
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", None) == 0 else value
