"""A problem as a user of Keras' names writes it, for any library with these names."""

from __future__ import annotations

from typing import Any

import numpy as np

import wide_deep
from equal import loss, output_loss, start
from peers import Work
from problems import Problem


def prepare_with(k: Any, problem: Problem, x: np.ndarray, y: np.ndarray, variant: str = "") -> Work:
    """Prepare a problem; variant "subclass" or "custom loss" writes the same model in another way.

    Each epoch's rows lie in their order before the clock starts, and fit does not shuffle. Problems that do
    not shuffle make all their epochs in one call of fit. Later calls train on: to compile again would cost Keras
    seconds, and the steps are the same. The loss is judged after the first.
    """
    if problem.kind == "wide_deep":
        return prepare_wide_deep(k, problem, x, y)
    model = sequential(k, problem) if variant != "subclass" else subclass(k, problem)
    initial, orders = start(problem, problem.epochs)
    model(x[:1])  # builds it
    model.set_weights(initial)
    if problem.kind == "predict":
        return prepare_prediction(model, problem, x, y)
    compile_model(k, model, problem, variant)
    if problem.shuffle:
        epochs = [(x[order], y[order]) for order in orders]
        options = {"batch_size": problem.batch, "epochs": 1, "shuffle": False, "verbose": 0}
    else:
        epochs = [(x, y)]
        options = {"batch_size": problem.batch, "epochs": problem.epochs, "shuffle": False, "verbose": 0}

    def fit() -> None:
        for rows, targets in epochs:
            model.fit(rows, targets, **options)

    return Work(fit, lambda: loss(problem, [np.asarray(p) for p in model.get_weights()], x, y))


def layers(k: Any, problem: Problem) -> list[Any]:
    hidden = [k.layers.Dense(width, activation="relu") for width in problem.layers[1:-1]]
    end = {"softmax": "softmax", "identity": None, "logistic": "sigmoid"}[problem.output]
    return [*hidden, k.layers.Dense(problem.layers[-1], activation=end)]


def sequential(k: Any, problem: Problem) -> Any:
    return k.Sequential([k.layers.Input((problem.layers[0],)), *layers(k, problem)])


def subclass(k: Any, problem: Problem) -> Any:
    class Network(k.Model):
        def __init__(self) -> None:
            super().__init__()
            self.each = layers(k, problem)

        def call(self, inputs: Any) -> Any:
            for layer in self.each:
                inputs = layer(inputs)
            return inputs

    return Network()


def optimizer_of(k: Any, problem: Problem) -> Any:
    if problem.solver == "sgd":
        return k.optimizers.SGD(problem.learning_rate)
    return k.optimizers.Adam(problem.learning_rate, epsilon=1e-8)


def compile_model(k: Any, model: Any, problem: Problem, variant: str) -> None:
    def half_squared(y_true: Any, y_pred: Any) -> Any:
        return 0.5 * k.ops.mean(k.ops.square(y_pred - y_true), axis=-1)

    def cross_entropy(y_true: Any, y_pred: Any) -> Any:
        chosen = k.ops.one_hot(k.ops.reshape(y_true, (-1,)), problem.layers[-1]) * y_pred
        return -k.ops.log(k.ops.clip(k.ops.sum(chosen, axis=-1), 1e-7, 1 - 1e-7))

    own = {"identity": half_squared, "softmax": cross_entropy}
    built_in = {"identity": "mse", "softmax": "sparse_categorical_crossentropy", "logistic": "binary_crossentropy"}
    value = own[problem.output] if variant == "custom loss" else built_in[problem.output]
    weights = {"loss_weights": [0.5]} if value == "mse" else {}  # the other peers' loss is half of Keras'
    model.compile(loss=value, optimizer=optimizer_of(k, problem), **weights)


def prepare_prediction(model: Any, problem: Problem, x: np.ndarray, y: np.ndarray) -> Work:
    options = {"batch_size": min(1024, problem.rows), "verbose": 0}
    return Work(lambda: model.predict(x, **options), lambda: output_loss(problem, model.predict(x, **options), y))


def prepare_wide_deep(k: Any, problem: Problem, x: np.ndarray, y: np.ndarray) -> Work:
    """Prepare the functional model of the chapter with two inputs and two outputs."""
    wide, deep = (k.layers.Input((width,)) for width in (wide_deep.WIDE, wide_deep.DEEP))
    hidden = k.layers.Dense(30, activation="relu")(k.layers.Dense(30, activation="relu")(deep))
    main = k.layers.Dense(1, name="main")(k.layers.concatenate([wide, hidden]))
    side = k.layers.Dense(1, name="side")(hidden)
    model = k.Model(inputs=[wide, deep], outputs=[main, side])
    initial = wide_deep.start()
    dense = [layer for layer in model.layers if layer.get_weights()]
    for layer, pair in zip(dense, zip(initial[::2], initial[1::2], strict=True), strict=True):
        layer.set_weights(pair)
    model.compile(loss=("mse", "mse"), loss_weights=(0.9, 0.1), optimizer=optimizer_of(k, problem))
    parts, targets = wide_deep.parts(x), (y, y)
    options = {"batch_size": problem.batch, "epochs": problem.epochs, "shuffle": False, "verbose": 0}

    def fit() -> None:
        model.fit(parts, targets, **options)

    def final_loss() -> float:
        arrays = [np.asarray(array) for layer in dense for array in layer.get_weights()]
        return wide_deep.loss(arrays, x, y)

    return Work(fit, final_loss)
