"""The compiled core: tapes, engines, and the kernels as NumPy functions."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Rows = Any  # an array (n, in), or sparse: a SciPy CSR matrix or the tuple (data, indices, indptr, shape)

row_kernels: object

def isa() -> str: ...
def available_isas() -> list[str]: ...
def default_threads() -> int: ...
def set_default_threads(n_threads: int) -> None: ...
def processors() -> int: ...
def fma_peak(dtype: str = "float32", seconds: float = 0.2) -> float: ...

class Tape:
    def __init__(self) -> None: ...
    def input(self, width: int) -> int: ...
    def dense(self, x: int, units: int, trainable: bool = True) -> int: ...
    def activation(self, x: int, name: str, alpha: float | None = None) -> int: ...
    def dropout(self, x: int, rate: float) -> int: ...
    def output(self, x: int) -> None: ...
    def loss(
        self,
        x: int,
        name: str,
        weight: float = 1.0,
        clip: float = 0.0,
        *,
        delta: float = 1.0,
        quantiles: Sequence[float] = (),
        gamma: float = 0.0,
        alpha: float | None = None,
        label_smoothing: float = 0.0,
    ) -> None: ...

class Update:
    def __init__(
        self,
        kind: str,
        *,
        learning_rate: float,
        momentum: float = 0.0,
        nesterov: bool = False,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        rho: float = 0.9,
        initial_accumulator: float = 0.1,
        weight_decay: float = 0.0,
        decay_bias: bool = False,
        l1: float = 0.0,
        l2: float = 0.0,
        clip_norm: float = 0.0,
        clip_value: float = 0.0,
    ) -> None: ...
    @property
    def kind(self) -> str: ...
    learning_rate: float
    momentum: float
    nesterov: bool
    beta_1: float
    beta_2: float
    epsilon: float
    rho: float
    initial_accumulator: float
    weight_decay: float
    decay_bias: bool
    l1: float
    l2: float
    clip_norm: float
    clip_value: float

class Engine:
    step: int
    seed: int
    def __init__(self, tape: Tape, dtype: str) -> None: ...
    @property
    def parameter_shapes(self) -> list[tuple[int, ...]]: ...
    def load(self, parameters: Sequence[Array]) -> None: ...
    def store(self, parameters: Sequence[Array]) -> None: ...
    def slots(self) -> list[list[Array]]: ...
    def set_slots(self, slots: Sequence[Sequence[Array]], step: int) -> None: ...
    def train(
        self,
        x: Rows,
        y: Array,
        order: NDArray[np.int64],
        batch_size: int,
        update: Update,
        *,
        sample_weight: Array | None = None,
        learning_rates: NDArray[np.float64] | None = None,
        n_threads: int = 1,
    ) -> tuple[float, float]: ...
    def gradient(
        self,
        x: Rows,
        y: Array,
        l2: float = 0.0,
        *,
        l1: float = 0.0,
        sample_weight: Array | None = None,
        n_threads: int = 1,
    ) -> tuple[float, float, list[Array]]: ...
    def evaluate(self, x: Rows, y: Array, *, sample_weight: Array | None = None, n_threads: int = 1) -> float: ...
    def predict(self, x: Rows, n_threads: int = 1) -> Array: ...
    def activations(self, x: Array, n_threads: int = 1) -> list[Array]: ...
    def input_gradient(self, x: Rows, cotangent: Array | None = None, n_threads: int = 1) -> Array: ...

class Engine32(Engine): ...
class Engine64(Engine): ...

class Predictor:
    def __init__(self, tape: Tape, dtype: str) -> None: ...
    def predict(self, x: Array, parameters: Sequence[Array], n_threads: int = 1) -> Array: ...
    def attempt(self, x: Any, coefs: Any, intercepts: Any, n_threads: int = 1) -> Array | None: ...

class Predictor32(Predictor): ...
class Predictor64(Predictor): ...

class Prepared:
    def __init__(self, tape: Tape, dtype: str, parameters: Sequence[Array], flat: bool = False) -> None: ...
    def __call__(self, x: Array, n_threads: int = 1) -> Array: ...

class Prepared32(Prepared): ...
class Prepared64(Prepared): ...

class kernels:
    @staticmethod
    def dense(
        x: Array, kernel: Array, bias: Array, activation: str = "identity", *, isa: str | None = None
    ) -> Array: ...
    @staticmethod
    def dense_dx(dy: Array, kernel: Array, relu_output: Array | None = None, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def dense_dw(x: Array, dy: Array, *, isa: str | None = None) -> tuple[Array, Array]: ...
    @staticmethod
    def sparse_dense(
        x: Rows,
        kernel: Array,
        bias: Array,
        order: NDArray[np.int64] | None = None,
        relu: bool = False,
        *,
        isa: str | None = None,
    ) -> Array: ...
    @staticmethod
    def sparse_dw(
        x: Rows, dy: Array, order: NDArray[np.int64] | None = None, *, isa: str | None = None
    ) -> tuple[Array, Array]: ...
    @staticmethod
    def activation(x: Array, name: str, alpha: float = 1.0, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def activation_dx(x: Array, dy: Array, name: str, alpha: float = 1.0, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def loss(p: Array, y: Array, name: str, clip: float = 0.0, *, isa: str | None = None) -> tuple[Array, Array]: ...
    @staticmethod
    def unary(x: Array, name: str, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def unary_dx(x: Array, dy: Array, name: str, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def binary(a: Array, b: Array, name: str, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def binary_dx(a: Array, b: Array, dy: Array, name: str, *, isa: str | None = None) -> tuple[Array, Array]: ...
    @staticmethod
    def where(condition: Array, a: Array, b: Array, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def where_dx(condition: Array, a: Array, b: Array, dy: Array, *, isa: str | None = None) -> tuple[Array, Array]: ...
    @staticmethod
    def view(
        x: Array, dims: Sequence[int], strides: Sequence[int], offset: int = 0, *, isa: str | None = None
    ) -> Array: ...
    @staticmethod
    def view_dx(
        dy: Array, x_width: int, dims: Sequence[int], strides: Sequence[int], offset: int = 0, *, isa: str | None = None
    ) -> Array: ...
    @staticmethod
    def reduce(x: Array, name: str, outer: int, n: int, inner: int, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def reduce_dx(
        x: Array, dy: Array, name: str, outer: int, n: int, inner: int, *, isa: str | None = None
    ) -> Array: ...
    @staticmethod
    def copy_columns(x: Array, y: Array, first: int = 0, add: bool = False, *, isa: str | None = None) -> None: ...
    @staticmethod
    def matmul(a: Array, b: Array, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def matmul_dx(a: Array, b: Array, dy: Array, *, isa: str | None = None) -> tuple[Array, Array]: ...
    @staticmethod
    def take(table: Array, index: Array, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def take_dx(index: Array, dy: Array, vocabulary: int, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def one_hot(x: Array, classes: int, *, isa: str | None = None) -> Array: ...
    @staticmethod
    def gaussian(
        x: Array, stddev: float, seed: int = 0, step: int = 0, op: int = 0, *, isa: str | None = None
    ) -> Array: ...
    @staticmethod
    def update(
        w: Array,
        g: Array,
        slots: Sequence[Array],
        rule: str,
        *,
        learning_rate: float,
        momentum: float = 0.0,
        beta_1: float = 0.0,
        beta_2: float = 0.0,
        epsilon: float = 0.0,
        power: float = 0.5,
        ftrl_l1: float = 0.0,
        ftrl_l2: float = 0.0,
        shrinkage: float = 0.0,
        keep: float = 1.0,
        isa: str | None = None,
    ) -> None: ...
    @staticmethod
    def gather(x: Array, order: NDArray[np.int64], *, isa: str | None = None) -> Array: ...
    @staticmethod
    def dot(a: Array, b: Array, *, isa: str | None = None) -> float: ...
    @staticmethod
    def axpy(a: float, x: Array, y: Array, *, isa: str | None = None) -> None: ...
