"""The benchmark of searches trains the trials that it is given, and counts what lies outside of fit."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "search.py"


def test_mlpcore_searches_the_trials_that_keras_tuner_drew():
    pytest.importorskip("optuna")
    drawn = [
        {"n_hidden": 1, "n_neurons": 20, "learning_rate": 0.005, "optimizer": "adam"},
        {"n_hidden": 0, "n_neurons": 30, "learning_rate": 0.001, "optimizer": "sgd"},
    ]
    command = [sys.executable, str(SCRIPT), "--library", "mlpcore", "--quick", f"--values={json.dumps(drawn)}"]
    variables = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert [values for values, _ in found["trials"]] == drawn
    assert all(0 < score < 1 for _, score in found["trials"])
    assert 0 < found["outside"]["seconds"] < found["seconds"]
