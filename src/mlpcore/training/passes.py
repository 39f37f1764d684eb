"""Passes over data: as few calls of the engine as callbacks, metrics and the model allow, through one code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np

from mlpcore._arena import Arena, Variable
from mlpcore._core import Engine, Sums, Update
from mlpcore.training.feed import Feed, Order
from mlpcore.training.recording import Program, for_function
from mlpcore.training.running import Running

_SECONDS_OF_A_CALL = 0.2  # where a live line shows how far the pass is
_EVALUATED_ROWS = 16 * 1024  # of a call of an evaluation
ROWS_OF_A_CALL = 1024  # where rows do not depend on their batch


class Watcher(Protocol):
    """What a pass tells about its batches: a part of a list of callbacks."""

    needs_batches: bool
    wants_progress: bool

    def begin(self, step: int) -> None:
        """Batch `step` begins."""

    def end(self, step: int, logs: dict[str, Any]) -> bool:
        """Batch `step` has ended; return whether to stop."""

    def progress(self, done: int, logs: Callable[[], dict[str, Any]]) -> None:
        """`done` batches are done."""


class Pass:
    """One epoch of training, or one evaluation.

    Parameters
    ----------
    running : Running
        Where the sums go.
    watcher : Watcher
        Who is told about batches.
    n_threads : int
    is_static : bool
        Whether the model's call is the same for every batch.
    learner : Learner or None
        What trains; None evaluates.
    """

    def __init__(
        self, running: Running, watcher: Watcher, n_threads: int, is_static: bool, learner: Learner | None = None
    ):
        self.running = running
        self.watcher = watcher
        self.n_threads = n_threads
        self.is_static = is_static
        self.learner = learner
        self.step = 0
        self.stopped = False
        self._by_batch = watcher.needs_batches or not is_static or (learner is not None and learner.acts_between_steps)

    def over(self, feed: Feed, order: Order | None, batch_size: int, skip: int = 0) -> None:
        """Take rows in consecutive batches.

        Parameters
        ----------
        feed : Feed
        order : ndarray of int64 (m,) or None
            Which rows, in their order; None: all as they lie.
        batch_size : int
        skip : int, default 0
            Batches to leave out, which were taken before.
        """
        n_rows = feed.n_rows if order is None else len(order)
        n_batches = -(-n_rows // batch_size)
        done = min(skip, n_batches)
        self.step += done
        first = slice(0, batch_size) if order is None else order[:batch_size]
        by_batch = self._by_batch
        if not by_batch or self.running.is_resumed:
            program = feed.program(first, self.is_static)
            by_batch = by_batch or bool(program.others)
            if self.running.is_resumed:
                self.running.resume(program)
        has_hooks, has_line = self.watcher.needs_batches, self.watcher.wants_progress
        try:
            for count in self._counts(n_batches - done, batch_size, by_batch):
                begin, end = done * batch_size, min((done + count) * batch_size, n_rows)
                rows = slice(begin, end) if order is None else order[begin:end]
                if has_hooks:
                    self.watcher.begin(self.step)
                self._call(feed, rows, batch_size, count)
                done += count
                self.step += count
                if has_hooks:
                    self._pause()
                    self.stopped = self.watcher.end(self.step - 1, self.running.logs())
                    if self.stopped:
                        break
                elif has_line:
                    self.watcher.progress(self.step, self.running.logs)
        finally:
            self.running.close()
            self._pause()

    def _pause(self) -> None:
        """Let others see, and change, how far the training is."""
        if self.learner is not None:
            self.learner.pause()

    def _counts(self, n_batches: int, batch_size: int, by_batch: bool) -> Iterator[int]:
        """Yield how many batches each call takes: what is added up does not depend on it, nor on the time it takes."""
        if by_batch:
            yield from (1 for _ in range(n_batches))
            return
        if self.learner is None:
            most = max(1, _EVALUATED_ROWS // batch_size)
            yield from (min(most, n_batches - done) for done in range(0, n_batches, most))
            return
        if not self.watcher.wants_progress:
            yield n_batches
            return
        done, count = 0, max(1, n_batches // 100)
        while done < n_batches:
            count = min(count, n_batches - done)
            start = time.perf_counter()
            yield count
            done += count
            count = max(1, int(count * min(_SECONDS_OF_A_CALL / max(time.perf_counter() - start, 1e-9), 10)))

    def _call(self, feed: Feed, rows: Order | slice, batch_size: int, count: int) -> None:
        program = feed.program(rows, self.is_static)
        engine = feed.recording.engine(program)
        if self.learner is not None:
            self.learner.resume(engine)
        if program.others:
            self._update_metrics(program, engine, feed, rows)
        if self.learner is None:
            self.running.add(self._evaluated(program, engine, feed, rows, batch_size), program)
            return
        has_hooks = self.watcher.needs_batches  # which ask for logs after each batch
        onto = Sums() if has_hooks else self.running.open_sums(program)
        sums = self.learner.train(program, engine, feed, rows, batch_size, count, self.n_threads, onto)
        keep = self.running.add if has_hooks else self.running.keep_open
        keep(sums, program)

    def _evaluated(self, program: Program, engine: Engine, feed: Feed, rows: Order | slice, batch_size: int) -> Any:
        whole = isinstance(rows, slice) and rows.start == 0 and rows.stop == feed.n_rows
        return engine.evaluate(
            feed.inputs if whole else [array[rows] for array in feed.inputs],
            feed.targets(program) if whole else [array[rows] for array in feed.targets(program)],
            sample_weight=feed.weights if whole else [array[rows] for array in feed.weights],
            batch_size=ROWS_OF_A_CALL if program.is_rowwise else batch_size,
            n_threads=self.n_threads,
            divide_by=program.plan.divide_by,
        )

    def _update_metrics(self, program: Program, engine: Engine, feed: Feed, rows: Order | slice) -> None:
        """Let the metrics that are written in Python see the predictions for a batch, those before its step."""
        values = engine.predict(
            [np.ascontiguousarray(array[rows]) for array in feed.inputs],
            self.n_threads,
            training=self.learner is not None,
        )
        predictions = program.flat_outputs(values)
        for each in program.others:
            weight = feed.weight(each.output) if each.is_weighted else None
            y_true, y_pred = feed.raw_target(each.output)[rows], predictions[each.output]
            axes = for_function(each.metric, y_true.shape[1:], y_pred.shape[1:])
            each.metric.update_state(
                y_true.reshape(len(y_true), *axes),
                y_pred,
                sample_weight=None if weight is None else weight[rows],
            )


class Learner:
    """What training needs besides an evaluation: the optimizer, its state in the arena, the constraints.

    Between `resume` and `pause` nobody else looks at the optimizer, so it is asked once.

    Parameters
    ----------
    optimizer : Optimizer
    arena : Arena
        Of the model's variables.
    constrained : list of Variable
        Those that have a constraint.
    prepare : callable
        Lets an engine go on where the optimizer stands.
    mixed_precision : str or None
        Of the products in training.
    """

    def __init__(
        self,
        optimizer: Any,
        arena: Arena,
        constrained: list[Variable],
        prepare: Callable[[Engine], None],
        mixed_precision: str | None = None,
    ):
        self.optimizer = optimizer
        self.mixed_precision = mixed_precision
        self.arena = arena
        self.constrained = constrained
        self._prepare = prepare
        self._engine: Engine | None = None  # the last one; None: somebody else may have looked
        self._settings: dict[str, Any] = {}  # of the optimizer
        self._update: Update | None = None  # what they make

    @property
    def acts_between_steps(self) -> bool:
        """Whether weights have constraints, or a function is asked for the learning rate of each step."""
        return bool(self.constrained) or self.optimizer.asks_for_rate

    def resume(self, engine: Engine) -> None:
        """Let an engine go on where the optimizer stands."""
        if self._engine is None:
            self._prepare(engine)
            settings = {**vars(self.optimizer), "_iterations": 0}
            if settings != self._settings:
                self._settings, self._update = settings, self.optimizer.update()
        if engine is not self._engine:
            engine.mixed_precision = self.mixed_precision
        self._engine = engine

    def train(
        self,
        program: Program,
        engine: Engine,
        feed: Feed,
        rows: Order | slice,
        batch_size: int,
        count: int,
        n_threads: int,
        onto: Sums,
    ) -> Sums:
        """Train on rows in `count` batches; return the engine's sums, which go on from `onto`."""
        assert self._update is not None, "resume comes first"
        whole = False
        if isinstance(rows, slice):
            whole = rows.start == 0 and rows.stop == feed.n_rows
            rows = np.arange(rows.start, rows.stop)
        try:
            return engine.train(
                feed.inputs,
                feed.targets(program),
                None if whole else rows,
                batch_size,
                self._update,
                sample_weight=feed.weights,
                learning_rates=self.optimizer.rates(engine.step, count),
                n_threads=n_threads,
                divide_by=program.plan.divide_by,
                onto=onto,
            )
        finally:
            if self.optimizer.asks_for_rate:
                self.optimizer.iterations = engine.step
            self.arena.trained()
            for variable in self.constrained:
                assert variable.constraint is not None
                variable.assign(variable.constraint(variable.numpy()))

    def pause(self) -> None:
        """Tell the optimizer how many steps are done; ask it anew before the next one."""
        if self._engine is not None:
            self.optimizer.iterations = self._engine.step
        self._engine = None
