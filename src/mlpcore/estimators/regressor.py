"""MLPRegressor: a multilayer perceptron for numbers, with scikit-learn's interface."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from sklearn.base import RegressorMixin, _fit_context
from sklearn.utils import check_array
from sklearn.utils._param_validation import Interval, InvalidParameterError, StrOptions
from sklearn.utils.metaestimators import available_if

from mlpcore.estimators._activations import OUTPUT_ACTIVATIONS
from mlpcore.estimators._callbacks import with_callbacks
from mlpcore.estimators._checking import checked_rows_and_y, checked_sample_weight, checked_validation_rows
from mlpcore.estimators._documentation import with_shared_parts
from mlpcore.estimators._multilayer import MultilayerPerceptron
from mlpcore.estimators._targets import Array, RealTargets

_LOSSES = ("squared_error", "absolute_error", "huber", "log_cosh", "poisson", "quantile")


@with_shared_parts
class MLPRegressor(RegressorMixin, MultilayerPerceptron):
    """Multilayer perceptron for one or several numbers per row.

    Minimises half the squared error, or half the Poisson deviance behind exponential outputs.
    Parameters, attributes, messages and, for the same `random_state`, the weights after each epoch
    are those of scikit-learn's class of the same name.

    Parameters
    ----------
    loss : str, default='squared_error'
        What is minimised, e being ``prediction - y``:

        - 'squared_error': ``0.5 * e**2``
        - 'absolute_error': ``abs(e)``, which predicts the median
        - 'huber': ``0.5 * e**2`` up to ``abs(e) == delta``, from there ``delta * (abs(e) - 0.5 * delta)``
        - 'log_cosh': ``log(cosh(e))``
        - 'poisson': ``y * log(y / p) - y + p`` with ``p = exp(output)``, which requires y >= 0
        - 'quantile': the sum over q in `quantiles` of ``max(-q * e, (1 - q) * e)``
    {scikit_learns_parameters}
    {further_parameters}
    output_activation : str or None, default=None
        Activation of the output: 'identity', 'relu', 'softplus', 'sigmoid', 'tanh' or 'exp'. None is 'identity',
        and 'exp' with the Poisson loss.
    delta : float > 0, default=1.0
        Error at which the Huber loss turns from quadratic to linear.
    quantiles : float or list of float in (0, 1), default=0.5
        What the quantile loss predicts; of several, `predict` returns a column each.

    Attributes
    ----------
    {attributes}

    See Also
    --------
    MLPClassifier : The same for classes.

    Notes
    -----
    A call that raises leaves the estimator as it was. `predict` may be called from several threads
    at once. With several outputs the reported squared error is the mean over outputs; the
    stochastic solvers descend the sum, as scikit-learn does, and 'lbfgs' descends what it reports.

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
        "loss": [StrOptions(set(_LOSSES))],
        "delta": [Interval(Real, 0, None, closed="neither")],
        "quantiles": [Interval(Real, 0, 1, closed="neither"), list, tuple, np.ndarray],
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
        dropout: Any = 0.0,
        l1: float = 0.0,
        clip_norm: float | None = None,
        weight_decay: float = 0.01,
        rho: float = 0.9,
        output_activation: str | None = None,
        delta: float = 1.0,
        quantiles: float | Sequence[float] = 0.5,
        mixed_precision: str | None = None,
    ) -> None:
        self._remember(locals())

    def _validate_params(self) -> None:
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            given: object = self.loss
            if not isinstance(given, int | list | tuple | np.ndarray):
                raise
            hint = f"give the sizes of layers by name: MLPRegressor(hidden_layer_sizes={given!r})"
            raise InvalidParameterError(f"{error} The loss comes first, as in scikit-learn; {hint}.") from None

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
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Not copied if it is C-contiguous or CSR and float32 or float64, which is then the type of the
            weights too. CSC is converted to CSR once; nothing is made dense.
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
        """Train for one epoch more on the given rows; for the stochastic solvers.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
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
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_targets); with several quantiles, a last axis for them
        """
        output = self._output(X)
        return self._fitted_targets().shaped(output)

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return R^2, or for the quantile loss the mean over quantiles of D^2 of their pinball losses.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), default=None

        Returns
        -------
        float
            At most 1, the best; 0 for constant predictions of the mean or the quantile.
        """
        if self.loss != "quantile":
            return float(super().score(X, y, sample_weight))
        output = self._output(X)
        y = check_array(y, ensure_2d=False, dtype=output.dtype, input_name="y")
        weight = checked_sample_weight(sample_weight, y, str(output.dtype))
        return self._fitted_targets().score(output, y.reshape(len(y), -1), weight)

    def _check_rows_and_targets(
        self, X: Any, y: Any, *, dtype: Any, first: bool, incremental: bool
    ) -> tuple[Any, Array, RealTargets]:
        X, y = checked_rows_and_y(self, X, y, dtype=dtype, reset=first, y_numeric=True)
        return X, y, self._targets(1 if y.ndim == 1 else y.shape[1])

    def _check_validation(self, X: Any, y: Any, like: Array, dtype: Any) -> tuple[Any, Array]:
        X, y = checked_validation_rows(self, X, y, like, dtype=dtype, y_numeric=True)
        if y.dtype.kind not in "biuf":
            raise ValueError(f"y_val must hold numbers, got an array of {y.dtype}.")
        if y.dtype.kind == "f" and np.abs(y).max() > np.finfo(X.dtype).max:
            raise ValueError(f"Input y_val contains a value too large for {X.dtype!r}.")
        if self.loss == "poisson" and np.min(y) < 0:
            raise ValueError(f"loss='poisson' requires y_val >= 0, got a minimum of {np.min(y)}.")
        return X, y

    def _network_key(self) -> tuple[Any, ...]:
        return self.loss, self.output_activation, self.n_outputs_

    def _fitted_targets(self) -> RealTargets:
        return self._targets(
            self.n_outputs_ // (len(_checked_quantiles(self.quantiles)) if self.loss == "quantile" else 1)
        )

    def _targets(self, n_targets: int) -> RealTargets:
        quantiles = _checked_quantiles(self.quantiles)
        return RealTargets(self.loss, n_targets, self.output_activation, self.delta, quantiles)


def _checked_quantiles(quantiles: Any) -> tuple[float, ...]:
    """Return the quantiles as numbers in (0, 1), at least one."""
    values: tuple[Any, ...] = (quantiles,) if isinstance(quantiles, Real) else tuple(quantiles)
    if not values or not all(isinstance(q, Real) and 0 < q < 1 for q in values):  # type: ignore[operator]
        raise ValueError(f"quantiles must hold numbers in (0, 1), at least one, got {quantiles!r}.")
    return tuple(float(q) for q in values)
