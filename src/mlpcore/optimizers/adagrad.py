"""Rates that adapt to the size of the gradients so far: RMSprop, Adagrad, Adadelta and Ftrl."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlpcore import _registry
from mlpcore.optimizers.base import Optimizer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from mlpcore.optimizers.base import Common, LearningRate


@_registry.built_in("optimizers", "rmsprop")
class RMSprop(Optimizer):
    """The gradient divided by its root mean square.

    v = rho * v + (1 - rho) * g ** 2;
    d = learning_rate * g / sqrt(v + epsilon);
    w -= d, or with momentum: b = momentum * b + d, w -= b.

    With `centered`, a = rho * a + (1 - rho) * g is the gradient's average, and v - a ** 2, its variance, stands for v.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    rho : float in [0, 1], default 0.9
        How much of the averages stays.
    momentum : float, default 0.0
        How much of the last step is taken again.
    epsilon : float, default 1e-7
        Keeps the division finite.
    centered : bool, default False
        Divide by the standard deviation.
    **common
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
        `Optimizer`.

    References
    ----------
    Tieleman and Hinton 2012, Lecture 6.5; Graves 2013, Generating sequences with recurrent neural networks (centered).

    Examples
    --------
    >>> RMSprop(momentum=0.9, centered=True).slot_names
    ['velocity', 'momentum', 'average_gradient']
    """

    kind = "rmsprop"
    _arguments = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.9,
        momentum: float = 0.0,
        epsilon: float = 1e-7,
        centered: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho, self.momentum, self.epsilon, self.centered = rho, momentum, epsilon, centered

    def _slots(self) -> list[str]:
        if self.centered:
            return ["velocity", "momentum", "average_gradient"]
        return ["velocity", "momentum"] if self.momentum else ["velocity"]

    def _numbers(self) -> dict[str, Any]:
        numbers = {"rho": self.rho, "momentum": self.momentum, "epsilon": self.epsilon}
        return {**numbers, **({"centered": True} if self.centered else {})}


@_registry.built_in("optimizers")
class Adagrad(Optimizer):
    """Rates that only fall: accumulator += g ** 2, then w -= learning_rate * g / sqrt(accumulator + epsilon).

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
        The paper's value is 1.0.
    initial_accumulator_value : float >= 0, default 0.1
        Where the accumulators start.
    epsilon : float, default 1e-7
        Keeps the division finite.
    **common
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
        `Optimizer`.

    References
    ----------
    Duchi et al. 2011, Adaptive subgradient methods for online learning and stochastic optimization.

    Examples
    --------
    >>> Adagrad(1.0).slot_names
    ['accumulator']
    """

    kind = "adagrad"
    _arguments = ("initial_accumulator_value", "epsilon")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.initial_accumulator_value, self.epsilon = initial_accumulator_value, epsilon

    def _slots(self) -> list[str]:
        return ["accumulator"]

    def _numbers(self) -> dict[str, Any]:
        return {"initial_accumulator": self.initial_accumulator_value, "epsilon": self.epsilon}


@_registry.built_in("optimizers")
class Adadelta(Optimizer):
    """Steps in the units of the weights: the gradient times the steps' root mean square over its own.

    v = rho * v + (1 - rho) * g ** 2;
    d = g * sqrt(e + epsilon) / sqrt(v + epsilon);
    e = rho * e + (1 - rho) * d ** 2;
    w -= learning_rate * d.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
        The paper's value is 1.0.
    rho : float in [0, 1], default 0.95
        How much of the averages v and e stays.
    epsilon : float, default 1e-7
        Sets the size of the first steps.
    **common
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
        `Optimizer`.

    References
    ----------
    Zeiler 2012, ADADELTA: an adaptive learning rate method.

    Examples
    --------
    >>> Adadelta(1.0).slot_names
    ['accumulated_grad', 'accumulated_delta_var']
    """

    kind = "adadelta"
    _arguments = ("rho", "epsilon")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        rho: float = 0.95,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        self.rho, self.epsilon = rho, epsilon

    def _slots(self) -> list[str]:
        return ["accumulated_grad", "accumulated_delta_var"]

    def _numbers(self) -> dict[str, Any]:
        return {"rho": self.rho, "epsilon": self.epsilon}


@_registry.built_in("optimizers")
class Ftrl(Optimizer):
    """Follow the regularized leader: sparse weights for wide linear models.

    With p = -learning_rate_power, g' = g + 2 * l2_shrinkage * w and l2' = l2 + beta / (2 * learning_rate):

    n_new = n + g ** 2;
    z += g' - (n_new ** p - n ** p) / learning_rate * w;
    w = (clip(z, -l1, l1) - z) / (n_new ** p / learning_rate + 2 * l2').

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    learning_rate_power : float <= 0, default -0.5
        0: a constant rate.
    initial_accumulator_value : float >= 0, default 0.1
        Where n starts.
    l1_regularization_strength : float >= 0, default 0.0
        l1: weights whose z is smaller become exactly 0.
    l2_regularization_strength : float >= 0, default 0.0
        l2 of the rule.
    l2_shrinkage_regularization_strength : float >= 0, default 0.0
        l2_shrinkage: a penalty on the magnitude only.
    beta : float, default 0.0
        The paper's beta.
    **common
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
        `Optimizer`.

    References
    ----------
    McMahan et al. 2013, Ad click prediction: a view from the trenches, algorithm 1.

    Examples
    --------
    >>> Ftrl(0.1, l1_regularization_strength=0.01).slot_names
    ['accumulator', 'linear']
    """

    kind = "ftrl"
    _arguments = (
        "learning_rate_power",
        "initial_accumulator_value",
        "l1_regularization_strength",
        "l2_regularization_strength",
        "l2_shrinkage_regularization_strength",
        "beta",
    )

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0,
        beta: float = 0.0,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        if learning_rate_power > 0:
            raise ValueError(f"learning_rate_power must be <= 0, got {learning_rate_power!r}")
        self.learning_rate_power, self.initial_accumulator_value = learning_rate_power, initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for name in self._arguments[1:5]:
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be >= 0, got {getattr(self, name)!r}")

    def _slots(self) -> list[str]:
        return ["accumulator", "linear"]

    def _numbers(self) -> dict[str, Any]:
        return {
            "learning_rate_power": self.learning_rate_power,
            "initial_accumulator": self.initial_accumulator_value,
            "l1_regularization": self.l1_regularization_strength,
            "l2_regularization": self.l2_regularization_strength,
            "l2_shrinkage": self.l2_shrinkage_regularization_strength,
            "beta": self.beta,
        }
