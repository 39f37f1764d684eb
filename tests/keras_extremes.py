"""Where Keras stays finite at extreme inputs; run it to write keras_extremes.json.

KERAS_BACKEND=jax python tests/keras_extremes.py

The cases are written for any module with Keras' names: the tests give them mlpcore's.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

FILE = Path(__file__).with_suffix(".json")
TINY, HUGE = 1e-45, 3e38
NUMBERS = [0.0, -0.0, TINY, -TINY, 1e-20, -1e-20, 1.0, -1.0, 50.0, -50.0, 88.0, -88.0, 104.0, -104.0, 1e4, -1e4]
NUMBERS += [1e19, -1e19, 1e20, -1e20, HUGE, -HUGE]
BEYOND = [*NUMBERS, np.inf, -np.inf]
ACTIVATIONS = """elu exponential gelu hard_sigmoid leaky_relu linear mish relu relu6 selu sigmoid silu softplus softsign
tanh log_softmax softmax""".split()
ROWS = np.float32(
    [[0, 0, 0], [5, 5, 5], [1e6, 1e6, 1e6], [1e4, 0, -1e4], [HUGE, 0, -HUGE], [-HUGE, -HUGE, -HUGE], [88, -88, 0]]
)
PROBABILITIES = np.float32([[0, 0, 1], [1, 0, 0], [TINY, 1 - TINY, 0], [1e-30, 1e-8, 1], [1 / 3, 1 / 3, 1 / 3]])
REAL = np.float32([[0, 0, 0], [1e6, -1e6, 1], [1e19, 1, -1e19], [TINY, -TINY, 1e-20], [50, -50, 100]])
LOSSES = {  # class -> predictions, targets
    "CategoricalCrossentropy": (PROBABILITIES, np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]),
    "SparseCategoricalCrossentropy": (PROBABILITIES, np.int32([0, 1, 2, 0, 1])),
    "BinaryCrossentropy": (PROBABILITIES, np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]),
    "BinaryFocalCrossentropy": (PROBABILITIES, np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]),
    "CategoricalFocalCrossentropy": (PROBABILITIES, np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1]]),
    "KLDivergence": (PROBABILITIES, PROBABILITIES[::-1].copy()),
    "Poisson": (PROBABILITIES, np.abs(REAL)),
    "MeanSquaredLogarithmicError": (np.abs(REAL), np.abs(REAL[::-1]).copy()),
    "CosineSimilarity": (REAL, REAL[::-1].copy()),
}
_REAL_LOSSES = """MeanSquaredError MeanAbsoluteError MeanAbsolutePercentageError Huber LogCosh Hinge SquaredHinge
CategoricalHinge""".split()
for _name in _REAL_LOSSES:
    LOSSES[_name] = (REAL, REAL[::-1].copy())
OPTIMIZERS = """SGD Adam AdamW RMSprop Nadam Adagrad Adamax Adadelta Lion Ftrl""".split()


def pattern(values):
    """0 for a number, 1 for NaN, 2 for an infinity."""
    values = np.asarray(values, np.float64).ravel()
    return [int(np.isnan(v)) + 2 * int(np.isinf(v)) for v in values]


def trained(keras, layers, loss, x, y, optimizer, weights, epochs=1):
    model = keras.Sequential([keras.layers.Input((x.shape[1],)), *layers])
    model.compile(optimizer=optimizer, loss=loss)
    model.set_weights(weights)
    history = model.fit(x, y, epochs=epochs, batch_size=len(x), verbose=0, shuffle=False)
    return [history.history["loss"][0], *np.concatenate([np.ravel(w) for w in model.get_weights()])]


def cases(keras):
    """Yield (name, function that returns numbers)."""
    ops, layers = keras.ops, keras.layers

    def total(y_true, y_pred):
        return ops.sum(y_pred, axis=-1)

    for name in ACTIVATIONS:
        f = keras.activations.get(name)
        x = ROWS if "softmax" in name else np.float32(BEYOND)[:, None]
        yield f"{name}, values", lambda f=f, x=x: np.asarray(f(ops.convert_to_tensor(x)))
        n = ROWS.shape[1] if "softmax" in name else 1
        kernel = ROWS if n > 1 else np.float32(NUMBERS)[:, None]
        yield (
            f"{name}, gradient",
            lambda name=name, n=n, kernel=kernel: trained(
                keras,
                [layers.Dense(n, use_bias=False, activation=name)],
                total,
                np.eye(len(kernel), dtype=np.float32),
                np.zeros((len(kernel), n), np.float32),
                keras.optimizers.SGD(1e-3),
                [kernel],
            ),
        )
    for name, (p, y) in LOSSES.items():
        yield (
            f"{name}, gradient",
            lambda name=name, p=p, y=y: trained(
                keras,
                [layers.Dense(3, use_bias=False)],
                getattr(keras.losses, name)(),
                np.eye(len(p), dtype=np.float32),
                y,
                keras.optimizers.SGD(1e-3),
                [p],
            ),
        )
    for name, activation in (
        ("CategoricalCrossentropy", "softmax"),
        ("BinaryCrossentropy", "sigmoid"),
        ("Poisson", "exponential"),
    ):
        y = np.eye(3, dtype=np.float32)[[0, 1, 2, 0, 1, 2, 0]]
        yield (
            f"{name} of {activation}",
            lambda name=name, activation=activation, y=y: trained(
                keras,
                [layers.Dense(3, use_bias=False, activation=activation)],
                getattr(keras.losses, name)(),
                np.eye(len(ROWS), dtype=np.float32),
                y,
                keras.optimizers.SGD(1e-3),
                [ROWS],
            ),
        )
    for name in OPTIMIZERS:
        for options in ({}, {"clipnorm": 1.0}, {"clipvalue": 0.5}, {"weight_decay": 0.1}):
            if name == "Ftrl" and options:
                continue
            g = np.float32(NUMBERS)[None]
            yield (
                f"{name} {options}",
                lambda name=name, options=options, g=g: trained(
                    keras,
                    [layers.Dense(1, use_bias=False)],
                    total,
                    g,
                    np.zeros((1, 1), np.float32),
                    getattr(keras.optimizers, name)(learning_rate=0.01, **options),
                    [np.full((g.shape[1], 1), 1e-3, np.float32)],
                    epochs=3,
                )[1:],
            )


def main():
    """Write what Keras makes of the cases."""
    import keras

    FILE.write_text(json.dumps({name: pattern(f()) for name, f in cases(keras)}, indent=0).replace(",\n", ",") + "\n")


if __name__ == "__main__":
    main()
