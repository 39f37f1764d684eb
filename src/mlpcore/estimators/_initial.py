"""Parameters of a multilayer perceptron as NumPy arrays: initial values and the two orders they come in."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain, pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

Parameters = list[NDArray[np.floating]]  # kernel 0, bias 0, kernel 1, bias 1, ...: the core's order


# name -> (is normal, numerator of the variance, which fan it is divided by)
INITIALIZERS = {
    "glorot_uniform": (False, 2.0, "both"),
    "glorot_normal": (True, 2.0, "both"),
    "he_uniform": (False, 2.0, "in"),
    "he_normal": (True, 2.0, "in"),
    "lecun_uniform": (False, 1.0, "in"),
    "lecun_normal": (True, 1.0, "in"),
}


def scikit_learns(
    rng: np.random.RandomState, widths: Sequence[int], activations: Sequence[str], dtype: str
) -> Parameters:
    """Draw kernels and biases from U(-b, b), b = sqrt(6 / (fan_in + fan_out)); 2 for 'logistic'.

    The draws are scikit-learn's: layer by layer, kernel before bias, in float64, then cast. The output layer
    goes by the last hidden layer's activation.
    """
    parameters: Parameters = []
    for i, (fan_in, fan_out) in enumerate(pairwise(widths)):
        factor = 2.0 if activations and activations[min(i, len(activations) - 1)] == "logistic" else 6.0
        bound = np.sqrt(factor / (fan_in + fan_out))
        for shape in ((fan_in, fan_out), (fan_out,)):
            parameters.append(rng.uniform(-bound, bound, shape).astype(dtype, copy=False))
    return parameters


def initialized(name: str, rng: np.random.RandomState, widths: Sequence[int], dtype: str) -> Parameters:
    """Draw kernels of the variance that `name` stands for; biases are 0.

    The variance is 2 / (fan_in + fan_out) for Glorot's, 2 / fan_in for He's, 1 / fan_in for LeCun's; the
    normal ones are not truncated.
    """
    is_normal, numerator, fan = INITIALIZERS[name]
    parameters: Parameters = []
    for fan_in, fan_out in pairwise(widths):
        deviation = np.sqrt(numerator / (fan_in + fan_out if fan == "both" else fan_in))
        bound = np.sqrt(3.0) * deviation
        shape = (fan_in, fan_out)
        kernel = rng.normal(0.0, deviation, shape) if is_normal else rng.uniform(-bound, bound, shape)
        parameters += [kernel.astype(dtype, copy=False), np.zeros(fan_out, dtype)]
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
