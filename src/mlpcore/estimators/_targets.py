"""Targets: what y means to the engine, and how a validation set is scored."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import d2_pinball_score, r2_score
from sklearn.preprocessing import LabelBinarizer

from mlpcore.estimators._activations import OUTPUT_ACTIVATIONS

Array = NDArray[Any]


def fitted_binarizer(y: Any) -> LabelBinarizer:
    """Fit a LabelBinarizer to y; plain labels take a way ten times shorter to the same state."""
    binarizer = LabelBinarizer()
    if not isinstance(y, np.ndarray) or y.ndim != 1 or y.dtype.kind not in "biuU":
        return binarizer.fit(y)
    classes = np.unique(y)
    if 2 * len(classes) > len(y):  # scikit-learn warns of so many classes
        return binarizer.fit(y)
    binarizer.classes_ = classes
    binarizer.y_type_ = "binary" if len(classes) <= 2 else "multiclass"
    binarizer.sparse_input_ = False
    return binarizer


class ClassTargets:
    """Class labels (binary, multiclass or multilabel), as a fitted LabelBinarizer describes them.

    Parameters
    ----------
    binarizer : LabelBinarizer
    loss : {'log_loss', 'focal', 'hinge'}, default='log_loss'
    focal_gamma : float, default=2.0
    label_smoothing : float, default=0.0
    """

    min_rows_to_score = 1

    def __init__(
        self, binarizer: LabelBinarizer, loss: str = "log_loss", focal_gamma: float = 2.0, label_smoothing: float = 0.0
    ) -> None:
        self.binarizer = binarizer
        self.classes = binarizer.classes_
        self.is_multilabel = binarizer.y_type_.startswith("multilabel")
        self.is_multiclass = binarizer.y_type_ == "multiclass"
        self.n_outputs = len(self.classes) if self.is_multilabel or self.is_multiclass else 1
        self.loss_divisor = 1
        self.loss_options: dict[str, Any] = {}
        self.has_probabilities = loss != "hinge"
        self.threshold = 0.5 if self.has_probabilities else 0.0  # above it an output says yes
        if not self.has_probabilities:
            if label_smoothing:
                raise ValueError(f"label_smoothing={label_smoothing!r} is of the log losses; loss='hinge' has none.")
            self.out_activation, self.loss = "identity", "hinge"
            return
        self.out_activation = "softmax" if self.is_multiclass else "logistic"
        self.loss = "cross_entropy" if self.is_multiclass else "binary_cross_entropy"
        if loss == "focal":
            self.loss_options["gamma"] = float(focal_gamma)
        if label_smoothing:
            self.loss_options["label_smoothing"] = float(label_smoothing)

    def encode(self, y: Any, dtype: str) -> Array:
        """Return class indices (rows,) int32, or indicators (rows, n_outputs) of `dtype`, as the loss takes them.

        y holds no label beyond ``classes``; the estimator has checked that.
        """
        if (y.ndim == 2) != self.is_multilabel:
            kind = "multilabel" if not self.is_multilabel else "single-label"
            raise ValueError(f"The object was not fitted with {kind} input.")
        if self.is_multilabel:
            indicators: Array = np.require(self.binarizer.transform(y), dtype, ["C", "A"])
            if not np.isin(indicators, (0, 1)).all():
                raise ValueError(f"Multilabel y must hold 0 and 1 only, got {np.unique(indicators)}.")
            return indicators
        if self.is_multiclass:
            indices = np.asarray(np.searchsorted(self.classes, y), dtype=np.int32)
            return indices if self.has_probabilities else np.eye(self.n_outputs, dtype=dtype)[indices]
        positive = y == self.classes[1] if len(self.classes) > 1 else np.zeros(len(y), bool)
        return np.asarray(positive).reshape(-1, 1).astype(dtype)

    def strata(self, encoded: Array) -> Array | None:
        """Return what the validation split is stratified by: two classes only, as scikit-learn."""
        return encoded.astype(bool) if self.n_outputs == 1 else None

    def score(self, output: Array, encoded: Array, sample_weight: Array | None) -> float:
        """Return the accuracy (of whole rows for multilabel) of the network's output."""
        if self.is_multiclass:
            correct = output.argmax(axis=1) == (encoded if encoded.ndim == 1 else encoded.argmax(axis=1))
        elif self.n_outputs == 1:
            correct = self._is_positive(output[:, 0]) == encoded[:, 0]
        else:
            correct = ((output > self.threshold) == (encoded > 0.5)).all(axis=1)
        return float(np.average(correct, weights=sample_weight))

    def labels(self, output: Array) -> Any:
        """Return the labels that the network's output stands for."""
        if self.is_multilabel:
            return self.binarizer.inverse_transform(output, self.threshold)  # sparse if y was
        if self.is_multiclass:
            return self.classes[output.argmax(axis=1)]
        return self.classes[self._is_positive(output[:, 0])]

    def _is_positive(self, output: Array) -> Array:
        """Return 0 or 1; always 0 if there is but one class."""
        return ((output > self.threshold) & (len(self.classes) > 1)).astype(np.intp)


class RealTargets:
    """Numbers to be predicted, one or several a row.

    Parameters
    ----------
    loss : str
    n_targets : int
        Columns of y.
    output_activation : str or None, default=None
    delta : float, default=1.0
        Of the Huber loss.
    quantiles : sequence of float, default=(0.5,)
        Of the quantile loss; the network has an output for each of each target.
    """

    min_rows_to_score = 2  # one row has no variance to explain

    def __init__(
        self,
        loss: str,
        n_targets: int,
        output_activation: str | None = None,
        delta: float = 1.0,
        quantiles: Sequence[float] = (0.5,),
    ) -> None:
        self.loss = loss
        self.out_activation = "exp" if loss == "poisson" else OUTPUT_ACTIVATIONS[output_activation or "identity"]
        if output_activation not in (None, "exp") and loss == "poisson":
            raise ValueError(f"loss='poisson' requires output_activation 'exp' or None, got {output_activation!r}.")
        self.quantiles = tuple(quantiles) if loss == "quantile" else ()
        self.n_targets = n_targets
        self.n_outputs = n_targets * max(1, len(self.quantiles))
        self.loss_options: dict[str, Any] = {}
        if loss == "huber":
            self.loss_options["delta"] = float(delta)
        if loss == "quantile":
            self.loss_options["quantiles"] = self.quantiles
        # scikit-learn reports the mean over outputs of the squared error, though it descends the sum
        self.loss_divisor = 1 if loss == "poisson" else self.n_outputs

    def shaped(self, output: Array) -> Array:
        """Return the output (rows, n_outputs) as (rows, n_targets, n_quantiles) less the lengths of 1."""
        if len(self.quantiles) > 1 and self.n_targets > 1:
            return output.reshape(len(output), self.n_targets, len(self.quantiles))
        return output.ravel() if output.shape[1] == 1 else output

    def encode(self, y: Array, dtype: str) -> Array:
        """Return y as (rows, n_outputs) of `dtype`."""
        if y.dtype.kind not in "biuf":
            raise ValueError(f"y must hold numbers, got an array of {y.dtype}.")
        if self.loss == "poisson" and np.min(y) < 0:
            raise ValueError(f"loss='poisson' requires y >= 0, got a minimum of {np.min(y)}.")
        with np.errstate(over="ignore"):
            encoded = np.require(y.reshape(len(y), -1), dtype, ["C", "A"])
        if encoded.dtype != y.dtype and not np.isfinite(encoded).all():
            raise ValueError(f"Input y contains a value too large for dtype('{dtype}').")
        return encoded

    def strata(self, encoded: Array) -> None:
        """Return None: the validation split of numbers is not stratified."""

    def score(self, output: Array, encoded: Array, sample_weight: Array | None) -> float:
        """Return R^2, for quantiles the mean D^2 of their pinball losses; NaN where a prediction is not finite."""
        if not np.isfinite(output).all():
            return float("nan")
        if not self.quantiles:
            return float(r2_score(encoded, output, sample_weight=sample_weight))
        of_each = output.reshape(len(output), self.n_targets, -1)
        scores = [
            d2_pinball_score(encoded, of_each[:, :, j], sample_weight=sample_weight, alpha=quantile)
            for j, quantile in enumerate(self.quantiles)
        ]
        return float(np.mean(scores))


Targets = ClassTargets | RealTargets
