"""Layer: calling, building, tracking, training, configs and copies."""

import copy
import pickle

import numpy as np
import pytest

from mlpcore import _random, ops
from mlpcore._arena import Arena, Variable
from mlpcore._tape import Recorder
from mlpcore._tensor import KerasTensor
from mlpcore.layers.base import Layer
from mlpcore.layers.naming import clear_session

X = np.arange(6.0).reshape(2, 3)


class Scale(Layer):
    """Times a weight."""

    def __init__(self, start="ones", **kwargs):
        super().__init__(**kwargs)
        self.start = start

    def build(self, input_shape):
        if input_shape[-1] == 13:
            raise ValueError("unlucky")
        self.factor = self.add_weight(shape=(input_shape[-1],), initializer=self.start, name="factor")

    def call(self, inputs):
        return inputs * self.factor


class Noisy(Layer):
    """Tells what it was told."""

    def call(self, inputs, training=None):
        return inputs * (2.0 if training else 1.0)


class Outer(Layer):
    def __init__(self, told=None, **kwargs):
        super().__init__(**kwargs)
        self.inner = Noisy()
        self.told = told

    def call(self, inputs):
        return self.inner(inputs) if self.told is None else self.inner(inputs, training=self.told)


class Tower(Layer):
    def __init__(self):
        super().__init__(name="tower")
        self.steps = [Scale(name="first"), Scale(name="second")]
        self.by_name = {"third": Scale(name="third")}
        self.offset = Variable([1.0, 1.0, 1.0], name="offset", trainable=False)

    def call(self, inputs):
        for step in self.steps:
            inputs = step(inputs)
        return self.by_name["third"](inputs) + self.offset


def test_called_on_arrays_it_returns_arrays():
    result = Scale()(X)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, X)
    assert Scale()(X.tolist()).shape == (2, 3)
    assert Scale()(X[:0]).shape == (0, 3)


def test_called_on_arrays_it_sees_new_weights():
    layer = Scale()
    layer(X)
    layer.set_weights([[1, 2, 3]])
    np.testing.assert_array_equal(layer(X), X * [1, 2, 3])


def test_called_on_a_placeholder_it_returns_one_that_knows_its_history():
    layer, x = Scale(), KerasTensor((None, 3))
    y = layer(x)
    assert y.shape == (None, 3)
    assert y.history.function is layer
    assert y.history.args == (x,)
    assert layer.input is x
    assert layer.output is y
    layer(x)
    with pytest.raises(AttributeError, match="has no single output: it was called on placeholders 2 times"):
        _ = layer.output


def test_several_inputs_and_outputs_keep_their_structure():
    class Swap(Layer):
        def call(self, inputs):
            a, b = inputs
            return {"a": b, "b": (a, a + b)}

    result = Swap()([X, 10 * X])
    np.testing.assert_array_equal(result["b"][1], 11 * X)
    made = Swap()([KerasTensor((None, 3)), KerasTensor((None, 3))])
    assert made["b"][1].shape == (None, 3)
    assert made["a"].history is made["b"][0].history


def test_training_is_explicit_or_the_outer_calls_or_the_passes():
    assert Noisy()(X)[0, 1] == 1
    assert Noisy()(X, training=True)[0, 1] == 2
    assert Outer()(X, training=True)[0, 1] == 2
    assert Outer(told=False)(X, training=True)[0, 1] == 1
    assert Outer(told=True)(X)[0, 1] == 2
    recorder = Recorder(Arena(), training=True)
    x = recorder.input((3,))
    recorder.replay([X.astype(np.float32)])
    with recorder:
        assert Noisy()(x).numpy()[0, 1] == 2


def test_weights_of_layers_in_lists_and_dicts_are_found():
    tower = Tower()
    tower(X)
    assert [v.path for v in tower.weights] == ["offset", "first/factor", "second/factor", "third/factor"]
    assert len(tower.trainable_weights) == 3
    assert [v.name for v in tower.non_trainable_weights] == ["offset"]
    assert tower.count_params() == 12
    np.testing.assert_array_equal(tower(X), X + 1)


def test_layers_appended_later_are_found():
    tower = Tower()
    tower.steps.append(Scale(name="later"))
    tower(X)
    assert "later/factor" in [v.path for v in tower.weights]


def test_own_trainable_weights_come_first():
    layer = Layer()
    for name, trainable in (("a", False), ("b", True), ("c", False)):
        layer.add_weight(shape=(1,), trainable=trainable, name=name)
    assert [v.name for v in layer.weights] == ["b", "a", "c"]


def test_trainable_reaches_everything_within():
    tower = Tower()
    tower(X)
    tower.trainable = False
    assert not tower.trainable_weights
    assert not any(v.trainable for v in tower.weights)
    tower.trainable = True
    assert len(tower.trainable_weights) == 3
    assert not tower.offset.trainable


def test_a_layer_frozen_before_it_is_built_has_frozen_weights():
    layer = Scale(trainable=False)
    layer(X)
    assert not layer.factor.trainable
    layer.trainable = True
    assert layer.factor.trainable


def test_set_weights_checks_before_it_sets():
    layer = Scale(name="scale")
    with pytest.raises(ValueError, match=r"Scale 'scale' has 0 weights, got 1 arrays \(it is not built yet"):
        layer.set_weights([[1.0]])
    layer(X)
    with pytest.raises(ValueError, match=r"Scale 'scale': weight 0, 'factor', has shape \(3,\), got \(2,\)"):
        layer.set_weights([[1.0, 2.0]])
    assert layer.get_weights()[0].tolist() == [1, 1, 1]


def test_a_layer_whose_build_fails_stays_unbuilt():
    class Halfway(Layer):
        def build(self, input_shape):
            self.first = self.add_weight(shape=(1,))
            raise ValueError("too bad")

    layer = Halfway()
    for _ in range(2):
        with pytest.raises(ValueError, match="too bad"):
            layer(X)
    assert not layer.built
    assert not layer.weights
    assert not hasattr(layer, "first")


def test_several_arguments_are_built_by_name():
    class Two(Layer):
        def build(self, left_shape, right_shape):
            self.shapes = left_shape, right_shape

        def call(self, left, right):
            return left + right[:, :1]

    layer = Two()
    np.testing.assert_array_equal(layer(X, X[:, 1:]), X + X[:, 1:2])
    assert layer.shapes == ((None, 3), (None, 2))


def test_names_are_numbered_and_start_again_after_clear_session():
    clear_session()
    assert [Scale().name, Scale().name, Noisy().name] == ["scale", "scale_1", "noisy"]
    clear_session()
    assert Scale().name == "scale"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"input_shape": [28, 28]}, (28, 28)),
        ({"input_dim": 8}, (8,)),
        ({"batch_input_shape": (None, 4)}, (4,)),
        ({}, None),
    ],
)
def test_the_shape_of_the_first_layers_input_is_kept(given, expected):
    assert Scale(**given).given_input_shape == expected


def test_an_unknown_keyword_suggests_the_nearest():
    with pytest.raises(TypeError, match="Scale: unknown argument 'strat'; did you mean 'start'"):
        Scale(strat="zeros")
    with pytest.raises(TypeError, match="Scale: unknown argument 'trainabel'; did you mean 'trainable'"):
        Scale(trainabel=False)
    with pytest.raises(
        TypeError, match=r"Scale.add_weight: unknown argument 'initialiser'; did you mean 'initializer'"
    ):
        Scale().add_weight(shape=(1,), initialiser="zeros")


def test_messages_name_the_layer():
    class Wrong(Layer):
        def call(self, inputs):
            return ops.matmul(inputs, np.ones((2, 2)))

    with pytest.raises(ValueError, match=r"^Wrong 'w': ops.matmul: shapes \(None, 3\) and \(2, 2\) do not fit"):
        Wrong(name="w")(X)
    with pytest.raises(ValueError, match="the arrays must have the same number of rows"):
        Noisy()([X, X[:1]])
    with pytest.raises(TypeError, match="expected arrays of numbers"):
        Noisy()(np.array([["a"]]))
    with pytest.raises(NotImplementedError, match=r"Layer must define call\(inputs\)"):
        Layer()(X)


def test_a_call_that_returns_nothing_is_an_error():
    class Forgetful(Layer):
        def call(self, inputs):
            ops.exp(inputs)

    with pytest.raises(ValueError, match="`call` returned None; did it forget a return"):
        Forgetful()(X)


def test_forgetting_the_base_constructor_is_an_error():
    class Forgetful(Layer):
        def __init__(self):
            self.inner = Scale()

    with pytest.raises(RuntimeError, match=r"must call super\(\).__init__\(\)"):
        Forgetful()


def test_dtype_is_that_of_the_weights_and_of_the_result():
    layer = Scale(dtype="float64")
    assert layer(X / 3).dtype == np.float64
    np.testing.assert_array_equal(layer(X / 3), X / 3)
    assert layer.factor.dtype == "float64"
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64', got 'int8'"):
        Scale(dtype="int8")


def test_compute_output_shape_runs_call_and_builds_nothing():
    class Pairs(Layer):
        def call(self, inputs):
            return ops.concatenate([inputs, inputs], axis=-1), ops.mean(inputs, axis=-1)

    assert Pairs().compute_output_shape((None, 3)) == ((None, 6), (None,))
    _random.set_seed(3)
    expected = _random.next_seed()
    _random.set_seed(3)
    layer = Scale("glorot_uniform")
    assert layer.compute_output_shape((None, 3)) == (None, 3)
    assert not layer.built
    assert _random.next_seed() == expected


def test_weights_are_drawn_in_the_order_of_creation():
    def draw():
        _random.set_seed(7)
        layers = [Scale("random_normal"), Scale("random_normal")]
        return [layer(X).tolist() for layer in layers]

    assert draw() == draw()
    assert draw()[0] != draw()[1]


def test_copies_and_pickles_have_weights_of_their_own():
    tower = Tower()
    tower(X)
    for other in (copy.deepcopy(tower), pickle.loads(pickle.dumps(tower))):
        np.testing.assert_array_equal(other(X), X + 1)
        other.steps[0].set_weights([[0, 0, 0]])
        np.testing.assert_array_equal(other(X), np.ones((2, 3)))
    np.testing.assert_array_equal(tower(X), X + 1)


def test_config_holds_what_the_constructor_was_given():
    layer = Scale("zeros", name="s", trainable=False)
    config = layer.get_config()
    assert config == {"name": "s", "trainable": False, "dtype": "float32", "start": "zeros"}
    other = Scale.from_config(config)
    assert other.get_config() == config


def test_a_layer_is_built_again_from_what_it_was_built_for():
    layer = Scale()
    assert layer.get_build_config() is None
    layer(X)
    other = Scale()
    other.build_from_config(layer.get_build_config())
    assert other.factor.shape == (3,)


def test_losses_of_regularized_weights_and_of_calls():
    class Penalized(Layer):
        def build(self, input_shape):
            self.w = self.add_weight(shape=(2,), initializer="ones", regularizer="l2")

        def call(self, inputs):
            self.add_loss(ops.mean(inputs) * 3.0)
            return inputs

    layer = Penalized()
    recorder = Recorder(Arena())
    x = recorder.input((3,))
    recorder.replay([X.astype(np.float32)])
    with recorder:
        layer(x)
        assert [float(loss) for loss in recorder.losses] == [7.5]
    np.testing.assert_allclose(layer.losses, [0.02], rtol=1e-6)
    with pytest.raises(RuntimeError, match="add_loss is for the inside of `call`"):
        layer.add_loss(1.0)


def test_an_activity_regularizer_is_divided_by_the_rows():
    recorder = Recorder(Arena())
    x = recorder.input((3,))
    recorder.replay([X.astype(np.float32)])
    with recorder:
        Noisy(activity_regularizer=ops.sum)(x)
        assert [float(loss) for loss in recorder.losses] == [7.5]


def test_a_users_subclass_runs_its_call_every_time():
    from mlpcore.layers.dense import Dense

    class Counting(Dense):
        calls = 0

        def call(self, inputs):
            self.calls += 1
            return super().call(inputs)

    layer, recorder = Counting(2), Recorder(Arena())
    x = recorder.input((3,))
    tapes = []
    for _ in range(3):
        recorder.replay()
        with recorder:
            layer(x)
        tapes.append(recorder.tape)
    assert layer.calls == 3
    assert tapes[1] is tapes[2]


def test_setting_an_attribute_of_a_built_in_layer_is_noticed():
    from mlpcore.layers.dense import Dense

    layer, recorder = Dense(2, kernel_initializer="ones"), Recorder(Arena())
    x = recorder.input((3,))
    results = []
    for activation in (layer.activation, ops.negative):
        layer.activation = activation
        recorder.replay([X.astype(np.float32)])
        with recorder:
            results.append(layer(x).numpy())
    np.testing.assert_array_equal(results[0], -results[1])


def test_placeholders_carry_the_dtype_of_the_layer():
    assert Scale(dtype="float64")(KerasTensor((None, 3))).dtype == "float64"
    assert ops.exp(KerasTensor((None, 3), "float64")).dtype == "float64"
    assert Scale()(KerasTensor((None, 3))).dtype == "float32"
