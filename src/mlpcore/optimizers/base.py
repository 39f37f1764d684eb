"""What all optimizers share: the learning rate, clipping, weight decay, averages of the weights; and their config."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mlpcore import _registry
from mlpcore._core import Update
from mlpcore._validation import check_hint, check_integer, unknown_argument
from mlpcore.optimizers.schedules import LearningRateSchedule

if TYPE_CHECKING:
    from typing_extensions import Self, TypedDict, Unpack

    LearningRate = float | LearningRateSchedule | Callable[[], float]

    class Common(TypedDict, total=False):
        """The keywords that every optimizer takes."""

        weight_decay: float | None
        clipnorm: float | None
        clipvalue: float | None
        global_clipnorm: float | None
        use_ema: bool
        ema_momentum: float
        ema_overwrite_frequency: int | None
        name: str | None


class LiveFloat(float):
    """An optimizer's learning rate: a float with the ``numpy()`` and ``assign(value)`` of Keras' variables."""

    assign: Callable[[float], None]

    def numpy(self) -> Any:
        """Return the value as a NumPy scalar."""
        return np.float32(self)

    def __reduce__(self) -> tuple[type[float], tuple[float]]:
        return float, (float(self),)


class LiveInt(int):
    """An optimizer's step count: an int with the ``numpy()`` and ``assign(value)`` of Keras' variables."""

    assign: Callable[[int], None]

    def numpy(self) -> Any:
        """Return the value as a NumPy scalar."""
        return np.int64(self)

    def __reduce__(self) -> tuple[type[int], tuple[int]]:
        return int, (int(self),)


class Optimizer:
    """Base of the optimizers: what to do with a gradient; the engine does it, and holds the slots.

    Each step takes the gradient g of the mean loss of a batch and then, in this order,

    - clips g: `clipvalue` each element to [-clipvalue, clipvalue], `clipnorm` each weight's gradient to that norm,
      `global_clipnorm` all of them together: g *= c / max(norm, c);
    - shrinks the weights: w -= learning_rate * weight_decay * w, biases too;
    - applies the rule of the class;
    - with `use_ema`, averages: average = ema_momentum * average + (1 - ema_momentum) * w, from the first step's w on.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable
        The rate of each step. A callable without arguments is asked before each step.
    weight_decay : float, optional
        Decoupled weight decay; None: none.
    clipnorm, clipvalue, global_clipnorm : float, optional
        One of the three ways to clip.
    use_ema : bool, default False
        Average the weights.
    ema_momentum : float in [0, 1], default 0.99
        How much of the old average stays.
    ema_overwrite_frequency : int, optional
        Every so many steps, and after the last epoch of ``fit``, the weights become their averages; None: only after
        the last epoch.
    name : str, optional
        Default: the class's name in lower case.

    Attributes
    ----------
    learning_rate : float
        The present rate; settable, unless a schedule gives it. It has Keras' ``numpy()`` and ``assign(value)``.
    iterations : int
        Steps done; settable.
    slot_names : list of str
        What the engine keeps for each weight, in its order.
    """

    kind: ClassVar[str]  # of the engine's Update
    _arguments: ClassVar[tuple[str, ...]] = ()  # of the class's own constructor, besides learning_rate

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        _registry.note_class(cls)

    def __init__(self, learning_rate: LearningRate, **common: Unpack[Common]) -> None:
        given: dict[str, Any] = {**common}
        for absent in ("loss_scale_factor", "gradient_accumulation_steps"):  # in Keras' configs
            if given.pop(absent, None) is not None:
                raise ValueError(f"{type(self).__name__} has no {absent}")
        check_hint(f"{type(self).__name__}: name", given.get("name"), "str | None")
        self.name: str = given.pop("name", None) or _registry.snake_case(type(self).__name__)
        self.weight_decay: float | None = given.pop("weight_decay", None)
        self.clipnorm: float | None = given.pop("clipnorm", None)
        self.clipvalue: float | None = given.pop("clipvalue", None)
        self.global_clipnorm: float | None = given.pop("global_clipnorm", None)
        self.use_ema: bool = given.pop("use_ema", False)
        self.ema_momentum: float = given.pop("ema_momentum", 0.99)
        self.ema_overwrite_frequency: int | None = given.pop("ema_overwrite_frequency", None)
        for unknown in given:
            raise unknown_argument(type(self).__name__, unknown, [*_COMMON, *self._arguments, "learning_rate"])
        self._check_common()
        self._decay_bias = True
        self._iterations = 0
        self._learning_rate = _as_rate(learning_rate)

    def _check_common(self) -> None:
        for each in ("weight_decay", "clipnorm", "clipvalue", "global_clipnorm"):
            check_hint(each, getattr(self, each), "float | None")
        check_hint("ema_momentum", self.ema_momentum, "float")
        clips = {each: getattr(self, each) for each in ("clipnorm", "clipvalue", "global_clipnorm")}
        if sum(value is not None for value in clips.values()) > 1:
            raise ValueError(f"only one of clipnorm, clipvalue and global_clipnorm can be set, got {clips}")
        every = self.ema_overwrite_frequency
        if self.use_ema and not 0 <= self.ema_momentum <= 1:
            raise ValueError(f"ema_momentum must be in [0, 1], got {self.ema_momentum!r}")
        is_integer = isinstance(every, int) and not isinstance(every, bool)
        if every is not None and not (is_integer and (every > 0 or not self.use_ema)):
            raise ValueError(f"ema_overwrite_frequency must be an integer >= 1 or None, got {every!r}")

    @property
    def learning_rate(self) -> LiveFloat:
        """The rate of the next step."""
        live = LiveFloat(self._rate_of(self._iterations))
        live.assign = lambda value: setattr(self, "learning_rate", value)
        return live

    @learning_rate.setter
    def learning_rate(self, value: LearningRate) -> None:
        value = _as_rate(value)
        if isinstance(self._learning_rate, LearningRateSchedule) and not callable(value):
            raise TypeError(
                f"the learning rate of {self.name!r} is given by a schedule and cannot be set to a number; assign "
                "another schedule, or make the optimizer with a number"
            )
        self._learning_rate = value

    @property
    def iterations(self) -> LiveInt:
        """How many steps were done."""
        live = LiveInt(self._iterations)
        live.assign = lambda value: setattr(self, "iterations", value)
        return live

    @iterations.setter
    def iterations(self, value: int) -> None:
        check_integer("iterations", value)
        if value < 0:
            raise ValueError(f"iterations must be >= 0, got {value!r}")
        self._iterations = int(value)

    @property
    def slot_names(self) -> list[str]:
        """What the engine keeps for each weight, in its order."""
        return [*self._slots(), *["average"] * self.has_average]

    @property
    def has_average(self) -> bool:
        """Whether the last slot holds the weights' averages, which they become after the last epoch."""
        return self.use_ema and self.ema_momentum > 0

    def _slots(self) -> list[str]:
        return []

    def _rate_of(self, step: int) -> float:
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return float(rate(step))
        return float(rate() if callable(rate) else rate)

    def rates(self, first_step: int, n_steps: int) -> NDArray[np.float64] | None:
        """Return the rates of the next steps of a pass, or None if they are all `learning_rate`.

        Parameters
        ----------
        first_step : int
            Number of the first step: how many were done before.
        n_steps : int
            How many steps.

        Returns
        -------
        ndarray of float64 (n_steps,) or None
        """
        rate = self._learning_rate
        if isinstance(rate, LearningRateSchedule):
            return rate.rates(first_step, n_steps)
        if self.asks_for_rate:
            return np.array([float(rate()) for _ in range(n_steps)], np.float64)
        return None

    @property
    def asks_for_rate(self) -> bool:
        """Whether a function without arguments gives the learning rate: it may depend on anything."""
        return callable(self._learning_rate) and not isinstance(self._learning_rate, LearningRateSchedule)

    def update(self, rate: float | None = None) -> Update:
        """Return the arithmetic of a step for the engine.

        Parameters
        ----------
        rate : float, optional
            Learning rate; default: the present one.
        """
        numbers = {
            **self._numbers(),
            "weight_decay": self.weight_decay or 0.0,
            "decay_bias": self._decay_bias,
            "clip_value": max(self.clipvalue or 0.0, 0.0),
            "clip_norm": max(self.global_clipnorm or 0.0, 0.0),
        }
        if self.clipnorm is not None and self.clipnorm > 0:
            numbers["clip_norm_each"] = self.clipnorm
        if self.use_ema:
            numbers["average_momentum"] = self.ema_momentum
            numbers["average_every"] = self.ema_overwrite_frequency or 0
        if rate is None:
            rate = 0.0 if self.asks_for_rate else float(self.learning_rate)  # a function gives each step its own
        return Update(self.kind, learning_rate=float(rate), **numbers)

    def _numbers(self) -> dict[str, Any]:
        """Return the keywords of the class's own arithmetic for `Update`."""
        return {}

    def exclude_from_weight_decay(self, var_list: Any = None, var_names: list[str] | None = None) -> None:
        """Leave the biases of dense layers out of the weight decay: ``exclude_from_weight_decay(var_names=["bias"])``.

        Raises
        ------
        ValueError
            Anything but the biases: the engine decays all else alike.
        """
        if var_list or list(var_names or ()) != ["bias"]:
            raise ValueError('only the biases can be left out of the weight decay: var_names=["bias"]')
        self._decay_bias = False

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal optimizer, without its state."""
        rate = self._learning_rate
        config: dict[str, Any] = {"name": self.name}
        config["learning_rate"] = _registry.serialize_object(rate) if callable(rate) else rate
        config |= {each: getattr(self, each) for each in _COMMON if each != "name"}
        return config | {each: getattr(self, each) for each in self._arguments}

    @classmethod
    def from_config(cls, config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None) -> Self:
        """Return the optimizer that `get_config` described."""
        arguments = dict(config)
        if isinstance(arguments.get("learning_rate"), Mapping):
            arguments["learning_rate"] = _registry.deserialize(arguments["learning_rate"], custom_objects, "schedules")
        return cls(**arguments)

    def __repr__(self) -> str:
        own = ", ".join(f"{each}={getattr(self, each)!r}" for each in self._arguments)
        return f"{type(self).__name__}(learning_rate={self._learning_rate!r}{', ' * bool(own)}{own})"


_COMMON = (
    "name",
    "weight_decay",
    "clipnorm",
    "global_clipnorm",
    "clipvalue",
    "use_ema",
    "ema_momentum",
    "ema_overwrite_frequency",
)


def _as_rate(value: Any) -> Any:
    """Return a schedule or another callable as it is, anything else as a float."""
    if isinstance(value, type):
        raise TypeError(f"learning_rate must be a number, a schedule or a callable, got the class {value.__name__}")
    if callable(value):
        return value
    if isinstance(value, str | bytes | bool):
        raise TypeError(f"learning_rate must be a number, a schedule or a callable, got {value!r}")
    try:
        rate = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"learning_rate must be a number, a schedule or a callable, got {value!r}") from None
    if not rate >= 0:
        raise ValueError(f"learning_rate must be >= 0, got {value!r}")
    return rate
