"""Weights alone: every format, by the structure of the model; what does not fit changes nothing."""

import pytest
from numpy.testing import assert_array_equal

import mlpcore
from mlpcore import layers
from mlpcore.saving.weights import named_variables, walk
from saving_models import MODELS, Net, assert_equal_models, fitted, sequential, shared_and_nested, unbuilt

WEIGHTS = ["weights", "weights.npz", "weights.safetensors", "weights.weights.h5"]
FORMATS = ["model", "model.keras"]


@pytest.fixture(params=FORMATS)
def path(tmp_path, request):
    if request.param.endswith(".keras"):
        pytest.importorskip("h5py")
    return tmp_path / request.param


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
