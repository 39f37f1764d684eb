"""The small public functions: seeds, one-hot targets, norms, splits."""

import random
from importlib import import_module

import numpy as np
import pytest

import mlpcore
from mlpcore import Input, Sequential, layers
from mlpcore.utils import normalize, set_random_seed, split_dataset, to_categorical


def test_one_seed_sets_all_generators():
    def drawn():
        set_random_seed(7)
        kernel = layers.Dense(3)
        kernel.build((None, 2))
        return random.random(), np.random.rand(), kernel.get_weights()[0].tolist()  # noqa: NPY002

    assert drawn() == drawn()
    with pytest.raises(ValueError, match="seed must be an integer in"):
        set_random_seed(-1)


def test_one_hot_rows():
    assert to_categorical([[0], [2]]).tolist() == [[1, 0, 0], [0, 0, 1]]
    assert to_categorical([[0, 1]], num_classes=2).shape == (1, 2, 2)
    with pytest.raises(ValueError, match=r"class indices must be in \[0, 2\), got 0 to 2"):
        to_categorical([0, 2], num_classes=2)


def test_rows_of_norm_1():
    assert normalize([[3.0, 4.0], [0.0, 0.0]]).tolist() == [[0.6, 0.8], [0.0, 0.0]]
    assert normalize([1.0, 3.0], order=1).tolist() == [0.25, 0.75]


def test_splits_of_arrays_and_structures():
    x, y = np.arange(10)[:, None], np.arange(10)
    (x_left, y_left), (x_right, y_right) = split_dataset((x, y), left_size=0.7)
    assert (len(x_left), len(x_right)) == (7, 3)
    left, right = split_dataset({"x": x, "y": y}, right_size=4, shuffle=True, seed=1)
    assert sorted([*left["y"], *right["y"]]) == list(range(10))
    assert np.array_equal(left["x"][:, 0], left["y"])
    assert np.array_equal(y_left, x_left[:, 0])
    assert np.array_equal(y_right, x_right[:, 0])
    for sizes in ({"left_size": 8, "right_size": 3}, {"left_size": 10}, {"left_size": 1.5}):
        with pytest.raises(ValueError, match=r"split|between"):
            split_dataset(y, **sizes)


def test_integers_are_numbers_where_the_input_says_so():
    x = np.array([[1, 2], [3, 4]], np.uint8)
    model = Sequential([Input((2,)), layers.Rescaling(1 / 255), layers.Dense(1, kernel_initializer="ones")])
    assert model.predict(x, verbose=0)[:, 0] == pytest.approx([3 / 255, 7 / 255])
    assert model(x) == pytest.approx(model.predict(x, verbose=0))


def test_names_are_counted_anew_after_clear_session():
    mlpcore.utils.clear_session()
    assert layers.Dense(1).name == "dense"
    assert layers.Dense(1).name == "dense_1"
    mlpcore.utils.clear_session()
    assert layers.Dense(1).name == "dense"


def test_the_package_finds_its_modules_and_says_what_it_lacks():
    assert {"layers", "models", "Sequential", "utils"} <= set(dir(mlpcore))
    assert mlpcore.models.Sequential is mlpcore.Sequential
    with pytest.raises(AttributeError, match="has no attribute 'Sequentiall'"):
        _ = mlpcore.Sequentiall


@pytest.mark.parametrize(
    ("module", "name", "near"),
    [
        ("optimizers", "Adma", "Adamax"),
        ("optimizers.schedules", "ExponentialDecy", "ExponentialDecay"),
        ("losses", "MeanSquareError", "MeanSquaredError"),
        ("metrics", "Acuracy", "Accuracy"),
        ("callbacks", "EarlyStoping", "EarlyStopping"),
        ("models", "clone_mdel", "clone_model"),
        ("utils", "to_categoricl", "to_categorical"),
    ],
)
def test_modules_say_which_name_was_meant(module, name, near):
    home = import_module(f"mlpcore.{module}")
    with pytest.raises(AttributeError, match=f"has no attribute '{name}'; did you mean '{near}'"):
        getattr(home, name)
    assert not hasattr(home, "__nothing__")
