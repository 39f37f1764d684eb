"""The Perceptron with scikit-learn's interface: a single layer of threshold logic units."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any, ClassVar
from warnings import warn

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import BaseEstimator, _fit_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model._base import LinearClassifierMixin, SparseCoefMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlpcore.estimators._checking import unchanged_on_error
from mlpcore.estimators._perceptron_start import Array, checked_weights, first_parameters
from mlpcore.estimators._perceptron_targets import (
    check_indicator,
    check_signs,
    class_weights,
    dense_targets,
    unit_masks,
)
from mlpcore.estimators._perceptron_units import Unit, train_units
from mlpcore.estimators._saving import SavingMixin


class Perceptron(SavingMixin, LinearClassifierMixin, SparseCoefMixin, BaseEstimator):
    """Linear classifier of threshold logic units (TLUs), trained by the perceptron rule.

    A unit computes ``z = x @ w + b`` and fires where z is positive. A row that it gets wrong, or for
    which z is 0, moves it by ``w += eta0 * y * x``, ``b += eta0 * y`` with y = +1 where it should fire
    and -1 elsewhere. Two classes take one unit, more classes one unit each (one versus rest, the
    largest z wins), a 2-D y one unit per column.

    Parameters, attributes, messages and, for the same `random_state`, the weights are those of
    scikit-learn's class of the same name.

    Parameters
    ----------
    penalty : {'l2', 'l1', 'elasticnet'} or None, default=None
        Penalty on the weights, the intercept excepted.
    alpha : float >= 0, default=1e-4
        Factor of the penalty.
    l1_ratio : float in [0, 1], default=0.15
        Share of L1 in 'elasticnet'.
    fit_intercept : bool, default=True
        Whether units have an intercept.
    max_iter : int >= 1, default=1000
        Most epochs of `fit`; `partial_fit` always makes one.
    tol : float >= 0 or None, default=1e-3
        An epoch is a bad one if the mean loss (penalty included) is above the best so far less `tol`,
        or, with `early_stopping`, the score is below the best plus `tol`. None never stops.
    shuffle : bool, default=True
        Whether to go through the rows in a new order each epoch.
    verbose : int, default=0
        Above 0, each epoch prints a line per unit.
    eta0 : float > 0, default=1.0
        Learning rate.
    n_jobs : int or None, default=None
        Units that train side by side, in threads; the results do not depend on it. None is 1 unless
        `joblib.parallel_config` says otherwise, -1 every processor.
    random_state : int, RandomState instance or None, default=0
        Draws the orders of rows and the validation rows.
    early_stopping : bool, default=False
        Whether to keep `validation_fraction` of the rows back and to stop by the accuracy on them.
    validation_fraction : float in (0, 1), default=0.1
        Part kept back, stratified by class (at random for a 2-D y).
    n_iter_no_change : int >= 1, default=5
        Training stops after this many bad epochs in a row.
    class_weight : dict {label: weight}, 'balanced' or None, default=None
        Factor of the updates by rows of a class; 'balanced' is
        ``n_samples / (n_classes * count of the class)``. A column of a 2-D y is the class of the rows
        it should fire for.
    warm_start : bool, default=False
        Whether `fit` starts from the present weights.
    step : {'heaviside', 'sign'} or None, default=None
        What `predict` makes of z; training and `decision_function` do not depend on it.

        ===========  ==========================  =====================  =====================
        step         labels of two classes       2-D y                  where z is 0
        ===========  ==========================  =====================  =====================
        None         ``classes_[z > 0]``         ``z > 0`` as 0, 1      does not fire
        'heaviside'  ``classes_[z >= 0]``        ``z >= 0`` as 0, 1     fires
        'sign'       ``sgn(z)``: -1, 0, +1       ``sgn(z)``             0: undecided
        ===========  ==========================  =====================  =====================

        'sign' therefore asks for targets -1 and +1 (and a 0 never counts as right in `score`). With
        more than two classes the largest z wins and 'heaviside' changes nothing.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels; ``arange(m)`` for a 2-D y of m columns.
    coef_ : ndarray of shape (1, n_features) or (n_units, n_features)
        Weights, one row per unit. May be set by hand, with `intercept_` and `classes_`.
    intercept_ : ndarray of shape (1,) or (n_units,)
        Intercepts.
    n_iter_ : int
        Epochs of the last fit, the most of any unit.
    t_ : float
        Rows seen by a unit, plus 1: ``n_iter_ * n_samples + 1``.
    outputs_2d_ : bool
        Whether y had a column per unit.
    n_features_in_ : int
        Width of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of X's columns, where all are strings.

    See Also
    --------
    MLPClassifier : Several layers, for what no single layer can separate.

    Notes
    -----
    Dense X without penalty gives scikit-learn's weights bit for bit (on processors where both were
    compiled without fused multiply-add, else where ``eta0`` times the weights is a power of two), the
    rest to rounding. One difference is meant: with a penalty and sparse X, scikit-learn 1.9 puts only
    the weights that a row touches into the objective that decides when to stop; here it has all of
    them, as it does for dense X. As in scikit-learn, the intercept learns at 0.01 of the rate if X is
    sparse, and the score of `early_stopping` sees the weights before the scale that an L2 penalty
    gives them is applied.

    A large dense X is kept as 8-bit codes too for the time of a fit of many epochs and units (an
    eighth of the memory of float64): where they make the sign of z certain, X itself is not read.

    References
    ----------
    F. Rosenblatt, "The perceptron: a probabilistic model for information storage and organization in
    the brain", Psychological Review 65, 1958.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpcore import Perceptron
    >>> X = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    >>> Perceptron().fit(X, [0, 0, 0, 1]).predict(X)
    array([0, 0, 0, 1])
    >>> both = np.array([[0, 0], [0, 1], [0, 1], [1, 1]])  # a unit for AND, a unit for OR
    >>> Perceptron().fit(X, both).predict(X)
    array([[0, 0],
           [0, 1],
           [0, 1],
           [1, 1]])
    """

    _parameter_constraints: ClassVar[dict[str, Any]] = {
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "shuffle": ["boolean"],
        "verbose": ["verbose"],
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "warm_start": ["boolean"],
        "step": [StrOptions({"heaviside", "sign"}), None],
    }

    def __init__(
        self,
        *,
        penalty: str | None = None,
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        eta0: float = 1.0,
        n_jobs: int | None = None,
        random_state: Any = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: Any = None,
        warm_start: bool = False,
        step: str | None = None,
    ) -> None:
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.eta0 = eta0
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.step = step

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(
        self,
        X: Any,
        y: Any,
        coef_init: ArrayLike | None = None,
        intercept_init: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Perceptron:
        """Train on the rows X and their targets y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            float32 and float64 are kept, C-contiguous and CSR data not copied.
        y : array-like of shape (n_samples,) or (n_samples, n_units)
            Class labels; or a column of 0 and 1 (of -1 and +1 with ``step='sign'``) for each unit.
        coef_init : array-like of the shape of `coef_`, default=None
            Weights to start from; not changed.
        intercept_init : array-like of the shape of `intercept_`, default=None
            Intercepts to start from; not changed.
        sample_weight : array-like of shape (n_samples,), default=None
            Factor of the updates by each row.

        Returns
        -------
        self : Perceptron

        Raises
        ------
        ValueError
            For NaN, infinity or wrong shapes, for CSR arrays that do not fit together or point outside
            X, for a single class, and if the weights overflow. The estimator is then as it was before.
        """
        with unchanged_on_error(self):
            if self.warm_start and hasattr(self, "coef_"):
                self.densify()
                coef_init = self.coef_ if coef_init is None else coef_init
                intercept_init = self.intercept_ if intercept_init is None else intercept_init
            for name in ("classes_", "coef_", "intercept_"):
                self.__dict__.pop(name, None)
            self.t_ = 1.0
            self._train(X, y, self.max_iter, None, sample_weight, coef_init, intercept_init)
        if self.tol is not None and self.tol > -np.inf and self.n_iter_ == self.max_iter:
            warn(
                "Maximum number of iteration reached before convergence. Consider increasing "
                "max_iter to improve the fit.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return self

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: ArrayLike | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> Perceptron:
        """Train one epoch from the present weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_units)
            Targets as in `fit`; need not have every class.
        classes : array-like of shape (n_classes,), default=None
            Every label there will be, or a name for each column of a 2-D y. Needed in the first call, unless y is 2-D.
        sample_weight : array-like of shape (n_samples,), default=None
            Factor of the updates by each row.

        Returns
        -------
        self : Perceptron

        Raises
        ------
        ValueError
            As in `fit`; for labels not among the classes; in the first call also for
            `early_stopping` and ``class_weight='balanced'``, which need all rows.
        """
        if not hasattr(self, "classes_"):
            if self.early_stopping:
                raise ValueError("early_stopping should be False with partial_fit")
            if self.class_weight == "balanced":
                raise ValueError(
                    "class_weight 'balanced' is not supported for partial_fit. In order to use "
                    "'balanced' weights, use compute_class_weight('balanced', classes=classes, y=y). "
                    "In place of y you can use a large enough sample of the full training set target "
                    "to properly estimate the class frequency distributions. Pass the resulting "
                    "weights as the class_weight parameter."
                )
            if classes is None and not dense_targets(y)[1]:
                raise ValueError("classes must be passed on the first call to partial_fit.")
        with unchanged_on_error(self):
            self._train(X, y, 1, classes, sample_weight, None, None)
        return self

    def _train(
        self,
        X: Any,
        y: Any,
        max_iter: int,
        classes: Any,
        sample_weight: Any,
        coef_init: Any,
        intercept_init: Any,
    ) -> None:
        """Train on top of `coef_`, where there is one, and set what a fit sets."""
        first_call = not hasattr(self, "classes_")
        y, outputs_2d = dense_targets(y)
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            multi_output=outputs_2d,
            reset=first_call,
        )
        if not first_call and (
            outputs_2d != getattr(self, "outputs_2d_", False) or (outputs_2d and y.shape[1] != len(self.classes_))
        ):
            raise ValueError(f"y of shape {y.shape} does not match what the units were trained on.")
        if outputs_2d:
            check_indicator(y, self.step)
            classes = np.arange(y.shape[1]) if classes is None else classes
            if np.size(classes) != y.shape[1]:
                raise ValueError(f"classes must name the {y.shape[1]} columns of y, got {classes}.")
        elif first_call and classes is None:
            classes = np.unique(y)
        _check_partial_fit_first_call(self, classes)
        classes = np.asarray(self.classes_)
        if len(classes) < 2:
            raise ValueError(f"The number of classes has to be greater than one; got {len(classes)} class")
        if self.step == "sign" and not outputs_2d:
            check_signs(classes)

        n_units = 1 if len(classes) == 2 and not outputs_2d else len(classes)
        coef, intercept = first_parameters(self, n_units, X, coef_init, intercept_init)
        if X.dtype != coef.dtype:
            X = X.astype(coef.dtype)
        weight = checked_weights(sample_weight, X, self.early_stopping)
        by_class = class_weights(self.class_weight, y, classes, outputs_2d)
        pairs = [(by_class[1], by_class[0])] if n_units == 1 else [(w, 1.0) for w in by_class]
        units = [
            Unit(coef[i], float(intercept[i]), mask, *pairs[i])
            for i, mask in enumerate(unit_masks(y, classes, outputs_2d))
        ]
        intercepts, n_iter = train_units(self, X, y, weight, units, max_iter)

        self.coef_ = coef
        # A single intercept stays a double, as in scikit-learn.
        self.intercept_ = np.array(intercepts, dtype=np.float64 if n_units == 1 else coef.dtype)
        self.outputs_2d_ = outputs_2d
        self.n_iter_ = n_iter
        self.t_ = getattr(self, "t_", 1.0) + n_iter * X.shape[0]

    def predict(self, X: Any) -> Array:
        """Predict the class of each row, or the output of each unit.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_units)
            By the convention of `step`.

        Raises
        ------
        ValueError
            ``step='sign'`` and the labels are not -1 and +1.
        """
        check_is_fitted(self)
        outputs_2d: bool = getattr(self, "outputs_2d_", False)
        if self.step == "sign" and not outputs_2d:
            check_signs(np.asarray(self.classes_))
        if not outputs_2d and (self.step is None or len(self.classes_) > 2):
            labels: Array = super().predict(X)
            return labels
        z: Array = self.decision_function(X)
        if self.step == "sign":
            return np.sign(z).astype(np.int64 if outputs_2d else self.classes_.dtype)
        fires = (z >= 0 if self.step == "heaviside" else z > 0).astype(np.int64)
        return fires if outputs_2d else self.classes_[fires]

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy: the share of rows predicted right, in every column if y is 2-D.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_units)
            Targets.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        float
        """
        check_is_fitted(self)
        if not getattr(self, "outputs_2d_", False):
            return float(super().score(X, y, sample_weight))
        outputs = self.predict(X)
        targets = np.asarray(dense_targets(y)[0])
        if targets.shape != outputs.shape:
            raise ValueError(f"expected y of shape {outputs.shape}, got {targets.shape}.")
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, outputs)
        return float(np.average((outputs == targets).all(axis=1), weights=weights))

    def __sklearn_tags__(self) -> Any:
        """Return the tags: sparse X and multilabel y are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.classifier_tags.multi_label = True
        return tags
