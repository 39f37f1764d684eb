"""Every optimizer's rule, penalties, decay and clipping: the engine against the oracle, the oracle against peers."""

import os

import numpy as np
import pytest
from numpy.testing import assert_allclose

import reference
import reference_updates
from mlpcore import _core

RULES = {
    "sgd": {},
    "momentum": {"kind": "sgd", "momentum": 0.9},
    "nesterov": {"kind": "sgd", "momentum": 0.9, "nesterov": True},
    "adam": {},
    "adamw": {"weight_decay": 0.1},
    "rmsprop": {"epsilon": 1e-7},
    "rmsprop_momentum": {"kind": "rmsprop", "momentum": 0.9, "rho": 0.8, "epsilon": 1e-7},
    "nadam": {"epsilon": 1e-7},
    "adagrad": {"epsilon": 1e-7},
    "adamax": {"epsilon": 1e-7},
    "adadelta": {"rho": 0.95, "epsilon": 1e-7},
    "lion": {"beta_2": 0.99},
}
EXTRAS = {
    "plain": {},
    "decay": {"weight_decay": 0.2},
    "decay_of_biases": {"weight_decay": 0.2, "decay_bias": True},
    "l2": {"l2": 0.3},
    "l1": {"l1": 0.2, "l2": 0.1},
    "clip_value": {"clip_value": 0.05},
    "clip_norm": {"clip_norm": 0.1, "l1": 0.1, "l2": 0.1, "weight_decay": 0.1},
}
# lion's sign and l1's jump where a value is rounding away from 0, hence no float32 there; else 15 steps' rounding
TOLERANCE = {"float32": 1e-4, "float64": 1e-10}


def arguments(rule, **more):
    return {"kind": rule, "learning_rate": 0.01} | RULES[rule] | more


def train(module, dtype, update, *, sizes=(6, 7, 3), n_threads=1, batch=8, rows=37, frozen=()):
    """Train a small regressor for three passes; return the sums, parameters and slots."""
    rng = np.random.RandomState(0)
    x, y = (rng.standard_normal((rows, n)).astype(dtype) for n in (sizes[0], sizes[-1]))
    tape = module.Tape()
    value = tape.input(sizes[0])
    for layer, units in enumerate(sizes[1:]):
        value = tape.dense(value, units, trainable=layer not in frozen)
        value = tape.activation(value, "tanh" if layer + 2 < len(sizes) else "identity")
    tape.output(value)
    tape.loss(value, "squared_error")
    engine = module.Engine(tape, dtype)
    engine.load([0.4 * rng.standard_normal(s).astype(dtype) for s in engine.parameter_shapes])
    order = np.random.RandomState(1).permutation(rows)
    step = module.Update(**update)
    sums = [tuple(engine.train(x, y, order, batch, step, n_threads=n_threads)) for _ in range(3)]
    parameters = [np.empty(shape, dtype) for shape in engine.parameter_shapes]
    engine.store(parameters)
    return sums, parameters, [s for slot in engine.slots() for s in slot]


def assert_close(ours, oracle, tolerance):
    assert_allclose(ours[0], oracle[0], rtol=tolerance)
    for a, b in zip(ours[1] + ours[2], oracle[1] + oracle[2], strict=True):
        assert_allclose(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("extra", EXTRAS)
@pytest.mark.parametrize("rule", RULES)
def test_rule_is_the_references(rule, extra, dtype):
    if dtype == "float32" and rule == "lion":
        pytest.skip("a sign is not continuous")
    update = arguments(rule, **EXTRAS[extra])
    ours, oracle = (train(module, dtype, update) for module in (_core, reference))
    assert_close(ours, oracle, TOLERANCE[dtype])


@pytest.mark.parametrize("sizes", [(1, 1), (16, 65, 2), (63, 32, 15), (130, 5, 129)])
@pytest.mark.parametrize("rule", RULES)
def test_rule_is_the_references_on_odd_shapes(rule, sizes):
    update = arguments(rule, l1=0.1, clip_norm=0.5)
    ours, oracle = (train(module, "float64", update, sizes=sizes) for module in (_core, reference))
    assert_close(ours, oracle, 1e-9)


@pytest.mark.parametrize("extra", ["plain", "clip_norm"])
@pytest.mark.parametrize("rule", RULES)
def test_bits_are_the_same_for_any_number_of_threads(rule, extra):
    update = arguments(rule, **EXTRAS[extra])
    shape = {"sizes": (130, 140, 37), "batch": 75, "rows": 300}  # enough work for threads to take part
    first = train(_core, "float32", update, **shape)
    for n_threads in (2, 3, 5):
        other = train(_core, "float32", update, n_threads=n_threads, **shape)
        assert first[0] == other[0]
        for a, b in zip(first[1] + first[2], other[1] + other[2], strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("frozen", [(0,), (1,), (2,), (0, 2), (0, 1, 2)])
def test_frozen_layers_stay(frozen):
    update = arguments("adam", l2=0.3, weight_decay=0.1)
    runs = [train(module, "float64", update, sizes=(6, 7, 5, 3), frozen=frozen) for module in (_core, reference)]
    assert_close(*runs, 1e-10)
    start = train(_core, "float64", update | {"learning_rate": 0.0}, sizes=(6, 7, 5, 3))[1]
    for i, (before, after) in enumerate(zip(start, runs[0][1], strict=True)):
        assert (before == after).all() == (i // 2 in frozen)


@pytest.mark.parametrize("rule", RULES)
def test_engine_goes_on_from_given_slots(rule):
    rng = np.random.RandomState(0)
    x, y = rng.standard_normal((20, 3)), rng.standard_normal((20, 2))
    step = _core.Update(**arguments(rule))

    def make():
        tape = _core.Tape()
        tape.output(tape.dense(tape.input(3), 2))
        tape.loss(1, "squared_error")
        return _core.Engine(tape, "float64")

    first, second = make(), make()
    first.load([np.ones((3, 2)), np.zeros(2)])
    first.train(x, y, np.arange(20), 4, step)
    parameters = [np.empty((3, 2)), np.empty(2)]
    first.store(parameters)
    second.load(parameters)
    second.set_slots(first.slots(), first.step)
    results = []
    for engine in (first, second):
        engine.train(x, y, np.arange(20), 4, step)
        engine.store(parameters)
        results.append([p.copy() for p in parameters])
    for a, b in zip(*results, strict=True):
        np.testing.assert_array_equal(a, b)


def trajectory(update, steps=5):
    """Five steps of the oracle on one kernel with given gradients."""
    rng = np.random.RandomState(0)
    w, gradients = rng.standard_normal((4, 3)), rng.standard_normal((steps, 4, 3))
    start = w.copy()
    slots = update.new_slots([w])
    for step, g in enumerate(gradients, 1):
        reference_updates.apply(update, update.learning_rate, step, [w], slots, [g])
    return start, gradients, w


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("extra", ["plain", "decay", "clip_norm", "clip_value"])
def test_reference_is_keras(rule, extra):
    pytest.importorskip("torch")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    more = {k: v for k, v in EXTRAS[extra].items() if k not in ("l1", "l2")}
    update = reference.Update(**arguments(rule, **more))
    start, gradients, expected = trajectory(update)
    names = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}
    given = {
        "sgd": ("momentum", "nesterov"),
        "rmsprop": ("rho", "momentum", "epsilon"),
        "adagrad": ("epsilon",),
        "adadelta": ("rho", "epsilon"),
        "lion": ("beta_1", "beta_2"),
    }.get(update.kind, ("beta_1", "beta_2", "epsilon"))
    renamed = {"global_clipnorm": update.clip_norm or None, "clipvalue": update.clip_value or None}
    optimizer = getattr(keras.optimizers, names.get(update.kind, update.kind.capitalize()))(
        update.learning_rate,
        weight_decay=update.weight_decay or None,
        **renamed,
        **{name: getattr(update, name) for name in given},
    )
    variable = keras.Variable(start, dtype="float64")
    for g in gradients:
        optimizer.apply([keras.ops.convert_to_tensor(g)], [variable])
    # Keras keeps slots in float64 here, but its step counts and learning rate in float32
    assert_allclose(keras.ops.convert_to_numpy(variable), expected, rtol=2e-6, atol=2e-6)


@pytest.mark.parametrize("rule", ["sgd", "momentum", "nesterov", "adam", "adamw", "adamax", "lion"])
def test_reference_is_torch(rule):
    torch = pytest.importorskip("torch")
    update = reference.Update(**arguments(rule, epsilon=0.0) | {"epsilon": 1e-12})
    start, gradients, expected = trajectory(update)
    w = torch.tensor(start, requires_grad=True)
    betas = {"betas": (update.beta_1, update.beta_2)}
    made = {
        "sgd": lambda: torch.optim.SGD([w], 0.01, momentum=update.momentum, nesterov=update.nesterov),
        "adam": lambda: torch.optim.Adam([w], 0.01, eps=1e-12, **betas),
        "adamw": lambda: torch.optim.AdamW([w], 0.01, eps=1e-12, weight_decay=update.weight_decay, **betas),
        "adamax": lambda: torch.optim.Adamax([w], 0.01, eps=1e-12, **betas),
    }
    if update.kind not in made:
        pytest.skip(f"PyTorch has no {update.kind}")
    optimizer = made[update.kind]()
    for g in gradients:
        w.grad = torch.tensor(g)
        optimizer.step()
    assert_allclose(w.detach().numpy(), expected, rtol=1e-9)
