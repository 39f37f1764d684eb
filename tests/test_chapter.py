"""The chapter's code runs with mlpcore in the place of TensorFlow and KerasTuner, block by block, unchanged."""

from types import SimpleNamespace

import numpy as np
import pytest

import chapter_code as code
import mlpcore

TF = SimpleNamespace(keras=mlpcore, random=mlpcore.random)


class Chapter(dict):
    """The names that the blocks define and use."""

    def run(self, *blocks):
        for block in blocks:
            exec(compile(block, "<chapter>", "exec"), self)
        return self


@pytest.fixture(autouse=True)
def quiet_and_elsewhere(tmp_path, monkeypatch):
    """Run in an empty folder, with KerasTuner's name bound to mlpcore's tuner."""
    import sys

    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(sys.modules, "keras_tuner", mlpcore.tuner)


@pytest.fixture
def images():
    """Images of two by two patches of brightness, one of ten classes each."""
    rng = np.random.default_rng(0)
    patterns = rng.integers(0, 2, (10, 28, 28))
    y = rng.integers(0, 10, 240).astype(np.uint8)
    X = patterns[y] * 0.8 + rng.uniform(0, 0.2, (240, 28, 28))
    return Chapter(
        tf=TF,
        X_train=X[:160],
        y_train=y[:160],
        X_valid=X[160:200],
        y_valid=y[160:200],
        X_test=X[200:],
        y_test=y[200:],
        X=X[200:203],
        class_names=[f"class {number}" for number in range(10)],
    )


@pytest.fixture
def housing():
    """Eight features of different sizes, and a price that follows from some of them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8)) * [1, 10, 100, 1, 1000, 5, 1, 1] + [0, 30, 5, 1, 1500, 3, 35, -120]
    y = X[:, 0] + X[:, 1] / 10 + 0.5 * np.abs(X[:, 7] + 120)
    return Chapter(
        tf=TF, X_train=X[:280], y_train=y[:280], X_valid=X[280:340], y_valid=y[280:340], X_test=X[340:], y_test=y[340:]
    )


def two_inputs(names):
    return names.run(code.TWO_INPUTS, code.TRAIN_TWO_INPUTS)


TRAIN_TWO_OUTPUTS = code.TRAIN_TWO_OUTPUTS.replace(  # the chapter's line breaks off
    "validation_data=((X_valid_wide,\n",
    "validation_data=((X_valid_wide, X_valid_deep), (y_valid, y_valid)))\n",
)


@pytest.mark.parametrize("model", [code.SEQUENTIAL_BY_ADD, code.SEQUENTIAL_BY_LIST])
def test_the_classifier(images, model, capsys):
    images.run(
        model,
        code.COMPILE_CLASSIFIER,
        code.FIT_CLASSIFIER,
        code.EVALUATE_CLASSIFIER,
        code.PREDICT_PROBABILITIES,
        code.PREDICT_CLASSES,
    )
    history = images["history"]
    assert list(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    assert history.epoch == list(range(30))
    assert history.params["epochs"] == 30
    assert history.params["steps"] == 5
    assert history.history["val_accuracy"][-1] > 0.9
    assert images["y_proba"].shape == (3, 10)
    assert images["y_proba"].dtype == np.float32
    assert images["model"].count_params() == 266_610
    assert "Epoch 30/30" in capsys.readouterr().out


def test_the_same_seed_gives_the_same_classifier(images):
    images.run(code.SEQUENTIAL_BY_ADD, code.COMPILE_CLASSIFIER)
    first = [w.copy() for w in images["model"].get_weights()]
    images.run(code.SEQUENTIAL_BY_ADD)
    assert all(np.array_equal(*pair) for pair in zip(first, images["model"].get_weights(), strict=True))


def test_the_regressor(housing):
    housing.run(code.HOUSING_REGRESSOR)
    history = housing["history"].history
    assert set(history) == {"loss", "RootMeanSquaredError", "val_loss", "val_RootMeanSquaredError"}
    assert history["loss"][-1] < history["loss"][0] / 3
    assert housing["rmse_test"] == pytest.approx(np.sqrt(housing["mse_test"]), rel=1e-5)
    assert housing["y_pred"].shape == (3, 1)
    mean, variance, _ = housing["norm_layer"].get_weights()
    assert mean.ravel() == pytest.approx(housing["X_train"].mean(axis=0), rel=1e-4)
    assert variance.ravel() == pytest.approx(housing["X_train"].var(axis=0), rel=1e-4)


def test_wide_and_deep(housing):
    model = housing.run(code.WIDE_AND_DEEP)["model"]
    assert model.output_shape == (None, 1)
    assert model.count_params() == 17 + 9 * 30 + 31 * 30 + 39


def test_two_inputs(housing):
    two_inputs(housing)
    assert housing["history"].history["loss"][-1] < housing["history"].history["loss"][0]
    assert housing["mse_test"][0] == pytest.approx(housing["mse_test"][1] ** 2, rel=1e-5)
    assert housing["y_pred"].shape == (3, 1)


def test_two_outputs(housing):
    two_inputs(housing).run(code.TWO_OUTPUTS, TRAIN_TWO_OUTPUTS)
    names = housing["model"].output_names
    assert set(housing["history"].history) == {
        f"{prefix}{name}"
        for prefix in ("", "val_")
        for name in ("loss", *(f"{own}_{what}" for own in names for what in ("loss", "RootMeanSquaredError")))
    }
    total, main, aux, main_rmse, aux_rmse = housing["eval_results"]
    assert total == pytest.approx(0.9 * main + 0.1 * aux, rel=1e-5)
    assert (main_rmse**2, aux_rmse**2) == pytest.approx((main, aux), rel=1e-5)
    assert housing["y_pred_main"].shape == housing["y_pred_aux"].shape == (3, 1)


def test_the_subclass_trains_as_the_functional_model_does(housing):
    two_inputs(housing).run(code.SUBCLASS)
    assert housing["model"].name == "my_cool_model"
    housing.run(
        "norm_layer_wide, norm_layer_deep = model.norm_layer_wide, model.norm_layer_deep\n",
        code.TWO_OUTPUTS.partition("\n\n\n")[2],  # only the compilation
        TRAIN_TWO_OUTPUTS,
    )
    assert {"output_1_loss", "output_2_loss"} <= set(housing["history"].history)
    assert housing["history"].history["loss"][-1] < housing["history"].history["loss"][0]
    total, main, aux, _, _ = housing["eval_results"]
    assert total == pytest.approx(0.9 * main + 0.1 * aux, rel=1e-5)


def test_saving_and_loading(housing):
    two_inputs(housing).run(code.TWO_OUTPUTS, TRAIN_TWO_OUTPUTS)
    before = housing["model"].predict((housing["X_new_wide"], housing["X_new_deep"]))
    housing.run(code.SAVE, code.LOAD)
    assert np.array_equal(before[0], housing["y_pred_main"])
    assert np.array_equal(before[1], housing["y_pred_aux"])


def test_callbacks(images, tmp_path):
    images.run(code.SEQUENTIAL_BY_LIST, code.COMPILE_CLASSIFIER)
    data = "X_train, y_train, epochs=3, validation_data=(X_valid, y_valid)"
    images.run(code.CHECKPOINT.replace("[...]", data), code.EARLY_STOPPING.replace("[...]", data))
    assert any(path.name.startswith("my_checkpoints") for path in tmp_path.iterdir())
    assert len(images["history"].epoch) == 3


def test_the_search(images, tmp_path):
    images.run(code.BUILD_MODEL)
    with pytest.raises(TypeError, match="validation_data"):  # the chapter's slip of the pen
        images.run(code.RANDOM_SEARCH)
    search = code.RANDOM_SEARCH.replace("valid_data", "validation_data").replace("epochs=10", "epochs=2")
    images.run(search)
    tuner = images["random_search_tuner"]
    assert len(tuner.get_best_hyperparameters(5)) == 5
    assert (tmp_path / "my_fashion_mnist" / "my_rnd_search").is_dir()
    assert tuner.get_best_models()[0].predict(images["X"], verbose=0).shape == (3, 10)


def test_the_classifier_on_fashion_mnist(dataset):
    data = dataset("fashion_mnist")
    X, y = data["X_train"] / 255.0, data["y_train"]
    names = Chapter(
        tf=TF,
        X_train=X[:-5000],
        y_train=y[:-5000],
        X_valid=X[-5000:],
        y_valid=y[-5000:],
        X_test=data["X_test"] / 255.0,
        y_test=data["y_test"],
    )
    names.run(code.SEQUENTIAL_BY_ADD, code.COMPILE_CLASSIFIER, code.FIT_CLASSIFIER.replace("30", "2"))
    assert names["history"].history["val_accuracy"][-1] > 0.8


def test_the_regressor_on_california_housing(dataset):
    data = dataset("california_housing")
    X, y = data["X_num"], data["y"]
    names = Chapter(tf=TF, X_train=X[:11610], y_train=y[:11610], X_valid=X[11610:15480], y_valid=y[11610:15480])
    names |= {"X_test": X[15480:], "y_test": y[15480:]}
    names.run(code.HOUSING_REGRESSOR.replace("epochs=20", "epochs=3"))
    assert names["rmse_test"] < 0.9
