"""The solver 'lbfgs': SciPy's L-BFGS-B on the loss of all rows and its exact gradient, in float64."""

from __future__ import annotations

import math
import time
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.optimize import _check_optimize_result
from threadpoolctl import ThreadpoolController

from mlpcore.estimators._callbacks import Hooks
from mlpcore.estimators._initial import Parameters, separated
from mlpcore.estimators._progress import Silence
from mlpcore.estimators._recording import Network
from mlpcore.estimators._targets import Array

_CHUNK = 1 << 20  # numbers of x that one call of the engine takes: Ctrl-C is answered between calls


class Layout:
    """Where each parameter lies in theta = [kernel 0, kernel 1, ..., bias 0, bias 1, ...]."""

    def __init__(self, shapes: list[tuple[int, ...]]) -> None:
        self.shapes = shapes
        self.order = (*range(0, len(shapes), 2), *range(1, len(shapes), 2))
        self.size = sum(math.prod(shape) for shape in shapes)

    def views(self, theta: NDArray[np.float64]) -> Parameters:
        """Return theta's parameters in the core's order, without copying."""
        views: Parameters = [theta] * len(self.shapes)
        start = 0
        for i in self.order:
            stop = start + math.prod(self.shapes[i])
            views[i] = theta[start:stop].reshape(self.shapes[i])
            start = stop
        return views

    def packed(self, parameters: Parameters) -> NDArray[np.float64]:
        """Return a new theta that holds the parameters."""
        return np.concatenate([parameters[i].ravel() for i in self.order], dtype=np.float64)


class Objective:
    """theta -> (loss, gradient) over all rows; a dense float32 x is widened piece by piece, a sparse one once.

    Parameters
    ----------
    network : Network
        Its loss has the weight that makes value and gradient agree.
    x : ndarray or CSR matrix of shape (rows, n_features), float32 or float64
    y : ndarray, float64 or int32 class indices
    sample_weight : ndarray of shape (rows,), or None
    alpha : float
        L2 penalty of the kernels, divided by the number (or the weights) of the rows.
    n_threads : int
    """

    def __init__(
        self,
        network: Network,
        x: Any,
        y: Array,
        sample_weight: Array | None,
        alpha: float,
        n_threads: int,
    ) -> None:
        self.layout = Layout(network.parameter_shapes)
        self.engine = network.engine("float64")
        self.alpha = alpha
        self.n_threads = n_threads
        n = x.shape[0]
        rows = n if issparse(x) else max(1, _CHUNK // x.shape[1])
        total = float(n if sample_weight is None else sample_weight.sum())
        self.chunks: list[tuple[Any, Array, Array | None, float]] = []  # with the share of each in the mean
        for i in range(0, n, rows):
            part = slice(i, i + rows)
            weight = None if sample_weight is None else sample_weight[part]
            share = (min(rows, n - i) if weight is None else float(weight.sum())) / total
            if share != 0:
                of_x = x.astype(np.float64, copy=False) if issparse(x) else x[part]
                self.chunks.append((of_x, y[part], weight, share))
        self._theta, self._part = np.full(self.layout.size, math.nan), np.empty(self.layout.size)
        self._parameters, self._gradients = self.layout.views(self._theta), self.layout.views(self._part)
        self.last_loss, self._gradient = math.nan, self._part

    def __call__(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the penalised mean loss and its gradient, (theta.size,)."""
        self._theta[:] = theta
        self.engine.load(self._parameters)
        loss, gradient = self._of(*self.chunks[0])
        for chunk in self.chunks[1:]:
            more, part = self._of(*chunk)
            loss += more
            gradient += part
        self.last_loss, self._gradient = loss, gradient
        return loss, gradient

    def _of(self, x: Any, y: Array, weight: Array | None, share: float) -> tuple[float, NDArray[np.float64]]:
        mean, penalty, _ = self.engine.gradient(
            x.astype(np.float64, copy=False),
            y,
            share * self.alpha,
            sample_weight=weight,
            n_threads=self.n_threads,
            out=self._gradients,
        )
        return share * (mean + penalty), share * self._part

    def gradient(self, theta: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the gradient alone, kept from the last call if that was at theta."""
        return self._gradient if (theta == self._theta).all() else self(theta)[1]


class Minimum(NamedTuple):
    """Where the solver ended."""

    parameters: Parameters
    loss: float
    n_iter: int


class Stopped(Exception):
    """Raised after an iteration to end the solver at that point."""

    def __init__(self, theta: NDArray[np.float64], reason: str) -> None:
        super().__init__(reason)
        self.theta = theta


@dataclass
class Iterations:
    """Watches the solver's iterations: a progress bar, callbacks, and a limit of time."""

    objective: Objective
    report: Silence
    hooks: Hooks | None = None
    max_time: float | None = None
    n_iter: int = 0

    def __post_init__(self) -> None:
        self._end = math.inf if self.max_time is None else time.perf_counter() + self.max_time
        self._is_open = False  # whether the callbacks know of an iteration that has not ended

    def loss(self, theta: NDArray[np.float64]) -> float:
        """Return the objective's value at theta; the first evaluation begins an iteration."""
        if self.hooks is not None and not self._is_open:
            self.hooks.begin_task(lambda: self._state(theta))
            self._is_open = True
        return self.objective(theta)[0]

    def __call__(self, theta: NDArray[np.float64]) -> None:
        """End an iteration at theta, or raise Stopped."""
        self.n_iter += 1
        self.report.loss(self.n_iter, self.objective.last_loss)
        if self._is_open and self._end_task(theta):
            raise Stopped(theta, "")
        if time.perf_counter() >= self._end:
            raise Stopped(theta, f"Maximum time ({self.max_time:g} s) reached after {self.n_iter} iterations")

    def close(self, theta: NDArray[np.float64]) -> None:
        """Tell that the solver has ended at theta."""
        if self._is_open:  # a line search that found nothing
            self._end_task(theta)

    def _end_task(self, theta: NDArray[np.float64]) -> bool:
        self._is_open = False
        return self.hooks is not None and self.hooks.end_task(lambda: self._state(theta))

    def _state(self, theta: NDArray[np.float64]) -> dict[str, Any]:
        coefs, intercepts = separated([view.copy() for view in self.objective.layout.views(theta)])
        return {"coefs_": coefs, "intercepts_": intercepts}


def minimize(start: Parameters, iterations: Iterations, *, max_iter: int, max_fun: int, tol: float) -> Minimum:
    """Run L-BFGS-B from `start`; a ConvergenceWarning says why it stopped early."""
    objective = iterations.objective
    layout = objective.layout
    theta = layout.packed(start)
    try:
        with _blas().limit(limits=1, user_api="blas"):
            result = scipy.optimize.minimize(
                iterations.loss,
                theta,
                method="L-BFGS-B",
                jac=objective.gradient,
                options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
                callback=iterations,
            )
        theta, loss = result.x, float(result.fun)
        n_iter = _check_optimize_result("lbfgs", result, max_iter)
    except Stopped as stopped:
        theta, n_iter = stopped.theta, iterations.n_iter
        loss = objective(theta)[0]
        if str(stopped):
            warnings.warn(f"lbfgs: {stopped} and it hasn't converged yet.", ConvergenceWarning, stacklevel=2)
    finally:
        iterations.report.close()
    iterations.close(theta)
    return Minimum([view.copy() for view in layout.views(theta)], loss, n_iter)


@cache
def _blas() -> ThreadpoolController:
    """Find the BLAS libraries; SciPy's L-BFGS-B, all tiny products, is 20 times slower on two threads."""
    return ThreadpoolController()
