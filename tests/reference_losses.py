"""The NumPy oracle of every loss: the rows' losses (m,) and their gradient at the output p (m,k)."""

from __future__ import annotations

import numpy as np
from scipy.special import xlogy


def squared_error(p, y):
    """0.5 * sum_k (p - y)^2."""
    return 0.5 * ((p - y) ** 2).sum(axis=1), p - y


def absolute_error(p, y):
    """sum_k |p - y|."""
    return np.abs(p - y).sum(axis=1), np.sign(p - y)


def huber(p, y, delta=1.0):
    """sum_k 0.5 e^2 where |e| <= delta, else delta (|e| - 0.5 delta)."""
    size = np.abs(p - y)
    rows = np.where(size <= delta, 0.5 * size**2, delta * (size - 0.5 * delta)).sum(axis=1)
    return rows, np.clip(p - y, -delta, delta)


def log_cosh(p, y):
    """sum_k log(cosh(p - y))."""
    return (np.logaddexp(p - y, y - p) - np.log(2.0)).sum(axis=1), np.tanh(p - y)


def quantile(p, y, quantiles=(0.5,)):
    """sum max(q e, (q - 1) e), e = y - p; column t * len(quantiles) + j of p is quantile j of target t."""
    q = np.tile(np.asarray(quantiles, p.dtype), y.shape[1])
    e = np.repeat(y, len(quantiles), axis=1) - p
    return np.maximum(q * e, (q - 1) * e).sum(axis=1), np.where(e == 0, 0, np.where(e > 0, -q, 1 - q))


def poisson(p, y):
    """sum_k xlogy(y, y / p) - y + p."""
    return (xlogy(y, y / p) - y + p).sum(axis=1), 1 - y / p


def one_hot(y, p):
    return (y[:, None] == np.arange(p.shape[1])).astype(p.dtype)


def cross_entropy(p, y, clip=0.0, gamma=0.0, alpha=None, label_smoothing=0.0):
    """-sum_k alpha t_k (1 - q_k)^gamma log q_k: q = p / sum p, t = smoothed one-hot of the class indices y (m,).

    q is clipped to [clip, 1 - clip] in the value's logarithm; where it is, the gradient of its term is 0.
    """
    total = p.sum(axis=1, keepdims=True)
    q = p / total
    t = (1 if alpha is None else alpha) * ((1 - label_smoothing) * one_hot(y, p) + label_smoothing / p.shape[1])
    rows = -((1 - q) ** gamma * xlogy(t, np.clip(q, clip, 1 - clip))).sum(axis=1)
    slope = gamma * (1 - q) ** (gamma - 1) * np.log(q) if gamma else 0.0
    by_q = np.where((q < clip) | (q > 1 - clip), 0, t * (slope - (1 - q) ** gamma / q))
    return rows, (by_q - (by_q * q).sum(axis=1, keepdims=True)) / total


def binary_cross_entropy(p, y, clip=0.0, gamma=0.0, alpha=None, label_smoothing=0.0):
    """-sum_k w (1 - p_t)^gamma (t log p + (1 - t) log(1 - p)), t = smoothed y, p_t = t p + (1 - t)(1 - p).

    w = t alpha + (1 - t)(1 - alpha), 1 without alpha; p is clipped to [clip, 1 - clip]; where it is, the gradient of
    the entropy is 0.
    """
    t = (1 - label_smoothing) * y + 0.5 * label_smoothing
    q = np.clip(p, clip, 1 - clip)
    entropy, slope = -(xlogy(t, q) + xlogy(1 - t, 1 - q)), (p - t) / (p * (1 - p))
    slope = np.where(q == p, slope, 0)
    if gamma:
        off = p + t - 2 * t * p  # 1 - p_t
        slope = off**gamma * slope + gamma * off ** (gamma - 1) * (1 - 2 * t) * entropy
        entropy = off**gamma * entropy
    w = 1 if alpha is None else t * alpha + (1 - t) * (1 - alpha)
    return (w * entropy).sum(axis=1), w * slope


def hinge(p, y):
    """sum_k max(0, 1 - s p), s = 1 where y > 0, else -1."""
    s = np.where(y > 0, 1.0, -1.0).astype(p.dtype)
    return np.maximum(1 - s * p, 0).sum(axis=1), np.where(s * p < 1, -s, 0)


def squared_hinge(p, y):
    """sum_k max(0, 1 - s p)^2, s = 1 where y > 0, else -1."""
    s = np.where(y > 0, 1.0, -1.0).astype(p.dtype)
    margin = np.maximum(1 - s * p, 0)
    return (margin**2).sum(axis=1), -2 * s * margin


def logits_cross_entropy(p, y):
    """log(sum_k exp(p_k)) - p[y] for logits p and class indices y (m,)."""
    top = p.max(axis=1, keepdims=True)
    e = np.exp(p - top)
    total = e.sum(axis=1, keepdims=True)
    rows = (np.log(total) + top)[:, 0] - p[np.arange(len(p)), y]
    return rows, e / total - one_hot(y, p)


LOSSES = {
    f.__name__: f
    for f in (
        squared_error,
        absolute_error,
        huber,
        log_cosh,
        quantile,
        poisson,
        cross_entropy,
        binary_cross_entropy,
        hinge,
        squared_hinge,
        logits_cross_entropy,
    )
}
CLASSES = {"cross_entropy", "logits_cross_entropy"}  # y holds class indices
# dz = p - y for these pairs, without the division that would overflow
PAIRS = {("cross_entropy", "softmax"), ("binary_cross_entropy", "logistic"), ("poisson", "exp")}


def loss_rows(name, p, y, **parameters):
    """The loss of each row, (m,)."""
    with np.errstate(all="ignore"):
        return LOSSES[name](p, y, **parameters)[0]


def loss_gradient(name, p, y, **parameters):
    """d loss / dp, (m,k)."""
    return LOSSES[name](p, y, **parameters)[1]
