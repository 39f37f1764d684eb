"""EarlyStopping and TerminateOnNaN."""

import warnings
from types import SimpleNamespace

import pytest

from callback_cases import Model, losses, run
from mlpcore.callbacks import EarlyStopping, TerminateOnNaN


def epochs_run(model):
    return len(model.history.epoch)


@pytest.mark.parametrize(("patience", "n_epochs"), [(0, 3), (1, 3), (2, 4), (3, 8)])
def test_training_stops_after_patience_epochs_without_improvement(patience, n_epochs):
    model = run(EarlyStopping(patience=patience), losses(5, 4, 4.5, 4, 3.9, 4, 4, 4, 4))
    assert epochs_run(model) == n_epochs


def test_first_epoch_never_stops():
    stopping = EarlyStopping(baseline=0.1)
    assert epochs_run(run(stopping, losses(5, 5, 5))) == 2


def test_min_delta_is_the_smallest_improvement():
    assert epochs_run(run(EarlyStopping(min_delta=0.5, patience=2), losses(5, 4.6, 4.55, 1))) == 3


def test_baseline_has_to_be_beaten_within_patience():
    assert epochs_run(run(EarlyStopping(patience=3, baseline=2), losses(5, 4, 3, 2.5, 1))) == 5
    assert epochs_run(run(EarlyStopping(patience=3, baseline=2), losses(5, 4, 3, 3, 1))) == 4


def test_start_from_epoch_ignores_what_was_before():
    stopping = EarlyStopping(start_from_epoch=2)
    assert epochs_run(run(stopping, losses(1, 2, 3, 2, 5))) == 5
    assert stopping.best == 2


@pytest.mark.parametrize("values", [(3, 1, 2, 2, 2), (3, 1, 2)], ids=["stopped", "ran through"])
def test_best_weights_are_restored_also_without_a_stop(values):
    model = run(EarlyStopping(patience=3, restore_best_weights=True), losses(*values))
    assert model.weights == [1.0]
    assert run(EarlyStopping(patience=3), losses(*values)).weights == [len(values) - 1.0]


def test_messages_are_those_of_keras(capsys):
    run(EarlyStopping(patience=1, restore_best_weights=True, verbose=1), losses(3, 1, 2, 2))
    assert capsys.readouterr().out == (
        "Epoch 3: early stopping\nRestoring model weights from the end of the best epoch: 2.\n"
    )


def test_callback_can_be_used_again():
    stopping = EarlyStopping(patience=1)
    run(stopping, losses(0.1, 0.2))
    assert epochs_run(run(stopping, losses(5, 4, 3))) == 3


@pytest.mark.parametrize(
    ("monitor", "values", "n_epochs"),
    [
        ("val_accuracy", (0.5, 0.6, 0.6), 3),
        ("auc", (0.5, 0.4, 0.6), 2),
        ("val_out_root_mean_squared_error", (3, 2, 2), 3),
    ],
)
def test_direction_follows_the_name(monitor, values, n_epochs):
    assert epochs_run(run(EarlyStopping(monitor), losses(*values, name=monitor))) == n_epochs


def test_direction_follows_the_metric_of_the_model():
    model = Model()
    model.metrics = [SimpleNamespace(name="mine", _direction="up")]
    assert epochs_run(run(EarlyStopping("val_mine"), losses(1, 2, 3, name="val_mine"), model)) == 3


def test_unknown_direction_is_asked_for():
    with pytest.raises(ValueError, match=r"EarlyStopping cannot tell .* of 'mine' is better: pass mode='max' or"):
        run(EarlyStopping("mine"), losses(1, name="mine"))
    with pytest.warns(UserWarning, match="unknown mode 'maximum', 'auto' is used"):
        EarlyStopping(mode="maximum")


def test_missing_monitor_warns_with_what_there_is():
    with pytest.warns(
        UserWarning, match=r"'val_acc' is not available; did you mean 'val_accuracy'\? Available: loss, val_a"
    ):
        model = run(EarlyStopping("val_acc"), [{"loss": 1, "val_accuracy": 0.5, "val_loss": 2}])
    assert not model.stop_training
    with pytest.warns(UserWarning, match="'val_loss' is not available without validation data"):
        run(EarlyStopping(), [{"loss": 1}])


def test_missing_monitor_is_no_error_with_an_unknown_direction():
    with pytest.warns(UserWarning, match="'mine' is not available"):
        run(EarlyStopping("mine"), losses(1))


def test_nan_is_no_best_value():
    stopping = EarlyStopping(patience=3)
    run(stopping, losses(float("nan"), 2, 1, 3))
    assert stopping.best == 1


def test_state_continues_counters_and_best_weights():
    values = losses(5, 3, 4, 3.5, 3.2, 6)
    whole = EarlyStopping(patience=4, restore_best_weights=True)
    expected = run(whole, values)
    first, second = (EarlyStopping(patience=4, restore_best_weights=True) for _ in range(2))
    model = Model()
    for callback in (first, second):
        callback.set_model(model)
        callback.on_train_begin()
    for epoch, logs in enumerate(values):
        callback = first if epoch < 3 else second
        if epoch == 3:
            second.set_state(first.get_state())
        model.weights = [float(epoch)]
        callback.on_epoch_end(epoch, logs)
    second.on_train_end()
    assert second.get_state() == whole.get_state()
    assert (model.weights, model.stop_training) == (expected.weights, expected.stop_training)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_terminate_on_nan_stops_after_the_batch(value, capsys):
    model = run(TerminateOnNaN(), losses(1.0, value, 1.0, name="loss"))
    assert epochs_run(model) == 2
    assert model.optimizer.iterations == 4
    assert capsys.readouterr().out == "Batch 0: Invalid loss, terminating training\n"


def test_terminate_on_nan_may_raise():
    with pytest.raises(RuntimeError, match=r"the loss is nan after batch 0 \(counted from 0\)"):
        run(TerminateOnNaN(raise_error=True), losses(float("nan"), name="loss"))


def test_nothing_warns_where_all_is_well():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run([EarlyStopping(), TerminateOnNaN()], [{"loss": 1.0, "val_loss": 1.0}])
