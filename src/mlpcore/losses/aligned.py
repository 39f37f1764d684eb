"""Targets and predictions made ready for a formula: tensors or float32 arrays of one rank."""

from __future__ import annotations

from typing import Any

import numpy as np

from mlpcore import ops
from mlpcore._tensor import Tensor

EPSILON = 1e-7  # Keras' epsilon(): probabilities are clipped to [EPSILON, 1 - EPSILON]


def tensor(x: Any) -> Any:
    """Return a tensor as it is, anything else as an array of float32."""
    if isinstance(x, Tensor):
        return x
    try:
        if x is not None:
            return np.asarray(x, np.float32)
    except (TypeError, ValueError):
        pass
    raise TypeError(f"expected numbers, got {x!r} of type {type(x).__name__}")


def same_rank(a: Any, b: Any) -> tuple[Any, Any]:
    """Return both with one more or one less axis of length 1 at the end, where their ranks differ by one.

    As Keras: (n,) and (n, 1) become (n, 1) both; (n, m) and (n, m, 1) become (n, m).
    """
    if len(a.shape) == len(b.shape) + 1:
        b, a = same_rank(b, a)
    elif len(b.shape) == len(a.shape) + 1 and b.shape[-1] == 1:
        if len(a.shape) == 1:
            a = ops.expand_dims(a, axis=-1)
        else:
            b = ops.squeeze(b, axis=-1)
    return a, b


def aligned(y_true: Any, y_pred: Any, hint: str = "") -> tuple[Any, Any]:
    """Return both as tensors of one rank.

    Raises
    ------
    ValueError
        Their shapes do not fit together; `hint` says what may have been meant. Arrays broadcast; in a model (n, 1)
        against (n, k) is a mistake.
    """
    a, b = same_rank(tensor(y_true), tensor(y_pred))
    broadcasts = not (isinstance(a, Tensor) and isinstance(b, Tensor))
    fits = len(a.shape) == len(b.shape) and all(
        None in (m, n) or m == n or (broadcasts and 1 in (m, n)) for m, n in zip(a.shape, b.shape, strict=True)
    )
    if not fits:
        raise ValueError(f"y_true of shape {tuple(a.shape)} does not fit y_pred of shape {tuple(b.shape)}{hint}")
    return a, b


def aligned_shapes(y_true: tuple[int, ...], y_pred: tuple[int, ...]) -> bool:
    """Tell whether rows of these shapes (without the batch) are made equal by `aligned`."""
    return y_true == y_pred or y_true == (*y_pred, 1) or y_pred == (*y_true, 1)
