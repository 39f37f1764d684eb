"""The NumPy oracle: every operation of the core in its plainest form, and an engine made of them.

Functions take and return arrays of any float dtype; tests call them in float64. `Tape`, `Update`, `Engine` and
`Predictor` have the interface of `mlpcore._core`, so whatever runs on one runs on the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.special import erf, erfc, expit, xlogy

# ---------------------------------------------------------------- activations: name -> (f(z), f'(z))

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
DEFAULT_ALPHA = {"leaky_relu": 0.2, "elu": 1.0}  # Keras 3's leaky_relu(negative_slope=0.2), elu(alpha=1)


def softmax(z):
    """exp(z_j) / sum_k exp(z_k), row by row."""
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_backward(p, dp):
    """dz = p * (dp - sum_k dp_k p_k), from the output p."""
    return p * (dp - (dp * p).sum(axis=1, keepdims=True))


def softplus(z):
    """log(1 + exp(z)), without overflow."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def gelu(z):
    """z * Phi(z), Phi the normal distribution function (the exact form)."""
    return z * 0.5 * erfc(-z / np.sqrt(2.0))


def gelu_derivative(z):
    return 0.5 * (1 + erf(z / np.sqrt(2.0))) + z * np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)


def silu_derivative(z):
    s = expit(z)
    return s * (1 + z * (1 - s))


def mish_derivative(z):
    t = np.tanh(softplus(z))
    return t + z * (1 - t * t) * expit(z)


def elu(z, alpha):
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_derivative(z, alpha):
    return np.where(z > 0, 1.0, alpha * np.exp(np.minimum(z, 0)))


ACTIVATIONS = {
    "identity": (lambda z: z, np.ones_like),
    "logistic": (expit, lambda z: expit(z) * expit(-z)),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0), lambda z: np.where(z > 0, 1.0, 0.0)),
    "exp": (np.exp, np.exp),
    "leaky_relu": (lambda z, alpha: np.where(z >= 0, z, alpha * z), lambda z, alpha: np.where(z >= 0, 1.0, alpha)),
    "elu": (elu, elu_derivative),
    "selu": (lambda z: SELU_SCALE * elu(z, SELU_ALPHA), lambda z: SELU_SCALE * elu_derivative(z, SELU_ALPHA)),
    "gelu": (gelu, gelu_derivative),
    "silu": (lambda z: z * expit(z), silu_derivative),
    "mish": (lambda z: z * np.tanh(softplus(z)), mish_derivative),
    "softplus": (softplus, expit),
    # Keras 3: relu6(z + 3) / 6
    "hard_sigmoid": (lambda z: np.clip(z + 3, 0, 6) / 6, lambda z: np.where((z > -3) & (z < 3), 1 / 6, 0.0)),
    "softsign": (lambda z: z / (1 + np.abs(z)), lambda z: 1 / (1 + np.abs(z)) ** 2),
    "heaviside": (lambda z: np.where(z >= 0, 1.0, 0.0), np.zeros_like),  # forward only
}


def activate(name, z, alpha=None):
    """f(z) of the named activation, in z's dtype."""
    if name == "softmax":
        return softmax(z)
    arguments = () if name not in DEFAULT_ALPHA else (DEFAULT_ALPHA[name] if alpha is None else alpha,)
    return ACTIVATIONS[name][0](z, *arguments).astype(z.dtype, copy=False)


def activate_backward(name, z, dy, alpha=None):
    """dz = dy * f'(z) of the named activation, in z's dtype."""
    if name == "softmax":
        return softmax_backward(softmax(z), dy)
    arguments = () if name not in DEFAULT_ALPHA else (DEFAULT_ALPHA[name] if alpha is None else alpha,)
    return dy * ACTIVATIONS[name][1](z, *arguments).astype(z.dtype, copy=False)


# ---------------------------------------------------------------- dense


def dense(x, w, b):
    """z (m,n) = x (m,k) @ w (k,n) + b (n,)."""
    return x @ w + b


def dense_backward(x, w, dz):
    """dx (m,k), dw (k,n), db (n,) from dz (m,n)."""
    return dz @ w.T, x.T @ dz, dz.sum(axis=0)


# ---------------------------------------------------------------- losses: rows (m,) and the gradient at the output


def squared_error(p, y):
    """0.5 * sum_k (p - y)^2."""
    return 0.5 * ((p - y) ** 2).sum(axis=1), p - y


def poisson(p, y):
    """sum_k xlogy(y, y / p) - y + p."""
    return (xlogy(y, y / p) - y + p).sum(axis=1), 1 - y / p


def cross_entropy(p, y, clip=0.0):
    """-log p[y], y class indices (m,); p clipped to [clip, 1 - clip] in the value alone."""
    rows = np.arange(len(p))
    one_hot = np.zeros_like(p)
    one_hot[rows, y] = 1
    with np.errstate(divide="ignore"):
        return -np.log(np.clip(p[rows, y], clip, 1 - clip)), -one_hot / p


def binary_cross_entropy(p, y, clip=0.0):
    """-sum_k y log p + (1 - y) log(1 - p); p clipped to [clip, 1 - clip] in the value alone."""
    q = np.clip(p, clip, 1 - clip)
    return -(xlogy(y, q) + xlogy(1 - y, 1 - q)).sum(axis=1), (p - y) / (p * (1 - p))


LOSSES = {
    "squared_error": squared_error,
    "poisson": poisson,
    "cross_entropy": cross_entropy,
    "binary_cross_entropy": binary_cross_entropy,
}
# dz = p - y for these pairs, without the division that would overflow
CANONICAL = {("cross_entropy", "softmax"), ("binary_cross_entropy", "logistic"), ("poisson", "exp")}


def loss_rows(name, p, y, clip=0.0):
    """The loss of each row, (m,)."""
    with np.errstate(all="ignore"):
        return LOSSES[name](p, y, clip)[0] if "cross_entropy" in name else LOSSES[name](p, y)[0]


def loss_gradient(name, p, y):
    """d loss / dp, (m,k)."""
    return LOSSES[name](p, y)[1]


# ---------------------------------------------------------------- optimizers: in place, one parameter


def sgd(w, v, g, *, learning_rate, momentum=0.0, nesterov=False):
    """v = momentum v - lr g; w += momentum v - lr g (Nesterov) or v; v is not read without momentum."""
    v[...] = momentum * v - learning_rate * g if momentum else -learning_rate * g
    w += momentum * v - learning_rate * g if nesterov else v


def adam(w, m, v, g, *, step, learning_rate, beta_1=0.9, beta_2=0.999, epsilon=1e-8):
    """Adam as scikit-learn has it: lr_t = lr sqrt(1 - b2^t) / (1 - b1^t); w -= lr_t m / (sqrt(v) + epsilon)."""
    m[...] = beta_1 * m + (1 - beta_1) * g
    v[...] = beta_2 * v + (1 - beta_2) * (g * g)
    rate = learning_rate * np.sqrt(1 - beta_2**step) / (1 - beta_1**step)
    w -= rate * m / (np.sqrt(v) + epsilon)


# ---------------------------------------------------------------- the interface of mlpcore._core


class Op(NamedTuple):
    kind: str
    x: int
    width: int
    name: str = ""
    number: float | None = None  # alpha of an activation, rate of a dropout
    parameter: int = -1


class Tape:
    """What a model computes; a value is the index of the operation that makes it."""

    def __init__(self):
        self.ops: list[Op] = []
        self.parameter_shapes: list[tuple[int, ...]] = []
        self.result: int | None = None
        self.losses: list[tuple[int, str, float, float]] = []

    def _add(self, op):
        self.ops.append(op)
        return len(self.ops) - 1

    def input(self, width):
        return self._add(Op("input", -1, width))

    def dense(self, x, units):
        op = Op("dense", x, units, parameter=len(self.parameter_shapes))
        self.parameter_shapes += [(self.ops[x].width, units), (units,)]
        return self._add(op)

    def activation(self, x, name, alpha=None):
        if name != "softmax" and name not in ACTIVATIONS:
            raise ValueError(f"unknown activation {name!r}")
        return self._add(Op("activation", x, self.ops[x].width, name, alpha))

    def dropout(self, x, rate):
        return self._add(Op("dropout", x, self.ops[x].width, number=rate))

    def output(self, x):
        self.result = x

    def loss(self, x, name, weight=1.0, clip=0.0):
        self.losses.append((x, name, weight, clip))


@dataclass
class Update:
    kind: str = "sgd"
    learning_rate: float = 0.01
    momentum: float = 0.0
    nesterov: bool = False
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    l2: float = 0.0

    @property
    def n_slots(self):
        return {"sgd": int(self.momentum != 0), "adam": 2}[self.kind]


@dataclass
class Engine:
    """A tape with memory, in plain NumPy."""

    tape: Tape
    dtype: str
    step: int = 0
    _parameters: list = field(default_factory=list)
    _slots: list = field(default_factory=list)

    def __post_init__(self):
        self.parameter_shapes = list(self.tape.parameter_shapes)
        self._parameters = [np.zeros(shape, self.dtype) for shape in self.parameter_shapes]

    def load(self, parameters):
        self._check(parameters)
        self._parameters = [np.array(p, self.dtype) for p in parameters]

    def store(self, parameters):
        self._check(parameters)
        for mine, theirs in zip(self._parameters, parameters, strict=True):
            theirs[...] = mine

    def _check(self, parameters):
        shapes = [np.shape(p) for p in parameters]
        if shapes != self.parameter_shapes:
            raise ValueError(f"expected parameters of shapes {self.parameter_shapes}, got {shapes}")

    def slots(self):
        return [[s.copy() for s in slot] for slot in self._slots]

    def set_slots(self, slots, step):
        self._slots = [[np.array(s, self.dtype) for s in slot] for slot in slots]
        self.step = step

    def train(self, x, y, order, batch_size, update, *, sample_weight=None, learning_rates=None, n_threads=1):
        self._check_rows(x)
        if not self._slots:  # plain SGD has none
            self._slots = [[np.zeros_like(p) for p in self._parameters] for _ in range(update.n_slots)]
        loss_sum = penalty_sum = 0.0
        for number, start in enumerate(range(0, len(order), batch_size)):
            rows = order[start : start + batch_size]
            weight = None if sample_weight is None else sample_weight[rows]
            if weight is not None and weight.sum() == 0:
                continue
            loss, penalty, gradients = self.gradient(x[rows], y[rows], update.l2, sample_weight=weight)
            loss_sum += len(rows) * loss
            penalty_sum += len(rows) * penalty
            rate = update.learning_rate if learning_rates is None else learning_rates[number]
            self._apply(update, rate, gradients)
        return loss_sum, penalty_sum

    def _apply(self, update, rate, gradients):
        self.step += 1
        for i, (w, g) in enumerate(zip(self._parameters, gradients, strict=True)):
            if update.kind == "sgd":
                v = self._slots[0][i] if self._slots else np.empty_like(w)
                sgd(w, v, g, learning_rate=rate, momentum=update.momentum, nesterov=update.nesterov)
            else:
                betas = {"beta_1": update.beta_1, "beta_2": update.beta_2, "epsilon": update.epsilon}
                adam(w, self._slots[0][i], self._slots[1][i], g, step=self.step, learning_rate=rate, **betas)

    def gradient(self, x, y, l2=0.0, *, sample_weight=None, n_threads=1):
        self._check_rows(x)
        weight = np.ones(len(x), self.dtype) if sample_weight is None else sample_weight
        total = float(weight.sum(dtype=np.float64))
        values = self._forward(x)
        loss = 0.0
        deltas = [None] * len(values)  # d loss / d value, summed over the rows with their weights
        for source, name, scale, clip in self.tape.losses:
            p, op = values[source], self.tape.ops[source]
            loss += scale * float(weight.astype(np.float64) @ loss_rows(name, p, y, clip)) / total
            row_scale = (scale * weight)[:, None].astype(self.dtype)
            if (name, op.name) in CANONICAL:
                target = y if name != "cross_entropy" else (y[:, None] == np.arange(p.shape[1])).astype(self.dtype)
                deltas[op.x] = _plus(deltas[op.x], row_scale * (p - target))
            else:
                deltas[source] = _plus(deltas[source], row_scale * loss_gradient(name, p, y))
        gradients = self._backward(values, deltas)
        penalty = 0.0
        for w, g in zip(self._parameters, gradients, strict=True):
            if w.ndim == 2:
                penalty += 0.5 * l2 * float((w.astype(np.float64) ** 2).sum()) / total
                g += l2 * w
            g /= total
        return loss, penalty, gradients

    def predict(self, x, n_threads=1):
        self._check_rows(x)
        return np.array(self._forward(x)[self.tape.result])

    def _check_rows(self, x):
        if x.dtype != self.dtype or not x.flags.c_contiguous:
            raise TypeError(f"expected C-contiguous rows of {self.dtype}, got {x.dtype}")

    def _forward(self, x):
        values = []
        for op in self.tape.ops:
            if op.kind == "input":
                values.append(x)
            elif op.kind == "dense":
                values.append(dense(values[op.x], *self._parameters[op.parameter : op.parameter + 2]))
            elif op.kind == "activation":
                values.append(activate(op.name, values[op.x], op.number))
            else:
                raise NotImplementedError(f"the reference engine has no {op.kind}")
        return values

    def _backward(self, values, deltas):
        gradients = [np.zeros_like(p) for p in self._parameters]
        for i in reversed(range(len(values))):
            op, delta = self.tape.ops[i], deltas[i]
            if delta is None or op.kind == "input":
                continue
            if op.kind == "dense":
                w = self._parameters[op.parameter]
                dx, dw, db = dense_backward(values[op.x], w, delta)
                gradients[op.parameter] += dw
                gradients[op.parameter + 1] += db
            else:
                dx = activate_backward(op.name, values[op.x], delta, op.number)
            deltas[op.x] = _plus(deltas[op.x], dx)
        return gradients


def _plus(sum_so_far, term):
    return term if sum_so_far is None else sum_so_far + term


class Predictor:
    """Reads the given weights in place: `predict(x, parameters)`."""

    def __init__(self, tape, dtype):
        self.tape, self.dtype = tape, dtype

    def predict(self, x, parameters):
        engine = Engine(self.tape, self.dtype)
        engine.load(parameters)
        return engine.predict(x)


def default_threads():
    return 1
