"""Models in files: every kind comes back, predicts with the same bits and trains on as if it had not been away."""

import json
import os

import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore
from keras_files import FOLDER, rows
from mlpcore import layers, ops
from mlpcore.saving import load_model
from saving_models import MODELS, Net, X, Y, assert_equal_models, fitted, sequential, unbuilt

FORMATS = ["model", "model.keras"]


@pytest.fixture(params=FORMATS)
def path(tmp_path, request):
    if request.param.endswith(".keras"):
        pytest.importorskip("h5py")
    return tmp_path / request.param


@pytest.mark.parametrize("kind", MODELS)
def test_models_come_back_and_train_on(path, kind):
    model = fitted(MODELS[kind])
    model.save(path)
    back = load_model(path)
    assert_equal_models(back, model)
    assert type(back) is type(model)
    assert back.name == model.name
    assert back.optimizer.iterations == model.optimizer.iterations
    for each in (model, back):
        mlpcore.utils.set_random_seed(1)
        each.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    assert_equal_models(back, model)


OPTIMIZERS = {
    "sgd": lambda: mlpcore.optimizers.SGD(0.1, momentum=0.9, nesterov=True),
    "plain sgd": lambda: mlpcore.optimizers.SGD(0.1),
    "schedule": lambda: mlpcore.optimizers.Adam(mlpcore.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5)),
    "amsgrad": lambda: mlpcore.optimizers.Adam(amsgrad=True),
    "adamw": lambda: mlpcore.optimizers.AdamW(weight_decay=0.1),
    "rmsprop": lambda: mlpcore.optimizers.RMSprop(momentum=0.5, centered=True),
    "centered": lambda: mlpcore.optimizers.RMSprop(centered=True),
    "nadam": mlpcore.optimizers.Nadam,
    "adagrad": mlpcore.optimizers.Adagrad,
    "adamax": mlpcore.optimizers.Adamax,
    "adadelta": mlpcore.optimizers.Adadelta,
    "lion": mlpcore.optimizers.Lion,
    "ftrl": mlpcore.optimizers.Ftrl,
    "ema": lambda: mlpcore.optimizers.Adam(use_ema=True, ema_momentum=0.5),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_goes_on(path, name):
    model = fitted(sequential, OPTIMIZERS[name]())
    model.optimizer.iterations  # noqa: B018  may be asked for
    model.save(path)
    back = load_model(path)
    assert repr(back.optimizer) == repr(model.optimizer)
    for each in (model, back):
        mlpcore.utils.set_random_seed(1)
        each.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    assert_equal_models(back, model)


def test_a_changed_learning_rate_comes_back(path):
    model = fitted(sequential)
    model.optimizer.learning_rate = 0.0123
    model.save(path)
    assert load_model(path).optimizer.learning_rate == 0.0123


def test_compilation_comes_back(path):
    model = fitted(sequential, loss_weights=[0.5], weighted_metrics=["mse"])
    model.save(path)
    assert load_model(path).get_compile_config() == model.get_compile_config()
    assert load_model(path).evaluate(X, Y, verbose=0) == model.evaluate(X, Y, verbose=0)
    assert not load_model(path, compile=False).compiled
    model.save(path, include_optimizer=False)
    assert not load_model(path).compiled


def test_two_outputs_with_losses_by_name_come_back(path):
    inputs = layers.Input((5,))
    outputs = {"a": layers.Dense(1, name="a")(inputs), "b": layers.Dense(1, name="b")(inputs)}
    model = mlpcore.Model(inputs, outputs)
    model.compile(
        loss={"a": "mse", "b": mlpcore.losses.Huber(0.5)}, metrics={"a": ["mae"]}, loss_weights={"a": 2, "b": 1}
    )
    model.fit(X, {"a": Y, "b": Y}, verbose=0)
    model.save(path)
    back = load_model(path)
    assert back.evaluate(X, {"a": Y, "b": Y}, verbose=0) == model.evaluate(X, {"a": Y, "b": Y}, verbose=0)
    assert sorted(back.predict(X, verbose=0)) == ["a", "b"]


def test_frozen_layers_stay_frozen(path):
    model = sequential()
    model.layers[1].trainable = False
    model.save(path)
    back = load_model(path)
    assert [layer.trainable for layer in back.layers] == [layer.trainable for layer in model.layers]
    assert len(back.trainable_variables) == len(model.trainable_variables)


def test_an_unbuilt_model_is_saved_without_weights(path):
    unbuilt().save(path)
    assert not load_model(path).weights


def test_the_chapters_way(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = fitted(Net)
    model.save("my_keras_model", save_format="tf")
    assert os.path.isfile("my_keras_model")
    assert_equal_models(load_model("my_keras_model"), model)
    assert_equal_models(mlpcore.models.load_model("my_keras_model"), model)


def test_what_lies_there_already_is_respected(tmp_path):
    model = sequential()
    with pytest.raises(IsADirectoryError, match="a directory lies there"):
        model.save(tmp_path)
    model.save(tmp_path / "model")
    with pytest.raises(FileExistsError, match="pass overwrite=True"):
        model.save(tmp_path / "model", overwrite=False)
    with pytest.raises(FileExistsError, match="pass overwrite=True"):
        model.save_weights(tmp_path / "model", overwrite=False)


def test_unknown_formats_are_named(tmp_path):
    with pytest.raises(ValueError, match="unknown save_format 'kears'; did you mean 'keras'"):
        sequential().save(tmp_path / "model", save_format="kears")
    with pytest.raises(ValueError, match=r"use \.keras"):
        sequential().save(tmp_path / "model.h5")


def test_directories_and_missing_files_are_named(tmp_path):
    with pytest.raises(IsADirectoryError, match="mlpcore saves a model in one file"):
        load_model(tmp_path)
    (tmp_path / "saved_model.pb").touch()
    with pytest.raises(IsADirectoryError, match="TensorFlow"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "missing")


# ------------------------------------------------ classes and functions of users


def test_a_class_nobody_knows_is_named(path):
    class Vanishing(layers.Layer):
        def call(self, inputs):
            return inputs * 2

    model = mlpcore.Sequential([layers.Input((5,)), Vanishing()])
    model.save(path)
    name = Vanishing.__qualname__
    assert name.endswith("Vanishing")
    double = Vanishing
    mlpcore._registry._classes.pop("Vanishing", None)
    with pytest.raises(ValueError, match=r"'Vanishing'.*custom_objects.*register_keras_serializable"):
        load_model(path)
    back = load_model(path, custom_objects={"Vanishing": double})
    assert_array_equal(back.predict(X, verbose=0), X * 2)


@mlpcore.saving.register_keras_serializable("tests")
def squared_error_of_mine(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


@mlpcore.saving.register_keras_serializable("tests")
def twice(x):
    return 2 * x


def test_registered_functions_come_back(path):
    model = mlpcore.Sequential([layers.Input((5,)), layers.Dense(1, activation=twice)])
    model.compile(loss=squared_error_of_mine, optimizer="sgd")
    model.fit(X, Y, verbose=0)
    model.save(path)
    back = load_model(path)
    assert back.loss is squared_error_of_mine
    assert back.layers[0].activation is twice
    assert_equal_models(back, model)


def test_lambdas_cannot_be_saved(path):
    model = mlpcore.Sequential([layers.Input((5,)), layers.Dense(1, activation=lambda x: x)])
    with pytest.raises(ValueError, match="lambda"):
        model.save(path)
    assert not path.exists()


# ------------------------------------------------ a file that Keras wrote


def test_a_file_of_keras_is_read():
    pytest.importorskip("h5py")
    expected = json.loads((FOLDER / "graph.json").read_text())
    model = load_model(FOLDER / "graph.keras")
    x = rows()
    assert_allclose(model.predict(x, verbose=0).ravel(), expected["predictions"], rtol=1e-5)  # two float32 products
    assert_allclose(model.evaluate(x, x[:, :1], verbose=0), expected["evaluated"], rtol=1e-5)
    assert_allclose(float(model.optimizer.learning_rate), expected["learning_rate"], rtol=1e-6)
    assert model.optimizer.iterations == expected["iterations"]
    assert len(model._session.slots()) == 2
    model.fit(x, x[:, :1], verbose=0)
    other = type(model).from_config(model.get_config())
    other.load_weights(FOLDER / "graph.keras")
    assert_allclose(other.predict(x, verbose=0).ravel(), expected["predictions"], rtol=1e-5)
