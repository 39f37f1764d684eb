"""Names of activations: what a user may write, and what the core calls it."""

from __future__ import annotations

from typing import Any

# of hidden layers; the core has the same names
HIDDEN_ACTIVATIONS = (
    "identity",
    "logistic",
    "tanh",
    "relu",
    "leaky_relu",
    "elu",
    "selu",
    "gelu",
    "silu",
    "mish",
    "softplus",
    "hard_sigmoid",
    "softsign",
    "heaviside",
)

# of a regression's output, with the core's names
OUTPUT_ACTIVATIONS = {
    "identity": "identity",
    "relu": "relu",
    "softplus": "softplus",
    "sigmoid": "logistic",
    "logistic": "logistic",
    "tanh": "tanh",
    "exp": "exp",
}


def hidden_activations(activation: Any, n_hidden: int) -> tuple[str, ...]:
    """Return one activation for each of the hidden layers; a single name stands for all."""
    if isinstance(activation, str):
        return (activation,) * n_hidden
    names = tuple(activation)
    for name in names:
        if name not in HIDDEN_ACTIVATIONS:
            raise ValueError(f"activation must hold names among {sorted(HIDDEN_ACTIVATIONS)}, got {name!r}.")
    if len(names) != n_hidden:
        raise ValueError(f"activation must be one name, or one for each of {n_hidden} hidden layers, got {names}.")
    return names


def check_trainable(activations: tuple[str, ...]) -> None:
    """Raise ValueError for an activation whose derivative is 0 everywhere."""
    if "heaviside" in activations:
        raise ValueError(
            "activation='heaviside' has no gradient to train by; set coefs_ and intercepts_ by hand, or fit with "
            "'logistic' and call set_params(activation='heaviside') before predict."
        )
