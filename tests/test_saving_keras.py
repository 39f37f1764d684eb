"""Files of Keras 3: Keras reads what is written here, and what it writes is read here; with the same predictions.

Needs Keras (``KERAS_BACKEND=jax``, say) and h5py beside mlpcore; skipped without.
"""

import os

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore

os.environ.setdefault("KERAS_BACKEND", "jax")
pytest.importorskip("h5py")
keras = pytest.importorskip("keras")
pytestmark = pytest.mark.filterwarnings("ignore")
rng = np.random.default_rng(0)
X = rng.normal(size=(48, 6)).astype(np.float32)
Y = X[:, :1] * 0.5
TOLERANCE = {"rtol": 2e-5, "atol": 2e-6}  # two libraries' float32 products


def chain(k):
    return k.Sequential(
        [
            k.Input((6,)),
            k.layers.Normalization(),
            k.layers.Dense(5, activation="relu", kernel_regularizer=k.regularizers.L1L2(1e-3, 1e-2)),
            k.layers.BatchNormalization(momentum=0.9),
            k.layers.Dropout(0.2),
            k.layers.LayerNormalization(),
            k.layers.Dense(4, activation="gelu", use_bias=False, kernel_initializer=k.initializers.HeNormal(seed=1)),
            k.layers.LeakyReLU(0.2),
            k.layers.PReLU(),
            k.layers.Dense(1, name="out", kernel_constraint=k.constraints.MaxNorm(3)),
        ],
        name="chain",
    )


def images(k):
    return k.Sequential(
        [
            k.Input((6,)),
            k.layers.Reshape((3, 2)),
            k.layers.Rescaling(0.5, offset=0.1),
            k.layers.Permute((2, 1)),
            k.layers.Flatten(),
            k.layers.Dense(3, activation="softmax"),
            k.layers.RepeatVector(2),
            k.layers.GlobalAveragePooling1D(),
            k.layers.Dense(1),
        ]
    )


def graph(k):
    wide, deep = k.Input((2,), name="wide"), k.Input((4,), name="deep")
    shared = k.layers.Dense(4, activation="tanh", name="shared")
    inner_input = k.Input((4,))
    inner = k.Model(inner_input, k.layers.Dense(4, activation="selu")(inner_input), name="inner")
    block = k.Sequential([k.layers.Dense(3), k.layers.Dense(4)], name="block")
    hidden = inner(block(inner(shared(shared(deep)))))
    joined = k.layers.Concatenate()([wide, hidden])
    added = k.layers.Add()([hidden, k.layers.Multiply()([hidden, deep])])
    scaled = k.ops.mean(added * 2.0 - 1.0, axis=-1, keepdims=True)
    return k.Model([wide, deep], [k.layers.Dense(1, name="main")(joined), k.layers.Dense(1, name="aux")(scaled)])


def embedding(k):
    inputs = k.Input((3,), dtype="int32")
    outputs = k.layers.Dense(1)(k.layers.Flatten()(k.layers.Embedding(10, 4)(inputs)))
    return k.Model(inputs, outputs)


MODELS = {"chain": chain, "images": images, "graph": graph, "embedding": embedding}


def data(kind):
    if kind == "graph":
        return [X[:, :2], X[:, 2:]], [Y, Y]
    if kind == "embedding":
        return rng.integers(10, size=(48, 3)), Y
    return X, Y


def trained(k, kind, optimizer=None):
    k.utils.set_random_seed(0)
    model = MODELS[kind](k)
    n_outputs = 2 if kind == "graph" else 1
    losses = ["mse"] * n_outputs if n_outputs > 1 else "mse"
    model.compile(optimizer=optimizer or k.optimizers.Adam(0.01), loss=losses)
    x, y = data(kind)
    for layer in model.layers:
        if isinstance(layer, k.layers.Normalization):
            layer.adapt(X)
    model.fit(x, y, epochs=2, batch_size=16, verbose=0)
    return model


def assert_same_predictions(one, other, kind):
    x = data(kind)[0]
    for ours, theirs in zip(flat(one.predict(x, verbose=0)), flat(other.predict(x, verbose=0)), strict=True):
        assert_allclose(ours, theirs, **TOLERANCE)


def flat(outputs):
    return outputs if isinstance(outputs, list) else [outputs]


@pytest.mark.parametrize("kind", MODELS)
def test_keras_reads_models_of_mlpcore(tmp_path, kind):
    model = trained(mlpcore, kind)
    model.save(tmp_path / "model.keras")
    theirs = keras.models.load_model(tmp_path / "model.keras")
    assert_same_predictions(theirs, model, kind)
    assert int(theirs.optimizer.iterations) == model.optimizer.iterations
    assert theirs.name == model.name
    assert [layer.name for layer in theirs.layers] == [layer.name for layer in model.layers]


@pytest.mark.parametrize("kind", MODELS)
def test_mlpcore_reads_models_of_keras(tmp_path, kind):
    theirs = trained(keras, kind)
    theirs.save(tmp_path / "model.keras")
    model = mlpcore.models.load_model(tmp_path / "model.keras")
    assert_same_predictions(model, theirs, kind)
    assert model.optimizer.iterations == int(theirs.optimizer.iterations)
    assert model.name == theirs.name
    assert [layer.name for layer in model.layers] == [layer.name for layer in theirs.layers]


@pytest.mark.parametrize("kind", MODELS)
def test_weights_move_both_ways(tmp_path, kind):
    ours, theirs = trained(mlpcore, kind), trained(keras, kind)
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    other = MODELS[kind](mlpcore)
    other.load_weights(tmp_path / "theirs.weights.h5")
    assert_same_predictions(other, theirs, kind)
    ours.save_weights(tmp_path / "ours.weights.h5")
    other = MODELS[kind](keras)
    other.load_weights(tmp_path / "ours.weights.h5")
    assert_same_predictions(other, ours, kind)


@pytest.mark.parametrize("kind", ["chain", "images", "embedding"])
def test_mlpcore_reads_older_files_of_keras(tmp_path, kind):
    theirs = trained(keras, kind)
    theirs.save(tmp_path / "model.h5")
    model = mlpcore.models.load_model(tmp_path / "model.h5")
    assert_same_predictions(model, theirs, kind)
    assert model.optimizer.iterations == int(theirs.optimizer.iterations)


def test_nested_weights_of_older_files_are_in_order(tmp_path):
    inner = keras.Sequential([keras.layers.BatchNormalization(), keras.layers.Dense(3)])
    theirs = keras.Sequential([keras.Input((6,)), inner, keras.layers.Dense(1)])
    theirs.compile("sgd", "mse")
    theirs.fit(X, Y, epochs=2, verbose=0)
    theirs.save(tmp_path / "model.h5")
    model = mlpcore.models.load_model(tmp_path / "model.h5")
    assert_allclose(model.predict(X, verbose=0), theirs.predict(X, verbose=0), **TOLERANCE)


OPTIMIZERS = {
    "SGD": {"momentum": 0.9, "learning_rate": 0.05},
    "Adam": {"amsgrad": True},
    "AdamW": {"weight_decay": 0.01},
    "RMSprop": {"momentum": 0.5, "centered": True},
    "Nadam": {},
    "Adagrad": {"learning_rate": 0.1},
    "Adamax": {},
    "Adadelta": {"learning_rate": 1.0},
    "Lion": {},
    "Ftrl": {"learning_rate": 0.1},
}


def small(k):
    return k.Sequential([k.Input((6,)), k.layers.Dense(4, activation="tanh"), k.layers.Dense(1)])


@pytest.mark.parametrize("direction", ["to Keras", "from Keras"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_training_goes_on_in_the_other_library(tmp_path, name, direction):
    first, second = (mlpcore, keras) if direction == "to Keras" else (keras, mlpcore)
    first.utils.set_random_seed(0)
    model = small(first)
    model.compile(optimizer=getattr(first.optimizers, name)(**OPTIMIZERS[name]), loss="mse")
    model.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    other = second.models.load_model(tmp_path / "model.keras")
    for each in (model, other):
        each.fit(X, Y, batch_size=16, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(model.get_weights(), other.get_weights(), strict=True):
        assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)  # 6 steps of two libraries


def test_schedules_move_both_ways(tmp_path):
    for first, second in ((mlpcore, keras), (keras, mlpcore)):
        model = small(first)
        model.compile(first.optimizers.SGD(first.optimizers.schedules.ExponentialDecay(0.1, 5, 0.5)), "mse")
        model.fit(X, Y, batch_size=16, verbose=0)
        model.save(tmp_path / "model.keras")
        other = second.models.load_model(tmp_path / "model.keras")
        assert_allclose(float(other.optimizer.learning_rate), 0.1 * 0.5 ** (3 / 5), rtol=1e-6)


def wide_and_deep(k):
    """Return the chapter's subclassed model."""

    class WideAndDeepModel(k.Model):
        def __init__(self, units=30, activation="relu", **kwargs):
            super().__init__(**kwargs)
            self.norm_layer_wide = k.layers.Normalization()
            self.norm_layer_deep = k.layers.Normalization()
            self.hidden1 = k.layers.Dense(units, activation=activation)
            self.hidden2 = k.layers.Dense(units, activation=activation)
            self.main_output = k.layers.Dense(1)
            self.aux_output = k.layers.Dense(1)

        def call(self, inputs):
            input_wide, input_deep = inputs
            hidden = self.hidden2(self.hidden1(self.norm_layer_deep(input_deep)))
            concat = k.layers.concatenate([self.norm_layer_wide(input_wide), hidden])
            return self.main_output(concat), self.aux_output(hidden)

    return WideAndDeepModel


def adapted(model, factor=1):
    model.norm_layer_wide.adapt(factor * X[:, :2])
    model.norm_layer_deep.adapt(factor * X[:, 2:])
    return model


def test_weights_of_subclassed_models_move_both_ways(tmp_path):
    x = (X[:, :2], X[:, 2:])
    for first, second in ((mlpcore, keras), (keras, mlpcore)):
        model, other = adapted(wide_and_deep(first)(8)), adapted(wide_and_deep(second)(8), 2)
        expected = model.predict(x, verbose=0)
        other(x)
        model.save_weights(tmp_path / "model.weights.h5")
        other.load_weights(tmp_path / "model.weights.h5")
        for ours, theirs in zip(expected, other.predict(x, verbose=0), strict=True):
            assert_allclose(ours, theirs, **TOLERANCE)


def test_whole_subclassed_models_move_both_ways(tmp_path):
    x = (X[:, :2], X[:, 2:])
    for first, second in ((mlpcore, keras), (keras, mlpcore)):
        model = adapted(wide_and_deep(first)())
        expected = model.predict(x, verbose=0)
        model.save(tmp_path / "model.keras")
        other = second.models.load_model(
            tmp_path / "model.keras", custom_objects={"WideAndDeepModel": wide_and_deep(second)}
        )
        for ours, theirs in zip(expected, other.predict(x, verbose=0), strict=True):
            assert_allclose(ours, theirs, **TOLERANCE)


def test_a_layer_that_mlpcore_lacks_is_named(tmp_path):
    keras.Sequential([keras.Input((8, 8, 1)), keras.layers.Conv2D(1, 2)]).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="Conv2D"):
        mlpcore.models.load_model(tmp_path / "model.keras")


def test_a_lambda_of_keras_is_never_run(tmp_path):
    keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x)]).save(tmp_path / "model.keras")
    with pytest.raises(ValueError, match="never run"):
        mlpcore.models.load_model(tmp_path / "model.keras", safe_mode=False)


def test_both_write_the_same_weights(tmp_path):
    ours, theirs = small(mlpcore), small(keras)
    theirs.set_weights(ours.get_weights())
    ours.save_weights(tmp_path / "ours.weights.h5")
    theirs.save_weights(tmp_path / "theirs.weights.h5")
    import h5py

    def arrays(path):
        found = {}
        with h5py.File(path) as file:
            file.visititems(lambda name, each: found.update({name: each[()]} if hasattr(each, "shape") else {}))
        return found

    one, other = arrays(tmp_path / "ours.weights.h5"), arrays(tmp_path / "theirs.weights.h5")
    assert sorted(one) == sorted(other)
    for name, array in one.items():
        assert_array_equal(array, other[name])


def test_custom_objects_hold_for_losses_and_metrics_too(tmp_path):
    pytest.importorskip("h5py")

    def cubic(y_true, y_pred):
        return mlpcore.ops.mean(mlpcore.ops.abs(y_true - y_pred) ** 3, axis=-1)

    model = mlpcore.Sequential([mlpcore.Input((2,)), mlpcore.layers.Dense(1)])
    model.compile(loss=cubic, metrics=[cubic])
    x, y = np.ones((4, 2), np.float32), np.zeros((4, 1), np.float32)
    expected = model.evaluate(x, y, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = mlpcore.models.load_model(tmp_path / "model.keras", custom_objects={"cubic": cubic})
    assert loaded.evaluate(x, y, verbose=0) == expected
