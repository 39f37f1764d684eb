"""What the fuzzer does with the bindings: bytes become a tape, engines of it, and passes over arrays of chosen shapes.

Each call works or is refused with a message; one that works gives the same bits on one thread and on three, and one
that is refused leaves the weights as they were. Layout: eight bytes of settings, the number of calls, and then each
call of the tape (a byte for the method, bytes for its arguments) and of the engine (three bytes).
"""

from __future__ import annotations

import math

import numpy as np

from mlpcore import _core

MOST_WIDTH = 400
MOST_CALLS = 40
REFUSALS = (ValueError, TypeError)
ODD = [-1, -2, -3, -4, 65535, 65536, 2**31 - 1, -(2**31), 2**32, 2**40, 2**62, 2**63 - 1, -(2**63), 2**64]
FLOATS = [0.0, 1.0, -1.0, 0.5, 0.3, 0.1, 1e-7, 0.01, 0.02, 2.0, 1e30, -1e-30, 1e308, math.nan, math.inf, 0.7, 0.8]
ACTIVATIONS = """identity logistic tanh relu softmax exp leaky_relu elu selu gelu silu mish softplus hard_sigmoid
softsign heaviside""".split()
LOSSES = """cross_entropy binary_cross_entropy squared_error poisson absolute_error huber log_cosh quantile hinge
squared_hinge logits_cross_entropy""".split()
RULES = "sgd adam adamw rmsprop nadam adagrad adamax adadelta lion ftrl".split()
UNARY = """negative reciprocal square sqrt rsqrt exp expm1 log log1p abs sign floor ceil round sin cos erf logical_not
isfinite""".split()
BINARY = """add subtract multiply divide power maximum minimum mod greater greater_equal less less_equal equal
not_equal logical_and logical_or""".split()
REDUCTIONS = "sum mean max min prod argmax argmin".split()
KEYWORDS = {"target": "i", "sample_weight": "i", "delta": "f", "quantiles": "F", "gamma": "f", "label_smoothing": "f"}
# The arguments of each method: v a value, i an integer, f a number, b a truth value, a list of names, or in capitals
# a list of them; k the keywords of a loss.
METHODS = {
    "input": ["i"],
    "add_dense": ["i", "i", "b", "b"],
    "add_parameter": ["i", "b"],
    "target": ["i", "i"],
    "constant": ["F"],
    "parameter": ["i", ["kernel", "bias"]],
    "n_rows": [],
    "apply": ["v", "i"],
    "dense": ["v", "i", "b"],
    "activation": ["v", ACTIVATIONS, "f", "i"],
    "unary": ["v", UNARY],
    "binary": ["v", "v", BINARY],
    "where": ["v", "v", "v"],
    "view": ["v", "I", "I", "i"],
    "concat": ["V", "i"],
    "reduce": ["v", REDUCTIONS, "i", "i", "i"],
    "over_rows": ["v", REDUCTIONS],
    "matmul": ["v", "v", "i", "i", "i"],
    "take": ["v", "v", "i"],
    "one_hot": ["v", "i"],
    "dropout": ["v", "f"],
    "gaussian_noise": ["v", "f"],
    "stop_gradient": ["v"],
    "assign": ["i", "v"],
    "output": ["v"],
    "loss": ["v", LOSSES, "f", "f", "k"],
    "row_loss": ["v", "f", "i"],
    "scalar_loss": ["v", "f"],
    "penalty": ["i", "f", "f"],
    "total": ["v", "i"],
}
BY_KEYWORD = {"row_loss", "total"}  # whose last argument is the keyword sample_weight
NAMES = list(METHODS)


def claim(holds: object, otherwise: str) -> None:
    """Raise AssertionError if a claim does not hold."""
    if not holds:
        raise AssertionError(otherwise)


class Bytes:
    """The fuzzer's bytes, read one after the other; zeros follow."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def byte(self) -> int:
        self.place += 1
        return self.data[self.place - 1] if self.place <= len(self.data) else 0

    def integer(self) -> int:
        byte = self.byte()
        return byte if byte < 200 else ODD[byte % len(ODD)]

    def pick(self, options):
        return options[self.byte() % len(options)]

    def argument(self, kind):
        if isinstance(kind, list):
            return self.pick(kind)
        if kind == "k":
            return {name: self.argument(what) for name, what in KEYWORDS.items() if self.byte() % 2}
        if kind.isupper():
            return [self.argument(kind.lower()) for _ in range(self.byte() % 7)]
        if kind == "b":
            return self.byte() % 2 == 1
        return self.pick(FLOATS) if kind == "f" else self.integer()


def width_of(method: str, a: list, widths: list[int], layers: list[tuple[int, ...]]) -> int | None:
    """Return how wide the value of a call is that was recorded; None if it makes none."""
    match method:
        case "input":
            return a[0]
        case "target" | "one_hot":
            return a[1] * (widths[a[0]] if method == "one_hot" else 1)
        case "constant":
            return len(a[0])
        case "parameter":
            return math.prod(layers[a[0]]) if a[1] == "kernel" else layers[a[0]][-1]
        case "apply":
            return widths[a[0]] // layers[a[1]][0] * layers[a[1]][1]
        case "dense" | "n_rows":
            return a[1] if a else 1
        case "binary" | "where":
            return max(widths[v] for v in a if isinstance(v, int))
        case "view":
            return math.prod(a[1])
        case "concat":
            return sum(widths[v] for v in a[0])
        case "reduce":
            return a[2] * a[4]
        case "matmul":
            return a[2] * a[4]
        case "take":
            return widths[a[1]] * a[2]
        case "activation" | "unary" | "over_rows" | "dropout" | "gaussian_noise" | "stop_gradient":
            return widths[a[0]]
    return None


class Program:
    """A tape recorded from bytes, with what is known of it."""

    def __init__(self, given: Bytes) -> None:
        self.tape = _core.Tape()
        self.widths: list[int] = []
        self.layers: list[tuple[int, ...]] = []
        self.inputs: list[int] = []
        self.outputs: list[int] = []
        for _ in range(min(given.byte(), MOST_CALLS)):
            self._call(given, given.pick(NAMES))

    def _call(self, given: Bytes, method: str) -> None:
        a = [given.argument(kind) for kind in METHODS[method]]
        if method in ("input", "add_dense", "add_parameter", "dense", "one_hot", "take") and any(
            isinstance(n, int) and 200 < n < 2**40 for n in a
        ):
            return  # memory that a machine may have
        try:
            before = self.tape.copy()
            keywords = a.pop() if method == "loss" else {"sample_weight": a.pop()} if method in BY_KEYWORD else {}
            made = getattr(self.tape, method)(*a, **keywords)
        except REFUSALS as error:
            claim(str(error).strip(), f"{method}: no message")
            unequal_to_itself = before.copy() != before  # it holds a NaN
            claim(self.tape == before or unequal_to_itself, f"{method}: a refused call has changed the tape")
            return
        width = width_of(method, a, self.widths, self.layers)
        if width is not None:  # equal parameters are one value
            self.widths += [width] * (made == len(self.widths))
            assert self.widths[made] == width, f"{method}: value {made} has another width"
        if method == "add_dense":
            self.layers.append((a[0], a[1]))
        elif method == "add_parameter":
            self.layers.append((a[0],))
        elif method == "dense":
            self.layers.append((self.widths[a[0]], a[1]))
        elif method == "input":
            self.inputs.append(a[0])
        elif method == "output":
            self.outputs.append(self.widths[a[0]])
        if width is not None and width > MOST_WIDTH:
            raise TooLarge


class TooLarge(Exception):
    """The tape is larger than what is worth trying."""


def check(data: bytes) -> str:
    """Record a tape, run its engine, and return what came of it.

    Raises
    ------
    Exception
        One that is no refusal, or a failed claim.
    """
    given = Bytes(data)
    settings = [given.byte() for _ in range(8)]
    try:
        program = Program(given)
    except TooLarge:
        return "too large"
    dtype = ["float32", "float64"][settings[0] % 2]
    try:
        engine = _core.Engine(program.tape, dtype)
    except REFUSALS as error:
        claim(str(error).strip(), "Engine: no message")
        return "no engine"
    if sum(math.prod(shape) for shape in engine.parameter_shapes) > 1 << 18:
        return "too large"
    session = Session(program, engine, dtype, settings)
    return " ".join(session.act(given) for _ in range(1 + settings[1] % 5))


class Session:
    """An engine of a program and the calls that it gets."""

    def __init__(self, program: Program, engine, dtype: str, settings: list[int]) -> None:
        self.program, self.engine, self.dtype, self.settings = program, engine, dtype, settings
        self.rows = settings[2] % 12
        self.rng = np.random.default_rng(settings[3])
        engine.load([self.rng.normal(size=shape).astype(dtype) for shape in engine.parameter_shapes])
        engine.seed = settings[4]

    def weights(self):
        arrays = [np.zeros(shape, self.dtype) for shape in self.engine.parameter_shapes]
        self.engine.store(arrays)
        return arrays

    def array(self, width: int, form: int):
        """Return an array (rows, width), or something in its place."""
        x = self.rng.normal(size=(self.rows, max(0, width))).astype(self.dtype)
        match form:
            case 200:
                return x[:, :-1]
            case 201:
                return x[:-1]
            case 202:
                return np.asfortranarray(x)
            case 203:
                return x.astype(np.float64 if self.dtype == "float32" else np.float32)
            case 204:
                return np.full_like(x, np.nan)
            case 205:
                return None
            case 206:
                return x.tolist()
            case 207:
                return x[::-1]
            case 208:
                return x[:0]
            case 209:
                return x.reshape(*x.shape, 1)
            case 210:
                return np.full_like(x, 1e38)
            case 211:
                return self.rng.integers(-2, 5, self.rows).astype(np.int32)
            case 212:
                return "x"
            case 213:
                return x.ravel()
            case 214:
                return np.array([None] * self.rows, object)
            case 215:
                return np.ma.array(x)
            case 216 | 217 | 218 | 219:
                return self.sparse(max(0, width), form)
        return x

    def sparse(self, width: int, form: int):
        """Return sparse rows, or what claims to be."""
        integer = np.int32 if form % 2 else np.int64
        places = np.arange(self.rows * min(width, 2)).astype(integer) % max(1, width)
        starts = (np.arange(self.rows + 1) * min(width, 2)).astype(integer)
        if form >= 218 and len(places):
            which = self.rng.integers(3)
            if which == 0:
                places[self.rng.integers(len(places))] = self.pick_odd(integer)
            elif which == 1:
                starts[self.rng.integers(len(starts))] = self.pick_odd(integer)
            else:
                starts = starts[:-1]
        return np.ones(len(places), self.dtype), places, starts, (self.rows, width)

    def pick_odd(self, integer):
        return integer(self.rng.choice([-1, 10**6, np.iinfo(integer).max, np.iinfo(integer).min]))

    def inputs(self, form: int):
        arrays = [self.array(width, form if i == 0 else 0) for i, width in enumerate(self.program.inputs)]
        return arrays[0] if len(arrays) == 1 else arrays[: len(arrays) - (form == 220)]

    def targets(self, form: int):
        """Return targets as the settings have them: a width, or class indices."""
        targets = []
        for place, setting in enumerate(self.settings[5:8]):
            classes = setting % 16
            if setting >= 128:
                targets.append(self.rng.integers(0, classes + 1, self.rows).astype(np.int32))
            else:
                targets.append(self.array(setting, form if place == 0 else 0))
        return targets if form != 221 else targets[:1]

    def row_weights(self, form: int):
        if form % 3 == 0:
            return None
        weights = [self.rng.random(self.rows).astype(self.dtype) for _ in range(2)]
        return weights if form < 200 else [self.array(1, form), weights[0]]

    def act(self, given: Bytes) -> str:
        """Call the engine; return what it did."""
        what = given.pick(["train", "predict", "evaluate", "gradient", "train", "other", "parts", "shared"])
        form, number = given.byte(), given.integer()
        before = self.weights()
        try:
            return getattr(self, what)(form, number)
        except REFUSALS as error:
            claim(str(error).strip(), f"{what}: no message")
            after = [array.tobytes() for array in self.weights()]
            claim(after == [array.tobytes() for array in before], f"{what}: a refused call has changed weights")
            return f"{what} refused"

    def update(self, form: int):
        f = FLOATS
        return _core.Update(
            kind=RULES[form % len(RULES)],
            learning_rate=f[form % 7],
            momentum=f[form % 3],
            nesterov=form % 5 == 0,
            weight_decay=f[form % 4] * 0.1,
            clip_norm=f[form // 5 % 4],
            clip_value=f[form // 7 % 4],
            amsgrad=form % 2 == 0,
            centered=form % 3 == 0,
            average_momentum=f[form // 11 % 5],
            average_every=form // 13 % 4,
        )

    def train(self, form: int, number: int) -> str:
        update = self.update(form)
        x, y, weights = self.inputs(form), self.targets(form), self.row_weights(form)
        order = None
        if form % 4 == 1:
            order = self.rng.integers(0, max(1, self.rows), self.rows + form % 3)
        kept, slots, step = self.weights(), self.engine.slots(), self.engine.step
        ends = []
        for threads in (1, 3):
            self.engine.load(kept)
            self.engine.set_slots(slots, step)
            sums = self.engine.train(x, y, order, number, update, sample_weight=weights, n_threads=threads)
            ends.append([a.tobytes() for a in self.weights()] + [np.float64(sums.loss).tobytes()])
        assert ends[0] == ends[1], "one thread and three differ"
        return "trained"

    def predict(self, form: int, number: int) -> str:
        x = self.inputs(form)
        one, three = (self.engine.predict(x, threads, batch_size=number, training=form % 2 == 1) for threads in (1, 3))
        one, three = ([out] if isinstance(out, np.ndarray) else out for out in (one, three))
        for a, b, width in zip(one, three, self.program.outputs, strict=True):
            assert a.shape[-1] == width, "an output of another width"
            assert a.tobytes() == b.tobytes(), "one thread and three differ"
        return "predicted"

    def evaluate(self, form: int, number: int) -> str:
        x, y, weights = self.inputs(form), self.targets(form), self.row_weights(form)
        rows = ["rows", "weights"][form % 2]
        for threads in (1, 3):
            sums = self.engine.evaluate(
                x, y, sample_weight=weights, batch_size=number, n_threads=threads, divide_by=rows
            )
            sums.add(sums)
        return "evaluated"

    def gradient(self, form: int, number: int) -> str:
        x, y, weights = self.inputs(form), self.targets(form), self.row_weights(form)
        sums = [self.engine.gradient(x, y, FLOATS[form % 4], sample_weight=weights, n_threads=n) for n in (1, 3)]
        one, three = ([g.tobytes() for g in s[2]] for s in sums)
        assert one == three, "one thread and three differ"
        return "differentiated"

    def other(self, form: int, number: int) -> str:
        """Call what takes one array, or arrays in the place of the weights."""
        width = self.program.inputs[0] if self.program.inputs else 1
        x = self.array(width, form)
        match number % 6:
            case 0:
                self.engine.input_gradient(x, 1 + number % 3)
            case 1:
                self.engine.predict(x, n_threads=1 + number % 3)
            case 2:
                self.engine.load([*self.weights()[:-1], x])
            case 3:
                self.engine.store([*self.weights()[:-1], x])
            case 4:
                self.engine.set_slots([self.weights(), [x]][: 1 + form % 2] * (1 + number % 4), number)
            case 5:
                onto = self.engine.train(x, self.targets(0), None, 4, self.update(form))
                self.engine.train(x, self.targets(0), None, 4, self.update(form), onto=onto)
        return "other"

    def parts(self, form: int, number: int) -> str:
        """Predict without an engine."""
        width = self.program.inputs[0] if self.program.inputs else 1
        x, weights = self.array(width, form), self.weights()
        weights = weights[: len(weights) - number % 2]
        predictor = _core.Predictor(self.program.tape, self.dtype)
        predictor.attempt(x, weights[::2], weights[1::2])
        one = predictor.predict(x, weights, 1 + number % 3)
        two = _core.Prepared(self.program.tape, self.dtype, weights, number % 5 == 0)(x)
        assert one.tobytes() == two.tobytes(), "prepared and plain predictions differ"
        return "parts"

    def shared(self, form: int, number: int) -> str:
        """Let an engine of another tape share the weights, and give its sums to this one."""
        other = _core.Engine(self.program.tape.copy(), self.dtype, self.engine)
        sums = other.evaluate(self.inputs(0), self.targets(0))
        self.engine.train(self.inputs(0), self.targets(0), None, 3, self.update(form), onto=sums)
        return "shared"
