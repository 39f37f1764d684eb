"""What the coverage-guided fuzzer has found worth keeping: every input gets a right result or a documented error."""

from pathlib import Path

import pytest

from fuzzing import calls, files

CORPUS = Path(__file__).parent / "fuzzing" / "corpus"
TARGETS = {"calls": calls.check, "files": files.check}


def kept(target):
    return sorted((CORPUS / target).iterdir())


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_is_there_and_small(target):
    assert len(kept(target)) > 50
    assert sum(path.stat().st_size for path in kept(target)) < 150_000


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("part", range(8))
def test_every_kept_input_gets_a_right_result_or_a_documented_error(target, part):
    """`check` raises what no documentation names, and what breaks a claim about bits, shapes or weights."""
    pytest.importorskip("h5py")
    pytest.importorskip("safetensors")
    for path in kept(target)[part::8]:
        try:
            outcome = TARGETS[target](path.read_bytes())
        except Exception as error:
            raise AssertionError(f"{path.name}: {error!r}") from error
        assert outcome


def test_inputs_reach_both_outcomes():
    outcomes = {word for path in kept("calls") for word in calls.check(path.read_bytes()).split()}
    assert {"trained", "predicted", "evaluated", "differentiated", "parts", "shared", "refused", "no"} <= outcomes
    outcomes = {word for path in kept("files") for word in files.check(path.read_bytes()).replace(";", "").split()}
    assert {"Sequential", "Functional", "MLPClassifier", "MLPRegressor", "Perceptron", "weights", "refused"} <= outcomes
