"""TensorBoard: what a real TensorBoard server reads from our event files."""

import json
import re
import struct
import subprocess
import sys
import threading
import urllib.request
from types import SimpleNamespace

import numpy as np
import pytest

from callback_cases import Model, run
from mlpcore import callbacks
from mlpcore.callbacks import TensorBoard, event_files

pytest.importorskip("tensorboardX")

RNG = np.random.default_rng(0)
LOGS = [{"loss": 1 / (epoch + 1), "val_loss": 1.5 / (epoch + 1)} for epoch in range(5)]


class Weight:
    def __init__(self, path, values):
        self.path, self.values = path, values

    def numpy(self):
        return self.values


class Layer:
    def __init__(self, name, *shapes):
        self.name, self.trainable, self.built = name, True, True
        self.weights = [Weight(f"{name}/w{i}", RNG.normal(size=shape)) for i, shape in enumerate(shapes)]

    def count_params(self):
        return sum(weight.values.size for weight in self.weights)

    def get_weights(self):
        return [weight.values for weight in self.weights]


class Embedding(Layer):
    pass


def model():
    made = Model()
    made.built = True
    made.layers = [Embedding("words", (4, 3)), Layer("hidden", (6, 5), (5,)), Layer("nothing")]
    return made


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Write a run with everything, and return its folder."""
    folder = tmp_path_factory.mktemp("logs")
    labels = folder / "labels.txt"
    labels.write_text("a\nb\nc\nd\n")
    board = TensorBoard(
        folder / "run",
        histogram_freq=2,
        write_images=True,
        write_steps_per_second=True,
        update_freq=2,
        embeddings_freq=4,
        embeddings_metadata=labels,
        hparams={"units": 5, "rate": np.float32(0.5), "optimizer": "adam", "bias": True, "shape": (2, 3)},
        images=lambda epoch: {"mine": np.linspace(0, 1, 48).reshape(4, 4, 3)} if epoch == 4 else {},
    )

    class Evaluate(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 0:
                board.on_test_begin()
                board.on_test_end({"loss": 7.0})

    run([board, Evaluate()], LOGS, model(), n_batches=3)
    return folder


@pytest.fixture(scope="module")
def server(logs):
    """Start TensorBoard on a loopback port of its choice; return a function that asks it for JSON or bytes."""
    pytest.importorskip("tensorboard")
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(logs), "--host", "127.0.0.1", "--port", "0"]
    command += ["--load_fast", "false", "--reload_interval", "1"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    timer = threading.Timer(60, process.kill)
    timer.start()
    said = []
    for line in process.stderr:
        said.append(line)
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", line)
        if found:
            break
    else:
        timer.cancel()
        pytest.fail("TensorBoard did not start: " + "".join(said))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

    def ask(path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(found[0] + path, data, {"Content-Type": "application/json"})
        with opener.open(request, timeout=20) as answer:
            content = answer.read()
        return json.loads(content) if content[:1] in b"{[" else content

    while not ask("data/plugin/scalars/tags"):
        threading.Event().wait(0.2)
    yield ask
    process.kill()
    process.wait()
    process.stderr.close()
    timer.cancel()


def scalars(server, run, tag):
    return [(step, value) for _, step, value in server(f"data/plugin/scalars/scalars?run={run}&tag={tag}")]


@pytest.mark.parametrize(
    ("where", "name"), [("train", "loss"), ("validation", "val_loss")], ids=["training", "validation"]
)
def test_server_returns_the_losses_of_epochs(server, where, name):
    got = scalars(server, f"run/{where}", "epoch_loss")
    assert got == [(epoch, pytest.approx(logs[name], rel=1e-7)) for epoch, logs in enumerate(LOGS)]


def test_server_returns_losses_of_every_second_batch(server):
    got = scalars(server, "run/train", "batch_loss")
    assert [step for step, _ in got] == [2, 4, 6, 8, 10, 12, 14]
    assert got[1] == (4, pytest.approx(0.5))


def test_server_returns_rates_and_speeds(server):
    assert scalars(server, "run/train", "epoch_learning_rate") == [(epoch, 0.5) for epoch in range(5)]
    assert all(value > 0 for _, value in scalars(server, "run/train", "epoch_steps_per_second"))
    assert len(scalars(server, "run/train", "batch_steps_per_second")) == 7


def test_server_returns_evaluations_against_steps(server):
    assert scalars(server, "run/validation", "evaluation_loss_vs_iterations") == [(3, 7.0)]


def test_server_returns_histograms_of_weights(server):
    assert set(server("data/plugin/histograms/tags")["run/train"]) == {
        "words/w0/histogram",
        "hidden/w0/histogram",
        "hidden/w1/histogram",
    }
    got = server("data/plugin/histograms/histograms?run=run/train&tag=hidden/w0/histogram")
    assert [step for _, step, _ in got] == [0, 2, 4]
    assert sum(count for _, _, count in got[0][2]) == pytest.approx(30)


def test_server_returns_images(server):
    tags = server("data/plugin/images/tags")["run/train"]
    assert set(tags) == {"mine/0", "words/w0/image/0", "hidden/w0/image/0", "hidden/w1/image/0"}
    (image,) = server("data/plugin/images/images?run=run/train&tag=mine/0&sample=0")
    assert image["step"] == 4
    png = server(f"data/plugin/images/individualImage?{image['query']}")
    assert png[:4] == b"\x89PNG"
    assert struct.unpack(">II", png[16:24]) == (4, 4)


def test_server_returns_the_graph_of_layers(server):
    text = server("data/plugin/graphs/graph?run=run/train&conceptual=false").decode()
    assert {f'name: "{name}"' in text for name in ("words", "hidden", "nothing")} == {True}
    assert 'op: "Embedding"' in text


def test_server_returns_hyperparameters(server):
    experiment = server("data/plugin/hparams/experiment", {"experimentName": ""})
    kinds = {info["name"]: info["type"] for info in experiment["hparamInfos"]}
    assert kinds["units"] == kinds["rate"] == "DATA_TYPE_FLOAT64"
    assert (kinds["optimizer"], kinds["bias"]) == ("DATA_TYPE_STRING", "DATA_TYPE_BOOL")
    columns = [{"hparam": name, "includeInResult": True} for name in kinds]
    columns.append({"metric": {"group": "validation", "tag": "epoch_loss"}, "includeInResult": True})
    query = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS", "STATUS_UNKNOWN"], "colParams": columns}
    (group,) = server("data/plugin/hparams/session_groups", {**query, "startIndex": 0, "sliceSize": 9})["sessionGroups"]
    assert group["hparams"] == {"units": 5, "rate": 0.5, "optimizer": "adam", "bias": True, "shape": "(2, 3)"}
    values = {(each["name"]["group"], each["name"]["tag"]): each["value"] for each in group["metricValues"]}
    assert values["validation", "epoch_loss"] == pytest.approx(0.3)


def test_server_returns_embeddings(server):
    assert server("data/plugin/projector/runs") == ["run/train"]
    info = server("data/plugin/projector/info?run=run/train")["embeddings"]
    assert info[0]["tensorShape"] == [4, 3]


def test_epochs_alone_need_no_batches_and_write_no_batch_losses(tmp_path):
    board = TensorBoard(tmp_path, write_steps_per_second=True)
    assert not callbacks.CallbackList(board).needs_batches
    assert callbacks.CallbackList(TensorBoard(tmp_path, update_freq="batch")).needs_batches


def test_own_values_can_be_written(tmp_path):
    board = TensorBoard(tmp_path)
    board.add_scalar("mine", 0.5, 3)
    board.add_histogram("numbers", [1.0, np.nan, 2.0], 3)
    board.add_histogram("nothing", [np.nan], 3)
    board.add_image("picture", np.zeros((2, 3), np.uint8), 3)
    board._close()
    assert len(list((tmp_path / "train").glob("events*"))) == 1


def test_trainings_in_the_same_second_have_files_of_their_own(tmp_path):
    for _ in range(3):
        run([TensorBoard(tmp_path, write_graph=False)], LOGS[:1])
    assert len(list((tmp_path / "train").glob("events*"))) == 3


@pytest.mark.parametrize(
    ("shape", "expected"),
    [((4, 5), (1, 4, 5, 3)), ((4, 5, 1), (1, 4, 5, 3)), ((4, 5, 4), (1, 4, 5, 4)), ((7, 4, 5), (7, 4, 5, 3))],
)
def test_images_of_any_form_become_colour_images(shape, expected):
    assert event_files._as_images(np.ones(shape), "x").shape == expected
    assert event_files._as_images(np.full(shape, 2.0), "x").max() == 255


def test_wrong_options_are_refused(tmp_path):
    with pytest.raises(ValueError, match="update_freq is 'epoch', 'batch' or a number from 1 up, got 'epochs'"):
        TensorBoard(tmp_path, update_freq="epochs")
    with pytest.raises(ValueError, match="profile_batch has to be 0, got 2"):
        TensorBoard(tmp_path, profile_batch=2)
    with pytest.raises(ValueError, match=r"image 'x': expected \(height, width\).* got an array of shape \(2,\)"):
        event_files._as_images(np.ones(2), "x")
    board = TensorBoard(tmp_path, embeddings_freq=1, embeddings_metadata={"wrods": "labels.txt"})
    with pytest.raises(
        ValueError, match=r"embeddings_metadata names \['wrods'\], the Embedding layers are \['words'\]"
    ):
        run([board], LOGS[:1], model())


def test_missing_package_is_told_at_once(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="needs the package tensorboardX: pip install"):
        TensorBoard()


def test_graph_that_cannot_be_had_only_warns(tmp_path):
    with pytest.warns(UserWarning, match="the graph of the model cannot be written: the model 'model' is not built"):
        run([TensorBoard(tmp_path)], LOGS[:1])


def test_state_continues_the_count_of_batches(tmp_path):
    board = TensorBoard(tmp_path)
    board.set_state({"batches": 41})
    board.on_train_batch_begin(0)
    assert board.get_state() == {"batches": 42}


def test_nothing_is_written_without_epochs(tmp_path):
    run([TensorBoard(tmp_path / "logs", write_graph=False)], [])
    assert not (tmp_path / "logs").exists()


def test_iterations_are_read_from_any_optimizer():
    assert callbacks.tensorboard._iterations(SimpleNamespace(optimizer=SimpleNamespace(iterations=np.int64(3)))) == 3
    assert callbacks.tensorboard._iterations(SimpleNamespace()) == 0
