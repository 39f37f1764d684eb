"""What ModelClassifier and ModelRegressor share: a model-building function's parameters, and fitting its model."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from mlpcore import _random
from mlpcore._validation import check_integer, unknown_argument
from mlpcore.estimators._checking import unchanged_on_error

Array = NDArray[Any]
_META = "meta"  # a function with this parameter gets what is known of the data


class ModelEstimator(BaseEstimator):
    """A model-building function as an estimator; what y means is a subclass's matter.

    The function's parameters are stored as attributes beside the estimator's own, and are parameters of the
    estimator, with the function's defaults.
    """

    _stream_state: dict[str, Any]  # where the estimator's random stream stands

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
        warm_start: bool = False,
        random_state: Any = None,
        **build_parameters: Any,
    ) -> None:
        self.build = build
        self.batch_size = batch_size
        self.epochs = epochs
        self.verbose = verbose
        self.callbacks = callbacks
        self.validation_split = validation_split
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        known = self._build_defaults()
        for name, value in build_parameters.items():
            if name not in known and callable(self.build):
                raise unknown_argument(type(self).__name__, name, [*self._get_param_names(), *known])
            if name not in known or value is not known[name]:
                setattr(self, name, value)

    # ----------------------------------------------------------------------------------- the function's parameters

    def _build_defaults(self) -> dict[str, Any]:
        """Return the parameters of the function that are not the estimator's, with their defaults."""
        if not callable(self.build):
            return {}
        own = {*self._get_param_names(), _META}
        return {
            name: None if parameter.default is parameter.empty else parameter.default
            for name, parameter in inspect.signature(self.build).parameters.items()
            if name not in own and parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        }

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the estimator's parameters and the function's.

        Parameters
        ----------
        deep : bool, default=True
            Also those of parameters that have parameters.

        Returns
        -------
        dict
        """
        parameters: dict[str, Any] = super().get_params(deep)
        for name, default in self._build_defaults().items():
            parameters[name] = getattr(self, name, default)
        return parameters

    def set_params(self, **params: Any) -> Any:
        """Set parameters of the estimator or of the function.

        Parameters
        ----------
        **params : dict

        Returns
        -------
        estimator
        """
        if "build" in params:  # first: it decides which others there are
            self.build = params.pop("build")
        return super().set_params(**params)

    def _built(self, meta: dict[str, Any]) -> Any:
        """Call the function; what it does not have is not passed."""
        if not callable(self.build):
            raise ValueError(
                f"{type(self).__name__} needs a function that builds a compiled model, got build={self.build!r}."
            )
        wanted = inspect.signature(self.build).parameters
        parameters = {name: value for name, value in self.get_params(deep=False).items() if name in wanted}
        if _META in wanted:
            parameters[_META] = meta
        model = self.build(**parameters)
        if not (hasattr(model, "fit") and getattr(model, "compiled", False)):
            raise TypeError(f"build must return a compiled model, got {model!r}.")
        return model

    # ------------------------------------------------------------------------------------------------- fitting

    def _targets(self, y: Array, first: bool) -> Array:
        """Return what the model is trained on; learn what y means if this is the first call."""
        raise NotImplementedError

    def _checked_y(self, X: Any, y: Any, first: bool) -> tuple[Array, Array]:
        """Return checked X and y."""
        raise NotImplementedError

    def _weights(self, y: Array, sample_weight: Any, X: Array) -> Array | None:
        return None if sample_weight is None else _check_sample_weight(sample_weight, X, dtype=np.float32)

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, first: bool, epochs: int, arguments: dict[str, Any]
    ) -> ModelEstimator:
        """Train a new model, or go on with the present one."""
        epochs = arguments.pop("epochs", epochs)
        check_integer("epochs", epochs)
        with unchanged_on_error(self):
            X, y = self._checked_y(X, y, first)
            targets = self._targets(y, first)
            weights = self._weights(y, sample_weight, X)
            with self._stream(first):
                if first:
                    self.model_ = self._built(self._meta(X, targets))
                    self.history_: dict[str, list[float]] = {}
                if arguments.get("validation_data") is not None:
                    arguments["validation_data"] = self._validation(*arguments["validation_data"])
                initial = 0 if first else len(next(iter(self.history_.values()), ()))
                history = self.model_.fit(
                    X,
                    self._shaped(targets),
                    **{
                        "batch_size": self.batch_size,
                        "epochs": initial + epochs,
                        "initial_epoch": initial,
                        "verbose": self.verbose,
                        "callbacks": copy.deepcopy(self.callbacks),
                        "validation_split": self.validation_split,
                        "shuffle": self.shuffle,
                        "sample_weight": weights,
                        **arguments,
                    },
                )
            for name, values in history.history.items():
                self.history_.setdefault(name, []).extend(float(value) for value in values)
        return self

    def _validation(self, X: Any, y: Any, *weights: Any) -> tuple[Any, ...]:
        """Return validation data as the model takes them."""
        X = validate_data(self, X, dtype=np.float32, reset=False, allow_nd=True)
        return X, self._shaped(self._targets(np.asarray(y), False)), *weights

    def _shaped(self, targets: Array) -> Array:
        """Return the targets as the model's loss expects them."""
        return targets

    def _meta(self, X: Array, targets: Array) -> dict[str, Any]:
        """Return what a function may want to know of the data."""
        return {"n_features_in_": X.shape[1], "X_shape_": X.shape}

    @contextmanager
    def _stream(self, first: bool) -> Iterator[None]:
        """Draw from a random stream of the estimator's own, and leave the package's where it was."""
        if self.random_state is None:
            yield
            return
        with _random.kept():
            if first or not hasattr(self, "_stream_state"):
                _random.set_seed(int(check_random_state(self.random_state).randint(2**31 - 1)))
            else:
                _random.set_state(self._stream_state)
            yield
            self._stream_state = _random.get_state()

    def _is_first(self) -> bool:
        return not (self.warm_start and hasattr(self, "model_"))

    # ------------------------------------------------------------------------------------------------ predicting

    def _outputs(self, X: Any) -> Array:
        """Return the model's output (n, k)."""
        check_is_fitted(self, "model_")
        X = validate_data(self, X, dtype=np.float32, reset=False, allow_nd=True)
        outputs: Array = np.asarray(self.model_.predict(X, verbose=0))
        return outputs

    def __sklearn_tags__(self) -> Any:
        """Return what scikit-learn should know of the estimator."""
        tags = super().__sklearn_tags__()
        tags.non_deterministic = self.random_state is None
        return tags
