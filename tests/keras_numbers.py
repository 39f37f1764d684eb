"""What Keras makes of small cases of losses, metrics, optimizers and schedules; run it to write keras_numbers.json.

KERAS_BACKEND=jax python tests/keras_numbers.py

The cases are written for any module with Keras' names: the tests give them mlpcore's.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
rng = np.random.default_rng(0)


def probabilities(*shape):
    p = rng.random(shape) + 0.05
    return p / p.sum(axis=-1, keepdims=True)


def rounded(values):  # to what float32 holds, so that JSON and both sides see the same numbers
    return np.asarray(np.round(values, 4), np.float32)


# name -> targets, predictions (6 rows)
DATA = {
    "real": (rounded(rng.normal(size=(6, 3))), rounded(rng.normal(size=(6, 3)))),
    "positive": (rounded(rng.random((6, 3)) + 0.1), rounded(rng.random((6, 3)) + 0.1)),
    "counts": (np.float32(rng.integers(0, 5, (6, 3))), rounded(rng.random((6, 3)) * 3 + 0.1)),
    "column": (rounded(rng.normal(size=6)), rounded(rng.normal(size=(6, 1)))),
    "boxes": (rounded(rng.normal(size=(6, 2, 3))), rounded(rng.normal(size=(6, 2, 3)))),
    "binary": (np.float32(rng.integers(0, 2, (6, 3))), rounded(rng.random((6, 3)) * 0.98 + 0.01)),
    "binary logits": (np.float32(rng.integers(0, 2, (6, 3))), rounded(rng.normal(size=(6, 3)) * 3)),
    "binary column": (np.float32([0, 1, 1, 0, 1, 0]), rounded(rng.random((6, 1)) * 0.98 + 0.01)),
    "signs": (np.float32(rng.integers(0, 2, (6, 3)) * 2 - 1), rounded(rng.normal(size=(6, 3)))),
    "one-hot": (np.eye(4, dtype=np.float32)[[0, 3, 1, 1, 2, 0]], rounded(probabilities(6, 4))),
    "one-hot logits": (np.eye(4, dtype=np.float32)[[0, 3, 1, 1, 2, 0]], rounded(rng.normal(size=(6, 4)) * 3)),
    "soft": (rounded(probabilities(6, 4)), rounded(probabilities(6, 4))),
    "classes": (np.int32([0, 3, 1, 1, 2, 0]), rounded(probabilities(6, 4))),
    "class column": (np.int32([[0], [3], [1], [1], [2], [0]]), rounded(probabilities(6, 4))),
    "class logits": (np.int32([0, 3, 1, 1, 2, 0]), rounded(rng.normal(size=(6, 4)) * 3)),
    "class grid": (np.int32(rng.integers(0, 4, (6, 2))), rounded(probabilities(6, 2, 4))),
    "equal": (np.float32([1, 2, 3, 4, 5, 6]), np.float32([1, 2, 0, 4, 0, 6])),
}
WEIGHTS = np.float32([1, 0.5, 2, 0, 1.5, 1])

LOSSES = [  # class, arguments, data
    ("MeanSquaredError", {}, "real"),
    ("MeanSquaredError", {}, "column"),
    ("MeanSquaredError", {"reduction": "sum"}, "real"),
    ("MeanSquaredError", {"reduction": "mean_with_sample_weight"}, "real"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("Huber", {}, "real"),
    ("Huber", {"delta": 0.3}, "real"),
    ("LogCosh", {}, "real"),
    ("Poisson", {}, "counts"),
    ("KLDivergence", {}, "soft"),
    ("CosineSimilarity", {}, "real"),
    ("BinaryCrossentropy", {}, "binary"),
    ("BinaryCrossentropy", {}, "binary column"),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, "binary"),
    ("BinaryCrossentropy", {"from_logits": True}, "binary logits"),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary logits"),
    ("BinaryFocalCrossentropy", {}, "binary"),
    ("BinaryFocalCrossentropy", {"gamma": 1.5, "apply_class_balancing": True, "alpha": 0.3}, "binary"),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, "binary logits"),
    ("CategoricalCrossentropy", {}, "one-hot"),
    ("CategoricalCrossentropy", {}, "soft"),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, "one-hot"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one-hot logits"),
    ("CategoricalFocalCrossentropy", {}, "one-hot"),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "gamma": 1.0, "alpha": 0.5}, "one-hot logits"),
    ("SparseCategoricalCrossentropy", {}, "classes"),
    ("SparseCategoricalCrossentropy", {}, "class column"),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, "class logits"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1}, "classes"),
    ("Hinge", {}, "signs"),
    ("Hinge", {}, "binary logits"),
    ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "one-hot"),
]
UNWEIGHTED_LOSSES = [  # several values a row: Keras wants weights of their shape
    ("MeanSquaredError", {}, "boxes"),
    ("SparseCategoricalCrossentropy", {}, "class grid"),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, "class grid"),
]
METRICS = [
    ("Accuracy", {}, "equal"),
    ("BinaryAccuracy", {}, "binary"),
    ("BinaryAccuracy", {"threshold": 0.3}, "binary column"),
    ("CategoricalAccuracy", {}, "one-hot"),
    ("SparseCategoricalAccuracy", {}, "classes"),
    ("SparseCategoricalAccuracy", {}, "class column"),
    ("TopKCategoricalAccuracy", {"k": 2}, "one-hot"),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, "classes"),
    ("TruePositives", {}, "binary"),
    ("TrueNegatives", {"thresholds": [0.2, 0.6]}, "binary"),
    ("FalsePositives", {"thresholds": 0.4}, "binary column"),
    ("FalseNegatives", {}, "binary"),
    ("Precision", {}, "binary"),
    ("Precision", {"thresholds": [0.2, 0.5, 0.7]}, "binary"),
    ("Precision", {"top_k": 2}, "one-hot"),
    ("Precision", {"class_id": 1}, "one-hot"),
    ("Recall", {}, "binary column"),
    ("Recall", {"top_k": 2, "class_id": 0}, "one-hot"),
    ("AUC", {}, "binary"),
    ("AUC", {"curve": "PR"}, "binary"),
    ("AUC", {"curve": "PR", "summation_method": "majoring", "num_thresholds": 20}, "binary"),
    ("AUC", {"curve": "PRGAIN", "summation_method": "minoring"}, "binary"),
    ("AUC", {"thresholds": [0.2, 0.3, 0.7]}, "binary column"),
    ("AUC", {"from_logits": True, "num_thresholds": 50}, "binary logits"),
    ("AUC", {"multi_label": True, "num_labels": 3}, "binary"),
    ("AUC", {"multi_label": True, "num_labels": 3, "label_weights": [1.0, 2.0, 0.5], "curve": "PR"}, "binary"),
    ("AUC", {"label_weights": [1.0, 2.0, 0.5]}, "binary"),
    ("FBetaScore", {"beta": 2.0}, "one-hot"),
    ("FBetaScore", {"threshold": 0.3, "average": "weighted"}, "binary"),
    ("F1Score", {"average": "micro"}, "one-hot"),
    ("F1Score", {"average": "macro", "threshold": 0.5}, "binary"),
    ("MeanSquaredError", {}, "real"),
    ("RootMeanSquaredError", {}, "real"),
    ("RootMeanSquaredError", {}, "column"),
    ("MeanAbsoluteError", {}, "real"),
    ("MeanAbsolutePercentageError", {}, "positive"),
    ("MeanSquaredLogarithmicError", {}, "positive"),
    ("LogCoshError", {}, "real"),
    ("CosineSimilarity", {}, "real"),
    ("R2Score", {}, "real"),
    ("R2Score", {"class_aggregation": None}, "real"),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, "real"),
    ("R2Score", {"num_regressors": 2}, "real"),
    ("BinaryCrossentropy", {"label_smoothing": 0.1}, "binary"),
    ("CategoricalCrossentropy", {"from_logits": True}, "one-hot logits"),
    ("SparseCategoricalCrossentropy", {}, "classes"),
    ("KLDivergence", {}, "soft"),
    ("Poisson", {}, "counts"),
    ("Hinge", {}, "signs"),
    ("SquaredHinge", {}, "signs"),
    ("CategoricalHinge", {}, "one-hot"),
]
OPTIMIZERS = [
    ("SGD", {"learning_rate": 0.1}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9}),
    ("SGD", {"learning_rate": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1}),
    ("SGD", {"learning_rate": 0.1, "clipvalue": 0.5}),
    ("SGD", {"learning_rate": 0.1, "clipnorm": 0.5}),
    ("SGD", {"learning_rate": 0.1, "global_clipnorm": 0.5}),
    ("SGD", {"learning_rate": 0.1, "use_ema": True, "ema_momentum": 0.8, "ema_overwrite_frequency": 6}),
    ("Adam", {"learning_rate": 0.05, "use_ema": True}),
    ("Adam", {"learning_rate": 0.05}),
    ("Adam", {"learning_rate": 0.05, "amsgrad": True, "beta_1": 0.8, "beta_2": 0.9, "epsilon": 1e-3}),
    ("AdamW", {"learning_rate": 0.05, "weight_decay": 0.2}),
    ("Nadam", {"learning_rate": 0.05}),
    ("Adamax", {"learning_rate": 0.05}),
    ("RMSprop", {"learning_rate": 0.02}),
    ("RMSprop", {"learning_rate": 0.02, "momentum": 0.7}),
    ("RMSprop", {"learning_rate": 0.02, "momentum": 0.7, "centered": True}),
    ("RMSprop", {"learning_rate": 0.02, "centered": True}),
    ("Adagrad", {"learning_rate": 0.2}),
    ("Adadelta", {"learning_rate": 5.0}),
    ("Lion", {"learning_rate": 0.02, "weight_decay": 0.1}),
    ("Ftrl", {"learning_rate": 0.2}),
    (
        "Ftrl",
        {
            "learning_rate": 0.2,
            "l1_regularization_strength": 0.05,
            "l2_regularization_strength": 0.1,
            "l2_shrinkage_regularization_strength": 0.02,
            "beta": 0.3,
            "learning_rate_power": -0.6,
        },
    ),
]
N_STEPS = 20
SCHEDULES = [
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("ExponentialDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5}),
    ("InverseTimeDecay", {"initial_learning_rate": 0.1, "decay_steps": 7, "decay_rate": 0.5, "staircase": True}),
    ("PiecewiseConstantDecay", {"boundaries": [3, 10], "values": [0.3, 0.2, 0.1]}),
    ("PolynomialDecay", {"initial_learning_rate": 0.1, "decay_steps": 12}),
    (
        "PolynomialDecay",
        {"initial_learning_rate": 0.1, "decay_steps": 7, "end_learning_rate": 0.01, "power": 2.0, "cycle": True},
    ),
    ("CosineDecay", {"initial_learning_rate": 0.1, "decay_steps": 12, "alpha": 0.1}),
    (
        "CosineDecay",
        {"initial_learning_rate": 0.01, "decay_steps": 12, "warmup_target": 0.2, "warmup_steps": 5},
    ),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "m_mul": 0.8, "alpha": 0.05}),
    ("CosineDecayRestarts", {"initial_learning_rate": 0.1, "first_decay_steps": 5, "t_mul": 1.0}),
]
STEPS = list(range(25))

# A linear layer (kernel (3, 2), bias (2)) that learns by mean squared error on these five rows, all at once.
LINE = (rounded(rng.normal(size=(5, 3))), rounded(rng.normal(size=(5, 2))))
START = [rounded(rng.normal(size=(3, 2))), rounded(rng.normal(size=2))]


def key(name, arguments, data=""):
    return f"{name}({', '.join(f'{k}={v}' for k, v in arguments.items())}) {data}".strip()


def line_gradients(kernel, bias):
    x, y = LINE
    error = 2 * (x @ kernel + bias - y) / y.size
    return [x.T @ error, error.sum(axis=0)]


def compute():
    import jax
    import keras

    def loss(name, arguments, data, weights):
        y_true, y_pred = DATA[data]
        of = getattr(keras.losses, name)(**arguments)
        value, gradient = jax.value_and_grad(lambda p: of(y_true, p, sample_weight=weights))(y_pred)
        return [float(value), np.asarray(gradient).tolist()]

    def metric(name, arguments, data, weights):
        y_true, y_pred = DATA[data]
        of = getattr(keras.metrics, name)(**arguments)
        for half in (slice(0, 4), slice(4, 6)):
            of.update_state(y_true[half], y_pred[half], None if weights is None else weights[half])
        return np.asarray(of.result()).tolist()

    def optimizer(name, arguments):
        of = getattr(keras.optimizers, name)(**arguments)
        variables = [keras.Variable(each) for each in START]
        for _ in range(N_STEPS):
            of.apply(line_gradients(*[np.asarray(v) for v in variables]), variables)
        of.finalize_variable_values(variables)
        return [np.asarray(v).tolist() for v in variables]

    def schedule(name, arguments):
        of = getattr(keras.optimizers.schedules, name)(**arguments)
        return [float(of(step)) for step in STEPS]

    return {
        "losses": {
            key(*case): [loss(*case, None), *([loss(*case, WEIGHTS)] if case in LOSSES else [])]
            for case in LOSSES + UNWEIGHTED_LOSSES
        },
        "metrics": {key(*case): [metric(*case, None), metric(*case, WEIGHTS)] for case in METRICS},
        "optimizers": {key(*case): optimizer(*case) for case in OPTIMIZERS},
        "schedules": {key(*case): schedule(*case) for case in SCHEDULES},
    }


if __name__ == "__main__":
    lines = ",\n".join(
        f'"{family}": {{\n'
        + ",\n".join(f" {json.dumps(case)}: {json.dumps(numbers)}" for case, numbers in cases.items())
        + "\n}"
        for family, cases in json.loads(json.dumps(compute()), parse_float=lambda x: float(f"{float(x):.8g}")).items()
    )
    FILE.write_text(f"{{{lines}}}\n")
