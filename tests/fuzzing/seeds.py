#!/usr/bin/env python3
"""Write what the fuzzer starts from: `python tests/fuzzing/seeds.py FOLDER` makes FOLDER/files and FOLDER/calls."""

import sys
import tempfile
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
from hypothesis import given, settings

import mlpcore
from fuzzing.calls import ACTIVATIONS, FLOATS, KEYWORDS, METHODS, NAMES, ODD
from fuzzing.files import KEPT, _model, description
from mlpcore import layers
from mlpcore.saving import save_weights
from random_tapes import Handle, programs
from saving_models import shared_and_nested, unbuilt

X, Y = np.random.default_rng(0).normal(size=(12, 2)), np.arange(12) % 3


def trained(optimizer: str, *stack: layers.Layer) -> mlpcore.Model:
    """Return a model of layers after a step."""
    model = mlpcore.Sequential([layers.Input((2,)), *stack])
    model.compile(optimizer, "mse", metrics=["mae"])
    model.fit(X, Y, verbose=0)
    return model


MODELS = {
    "adam": lambda: trained("adam", layers.Dense(2, kernel_regularizer="l2"), layers.Dense(1)),
    "sgd": lambda: trained(
        "sgd", layers.Normalization(), layers.Dropout(0.2), layers.Dense(1, kernel_constraint="non_neg")
    ),
    "batch": lambda: trained("rmsprop", layers.BatchNormalization(), layers.Activation("relu"), layers.Dense(1)),
    "shapes": lambda: trained("adagrad", layers.Reshape((2, 1)), layers.Flatten(), layers.Dense(1)),
    "nested": shared_and_nested,
    "unbuilt": unbuilt,
}


def files(folder: Path) -> None:
    """Write a file of every kind, and the descriptions of the containers among them."""
    made = {}
    with tempfile.TemporaryDirectory() as place, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(place)
        _model.set_weights(KEPT)
        for suffix, mark in {"": b"f", ".npz": b"z", ".safetensors": b"s", ".keras": b"k"}.items():
            save_weights(_model, path / f"weights{suffix}")
            made[f"weights{suffix}".replace(".", "_")] = mark + (path / f"weights{suffix}").read_bytes()
        made["weights_described"] = description(path / "weights")
        for name, make in MODELS.items():
            make().save(path / name)
            made[name] = description(path / name)
        for suffix, mark in {"": b"f", ".keras": b"k"}.items():
            _model.save(path / f"model{suffix}")
            made[f"model{suffix}".replace(".", "_")] = mark + (path / f"model{suffix}").read_bytes()
        small = {"hidden_layer_sizes": (3,), "max_iter": 2, "random_state": 0}
        for number, estimator in enumerate(
            [
                mlpcore.MLPClassifier(**small).fit(X, Y),
                mlpcore.MLPClassifier(**small, solver="sgd").partial_fit(X, Y.astype(str), classes=["0", "1", "2"]),
                mlpcore.MLPRegressor(**small).fit(X, X),
                mlpcore.Perceptron(random_state=0).fit(X, Y),
                mlpcore.MLPClassifier(random_state=np.random.RandomState(0)),
            ]
        ):
            estimator.save(path / "estimator")
            made[f"estimator_{number}"] = description(path / "estimator")
    for name, data in made.items():
        (folder / name.replace(" ", "_")).write_bytes(data)


def encode(kind, value, numbers) -> list[int]:
    """Return the bytes that `calls.Bytes.argument` reads as this value."""
    if isinstance(kind, list):
        return [kind.index(value)]
    if kind == "k":
        return [byte for name, what in KEYWORDS.items() for byte in _keyword(what, value, name)]
    if kind.isupper():
        return [len(value), *(byte for each in value for byte in encode(kind.lower(), each, numbers))]
    if kind == "b":
        return [int(value)]
    if kind == "f":
        return [min(range(len(FLOATS)), key=lambda i: abs(FLOATS[i] - (value or 0)))]
    number = value.number if isinstance(value, Handle) else int(value)
    return [number] if 0 <= number < 200 else [next(b for b in range(200, 256) if ODD[b % len(ODD)] == number)]


def _keyword(kind, given, name):
    return [1, *encode(kind, given[name], ())] if name in given else [0]


def calls(folder: Path, count: int = 60) -> None:
    """Write random programs as the bytes that stand for them, with some passes each."""

    @settings(max_examples=count, derandomize=True, database=None, deadline=None)
    @given(programs(noise=True))
    def write(program):
        number = len(list(folder.iterdir()))
        data = []
        for method, arguments, keywords, _ in program.calls:
            arguments = list(arguments)
            if method == "constant":
                arguments[0] = arguments[0][:6]
            if method == "loss":
                arguments += [0.0] * (3 - len(arguments)) + [keywords.get("clip", 0.0), keywords]
                arguments = arguments[:3] + arguments[-2:]
            elif method in ("row_loss", "total"):
                arguments.append(keywords["sample_weight"])
            kinds = METHODS[method]
            arguments += [None] * (len(kinds) - len(arguments))
            data += [NAMES.index(method)]
            for kind, argument in zip(kinds, arguments, strict=True):
                data += encode(kind, argument, ())
        targets = [128 - width - 1 if width < 0 else width for width in program.targets]
        start = [number % 2, 4, 5 + number % 5, number, number, *(targets + [1, 1, 1])[:3], len(program.calls)]
        passes = [number % 8, 3 * number % 190, 4, 1, 1, 3, 2, 4, 2, 3, 5, 1, 5 + number % 3, number % 190, number % 9]
        (folder / f"program_{number}").write_bytes(bytes(start + data + passes))

    write()


if __name__ == "__main__":
    assert ACTIVATIONS
    for make in (files, calls):
        place = Path(sys.argv[1]) / make.__name__
        place.mkdir(parents=True, exist_ok=True)
        make(place)
