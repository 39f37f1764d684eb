"""Random numbers under TensorFlow's and Keras' name `random`: the seed of everything that this package draws."""

from __future__ import annotations

from mlpcore import _random

__all__ = ["set_seed"]


def set_seed(seed: int) -> None:
    """Make initial weights, shuffles, dropout and noise reproducible, as ``tf.random.set_seed`` does.

    Parameters
    ----------
    seed : int
        At least 0.

    See Also
    --------
    mlpcore.utils.set_random_seed : Seeds Python's and NumPy's generators too.

    Examples
    --------
    >>> import mlpcore
    >>> mlpcore.random.set_seed(42)
    """
    _random.set_seed(seed)
