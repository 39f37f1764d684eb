"""The examples run, quickly, on data that scikit-learn brings along, and print what they promise."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PROMISES = {  # example -> what it prints
    "image_classifier": ["Flatten", "test loss", "first three images"],
    "regression": ["model:", "estimator:", "root of the mean square error"],
    "wide_and_deep": ["total loss", "of the auxiliary output"],
    "transfer_learning": ["task A", "reused layers", "            3 |"],
    "custom_callback": ["epoch 1: val/train", "76 batches in 2 epochs", "halved"],
    "custom_loss_and_layer": ["loss of two rows: 1.25 by hand: 1.25", "predicts the same, to the bit: True"],
    "subclassing": ["steps of refinement", "static loop"],
    "save_and_resume": [
        "loaded, predicts the same to the bit: True",
        "training stopped: lights out",
        "weights of both trainings are the same to the bit: True",
        "so is the history: True",
        "estimator loaded, predicts the same to the bit: True",
    ],
    "tensorboard": ["rate 0.01", "rate-0.1/validation"],
}
NEEDS = {
    "custom_callback": "matplotlib",
    "custom_loss_and_layer": "matplotlib",
    "image_classifier": "matplotlib",
    "regression": "matplotlib",
    "wide_and_deep": "matplotlib",
    "save_and_resume": "h5py",
    "tensorboard": "tensorboardX",
    "transfer_learning": "matplotlib",
}


@pytest.fixture
def run(monkeypatch, capsys, tmp_path):
    """Return a function that runs an example as a script and returns what it printed."""

    def run_example(name, *arguments):
        if name in NEEDS:
            pytest.importorskip(NEEDS[name])
        if NEEDS.get(name) == "matplotlib":
            import matplotlib.pyplot as plt

            plt.switch_backend("Agg")
        monkeypatch.chdir(tmp_path)
        monkeypatch.syspath_prepend(str(EXAMPLES))
        monkeypatch.setattr(sys, "argv", [name, "--quick", *arguments])
        monkeypatch.delenv("MLPCORE_DATA", raising=False)
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        if NEEDS.get(name) == "matplotlib":
            plt.close("all")
        return capsys.readouterr().out

    return run_example


@pytest.mark.parametrize("name", PROMISES)
def test_example_prints_what_it_promises(name, run):
    printed = run(name)
    for words in PROMISES[name]:
        assert words in printed


@pytest.mark.parametrize("name", ["image_classifier", "regression", "wide_and_deep", "transfer_learning"])
def test_example_takes_real_data(name, run, data_folder):
    printed = run(name, "--data", str(data_folder))
    assert "scikit-learn's" not in printed


def test_every_example_is_tested():
    others = {"logic_gates", "example_data"}  # tests/test_logic_gates.py; tests/test_tuning_examples.py
    names = {path.stem for path in EXAMPLES.glob("*.py")} - others
    assert {name for name in names if not name.startswith("tuning_")} == set(PROMISES)
