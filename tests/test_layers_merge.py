"""Merging layers and functions: outputs, gradients, broadcasting, configs, messages."""

import numpy as np
import pytest

from layer_cases import check_gradient, check_round_trip, rows
from mlpcore import layers
from mlpcore._tensor import KerasTensor

A, B, C = (rows(2, 3, seed=seed).astype(np.float32) for seed in range(3))

CASES = [
    ("Add", [A, B, C], A + B + C),
    ("Add", [A], A),
    ("Subtract", [A, B], A - B),
    ("Multiply", [A, B, C], A * B * C),
    ("Average", [A, B, C], (A + B + C) / 3),
    ("Maximum", [A, B, C], np.maximum(np.maximum(A, B), C)),
    ("Minimum", [A, B, C], np.minimum(np.minimum(A, B), C)),
    ("Concatenate", [A, B, C], np.concatenate([A, B, C], axis=-1)),
]


@pytest.mark.parametrize(("name", "inputs", "expected"), CASES)
def test_layer_and_function_follow_the_formula(name, inputs, expected):
    layer, function = getattr(layers, name)(), getattr(layers, name.lower())
    np.testing.assert_allclose(layer(inputs), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(function(inputs), expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("name", "inputs", "expected"), [case for case in CASES if len(case[1]) > 1])
def test_gradient_and_config(name, inputs, expected):
    layer = getattr(layers, name)(dtype="float64")
    check_gradient(lambda *xs: layer(list(xs)), *inputs)
    check_round_trip(getattr(layers, name)(name="merged"), *inputs)


def test_function_inside_call_matches_the_layer():
    check_gradient(lambda a, b: layers.concatenate([layers.multiply([a, b]), b], axis=1), A, B)


def test_concatenate_along_another_axis():
    x = rows(4, 3).astype(np.float32)
    np.testing.assert_array_equal(layers.Concatenate(axis=1)([A, x]), np.concatenate([A, x], axis=1))
    check_round_trip(layers.Concatenate(axis=1), A, x)


def test_fewer_axes_broadcast_after_the_batch():
    x, y = rows(3).astype(np.float32), rows(2, 1, seed=1).astype(np.float32)
    np.testing.assert_allclose(layers.Add()([A, x, y]), A + x[:, None] + y, rtol=1e-6, atol=1e-6)
    assert layers.Add().compute_output_shape([(None, 2, 3), (None, 3)]) == (None, 2, 3)
    assert layers.Add().compute_output_shape([(4, 1), (4, 3)]) == (4, 3)


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        ((2, 2), np.einsum("nij,nkj->nik", A, B)),
        (1, np.einsum("nij,nik->njk", A, B)),
        ((-1, -1), np.einsum("nij,nkj->nik", A, B)),
    ],
)
def test_dot_of_matrices(axes, expected):
    np.testing.assert_allclose(layers.Dot(axes)([A, B]), expected, rtol=1e-5, atol=1e-6)
    check_round_trip(layers.Dot(axes), A, B)


def test_dot_of_vectors_and_cosines():
    a, b = rows(4).astype(np.float32), rows(4, seed=1).astype(np.float32)
    products = (a * b).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(layers.dot([a, b], axes=1), products, rtol=1e-5, atol=1e-6)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    np.testing.assert_allclose(layers.Dot(1, normalize=True)([a, b]), products / norms[:, None], rtol=1e-5)


@pytest.mark.parametrize("axes", [1, (2, 2)])
@pytest.mark.parametrize("normalize", [True, False])
def test_gradient_of_dot(axes, normalize):
    layer = layers.Dot(axes, normalize, dtype="float64")
    check_gradient(lambda a, b: layer([a, b]), A, B)


def test_placeholders_give_a_placeholder_with_a_layer_behind():
    y = layers.concatenate([layers.Input((5,)), layers.Input((6,))])
    assert isinstance(y, KerasTensor)
    assert y.shape == (None, 11)
    assert isinstance(y.history.function, layers.Concatenate)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.Add(name="sum")(A), "sum: expected a list of tensors"),
        (lambda: layers.Add(name="sum").compute_output_shape([]), "sum: expected a list of at least 1 tensors, got 0"),
        (lambda: layers.Subtract(name="s")([A, B, C]), "s: expected a list of 2 tensors, got 3"),
        (lambda: layers.Add(name="sum")([A, rows(2, 4)]), r"sum: inputs of shapes .*2, 3\), .*2, 4\) do not fit"),
        (lambda: layers.Concatenate(name="c")([A, rows(3)]), "c: inputs must be equal but for axis -1, got the shapes"),
        (lambda: layers.Concatenate(axis=0, name="c")([A, B]), "c: cannot join .* along axis 0"),
        (lambda: layers.Concatenate(axis=3, name="c")([A, B]), "c: cannot join .* along axis 3"),
        (lambda: layers.Dot(1, name="d")([A, rows(4)]), "d: axes .* differ in length"),
        (lambda: layers.Dot(0, name="d")([A, B]), "d: axis 0 is none of .* besides the batch"),
        (lambda: layers.Dot((1, 2, 3)), r"Dot: axes must be an integer or two, got \(1, 2, 3\)"),
    ],
)
def test_error_messages(make, message):
    with pytest.raises(ValueError, match=message):
        make()
