"""`python -m mlpcore`: the table it prints, the files it reads, the errors it explains."""

import re

import numpy as np
import pytest

from mlpcore import __main__ as command
from mlpcore import _problems
from mlpcore._problems import ProblemError, load_file, load_problem

SMALL = ["--epochs", "2", "--repeats", "1", "--hidden", "16"]


def test_table_shows_equal_results_on_digits(capsys):
    assert command.main(SMALL) == 0
    printed = capsys.readouterr().out
    assert "64-16-10, relu" in printed
    rows = re.findall(r"(scikit-learn|mlpcore) +([\d.]+) +([\d.]+) +([\d.]+)(?: +[\d.]+ x +(\S+))?\n", printed)
    assert [row[0] for row in rows] == ["scikit-learn", "mlpcore"] * 2
    assert float(rows[1][4]) < 1e-5  # float32 rounding after two epochs
    assert float(rows[3][4]) < 1e-12  # float64
    assert rows[2][1:3] == rows[3][1:3]  # accuracy and loss to all digits shown


def test_regression_tables_are_compared_too(dataset, data_folder, capsys):
    dataset("california_housing")
    path = str(data_folder / "california_housing.npz")
    assert command.main(["--path", path, "--dtype", "float64", *SMALL]) == 0
    assert "test R2" in capsys.readouterr().out


def test_images_keep_their_official_split(data_folder, dataset):
    dataset("fashion_mnist")
    problem = load_file(data_folder / "fashion_mnist.npz")
    assert problem.X_train.shape == (60_000, 784)
    assert problem.X_test.shape == (10_000, 784)
    assert problem.X_train.max() == 1
    assert problem.n_outputs == 10


def test_table_file_is_standardised_and_one_hot(tmp_path):
    numbers = np.column_stack([np.arange(20.0), np.full(20, 7.0)])
    numbers[3, 0] = np.nan
    codes = np.tile([0, 1, 2, -1], 5)[:, None]
    np.savez(tmp_path / "table.npz", X_num=numbers, X_cat=codes, y=np.arange(20.0))
    problem = load_file(tmp_path / "table.npz")
    X = np.vstack([problem.X_train, problem.X_test])
    assert X.shape == (20, 2 + 3)
    np.testing.assert_allclose(X[:, 0].mean(), 0, atol=1e-6)  # float32
    assert not X[:, 1].any()  # a constant column says nothing
    assert sorted(X[:, 2:].sum(axis=1)) == [0] * 5 + [1] * 15
    np.testing.assert_allclose([problem.y_train.mean(), problem.y_train.std()], [0, 1], atol=1e-12)


def test_whole_numbers_are_classes_and_two_need_one_output(tmp_path):
    np.savez(tmp_path / "two.npz", X=np.eye(10), y=np.arange(10) % 2)
    problem = load_file(tmp_path / "two.npz")
    assert problem.is_classification
    assert problem.n_outputs == 1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": 1}, r"should hold X_train.*; it holds a"),
        ({"X": np.ones((3, 2)), "y": np.ones(4)}, "3 rows of features but 4 targets"),
        ({"X": np.full((3, 2), np.nan), "y": np.ones(3)}, "NaN or infinite features"),
        ({"X": np.array([None]), "y": np.ones(1)}, "no .npz file of plain arrays"),
    ],
)
def test_unfit_file_is_explained(tmp_path, arrays, message):
    np.savez(tmp_path / "unfit.npz", **arrays)
    with pytest.raises(ProblemError, match=message):
        load_file(tmp_path / "unfit.npz")


def test_text_file_is_explained(tmp_path):
    path = tmp_path / "text.npz"
    path.write_text("not an archive")
    with pytest.raises(ProblemError, match=r"no \.npz file"):
        load_file(path)


def test_missing_file_ends_with_a_message(capsys):
    assert command.main(["--path", "nowhere.npz"]) == 1
    assert "cannot read nowhere.npz: No such file" in capsys.readouterr().err


def test_failed_download_names_the_way_out(monkeypatch):
    def unreachable(*args, **options):
        raise OSError("no network")

    monkeypatch.setattr(_problems, "fetch_openml", unreachable)
    with pytest.raises(ProblemError, match=r"OpenML: no network\n.*--path FILE.npz"):
        load_problem("fashion-mnist")


@pytest.mark.parametrize("option", ["--epochs", "--threads", "--hidden"])
def test_number_that_is_not_positive_is_refused(option, capsys):
    with pytest.raises(SystemExit):
        command.main([option, "0"])
    assert "'0' is not a positive whole number" in capsys.readouterr().err


def test_ctrl_c_ends_the_program(monkeypatch, capsys):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "compare", interrupted)
    assert command.main([]) == 130
    assert "interrupted" in capsys.readouterr().err
