"""What compile was given, and what it means once the outputs and targets of the model are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mlpcore import _registry, losses, optimizers
from mlpcore import metrics as metrics_family
from mlpcore._structure import flatten
from mlpcore._validation import check_hint
from mlpcore.losses import Loss, as_loss
from mlpcore.metrics import Metric, as_metric
from mlpcore.optimizers import Optimizer
from mlpcore.training.assignment import losses_of_outputs, metrics_of_outputs, unique_names, weights_of_losses

Axes = tuple[int, ...]  # a shape without the batch


@dataclass(frozen=True)
class Output:
    """An output: its name, the shape of a row, and that of its targets (None if it has none)."""

    name: str
    axes: Axes
    target_axes: Axes | None


@dataclass(frozen=True)
class OutputLoss:
    """A loss on one output: what it is, its weight in the total, its name in logs."""

    output: int
    loss: Loss
    weight: float
    name: str


@dataclass(frozen=True)
class OutputMetric:
    """A metric on one output: whether the sample weights count, its name in logs."""

    output: int
    metric: Metric
    is_weighted: bool
    name: str


@dataclass(frozen=True)
class Plan:
    """The losses and metrics of all outputs."""

    losses: list[OutputLoss]
    metrics: list[OutputMetric]

    @property
    def names(self) -> list[str]:
        """Names in the order in which evaluate lists its results."""
        own = [each.name for each in self.losses] if len(self.losses) > 1 else []
        return ["loss", *own, *(each.name for each in self.metrics)]

    @cached_property
    def divide_by(self) -> str:
        """What the sums of a batch are divided by: its "rows" or its "weights"."""
        return "weights" if any(each.loss.divide_by == "weights" for each in self.losses) else "rows"


class Compiled:
    """The arguments of `Model.compile`, checked as far as they can be without data."""

    def __init__(
        self,
        optimizer: Any,
        loss: Any,
        loss_weights: Any,
        metrics: Any,
        weighted_metrics: Any,
        run_eagerly: bool,
        steps_per_execution: int,
        mixed_precision: str | None = None,
    ):
        if mixed_precision not in (None, "bfloat16"):
            raise ValueError(f"mixed_precision must be None or 'bfloat16', got {mixed_precision!r}.")
        self.optimizer = optimizers.get(optimizer)
        if not isinstance(self.optimizer, Optimizer | None):
            raise TypeError(f"optimizer: expected a name, a config, a class or an Optimizer, got {optimizer!r}")
        for given, family in ((loss, losses), (metrics, metrics_family), (weighted_metrics, metrics_family)):
            for identifier in flatten(given):
                if not isinstance(identifier, str) or identifier.lower() not in family.BY_SHAPE:
                    family.get(identifier)  # what is wrong is an error now rather than with the first data
        for weight in flatten(loss_weights):
            check_hint("loss_weights", weight, "float | None")
        check_hint("steps_per_execution", steps_per_execution, "int")
        self.loss = loss
        self.loss_weights = loss_weights
        self.metrics = metrics
        self.weighted_metrics = weighted_metrics
        self.run_eagerly = bool(run_eagerly)
        self.steps_per_execution = steps_per_execution
        self.mixed_precision = mixed_precision
        self._plan: Plan | None = None
        self._plan_key: tuple[str, ...] = ()

    def get_config(self) -> dict[str, Any]:
        """Return what makes an equal call of compile, as plain JSON data."""
        return {
            "optimizer": _registry.serialize_object(self.optimizer),
            **{
                name: _registry.serialize_object(getattr(self, name))
                for name in ("loss", "loss_weights", "metrics", "weighted_metrics")
            },
            "run_eagerly": self.run_eagerly,
            "steps_per_execution": self.steps_per_execution,
            "mixed_precision": self.mixed_precision,
        }

    @property
    def names(self) -> list[str]:
        """The names of what evaluate lists; only the loss before the first data."""
        return ["loss"] if self._plan is None else self._plan.names

    @property
    def metric_objects(self) -> list[Metric]:
        """The metrics of all outputs; [] before the first data."""
        return [] if self._plan is None else [each.metric for each in self._plan.metrics]

    def plan(self, outputs: Sequence[Output]) -> Plan:
        """Return the losses and metrics of these outputs; the same objects each time, so metrics keep their state."""
        key = tuple(output.name for output in outputs)
        if self._plan is None or key != self._plan_key:
            self._plan, self._plan_key = self._resolved(outputs), key
        return self._plan

    def check_outputs(self, names: Sequence[str]) -> None:
        """Raise ValueError if losses, their weights or metrics are not for outputs of these names."""
        weights_of_losses(self.loss_weights, losses_of_outputs(self.loss, names), names)
        for argument in ("metrics", "weighted_metrics"):
            metrics_of_outputs(getattr(self, argument), names, argument)

    def _resolved(self, outputs: Sequence[Output]) -> Plan:
        names = [output.name for output in outputs]
        losses_given = losses_of_outputs(self.loss, names)
        weights_given = weights_of_losses(self.loss_weights, losses_given, names)
        resolved_losses: list[tuple[int, Loss, float]] = []
        for index, (output, own, weights) in enumerate(zip(outputs, losses_given, weights_given, strict=True)):
            for identifier, weight in zip(own, weights, strict=True):
                loss = as_loss(identifier, output.target_axes or (), output.axes)
                if loss is not None:
                    resolved_losses.append((index, loss, weight))
        if isinstance(self.loss, Mapping):  # evaluate lists them as the dict does: Keras 3.15
            places = list(self.loss)
            resolved_losses.sort(key=lambda each: places.index(names[each[0]]) if names[each[0]] in places else 0)
        loss_names = unique_names([f"{names[index]}_loss" for index, _, _ in resolved_losses])
        resolved_metrics: list[tuple[int, Metric, bool, str]] = []
        for argument, is_weighted in (("metrics", False), ("weighted_metrics", True)):
            given = metrics_of_outputs(getattr(self, argument), names, argument)
            used: set[int] = set()
            for index, (output, own) in enumerate(zip(outputs, given, strict=True)):
                prefix = f"{output.name}_" if len(outputs) > 1 else ""
                for identifier in own:
                    metric = as_metric(identifier, output.target_axes or (), output.axes)
                    name = metric.name
                    if id(metric) in used:  # one object for several outputs
                        metric = type(metric).from_config(metric.get_config())
                    used.add(id(metric))
                    taken = {each[3] for each in resolved_metrics}
                    if is_weighted and prefix + name in taken:
                        name = f"weighted_{name}"
                    resolved_metrics.append((index, metric, is_weighted, prefix + name))
        metric_names = unique_names([each[3] for each in resolved_metrics])
        return Plan(
            [OutputLoss(*each, name) for each, name in zip(resolved_losses, loss_names, strict=True)],
            [OutputMetric(*each[:3], name) for each, name in zip(resolved_metrics, metric_names, strict=True)],
        )


def revived(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of compile that `Compiled.get_config` described."""
    families = {"optimizer": "optimizers", "loss": "losses", "metrics": "metrics", "weighted_metrics": "metrics"}
    return {**config, **{name: _revived(config.get(name), family) for name, family in families.items()}}


def _revived(config: Any, family: str) -> Any:
    """Return the objects of a serialized structure; names stay names."""
    if isinstance(config, Mapping) and "class_name" in config:
        return _registry.deserialize(config, None, family)
    if isinstance(config, Mapping):
        return {name: _revived(part, family) for name, part in config.items()}
    if isinstance(config, list | tuple):
        return [_revived(part, family) for part in config]
    return config
