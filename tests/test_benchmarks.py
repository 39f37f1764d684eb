"""The benchmarks run, compare losses before they time, and count what they say they count."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier
from sklearn.utils import shuffle

from mlpcore import _core

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def benchmark_module(monkeypatch):
    """Import a module of benchmarks/, and forget it afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    yield importlib.import_module
    for name in set(sys.modules) - before:
        if str(BENCHMARKS) in str(getattr(sys.modules[name], "__file__", "")):
            del sys.modules[name]


def run(*arguments, **environment):
    command = [sys.executable, str(BENCHMARKS / "run.py"), *map(str, arguments)]
    variables = {**os.environ, **environment}
    return subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)


def test_mlpcore_and_scikit_learn_do_equal_work(tmp_path):
    out = tmp_path / "out.json"
    done = run(*"--quick --problems tiny --peers mlpcore sklearn --rounds 1 --json".split(), out)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = json.loads(out.read_text())["results"]
    ours, theirs = result["rows"]
    assert (ours["peer"], theirs["peer"]) == ("mlpcore", "sklearn")
    # float32 rounding of a mean loss near 2
    assert ours["early_loss"] == pytest.approx(theirs["early_loss"], rel=2e-6)
    assert ours["loss"] == pytest.approx(theirs["loss"], rel=2e-5)
    assert ours["ratio"] == 1.0
    assert len(theirs["seconds"]) == 1
    assert "mlpcore" in done.stdout
    assert "of peak" in done.stdout


def test_a_problem_without_its_data_is_skipped_with_a_message(tmp_path):
    done = run(*"--quick --problems housing-adam-32 --peers sklearn".split(), MLPCORE_DATA=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "housing-adam-32: skipped, needs california_housing.npz" in done.stdout


def test_a_missing_peer_is_named_with_its_command(benchmark_module, monkeypatch):
    runner, peers = benchmark_module("run"), benchmark_module("peers")
    absent = peers.PEERS["torch"]._replace(requires="no_such_library")
    monkeypatch.setitem(peers.PEERS, "torch", absent)
    assert runner.missing(["sklearn", "torch"]) == ["not installed: torch (pip install torch)"]


def test_unequal_work_is_left_out_and_noted(benchmark_module):
    runner, problems = benchmark_module("run"), benchmark_module("problems")

    class Ready:
        def __init__(self, peer):
            self.peer, self.closed = peer, False

        def close(self):
            self.closed = True

    rows = [
        {"peer": "mlpcore", "threads": 1, "early_loss": 2.0, "loss": 1.0},
        {"peer": "sklearn", "threads": 1, "early_loss": 2.0, "loss": 1.0},
        {"peer": "torch", "threads": 1, "early_loss": 2.001, "loss": 1.0},
    ]
    ready = [Ready(row["peer"]) for row in rows]
    kept = runner.leave_out_unequal_work(problems.BY_NAME["tiny"], ready, rows)
    assert [worker.peer for worker in kept] == ["mlpcore", "sklearn"]
    assert [worker.closed for worker in ready] == [False, False, True]
    assert "other work, not timed: loss 2.001, sklearn 2" in rows[2]["error"]


def test_a_step_of_the_chapters_classifier_counts_its_products(benchmark_module):
    problem = benchmark_module("problems").BY_NAME["fashion-sgd-32"]
    forward = 2 * (784 * 300 + 300 * 100 + 100 * 10)
    inputs = 2 * (300 * 100 + 100 * 10)
    assert problem.flops == 55000 * (2 * forward + inputs)
    assert problem.steps == 1719


def test_every_peer_starts_where_scikit_learn_does(benchmark_module):
    problem = benchmark_module("problems").BY_NAME["tiny"]
    equal = benchmark_module("equal")
    x, y = problem.data(problem.rows)
    still = MLPClassifier(problem.layers[1:-1], solver="sgd", learning_rate_init=1e-30, max_iter=1, tol=0, alpha=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        still.set_params(random_state=0).fit(x, y)
    random_state = np.random.RandomState(0)
    parameters = equal.initial_parameters(problem, random_state)
    for kernel, bias, w, b in zip(parameters[::2], parameters[1::2], still.coefs_, still.intercepts_, strict=True):
        np.testing.assert_array_equal(kernel, w)
        np.testing.assert_array_equal(bias, b)
    state = random_state.get_state()
    ours = list(equal.orders(100, 3, random_state))
    random_state.set_state(state)
    theirs = np.arange(100)
    for order in ours:
        theirs = shuffle(theirs, random_state=random_state)
        np.testing.assert_array_equal(order, theirs)


@pytest.mark.skipif(not _core.available_bf16(), reason="this processor, or MLPCORE_ISA, has no bfloat16")
def test_the_benchmark_of_mixed_precision_runs():
    command = "mixed_precision.py --layers 20 30 5 --batches 50 --solvers sgd --rounds 1".split()
    done = subprocess.run([sys.executable, *command], cwd=BENCHMARKS, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "sgd, batch    50" in done.stdout
