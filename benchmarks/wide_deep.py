"""The chapter's wide & deep network with two inputs and two outputs, which every peer starts and judges alike.

wide (5) and deep (6) are columns of the 8 of California housing; deep -> 30 -> 30, the main output reads wide and
hidden, the side output hidden alone; the loss is 0.9 and 0.1 times their mean squared errors.
"""

from __future__ import annotations

import numpy as np

from rows import SEED

WIDE, DEEP = 5, 6
SHAPES = ((DEEP, 30), (30, 30), (WIDE + 30, 1), (30, 1))  # hidden, hidden, main, side


def parts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the columns of the wide (rows, 5) and of the deep input (rows, 6)."""
    return np.ascontiguousarray(x[:, :WIDE]), np.ascontiguousarray(x[:, 2:])


def start() -> list[np.ndarray]:
    """Draw kernel (in, out) and zero bias (out,) of each layer."""
    random = np.random.RandomState(SEED)
    arrays = []
    for n_in, n_out in SHAPES:
        bound = np.sqrt(6.0 / (n_in + n_out))
        arrays += [random.uniform(-bound, bound, (n_in, n_out)).astype(np.float32), np.zeros(n_out, np.float32)]
    return arrays


def outputs(parameters, wide, deep, module):
    """Return both outputs (rows, 1), written with the functions of NumPy, or of what has its names."""
    w1, b1, w2, b2, w3, b3, w4, b4 = parameters
    hidden = module.maximum(module.maximum(deep @ w1 + b1, 0) @ w2 + b2, 0)
    return module.concatenate([wide, hidden], 1) @ w3 + b3, hidden @ w4 + b4


def loss(parameters: list[np.ndarray], x: np.ndarray, y: np.ndarray) -> float:
    """Return the weighted loss of a finished network in NumPy's float64."""
    wide, deep = parts(x.astype(np.float64))
    main, side = outputs([p.astype(np.float64) for p in parameters], wide, deep, np)
    return float(0.9 * np.mean((main[:, 0] - y) ** 2) + 0.1 * np.mean((side[:, 0] - y) ** 2))
