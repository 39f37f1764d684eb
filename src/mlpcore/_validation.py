"""Checks that every interface shares: thread counts, and arrays that need no conversion."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from mlpcore import _core

_MOST_THREADS = 1024  # each has a stack, and the core counts them as a C int


def thread_limit(n_threads: int | None) -> int:
    """Return how many threads may run: as given, or the limit set for this process.

    Parameters
    ----------
    n_threads : int or None
        None asks the affinity mask, ``OMP_NUM_THREADS`` and threadpoolctl.

    Returns
    -------
    int
        At least 1, at most 1024.
    """
    return int(_core.default_threads()) if n_threads is None else min(int(n_threads), _MOST_THREADS)


def is_ready(x: Any, width: int, dtype: DTypeLike) -> bool:
    """Tell whether the core can read `x` as it stands.

    Parameters
    ----------
    x : object
        Anything a user passes as rows.
    width : int
        Expected number of columns.
    dtype : dtype
        Expected element type.

    Returns
    -------
    bool
        True for an aligned C-contiguous ``ndarray`` (no subclass) of shape (rows > 0, width), of the dtype, with
        a finite sum and hence no NaN or infinity. False says only that a closer look is due.
    """
    if not (
        type(x) is np.ndarray
        and x.ndim == 2
        and x.shape[1] == width
        and x.shape[0] > 0
        and x.dtype == dtype
        and x.flags.c_contiguous
        and x.flags.aligned
    ):
        return False
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(x.sum()))
