"""What every interface checks alike: thread counts, arrays that need no conversion, and names that are misspelt."""

from __future__ import annotations

import operator
import os
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache, wraps
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from mlpcore import _core

F = TypeVar("F", bound=Callable[..., Any])

_KINDS: dict[str, tuple[tuple[Any, ...], str]] = {  # of type hints that can be told at run time
    "bool": ((bool, np.bool_), "a boolean"),
    "int": ((Integral,), "an integer"),
    "float": ((Real,), "a number"),
    "str": ((str,), "a string"),
    "os.PathLike": ((str, bytes, os.PathLike), "a string or a path"),
    "PathLike": ((str, bytes, os.PathLike), "a string or a path"),
    "Mapping": ((Mapping,), "a dict"),
    "Callable": ((Callable,), "a function"),
    "None": ((type(None),), "None"),
}
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


def check_hint(name: str, value: object, hint: str) -> None:
    """Raise TypeError if an argument is none of what its type hint names.

    Parameters
    ----------
    name : str
        Of the argument, for the message.
    value : object
    hint : str
        As written in the source. What says more than a kind of number, string, path, dict or function is not checked,
        nor is a mere bool: any object has a truth.

    Examples
    --------
    >>> check_hint("patience", 3, "int")
    >>> check_hint("baseline", "low", "float | None")
    Traceback (most recent call last):
    TypeError: baseline must be a number or None, got 'low'
    """
    types, wanted = _kinds(hint)
    is_right = isinstance(value, types) and (bool in types or not isinstance(value, bool))
    if types and (not is_right or (isinstance(value, Real) and value != value)):  # NaN is not a number
        raise TypeError(f"{name} must be {wanted}, got {value!r}")


@lru_cache(maxsize=256)
def _kinds(hint: str) -> tuple[tuple[type, ...], str]:
    """Return the types that a hint allows and their names; none if it is not to be checked."""
    names = [part.partition("[")[0] for part in hint.split(" | ")]
    if not all(name in _KINDS for name in names) or set(names) <= {"bool", "None"}:
        return (), ""
    if ("int" in names and "float" in names) or ("str" in names and {"PathLike", "os.PathLike"} & set(names)):
        names = [name for name in names if name not in ("int", "str")]  # the wider one says both
    words = list(dict.fromkeys(_KINDS[name][1] for name in names if name != "bool")) or ["a boolean"]
    listed = ", ".join(words[:-1]) + " or " + words[-1] if len(words) > 1 else words[0]
    return tuple(kind for name in names for kind in _KINDS[name][0]), listed


def checked(function: F) -> F:
    """Decorate a constructor or function: its arguments are what their type hints say, see `check_hint`.

    Examples
    --------
    >>> @checked
    ... def wait(seconds: float = 1): ...
    >>> wait("long")
    Traceback (most recent call last):
    TypeError: wait: seconds must be a number, got 'long'
    """
    if hasattr(function, "__wrapped__"):
        return function  # a class inherits it
    code = function.__code__
    names = code.co_varnames[: code.co_argcount]
    hints = function.__annotations__

    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        owner = type(args[0]).__name__ if function.__name__ == "__init__" and args else function.__name__
        for name, value in (*zip(names, args, strict=False), *kwargs.items()):
            if name in hints:
                check_hint(f"{owner}: {name}", value, hints[name])
        return function(*args, **kwargs)

    return call  # type: ignore[return-value]


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


def numbers(name: str, values: object) -> list[float]:
    """Return a number or a sequence of numbers as a list; raise TypeError if it is neither.

    Examples
    --------
    >>> numbers("thresholds", 0.5), numbers("thresholds", (0, 1))
    ([0.5], [0.0, 1.0])
    >>> numbers("thresholds", "low")
    Traceback (most recent call last):
    TypeError: thresholds must be a number or a sequence of numbers, got 'low'
    """
    found: list[Any] = list(values) if isinstance(values, Iterable) else [values]
    if not all(isinstance(each, Real) and not isinstance(each, bool) for each in found):
        raise TypeError(f"{name} must be a number or a sequence of numbers, got {values!r}")
    return [float(each) for each in found]


def array_of_numbers(name: str, values: object) -> NDArray[np.float64]:
    """Return a number or an array-like of numbers as an array; raise TypeError if it is neither.

    Examples
    --------
    >>> array_of_numbers("mean", [1, 2])
    array([1., 2.])
    >>> array_of_numbers("mean", None)
    Traceback (most recent call last):
    TypeError: mean must be a number or an array of numbers, got None
    """
    try:
        if values is not None:
            return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        pass
    raise TypeError(f"{name} must be a number or an array of numbers, got {values!r}")


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


def no_attribute(module: str, name: str, names: Iterable[str]) -> AttributeError:
    """Return the error of a module's ``__getattr__``, which tells the nearest of its names."""
    near = "" if name.startswith("_") else suggest(name, names)
    return AttributeError(f"module {module!r} has no attribute {name!r}{near}")
