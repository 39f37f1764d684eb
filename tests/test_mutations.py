"""The faults of the mutation check still have their place in the sources, and tests that are to catch them."""

from pathlib import Path

import pytest

from mutations.faults import CORE, PYTHON

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(("file", "piece", "right", "wrong", "tests"), CORE + PYTHON)
def test_a_fault_has_its_place(file, piece, right, wrong, tests):
    assert (ROOT / file).read_text().count(piece) == 1
    assert piece.count(right) == 1
    assert wrong != right
    assert tests
    assert all((ROOT / test).exists() for test in tests)
