"""Whole trainings with Keras and with mlpcore from equal weights; as a script, a table of their differences.

    KERAS_BACKEND=torch python tests/keras_trainings.py [--only TEXT] [--write]

The cases are written for any module with Keras' names: models of the chapter, and every loss, optimizer, metric and
layer on a small case, five epochs each without shuffling. `--write` stores what Keras makes of them beside this file,
for machines without Keras. Cases on real rows run where MLPCORE_DATA names the folder of the data sets.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

import layer_trainings
from keras_numbers import DATA, LOSSES, METRICS, OPTIMIZERS, UNWEIGHTED_LOSSES, WEIGHTS, key

FILE = Path(__file__).with_suffix(".json")
TOLERANCE = 1e-4  # absolute up to 1, relative beyond: float32 after 5 epochs
EPOCHS = 5
# Keras gives both losses of a subclass with two outputs one name, mlpcore two
NAMED_OTHERWISE = {"mse_loss", "output_1_loss", "output_2_loss"}


class NoRows(Exception):
    """A data set is not on this machine."""


class Case(NamedTuple):
    """A model, what it learns from, and the arguments of `compile` and `fit`."""

    model: Any
    x: Any
    y: Any
    compile: dict[str, Any]
    fit: Mapping[str, Any] = MappingProxyType({})


# Keras adds up the moments of Normalization in float32: of longitudes near -119 that leaves an error of 1e-4
CENTRE = np.float32([4, 29, 5, 1, 1400, 3, 35, -119])


# --- rows ------------------------------------------------------------------------------------------------------------
def real(name: str) -> dict[str, np.ndarray]:
    path = Path(os.environ.get("MLPCORE_DATA", "")) / f"{name}.npz"
    if not path.is_file():
        raise NoRows(f"no {name}.npz in MLPCORE_DATA")
    with np.load(path) as archive:
        return dict(archive)


def images(drawn: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return 2000 images of Fashion-MNIST and their classes, or 640 drawn ones."""
    if not drawn:
        arrays = real("fashion_mnist")
        return arrays["X_train"][:2000].reshape(-1, 28, 28) / np.float32(255), arrays["y_train"][:2000]
    random = np.random.RandomState(0)
    y = random.randint(0, 10, 640)
    patterns = random.randint(0, 2, (10, 28, 28))
    x = 0.4 * patterns[y] + 0.6 * random.random_sample((640, 28, 28))
    return x.astype(np.float32), y.astype(np.uint8)


def districts(drawn: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return 3000 districts of California Housing and their prices, or 800 drawn ones."""
    random = np.random.RandomState(0)
    if not drawn:
        arrays = real("california_housing")
        chosen = random.permutation(len(arrays["y"]))[:3000]
        return arrays["X_num"][chosen] - CENTRE, arrays["y"][chosen].astype(np.float32)
    x = random.normal(size=(800, 8)) * [2, 12, 2, 0.5, 1000, 1, 2, 2] + 1
    y = 0.4 * x[:, 0] + 0.3 * np.abs(x[:, 6]) * np.abs(x[:, 7]) + 0.1 * random.normal(size=800)
    return x.astype(np.float32), y.astype(np.float32)


# --- the chapter's models --------------------------------------------------------------------------------------------
def classifier(k: Any, drawn: bool, optimizer: str = "sgd", batch: int = 32) -> Case:
    x, y = images(drawn)
    layers = [
        k.layers.Flatten(),
        k.layers.Dense(300, activation="relu"),
        k.layers.Dense(100, activation="relu"),
        k.layers.Dense(10, activation="softmax"),
    ]
    model = k.Sequential([k.layers.Input(shape=[28, 28]), *layers])
    few = len(x) * 9 // 10
    return Case(
        model,
        x[:few],
        y[:few],
        {"loss": "sparse_categorical_crossentropy", "optimizer": optimizer, "metrics": ["accuracy"]},
        {"validation_data": (x[few:], y[few:]), "batch_size": batch},
    )


def regressor(k: Any, drawn: bool) -> Case:
    x, y = districts(drawn)
    normalization = k.layers.Normalization()
    hidden = [k.layers.Dense(50, activation="relu") for _ in range(3)]
    model = k.Sequential([k.layers.Input(shape=x.shape[1:]), normalization, *hidden, k.layers.Dense(1)])
    normalization.adapt(x)
    few = len(x) * 9 // 10
    learning = {"loss": "mse", "optimizer": k.optimizers.Adam(1e-3), "metrics": ["RootMeanSquaredError"]}
    return Case(model, x[:few], y[:few], learning, {"validation_data": (x[few:], y[few:])})


def wide_and_deep(k: Any, drawn: bool) -> Case:
    x, y = districts(drawn)
    normalization = k.layers.Normalization()
    given = k.layers.Input(shape=x.shape[1:])
    normalized = normalization(given)
    hidden = k.layers.Dense(30, activation="relu")(k.layers.Dense(30, activation="relu")(normalized))
    output = k.layers.Dense(1)(k.layers.Concatenate()([normalized, hidden]))
    normalization.adapt(x)
    learning = {"loss": "mse", "optimizer": k.optimizers.Adam(1e-3), "metrics": ["RootMeanSquaredError"]}
    return Case(k.Model(inputs=[given], outputs=[output]), x, y, learning, {"validation_split": 0.1})


def two_inputs(k: Any, drawn: bool, outputs: int = 1) -> Case:
    x, y = districts(drawn)
    parts = (x[:, :5], x[:, 2:])
    wide, deep = k.layers.Input(shape=[5]), k.layers.Input(shape=[6])
    normalizations = [k.layers.Normalization(), k.layers.Normalization()]
    normalized = [layer(each) for layer, each in zip(normalizations, (wide, deep), strict=True)]
    hidden = k.layers.Dense(30, activation="relu")(k.layers.Dense(30, activation="relu")(normalized[1]))
    heads = [k.layers.Dense(1, name="main")(k.layers.concatenate([normalized[0], hidden]))]
    if outputs == 2:
        heads.append(k.layers.Dense(1, name="side")(hidden))
    for layer, part in zip(normalizations, parts, strict=True):
        layer.adapt(part)
    model = k.Model(inputs=[wide, deep], outputs=heads)
    learning: dict[str, Any] = {"loss": "mse", "optimizer": k.optimizers.Adam(1e-3), "metrics": ["mae"]}
    if outputs == 1:
        return Case(model, parts, y, learning)
    learning |= {"loss": ("mse", "mse"), "loss_weights": (0.9, 0.1), "metrics": [["mae"], ["mae", "mse"]]}
    return Case(model, parts, (y, y), learning)


def two_outputs(k: Any, drawn: bool) -> Case:
    return two_inputs(k, drawn, outputs=2)


def subclass(k: Any, drawn: bool) -> Case:
    class WideAndDeep(k.Model):
        def __init__(self, **options: Any) -> None:
            super().__init__(**options)
            self.hidden1 = k.layers.Dense(30, activation="relu")
            self.hidden2 = k.layers.Dense(30, activation="relu")
            self.main_output = k.layers.Dense(1)
            self.aux_output = k.layers.Dense(1)

        def call(self, inputs: Any) -> Any:
            wide, deep = inputs
            hidden = self.hidden2(self.hidden1(deep))
            return self.main_output(k.layers.concatenate([wide, hidden])), self.aux_output(hidden)

    x, y = districts(drawn)
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    parts = (x[:, :5], x[:, 2:])
    model = WideAndDeep()
    model([np.zeros((1, 5), np.float32), np.zeros((1, 6), np.float32)])
    learning = {"loss": ("mse", "mse"), "loss_weights": (0.9, 0.1), "optimizer": k.optimizers.Adam(1e-3)}
    return Case(model, parts, (y, y), learning)


CHAPTER: dict[str, Callable[[Any, bool], Case]] = {
    "classifier": classifier,
    "classifier, Adam, batch 200": lambda k, drawn: classifier(k, drawn, "adam", 200),
    "regressor": regressor,
    "wide and deep": wide_and_deep,
    "two inputs": two_inputs,
    "two outputs": two_outputs,
    "subclass with two outputs": subclass,
}

# --- small cases -----------------------------------------------------------------------------------------------------
ENDS = {  # the activation that gives predictions such as these data's
    **dict.fromkeys(["binary", "binary column"], "sigmoid"),
    **dict.fromkeys(["one-hot", "soft", "classes", "class column", "class grid"], "softmax"),
    **dict.fromkeys(["positive", "counts"], "softplus"),
}
REPEATS = 8  # of the six rows of keras_numbers.DATA


def small(k: Any, data: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """Return a model whose outputs look like the predictions of these data, its rows, and its targets."""
    y, like = DATA[data]
    y = np.concatenate([y] * REPEATS)
    x = np.sin(1 + 0.7 * np.arange(len(y) * 4) ** 1.1).reshape(-1, 4).astype(np.float32)
    width = int(np.prod(like.shape[1:-1], initial=1)) * like.shape[-1] if like.ndim > 1 else 1
    layers = [k.layers.Dense(6, "tanh"), k.layers.Dense(width)]
    if like.ndim > 2:
        layers.append(k.layers.Reshape(like.shape[1:]))
    if data in ENDS:
        layers.append(k.layers.Activation(ENDS[data]))
    return k.Sequential([k.layers.Input(x.shape[1:]), *layers]), x, y


def with_loss(k: Any, name: str, arguments: dict[str, Any], data: str, weighted: bool) -> Case:
    model, x, y = small(k, data)
    fit = {"sample_weight": np.concatenate([WEIGHTS] * REPEATS)} if weighted else {}
    learning = {"loss": getattr(k.losses, name)(**arguments), "optimizer": k.optimizers.Adam(0.01)}
    return Case(model, x, y, learning, {"batch_size": 20, **fit})


def with_metrics(k: Any, data: str, argument: str) -> Case:
    model, x, y = small(k, data)
    wanted = [(name, a) for name, a, d in METRICS if d == data and "num_regressors" not in a]  # Keras cannot trace it
    metrics = [getattr(k.metrics, name)(name=f"{name} {i}", **a) for i, (name, a) in enumerate(wanted)]
    loss = "sparse_categorical_crossentropy" if "class" in data else "mse"
    learning = {"loss": loss, "optimizer": k.optimizers.SGD(0.05), argument: metrics}
    return Case(model, x, y, learning, {"batch_size": 20, "sample_weight": np.concatenate([WEIGHTS] * REPEATS)})


def with_optimizer(k: Any, name: str, arguments: dict[str, Any]) -> Case:
    model, x, y = small(k, "real")
    return Case(model, x, y, {"loss": "mse", "optimizer": getattr(k.optimizers, name)(**arguments)}, {"batch_size": 20})


MERGED = {
    "Add": lambda k: k.layers.Add(),
    "Subtract": lambda k: k.layers.Subtract(),
    "Multiply": lambda k: k.layers.Multiply(),
    "Average": lambda k: k.layers.Average(),
    "Maximum": lambda k: k.layers.Maximum(),
    "Minimum": lambda k: k.layers.Minimum(),
    "Concatenate": lambda k: k.layers.Concatenate(),
    "Dot": lambda k: k.layers.Dot(axes=1),
    "Dot normalized": lambda k: k.layers.Dot(axes=1, normalize=True),
}
PASSING = {  # layers without effect, or without weights, between two others
    "Dropout 0": lambda k: [k.layers.Dropout(0.0)],
    "AlphaDropout 0": lambda k: [k.layers.AlphaDropout(0.0)],
    "GaussianDropout 0": lambda k: [k.layers.GaussianDropout(0.0)],
    "GaussianNoise 0": lambda k: [k.layers.GaussianNoise(0.0)],
    "Identity": lambda k: [k.layers.Identity()],
    "Lambda": lambda k: [k.layers.Lambda(lambda x: x * x + 1.0)],
    "GlobalMaxPooling1D": lambda k: [k.layers.Reshape((3, 2)), k.layers.GlobalMaxPooling1D()],
    "GlobalAveragePooling1D": lambda k: [k.layers.Reshape((3, 2)), k.layers.GlobalAveragePooling1D()],
    "LayerNormalization of a sequence": lambda k: [
        k.layers.Reshape((3, 2)),
        k.layers.LayerNormalization(axis=[1, 2]),
        k.layers.Flatten(),
    ],
    "PReLU with shared slopes": lambda k: [
        k.layers.Reshape((3, 2)),
        k.layers.PReLU(shared_axes=[1]),
        k.layers.Flatten(),
    ],
}
ACTIVATIONS = (
    "relu relu6 leaky_relu elu selu celu gelu silu swish mish sigmoid tanh softmax log_softmax softplus softsign "
    "exponential hard_sigmoid hard_silu hard_swish hard_tanh hard_shrink soft_shrink tanh_shrink "
    "log_sigmoid squareplus sparse_plus sparse_sigmoid linear"
).split()


def merged(k: Any, name: str) -> Case:
    given = k.layers.Input((6,))
    branches = [k.layers.Dense(4, activation)(given) for activation in ("tanh", "relu", "elu")]
    if name == "Subtract" or name.startswith("Dot"):
        branches = branches[:2]
    model = k.Model(given, k.layers.Dense(1)(MERGED[name](k)(branches)))
    return small_layers_case(k, model)


def passing(k: Any, name: str) -> Case:
    layers = [k.layers.Dense(6, "tanh"), *PASSING[name](k), k.layers.Dense(1)]
    return small_layers_case(k, k.Sequential([k.layers.Input((6,)), *layers]))


def activated(k: Any, name: str) -> Case:
    layers = [k.layers.Dense(6), k.layers.Activation(name), k.layers.Dense(1)]
    return small_layers_case(k, k.Sequential([k.layers.Input((6,)), *layers]))


def with_layer(k: Any, name: str) -> Case:
    x = layer_trainings.STEPS if name == "Embedding" else layer_trainings.X
    given = k.layers.Input(x.shape[1:], dtype="int32" if name == "Embedding" else "float32")
    model = k.Sequential([given, *layer_trainings.CASES[name](k), k.layers.Dense(1)])
    return small_layers_case(k, model)._replace(x=x)


def small_layers_case(k: Any, model: Any) -> Case:
    learning = {"loss": "mse", "optimizer": k.optimizers.Adam(0.01)}
    return Case(model, layer_trainings.X, layer_trainings.Y, learning, {"batch_size": 16})


def cases() -> dict[str, Callable[[Any], Case]]:
    """Return every case by its name."""
    found: dict[str, Callable[[Any], Case]] = {}
    for name, make in CHAPTER.items():
        found[f"{name}, drawn rows"] = lambda k, make=make: make(k, True)
        found[f"{name}, real rows"] = lambda k, make=make: make(k, False)
    for case in OPTIMIZERS:
        found[f"optimizer {key(*case)}"] = lambda k, case=case: with_optimizer(k, *case)
    for case in LOSSES:
        found[f"loss {key(*case)}, weighted"] = lambda k, case=case: with_loss(k, *case, True)
    for case in LOSSES + UNWEIGHTED_LOSSES:
        found[f"loss {key(*case)}"] = lambda k, case=case: with_loss(k, *case, False)
    for data in sorted({data for _, _, data in METRICS} - {"equal"}):
        for argument in ("metrics", "weighted_metrics"):
            found[f"{argument} of {data}"] = lambda k, data=data, argument=argument: with_metrics(k, data, argument)
    for family, make, names in (
        ("layer", with_layer, layer_trainings.CASES),
        ("layer", merged, MERGED),
        ("layer", passing, PASSING),
        ("activation", activated, ACTIVATIONS),
    ):
        for name in names:
            found[f"{family} {name}"] = lambda k, make=make, name=name: make(k, name)
    return found


CASES = cases()


# --- training --------------------------------------------------------------------------------------------------------
def give_weights(model: Any) -> None:
    """Set each trainable weight to numbers drawn from its place among them and its shape."""
    for place, variable in enumerate(model.trainable_weights):
        shape = tuple(variable.shape)
        draws = np.random.RandomState(place).uniform(-1, 1, shape)
        value = draws * (6 / (shape[0] + shape[-1])) ** 0.5 if len(shape) > 1 else 0.1 * draws
        variable.assign((1 + value if variable.name == "gamma" else value).astype(np.float32))


def train(k: Any, name: str) -> dict[str, np.ndarray]:
    """Train a case; return by name its history, its evaluation, its predictions and its weights."""
    case = CASES[name](k)
    give_weights(case.model)
    case.model.compile(**case.compile)
    options = {"batch_size": 32, "epochs": EPOCHS, "shuffle": False, "verbose": 0, **case.fit}
    logs = case.model.fit(case.x, case.y, **options).history
    found = {f"history {log}": values for log, values in logs.items() if log not in NAMED_OTHERWISE}
    evaluated = case.model.evaluate(case.x, case.y, batch_size=64, verbose=0)
    found["evaluate"] = flat([evaluated[0]] if name.startswith("subclass") else evaluated)
    predictions = case.model.predict(case.x, verbose=0)
    for i, each in enumerate(predictions if isinstance(predictions, list | tuple) else [predictions]):
        found[f"predict {i}"] = each
    for i, variable in enumerate(v for v in case.model.weights if v.name != "count"):  # Keras leaves it at 0
        found[f"weight {i} {variable.name}"] = variable.numpy() if hasattr(variable, "numpy") else variable
    return {name: flat(value) for name, value in found.items()}


def flat(values: Any) -> np.ndarray:
    """Return numbers and arrays, nested, as one array."""
    if isinstance(values, list | tuple):
        return np.concatenate([flat(each) for each in values])
    return np.asarray(values, np.float64).ravel()


def digest(found: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return the numbers to keep: small arrays as they are, of large ones a few values, the mean and the size."""
    kept = {}
    for name, values in found.items():
        if values.size > 24:
            size = np.sqrt(np.mean(values**2))
            values = np.concatenate([values[:: values.size // 10][:12], [values.mean(), size]])
        kept[name] = [float(f"{value:.8g}") for value in values]
    return kept


def differences(ours: dict[str, Any], theirs: dict[str, Any]) -> dict[str, float]:
    """Return by name the largest difference, absolute up to 1 and relative beyond; raise where names differ."""
    if list(ours) != list(theirs):
        raise AssertionError(f"expected {list(theirs)}, got {list(ours)}")
    found = {}
    for name in theirs:
        a, b = np.asarray(ours[name]), np.asarray(theirs[name])
        if a.shape != b.shape:
            raise AssertionError(f"{name}: expected shape {b.shape}, got {a.shape}")
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        apart = np.abs(a - b) / np.maximum(1, np.abs(b))
        found[name] = float(np.max(np.where(same, 0, apart), initial=0))
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="cases whose name contains this")
    parser.add_argument("--write", action="store_true", help="store Keras' numbers")
    args = parser.parse_args()
    import keras

    import mlpcore

    print(f"Keras {keras.__version__} on {keras.backend.backend()} against mlpcore {mlpcore.__version__}")
    print(f"{'largest difference':>18}  case: where")
    stored, failed = {}, 0
    for name in CASES:
        if args.only not in name:
            continue
        try:
            theirs = train(keras, name)
        except NoRows as reason:
            print(f"{'skipped':>18}  {name}: {reason}")
            continue
        except Exception as error:
            print(f"{'Keras fails':>18}  {name}: {type(error).__name__}: {error}".splitlines()[0])
            continue
        stored[name] = digest(theirs)
        try:
            apart = differences(train(mlpcore, name), theirs)
        except Exception as error:
            failed += 1
            print(f"{'FAILS':>18}  {name}: {type(error).__name__}: {error}", flush=True)
            continue
        worst = max(apart, key=apart.__getitem__)
        wrong = not apart[worst] <= TOLERANCE
        failed += wrong
        print(f"{'OVER ' if wrong else '':>8}{apart[worst]:10.1e}  {name}: {worst}", flush=True)
    print(f"{len(stored)} cases, {failed} over {TOLERANCE:g}")
    if args.write:
        lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(numbers)}" for name, numbers in stored.items())
        FILE.write_text(f"{{\n{lines}\n}}\n")
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
