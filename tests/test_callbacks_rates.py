"""LearningRateScheduler and ReduceLROnPlateau."""

import numpy as np
import pytest

from callback_cases import Model, losses, run
from mlpcore.callbacks import LearningRateScheduler, ReduceLROnPlateau


def test_schedule_gets_epoch_and_rate_and_sets_the_rate():
    model = run(LearningRateScheduler(lambda epoch, rate: rate if epoch < 2 else 0.1 * rate), losses(1, 1, 1, 1))
    np.testing.assert_allclose(model.history.history["learning_rate"], [0.5, 0.5, 0.05, 0.005])


def test_schedule_may_take_the_epoch_alone():
    assert run(LearningRateScheduler(lambda epoch: 0.25 / (epoch + 1)), losses(1, 1)).optimizer.learning_rate == 0.125


def test_error_inside_a_schedule_is_not_hidden():
    def schedule(epoch, rate):
        return rate + "text"

    with pytest.raises(TypeError, match="unsupported operand"):
        run(LearningRateScheduler(schedule), losses(1))


def test_schedule_has_to_return_a_float():
    with pytest.raises(ValueError, match="has to return a float, got None for epoch 0"):
        run(LearningRateScheduler(lambda epoch: None), losses(1))
    with pytest.raises(TypeError, match="schedule must be a function"):
        LearningRateScheduler(0.1)


def test_messages_are_those_of_keras(capsys):
    run(LearningRateScheduler(lambda epoch: 0.1, verbose=1), losses(1))
    run(ReduceLROnPlateau(patience=1, verbose=1), losses(1, 1))
    assert capsys.readouterr().out == (
        "\nEpoch 1: LearningRateScheduler setting learning rate to 0.1.\n"
        "\nEpoch 2: ReduceLROnPlateau reducing learning rate to 0.05.\n"
    )


def test_rate_is_reduced_on_a_plateau():
    model = run(ReduceLROnPlateau(factor=0.5, patience=2), losses(5, 4, 4, 4, 4, 4))
    assert model.history.history["learning_rate"] == [0.5, 0.5, 0.5, 0.5, 0.25, 0.25]
    assert model.optimizer.learning_rate == 0.125


def test_cooldown_delays_the_count():
    model = run(ReduceLROnPlateau(factor=0.5, patience=1, cooldown=2), losses(4, 4, 4, 4, 4, 4))
    assert model.history.history["learning_rate"] == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_rate_does_not_go_below_min_lr():
    model = run(ReduceLROnPlateau(factor=0.1, patience=1, min_lr=0.3), losses(4, 4, 4, 4))
    assert model.optimizer.learning_rate == 0.3


def test_factor_has_to_be_less_than_one():
    with pytest.raises(ValueError, match="factor has to be less than 1, got 1"):
        ReduceLROnPlateau(factor=1.0)


def test_missing_monitor_warns():
    message = "cannot reduce the learning rate: the monitored 'los' is not available; did you mean 'loss'"
    with pytest.warns(UserWarning, match=message):
        run(ReduceLROnPlateau("los"), losses(1, name="loss"))


def test_state_continues_counters():
    values = losses(5, 4, 4, 4, 4, 4, 4, 4)
    whole, first, second = (ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1) for _ in range(3))
    expected = run(whole, values)
    model = Model()
    for callback in (first, second):
        callback.set_model(model)
        callback.on_train_begin()
    for epoch, logs in enumerate(values):
        if epoch == 5:
            second.set_state(first.get_state())
        (first if epoch < 5 else second).on_epoch_end(epoch, dict(logs))
    assert model.optimizer.learning_rate == expected.optimizer.learning_rate
    assert second.get_state() == whole.get_state()
