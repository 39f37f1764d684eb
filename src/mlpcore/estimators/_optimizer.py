"""What lives from one partial_fit to the next: a solver's settings, its learning rate and its slots."""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore import _core
from mlpcore.estimators._initial import Parameters
from mlpcore.estimators._recording import Network
from mlpcore.estimators._schedule import Constant

Slots = list[list[NDArray[np.floating]]]


class Optimizer:
    """A stochastic solver between epochs.

    The slots (velocities, Adam's moments) stay in the engine that made them until somebody asks:
    a pickle, a copy, or an engine of another type. So a fit never holds them twice.

    Parameters
    ----------
    kind : str
        The core's name of the update.
    schedule : Constant
        The learning-rate rule; owned by this object.
    seed : int
        Of the dropout's random numbers.
    **settings : float or bool
        Further attributes of the core's ``Update``, such as momentum or epsilon.
    """

    def __init__(self, kind: str, schedule: Constant, seed: int = 0, **settings: Any) -> None:
        self.kind = kind
        self.schedule = schedule
        self.seed = seed
        self.settings = settings
        self._step = 0
        self._slots: Slots = []
        self._engine: _core.Engine | None = None
        self._linked: tuple[Network, str] | None = None  # what the engine was made for

    @property
    def step(self) -> int:
        """Updates done."""
        return self._step if self._engine is None else self._engine.step

    @property
    def learning_rate(self) -> float:
        """The rate in use; for Adam the one corrected for the bias of its moments."""
        if self.kind != "adam" or self.step == 0:
            return self.schedule.rate
        decay_1 = 1 - self.settings["beta_1"] ** self.step
        decay_2 = 1 - self.settings["beta_2"] ** self.step
        return float(self.schedule.rate * np.sqrt(decay_2) / decay_1)

    def slots(self) -> Slots:
        """Return the slots as arrays shaped like the parameters; [] before the first step."""
        return self._slots if self._engine is None else self._engine.slots()

    def set_state(self, slots: Slots, step: int) -> None:
        """Go on from the given slots after `step` updates; no engine has been made yet."""
        self._slots, self._step = slots, step

    def fits(self, network: Network) -> bool:
        """Tell whether the slots have the shapes of the network's parameters."""
        if self._linked is not None:
            return self._linked[0].parameter_shapes == network.parameter_shapes
        return all([s.shape for s in slot] == network.parameter_shapes for slot in self._slots)

    def update(self, l2: float, l1: float) -> _core.Update:
        """Return the core's description of one step, with the present learning rate."""
        return _core.Update(self.kind, learning_rate=self.schedule.rate, l2=float(l2), l1=float(l1), **self.settings)

    def engine(self, network: Network, dtype: str, parameters: Parameters) -> _core.Engine:
        """Return an engine with these parameters that goes on from this optimizer's last step."""
        if self._engine is None or self._linked != (network, dtype):
            engine = network.engine(dtype)
            slots = [[s.astype(dtype, copy=False) for s in slot] for slot in self.slots()]
            engine.seed = self.seed
            if slots or self.step:
                engine.set_slots(slots, self.step)
            self._engine, self._linked, self._slots = engine, (network, dtype), []
        self._engine.load(parameters)
        return self._engine

    def continued(self) -> Optimizer:
        """Return a copy that takes over the engine; this one keeps its slots as arrays.

        Should the copy's training fail, this one is as it was.
        """
        follower = object.__new__(Optimizer)
        vars(follower).update(vars(self))
        follower.schedule = copy(self.schedule)
        vars(self).update(self.__getstate__())
        return follower

    def __getstate__(self) -> dict[str, Any]:
        """Return plain Python and NumPy objects only."""
        state = vars(self).copy()
        state.update(_step=self.step, _slots=self.slots(), _engine=None, _linked=None)
        return state
