"""CallbackList and Callback: the order of hooks, who needs batches, states, and what is refused."""

import numpy as np
import pytest

from callback_cases import Model, losses, run
from mlpcore import callbacks
from mlpcore.callbacks import Callback, CallbackList, EarlyStopping, History, LambdaCallback, ProgbarLogger

HOOKS = [name for name in dir(Callback) if name.startswith("on_")]


def recorder(into):
    def hook(name):
        return lambda *args, **kwargs: into.append(name)

    return LambdaCallback(**{name: hook(name) for name in HOOKS if name not in ("on_batch_begin", "on_batch_end")})


def test_hooks_come_in_the_order_of_keras():
    seen = []
    run(recorder(seen), losses(1.0), n_batches=1)
    assert seen == [
        "on_train_begin",
        "on_epoch_begin",
        "on_train_batch_begin",
        "on_train_batch_end",
        "on_epoch_end",
        "on_train_end",
    ]


def test_older_names_of_batch_hooks_are_called():
    class Old(Callback):
        seen = 0

        def on_batch_end(self, batch, logs=None):
            self.seen += 1

    old = Old()
    run(old, losses(1.0, 2.0), n_batches=3)
    assert old.seen == 6


def test_callbacks_are_called_in_their_order_and_see_what_earlier_ones_added():
    add = LambdaCallback(on_epoch_end=lambda epoch, logs: logs.update(extra=2 * logs["loss"]))
    model = run([add], losses(1.0, 3.0, name="loss"))
    assert model.history.history == {"loss": [1.0, 3.0], "extra": [2.0, 6.0]}


def test_logs_are_new_alphabetical_dicts_of_floats():
    given = {"loss": np.float32(0.5), "accuracy": np.array(1), "acc": 1}
    seen = []
    together = CallbackList(LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(logs)), model=Model())
    together.on_epoch_end(0, given)
    assert list(seen[0]) == ["acc", "accuracy", "loss"]
    assert all(type(value) is float for value in seen[0].values())
    assert seen[0] is not given


@pytest.mark.parametrize(
    ("callback", "phase"),
    [
        (EarlyStopping(), None),
        (History(), None),
        (ProgbarLogger(), None),
        (LambdaCallback(on_epoch_end=print), None),
        (callbacks.ModelCheckpoint("x"), None),
        (callbacks.ModelCheckpoint("x", save_freq=5), "train"),
        (callbacks.BackupAndRestore("x"), None),
        (callbacks.BackupAndRestore("x", save_freq=5), "train"),
        (callbacks.TerminateOnNaN(), "train"),
        (LambdaCallback(on_train_batch_begin=print), "train"),
        (LambdaCallback(on_batch_end=print), "train"),
        (LambdaCallback(on_test_batch_end=print), "test"),
        (LambdaCallback(on_predict_batch_begin=print), "predict"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Callback) else value,
)
def test_batches_are_needed_only_where_a_batch_hook_does_something(callback, phase):
    together = CallbackList([callback])
    needs = [together.needs_batches, together.needs_test_batches, together.needs_predict_batches]
    assert needs == [phase == name for name in ("train", "test", "predict")]


def test_subclass_of_a_built_in_callback_may_add_a_batch_hook():
    class Own(callbacks.ModelCheckpoint):
        def on_train_batch_end(self, batch, logs=None):
            pass

    assert CallbackList(Own("x")).needs_batches


def test_lists_may_be_nested_and_hold_a_list():
    one, two, three = Callback(), Callback(), Callback()
    assert CallbackList([one, (two, [CallbackList(three)])]).callbacks == [one, two, three]


def test_history_and_progbar_are_added_once():
    mine = History()
    together = CallbackList([mine, ProgbarLogger()], add_history=True, add_progbar=True)
    assert len(together.callbacks) == 2
    assert together.history is mine


def test_backup_comes_last():
    backup = callbacks.BackupAndRestore("x")
    assert CallbackList([backup, Callback()], add_history=True).callbacks[-1] is backup


def test_append_tells_model_and_params():
    together = CallbackList(model=Model(), epochs=3)
    callback = Callback()
    together.append(callback)
    assert callback.model is together.model
    assert callback.params == {"epochs": 3}


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (EarlyStopping, "got the class EarlyStopping: add ()"),
        (print, "wrap a function in LambdaCallback"),
        ("EarlyStopping", "expects Callback instances, got 'EarlyStopping' of type str"),
    ],
)
def test_what_is_no_callback_is_refused(thing, message):
    with pytest.raises(TypeError, match=message.replace("(", r"\(").replace(")", r"\)")):
        CallbackList([thing])


def test_misspelt_argument_gets_a_suggestion():
    with pytest.raises(TypeError, match=r"EarlyStopping: unknown argument 'patiance'; did you mean 'patience'\?"):
        EarlyStopping(patiance=3)
    with pytest.raises(
        TypeError, match=r"LambdaCallback: unknown argument 'on_epoch_ends'; did you mean 'on_epoch_end'\?"
    ):
        LambdaCallback(on_epoch_ends=print)
    with pytest.raises(TypeError, match="on_epoch_end expects a function, got 3"):
        LambdaCallback(on_epoch_end=3)


def test_error_of_a_hook_comes_out_and_everything_is_closed(tmp_path):
    def fail(epoch, logs):
        if epoch == 1:
            raise RuntimeError("mine")

    logger = callbacks.CSVLogger(tmp_path / "log.csv")
    with pytest.raises(RuntimeError, match="mine"):
        run([logger, LambdaCallback(on_epoch_end=fail)], losses(3.0, 2.0, 1.0))
    assert logger._file is None
    assert (tmp_path / "log.csv").read_text().count("\n") == 3


def test_states_go_to_the_callbacks_they_came_from():
    class Counter(Callback):
        count = 0

        def on_epoch_end(self, epoch, logs=None):
            self.count += 1

        def get_state(self):
            return {"count": self.count}

        def set_state(self, state):
            self.count = state["count"]

    first, second = Counter(), Counter()
    second.count = 10
    together = CallbackList([first, Callback(), second], add_history=True, model=Model())
    together.on_train_begin()
    together.on_epoch_end(0, {"loss": 0.5})
    state = together.get_state()
    assert set(state) == {"Counter", "Counter_2", "History"}
    new = [Counter(), Counter()]
    fresh = CallbackList(new, add_history=True, model=Model())
    fresh.on_train_begin()
    fresh.set_state(state)
    assert [each.count for each in new] == [1, 11]
    assert fresh.history.history == {"loss": [0.5]}


def test_history_has_params_and_epochs():
    model = run([], losses(2.0, 1.0), n_batches=7)
    assert model.history.epoch == [0, 1]
    assert model.history.params == {"verbose": 0, "epochs": 2, "steps": 7}


def test_callback_without_super_init_works():
    class Short(Callback):
        def __init__(self, word):
            self.word = word

        def on_epoch_end(self, epoch, logs=None):
            self.model.word = self.word

    assert run(Short("x"), losses(1.0)).word == "x"


def test_a_callback_shows_what_it_was_given():
    assert repr(callbacks.EarlyStopping("loss", patience=3)) == "EarlyStopping(monitor='loss', patience=3)"
    assert repr(callbacks.TerminateOnNaN()) == "TerminateOnNaN()"
    assert repr(callbacks.CSVLogger("log.csv", append=True)) == "CSVLogger(filename='log.csv', append=True)"

    class Own(callbacks.Callback):
        def __init__(self, size, rows=None):
            self.rows = rows

    assert repr(Own(3, rows=[1, 2])) == "Own()"
