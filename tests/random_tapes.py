"""Random programs for the engine: what Hypothesis draws, recorded on the core's tape or on the reference's.

A program is a list of recording calls on handles. Ops whose values jump where rounding differs (comparisons, floor,
argmax, ...) read inputs, and ops with poles read squares plus a constant, so that two correct engines agree.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st

SMOOTH = ["negative", "square", "abs", "sin", "cos", "erf"]
POSITIVE = ["reciprocal", "sqrt", "rsqrt", "log", "log1p"]
JUMPING = ["sign", "floor", "ceil", "round", "logical_not", "isfinite"]
ACTIVATIONS = """identity logistic tanh relu softmax leaky_relu elu selu gelu silu mish softplus hard_sigmoid softsign
heaviside""".split()
PLAIN_LOSSES = "squared_error absolute_error huber log_cosh hinge squared_hinge quantile".split()
COMPARISONS = "greater greater_equal less less_equal equal not_equal logical_and logical_or".split()
REDUCTIONS = "sum mean max min prod".split()
MOST_COLUMNS = 40


class Handle(NamedTuple):
    """A value of the program: which, how wide, whether it has a row for each of the batch."""

    number: int
    width: int
    batched: bool


class Program(NamedTuple):
    calls: list  # (method, arguments, keywords, whether it makes a value)
    inputs: list  # widths
    targets: list  # widths, or the negative number of classes
    is_batchwise: bool
    has_noise: bool

    def record(self, tape):
        """Record the program on a tape."""
        values = []

        def known(argument):
            if isinstance(argument, Handle):
                return values[argument.number]
            return [known(a) for a in argument] if isinstance(argument, list) else argument

        for method, arguments, keywords, makes_value in self.calls:
            result = getattr(tape, method)(*map(known, arguments), **keywords)
            if makes_value:
                values.append(result)
        return tape

    def data(self, rows, dtype, seed=0):
        """Return inputs, targets and two arrays of weights, of which some rows have none."""
        rng = np.random.default_rng(seed)
        x = [rng.normal(size=(rows, width)).astype(dtype) for width in self.inputs]
        y = [
            rng.integers(0, -width, rows).astype(np.int32) if width < 0 else rng.random((rows, width)).astype(dtype)
            for width in self.targets
        ]
        return x, y, [(rng.random(rows) * (rng.random(rows) > 0.2)).astype(dtype) for _ in range(2)]


class Builder:
    """Draws a program call by call."""

    def __init__(self, draw, noise=False, heavy=False):
        self.draw, self.noise, self.heavy = draw, noise, heavy
        self.calls, self.values, self.inputs, self.targets = [], [], [], []
        self.dense, self.flat = [], []  # (number, in, out, bias, trainable); (number, size, trainable)
        self.parameters = 0
        self.is_batchwise = False

    def pick(self, options):
        return self.draw(st.sampled_from(list(options)))

    def number(self, low, high):
        return self.draw(st.integers(low, high))

    def flip(self):
        return self.draw(st.booleans())

    # ------------------------------------------------ values

    def value(self, method, *arguments, width, batched=None):
        if batched is None:
            batched = any(a.batched for a in arguments if isinstance(a, Handle))
        self.calls.append((method, list(arguments), {}, True))
        handle = Handle(sum(call[3] for call in self.calls) - 1, width, batched)
        self.values.append(handle)
        return handle

    def call(self, method, *arguments, **keywords):
        self.calls.append((method, list(arguments), keywords, False))

    def input(self):
        width = self.number(1, 9)
        self.inputs.append(width)
        return self.value("input", width, width=width, batched=True)

    def constant(self, width):
        seed = self.number(0, 99)
        values = np.random.default_rng(seed).normal(size=width).round(3).tolist()
        return self.value("constant", values, width=width, batched=False)

    def add_dense(self, n_in, n_out):
        bias, trainable = self.flip() or self.flip(), self.flip() or self.flip()
        self.calls.append(("add_dense", [n_in, n_out, bias, trainable], {}, False))
        self.dense.append((self.parameters, n_in, n_out, bias, trainable))
        self.parameters += 1
        return self.dense[-1]

    def add_flat(self, size, trainable=True):
        self.calls.append(("add_parameter", [size, trainable], {}, False))
        self.flat.append((self.parameters, size, trainable))
        self.parameters += 1
        return self.flat[-1]

    def any_value(self, batched=None, most=MOST_COLUMNS):
        found = [v for v in self.values if v.width <= most and (batched is None or v.batched == batched)]
        return self.pick(found[-6:] + found[:2]) if found else None

    def fitting(self, width, batched=None):
        """A value of this width, or one column wide."""
        found = [v for v in self.values if v.width in (1, width) and (batched is None or v.batched == batched)]
        return self.pick(found[-5:]) if found and self.flip() else self.constant(self.pick([1, width]))

    def raw(self):
        """An input: its values are the same wherever they are computed."""
        return self.pick(self.values[: len(self.inputs)])

    def apply_dense(self, x=None, n_out=None):
        x = x or self.any_value()
        fits = [d for d in self.dense if x.width % d[1] == 0 and x.width // d[1] * d[2] <= MOST_COLUMNS]
        if fits and n_out is None and self.flip():
            layer = self.pick(fits)
        else:
            divisors = [d for d in range(1, x.width + 1) if x.width % d == 0]
            n_in = x.width if n_out or self.flip() else self.pick(divisors)
            layer = self.add_dense(n_in, n_out or self.number(1, max(1, MOST_COLUMNS * n_in // x.width // 2)))
        return self.value("apply", x, layer[0], width=x.width // layer[1] * layer[2])

    def activation(self, x=None):
        x = x or self.any_value()
        name = self.pick(ACTIVATIONS)
        if name == "heaviside":
            x = self.raw()
        last = self.pick([d for d in range(1, x.width + 1) if x.width % d == 0]) if name == "softmax" else 0
        alpha = {"leaky_relu": 0.1, "elu": 0.7}.get(name)
        return self.value("activation", x, name, alpha, last, width=x.width)

    def bounded(self, x):
        return self.value("activation", x, "tanh", None, 0, width=x.width)

    def positive(self, x):
        return self.value("binary", self.value("unary", x, "square", width=x.width), self.half(), "add", width=x.width)

    def half(self):
        return self.value("constant", [0.5], width=1, batched=False)

    def unary(self):
        kind = self.pick(["smooth", "positive", "jumping", "exp"])
        if kind == "jumping":
            x = self.raw()
            return self.value("unary", x, self.pick(JUMPING), width=x.width)
        x = self.any_value()
        if kind == "positive":
            return self.value("unary", self.positive(x), self.pick(POSITIVE), width=x.width)
        if kind == "exp":
            return self.value("unary", self.bounded(x), self.pick(["exp", "expm1"]), width=x.width)
        return self.value("unary", x, self.pick(SMOOTH), width=x.width)

    def binary(self):
        kind = self.pick(["plain", "plain", "divide", "power", "extreme", "compare"])
        if kind == "compare":
            a, b = self.raw(), None
            b = self.constant(self.pick([1, a.width]))
            name = self.pick([*COMPARISONS, "mod"])
            return self.value("binary", a, b, name, width=a.width)
        a = self.any_value()
        b = self.fitting(a.width)
        if self.flip():
            a, b = b, a
        width = max(a.width, b.width)
        if kind == "divide":
            return self.value("binary", a, self.positive(b), "divide", width=width)
        if kind == "power":
            return self.value("binary", self.positive(a), self.bounded(b), "power", width=width)
        names = ["maximum", "minimum"] if kind == "extreme" else ["add", "subtract", "multiply"]
        return self.value("binary", a, b, self.pick(names), width=width)

    def where(self):
        a = self.any_value()
        condition = self.raw()
        mask = self.value("binary", condition, self.constant(1), "greater", width=condition.width)
        if mask.width not in (1, a.width):
            mask = self.value("reduce", mask, "max", 1, mask.width, 1, width=1)
        arguments = [mask, a, self.fitting(a.width)]
        return self.value("where", *arguments, width=max(h.width for h in arguments))

    def view(self):
        x = self.any_value()
        dims, strides, low, high = [], [], 0, 0
        for _ in range(self.number(1, 3)):
            dim, stride = self.number(1, 4), self.number(-3, 3)
            reach = stride * (dim - 1)
            if high - low + abs(reach) >= x.width:
                continue
            low, high = low + min(reach, 0), high + max(reach, 0)
            dims.append(dim)
            strides.append(stride)
        offset = self.number(-low, x.width - 1 - high)
        return self.value("view", x, dims, strides, offset, width=int(np.prod(dims)) if dims else 1)

    def concat(self):
        xs = [self.any_value(most=12) or self.half() for _ in range(self.number(1, 3))]
        outer = self.pick([d for d in (1, 2, 3) if all(x.width % d == 0 for x in xs)])
        width, batched = sum(x.width for x in xs), any(x.batched for x in xs)
        return self.value("concat", xs, outer, width=width, batched=batched)

    def reduce(self):
        x = self.any_value()
        name = self.pick([*REDUCTIONS, "argmax", "argmin"])
        if name.startswith("arg"):
            x = self.raw()
        if name == "prod":
            x = self.bounded(x)
        outer = self.pick([d for d in range(1, x.width + 1) if x.width % d == 0])
        n = self.pick([d for d in range(1, x.width // outer + 1) if x.width // outer % d == 0])
        inner = x.width // outer // n
        return self.value("reduce", x, name, outer, n, inner, width=outer * inner)

    def over_rows(self):
        x = self.any_value(batched=True)
        self.is_batchwise = True
        return self.value("over_rows", x, self.pick(["sum", "mean", "max", "min"]), width=x.width, batched=False)

    def n_rows(self):
        self.is_batchwise = True
        n = self.value("n_rows", width=1, batched=False)
        return self.value("unary", n, "reciprocal", width=1)

    def matmul(self):
        a = self.any_value(most=12)
        m = self.pick([d for d in range(1, a.width + 1) if a.width % d == 0])
        k, n = a.width // m, self.number(1, 3)
        found = [v for v in self.values if v.width == k * n]
        b = self.pick(found) if found and self.flip() else self.constant(k * n)
        return self.value("matmul", a, b, m, k, n, width=m * n)

    def take(self):
        x = self.raw()
        index = self.value("unary", x, "round", width=x.width)
        dim = self.number(1, 3)
        tables = [v for v in self.values if not v.batched and v.width % dim == 0]
        table = self.pick(tables) if tables and self.flip() else self.parameter(self.add_flat(4 * dim))
        return self.value("take", table, index, dim, width=index.width * dim, batched=index.batched)

    def one_hot(self):
        x = self.raw()
        x = self.value("unary", x, "floor", width=x.width)
        n = self.number(1, 3)
        return self.value("one_hot", x, n, width=x.width * n)

    def parameter(self, flat=None):
        if flat or not self.dense or self.flip():
            number, size, _ = flat or (
                self.pick(self.flat) if self.flat and self.flip() else self.add_flat(self.number(1, 9))
            )
            return self._parameter(number, "kernel", size)
        number, n_in, n_out, bias, _ = self.pick(self.dense)
        if bias and self.flip():
            return self._parameter(number, "bias", n_out)
        return self._parameter(number, "kernel", n_in * n_out)

    def _parameter(self, number, part, width):
        return self.value("parameter", number, part, width=width, batched=False)

    def stop_gradient(self):
        x = self.any_value()
        return self.value("stop_gradient", x, width=x.width)

    def dropout(self):
        x = self.any_value()
        amount = self.pick([0.0, 0.3]) if self.noise else 0.0
        return self.value(self.pick(["dropout", "gaussian_noise"]), x, amount, width=x.width)

    # ------------------------------------------------ what it is for

    def column(self, x):
        if x.width == 1:
            return x
        return self.value("reduce", x, "sum", 1, x.width, 1, width=1)

    def objective(self):
        weight, sample_weight = self.pick([1.0, 0.3]), self.pick([-1, 0, 1])
        form = self.pick(["fused", "fused", "rows", "scalar"])
        x = self.any_value(batched=True)
        if form == "rows":
            known = list(self.values)
            if self.flip():  # with a target that ops read
                width = self.pick([1, x.width])
                self.targets.append(width)
                target = self.value("target", len(self.targets) - 1, width, width=width, batched=True)
                x = self.value("binary", x, target, "subtract", width=x.width)
            row = self.column(self.value("unary", x, "square", width=x.width))
            self.values = known  # what predictions have
            return self.call("row_loss", row, weight, sample_weight=sample_weight)
        if form == "scalar":
            unbatched = self.any_value(batched=False) if self.flip() else None
            if unbatched is None:
                self.is_batchwise = True
                unbatched = self.value("over_rows", x, "mean", width=x.width, batched=False)
            return self.call("scalar_loss", self.column(unbatched), weight)
        name = self.pick([*PLAIN_LOSSES, "cross_entropy", "binary_cross_entropy", "poisson", "logits_cross_entropy"])
        keywords = {"target": len(self.targets), "sample_weight": sample_weight}
        partner = {"cross_entropy": "softmax", "binary_cross_entropy": "logistic"}.get(name)
        if partner:
            x = self.value("activation", x, partner, None, 0, width=x.width)
            keywords["clip"] = 1e-7
            if name == "binary_cross_entropy" and self.flip():
                keywords |= {"gamma": self.pick([0.0, 2.0]), "label_smoothing": self.pick([0.0, 0.1])}
        if name == "poisson":
            x = self.value("activation", self.bounded(x), "exp", None, 0, width=x.width)
        if self.flip() and self.flip():
            x = self.value("stop_gradient", x, width=x.width)
        width = x.width
        if name == "huber":
            keywords["delta"] = self.pick([0.5, 1.0])
        if name == "quantile":
            keywords["quantiles"] = self.pick([q for q in ([0.3], [0.1, 0.8]) if width % len(q) == 0])
            width //= len(keywords["quantiles"])
        self.targets.append(-x.width if name in ("cross_entropy", "logits_cross_entropy") else width)
        return self.call("loss", x, name, weight, **keywords)

    def build(self):
        for _ in range(self.number(1, 2)):
            self.input()
        self.apply_dense()
        if self.heavy:
            wide = self.apply_dense(n_out=self.pick([60, 200]))
            wide = self.value("activation", wide, self.pick(["relu", "tanh", "gelu"]), None, 0, width=wide.width)
            for width in self.pick([[200], [61], [200, 200]]):  # two whose columns threads share, one after the other
                wide = self.apply_dense(wide, width)
                wide = self.value("activation", wide, "relu", None, 0, width=wide.width)
            self.apply_dense(wide, self.number(1, 8))
        steps = [self.apply_dense, self.activation, self.unary, self.binary, self.where, self.view, self.concat]
        steps += [self.apply_dense, self.activation, self.reduce, self.over_rows, self.n_rows, self.matmul, self.take]
        steps += [self.apply_dense, self.one_hot, self.parameter, self.stop_gradient, self.dropout]
        for _ in range(self.number(1, 12)):
            self.pick(steps)()
        for _ in range(self.number(1, 3)):
            self.objective()
        for _ in range(self.number(1, 2)):
            self.call("output", self.any_value(batched=True))
        for _ in range(self.number(0, 2)):
            self.call("total", self.any_value(batched=True), sample_weight=self.pick([-1, 0, 1]))
        if self.flip():
            trainable = [d for d in self.dense if d[4]]
            if trainable:
                self.call("penalty", self.pick(trainable)[0], self.pick([0.0, 0.01]), 0.02)
        unbatched = [v for v in self.values if not v.batched and v.width <= MOST_COLUMNS]
        if unbatched and self.flip():
            value = self.pick(unbatched)
            self.call("assign", self.add_flat(value.width, False)[0], value)
        return Program(self.calls, self.inputs, self.targets, self.is_batchwise, self.noise)


@st.composite
def programs(draw, noise=False, heavy=False):
    """Draw a program."""
    return Builder(draw, noise, heavy).build()
