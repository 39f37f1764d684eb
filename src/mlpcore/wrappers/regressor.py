"""ModelRegressor: a model-building function as a scikit-learn regressor."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import validate_data

from mlpcore.wrappers._model_estimator import Array, ModelEstimator


class ModelRegressor(RegressorMixin, ModelEstimator):
    """A model-building function as a regressor: for pipelines, searches, cross-validation.

    Parameters
    ----------
    build : callable
        Returns a compiled model with one output unit per target. Its parameters are parameters of the regressor too,
        and so can be searched. Those that are also the regressor's own (`epochs`, ...) get the regressor's values. A
        parameter named ``meta`` gets a dict with ``n_features_in_``, ``X_shape_`` and ``n_outputs_``.
    batch_size : int, default=None
        None: 32.
    epochs : int, default=1
        Epochs of a `fit`.
    verbose : int or str, default=0
        Of the model's `fit`.
    callbacks : list of callbacks, default=None
        Each `fit` gets copies.
    validation_split : float, default=0.0
        Share of the rows, the last ones, to validate on.
    shuffle : bool, default=True
    warm_start : bool, default=False
        Whether `fit` goes on with the present model.
    random_state : int, RandomState or None, default=None
        Decides initial weights, orders and noise; None: the package's random stream goes on.
    **build_parameters
        Parameters of the function, by name.

    Attributes
    ----------
    model_ : Model
    history_ : dict of str to list of float
        Loss and metrics of each epoch, over all calls of `partial_fit`.
    n_outputs_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had column names.

    Examples
    --------
    >>> import mlpcore
    >>> from mlpcore.wrappers import ModelRegressor
    >>> def build_model(width=16):
    ...     layers = mlpcore.layers
    ...     model = mlpcore.Sequential([layers.Dense(width, "relu"), layers.Dense(1)])
    ...     model.compile(loss="mse", optimizer="adam")
    ...     return model
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]
    >>> regressor = ModelRegressor(build_model, epochs=5, random_state=0)
    >>> regressor.fit(X, y).predict(X).shape
    (4,)
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_arguments: Any) -> Any:
        """Build a model and train it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or of more axes
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
        **fit_arguments
            Further arguments of the model's `fit`.

        Returns
        -------
        ModelRegressor
        """
        return self._fit(X, y, sample_weight, self._is_first(), self.epochs, fit_arguments)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_arguments: Any) -> Any:
        """Train the present model, or a new one, for one epoch.

        Parameters
        ----------
        X, y, sample_weight, **fit_arguments
            As for `fit`.

        Returns
        -------
        ModelRegressor
        """
        return self._fit(X, y, sample_weight, not hasattr(self, "model_"), 1, fit_arguments)

    def _checked_y(self, X: Any, y: Any, first: bool) -> tuple[Array, Array]:
        X, y = validate_data(
            self, X, y, dtype=np.float32, reset=first, allow_nd=True, multi_output=True, y_numeric=True
        )
        return X, y

    def _targets(self, y: Array, first: bool) -> Array:
        if first:
            self.n_outputs_ = 1 if y.ndim == 1 else y.shape[1]
            self._one_dimensional = y.ndim == 1
        targets: Array = np.asarray(y, dtype=np.float32)
        return targets[:, None] if targets.ndim == 1 else targets

    def _meta(self, X: Array, targets: Array) -> dict[str, Any]:
        return {**super()._meta(X, targets), "n_outputs_": self.n_outputs_}

    def predict(self, X: Any) -> Array:
        """Return the model's output.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or of more axes

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs), float32
            As y was in `fit`.
        """
        outputs = self._outputs(X)
        return outputs[:, 0] if self._one_dimensional and outputs.shape[1] == 1 else outputs

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn should know of the estimator."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
