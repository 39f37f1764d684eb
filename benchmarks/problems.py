"""The benchmark problems as data: what is trained or asked, on which rows, with which settings."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

SEED = 0
EARLY_TOLERANCE = 2e-5  # relative, of the losses after the first ten steps
Rows = Callable[[int], tuple]  # number of rows -> X (rows, features), y


@dataclass(frozen=True)
class Problem:
    """One thing to time; `kind` says what, and which peers take part (see peers/__init__.py)."""

    name: str
    title: str
    kind: str  # "train" "train_sparse" "lbfgs" "predict" "perceptron" "search"
    data: Rows
    rows: int
    layers: tuple[int, ...]  # widths from the features to the outputs
    output: str = "softmax"  # or "logistic" (independent labels) or "identity" (regression)
    solver: str = "adam"  # "sgd" is plain: no momentum
    batch: int = 32
    learning_rate: float = 1e-3
    alpha: float = 0.0  # L2 penalty
    epochs: int = 1  # passes over the rows in one timed fit; iterations for lbfgs
    calls: int = 1  # calls in one round, of which the median counts
    dtype: str = "float32"
    tolerance: float = 3e-2  # largest relative difference between the peers' final losses
    reason: str = "float32 decides a relu's sign one way or the other"  # why they differ at all

    @property
    def steps(self) -> int:
        """Return the parts that a round's time is divided by: batches, iterations or calls."""
        if self.kind in ("train", "train_sparse"):
            return self.epochs * -(-self.rows // self.batch)
        return self.epochs if self.kind in ("lbfgs", "perceptron") else 1

    @property
    def unit(self) -> str:
        """Name one of these parts."""
        return {
            "train": "step",
            "train_sparse": "step",
            "lbfgs": "iteration",
            "perceptron": "epoch",
            "predict": "call",
            "search": "search",
        }[self.kind]

    @property
    def flops(self) -> int | None:
        """Count the multiplications and additions of the products in one round.

        Forward 2 rows sum(in out), the gradient of the kernels the same, the gradient of the inputs
        the same without the first layer. None where another count would have to be invented.
        """
        products = [2 * i * o for i, o in zip(self.layers, self.layers[1:], strict=False)]
        if self.kind == "train":
            return self.epochs * self.rows * (3 * sum(products) - products[0])
        if self.kind == "predict":
            return self.rows * sum(products)
        return None

    @property
    def early(self) -> Problem | None:
        """Return the first ten steps, after which the peers' losses still agree to rounding."""
        if self.kind in ("train", "train_sparse"):
            return replace(self, rows=min(self.rows, 10 * self.batch), epochs=1)
        return replace(self, epochs=5) if self.kind == "lbfgs" else None

    def quick(self) -> Problem:
        """Return the problem on a tenth of the rows, to see that everything runs."""
        few = max(self.rows // 10, min(self.rows, 1000)) if self.kind != "predict" else self.rows
        return replace(self, rows=few, epochs=min(self.epochs, 3), calls=min(self.calls, 50))


# ---- the same start for every peer ----------------------------------------------------------


def initial_parameters(problem: Problem, random_state: np.random.RandomState) -> list[np.ndarray]:
    """Draw kernel (in, out) and bias (out,) of each layer as scikit-learn does for relu."""
    parameters = []
    for n_in, n_out in zip(problem.layers, problem.layers[1:], strict=False):
        bound = np.sqrt(6.0 / (n_in + n_out))
        parameters.append(random_state.uniform(-bound, bound, (n_in, n_out)))
        parameters.append(random_state.uniform(-bound, bound, n_out))
    return [p.astype(problem.dtype) for p in parameters]


def orders(rows: int, epochs: int, random_state: np.random.RandomState) -> Iterator[np.ndarray]:
    """Draw each epoch's order of the rows (rows,) int64 as scikit-learn does."""
    order = np.arange(rows)
    for _ in range(epochs):
        permutation = np.arange(rows)
        random_state.shuffle(permutation)
        order = order[permutation]
        yield order


def start(problem: Problem, epochs: int) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the initial parameters and the orders (epochs, rows) that `random_state=SEED` gives."""
    random_state = np.random.RandomState(SEED)
    parameters = initial_parameters(problem, random_state)
    return parameters, np.array(list(orders(problem.rows, epochs, random_state)))


# ---- the same judge for every peer ----------------------------------------------------------


def loss(problem: Problem, parameters: list[np.ndarray], x, y: np.ndarray) -> float:
    """Return the mean loss of a finished network on (at most 20000) rows, in NumPy's float64."""
    x, y = x[:20000], y[:20000]
    values = [p.astype(np.float64) for p in parameters]
    for kernel, bias in zip(values[:-2:2], values[1:-2:2], strict=True):
        x = np.maximum(np.asarray(x @ kernel) + bias, 0.0)
    return output_loss(problem, outputs_of_scores(problem, x @ values[-2] + values[-1]), y)


def outputs_of_scores(problem: Problem, scores: np.ndarray) -> np.ndarray:
    """Apply the output activation to scores (rows, outputs)."""
    if problem.output == "softmax":
        scores = np.exp(scores - scores.max(axis=1, keepdims=True))
        return scores / scores.sum(axis=1, keepdims=True)
    return 1.0 / (1.0 + np.exp(-scores)) if problem.output == "logistic" else scores


def output_loss(problem: Problem, outputs: np.ndarray, y: np.ndarray) -> float:
    """Return the mean loss of outputs (rows, outputs) or (rows,), as scikit-learn defines it."""
    outputs = np.asarray(outputs, dtype=np.float64).reshape(len(y), -1)
    if problem.output == "identity":
        return float(0.5 * np.mean((outputs - y.reshape(len(y), -1)) ** 2))
    outputs = np.clip(outputs, 1e-7, 1 - 1e-7)
    if problem.output == "softmax":
        return float(-np.mean(np.log(outputs[np.arange(len(y)), y])))
    y = y.reshape(len(y), -1)
    return float(-np.sum(y * np.log(outputs) + (1 - y) * np.log(1 - outputs)) / len(y))


# ---- the rows -------------------------------------------------------------------------------


class NoData(Exception):
    """A data set is not on this machine."""


def table(name: str) -> dict[str, np.ndarray]:
    """Read NAME.npz from the folder that --data or MLPCORE_DATA names."""
    folder = os.environ.get("MLPCORE_DATA")
    path = Path(folder or ".") / f"{name}.npz"
    if folder is None or not path.exists():
        raise NoData(f"needs {name}.npz; name its folder by --data or MLPCORE_DATA")
    with np.load(path) as archive:
        return dict(archive)


def fashion_mnist(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the first training images as rows of 784 numbers in [0, 1], and their classes."""
    arrays = table("fashion_mnist")
    x = arrays["X_train"][:rows].reshape(-1, 784) / np.float32(255)
    return x, arrays["y_train"][:rows].astype(np.int64)


def housing(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return shuffled, standardised rows of the California housing table and their prices."""
    arrays = table("california_housing")
    x = arrays["X_num"].astype(np.float64)
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32)
    chosen = np.random.RandomState(SEED).permutation(len(x))[:rows]
    return x[chosen], arrays["y"][chosen].astype(np.float32)


def digits(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of digits that scikit-learn brings, 64 numbers in [0, 1], and classes."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x[:rows] / 16.0).astype(np.float32), y[:rows].astype(np.int64)


def diabetes(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the diabetes table that scikit-learn brings, target in its standard deviations."""
    from sklearn.datasets import load_diabetes

    x, y = load_diabetes(return_X_y=True, scaled=True)
    return (x[:rows] * np.sqrt(len(x))), ((y - y.mean()) / y.std())[:rows]


def synthetic(features: int, outputs: int, task: str, dtype: str = "float32") -> Rows:
    """Return a maker of normal rows whose targets a random network with noise gives."""

    def make(rows: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(SEED)
        x = rng.standard_normal((rows, features), dtype=np.float32)
        hidden = np.tanh(x @ rng.standard_normal((features, 16), dtype=np.float32) / features**0.5)
        scores = hidden @ rng.standard_normal((16, outputs)) + rng.normal(0, 0.3, (rows, outputs))
        if task == "classes":
            y = scores.argmax(axis=1)
        elif task == "labels":
            y = (scores > 0).astype(np.int64)
        else:
            y = scores.astype(dtype)
        return x.astype(dtype), y if task == "classes" or outputs > 1 else y.ravel()

    return make


def text_like(rows: int, features: int = 20000, words: int = 60, classes: int = 10):
    """Return CSR rows of about 60 words drawn by Zipf's law (0.3 % dense), and their topics."""
    from scipy.sparse import csr_matrix

    rng = np.random.default_rng(SEED)
    y = rng.integers(0, classes, rows)
    weights = 1.0 / np.arange(10, features + 10)
    common = rng.choice(features, (rows, words), p=weights / weights.sum())
    rotated = (common + y[:, None] * (features // classes)) % features  # each topic's own words
    columns = np.where(rng.random((rows, words)) < 0.5, common, rotated)
    values = rng.uniform(0.5, 1.5, columns.size).astype(np.float32)
    starts = np.arange(0, columns.size + 1, words)
    x = csr_matrix((values, columns.ravel(), starts), shape=(rows, features))
    x.sum_duplicates()
    return x, y


# ---- the list -------------------------------------------------------------------------------

CHAPTER = (784, 300, 100, 10)
HOUSING = (8, 50, 50, 50, 1)

PROBLEMS = [
    Problem(
        "fashion-sgd-32",
        "Fashion-MNIST 55000 x 784, 784-300-100-10, batch 32, plain SGD",
        "train",
        fashion_mnist,
        55000,
        CHAPTER,
        solver="sgd",
        learning_rate=0.01,
    ),
    Problem(
        "fashion-adam-200",
        "Fashion-MNIST 55000 x 784, 784-300-100-10, batch 200, Adam",
        "train",
        fashion_mnist,
        55000,
        CHAPTER,
        batch=200,
    ),
    Problem(
        "housing-adam-32",
        "California housing 11610 x 8, 8-50-50-50-1, batch 32, Adam",
        "train",
        housing,
        11610,
        HOUSING,
        output="identity",
        epochs=5,
    ),
    Problem(
        "defaults",
        "scikit-learn's defaults: 10000 x 20, 20-100-1, batch 200, Adam, alpha 1e-4",
        "train",
        synthetic(20, 1, "labels"),
        10000,
        (20, 100, 1),
        output="logistic",
        batch=200,
        alpha=1e-4,
        epochs=20,
    ),
    Problem(
        "defaults-2",
        "the same with two labels: 20-100-2",
        "train",
        synthetic(20, 2, "labels"),
        10000,
        (20, 100, 2),
        output="logistic",
        batch=200,
        alpha=1e-4,
        epochs=20,
    ),
    Problem(
        "wide-adam-1024",
        "20000 x 1024, 1024-1024-1024-10, batch 1024, Adam",
        "train",
        synthetic(1024, 10, "classes"),
        20000,
        (1024, 1024, 1024, 10),
        batch=1024,
    ),
    Problem(
        "tiny",
        "digits 1797 x 64, 64-32-10, batch 64, Adam (a smoke test)",
        "train",
        digits,
        1797,
        (64, 32, 10),
        batch=64,
        epochs=2,
    ),
    Problem(
        "predict-60000",
        "predict_proba of 60000 x 784, 784-300-100-10",
        "predict",
        fashion_mnist,
        60000,
        CHAPTER,
        calls=1,
    ),
    Problem(
        "predict-32",
        "predict_proba of 32 x 784, 784-300-100-10",
        "predict",
        fashion_mnist,
        32,
        CHAPTER,
        calls=500,
    ),
    Problem(
        "predict-1",
        "predict_proba of 1 x 784, 784-300-100-10",
        "predict",
        fashion_mnist,
        1,
        CHAPTER,
        calls=1000,
    ),
    Problem(
        "predict-1-housing",
        "predict of 1 x 8, 8-50-50-50-1",
        "predict",
        housing,
        1,
        HOUSING,
        output="identity",
        calls=1000,
    ),
    Problem(
        "search",
        "GridSearchCV, digits 1797 x 64, 9 candidates x 5 folds, 50 epochs, n_jobs=2",
        "search",
        digits,
        1797,
        (64, 50, 10),
        epochs=50,
        batch=200,
        tolerance=2e-2,
        reason="validation rows near a border",
    ),
    Problem(
        "lbfgs",
        "lbfgs 5000 x 20, 20-100-1, 200 iterations",
        "lbfgs",
        synthetic(20, 1, "values", "float64"),
        5000,
        (20, 100, 1),
        output="identity",
        solver="lbfgs",
        alpha=1e-4,
        epochs=200,
        dtype="float64",
        tolerance=0.1,
        reason="rounding, grown by 200 line searches",
    ),
    Problem(
        "lbfgs-diabetes",
        "lbfgs diabetes 442 x 10, 10-100-1, 200 iterations",
        "lbfgs",
        diabetes,
        442,
        (10, 100, 1),
        output="identity",
        solver="lbfgs",
        alpha=1e-4,
        epochs=200,
        dtype="float64",
        tolerance=0.2,
        reason="rounding, grown by 200 line searches",
    ),
    Problem(
        "perceptron",
        "Perceptron, Fashion-MNIST 60000 x 784, 10 classes, 5 epochs",
        "perceptron",
        fashion_mnist,
        60000,
        (784, 10),
        epochs=5,
        tolerance=1e-3,
        reason="rounding",
    ),
    Problem(
        "sparse-text",
        "CSR 10000 x 20000, 0.3 % dense, 20000-100-10, batch 200, Adam",
        "train_sparse",
        text_like,
        10000,
        (20000, 100, 10),
        batch=200,
    ),
]
BY_NAME = {problem.name: problem for problem in PROBLEMS}
