"""CSVLogger: the lines it writes, appends and drops."""

import numpy as np
import pytest

from callback_cases import Model, losses, run
from mlpcore.callbacks import CSVLogger, LambdaCallback


def test_lines_hold_epoch_and_logs_in_alphabetical_order(tmp_path):
    run(
        CSVLogger(tmp_path / "log.csv"),
        [{"loss": 0.5, "acc": 0.25, "val_loss": 1.0}, {"loss": 0.125, "acc": 1, "val_loss": 2}],
    )
    assert (tmp_path / "log.csv").read_text().split() == [
        "epoch,acc,loss,val_loss",
        "0,0.25,0.5,1.0",
        "1,1.0,0.125,2.0",
    ]


def test_epochs_without_validation_have_na(tmp_path):
    run(CSVLogger(tmp_path / "log.csv", separator=";"), [{"loss": 0.5}, {"loss": 0.25, "val_loss": 1.0}])
    assert (tmp_path / "log.csv").read_text().split() == ["epoch;loss;val_loss", "0;0.5;NA", "1;0.25;1.0"]


@pytest.mark.parametrize("append", [False, True])
def test_append_continues_the_file(tmp_path, append):
    path = tmp_path / "log.csv"
    run(CSVLogger(path), losses(1, 2))
    run(CSVLogger(path, append=append), losses(3))
    lines = path.read_text().split()
    assert lines == ["epoch,val_loss"] + (["0,1.0", "1,2.0"] if append else []) + ["0,3.0"]


def test_numbers_come_back_to_the_bit(tmp_path):
    values = np.random.default_rng(0).random(5).tolist()
    run(CSVLogger(tmp_path / "log.csv"), losses(*values))
    assert np.genfromtxt(tmp_path / "log.csv", delimiter=",", names=True)["val_loss"].tolist() == values


def test_missing_folder_is_told_before_training(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        run([CSVLogger(tmp_path / "no" / "log.csv"), LambdaCallback(on_epoch_begin=pytest.fail)], losses(1))


def test_line_is_there_after_its_epoch(tmp_path):
    path, seen = tmp_path / "log.csv", []
    run([CSVLogger(path), LambdaCallback(on_epoch_end=lambda *_: seen.append(path.read_text()))], losses(1, 2))
    assert [text.count("\n") for text in seen] == [2, 3]


def test_resumed_run_drops_lines_after_the_backup(tmp_path):
    path = tmp_path / "log.csv"
    first, second = CSVLogger(path), CSVLogger(path)
    for callback in (first, second):
        callback.set_model(Model())
    first.on_train_begin()
    first.on_epoch_end(0, {"loss": 3.0})
    state = first.get_state()
    first.on_epoch_end(1, {"loss": 2.0})  # then it was killed, before the backup after this epoch
    first._close()
    second.on_train_begin()
    second.set_state(state)
    second.on_epoch_end(1, {"loss": 2.0})
    second.on_epoch_end(2, {"loss": 1.0})
    second.on_train_end()
    assert path.read_text().split() == ["epoch,loss,val_loss", "0,3.0,NA", "1,2.0,NA", "2,1.0,NA"]
