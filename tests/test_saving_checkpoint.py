"""Checkpoints: complete or not there, the one before is kept, and what cannot be used is said."""

import contextlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mlpcore.saving import checkpoint
from mlpcore.saving.checkpoint import CheckpointWarning, delete_state, load_state, previous, save_state
from mlpcore.saving.container import write_container
from mlpcore.saving.errors import FileFormatError


def peek(path):
    """Return `extra` of the checkpoint that `load_state` would use; None if there is none."""
    for candidate in (Path(path), previous(path)):
        with contextlib.suppress(OSError, FileFormatError):
            return checkpoint._read(candidate)["extra"]
    return None


class Counter:
    """Stands for a model: its state is a number."""

    number = 0


@pytest.fixture(autouse=True)
def model(monkeypatch):
    def restore(model, state):
        if state["kind"] != "counter":
            raise FileFormatError("the checkpoint of another model")
        model.number = state["number"]

    monkeypatch.setattr(checkpoint, "model_state", lambda model: {"kind": "counter", "number": model.number})
    monkeypatch.setattr(checkpoint, "set_model_state", restore)
    return Counter()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "folder" / "latest"


def save(model, path, number):
    model.number = number
    save_state(model, path, {"epoch": number, "order": np.arange(3), "best": float("nan"), "none": None})


def test_state_and_extra_come_back(model, path):
    save(model, path, 3)
    model.number = 0
    extra = load_state(model, path)
    assert model.number == 3
    assert extra["order"].tolist() == [0, 1, 2]
    assert repr(extra["best"]) == "nan"
    assert peek(path)["epoch"] == 3


def test_without_a_checkpoint_there_is_none(model, path):
    assert load_state(model, path) is None
    assert peek(path) is None
    delete_state(path)


def test_the_one_before_is_kept(model, path):
    for number in (1, 2, 3):
        save(model, path, number)
    assert sorted(os.listdir(path.parent)) == ["latest", "latest.previous"]
    path.unlink()
    assert load_state(model, path)["epoch"] == 2


@pytest.mark.parametrize("damage", ["torn", "flipped", "foreign", "empty", "another model", "another kind"])
def test_what_cannot_be_used_is_said_and_the_one_before_used(model, path, damage):
    for number in (1, 2):
        save(model, path, number)
    data = bytearray(path.read_bytes())
    if damage == "another kind":
        write_container(path, {"kind": "model"}, {})
    elif damage == "another model":
        write_container(path, {"kind": "checkpoint", "state": {"model": {"kind": "other"}, "extra": {}}}, {})
    else:
        flipped = data[:100] + bytes([data[100] ^ 1]) + data[101:]
        path.write_bytes({"torn": data[:-30], "flipped": flipped, "foreign": b"x" * 50, "empty": b""}[damage])
    model.number = 0
    with pytest.warns(CheckpointWarning, match="checkpoint not used"):
        assert load_state(model, path)["epoch"] == 1
    assert model.number == 1


def test_a_torn_checkpoint_does_not_push_out_the_one_before(model, path):
    for number in (1, 2):
        save(model, path, number)
    path.write_bytes(path.read_bytes()[:-30])
    save(model, path, 3)
    assert peek(path)["epoch"] == 3
    assert peek(previous(path))["epoch"] == 1


def test_only_torn_checkpoints_are_none(model, path):
    save(model, path, 1)
    path.write_bytes(b"")
    with pytest.warns(CheckpointWarning, match="no zip file"):
        assert load_state(model, path) is None


def test_deleting_leaves_nothing(model, path):
    for number in (1, 2):
        save(model, path, number)
    (path.parent / ".latest.7.0123abcd.tmp").touch()
    delete_state(path)
    assert os.listdir(path.parent) == []


def test_without_hard_links_it_works_too(model, path, monkeypatch):
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
    for number in (1, 2, 3):
        save(model, path, number)
    assert peek(path)["epoch"] == 3
    assert peek(previous(path))["epoch"] == 2


def test_what_cannot_be_saved_is_named_and_harms_nothing(model, path):
    save(model, path, 1)
    with pytest.raises(TypeError, match=r"extra\.callback: a function cannot be saved"):
        save_state(model, path, {"callback": save})
    assert peek(path)["epoch"] == 1


WRITER = """
import sys, numpy as np
from mlpcore.saving import checkpoint
checkpoint.model_state = lambda model: {"weights": [np.full(20_000, model)] * 3}
number = 0
while True:
    number += 1
    checkpoint.save_state(number, sys.argv[1], {"number": number})
    print(number, flush=True)
"""


@pytest.mark.parametrize("delay", [0.011, 0.023, 0.037])
def test_a_killed_writer_leaves_a_complete_checkpoint(path, delay):
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    writer.stdout.readline()
    time.sleep(delay)
    writer.kill()
    written = [1, *map(int, writer.communicate()[0].split())][-1]
    state = checkpoint._read(path)
    assert state["extra"]["number"] in (written, written + 1)
    assert all((weights == state["extra"]["number"]).all() for weights in state["model"]["weights"])
