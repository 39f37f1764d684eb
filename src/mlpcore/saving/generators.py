"""NumPy's random generators as plain numbers, put back only if the numbers are possible."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mlpcore.saving.errors import FileFormatError

Generator = np.random.Generator | np.random.RandomState

_KINDS = {
    kind.__name__: kind
    for kind in (
        np.random.PCG64,
        np.random.PCG64DXSM,
        np.random.MT19937,
        np.random.Philox,
        np.random.SFC64,
    )
}
_MOST = {"pos": 625, "buffer_pos": 5, "has_uint32": 2, "uinteger": 2**32}  # what NumPy takes without a check


def generator_state(generator: Generator) -> dict[str, Any]:
    """Return where a generator stands.

    Parameters
    ----------
    generator : numpy.random.Generator or numpy.random.RandomState

    Returns
    -------
    dict
        A tree for `mlpcore.saving.trees`.

    Raises
    ------
    TypeError
        Its bit generator is none of NumPy's.
    """
    if isinstance(generator, np.random.RandomState):
        state: Any = generator.get_state(legacy=False)
        kind = "RandomState"
    else:
        state, kind = generator.bit_generator.state, "Generator"
    if state["bit_generator"] not in _KINDS:
        raise TypeError(f"a generator of {state['bit_generator']!r} cannot be saved; NumPy's {sorted(_KINDS)} can")
    return {"kind": kind, "state": state}


def restored_generator(saved: Any) -> Generator:
    """Return a new generator that goes on where the saved one stood.

    Raises
    ------
    FileFormatError
        `saved` is nothing that `generator_state` returns.
    """
    try:
        kind, state = saved["kind"], saved["state"]
        bits = _KINDS[state["bit_generator"]](0)
        _check(state, bits.state)
        if kind == "RandomState":
            generator = np.random.RandomState(bits)
            generator.set_state(state)
            return generator
        if kind != "Generator":
            raise ValueError(kind)
        bits.state = state
        return np.random.Generator(bits)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError, IndexError) as error:
        raise FileFormatError(f"a damaged state of a random generator ({error!r})") from None


def _check(saved: Any, template: Mapping[str, Any]) -> None:
    """Refuse what NumPy would take as it is and then read beyond its arrays."""
    if set(saved) - {"has_gauss", "gauss"} != set(template):  # the two that a RandomState adds
        raise ValueError(f"{sorted(saved)} instead of {sorted(template)}")
    for name, expected in template.items():
        value = saved[name]
        if isinstance(expected, Mapping):
            _check(value, expected)
        elif isinstance(expected, np.ndarray):
            if not isinstance(value, np.ndarray) or (value.shape, value.dtype) != (expected.shape, expected.dtype):
                raise ValueError(f"{name} is no array {expected.shape} of {expected.dtype}")
        elif isinstance(expected, str):
            if value != expected:
                raise ValueError(f"{name} is {value!r}")
        elif type(value) is not int or not 0 <= value < _MOST.get(name, 2**128):
            raise ValueError(f"{name} is {value!r}")
