"""Hostile calls of every kind: each is refused with a message that says what was expected, and changes nothing."""

import pytest

from hostile_inputs import cases, fits, outcome
from hostile_subjects import Subjects

CASES = cases()
KINDS = list(dict.fromkeys(case.kind for case in CASES))


@pytest.fixture(scope="module")
def subjects():
    made = Subjects()
    yield made
    made.folder.cleanup()


def test_there_are_500_different_calls():
    assert len({case.call for case in CASES}) == len(CASES) >= 500


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_calls_get_what_is_listed_and_change_nothing(kind, subjects):
    wrong = []
    for case in CASES:
        if case.kind != kind:
            continue
        got = outcome(case, subjects)
        if not fits(case, got):
            wrong.append(f"{case.call}\n    expected {case.expected}\n    got {got[:300]}")
        now = subjects.bits()
        if changed := [name for name in now if now[name] != subjects.before[name]]:
            wrong.append(f"{case.call}\n    has changed {changed}")
            subjects.before = now
    assert not wrong, "\n".join(wrong)
