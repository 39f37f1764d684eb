"""Searches survive kill -9, and processes share one."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

import mlpcore.tuner as kt
from mlpcore.tuner._locks import FileLock, is_held
from mlpcore.tuner._storage import drop_unfinished_line
from pretend_model import build_pretend_model
from search_in_process import SEARCHES, make_tuner

pytest.importorskip("optuna")
SCRIPT = Path(__file__).with_name("search_in_process.py")


def start(kind, folder, pause=0.02):
    return subprocess.Popen([sys.executable, str(SCRIPT), kind, str(folder), str(pause)])


def finished(kind, folder):
    """Return number -> (parameters, score) of the finished trials."""
    tuner, _ = make_tuner(kind, folder)
    messages = [trial.message for trial in tuner.oracle.trials.values() if trial.status == "FAILED"]
    assert not messages, messages[0]
    trials = tuner.oracle.project.trials()
    return {t.number: (t.params, t.user_attrs["result"]["score"]) for t in trials if t.state.is_finished()}


def starts(folder):
    path = Path(folder) / "starts.txt"
    return [int(line.split()[0]) for line in path.read_text().splitlines()] if path.exists() else []


def wait_for(condition, process, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, "the search ended before it could be killed"
        assert time.monotonic() < end
        time.sleep(0.005)


def kill_and_check(kind, folder, n_kills, seed):
    """Kill a search `n_kills` times, each after one more trial started; check what it kept; let it end."""
    rng = random.Random(seed)
    known = {}
    for _ in range(n_kills):
        begun = len(starts(folder))
        process = start(kind, folder)
        try:
            wait_for(lambda: len(starts(folder)) > begun, process)  # noqa: B023
            time.sleep(rng.random() * 0.1)
        finally:
            process.kill()
            process.wait()
        now, after = finished(kind, folder), starts(folder)[begun:]
        assert known.items() <= now.items(), "a finished trial was lost or changed"
        assert known.keys().isdisjoint(after), "a finished trial was run again"
        known = now
    assert start(kind, folder, 0.0).wait(timeout=100) == 0
    final = finished(kind, folder)
    assert known.items() <= final.items()
    assert len(final) == SEARCHES[kind][1]
    assert len({str(params) for params, _ in final.values()}) == len(final)
    assert len(make_tuner(kind, folder)[0].get_best_models(3)) == 3


@pytest.mark.parametrize("kind", SEARCHES)
def test_killed_searches_lose_and_repeat_nothing(kind, tmp_path):
    kill_and_check(kind, tmp_path, n_kills=2, seed=0)


@pytest.mark.parametrize("kind", SEARCHES)
def test_two_processes_share_a_search(kind, tmp_path):
    processes = [start(kind, tmp_path) for _ in range(2)]
    assert [process.wait(timeout=100) for process in processes] == [0, 0]
    final = finished(kind, tmp_path)
    assert len(final) == SEARCHES[kind][1]
    begun = starts(tmp_path)
    assert len(begun) == len(set(begun))  # each was run once
    assert set(final) <= set(begun)
    assert len({str(params) for params, _ in final.values()}) == len(final)


def test_a_process_takes_over_what_a_killed_one_left(tmp_path):
    killed = start("random", tmp_path, pause=5.0)
    wait_for(lambda: starts(tmp_path), killed)
    other = start("random", tmp_path, pause=0.001)
    time.sleep(1.0)
    killed.kill()
    killed.wait()
    assert other.wait(timeout=100) == 0
    assert starts(tmp_path).count(0) == 2
    assert len(finished("random", tmp_path)) == 8


def test_an_interrupted_search_draws_what_an_uninterrupted_one_does(tmp_path):
    for name, stops in (("whole", [8]), ("parts", [2, 5, 8])):
        for stop in stops:
            tuner = kt.RandomSearch(
                build_pretend_model, "val_accuracy", stop, seed=7, directory=tmp_path, project_name=name
            )
            tuner.search(verbose=0)
    whole, parts = (
        [
            t.hyperparameters.values
            for t in kt.RandomSearch(
                build_pretend_model, "val_accuracy", 8, directory=tmp_path, project_name=name
            ).oracle.trials.values()
        ]
        for name in ("whole", "parts")
    )
    assert whole == parts


def test_an_unfinished_line_of_the_journal_is_dropped(tmp_path):
    tuner, _ = make_tuner("random", tmp_path)
    tuner.search(0.0, verbose=0)
    journal = tmp_path / "random" / "journal.log"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code": 4, "worker_id": "x')
    tuner, _ = make_tuner("random", tmp_path)
    tuner.oracle.max_trials = 9
    tuner.search(0.0, verbose=0)
    assert len(finished("random", tmp_path)) == 9
    for text, kept in ((b"", b""), (b"abc", b""), (b"a\n" + b"b" * 5000, b"a\n"), (b"a\n", b"a\n")):
        journal.write_bytes(text)
        drop_unfinished_line(journal)
        assert journal.read_bytes() == kept


def test_a_lock_excludes_and_is_released(tmp_path):
    path = tmp_path / "lock"
    assert not is_held(path)
    lock = FileLock(path)
    with lock.held():
        assert is_held(path)
        assert not FileLock(path).acquire(wait=False)
    assert not is_held(path)
    lock.release()  # harmless


def test_overwrite_refuses_while_another_process_searches(tmp_path):
    process = start("random", tmp_path, pause=5.0)
    try:
        wait_for(lambda: starts(tmp_path), process)
        with pytest.raises(RuntimeError, match="another process is searching"):
            kt.RandomSearch(
                build_pretend_model, "val_accuracy", directory=tmp_path, project_name="random", overwrite=True
            )
    finally:
        process.kill()
        process.wait()
