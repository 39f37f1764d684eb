"""Learning-rate schedules against Keras' numbers: steps, arrays of steps, and the way to a config and back."""

import json

import numpy as np
import pytest

import keras_numbers
from keras_numbers import FILE, SCHEDULES, STEPS, key
from mlpcore.optimizers import schedules

KERAS = json.loads(FILE.read_text())["schedules"]
IDS = [key(*case) for case in SCHEDULES]
ONE_CYCLE = schedules.OneCycle(0.1, 20)


def test_keras_numbers_are_those_of_the_keras_at_hand():
    pytest.importorskip("keras")
    fresh = keras_numbers.compute()
    for family, cases in json.loads(FILE.read_text()).items():
        for case, numbers in cases.items():
            for a, b in zip(numbers, fresh[family][case], strict=True):
                np.testing.assert_allclose(np.hstack(np.ravel(b)), np.hstack(np.ravel(a)), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES, ids=IDS)
def test_schedule_matches_keras(name, arguments):
    schedule = getattr(schedules, name)(**arguments)
    # Keras computes in float32: a rate near 0 is what cancellation leaves of 0.1
    np.testing.assert_allclose([schedule(step) for step in STEPS], KERAS[key(name, arguments)], rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "arguments"), [*SCHEDULES, ("OneCycle", {"max_learning_rate": 0.1, "total_steps": 9})]
)
def test_schedule_of_an_array_is_that_of_its_steps(name, arguments):
    schedule = getattr(schedules, name)(**arguments)
    one_by_one = [schedule(step) for step in STEPS]
    assert all(type(rate) is float for rate in one_by_one)
    np.testing.assert_array_equal(schedule(np.reshape(STEPS, (5, 5))), np.reshape(one_by_one, (5, 5)))
    rates = schedule.rates(3, 10)
    assert rates.dtype == np.float64
    np.testing.assert_array_equal(rates, one_by_one[3:13])


@pytest.mark.parametrize(("name", "arguments"), SCHEDULES, ids=IDS)
def test_schedule_comes_back_from_its_config(name, arguments):
    schedule = getattr(schedules, name)(**arguments)
    config = json.loads(json.dumps(schedules.serialize(schedule)))
    again = schedules.deserialize(config)
    assert type(again) is type(schedule)
    assert again.get_config() == schedule.get_config()
    assert type(schedule).from_config(schedule.get_config()).rates(0, 9).tolist() == schedule.rates(0, 9).tolist()


def test_one_cycle_rises_and_falls_along_half_cosines():
    rates = ONE_CYCLE.rates(0, 30)
    assert rates[0] == pytest.approx(0.1 / 25)
    assert rates[6] == pytest.approx(0.1)
    assert rates[3] == pytest.approx((0.1 + 0.1 / 25) / 2)
    assert rates[13] == pytest.approx((0.1 + 0.1 / 25e4) / 2)
    assert (rates[20:] == pytest.approx(0.1 / 25e4)) is True
    assert (np.diff(rates[:7]) > 0).all()
    assert (np.diff(rates[6:21]) < 0).all()


def test_own_schedule_needs_single_steps_only():
    class Halving(schedules.LearningRateSchedule):
        def __call__(self, step):
            return 0.1 if step < 5 else 0.05

    assert Halving().rates(3, 4).tolist() == [0.1, 0.1, 0.05, 0.05]
    with pytest.raises(NotImplementedError, match="Halving has no get_config"):
        Halving().get_config()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be > 0, got 0"),
        (lambda: schedules.CosineDecayRestarts(0.1, -1), "first_decay_steps must be > 0, got -1"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [0.1]), "one boundary less than values, got 2 and 1"),
        (lambda: schedules.PiecewiseConstantDecay([2, 1], [0.1, 0.2, 0.3]), "boundaries must increase"),
        (lambda: schedules.OneCycle(0.1, 10, warmup_fraction=1.0), "warmup_fraction must be between 0 and 1"),
    ],
)
def test_wrong_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
