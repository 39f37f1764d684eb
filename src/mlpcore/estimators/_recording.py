"""From an estimator's parameters to the tape that the core runs."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from mlpcore import _core


class Network(NamedTuple):
    """All that decides a multilayer perceptron's tape; equal networks can share an engine."""

    widths: tuple[int, ...]  # n_features, units of each hidden layer, n_outputs
    activations: tuple[str, ...]  # one per layer, the output's last
    loss: str  # the core's name, or "" for none
    loss_weight: float = 1.0
    loss_options: tuple[tuple[str, Any], ...] = ()  # further arguments of the core's loss, sorted
    dropout: tuple[float, ...] = ()  # behind each hidden layer; () is none

    @property
    def parameter_shapes(self) -> list[tuple[int, ...]]:
        """Shapes in the core's order: kernel 0, bias 0, kernel 1, bias 1, ..."""
        shapes: list[tuple[int, ...]] = []
        for fan_in, fan_out in pairwise(self.widths):
            shapes += [(fan_in, fan_out), (fan_out,)]
        return shapes

    def tape(self, dtype: str) -> _core.Tape:
        """Record dense and activation layer by layer, then the loss."""
        tape = _core.Tape()
        value = tape.input(self.widths[0])
        rates = self.dropout or (0.0,) * (len(self.widths) - 2)
        for units, activation, rate in zip(self.widths[1:], self.activations, (*rates, 0.0), strict=True):
            value = tape.dense(value, units)
            if activation != "identity":
                value = tape.activation(value, activation)
            if rate:
                value = tape.dropout(value, rate)
        tape.output(value)
        if self.loss:
            clip = float(np.finfo(dtype).eps) if self.loss in _CLIPPED else 0.0
            tape.loss(value, self.loss, self.loss_weight, clip, **dict(self.loss_options))
        return tape

    def engine(self, dtype: str) -> _core.Engine:
        """Link the tape, with memory for parameters of `dtype`."""
        return _core.Engine(self.tape(dtype), dtype)

    def for_prediction(self, out_activation: str | None = None) -> Network:
        """Return the same layers without a loss, or with another activation of the output."""
        last = self.activations[-1] if out_activation is None else out_activation
        return self._replace(
            activations=(*self.activations[:-1], last), loss="", loss_weight=1.0, loss_options=(), dropout=()
        )


# scikit-learn clips probabilities to [eps, 1 - eps] inside these losses
_CLIPPED = {"cross_entropy", "binary_cross_entropy"}
