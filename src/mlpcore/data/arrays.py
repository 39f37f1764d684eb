"""Arrays as a user passes them: alone, in structures, of other libraries; checked and made NumPy's."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._structure import Structure, flatten, is_nested, map_structure
from mlpcore._validation import check_integer, check_number

Array = NDArray[Any]
Batch = tuple[Structure, Structure, Structure]  # inputs, targets, sample weights; None where there are none


def unpack(data: Any) -> Batch:
    """Return inputs, targets and sample weights of ``x``, ``(x,)``, ``(x, y)`` or ``(x, y, sample_weight)``."""
    if not isinstance(data, tuple | list) or (isinstance(data, list) and not 1 <= len(data) <= 3):
        return data, None, None
    if not 1 <= len(data) <= 3:
        raise ValueError(f"a batch is x, (x,), (x, y) or (x, y, sample_weight), got a tuple of {len(data)} elements.")
    x, y, sample_weight = (*data, None, None)[:3]
    return x, y, sample_weight


def is_array_like(value: Any) -> bool:
    """Tell whether `value` is one array: an ndarray, a data frame, a tensor of another library, a sparse matrix."""
    return isinstance(value, np.ndarray) or hasattr(value, "__array__") or hasattr(value, "toarray")


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.generic)


def _holds_numbers(value: Any) -> bool:
    """Tell whether `value` is a number or a nested list of nothing but numbers, which makes one array."""
    if isinstance(value, list | tuple):
        return len(value) > 0 and all(_holds_numbers(part) for part in value)
    return _is_number(value) or isinstance(value, range)


def as_array(value: Any, where: str) -> Array:
    """Return one array-like as an ndarray of numbers with at least one axis; `where` names it in errors."""
    if hasattr(value, "toarray"):
        value = value.toarray()
    elif type(value).__module__.startswith("torch") and hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    try:
        array: Array = value if isinstance(value, np.ndarray) else np.asarray(value)
    except ValueError:
        raise ValueError(f"{where} must be an array, but its rows are of unequal lengths.") from None
    if array.dtype == object:  # mixed columns of a data frame
        if any(each is None for each in array.flat):
            raise ValueError(f"{where} must hold numbers, got objects such as None.")
        try:
            array = array.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{where} must hold numbers, got objects such as {array.flat[0]!r}.") from error
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{where} must hold numbers, got an array of dtype {array.dtype}.")
    if array.ndim == 0:
        raise ValueError(f"{where} must have one entry per row, got the single number {array}.")
    return array


def as_arrays(value: Structure, where: str) -> Structure:
    """Return a structure of array-likes as the same structure of ndarrays; None stays None.

    Lists of numbers become one array, lists of arrays stay lists: several inputs or outputs.
    """
    if value is None:
        return None
    if is_array_like(value) or _holds_numbers(value):
        return as_array(value, where)
    if isinstance(value, Mapping):
        return {key: as_arrays(part, f"{where}[{key!r}]") for key, part in value.items()}
    if isinstance(value, list | tuple):
        parts = [as_arrays(part, f"{where}[{index}]") for index, part in enumerate(value)]
        return parts if isinstance(value, list) else tuple(parts)
    raise ValueError(f"{where} must be an array, or a list, tuple or dict of arrays; got {type(value).__name__}.")


def count_rows(x: Structure, y: Structure = None, sample_weight: Structure = None) -> int:
    """Return how many rows the arrays have, which must be the same in all of them."""
    named = {"x": x, "y": y, "sample_weight": sample_weight}
    lengths = {name: [len(a) for a in flatten(value) if a is not None] for name, value in named.items()}
    distinct = {n for ns in lengths.values() for n in ns}
    if len(distinct) > 1:
        found = "; ".join(f"{name}: {', '.join(map(str, ns))}" for name, ns in lengths.items() if ns)
        raise ValueError(f"all arrays must have the same number of rows, got {found}.")
    if not lengths["x"]:
        raise ValueError("x holds no array.")
    return distinct.pop()


def class_weights_of_rows(y: Structure, class_weight: Mapping[int, float]) -> NDArray[np.float32]:
    """Return each row's weight (n,): that of its class, 1 for a class that `class_weight` does not name.

    Parameters
    ----------
    y : ndarray of shape (n,), (n, 1) or (n, n_classes)
        Class indices, or one-hot rows.
    class_weight : mapping of int to float
        Weights by class index.
    """
    if is_nested(y) or y is None:
        raise ValueError("class_weight needs a model with one output, and its targets y.")
    if not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must be a dict of class index to weight, got {class_weight!r}.")
    for label, weight in class_weight.items():
        check_integer("class_weight: a class index", label)
        check_number(f"class_weight[{label!r}]", weight)
    labels = np.argmax(y, axis=-1) if y.ndim > 1 and y.shape[-1] != 1 else y.reshape(len(y), -1)[:, 0]
    labels = np.rint(labels).astype(np.int64)
    weights = np.ones(len(labels), np.float32)
    for label, weight in class_weight.items():
        weights[labels == int(label)] = weight
    return weights


def split_off_last(split: float, x: Structure, y: Structure, sample_weight: Structure) -> tuple[Batch, Batch]:
    """Return training and validation rows: the last ``split`` of the rows validate, before any shuffling.

    Raises
    ------
    ValueError
        `split` is not in (0, 1), a part would be empty, or the data are no arrays in memory.
    """
    check_number("validation_split", split)
    if not 0 < split < 1:
        raise ValueError(f"validation_split must lie between 0 and 1, got {split}.")
    if is_stream(x):
        raise ValueError("validation_split needs arrays; give a generator's validation batches as validation_data.")
    whole = (as_arrays(x, "x"), as_arrays(y, "y"), as_arrays(sample_weight, "sample_weight"))
    n = count_rows(*whole)
    n_train = math.floor(n * (1 - split))
    if not 0 < n_train < n:
        raise ValueError(f"validation_split={split} leaves no rows on one side: there are {n}.")
    train = tuple(map_structure(lambda a: None if a is None else a[:n_train], part) for part in whole)
    held = tuple(map_structure(lambda a: None if a is None else a[n_train:], part) for part in whole)
    return (train[0], train[1], train[2]), (held[0], held[1], held[2])


def is_stream(x: Any) -> bool:
    """Tell whether `x` yields batches: a generator, a Sequence-like, or any other iterable that is no array."""
    if x is None or is_array_like(x) or is_nested(x) or isinstance(x, str | bytes | range | Mapping):
        return False
    return hasattr(x, "__iter__") or hasattr(x, "__next__") or hasattr(x, "__getitem__")
