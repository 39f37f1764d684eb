"""Regularizers against their formulas, and the way to and from a config."""

import numpy as np
import pytest

from mlpcore import ops, regularizers

W = np.array([[1.0, -2.0], [0.5, 0.0], [0.0, 3.0]], np.float32)


def cosines(w):
    unit = w / np.linalg.norm(w, axis=1, keepdims=True)
    return abs(unit @ unit.T - np.eye(len(w))).sum() / 2


@pytest.mark.parametrize(
    ("regularizer", "expected"),
    [
        (regularizers.L1(0.5), 0.5 * 6.5),
        (regularizers.L2(0.5), 0.5 * 14.25),
        (regularizers.L1L2(0.5, 0.25), 0.5 * 6.5 + 0.25 * 14.25),
        (regularizers.L1L2(l2=0.25), 0.25 * 14.25),
        (regularizers.L1L2(), 0.0),
        (regularizers.OrthogonalRegularizer(0.5), 0.5 * cosines(W) / 3),
        (regularizers.OrthogonalRegularizer(0.5, mode="columns"), 0.5 * cosines(W.T)),
        (regularizers.Regularizer(), 0.0),
    ],
    ids=lambda value: type(value).__name__,
)
def test_regularizer_follows_its_formula(regularizer, expected):
    assert float(regularizer(W)) == pytest.approx(expected, rel=1e-6)


def test_orthogonal_regularizer_matches_keras():
    # keras.regularizers.OrthogonalRegularizer(1.0)(W) and mode="columns", Keras 3.15.1
    assert float(regularizers.OrthogonalRegularizer(1.0)(W)) == pytest.approx(0.4472135603427887, rel=1e-6)
    assert float(regularizers.OrthogonalRegularizer(1.0, "columns")(W)) == pytest.approx(0.49613893032073975, rel=1e-6)


@pytest.mark.parametrize("name", ["l1", "l2", "l1_l2", "orthogonal_regularizer"])
def test_names_and_configs(name):
    first = regularizers.get(name)
    again = regularizers.deserialize(regularizers.serialize(first))
    assert type(again) is type(first) is getattr(regularizers, name)
    assert again.get_config() == first.get_config()


def test_name_gives_the_documented_defaults():
    assert regularizers.get("l1").get_config() == {"l1": 0.01}
    assert regularizers.get("l2").get_config() == {"l2": 0.01}
    assert regularizers.get("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}


def test_which_penalties_are_fused():
    class Mine(regularizers.L2):
        def __call__(self, x):
            return ops.sum(x)

    assert regularizers.fused_penalty(regularizers.L1(0.5)) == (0.5, 0.0)
    assert regularizers.fused_penalty(regularizers.L1L2(0.5, 0.25)) == (0.5, 0.25)
    assert regularizers.fused_penalty(Mine(0.5)) is None
    assert regularizers.fused_penalty(None) is None


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: regularizers.L2(-1), "l2 must be a finite number of at least 0, got -1"),
        (lambda: regularizers.L1(float("nan")), "l1 must be a finite number"),
        (lambda: regularizers.L1L2(l1="a"), "l1 must be a finite number of at least 0, got 'a'"),
        (lambda: regularizers.OrthogonalRegularizer(mode="row"), "mode must be 'rows' or 'columns', got 'row'"),
        (lambda: regularizers.OrthogonalRegularizer()(np.ones(3)), r"needs a matrix, got the shape \(3,\)"),
        (lambda: regularizers.get("l_2"), "unknown regularizer 'l_2'; did you mean"),
    ],
)
def test_error_messages(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_the_repr_shows_the_arguments():
    assert repr(regularizers.L1L2(0.5, 0.25)) == "L1L2(l1=0.5, l2=0.25)"
