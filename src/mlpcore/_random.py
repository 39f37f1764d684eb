"""The package's random stream: one NumPy generator, from which whatever needs a seed draws the next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numpy as np

_MOST = 2**31 - 1


class _Stream:
    """The generator behind `next_seed`."""

    @cached_property  # until it is set: NumPy loads its random module when that is first needed
    def generator(self) -> np.random.Generator:
        return np.random.default_rng()


_stream = _Stream()


def set_seed(seed: int | None) -> None:
    """Start the package's random stream anew.

    Initial weights, orders of rows and noise are drawn from it, in the order in which they are asked for.

    Parameters
    ----------
    seed : int or None
        At least 0. None takes fresh entropy from the system.

    Raises
    ------
    TypeError
        If `seed` is not an integer.
    ValueError
        If it is negative.

    Examples
    --------
    >>> set_seed(42)
    >>> first = next_seed()
    >>> set_seed(42)
    >>> next_seed() == first
    True
    """
    if seed is not None:
        if isinstance(seed, bool) or not isinstance(seed, int | np.integer):
            raise TypeError(f"seed must be an integer or None, got {seed!r}")
        if seed < 0:
            raise ValueError(f"seed must be at least 0, got {seed}")
    _stream.generator = np.random.default_rng(None if seed is None else int(seed))


def next_seed() -> int:
    """Return the stream's next seed, from 0 to 2**31 - 2."""
    return int(_stream.generator.integers(_MOST))


def get_state() -> dict[str, Any]:
    """Return where the stream stands, as plain JSON data; `set_state` continues from there."""
    return dict(_stream.generator.bit_generator.state)


def set_state(state: dict[str, Any]) -> None:
    """Continue the stream from where `get_state` saw it."""
    generator = np.random.default_rng(0)
    generator.bit_generator.state = state
    _stream.generator = generator


@contextmanager
def kept() -> Iterator[None]:
    """Leave the stream, at the end, where it stands now: what is drawn inside is not missed outside.

    >>> set_seed(42)
    >>> with kept():
    ...     first = next_seed()
    >>> next_seed() == first
    True
    """
    state = get_state()
    try:
        yield
    finally:
        set_state(state)
