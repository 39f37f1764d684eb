"""The learning-rate range test: how the loss reacts to growing rates, and which rate that suggests."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore import _random
from mlpcore._structure import map_structure
from mlpcore._validation import checked
from mlpcore.data import as_arrays, count_rows


@dataclass(frozen=True)
class LearningRateRange:
    """What a range test found.

    Attributes
    ----------
    rates : ndarray of shape (n_steps,)
        The learning rate of each training step.
    losses : ndarray of shape (n_steps,)
        The loss of each step's batch, before the step.
    smoothed : ndarray of shape (n_steps,)
        The losses, smoothed by a Gaussian window that looks both ways, so that it does not lag behind.
    suggestion : float
        A third of the rate at which the smoothed loss is lowest. (On Fashion-MNIST and California housing, SGD and
        Adam, batches of 32 and 256, a third lost least against the best of 1/10, 1/5, 1/3, 1/2 and 1.)
    """

    rates: NDArray[np.float64]
    losses: NDArray[np.float64]
    smoothed: NDArray[np.float64]
    suggestion: float

    def plot(self, ax: Any = None) -> Any:
        """Draw the losses over the rates, and the suggestion.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            None: new ones.

        Returns
        -------
        matplotlib Axes
        """
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots(layout="constrained")
        ax.plot(self.rates, self.losses, color="C0", alpha=0.3, linewidth=1, label="Loss of a batch")
        ax.plot(self.rates, self.smoothed, color="C0", linewidth=2, label="Smoothed")
        ax.axvline(self.suggestion, color="C1", linestyle="--", label=f"Suggestion: {self.suggestion:.2g}")
        ax.set_xscale("log")
        low, high = float(self.smoothed.min()), float(self.losses[0])
        room = max(high - low, 1e-12)
        ax.set_ylim(low - 0.2 * room, high + 0.6 * room)  # what diverges would flatten all the rest
        ax.set_xlabel("Learning rate")
        ax.set_ylabel("Loss")
        ax.legend()
        return ax

    def __repr__(self) -> str:
        low, high = self.rates[[0, -1]]
        return f"LearningRateRange(suggestion={self.suggestion:.3g}, {len(self.rates)} steps, {low:.3g} to {high:.3g})"


@checked
def find_learning_rate(
    model: Any,
    x: Any,
    y: Any,
    *,
    min_rate: float = 1e-6,
    max_rate: float = 10.0,
    n_steps: int = 300,
    batch_size: int = 32,
    smoothing: float = 0.02,
    divergence: float = 4.0,
    seed: int = 0,
) -> LearningRateRange:
    """Train for some steps with an exponentially growing learning rate and watch the loss.

    A copy of the model is trained; the model keeps its weights, its optimizer's state and its learning rate.

    Parameters
    ----------
    model : Model
        Compiled; trained before or not.
    x, y : arrays with n rows, or lists, tuples or dicts of them
        To train on, in batches drawn at random.
    min_rate, max_rate : float, default=1e-6 and 10
        First and last rate.
    n_steps : int, default=300
        Number of training steps.
    batch_size : int, default=32
        Use the one that the training will have.
    smoothing : float in [0, 1), default=0.02
        Width (standard deviation) of the window that smooths the losses, as a share of `n_steps`.
    divergence : float, default=4.0
        End early when the loss is so many times the first one, or no number.
    seed : int, default=0
        Decides the batches, and the weights of a model that is not built yet.

    Returns
    -------
    LearningRateRange
        Has `rates`, `losses`, `smoothed`, `suggestion` and `plot`.

    Raises
    ------
    ValueError
        The model is not compiled, or a parameter is out of its range.

    References
    ----------
    L. N. Smith (2017), Cyclical Learning Rates for Training Neural Networks, section 3.3.

    Examples
    --------
    >>> import mlpcore, numpy as np
    >>> from mlpcore.learning_rate import find_learning_rate
    >>> X = np.random.default_rng(0).normal(size=(500, 3))
    >>> layers = mlpcore.layers
    >>> model = mlpcore.Sequential([layers.Dense(20, "relu"), layers.Dense(1)])
    >>> model.compile(loss="mse", optimizer="sgd")
    >>> found = find_learning_rate(model, X, X[:, :1] * X[:, 1:2])
    >>> 1e-4 < found.suggestion < 1
    True
    """
    if not getattr(model, "compiled", False):
        raise ValueError("find_learning_rate needs a compiled model: call compile(loss=..., optimizer=...).")
    if not 0 < min_rate < max_rate:
        raise ValueError(f"0 < min_rate < max_rate must hold, got {min_rate} and {max_rate}.")
    if n_steps < 2 or batch_size < 1:
        raise ValueError(f"n_steps must be at least 2 and batch_size at least 1, got {n_steps} and {batch_size}.")
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing must be in [0, 1), got {smoothing}.")
    x, y = as_arrays(x, "x"), as_arrays(y, "y")
    rates = np.geomspace(min_rate, max_rate, n_steps)
    with _random.kept():
        _random.set_seed(seed)
        losses = _losses(copy.deepcopy(model), x, y, rates, batch_size, divergence, seed)
    smoothed = _smoothed(losses, smoothing * n_steps)
    best = int(np.argmin(smoothed))
    return LearningRateRange(rates[: len(losses)], losses, smoothed, max(float(rates[best]) / 3, min_rate))


def _losses(
    model: Any, x: Any, y: Any, rates: NDArray[np.float64], batch_size: int, divergence: float, seed: int
) -> NDArray[np.float64]:
    """Train the model with the rates, one a step; return the losses until they diverge."""
    batches = _batches(count_rows(x, y), batch_size, np.random.default_rng(seed))
    losses: list[float] = []
    for rate in rates:
        rows = next(batches)
        model.optimizer.learning_rate = float(rate)
        model.reset_metrics()
        x_batch, y_batch = (map_structure(lambda array: array[rows], part) for part in (x, y))  # noqa: B023
        loss = float(model.train_on_batch(x_batch, y_batch, return_dict=True)["loss"])
        if not np.isfinite(loss):
            break
        losses.append(loss)
        if np.mean(losses[-5:]) > divergence * abs(losses[0]):
            break
    if not losses:
        raise ValueError("the loss is no finite number before the first step: scale the data, or look at the model.")
    return np.array(losses)


def _smoothed(losses: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    """Return means over a Gaussian window, of losses that are cut where they explode."""
    highest = losses[0] + 2 * (losses[0] - losses.min())
    steps = np.arange(len(losses))
    weights = np.exp(-0.5 * ((steps - steps[:, None]) / max(width, 1e-3)) ** 2)
    smoothed: NDArray[np.float64] = weights @ np.minimum(losses, highest) / weights.sum(axis=1)
    return smoothed


def _batches(n: int, batch_size: int, generator: np.random.Generator) -> Any:
    """Yield the rows of batches for ever, each row once before any comes again."""
    while True:
        order = generator.permutation(n)
        for start in range(0, max(n - batch_size, 0) + 1, batch_size):
            yield order[start : start + batch_size]
