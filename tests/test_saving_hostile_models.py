"""Hostile and damaged files of models: refused, with nothing run and little memory taken."""

import zipfile

import pytest
from numpy.testing import assert_array_equal

import mlpcore
from mlpcore import layers
from mlpcore.saving import FileFormatError, load_model, read_container, write_container
from saving_models import X, fitted, sequential
from saving_mutations import mutations

FORMATS = ["model", "model.keras"]


@pytest.fixture(params=FORMATS)
def path(tmp_path, request):
    if request.param.endswith(".keras"):
        pytest.importorskip("h5py")
    return tmp_path / request.param


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


def test_an_hdf5_file_without_a_model_is_named(tmp_path):
    pytest.importorskip("h5py")
    fitted(sequential).save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(FileFormatError, match=r"without a model.*load_weights"):
        load_model(tmp_path / "model.weights.h5")
