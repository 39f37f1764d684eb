"""The NumPy oracle: every operation of the core in its plainest form, and an engine made of them.

Functions take and return arrays of any float dtype; tests call them in float64. `Tape`, `Update`, `Engine` and
`Predictor` have the interface of `mlpcore._core`, so whatever runs on one runs on the other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from scipy.special import erf, erfc, expit

from reference_dropout import kept
from reference_losses import CLASSES, LOSSES, PAIRS, loss_gradient, loss_rows, one_hot
from reference_updates import RULES, Update, apply

__all__ = [
    "ACTIVATIONS",
    "CLASSES",
    "LOSSES",
    "RULES",
    "Engine",
    "Predictor",
    "Tape",
    "Update",
    "loss_gradient",
    "loss_rows",
]

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


# ---------------------------------------------------------------- the interface of mlpcore._core


class Op(NamedTuple):
    kind: str
    x: int
    width: int
    name: str = ""
    number: float | None = None  # alpha of an activation, rate of a dropout
    parameter: int = -1
    trainable: bool = True


class Tape:
    """What a model computes; a value is the index of the operation that makes it."""

    def __init__(self):
        self.ops: list[Op] = []
        self.parameter_shapes: list[tuple[int, ...]] = []
        self.result: int | None = None
        self.losses: list[tuple[int, str, float, dict]] = []

    def _add(self, op):
        self.ops.append(op)
        return len(self.ops) - 1

    def input(self, width):
        return self._add(Op("input", -1, width))

    def dense(self, x, units, trainable=True):
        op = Op("dense", x, units, parameter=len(self.parameter_shapes), trainable=trainable)
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

    def loss(self, x, name, weight=1.0, clip=0.0, **parameters):
        if name in ("cross_entropy", "binary_cross_entropy"):
            parameters["clip"] = clip
        self.losses.append((x, name, weight, parameters))


@dataclass
class Engine:
    """A tape with memory, in plain NumPy."""

    tape: Tape
    dtype: str
    step: int = 0
    seed: int = 0
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
            self._slots = update.new_slots(self._parameters)
        loss_sum = penalty_sum = 0.0
        for number, start in enumerate(range(0, len(order), batch_size)):
            rows = order[start : start + batch_size]
            weight = None if sample_weight is None else sample_weight[rows]
            if weight is not None and weight.sum() == 0:
                continue
            self.step += 1
            loss, penalty, gradients = self._gradient(x[rows], y[rows], update.l2, update.l1, weight, self.step)
            loss_sum += len(rows) * loss
            penalty_sum += len(rows) * penalty
            rate = update.learning_rate if learning_rates is None else learning_rates[number]
            layers = [op.parameter for op in self.tape.ops if op.kind == "dense" and op.trainable]
            moving = [i for kernel in layers for i in (kernel, kernel + 1)]
            lists = (self._parameters, *self._slots, gradients)
            parameters, *slots, gradients = ([arrays[i] for i in moving] for arrays in lists)
            apply(update, rate, self.step, parameters, slots, gradients)
        return loss_sum, penalty_sum

    def gradient(self, x, y, l2=0.0, *, l1=0.0, sample_weight=None, n_threads=1):
        self._check_rows(x)
        return self._gradient(x, y, l2, l1, sample_weight, None)

    def evaluate(self, x, y, *, sample_weight=None, n_threads=1):
        return self.gradient(x, y, sample_weight=sample_weight)[0]

    def input_gradient(self, x, n_threads=1):
        values = self._forward(x, None)
        gradients = []
        for column in np.eye(values[self.tape.result].shape[1], dtype=self.dtype):
            deltas = [None] * len(values)
            deltas[self.tape.result] = np.tile(column, (len(x), 1))
            self._backward(values, deltas, None)
            gradients.append(deltas[0])
        return np.stack(gradients, axis=1)

    def _gradient(self, x, y, l2, l1, sample_weight, step):
        weight = np.ones(len(x), self.dtype) if sample_weight is None else sample_weight
        total = float(weight.sum(dtype=np.float64))
        values = self._forward(x, step)
        loss = 0.0
        deltas = [None] * len(values)  # d loss / d value, summed over the rows with their weights
        for source, name, scale, parameters in self.tape.losses:
            p, op = values[source], self.tape.ops[source]
            loss += scale * float(weight.astype(np.float64) @ loss_rows(name, p, y, **parameters)) / total
            row_scale = (scale * weight)[:, None].astype(self.dtype)
            if (name, op.name) in PAIRS and not parameters.keys() - {"clip"}:
                target = y if name != "cross_entropy" else one_hot(y, p)
                deltas[op.x] = _plus(deltas[op.x], row_scale * (p - target))
            else:
                gradient = loss_gradient(name, p, y, **parameters).astype(self.dtype)
                deltas[source] = _plus(deltas[source], row_scale * gradient)
        gradients = self._backward(values, deltas, step)
        penalty = 0.0
        for op in self.tape.ops:
            if op.kind != "dense" or not op.trainable:
                continue
            w, g = self._parameters[op.parameter], gradients[op.parameter]
            wide = w.astype(np.float64)
            penalty += (l1 * np.abs(wide).sum() + 0.5 * l2 * (wide**2).sum()) / total
            g += l1 * np.sign(w) + l2 * w
        for g in gradients:
            g /= total
        return loss, float(penalty), gradients

    def predict(self, x, n_threads=1):
        self._check_rows(x)
        return np.array(self._forward(x, None)[self.tape.result])

    def _check_rows(self, x):
        if x.dtype != self.dtype or not x.flags.c_contiguous:
            raise TypeError(f"expected C-contiguous rows of {self.dtype}, got {x.dtype}")

    def _forward(self, x, step):
        """All values; dropouts act where a step is given."""
        values = []
        for number, op in enumerate(self.tape.ops):
            if op.kind == "input":
                values.append(x)
            elif op.kind == "dense":
                values.append(dense(values[op.x], *self._parameters[op.parameter : op.parameter + 2]))
            elif op.kind == "activation":
                values.append(activate(op.name, values[op.x], op.number))
            else:
                values.append(self._drop(number, values[op.x], step))
        return values

    def _drop(self, number, x, step):
        rate = self.tape.ops[number].number
        if step is None or rate == 0:
            return x
        keep = kept(self.seed, step, number, *x.shape, rate)
        return np.where(keep, x / (1 - rate), 0).astype(x.dtype)

    def _backward(self, values, deltas, step):
        gradients = [np.zeros_like(p) for p in self._parameters]
        for i in reversed(range(len(values))):
            op, delta = self.tape.ops[i], deltas[i]
            if delta is None or op.kind == "input":
                continue
            if op.kind == "dense":
                w = self._parameters[op.parameter]
                dx, dw, db = dense_backward(values[op.x], w, delta)
                if op.trainable:
                    gradients[op.parameter] += dw
                    gradients[op.parameter + 1] += db
            elif op.kind == "dropout":
                dx = self._drop(i, delta, step)
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
