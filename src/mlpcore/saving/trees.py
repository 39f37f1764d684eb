"""Nested dicts and lists with arrays in them, taken apart into plain JSON and named arrays, and put together again."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore.saving.errors import FileFormatError

_MARK = "$"  # {"$": kind, ...} stands for what JSON lacks
_FLOATS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


def pack(tree: Any, prefix: str = "state") -> tuple[Any, dict[str, NDArray[Any]]]:
    """Take a tree apart.

    Parameters
    ----------
    tree : object
        Dicts with string keys, lists, tuples, strings, booleans, None, Python and NumPy numbers (NaN and infinity
        too), and NumPy arrays of numbers, booleans or strings.
    prefix : str
        What the names of the arrays begin with.

    Returns
    -------
    config : object
        Plain JSON.
    arrays : dict of ndarray
        Named ``prefix/0``, ``prefix/1``, ... in the order of the tree.

    Raises
    ------
    TypeError
        Something in the tree is none of these. The message says where.
    """
    arrays: dict[str, NDArray[Any]] = {}
    return _pack(tree, prefix, prefix, arrays), arrays


def _pack(value: Any, where: str, prefix: str, arrays: dict[str, NDArray[Any]]) -> Any:
    if isinstance(value, np.generic) and value.ndim == 0 and value.dtype.kind in "biufU":
        return {_MARK: "scalar", "dtype": value.dtype.str, "value": _pack(value.item(), where, prefix, arrays)}
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {_MARK: "float", "value": str(float(value))}
    if isinstance(value, np.ndarray):
        name = f"{prefix}/{len(arrays)}"
        arrays[name] = value
        return {_MARK: "array", "name": name}
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise TypeError(f"{where}: keys must be strings to be saved, got {key!r}")
        items = {key: _pack(item, f"{where}.{key}", prefix, arrays) for key, item in value.items()}
        return {_MARK: "dict", "items": items} if _MARK in items else items
    if isinstance(value, (list, tuple)):
        items_ = [_pack(item, f"{where}[{index}]", prefix, arrays) for index, item in enumerate(value)]
        return items_ if isinstance(value, list) else {_MARK: "tuple", "items": items_}
    raise TypeError(
        f"{where}: a {type(value).__name__} cannot be saved; numbers, strings, lists, tuples, dicts and arrays can"
    )


def unpack(config: Any, arrays: dict[str, NDArray[Any]]) -> Any:
    """Put together what `pack` took apart.

    Parameters
    ----------
    config : object
        Plain JSON, as `pack` returned it.
    arrays : dict of ndarray
        The arrays that it names.

    Returns
    -------
    object
        The tree.

    Raises
    ------
    FileFormatError
        `config` has a mark that `pack` does not write, or names an array that is not there.
    """
    if isinstance(config, list):
        return [unpack(item, arrays) for item in config]
    if not isinstance(config, dict):
        return config
    if _MARK not in config:
        return {key: unpack(item, arrays) for key, item in config.items()}
    try:
        return _MARKED[config[_MARK]](config, arrays)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        if isinstance(error, FileFormatError):
            raise
        raise FileFormatError(f"a damaged entry {str(config)[:120]} ({error!r})") from None


def _scalar(config: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Any:
    dtype = np.dtype(str(config["dtype"])[:16])
    if dtype.kind not in "biufU":
        raise ValueError(f"dtype {dtype}")
    value = unpack(config["value"], arrays)
    if not isinstance(value, (bool, int, float, str)) or isinstance(value, str) != (dtype.kind == "U"):
        raise ValueError(f"no value of {dtype}")
    return dtype.type(value)


_MARKED: dict[str, Any] = {
    "array": lambda config, arrays: arrays[config["name"]],
    "float": lambda config, arrays: _FLOATS[config["value"]],
    "tuple": lambda config, arrays: tuple([unpack(item, arrays) for item in config["items"]]),
    "dict": lambda config, arrays: {key: unpack(item, arrays) for key, item in config["items"].items()},
    "scalar": _scalar,
}
