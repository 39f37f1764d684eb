"""What MLPClassifier and MLPRegressor share: parameters, and the way from X and y to fitted attributes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import check_is_fitted

from mlpcore._validation import thread_limit
from mlpcore.estimators import _lbfgs
from mlpcore.estimators._checking import (
    check_finite,
    checked_hidden_layer_sizes,
    checked_rows,
    checked_sample_weight,
    refuse_sparse,
    unchanged_on_error,
)
from mlpcore.estimators._forward import Forward
from mlpcore.estimators._initial import (
    Parameters,
    common_dtype,
    fitted_widths,
    glorot_uniform,
    interleaved,
    separated,
)
from mlpcore.estimators._optimizer import Optimizer
from mlpcore.estimators._recording import Network
from mlpcore.estimators._schedule import learning_rate_rule
from mlpcore.estimators._stopping import LossPatience, ScorePatience
from mlpcore.estimators._targets import Array, Targets
from mlpcore.estimators._training import Epochs, Rows, clipped_batch_size, split_validation

_STOCHASTIC_SOLVERS = ("sgd", "adam")


class MultilayerPerceptron(BaseEstimator, ABC):
    """A multilayer perceptron with scikit-learn's parameters; the targets are a subclass's matter."""

    hidden_layer_sizes: Any
    activation: str
    solver: str
    alpha: float
    batch_size: int | str
    learning_rate: str
    learning_rate_init: float
    power_t: float
    max_iter: int
    loss: str
    shuffle: bool
    random_state: Any
    tol: float
    verbose: bool | int
    warm_start: bool
    momentum: float
    nesterovs_momentum: bool
    early_stopping: bool
    validation_fraction: float
    beta_1: float
    beta_2: float
    epsilon: float
    n_iter_no_change: float
    max_fun: int
    n_threads: int | None

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions({"identity", "logistic", "tanh", "relu"})],
        "solver": [StrOptions({"lbfgs", "sgd", "adam"})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"})],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [
            Interval(Integral, 1, None, closed="left"),
            Options(Real, {np.inf}),
        ],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "n_threads": [Interval(Integral, 1, None, closed="left"), None],
    }

    coefs_: Sequence[NDArray[np.floating]]
    intercepts_: Sequence[NDArray[np.floating]]
    n_features_in_: int
    loss_curve_: list[float]
    best_loss_: float | None
    validation_scores_: list[float] | None
    best_validation_score_: float | None

    # ------------------------------------------------------------ what a subclass decides

    @abstractmethod
    def _check_rows_and_targets(
        self, X: Any, y: Any, *, dtype: Any, first: bool, incremental: bool
    ) -> tuple[Array, Array, Targets]:
        """Return checked X, checked y, and what y means."""

    @abstractmethod
    def _fitted_targets(self) -> Targets:
        """Return what y meant in the last fit."""

    # ------------------------------------------------------------ fitting

    def _fit(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> None:
        """Fit anew, from the present weights (warm start), or for one more epoch (incremental)."""
        with unchanged_on_error(self):
            hidden = checked_hidden_layer_sizes(self.hidden_layer_sizes)
            first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
            refuse_sparse(self, X)
            dtype: Any = (np.float64, np.float32)
            if not first:
                dtype = np.dtype(common_dtype(self.coefs_, self.intercepts_))
            X, y, targets = self._check_rows_and_targets(X, y, dtype=dtype, first=first, incremental=incremental)
            weight = checked_sample_weight(sample_weight, X, str(X.dtype))
            widths = (X.shape[1], *hidden, targets.n_outputs)
            rng = check_random_state(self.random_state)
            parameters = self._starting_parameters(widths, rng, str(X.dtype), first)
            if self.solver == "lbfgs":
                self._fit_lbfgs(X, y, targets, weight, widths, parameters, first)
            else:
                rows = Rows(X, targets.encode(y, str(X.dtype)), weight, np.arange(len(X)))
                self._fit_stochastic(rows, targets, widths, parameters, rng, first, incremental)
            self.n_outputs_ = targets.n_outputs
            self.n_layers_ = len(widths)
            self.out_activation_ = targets.out_activation
            self._random_state = rng
            if not hasattr(self, "_forward"):
                self._forward = Forward()

    def _starting_parameters(
        self, widths: tuple[int, ...], rng: np.random.RandomState, dtype: str, first: bool
    ) -> Parameters:
        """Return fresh arrays: drawn anew, or copies of the present weights."""
        if first:
            return glorot_uniform(rng, widths, self.activation, dtype)
        present = fitted_widths(self.coefs_, self.intercepts_)
        if present != widths:
            raise ValueError(
                f"The present weights join layers of {list(present)} units, but X, y and "
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} ask for {list(widths)}."
            )
        return [p.copy() for p in interleaved(self.coefs_, self.intercepts_, dtype)]

    def _network(self, widths: tuple[int, ...], targets: Targets, weight: float = 1.0) -> Network:
        activations = (self.activation,) * (len(widths) - 2) + (targets.out_activation,)
        return Network(widths, activations, targets.loss, weight)

    def _fit_stochastic(
        self,
        rows: Rows,
        targets: Targets,
        widths: tuple[int, ...],
        parameters: Parameters,
        rng: np.random.RandomState,
        first: bool,
        incremental: bool,
    ) -> None:
        if self.early_stopping and incremental:
            raise ValueError("partial_fit does not support early_stopping=True")
        validation = None
        if self.early_stopping:
            rows, validation = split_validation(rows, self.validation_fraction, targets, rng)
        network = self._network(widths, targets)
        optimizer = self._next_optimizer(network, incremental)
        epochs = Epochs(
            engine=optimizer.engine(network, str(rows.x.dtype), parameters),
            optimizer=optimizer,
            rows=rows,
            validation=validation,
            patience=self._patience(first),
            parameters=parameters,
            rng=rng if self.shuffle else None,
            batch_size=clipped_batch_size(self.batch_size, len(rows)),
            max_epochs=self.max_iter,
            alpha=self.alpha,
            loss_divisor=targets.loss_divisor,
            n_threads=thread_limit(self.n_threads),
            verbose=self.verbose,
            samples_seen=0 if first else getattr(self, "t_", 0),
        )
        if incremental:
            epochs.run_one()
        else:
            epochs.run()
        check_finite(parameters)
        self._optimizer = optimizer
        self._publish(epochs, first)

    def _next_optimizer(self, network: Network, incremental: bool) -> Optimizer:
        """Return the optimizer of the last fit to go on with, or a new one."""
        last: Optimizer | None = getattr(self, "_optimizer", None)
        if incremental and last is not None and last.kind == self.solver and last.fits(network):
            return last.continued()
        rule = learning_rate_rule(self.solver, self.learning_rate, self.learning_rate_init, self.power_t)
        if self.solver == "sgd":
            settings = {"momentum": self.momentum, "nesterov": self.nesterovs_momentum}
        else:
            settings = {"beta_1": self.beta_1, "beta_2": self.beta_2, "epsilon": self.epsilon}
        return Optimizer(self.solver, rule, **settings)

    def _patience(self, first: bool) -> LossPatience:
        """Return the stopping rule, where the last fit left it unless this is the first."""
        rule, attribute = (
            (ScorePatience, "best_validation_score_") if self.early_stopping else (LossPatience, "best_loss_")
        )
        patience = rule(self.n_iter_no_change, self.tol)
        best = None if first else getattr(self, attribute, None)
        if best is not None:
            patience.best = best
            patience.bad_epochs = getattr(self, "_no_improvement_count", 0)
        return patience

    def _publish(self, epochs: Epochs, first: bool) -> None:
        """Set the fitted attributes of the stochastic solvers."""
        self.coefs_, self.intercepts_ = separated(epochs.parameters)
        self.n_iter_ = epochs.n_epochs
        self.t_ = epochs.samples_seen
        if epochs.losses:
            self.loss_ = epochs.losses[-1]
        self._no_improvement_count = epochs.patience.bad_epochs
        self.loss_curve_ = _extended(None if first else getattr(self, "loss_curve_", None), epochs.losses)
        if self.early_stopping:
            scores = None if first else getattr(self, "validation_scores_", None)
            self.validation_scores_ = _extended(scores, epochs.scores)
            self.best_validation_score_ = epochs.patience.best
            self.best_loss_ = None
        else:
            self.validation_scores_ = None
            self.best_validation_score_ = None
            self.best_loss_ = epochs.patience.best

    def _fit_lbfgs(
        self,
        X: Array,
        y: Array,
        targets: Targets,
        sample_weight: Array | None,
        widths: tuple[int, ...],
        parameters: Parameters,
        first: bool,
    ) -> None:
        network = self._network(widths, targets, 1.0 / targets.loss_divisor)
        if sample_weight is not None:
            sample_weight = sample_weight.astype(np.float64, copy=False)
        objective = _lbfgs.Objective(
            network,
            X,
            targets.encode(y, "float64"),
            sample_weight,
            self.alpha,
            thread_limit(self.n_threads),
        )
        minimum = _lbfgs.minimize(objective, parameters, max_iter=self.max_iter, max_fun=self.max_fun, tol=self.tol)
        check_finite(minimum.parameters)
        for name in _STOCHASTIC_ATTRIBUTES:  # of an earlier fit with another solver
            self.__dict__.pop(name, None)
        self.coefs_, self.intercepts_ = separated(minimum.parameters)
        self.n_iter_ = minimum.n_iter
        self.t_ = 0 if first else getattr(self, "t_", 0)
        self.loss_ = minimum.loss

    def _loss_grad_lbfgs(
        self, theta: NDArray[np.float64], X: Array, y: Array, sample_weight: Array | None, *scratch: Any
    ) -> tuple[float, NDArray[np.float64]]:
        """Return loss and gradient at theta; scikit-learn's private method of the same name.

        y (rows, n_outputs) is binarised as by LabelBinarizer; `scratch` is not used.
        """
        targets = self._fitted_targets()
        encoded = (
            y.argmax(axis=1).astype(np.int32)
            if targets.loss == "cross_entropy"
            else (np.ascontiguousarray(y.reshape(len(y), -1), dtype=np.float64))
        )
        widths = fitted_widths(self.coefs_, self.intercepts_)
        network = self._network(widths, targets, 1.0 / targets.loss_divisor)
        threads = thread_limit(self.n_threads)
        return _lbfgs.Objective(network, X, encoded, sample_weight, self.alpha, threads)(theta)

    # ------------------------------------------------------------ predicting

    def _output(self, X: Any, out_activation: str | None = None) -> Array:
        """Return the network's output (rows, n_outputs) with the weights of this moment."""
        self._check_fitted()
        parameters = interleaved(self.coefs_, self.intercepts_, common_dtype(self.coefs_, self.intercepts_))
        x = checked_rows(self, X, str(parameters[0].dtype))
        widths = fitted_widths(self.coefs_, self.intercepts_)
        network = self._network(widths, self._fitted_targets()).for_prediction(out_activation)
        forward = getattr(self, "_forward", None) or Forward()
        return forward(x, network, parameters, thread_limit(self.n_threads))

    def _check_fitted(self) -> None:
        if not hasattr(self, "coefs_"):  # scikit-learn's check takes 10 microseconds
            check_is_fitted(self)

    # ------------------------------------------------------------ partial_fit's availability

    def _has_partial_fit(self) -> bool:
        """Raise AttributeError unless the solver can train for one epoch."""
        if self.solver not in _STOCHASTIC_SOLVERS:
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True


_STOCHASTIC_ATTRIBUTES = (
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "_no_improvement_count",
    "_optimizer",
)


def _extended(history: list[float] | None, news: list[float]) -> list[float]:
    """Append to the list of earlier fits, or begin one."""
    if history is None:
        return news
    history.extend(news)
    return history
