"""plot_model: the graph of a model's layers as a picture, without graphviz."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any

from mlpcore._layer_graph import LayerGraph, LayerNode, layer_graph
from mlpcore._validation import checked
from mlpcore.plot import pyplot
from mlpcore.plot.drawing import Drawing, Text, text_width
from mlpcore.plot.layout import Box, placed

_LINE = 17.0  # pixels a line of text
_HEAD = 26.0  # of a box
_MARGIN = 16.0
_LEAST = 96.0  # width of a box
_FILLS = {"input": "#3f7d58", "weights": "#2f5d8c", "plain": "#5f6b7a", "model": "#7a4b8c"}


class ModelPicture:
    """A picture of a model; notebooks show it.

    Attributes
    ----------
    svg : str
        The picture as an SVG document.
    """

    def __init__(self, drawing: Drawing) -> None:
        self._drawing = drawing
        self.svg = drawing.svg()

    def _repr_svg_(self) -> str:
        return self.svg

    _repr_html_ = _repr_svg_  # for galleries, which know no other

    def __repr__(self) -> str:
        return f"<ModelPicture, {self._drawing.width:.0f} x {self._drawing.height:.0f} pixels>"

    def save(self, path: str | os.PathLike[str], dpi: int = 200) -> None:
        """Write the picture: as SVG, or by matplotlib in any format that it knows (.png, .pdf, ...).

        Parameters
        ----------
        path : str or path
            Its ending decides on the format.
        dpi : int, default 200
            Pixels an inch, for a format of pixels.
        """
        if Path(path).suffix.lower() == ".svg":
            Path(path).write_text(self.svg, encoding="utf-8")
            return
        loaded = pyplot.load("plot_model to anything but .svg")
        size = (self._drawing.width / 96, self._drawing.height / 96)
        figure = loaded.figure(figsize=size, dpi=dpi)
        try:
            self.draw(figure.add_axes((0, 0, 1, 1)))
            figure.savefig(path, dpi=dpi)
        finally:
            loaded.close(figure)

    def draw(self, ax: Any) -> Any:
        """Draw the picture on axes of matplotlib and return them."""
        self._drawing.on_axes(ax)
        return ax


@checked
def plot_model(
    model: Any,
    to_file: str | os.PathLike[str] | None = None,
    show_shapes: bool = True,
    show_dtype: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    expand_nested: bool = False,
    dpi: int = 200,
    show_layer_activations: bool = True,
    show_trainable: bool = False,
    show_params: bool = True,
) -> ModelPicture:
    """Draw the layers of a model and what flows between them.

    Parameters
    ----------
    model : Model
        Built, or a functional one.
    to_file : str or path, optional
        Where to save the picture: .svg, or by matplotlib .png, .pdf, ... (Keras always saves, as model.png.)
    show_shapes : bool, default True
        Whether to show the shapes that go in and come out; None is the batch.
    show_dtype : bool, default False
        Whether to show the layers' types of numbers.
    show_layer_names : bool, default True
        Whether to show names beside classes.
    rankdir : {"TB", "LR"}, default "TB"
        From top to bottom, or from left to right.
    expand_nested : bool, default False
        Whether to draw the layers of models in the model, in a frame.
    dpi : int, default 200
        Pixels an inch of a file of pixels.
    show_layer_activations : bool, default True
        Whether to show activations.
    show_trainable : bool, default False
        Whether to show if layers are trained.
    show_params : bool, default True
        Whether to show numbers of parameters.

    Returns
    -------
    ModelPicture
        Has the text ``svg``, ``save(path)`` and ``draw(ax)``; notebooks show it.

    Raises
    ------
    ValueError
        A model that is not built, or another `rankdir`.

    Examples
    --------
    >>> from mlpcore import Sequential, layers, plot
    >>> model = Sequential([layers.Input((4,)), layers.Dense(8, activation="relu"), layers.Dense(1)])
    >>> plot.plot_model(model)  # and plot.plot_model(model, "model.svg") saves it
    <ModelPicture, ... x 299 pixels>
    """
    if rankdir not in ("TB", "LR"):
        raise ValueError(f"plot_model: rankdir is 'TB' or 'LR', got {rankdir!r}")
    graph = layer_graph(model)
    if expand_nested:
        graph = graph.expanded()
    lines = {
        node.name: _lines(node, show_shapes, show_params, show_dtype, show_layer_activations, show_trainable)
        for node in graph.nodes
    }
    titles = {node.name: (node.kind, node.layer if show_layer_names else "") for node in graph.nodes}
    picture = ModelPicture(_drawn(graph, titles, lines, is_sideways=rankdir == "LR"))
    if to_file is not None:
        picture.save(to_file, dpi)
    return picture


def _lines(node: LayerNode, shapes: bool, params: bool, dtype: bool, activation: bool, trainable: bool) -> list[str]:
    lines = []
    if shapes and node.output_shapes:
        incoming = ", ".join(map(str, node.input_shapes))
        outgoing = ", ".join(map(str, node.output_shapes))
        same = node.kind == "InputLayer" or not incoming
        lines.append(outgoing if same else f"{incoming} → {outgoing}")
    about = []
    if activation and node.activation and node.activation not in ("linear", "identity"):
        about.append(node.activation)
    if params and node.n_params:
        about.append(f"{node.n_params:,} params")
    if dtype and node.dtype:
        about.append(node.dtype)
    if trainable and node.trainable is not None:
        about.append("trainable" if node.trainable else "frozen")
    return [*lines, *([" · ".join(about)] if about else [])]


def _drawn(
    graph: LayerGraph, titles: dict[str, tuple[str, str]], lines: dict[str, list[str]], is_sideways: bool
) -> Drawing:
    sizes = {node.name: _size(titles[node.name], lines[node.name]) for node in graph.nodes}
    boxes = [Box(name, *(size[::-1] if is_sideways else size)) for name, size in sizes.items()]
    edges = [(source, node.name) for node in graph.nodes for source in node.inputs]
    if not graph.is_traced:  # nothing is known about the order: the layers stand below each other
        names = [node.name for node in graph.nodes]
        layout = placed(boxes, list(pairwise(names)))
        layout.lines = []
    else:
        layout = placed(boxes, edges)

    def point(across: float, along: float) -> tuple[float, float]:
        across, along = across + _MARGIN, along + _MARGIN
        return (along, across) if is_sideways else (across, along)

    drawing = Drawing(*point(layout.across + _MARGIN, layout.along + _MARGIN))
    corners = {}
    for name, box in layout.boxes.items():
        corners[name] = (*point(box.center - box.across / 2, box.start), *sizes[name])
    _frames(drawing, corners)
    for line in layout.lines:
        drawing.line([point(*each) for each in line], is_sideways)
    for node in graph.nodes:
        _box(drawing, corners[node.name], titles[node.name], lines[node.name], _FILLS[_family(node)])
    return drawing


def _size(title: tuple[str, str], lines: list[str]) -> tuple[float, float]:
    heading = text_width(title[0], bold=True) + (text_width(title[1]) + 14 if title[1] else 0)
    width = max([_LEAST, heading + 20, *(text_width(line) + 20 for line in lines)])
    return width, _HEAD + (len(lines) * _LINE + 8 if lines else 0)


def _family(node: LayerNode) -> str:
    if node.kind == "InputLayer":
        return "input"
    if node.inner is not None:
        return "model"
    return "weights" if node.n_params else "plain"


def _box(
    drawing: Drawing,
    corner: tuple[float, float, float, float],
    title: tuple[str, str],
    lines: list[str],
    fill: str,
) -> None:
    left, top, width, height = corner
    drawing.box(left, top, width, height, fill, _HEAD if lines else height)
    drawing.texts.append(Text(left + 10, top + 17.5, title[0], "white", is_bold=True))
    if title[1]:
        drawing.texts.append(Text(left + width - 10, top + 17.5, title[1], "#ffffffcc", anchor="end"))
    for number, line in enumerate(lines):
        drawing.texts.append(Text(left + 10, top + _HEAD + 16 + number * _LINE, line, "#1f2937"))


def _frames(drawing: Drawing, corners: dict[str, tuple[float, float, float, float]]) -> None:
    """Draw a frame around the layers of each inner model: those whose names begin with its name and a slash."""
    groups: dict[str, list[tuple[float, float, float, float]]] = {}
    for name, corner in corners.items():
        parts = name.split("/")[:-1]
        for depth in range(1, len(parts) + 1):
            groups.setdefault("/".join(parts[:depth]), []).append(corner)
    for name in sorted(groups, key=lambda name: name.count("/")):
        left = min(corner[0] for corner in groups[name]) - 9
        top = min(corner[1] for corner in groups[name]) - 17
        right = max(corner[0] + corner[2] for corner in groups[name]) + 9
        bottom = max(corner[1] + corner[3] for corner in groups[name]) + 8
        drawing.frame(left, top, right - left, bottom - top)
        drawing.texts.append(Text(left + 6, top + 12, name.rpartition("/")[2], "#7a4b8c", size=10.5))
