"""Noise layers: the identity elsewhere, their statistics in training, penalties of activity, configs, messages."""

import numpy as np
import pytest

from layer_cases import Recorded, check_gradient, check_round_trip, rows
from mlpcore import layers

X = rows(4).astype(np.float32)
NOISE = [
    lambda **kw: layers.Dropout(0.3, **kw),
    lambda **kw: layers.GaussianNoise(0.3, **kw),
    lambda **kw: layers.GaussianDropout(0.3, **kw),
    lambda **kw: layers.AlphaDropout(0.3, **kw),
]


def in_training(layer, x, seed=3):
    """Return what the layer makes of `x` in training."""
    recorded = Recorded(lambda inputs: layer(inputs), [x])
    recorded.engine.seed = seed
    return recorded.predict()


@pytest.mark.parametrize("make", NOISE)
def test_identity_when_not_training(make):
    np.testing.assert_array_equal(make()(X), X)
    np.testing.assert_array_equal(make()(X, training=False), X)
    check_round_trip(make(seed=4, name="noise"), X)
    check_gradient(make(dtype="float64"), X, training=False)


@pytest.mark.parametrize("make", NOISE)
def test_no_noise_at_rate_zero(make):
    layer = make(dtype="float64")
    for name in ("rate", "stddev"):
        if hasattr(layer, name):
            setattr(layer, name, 0.0)
    np.testing.assert_array_equal(in_training(layer, X), X)


def test_dropout_keeps_the_mean():
    x = np.ones((400, 50))
    y = in_training(layers.Dropout(0.3, dtype="float64"), x)
    np.testing.assert_allclose(np.unique(y), [0, 1 / 0.7])
    assert y.mean() == pytest.approx(1, abs=0.02)  # 4 standard errors of 20000 draws


def test_dropout_of_everything():
    assert not in_training(layers.Dropout(1.0, dtype="float64"), X).any()


def test_dropout_with_noise_shape_shares_the_mask():
    x = np.ones((60, 5, 4))
    y = in_training(layers.Dropout(0.5, noise_shape=(None, 1, 4), dtype="float64"), x).reshape(x.shape)
    np.testing.assert_array_equal(y, np.broadcast_to(y[:, :1], x.shape))
    assert 0.3 < (y[:, 0] == 0).mean() < 0.7
    check_round_trip(layers.Dropout(0.5, noise_shape=[None, 1]), X)


def test_gaussian_noise_has_its_deviation():
    noise = in_training(layers.GaussianNoise(0.3, dtype="float64"), np.ones((400, 50))) - 1
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(0.3, rel=0.03)


def test_gaussian_dropout_has_its_deviation():
    factor = in_training(layers.GaussianDropout(0.2, dtype="float64"), np.full((400, 50), 2.0)) / 2
    assert factor.mean() == pytest.approx(1, abs=0.02)
    assert factor.std() == pytest.approx(0.5, rel=0.03)


def test_alpha_dropout_keeps_mean_and_variance():
    x = rows(50, n=400)
    y = in_training(layers.AlphaDropout(0.3, dtype="float64"), x)
    assert y.mean() == pytest.approx(x.mean(), abs=0.04)
    assert y.std() == pytest.approx(x.std(), rel=0.04)


def test_activity_regularization():
    x = rows(3)
    layer = layers.ActivityRegularization(0.1, 0.2, dtype="float64")
    plain = Recorded(lambda inputs: inputs * 1.0, [x]).gradient()[0]
    penalty = (0.1 * abs(x).sum() + 0.2 * (x**2).sum()) / len(x)
    assert Recorded(layer, [x]).gradient()[0] - plain == pytest.approx(penalty)
    check_gradient(layer, x)
    check_round_trip(layers.ActivityRegularization(l2=0.2), X)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Dropout(1.5), "Dropout: rate must be a number between 0 and 1, got 1.5"),
        (lambda: layers.Dropout("half"), "Dropout: rate must be a number between 0 and 1, got 'half'"),
        (lambda: layers.Dropout(0.5, (1, 4)), r"noise_shape must start with None, the batch.* got \(1, 4\)"),
        (lambda: layers.GaussianNoise(-1), "GaussianNoise: stddev must be a number of at least 0, got -1"),
        (lambda: layers.GaussianDropout(1), "GaussianDropout: rate must be less than 1"),
        (lambda: layers.AlphaDropout(1), "AlphaDropout: rate must be less than 1"),
        (
            lambda: in_training(layers.Dropout(0.5, (None, 3), name="drop"), X),
            r"drop: noise_shape \(None, 3\) does not fit an input of shape \(None, 4\)",
        ),
    ],
)
def test_error_messages(make, message):
    with pytest.raises(ValueError, match=message):
        make()
