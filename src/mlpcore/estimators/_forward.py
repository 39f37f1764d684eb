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

    Weights are read at each call where NumPy keeps them, since users may edit ``coefs_`` in place: nothing of
    them is remembered. The linked tapes are; they are not part of a pickle or a copy.
    """

    def __init__(self) -> None:
        self._linked: tuple[Network, str, _core.Predictor] | None = None
        self._known: tuple[object, _core.Predictor] | None = None

    def __call__(
        self,
        x: Any,
        network: Network,
        parameters: Parameters,
        n_threads: int,
        key: object = None,
    ) -> NDArray[np.floating]:
        """Return the network's output, (rows, n_outputs), for x of shape (rows, n_features), an array or CSR.

        `key` is what `attempt` will know the network by.
        """
        dtype = str(x.dtype)
        if not isinstance(x, np.ndarray):
            engine = network.engine(dtype)
            engine.load(parameters)
            of_sparse: NDArray[np.floating] = engine.predict(x, n_threads=n_threads)
            return of_sparse
        linked = self._linked  # read once: another thread may replace it
        if linked is None or linked[:2] != (network, dtype):
            linked = (network, dtype, _core.Predictor(network.tape(dtype), dtype))
            self._linked = linked
        if key is not None:
            self._known = (key, linked[2])
        output: NDArray[np.floating] = linked[2].predict(x, parameters, n_threads)
        return output

    def attempt(
        self, key: object, x: Any, coefs: Any, intercepts: Any, n_threads: int | None
    ) -> NDArray[np.floating] | None:
        """Return the output for plain finite rows through the network last called by an equal key, or None.

        Everything is checked; None asks for the long way, which says what is wrong, if anything is.
        """
        known = self._known
        if known is None or known[0] != key:
            return None
        return known[1].attempt(x, coefs, intercepts, n_threads or 0)

    def __reduce__(self) -> tuple[type[Forward], tuple[()]]:
        """Pickle and copy as an empty one."""
        return Forward, ()
