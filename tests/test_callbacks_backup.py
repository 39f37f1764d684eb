"""BackupAndRestore: a training that is killed anywhere ends as if it had run through."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import backup_run
from callback_cases import Model
from mlpcore import callbacks, layers, models, random
from mlpcore.callbacks import BackupAndRestore, LambdaCallback
from mlpcore.saving.checkpoint import CheckpointWarning


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the results of a training that ran through."""
    folder = tmp_path_factory.mktemp("whole")
    backup_run.train(folder / "backup", str(folder / "out"))
    assert not (folder / "backup").exists()
    return np.load(folder / "out.npz")


def results_of(out):
    return np.load(f"{out}.npz")


def assert_same(results, expected):
    assert set(results.files) == set(expected.files)
    different = [name for name in expected.files if results[name].tobytes() != expected[name].tobytes()]
    assert not different


@pytest.mark.parametrize(
    ("when", "save_freq"),
    [
        ("batch:29", "epoch"),
        ("batch:30", "3"),
        ("batch:53", "1"),
        ("write:1", "epoch"),
        ("write:4", "epoch"),
        ("half:8", "5"),
    ],
)
def test_killed_training_ends_as_if_it_had_run_through(whole, tmp_path, when, save_freq):
    program = [sys.executable, str(Path(backup_run.__file__)), str(tmp_path / "backup"), str(tmp_path / "out")]
    killed = subprocess.run([*program, when, save_freq], capture_output=True, text=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    save_freq = int(save_freq) if save_freq.isdigit() else save_freq
    backup_run.train(tmp_path / "backup", str(tmp_path / "out"), save_freq=save_freq)
    assert_same(results_of(tmp_path / "out"), whole)
    assert not (tmp_path / "backup").exists()


def small(seed=0):
    random.set_seed(seed)
    model = models.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


X = np.arange(24.0).reshape(8, 3) / 24
Y = X[:, 0]


def fit(model, *used, epochs=4):
    return model.fit(X, Y, epochs=epochs, verbose=0, callbacks=list(used))


def fail_at(epoch):
    def hook(now, logs):
        if now == epoch:
            raise RuntimeError("stop")

    return LambdaCallback(on_epoch_begin=hook)


def test_resumed_history_holds_all_epochs(tmp_path):
    with pytest.raises(RuntimeError, match="stop"):
        fit(small(), BackupAndRestore(tmp_path / "b"), fail_at(2))
    history = fit(small(), BackupAndRestore(tmp_path / "b"))
    assert history.epoch == [0, 1, 2, 3]
    assert history.history == fit(small()).history


def test_callbacks_of_ones_own_take_part(tmp_path):
    class Count(callbacks.Callback):
        count = 0

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

        def get_state(self):
            return {"count": self.count}

        def set_state(self, state):
            self.count = state["count"]

    with pytest.raises(RuntimeError):
        fit(small(), Count(), BackupAndRestore(tmp_path / "b"), fail_at(3))
    count = Count()
    fit(small(), count, BackupAndRestore(tmp_path / "b"))
    assert count.count == 4


def test_finished_training_leaves_nothing_or_its_backup(tmp_path):
    fit(small(), BackupAndRestore(tmp_path / "b"))
    assert not (tmp_path / "b").exists()
    fit(small(), BackupAndRestore(tmp_path / "b", delete_checkpoint=False))
    more = fit(small(), BackupAndRestore(tmp_path / "b", delete_checkpoint=False), epochs=6)
    assert more.epoch == [0, 1, 2, 3, 4, 5]
    assert more.history == fit(small(), epochs=6).history


def test_nothing_is_left_to_do_after_the_last_epoch(tmp_path):
    fit(small(), BackupAndRestore(tmp_path / "b", delete_checkpoint=False))
    model = small(seed=5)
    history = fit(model, BackupAndRestore(tmp_path / "b"), LambdaCallback(on_epoch_begin=lambda *_: pytest.fail("ran")))
    assert history.epoch == [0, 1, 2, 3]


def test_training_that_had_stopped_early_stays_stopped(tmp_path):
    stop = LambdaCallback(on_epoch_end=lambda epoch, logs: setattr(stop.model, "stop_training", epoch == 1))
    fit(small(), stop, BackupAndRestore(tmp_path / "b", delete_checkpoint=False))
    history = fit(small(), BackupAndRestore(tmp_path / "b"))
    assert history.epoch == [0, 1]


def test_damaged_backup_is_told_and_the_one_before_is_used(tmp_path):
    with pytest.raises(RuntimeError):
        fit(small(), BackupAndRestore(tmp_path / "b"), fail_at(3))
    newest = tmp_path / "b" / "training.checkpoint"
    newest.write_bytes(newest.read_bytes()[:-100])
    begun = []
    model = small()
    with pytest.warns(CheckpointWarning, match=r"training\.checkpoint"):
        fit(
            model, BackupAndRestore(tmp_path / "b"), LambdaCallback(on_epoch_begin=lambda epoch, _: begun.append(epoch))
        )
    assert begun == [2, 3]
    expected = small()
    fit(expected)
    for got, weight in zip(model.get_weights(), expected.get_weights(), strict=True):
        np.testing.assert_array_equal(got, weight)


def test_backup_of_another_model_is_told_and_training_starts_anew(tmp_path):
    with pytest.raises(RuntimeError):
        fit(small(), BackupAndRestore(tmp_path / "b"), fail_at(3))
    other = models.Sequential([layers.Input((3,)), layers.Dense(7), layers.Dense(1)])
    other.compile("sgd", "mse")
    with pytest.warns(CheckpointWarning):
        assert fit(other, BackupAndRestore(tmp_path / "b")).epoch == [0, 1, 2, 3]


def test_single_checkpoint_keeps_no_previous_one(tmp_path):
    fit(small(), BackupAndRestore(tmp_path / "b", double_checkpoint=False, delete_checkpoint=False))
    assert [path.name for path in (tmp_path / "b").iterdir()] == ["training.checkpoint"]


def test_folder_with_other_files_stays(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    fit(small(), BackupAndRestore(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_without_saving_it_only_restores(tmp_path):
    callback = BackupAndRestore(tmp_path / "b", save_freq=False)
    fit(small(), callback)
    assert not (tmp_path / "b").exists()
    assert not callbacks.CallbackList(callback, model=Model()).needs_batches


def test_wrong_arguments_are_refused():
    with pytest.raises(ValueError, match="backup_dir is empty"):
        BackupAndRestore("")
    with pytest.raises(ValueError, match="save_freq is 'epoch' or a number of batches"):
        BackupAndRestore("b", save_freq="batch")
