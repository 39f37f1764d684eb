"""What the hostile calls are made on: small data, fitted estimators and models, and files of every kind."""

from __future__ import annotations

import contextlib
import io
import pickle
import tempfile
import warnings
import zipfile
from importlib import import_module
from pathlib import Path

import numpy as np
import pandas
from scipy import sparse

import mlpcore
from mlpcore import _core, layers, wrappers

MODULES = """activations callbacks constraints data initializers layers losses metrics ops optimizers regularizers
saving tuner utils wrappers""".split()
X = np.random.default_rng(0).normal(size=(12, 3)).astype(np.float32)
y = np.arange(12) % 3
t = X[:, :1] * 2


def fresh(units=1, loss="mse", metrics=None, optimizer="sgd"):
    """Return a compiled model."""
    model = mlpcore.Sequential([layers.Input((3,)), layers.Dense(4, activation="relu"), layers.Dense(units)])
    model.compile(optimizer, loss, metrics=metrics)
    return model


def with_two():
    """Return a compiled model of two inputs and two outputs."""
    a, b = layers.Input((3,), name="a"), layers.Input((2,), name="b")
    joined = layers.Concatenate()([a, b])
    model = mlpcore.Model([a, b], [layers.Dense(1, name="first")(joined), layers.Dense(1, name="second")(joined)])
    model.compile("sgd", "mse")
    return model


def build(hp):
    """Return a model for a tuner."""
    model = mlpcore.Sequential([layers.Input((3,)), layers.Dense(hp.Int("units", 1, 3)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def build_classifier():
    """Return a model for the wrapper."""
    model = mlpcore.Sequential([layers.Input((3,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def build_regressor():
    """Return a model for the wrapper."""
    return fresh()


def tape_engine(dtype="float32"):
    """Return an engine of a small regression."""
    tape = _core.Tape()
    x = tape.input(3)
    p = tape.dense(tape.activation(tape.dense(x, 4), "relu"), 1)
    tape.output(p)
    tape.loss(p, "squared_error")
    engine = _core.Engine(tape, dtype)
    engine.load([np.ones(shape, dtype) for shape in engine.parameter_shapes])
    return engine


class Subjects:
    """The names that a call may use, and the bits of everything fitted among them."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            self.names = self._made(self.folder.name)
        self.before = self.bits()

    def _made(self, tmp: str) -> dict:
        small = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}
        clf = mlpcore.MLPClassifier(**small).fit(X, y)
        reg = mlpcore.MLPRegressor(**small).fit(X, t[:, 0])
        per = mlpcore.Perceptron(random_state=0).fit(X, y)
        model, two, used, raw = fresh(), with_two(), layers.Dense(2), mlpcore.Sequential([layers.Dense(1)])
        model.fit(X, t, verbose=0)
        two.fit([X, X[:, :2]], [t, t], verbose=0)
        raw.build((None, 3))
        used(X)
        wrapped = wrappers.ModelClassifier(build_classifier).fit(X, y)
        unbuilt = mlpcore.Sequential([layers.Dense(1)])
        engine, tape = tape_engine(), _core.Tape()
        tape.input(3)
        update = _core.Update("sgd", learning_rate=0.1)
        _write_files(Path(tmp), model, clf)
        modules = {name: import_module(f"mlpcore.{name}") for name in MODULES}
        return {**globals(), **modules, "pandas": pandas, "sparse": sparse, **locals()}

    def bits(self) -> dict[str, list[bytes]]:
        """Return the weights, and what a fit leaves besides, of everything that has been fitted."""
        n = self.names
        found = {name: [w.tobytes() for w in n[name].get_weights()] for name in ("model", "two", "used", "raw")}
        for name in ("clf", "reg"):
            est = n[name]
            found[name] = [a.tobytes() for a in (*est.coefs_, *est.intercepts_)] + [repr((est.t_, est.loss_curve_))]
            found[name] += [repr(sorted(vars(est))), repr(est.get_params())]
        found["per"] = [n["per"].coef_.tobytes(), n["per"].intercept_.tobytes(), repr(sorted(vars(n["per"])))]
        found["wrapped"] = [w.tobytes() for w in n["wrapped"].model_.get_weights()]
        found["steps"] = [repr([int(n[name].optimizer.iterations) for name in ("model", "two")])]
        found["rates"] = [repr([float(n[name].optimizer.learning_rate) for name in ("model", "two")])]
        found["layers"] = [repr([layer.name for layer in n["model"].layers])]
        arrays = [np.zeros(shape, np.float32) for shape in n["engine"].parameter_shapes]
        n["engine"].store(arrays)
        found["engine"] = [a.tobytes() for a in arrays]
        return found


def _write_files(folder: Path, model, clf) -> None:
    """Write sound files of each kind, and some that are not."""
    model.save(folder / "model")
    clf.save(folder / "estimator")
    weights = model.get_weights()
    model.save_weights(folder / "weights.npz")
    fresh(7).save_weights(folder / "other.npz")
    fresh(7).save_weights(folder / "other.safetensors")
    (folder / "empty").write_bytes(b"")
    (folder / "text").write_text("this is no model\n" * 20)
    (folder / "text.safetensors").write_text("this is no model\n" * 20)
    (folder / "pickle").write_bytes(pickle.dumps({"model": [1, 2, 3]}))
    (folder / "cut").write_bytes((folder / "model").read_bytes()[:-99])
    with zipfile.ZipFile(folder / "zip", "w") as archive:
        archive.writestr("../evil", b"x")
    names = list(np.load(folder / "weights.npz"))
    np.savez(folder / "objects.npz", **{names[0]: np.array([object()])})
    np.savez(folder / "strings.npz", **{name: w.astype(str) for name, w in zip(names, weights, strict=True)})
    np.savez_compressed(folder / "bomb.npz", **{names[0]: np.zeros(40_000_000, np.uint8)})
