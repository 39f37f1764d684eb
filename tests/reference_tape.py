"""The NumPy oracle of tapes of any ops: `Tape`, `Engine` and `Sums` with the interface of `mlpcore._core`.

An engine runs the ops in order and takes gradients in reverse order. It computes in its dtype, one op at a time, on one
thread. Random numbers (dropout, noise) are seeded like the core's but are others.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from reference import dense, dense_backward
from reference_losses import PAIRS, loss_gradient, loss_rows, one_hot
from reference_ops import OPS, unbroadcast
from reference_recorded import Tape
from reference_updates import Update, apply, new_slots

__all__ = ["Engine", "Sums", "Tape", "Update"]


class Sums:
    """What a pass adds up; unpacks as (loss, penalty).

    losses: one number for each loss, row_loss and scalar_loss, in the order in which they were recorded.
    """

    def __init__(self, tape):
        self.loss, self.penalty, self.rows = 0.0, 0.0, 0
        self.losses = [0.0] * len(tape.objectives)
        self.totals = [np.zeros(tape.ops[v].width) for v, _ in tape.totals]
        self.total_weights = [0.0] * len(tape.totals)

    def __iter__(self):
        return iter((self.loss, self.penalty))


class Store:
    """Parameters, slots and the count of steps, which several engines may share."""

    def __init__(self, tape, dtype):
        self.arrays = [[np.zeros(shape, dtype) for shape in d.shapes] for d in tape.declared]
        self.slots, self.step, self.seed = [], 0, 0

    def flat(self):
        return [array for arrays in self.arrays for array in arrays]


class Batch(NamedTuple):
    x: list
    y: list
    weights: list
    rows: int
    step: int | None  # of the random numbers; None: no noise
    divide_by: str

    def weight(self, number):
        """The row weights of that number, ones if it is -1 or not given; float64."""
        if not 0 <= number < len(self.weights) or self.weights[number] is None:
            return np.ones(self.rows)
        return self.weights[number].astype(np.float64)

    def divisor(self, number):
        return float(self.rows if self.divide_by == "rows" else self.weight(number).sum())


def as_list(arrays):
    if arrays is None:
        return []
    return list(arrays) if isinstance(arrays, list | tuple) else [arrays]


class Engine:
    """A tape with memory, in plain NumPy."""

    def __init__(self, tape, dtype, share=None):
        self.tape, self.dtype = tape.copy(), np.dtype(dtype)
        if share is not None and [d.shapes for d in share.tape.declared] != [d.shapes for d in tape.declared]:
            raise ValueError("engines that share parameters must declare the same ones")
        self._store = Store(tape, dtype) if share is None else share._store
        self.parameter_shapes = [shape for d in tape.declared for shape in d.shapes]

    step = property(lambda self: self._store.step, lambda self, v: setattr(self._store, "step", v))
    seed = property(lambda self: self._store.seed, lambda self, v: setattr(self._store, "seed", v))

    # ------------------------------------------------ parameters

    def _check(self, arrays):
        mine = self._store.flat()
        if [np.size(a) for a in arrays] != [a.size for a in mine]:
            raise ValueError(f"expected arrays of shapes {self.parameter_shapes}, got {[np.shape(a) for a in arrays]}")
        return zip(mine, arrays, strict=True)

    def load(self, arrays):
        for mine, given in self._check(arrays):
            mine[...] = np.reshape(given, mine.shape)

    def store(self, arrays):
        for mine, given in self._check(arrays):
            given[...] = mine.reshape(np.shape(given))

    def slots(self):
        return [[s.copy() for s in slot] for slot in self._store.slots]

    def set_slots(self, slots, step):
        shapes = self.parameter_shapes
        self._store.slots = [
            [np.array(s, self.dtype).reshape(shape) for s, shape in zip(slot, shapes, strict=True)] for slot in slots
        ]
        self._store.step = step

    # ------------------------------------------------ passes

    def _batch(self, x, y, sample_weight, rows=None, step=None, divide_by="weights"):
        x, y, weights = as_list(x), as_list(y), as_list(sample_weight)
        if rows is not None:
            x, y = [a[rows] for a in x], [a[rows] for a in y]
            weights = [None if w is None else w[rows] for w in weights]
        for a in x:
            if a.dtype != self.dtype or not a.flags.c_contiguous:
                raise TypeError(f"expected C-contiguous rows of {self.dtype}, got {a.dtype}")
        n = len(rows) if rows is not None else len((x + y)[0]) if x + y else 1
        return Batch(x, y, weights, n, step, divide_by)

    def train(
        self,
        x,
        y,
        order,
        batch_size,
        update,
        *,
        sample_weight=None,
        learning_rates=None,
        n_threads=1,
        divide_by="weights",
    ):
        store, sums = self._store, Sums(self.tape)
        if order is None:
            order = np.arange(self._batch(x, y, sample_weight).rows)
        if not store.slots:  # plain SGD has none
            store.slots = new_slots(update, store.flat())
        for number, start in enumerate(range(0, len(order), batch_size)):
            rows = np.asarray(order[start : start + batch_size])
            batch = self._batch(x, y, sample_weight, rows, store.step + 1, divide_by)
            of_rows = [o for o in self.tape.objectives if o.kind != "scalar_loss"]
            if of_rows and all(batch.divisor(o.sample_weight) == 0 for o in of_rows):
                continue
            store.step += 1
            values = self._forward(batch)
            gradients = self._gradients(batch, values, update.l1, update.l2)
            self._add_up(sums, batch, values, update.l1, update.l2)
            self._update(update, update.learning_rate if learning_rates is None else learning_rates[number], gradients)
            for p, value in self.tape.assigned:
                store.arrays[p][0][...] = values[value][0]
        return sums

    def _update(self, update, rate, gradients):
        """The step, for those parameters that the loss reaches."""
        lists = (self._store.flat(), *self._store.slots)
        moving = [i for i, g in enumerate(gradients) if g is not None]
        parameters, *slots = ([arrays[i] for i in moving] for arrays in lists)
        apply(update, rate, self._store.step, parameters, slots, [gradients[i] for i in moving])

    def evaluate(self, x, y, *, sample_weight=None, batch_size=None, n_threads=1, divide_by="weights"):
        sums = Sums(self.tape)
        n = self._batch(x, y, sample_weight).rows
        for start in range(0, n, batch_size or n):
            rows = np.arange(start, min(n, start + (batch_size or n)))
            batch = self._batch(x, y, sample_weight, rows if as_list(x) + as_list(y) else None, None, divide_by)
            self._add_up(sums, batch, self._forward(batch))
        return sums

    def predict(self, x, n_threads=1, *, batch_size=None, training=False):
        n = self._batch(x, [], None).rows
        pieces = []
        for start in range(0, max(n, 1), batch_size or max(n, 1)):
            rows = np.arange(start, min(n, start + (batch_size or n))) if as_list(x) else None
            values = self._forward(self._batch(x, [], None, rows, self.step if training else None))
            pieces.append([values[v] for v in self.tape.outputs])
        results = []
        for v, parts in zip(self.tape.outputs, zip(*pieces, strict=True), strict=True):
            if not self.tape.ops[v].batched and len(parts) > 1:
                raise ValueError("an output that is not batched is computed for one batch only")
            results.append(np.concatenate(parts) if self.tape.ops[v].batched else parts[0][0].copy())
        return results if len(results) != 1 else results[0]

    def gradient(self, x, y, l2=0.0, *, l1=0.0, sample_weight=None, n_threads=1, divide_by="weights"):
        batch, sums = self._batch(x, y, sample_weight, divide_by=divide_by), Sums(self.tape)
        values = self._forward(batch)
        self._add_up(sums, batch, values, l1, l2)
        gradients = self._gradients(batch, values, l1, l2)
        filled = [np.zeros_like(a) if g is None else g for a, g in zip(self._store.flat(), gradients, strict=True)]
        return sums.loss / batch.rows, sums.penalty / batch.rows, filled

    # ------------------------------------------------ one batch

    def _forward(self, batch):
        """All values; None where there is no target or input to compute them from."""
        values = []
        for number, op in enumerate(self.tape.ops):
            inputs = [values[i] for i in op.inputs]
            value = None
            if all(v is not None for v in inputs):
                with np.errstate(all="ignore"):
                    value = self._value(number, op, inputs, batch)
            values.append(None if value is None else np.asarray(value, self.dtype))
        return values

    def _value(self, number, op, inputs, batch):
        if op.kind in {"input", "target"}:
            arrays = batch.x if op.kind == "input" else batch.y
            return arrays[op.args[0]].reshape(batch.rows, op.width) if op.args[0] < len(arrays) else None
        if op.kind == "constant":
            return np.frombuffer(op.args[0])[None]
        if op.kind == "parameter":
            return self._store.arrays[op.args[0]][op.args[1]].reshape(1, -1).copy()  # steps change it in place
        if op.kind == "n_rows":
            return np.full((1, 1), batch.rows)
        if op.kind == "apply":
            kernel, *bias = self._store.arrays[op.args[0]]
            return dense(inputs[0].reshape(-1, len(kernel)), kernel, *(bias or [0])).reshape(len(inputs[0]), -1)
        if op.kind == "dropout":
            return inputs[0] * self._kept(number, op, inputs[0], batch)
        if op.kind == "gaussian_noise":
            noise = self._generator(number, batch).standard_normal(inputs[0].shape) if batch.step is not None else 0
            return inputs[0] + op.args[0] * noise
        return OPS[op.kind][0](op.args, *inputs)

    def _generator(self, number, batch):
        return np.random.default_rng((self.seed, batch.step, number))

    def _kept(self, number, op, x, batch):
        """1 / (1 - rate) where dropout keeps an element, else 0."""
        if batch.step is None or op.args[0] == 0:
            return np.ones_like(x)
        return ((self._generator(number, batch).random(x.shape) >= op.args[0]) / (1 - op.args[0])).astype(x.dtype)

    def _losses(self, batch, values):
        """Of each objective: its value times its weight, the value of the tape it pulls at, and the gradient there."""
        for o in self.tape.objectives:
            p = values[o.x]
            if o.kind == "scalar_loss":
                yield o.weight * float(p[0, 0]), o.x, np.full((1, 1), o.weight, self.dtype)
                continue
            weight, divisor = batch.weight(o.sample_weight), batch.divisor(o.sample_weight)
            scale = o.weight * weight / divisor if divisor else np.zeros(batch.rows)
            source, gradient = o.x, np.ones_like(p)
            if o.kind == "row_loss":
                rows = np.broadcast_to(p[:, 0], batch.rows)
            else:
                settings, op = dict(o.settings), self.tape.ops[o.x]
                y = batch.y[o.target]
                y = y.reshape(batch.rows) if y.dtype == np.int32 else y.reshape(batch.rows, -1)
                rows = loss_rows(o.name, p, y, **settings)
                plain = all(not settings.get(k) for k in ("gamma", "alpha", "label_smoothing"))
                if op.kind == "activation" and (o.name, op.args[0]) in PAIRS and plain and op.args[2] in {0, op.width}:
                    source, gradient = op.inputs[0], p - (one_hot(y, p) if o.name == "cross_entropy" else y)
                else:
                    gradient = loss_gradient(o.name, p, y, **settings)
            yield float(scale @ rows.astype(np.float64)), source, (scale[:, None] * gradient).astype(self.dtype)

    def _penalties(self, batch, l1, l2):
        """(p, l1, l2) of each penalty l1 sum|w| + 0.5 l2 sum w^2; the pass's are divided as the first loss is."""
        own = [o.sample_weight for o in self.tape.objectives if o.kind != "scalar_loss"]
        s = batch.divisor(own[0]) if own else batch.rows
        kernels = [p for p, d in enumerate(self.tape.declared) if d.is_dense and d.trainable]
        passed = [(p, l1 / s, l2 / s) for p in kernels] if l1 or l2 else []
        return passed + [(p, by_1, 2 * by_2) for p, by_1, by_2 in self.tape.penalties]

    def _add_up(self, sums, batch, values, l1=0.0, l2=0.0):
        sums.rows += batch.rows
        for i, (loss, _, _) in enumerate(self._losses(batch, values)):
            sums.losses[i] += batch.rows * loss
            sums.loss += batch.rows * loss
        for p, by_1, by_2 in self._penalties(batch, l1, l2):
            w = self._store.arrays[p][0].astype(np.float64)
            sums.penalty += batch.rows * float(by_1 * np.abs(w).sum() + 0.5 * by_2 * (w * w).sum())
        for i, (v, number) in enumerate(self.tape.totals):
            weight = batch.weight(number)
            sums.totals[i] += weight @ np.broadcast_to(values[v], (batch.rows, values[v].shape[1])).astype(np.float64)
            sums.total_weights[i] += float(weight.sum())

    def _gradients(self, batch, values, l1, l2):
        """The gradient of the batch's loss by each array; None: it is not trained, or the loss does not reach it."""
        gradients = [[None] * len(d.shapes) for d in self.tape.declared]
        deltas = [None] * len(values)

        def add(to, place, gradient, shape):
            if gradient is not None:
                gradient = unbroadcast(np.asarray(gradient, self.dtype), shape)
                to[place] = gradient.copy() if to[place] is None else to[place] + gradient

        for _, source, gradient in self._losses(batch, values):
            add(deltas, source, gradient, values[source].shape)
        for number in reversed(range(len(values))):
            op, dy = self.tape.ops[number], deltas[number]
            if dy is None:
                continue
            inputs = [values[i] for i in op.inputs]
            with np.errstate(all="ignore"):
                of_inputs = self._backward(number, op, inputs, values[number], dy, batch, gradients)
            for i, gradient in zip(op.inputs, of_inputs, strict=True):
                add(deltas, i, gradient, values[i].shape)
        for p, by_1, by_2 in self._penalties(batch, l1, l2):
            w = self._store.arrays[p][0]
            add(gradients[p], 0, by_1 * np.sign(w) + by_2 * w, w.shape)
        trained = [d.trainable for d in self.tape.declared]
        return [g if t else None for of, t in zip(gradients, trained, strict=True) for g in of]

    def _backward(self, number, op, inputs, y, dy, batch, gradients):
        """The gradients of an op's inputs; those of parameters are added to `gradients`."""
        if op.kind == "parameter":
            p, array = op.args
            g = dy.reshape(self._store.arrays[p][array].shape)
            gradients[p][array] = g if gradients[p][array] is None else gradients[p][array] + g
            return ()
        if op.kind == "apply":
            (p,) = op.args
            kernel = self._store.arrays[p][0]
            x, dz = inputs[0].reshape(-1, len(kernel)), dy.reshape(-1, kernel.shape[1])
            dx, *of = dense_backward(x, kernel, dz)
            for array, g in zip(range(len(gradients[p])), of, strict=False):
                gradients[p][array] = g if gradients[p][array] is None else gradients[p][array] + g
            return (dx.reshape(inputs[0].shape),)
        if op.kind == "dropout":
            return (dy * self._kept(number, op, inputs[0], batch),)
        if op.kind == "gaussian_noise":
            return (dy,)
        if op.kind == "stop_gradient" or op.kind not in OPS or OPS[op.kind][1] is None:
            return (None,) * len(op.inputs)
        return OPS[op.kind][1](op.args, dy, y, *inputs)
