"""What every interface checks alike: thread counts, arrays that need no conversion, and names that are misspelt."""

from __future__ import annotations

import operator
from collections.abc import Iterable
from numbers import Integral, Real
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


def check_integer(name: str, value: object) -> None:
    """Raise TypeError if an argument is no integer, Python's or NumPy's.

    Examples
    --------
    >>> check_integer("epochs", 3)
    >>> check_integer("epochs", "three")
    Traceback (most recent call last):
    TypeError: epochs must be an integer, got 'three'
    """
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r}")


def check_number(name: str, value: object) -> None:
    """Raise TypeError if an argument is no real number, Python's or NumPy's.

    Examples
    --------
    >>> check_number("momentum", 0.9)
    >>> check_number("momentum", None)
    Traceback (most recent call last):
    TypeError: momentum must be a number, got None
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r}")


def integers(name: str, values: object) -> list[int]:
    """Return a sequence of integers as a list; raise TypeError if it is none.

    Examples
    --------
    >>> integers("target_shape", (2, 3))
    [2, 3]
    >>> integers("target_shape", "23")
    Traceback (most recent call last):
    TypeError: target_shape must be a sequence of integers, got '23'
    """
    try:
        return [operator.index(each) for each in values]  # type: ignore[attr-defined]
    except TypeError:
        raise TypeError(f"{name} must be a sequence of integers, got {values!r}") from None


def suggest(name: object, options: Iterable[str]) -> str:
    """Return the end of an error message: which of the options was meant, or nothing.

    Parameters
    ----------
    name : object
        What the user wrote.
    options : iterable of str
        What would have been right.

    Returns
    -------
    str
        ``"; did you mean 'validation_data'?"``, or ``""`` if no option is near.

    Examples
    --------
    >>> suggest("valid_data", ["validation_data", "validation_split"])
    "; did you mean 'validation_data'?"
    >>> suggest("foo", ["validation_data"])
    ''
    """
    if not isinstance(name, str):
        return ""
    from difflib import get_close_matches  # a millisecond of import that only a mistake costs

    by_lower_case = {option.lower(): option for option in options}
    near = get_close_matches(name.lower(), list(by_lower_case), n=1, cutoff=0.6)
    return f"; did you mean {by_lower_case[near[0]]!r}?" if near else ""


def unknown_argument(owner: str, name: str, options: Iterable[str]) -> TypeError:
    """Return the error about a keyword argument that does not exist.

    Parameters
    ----------
    owner : str
        What was called: a class or function.
    name : str
        The keyword that the user wrote.
    options : iterable of str
        The keywords that exist.

    Returns
    -------
    TypeError
        To be raised.

    Examples
    --------
    >>> print(unknown_argument("Dense", "kernel_initializeer", ["kernel_initializer", "units"]))
    Dense: unknown argument 'kernel_initializeer'; did you mean 'kernel_initializer'?
    """
    return TypeError(f"{owner}: unknown argument {name!r}{suggest(name, options)}")
