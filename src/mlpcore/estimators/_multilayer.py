"""What MLPClassifier and MLPRegressor share: the way from X and y to fitted attributes, and back to predictions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import deepcopy
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from mlpcore import _core
from mlpcore._validation import thread_limit
from mlpcore.estimators import _lbfgs
from mlpcore.estimators._activations import check_trainable, hidden_activations
from mlpcore.estimators._callbacks import CallbackSupportMixin, Hooks, hooks_of
from mlpcore.estimators._checking import (
    check_finite,
    checked_dropout,
    checked_hidden_layer_sizes,
    checked_rows,
    checked_sample_weight,
    unchanged_on_error,
)
from mlpcore.estimators._forward import Forward
from mlpcore.estimators._hyperparameters import Hyperparameters
from mlpcore.estimators._initial import (
    Parameters,
    common_dtype,
    fitted_widths,
    initialized,
    interleaved,
    scikit_learns,
    separated,
)
from mlpcore.estimators._progress import reporter
from mlpcore.estimators._recording import Network
from mlpcore.estimators._saving import ModelMixin
from mlpcore.estimators._stochastic import (
    STOCHASTIC_ATTRIBUTES,
    STOCHASTIC_SOLVERS,
    Problem,
    fit_by_epochs,
)
from mlpcore.estimators._targets import Array, Targets

ValidationData = tuple[Any, Any, Any]  # X_val, y_val, sample_weight_val as the user gave them
NO_VALIDATION: ValidationData = (None, None, None)


class MultilayerPerceptron(CallbackSupportMixin, ModelMixin, Hyperparameters, ABC):
    """A multilayer perceptron with scikit-learn's parameters; the targets are a subclass's matter."""

    coefs_: Sequence[NDArray[np.floating]]
    intercepts_: Sequence[NDArray[np.floating]]
    n_features_in_: int
    _random_state: np.random.RandomState

    # ------------------------------------------------------------ what a subclass decides

    @abstractmethod
    def _check_rows_and_targets(
        self, X: Any, y: Any, *, dtype: Any, first: bool, incremental: bool
    ) -> tuple[Any, Array, Targets]:
        """Return checked X (an array or CSR), checked y, and what y means."""

    @abstractmethod
    def _check_validation(self, X: Any, y: Any, like: Array, dtype: Any) -> tuple[Any, Array]:
        """Return checked validation rows and their y; X and y, which is `like`, have been checked before."""

    @abstractmethod
    def _network_key(self) -> tuple[Any, ...]:
        """Return what, beside the hidden layers, decides the network that predicts; it may be compared."""

    @abstractmethod
    def _fitted_targets(self) -> Targets:
        """Return what y meant in the last fit."""

    def _training_weight(self, y: Array, sample_weight: Array | None, dtype: str, incremental: bool) -> Array | None:
        """Return the weight of each row (n,) in training."""
        return sample_weight

    # ------------------------------------------------------------ fitting

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, validation: ValidationData = NO_VALIDATION, *, incremental: bool
    ) -> None:
        """Fit anew, from the present weights (warm start), or for one more epoch (incremental)."""
        hooks = None
        if not incremental:
            task = "lbfgs-iter" if self.solver == "lbfgs" else "epoch"
            hooks = hooks_of(self, X, y, sample_weight, task, self.max_iter)
        with unchanged_on_error(self):
            first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
            problem = self._problem(X, y, sample_weight, validation, first, incremental)
            resumes = self.resume and not first and hasattr(self, "_random_state")
            rng = deepcopy(self._random_state) if resumes else check_random_state(self.random_state)
            parameters = self._starting_parameters(problem, rng)
            self.n_outputs_ = problem.targets.n_outputs
            self.n_layers_ = len(problem.network.widths)
            self.out_activation_ = problem.targets.out_activation
            if not hasattr(self, "_forward"):
                self._forward = Forward()
            if self.solver == "lbfgs":
                self._fit_lbfgs(problem, parameters, hooks)
            else:
                fit_by_epochs(self, problem, parameters, rng, hooks)
            self._random_state = rng
            if hooks is not None:
                hooks.end_fit()

    def _problem(
        self, X: Any, y: Any, sample_weight: Any, validation: ValidationData, first: bool, incremental: bool
    ) -> Problem:
        """Check the data, and what the parameters say about them."""
        hidden = checked_hidden_layer_sizes(self.hidden_layer_sizes)
        check_trainable(hidden_activations(self.activation, len(hidden)))
        self._check_mixed_precision()
        own = "float32" if self.mixed_precision else self.dtype
        dtype: Any = (np.float64, np.float32) if own is None else np.dtype(own)
        if not first and own is None:
            dtype = np.dtype(common_dtype(self.coefs_, self.intercepts_))
        X, y, targets = self._check_rows_and_targets(X, y, dtype=dtype, first=first, incremental=incremental)
        weight = checked_sample_weight(sample_weight, X, str(X.dtype))
        network = self._network((X.shape[1], *hidden, targets.n_outputs), targets)
        network = network._replace(dropout=checked_dropout(self.dropout, len(hidden)))
        if self.solver == "lbfgs" and (self.l1 or network.dropout):
            raise ValueError("solver='lbfgs' needs a smooth objective without noise: l1 and dropout must be 0.")
        return Problem(
            X,
            y,
            weight,
            self._training_weight(y, weight, str(X.dtype), incremental),
            self._checked_validation(validation, y, X.dtype),
            targets,
            network,
            first,
            incremental,
        )

    def _check_mixed_precision(self) -> None:
        """Refuse what cannot go together with mixed precision."""
        if self.mixed_precision is None:
            return
        if self.dtype == "float64":
            raise ValueError(f"mixed_precision={self.mixed_precision!r} needs dtype='float32' or None, got 'float64'.")
        if self.solver == "lbfgs":
            raise ValueError(
                f"mixed_precision={self.mixed_precision!r} is for the stochastic solvers; solver='lbfgs' needs "
                "gradients without rounding."
            )

    def _checked_validation(
        self, validation: ValidationData, like: Array, dtype: Any
    ) -> tuple[Any, Array, Array | None] | None:
        X, y, sample_weight = validation
        if X is None and y is None:
            if sample_weight is not None:
                raise ValueError("sample_weight_val is provided, but X_val and y_val were not provided.")
            return None
        if X is None or y is None:
            given, missing = ("X_val", "y_val") if y is None else ("y_val", "X_val")
            raise ValueError(f"{given} is provided, but {missing} was not provided.")
        if self.solver == "lbfgs":
            raise ValueError("X_val and y_val are for the stochastic solvers; solver='lbfgs' does not look at them.")
        X, y = self._check_validation(X, y, like, dtype)
        return X, y, checked_sample_weight(sample_weight, X, str(dtype), "sample_weight_val")

    def _starting_parameters(self, problem: Problem, rng: np.random.RandomState) -> Parameters:
        """Return fresh arrays: drawn anew, or copies of the present weights."""
        widths, dtype = problem.network.widths, str(problem.x.dtype)
        if problem.first and self.kernel_initializer is not None:
            return initialized(self.kernel_initializer, rng, widths, dtype)
        if problem.first:
            names = (self.activation,) if isinstance(self.activation, str) else tuple(self.activation)
            return scikit_learns(rng, widths, names, dtype)
        present = fitted_widths(self.coefs_, self.intercepts_)
        if present != widths:
            raise ValueError(
                f"The present weights join layers of {list(present)} units, but X, y and "
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} ask for {list(widths)}."
            )
        return [p.copy() for p in interleaved(self.coefs_, self.intercepts_, dtype)]

    def _network(self, widths: tuple[int, ...], targets: Targets) -> Network:
        activations = (*hidden_activations(self.activation, len(widths) - 2), targets.out_activation)
        options = tuple(sorted(targets.loss_options.items()))
        return Network(widths, activations, targets.loss, 1.0, options)

    def _fit_lbfgs(self, problem: Problem, parameters: Parameters, hooks: Hooks | None) -> None:
        targets, weight = problem.targets, problem.training_weight
        objective = _lbfgs.Objective(
            problem.network._replace(loss_weight=1.0 / targets.loss_divisor),
            problem.x,
            targets.encode(problem.y, "float64"),
            None if weight is None else weight.astype(np.float64, copy=False),
            self.alpha,
            thread_limit(self.n_threads),
        )
        iterations = _lbfgs.Iterations(
            objective, reporter(self.verbose, self.max_iter, lines=False), hooks, self.max_time
        )
        minimum = _lbfgs.minimize(parameters, iterations, max_iter=self.max_iter, max_fun=self.max_fun, tol=self.tol)
        check_finite(minimum.parameters)
        for name in STOCHASTIC_ATTRIBUTES:  # of an earlier fit with another solver
            self.__dict__.pop(name, None)
        dtype = self.dtype or "float64"
        self.coefs_, self.intercepts_ = separated([p.astype(dtype, copy=False) for p in minimum.parameters])
        self.n_iter_ = minimum.n_iter
        self.t_ = 0 if problem.first else getattr(self, "t_", 0)
        self.loss_ = minimum.loss

    def _loss_grad_lbfgs(
        self, theta: NDArray[np.float64], X: Any, y: Array, sample_weight: Array | None, *scratch: Any
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
        network = self._network(widths, targets)._replace(loss_weight=1.0 / targets.loss_divisor)
        threads = thread_limit(self.n_threads)
        return _lbfgs.Objective(network, X, encoded, sample_weight, self.alpha, threads)(theta)

    # ------------------------------------------------------------ predicting

    def activations(self, X: Any) -> list[Array]:
        """Return what each layer makes of X, as `predict` would with the weights of this moment.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        list of ndarray of shape (n_samples, n_units)
            One for each hidden layer, then the output: probabilities of a classifier (a single column, that of
            the second class, if there are two), numbers of a regressor.
        """
        x, network, parameters = self._rows_and_network(X)
        threads, outputs = thread_limit(self.n_threads), []
        for i, activation in enumerate(network.activations):
            layer = Network(network.widths[i : i + 2], (activation,), "")
            x = Forward()(x, layer, parameters[2 * i : 2 * i + 2], threads)
            outputs.append(x)
        return outputs

    def input_gradients(self, X: Any) -> Array:
        """Return the exact derivatives of the network's output with respect to X.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)

        Returns
        -------
        ndarray of shape (n_samples, n_outputs, n_features), or (n_samples, n_features) for a single output
            Of what `activations` returns last: the probability of each class (of the second one, if there are
            two), the numbers that a regressor predicts.
        """
        x, network, parameters = self._rows_and_network(X)
        engine = network.for_prediction().engine(str(x.dtype))
        engine.load(parameters)
        gradients = engine.input_gradient(x, n_threads=thread_limit(self.n_threads))
        return gradients[:, 0] if gradients.shape[1] == 1 else gradients

    def _output(self, X: Any, out_activation: str | None = None) -> Array:
        """Return the network's output (rows, n_outputs) with the weights of this moment.

        Plain rows that need no conversion take a way ten times shorter than scikit-learn's validation.
        """
        self._check_fitted()
        state = vars(self)
        forward: Forward = state.get("_forward") or Forward()
        hidden = self.activation if isinstance(self.activation, str) else tuple(self.activation)
        key = (hidden, self._network_key(), state.get("n_features_in_"), out_activation)
        if "feature_names_in_" not in state:
            output = forward.attempt(key, X, self.coefs_, self.intercepts_, self.n_threads)
            if output is not None:
                return output
        x, network, parameters = self._rows_and_network(X)
        network = network.for_prediction(out_activation)
        return forward(x, network, parameters, thread_limit(self.n_threads), key)

    def predictor(self) -> Callable[[Array], Array]:
        """Return a function that predicts with the weights of this moment, without validation.

        For one row at a time, where checks cost more than the product: a call takes about a microsecond and the time
        that it takes to read the weights once.

        Returns
        -------
        callable
            ``f(X, n_threads=1)`` returns what `predict_proba` of a classifier (with the hinge loss
            `decision_function`) and `predict` of a regressor do, to the bit; of several targets with several
            quantiles each, a column for each pair. X is an ndarray of shape (n_samples, n_features),
            C-contiguous and of the dtype of ``coefs_``; TypeError or ValueError otherwise. NaN and infinity are
            not looked for, feature names not known. The function holds its own copy of the weights, which later
            training does not change. It may be called from several threads at once; it cannot be pickled.

        Raises
        ------
        NotFittedError
            Before `fit`.
        """
        self._check_fitted()
        network, parameters = self._network_and_parameters()
        return self._prepared(network.for_prediction(), parameters)

    def _prepared(self, network: Network, parameters: Parameters) -> Callable[[Array], Array]:
        dtype, flat = str(parameters[0].dtype), network.widths[-1] == 1
        return _core.Prepared(network.tape(dtype), dtype, parameters, flat=flat)

    def _network_and_parameters(self) -> tuple[Network, Parameters]:
        """Return the network with the weights of this moment."""
        parameters = interleaved(self.coefs_, self.intercepts_, common_dtype(self.coefs_, self.intercepts_))
        return self._network(fitted_widths(self.coefs_, self.intercepts_), self._fitted_targets()), parameters

    def _rows_and_network(self, X: Any) -> tuple[Any, Network, Parameters]:
        """Return checked X, and the network with the weights of this moment."""
        self._check_fitted()
        network, parameters = self._network_and_parameters()
        return checked_rows(self, X, str(parameters[0].dtype)), network, parameters

    def _check_fitted(self) -> None:
        if not hasattr(self, "coefs_"):  # scikit-learn's check takes 10 microseconds
            check_is_fitted(self)

    # ------------------------------------------------------------ tags, copies, and partial_fit's availability

    def __sklearn_tags__(self) -> Any:
        """Say that sparse X is welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Leave the optimizer out of copies and pickles if `pickle_optimizer` is False."""
        state: dict[str, Any] = super().__getstate__()
        if not self.pickle_optimizer:
            state = {name: value for name, value in state.items() if name != "_optimizer"}
        return state

    def _has_partial_fit(self) -> bool:
        """Raise AttributeError unless the solver can train for one epoch."""
        if self.solver not in STOCHASTIC_SOLVERS:
            raise AttributeError(
                f"partial_fit is only available for stochastic optimizers. {self.solver} is not stochastic."
            )
        return True
