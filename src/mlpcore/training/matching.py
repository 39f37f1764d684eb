"""Targets and weights given as arrays, lists, tuples or dicts, put in the order of a model's outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mlpcore._structure import Structure, flatten, is_nested
from mlpcore._validation import suggest


def by_output(argument: str, given: Structure, names: Sequence[str]) -> list[Any]:
    """Return one entry for each output, None where nothing was given.

    Parameters
    ----------
    argument : str
        Name of the argument, for errors.
    given : None, array, list, tuple or dict of arrays
        A dict names outputs, and may leave some out; a list or tuple has an entry for each.
    names : sequence of str
        Of the outputs.

    Raises
    ------
    ValueError
        There is another number of entries than of outputs, or an unknown name.
    """
    if given is None:
        return [None] * len(names)
    if isinstance(given, dict):
        return by_name(argument, given, names)
    entries = flatten(given)
    if len(entries) != len(names):
        what = f"{len(entries)} arrays" if is_nested(given) else "one array"
        outputs = ", ".join(map(repr, names))
        raise ValueError(f"{argument} must have one array for each of the outputs {outputs}; got {what}.")
    return entries


def by_name(argument: str, given: Mapping[str, Any], names: Sequence[str]) -> list[Any]:
    """Return what a dict names for each output, None where it names nothing."""
    for name in given:
        if name not in names:
            raise ValueError(
                f"{argument} names the output {name!r}{suggest(str(name), list(names))}; "
                f"the model's outputs are {', '.join(map(repr, names))}."
            )
    return [given.get(name) for name in names]


def weights_by_output(given: Structure, names: Sequence[str]) -> list[Any]:
    """Return the weights of each output's rows; one array holds for all outputs."""
    if given is not None and not is_nested(given):
        return [given] * len(names)
    return by_output("sample_weight", given, names)
