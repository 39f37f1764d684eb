"""The benchmark problems as data: what is trained or asked, on which rows, with which settings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from rows import Rows, diabetes, digits, fashion_mnist, housing, synthetic, text_like

EARLY_TOLERANCE = 2e-5  # relative, of the losses after the first ten steps
KERAS_ADAM = 2e-4  # where pixels that are almost always 0 meet Keras' Adam, which rounds 1 - beta_2^t to float32


@dataclass(frozen=True)
class Problem:
    """One thing to time; `kind` says what, and which peers take part (see peers/__init__.py)."""

    name: str
    title: str
    kind: str  # "train" "train_sparse" "wide_deep" "lbfgs" "predict" "perceptron" "search" "import"
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
    early_tolerance: float = EARLY_TOLERANCE
    shuffle: bool = True  # or the rows in the order in which they are, in every epoch
    as_keras: bool = False  # whether libraries with Keras' names take part

    @property
    def steps(self) -> int:
        """Return the parts that a round's time is divided by: batches, iterations or calls."""
        if self.kind in STEPPED:
            return self.epochs * -(-self.rows // self.batch)
        return self.epochs if self.kind in ("lbfgs", "perceptron") else 1

    @property
    def unit(self) -> str:
        """Name one of these parts."""
        return {
            "train": "step",
            "train_sparse": "step",
            "wide_deep": "step",
            "lbfgs": "iteration",
            "perceptron": "epoch",
            "predict": "call",
            "search": "search",
            "import": "import",
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
        if self.kind in STEPPED:
            return replace(self, rows=min(self.rows, 10 * self.batch), epochs=1)
        return replace(self, epochs=5) if self.kind == "lbfgs" else None

    def quick(self) -> Problem:
        """Return the problem on a tenth of the rows, to see that everything runs."""
        few = max(self.rows // 10, min(self.rows, 1000)) if self.kind != "predict" else self.rows
        return replace(self, rows=few, epochs=min(self.epochs, 3), calls=min(self.calls, 50))


STEPPED = ("train", "train_sparse", "wide_deep")
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
        as_keras=True,
    ),
    Problem(
        "fashion-adam-200",
        "Fashion-MNIST 55000 x 784, 784-300-100-10, batch 200, Adam",
        "train",
        fashion_mnist,
        55000,
        CHAPTER,
        batch=200,
        early_tolerance=KERAS_ADAM,
        as_keras=True,
    ),
    Problem(
        "housing-adam-32",
        "California housing 11610 x 8, 8-50-50-50-1, batch 32, Adam, in the same order each epoch",
        "train",
        housing,
        11610,
        HOUSING,
        output="identity",
        epochs=5,
        shuffle=False,
        as_keras=True,
    ),
    Problem(
        "wide-deep",
        "California housing 11610 x 5 and x 6, wide & deep 30-30 with two outputs, batch 32, Adam",
        "wide_deep",
        housing,
        11610,
        (8, 30, 30, 1),
        output="identity",
        epochs=5,
        shuffle=False,
        as_keras=True,
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
        as_keras=True,
    ),
    Problem(
        "predict-32",
        "predict_proba of 32 x 784, 784-300-100-10",
        "predict",
        fashion_mnist,
        32,
        CHAPTER,
        calls=500,
        as_keras=True,
    ),
    Problem(
        "predict-1",
        "predict_proba of 1 x 784, 784-300-100-10",
        "predict",
        fashion_mnist,
        1,
        CHAPTER,
        calls=1000,
        as_keras=True,
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
    Problem("import", "import of the library, after NumPy's", "import", lambda rows: (None, None), 1, (1, 1)),
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
