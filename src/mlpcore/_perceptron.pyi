"""Types of the compiled training loop of the Perceptron."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

class Rows:
    n: int
    d: int
    dtype: np.dtype[Any]
    held_out: npt.NDArray[np.uint8] | None
    def __init__(
        self,
        X: Any,
        sample_weight: npt.ArrayLike | None = None,
        held_out: npt.ArrayLike | None = None,
        *,
        coded: bool = False,
    ) -> None: ...
    def stop(self) -> None: ...

def train(
    rows: Rows,
    settings: object,
    w: npt.NDArray[Any],
    intercept: float,
    positive: npt.NDArray[np.uint8],
    *,
    weight_positive: float = 1.0,
    weight_negative: float = 1.0,
    seed: int = 1,
    max_iter: int = 1,
    score: Callable[[npt.NDArray[Any], float], float] | None = None,
) -> tuple[float, int]: ...
