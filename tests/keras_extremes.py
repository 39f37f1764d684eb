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
ACTIVATIONS = """celu elu exponential gelu glu hard_shrink hard_sigmoid hard_silu hard_tanh leaky_relu linear
log_sigmoid log_softmax mish relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign sparse_plus
sparse_sigmoid squareplus tanh tanh_shrink threshold""".split()
ARGUMENTS = {"threshold": (0.5, 0.0)}
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
FROM_LOGITS = """BinaryCrossentropy BinaryFocalCrossentropy CategoricalCrossentropy CategoricalFocalCrossentropy
SparseCategoricalCrossentropy""".split()
_RNG = np.random.RandomState(0)
_NORMAL = _RNG.standard_normal((40, 4)).astype(np.float32)
KERNELS = [_RNG.standard_normal(shape).astype(np.float32) for shape in ((4, 5), (5, 3))]
NOISE = _RNG.randint(0, 3, 40).astype(np.int32)  # labels that have nothing to do with the features
INPUTS = {
    "features of 1e6": _NORMAL * np.float32(1e6),
    "features of 1e19": _NORMAL * np.float32(1e19),
    "features of 1e-30": _NORMAL * np.float32(1e-30),
    "constant features": np.ones((40, 4), np.float32),
    "constants of 1e6": np.full((40, 4), 1e6, np.float32),
    "zeros": np.zeros((40, 4), np.float32),
    "features of 1": _NORMAL,
}
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
        plain, arguments = getattr(keras.activations, name), ARGUMENTS.get(name, ())

        def f(x, plain=plain, arguments=arguments):
            return plain(x, *arguments)

        x, kernel = np.float32(BEYOND)[:, None], np.float32(NUMBERS)[:, None]
        if "softmax" in name:
            x = kernel = ROWS
        elif name == "glu":  # of pairs: each number with each, as value and as gate
            x, kernel = (np.stack(np.meshgrid(c, c), axis=-1).reshape(-1, 2) for c in (x, kernel))
        yield f"{name}, values", lambda f=f, x=x: np.asarray(f(ops.convert_to_tensor(x)))
        yield (
            f"{name}, gradient",
            lambda f=f, kernel=kernel: trained(
                keras,
                [layers.Dense(kernel.shape[1], use_bias=False, activation=f)],
                total,
                np.eye(len(kernel), dtype=np.float32),
                np.zeros((len(kernel), kernel.shape[1]), np.float32),
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
    for name in FROM_LOGITS:
        classes = np.int32([0, 1, 2, 0, 1, 2, 0])
        y = classes if "Sparse" in name else np.eye(3, dtype=np.float32)[classes]
        yield (
            f"{name} of logits",
            lambda name=name, y=y: trained(
                keras,
                [layers.Dense(3, use_bias=False)],
                getattr(keras.losses, name)(from_logits=True),
                np.eye(len(ROWS), dtype=np.float32),
                y,
                keras.optimizers.SGD(1e-3),
                [ROWS],
            ),
        )
    for name, x in INPUTS.items():
        n = x.shape[1]
        for norm, weights in (
            (layers.BatchNormalization, [np.ones(n), np.zeros(n), np.zeros(n), np.ones(n)]),
            (layers.LayerNormalization, [np.ones(n), np.zeros(n)]),
        ):
            yield (
                f"{norm.__name__} of {name}",
                lambda norm=norm, weights=weights, x=x, n=n: trained(
                    keras,
                    [norm(), layers.Dense(2, activation="sigmoid")],
                    keras.losses.MeanSquaredError(),
                    x,
                    np.zeros((len(x), 2), np.float32),
                    keras.optimizers.SGD(1e-3),
                    [*map(np.float32, weights), KERNELS[0][:n, :2], np.zeros(2, np.float32)],
                    epochs=3,
                ),
            )
        # Of logits: behind a softmax Keras on TensorFlow takes those too, but on JAX it clips probabilities, has no
        # gradient beyond and so stays finite where the others diverge.
        for optimizer in OPTIMIZERS:
            yield (
                f"10 epochs of {optimizer} on {name}",
                lambda x=x, optimizer=optimizer: trained(
                    keras,
                    [layers.Dense(5, activation="relu"), layers.Dense(3)],
                    keras.losses.SparseCategoricalCrossentropy(from_logits=True),
                    x,
                    NOISE,
                    getattr(keras.optimizers, optimizer)(learning_rate=0.01),
                    [KERNELS[0], np.zeros(5, np.float32), KERNELS[1], np.zeros(3, np.float32)],
                    epochs=10,
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
