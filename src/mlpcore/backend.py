"""What code written for Keras asks its backend for: names counted anew, and the package's numerical constants."""

from __future__ import annotations

from mlpcore.layers.naming import clear_session
from mlpcore.losses.aligned import EPSILON

__all__ = ["backend", "clear_session", "epsilon", "floatx"]


def backend() -> str:
    """Return the name of what computes."""
    return "mlpcore"


def epsilon() -> float:
    """Return the least probability and divisor of losses and layers, 1e-7."""
    return EPSILON


def floatx() -> str:
    """Return the floating-point type of layers that name none."""
    return "float32"
