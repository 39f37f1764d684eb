"""Where the boxes and lines of a layered graph go: ranks, an order with few crossings, positions with few bends.

The steps are those of Sugiyama, Tagawa and Toda, "Methods for visual understanding of hierarchical system structures"
(IEEE SMC 11, 1981), with positions by isotonic regression.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

_GAP = 34.0  # between boxes of a rank
_RANK_GAP = 40.0  # between ranks
_SWEEPS = 12


@dataclass
class Box:
    """A rectangle to be placed: `across` and `along` are its size, across and along the direction of the graph."""

    name: str
    across: float
    along: float
    center: float = 0.0  # across
    start: float = 0.0  # along
    rank: int = 0
    is_bend: bool = False  # of a line that passes the rank


@dataclass
class Layout:
    """Placed boxes, and for each line (source, target) the points that it runs through, as (across, along)."""

    boxes: dict[str, Box]
    lines: list[list[tuple[float, float]]] = field(default_factory=list)
    across: float = 0.0
    along: float = 0.0


def placed(boxes: list[Box], edges: list[tuple[str, str]]) -> Layout:
    """Return where to draw boxes that come in an order in which they can run, and the lines between them."""
    named = {box.name: box for box in boxes}
    for box in boxes:
        box.rank = 1 + max((named[a].rank for a, b in edges if b == box.name), default=-1)
    ranks: dict[int, list[Box]] = defaultdict(list)
    for box in boxes:
        ranks[box.rank].append(box)
    chains = [_chain(named[a], named[b], number, ranks) for number, (a, b) in enumerate(edges)]
    above: dict[str, list[Box]] = defaultdict(list)
    below: dict[str, list[Box]] = defaultdict(list)
    for chain in chains:
        for one, other in pairwise(chain):
            below[one.name].append(other)
            above[other.name].append(one)
    _order(ranks, above, below)
    _place_across(ranks, above, below)
    layout = Layout(named)
    _place_along(ranks, layout)
    layout.lines = [_line(chain, above, below) for chain in chains]
    return layout


def _chain(source: Box, target: Box, number: int, ranks: dict[int, list[Box]]) -> list[Box]:
    """Return source, a bend in every rank between, target."""
    chain = [source]
    for rank in range(source.rank + 1, target.rank):
        bend = Box(f"{number}:{rank}", 8.0, 0.0, rank=rank, is_bend=True)
        ranks[rank].append(bend)
        chain.append(bend)
    return [*chain, target]


def _order(ranks: dict[int, list[Box]], above: dict[str, list[Box]], below: dict[str, list[Box]]) -> None:
    """Sort every rank so that lines cross little: each box goes to the mean place of its neighbours, and again."""
    best = {rank: list(boxes) for rank, boxes in ranks.items()}
    fewest = _crossings(best, below)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        neighbours = above if sweep % 2 == 0 else below
        for rank in sorted(ranks, reverse=bool(sweep % 2)):
            place = {box.name: index for each in (rank - 1, rank + 1) for index, box in enumerate(ranks.get(each, ()))}
            own = {box.name: index for index, box in enumerate(ranks[rank])}
            wanted = {
                box.name: _mean([place[each.name] for each in neighbours[box.name]], own[box.name])
                for box in ranks[rank]
            }
            ranks[rank].sort(key=lambda box: (wanted[box.name], own[box.name]))
        count = _crossings(ranks, below)
        if count < fewest:
            fewest, best = count, {rank: list(boxes) for rank, boxes in ranks.items()}
    ranks.update(best)


def _crossings(ranks: dict[int, list[Box]], below: dict[str, list[Box]]) -> int:
    count = 0
    for rank, boxes in ranks.items():
        place = {box.name: index for index, box in enumerate(ranks.get(rank + 1, ()))}
        ends = [(number, place[other.name]) for number, box in enumerate(boxes) for other in below[box.name]]
        count += sum(a < c and b > d for a, b in ends for c, d in ends)
    return count


def _place_across(ranks: dict[int, list[Box]], above: dict[str, list[Box]], below: dict[str, list[Box]]) -> None:
    for boxes in ranks.values():
        _spread(boxes, [0.0] * len(boxes))
    for sweep in range(_SWEEPS):
        neighbours = above if sweep % 2 == 0 else below
        for rank in sorted(ranks, reverse=bool(sweep % 2)):
            boxes = ranks[rank]
            _spread(boxes, [_mean([each.center for each in neighbours[box.name]], box.center) for box in boxes])
    left = min(box.center - box.across / 2 for boxes in ranks.values() for box in boxes)
    for boxes in ranks.values():
        for box in boxes:
            box.center -= left


def _spread(boxes: list[Box], wanted: list[float]) -> None:
    """Place boxes of a rank in their order as near to where they want to be as the gaps allow (least squares)."""
    offset, offsets = 0.0, []
    for number, box in enumerate(boxes):
        if number:
            before = boxes[number - 1]
            gap = _GAP / 2 if box.is_bend or before.is_bend else _GAP
            offset += (before.across + box.across) / 2 + gap
        offsets.append(offset)
    pools: list[tuple[float, float, int]] = []  # mean, weight, how many: of boxes that touch
    for box, want, offset in zip(boxes, wanted, offsets, strict=True):
        pools.append((want - offset, 4.0 if box.is_bend else 1.0, 1))
        while len(pools) > 1 and pools[-2][0] > pools[-1][0]:
            (mean, weight, count), (other, heavy, more) = pools[-2:]
            pools[-2:] = [((mean * weight + other * heavy) / (weight + heavy), weight + heavy, count + more)]
    means = [mean for mean, _, count in pools for _ in range(count)]
    for box, mean, offset in zip(boxes, means, offsets, strict=True):
        box.center = mean + offset


def _place_along(ranks: dict[int, list[Box]], layout: Layout) -> None:
    start = 0.0
    for rank in sorted(ranks):
        depth = max(box.along for box in ranks[rank])
        for box in ranks[rank]:
            box.start = start + (0.0 if box.is_bend else (depth - box.along) / 2)
            box.along = depth if box.is_bend else box.along
        start += depth + _RANK_GAP
    layout.along = start - _RANK_GAP
    layout.across = max(box.center + box.across / 2 for boxes in ranks.values() for box in boxes)


def _line(chain: list[Box], above: dict[str, list[Box]], below: dict[str, list[Box]]) -> list[tuple[float, float]]:
    """Return the points of a line; several lines at a box leave and enter it side by side."""
    source, target = chain[0], chain[-1]
    points = [(_port(source, chain[1], below), source.start + source.along)]
    for bend in chain[1:-1]:
        points += [(bend.center, bend.start), (bend.center, bend.start + bend.along)]
    return [*points, (_port(target, chain[-2], above), target.start)]


def _port(box: Box, other: Box, neighbours: dict[str, list[Box]]) -> float:
    ends = sorted(neighbours[box.name], key=lambda each: each.center)
    place = next(index for index, each in enumerate(ends) if each is other)
    step = min(18.0, box.across / (len(ends) + 1))
    return box.center + step * (place - (len(ends) - 1) / 2)


def _mean(values: list[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise
