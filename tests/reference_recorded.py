"""The NumPy oracle of recording: `Tape`, what a model computes, with the interface of `mlpcore._core.Tape`."""

from __future__ import annotations

import copy
from typing import NamedTuple

import numpy as np

from reference_ops import BINARY, REDUCTIONS, UNARY


class Declared(NamedTuple):
    """A parameter: arrays of these shapes (a dense layer's kernel and bias, or one flat array)."""

    shapes: tuple
    trainable: bool
    is_dense: bool


class Op(NamedTuple):
    kind: str
    inputs: tuple
    width: int
    batched: bool
    args: tuple = ()


class Objective(NamedTuple):
    """A term of the loss: `kind` is loss (fused, by name), row_loss or scalar_loss."""

    kind: str
    x: int
    weight: float
    sample_weight: int = -1
    name: str = ""
    target: int = 0
    settings: tuple = ()


class Tape:
    """What a model computes; a value is the index of the op that makes it."""

    def __init__(self):
        self.declared, self.ops = [], []
        self.outputs, self.objectives, self.penalties, self.totals, self.assigned = [], [], [], [], []

    # ------------------------------------------------ parameters

    def add_dense(self, n_in, n_out, bias=True, trainable=True):
        self.declared.append(Declared(((n_in, n_out), (n_out,))[: 1 + bias], trainable, True))
        return len(self.declared) - 1

    def add_parameter(self, size, trainable=True):
        self.declared.append(Declared(((size,),), trainable, False))
        return len(self.declared) - 1

    # ------------------------------------------------ values

    def _add(self, kind, inputs, width, args=(), batched=None):
        for i in inputs:
            if not 0 <= i < len(self.ops):
                raise ValueError(f"no value {i} on this tape")
        if width < 1:
            raise ValueError(f"{kind} makes a value of width {width}")
        if batched is None:
            batched = any(self.ops[i].batched for i in inputs)
        self.ops.append(Op(kind, tuple(inputs), width, batched, args))
        return len(self.ops) - 1

    def _width(self, x):
        return self.ops[x].width

    def _common_width(self, *values):
        widths = {self._width(v) for v in values} - {1}
        if len(widths) > 1:
            raise ValueError(f"widths differ: {sorted(widths)}")
        return widths.pop() if widths else 1

    def input(self, width):
        number = sum(op.kind == "input" for op in self.ops)
        return self._add("input", (), width, (number,), batched=True)

    def target(self, index, width):
        return self._add("target", (), width, (index,), batched=True)

    def constant(self, values):
        values = np.asarray(values, np.float64).ravel()
        return self._add("constant", (), values.size, (values.tobytes(),), batched=False)

    def parameter(self, p, part="kernel"):
        array = ("kernel", "bias").index(part) if self.declared[p].is_dense else 0
        return self._add("parameter", (), int(np.prod(self.declared[p].shapes[array])), (p, array), batched=False)

    def n_rows(self):
        return self._add("n_rows", (), 1, batched=False)

    def apply(self, x, p):
        n_in, n_out = self.declared[p].shapes[0]
        if self._width(x) % n_in:
            raise ValueError(f"dense expects a width divisible by {n_in}, got {self._width(x)}")
        return self._add("apply", (x,), self._width(x) // n_in * n_out, (p,))

    def dense(self, x, units, trainable=True):
        return self.apply(x, self.add_dense(self._width(x), units, True, trainable))

    def activation(self, x, name, alpha=None, last=0):
        return self._add("activation", (x,), self._width(x), (name, alpha, last))

    def unary(self, x, name):
        if name not in UNARY:
            raise ValueError(f"unknown op {name!r}")
        return self._add("unary", (x,), self._width(x), (name,))

    def binary(self, a, b, name):
        if name not in BINARY:
            raise ValueError(f"unknown op {name!r}")
        return self._add("binary", (a, b), self._common_width(a, b), (name,))

    def where(self, condition, a, b):
        return self._add("where", (condition, a, b), self._common_width(condition, a, b))

    def view(self, x, dims, strides, offset=0):
        return self._add("view", (x,), int(np.prod(dims)), (tuple(dims), tuple(strides), offset))

    def concat(self, xs, outer=1):
        return self._add("concat", xs, sum(self._width(x) for x in xs), (outer,))

    def reduce(self, x, name, outer, n, inner):
        if name not in REDUCTIONS or outer * n * inner != self._width(x):
            raise ValueError(f"cannot reduce width {self._width(x)} by {name!r} over {(outer, n, inner)}")
        return self._add("reduce", (x,), outer * inner, (name, outer, n, inner))

    def over_rows(self, x, name):
        return self._add("over_rows", (x,), self._width(x), (name,), batched=False)

    def matmul(self, a, b, m, k, n):
        if (self._width(a), self._width(b)) != (m * k, k * n):
            raise ValueError(f"matmul of {(m, k)} and {(k, n)} got widths {self._width(a)} and {self._width(b)}")
        return self._add("matmul", (a, b), m * n, (m, k, n))

    def take(self, table, index, dim):
        return self._add("take", (table, index), self._width(index) * dim, (dim,))

    def one_hot(self, x, n):
        return self._add("one_hot", (x,), self._width(x) * n, (n,))

    def dropout(self, x, rate):
        return self._add("dropout", (x,), self._width(x), (rate,))

    def gaussian_noise(self, x, stddev):
        return self._add("gaussian_noise", (x,), self._width(x), (stddev,))

    def stop_gradient(self, x):
        return self._add("stop_gradient", (x,), self._width(x))

    # ------------------------------------------------ what it is for

    def assign(self, p, value):
        self.assigned.append((p, value))

    def output(self, x):
        self.outputs.append(x)

    def loss(self, x, name, weight=1.0, clip=0.0, *, target=0, sample_weight=0, **settings):
        if name in ("cross_entropy", "binary_cross_entropy"):
            settings["clip"] = clip
        settings = tuple(sorted((k, tuple(v) if k == "quantiles" else v) for k, v in settings.items()))
        self.objectives.append(Objective("loss", x, weight, sample_weight, name, target, settings))

    def row_loss(self, v, weight=1.0, *, sample_weight=-1):
        self.objectives.append(Objective("row_loss", v, weight, sample_weight))

    def scalar_loss(self, v, weight=1.0):
        self.objectives.append(Objective("scalar_loss", v, weight))

    def penalty(self, p, l1=0.0, l2=0.0):
        self.penalties.append((p, l1, l2))

    def total(self, v, *, sample_weight=-1):
        self.totals.append((v, sample_weight))

    # ------------------------------------------------ tapes as values

    def copy(self):
        return copy.deepcopy(self)

    def _everything(self):
        return tuple(tuple(v) for v in vars(self).values())

    def __eq__(self, other):
        return isinstance(other, Tape) and self._everything() == other._everything()

    def __hash__(self):
        return hash(self._everything())

    def __len__(self):
        return len(self.ops)
