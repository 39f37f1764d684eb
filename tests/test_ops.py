"""mlpcore.ops against NumPy: of arrays, recorded over a batch, and their gradients."""

import math

import numpy as np
import pytest

from mlpcore import ops
from mlpcore._arena import Arena, Variable
from mlpcore._tape import Recorder
from mlpcore._tensor import KerasTensor

X = np.random.default_rng(0).normal(size=(4, 2, 3)).round(2) + 0.005  # away from 0, from ties and from integers
POSITIVE = np.abs(X) + 0.1


def erf(x):
    return np.vectorize(math.erf)(x)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sparsemax(x):  # algorithm 1 of Martins & Astudillo, 2016
    z = -np.sort(-x, axis=-1)
    sums, k = z.cumsum(-1) - 1, np.arange(1, x.shape[-1] + 1)
    size = (k * z > sums).sum(-1, keepdims=True)
    return np.maximum(x - np.take_along_axis(sums, size - 1, -1) / size, 0)


def einsum(subscripts, *operands):
    """Return a function of the rows, given the other operands."""
    return lambda x: ops.einsum(subscripts, x, *operands), lambda x: np.einsum(subscripts, x, *operands)


CONSTANT = np.arange(1.0, 4.0)
CASES = {  # name -> (function of ops, the same in NumPy); of rows (4, 2, 3)
    "sort": (ops.sort, np.sort),
    "sort along another axis": (lambda x: ops.sort(x, axis=1), lambda x: np.sort(x, axis=1)),
    "top_k": (lambda x: ops.top_k(x, 2)[0], lambda x: np.sort(x)[..., :0:-1]),
    "add": (lambda x: ops.add(x, CONSTANT), lambda x: x + CONSTANT),
    "add column": (lambda x: ops.add(x, np.array([[1.0], [2.0]])), lambda x: x + np.array([[1.0], [2.0]])),
    "outer sum": (lambda x: x[:, :, :1] + x[:, :1, :], lambda x: x[:, :, :1] + x[:, :1, :]),
    "subtract": (lambda x: 1.0 - x, lambda x: 1 - x),
    "multiply": (lambda x: ops.multiply(x, x), lambda x: x * x),
    "divide": (lambda x: 2 / x, lambda x: 2 / x),
    "true_divide": (lambda x: ops.true_divide(x, 4.0), lambda x: x / 4),
    "divide_no_nan": (lambda x: ops.divide_no_nan(x, CONSTANT - 2),
        lambda x: np.where(CONSTANT == 2, 0, x / (CONSTANT - 2 + (CONSTANT == 2)))),
    "floor_divide": (lambda x: x // 0.3, lambda x: np.floor(x / 0.3)),
    "mod": (lambda x: x % 0.7, lambda x: x % 0.7),
    "square": (ops.square, np.square),
    "power 2": (lambda x: x**2, np.square),
    "power 3": (lambda x: x**3, lambda x: x**3),
    "maximum": (lambda x: ops.maximum(x, 0.2), lambda x: np.maximum(x, 0.2)),
    "minimum": (lambda x: ops.minimum(x, 0.2), lambda x: np.minimum(x, 0.2)),
    "clip": (lambda x: ops.clip(x, -0.5, 0.5), lambda x: np.clip(x, -0.5, 0.5)),
    "negative": (lambda x: -x, np.negative),
    "absolute": (abs, np.abs),
    "sign": (ops.sign, np.sign),
    "exp": (ops.exp, np.exp),
    "exp2": (ops.exp2, np.exp2),
    "expm1": (ops.expm1, np.expm1),
    "logaddexp": (lambda x: ops.logaddexp(x, 0.5), lambda x: np.logaddexp(x, 0.5)),
    "floor": (ops.floor, np.floor),
    "ceil": (ops.ceil, np.ceil),
    "round": (ops.round, np.round),
    "round 1": (lambda x: ops.round(x, 1), lambda x: np.round(x, 1)),
    "trunc": (ops.trunc, np.trunc),
    "sin": (ops.sin, np.sin),
    "cos": (ops.cos, np.cos),
    "tan": (ops.tan, np.tan),
    "sinh": (ops.sinh, np.sinh),
    "arctan": (lambda x: ops.arctan(3 * x), lambda x: np.arctan(3 * x)),
    "arctan2": (lambda x: ops.arctan2(x, x[..., ::-1]), lambda x: np.arctan2(x, x[..., ::-1])),
    "arctan2 of an angle": (lambda x: ops.arctan2(ops.sin(3 * x), ops.cos(3 * x)),
        lambda x: (3 * x + np.pi) % (2 * np.pi) - np.pi),
    "arcsin": (lambda x: ops.arcsin(0.4 * x), lambda x: np.arcsin(0.4 * x)),
    "arccos": (lambda x: ops.arccos(0.4 * x), lambda x: np.arccos(0.4 * x)),
    "arcsinh": (ops.arcsinh, np.arcsinh),
    "arcsinh of large numbers": (lambda x: ops.arcsinh(1e9 * x), lambda x: np.arcsinh(1e9 * x)),
    "arctanh": (lambda x: ops.arctanh(0.4 * x), lambda x: np.arctanh(0.4 * x)),
    "cosh": (ops.cosh, np.cosh),
    "erf": (ops.erf, erf),
    "relu": (ops.relu, lambda x: np.maximum(x, 0)),
    "relu6": (lambda x: ops.relu6(5 * x), lambda x: np.clip(5 * x, 0, 6)),
    "sigmoid": (ops.sigmoid, sigmoid),
    "tanh": (ops.tanh, np.tanh),
    "elu": (lambda x: ops.elu(x, 0.7), lambda x: np.where(x > 0, x, 0.7 * np.expm1(x))),
    "celu": (lambda x: ops.celu(x, 0.7), lambda x: np.maximum(x, 0) + np.minimum(0, 0.7 * np.expm1(x / 0.7))),
    "selu": (ops.selu, lambda x: 1.0507009873554805 * np.where(x > 0, x, 1.6732632423543772 * np.expm1(x))),
    "gelu": (lambda x: ops.gelu(x, approximate=False), lambda x: x * (1 + erf(x / np.sqrt(2))) / 2),
    "gelu by tanh": (ops.gelu, lambda x: x / 2 * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))),
    "silu": (ops.silu, lambda x: x * sigmoid(x)),
    "mish": (ops.mish, lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    "leaky_relu": (ops.leaky_relu, lambda x: np.where(x > 0, x, 0.2 * x)),
    "softplus": (ops.softplus, lambda x: np.log1p(np.exp(x))),
    "softsign": (ops.softsign, lambda x: x / (1 + np.abs(x))),
    "hard_sigmoid": (lambda x: ops.hard_sigmoid(2 * x), lambda x: np.clip(x / 3 + 0.5, 0, 1)),
    "hard_silu": (ops.hard_silu, lambda x: x * np.clip(x / 6 + 0.5, 0, 1)),
    "hard_tanh": (ops.hard_tanh, lambda x: np.clip(x, -1, 1)),
    "log_sigmoid": (ops.log_sigmoid, lambda x: -np.log1p(np.exp(-x))),
    "tanh_shrink": (ops.tanh_shrink, lambda x: x - np.tanh(x)),
    "soft_shrink": (ops.soft_shrink, lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0)),
    "hard_shrink": (ops.hard_shrink, lambda x: np.where(np.abs(x) > 0.5, x, 0)),
    "threshold": (lambda x: ops.threshold(x, 0.1, -3.0), lambda x: np.where(x > 0.1, x, -3)),
    "squareplus": (ops.squareplus, lambda x: (x + np.sqrt(x * x + 4)) / 2),
    "glu": (lambda x: ops.glu(x, axis=1), lambda x: x[:, :1] * sigmoid(x[:, 1:])),
    "softmax": (ops.softmax, softmax),
    "softmax of axis 1": (lambda x: ops.softmax(x, axis=1), lambda x: softmax(x, 1)),
    "log_softmax": (ops.log_softmax, lambda x: np.log(softmax(x))),
    "sparsemax": (ops.sparsemax, sparsemax),
    "sparsemax of axis 1": (lambda x: ops.sparsemax(x, axis=1),
        lambda x: sparsemax(x.swapaxes(1, 2)).swapaxes(1, 2)),
    "where": (lambda x: ops.where(x > 0.0, x, 2 * x), lambda x: np.where(x > 0, x, 2 * x)),
    "sum": (lambda x: ops.sum(x, axis=-1), lambda x: x.sum(-1)),
    "sum of axis 1": (lambda x: ops.sum(x, axis=1, keepdims=True), lambda x: x.sum(1, keepdims=True)),
    "sum of two axes": (lambda x: ops.sum(x, axis=(1, 2)), lambda x: x.sum((1, 2))),
    "sum of the batch": (lambda x: ops.sum(x, axis=0), lambda x: x.sum(0)),
    "sum of the batch and an axis": (lambda x: ops.sum(x, axis=(0, 2)), lambda x: x.sum((0, 2))),
    "mean": (lambda x: ops.mean(x), lambda x: x.mean()),
    "mean of an axis": (lambda x: ops.mean(x, -1, True), lambda x: x.mean(-1, keepdims=True)),
    "average": (
        lambda x: ops.average(x, axis=-1, weights=CONSTANT),
        lambda x: np.average(x, axis=-1, weights=CONSTANT),
    ),
    "average of axis 1": (
        lambda x: ops.average(x, axis=1, weights=[0.2, 0.8]),
        lambda x: np.average(x, axis=1, weights=[0.2, 0.8]),
    ),
    "average of all": (lambda x: ops.average(x, weights=CONSTANT), lambda x: (x * CONSTANT).sum() / 48),
    "max": (lambda x: ops.max(x, axis=(0, 1)), lambda x: x.max((0, 1))),
    "min": (lambda x: ops.amin(x, axis=-1), lambda x: x.min(-1)),
    "prod": (lambda x: ops.prod(x, axis=-1), lambda x: x.prod(-1)),
    "var": (lambda x: ops.var(x, axis=-1), lambda x: x.var(-1)),
    "std of the batch": (lambda x: ops.std(x, axis=0), lambda x: x.std(0)),
    "logsumexp": (lambda x: ops.logsumexp(x, axis=-1), lambda x: np.log(np.exp(x).sum(-1))),
    "logsumexp of all": (lambda x: ops.logsumexp(x), lambda x: np.log(np.exp(x).sum())),
    "norm": (lambda x: ops.norm(x, axis=-1), lambda x: np.linalg.norm(x, axis=-1)),
    "norm 1": (lambda x: ops.norm(x, 1, axis=1), lambda x: np.abs(x).sum(1)),
    "norm 3": (lambda x: ops.norm(x, 3, axis=1), lambda x: (np.abs(x) ** 3).sum(1) ** (1 / 3)),
    "norm inf": (lambda x: ops.norm(x, np.inf, axis=1), lambda x: np.abs(x).max(1)),
    "normalize": (ops.normalize, lambda x: x / np.linalg.norm(x, axis=-1, keepdims=True)),
    "reshape": (lambda x: ops.reshape(x, (-1, 3, 2)), lambda x: x.reshape(-1, 3, 2)),
    "reshape flat": (lambda x: ops.reshape(x, (ops.shape(x)[0], -1)), lambda x: x.reshape(len(x), -1)),
    "expand_dims": (lambda x: ops.expand_dims(x, -1), lambda x: x[..., None]),
    "squeeze": (lambda x: ops.squeeze(x[:, :1], 1), lambda x: x[:, 0]),
    "transpose": (lambda x: ops.transpose(x, (0, 2, 1)), lambda x: x.transpose(0, 2, 1)),
    "swapaxes": (lambda x: ops.swapaxes(x, 1, -1), lambda x: x.swapaxes(1, 2)),
    "moveaxis": (lambda x: ops.moveaxis(x, 1, -1), lambda x: np.moveaxis(x, 1, -1)),
    "broadcast_to": (lambda x: ops.broadcast_to(x[:, :1], (x.shape[0], 5, 3)),
        lambda x: np.broadcast_to(x[:, :1], (4, 5, 3))),
    "repeat": (lambda x: ops.repeat(x, 2, axis=1), lambda x: x.repeat(2, 1)),
    "tile": (lambda x: ops.tile(x, (1, 2, 3)), lambda x: np.tile(x, (1, 2, 3))),
    "flip": (lambda x: ops.flip(x, axis=-1), lambda x: x[..., ::-1]),
    "flip both": (lambda x: ops.flip(x, axis=(1, 2)), lambda x: x[:, ::-1, ::-1]),
    "roll": (lambda x: ops.roll(x, 1, axis=-1), lambda x: np.roll(x, 1, -1)),
    "concatenate": (lambda x: ops.concatenate([x, 2 * x[..., :1]], axis=-1),
        lambda x: np.concatenate([x, 2 * x[..., :1]], -1)),
    "concatenate axis 1": (lambda x: ops.concatenate([x, x], axis=1), lambda x: np.concatenate([x, x], 1)),
    "stack": (lambda x: ops.stack([x, 2 * x], axis=2), lambda x: np.stack([x, 2 * x], 2)),
    "split": (lambda x: ops.split(x, 3, axis=-1)[1], lambda x: x[..., 1:2]),
    "split at": (lambda x: ops.split(x, [1], axis=-1)[1], lambda x: x[..., 1:]),
    "unstack": (lambda x: ops.unstack(x, axis=1)[1], lambda x: x[:, 1]),
    "pad": (lambda x: ops.pad(x, ((0, 0), (1, 0), (0, 2)), constant_values=7.0),
        lambda x: np.pad(x, ((0, 0), (1, 0), (0, 2)), constant_values=7)),
    "slices": (lambda x: x[:, ::-1, 1:], lambda x: x[:, ::-1, 1:]),
    "item": (lambda x: x[:, 0, None, -1], lambda x: x[:, 0, None, -1]),
    "ellipsis": (lambda x: x[..., 0], lambda x: x[..., 0]),
    "take": (lambda x: ops.take(x, [2, 0, 0, 1], axis=-1), lambda x: x[..., [2, 0, 0, 1]]),
    "matmul": (lambda x: ops.matmul(x, np.arange(6.0).reshape(3, 2)), lambda x: x @ np.arange(6.0).reshape(3, 2)),
    "matmul of rows": (lambda x: ops.matmul(x[:, 0], np.arange(6.0).reshape(3, 2)),
        lambda x: x[:, 0] @ np.arange(6.0).reshape(3, 2)),
    "matmul with a vector": (lambda x: ops.matmul(x, CONSTANT), lambda x: x @ CONSTANT),
    "matmul within rows": (lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1))), lambda x: x @ x.transpose(0, 2, 1)),
    "matmul from the left": (lambda x: ops.matmul(np.ones((5, 2)), x), lambda x: np.ones((5, 2)) @ x),
    "matmul of stacks": (lambda x: ops.matmul(ops.expand_dims(x, 1), np.arange(18.0).reshape(3, 3, 2)),
        lambda x: x[:, None] @ np.arange(18.0).reshape(3, 3, 2)),
    "dot": (lambda x: ops.dot(x, np.eye(3)), lambda x: x),
    "einsum of a matrix": einsum("bij,jk->bik", np.arange(6.0).reshape(3, 2)),
    "einsum of a stack": einsum("bij,ijk->bik", np.arange(12.0).reshape(2, 3, 2)),
    "einsum of a stack of vectors": einsum("bij,ij->bi", np.arange(6.0).reshape(2, 3)),
    "einsum, the axes in another order": einsum("bij->bji"),
    "einsum, letters in order": einsum("acb"),
    "einsum of nothing in common": einsum("bij,k->bkji", CONSTANT),
    "einsum of three": einsum("bij,jk,k->bi", np.arange(9.0).reshape(3, 3), CONSTANT),
    "einsum, the batch on the right": (lambda x: ops.einsum("ki,bij->bkj", np.arange(4.0).reshape(2, 2), x),
        lambda x: np.einsum("ki,bij->bkj", np.arange(4.0).reshape(2, 2), x)),
    "einsum within rows": (lambda x: ops.einsum("bij,bkj->bik", x, x), lambda x: np.einsum("bij,bkj->bik", x, x)),
    "einsum, products of elements": (lambda x: ops.einsum("bij,bij->bij", x, x), np.square),
    "einsum of a diagonal": (lambda x: ops.einsum("bii->bi", x[:, :, :2]), lambda x: x[:, [0, 1], [0, 1]]),
    "einsum over the batch": (lambda x: ops.einsum("bij,bik->jk", x, x), lambda x: np.einsum("bij,bik->jk", x, x)),
    "dense": (lambda x: ops.dense(x, np.ones((3, 2)), [1.0, 2.0]), lambda x: x @ np.ones((3, 2)) + [1, 2]),
    "cumsum": (lambda x: ops.cumsum(x, axis=-1), lambda x: x.cumsum(-1)),
    "cumsum axis 1": (lambda x: ops.cumsum(x, axis=1), lambda x: x.cumsum(1)),
 "diff": (ops.diff, np.diff),
    "inner": (lambda x: ops.inner(x, np.ones((2, 3))), lambda x: np.inner(x, np.ones((2, 3)))),
    "tril": (ops.tril, np.tril),
    "triu": (lambda x: ops.triu(x, 1), lambda x: np.triu(x, 1)),
    "erfc": (ops.erfc, lambda x: 1 - erf(x)),
    "cbrt": (ops.cbrt, np.cbrt),
    "hypot": (lambda x: ops.hypot(x, 2.0), lambda x: np.hypot(x, 2)),
    "heaviside": (lambda x: x * ops.heaviside(x, 0.5), lambda x: x * np.heaviside(x, 0.5)),
    "degrees": (lambda x: ops.rad2deg(x) + ops.deg2rad(x), lambda x: np.rad2deg(x) + np.deg2rad(x)),
    "nan_to_num": (ops.nan_to_num, np.nan_to_num),
    "binary_crossentropy": (
        lambda x: ops.binary_crossentropy(CONSTANT > 1, ops.sigmoid(x)),
        lambda x: -np.where(CONSTANT > 1, np.log(sigmoid(x)), np.log(1 - sigmoid(x))),
    ),
    "binary_crossentropy of logits": (
        lambda x: ops.binary_crossentropy(CONSTANT > 1, x, from_logits=True),
        lambda x: -np.where(CONSTANT > 1, np.log(sigmoid(x)), np.log(1 - sigmoid(x))),
    ),
    "categorical_crossentropy": (
        lambda x: ops.categorical_crossentropy([0.0, 0.25, 0.75], ops.exp(x)),
        lambda x: -(np.log(softmax(x)) * [0, 0.25, 0.75]).sum(-1),
    ),
    "categorical_crossentropy of logits": (
        lambda x: ops.categorical_crossentropy([0.0, 0.25, 0.75], x, from_logits=True),
        lambda x: -(np.log(softmax(x)) * [0, 0.25, 0.75]).sum(-1),
    ),
    "sparse_categorical_crossentropy": (
        lambda x: ops.sparse_categorical_crossentropy([[2, 0]], x, from_logits=True),
        lambda x: -np.log(softmax(x))[:, [0, 1], [2, 0]],
    ),
    "max with an initial value": (lambda x: ops.max(x, -1, initial=0.3), lambda x: x.max(-1, initial=0.3)),
    "zeros_like": (lambda x: ops.zeros_like(x) + ops.sum(ops.ones_like(x), axis=0),
        lambda x: np.full(x.shape, float(len(x)))),
    "full_like": (lambda x: x * ops.full_like(x, 3.0), lambda x: x * 3),
    "rows of constants": (lambda x: x[..., 0] * ops.ones((ops.shape(x)[0], 2)), lambda x: x[..., 0]),
    "size": (lambda x: ops.sum(x) / ops.size(x), lambda x: x.mean()),
    "moments": (lambda x: ops.moments(x, (1, 2))[1], lambda x: x.var((1, 2))),
}  # fmt: skip
POSITIVES = {
    "sqrt": (ops.sqrt, np.sqrt),
    "rsqrt": (ops.rsqrt, lambda x: 1 / np.sqrt(x)),
    "reciprocal": (ops.reciprocal, lambda x: 1 / x),
    "log": (ops.log, np.log),
    "log1p": (ops.log1p, np.log1p),
    "log2": (ops.log2, np.log2),
    "log10": (ops.log10, np.log10),
    "power": (lambda x: x**1.5, lambda x: x**1.5),
    "power of numbers": (lambda x: 2.0**x, lambda x: 2.0**x),
    "arccosh": (lambda x: ops.arccosh(x + 1.0), lambda x: np.arccosh(x + 1)),
    "power of tensors": (lambda x: ops.power(x, x), lambda x: x**x),
}
PLACES = {  # no gradient
    "argmax": (lambda x: ops.argmax(x, axis=-1), lambda x: x.argmax(-1)),
    "argsort": (lambda x: ops.argsort(x, axis=1), lambda x: x.argsort(1, kind="stable")),
    "argsort of equals": (lambda x: ops.argsort(ops.round(x)), lambda x: np.round(x).argsort(kind="stable")),
    "top_k's places": (lambda x: ops.top_k(x, 2)[1], lambda x: (-x).argsort(kind="stable")[..., :2]),
    "argmin": (lambda x: ops.argmin(x, axis=1, keepdims=True), lambda x: x.argmin(1, keepdims=True)),
    "any": (lambda x: ops.any(x > 1, axis=-1), lambda x: (x > 1).any(-1)),
    "all of the batch": (lambda x: ops.all(x > -1, axis=0), lambda x: (x > -1).all(0)),
    "count_nonzero": (lambda x: ops.count_nonzero(x > 0, axis=-1), lambda x: (x > 0).sum(-1)),
    "greater": (lambda x: x > 0, lambda x: x > 0),
    "greater_equal": (lambda x: x >= x, lambda x: x >= x),
    "less": (lambda x: x > 0, lambda x: x > 0),
    "less_equal": (lambda x: x <= 0, lambda x: x <= 0),
    "equal": (lambda x: ops.equal(x, x), lambda x: x == x),
    "not_equal": (lambda x: ops.not_equal(x, 0.0), lambda x: x != 0),
    "logical_and": (lambda x: ops.logical_and(x > 0, x < 1), lambda x: (x > 0) & (x < 1)),
    "logical_or": (lambda x: ops.logical_or(x < 0, x > 1), lambda x: (x < 0) | (x > 1)),
    "logical_not": (lambda x: ops.logical_not(x > 0), lambda x: ~(x > 0)),
    "logical_xor": (lambda x: ops.logical_xor(x > 0, x < 1), lambda x: (x > 0) ^ (x < 1)),
    "isclose": (lambda x: ops.isclose(x, 0.135), lambda x: np.isclose(x, 0.135)),
    "isfinite": (lambda x: ops.isfinite(ops.divide(x, 0.0)), lambda x: np.zeros(x.shape, bool)),
    "isnan": (ops.isnan, np.isnan),
    "isinf": (lambda x: ops.isinf(ops.divide(x, 0.0)), lambda x: np.ones(x.shape, bool)),
    "cast": (lambda x: ops.cast(3 * x, "int32"), lambda x: (3 * x).astype(int)),
    "cast to bool": (lambda x: ops.cast(x, "bool"), lambda x: x != 0),
    "one_hot": (lambda x: ops.one_hot(ops.argmax(x, -1), 3), lambda x: np.eye(3)[x.argmax(-1)]),
    "multi_hot": (lambda x: ops.multi_hot(ops.argmax(x, -1), 3), lambda x: np.eye(3)[x.argmax(-1)].max(1)),
}
ALL = [(name, *case, X) for name, case in {**CASES, **PLACES}.items()]
ALL += [(name, *case, POSITIVE) for name, case in POSITIVES.items()]
SMOOTH = [case for case in ALL if case[0] not in PLACES]
by_name = pytest.mark.parametrize(("name", "function", "reference", "x"), ALL, ids=[case[0] for case in ALL])


@by_name
def test_of_arrays_matches_numpy(name, function, reference, x):
    result = function(np.asarray(x, np.float32))
    with np.errstate(all="ignore"):
        expected = np.asarray(reference(x))
    assert result.shape == expected.shape
    assert result.dtype == {"b": bool, "i": np.int32}.get(expected.dtype.kind, np.float32)
    np.testing.assert_allclose(result, expected, rtol=2e-5, atol=2e-5)  # float32


@by_name
def test_recorded_over_a_batch_matches_numpy(name, function, reference, x):
    recorder = Recorder(Arena("float64"))
    symbol = recorder.input(x.shape[1:])
    recorder.replay([x.reshape(len(x), -1)])
    with recorder:
        y = function(symbol)
        result = y.numpy()
    with np.errstate(all="ignore"):
        expected = np.asarray(reference(x))
    batched = y.shape[:1] == (None,)
    assert (result.shape[:1] + y.shape[1:] if batched else y.shape) == expected.shape
    np.testing.assert_allclose(result, expected, rtol=1e-9, atol=1e-9)


@by_name
def test_of_placeholders_has_the_shape_of_the_recorded(name, function, reference, x):
    made = function(KerasTensor((None, 2, 3)))
    expected = np.asarray(reference(np.ones((7, 2, 3)))).shape if "broadcast" not in name else (7, 5, 3)
    assert isinstance(made, KerasTensor)
    assert made.shape == ((None, *expected[1:]) if made.shape[:1] == (None,) else expected)


@pytest.mark.parametrize(("name", "function", "reference", "x"), SMOOTH, ids=[case[0] for case in SMOOTH])
def test_gradient_matches_central_differences(name, function, reference, x):
    arena, offset = Arena("float64"), Variable(np.zeros, (2, 3), "float64")
    recorder = Recorder(arena, training=True)
    symbol = recorder.input(x.shape[1:])
    pull = np.random.default_rng(1).normal(size=np.shape(function(np.asarray(x, np.float32)))[1:] or ())
    with recorder:
        y = function(symbol + offset)
        if y.shape[:1] == (None,):
            recorder.row_loss(ops.reshape(ops.sum(ops.reshape(y * pull, (-1, int(np.prod(y.shape[1:])))), -1), (-1, 1)))
        else:
            recorder.scalar_loss(ops.sum(y))
    engine = arena.engine(recorder.tape)
    direction, step = np.random.default_rng(2).normal(size=(2, 3)), 1e-6

    def loss_and_gradient(value):
        offset.assign(value)
        arena.push()
        loss, _, gradient = engine.gradient(x.reshape(len(x), -1), [])
        return loss, gradient[0].reshape(2, 3)

    slope = np.sum(loss_and_gradient(np.zeros((2, 3)))[1] * direction)
    ahead, behind = (loss_and_gradient(s * step * direction)[0] for s in (1, -1))
    np.testing.assert_allclose(slope, (ahead - behind) / (2 * step), rtol=1e-5, atol=1e-7)


WIDE = np.concatenate(
    [[0, 1, -1, 1e30, -1e30, np.inf, -np.inf, np.nan], np.linspace(-4, 4, 4001), 10.0 ** np.arange(-9, 9)]
)
TIGHT = np.concatenate([[0, 1, -1, 1.5, -2, np.nan], np.linspace(-1, 1, 4001), 1 - 10.0 ** np.arange(-7, 0)])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "x"),
    [
        *[(name, WIDE) for name in ("arctan", "arcsinh", "arccosh")],
        *[(name, TIGHT) for name in ("arcsin", "arccos", "arctanh")],
        *[(name, np.linspace(-80, 80, 4001)) for name in ("sinh", "cosh")],
    ],
)
def test_composed_functions_err_by_few_units_in_the_last_place(name, x, dtype):
    x = x.astype(dtype)
    recorder = Recorder(Arena(dtype))
    symbol = recorder.input(())
    recorder.replay([x[:, None]])
    with recorder:
        result = getattr(ops, name)(symbol).numpy()
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x.astype(np.longdouble))
    np.testing.assert_allclose(result, expected.astype(dtype), rtol=4 * np.finfo(dtype).eps)


@pytest.mark.parametrize("name", ["arctan", "arcsin", "arcsinh", "arctanh", "sinh"])
def test_gradient_at_zero_is_one(name):
    arena, v = Arena("float64"), Variable([0.0], dtype="float64")
    recorder = Recorder(arena, training=True)
    x = recorder.input((1,))
    with recorder:
        recorder.row_loss(getattr(ops, name)(x * v))
    engine = arena.engine(recorder.tape)
    arena.push()
    assert engine.gradient(np.ones((1, 1)), [])[2][0] == 1


def test_arctan2_knows_the_quadrants_and_axes():
    y, x = np.float32([0, 1, 1, 1, 0, -1, -1, -1, 0]), np.float32([1, 1, 0, -1, -1, -1, 0, 1, 0])
    np.testing.assert_allclose(ops.arctan2(y, x), np.arctan2(y, x), rtol=1e-6)


@pytest.mark.parametrize(
    ("subscripts", "others", "message"),
    [
        ("bij,jk->bq", [np.ones((3, 2))], "expected subscripts as 'ij,jk->ik'"),
        ("b...->b", [], "expected subscripts as 'ij,jk->ik'"),
        ("bij,jk", [], "'bij,jk' is for 2 operands, got 1"),
        ("bi->b", [], r"'bi' is no name for the axes of shape \(None, 2, 3\)"),
        ("bij,jk->bik", [np.ones((2, 2))], r"'j' has two lengths in shapes \(None, 2, 3\) and \(2, 2\)"),
        ("bij->ibj", [], "the batch stays the first axis"),
        ("bij,bk->bik", [np.ones((4, 2))], "operands with a batch must have the same letter for it, alone"),
    ],
)
def test_einsum_says_what_does_not_fit(subscripts, others, message):
    with pytest.raises(ValueError, match=message):
        ops.einsum(subscripts, KerasTensor((None, 2, 3)), *others)


def test_gradient_stops_where_told():
    arena, v = Arena("float64"), Variable([2.0], dtype="float64")
    recorder = Recorder(arena, training=True)
    x = recorder.input((1,))
    with recorder:
        recorder.row_loss(x * v * ops.stop_gradient(v))
    engine = arena.engine(recorder.tape)
    arena.push()
    _, _, gradient = engine.gradient(np.ones((1, 1)), [])
    assert gradient[0] == 2  # 4 without


def test_arrays_of_integers_and_truth_values_keep_their_kind():
    assert ops.add(np.arange(3), 1).dtype == np.int32
    assert ops.sum(np.array([True, True])).dtype == np.int32
    assert ops.mean(np.arange(3)).dtype == np.float32
    assert ops.cast(np.array([1.7, -1.7]), "int32").tolist() == [1, -1]


def test_take_with_computed_indices_looks_rows_of_a_table_up():
    recorder, table = Recorder(Arena()), Variable(np.arange(6.0).reshape(3, 2))
    index = recorder.input((2,), "int32")
    recorder.replay([np.array([[2, 0]], np.float32)])
    with recorder:
        rows = ops.take(table, index, axis=0)
        assert rows.shape == (None, 2, 2)
        assert rows.numpy().tolist() == [[[4, 5], [0, 1]]]


def test_take_along_axis_picks_one_element_per_row():
    x, index = np.arange(6.0).reshape(2, 3), np.array([[2], [0]])
    assert ops.take_along_axis(x, index, axis=-1).tolist() == [[2], [3]]


def test_take_of_arrays_takes_any_indices():
    table = np.arange(6).reshape(3, 2)
    assert ops.take(table, np.array([[2, 0]]), axis=0).tolist() == [[[4, 5], [0, 1]]]
    assert ops.take(Variable(table), [-1]).tolist() == [5]


def test_loops_are_recorded_as_they_run():
    recorder = Recorder(Arena())
    x = recorder.input((2,))
    recorder.replay([np.ones((1, 2), np.float32)])
    with recorder:
        doubled = ops.while_loop(lambda x: ops.sum(x) < 10, lambda x: 2 * x, x)
        powers = ops.fori_loop(0, 3, lambda i, value: value * 3.0, x)
        chosen = ops.cond(ops.sum(x) > 5, lambda: x, lambda: -x)
        assert doubled.numpy().tolist() == [[8, 8]]
        assert powers.numpy().tolist() == [[27, 27]]
        assert chosen.numpy().tolist() == [[-1, -1]]


def test_constants_are_arrays():
    assert ops.zeros((2,)).dtype == np.float32
    assert ops.arange(3).tolist() == [0, 1, 2]
    assert ops.arange(0, 1, 0.5).dtype == np.float32
    assert ops.eye(2).tolist() == [[1, 0], [0, 1]]
    assert ops.linspace(0, 1, 3).tolist() == [0, 0.5, 1]


def test_numpy_functions_and_operators_of_tensors_are_recorded():
    recorder = Recorder(Arena())
    x = recorder.input((2,))
    recorder.replay([np.zeros((1, 2), np.float32)])
    with recorder:
        y = np.exp(x) + np.array([1.0, 2.0]) - np.float32(1) * x
        assert y.shape == (None, 2)
        assert y.numpy().tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda x: ops.reshape(x, (3, -1)),
         r"cannot reshape \(None, 2, 3\) to \(3, -1\): the batch stays the first axis"),
        (lambda x: ops.transpose(x), "name axes, starting with 0"),
        (lambda x: ops.concatenate([x, x], axis=0), "ops.concatenate cannot work along the batch"),
        (lambda x: ops.argmax(x), "ops.argmax cannot work along the batch"),
        (lambda x: ops.prod(x, axis=0), "sum, mean, max and min work along the batch"),
        (lambda x: x[0], "picks rows of a batch"),
        (lambda x: x[x > 0], "choose by a condition with ops.where"),
        (lambda x: x + np.ones((4, 2, 3)), "a batch can have any number of rows, not just 4"),
        (lambda x: x + np.ones(4), r"ops.add: shapes \(None, 2, 3\) and \(4,\) do not fit"),
        (lambda x: x + ops.sum(x, axis=-1), "the batch axes are at different places"),
        (lambda x: x[:, 0] @ x[:, 0], "would sum over the rows of the batch"),
        (lambda x: ops.matmul(x, np.ones((2, 2))), "do not fit"),
        (lambda x: ops.where(x > 0), "ops.where needs condition, x1 and x2"),
        (lambda x: ops.sum(x, axis=3), "axis 3 is out of range for a tensor with 3 axes"),
        (lambda x: ops.split(x, 2, axis=-1), "cannot be cut in 2 pieces"),
        (lambda x: ops.expand_dims(x, 0), "is before the batch"),
        (lambda x: list(x), "cannot iterate over the rows of a batch"),
    ],
)  # fmt: skip
def test_what_a_batch_cannot_do_says_what_to_do(function, message):
    with pytest.raises((ValueError, TypeError), match=message):
        function(KerasTensor((None, 2, 3)))


def test_an_unknown_op_suggests_the_nearest():
    with pytest.raises(AttributeError, match="no function 'concatenat'; did you mean 'concatenate'"):
        _ = ops.concatenat


def test_integers_that_are_no_numbers_give_no_warning():
    assert ops.floor_divide(np.array([1]), np.array([0])).dtype == np.int32


@pytest.mark.parametrize("x", np.array([[-np.inf, -np.inf], [np.inf, 0], [0, -np.inf], [np.nan, 1], [np.inf, np.inf]]))
def test_soft_maxima_of_infinite_and_nan_elements(x):
    with np.errstate(invalid="ignore"):
        expected = np.logaddexp(*x)
    np.testing.assert_allclose(ops.logaddexp(*x), expected, rtol=1e-6)
    np.testing.assert_allclose(ops.logsumexp(x), expected, rtol=1e-6)


def test_infinities_are_close_to_themselves_alone():
    values = np.array([1.0, np.inf, -np.inf, np.nan])
    for equal_nan in (False, True):
        np.testing.assert_array_equal(
            ops.isclose(values[:, None], values, equal_nan=equal_nan),
            np.isclose(values[:, None], values, equal_nan=equal_nan),
        )


def test_nan_stays_nan_and_leaves_the_rest_alone():
    np.testing.assert_array_equal(ops.heaviside([np.nan, -1.0, 0.0, 2.0], 0.5), [np.nan, 0, 0.5, 1])
    np.testing.assert_array_equal(ops.sort([3.0, np.nan, -np.inf, 1.0]), [-np.inf, 1, 3, np.nan])
    np.testing.assert_array_equal(ops.argsort([3.0, np.nan, -np.inf, 1.0]), [2, 3, 0, 1])


def test_weights_of_an_average_lie_along_its_axis():
    x = np.arange(9.0).reshape(3, 3)
    np.testing.assert_array_equal(ops.average(x, axis=0, weights=[1, 0, 0]), [0, 1, 2])
    np.testing.assert_array_equal(ops.average(x, axis=1, weights=[1, 0, 0]), [0, 3, 6])


def test_dot_of_more_than_two_axes_is_refused():
    np.testing.assert_array_equal(ops.dot(np.ones((2, 3)), [1.0, 2.0, 3.0]), [6, 6])
    with pytest.raises(ValueError, match="more than two axes; write"):
        ops.dot(np.ones((2, 3)), np.ones((2, 3, 4)))


def test_of_numbers_and_lists_alone():
    assert ops.sqrt(4.0) == 2
    assert ops.add([1.0, 2.0], [3.0, 4.0]).tolist() == [4, 6]
