"""Trainings that end in the middle and go on in another process, to the bit as if nothing had happened."""

import numpy as np
import pytest

import mlpcore
from kill_and_resume import differences, killed_and_resumed, uninterrupted
from mlpcore import layers
from mlpcore.callbacks import BackupAndRestore, Callback, EarlyStopping
from mlpcore.saving import CheckpointWarning

rng = np.random.default_rng(0)
X = rng.normal(size=(50, 4)).astype(np.float32)
Y = X[:, :1] - 0.5
EPOCHS, BATCHES = 4, 5


@pytest.mark.parametrize(("variant", "moment"), [("epochs", 0.45), ("batches", 0.3), ("subclass", 0.5)])
def test_a_killed_training_ends_as_if_it_had_run_through(variant, moment):
    result, kills = killed_and_resumed(variant, [moment], seconds=1)
    assert kills == 1
    assert differences(result, uninterrupted(variant)) == []


class Net(mlpcore.Model):
    """A model whose layers are not built before the first rows."""

    def __init__(self):
        super().__init__()
        self.hidden = layers.Dense(4, activation="relu")
        self.dropout = layers.Dropout(0.3)
        self.out = layers.Dense(1)

    def call(self, inputs, training=None):
        return self.out(self.dropout(self.hidden(inputs), training=training))


def sequential():
    return mlpcore.Sequential([layers.Dense(4, activation="relu"), layers.BatchNormalization(), layers.Dense(1)])


class PythonMetric(mlpcore.metrics.Metric):
    """A metric of a user, which sums in Python."""

    def __init__(self, name="python", **kwargs):
        super().__init__(name=name, **kwargs)
        self.total = self.add_variable(shape=(), initializer="zeros", name="total")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.total.assign(self.total.numpy() + np.abs(np.asarray(y_true) - np.asarray(y_pred)).sum())

    def result(self):
        return float(self.total.numpy())


class Stopped(Exception):
    """Stands for a kill."""


class StopAt(Callback):
    """Raises in one of the hooks."""

    def __init__(self, hook, number):
        super().__init__()
        self.hook, self.left, self.first = hook, number, None

    def _maybe(self, hook):
        if hook == self.hook:
            self.left -= 1
            if self.left < 0:
                raise Stopped

    def on_epoch_begin(self, epoch, logs=None):
        self.first = epoch if self.first is None else self.first
        self._maybe("epoch_begin")

    def on_epoch_end(self, epoch, logs=None):
        self._maybe("epoch_end")

    def on_train_batch_begin(self, batch, logs=None):
        self._maybe("batch_begin")

    def on_train_batch_end(self, batch, logs=None):
        self._maybe("batch_end")

    def on_test_end(self, logs=None):
        self._maybe("test_end")


def trained(folder, save_freq, stop, make=sequential, seed=7, source=None, **fit):
    """Return everything that a training ended with; None if it was stopped."""
    mlpcore.utils.set_random_seed(seed)
    model = make()
    model.compile("adam", "mse", metrics=["mae", *([PythonMetric()] if make is sequential else [])])
    stopping = EarlyStopping("val_loss", patience=10, restore_best_weights=True)
    callbacks = [stop, stopping, BackupAndRestore(folder, save_freq)]
    data = (X, Y) if source is None else (source(),)
    try:
        history = model.fit(
            *data, batch_size=10, epochs=EPOCHS, validation_data=(X, Y), verbose=0, callbacks=callbacks, **fit
        )
    except Stopped:
        return None
    arrays = [*model.get_weights(), *(array for slot in model._session.slots() for array in slot)]
    numbers = [history.history, history.epoch, stopping.best, stopping.wait, int(model.optimizer.iterations)]
    return [array.tobytes() for array in arrays], repr(numbers), mlpcore._random.next_seed()


MOMENTS = [
    *(("batch_begin", number) for number in (0, 1, 5, 7)),
    *(("batch_end", number) for number in (0, 4, 9, 13)),  # 4: after the epoch's last batch, before its backup
    ("test_end", 1),
    ("epoch_begin", 2),
    ("epoch_end", 0),
    ("epoch_end", 3),
]


@pytest.mark.parametrize("make", [sequential, Net])
@pytest.mark.parametrize("save_freq", ["epoch", 1, 3])
def test_a_training_goes_on_wherever_it_stopped(tmp_path, save_freq, make):
    expected = trained(tmp_path / "whole", save_freq, StopAt("", 0), make)
    for hook, number in MOMENTS:
        folder = tmp_path / f"{hook}{number}"
        assert trained(folder, save_freq, StopAt(hook, number), make) is None
        seed = 8 if folder.exists() else 7  # whatever the seed then: the random numbers come from the backup
        assert trained(folder, save_freq, StopAt("", 0), make, seed) == expected
        assert not folder.exists()


def test_it_really_goes_on_and_does_not_start_anew(tmp_path):
    assert trained(tmp_path / "a", 1, StopAt("batch_begin", 13)) is None
    again = StopAt("", 0)
    assert trained(tmp_path / "a", 1, again) == trained(tmp_path / "b", 1, StopAt("", 0))
    assert again.first == 2


def test_a_training_that_stops_again_and_again_ends_equal(tmp_path):
    expected = trained(tmp_path / "whole", 2, StopAt("", 0))
    result, starts = None, 0
    while result is None:
        result = trained(tmp_path / "stopped", 2, StopAt("batch_end", 3))
        starts += 1
    assert starts > 4
    assert result == expected


class Batches(mlpcore.utils.PyDataset):
    """Rows that come in batches."""

    def __len__(self):
        return BATCHES

    def __getitem__(self, index):
        return X[10 * index : 10 * index + 10], Y[10 * index : 10 * index + 10]


def endless():
    """Yield other batches all the time."""
    noise = np.random.default_rng(3)
    while True:
        rows = noise.integers(50, size=10)
        yield X[rows], Y[rows]


class Loader:
    """Starts again each epoch, as the loaders of other libraries do."""

    def __iter__(self):
        return (Batches()[index] for index in range(BATCHES))


SOURCES = {
    "dataset": {"source": Batches},
    "part of a dataset": {"source": Batches, "steps_per_epoch": 3},
    "loader": {"source": Loader},
    "generator": {"source": endless, "steps_per_epoch": 4},
    "part of the rows": {"steps_per_epoch": 3},
    "rows in order": {"shuffle": False},
    "rows by batch": {"shuffle": "batch"},
}


@pytest.mark.filterwarnings("ignore:.*ran out|.*used up|.*end of")
@pytest.mark.parametrize("source", SOURCES)
def test_every_source_of_rows_goes_on(tmp_path, source):
    fit = SOURCES[source]
    expected = trained(tmp_path / "whole", 2, StopAt("", 0), **fit)
    for hook, number in [("batch_end", 1), ("batch_end", 8), ("epoch_begin", 2)]:
        assert trained(tmp_path / hook, 2, StopAt(hook, number), **fit) is None
        assert trained(tmp_path / hook, 2, StopAt("", 0), **fit) == expected


def test_the_backup_of_another_model_is_said_and_training_starts_anew(tmp_path):
    assert trained(tmp_path / "a", 1, StopAt("batch_begin", 13), Net) is None
    with pytest.warns(CheckpointWarning, match="another model"):
        result = trained(tmp_path / "a", 1, StopAt("", 0))
    assert result == trained(tmp_path / "b", 1, StopAt("", 0))
