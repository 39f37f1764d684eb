"""Drawing: boxes, lines and words in pixels, rendered as SVG or on axes of matplotlib."""

from __future__ import annotations

from dataclasses import dataclass, field
from importlib import import_module
from itertools import pairwise
from typing import Any
from xml.sax.saxutils import escape

_FONT = "Helvetica, Arial, 'DejaVu Sans', sans-serif"
_SIZE = 12.0
_NARROW, _WIDE = set("iljtfrI.,:;|!'()[] "), set("mwMW@→")
_STROKE = "#64748b"


@dataclass(frozen=True)
class Text:
    """A line of text whose base line begins, or ends (anchor "end"), at (x, y)."""

    x: float
    y: float
    words: str
    color: str
    size: float = _SIZE
    is_bold: bool = False
    anchor: str = "start"


@dataclass
class Drawing:
    """What is to be drawn; y grows downwards."""

    width: float
    height: float
    boxes: list[tuple[float, float, float, float, str, float]] = field(default_factory=list)
    frames: list[tuple[float, float, float, float]] = field(default_factory=list)
    lines: list[tuple[list[tuple[float, float]], bool]] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def box(self, left: float, top: float, width: float, height: float, fill: str, head: float) -> None:
        """Add a box whose uppermost `head` pixels are filled."""
        self.boxes.append((left, top, width, height, fill, head))

    def frame(self, left: float, top: float, width: float, height: float) -> None:
        """Add a dashed frame behind everything."""
        self.frames.append((left, top, width, height))

    def line(self, points: list[tuple[float, float]], is_sideways: bool) -> None:
        """Add a smooth line with an arrow at its end, which leaves and enters along the graph's direction."""
        self.lines.append((points, is_sideways))

    def svg(self) -> str:
        """Return an SVG document."""
        size = f'width="{self.width:.0f}" height="{self.height:.0f}" viewBox="0 0 {self.width:.1f} {self.height:.1f}"'
        parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{_FONT}">']
        parts.append('<rect width="100%" height="100%" fill="white"/>')
        for left, top, width, height in self.frames:
            parts.append(
                f'<rect {_at(left, top, width, height)} rx="8" fill="#f6f1f9" stroke="#b9a1c6" stroke-dasharray="4 3"/>'
            )
        for points, is_sideways in self.lines:
            path = "".join(
                f"{'M' if kind == 'move' else 'C' if kind == 'curve' else 'L'}"
                + " ".join(f"{x:.1f},{y:.1f}" for x, y in part)
                for kind, part in _path(points, is_sideways)
            )
            parts.append(f'<path d="{path}" fill="none" stroke="{_STROKE}" stroke-width="1.3"/>')
            corners = " ".join(f"{x:.1f},{y:.1f}" for x, y in _arrow(points[-1], is_sideways))
            parts.append(f'<polygon points="{corners}" fill="{_STROKE}"/>')
        for left, top, width, height, fill, head in self.boxes:
            place = _at(left, top, width, height)
            parts.append(f'<rect {place} rx="5" fill="white" stroke="{fill}" stroke-width="1.2"/>')
            parts.append(f'<path d="{_head(left, top, width, head, is_all=head >= height)}" fill="{fill}"/>')
        for text in self.texts:
            style = f'font-size="{text.size}" fill="{text.color[:7]}" text-anchor="{text.anchor}"'
            style += ' font-weight="bold"' if text.is_bold else ""
            style += ' fill-opacity="0.8"' if len(text.color) == 9 else ""
            parts.append(f'<text x="{text.x:.1f}" y="{text.y:.1f}" {style}>{escape(text.words)}</text>')
        return "\n".join([*parts, "</svg>"])

    def on_axes(self, ax: Any) -> None:
        """Draw on axes of matplotlib, which take the drawing's scale and show no ticks."""
        patches, paths = import_module("matplotlib.patches"), import_module("matplotlib.path")
        ax.set(xlim=(0, self.width), ylim=(self.height, 0), aspect="equal")
        ax.set_axis_off()
        ax.figure.canvas.draw()  # fixes the scale that the sizes of letters depend on
        scale = abs(ax.transData.transform((1, 0))[0] - ax.transData.transform((0, 0))[0]) * 72 / ax.figure.dpi
        for left, top, width, height in self.frames:
            style = {"facecolor": "#f6f1f9", "edgecolor": "#b9a1c6", "linestyle": "--", "linewidth": scale}
            ax.add_patch(patches.Rectangle((left, top), width, height, **style))
        kinds = {"move": [paths.Path.MOVETO], "line": [paths.Path.LINETO], "curve": [paths.Path.CURVE4] * 3}
        for points, is_sideways in self.lines:
            parts = _path(points, is_sideways)
            path = paths.Path(
                [p for _, part in parts for p in part], [code for kind, _ in parts for code in kinds[kind]]
            )
            ax.add_patch(patches.PathPatch(path, facecolor="none", edgecolor=_STROKE, linewidth=1.3 * scale))
            ax.add_patch(patches.Polygon(_arrow(points[-1], is_sideways), facecolor=_STROKE, edgecolor="none"))
        for left, top, width, height, fill, head in self.boxes:
            style = {"facecolor": "white", "edgecolor": fill, "linewidth": 1.2 * scale}
            ax.add_patch(patches.Rectangle((left, top), width, height, **style))
            ax.add_patch(patches.Rectangle((left, top), width, head, facecolor=fill, edgecolor="none"))
        for text in self.texts:
            ax.text(
                text.x,
                text.y,
                text.words,
                color=text.color,
                fontsize=text.size * scale * 0.92,  # matplotlib's letters are wider
                fontweight="bold" if text.is_bold else "normal",
                horizontalalignment="left" if text.anchor == "start" else "right",
                verticalalignment="baseline",
            )


def text_width(words: str, bold: bool = False) -> float:
    """Return about how many pixels a line of text takes, rather too many."""
    ems = sum(0.37 if each in _NARROW else 0.92 if each in _WIDE else 0.7 if each.isupper() else 0.63 for each in words)
    return _SIZE * ems * (1.13 if bold else 1.0)  # as in DejaVu Sans, the widest of the fonts


def _at(left: float, top: float, width: float, height: float) -> str:
    return f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}"'


def _head(left: float, top: float, width: float, height: float, is_all: bool) -> str:
    """Return the path of a box's head, with round corners above and, if it is all of the box, below."""
    round_ = 5.0
    below = f"v{height - round_:.1f}h-{width:.1f}z"
    if is_all:
        inner = f"h-{width - 2 * round_:.1f}"
        below = f"v{height - 2 * round_:.1f}q0,{round_} -{round_},{round_}{inner}q-{round_},0 -{round_},-{round_}z"
    start = f"M{left:.1f},{top + round_:.1f}q0,-{round_} {round_},-{round_}"
    return f"{start}h{width - 2 * round_:.1f}q{round_},0 {round_},{round_}{below}"


def _path(points: list[tuple[float, float]], is_sideways: bool) -> list[tuple[str, list[tuple[float, float]]]]:
    """Return a smooth path: a curve between ranks, a straight line through a rank."""
    parts: list[tuple[str, list[tuple[float, float]]]] = [("move", [points[0]])]
    for number, ((x0, y0), (x1, y1)) in enumerate(pairwise(points)):
        if number % 2:
            parts.append(("line", [(x1, y1)]))
        elif is_sideways:
            middle = (x0 + x1) / 2
            parts.append(("curve", [(middle, y0), (middle, y1), (x1, y1)]))
        else:
            middle = (y0 + y1) / 2
            parts.append(("curve", [(x0, middle), (x1, middle), (x1, y1)]))
    return parts


def _arrow(tip: tuple[float, float], is_sideways: bool) -> list[tuple[float, float]]:
    x, y = tip
    return [(x, y), (x - 7, y - 3.5), (x - 7, y + 3.5)] if is_sideways else [(x, y), (x - 3.5, y - 7), (x + 3.5, y - 7)]
