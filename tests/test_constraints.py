"""Constraints against their formulas, and the way to and from a config."""

import numpy as np
import pytest

from mlpcore import constraints

W = np.array([[3.0, 0.3, -0.2], [4.0, -0.4, 0.0]], np.float32)
NORMS = np.array([5.0, 0.5, 0.2], np.float32)


@pytest.mark.parametrize(
    ("constraint", "expected"),
    [
        (constraints.MaxNorm(2.0), W * np.minimum(NORMS, 2) / NORMS),
        (constraints.NonNeg(), np.maximum(W, 0)),
        (constraints.UnitNorm(), W / NORMS),
        (constraints.MinMaxNorm(0.4, 1.0), W * np.clip(NORMS, 0.4, 1) / NORMS),
        (constraints.MinMaxNorm(0.4, 1.0, rate=0.25), W * (0.25 * np.clip(NORMS, 0.4, 1) + 0.75 * NORMS) / NORMS),
        (constraints.UnitNorm(axis=[0, 1]), W / np.sqrt((W**2).sum())),
        (constraints.Constraint(), W),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, constraints.Constraint) else "",
)
def test_constraint_follows_its_formula(constraint, expected):
    projected = constraint(W)
    assert projected.dtype == np.float32
    np.testing.assert_allclose(projected, expected, rtol=2e-6)  # 1e-7 is added to the norm, as in Keras


def test_zero_column_stays_zero():
    for constraint in (constraints.MaxNorm(), constraints.UnitNorm(), constraints.MinMaxNorm(1, 2)):
        np.testing.assert_array_equal(constraint(np.zeros((3, 2))), 0)


@pytest.mark.parametrize("name", ["max_norm", "non_neg", "unit_norm", "min_max_norm"])
def test_names_and_configs(name):
    first = constraints.get(name)
    again = constraints.deserialize(constraints.serialize(first))
    assert type(again) is type(first) is getattr(constraints, name)
    assert again.get_config() == first.get_config()


def test_own_function_and_unknown_name():
    def halve(w):
        return w / 2

    assert constraints.get(halve) is halve
    with pytest.raises(ValueError, match="unknown constraint 'maxnorm'; did you mean 'MaxNorm'"):
        constraints.get("maxnorm")
