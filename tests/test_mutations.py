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


@pytest.mark.parametrize("text", [text for fault in CORE for text in fault[2:4]])
def test_a_fault_of_the_core_is_an_expression(text):
    # run.py compiles it as one side of a ?:
    depth = 0
    for character in text:
        depth += (character in "([{") - (character in ")]}")
        assert depth >= 0
        assert depth > 0 or character not in ",;"
    assert depth == 0
    assert not {"+=", "-=", "*="} & set(text.split())
