"""The learning-rate range test."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

import mlpcore
from mlpcore.learning_rate import LearningRateRange, find_learning_rate

RNG = np.random.default_rng(0)
X = RNG.normal(size=(600, 4)).astype(np.float32)
Y = (X[:, :1] * X[:, 1:2] + X[:, 2:3]).astype(np.float32)


def new_model(optimizer="sgd", built=True):
    mlpcore.utils.set_random_seed(0)
    layers = [mlpcore.layers.Dense(20, activation="tanh"), mlpcore.layers.Dense(1)]
    model = mlpcore.Sequential([mlpcore.Input((4,)), *layers] if built else layers)
    model.compile(loss="mse", optimizer=optimizer)
    return model


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_suggestion_trains_better_than_far_lower_and_higher_rates(optimizer):
    found = find_learning_rate(new_model(optimizer), X, Y)
    losses = {}
    for factor in (0.01, 1, 1000):
        model = new_model(optimizer)
        model.optimizer.learning_rate = found.suggestion * factor
        losses[factor] = model.fit(X, Y, epochs=3, verbose=0).history["loss"][-1]
    assert losses[1] < losses[0.01]
    assert not losses[1000] < losses[1]  # or no number


def test_rates_grow_exponentially_and_the_test_ends_where_the_loss_explodes():
    found = find_learning_rate(new_model(), X, Y, min_rate=1e-4, max_rate=100.0, n_steps=200)
    assert len(found.rates) == len(found.losses) == len(found.smoothed) < 200
    assert found.rates[0] == pytest.approx(1e-4)
    assert_allclose(np.diff(np.log(found.rates)), np.log(1e6) / 199)
    assert found.smoothed[0] == pytest.approx(found.losses[0], rel=0.5)
    assert found.losses[-1] > found.losses[0]
    assert "suggestion=" in repr(found)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_the_model_is_as_before(optimizer):
    model, same = new_model(optimizer), new_model(optimizer)
    for each in (model, same):
        each.fit(X, Y, epochs=1, verbose=0, shuffle=False)
    find_learning_rate(model, X, Y, n_steps=50)
    assert float(model.optimizer.learning_rate) == float(same.optimizer.learning_rate)
    assert int(model.optimizer.iterations) == int(same.optimizer.iterations)
    for each in (model, same):
        each.fit(X, Y, epochs=1, verbose=0, shuffle=False)
    for one, other in zip(model.get_weights(), same.get_weights(), strict=True):
        assert_array_equal(one, other)


def test_a_model_that_is_not_built_stays_so_and_the_random_stream_where_it_was():
    model = new_model(built=False)
    mlpcore.random.set_seed(3)
    one = find_learning_rate(model, X, Y, n_steps=40)
    assert not model.built
    mlpcore.random.set_seed(4)
    other = find_learning_rate(model, X, Y, n_steps=40)
    assert_array_equal(one.losses, other.losses)


def test_several_inputs_and_short_data_work():
    a, b = mlpcore.Input((2,)), mlpcore.Input((2,))
    outputs = mlpcore.layers.Dense(1)(mlpcore.layers.Concatenate()([a, b]))
    model = mlpcore.Model([a, b], outputs)
    model.compile(loss="mse", optimizer="sgd")
    found = find_learning_rate(model, [X[:20, :2], X[:20, 2:]], Y[:20], n_steps=30)
    assert len(found.losses) > 5


def test_the_picture_shows_losses_and_suggestion():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    found = find_learning_rate(new_model(), X, Y, n_steps=60)
    ax = found.plot()
    assert ax.get_xscale() == "log"
    assert [text.get_text() for text in ax.get_legend().get_texts()] == [
        "Loss of a batch",
        "Smoothed",
        f"Suggestion: {found.suggestion:.2g}",
    ]
    assert found.plot(ax) is ax
    matplotlib.pyplot.close("all")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_rate": 1.0, "max_rate": 0.1}, "0 < min_rate < max_rate"),
        ({"n_steps": 1}, "n_steps must be at least 2"),
        ({"smoothing": 1.0}, r"smoothing must be in \[0, 1\)"),
    ],
)
def test_wrong_options_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        find_learning_rate(new_model(), X, Y, **options)


def test_a_model_must_be_compiled_and_data_finite():
    with pytest.raises(ValueError, match="compiled model"):
        find_learning_rate(mlpcore.Sequential([mlpcore.layers.Dense(1)]), X, Y)
    with pytest.raises(ValueError, match="no finite number before the first step"):
        find_learning_rate(new_model(), X, Y * np.nan)


def test_a_range_is_plain_data():
    found = LearningRateRange(np.array([0.1, 1.0]), np.array([2.0, 1.0]), np.array([2.0, 1.5]), 0.1)
    assert repr(found) == "LearningRateRange(suggestion=0.1, 2 steps, 0.1 to 1)"
