"""Layers that move numbers: outputs, shapes, gradients, configs, messages."""

import numpy as np
import pytest

from layer_cases import check_gradient, check_round_trip, rows
from mlpcore import layers

X = rows(2, 3, 4).astype(np.float32)

CASES = [
    (lambda **kw: layers.Flatten(**kw), X, X.reshape(5, 24)),
    (lambda **kw: layers.Flatten("channels_first", **kw), X, X.transpose(0, 2, 3, 1).reshape(5, 24)),
    (lambda **kw: layers.Flatten(**kw), X[:, 0, 0], X[:, 0, 0]),
    (lambda **kw: layers.Flatten(**kw), X[:, 0, 0, 0], X[:, 0, 0, :1]),
    (lambda **kw: layers.Reshape((4, 6), **kw), X, X.reshape(5, 4, 6)),
    (lambda **kw: layers.Reshape([-1, 3, 2], **kw), X, X.reshape(5, 4, 3, 2)),
    (lambda **kw: layers.Reshape((-1,), **kw), X, X.reshape(5, 24)),
    (lambda **kw: layers.Permute((2, 3, 1), **kw), X, X.transpose(0, 2, 3, 1)),
    (lambda **kw: layers.RepeatVector(3, **kw), X[:, 0, 0], np.repeat(X[:, :1, 0], 3, axis=1)),
    (lambda **kw: layers.Identity(**kw), X, X),
    (lambda **kw: layers.GlobalAveragePooling1D(**kw), X[:, 0], X[:, 0].mean(axis=1)),
    (lambda **kw: layers.GlobalMaxPooling1D(**kw), X[:, 0], X[:, 0].max(axis=1)),
    (
        lambda **kw: layers.GlobalMaxPooling1D("channels_first", keepdims=True, **kw),
        X[:, 0],
        X[:, 0].max(axis=2, keepdims=True),
    ),
]


@pytest.mark.parametrize(("make", "x", "expected"), CASES)
def test_output_shape_and_config(make, x, expected):
    y = make()(x)
    assert y.shape == expected.shape
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-7)
    check_round_trip(make(name="shaped"), x)


@pytest.mark.parametrize(("make", "x", "expected"), CASES)
def test_gradient(make, x, expected):
    check_gradient(make(dtype="float64"), x)


@pytest.mark.parametrize(("make", "x", "expected"), CASES)
def test_placeholder_has_the_output_shape(make, x, expected):
    if x.ndim > 1:
        assert make()(layers.Input(x.shape[1:])).shape == (None, *expected.shape[1:])


def test_global_average_pooling_is_also_called_avg_pool():
    assert layers.GlobalAvgPool1D is layers.GlobalAveragePooling1D


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Reshape((5, 5), name="r")(X), r"r: an input of shape .* with 24 elements a row cannot become"),
        (lambda: layers.Reshape((-1, 5), name="r")(X), r"r: .* cannot become \(-1, 5\)"),
        (lambda: layers.Reshape((-1, -1)), r"at most one -1, got \(-1, -1\)"),
        (lambda: layers.Permute((1, 3)), r"Permute: dims must hold each of 1, ..., 2 once, got \(1, 3\)"),
        (lambda: layers.Permute((2, 1), name="p")(X), r"p: dims \(2, 1\) need inputs with 3 axes, got the shape"),
        (lambda: layers.RepeatVector(0), "RepeatVector: n must be a positive integer, got 0"),
        (lambda: layers.RepeatVector(2, name="v")(X), r"v: expected vectors, shape \(rows, d\), got the shape"),
        (lambda: layers.Flatten("channels_middle"), "data_format must be .* got 'channels_middle'"),
        (lambda: layers.GlobalMaxPooling1D(name="m")(X), r"m: expected inputs of shape \(rows, steps, features\)"),
    ],
)
def test_error_messages(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_unknown_layer_name_suggests_the_nearest():
    with pytest.raises(AttributeError, match="has no attribute 'Dence'; did you mean 'Dense'"):
        _ = layers.Dence
    with pytest.raises(AttributeError, match="has no attribute 'concat'"):
        _ = layers.concat
    with pytest.raises(AttributeError, match=r"no attribute 'Conv2D': .*no convolutions, recurrence or attention"):
        _ = layers.Conv2D
