"""The names that layers and models get when nobody names them: dense, dense_1, ..."""

from __future__ import annotations

from collections import Counter

from mlpcore._registry import snake_case

_taken: Counter[str] = Counter()


def automatic_name(class_name: str) -> str:
    """Return the next name for an object of that class.

    >>> clear_session()
    >>> automatic_name("Dense"), automatic_name("Dense")
    ('dense', 'dense_1')
    """
    base = snake_case(class_name).lstrip("_") or "layer"
    number = _taken[base]
    _taken[base] += 1
    return f"{base}_{number}" if number else base


def clear_session() -> None:
    """Count automatic names from the beginning again."""
    _taken.clear()
