"""Multilayer perceptrons with scikit-learn's interface: MLPClassifier and MLPRegressor."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, log_expit, log_softmax
from sklearn.base import ClassifierMixin, RegressorMixin, _fit_context
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    _check_partial_fit_first_call,
    type_of_target,
    unique_labels,
)
from sklearn.utils.validation import validate_data

from mlpcore.estimators._checking import unchanged_on_error
from mlpcore.estimators._multilayer import MultilayerPerceptron
from mlpcore.estimators._targets import Array, ClassTargets, RealTargets, fitted_binarizer


class MLPClassifier(ClassifierMixin, MultilayerPerceptron):
    """Multilayer perceptron for classes: binary, multiclass or multilabel.

    Minimises the cross-entropy, behind a softmax for more than two classes and behind logistic
    outputs otherwise. Parameters, attributes, messages and, for the same `random_state`, the
    weights after each epoch are those of scikit-learn's class of the same name.

    Parameters
    ----------
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer, first to last.
    activation : {'identity', 'logistic', 'tanh', 'relu'}, default='relu'
        Activation of the hidden layers.
    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
        'sgd' is gradient descent with momentum, 'adam' the method of Kingma and Ba; both go through
        the rows in mini-batches. 'lbfgs' is SciPy's L-BFGS-B on all rows at once.
    alpha : float >= 0, default=1e-4
        L2 penalty of the kernels: ``0.5 * alpha * sum(W**2) / S`` is added to a batch's loss, S being
        its rows or the sum of their weights.
    batch_size : int >= 1 or 'auto', default='auto'
        Rows of a mini-batch; 'auto' is ``min(200, n_samples)``.
    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        Only for 'sgd'. 'invscaling' sets ``learning_rate_init / (t_ + 1) ** power_t`` after each
        epoch; 'adaptive' divides the rate by 5 whenever the training would stop, until it is 1e-6.
    learning_rate_init : float > 0, default=1e-3
        First learning rate of 'sgd' and 'adam'.
    power_t : float >= 0, default=0.5
        Exponent of 'invscaling'.
    max_iter : int >= 1, default=200
        Most epochs ('sgd', 'adam') or iterations ('lbfgs').
    shuffle : bool, default=True
        Whether to go through the rows in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws the first weights, the validation split and the orders of rows. The same number gives
        scikit-learn's trajectory.
    tol : float >= 0, default=1e-4
        An epoch that does not improve the loss (or the validation score) by this much is a bad one.
    verbose : bool or int, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Whether `fit` starts from the present weights.
    momentum : float in [0, 1], default=0.9
        Of 'sgd'.
    nesterovs_momentum : bool, default=True
        Whether the momentum of 'sgd' is Nesterov's.
    early_stopping : bool, default=False
        Whether to keep `validation_fraction` of the rows back, to stop by the score on them and to
        end with the weights of the best score.
    validation_fraction : float in [0, 1), default=0.1
        Part of the rows that `early_stopping` keeps back, stratified if there are two classes.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay of Adam's first and second moment.
    epsilon : float > 0, default=1e-8
        Added to the root of Adam's second moment.
    n_iter_no_change : int >= 1 or inf, default=10
        Training stops after more than this many bad epochs in a row.
    max_fun : int >= 1, default=15000
        Most evaluations of the loss by 'lbfgs'.
    n_threads : int >= 1 or None, default=None
        Threads to train and predict with; the results do not depend on it. None takes what the
        process may use: its affinity, ``OMP_NUM_THREADS``, threadpoolctl's limit.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels in the order of `predict_proba`'s columns.
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Kernel of each layer. May be replaced or edited; `predict` uses what is there.
    intercepts_ : list of ndarray of shape (fan_out,)
        Bias of each layer.
    loss_ : float
        Loss of the last epoch, penalty included.
    loss_curve_ : list of float
        Loss of each epoch ('sgd', 'adam').
    best_loss_ : float or None
        Smallest loss so far; None with `early_stopping`.
    validation_scores_ : list of float or None
        Accuracy on the validation rows after each epoch, with `early_stopping`.
    best_validation_score_ : float or None
        Largest of them.
    n_iter_ : int
        Epochs or iterations of the last fit.
    t_ : int
        Rows trained on so far.
    n_layers_, n_outputs_ : int
        Layers, input and output included, and width of the output.
    out_activation_ : str
        Activation of the output.
    n_features_in_ : int
        Width of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of X's columns, where all are strings.

    See Also
    --------
    MLPRegressor : The same for numbers.

    Notes
    -----
    A call that raises leaves the estimator as it was. `predict`, `predict_proba` and
    `predict_log_proba` may be called from several threads at once. `partial_fit` goes on with the
    solver it began with: changed hyperparameters of the solver take effect at the next `fit`.

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

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = dict(MultilayerPerceptron._parameter_constraints)
    loss = "log_loss"

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
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
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> MLPClassifier:
        """Fit the model to rows X and their classes y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Not copied if it is C-contiguous and float32 or float64, which is then the type of the
            weights too.
        y : array-like of shape (n_samples,), or indicators of shape (n_samples, n_classes)
            Class labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        self : MLPClassifier

        Raises
        ------
        ValueError
            For NaN, infinity or wrong shapes, and if the weights blow up.
        """
        self._fit(X, y, sample_weight, incremental=False)
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
        """Train for one epoch more on the given rows; only for 'sgd' and 'adam'.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
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
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            Labels as they came in y; indicators for multilabel.
        """
        output = self._output(X)
        return self._fitted_targets().labels(output)

    def predict_proba(self, X: Any) -> Array:
        """Return the probability of each class.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        self._check_fitted()
        if self._fitted_targets().n_outputs > 1:
            return self._output(X)
        z = self._output(X, out_activation="identity")
        return np.hstack([expit(-z), expit(z)])  # 1 - p would lose small probabilities

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithm of the probability of each class, finite however small that is.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            Columns in the order of `classes_`.
        """
        p = self.predict_proba(X)
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

    def _check_rows_and_targets(
        self, X: Any, y: Any, *, dtype: Any, first: bool, incremental: bool
    ) -> tuple[Array, Array, ClassTargets]:
        X, y = validate_data(self, X, y, multi_output=True, dtype=dtype, order="C", reset=first)
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = fitted_binarizer(y)
            self.classes_ = self._label_binarizer.classes_
        else:
            self._check_known_classes(unique_labels(y))
        return X, y, self._fitted_targets()

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

    def _fitted_targets(self) -> ClassTargets:
        return ClassTargets(self._label_binarizer)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """Multilayer perceptron for one or several numbers per row.

    Minimises half the squared error, or half the Poisson deviance behind exponential outputs.
    Parameters, attributes, messages and, for the same `random_state`, the weights after each epoch
    are those of scikit-learn's class of the same name.

    Parameters
    ----------
    loss : {'squared_error', 'poisson'}, default='squared_error'
        Half the squared error ``0.5 * (p - y)**2``, or ``y * log(y / p) - y + p`` with
        ``p = exp(output)``, which requires y >= 0.
    hidden_layer_sizes : int or array-like of int, default=(100,)
        Units of each hidden layer, first to last.
    activation : {'identity', 'logistic', 'tanh', 'relu'}, default='relu'
        Activation of the hidden layers.
    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
        'sgd' is gradient descent with momentum, 'adam' the method of Kingma and Ba; both go through
        the rows in mini-batches. 'lbfgs' is SciPy's L-BFGS-B on all rows at once.
    alpha : float >= 0, default=1e-4
        L2 penalty of the kernels: ``0.5 * alpha * sum(W**2) / S`` is added to a batch's loss, S being
        its rows or the sum of their weights.
    batch_size : int >= 1 or 'auto', default='auto'
        Rows of a mini-batch; 'auto' is ``min(200, n_samples)``.
    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        Only for 'sgd'. 'invscaling' sets ``learning_rate_init / (t_ + 1) ** power_t`` after each
        epoch; 'adaptive' divides the rate by 5 whenever the training would stop, until it is 1e-6.
    learning_rate_init : float > 0, default=1e-3
        First learning rate of 'sgd' and 'adam'.
    power_t : float >= 0, default=0.5
        Exponent of 'invscaling'.
    max_iter : int >= 1, default=200
        Most epochs ('sgd', 'adam') or iterations ('lbfgs').
    shuffle : bool, default=True
        Whether to go through the rows in a new order each epoch.
    random_state : int, RandomState instance or None, default=None
        Draws the first weights, the validation split and the orders of rows. The same number gives
        scikit-learn's trajectory.
    tol : float >= 0, default=1e-4
        An epoch that does not improve the loss (or the validation score) by this much is a bad one.
    verbose : bool or int, default=False
        Whether to print the loss of each epoch.
    warm_start : bool, default=False
        Whether `fit` starts from the present weights.
    momentum : float in [0, 1], default=0.9
        Of 'sgd'.
    nesterovs_momentum : bool, default=True
        Whether the momentum of 'sgd' is Nesterov's.
    early_stopping : bool, default=False
        Whether to keep `validation_fraction` of the rows back, to stop by the score on them and to
        end with the weights of the best score.
    validation_fraction : float in [0, 1), default=0.1
        Part of the rows that `early_stopping` keeps back.
    beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
        Decay of Adam's first and second moment.
    epsilon : float > 0, default=1e-8
        Added to the root of Adam's second moment.
    n_iter_no_change : int >= 1 or inf, default=10
        Training stops after more than this many bad epochs in a row.
    max_fun : int >= 1, default=15000
        Most evaluations of the loss by 'lbfgs'.
    n_threads : int >= 1 or None, default=None
        Threads to train and predict with; the results do not depend on it. None takes what the
        process may use: its affinity, ``OMP_NUM_THREADS``, threadpoolctl's limit.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Kernel of each layer. May be replaced or edited; `predict` uses what is there.
    intercepts_ : list of ndarray of shape (fan_out,)
        Bias of each layer.
    loss_ : float
        Loss of the last epoch, penalty included.
    loss_curve_ : list of float
        Loss of each epoch ('sgd', 'adam').
    best_loss_ : float or None
        Smallest loss so far; None with `early_stopping`.
    validation_scores_ : list of float or None
        R^2 on the validation rows after each epoch, with `early_stopping`.
    best_validation_score_ : float or None
        Largest of them.
    n_iter_ : int
        Epochs or iterations of the last fit.
    t_ : int
        Rows trained on so far.
    n_layers_, n_outputs_ : int
        Layers, input and output included, and width of the output.
    out_activation_ : str
        Activation of the output.
    n_features_in_ : int
        Width of X.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of X's columns, where all are strings.

    See Also
    --------
    MLPClassifier : The same for classes.

    Notes
    -----
    A call that raises leaves the estimator as it was. `predict` may be called from several threads
    at once. With several outputs the reported squared error is the mean over outputs; 'sgd' and
    'adam' descend the sum, as scikit-learn does, and 'lbfgs' descends what it reports.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpcore import MLPRegressor
    >>> X = np.linspace(0, 1, 50).reshape(-1, 1)
    >>> model = MLPRegressor(hidden_layer_sizes=(10,), solver="lbfgs", random_state=0)
    >>> bool(model.fit(X, X[:, 0] ** 2).score(X, X[:, 0] ** 2) > 0.99)
    True
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **MultilayerPerceptron._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: str = "relu",
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
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.n_threads = n_threads

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> MLPRegressor:
        """Fit the model to rows X and their targets y.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Not copied if it is C-contiguous and float32 or float64, which is then the type of the
            weights too.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Numbers to predict.
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        self : MLPRegressor

        Raises
        ------
        ValueError
            For NaN, infinity or wrong shapes, for y < 0 with 'poisson', and if the weights blow up.
        """
        self._fit(X, y, sample_weight, incremental=False)
        return self

    @available_if(lambda self: self._has_partial_fit())  # type: ignore[untyped-decorator]
    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> MLPRegressor:
        """Train for one epoch more on the given rows; only for 'sgd' and 'adam'.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), default=None
            Weight of each row.

        Returns
        -------
        self : MLPRegressor
        """
        self._fit(X, y, sample_weight, incremental=True)
        return self

    def predict(self, X: Any) -> Array:
        """Return the predicted numbers.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        output = self._output(X)
        return output.ravel() if output.shape[1] == 1 else output

    def _check_rows_and_targets(
        self, X: Any, y: Any, *, dtype: Any, first: bool, incremental: bool
    ) -> tuple[Array, Array, RealTargets]:
        X, y = validate_data(
            self,
            X,
            y,
            multi_output=True,
            y_numeric=True,
            dtype=dtype,
            order="C",
            reset=first,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        return X, y, RealTargets(self.loss, 1 if y.ndim == 1 else y.shape[1])

    def _fitted_targets(self) -> RealTargets:
        return RealTargets(self.loss, self.n_outputs_)
