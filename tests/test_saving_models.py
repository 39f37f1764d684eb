"""Models in files: every kind comes back, predicts with the same bits and trains on as if it had not been away."""

import json
import os
import zipfile

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore
from keras_files import FOLDER, rows
from mlpcore import layers, ops
from mlpcore.saving import FileFormatError, load_model, read_container, write_container
from mlpcore.saving.weights import named_variables, walk
from saving_mutations import mutations

rng = np.random.default_rng(0)
X = rng.normal(size=(40, 5)).astype(np.float32)
Y = X[:, :1] * 2
FORMATS = ["model", "model.keras"]
WEIGHTS = ["weights", "weights.npz", "weights.safetensors", "weights.weights.h5"]


@pytest.fixture(params=FORMATS)
def path(tmp_path, request):
    if request.param.endswith(".keras"):
        pytest.importorskip("h5py")
    return tmp_path / request.param


def sequential():
    return mlpcore.Sequential(
        [
            layers.Input((5,)),
            layers.Normalization(),
            layers.Dense(4, activation="relu", kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.Dropout(0.2),
            layers.Dense(1, name="out"),
        ]
    )


def unbuilt():
    return mlpcore.Sequential([layers.Dense(3, activation="gelu"), layers.LayerNormalization(), layers.Dense(1)])


def shared_and_nested():
    inputs = layers.Input((5,), name="x")
    shared = layers.Dense(5, activation="tanh")
    inner_input = layers.Input((5,))
    inner = mlpcore.Model(inner_input, layers.Dense(5)(inner_input), name="inner")
    chain = mlpcore.Sequential([layers.Dense(4), layers.Dense(5)], name="chain")
    z = chain(inner(shared(inner(shared(inputs)))))
    z = layers.Concatenate()([z, inputs]) * 2.0 + 1
    return mlpcore.Model(inputs, layers.Dense(1)(ops.relu(z)))


class Block(layers.Layer):
    """A layer of a user, with layers in a list and a weight of its own."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = [layers.Dense(units, activation="relu") for _ in range(2)]

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(self.units,), initializer="ones", name="scale")

    def call(self, inputs):
        for layer in self.hidden:
            inputs = layer(inputs)
        return inputs * self.scale

    def get_config(self):
        return {**super().get_config(), "units": self.units}


class Net(mlpcore.Model):
    """A model of a user, whose constructor's arguments are its config."""

    def __init__(self, units=4, **kwargs):
        super().__init__(**kwargs)
        self.block = Block(units)
        self.by_name = {"out": layers.Dense(1), "unused": None}
        self._private = layers.Dense(3)

    def call(self, inputs):
        return self.by_name["out"](layers.concatenate([self.block(inputs), self._private(inputs)]))


MODELS = {
    "sequential": sequential,
    "unbuilt": unbuilt,
    "nested": shared_and_nested,
    "subclass": Net,
    "with block": lambda: mlpcore.Sequential([layers.Input((5,)), Block(3), layers.Dense(1)]),
}


def fitted(make, optimizer="adam", **compiled):
    mlpcore.utils.set_random_seed(0)
    model = make()
    model.compile(optimizer=optimizer, loss="mse", metrics=["mae"], **compiled)
    model.fit(X, Y, epochs=2, batch_size=16, verbose=0)
    return model


def assert_equal_models(one, other):
    assert_array_equal(one.predict(X, verbose=0), other.predict(X, verbose=0))
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        assert_array_equal(ours, theirs)


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


# ------------------------------------------------ weights alone


@pytest.mark.parametrize("name", WEIGHTS)
@pytest.mark.parametrize("kind", MODELS)
def test_weights_come_back(tmp_path, name, kind):
    pytest.importorskip({".h5": "h5py", ".safetensors": "safetensors"}.get(name[name.rfind(".") :], "numpy"))
    model, other = fitted(MODELS[kind]), fitted(MODELS[kind])
    model.save_weights(tmp_path / name)
    other.set_weights([weight + 1 for weight in other.get_weights()])
    other.load_weights(tmp_path / name)
    assert_equal_models(other, model)


def test_weights_are_read_from_whole_models_too(path):
    model = fitted(sequential)
    model.save(path)
    other = sequential()
    other.load_weights(path)
    assert_equal_models(other, model)


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_of_another_model_are_refused_and_nothing_is_set(tmp_path, name):
    pytest.importorskip({".h5": "h5py", ".safetensors": "safetensors"}.get(name[name.rfind(".") :], "numpy"))
    mlpcore.Sequential([layers.Input((5,)), layers.Dense(3), layers.Dense(2)]).save_weights(tmp_path / name)
    other = mlpcore.Sequential([layers.Input((5,)), layers.Dense(3), layers.Dense(1)])
    before = other.get_weights()
    with pytest.raises(ValueError, match=r"does not fit .*dense_1.*\(2,\)|does not fit .*\(3, 2\)"):
        other.load_weights(tmp_path / name)
    for old, new in zip(before, other.get_weights(), strict=True):
        assert_array_equal(old, new)
    with pytest.warns(UserWarning, match="skipped"):
        other.load_weights(tmp_path / name, skip_mismatch=True)
    assert (other.get_weights()[0] != before[0]).any()
    assert_array_equal(other.get_weights()[2], before[2])


def test_weights_of_what_is_not_built_are_no_weights(tmp_path):
    with pytest.raises(ValueError, match="has no weights yet"):
        unbuilt().save_weights(tmp_path / "weights")
    fitted(unbuilt).save_weights(tmp_path / "weights")
    with pytest.raises(ValueError, match="has no weights yet"):
        unbuilt().load_weights(tmp_path / "weights")


def test_names_of_weights_follow_the_structure():
    assert list(named_variables(fitted(Net))) == [
        "block/scale",
        "block/hidden/dense/kernel",
        "block/hidden/dense/bias",
        "block/hidden/dense_1/kernel",
        "block/hidden/dense_1/bias",
        "by_name/dense/kernel",
        "by_name/dense/bias",
        "layers/dense_1/kernel",
        "layers/dense_1/bias",
    ]
    assert [path for path, _ in walk(shared_and_nested())][-3:] == [
        "layers/sequential/layers/dense_1",
        "layers/concatenate",
        "layers/dense_1",
    ]


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


# ------------------------------------------------ hostile files


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"model": None}, "not one of a model"),
        ({"model": {"class_name": "Dense", "config": {}}}, "Dense cannot be made from its config"),
        ({"model": {"class_name": "os.system", "config": "true"}}, "unknown object 'os.system'"),
        ({"model": {"class_name": "Sequential", "config": {"layers": 3}}}, "damaged|cannot be made"),
        ({"compile": {"optimizer": "nothing"}}, "nothing"),
        ({"compile": {"optimizers": "sgd"}}, "optimizers"),
        ({"optimizer": {"class_name": "SGD", "iterations": 1, "learning_rate": 0.1, "slots": 0}}, "state of 'SGD'"),
        ({"optimizer": {"class_name": "Adam", "iterations": -1, "learning_rate": 0.1, "slots": 2}}, "after -1 steps"),
        ({"optimizer": {"class_name": "Adam", "iterations": 1, "learning_rate": "x", "slots": 2}}, "learning rate 'x'"),
        ({"optimizer": {"class_name": "Adam", "iterations": 1, "learning_rate": 0.1, "slots": 10**9}}, "slots"),
        ({"optimizer": {}}, "damaged description"),
    ],
)
def test_hostile_descriptions_are_refused(tmp_path, change, match):
    path = tmp_path / "model"
    fitted(sequential).save(path)
    config, arrays = read_container(path)
    write_container(path, {**config, **change}, arrays)
    with pytest.raises(ValueError, match=match):
        load_model(path)


def test_descriptions_that_ask_for_too_much_memory_are_refused(tmp_path):
    path = tmp_path / "model"
    mlpcore.Sequential([layers.Input((5,)), layers.Dense(1)]).save(path)
    config, arrays = read_container(path)
    config["model"]["config"]["layers"][1]["config"]["units"] = 10**12
    write_container(path, config, arrays)
    with pytest.raises(FileFormatError, match="more memory than"):
        load_model(path)


def test_code_in_files_of_keras_is_refused(tmp_path):
    pytest.importorskip("h5py")
    path = tmp_path / "model.keras"
    mlpcore.Sequential([layers.Input((5,)), layers.Dense(1)]).save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    code = b'{"class_name": "__lambda__", "config": {"value": "4wEAAAA="}}'
    members["config.json"] = members["config.json"].replace(b'"linear"', code)
    assert code in members["config.json"]
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match="never run"):
        load_model(path)


@pytest.mark.filterwarnings("ignore")
def test_200_mutated_models_load_equal_or_are_refused(path):
    model = fitted(sequential)
    model.save(path)
    expected = model.predict(X, verbose=0)
    refusals = 0
    for mutated in mutations(path.read_bytes(), 200, seed=3):
        path.write_bytes(mutated)
        try:
            back = load_model(path)
        except FileFormatError:
            refusals += 1
        else:
            assert_array_equal(back.predict(X, verbose=0), expected)
    assert refusals > 100
