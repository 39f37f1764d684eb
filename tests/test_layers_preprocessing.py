"""Normalization and Rescaling: what `adapt` takes and finds, constant features, axes, configs, messages."""

import numpy as np
import pytest

from layer_cases import check_gradient, check_round_trip, rows
from mlpcore import layers
from mlpcore.layers._moments import Moments

X = rows(3, n=40) * [1, 10, 0.1] + [0, 100, -3]


def adapted(data, **kwargs):
    layer = layers.Normalization(dtype="float64", **kwargs)
    layer.adapt(data)
    return layer


def test_output_is_the_formula():
    layer = adapted(X)
    np.testing.assert_allclose(layer(X), (X - X.mean(axis=0)) / X.std(axis=0), rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(layer.adapt_mean.numpy(), X.mean(axis=0))
    np.testing.assert_allclose(layer.adapt_variance.numpy(), X.var(axis=0))
    assert layer.count.numpy() == 40


def test_weights_are_keras():
    layer = adapted(X)
    assert [(w.name, w.shape, w.trainable) for w in layer.weights] == [
        ("mean", (3,), False),
        ("variance", (3,), False),
        ("count", (), False),
    ]


@pytest.mark.parametrize(
    "data",
    [
        X.tolist(),
        list(X),
        [X[:7], X[7:]],
        [(X[:7], None), (X[7:], None)],
        iter([X[:1], X[1:30], X[30:30], X[30:]]),
        np.asfortranarray(X),
        X.astype(object),
    ],
    ids=["nested list", "list of rows", "list of batches", "tuples", "generator", "Fortran order", "objects"],
)
def test_adapt_takes(data):
    layer = adapted(data)
    np.testing.assert_allclose(layer.adapt_mean.numpy(), X.mean(axis=0))
    np.testing.assert_allclose(layer.adapt_variance.numpy(), X.var(axis=0))


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int64", "bool", "float16", "float32"])
def test_adapt_takes_any_number_type(dtype):
    x = np.abs(rows(4, n=100, scale=50)).astype(dtype)
    layer = adapted(x)
    np.testing.assert_allclose(layer.adapt_mean.numpy(), x.astype(float).mean(axis=0))
    np.testing.assert_allclose(layer.adapt_variance.numpy(), x.astype(float).var(axis=0), rtol=1e-12)


def test_adapt_takes_data_frames_and_sequences():
    pandas = pytest.importorskip("pandas")

    class Batches:
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return X[20 * index : 20 * index + 20], None

    for data in (pandas.DataFrame(X), Batches()):
        np.testing.assert_allclose(adapted(data).adapt_mean.numpy(), X.mean(axis=0))


def test_constant_feature_becomes_zero_whatever_comes():
    x = X.copy()
    x[:, 1] = 0.1
    layer = adapted(x)
    assert layer.adapt_variance.numpy()[1] == 0
    np.testing.assert_array_equal(layer(x + 1.0)[:, 1], 0)
    inverse = adapted(x, invert=True)
    np.testing.assert_allclose(inverse(np.ones((2, 3)))[:, 1], 0.1, rtol=1e-6)


def test_variance_of_numbers_far_from_zero():
    x = np.array([1e9, 1e9 + 1, 1e9 + 2]).reshape(3, 1)
    assert adapted(x).adapt_variance.numpy()[0] == pytest.approx(2 / 3, rel=1e-12)
    moments = Moments(kept=[1])
    for batch in np.array_split(np.repeat(x, 1000, axis=0), 7):
        moments.add(batch)
    assert moments.variance[0] == pytest.approx(2 / 3, rel=1e-9)


@pytest.mark.parametrize(
    ("axis", "reduced", "shape"),
    [(-1, (0, 1), (4,)), (1, (0, 2), (3,)), ((1, 2), (0,), (3, 4)), (None, (0, 1, 2), ()), ([2], (0, 1), (4,))],
)
def test_axes(axis, reduced, shape):
    x = rows(3, 4, n=20) * np.arange(1, 5) + 2
    layer = adapted(x, axis=axis)
    assert layer.adapt_mean.shape == shape
    mean, deviation = x.mean(axis=reduced, keepdims=True), x.std(axis=reduced, keepdims=True)
    np.testing.assert_allclose(layer(x), (x - mean) / deviation, rtol=1e-9, atol=1e-9)
    check_gradient(layer, x)


def test_single_numbers_need_axis_none():
    layer = adapted(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), axis=None)
    np.testing.assert_allclose(layer(np.array([1.0, 2.0, 3.0])), [-1.4142135, -0.70710677, 0], rtol=1e-6)


@pytest.mark.parametrize("shape", [(), (3,)])
def test_given_mean_and_variance(shape):
    mean, variance = np.full(shape, 3.0), np.full(shape, 4.0)
    layer = layers.Normalization(mean=mean, variance=variance)
    assert layer.weights == []
    np.testing.assert_allclose(layer(np.full((2, 3), 5.0)), 1.0)
    back = layers.Normalization(mean=mean, variance=variance, invert=True)
    np.testing.assert_allclose(back(np.ones((2, 3))), 5.0)
    check_round_trip(layer, np.full((2, 3), 5.0, np.float32))


def test_given_numbers_fit_the_kept_axes_from_the_right():
    layer = layers.Normalization(axis=(1, 2), mean=np.arange(4.0), variance=np.ones(4))
    x = rows(3, 4)
    np.testing.assert_allclose(layer(x), x - np.arange(4.0), rtol=1e-5, atol=1e-5)


def test_invert_undoes():
    x = X.astype(np.float32)
    np.testing.assert_allclose(adapted(X, invert=True)(adapted(X)(x)), x, rtol=1e-6, atol=1e-6)


def test_adapt_replaces_what_was_found_before():
    layer = adapted(X)
    layer.adapt(X + 5)
    np.testing.assert_allclose(layer.adapt_mean.numpy(), X.mean(axis=0) + 5)


def test_before_adapt_nothing_changes():
    x = X.astype(np.float32)
    np.testing.assert_array_equal(layers.Normalization()(x), x)


def test_config_round_trip():
    x = X.astype(np.float32)
    layer = layers.Normalization(axis=(1,), name="norm", input_shape=[3])
    layer.adapt(x)
    check_round_trip(layer, x)
    check_round_trip(layers.Normalization(axis=None), x)
    assert layers.Normalization(axis=None).get_config()["axis"] is None


def test_rescaling():
    x = np.arange(6, dtype=np.uint8).reshape(2, 3)
    np.testing.assert_allclose(layers.Rescaling(1 / 255)(x), x / 255, rtol=1e-6)
    np.testing.assert_allclose(layers.Rescaling([1, 2, 3], offset=[0, 0, 1])(x), x * [1, 2, 3] + [0, 0, 1], rtol=1e-6)
    check_round_trip(layers.Rescaling(2, -1), x.astype(np.float32))
    check_round_trip(layers.Rescaling([1, 2, 3]), x.astype(np.float32))
    check_gradient(layers.Rescaling(2.0, 1.0, dtype="float64"), rows(3))


def nan_in_the_third_feature():
    x = X.copy()
    x[5, 2] = np.nan
    return x


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Normalization(mean=1.0), ValueError, "mean and variance must be given together"),
        (
            lambda: layers.Normalization(mean=[1.0, 2.0], variance=[1.0]),
            ValueError,
            r"mean and variance must have the same shape, got \(2,\) and \(1,\)",
        ),
        (lambda: adapted(nan_in_the_third_feature(), name="n"), ValueError, "n.adapt: .* infinity in feature 2 of 3"),
        (lambda: adapted(X[:0], name="n"), ValueError, "n.adapt: expected at least one row, got none"),
        (lambda: adapted([], name="n"), ValueError, "n.* axis|n.adapt: expected at least one row"),
        (lambda: adapted(X[:, 0], name="n"), ValueError, r"n: axis .* the batch's .* or axis=None"),
        (lambda: adapted([["a", "b"]], name="n"), TypeError, "n.adapt: expected numbers, got an array of dtype"),
        (lambda: adapted(3.5, name="n"), ValueError, "n: axis"),
        (lambda: adapted(None, name="n"), TypeError, "n.adapt: expected an array, a DataFrame or batches"),
        (
            lambda: adapted([X, X[:, :2]], name="n"),
            ValueError,
            r"n.adapt: expected features of shape \(3,\), got data of shape \(None, 2\)",
        ),
        (
            lambda: layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0], name="n")(X),
            ValueError,
            r"n: mean of shape \(2,\) does not fit the features, shape \(3,\)",
        ),
        (
            lambda: layers.Normalization(mean=1.0, variance=1.0, name="n").adapt(X),
            ValueError,
            "n: mean and variance were given; there is nothing to adapt",
        ),
    ],
)
def test_error_messages(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_embedding_refuses_integers_that_float32_does_not_tell_apart():
    with pytest.raises(ValueError, match=r"exact up to 2\*\*24 = 16777216 in float32, got input_dim=16777217"):
        layers.Embedding(2**24 + 1, 1)
    layer = layers.Embedding(2**24 + 2, 1, dtype="float64", embeddings_initializer="zeros")
    layer.build((None,))
    layer.embeddings.assign(np.arange(2.0**24 + 2)[:, None])
    assert layer(np.array([2**24, 2**24 + 1])).tolist() == [[2.0**24], [2.0**24 + 1]]
