"""Nested structures of values: tuples, lists and dicts, flattened in one order everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Structure = Any  # a leaf, or a tuple, list or dict of structures


def is_nested(structure: Structure) -> bool:
    """Tell whether `structure` is a tuple, list or dict rather than a leaf."""
    return isinstance(structure, list | tuple | dict)


def keys_of(structure: dict[Any, Any]) -> list[Any]:
    """Return a dict's keys in the order in which its values are flattened: sorted, as Keras does."""
    try:
        return sorted(structure)
    except TypeError:  # keys of several types
        return list(structure)


def flatten(structure: Structure) -> list[Any]:
    """Return the leaves, from left to right; those of a dict in the order of its sorted keys.

    >>> flatten({"b": 1, "a": (2, [3])})
    [2, 3, 1]
    """
    if isinstance(structure, dict):
        return [leaf for key in keys_of(structure) for leaf in flatten(structure[key])]
    if isinstance(structure, list | tuple):
        return [leaf for part in structure for leaf in flatten(part)]
    return [structure]


def map_structure(function: Callable[[Any], Any], structure: Structure) -> Structure:
    """Return the same structure with `function` applied to each leaf.

    >>> map_structure(abs, (-1, {"a": -2}))
    (1, {'a': 2})
    """
    if isinstance(structure, dict):
        return {key: map_structure(function, structure[key]) for key in keys_of(structure)}
    if isinstance(structure, list | tuple):
        parts = [map_structure(function, part) for part in structure]
        if isinstance(structure, list):
            return parts
        return type(structure)(*parts) if hasattr(structure, "_fields") else tuple(parts)
    return function(structure)


def pack(structure: Structure, leaves: list[Any]) -> Structure:
    """Return `structure` with its leaves replaced, in the order of `flatten`.

    >>> pack({"a": 0, "b": (0, 0)}, [1, 2, 3])
    {'a': 1, 'b': (2, 3)}
    """
    rest = iter(leaves)
    return map_structure(lambda _: next(rest), structure)
