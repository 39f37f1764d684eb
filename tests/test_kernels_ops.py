"""The kernels of the general ops against the NumPy reference: instruction set x dtype x odd shapes."""

import numpy as np
import pytest

import reference_ops
import reference_updates
from kernel_tables import ISAS
from mlpcore import _core
from reference_ops import BINARY, REDUCTIONS, UNARY, by_rows, unbroadcast
from test_reference_tape import POSITIVE

kernels = _core.kernels
DTYPES = ["float32", "float64"]
SHAPES = [(0, 3), (1, 1), (3, 1), (1, 7), (5, 3), (2, 8), (3, 17), (4, 33), (37, 5)]
each_kernel = pytest.mark.parametrize(("isa", "dtype"), [(isa, dtype) for isa in ISAS for dtype in DTYPES])


def tolerance(dtype):
    """Some units: of the vectorised functions, and of sums in another order."""
    return {"rtol": 32 * np.finfo(dtype).eps, "atol": 8 * np.finfo(dtype).eps}


def numbers(dtype, shape, positive=False, seed=0):
    x = np.random.default_rng(seed).normal(size=shape)
    return (np.exp(x) if positive else x).astype(dtype)


def wide(*arrays):
    return tuple(a.astype(np.float64) for a in arrays)


def off_alignment(a):
    """A copy of `a` that begins one element after an aligned place, and has nothing readable needed beyond it."""
    memory = np.empty(a.size + 1, a.dtype)
    memory[1:] = a.ravel()
    return memory[1:].reshape(a.shape)


@each_kernel
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", UNARY)
def test_unary_is_the_reference(name, shape, dtype, isa):
    x = off_alignment(numbers(dtype, shape, name in POSITIVE))
    dy = numbers(dtype, shape, seed=1)
    y = reference_ops.unary((name,), *wide(x))
    np.testing.assert_allclose(kernels.unary(x, name, isa=isa), y, **tolerance(dtype))
    (dx,) = reference_ops.unary_backward((name,), *wide(dy, y, x))
    dx = np.zeros(shape) if dx is None else dx
    np.testing.assert_allclose(kernels.unary_dx(x, dy, name, isa=isa), dx, **tolerance(dtype))


SPECIAL = [0.0, 1.0, -1.0, 0.5, -2.5, 2.0, 3.0, np.inf, -np.inf, np.nan]


@each_kernel
@pytest.mark.parametrize("name", UNARY)
def test_unary_of_special_values(name, dtype, isa):
    x = np.array([SPECIAL], dtype)
    with np.errstate(all="ignore"):
        y = reference_ops.unary((name,), x).astype(dtype)
    np.testing.assert_allclose(kernels.unary(x, name, isa=isa), y, **tolerance(dtype))


@each_kernel
@pytest.mark.parametrize("name", BINARY)
def test_binary_of_special_values(name, dtype, isa):
    a, b = (m.reshape(1, -1) for m in np.array(np.meshgrid(SPECIAL, SPECIAL), dtype))
    with np.errstate(all="ignore"):
        y = reference_ops.binary((name,), a, b).astype(dtype)
    np.testing.assert_allclose(kernels.binary(a, b, name, isa=isa), y, **tolerance(dtype))


def broadcasts(shape):
    rows, width = shape
    return [shape, (1, width), (rows, 1), (1, 1)]


@each_kernel
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", BINARY)
def test_binary_is_the_reference(name, shape, dtype, isa):
    for of_a, of_b in [(a, b) for a in broadcasts(shape) for b in broadcasts(shape)]:
        a = off_alignment(numbers(dtype, of_a, name in POSITIVE))
        b = numbers(dtype, of_b, name in POSITIVE, seed=1)
        if name in {"power", "mod"}:
            b = b + np.asarray(1, dtype)
        if "equal" in name or "max" in name or "min" in name:
            a, b = np.round(a), np.round(b)  # for ties
        y = reference_ops.binary((name,), *wide(a, b)).astype(np.float64)
        np.testing.assert_allclose(kernels.binary(a, b, name, isa=isa), y, **tolerance(dtype))
        dy = numbers(dtype, y.shape, seed=2)
        gradients = reference_ops.binary_backward((name,), *wide(dy, y, a, b))
        for got, expected, x in zip(kernels.binary_dx(a, b, dy, name, isa=isa), gradients, (a, b), strict=True):
            exact = np.zeros(x.shape) if expected is None else unbroadcast(expected, x.shape)
            size = 1.0 if expected is None or not expected.size else np.abs(expected).max() + 1
            np.testing.assert_allclose(got, exact, rtol=1e3 * np.finfo(dtype).eps, atol=64 * size * np.finfo(dtype).eps)


@each_kernel
@pytest.mark.parametrize("exponent", [0, 1, 2, 3, 0.5, -0.5, -1, 2.5, -3])
def test_power_by_a_number(exponent, dtype, isa):
    a, b = numbers(dtype, (5, 7), positive=True), np.full((1, 1), exponent, dtype)
    y = np.power(*wide(a, b))
    np.testing.assert_allclose(kernels.binary(a, b, "power", isa=isa), y, **tolerance(dtype))
    da, _ = kernels.binary_dx(a, b, np.ones_like(a), "power", isa=isa)
    np.testing.assert_allclose(da, exponent * wide(a)[0] ** (exponent - 1), **tolerance(dtype))


@each_kernel
@pytest.mark.parametrize("shape", SHAPES)
def test_where_is_the_reference(shape, dtype, isa):
    for shapes in [(a, b, c) for a in broadcasts(shape) for b in broadcasts(shape)[::3] for c in broadcasts(shape)[1:]]:
        condition, a, b = (numbers(dtype, s, seed=i) for i, s in enumerate(shapes))
        condition = (condition > 0).astype(dtype)
        y = reference_ops.where((), condition, a, b)
        np.testing.assert_array_equal(kernels.where(condition, a, b, isa=isa), y)
        dy = numbers(dtype, y.shape, seed=3)
        gradients = reference_ops.where_backward((), *wide(dy, y, condition, a, b))[1:]
        for got, expected, x in zip(kernels.where_dx(condition, a, b, dy, isa=isa), gradients, (a, b), strict=True):
            exact = unbroadcast(expected, x.shape)
            np.testing.assert_allclose(got, exact, rtol=1e-5, atol=64 * np.finfo(dtype).eps)


VIEWS = [  # x_width, dims, strides, offset
    (1, (), (), 0),
    (6, (3, 2), (1, 3), 0),  # transposed
    (37, (37,), (-1,), 36),  # flipped
    (6, (2, 3, 4), (3, 1, 0), 0),  # repeated
    (6, (4, 2, 3), (0, 3, 1), 0),
    (24, (2, 3, 2), (12, 4, 1), 1),  # a slice
    (40, (20,), (2,), 0),
    (40, (2, 20), (20, 1), 0),
    (12, (19,), (0,), 5),
    (24, (3, 1, 4, 2), (1, 7, 6, 3), 0),
]


@each_kernel
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize(("x_width", "dims", "strides", "offset"), VIEWS)
def test_view_is_the_reference(x_width, dims, strides, offset, rows, dtype, isa):
    x = off_alignment(numbers(dtype, (rows, x_width)))
    y = reference_ops.view((dims, strides, offset), x)
    np.testing.assert_array_equal(kernels.view(x, dims, strides, offset, isa=isa), y)
    dy = numbers(dtype, y.shape, seed=1)
    (dx,) = reference_ops.view_backward((dims, strides, offset), *wide(dy, y, x))
    got = kernels.view_dx(dy, x_width, dims, strides, offset, isa=isa)
    np.testing.assert_allclose(got, dx, **tolerance(dtype))


@each_kernel
@pytest.mark.parametrize("rows", [0, 1, 3])
@pytest.mark.parametrize(("outer", "n", "inner"), [(1, 1, 1), (1, 5, 1), (2, 37, 1), (3, 2, 1), (2, 5, 3), (1, 70, 17)])
@pytest.mark.parametrize("name", REDUCTIONS)
@pytest.mark.parametrize("kind", ["numbers", "ties", "zeros", "nan"])
def test_reduce_is_the_reference(kind, name, outer, n, inner, rows, dtype, isa):
    x = off_alignment(numbers(dtype, (rows, outer * n * inner)))
    if kind == "ties":
        x = np.round(x)
    if kind == "zeros":
        x[:, ::3] = 0
    if kind == "nan":
        x[:, 1::4] = np.nan
    args = (name, outer, n, inner)
    y = reference_ops.reduce(args, *wide(x)).astype(np.float64)
    size = np.sqrt(n) if name in {"sum", "mean"} else 1
    close = {"rtol": 64 * np.finfo(dtype).eps, "atol": 16 * size * np.finfo(dtype).eps}
    np.testing.assert_allclose(kernels.reduce(x, *args, isa=isa), y, **close)
    if kind == "nan" and name == "prod":
        return
    dy = numbers(dtype, y.shape, seed=1)
    (dx,) = reference_ops.reduce_backward(args, *wide(dy, y, x))
    dx = np.zeros(x.shape) if dx is None else dx
    np.testing.assert_allclose(kernels.reduce_dx(x, dy, *args, isa=isa), dx, **close)


@each_kernel
def test_sums_of_many_numbers_are_exact_to_a_few_units(dtype, isa):
    x = numbers(dtype, (1, 300_000), positive=True)
    for outer, n, inner in [(1, 300_000, 1), (1, 100_000, 3)]:
        exact = reference_ops.reduce(("sum", outer, n, inner), *wide(x))
        np.testing.assert_allclose(kernels.reduce(x, "sum", outer, n, inner, isa=isa), exact, 64 * np.finfo(dtype).eps)


@each_kernel
@pytest.mark.parametrize("width", [1, 7, 33])
def test_copy_columns(width, dtype, isa):
    x, y = numbers(dtype, (3, width)), numbers(dtype, (3, width + 4), seed=1)
    expected = y.copy()
    expected[:, 3:-1] = x
    kernels.copy_columns(x, y, 3, isa=isa)
    np.testing.assert_array_equal(y, expected)
    kernels.copy_columns(x, y, 3, add=True, isa=isa)
    np.testing.assert_array_equal(y[:, 3:-1], x + x)


@each_kernel
@pytest.mark.parametrize(("m", "k", "n"), [(1, 1, 1), (2, 3, 4), (7, 70, 5), (5, 9, 70), (33, 17, 16), (3, 130, 1)])
@pytest.mark.parametrize(("of_a", "of_b"), [(3, 3), (3, 1), (1, 3), (1, 1), (0, 1)])
def test_matmul_is_the_reference(of_a, of_b, m, k, n, dtype, isa):
    a, b = off_alignment(numbers(dtype, (of_a, m, k))), numbers(dtype, (of_b, k, n), seed=1)
    y = np.matmul(*wide(a, b))
    close = {"rtol": 1e-12 if dtype == "float64" else 1e-5, "atol": 100 * np.finfo(dtype).eps}
    np.testing.assert_allclose(kernels.matmul(a, b, isa=isa), y, **close)
    dy = numbers(dtype, y.shape, seed=2)
    args = (wide(by_rows(x))[0] for x in (dy, y, a, b))
    gradients = reference_ops.matmul_backward((m, k, n), *args)
    for got, expected in zip(kernels.matmul_dx(a, b, dy, isa=isa), gradients, strict=True):
        flat = by_rows(got)
        np.testing.assert_allclose(flat, unbroadcast(expected, flat.shape), **close)


@each_kernel
@pytest.mark.parametrize("dim", [1, 5, 33])
def test_take_is_the_reference(dim, dtype, isa):
    table = numbers(dtype, (4, dim))
    index = np.array([0, 3, 3, 4, -1, 0.5, np.nan, np.inf, 1, 1e30], dtype)
    args = (table.reshape(1, -1), index[None])
    with np.errstate(invalid="ignore"):
        y = reference_ops.take((dim,), *args).reshape(-1, dim)
    np.testing.assert_array_equal(kernels.take(table, index, isa=isa), y)
    dy = numbers(dtype, y.shape, seed=1)
    d_table = reference_ops.take_backward((dim,), wide(dy)[0].reshape(1, -1), None, *args)[0].reshape(table.shape)
    np.testing.assert_allclose(kernels.take_dx(index, dy, 4, isa=isa), d_table, **tolerance(dtype))


@each_kernel
@pytest.mark.parametrize("classes", [1, 5, 33])
def test_one_hot_is_the_reference(classes, dtype, isa):
    x = np.array([0, 3, 4, -1, 0.5, np.nan], dtype)
    expected = x[:, None] == np.arange(classes)
    np.testing.assert_array_equal(kernels.one_hot(x, classes, isa=isa), expected)


@each_kernel
@pytest.mark.parametrize("name", ["exp", "sin", "erf", "log1p", "expm1", "round"])
def test_an_element_does_not_depend_on_its_place(name, dtype, isa):
    x = numbers(dtype, (1, 41), positive=True)
    y = kernels.unary(x, name, isa=isa)
    alone = np.concatenate([kernels.unary(x[:, i : i + 1].copy(), name, isa=isa) for i in range(41)], axis=1)
    np.testing.assert_array_equal(y, alone)
    dy = numbers(dtype, x.shape, seed=1)
    dx = kernels.unary_dx(x, dy, name, isa=isa)
    alone = [kernels.unary_dx(x[:, i : i + 1].copy(), dy[:, i : i + 1].copy(), name, isa=isa) for i in range(41)]
    np.testing.assert_array_equal(dx, np.concatenate(alone, axis=1))


@each_kernel
def test_noise_is_normal_and_each_element_its_own(dtype, isa):
    zeros = np.zeros((400, 101), dtype)
    z = kernels.gaussian(zeros, 1.0, seed=5, step=2, op=3, isa=isa)
    n = z.size
    moments = [np.mean(z.astype(np.float64) ** k) for k in range(1, 5)]
    errors = np.sqrt(np.array([1, 2, 15, 96]) / n)  # of the mean of z^k: sqrt(var(z^k) / n)
    assert (np.abs(np.array(moments) - [0, 1, 0, 3]) < 5 * errors).all()
    assert 3.5 < np.abs(z).max() < 6
    assert len(np.unique(z)) > 0.99 * n
    assert np.abs(np.corrcoef(z[:-1].ravel(), z[1:].ravel())[0, 1]) < 5 / np.sqrt(n)
    x = numbers(dtype, zeros.shape)
    got = kernels.gaussian(x, 0.5, seed=5, step=2, op=3, isa=isa)
    np.testing.assert_allclose(got, x + np.asarray(0.5, dtype) * z, atol=4 * np.finfo(dtype).eps)
    for other in [{"seed": 6}, {"step": 3}, {"op": 4}]:
        keys = {"seed": 5, "step": 2, "op": 3} | other
        assert np.mean(kernels.gaussian(zeros, 1.0, isa=isa, **keys) == z) < 0.01


@pytest.mark.parametrize("dtype", DTYPES)
def test_noise_is_the_same_on_every_instruction_set(dtype):
    x = np.zeros((9, 37), dtype)
    first, *others = (kernels.gaussian(x, 1.0, seed=1, isa=isa) for isa in ISAS)
    for other in others:
        np.testing.assert_allclose(other, first, **tolerance(dtype))


RULES = [
    ({"kind": "adam", "amsgrad": True}, {"beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-8}),
    ({"kind": "rmsprop", "centered": True, "momentum": 0.5}, {"beta_2": 0.9, "momentum": 0.5, "epsilon": 1e-8}),
    ({"kind": "rmsprop", "centered": True}, {"beta_2": 0.9, "epsilon": 1e-8}),
    ({"kind": "ftrl"}, {}),
    (
        {
            "kind": "ftrl",
            "l1_regularization": 0.05,
            "l2_regularization": 0.1,
            "l2_shrinkage": 0.02,
            "beta": 0.3,
            "learning_rate_power": -0.7,
        },
        {"ftrl_l1": 0.05, "ftrl_l2": 2 * (0.1 + 0.3 / (2 * 0.1)), "shrinkage": 0.04, "power": 0.7},
    ),
]


@each_kernel
@pytest.mark.parametrize("n", [1, 19])
@pytest.mark.parametrize(("hyperparameters", "numbers_of_step"), RULES)
def test_rule_is_the_reference(hyperparameters, numbers_of_step, n, dtype, isa):
    update = reference_updates.Update(learning_rate=0.1, **hyperparameters)
    exact = [numbers("float64", (n,))]
    w = exact[0].astype(dtype)
    exact_slots = update.new_slots(exact)
    slots = [slot[0].astype(dtype) for slot in exact_slots]
    for t in range(1, 9):
        g = numbers("float64", (n,), seed=t) * 4.0 ** (4 - t)  # falling, so that amsgrad differs
        reference_updates.apply(update, 0.1, t, exact, exact_slots, [g])
        correction = np.sqrt(1 - 0.999**t) / (1 - 0.9**t) if update.kind == "adam" else 1
        kernels.update(
            w, g.astype(dtype), slots, update.kind, learning_rate=0.1 * correction, **numbers_of_step, isa=isa
        )
    close = {"rtol": 1e-11, "atol": 1e-12} if dtype == "float64" else {"rtol": 2e-4, "atol": 2e-5}
    np.testing.assert_allclose(w, exact[0], **close)
    for slot, expected in zip(slots, exact_slots, strict=True):
        np.testing.assert_allclose(slot, expected[0], **close)


@each_kernel
def test_adams_quotient_is_right_to_the_last_bits(dtype, isa):
    rng = np.random.RandomState(0)
    v = (10 ** rng.uniform(-37, 38, 4096)).astype(dtype)
    v[:2] = 0, np.inf
    x = (rng.choice([-1, 1], v.size) * 10 ** rng.uniform(-3, 3, v.size)).astype(dtype)
    w = np.zeros_like(v)
    slots = [np.zeros_like(v), v.copy()]
    kernels.update(w, x, slots, "adam", learning_rate=1.0, beta_1=0.0, beta_2=1.0, epsilon=1e-8, isa=isa)
    exact = -x.astype(np.longdouble) / (np.sqrt(v.astype(np.longdouble)) + np.longdouble(np.dtype(dtype).type(1e-8)))
    unit = np.spacing(np.abs(exact.astype(dtype)))
    unit[1] = 1e-30  # infinity may count as the largest number
    assert np.all(np.abs(w - exact) <= 3 * unit)


def test_sizes_that_overflow_are_refused():
    x = np.zeros((1, 4), np.float32)
    with pytest.raises(ValueError, match="reaches outside"):
        kernels.view(x, [2, 2], [2**62 + 2**40] * 2, 0)
    with pytest.raises(ValueError, match="reaches outside"):
        kernels.view(x, [2**32, 2**32], [0, 0], 0)
    with pytest.raises(ValueError, match="do not fit"):
        kernels.copy_columns(x, np.zeros((1, 4), np.float32), 2**63 - 2, False)
    with pytest.raises(ValueError, match="too large"):
        kernels.reduce(x, "sum", 2**32, 2**32, 1)
