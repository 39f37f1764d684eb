"""How models are put together: in a row, from placeholders, as subclasses, within one another."""

import copy
import json
import pickle

import numpy as np
import pytest

import mlpcore
from mlpcore import Input, Model, Sequential, layers, ops


@pytest.fixture(autouse=True)
def names_from_the_beginning():
    mlpcore.utils.clear_session()
    mlpcore.utils.set_random_seed(0)


def x_of(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def wide_and_deep():
    wide, deep = Input((2,), name="wide"), Input((3,), name="deep")
    hidden = layers.Dense(4, activation="relu")(deep)
    return Model([wide, deep], [layers.Dense(1, name="main")(layers.concatenate([wide, hidden]))])


class Doubling(Model):
    def __init__(self, units=3, **kwargs):
        super().__init__(**kwargs)
        self.dense = layers.Dense(units)

    def call(self, inputs):
        return 2 * self.dense(inputs)


# ------------------------------------------------ Sequential


def test_a_sequential_without_shape_is_built_by_its_first_data():
    model = Sequential([layers.Flatten(), layers.Dense(3)])
    assert not model.built
    assert model.weights == []
    assert model.predict(x_of(2, 4, 5), verbose=0).shape == (2, 3)
    assert model.output_shape == (None, 3)
    assert model.layers[1].kernel.shape == (20, 3)


@pytest.mark.parametrize(
    "first",
    [
        lambda: [Input((4,)), layers.Dense(3)],
        lambda: [layers.InputLayer((4,)), layers.Dense(3)],
        lambda: [layers.Dense(3, input_shape=(4,))],
        lambda: [layers.Dense(3, input_shape=[4])],
        lambda: [layers.Dense(3, input_dim=4)],
        lambda: [Sequential([Input((4,)), layers.Dense(3)])],
    ],
)
def test_a_sequential_with_a_shape_is_built_at_once(first):
    model = Sequential(first())
    assert model.built
    assert model.input_shape == (None, 4)
    assert model.output_shape == (None, 3)
    assert model.count_params() == 15


def test_build_makes_the_weights():
    model = Sequential([layers.Dense(3), layers.Dense(2)])
    model.build((None, 4))
    assert [w.shape for w in model.weights] == [(4, 3), (3,), (3, 2), (2,)]
    with pytest.raises(ValueError, match=r"input shape \(None, 4\) already, got \(None, 5\)"):
        model.build((None, 5))


def test_add_and_pop_change_a_model_that_has_been_used():
    model = Sequential([Input((4,)), layers.Dense(3)])
    model.compile(loss="mse", optimizer="sgd")
    model.fit(x_of(8, 4), x_of(8, 3), verbose=0)
    kernel = model.layers[0].get_weights()[0]
    model.add(layers.Dense(2))
    assert model.predict(x_of(8, 4), verbose=0).shape == (8, 2)
    assert model.pop().name == "dense_1"
    assert model.predict(x_of(8, 4), verbose=0).shape == (8, 3)
    assert np.array_equal(model.layers[0].get_weights()[0], kernel)


def test_what_cannot_be_added_is_refused():
    model = Sequential([layers.Dense(3, name="a")], name="stack")
    with pytest.raises(ValueError, match="'stack' has a layer called 'a' already"):
        model.add(layers.Dense(2, name="a"))
    with pytest.raises(ValueError, match="an Input comes first"):
        model.add(Input((3,)))
    with pytest.raises(TypeError, match=r"only layers can be added, got .*Dense \(a class: add parentheses\)"):
        model.add(layers.Dense)
    with pytest.raises(ValueError, match="no layers to remove"):
        Sequential(name="empty").pop()


def test_data_of_another_shape_are_refused_with_the_input_named():
    model = Sequential([Input((28, 28), name="image"), layers.Flatten(), layers.Dense(2)], name="net")
    with pytest.raises(ValueError, match=r"Sequential 'net': input 'image' expects rows of shape \(28, 28\), got"):
        model.predict(x_of(2, 784), verbose=0)


def test_a_missing_or_superfluous_last_axis_is_mended():
    model = Sequential([Input((1,)), layers.Dense(2, kernel_initializer="ones")])
    assert np.array_equal(model.predict(np.arange(3.0), verbose=0), model.predict(np.arange(3.0)[:, None], verbose=0))


# ------------------------------------------------ functional


def test_layers_come_in_the_order_of_keras():
    wide, deep = Input((5,), name="wide"), Input((6,), name="deep")
    shared, inner = layers.Dense(5, name="shared"), Sequential([layers.Dense(4), layers.Dense(3)], name="inner")
    h = inner(deep)
    c = layers.concatenate([shared(wide), shared(layers.Dense(5, name="before")(wide)), h])
    model = Model([wide, deep], [layers.Dense(1, name="main")(ops.relu(c) + 1.0), layers.Dense(1, name="aux")(h)])
    names = [layer.name for layer in model.layers]
    assert names == ["wide", "before", "deep", "shared", "inner", "concatenate", "main", "aux"]
    assert model.output_names == ["main", "aux"]
    assert model.input_names == ["wide", "deep"]
    assert model.count_params() == 121


def test_a_shared_layer_has_one_set_of_weights():
    a, b = Input((3,)), Input((3,))
    dense = layers.Dense(2)
    model = Model([a, b], layers.add([dense(a), dense(b)]))
    assert len(model.weights) == 2
    x, y = x_of(4, 3), -x_of(4, 3)
    kernel, bias = dense.get_weights()
    assert model.predict((x, y), verbose=0) == pytest.approx((x + y) @ kernel + 2 * bias, abs=1e-6)


@pytest.mark.parametrize(
    "data",
    [
        lambda w, d: (w, d),
        lambda w, d: [w, d],
        lambda w, d: {"wide": w, "deep": d},
        lambda w, d: {"deep": d, "wide": w},
    ],
)
def test_inputs_come_as_tuple_list_or_dict(data):
    model = wide_and_deep()
    wide, deep = x_of(4, 2), x_of(4, 3)
    assert np.array_equal(model.predict(data(wide, deep), verbose=0), model.predict([wide, deep], verbose=0))


def test_wrong_inputs_are_refused_by_name():
    model = wide_and_deep()
    with pytest.raises(ValueError, match="has 2 inputs \\('wide', 'deep'\\), got 1"):
        model.predict(x_of(4, 2), verbose=0)
    with pytest.raises(ValueError, match="got a dict of 'wide', 'dep'; did you mean 'deep'"):
        model.predict({"wide": x_of(4, 2), "dep": x_of(4, 3)}, verbose=0)
    with pytest.raises(ValueError, match=r"input 'deep' expects rows of shape \(3,\), got \(2,\)"):
        model.predict([x_of(4, 2), x_of(4, 2)], verbose=0)


def test_outputs_keep_their_structure():
    x = Input((3,))
    a, b = layers.Dense(1, name="a")(x), layers.Dense(2, name="b")(x)
    assert isinstance(Model(x, [a, b]).predict(x_of(4, 3), verbose=0), list)
    assert isinstance(Model(x, (a, b)).predict(x_of(4, 3), verbose=0), tuple)
    found = Model(x, {"first": a, "second": b}).predict(x_of(4, 3), verbose=0)
    assert {name: value.shape for name, value in found.items()} == {"first": (4, 1), "second": (4, 2)}


def test_a_model_may_begin_in_the_middle_of_another():
    x = Input((3,))
    middle = layers.Dense(4, activation="relu")(x)
    whole = Model(x, layers.Dense(1)(middle))
    head = Model(middle, whole.output)
    body = Model(x, middle)
    data = x_of(5, 3)
    assert head.predict(body.predict(data, verbose=0), verbose=0) == pytest.approx(whole.predict(data, verbose=0))


def test_an_output_without_its_input_is_refused():
    a, b = Input((3,), name="a"), Input((3,), name="b")
    with pytest.raises(ValueError, match="the outputs depend on the input 'b'"):
        Model(a, layers.add([a, b]))


def test_equal_names_are_refused():
    x = Input((3,))
    with pytest.raises(ValueError, match="two layers of the model are called 'same'"):
        Model(x, layers.Dense(2, name="same")(layers.Dense(2, name="same")(x)))


def test_arrays_in_the_place_of_placeholders_are_refused():
    with pytest.raises(ValueError, match="inputs must be placeholders"):
        Model(x_of(2, 3), layers.Dense(2)(Input((3,))))


# ------------------------------------------------ subclasses, nesting


def test_a_subclass_may_be_given_inputs_and_outputs():
    class Net(Model):
        def __init__(self):
            x = Input((3,))
            super().__init__(inputs=x, outputs=layers.Dense(2)(x), name="net")

    assert Net().output_shape == (None, 2)
    assert Net().name == "net"


def test_models_nest_in_models():
    inner = Doubling(name="inner")
    x = Input((4,))
    model = Model(x, layers.Dense(1)(Sequential([inner, layers.Dense(2)], name="middle")(x)))
    data = x_of(6, 4)
    expected = inner(data)
    for layer in (model.get_layer("middle").layers[1], model.layers[-1]):
        expected = layer(expected)
    assert model.predict(data, verbose=0) == pytest.approx(expected, rel=1e-5)
    assert len(model.weights) == 6


def test_calling_a_model_on_arrays_computes_at_once():
    model = Sequential([Input((4,)), layers.Dropout(0.5), layers.Dense(2)])
    x = x_of(6, 4)
    assert np.array_equal(model(x), model.predict(x, verbose=0))
    assert not np.array_equal(model(x, training=True), model(x))


def test_the_call_sees_the_weights_of_the_last_training():
    model = Sequential([Input((4,)), layers.Dense(1)])
    model.compile(loss="mse", optimizer="sgd")
    before = model(x_of(6, 4))
    model.fit(x_of(6, 4), np.ones(6), verbose=0)
    assert not np.array_equal(model(x_of(6, 4)), before)
    assert np.array_equal(model(x_of(6, 4)), model.predict(x_of(6, 4), verbose=0))


def test_a_subclass_without_call_says_so():
    class Empty(Model):
        pass

    with pytest.raises(NotImplementedError, match="Empty must define call"):
        Empty().predict(x_of(2, 2), verbose=0)


# ------------------------------------------------ finding, weights, copies


def test_layers_are_found_by_name_or_number():
    model = Sequential([layers.Dense(3, name="hidden"), layers.Dense(1, name="out")], name="net")
    assert model.get_layer("out") is model.get_layer(index=1) is model.layers[-1]
    with pytest.raises(ValueError, match="'net' has no layer 'hiden'; did you mean 'hidden'"):
        model.get_layer("hiden")
    with pytest.raises(ValueError, match="index 5 is out of range"):
        model.get_layer(index=5)
    with pytest.raises(ValueError, match="needs either a name or an index"):
        model.get_layer()


def test_weights_are_taken_out_and_put_in():
    model, other = wide_and_deep(), wide_and_deep_named_otherwise()
    other.set_weights(model.get_weights())
    data = [x_of(4, 2), x_of(4, 3)]
    assert np.array_equal(model.predict(data, verbose=0), other.predict(data, verbose=0))
    with pytest.raises(ValueError, match="has 4 weights, got 3 arrays"):
        model.set_weights(model.get_weights()[:3])


def wide_and_deep_named_otherwise():
    return mlpcore.models.clone_model(wide_and_deep())


@pytest.mark.parametrize(
    "make",
    [
        wide_and_deep,
        lambda: Sequential([Input((3,)), layers.Dense(4, activation="relu"), layers.Dense(2)]),
        lambda: Sequential([layers.Dense(4, input_shape=(3,)), layers.Dense(2)]),
    ],
)
def test_configs_clones_json_copies_and_pickles_give_equal_models(make):
    model = make()
    data = [x_of(4, n) for n in ((2, 3) if len(model.inputs) == 2 else (3,))]
    expected = model.predict(data, verbose=0)
    made = [
        type(model).from_config(model.get_config()),
        type(model).from_config(json.loads(json.dumps(model.get_config()))),
        mlpcore.models.model_from_json(model.to_json()),
        mlpcore.models.clone_model(model),
    ]
    for other in made:
        assert [layer.name for layer in other.layers] == [layer.name for layer in model.layers]
        assert not np.array_equal(other.predict(data, verbose=0), expected)
        other.set_weights(model.get_weights())
    for other in [*made, copy.deepcopy(model), pickle.loads(pickle.dumps(model))]:
        assert np.array_equal(other.predict(data, verbose=0), expected)
        other.set_weights([0 * w for w in other.get_weights()])
    assert np.array_equal(model.predict(data, verbose=0), expected)


def test_a_copy_goes_on_training_as_the_original_does():
    model = wide_and_deep()
    model.compile(loss="mse", optimizer="adam")
    data, y = [x_of(20, 2), x_of(20, 3)], x_of(20, 1)
    model.fit(data, y, epochs=3, verbose=0)
    for other in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert int(other.optimizer.iterations) == 3
        other.fit(data, y, epochs=2, verbose=0, shuffle=False)
        made = other.get_weights()
    model.fit(data, y, epochs=2, verbose=0, shuffle=False)
    assert all(np.array_equal(*pair) for pair in zip(made, model.get_weights(), strict=True))


def test_a_clone_function_chooses_what_is_cloned():
    model = Sequential([Input((3,)), layers.Dense(2, name="kept"), layers.Dense(1, name="new")])
    clone = mlpcore.models.clone_model(
        model,
        clone_function=lambda layer: layer if layer.name == "kept" else type(layer).from_config(layer.get_config()),
    )
    assert clone.layers[0] is model.layers[0]
    assert clone.layers[1] is not model.layers[1]


@pytest.mark.parametrize(
    "make", [wide_and_deep, lambda: Sequential([Input((3,)), layers.Dense(1)]), lambda: Doubling(units=1)]
)
def test_a_clone_is_compiled_as_the_model_is(make):
    model = make()
    assert not mlpcore.models.clone_model(model).compiled
    model.compile(
        loss=lambda y, p: ops.mean(ops.abs(y - p), axis=-1),
        optimizer=mlpcore.optimizers.Adam(0.5, beta_1=0.8),
        metrics=["mse"],
    )
    clone = mlpcore.models.clone_model(model)
    assert clone.optimizer is not model.optimizer
    data, y = [x_of(8, 2), x_of(8, 3)] if make is wide_and_deep else x_of(8, 3), x_of(8, 1)
    for one in (model, clone):
        one.predict(data, verbose=0)  # builds a subclass
    clone.set_weights(model.get_weights())
    histories = [one.fit(data, y, epochs=2, shuffle=False, verbose=0).history for one in (model, clone)]
    assert histories[0] == histories[1]
    assert all(np.array_equal(*pair) for pair in zip(model.get_weights(), clone.get_weights(), strict=True))


def test_what_a_model_is_compiled_with_and_cannot_be_made_anew_is_named():
    class Scaled(mlpcore.losses.Loss):
        def __init__(self, scale):
            super().__init__()
            self.scale = scale

        def call(self, y, p):
            return self.scale * ops.mean(ops.square(y - p), axis=-1)

    model = Sequential([Input((3,)), layers.Dense(1)])
    model.compile(loss=Scaled(2.0), optimizer="sgd")
    with pytest.raises(ValueError, match=r"clone_model: .* Scaled cannot be made from its config .* get_config\(\)"):
        mlpcore.models.clone_model(model)


def test_a_subclass_is_made_anew_from_its_arguments():
    model = Doubling(units=5, name="twice")
    other = mlpcore.models.clone_model(model)
    assert (other.name, other.dense.units) == ("twice", 5)


def test_build_makes_the_weights_of_a_subclass():
    model = Doubling()
    model.build((None, 4))
    assert [w.shape for w in model.weights] == [(4, 3), (3,)]


def test_clones_keep_functions_that_have_no_name():
    def double(x):
        return x * 2

    inputs = Input((3,))
    hidden = layers.Dense(2, activation=double, kernel_regularizer=lambda w: 0.1 * ops.sum(w))(inputs)
    model = Model(inputs, layers.Activation(lambda x: x + 1)(hidden))
    for original in (model, Sequential([Input((3,)), *model.layers[1:]])):
        copy = mlpcore.models.clone_model(original)
        copy.set_weights(original.get_weights())
        x = x_of(4, 3)
        np.testing.assert_array_equal(copy.predict(x, verbose=0), original.predict(x, verbose=0))
