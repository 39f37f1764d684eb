"""What makes the peers' work equal: the same start for all of them, and the same judge."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from problems import Problem
from rows import SEED


def initial_parameters(problem: Problem, random_state: np.random.RandomState) -> list[np.ndarray]:
    """Draw kernel (in, out) and bias (out,) of each layer as scikit-learn does for relu."""
    parameters = []
    for n_in, n_out in zip(problem.layers, problem.layers[1:], strict=False):
        bound = np.sqrt(6.0 / (n_in + n_out))
        parameters.append(random_state.uniform(-bound, bound, (n_in, n_out)))
        parameters.append(random_state.uniform(-bound, bound, n_out))
    return [p.astype(problem.dtype) for p in parameters]


def orders(rows: int, epochs: int, random_state: np.random.RandomState) -> Iterator[np.ndarray]:
    """Draw each epoch's order of the rows (rows,) int64 as scikit-learn does."""
    order = np.arange(rows)
    for _ in range(epochs):
        permutation = np.arange(rows)
        random_state.shuffle(permutation)
        order = order[permutation]
        yield order


def start(problem: Problem, epochs: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the initial parameters and the orders (epochs, rows) that `random_state=SEED` gives."""
    random_state = np.random.RandomState(SEED)
    parameters = initial_parameters(problem, random_state)
    if not problem.shuffle:
        return parameters, np.tile(np.arange(problem.rows), (epochs, 1))
    return parameters, np.array(list(orders(problem.rows, epochs, random_state)))


def loss(problem: Problem, parameters: list[np.ndarray], x, y: np.ndarray) -> float:
    """Return the mean loss of a finished network on (at most 20000) rows, in NumPy's float64."""
    x, y = x[:20000], y[:20000]
    values = [p.astype(np.float64) for p in parameters]
    for kernel, bias in zip(values[:-2:2], values[1:-2:2], strict=True):
        x = np.maximum(np.asarray(x @ kernel) + bias, 0.0)
    return output_loss(problem, outputs_of_scores(problem, x @ values[-2] + values[-1]), y)


def outputs_of_scores(problem: Problem, scores: np.ndarray) -> np.ndarray:
    """Apply the output activation to scores (rows, outputs)."""
    if problem.output == "softmax":
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)
    return 1.0 / (1.0 + np.exp(-scores)) if problem.output == "logistic" else scores


def output_loss(problem: Problem, outputs: np.ndarray, y: np.ndarray) -> float:
    """Return the mean loss of outputs (rows, outputs) or (rows,), as scikit-learn defines it."""
    outputs = np.asarray(outputs, dtype=np.float64).reshape(len(y), -1)
    if problem.output == "identity":
        return float(0.5 * np.mean((outputs - y.reshape(len(y), -1)) ** 2))
    outputs = np.clip(outputs, 1e-7, 1 - 1e-7)
    if problem.output == "softmax":
        return float(-np.mean(np.log(outputs[np.arange(len(y)), y])))
    y = y.reshape(len(y), -1)
    return float(-np.sum(y * np.log(outputs) + (1 - y) * np.log(1 - outputs)) / len(y))
