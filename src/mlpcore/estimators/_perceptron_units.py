"""Training of the Perceptron's units: their seeds, validation rows and threads."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs  # type: ignore[import-untyped]
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.extmath import safe_sparse_dot

from mlpcore._perceptron import Rows, train

Array = npt.NDArray[Any]
MAX_INT = 2**31 - 1
CODED_BYTES = 1 << 22  # smaller X stays in the caches, where 8-bit codes save little
CODED_EPOCHS = 8  # passes over X that repay the encoding


class Unit(NamedTuple):
    """One threshold logic unit to train."""

    w: Array  # (d,), trained in place
    intercept: float
    positive: Array  # (n,) uint8
    weight_positive: float
    weight_negative: float


def held_out_rows(estimator: Any, y: Array, sample_weight: Array | None) -> Array | None:
    """Draw the rows that early stopping keeps for its score, as scikit-learn does.

    Parameters
    ----------
    estimator : Perceptron
    y : ndarray of shape (n,) or (n, m)
        Labels are split by class, the rows of a 2-D y at random.
    sample_weight : ndarray of shape (n,) or None

    Returns
    -------
    ndarray of shape (n,), bool, or None without early stopping

    Raises
    ------
    ValueError
        The rows drawn weigh nothing, or there are too few rows.
    """
    if not estimator.early_stopping:
        return None
    splitter = StratifiedShuffleSplit if y.ndim == 1 else ShuffleSplit
    split = splitter(test_size=estimator.validation_fraction, random_state=estimator.random_state)
    _, drawn = next(split.split(np.zeros((len(y), 1)), y))
    if sample_weight is not None and not np.any(sample_weight[drawn] > 0):
        raise ValueError("The sample weights for validation set are all zero, consider using a different random state.")
    held_out = np.zeros(len(y), dtype=np.bool_)
    held_out[drawn] = True
    return held_out


def shuffle_seed(random_state: Any) -> int:
    """Draw a unit's seed; scikit-learn's second draw, after one that it does not use.

    Parameters
    ----------
    random_state : RandomState

    Returns
    -------
    int
    """
    random_state.randint(1, MAX_INT)
    return int(random_state.randint(MAX_INT))


def train_units(
    estimator: Any, X: Any, y: Array, sample_weight: Array | None, units: list[Unit], max_iter: int
) -> tuple[list[float], int]:
    """Train each unit on the same rows, in threads.

    Parameters
    ----------
    estimator : Perceptron
        Its parameters are read, nothing is set.
    X : ndarray or CSR matrix of shape (n, d)
    y : ndarray of shape (n,) or (n, m)
    sample_weight : ndarray of shape (n,) or None
    units : list of Unit
    max_iter : int

    Returns
    -------
    intercepts : list of float
    n_iter : int
        The largest of any unit.

    Raises
    ------
    ValueError
        Weights are no longer finite.
    """
    if len(units) == 1:  # scikit-learn splits between a single unit's two draws
        rng = check_random_state(estimator.random_state)
        rng.randint(1, MAX_INT)
        held_out = held_out_rows(estimator, y, sample_weight)
        seeds = [int(rng.randint(MAX_INT))]
    else:
        held_out = held_out_rows(estimator, y, sample_weight)
        rng = check_random_state(estimator.random_state)
        seeds = [shuffle_seed(check_random_state(seed)) for seed in rng.randint(MAX_INT, size=len(units))]
    rows = Rows(
        X,
        sample_weight,
        held_out,
        coded=estimator.penalty in (None, "l2")  # L1 changes the weights, so their codes, at every row
        and isinstance(X, np.ndarray)
        and X.nbytes >= CODED_BYTES
        and len(units) * max_iter >= CODED_EPOCHS,
    )
    scorer = None if held_out is None else Scorer(X, sample_weight, held_out)

    def train_one(unit: Unit, seed: int) -> tuple[float, int]:
        return train(
            rows,
            estimator,
            unit.w,
            unit.intercept,
            unit.positive,
            weight_positive=unit.weight_positive,
            weight_negative=unit.weight_negative,
            seed=seed,
            max_iter=max_iter,
            score=None if scorer is None else scorer.of(unit.positive),
        )

    jobs = min(effective_n_jobs(estimator.n_jobs), len(units))
    if jobs <= 1:
        results = [train_one(*task) for task in zip(units, seeds, strict=True)]
    else:
        results = run_in_threads(jobs, rows, train_one, units, seeds)
    return [intercept for intercept, _ in results], max(n_iter for _, n_iter in results)


def run_in_threads(
    jobs: int,
    rows: Rows,
    train_one: Callable[[Unit, int], tuple[float, int]],
    units: list[Unit],
    seeds: list[int],
) -> list[tuple[float, int]]:
    """Train the units side by side; the first failure, or Ctrl-C, stops them all.

    Parameters
    ----------
    jobs : int
    rows : Rows
    train_one : callable
    units : list of Unit
    seeds : list of int

    Returns
    -------
    list of (intercept, n_iter)
    """
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(train_one, *task) for task in zip(units, seeds, strict=True)]
        try:
            return [future.result() for future in futures]
        except BaseException:
            rows.stop()
            for future in futures:
                future.cancel()
            raise


class Scorer:
    """Accuracy of a unit on the rows held out.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, d)
    sample_weight : ndarray of shape (n,) or None
    held_out : ndarray of shape (n,), bool
    """

    def __init__(self, X: Any, sample_weight: Array | None, held_out: Array) -> None:
        self.held_out = held_out
        self.X = X[held_out]
        self.sample_weight = None if sample_weight is None else sample_weight[held_out]

    def of(self, positive: Array) -> Callable[[Array, float], float]:
        """Return the function that scores one unit.

        Parameters
        ----------
        positive : ndarray of shape (n,), uint8

        Returns
        -------
        callable
            ``score(w, intercept) -> float``
        """
        expected = positive[self.held_out] > 0

        def score(w: Array, intercept: float) -> float:
            z = safe_sparse_dot(self.X, w.reshape(-1, 1), dense_output=True) + np.array([intercept])
            return float(np.average((z.ravel() > 0) == expected, weights=self.sample_weight))

        return score
