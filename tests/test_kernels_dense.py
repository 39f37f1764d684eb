"""A dense layer's products and the rows it gathers, against NumPy: instruction set x dtype x odd shapes."""

import numpy as np
import pytest

from kernel_tables import ISAS
from mlpcore import _core

kernels = _core.kernels
# (rows, in, out): thin and wide layers, tiles and panels that end early, and rows enough for blocks of the depth.
SHAPES = [
    (1, 1, 1),
    (1, 300, 801),
    (3, 5, 7),
    (6, 16, 64),
    (7, 129, 31),
    (19, 50, 50),
    (33, 17, 65),
    (64, 33, 3),
    (15, 128, 2),
    (17, 300, 4),
    (100, 100, 1),
    (513, 1100, 70),
    (1030, 40, 300),
]
each_kernel = pytest.mark.parametrize(
    ("isa", "dtype"), [(isa, dtype) for isa in ISAS for dtype in ("float32", "float64")]
)


def arrays(shape, dtype):
    rows, n_in, n_out = shape
    rng = np.random.default_rng(rows)
    return [rng.standard_normal(s).astype(dtype) for s in ((rows, n_in), (n_in, n_out), (n_out,), (rows, n_out))]


def assert_is_product(got, a, b, plus=0.0, where=True):
    """`got` is ``a @ b + plus``: each element within the rounding of a sum of so many terms of that size."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    size = np.abs(a) @ np.abs(b) + np.abs(plus)
    error = np.abs(got - np.where(where, a @ b + plus, 0))
    assert np.all(error <= np.sqrt(a.shape[1] + 1) * np.finfo(got.dtype).eps * size)


@each_kernel
@pytest.mark.parametrize("shape", SHAPES)
def test_products_are_numpys(isa, dtype, shape):
    x, kernel, bias, dy = arrays(shape, dtype)
    for in_panels in (False, True):  # where thin layers have a way of their own
        y = kernels.dense(x, kernel, bias, in_panels=in_panels, isa=isa)
        assert_is_product(y, x, kernel, bias)
        rectified = kernels.dense(x, kernel, bias, "relu", in_panels=in_panels, isa=isa)
        np.testing.assert_array_equal(rectified, np.maximum(y, 0))
    assert_is_product(kernels.dense_dx(dy, kernel, isa=isa), dy, kernel.T)
    assert_is_product(kernels.dense_dx(dy, kernel, x, isa=isa), dy, kernel.T, where=x > 0)
    gradient, of_bias = kernels.dense_dw(x, dy, isa=isa)
    assert_is_product(gradient, x.T, dy)
    assert_is_product(of_bias[None], np.ones((1, len(x)), dtype), dy)


@each_kernel
def test_a_row_has_the_same_bits_among_any_others(isa, dtype):
    x, kernel, bias, dy = arrays((1030, 1100, 410), dtype)
    parts = [slice(0, 1), slice(1, 200), slice(200, 1030)]
    for product, rows in (
        (lambda a: kernels.dense(a, kernel, bias, "relu", isa=isa), x),
        (lambda a: kernels.dense_dx(a, kernel, isa=isa), dy),
    ):
        np.testing.assert_array_equal(product(rows), np.concatenate([product(rows[part]) for part in parts]))


@each_kernel
def test_gathered_rows_are_those_of_the_order(isa, dtype):
    rng = np.random.default_rng(0)
    for width in (1, 7, 8, 9, 16, 33, 64, 65, 127, 129, 200, 785):
        x = rng.normal(size=(40, width)).astype(dtype)
        for rows in (0, 1, 7, 8, 9, 15, 16, 17, 40):
            order = rng.integers(0, 40, rows)
            np.testing.assert_array_equal(kernels.gather(x, order, isa=isa), x[order])
