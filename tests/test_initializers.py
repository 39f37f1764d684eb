"""Initializers: Keras' names, defaults and distributions, seeds, and the way to and from a config."""

import math

import numpy as np
import pytest

from mlpcore import initializers, random
from mlpcore.initializers import Initializer

NAMES = [
    "zeros",
    "ones",
    "constant",
    "identity",
    "random_normal",
    "truncated_normal",
    "random_uniform",
    "variance_scaling",
    "glorot_normal",
    "glorot_uniform",
    "he_normal",
    "he_uniform",
    "lecun_normal",
    "lecun_uniform",
    "orthogonal",
]
RANDOM = NAMES[4:]


@pytest.mark.parametrize("name", NAMES)
def test_name_gives_shape_and_dtype(name):
    values = initializers.get(name)((4, 3), "float64")
    assert (values.shape, values.dtype) == ((4, 3), np.float64)
    assert initializers.get(name)((4, 3)).dtype == np.float32


@pytest.mark.parametrize("name", NAMES)
def test_camel_case_and_lower_case_mean_the_same_class(name):
    cls = getattr(initializers, name)
    assert getattr(initializers, cls.__name__) is cls
    assert type(initializers.get(cls.__name__)) is type(initializers.get(name)) is cls


@pytest.mark.parametrize("name", NAMES)
def test_config_round_trip(name):
    first = initializers.get(name)
    again = initializers.deserialize(initializers.serialize(first))
    assert type(again) is type(first)
    assert again.get_config() == first.get_config()


@pytest.mark.parametrize("name", RANDOM)
def test_seeded_initializer_repeats_itself(name):
    seeded = getattr(initializers, name)(seed=7)
    np.testing.assert_array_equal(seeded((5, 4)), seeded((5, 4)))
    assert not np.array_equal(seeded((5, 4)), getattr(initializers, name)(seed=8)((5, 4)))


@pytest.mark.parametrize("name", RANDOM)
def test_unseeded_initializer_follows_the_global_seed(name):
    unseeded = initializers.get(name)
    random.set_seed(3)
    first, second = unseeded((5, 4)), unseeded((5, 4))
    random.set_seed(3)
    np.testing.assert_array_equal(unseeded((5, 4)), first)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize(
    ("name", "variance", "largest"),
    [
        ("random_normal", 0.05**2, math.inf),
        ("truncated_normal", (0.05 * 0.87962566) ** 2, 0.1),
        ("random_uniform", 0.05**2 / 3, 0.05),
        ("variance_scaling", 1 / 300, 2 * math.sqrt(1 / 300) / 0.87962566),
        ("glorot_normal", 2 / 500, 2 * math.sqrt(2 / 500) / 0.87962566),
        ("glorot_uniform", 2 / 500, math.sqrt(6 / 500)),
        ("he_normal", 2 / 300, 2 * math.sqrt(2 / 300) / 0.87962566),
        ("he_uniform", 2 / 300, math.sqrt(6 / 300)),
        ("lecun_normal", 1 / 300, 2 * math.sqrt(1 / 300) / 0.87962566),
        ("lecun_uniform", 1 / 300, math.sqrt(3 / 300)),
    ],
)
def test_distribution(name, variance, largest):
    values = getattr(initializers, name)(seed=1)((300, 200), "float64")
    assert abs(values.mean()) < 5 * math.sqrt(variance / values.size)  # five standard errors
    assert values.var() == pytest.approx(variance, rel=0.03)  # 5 standard errors of 60000 normal draws
    assert 0.9 * min(largest, 3 * math.sqrt(variance)) < abs(values).max() <= largest


def test_untruncated_normal_has_its_variance_and_tails():
    scaling = initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal", seed=1)
    values = scaling((300, 200), "float64")
    assert values.var() == pytest.approx(2 / 200, rel=0.03)
    assert abs(values).max() > 3 * math.sqrt(2 / 200)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (4, 4), (2, 3, 4)])
def test_orthogonal(shape):
    w = initializers.Orthogonal(gain=2.0, seed=0)(shape, "float64").reshape(-1, shape[-1])
    gram = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(gram, 4 * np.eye(len(gram)), atol=1e-12)


def test_constant_takes_numbers_and_arrays():
    np.testing.assert_array_equal(initializers.Constant(2.5)((2,)), [2.5, 2.5])
    table = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(initializers.get(table)((2, 3)), table)
    with pytest.raises(ValueError, match=r"value of shape \(2, 3\) does not fit a weight of shape \(3, 2\)"):
        initializers.get(table)((3, 2))


def test_own_callable_and_class_are_taken_as_they_are():
    def halves(shape, dtype=None):
        return np.full(shape, 0.5, dtype)

    class Twos(Initializer):
        def __call__(self, shape, dtype=None):
            return np.full(shape, 2.0, dtype)

    assert initializers.get(halves) is halves
    assert isinstance(initializers.get(Twos), Twos)
    assert initializers.get(None) is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: initializers.get("he_norml"), ValueError, "unknown initializer 'he_norml'; did you mean 'he_normal'"),
        (lambda: initializers.get(3), TypeError, "initializer: expected a name, .* got 3"),
        (lambda: initializers.VarianceScaling(scale=0), ValueError, "scale must be positive, got 0"),
        (lambda: initializers.VarianceScaling(mode="in"), ValueError, "mode must be one of .*, got 'in'"),
        (lambda: initializers.VarianceScaling(distribution="x"), ValueError, "distribution must be one of .*, got 'x'"),
        (lambda: initializers.HeNormal(seed=1.5), TypeError, "HeNormal: seed must be an integer or None, got 1.5"),
        (lambda: initializers.Orthogonal()((3,)), ValueError, r"at least two axes, got the shape \(3,\)"),
        (lambda: initializers.Identity()((3,)), ValueError, r"two axes, got the shape \(3,\)"),
        (lambda: initializers.he_norml, AttributeError, "has no attribute 'he_norml'; did you mean 'he_normal'"),
    ],
)
def test_error_messages(make, error, message):
    with pytest.raises(error, match=message):
        make()
