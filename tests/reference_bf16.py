"""bfloat16 in NumPy: rounding to it, and a layer's products from rounded operands."""

import numpy as np


def rounded(x):
    """Return float32 `x` rounded to bfloat16, the nearest, ties to even; subnormal numbers become 0."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    up = ((bits + np.uint32(0x7FFF) + (bits >> np.uint32(16) & np.uint32(1))) & np.uint32(0xFFFF0000)).view(np.float32)
    up = np.where(np.isnan(x), np.float32(np.nan), up)
    return np.where(np.abs(x) < np.finfo(np.float32).tiny, np.float32(0), up)


def product(a, b):
    """Return rounded a (m, k) @ rounded b (k, n) in float64, and the sum of its terms' magnitudes."""
    a, b = rounded(a).astype(np.float64), rounded(b).astype(np.float64)
    return a @ b, np.abs(a) @ np.abs(b)
