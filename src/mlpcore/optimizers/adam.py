"""Adam and what came of it: AdamW, Nadam and Adamax; averages of the gradient and of its size, freed of their bias."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from mlpcore import _registry
from mlpcore.optimizers.base import Optimizer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from mlpcore.optimizers.base import Common, LearningRate


class _TwoAverages(Optimizer):
    """An optimizer with averages by beta_1 and beta_2."""

    _arguments: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2", "epsilon")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        for name, value in (("beta_1", beta_1), ("beta_2", beta_2)):
            if not 0 <= value < 1:
                raise ValueError(f"{name} must be in [0, 1), got {value!r}")
        self.beta_1, self.beta_2, self.epsilon = beta_1, beta_2, epsilon

    def _slots(self) -> list[str]:
        return ["momentum", "velocity"]

    def _numbers(self) -> dict[str, Any]:
        # Keras' powers of the betas are float32's; the first steps differ by 6e-6, and relu tells signs apart.
        return {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon, "rounds_powers": True}


@_registry.built_in("optimizers")
class Adam(_TwoAverages):
    """Adaptive moments, in step t = 1, 2, ...

    m = beta_1 * m + (1 - beta_1) * g;
    v = beta_2 * v + (1 - beta_2) * g ** 2;
    w -= learning_rate * sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t) * m / (sqrt(v) + epsilon).

    With `amsgrad`, v in the last line is the largest v so far.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1 : float in [0, 1), default 0.9
        How much of the gradient's average m stays.
    beta_2 : float in [0, 1), default 0.999
        How much of its square's average v stays.
    epsilon : float, default 1e-7
        Keeps the division finite ("epsilon hat" of the paper).
    amsgrad : bool, default False
        Never let a step grow because v has become smaller.
    **common
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
        `Optimizer`.

    References
    ----------
    Kingma and Ba 2015, Adam: a method for stochastic optimization, section 2; Reddi et al. 2018, On the convergence
    of Adam and beyond (amsgrad).

    Examples
    --------
    >>> optimizer = Adam(learning_rate=1e-3)
    >>> optimizer.learning_rate = 1e-4
    >>> optimizer.learning_rate
    0.0001
    """

    kind = "adam"
    _arguments = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **common)
        self.amsgrad = amsgrad

    def _slots(self) -> list[str]:
        return ["momentum", "velocity", *["velocity_hat"] * self.amsgrad]

    def _numbers(self) -> dict[str, Any]:
        return {**super()._numbers(), **({"amsgrad": True} if self.amsgrad else {})}


@_registry.built_in("optimizers", "adamw")
class AdamW(Adam):
    """Adam with decoupled weight decay: w -= learning_rate * weight_decay * w, then the step of `Adam`.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    weight_decay : float, default 0.004
        Part of each weight that goes in a step, in units of the learning rate.
    beta_1, beta_2, epsilon, amsgrad
        See `Adam`.
    **common
        clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see `Optimizer`.

    References
    ----------
    Loshchilov and Hutter 2019, Decoupled weight decay regularization, algorithm 2.

    Examples
    --------
    >>> AdamW().weight_decay
    0.004
    """

    kind = "adamw"

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        weight_decay: float = 0.004,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-7,
        amsgrad: bool = False,
        **common: Any,
    ) -> None:
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay=weight_decay, **common)


@_registry.built_in("optimizers")
class Nadam(_TwoAverages):
    """Adam with Nesterov's momentum, in step t = 1, 2, ...

    m and v as `Adam`; u_t = beta_1 * (1 - 0.5 * 0.96 ** t), U_t = u_1 * ... * u_t;
    m_hat = u_{t+1} * m / (1 - U_{t+1}) + (1 - u_t) * g / (1 - U_t);
    w -= learning_rate * m_hat / (sqrt(v / (1 - beta_2 ** t)) + epsilon).

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1, beta_2, epsilon
        See `Adam`.
    **common
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
        `Optimizer`.

    References
    ----------
    Dozat 2016, Incorporating Nesterov momentum into Adam.

    Examples
    --------
    >>> Nadam().slot_names
    ['momentum', 'velocity']
    """

    kind = "nadam"


@_registry.built_in("optimizers")
class Adamax(_TwoAverages):
    """Adam with the largest gradient in the place of the root mean square, in step t = 1, 2, ...

    m = beta_1 * m + (1 - beta_1) * g;
    u = max(beta_2 * u, |g|);
    w -= learning_rate / (1 - beta_1 ** t) * m / (u + epsilon).

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1, epsilon
        See `Adam`.
    beta_2 : float in [0, 1), default 0.999
        How slowly the maximum u forgets.
    **common
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
        `Optimizer`.

    References
    ----------
    Kingma and Ba 2015, Adam: a method for stochastic optimization, section 7.1.

    Examples
    --------
    >>> Adamax().slot_names
    ['momentum', 'norm']
    """

    kind = "adamax"

    def _slots(self) -> list[str]:
        return ["momentum", "norm"]
