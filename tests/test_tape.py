"""Recording and replaying: what is recorded once, what makes a branch, and what is refused."""

import numpy as np
import pytest

from mlpcore import ops
from mlpcore._arena import Arena, Variable
from mlpcore._tape import Recorder
from mlpcore._tensor import KerasTensor, Structure, UnknownValueError

ROWS = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], np.float32)


@pytest.fixture
def recorder():
    return Recorder(Arena(), training=True)


def run(recorder, function, *inputs, batch=None):
    """One pass: the outputs and the tape."""
    recorder.replay(batch)
    with recorder:
        y = function(*inputs)
        recorder.output(y)
        return y, recorder.tape


def predicted(recorder, tape, *rows):
    engine = recorder.arena.engine(tape)
    recorder.arena.push()
    return engine.predict(list(rows))


def test_an_equal_pass_returns_the_same_symbols_and_the_same_tape(recorder):
    x = recorder.input((3,))
    (y, tape), (again, same_tape) = (run(recorder, lambda x: ops.relu(x * 2.0 + 1.0), x) for _ in range(2))
    assert y is again
    assert tape is same_tape


def test_a_pass_that_differs_makes_another_tape_and_the_first_is_kept(recorder):
    x = recorder.input((3,))
    tapes = [run(recorder, lambda x, n=n: sum([x] * n, x), x)[1] for n in (1, 2, 1, 3, 2)]
    assert tapes[0] is tapes[2]
    assert tapes[1] is tapes[4]
    assert len({id(tape) for tape in tapes}) == 3
    results = [predicted(recorder, tape, ROWS) for tape in tapes]
    for result, n in zip(results, (1, 2, 1, 3, 2), strict=True):
        np.testing.assert_array_equal(result, ROWS * (n + 1))


def test_equal_tapes_of_two_recorders_share_an_engine():
    arena = Arena()
    tapes = []
    for _ in range(2):
        recorder = Recorder(arena)
        tapes.append(run(recorder, ops.square, recorder.input((3,)))[1])
    assert tapes[0] is not tapes[1]
    assert arena.engine(tapes[0]) is arena.engine(tapes[1])


def test_numbers_and_arrays_are_compared_by_value(recorder):
    x, scale = recorder.input((3,)), np.array([1.0, 2.0, 3.0])
    first = run(recorder, lambda x: x * scale * 0.5, x)[1]
    assert run(recorder, lambda x: x * scale.copy() * (1 / 2), x)[1] is first
    scale[0] = 7.0  # in place
    changed = run(recorder, lambda x: x * scale * 0.5, x)[1]
    assert changed is not first
    np.testing.assert_array_equal(predicted(recorder, changed, ROWS), ROWS * [3.5, 1, 1.5])


def test_lists_of_tensors_are_compared_element_by_element(recorder):
    x = recorder.input((3,))
    first = run(recorder, lambda x: ops.concatenate([x, x], axis=-1), x)[1]
    assert run(recorder, lambda x: ops.concatenate([x, x], axis=-1), x)[1] is first


def test_truth_of_a_symbol_runs_the_tape_so_far(recorder):
    def call(x):
        return x * 2.0 if ops.mean(x) > 0 else x - 1.0

    x = recorder.input((3,))
    _, tape = run(recorder, call, x, batch=[ROWS])
    np.testing.assert_array_equal(predicted(recorder, tape, ROWS), ROWS * 2)
    _, other = run(recorder, call, x, batch=[-ROWS])
    np.testing.assert_array_equal(predicted(recorder, other, -ROWS), -ROWS - 1)
    assert run(recorder, call, x, batch=[ROWS])[1] is tape


def test_numbers_of_a_symbol(recorder):
    x = recorder.input((3,))
    recorder.replay([ROWS])
    with recorder:
        assert float(ops.sum(x)) == 21
        assert int(ops.max(x)) == 6
        assert len(x) == 2
        np.testing.assert_array_equal(np.asarray(x + 1.0), ROWS + 1)
        assert bool(ops.all(x > 0)) is True
        with pytest.raises(ValueError, match=r"expected a single number, got a tensor of shape \(None, 3\) with 6"):
            bool(x > 0)


def test_numbers_follow_the_variables(recorder):
    x, v = recorder.input((3,)), Variable([2.0])
    for value in (2.0, 3.0):
        v.assign([value])
        recorder.replay([ROWS])
        with recorder:
            assert float(ops.sum(x * v)) == 21 * value


def test_numbers_are_not_known_while_a_model_is_described(recorder):
    x = recorder.input((3,))
    with recorder, pytest.raises(UnknownValueError, match=r"not known here: .* Use ops\.where"):
        float(ops.sum(x))
    with pytest.raises(UnknownValueError, match="placeholder without numbers"):
        bool(KerasTensor((None, 3)))


def test_a_symbol_kept_for_another_recording_is_refused(recorder):
    other = Recorder(Arena())
    x = other.input((3,))
    with recorder, pytest.raises(ValueError, match="belongs to another recording"):
        ops.exp(x)
    with pytest.raises(ValueError, match="belongs to another recording"):
        x + 1.0


def test_a_block_is_recorded_once_for_the_same_inputs(recorder):
    calls = []

    def function(x):
        calls.append(x)
        return ops.exp(x) + 1.0

    x = recorder.input((3,))
    for _ in range(3):
        _, tape = run(recorder, lambda x: recorder.record(function, (x,), {}, function), x)
    assert len(calls) == 1
    np.testing.assert_allclose(predicted(recorder, tape, ROWS), np.exp(ROWS) + 1, rtol=1e-6)


def test_a_change_of_settings_makes_recordings_start_anew(recorder):
    v = Variable([1.0, 1.0, 1.0])
    x = recorder.input((3,))
    _, tape = run(recorder, lambda x: x * v, x)
    Structure.touch()
    assert run(recorder, lambda x: x * v, x)[1] is not tape


def test_training_that_layers_are_told_is_part_of_what_is_compared(recorder):
    x = recorder.input((3,))
    seen = []

    def call(x, training):
        outer, recorder.training = recorder.training, training
        result = recorder.record("noise", (x,), {}, lambda x: seen.append(recorder.training) or ops.exp(x))
        recorder.training = outer
        return result

    for training in (True, False, True):
        run(recorder, lambda x, training=training: call(x, training), x)
    assert seen == [True, False]


def test_an_error_in_the_middle_leaves_the_recorder_usable(recorder):
    x = recorder.input((3,))

    def fails(x):
        ops.exp(x)
        ops.concatenate([x, x], axis=0)

    with pytest.raises(ValueError, match="along the batch"):
        run(recorder, fails, x)
    _, tape = run(recorder, lambda x: ops.exp(x) - 1.0, x)
    np.testing.assert_allclose(predicted(recorder, tape, ROWS), np.exp(ROWS) - 1, rtol=1e-6)


def test_losses_that_layers_add_belong_to_their_pass(recorder):
    x = recorder.input((3,))
    for wanted in (True, False, True):
        recorder.replay()
        with recorder:
            y = ops.exp(x)
            if wanted:
                recorder.add_loss(ops.sum(y))
            assert len(recorder.losses) == wanted


def test_inputs_come_first(recorder):
    x = recorder.input((3,))
    with recorder:
        ops.exp(x)
    with pytest.raises(RuntimeError, match="inputs come before everything else"):
        recorder.input((2,))


def test_targets_and_losses_train_a_variable(recorder):
    v = Variable([0.0])
    x = recorder.input((1,))
    with recorder:
        recorder.row_loss(ops.square(x * v - recorder.target(0, (1,))))
    engine = recorder.arena.engine(recorder.tape)
    recorder.arena.push()
    sums = engine.evaluate(np.ones((2, 1), np.float32), [np.array([[1.0], [3.0]], np.float32)])
    assert sums.loss == 10


def test_an_abstract_recorder_finds_shapes_and_keeps_nothing():
    with Recorder(None) as recorder:
        x = recorder.input((3,))
        assert (ops.sum(x, axis=-1, keepdims=True) * Variable([1.0])).shape == (None, 1)


def test_a_symbol_kept_for_a_later_pass_is_refused(recorder):
    x, kept = recorder.input((3,)), []

    def call(x):
        kept.append(ops.exp(x * kept[-1] if kept else x))
        return kept[-1]

    run(recorder, call, x)
    with pytest.raises(
        ValueError, match="was computed in another call: what is computed inside `call` must not be kept"
    ):
        run(recorder, call, x)


def test_a_recorder_forgets_when_every_pass_differs(recorder):
    x = recorder.input((3,))
    for n in range(300):
        run(recorder, lambda x, n=n: x * float(n), x)
    assert recorder._n_tapes <= 257


def test_recording_goes_on_after_a_replay_that_looked_at_numbers(recorder):
    def call(x, more):
        x = x * 2.0
        if float(ops.mean(x)) > 100:
            return x
        x = ops.exp(x)  # replayed after the tape was laid down for the mean
        return x + 1.0 if more else x

    x = recorder.input((3,))
    run(recorder, lambda x: call(x, False), x, batch=[ROWS])
    recorder.arena.add([Variable([1.0])])  # so that the engine for the mean is made again
    _, tape = run(recorder, lambda x: call(x, True), x, batch=[ROWS])
    np.testing.assert_allclose(predicted(recorder, tape, ROWS), np.exp(2 * ROWS) + 1, rtol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_any_mixture_of_passes_computes_what_numpy_does(recorder, seed):
    """Random programs that share beginnings, look at numbers, read new variables and are interrupted."""
    rng = np.random.default_rng(seed)
    x, rows = recorder.input((3,)), ROWS / 4
    variables = [Variable(rng.normal(size=(3,)).round(2)) for _ in range(4)]
    for _ in range(60):
        steps = rng.integers(0, 7, rng.integers(1, 8)).tolist()
        expected = rows.astype(np.float64)
        recorder.replay([rows])
        with recorder:
            y = x
            for step in steps:
                if step < 4:
                    y, expected = ops.tanh(y + variables[step]), np.tanh(expected + variables[step].numpy())
                elif step == 4:
                    np.testing.assert_allclose(float(ops.mean(y)), expected.mean(), atol=1e-5)
                elif step == 5:
                    y, expected = y * float(len(steps)), expected * len(steps)
                else:
                    with pytest.raises(ValueError, match="do not fit"):
                        y + np.ones(7)
            recorder.output(y)
            tape = recorder.tape
        np.testing.assert_allclose(predicted(recorder, tape, rows), expected, atol=1e-5)  # float32
        if rng.random() < 0.2:
            variables[rng.integers(4)].assign(rng.normal(size=(3,)).round(2))
