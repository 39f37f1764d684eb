"""ModelCheckpoint: when it saves, where to, and what it says."""

import pytest

from callback_cases import losses, run
from mlpcore.callbacks import ModelCheckpoint


def test_every_epoch_is_saved():
    assert run(ModelCheckpoint("m.keras"), losses(1, 2)).saved == ["m.keras", "m.keras"]


def test_paths_need_no_suffix():
    assert run(ModelCheckpoint("my_checkpoints", save_weights_only=True), losses(1)).saved == ["weights my_checkpoints"]


def test_path_names_epoch_and_quantities(tmp_path):
    model = run(ModelCheckpoint(tmp_path / "new" / "{epoch:02d}-{val_loss:.3f}"), losses(0.5, 0.25))
    assert model.saved == [str(tmp_path / "new" / name) for name in ("01-0.500", "02-0.250")]
    assert (tmp_path / "new").is_dir()


def test_unknown_quantity_in_the_path_is_told():
    with pytest.raises(KeyError, match="names 'val_acc', which is not available; did you mean 'val_accuracy'"):
        run(ModelCheckpoint("{epoch}-{val_acc:.2f}"), losses(1, name="val_accuracy"))


def test_only_improvements_are_saved():
    model = run(ModelCheckpoint("{epoch}", save_best_only=True), losses(3, 4, 2, 2))
    assert model.saved == ["1", "3"]
    model = run(ModelCheckpoint("{epoch}", "val_auc", save_best_only=True), losses(3, 4, 2, 2, name="val_auc"))
    assert model.saved == ["1", "2"]


def test_threshold_has_to_be_beaten():
    checkpoint = ModelCheckpoint("{epoch}", save_best_only=True, initial_value_threshold=2.5)
    assert run(checkpoint, losses(3, 2, 1)).saved == ["2", "3"]


def test_best_value_stays_for_the_next_fit():
    checkpoint = ModelCheckpoint("{epoch}", save_best_only=True)
    run(checkpoint, losses(1))
    assert run(checkpoint, losses(2)).saved == []


@pytest.mark.parametrize(("every", "saved"), [(2, ["1-2", "2-1", "2-3"]), (4, ["2-1"]), (3, ["1-3", "2-3"])])
def test_batches_are_counted_across_epochs(every, saved):
    checkpoint = ModelCheckpoint("{epoch}-{batch}", save_freq=every)
    assert run(checkpoint, losses(1, 1), n_batches=3).saved == saved


def test_best_only_by_batches():
    checkpoint = ModelCheckpoint(
        "{epoch}-{batch}", "loss", save_best_only=True, save_freq=3, initial_value_threshold=1.5
    )
    assert run(checkpoint, losses(2, 1, name="loss"), n_batches=3).saved == ["2-3"]


def test_messages_are_those_of_keras(capsys):
    run(ModelCheckpoint("m", save_best_only=True, verbose=1), losses(0.5, 0.7))
    assert capsys.readouterr().out == (
        "\nEpoch 1: val_loss improved from None to 0.50000, saving model to m\n"
        "\nEpoch 1: finished saving model to m\n"
        "\nEpoch 2: val_loss did not improve from 0.50000\n"
    )
    run(ModelCheckpoint("m", verbose=1), losses(0.5))
    assert capsys.readouterr().out == "\nEpoch 1: saving model to m\n\nEpoch 1: finished saving model to m\n"


def test_missing_monitor_warns_and_saves():
    with pytest.warns(
        UserWarning, match="ModelCheckpoint saves every model: the monitored 'val_loss' is not available"
    ):
        model = run(ModelCheckpoint("m", save_best_only=True), losses(1, name="loss"))
    assert model.saved == ["m"]


@pytest.mark.parametrize("every", [0, -1, "batch", 1.5, True])
def test_wrong_save_freq_is_refused(every):
    with pytest.raises(ValueError, match="save_freq is 'epoch' or a number of batches"):
        ModelCheckpoint("m", save_freq=every)


def test_state_continues_best_value_and_count():
    first, second = (ModelCheckpoint("m", save_best_only=True, save_freq=4) for _ in range(2))
    run(first, losses(0.5), n_batches=3)
    second.set_state(first.get_state())
    assert (second.best, second._counter.since_last, second._counter.last_batch) == (first.best, 3, 2)
