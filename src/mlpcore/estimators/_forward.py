"""Prediction: rows through the weights that an estimator has at this moment, from any thread."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore import _core
from mlpcore.estimators._initial import Parameters
from mlpcore.estimators._recording import Network


class Forward:
    """Runs rows through given weights; several threads may call it at once.

    Weights are packed anew at each call, since users may edit ``coefs_`` in place. Idle engines are
    kept for the next call, one for each thread that was ever inside at the same time; they are not
    part of a pickle or a copy.
    """

    def __init__(self) -> None:
        self._idle: list[tuple[Network, str, _core.Engine]] = []

    def __call__(
        self,
        x: Any,
        network: Network,
        parameters: Parameters,
        n_threads: int,
    ) -> NDArray[np.floating]:
        """Return the network's output, (rows, n_outputs), for x of shape (rows, n_features) or CSR."""
        dtype = str(x.dtype)
        engine = self._take(network, dtype)
        engine.load(parameters)
        output: NDArray[np.floating] = engine.predict(x, n_threads=n_threads)
        self._idle.append((network, dtype, engine))
        return output

    def _take(self, network: Network, dtype: str) -> _core.Engine:
        try:
            idle_network, idle_dtype, engine = self._idle.pop()  # atomic
        except IndexError:
            return network.engine(dtype)
        if (idle_network, idle_dtype) == (network, dtype):
            return engine
        return network.engine(dtype)

    def __reduce__(self) -> tuple[type[Forward], tuple[()]]:
        """Pickle and copy as an empty one."""
        return Forward, ()
