"""What stays between the passes of a model: its arena, its recordings, the state of its optimizer and its orders."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from mlpcore import _random
from mlpcore._arena import Arena, Variable
from mlpcore._core import Engine
from mlpcore._structure import Structure
from mlpcore._tensor import Structure as Changes
from mlpcore._validation import thread_limit
from mlpcore.data import ArrayRows, Batch, Source
from mlpcore.training.feed import Feed, Order
from mlpcore.training.passes import Learner, Pass, Watcher
from mlpcore.training.prediction import predicted
from mlpcore.training.recording import Recording
from mlpcore.training.running import Running
from mlpcore.training.watching import NoHooks

if TYPE_CHECKING:
    from mlpcore.training.trainer import Trainer

Slots = list[list[NDArray[Any]]]
Logs = dict[str, Any]


class Session:
    """The state of a model that is not in its layers; it does not keep the model, which keeps it.

    Parameters
    ----------
    model : Model

    Attributes
    ----------
    rng : numpy.random.Generator
        Draws the orders of the rows.
    """

    def __init__(self, model: Trainer):
        self._weak_model = ref(model)
        self._arena: Arena | None = None
        self._dtype: str | None = None
        self._recordings: dict[Any, Recording] = {}
        self._feeds: WeakKeyDictionary[ArrayRows, dict[str, Feed]] = WeakKeyDictionary()
        self._optimizer: Any = None  # whose slots the engines hold
        self._waiting: Slots | None = None  # slots in the order of the model's variables, for the next training
        self.rng = np.random.default_rng(0)
        self.seed = 0  # of the engine's noise
        self._is_seeded = False
        self._constrained: tuple[tuple[int, int], list[Variable]] | None = None  # for a state of layers and arena

    def __del__(self) -> None:  # recordings and variables refer in circles, and to engines: those shall not wait
        if self._arena is not None and not sys.is_finalizing():
            for each in self._recordings.values():
                each.recorder.arena = each.recorder.batch = None
            self._arena.pull()  # variables that stay have their values now, and need no arena

    @property
    def _model(self) -> Trainer:
        model = self._weak_model()
        assert model is not None, "a session is asked by its model alone"
        return model

    @property
    def arena(self) -> Arena:
        """The arena of the model's variables."""
        if self._arena is None:
            self._arena = Arena(self.dtype)
            self._arena.add(self._model.variables)
        return self._arena

    @property
    def dtype(self) -> str:
        """What the engines compute in: "float64" if a layer does."""
        if self._dtype is None or not self._model.built:
            found = {variable.dtype for variable in self._model.variables}
            self._dtype = "float64" if "float64" in found or self._model.dtype == "float64" else "float32"
        return self._dtype

    @property
    def n_threads(self) -> int:
        """How many threads a pass may use."""
        return thread_limit(None)

    def forget(self) -> None:
        """Forget the recordings that hold losses and metrics."""
        self._recordings = {key: each for key, each in self._recordings.items() if not each.has_objectives}
        self._feeds.clear()

    @property
    def adds_losses(self) -> bool:
        """Whether the model's call for predictions, where it has been recorded, adds to the loss."""
        return any(each.recorder.losses for key, each in self._recordings.items() if key[0] == "predict")

    def reset(self) -> None:
        """Forget all recordings, after the layers of the model have changed."""
        self._dtype = None
        self._recordings.clear()
        self._feeds.clear()

    def start(self) -> None:
        """Draw the seeds of a fit."""
        self.rng = np.random.default_rng(_random.next_seed())
        self.seed = _random.next_seed()
        self._is_seeded = True

    # ------------------------------------------------ data

    def feeds(self, kind: str, source: Source) -> Iterator[tuple[Feed, Order | None, int]]:
        """Yield what the coming epoch of a source consists of: rows, their order (None: as they lie), batch size."""
        if not isinstance(source, ArrayRows):
            for batch in source.epoch(self.rng):
                feed = self.feed(kind, batch)
                yield feed, None, feed.n_rows
            return
        yield self.whole(kind, source), source.epoch(self.rng), source.batch_size

    def whole(self, kind: str, source: ArrayRows) -> Feed:
        """Return all rows of arrays, ready for a kind of pass; converted once."""
        known = self._feeds.setdefault(source, {})
        if kind not in known:
            known[kind] = self.feed(kind, (source.x, source.y, source.sample_weight))
        return known[kind]

    def feed(self, kind: str, batch: Batch) -> Feed:
        """Return rows ready for a kind of pass ("train", "test" or "predict"); builds the model if need be."""
        weak, model = self._weak_model, self._model  # the recordings do not keep the model either
        x = model._matched(batch[0])

        def find(inputs: Structure) -> Recording:
            key = (kind, repr(inputs), self.dtype)
            if key not in self._recordings:
                self._recordings[key] = Recording(
                    lambda inputs: weak()._forward(inputs),  # type: ignore[union-attr]
                    self.arena,
                    inputs,
                    None if kind == "predict" else model._compiled,
                    lambda outputs: weak()._name_outputs(outputs),  # type: ignore[union-attr]
                    lambda: weak().trainable_variables,  # type: ignore[union-attr]
                    training=kind == "train",
                )
            return self._recordings[key]

        return Feed(find, self.dtype, x, model._rows(x, self.dtype), batch[1], batch[2])

    # ------------------------------------------------ passes

    def trained(self, batch: ArrayRows) -> Logs:
        """Train on a single batch; return its loss and metrics by name."""
        running = Running(self._model.metrics)
        a_pass = Pass(running, NoHooks(), self.n_threads, self._model._is_static, self.learner())
        for feed, order, batch_size in self.feeds("train", batch):
            a_pass.over(feed, order, batch_size)
        return running.logs()

    def evaluated(self, source: Source, hooks: Watcher) -> Logs:
        """Return the loss and the metrics on all rows of a source, by name."""
        source.restart()
        running = Running(self._model.metrics)
        a_pass = Pass(running, hooks, self.n_threads, self._model._is_static)
        for feed, order, batch_size in self.feeds("test", source):
            a_pass.over(feed, order, batch_size)
            if a_pass.stopped:
                break
        return running.logs()

    def predicted(self, source: Source, hooks: Watcher) -> Structure:
        """Return the outputs for all rows of a source."""
        return predicted(self, source, hooks, self._model._is_static)

    # ------------------------------------------------ the optimizer's state

    def learner(self) -> Learner:
        """Return what trains with the present optimizer."""
        if not self._is_seeded:
            self.start()
        state = (Changes.version, self.arena.generation)
        if self._constrained is None or self._constrained[0] != state:
            trained = self._model.trainable_variables
            self._constrained = state, [variable for variable in trained if variable.constraint is not None]
        compiled = self._model._compiled
        mixed_precision = None if compiled is None else compiled.mixed_precision
        return Learner(self._model.optimizer, self.arena, self._constrained[1], self.prepare, mixed_precision)

    def prepare(self, engine: Engine) -> None:
        """Let an engine go on where the present optimizer stands."""
        optimizer = self._model.optimizer
        if self._waiting is not None:
            engine.set_slots(self._reordered(self._waiting), int(optimizer.iterations))
            self._waiting = None
        elif self._optimizer is not optimizer:
            engine.set_slots([], int(optimizer.iterations))
        elif engine.step != optimizer.iterations:
            engine.step = int(optimizer.iterations)
        self._optimizer = optimizer
        if engine.seed != self.seed:
            engine.seed = self.seed

    def finish(self) -> None:
        """After the last epoch, give the weights their averages, if the optimizer keeps some."""
        averages = self.averages()
        if averages is not None:
            for variable, average in zip(self._model.trainable_variables, averages, strict=True):
                variable.assign(average)

    def averages(self) -> list[NDArray[Any]] | None:
        """Return the averages of the trainable weights; None where there are none, as before the first step."""
        names = list(self._model.optimizer.slot_names)
        slots = self.slots() if "average" in names else []
        if not slots:
            return None
        found = dict(zip(map(id, self._model.variables), slots[names.index("average")], strict=True))
        return [found[id(variable)] for variable in self._model.trainable_variables]

    def _reordered(self, slots: Slots) -> Slots:
        """Return slots in the order of the arena's variables."""
        result = []
        for slot in slots:
            by_variable = {id(v): array for v, array in zip(self._model.variables, slot, strict=True)}
            arrays = [by_variable.get(id(v)) for v in self.arena.variables]
            result.append(
                [
                    np.zeros(v.shape, self.dtype) if array is None else np.ascontiguousarray(array, self.dtype)
                    for v, array in zip(self.arena.variables, arrays, strict=True)
                ]
            )
        return result

    def slots(self) -> Slots:
        """Return the optimizer's slots: lists of arrays in the order of the model's variables; [] before training."""
        if self._waiting is not None:
            return self._waiting
        root = None if self._arena is None else self._arena.root
        if root is None or self._optimizer is not self._model.optimizer:
            return []
        variables = self.arena.variables
        result = []
        for slot in root.slots():
            by_variable = {id(v): array for v, array in zip(variables, slot, strict=True)}
            result.append([by_variable[id(v)].reshape(v.shape) for v in self._model.variables])
        return result

    def get_state(self) -> dict[str, Any]:
        """Return slots, seed and generator: what a training's future depends on besides weights and optimizer."""
        return {"slots": self.slots(), "seed": self.seed, "rng": dict(self.rng.bit_generator.state)}

    def set_state(self, state: dict[str, Any]) -> None:
        """Go on from what `get_state` returned."""
        self._waiting = state["slots"]
        self._is_seeded = True
        self.seed = int(state["seed"])
        self.rng.bit_generator.state = state["rng"]
