"""What a pass has added up so far, and the loss and metrics that follow from it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from itertools import groupby
from operator import itemgetter
from typing import Any

import numpy as np

from mlpcore._core import Sums
from mlpcore.metrics import Metric
from mlpcore.metrics.base import SumsMetric
from mlpcore.training.recording import Program


class Running:
    """Adds up the `Sums` of engine calls; `logs` are means over everything added.

    The loss of an epoch is the mean of the losses of its batches, weighted by their rows, penalties included.

    Parameters
    ----------
    metrics : list of Metric
        Which are reset.
    """

    def __init__(self, metrics: Iterable[Metric] = ()):
        self._metrics = list(metrics)
        for metric in self._metrics:
            metric.reset_state()
        self._waiting: list[tuple[Sums, Program]] = []
        self._open: tuple[Sums, Program] | None = None
        self._program: Program | None = None
        self._rows = 0
        self._loss = 0.0
        self._losses: list[float] = []
        self._saved_metrics: list[Any] | None = None  # states that wait for the metrics

    @property
    def is_resumed(self) -> bool:
        """Whether `set_state` waits for `resume`."""
        return self._saved_metrics is not None

    def resume(self, program: Program) -> None:
        """Give the metrics, which are known with the first program, the states that `set_state` took."""
        self._program = program
        self._metrics = [each.metric for each in program.plan.metrics]
        for metric, saved in zip(self._metrics, self._saved_metrics or (), strict=True):
            metric.reset_state()
            if isinstance(metric, SumsMetric) and saved["totals"] is not None:
                metric.accumulate(saved["totals"], saved["weight"], saved["n_rows"])
            for variable, value in zip(metric.variables, saved["variables"], strict=True):
                variable.assign(value)
        self._saved_metrics = None

    def add(self, sums: Sums, program: Program) -> None:
        """Take the sums of one call; they are looked at when somebody asks for the logs."""
        if self._waiting and self._waiting[-1][1] is program:
            self._waiting[-1][0].add(sums)
        else:
            self._waiting.append((sums, program))
        self._program = program

    def open_sums(self, program: Program) -> Sums:
        """Return the sums that the next call goes on from, so that a pass in many calls adds up as in one."""
        if self._open is not None and self._open[1] is not program:
            self.close()
        return Sums() if self._open is None else self._open[0]

    def keep_open(self, sums: Sums, program: Program) -> None:
        """Take sums that went on from `open_sums`, in its place."""
        self._open = (sums, program)
        self._program = program

    def close(self) -> None:
        """Take the open sums for good."""
        if self._open is not None:
            self._waiting.append(self._open)
            self._open = None

    def _add_up(self) -> None:
        waiting, self._waiting = self._waiting, []
        for program, group in groupby(waiting, key=itemgetter(1)):  # neighbours of one program, for speed
            self._add_group(program, [sums for sums, _ in group])

    def _add_group(self, program: Program, group: list[Sums]) -> None:
        rows = [sums.rows for sums in group]
        self._rows += sum(rows)
        self._loss += math.fsum(sums.loss + sums.penalty for sums in group)
        if len(program.plan.losses) > 1:
            self._losses = self._losses or [0.0] * len(program.plan.losses)
            own = iter(zip(*(sums.losses for sums in group), strict=True))
            for number, each_loss in enumerate(program.plan.losses):
                if each_loss.weight:
                    self._losses[number] += math.fsum(next(own)) / each_loss.weight
            for place, number in enumerate(program.weightless):
                self._losses[number] += math.fsum(sums.totals[place][0] for sums in group)
        if program.recorded:
            n_others = len(program.weightless)
            all_totals = list(zip(*(sums.totals[n_others:] for sums in group), strict=True))
            weights = list(zip(*(sums.total_weights[n_others:] for sums in group), strict=True))
            for each, totals, weight in zip(program.recorded, all_totals, weights, strict=True):
                assert isinstance(each.metric, SumsMetric)
                total = totals[0] if len(group) == 1 else np.sum(totals, axis=0)
                each.metric.accumulate(total, math.fsum(weight), sum(rows))

    def logs(self) -> dict[str, Any]:
        """Return the loss and the metrics by name, in alphabetical order; nothing before the first batch."""
        self._add_up()
        if self._program is None:
            return {}
        if self._open is not None:  # added for a moment
            sums, program = self._open
            saved, self._open = self.get_state(), None
            self.add(sums, program)
            logs = self.logs()
            self.set_state(saved)
            self.resume(program)
            self._open = (sums, program)
            return logs
        plan, rows = self._program.plan, max(self._rows, 1)
        values: dict[str, Any] = {"loss": self._loss / rows}
        if len(plan.losses) > 1:
            for each, total in zip(plan.losses, self._losses, strict=True):
                values[each.name] = total / rows
        for each_metric in plan.metrics:
            result = each_metric.metric.result()
            values |= result if isinstance(result, dict) else {each_metric.name: result}
        return {name: _plain(values[name]) for name in sorted(values)}

    def get_state(self) -> dict[str, Any]:
        """Return everything added up, for a run that is resumed."""
        self._add_up()
        metrics = self._metrics or ([] if self._program is None else [m.metric for m in self._program.plan.metrics])
        return {
            "rows": self._rows,
            "loss": self._loss,
            "losses": list(self._losses),
            "metrics": [
                {
                    "totals": getattr(metric, "_totals", None),
                    "weight": getattr(metric, "_weight", 0.0),
                    "n_rows": getattr(metric, "_n_rows", 0),
                    "variables": [variable.numpy() for variable in metric.variables],
                }
                for metric in metrics
            ],
        }

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Go on from what `get_state` returned; the metrics follow in `resume`."""
        self._rows, self._loss, self._losses = int(state["rows"]), float(state["loss"]), list(state["losses"])
        self._saved_metrics = list(state["metrics"])


def _plain(value: Any) -> Any:
    if type(value) is float:
        return value
    array = np.asarray(value)
    return float(array) if array.ndim == 0 else array
