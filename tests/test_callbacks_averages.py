"""SwapEMAWeights: when the averages of the weights stand in the model."""

import numpy as np
import pytest

from mlpcore import callbacks, layers, models, optimizers, random
from mlpcore.callbacks import LambdaCallback, SwapEMAWeights

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 3)).astype(np.float32)
Y = X.sum(axis=1)


def small(use_ema=True, optimizer=None):
    random.set_seed(3)
    model = models.Sequential([layers.Input((3,)), layers.Dense(4, activation="tanh"), layers.Dense(1)])
    averages = {"use_ema": True, "ema_momentum": 0.8} if use_ema else {}
    model.compile(optimizer or optimizers.SGD(0.1, **averages), "mse")
    return model


def fit(model, *used, epochs=3, **more):
    return model.fit(X, Y, batch_size=8, epochs=epochs, verbose=0, callbacks=list(used), shuffle=False, **more)


def weights_and_averages(epochs=3):
    """Return the weights and averages after each epoch, as a training without the callback goes."""
    plain, history, averages = small(use_ema=False), [], None
    for _ in range(epochs):
        for start in range(0, 40, 8):
            plain.train_on_batch(X[start : start + 8], Y[start : start + 8])
            new = [weight.astype(np.float64) for weight in plain.get_weights()]
            averages = new if averages is None else [0.8 * a + 0.2 * n for a, n in zip(averages, new, strict=True)]
        history.append((new, averages))
    return history


def assert_close(got, expected):
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_validation_is_done_with_averages_and_training_goes_on_from_the_weights():
    seen = []
    model = small()
    spy = LambdaCallback(
        on_test_begin=lambda logs: seen.append(model.get_weights()),
        on_epoch_end=lambda epoch, logs: seen.append(model.get_weights()),
    )
    fit(model, SwapEMAWeights(), spy, validation_data=(X, Y))
    for epoch, (weights, averages) in enumerate(weights_and_averages()):
        assert_close(seen[2 * epoch], averages)
        assert_close(seen[2 * epoch + 1], weights)


def test_callbacks_after_it_see_averages_at_the_end_of_epochs():
    seen = []
    model = small()
    fit(
        model,
        SwapEMAWeights(swap_on_epoch=True),
        LambdaCallback(on_epoch_end=lambda *_: seen.append(model.get_weights())),
    )
    for got, (_, averages) in zip(seen, weights_and_averages(), strict=True):
        assert_close(got, averages)
    assert_close(model.get_weights(), averages)


def test_evaluation_and_prediction_use_averages_and_leave_the_weights():
    model = small()
    stop = LambdaCallback(on_epoch_end=lambda *_: (_ for _ in ()).throw(RuntimeError("stop")))
    with pytest.raises(RuntimeError):
        fit(model, stop)
    before = model.get_weights()
    averages = weights_and_averages(1)[0][1]
    used = model.predict(X, verbose=0, callbacks=[SwapEMAWeights()])
    after = model.get_weights()
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    model.set_weights(averages)
    np.testing.assert_allclose(used, model.predict(X, verbose=0), rtol=1e-4, atol=1e-5)


def test_error_leaves_the_weights_themselves():
    def fail(epoch, logs):
        raise RuntimeError("stop")

    model = small()
    with pytest.raises(RuntimeError):
        fit(model, SwapEMAWeights(swap_on_epoch=True), LambdaCallback(on_epoch_end=fail))
    assert_close(model.get_weights(), weights_and_averages(1)[0][0])


def test_before_the_first_step_there_is_nothing_to_swap():
    model = small()
    before = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(X, verbose=0, callbacks=[SwapEMAWeights()]), before)


def test_averages_without_memory_are_the_weights():
    model = small(optimizer=optimizers.Adam(use_ema=True, ema_momentum=0.0))
    fit(model, SwapEMAWeights(), validation_data=(X, Y))
    assert np.isfinite(model.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()])).all()


def test_optimizer_without_averages_is_refused():
    with pytest.raises(ValueError, match="SwapEMAWeights needs an optimizer with use_ema=True, got SGD"):
        fit(small(use_ema=False), SwapEMAWeights(swap_on_epoch=True))


def test_training_resumes_with_averages(tmp_path):
    def train(folder, fail_at=None):
        def hook(epoch, logs):
            if epoch == fail_at:
                raise RuntimeError("stop")

        model = small()
        used = [
            SwapEMAWeights(swap_on_epoch=True),
            callbacks.BackupAndRestore(folder),
            LambdaCallback(on_epoch_begin=hook),
        ]
        fit(model, *used, epochs=4)
        return model.get_weights()

    expected = train(tmp_path / "whole")
    with pytest.raises(RuntimeError):
        train(tmp_path / "b", fail_at=2)
    for one, other in zip(train(tmp_path / "b"), expected, strict=True):
        np.testing.assert_array_equal(one, other)
