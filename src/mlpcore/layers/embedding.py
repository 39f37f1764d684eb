"""The layer that looks vectors up in a table."""

from __future__ import annotations

from typing import Any

from mlpcore import constraints, initializers, ops, regularizers
from mlpcore._arena import Variable
from mlpcore._registry import built_in
from mlpcore._tensor import Shape
from mlpcore.layers._arguments import arguments_of, positive_integer
from mlpcore.layers.base import Layer


@built_in("layers")
class Embedding(Layer):
    """Replaces integers by rows of a trained table.

    Parameters
    ----------
    input_dim : int >= 1
        Rows of the table: the integers are 0, ..., input_dim - 1. Any other gives NaN. At most 2**24 in float32.
    output_dim : int >= 1
        Length of a row.
    embeddings_initializer : str, config, object or callable, default "uniform"
    embeddings_regularizer, embeddings_constraint : str, config, object or callable, optional
        Penalty that is added to the loss; projection of the table after each step.
    mask_zero : bool, default False
        Must be False: no layer here takes masks.
    weights : array, shape (input_dim, output_dim), optional
        The table to begin with.
    **kwargs
        `name`, `trainable`, `dtype`, `activity_regularizer`, as of every layer. `input_length` is ignored.

    Attributes
    ----------
    embeddings : Variable
        Shape (input_dim, output_dim).

    Examples
    --------
    >>> import numpy as np
    >>> layer = Embedding(3, 2, weights=np.array([[0, 0], [1, 10], [2, 20]]))
    >>> layer(np.array([[2, 1]]))
    array([[[ 2., 20.],
            [ 1., 10.]]], dtype=float32)
    """

    _pure = True
    embeddings: Variable

    def __init__(
        self,
        input_dim: int,
        output_dim: int,
        embeddings_initializer: initializers.InitializerLike = "uniform",
        embeddings_regularizer: regularizers.RegularizerLike = None,
        embeddings_constraint: constraints.ConstraintLike = None,
        mask_zero: bool = False,
        weights: Any = None,
        **kwargs: Any,
    ):
        kwargs.pop("input_length", None)
        super().__init__(**kwargs)
        self.input_dim = positive_integer("Embedding", "input_dim", input_dim)
        if self.input_dim > 2**24 and self.dtype == "float32":
            raise ValueError(
                f"{self.name}: integers are exact up to 2**24 = 16777216 in float32, got input_dim={self.input_dim}. "
                "Give the layer dtype='float64'."
            )
        self.output_dim = positive_integer("Embedding", "output_dim", output_dim)
        self.embeddings_initializer = initializers.get(embeddings_initializer)
        self.embeddings_regularizer = regularizers.get(embeddings_regularizer)
        self.embeddings_constraint = constraints.get(embeddings_constraint)
        if mask_zero:
            raise ValueError("Embedding: mask_zero=True is not supported: no layer here takes masks")
        self.mask_zero = False
        if weights is not None:
            self.build((None,))
            self.built = True
            self.set_weights(weights if isinstance(weights, list) and len(weights) == 1 else [weights])

    def build(self, input_shape: Shape) -> None:
        """Create the table."""
        if hasattr(self, "embeddings"):
            return
        self.embeddings = self.add_weight(
            shape=(self.input_dim, self.output_dim),
            initializer=self.embeddings_initializer,
            regularizer=self.embeddings_regularizer,
            constraint=self.embeddings_constraint,
            name="embeddings",
        )

    def call(self, inputs: Any) -> Any:
        """Return the rows that `inputs` name, shape (*inputs.shape, output_dim)."""
        return ops.take(self.embeddings, inputs, axis=0)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return (*input_shape, output_dim)."""
        return (*input_shape, self.output_dim)

    def get_config(self) -> dict[str, Any]:
        """Return the constructor's arguments as plain data."""
        names = "input_dim output_dim embeddings_initializer embeddings_regularizer embeddings_constraint mask_zero"
        return {**super().get_config(), **arguments_of(self, *names.split())}
