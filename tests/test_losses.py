"""Every loss with its parameters: the engine against the oracle, and its gradients against central differences."""

import os

import numpy as np
import pytest
from numpy.testing import assert_allclose

import reference
from mlpcore import _core

LOSSES = {
    "squared_error": ("squared_error", {}),
    "absolute_error": ("absolute_error", {}),
    "huber": ("huber", {"delta": 0.7}),
    "log_cosh": ("log_cosh", {}),
    "quantile": ("quantile", {"quantiles": (0.1, 0.5, 0.8)}),
    "poisson": ("poisson", {}),
    "hinge": ("hinge", {}),
    "squared_hinge": ("squared_hinge", {}),
    "logits_cross_entropy": ("logits_cross_entropy", {}),
    "cross_entropy": ("cross_entropy", {}),
    "cross_entropy_smoothed": ("cross_entropy", {"label_smoothing": 0.2}),
    "cross_entropy_focal": ("cross_entropy", {"gamma": 2.0, "alpha": 0.25}),
    "cross_entropy_focal_smoothed": ("cross_entropy", {"gamma": 0.5, "label_smoothing": 0.1}),
    "binary": ("binary_cross_entropy", {}),
    "binary_smoothed": ("binary_cross_entropy", {"label_smoothing": 0.2}),
    "binary_focal": ("binary_cross_entropy", {"gamma": 2.0}),
    "binary_focal_balanced": ("binary_cross_entropy", {"gamma": 1.5, "alpha": 0.3, "label_smoothing": 0.1}),
}
PROBABILITIES = ["softmax", "logistic", "hard_sigmoid"]
ANY = ["identity", "relu", "tanh", "softplus", "exp", "silu", "softmax", "logistic"]
OUTPUTS = {
    "cross_entropy": [*PROBABILITIES, "exp"],
    "binary_cross_entropy": PROBABILITIES,
    "poisson": ["exp", "softplus"],
}
CASES = [(case, output) for case, (loss, _) in LOSSES.items() for output in OUTPUTS.get(loss, ANY)]
TOLERANCE = {"float32": 3e-5, "float64": 1e-11}  # sums of 24 products in another order; exp and log to 4 ULP


def problem(loss, width, dtype="float64", rows=24):
    """Return x (24, 4), y that suits the loss of `width` columns, and weights with some zeros."""
    rng = np.random.RandomState(0)
    x = rng.standard_normal((rows, 4)).astype(dtype)
    if loss in reference.CLASSES:
        y = rng.randint(width, size=rows).astype(np.int32)
    elif loss == "quantile":
        y = rng.standard_normal((rows, width // 3)).astype(dtype)
    elif loss == "poisson":
        y = rng.poisson(1.5, (rows, width)).astype(dtype)
    elif loss in ("binary_cross_entropy", "hinge", "squared_hinge"):
        y = rng.randint(2, size=(rows, width)).astype(dtype)
    else:
        y = rng.standard_normal((rows, width)).astype(dtype)
    return x, y, (rng.uniform(0.1, 2, rows) * rng.randint(2, size=rows)).astype(dtype)


def make_engine(module, case, output, width, dtype="float64"):
    """Record 4-5-width behind the output activation, with tanh between."""
    loss, parameters = LOSSES[case]
    tape = module.Tape()
    value = tape.activation(tape.dense(tape.input(4), 5), "tanh")
    value = tape.activation(tape.dense(value, width), output)
    tape.output(value)
    tape.loss(value, loss, 0.5, float(np.finfo(dtype).eps) if "entropy" in loss else 0.0, **parameters)
    engine = module.Engine(tape, dtype)
    rng = np.random.RandomState(3)
    scale = 0.2 if output == "hard_sigmoid" else 0.6  # no probability is 0 or 1
    engine.load([scale * rng.standard_normal(s).astype(dtype) for s in engine.parameter_shapes])
    return engine


@pytest.mark.parametrize(("case", "output"), CASES)
def test_gradient_is_the_slope(case, output):
    x, y, weight = problem(LOSSES[case][0], 6)
    engine = make_engine(_core, case, output, 6)
    _, _, gradients = engine.gradient(x, y, 0.3, l1=0.2, sample_weight=weight)
    start = [np.empty(shape) for shape in engine.parameter_shapes]
    engine.store(start)
    rng = np.random.RandomState(5)
    directions = [rng.standard_normal(p.shape) for p in start]
    values = []
    for step in (1e-6, -1e-6):
        engine.load([p + step * d for p, d in zip(start, directions, strict=True)])
        values.append(sum(engine.gradient(x, y, 0.3, l1=0.2, sample_weight=weight)[:2]))
    slope = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    assert slope == pytest.approx((values[0] - values[1]) / 2e-6, rel=2e-6, abs=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [1, 3, 8, 15, 16, 33, 72])
@pytest.mark.parametrize(("case", "output"), CASES)
def test_loss_and_gradient_are_the_references(case, output, width, dtype):
    if LOSSES[case][0] == "quantile" and width % 3:
        pytest.skip("three quantiles a target")
    if width == 1 and (output == "softmax" or LOSSES[case][0] in reference.CLASSES):
        pytest.skip("one class alone has no gradient")
    x, y, weight = problem(LOSSES[case][0], width, dtype)
    tolerance = TOLERANCE[dtype]
    ours, oracle = (
        make_engine(module, case, output, width, dtype).gradient(x, y, 0.3, l1=0.2, sample_weight=weight)
        for module in (_core, reference)
    )
    assert_allclose(ours[:2], oracle[:2], rtol=tolerance)
    for a, b in zip(ours[2], oracle[2], strict=True):
        assert_allclose(a, b, rtol=10 * tolerance, atol=10 * tolerance * np.abs(b).max())


@pytest.mark.parametrize(("case", "output"), CASES)
def test_evaluate_is_the_loss_for_any_number_of_threads(case, output):
    x, y, weight = problem(LOSSES[case][0], 6, rows=801)
    engine = make_engine(_core, case, output, 6)
    expected = engine.gradient(x, y, sample_weight=weight)[0]
    got = {engine.evaluate(x, y, sample_weight=weight, n_threads=n).mean_loss for n in (1, 2, 3, 5)}
    assert len(got) == 1
    assert got.pop() == pytest.approx(expected, rel=1e-13)
    assert engine.evaluate(x, y).mean_loss == pytest.approx(engine.gradient(x, y)[0], rel=1e-13)


def test_columns_of_quantiles_are_grouped_by_target():
    y = np.array([[1.0, 10.0]])
    p = np.array([[0.0, 0.0, 10.0, 10.0]])  # quantiles 0.1 and 0.9 of the first target, then of the second
    tape = _core.Tape()
    tape.output(tape.input(4))
    tape.loss(0, "quantile", quantiles=[0.1, 0.9])
    assert _core.Engine(tape, "float64").evaluate(p, y).mean_loss == pytest.approx(0.1 + 0.9)


def test_logits_can_be_the_output_and_softmax_the_losss():
    x, y, _ = problem("cross_entropy", 6)
    tape = _core.Tape()
    logits = tape.dense(tape.input(4), 6)
    tape.output(logits)
    tape.loss(tape.activation(logits, "softmax"), "cross_entropy")
    engine = _core.Engine(tape, "float64")
    rng = np.random.RandomState(3)
    kernel, bias = (rng.standard_normal(s) for s in engine.parameter_shapes)
    engine.load([kernel, bias])
    assert_allclose(engine.predict(x), x @ kernel + bias, rtol=1e-12)
    rows = reference.loss_rows("cross_entropy", reference.softmax(x @ kernel + bias), y)
    assert engine.evaluate(x, y).mean_loss == pytest.approx(rows.mean(), rel=1e-12)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("width", [2, 3, 8, 17, 40])
def test_loss_of_far_apart_logits_is_their_distance(width, dtype):
    z = np.full((3, width), -1000.0, dtype)
    z[0, 0], z[1, -1] = 200, -900
    tape = _core.Tape()
    tape.output(tape.input(width))
    tape.loss(0, "logits_cross_entropy")
    engine = _core.Engine(tape, dtype)
    losses = [engine.evaluate(z[r : r + 1], np.array([1 % width], np.int32)).mean_loss for r in range(3)]
    assert_allclose(losses, [1200, 100 if width > 2 else 0, np.log(width)], atol=1e-5)


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
@pytest.mark.parametrize("gamma", [0.0, 2.0])
def test_clipped_probabilities_have_no_gradient(loss, gamma):
    tape = _core.Tape()
    x = tape.dense(tape.input(1), 2)
    tape.output(x)
    tape.loss(x, loss, clip=1e-7, gamma=gamma)
    engine = _core.Engine(tape, "float64")
    engine.load([np.array([[1.2, -0.2]]), np.zeros(2)])
    y = np.array([1], np.int32) if loss == "cross_entropy" else np.array([[0.0, 1.0]])
    value, _, (kernel, bias) = engine.gradient(np.ones((1, 1)), y)
    entropy = -np.log(1e-7) * (1 if loss == "cross_entropy" else 2)
    if gamma == 0:
        assert value == pytest.approx(entropy)
        assert_allclose([*kernel[0], *bias], 0)
    assert np.abs(bias).max() < 100  # of the focal factor alone


@pytest.mark.parametrize("loss", ["cross_entropy", "binary_cross_entropy"])
def test_focal_loss_of_a_certain_answer_is_finite(loss):
    tape = _core.Tape()
    x = tape.activation(tape.dense(tape.input(1), 2), "softmax" if loss == "cross_entropy" else "logistic")
    tape.output(x)
    tape.loss(x, loss, clip=1e-7, gamma=0.5, alpha=0.25)
    engine = _core.Engine(tape, "float32")
    engine.load([np.array([[1000, -1000]], np.float32), np.zeros(2, np.float32)])
    y = np.array([0, 1], np.int32) if loss == "cross_entropy" else np.array([[1, 0], [0, 1]], np.float32)
    value, _, gradients = engine.gradient(np.ones((2, 1), np.float32), y)
    assert np.isfinite(value)
    assert all(np.isfinite(g).all() for g in gradients)


@pytest.mark.parametrize("loss", [name for name in reference.LOSSES if name not in reference.CLASSES])
def test_loss_of_nan_is_nan(loss):
    tape = _core.Tape()
    tape.output(tape.input(2))
    tape.loss(0, loss, quantiles=[0.5] if loss == "quantile" else [])
    assert np.isnan(_core.Engine(tape, "float64").evaluate(np.array([[np.nan, 1.0]]), np.ones((1, 2))).mean_loss)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("huber", {"delta": 0.0}, "delta must be > 0"),
        ("quantile", {}, "the loss quantile, and no other, takes quantiles"),
        ("squared_error", {"quantiles": [0.5]}, "the loss quantile, and no other, takes quantiles"),
        ("quantile", {"quantiles": [0.5, 1.0]}, r"quantiles must be in \(0, 1\), got 1"),
        ("quantile", {"quantiles": [0.2, 0.5, 0.8]}, "a multiple of 3, got 4"),
        ("cross_entropy", {"gamma": -1.0}, "gamma must be >= 0"),
        ("cross_entropy", {"label_smoothing": 1.1}, r"label_smoothing must be in \[0, 1\]"),
        ("mse", {}, "unknown loss 'mse'; one of: cross_entropy"),
    ],
)
def test_wrong_loss_is_refused(name, parameters, message):
    tape = _core.Tape()
    with pytest.raises(ValueError, match=message):
        tape.loss(tape.input(4), name, **parameters)


KERAS = {  # Keras' loss -> ours; Keras takes the mean over columns where a loss is of single elements
    "MeanAbsoluteError": ("absolute_error", {}, {}),
    "Huber": ("huber", {"delta": 0.7}, {"delta": 0.7}),
    "LogCosh": ("log_cosh", {}, {}),
    "Hinge": ("hinge", {}, {}),
    "SquaredHinge": ("squared_hinge", {}, {}),
    "CategoricalCrossentropy": ("cross_entropy", {"label_smoothing": 0.2}, {"label_smoothing": 0.2}),
    "CategoricalFocalCrossentropy": ("cross_entropy", {"alpha": 0.25, "gamma": 2.0}, {"alpha": 0.25, "gamma": 2.0}),
    "BinaryCrossentropy": ("binary_cross_entropy", {"label_smoothing": 0.2}, {"label_smoothing": 0.2}),
    "BinaryFocalCrossentropy": (
        "binary_cross_entropy",
        {"alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1},
        {"alpha": 0.3, "gamma": 1.5, "label_smoothing": 0.1, "apply_class_balancing": True},
    ),
}


@pytest.mark.parametrize("name", KERAS)
def test_reference_is_keras(name):
    pytest.importorskip("torch")
    os.environ.setdefault("KERAS_BACKEND", "torch")
    keras = pytest.importorskip("keras")
    loss, ours, theirs = KERAS[name]
    rng = np.random.RandomState(0)
    _, y, _ = problem(loss, 4)
    p = rng.standard_normal((24, 4))
    if "entropy" in loss:
        p = reference.ACTIVATIONS["logistic"][0](p)  # rows that do not sum to 1 too
    if name == "CategoricalFocalCrossentropy":
        p /= p.sum(axis=1, keepdims=True)
    targets = np.eye(4)[y] if loss in reference.CLASSES else y
    expected = float(keras.ops.convert_to_numpy(getattr(keras.losses, name)(**theirs)(targets, p)))
    columns = 1 if loss in reference.CLASSES else 4
    # Keras computes in float32
    assert reference.loss_rows(loss, p, y, **ours).mean() / columns == pytest.approx(expected, rel=2e-6)
