"""Variables and arenas: who holds the newest values, and that nothing is lost when parameters come later."""

import copy
import pickle

import numpy as np
import pytest

from mlpcore import ops
from mlpcore._arena import Arena, Variable
from mlpcore._core import Update
from mlpcore._tape import Recorder

X = np.ones((2, 1), np.float32)
Y = [np.full((2, 1), 3.0, np.float32)]
SGD = Update("sgd", learning_rate=0.5)


def step(arena, variable, update=SGD):
    """One step of (x v - 3)^2 / 2 with x = 1: v moves halfway to 3."""
    recorder = Recorder(arena, training=True)
    x = recorder.input((1,))
    with recorder:
        recorder.row_loss(ops.square(x * variable - recorder.target(0, (1,))) * 0.5)
    engine = arena.engine(recorder.tape)
    arena.push()
    engine.train(X, Y, None, 2, update)
    arena.trained()
    return engine


def test_a_variable_returns_copies():
    v = Variable([1.0, 2.0])
    v.numpy()[0] = 7
    assert v.numpy().tolist() == [1, 2]
    assert v.value.dtype == np.float32


def test_an_initializer_can_be_named():
    import mlpcore.initializers  # noqa: F401 (which registers the names)

    assert Variable("ones", shape=(2,)).numpy().tolist() == [1, 1]


def test_assign_checks_the_shape():
    with pytest.raises(ValueError, match=r"variable 'offset' has shape \(2,\), got values of shape \(3,\)"):
        Variable([1.0, 2.0], name="offset").assign([1, 2, 3])


def test_variables_compute_like_arrays_outside_of_call():
    v = Variable([1.0, 2.0])
    np.testing.assert_array_equal(v * 2 + 1, [3, 5])
    assert float(ops.sum(v)) == 3
    v.assign_add([1, 1])
    assert v.numpy().tolist() == [2, 3]


def test_training_is_seen_by_the_variable():
    arena, v = Arena(), Variable([1.0])
    step(arena, v)
    assert v.numpy() == 2
    step(arena, v)
    assert v.numpy() == 2.5


def test_assigned_values_reach_the_engine():
    arena, v = Arena(), Variable([1.0])
    step(arena, v)
    v.assign([-1.0])
    step(arena, v)
    assert v.numpy() == 1


def test_a_variable_in_two_arenas_keeps_its_newest_value():
    first, second, v = Arena(), Arena(), Variable([1.0])
    for number in range(6):
        step(first if number % 2 else second, v)
    np.testing.assert_allclose(v.numpy(), 3 - 2 / 2**6)


def test_nothing_is_loaded_when_nothing_changed(monkeypatch):
    arena, v = Arena(), Variable([1.0])
    step(arena, v)
    loads = []
    monkeypatch.setattr(type(arena.root), "load", lambda self, arrays: loads.append(arrays))
    arena.push()
    Variable([5.0]).assign([6.0])  # somebody else's
    arena.push()
    assert not loads


def test_slots_and_steps_survive_a_new_variable():
    arena, v = Arena(), Variable([1.0])
    momentum = Update("sgd", learning_rate=0.5, momentum=0.9)
    engine = step(arena, v, momentum)
    before = [[slot.copy() for slot in slots] for slots in engine.slots()]
    generation = arena.generation
    arena.add([Variable([1.0, 1.0])])
    assert arena.generation > generation
    step(arena, v, momentum)
    assert arena.root.step == 2
    expected = 0.9 * before[0][0] - 0.5 * (2.0 - 3.0)
    np.testing.assert_allclose(arena.root.slots()[0][0].ravel(), expected.ravel())
    assert arena.root.slots()[0][1].tolist() == [0, 0]


def test_a_kernel_and_its_bias_are_one_dense_parameter():
    arena, kernel, bias = Arena(), Variable(np.ones, (3, 2)), Variable(np.zeros, (2,))
    recorder = Recorder(arena)
    x = recorder.input((3,))
    with recorder:
        ops.dense(x, kernel, bias)
    assert arena.place(kernel) == (0, "kernel")
    assert arena.place(bias) == (0, "bias")
    assert arena.is_dense(0)


@pytest.mark.parametrize("frozen", ["kernel", "bias", "neither", "both"])
def test_either_of_kernel_and_bias_can_be_frozen(frozen):
    arena, kernel, bias = Arena(), Variable(np.ones, (1, 1)), Variable(np.zeros, (1,))
    kernel.trainable, bias.trainable = frozen not in {"kernel", "both"}, frozen not in {"bias", "both"}
    recorder = Recorder(arena, training=True)
    x = recorder.input((1,))
    with recorder:
        recorder.row_loss(ops.square(ops.dense(x, kernel, bias) - recorder.target(0, (1,))))
    engine = arena.engine(recorder.tape)
    arena.push()
    engine.train(X, Y, None, 2, Update("sgd", learning_rate=0.125))
    arena.trained()
    assert kernel.numpy() == (1.5 if kernel.trainable else 1)
    assert bias.numpy() == (0.5 if bias.trainable else 0)


def test_a_kernel_that_was_placed_alone_still_gets_its_bias():
    arena, kernel, bias = Arena(), Variable(np.ones, (1, 1)), Variable([5.0])
    recorder = Recorder(arena)
    x = recorder.input((1,))
    recorder.replay([X])
    with recorder:
        assert (x @ kernel).numpy().tolist() == [[1], [1]]
        assert ops.dense(x, kernel, bias).numpy().tolist() == [[6], [6]]


def test_matmul_with_the_kernel_of_a_pair_leaves_the_bias_out():
    arena, kernel, bias = Arena(), Variable(np.ones, (1, 1)), Variable([5.0])
    recorder = Recorder(arena)
    x = recorder.input((1,))
    recorder.replay([X])
    with recorder:
        assert ops.dense(x, kernel, bias).numpy().tolist() == [[6], [6]]
        assert (x @ kernel).numpy().tolist() == [[1], [1]]
        assert (ops.sum(kernel) + bias).numpy().tolist() == [6]


def test_assign_in_a_recording_acts_after_each_step():
    arena, v, count = Arena(), Variable([1.0]), Variable([0.0], trainable=False)
    recorder = Recorder(arena, training=True)
    x = recorder.input((1,))
    with recorder:
        count.assign(count + 1.0)
        recorder.row_loss(ops.square(x * v - recorder.target(0, (1,))))
    engine = arena.engine(recorder.tape)
    arena.push()
    engine.train(X, Y, None, 1, SGD)
    arena.trained()
    assert count.numpy() == 2


def test_variables_are_pickled_and_copied_with_their_newest_values():
    arena, v = Arena(), Variable([1.0], name="v")
    step(arena, v)
    for other in (pickle.loads(pickle.dumps(v)), copy.deepcopy(v)):
        assert other.numpy() == 2
        other.assign([9.0])
    assert v.numpy() == 2
    assert not pickle.loads(pickle.dumps(arena)).variables


def test_an_arena_of_doubles_computes_in_doubles():
    arena, v = Arena("float64"), Variable([1 / 3], dtype="float64")
    recorder = Recorder(arena)
    recorder.input((1,))
    recorder.replay([X.astype(np.float64)])
    with recorder:
        assert float(v * 3.0) == 1
    with pytest.raises(ValueError, match="dtype must be 'float32' or 'float64', got 'int32'"):
        Arena("int32")
