"""Models go when nobody holds them, without the garbage collector's help."""

import gc
import weakref

import numpy as np
import pytest

import mlpcore
from mlpcore import layers

X = np.ones((16, 4), np.float32)


class Own(mlpcore.Model):
    """A model whose call runs for every batch."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(1)

    def call(self, inputs):
        return self.dense(inputs)


def functional():
    x = mlpcore.Input((4,))
    return mlpcore.Model(x, layers.Dense(1)(x))


@pytest.fixture
def _no_collector():
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("_no_collector")
@pytest.mark.parametrize(
    "make",
    [lambda: mlpcore.Sequential([layers.Dense(2), layers.Dense(1)]), functional, Own],
    ids=["sequential", "functional", "subclass"],
)
def test_a_used_model_goes_with_its_last_name(make):
    model = make()
    model.compile("adam", "mse", metrics=["mae"])
    stopping = mlpcore.callbacks.EarlyStopping("loss")
    history = model.fit(X, X[:, :1], validation_split=0.25, epochs=2, verbose=0, callbacks=[stopping])
    model.predict(X, verbose=0), model(X), model(X, training=True), model.evaluate(X, X[:, :1], verbose=0)
    assert history.model is model
    stopping.set_model(None)
    gone = weakref.ref(model)
    del model
    assert gone() is None
    assert history.model is None
    assert len(history.history["val_loss"]) == 2


@pytest.mark.usefixtures("_no_collector")
def test_engines_go_with_the_model_and_variables_keep_what_was_learned():
    model = mlpcore.Sequential([layers.Dense(2), layers.Dense(1)])
    model.compile("adam", "mse")
    model.fit(X, X[:, :1], verbose=0)
    predictions = model.predict(X, verbose=0)
    kept, arena = model.layers, weakref.ref(model._session.arena)
    model.fit(X, X[:, :1], verbose=0)
    expected = weakref.ref(model), model.predict(X, verbose=0)
    del model
    assert expected[0]() is None
    assert arena() is None
    again = mlpcore.Sequential([mlpcore.Input((4,)), *kept]).predict(X, verbose=0)
    np.testing.assert_array_equal(again, expected[1])
    assert not np.array_equal(again, predictions)
