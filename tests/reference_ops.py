"""The NumPy oracle of every op of a tape: its value, and the gradients of its inputs from that of its value.

Values are matrices, batched ones (rows, width) and unbatched ones (1, width). A forward function takes the op's
arguments and its inputs; a backward one the arguments, dy, y and the inputs, and returns a gradient an input: None
where there is none. Gradients may still have the shape of y: `unbroadcast` sums them over what was broadcast.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import erf

from reference import activate, activate_backward

UNARY = {
    "negative": (lambda x: -x, lambda x, y: -np.ones_like(x)),
    "reciprocal": (lambda x: 1 / x, lambda x, y: -y * y),
    "square": (lambda x: x * x, lambda x, y: 2 * x),
    "sqrt": (np.sqrt, lambda x, y: 0.5 / y),
    "rsqrt": (lambda x: 1 / np.sqrt(x), lambda x, y: -0.5 * y / x),
    "exp": (np.exp, lambda x, y: y),
    "expm1": (np.expm1, lambda x, y: y + 1),
    "log": (np.log, lambda x, y: 1 / x),
    "log1p": (np.log1p, lambda x, y: 1 / (1 + x)),
    "abs": (np.abs, lambda x, y: np.sign(x)),
    "sign": (np.sign, None),
    "floor": (np.floor, None),
    "ceil": (np.ceil, None),
    "round": (np.round, None),  # halves to even
    "sin": (np.sin, lambda x, y: np.cos(x)),
    "cos": (np.cos, lambda x, y: -np.sin(x)),
    "erf": (erf, lambda x, y: 2 / np.sqrt(np.pi) * np.exp(-x * x)),
    "logical_not": (np.logical_not, None),
    "isfinite": (np.isfinite, None),
}


def shares(a, b, y):
    """How much of a maximum or minimum y is a and how much b: half each at a tie."""
    tie = 0.5 * (a == b)
    return np.where(a == b, tie, a == y), np.where(a == b, tie, b == y)


def power_slopes(a, b, y):
    """b a^(b - 1), 0 where b is 0; and log(a) y, with log(0) taken as 0: as JAX has them."""
    by_a = np.where(b == 0, 0, b * np.power(a, np.where(b == 0, 1, b - 1)))
    return by_a, np.log(np.where(a == 0, 1, a)) * y


BINARY = {
    "add": (np.add, lambda a, b, y: (np.ones_like(y), np.ones_like(y))),
    "subtract": (np.subtract, lambda a, b, y: (np.ones_like(y), -np.ones_like(y))),
    "multiply": (np.multiply, lambda a, b, y: (b, a)),
    "divide": (np.divide, lambda a, b, y: (1 / b, -y / b)),
    "power": (np.power, power_slopes),
    "maximum": (np.maximum, shares),
    "minimum": (np.minimum, shares),
    "mod": (np.mod, lambda a, b, y: (np.ones_like(y), -np.floor(a / b))),  # the sign of b
    "greater": (np.greater, None),
    "greater_equal": (np.greater_equal, None),
    "less": (np.less, None),
    "less_equal": (np.less_equal, None),
    "equal": (np.equal, None),
    "not_equal": (np.not_equal, None),
    "logical_and": (np.logical_and, None),
    "logical_or": (np.logical_or, None),
}


def by_rows(values):
    """(rows, ...) as a matrix, also where there are no rows."""
    return values.reshape(len(values), math.prod(values.shape[1:]))


def unary(args, x):
    return UNARY[args[0]][0](x)


def unary_backward(args, dy, y, x):
    slope = UNARY[args[0]][1]
    return (None if slope is None else dy * slope(x, y),)


def binary(args, a, b):
    return BINARY[args[0]][0](a, b)


def binary_backward(args, dy, y, a, b):
    slopes = BINARY[args[0]][1]
    return (None, None) if slopes is None else tuple(dy * s for s in slopes(a, b, y))


def where(args, condition, a, b):
    return np.where(condition != 0, a, b)


def where_backward(args, dy, y, condition, a, b):
    return None, np.where(condition != 0, dy, 0), np.where(condition != 0, 0, dy)


def by_group(f, last, *matrices):
    """f of matrices whose rows are the groups of `last` columns (0: the whole row)."""
    shape = matrices[0].shape
    return f(*(m.reshape(-1, last or shape[1]) for m in matrices)).reshape(shape)


def activation(args, x):
    name, alpha, last = args
    return by_group(lambda z: activate(name, z, alpha), last, x)


def activation_backward(args, dy, y, x):
    name, alpha, last = args
    return (by_group(lambda z, d: activate_backward(name, z, d, alpha), last, x, dy),)


def view_places(args):
    dims, strides, offset = args
    steps = np.indices(dims).reshape(len(dims), math.prod(dims))
    return offset + (np.array(strides, int).reshape(-1, 1) * steps).sum(axis=0)


def view(args, x):
    return x[:, view_places(args)]


def view_backward(args, dy, y, x):
    dx = np.zeros_like(x)
    for column, place in enumerate(view_places(args)):
        dx[:, place] += dy[:, column]
    return (dx,)


def concat(args, *xs):
    (outer,) = args
    rows = max(len(x) for x in xs)
    blocks = [np.broadcast_to(x, (rows, x.shape[1])).reshape(rows, outer, x.shape[1] // outer) for x in xs]
    return by_rows(np.concatenate(blocks, axis=2))


def concat_backward(args, dy, y, *xs):
    (outer,) = args
    ends = np.cumsum([x.shape[1] // outer for x in xs])[:-1]
    return tuple(by_rows(d) for d in np.split(dy.reshape(len(dy), outer, dy.shape[1] // outer), ends, axis=2))


def product_of_others(x, axis):
    """Along an axis, the product of all elements but each one: right where some are 0."""
    x = np.moveaxis(x, axis, 0)
    others = [np.delete(x, i, axis=0).prod(axis=0) for i in range(len(x))]
    return np.moveaxis(np.array(others).reshape(x.shape), 0, axis)


REDUCTIONS = {
    "sum": np.sum,
    "mean": np.mean,
    "max": np.max,
    "min": np.min,
    "prod": np.prod,
    "argmax": np.argmax,
    "argmin": np.argmin,
}


def reduce_slope(name, x, y, axis):
    """d y / d x of a reduction; y with the axis kept. A maximum is shared equally by those that tie, as in JAX."""
    if name == "sum":
        return np.ones_like(x)
    if name == "mean":
        return np.full_like(x, 1 / x.shape[axis])
    if name == "prod":
        return product_of_others(x, axis)
    ties = x == y
    return ties / np.maximum(ties.sum(axis=axis, keepdims=True), 1)


def reduce(args, x):
    name, outer, n, inner = args
    return by_rows(REDUCTIONS[name](x.reshape(-1, outer, n, inner), axis=2))


def reduce_backward(args, dy, y, x):
    name, outer, n, inner = args
    if name.startswith("arg"):
        return (None,)
    y, dy = (m.reshape(-1, outer, 1, inner) for m in (y, dy))
    return ((dy * reduce_slope(name, x.reshape(-1, outer, n, inner), y, 2)).reshape(x.shape),)


def over_rows(args, x):
    return REDUCTIONS[args[0]](x, axis=0)[None]


def over_rows_backward(args, dy, y, x):
    return (None,) if args[0].startswith("arg") else (dy * reduce_slope(args[0], x, y, 0),)


def matmul(args, a, b):
    m, k, n = args
    return by_rows(a.reshape(-1, m, k) @ b.reshape(-1, k, n))


def matmul_backward(args, dy, y, a, b):
    m, k, n = args
    dy = dy.reshape(-1, m, n)
    da = dy @ b.reshape(-1, k, n).swapaxes(1, 2)
    db = a.reshape(-1, m, k).swapaxes(1, 2) @ dy
    return by_rows(da), by_rows(db)


def take_rows(table, index, dim):
    """The rows of the table, the indices as integers (0 where wrong), and which are right."""
    table = table.reshape(-1, dim)
    right = (index >= 0) & (index < len(table)) & (index == np.floor(index))
    return table, np.where(right, index, 0).astype(int), right


def take(args, table, index):
    (dim,) = args
    rows, places, right = take_rows(table, index, dim)
    return by_rows(np.where(right[..., None], rows[places], np.nan))


def take_backward(args, dy, y, table, index):
    (dim,) = args
    rows, places, right = take_rows(table, index, dim)
    d_rows = np.zeros_like(rows)
    np.add.at(d_rows, places[right], dy.reshape(*index.shape, dim)[right])
    return d_rows.reshape(table.shape), None


def one_hot(args, x):
    (n,) = args
    return by_rows(x[..., None] == np.arange(n))


def same(args, x):
    return x


OPS = {  # kind -> (forward, backward or None)
    "unary": (unary, unary_backward),
    "binary": (binary, binary_backward),
    "where": (where, where_backward),
    "activation": (activation, activation_backward),
    "view": (view, view_backward),
    "concat": (concat, concat_backward),
    "reduce": (reduce, reduce_backward),
    "over_rows": (over_rows, over_rows_backward),
    "matmul": (matmul, matmul_backward),
    "take": (take, take_backward),
    "one_hot": (one_hot, None),
    "stop_gradient": (same, None),
}


def unbroadcast(gradient, shape):
    """A gradient summed over the rows and columns along which its value was broadcast."""
    for axis in (0, 1):
        if shape[axis] == 1 and gradient.shape[axis] != 1:
            gradient = gradient.sum(axis=axis, keepdims=True)
    return np.broadcast_to(gradient, shape)
