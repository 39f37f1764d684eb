"""ModelClassifier: a model-building function as a scikit-learn classifier."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from mlpcore.wrappers._model_estimator import Array, ModelEstimator


class ModelClassifier(ClassifierMixin, ModelEstimator):
    """A model-building function as a classifier: for pipelines, searches, cross-validation.

    Parameters
    ----------
    build : callable
        Returns a compiled model. Its parameters are parameters of the classifier too, and so can be searched. Those
        that are also the classifier's own (`epochs`, ...) get the classifier's values. A parameter named ``meta``
        gets a dict with ``n_features_in_``, ``X_shape_``, ``classes_`` and ``n_classes_``.

        The output has one unit per class (softmax; loss "sparse_categorical_crossentropy" or
        "categorical_crossentropy"), or for two classes one unit (sigmoid; loss "binary_crossentropy").
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
    class_weight : dict, "balanced" or None, default=None
        Weights of the classes, by label; they multiply the sample weights.
    warm_start : bool, default=False
        Whether `fit` goes on with the present model.
    random_state : int, RandomState or None, default=None
        Decides initial weights, orders and noise; None: the package's random stream goes on.
    **build_parameters
        Parameters of the function, by name.

    Attributes
    ----------
    model_ : Model
    classes_ : ndarray of shape (n_classes,)
    history_ : dict of str to list of float
        Loss and metrics of each epoch, over all calls of `partial_fit`.
    n_features_in_ : int
    feature_names_in_ : ndarray of str
        Only if X had column names.

    Examples
    --------
    >>> import mlpcore
    >>> from mlpcore.wrappers import ModelClassifier
    >>> from sklearn.datasets import load_iris
    >>> def build_model(width=16, rate=0.01):
    ...     layers = mlpcore.layers
    ...     model = mlpcore.Sequential([layers.Dense(width, "relu"), layers.Dense(3, "softmax")])
    ...     adam = mlpcore.optimizers.Adam(rate)
    ...     model.compile(loss="sparse_categorical_crossentropy", optimizer=adam)
    ...     return model
    >>> classifier = ModelClassifier(build_model, epochs=30, random_state=0, width=8)
    >>> classifier.get_params()["width"], classifier.get_params()["rate"]
    (8, 0.01)
    >>> X, y = load_iris(return_X_y=True)
    >>> bool(classifier.fit(X, y).score(X, y) > 0.8)
    True
    """

    def __init__(
        self,
        build: Callable[..., Any] | None = None,
        *,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = 0,
        callbacks: Any = None,
        validation_split: float = 0.0,
        shuffle: bool = True,
        class_weight: Any = None,
        warm_start: bool = False,
        random_state: Any = None,
        **build_parameters: Any,
    ) -> None:
        self.class_weight = class_weight
        super().__init__(
            build,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            validation_split=validation_split,
            shuffle=shuffle,
            warm_start=warm_start,
            random_state=random_state,
            **build_parameters,
        )

    def fit(self, X: Any, y: Any, sample_weight: Any = None, **fit_arguments: Any) -> Any:
        """Build a model and train it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or of more axes
        y : array-like of shape (n_samples,)
            Labels of any kind.
        sample_weight : array-like of shape (n_samples,), default=None
        **fit_arguments
            Further arguments of the model's `fit`; the labels in `validation_data` are like y.

        Returns
        -------
        ModelClassifier
        """
        return self._fit(X, y, sample_weight, self._is_first(), self.epochs, fit_arguments)

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, **fit_arguments: Any) -> Any:
        """Train the present model, or a new one, for one epoch.

        Parameters
        ----------
        X, y, sample_weight, **fit_arguments
            As for `fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that there will be; needed in the first call unless y has them all.

        Returns
        -------
        ModelClassifier
        """
        first = not hasattr(self, "model_")
        self._announced = None if classes is None else np.unique(classes)
        try:
            if not first and self._announced is not None and not np.array_equal(self._announced, self.classes_):
                raise ValueError(
                    f"classes={classes!r} are not those of the first call to partial_fit, {self.classes_}."
                )
            return self._fit(X, y, sample_weight, first, 1, fit_arguments)
        finally:
            del self._announced

    def _checked_y(self, X: Any, y: Any, first: bool) -> tuple[Array, Array]:
        X, y = validate_data(self, X, y, dtype=np.float32, reset=first, allow_nd=True)
        check_classification_targets(y)
        y = column_or_1d(y, warn=True)
        return X, y

    def _targets(self, y: Array, first: bool) -> Array:
        """Return the index of each label in `classes_`."""
        if first:
            announced = getattr(self, "_announced", None)
            self.classes_ = np.unique(y) if announced is None else announced
            self.n_classes_ = len(self.classes_)
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ValueError(f"y has labels that are none of the classes {self.classes_}: {unknown}.")
        if first and self.n_classes_ < 2:
            raise ValueError(f"a classifier needs at least two classes, y has 1 class: {self.classes_}.")
        indices: Array = np.searchsorted(self.classes_, y).astype(np.int32)
        return indices

    def _shaped(self, targets: Array) -> Array:
        loss = getattr(self.model_, "loss", None)
        name = loss if isinstance(loss, str) else getattr(loss, "name", None) or getattr(loss, "__name__", "")
        if name == "categorical_crossentropy":
            return np.eye(self.n_classes_, dtype=np.float32)[targets]
        if "sparse" in str(name):
            return targets
        return targets.astype(np.float32)[:, None]

    def _weights(self, y: Array, sample_weight: Any, X: Array) -> Array | None:
        weights = super()._weights(y, sample_weight, X)
        if self.class_weight is None:
            return weights
        of_class = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        of_row: Array = of_class[np.searchsorted(self.classes_, y)].astype(np.float32)
        return of_row if weights is None else of_row * weights

    def _meta(self, X: Array, targets: Array) -> dict[str, Any]:
        return {**super()._meta(X, targets), "classes_": self.classes_, "n_classes_": self.n_classes_}

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or of more axes

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
        """
        outputs = self._outputs(X)
        if outputs.shape[1] == 1 and self.n_classes_ == 2:
            return np.hstack([1 - outputs, outputs])
        if outputs.shape[1] != self.n_classes_:
            raise ValueError(
                f"the model has {outputs.shape[1]} outputs for {self.n_classes_} classes: "
                f"let build's meta parameter tell it n_classes_."
            )
        return outputs

    def predict(self, X: Any) -> Array:
        """Return the most probable label of each row.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features) or of more axes

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self, "model_")
        labels: Array = self.classes_[np.argmax(self.predict_proba(X), axis=1)]
        return labels
