"""Targets: what y means to the engine, and how a validation set is scored."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score
from sklearn.preprocessing import LabelBinarizer

from mlpcore import _core
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


def mean_loss(loss: str, output: Array, encoded: Array, sample_weight: Array | None, divisor: int) -> float:
    """Return the mean over rows of the network's loss, as the core defines it for its output."""
    rows, _ = _core.kernels.loss(output, encoded, loss, clip=float(np.finfo(output.dtype).eps))
    return float(np.average(rows, weights=sample_weight)) / divisor


class ClassTargets:
    """Class labels (binary, multiclass or multilabel), as a fitted LabelBinarizer describes them."""

    def __init__(self, binarizer: LabelBinarizer) -> None:
        self.binarizer = binarizer
        self.classes = binarizer.classes_
        self.is_multilabel = binarizer.y_type_.startswith("multilabel")
        self.is_multiclass = binarizer.y_type_ == "multiclass"
        self.n_outputs = len(self.classes) if self.is_multilabel or self.is_multiclass else 1
        self.out_activation = "softmax" if self.is_multiclass else "logistic"
        self.loss = "cross_entropy" if self.is_multiclass else "binary_cross_entropy"
        self.loss_divisor = 1

    def encode(self, y: Any, dtype: str) -> Array:
        """Return class indices (rows,) int32, or indicators (rows, n_outputs) of `dtype`.

        y holds no label beyond ``classes``; the estimator has checked that.
        """
        if (y.ndim == 2) != self.is_multilabel:
            kind = "multilabel" if not self.is_multilabel else "single-label"
            raise ValueError(f"The object was not fitted with {kind} input.")
        if self.is_multilabel:
            indicators: Array = np.ascontiguousarray(self.binarizer.transform(y), dtype=dtype)
            if not np.isin(indicators, (0, 1)).all():
                raise ValueError(f"Multilabel y must hold 0 and 1 only, got {np.unique(indicators)}.")
            return indicators
        if self.is_multiclass:
            return np.asarray(np.searchsorted(self.classes, y), dtype=np.int32)
        positive = y == self.classes[1] if len(self.classes) > 1 else np.zeros(len(y), bool)
        return np.asarray(positive).reshape(-1, 1).astype(dtype)

    def strata(self, encoded: Array) -> Array | None:
        """Return what the validation split is stratified by: two classes only, as scikit-learn."""
        return encoded.astype(bool) if self.n_outputs == 1 else None

    def mean_loss(self, output: Array, encoded: Array, sample_weight: Array | None) -> float:
        """Return the mean loss of the network's output, without penalty."""
        return mean_loss(self.loss, output, encoded, sample_weight, self.loss_divisor)

    def score(self, output: Array, encoded: Array, sample_weight: Array | None) -> float:
        """Return the accuracy (of whole rows for multilabel) of the network's output."""
        if self.is_multiclass:
            correct = output.argmax(axis=1) == encoded
        elif self.n_outputs == 1:
            correct = self._is_positive(output[:, 0]) == encoded[:, 0]
        else:
            correct = ((output > 0.5) == (encoded > 0.5)).all(axis=1)
        return float(np.average(correct, weights=sample_weight))

    def labels(self, output: Array) -> Any:
        """Return the labels that the network's output stands for."""
        if self.is_multilabel:
            return self.binarizer.inverse_transform(output)  # sparse if y was
        if self.is_multiclass:
            return self.classes[output.argmax(axis=1)]
        return self.classes[self._is_positive(output[:, 0])]

    def _is_positive(self, probability: Array) -> Array:
        """Return 0 or 1; always 0 if there is but one class."""
        return ((probability > 0.5) & (len(self.classes) > 1)).astype(np.intp)


class RealTargets:
    """Numbers to be predicted, one or several a row."""

    def __init__(self, loss: str, n_outputs: int, output_activation: str | None = None) -> None:
        self.loss = loss
        self.n_outputs = n_outputs
        self.out_activation = "exp" if loss == "poisson" else OUTPUT_ACTIVATIONS[output_activation or "identity"]
        if output_activation not in (None, "exp") and loss == "poisson":
            raise ValueError(f"loss='poisson' requires output_activation 'exp' or None, got {output_activation!r}.")
        # scikit-learn reports the mean over outputs of the squared error, though it descends the sum
        self.loss_divisor = n_outputs if loss == "squared_error" else 1

    def encode(self, y: Array, dtype: str) -> Array:
        """Return y as (rows, n_outputs) of `dtype`."""
        if y.dtype.kind not in "biuf":
            raise ValueError(f"y must hold numbers, got an array of {y.dtype}.")
        if self.loss == "poisson" and np.min(y) < 0:
            raise ValueError(f"loss='poisson' requires y >= 0, got a minimum of {np.min(y)}.")
        with np.errstate(over="ignore"):
            encoded = np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)
        if encoded.dtype != y.dtype and not np.isfinite(encoded).all():
            raise ValueError(f"Input y contains a value too large for dtype('{dtype}').")
        return encoded

    def strata(self, encoded: Array) -> None:
        """Return None: the validation split of numbers is not stratified."""

    def mean_loss(self, output: Array, encoded: Array, sample_weight: Array | None) -> float:
        """Return the mean loss of the network's output, without penalty."""
        return mean_loss(self.loss, output, encoded, sample_weight, self.loss_divisor)

    def score(self, output: Array, encoded: Array, sample_weight: Array | None) -> float:
        """Return R^2, or NaN where a prediction is not finite."""
        if not np.isfinite(output).all():
            return float("nan")
        return float(r2_score(encoded, output, sample_weight=sample_weight))


Targets = ClassTargets | RealTargets
