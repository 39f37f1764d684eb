"""model_from_estimator: a fitted MLP estimator as the equal Sequential."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from mlpcore.estimators._stochastic import solver_settings

_LAYER_NAMES = {"logistic": "sigmoid", "identity": "linear", "exp": "exponential"}  # others have one name in both


def model_from_estimator(estimator: Any) -> Any:
    """Return a Sequential that predicts what a fitted estimator predicts.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Fitted; of this package or of scikit-learn. It is copied from, never changed.

    Returns
    -------
    Sequential
        Dense layers named ``hidden1``, ``hidden2``, ..., ``output``, Dropout where the estimator has it. Its
        ``predict`` is the estimator's `predict_proba` (for two classes the second class's alone) or `predict`, in
        float32. Compiled to be trained on, with a new optimizer of the estimator's kind and settings (Adam after lbfgs)
        at ``learning_rate_init``; `alpha` and `l1` are a kernel regularizer of ``alpha / 2`` and ``l1`` (estimators
        also divide them by the rows of a batch). For three classes and
        more, models have no focal or hinge loss and no label smoothing: a UserWarning tells that the plain cross
        entropy takes their place.

    Raises
    ------
    NotFittedError
    TypeError
        For another kind of estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from mlpcore import MLPRegressor
    >>> from mlpcore.wrappers import model_from_estimator
    >>> X = np.array([[0.0], [1.0], [2.0]])
    >>> estimator = MLPRegressor(hidden_layer_sizes=(5,), solver="lbfgs", max_iter=50, random_state=0).fit(X, X[:, 0])
    >>> model = model_from_estimator(estimator)
    >>> bool(np.allclose(model.predict(X, verbose=0)[:, 0], estimator.predict(X), atol=1e-5))
    True
    """
    from mlpcore import layers
    from mlpcore.models import Sequential

    if not all(hasattr(estimator, name) for name in ("hidden_layer_sizes", "activation", "solver")):
        raise TypeError(f"model_from_estimator expects an MLPClassifier or MLPRegressor, got {estimator!r}.")
    check_is_fitted(estimator, "coefs_")
    n_hidden = len(estimator.coefs_) - 1
    activation = estimator.activation
    activations = [activation] * n_hidden if isinstance(activation, str) else list(activation)
    rates = getattr(estimator, "dropout", 0.0)
    rates = list(rates) if isinstance(rates, list | tuple | np.ndarray) else [rates] * n_hidden
    parts: list[Any] = [layers.Input((estimator.n_features_in_,))]
    for index, coefs in enumerate(estimator.coefs_):
        hidden = index < n_hidden
        name = _layer_name(activations[index] if hidden else estimator.out_activation_)
        parts.append(
            layers.Dense(
                coefs.shape[1],
                activation=None if name == "linear" else name,
                kernel_regularizer=_penalty(estimator),
                name=f"hidden{index + 1}" if hidden else "output",
            )
        )
        if hidden and rates[index]:
            parts.append(layers.Dropout(rates[index]))
    model = Sequential(parts)
    weights = [part for pair in zip(estimator.coefs_, estimator.intercepts_, strict=True) for part in pair]
    model.set_weights([np.asarray(part, dtype=np.float32) for part in weights])
    mixed_precision = getattr(estimator, "mixed_precision", None)  # scikit-learn's has none
    model.compile(loss=_loss(estimator), optimizer=_optimizer(estimator), mixed_precision=mixed_precision)
    return model


def _layer_name(activation: str) -> str:
    return _LAYER_NAMES.get(activation, activation)


def _penalty(estimator: Any) -> Any:
    from mlpcore import regularizers

    l1 = getattr(estimator, "l1", 0.0)  # scikit-learn's has none
    if l1:
        return regularizers.L1L2(l1, estimator.alpha / 2)
    return regularizers.L2(estimator.alpha / 2) if estimator.alpha else None


def _loss(estimator: Any) -> Any:
    """Return the loss that goes with the output; where models have no such loss, the nearest."""
    from mlpcore import losses

    smoothing = getattr(estimator, "label_smoothing", 0.0)  # scikit-learn's has none
    if estimator.out_activation_ == "softmax":
        if estimator.loss == "focal" or smoothing:
            _warn_of_another_loss("no focal loss and no label smoothing")
        return "sparse_categorical_crossentropy"
    if hasattr(estimator, "classes_") and estimator.loss == "hinge":
        if not estimator._fitted_targets().is_multiclass:
            return "hinge"
        _warn_of_another_loss("no hinge loss")
        return losses.SparseCategoricalCrossentropy(from_logits=True)
    if hasattr(estimator, "classes_"):
        if estimator.loss == "focal":
            return losses.BinaryFocalCrossentropy(gamma=estimator.focal_gamma, label_smoothing=smoothing)
        return losses.BinaryCrossentropy(label_smoothing=smoothing) if smoothing else "binary_crossentropy"
    if estimator.loss == "huber":
        return losses.Huber(estimator.delta)
    if estimator.loss == "quantile":
        return losses.Quantile(estimator.quantiles)
    return {"squared_error": "mse", "absolute_error": "mae"}.get(estimator.loss, estimator.loss)


def _warn_of_another_loss(what: str) -> None:
    warnings.warn(
        f"For class indices models have {what}: the model is compiled with the plain cross entropy. That changes "
        "nothing about its predictions; call compile() with a loss of your own before you train it.",
        UserWarning,
        stacklevel=4,
    )


def _optimizer(estimator: Any) -> Any:
    from mlpcore import optimizers

    solver = "adam" if estimator.solver == "lbfgs" else estimator.solver
    clip_norm = getattr(estimator, "clip_norm", None)  # scikit-learn's has none
    kind = type(optimizers.get(solver))
    optimizer = kind(estimator.learning_rate_init, global_clipnorm=clip_norm, **solver_settings(estimator, solver))
    if solver == "adamw":
        optimizer.exclude_from_weight_decay(var_names=["bias"])
    return optimizer
