"""Predictions for all rows of a source, in the structure of the model's outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mlpcore._structure import Structure, pack
from mlpcore.data import Source
from mlpcore.training.feed import Feed, Order
from mlpcore.training.passes import ROWS_OF_A_CALL, Watcher

if TYPE_CHECKING:
    from mlpcore.training.session import Session


def predicted(session: Session, source: Source, watcher: Watcher, is_static: bool) -> Structure:
    """Return the outputs for every row of a source.

    Parameters
    ----------
    session : Session
    source : Source
    watcher : Watcher
        Told about every batch if it wants to know.
    is_static : bool
        Whether the model's call is the same for every batch.

    Returns
    -------
    ndarray (n, ...), or list, tuple or dict of these
    """
    parts: list[list[NDArray[Any]]] = []
    structure: Structure = None
    step, stopped = 0, False
    for feed, order, batch_size in session.feeds("predict", source):
        n_rows = feed.n_rows if order is None else len(order)
        by_batch = watcher.needs_batches or not is_static
        size = batch_size if by_batch else n_rows
        for begin in range(0, n_rows, size):
            rows = slice(begin, min(begin + size, n_rows)) if order is None else order[begin : begin + size]
            if watcher.needs_batches:
                watcher.begin(step)
            arrays, structure = _call(session, feed, rows, batch_size, is_static)
            parts.append(arrays)
            step += 1
            if watcher.needs_batches:
                stopped = watcher.end(step - 1, {"outputs": pack(structure, arrays)})
            if stopped:
                break
        if stopped:
            break
    if not parts:
        raise ValueError("there are no rows to predict for.")
    whole = [each[0] if len(each) == 1 else np.concatenate(each) for each in zip(*parts, strict=True)]
    return pack(structure, whole)


def _call(
    session: Session, feed: Feed, rows: Order | slice, batch_size: int, is_static: bool
) -> tuple[list[NDArray[Any]], Structure]:
    program = feed.program(rows, is_static)
    engine = feed.recording.engine(program)
    whole = isinstance(rows, slice) and rows.start == 0 and rows.stop == feed.n_rows
    values = engine.predict(
        feed.inputs if whole else [np.ascontiguousarray(array[rows]) for array in feed.inputs],
        session.n_threads,
        batch_size=ROWS_OF_A_CALL if program.is_rowwise else batch_size,
    )
    return program.flat_outputs(values), program.output_structure
