"""Optimizers against Keras' trajectories; their rates, errors and configs."""

import inspect
import json
import pickle

import numpy as np
import pytest

import mlpcore
from keras_numbers import FILE, LINE, N_STEPS, OPTIMIZERS, START, key
from mlpcore import optimizers
from mlpcore._core import Engine, Tape
from mlpcore.optimizers import schedules

KERAS = json.loads(FILE.read_text())["optimizers"]
IDS = [key(*case) for case in OPTIMIZERS]
NAMES = sorted({name for name, _ in OPTIMIZERS})


def trained(optimizer, dtype="float32"):
    """Kernel, bias and engine after Keras' steps on the line."""
    tape = Tape()
    x = tape.input(3)
    tape.loss(tape.dense(x, 2), "squared_error", 2 / 2)
    engine = Engine(tape, dtype)
    parameters = [each.astype(dtype) for each in START]
    engine.load(parameters)
    x, y = (each.astype(dtype) for each in LINE)
    rates = optimizer.rates(0, N_STEPS)
    for step in range(N_STEPS):
        update = optimizer.update(None if rates is None else rates[step])
        engine.train(x, y, np.arange(5), 5, update)
        optimizer.iterations = engine.step
    engine.store(parameters)
    return parameters, engine


@pytest.mark.parametrize(("name", "arguments"), OPTIMIZERS, ids=IDS)
def test_optimizer_matches_keras(name, arguments):
    optimizer = getattr(optimizers, name)(**arguments)
    parameters, engine = trained(optimizer)
    if optimizer.has_average:
        parameters = engine.slots()[-1]
    for ours, theirs in zip(parameters, KERAS[key(name, arguments)], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-5)  # 20 float32 steps
    assert optimizer.iterations == N_STEPS
    assert len(engine.slots()) == len(optimizer.slot_names)


@pytest.mark.parametrize(("name", "arguments"), OPTIMIZERS, ids=IDS)
def test_optimizer_comes_back_from_its_config(name, arguments):
    optimizer = getattr(optimizers, name)(**arguments)
    config = json.loads(json.dumps(optimizers.serialize(optimizer)))
    again = optimizers.deserialize(config)
    assert type(again) is type(optimizer)
    assert again.get_config() == optimizer.get_config()
    assert optimizers.get(config).get_config() == optimizer.get_config()
    assert optimizer.get_config().items() >= arguments.items()


@pytest.mark.parametrize("name", NAMES)
def test_names_are_found_in_any_case(name):
    for each in (name, name.lower(), name.upper()):
        assert type(optimizers.get(each)) is getattr(optimizers, name)


DEFAULTS = {  # Keras 3.15.1
    "SGD": {"learning_rate": 0.01, "momentum": 0.0, "nesterov": False},
    "Adam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7, "amsgrad": False},
    "AdamW": {"learning_rate": 0.001, "weight_decay": 0.004, "epsilon": 1e-7},
    "Nadam": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "Adamax": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7},
    "RMSprop": {"learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": False},
    "Adagrad": {"learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7},
    "Adadelta": {"learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7},
    "Lion": {"learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99},
    "Ftrl": {"learning_rate": 0.001, "learning_rate_power": -0.5, "initial_accumulator_value": 0.1, "beta": 0.0},
}


@pytest.mark.parametrize("name", NAMES)
def test_defaults_are_those_of_keras(name):
    config = getattr(optimizers, name)().get_config()
    common = {"clipnorm": None, "use_ema": False, "ema_momentum": 0.99, "ema_overwrite_frequency": None}
    assert config.items() >= (common | DEFAULTS[name]).items()
    assert name == "AdamW" or config["weight_decay"] is None


@pytest.mark.parametrize("name", NAMES)
def test_docstring_prints_the_update_rule(name):
    assert "w -=" in inspect.getdoc(getattr(optimizers, name)) or "w = " in inspect.getdoc(getattr(optimizers, name))


def test_learning_rate_is_read_and_set():
    optimizer = optimizers.Adam(learning_rate=0.01)
    assert optimizer.learning_rate == 0.01
    assert optimizer.learning_rate.numpy() == np.float32(0.01)
    optimizer.learning_rate = 0.5 * optimizer.learning_rate
    assert optimizer.learning_rate == 0.005
    optimizer.learning_rate.assign(0.02)
    assert float(optimizer.learning_rate) == 0.02
    assert optimizer.update().learning_rate == 0.02
    assert optimizer.rates(0, 5) is None


def test_schedule_gives_the_rate_of_the_present_step():
    schedule = schedules.ExponentialDecay(0.1, 10, 0.5)
    optimizer = optimizers.SGD(schedule)
    assert optimizer.learning_rate == 0.1
    optimizer.iterations = 10
    assert optimizer.learning_rate == 0.05
    np.testing.assert_array_equal(optimizer.rates(10, 3), schedule([10, 11, 12]))
    with pytest.raises(TypeError, match="the learning rate of 'sgd' is given by a schedule"):
        optimizer.learning_rate = 0.1
    again = optimizers.deserialize(json.loads(json.dumps(optimizers.serialize(optimizer))))
    assert again.rates(0, 3).tolist() == optimizer.rates(0, 3).tolist()


@pytest.mark.parametrize("hooks", [False, True])
def test_callable_rate_is_asked_before_each_step_of_a_fit(hooks):
    x = np.ones((8, 1), np.float32)
    asked = []

    def rate():
        asked.append(int(model.optimizer.iterations))
        return 0.1 / (1 + asked[-1])

    class Looks(mlpcore.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            pass

    model = mlpcore.Sequential([mlpcore.Input((1,)), mlpcore.layers.Dense(1, kernel_initializer="zeros")])
    model.compile(loss=lambda y, p: -p, optimizer=optimizers.SGD(rate))  # whose gradient by the weight is -1
    model.fit(x, x, batch_size=2, epochs=2, verbose=0, callbacks=[Looks()] if hooks else None)
    assert asked == list(range(8))
    np.testing.assert_allclose(model.get_weights()[0], 0.1 * sum(1 / (1 + t) for t in range(8)), rtol=1e-6)


def test_iterations_behave_as_a_number():
    optimizer = optimizers.Adam()
    optimizer.iterations = 7
    assert optimizer.iterations + 1 == 8
    assert optimizer.iterations.numpy() == 7
    optimizer.iterations.assign(3)
    assert int(optimizer.iterations) == 3


def test_optimizer_can_be_pickled():
    again = pickle.loads(pickle.dumps(optimizers.Adam(schedules.CosineDecay(0.1, 10), clipnorm=1.0)))
    assert again.get_config()["clipnorm"] == 1.0
    assert pickle.loads(pickle.dumps(again.learning_rate)) == 0.1


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: optimizers.Adam(learning_rat=0.1), TypeError, "Adam: unknown argument 'learning_rat'; did you mean"),
        (lambda: optimizers.SGD(clipnrm=0.1), TypeError, "SGD: unknown argument 'clipnrm'; did you mean 'clipnorm'"),
        (lambda: optimizers.SGD(clipnorm=1.0, clipvalue=1.0), ValueError, "only one of clipnorm, clipvalue"),
        (lambda: optimizers.SGD(momentum=1.5), ValueError, r"momentum must be in \[0, 1\], got 1.5"),
        (lambda: optimizers.SGD(-0.1), ValueError, "learning_rate must be >= 0, got -0.1"),
        (lambda: optimizers.SGD(schedules.CosineDecay), TypeError, "got the class CosineDecay"),
        (lambda: optimizers.SGD(use_ema=True, ema_momentum=2), ValueError, "ema_momentum must be in"),
        (lambda: optimizers.SGD(gradient_accumulation_steps=2), ValueError, "SGD has no gradient_accumulation_steps"),
        (lambda: optimizers.AdamW(weight_decay=None), TypeError, "weight_decay must be a number"),
        (lambda: optimizers.Ftrl(learning_rate_power=1), ValueError, "learning_rate_power must be <= 0"),
        (lambda: optimizers.get("adm"), ValueError, "unknown optimizer 'adm'; did you mean 'adam'"),
    ],
)
def test_wrong_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_biases_can_be_left_out_of_the_weight_decay():
    optimizer = optimizers.AdamW()
    assert optimizer.update().decay_bias
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    assert not optimizer.update().decay_bias
    with pytest.raises(ValueError, match="only the biases"):
        optimizer.exclude_from_weight_decay(var_names=["kernel"])


@pytest.mark.parametrize("optimizer", [{}, {"global_clipnorm": 1.0}])
def test_what_is_no_bias_decays_without_the_biases(optimizer):
    model = mlpcore.Sequential(
        [mlpcore.Input((2,)), mlpcore.layers.LayerNormalization(), mlpcore.layers.Dense(2, bias_initializer="ones")]
    )
    decaying = optimizers.SGD(0.1, weight_decay=1.0, **optimizer)
    decaying.exclude_from_weight_decay(var_names=["bias"])
    model.compile(decaying, "mse")
    gamma, beta, kernel, bias = (np.array(w) for w in model.get_weights())
    x = np.zeros((1, 2), np.float32)
    model.train_on_batch(x, model.predict(x, verbose=0))  # no gradient
    for got, expected in zip(model.get_weights(), (0.9 * gamma, 0.9 * beta, 0.9 * kernel, bias), strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_iterations_may_be_set_between_trainings():
    x = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)

    def trained(set_back):
        mlpcore.utils.set_random_seed(0)
        models = [mlpcore.Sequential([mlpcore.Input((2,)), mlpcore.layers.Dense(1)]) for _ in range(2)]
        adam = optimizers.Adam(0.1)
        for model in models:
            model.compile(loss="mse", optimizer=adam)
        models[0].fit(x, x[:, :1], verbose=0, shuffle=False)
        models[1].fit(x, x[:, :1], verbose=0, shuffle=False)  # two models share the number of steps
        assert adam.iterations == 4
        if set_back:
            adam.iterations = 0
        models[1].fit(x, x[:, :1], verbose=0, shuffle=False)
        assert adam.iterations == 6 - 4 * set_back
        return models[1].get_weights()[0]

    assert np.any(trained(True) != trained(False))  # the bias corrections begin anew
