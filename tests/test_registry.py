"""Names of objects: registration, scopes, configs, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pytest

from mlpcore import _registry, constraints, initializers, layers, regularizers
from mlpcore._registry import (
    custom_object_scope,
    deserialize,
    functions_kept,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
    serialize_object,
)


@pytest.fixture(autouse=True)
def _clean_registry():
    """Forget what a test registered."""
    before = dict(_registry._registered), dict(_registry._registered_name)
    yield
    _registry._registered.clear()
    _registry._registered.update(before[0])
    _registry._registered_name.clear()
    _registry._registered_name.update(before[1])


class Scaled:
    def __init__(self, factor=1, inner=None):
        self.factor, self.inner = factor, inner

    def __call__(self, w):
        return self.factor * w

    def get_config(self):
        return {"factor": self.factor, "inner": self.inner}

    @classmethod
    def from_config(cls, config):
        return cls(config["factor"], deserialize(config["inner"]))


def double(x):
    return 2 * x


def test_built_in_config_is_plain_json():
    config = serialize_object(constraints.MaxNorm(np.float32(3)))
    assert json.loads(json.dumps(config)) == {
        "module": "mlpcore.constraints",
        "class_name": "MaxNorm",
        "config": {"max_value": 3.0, "axis": 0},
        "registered_name": None,
    }


def test_module_of_a_config_tells_the_family():
    keras = {"module": "keras.initializers", "class_name": "Identity", "config": {"gain": 2.0}, "registered_name": None}
    assert isinstance(deserialize(keras), initializers.Identity)


def test_registered_class_is_found_by_its_registered_name():
    register_keras_serializable("mine")(Scaled)
    config = serialize_object(Scaled(3, inner=constraints.NonNeg()))
    assert config["registered_name"] == get_registered_name(Scaled) == "mine>Scaled"
    again = deserialize(json.loads(json.dumps(config)))
    assert (type(again), again.factor, type(again.inner)) == (Scaled, 3, constraints.NonNeg)
    assert constraints.get("mine>Scaled").factor == 1


def test_registered_function_is_found():
    register_keras_serializable(name="twice")(double)
    config = serialize_object(double)
    assert config == {"module": None, "class_name": "function", "config": "double", "registered_name": "Custom>twice"}
    assert deserialize(config) is double
    assert constraints.get("twice") is double
    assert get_registered_object("Custom>twice") is double


def test_custom_objects_and_scopes_win_inside_out():
    config = serialize_object(double)
    with pytest.raises(ValueError, match="unknown object 'double'; "):
        deserialize(config)
    assert deserialize(config, {"double": double}) is double
    with custom_object_scope({"double": abs, "NonNeg": Scaled}, {"double": double}):
        assert deserialize(config) is double
        assert deserialize(config, {"double": len}) is len
        assert isinstance(constraints.get("NonNeg"), Scaled)
    assert isinstance(constraints.get("NonNeg"), constraints.NonNeg)


def test_passed_objects_hold_inside_nested_configs():
    config = serialize_object(Scaled(1, inner=Scaled(2)))
    again = deserialize(config, {"Scaled": Scaled})
    assert (again.factor, again.inner.factor) == (1, 2)


def test_a_class_that_was_noted_is_found_in_this_process():
    class Noted(Scaled):
        pass

    config = serialize_object(Noted(5))
    with pytest.raises(ValueError, match="unknown object 'Noted'"):
        deserialize(config)
    _registry.note_class(Noted)
    assert type(deserialize(config)) is Noted


def test_a_class_with_the_name_of_a_built_in_one_is_told_apart():
    class MaxNorm(Scaled):
        pass

    built_in, own = serialize_object(constraints.MaxNorm()), serialize_object(MaxNorm(5))
    _registry.note_class(MaxNorm)
    assert type(deserialize(own)) is MaxNorm
    assert type(deserialize(built_in)) is constraints.MaxNorm
    register_keras_serializable()(MaxNorm)
    assert type(deserialize(serialize_object(MaxNorm(5)))) is MaxNorm
    assert type(deserialize(built_in)) is type(constraints.get("MaxNorm")) is constraints.MaxNorm


def test_own_subclasses_are_found_and_must_tell_their_arguments():
    class Plain(regularizers.Regularizer):
        pass

    class Cubic(regularizers.Regularizer):
        def __init__(self, factor=0.1):
            self.factor = factor

    assert type(regularizers.deserialize(serialize_object(Plain()))) is Plain
    with pytest.raises(NotImplementedError, match=r"Cubic needs a get_config\(\) that returns 'factor' to be saved"):
        serialize_object(Cubic(0.5))


def test_copies_within_the_process_may_keep_functions():
    layer = layers.Dense(2, activation=lambda x: 2 * x, kernel_regularizer=double)
    with functions_kept():
        copy = layers.Dense.from_config(layer.get_config())
    assert copy.activation is layer.activation
    assert copy.kernel_regularizer is double
    with pytest.raises(ValueError, match="a lambda has no name"):
        layer.get_config()


def test_nothing_is_imported_by_a_config():
    for config in (
        {"module": "os", "class_name": "system", "config": {"command": "true"}, "registered_name": "os>system"},
        {"module": "builtins", "class_name": "function", "config": "eval", "registered_name": "eval"},
        {"class_name": "subprocess.Popen", "config": {"args": "true"}},
    ):
        with pytest.raises(ValueError, match="unknown object"):
            deserialize(config)


def test_same_name_for_two_objects_is_refused_but_a_new_definition_replaces_the_old():
    register_keras_serializable("mine", "thing")(double)
    with pytest.raises(ValueError, match=r"'mine>thing' has been registered for .* choose another name"):
        register_keras_serializable("mine", "thing")(Scaled)

    def redefine():
        def f(x):
            return x

        return register_keras_serializable()(f)

    redefine()
    latest = redefine()
    assert get_registered_object("Custom>f") is latest


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: serialize_object(lambda x: x), ValueError, "a lambda has no name and cannot be saved"),
        (lambda: serialize_object(object()), TypeError, "neither plain data nor has a get_config"),
        (lambda: register_keras_serializable()(int), ValueError, "int cannot be registered.* no get_config"),
        (
            lambda: constraints.get({"class_name": "MaxNorm", "config": {"max_valeu": 1}}),
            ValueError,
            "MaxNorm cannot be made from its config {'max_valeu': 1}",
        ),
    ],
)
def test_error_messages(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_built_ins_of_a_family_are_found_before_its_module_is_imported():
    code = (
        "from mlpcore import _registry, saving\n"
        "config = {'module': 'mlpcore.losses', 'class_name': 'Huber', 'config': {'delta': 2.0}}\n"
        "assert saving.deserialize_keras_object(config).delta == 2.0\n"
        "assert _registry.find('schedules', 'CosineDecay').__name__ == 'CosineDecay'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
