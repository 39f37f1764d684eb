#!/usr/bin/env python3
"""Hostile calls by kind, with what each gets: `python tests/hostile_inputs.py` prints them, with a count by kind.

The calls stand in tests/hostile_inputs/*.txt, one a line: ``call -> Error: part of its message``, where ... stands for
anything, or ``call -> works`` and ``call -> True``. Names are those of `hostile_subjects.Subjects`. A call that is
refused leaves everything that was fitted as it was, to the bit.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hostile_subjects import Subjects

ARROW = "  -> "


class Case(NamedTuple):
    """A call and what it gets."""

    kind: str
    call: str
    expected: str


def cases() -> list[Case]:
    """Return all cases in the order of the files."""
    found = []
    for path in sorted((Path(__file__).parent / "hostile_inputs").glob("*.txt")):
        kind = path.stem
        for line in path.read_text().splitlines():
            if line.startswith("# "):
                kind = line[2:]
            elif line:
                call, _, expected = line.partition(ARROW)
                found.append(Case(kind, call, expected))
    return found


def outcome(case: Case, subjects: Subjects) -> str:
    """Return what a call gets: ``Error: message``, ``True`` or ``works``."""
    quiet = contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO())
    with warnings.catch_warnings(), quiet[0], quiet[1]:
        warnings.simplefilter("ignore")
        try:
            result = eval(case.call, dict(subjects.names))
        except Exception as error:
            return f"{type(error).__name__}: {error}"
    return "True" if result is True else "works"


def fits(case: Case, got: str) -> bool:
    """Tell whether an outcome is the expected one; of messages a part is expected, and ... stands for anything."""
    if case.expected in ("works", "True"):
        return got == case.expected
    kind, _, message = case.expected.partition(": ")
    pattern = ".*".join(re.escape(part) for part in message.split("..."))
    return got.startswith(f"{kind}: ") and re.search(pattern, got, re.DOTALL) is not None


def main() -> None:
    """Print every case, then the table of kinds."""
    counts: dict[str, Counter[str]] = {}
    for case in cases():
        if case.kind not in counts:
            print(f"\n{case.kind}\n{'-' * len(case.kind)}")
        counts.setdefault(case.kind, Counter())[case.expected.partition(":")[0]] += 1
        print(f"{case.call}\n    {case.expected}")
    print("\n| kind | calls | what they get |\n|---|---|---|")
    for kind, counted in counts.items():
        print(f"| {kind} | {sum(counted.values())} | {', '.join(f'{n} {name}' for name, n in counted.most_common())} |")
    total = sum(sum(counted.values()) for counted in counts.values())
    print(f"| all | {total} | |")


if __name__ == "__main__":
    main()
