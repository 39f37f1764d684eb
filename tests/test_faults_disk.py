"""Full disks and folders that cannot be written: an OSError that names the file, and nothing lost that was there."""

import contextlib
import errno
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

import mlpcore
from mlpcore import MLPClassifier, Sequential, callbacks, layers, saving, tuner

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # A thread of somebody else's that dies of an error of the disk would be one: there is none.
    pytest.mark.filterwarnings("error::pytest.PytestUnhandledThreadExceptionWarning"),
]
RNG = np.random.RandomState(0)
X, Y = RNG.standard_normal((64, 100)).astype(np.float32), RNG.randint(0, 3, 64)
ROOM = 8192  # bytes that are left: less than any of the files here takes


def new_model():
    mlpcore.utils.set_random_seed(1)
    model = Sequential([layers.Dense(200, activation="relu"), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(X, Y, epochs=1, verbose=0)
    return model


@contextlib.contextmanager
def files_may_not_grow(_folder):
    """As a quota on the size of files does: EFBIG. Python ignores the signal that would come with it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextlib.contextmanager
def full(folder):
    """ENOSPC, after the last bytes that are left."""
    filler, disk = folder / "filler", os.statvfs(folder)
    filler.write_bytes(bytes(disk.f_bavail * disk.f_bsize - ROOM))
    try:
        yield
    finally:
        filler.unlink()


@contextlib.contextmanager
def read_only(folder):
    """A file system that is mounted read-only, for not even root may write there: EROFS."""
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)


@contextlib.contextmanager
def forbidden(folder):
    """A folder of somebody else's: EACCES."""
    folder.chmod(0o500)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip("root may write everywhere")
        yield
    finally:
        folder.chmod(0o700)


NUMBERS = {files_may_not_grow: errno.EFBIG, full: errno.ENOSPC, read_only: errno.EROFS, forbidden: errno.EACCES}


@pytest.fixture(params=NUMBERS, ids=lambda fault: fault.__name__)
def fault(request):
    return request.param


@pytest.fixture
def folder(fault, tmp_path):
    """A folder; a small disk of its own where the fault needs one."""
    if fault in (files_may_not_grow, forbidden):
        yield tmp_path
        return
    disk = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk]
    try:
        mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    if not mounted:
        disk.rmdir()
        pytest.skip("no file system can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", disk], check=True)
        disk.rmdir()


def check_named(caught, fault, path):
    assert caught.value.errno == NUMBERS[fault]
    assert caught.value.filename == str(path)
    assert str(path) in str(caught.value)


WRITERS = {
    "model": (lambda model, path: model.save(path), saving.load_model),
    "model.keras": (lambda model, path: model.save(path), saving.load_model),
    "weights": (lambda model, path: model.save_weights(path), None),
    "weights.npz": (lambda model, path: model.save_weights(path), None),
    "weights.weights.h5": (lambda model, path: model.save_weights(path), None),
    "weights.safetensors": (lambda model, path: model.save_weights(path), None),
    "state": (saving.save_state, None),
}
PACKAGES = {".keras": "h5py", ".h5": "h5py", ".safetensors": "safetensors"}


@pytest.mark.parametrize("name", WRITERS)
def test_what_was_saved_before_is_still_there(folder, fault, name):
    if package := PACKAGES.get(Path(name).suffix):
        pytest.importorskip(package)
    save, load = WRITERS[name]
    path = folder / name
    model = new_model()
    save(model, path)
    saved, there = model.predict(X, verbose=0), path.read_bytes()
    model.fit(X, Y, epochs=1, verbose=0)
    trained = model.predict(X, verbose=0)

    with fault(folder), pytest.raises(OSError, match=name) as caught:
        save(model, path)
    check_named(caught, fault, path)
    assert path.read_bytes() == there
    assert set(os.listdir(folder)) <= {name, f"{name}.previous"}

    assert_array_equal(model.predict(X, verbose=0), trained)
    if load is not None:
        other = load(path)
    else:
        other = new_model()
        assert saving.load_state(other, path) == {} if name == "state" else other.load_weights(path) is None
    assert_array_equal(other.predict(X, verbose=0), saved)
    save(model, path)
    model.fit(X, Y, epochs=1, verbose=0)


def test_an_estimator_that_was_saved_before_is_still_there(folder, fault):
    path = folder / "estimator"
    estimator = MLPClassifier((200,), max_iter=2, random_state=0).fit(X, Y)
    saving.save_estimator(estimator, path)
    saved = estimator.predict_proba(X)
    estimator.set_params(max_iter=3).fit(X, Y)
    trained = estimator.predict_proba(X)
    with fault(folder), pytest.raises(OSError, match="estimator") as caught:
        saving.save_estimator(estimator, path)
    check_named(caught, fault, path)
    assert os.listdir(folder) == ["estimator"]
    assert_array_equal(saving.load_estimator(path).predict_proba(X), saved)
    assert_array_equal(estimator.predict_proba(X), trained)
    saving.save_estimator(estimator, path)


@pytest.mark.parametrize("weights_only", [False, True])
def test_a_training_that_cannot_save_its_model_ends_and_can_go_on(folder, fault, weights_only):
    model, path = new_model(), folder / "best"
    callback = callbacks.ModelCheckpoint(path, save_weights_only=weights_only)
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[callback])
    saved, there = model.predict(X, verbose=0), path.read_bytes()
    with fault(folder), pytest.raises(OSError, match="best") as caught:
        model.fit(X, Y, epochs=5, verbose=0, callbacks=[callback])
    check_named(caught, fault, path)
    assert path.read_bytes() == there
    assert os.listdir(folder) == ["best"]
    other = new_model()
    other.load_weights(path)
    assert_array_equal(other.predict(X, verbose=0), saved)
    assert not np.array_equal(model.predict(X, verbose=0), saved)  # it has kept what it learned
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[callback])
    assert path.read_bytes() != there


class FaultAfter(callbacks.Callback):
    """Lets the fault come after so many epochs and stay."""

    def __init__(self, epochs, fault):
        super().__init__()
        self.epochs, self.fault = epochs, fault

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epochs:
            self.fault.__enter__()


def test_a_training_goes_on_from_the_backup_before_the_disk_was_full(folder, fault):
    """It ends with the bits of one that nothing has disturbed.

    A disk with room for two backups is full for one that keeps none beside: each makes room for the next.
    """
    backup = folder / "backup"
    backup.mkdir()

    def fit(model, *others):
        back = callbacks.BackupAndRestore(backup, double_checkpoint=fault is not full)
        model.fit(X, Y, epochs=6, batch_size=16, verbose=0, callbacks=[*others, back])
        return [*model.get_weights()]

    expected = fit(new_model())
    backup.mkdir()
    where = backup if fault is forbidden else folder
    with contextlib.ExitStack() as stack:
        coming = fault(where)
        stack.push(coming.__exit__)
        with pytest.raises(OSError, match="backup") as caught:
            fit(new_model(), FaultAfter(3, coming))
    check_named(caught, fault, backup / "training.checkpoint")
    assert set(os.listdir(backup)) == {"training.checkpoint", "training.checkpoint.previous"}
    mlpcore.utils.set_random_seed(9)  # the backup decides, not what the program did since
    for a, b in zip(expected, fit(new_model()), strict=True):
        assert_array_equal(a, b)
    assert not backup.exists()


@pytest.mark.parametrize("kind", ["CSVLogger", "TensorBoard"])
def test_a_training_that_cannot_write_its_log_ends_and_can_go_on(folder, fault, kind):
    """The thread of tensorboardX's writer used to end with the first error, and training to wait for it for ever."""
    path = folder / "log"
    if kind == "CSVLogger":
        callback, named = callbacks.CSVLogger(path, append=True), path
        path.write_text("epoch,loss,accuracy\n" + "0,1.5,0.5\n" * 1000)  # beyond what files may grow to
        if fault is forbidden:
            pytest.skip("a file that is there may be written")
    else:
        pytest.importorskip("tensorboardX")
        callback, named = callbacks.TensorBoard(path, histogram_freq=1), path / "train"
    model = new_model()
    with fault(folder), pytest.raises(OSError, match="log") as caught:
        model.fit(X, Y, epochs=2000, batch_size=64, verbose=0, callbacks=[callback])
    assert caught.value.errno == NUMBERS[fault]
    assert caught.value.filename == str(named)
    model.fit(X, Y, epochs=2, verbose=0, callbacks=[callback])
    assert np.isfinite(model.predict(X, verbose=0)).all()
    if kind == "CSVLogger":
        assert len(path.read_text().splitlines()[-1].split(",")) >= 3
    else:
        assert any(file.stat().st_size > 0 for file in named.iterdir())


@pytest.mark.filterwarnings("ignore:trial . failed")
def test_a_search_goes_on_when_there_is_room_again(folder, fault):
    pytest.importorskip("optuna")

    def build(hp):
        model = Sequential([layers.Dense(hp.Int("units", 150, 300)), layers.Dense(3, activation="softmax")])
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    def search(**keywords):
        made = tuner.RandomSearch(
            build, "val_accuracy", max_trials=4, directory=folder, project_name="search", seed=0, **keywords
        )
        made.search(X, Y, epochs=2, validation_data=(X, Y), verbose=0)
        return made

    (folder / "search").mkdir()
    where = folder / "search" if fault is forbidden else folder
    with fault(where), pytest.raises(OSError, match="search") as caught:
        search()
    assert caught.value.errno == NUMBERS[fault]
    assert str(folder / "search") in caught.value.filename
    done = search()
    assert {trial.status for trial in done.oracle.trials.values()} <= {"COMPLETED", "FAILED"}
    assert np.isfinite(done.get_best_models()[0].predict(X, verbose=0)).all()


@pytest.mark.filterwarnings("ignore:checkpoint not used")
def test_a_path_below_a_file_is_named(tmp_path):
    (tmp_path / "file").write_text("no folder")
    path = tmp_path / "file" / "model"
    model = new_model()
    for save in (model.save, model.save_weights):
        with pytest.raises(OSError, match="model"):
            save(path)
    for callback in (
        callbacks.ModelCheckpoint(path),
        callbacks.BackupAndRestore(path),
        callbacks.CSVLogger(path),
        *([callbacks.TensorBoard(path)] if "tensorboardX" in sys.modules else []),
    ):
        with pytest.raises(OSError, match="file"):
            model.fit(X, Y, epochs=1, verbose=0, callbacks=[callback])
    model.fit(X, Y, epochs=1, verbose=0)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_log_on_a_device_that_is_full_is_named():
    model = new_model()
    with pytest.raises(OSError, match="/dev/full") as caught:
        model.fit(X, Y, epochs=1, verbose=0, callbacks=[callbacks.CSVLogger("/dev/full")])
    assert caught.value.errno == errno.ENOSPC
