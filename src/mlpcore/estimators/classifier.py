"""MLPClassifier: a multilayer perceptron for classes, with scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_expit, log_softmax
from sklearn.base import ClassifierMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import compute_sample_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)

from mlpcore import _core
from mlpcore.estimators._callbacks import with_callbacks
from mlpcore.estimators._checking import (
    checked_rows_and_y,
    checked_validation_rows,
    unchanged_on_error,
    with_usable_sum,
)
from mlpcore.estimators._documentation import with_shared_parts
from mlpcore.estimators._initial import Parameters
from mlpcore.estimators._multilayer import MultilayerPerceptron
from mlpcore.estimators._recording import Network
from mlpcore.estimators._targets import Array, ClassTargets, fitted_binarizer


@with_shared_parts
class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """Multilayer perceptron for classes: binary, multiclass or multilabel.

    Minimises the cross-entropy, behind a softmax for more than two classes and behind logistic
    outputs otherwise. Parameters, attributes, messages and, for the same `random_state`, the
    weights after each epoch are those of scikit-learn's class of the same name.

    Parameters
    ----------
    {scikit_learns_parameters}
    {further_parameters}
    class_weight : dict, list of dict, 'balanced' or None, default=None
        Factor of the weight of each class's rows in training: as ``{label: factor}``, one such dict for each column
        of a multilabel y, or 'balanced' for ``n_samples / (n_classes * rows of the class)``. Scores and losses of
        validation rows go without it.
    loss : {'log_loss', 'focal', 'hinge'}, default='log_loss'
        'log_loss' is the cross-entropy. 'focal' multiplies each of its terms by ``(1 - p) ** focal_gamma``, p being
        the probability of the truth, which turns to rows that are hard. 'hinge' is ``sum(max(0, 1 - s * z))`` of
        linear outputs z, s being 1 for the row's class and -1 for others; it has `decision_function` instead of
        `predict_proba`.
    focal_gamma : float >= 0, default=2.0
        Of the focal loss.
    label_smoothing : float in [0, 1), default=0.0
        Share of the truth that the log losses spread over all classes; 'hinge' has none. The focal loss of two classes
        or of a multilabel y takes p as that of the smoothed truth t, ``t * p + (1 - t) * (1 - p)``, as Keras' does.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels in the order of `predict_proba`'s columns.
    {attributes}

    See Also
    --------
    MLPRegressor : The same for numbers.

    Notes
    -----
    A call that raises leaves the estimator as it was. `predict`, `predict_proba` and
    `predict_log_proba` may be called from several threads at once. `partial_fit` goes on with the
    solver's settings that it began with: changed ones take effect at the next `fit`, or with another `solver`.

    References
    ----------
    D. P. Kingma and J. Ba, "Adam: A method for stochastic optimization", 2014, arXiv:1412.6980.
    X. Glorot and Y. Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpcore import MLPClassifier
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> y = ["even", "odd", "odd", "even"]
    >>> model = MLPClassifier((8,), "tanh", solver="lbfgs", random_state=0).fit(X, y)
    >>> [str(label) for label in model.predict(X)]
    ['even', 'odd', 'odd', 'even']
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MultilayerPerceptron._parameter_constraints,
        "class_weight": [StrOptions({"balanced"}), dict, list, None],
        "loss": [StrOptions({"log_loss", "focal", "hinge"})],
        "focal_gamma": [Interval(Real, 0, None, closed="left")],
        "label_smoothing": [Interval(Real, 0, 1, closed="left")],
    }

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        n_threads: int | None = None,
        dtype: str | None = None,
        kernel_initializer: str | None = None,
        learning_rate_final: float = 1e-6,
        n_iter_warmup: float = 0,
        scoring: str | Callable[..., float] | None = None,
        max_time: float | None = None,
        divergence: str = "raise",
        resume: bool = False,
        pickle_optimizer: bool = True,
        dropout: Any = 0.0,
        l1: float = 0.0,
        clip_norm: float | None = None,
        weight_decay: float = 0.01,
        rho: float = 0.9,
        class_weight: Any = None,
        loss: str = "log_loss",
        focal_gamma: float = 2.0,
        label_smoothing: float = 0.0,
        mixed_precision: str | None = None,
    ) -> None:
        self._remember(locals())

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    @with_callbacks  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> MLPClassifier:
        """Fit the model to rows X and their classes y.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Not copied if it is C-contiguous or CSR and float32 or float64, which is then the type of the
            weights too. CSC is converted to CSR once; nothing is made dense.
        y : array-like of shape (n_samples,), or indicators of shape (n_samples, n_classes)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        X_val, y_val : array-likes of shape (n_val, ...), default=None
            Rows to validate on after each epoch, instead of a part of X: for `validation_loss_curve_`,
            `validation_scores_` and `early_stopping`. In a Pipeline, ``transform_input=["X_val"]`` transforms them.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weight of each validation row.

        Returns
        -------
        self : MLPClassifier

        Raises
        ------
        ValueError
            For NaN, infinity or wrong shapes, and if the weights blow up.
        """
        self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)
        return self

    @available_if(lambda self: self._has_partial_fit())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> MLPClassifier:
        """Train for one epoch more on the given rows; for the stochastic solvers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or indicators of shape (n_samples, n_classes)
            Need not hold every class.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.
        classes : array-like of shape (n_classes,), default=None
            All classes that will ever come; required in the first call only.

        Returns
        -------
        self : MLPClassifier

        Raises
        ------
        ValueError
            As `fit`, and for a label that is not among the classes.
        """
        with unchanged_on_error(self):
            if _check_partial_fit_first_call(self, classes):
                is_multilabel = type_of_target(y).startswith("multilabel")
                self._label_binarizer = LabelBinarizer().fit(y if is_multilabel else classes)
            self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> Any:
        """Return the most probable class of each row.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Labels as they came in y; indicators for multilabel.
        """
        output = self._output(X)
        return self._fitted_targets().labels(output)

    @available_if(lambda self: _checked_loss(self, "predict_proba", self.loss != "hinge"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        self._check_fitted()
        if self._fitted_targets().n_outputs > 1:
            return self._output(X)
        z = self._output(X, out_activation="identity")
        both = np.hstack([-z, z])  # 1 - p would lose small probabilities
        return _core.kernels.activation(both, "logistic")

    @available_if(lambda self: _checked_loss(self, "predict_log_proba", self.loss != "hinge"))  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class, finite however small that is.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        p: Array = self.predict_proba(X)
        is_zero = p == 0
        log_p = np.log(p, where=~is_zero, out=p)
        if is_zero.any():  # too small for the dtype; its logarithm is not
            z = self._output(X, out_activation="identity")
            exact = (
                log_softmax(z, axis=1)
                if self._fitted_targets().is_multiclass
                else (log_expit(np.hstack([-z, z]) if z.shape[1] == 1 else z))
            )
            log_p[is_zero] = exact[is_zero]
        return log_p

    @available_if(lambda self: _checked_loss(self, "decision_function", self.loss == "hinge"))  # type: ignore[untyped-decorator]
    def decision_function(self, X: Any) -> Array:
        """Return the linear outputs of a network that was fitted with the hinge loss.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Positive where `predict` says yes; a single column for two classes.
        """
        z: Array = self._output(X)
        return z.ravel() if self._fitted_targets().n_outputs == 1 else z

    def _check_rows_and_targets(
        self, X: Any, y: Any, *, dtype: Any, first: bool, incremental: bool
    ) -> tuple[Any, Array, ClassTargets]:
        X, y = checked_rows_and_y(self, X, y, dtype=dtype, reset=first)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = fitted_binarizer(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_known_classes(unique_labels(y))
        return X, y, self._fitted_targets()

    def _check_validation(self, X: Any, y: Any, like: Array, dtype: Any) -> tuple[Any, Array]:
        X, y = checked_validation_rows(self, X, y, like, dtype=dtype)
        kind = type_of_target(y)
        if kind.startswith("continuous"):
            raise ValueError(f"y_val must hold class labels, got a target of type {kind!r}.")
        if y.ndim == 2 and kind != "multilabel-indicator":
            raise ValueError(f"y_val must hold indicators 0 and 1 as y does, got a target of type {kind!r}.")
        unknown = np.setdiff1d(unique_labels(y), self.classes_)
        if len(unknown):
            raise ValueError(f"`y_val` has classes that `y` has not: {unknown}.")
        return X, y

    def _training_weight(self, y: Array, sample_weight: Array | None, dtype: str, incremental: bool) -> Array | None:
        if self.class_weight is None:
            return sample_weight
        if incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit, which does not see all rows. Pass "
                "sklearn.utils.class_weight.compute_class_weight's result as a dict."
            )
        class_weight = _of_present_classes(self.class_weight, y) if incremental else self.class_weight
        with np.errstate(over="ignore", invalid="ignore"):
            weight: Array = compute_sample_weight(class_weight, y).astype(dtype)
            weight = weight if sample_weight is None else weight * sample_weight
        return with_usable_sum(weight, "class_weight")

    def _check_known_classes(self, classes: Array) -> None:
        if self.warm_start:
            if set(classes) != set(self.classes_):
                raise ValueError(
                    "warm_start can only be used where `y` has the same "
                    "classes as in the previous call to fit. Previously "
                    f"got {self.classes_}, `y` has {classes}"
                )
        elif len(np.setdiff1d(classes, self.classes_, assume_unique=True)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {classes}."
            )

    def _prepared(self, network: Network, parameters: Parameters) -> Callable[[Array], Array]:
        if (
            network.widths[-1] == 1 and network.activations[-1] == "logistic"
        ):  # probabilities of two classes: -z beside z
            network = network._replace(widths=(*network.widths[:-1], 2))
            parameters = [*parameters[:-2], *(np.concatenate([-p, p], axis=-1) for p in parameters[-2:])]
        return super()._prepared(network, parameters)

    def _network_key(self) -> tuple[Any, ...]:
        return self.loss, self._label_binarizer.y_type_, len(self.classes_)

    def _fitted_targets(self) -> ClassTargets:
        return ClassTargets(self._label_binarizer, self.loss, self.focal_gamma, self.label_smoothing)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _checked_loss(estimator: MLPClassifier, method: str, has_it: bool) -> bool:
    if not has_it:
        raise AttributeError(f"loss={estimator.loss!r} has no {method}.")
    return True


def _of_present_classes(class_weight: Any, y: Array) -> Any:
    """Return the weights of the classes that a batch holds, for one column of labels or for several."""
    if isinstance(class_weight, dict):
        present = set(np.unique(y))
        return {label: weight for label, weight in class_weight.items() if label in present}
    return [_of_present_classes(weights, column) for weights, column in zip(class_weight, y.T, strict=True)]
