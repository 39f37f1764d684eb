"""Trainings give Keras' losses, metrics, predictions and weights: stored numbers, and Keras itself where installed."""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import keras_trainings
import mlpcore

STORED = json.loads(keras_trainings.FILE.read_text())
# Rounding decides the sign of a relu's input that is nearly 0; Adam turns its tiny gradient into a step of full size.
OTHER_SIGNS = {
    "classifier, real rows": 0.001,  # on tiles, which round otherwise: one unit for one row, -1e-7 in place of 1e-7
    "classifier, Adam, batch 200, real rows": 0.05,
}


def test_every_case_is_stored():
    assert set(STORED) == set(keras_trainings.CASES)


@pytest.mark.parametrize("name", STORED)
def test_equals_what_keras_gave(name):
    try:
        ours = keras_trainings.digest(keras_trainings.train(mlpcore, name))
    except keras_trainings.NoRows as reason:
        pytest.skip(str(reason))
    apart = keras_trainings.differences(ours, STORED[name])
    worst = max(apart, key=apart.__getitem__)
    assert apart[worst] <= OTHER_SIGNS.get(name, keras_trainings.TOLERANCE), worst


@pytest.mark.skipif(find_spec("keras") is None or find_spec("torch") is None, reason="needs Keras and torch")
@pytest.mark.parametrize("name", ["classifier, drawn rows", "wide and deep, drawn rows", "two outputs, drawn rows"])
def test_equals_keras(name):
    command = [sys.executable, str(Path(keras_trainings.__file__)), "--only", name]
    done = subprocess.run(
        command, env={**os.environ, "KERAS_BACKEND": "torch"}, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
