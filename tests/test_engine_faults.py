"""What the engine's bindings do with calls that cannot work, or that meet a training in another thread."""

import resource
import subprocess
import sys
import threading

import numpy as np
import pytest

from mlpcore import _core


def trained_engine(rows: int = 4000) -> tuple["_core.Engine", tuple[np.ndarray, np.ndarray, np.ndarray]]:
    tape = _core.Tape()
    x = tape.activation(tape.dense(tape.input(20), 50), "relu")
    y = tape.dense(x, 1)
    tape.output(y)
    tape.loss(y, "squared_error")
    engine = _core.Engine(tape, "float32")
    rng = np.random.default_rng(0)
    engine.load([rng.normal(size=shape).astype(np.float32) for shape in engine.parameter_shapes])
    data = rng.normal(size=(rows, 20)).astype(np.float32), rng.normal(size=(rows, 1)).astype(np.float32)
    return engine, (*data, np.resize(np.arange(rows), 100 * rows))


def test_slots_and_steps_wait_for_a_training_in_another_thread():
    engine, (x, y, order) = trained_engine()
    update = _core.Update("adam", learning_rate=1e-3)
    training = threading.Thread(target=engine.train, args=(x, y, order, 32, update))
    training.start()
    while training.is_alive():
        engine.slots()
        assert engine.step >= 0
    training.join()
    assert len(engine.slots()) == 2
    training = threading.Thread(target=engine.train, args=(x, y, order, 32, update))
    training.start()
    engine.set_slots([], 0)
    training.join()


def test_a_negative_sum_of_weights_trains_and_a_zero_sum_is_skipped():
    engine, (x, y, _) = trained_engine(100)
    before = [np.empty(shape, np.float32) for shape in engine.parameter_shapes]
    after = [array.copy() for array in before]
    order = np.arange(100)
    update = _core.Update("sgd", learning_rate=1e-3)
    engine.store(before)
    engine.train(x, y, order, 100, update, sample_weight=np.zeros(100, np.float32))
    engine.store(after)
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))
    engine.train(x, y, order, 100, update, sample_weight=-np.ones(100, np.float32))
    engine.store(after)
    assert not np.array_equal(before[0], after[0])


def test_a_loss_of_no_columns_is_refused():
    with pytest.raises(ValueError, match="at least one column"):
        _core.kernels.loss(np.zeros((3, 0), np.float32), np.zeros((3, 0), np.float32), "squared_error")


def test_weights_that_no_memory_holds_are_a_memory_error():
    tape = _core.Tape()
    x = tape.input(2**31 - 1)
    for _ in range(4):
        x = tape.dense(x, 2**31 - 1)
    tape.output(x)
    with pytest.raises(MemoryError):
        _core.Engine(tape, "float32")


def test_a_team_that_cannot_grow_does_the_work_with_the_threads_it_has():
    limit = resource.getrlimit(resource.RLIMIT_AS)
    if limit[0] != resource.RLIM_INFINITY:
        pytest.skip("the address space is limited already")
    code = """
import resource
import numpy as np
from mlpcore import _core
tape = _core.Tape()
y = tape.dense(tape.input(500), 500)
tape.output(y)
engine = _core.Engine(tape, "float32")
engine.load([np.ones(shape, np.float32) for shape in engine.parameter_shapes])
x = np.ones((5000, 500), np.float32)
alone = engine.predict(x, 1)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 200_000_000, -1))
assert np.array_equal(engine.predict(x, 400), alone)
"""
    if sys.platform != "linux":
        pytest.skip("reads /proc")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=100)
