"""Parameters of a multilayer perceptron as NumPy arrays: initial values and the two orders they come in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Parameters = list[NDArray[np.floating]]  # kernel 0, bias 0, kernel 1, bias 1, ...: the core's order


def glorot_uniform(rng: np.random.RandomState, widths: Sequence[int], activation: str, dtype: str) -> Parameters:
    """Draw kernels and biases from U(-b, b), b = sqrt(6 / (fan_in + fan_out)); 2 for 'logistic'.

    The draws are scikit-learn's: layer by layer, kernel before bias, in float64, then cast.
    """
    factor = 2.0 if activation == "logistic" else 6.0
    parameters: Parameters = []
    for fan_in, fan_out in pairwise(widths):
        bound = np.sqrt(factor / (fan_in + fan_out))
        for shape in ((fan_in, fan_out), (fan_out,)):
            parameters.append(rng.uniform(-bound, bound, shape).astype(dtype, copy=False))
    return parameters


def interleaved(coefs: Sequence[ArrayLike], intercepts: Sequence[ArrayLike], dtype: str) -> Parameters:
    """Bring ``coefs_`` and ``intercepts_`` into the core's order; arrays of `dtype` are not copied."""
    pairs = chain.from_iterable(zip(coefs, intercepts, strict=True))
    return [np.ascontiguousarray(p, dtype=dtype) for p in pairs]


def separated(parameters: Parameters) -> tuple[Parameters, Parameters]:
    """Split the core's order into ``coefs_`` and ``intercepts_``."""
    return parameters[0::2], parameters[1::2]


def common_dtype(coefs: Sequence[ArrayLike], intercepts: Sequence[ArrayLike]) -> str:
    """Return 'float32' where every array is float32, otherwise 'float64'."""
    arrays = chain(coefs, intercepts)
    return "float32" if all(np.asarray(a).dtype == np.float32 for a in arrays) else "float64"


def fitted_widths(coefs: Sequence[ArrayLike], intercepts: Sequence[ArrayLike]) -> tuple[int, ...]:
    """Return the width of each layer; ValueError where the shapes do not chain.

    Users may have put their own arrays into ``coefs_`` and ``intercepts_``.
    """
    if len(coefs) != len(intercepts):
        raise ValueError(
            f"coefs_ has {len(coefs)} arrays but intercepts_ has {len(intercepts)}; expected one of each per layer."
        )
    widths = [int(np.shape(coefs[0])[0])]
    for i, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        shape = np.shape(coef)
        if len(shape) != 2 or shape[0] != widths[-1]:
            raise ValueError(f"coefs_[{i}] must have shape ({widths[-1]}, n_units), got {shape}.")
        if np.shape(intercept) != (shape[1],):
            raise ValueError(f"intercepts_[{i}] must have shape ({shape[1]},), got {np.shape(intercept)}.")
        widths.append(int(shape[1]))
    return tuple(widths)
