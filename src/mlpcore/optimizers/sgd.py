"""Stochastic gradient descent, with momentum or by signs alone: SGD and Lion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlpcore import _registry
from mlpcore.optimizers.base import Optimizer

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from mlpcore.optimizers.base import Common, LearningRate


@_registry.built_in("optimizers")
class SGD(Optimizer):
    """Gradient descent: w -= learning_rate * g.

    With momentum: velocity = momentum * velocity - learning_rate * g, then w += velocity;
    with `nesterov`: w += momentum * velocity - learning_rate * g.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.01
    momentum : float in [0, 1], default 0.0
        How much of the velocity stays.
    nesterov : bool, default False
        Nesterov's momentum.
    **common
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
        `Optimizer`.

    References
    ----------
    Sutskever et al. 2013, On the importance of initialization and momentum in deep learning.

    Examples
    --------
    >>> SGD(0.1, momentum=0.9).slot_names
    ['momentum']
    """

    kind = "sgd"
    _arguments = ("momentum", "nesterov")

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        momentum: float = 0.0,
        nesterov: bool = False,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        if not 0 <= momentum <= 1:
            raise ValueError(f"momentum must be in [0, 1], got {momentum!r}")
        self.momentum, self.nesterov = momentum, nesterov

    def _slots(self) -> list[str]:
        return ["momentum"] if self.momentum else []

    def _numbers(self) -> dict[str, Any]:
        return {"momentum": self.momentum, "nesterov": self.nesterov}


@_registry.built_in("optimizers")
class Lion(Optimizer):
    """Steps of one size, by the sign of an average of the gradients.

    w -= learning_rate * sign(beta_1 * m + (1 - beta_1) * g);
    m = beta_2 * m + (1 - beta_2) * g.

    It wants a learning rate three to ten times smaller, and a weight decay as much larger, than AdamW.

    Parameters
    ----------
    learning_rate : float, LearningRateSchedule or callable, default 0.001
    beta_1 : float in (0, 1], default 0.9
        How much m counts in the step.
    beta_2 : float in [0, 1], default 0.99
        How much of m stays.
    **common
        weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, name: see
        `Optimizer`.

    References
    ----------
    Chen et al. 2023, Symbolic discovery of optimization algorithms.

    Examples
    --------
    >>> Lion(1e-4, weight_decay=0.1).slot_names
    ['momentum']
    """

    kind = "lion"
    _arguments = ("beta_1", "beta_2")

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        **common: Unpack[Common],
    ) -> None:
        super().__init__(learning_rate, **common)
        if not 0 < beta_1 <= 1:
            raise ValueError(f"beta_1 must be in (0, 1], got {beta_1!r}")
        self.beta_1, self.beta_2 = beta_1, beta_2

    def _slots(self) -> list[str]:
        return ["momentum"]

    def _numbers(self) -> dict[str, Any]:
        return {"beta_1": self.beta_1, "beta_2": self.beta_2}
