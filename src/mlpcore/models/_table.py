"""Tables of text in the form of Keras' summaries: boxes of lines, columns of fixed widths, wrapped cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_ALIGN = {"left": str.ljust, "right": str.rjust, "center": str.center}


@dataclass(frozen=True)
class Column:
    """A column's heading, its alignment ("left", "right", "center") and its share of the line."""

    heading: str
    align: str
    width: int


def wrapped(text: str, width: int) -> list[str]:
    """Return `text` in lines of at most `width` characters, broken at spaces; a longer word ends in an ellipsis.

    >>> wrapped("concatenate (Concatenate)", 14)
    ['concatenate', '(Concatenate)']
    >>> wrapped("   └ dense (Dense)", 30)
    ['   └ dense (Dense)']
    """
    indent = text[: len(text) - len(text.lstrip(" "))]
    words = text[len(indent) :].split(" ")
    lines = [indent + words[0]]
    for word in words[1:]:
        if len(lines[-1]) + 1 + len(word) <= width:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return [line if len(line) <= width else line[: width - 1] + "…" for line in lines]


def fitted(widths: Sequence[int], total: int) -> list[int]:
    """Return column widths, padding included, that fill a table of `total` characters with its borders.

    The surplus is taken evenly from all columns, as rich does for columns of fixed widths.
    """
    widths = [width + 2 for width in widths]
    surplus = sum(widths) + len(widths) + 1 - total
    for index in range(len(widths)):
        if surplus <= 0:
            break
        share = min(widths[index], round(surplus / (len(widths) - index)))
        widths[index] -= share
        surplus -= share
    return widths


def drawn(columns: Sequence[Column], rows: Sequence[Sequence[str]], total: int) -> list[str]:
    """Return the lines of a table that is `total` characters wide."""
    widths = fitted([column.width for column in columns], total)

    def rule(left: str, line: str, cross: str, right: str) -> str:
        return left + cross.join(line * width for width in widths) + right

    def lines_of(cells: Sequence[str], bar: str) -> list[str]:
        blocks = [wrapped(cell, width - 2) for cell, width in zip(cells, widths, strict=True)]
        height = max(map(len, blocks))
        lines = []
        for index in range(height):
            parts = [
                f" {_ALIGN[column.align](block[index] if index < len(block) else '', width - 2)} "
                for column, block, width in zip(columns, blocks, widths, strict=True)
            ]
            lines.append(bar + bar.join(parts) + bar)
        return lines

    lines = [
        rule("┏", "━", "┳", "┓"),
        *lines_of([column.heading for column in columns], "┃"),
        rule("┡", "━", "╇", "┩"),
    ]
    for index, row in enumerate(rows):
        if index:
            lines.append(rule("├", "─", "┼", "┤"))
        lines += lines_of(row, "│")
    lines.append(rule("└", "─", "┴", "┘"))
    return lines
