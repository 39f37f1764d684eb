"""Whole models in ``.h5`` files as Keras 2 wrote them: its descriptions of graphs, layers and optimizers."""

import json

import numpy as np
import pytest

import mlpcore
from mlpcore import layers

h5py = pytest.importorskip("h5py")
X = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
ADAM = {"name": "Adam", "learning_rate": 0.01, "decay": 0.0, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7}


def layer(kind, name, *calls, **settings):
    """Return a layer's description; a call is a list of names, or of places (name, number of the call)."""
    places = [[each, 0] if isinstance(each, str) else each for call in calls for each in call]
    sizes, nodes = [len(call) for call in calls], []
    for size in sizes:
        nodes.append([[place, number, 0, {}] for place, number in places[:size]])
        places = places[size:]
    config = {"name": name, "trainable": True, "dtype": "float32", **settings}
    return {"class_name": kind, "config": config, "name": name, "inbound_nodes": nodes}


def dense(name, units, *calls):
    zeros, uniform = {"class_name": "Zeros", "config": {}}, {"class_name": "GlorotUniform", "config": {"seed": None}}
    settings = {"kernel_initializer": uniform, "bias_initializer": zeros, "kernel_regularizer": None}
    return layer("Dense", name, *calls, units=units, activation="relu", use_bias=True, **settings)


def graph():
    """Return what Keras 2 says of `model`."""
    given = {"class_name": "InputLayer", "name": "x", "inbound_nodes": []}
    given["config"] = {
        "batch_input_shape": [None, 4],
        "dtype": "float32",
        "sparse": False,
        "ragged": False,
        "name": "x",
    }
    described = [
        given,
        dense("shared", 4, ["x"], ["sum"]),
        layer("BatchNormalization", "norm", [["shared", 0]], axis=[1], momentum=0.99, epsilon=0.001),
        layer("Add", "sum", ["norm", "x"]),
        layer("Concatenate", "joined", ["sum", ["shared", 1], "x"], axis=-1),
        dense("out", 1, ["joined"]),
    ]
    ends = {"input_layers": [["x", 0, 0]], "output_layers": [["out", 0, 0]]}
    return {"class_name": "Functional", "config": {"name": "graph", "layers": described, **ends}}


def model():
    x = mlpcore.Input((4,))
    shared = layers.Dense(4, "relu", name="shared")
    total = layers.Add()([layers.BatchNormalization(name="norm")(shared(x)), x])
    joined = layers.Concatenate()([total, shared(total), x])
    made = mlpcore.Model(x, layers.Dense(1, "relu", name="out", bias_initializer="ones")(joined))
    made.get_layer("norm").moving_mean.assign(np.arange(4.0))
    return made


def written(path, weights_of, optimizer=ADAM, state=()):
    training = {"loss": "mse", "metrics": [["mae"]], "weighted_metrics": None, "loss_weights": None}
    training["optimizer_config"] = {"class_name": "Adam", "config": optimizer}
    with h5py.File(path, "w") as file:
        file.attrs.update(
            model_config=json.dumps(graph()), training_config=json.dumps(training), keras_version="2.11.0"
        )
        group = file.create_group("model_weights")
        names = ["x", "shared", "norm", "sum", "joined", "out"]
        group.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            variables = weights_of.get_layer(name).weights if name in ("shared", "norm", "out") else []
            own = group.create_group(name)
            own.attrs["weight_names"] = [f"{name}/{variable.name}:0".encode() for variable in variables]
            for variable in variables:
                own[f"{name}/{variable.name}:0"] = variable.numpy()
        if state:
            group = file.create_group("optimizer_weights")
            group.attrs["weight_names"] = [name.encode() for name in state]
            for name in state:
                group[name] = np.zeros(())
    return path


def test_a_graph_with_merges_and_a_shared_layer_is_read(tmp_path):
    expected = model()
    read = mlpcore.models.load_model(written(tmp_path / "model.h5", expected))
    np.testing.assert_array_equal(read.predict(X, verbose=0), expected.predict(X, verbose=0))
    assert float(read.optimizer.learning_rate) == 0.01
    assert read.evaluate(X, X[:, :1], verbose=0)


def test_decay_of_an_optimizer_becomes_a_schedule(tmp_path):
    read = mlpcore.models.load_model(written(tmp_path / "model.h5", model(), {**ADAM, "decay": 0.5}))
    assert float(read.optimizer.learning_rate) == pytest.approx(0.01)
    read.optimizer.iterations = 2
    assert float(read.optimizer.learning_rate) == pytest.approx(0.01 / (1 + 0.5 * 2))


def test_the_state_of_its_optimizer_is_left_out_with_a_warning(tmp_path):
    path = written(tmp_path / "model.h5", model(), state=["Adam/iter:0", "Adam/shared/kernel/m:0"])
    with pytest.warns(UserWarning, match="the state of Keras 2's optimizer is left out: it starts anew"):
        assert mlpcore.models.load_model(path).optimizer.iterations == 0
