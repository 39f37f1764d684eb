"""The solver 'lbfgs': SciPy's L-BFGS-B on the loss of all rows and its exact gradient, in float64."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.optimize
from numpy.typing import NDArray
from sklearn.utils.optimize import _check_optimize_result

from mlpcore.estimators._initial import Parameters, interleaved, separated
from mlpcore.estimators._recording import Network
from mlpcore.estimators._targets import Array

_CHUNK = 1 << 20  # numbers of a float32 x that are widened at a time


def packed(parameters: Parameters) -> NDArray[np.float64]:
    """Return theta = [kernel 0, kernel 1, ..., bias 0, bias 1, ...], raveled."""
    coefs, intercepts = separated(parameters)
    return np.concatenate([p.ravel() for p in coefs + intercepts], dtype=np.float64)


def unpacked(theta: NDArray[np.float64], shapes: list[tuple[int, ...]]) -> Parameters:
    """Return theta's parameters in the core's order, as views."""
    theta_shapes = shapes[0::2] + shapes[1::2]
    ends = np.cumsum([int(np.prod(shape)) for shape in theta_shapes])
    parts = np.split(theta, ends[:-1])
    views = [part.reshape(shape) for part, shape in zip(parts, theta_shapes, strict=True)]
    return interleaved(views[: len(views) // 2], views[len(views) // 2 :], "float64")


class Objective:
    """theta -> (loss, gradient) over all rows; a float32 x is widened piece by piece.

    Parameters
    ----------
    network : Network
        Its loss has the weight that makes value and gradient agree.
    x : ndarray of shape (rows, n_features), float32 or float64
    y : ndarray, float64 or int32 class indices
    sample_weight : ndarray of shape (rows,), or None
    alpha : float
        L2 penalty of the kernels, divided by the number (or the weights) of the rows.
    n_threads : int
    """

    def __init__(
        self,
        network: Network,
        x: Array,
        y: Array,
        sample_weight: Array | None,
        alpha: float,
        n_threads: int,
    ) -> None:
        self.network = network
        self.engine = network.engine("float64")
        self.alpha = alpha
        self.n_threads = n_threads
        rows = len(x) if x.dtype == np.float64 else max(1, _CHUNK // x.shape[1])
        self.chunks = [
            (x[i : i + rows], y[i : i + rows], None if sample_weight is None else sample_weight[i : i + rows])
            for i in range(0, len(x), rows)
        ]
        self.total = float(len(x) if sample_weight is None else sample_weight.sum())

    def __call__(self, theta: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        """Return the penalised mean loss and its gradient, (theta.size,)."""
        parameters = unpacked(theta, self.network.parameter_shapes)
        self.engine.load(parameters)
        loss = 0.0
        gradient = np.zeros_like(theta)
        for x, y, weight in self.chunks:
            share = (len(x) if weight is None else float(weight.sum())) / self.total
            if share == 0:
                continue
            mean, _, gradients = self.engine.gradient(
                x.astype(np.float64, copy=False), y, sample_weight=weight, n_threads=self.n_threads
            )
            loss += share * mean
            gradient += share * packed(gradients)
        n_kernels = sum(kernel.size for kernel in parameters[0::2])
        kernels = theta[:n_kernels]
        loss += 0.5 * self.alpha * float(kernels @ kernels) / self.total
        gradient[:n_kernels] += self.alpha / self.total * kernels
        return loss, gradient


class Minimum(NamedTuple):
    """Where the solver ended."""

    parameters: Parameters
    loss: float
    n_iter: int


def minimize(objective: Objective, start: Parameters, *, max_iter: int, max_fun: int, tol: float) -> Minimum:
    """Run L-BFGS-B from `start`; a ConvergenceWarning says why it stopped early."""
    result = scipy.optimize.minimize(
        objective,
        packed(start),
        method="L-BFGS-B",
        jac=True,
        options={"maxfun": max_fun, "maxiter": max_iter, "gtol": tol},
    )
    n_iter = _check_optimize_result("lbfgs", result, max_iter)
    parameters = unpacked(result.x, objective.network.parameter_shapes)
    return Minimum([p.copy() for p in parameters], float(result.fun), n_iter)
