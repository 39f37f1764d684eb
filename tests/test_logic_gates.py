"""Logic gates: one unit computes and learns those that a line separates, two layers compute XOR."""

import importlib.util
import itertools
from pathlib import Path

import numpy as np
import pytest

from mlpcore import Perceptron

EXAMPLE = Path(__file__).parents[1] / "examples" / "logic_gates.py"
SPEC = importlib.util.spec_from_file_location("logic_gates", EXAMPLE)
gates = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(gates)

TABLES = list(itertools.product([0, 1], repeat=4))  # every function of two inputs
XOR_AND_XNOR = {(0, 1, 1, 0), (1, 0, 0, 1)}


@pytest.mark.parametrize("name", gates.GATES)
def test_a_unit_set_by_hand_computes_the_gate(name):
    np.testing.assert_array_equal(gates.gates_by_hand()[name], gates.GATES[name][2])


@pytest.mark.parametrize("table", [t for t in TABLES if t not in XOR_AND_XNOR and len(set(t)) == 2], ids=str)
def test_one_unit_learns_every_separable_gate(table):
    unit = Perceptron(tol=None, max_iter=50).fit(gates.INPUTS, table)
    np.testing.assert_array_equal(unit.predict(gates.INPUTS), table)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("table", XOR_AND_XNOR, ids=str)
def test_one_unit_never_learns_xor(table):
    for seed in range(20):
        unit = Perceptron(max_iter=100, n_iter_no_change=100, random_state=seed)
        assert unit.fit(gates.INPUTS, table).score(gates.INPUTS, table) < 1


def test_one_layer_learns_all_gates_at_once():
    tables = np.column_stack([table for _, _, table in gates.GATES.values()])
    np.testing.assert_array_equal(gates.gates_learnt(), tables)


def test_two_layers_set_by_hand_compute_xor():
    np.testing.assert_array_equal(gates.xor_by_hand(), gates.XOR)


def test_a_multilayer_perceptron_learns_xor():
    np.testing.assert_array_equal(gates.xor_learnt(), gates.XOR)


def test_the_example_runs(capsys):
    gates.main()
    printed = capsys.readouterr().out
    assert "learnt by a Perceptron of 5 units: True" in printed
    assert "XOR by a multilayer perceptron: [0 1 1 0]" in printed
