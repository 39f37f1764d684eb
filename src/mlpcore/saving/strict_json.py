"""JSON read with limits: size, depth, numbers and keys, and no literal that the standard does not know."""

from __future__ import annotations

import json
import re
from typing import Any

from mlpcore.saving.errors import FileFormatError

MOST_BYTES = 64 << 20
MOST_DEPTH = 96
_LONGEST_NUMBER = 64  # digits; the state of a NumPy generator has 39
_TOKEN = re.compile(rb'\\.|["\[\]{}]', re.DOTALL)
_STEP = {b"[": 1, b"{": 1, b"]": -1, b"}": -1}


def dumps(value: Any) -> bytes:
    """Return `value` as UTF-8 JSON.

    Parameters
    ----------
    value : dict, list, str, int, float, bool or None
        Nested at most 96 deep; floats finite.

    Returns
    -------
    bytes

    Raises
    ------
    TypeError, ValueError
        Something in it has no JSON form.
    """
    text = json.dumps(value, allow_nan=False, ensure_ascii=False, indent=1).encode()
    if len(text) > MOST_BYTES:
        raise ValueError(f"a configuration of {len(text)} bytes; at most {MOST_BYTES} can be saved")
    if _depth(text) > MOST_DEPTH:
        raise ValueError(f"a configuration nested {_depth(text)} deep; at most {MOST_DEPTH} can be saved")
    return text


def loads(text: bytes, where: str) -> Any:
    """Parse UTF-8 JSON from a file that nobody has checked yet.

    Parameters
    ----------
    text : bytes
        The whole document.
    where : str
        Names the document in error messages.

    Returns
    -------
    dict, list, str, int, float, bool or None

    Raises
    ------
    FileFormatError
        It is no JSON, too large, nested too deep, or has numbers too long, NaN, or the same key twice.
    """
    if len(text) > MOST_BYTES:
        raise FileFormatError(f"{where}: {len(text)} bytes of JSON; at most {MOST_BYTES} are read")
    if _depth(text) > MOST_DEPTH:
        raise FileFormatError(f"{where}: JSON nested more than {MOST_DEPTH} deep")
    try:
        return json.loads(
            text.decode("utf-8"),
            parse_constant=_no_constant,
            parse_int=_short_int,
            object_pairs_hook=_distinct,
        )
    except (ValueError, RecursionError) as error:
        raise FileFormatError(f"{where}: not valid JSON ({error})") from None


def _depth(text: bytes) -> int:
    """Return an upper bound of the nesting, without building anything."""
    if text.count(b"[") + text.count(b"{") <= MOST_DEPTH:
        return 0
    depth = deepest = 0
    quoted = False
    for token in _TOKEN.finditer(text):  # one pass, whatever the text: a hostile one costs no more
        found = token[0]
        if found == b'"':
            quoted = not quoted
        elif not quoted and found in _STEP:
            depth += _STEP[found]
            deepest = max(deepest, depth)
            if deepest > MOST_DEPTH:
                break
    return deepest


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")


def _short_int(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise ValueError(f"an integer of {len(digits)} digits")
    return int(digits)


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("the same key stands twice in one object")
    return result
