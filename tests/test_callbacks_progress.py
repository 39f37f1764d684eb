"""ProgbarLogger: what is printed, where, and what it costs."""

import io
import os
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from callback_cases import losses, run
from mlpcore.callbacks import ProgbarLogger, progress

LOGS = [{"accuracy": 0.5, "loss": 1.25, "val_loss": 0.0005}, {"accuracy": 0.75, "loss": 1.0, "val_loss": 0.25}]


def without_times(text):
    return re.sub(r"\d+(s|ms|us)\b", "T", text)


def test_piped_output_has_plain_lines(capsys):
    run([], LOGS, verbose=1, n_batches=40)
    bar = "━" * 20
    assert without_times(capsys.readouterr().out) == (
        f"Epoch 1/2\n40/40 {bar} T T/step - accuracy: 0.5000 - loss: 1.2500 - val_loss: 5.0000e-04\n"
        f"Epoch 2/2\n40/40 {bar} T T/step - accuracy: 0.7500 - loss: 1.0000 - val_loss: 0.2500\n"
    )


def test_verbose_2_has_a_line_an_epoch_without_a_bar(capsys):
    run([], LOGS[:1], verbose=2, n_batches=40)
    assert without_times(capsys.readouterr().out) == (
        "40/40 - T - T/step - accuracy: 0.5000 - loss: 1.2500 - val_loss: 5.0000e-04\n"
    )


def test_verbose_0_prints_nothing(capsys):
    run(ProgbarLogger(), LOGS, verbose=0)
    assert capsys.readouterr().out == ""


def test_evaluation_and_prediction_have_their_lines(capsys):
    bar = ProgbarLogger()
    bar.set_params({"verbose": 1, "steps": 3})
    bar.on_test_begin()
    bar.on_test_end({"loss": 0.5})
    bar.on_predict_begin()
    bar.on_predict_end({"outputs": [1, 2]})
    line = f"3/3 {'━' * 20} T T/step"
    assert without_times(capsys.readouterr().out) == f"{line} - loss: 0.5000\n{line}\n"


def test_validation_does_not_print_in_fit(capsys):
    bar = ProgbarLogger()
    bar.set_params({"verbose": 2, "epochs": 1, "steps": 3})
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    bar.on_test_begin()
    bar.on_test_end({"loss": 0.5})
    assert capsys.readouterr().out == ""


def test_terminals_that_have_no_box_characters_get_others(monkeypatch):
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", out)
    run([], losses(1), verbose=1, n_batches=2)
    out.flush()
    assert b"2/2 ==================== " in out.buffer.getvalue()


def test_unknown_number_of_steps_becomes_the_number_seen(capsys):
    bar = ProgbarLogger()
    bar.set_params({"verbose": 2, "epochs": 1, "steps": None})
    bar.on_train_begin()
    bar.on_epoch_begin(0)
    for batch in range(5):
        bar.on_train_batch_end(batch, {"loss": 1.0})
    bar.on_epoch_end(0, {"loss": 1.0})
    assert capsys.readouterr().out.startswith("5/5 - ")


def test_printing_takes_its_share_of_the_time_at_most(monkeypatch):
    """With a clock of our own: 2 ms an epoch, 1 ms a print; all epochs up to the grace, then one in ten."""
    clock = SimpleNamespace(now=0.0)
    written = []

    def write(text):
        clock.now += 1e-3
        written.append(text)

    monkeypatch.setattr(progress.time, "perf_counter", lambda: clock.now)
    monkeypatch.setattr(progress.sys, "stdout", SimpleNamespace(write=write, flush=int, isatty=bool, encoding="utf8"))
    bar = ProgbarLogger()
    bar.set_params({"verbose": 2, "epochs": 3000, "steps": 1})
    bar.on_train_begin()
    for epoch in range(3000):
        bar.on_epoch_begin(epoch)
        clock.now += 2e-3
        bar.on_epoch_end(epoch, {"loss": 1.0})
    assert bar._spent <= 0.01 + 2 * 0.002 + 0.01 * clock.now
    assert 50 < len(written) < 100
    assert written[-2] == "Epoch 3000/3000\n"
    assert [text for text in written if text.startswith("Epoch")][:4] == [f"Epoch {n}/3000\n" for n in range(1, 5)]


CODE = """
import sys, time
sys.path.insert(0, "tests")
if sys.argv[1] == "without":
    sys.modules["tqdm"] = None
from mlpcore.callbacks import ProgbarLogger
bar = ProgbarLogger()
bar.set_params({"verbose": 1, "epochs": 2, "steps": 50})
bar.on_train_begin()
for epoch in range(2):
    bar.on_epoch_begin(epoch)
    for batch in range(50):
        time.sleep(0.006)
        bar.progress(batch + 1, {"loss": 1 / (batch + 1)})
    bar.on_epoch_end(epoch, {"loss": 0.5})
bar.on_train_end()
"""


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no pseudo-terminals here")
@pytest.mark.parametrize("tqdm", ["with", "without"])
def test_terminal_has_a_live_line_that_gives_way_to_the_result(tqdm):
    if tqdm == "with":
        pytest.importorskip("tqdm")
    master, slave = os.openpty()
    process = subprocess.Popen([sys.executable, "-c", CODE, tqdm], stdout=slave, stderr=subprocess.PIPE)
    os.close(slave)
    shown = b""
    while True:
        try:
            shown += (part := os.read(master, 65536))
        except OSError:  # the other end has been closed
            break
        if not part:
            break
    assert process.wait(timeout=30) == 0, process.stderr.read()
    process.stderr.close()
    os.close(master)
    text = shown.decode()
    lines = [line.split("\r")[-1] for line in text.replace("\r\n", "\n").split("\n")]
    finished = [without_times(re.sub(r"\x1b\[[0-9;]*m", "", line)) for line in lines]
    result = f"50/50 {'━' * 20} T T/step - loss: 0.5000"
    assert finished == ["Epoch 1/2", result, "Epoch 2/2", result, ""]
    live = re.findall(r"\r(\d+)/50 ", text)
    assert bool(live) == (tqdm == "with")
