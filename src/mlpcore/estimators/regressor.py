"""MLPRegressor: a multilayer perceptron for numbers, with scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from mlpcore.estimators._activations import OUTPUT_ACTIVATIONS
from mlpcore.estimators._callbacks import with_callbacks
from mlpcore.estimators._checking import checked_rows_and_y
from mlpcore.estimators._documentation import with_shared_parts
from mlpcore.estimators._multilayer import MultilayerPerceptron
from mlpcore.estimators._targets import Array, RealTargets


@with_shared_parts
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
    {scikit_learns_parameters}
    {further_parameters}
    output_activation : str or None, default=None
        Activation of the output: 'identity', 'relu', 'softplus', 'sigmoid', 'tanh' or 'exp'. None is 'identity',
        and 'exp' with the Poisson loss.

    Attributes
    ----------
    {attributes}

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
        "output_activation": [StrOptions(set(OUTPUT_ACTIVATIONS)), None],
    }

    def __init__(
        self,
        loss: str = "squared_error",
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
        output_activation: str | None = None,
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
    ) -> MLPRegressor:
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
        X_val, y_val : array-likes of shape (n_val, ...), default=None
            Rows to validate on after each epoch, instead of a part of X: for `validation_loss_curve_`,
            `validation_scores_` and `early_stopping`. In a Pipeline, ``transform_input=["X_val"]`` transforms them.
        sample_weight_val : array-like of shape (n_val,), default=None
            Weight of each validation row.

        Returns
        -------
        self : MLPRegressor

        Raises
        ------
        ValueError
            For NaN, infinity or wrong shapes, for y < 0 with 'poisson', and if the weights blow up.
        """
        self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)
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
        X, y = checked_rows_and_y(self, X, y, dtype=dtype, reset=first, y_numeric=True)
        return X, y, RealTargets(self.loss, 1 if y.ndim == 1 else y.shape[1], self.output_activation)

    def _check_validation(self, X: Any, y: Any, dtype: Any) -> tuple[Array, Array]:
        return checked_rows_and_y(self, X, y, dtype=dtype, reset=False, y_numeric=True)

    def _fitted_targets(self) -> RealTargets:
        return RealTargets(self.loss, self.n_outputs_, self.output_activation)
