"""The merging layers as functions of a list of tensors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mlpcore._tape import active
from mlpcore._tensor import KerasTensor
from mlpcore.layers.join import Concatenate, Dot
from mlpcore.layers.merge import Add, Average, Maximum, Merge, Minimum, Multiply, Subtract


def _apply(layer: type[Merge], inputs: Any, **kwargs: Any) -> Any:
    """Return the combination of `inputs`; a model's graph shows it as a layer.

    Inside `call` it is recorded as an op, so that loops do not pile up layers.
    """
    recorder = active()
    if recorder is not None and not kwargs.get("name"):
        return recorder.record(layer, (inputs,), kwargs, lambda xs, **options: layer(**options).call(xs))
    made = layer(**kwargs)
    is_placeholder = isinstance(inputs, list | tuple) and any(isinstance(x, KerasTensor) for x in inputs)
    return made(inputs) if is_placeholder else made.call(inputs)


def add(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the sum of tensors: see `Add`.

    >>> import numpy as np
    >>> add([np.array([[1, 2]], np.float32), np.array([[3, 1]], np.float32)])
    array([[4., 3.]], dtype=float32)
    """
    return _apply(Add, inputs, **kwargs)


def subtract(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the difference of two tensors: see `Subtract`.

    >>> import numpy as np
    >>> subtract([np.array([[1, 2]], np.float32), np.array([[3, 1]], np.float32)])
    array([[-2.,  1.]], dtype=float32)
    """
    return _apply(Subtract, inputs, **kwargs)


def multiply(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the product of tensors: see `Multiply`.

    >>> import numpy as np
    >>> multiply([np.array([[1, 2]], np.float32), np.array([[3, 1]], np.float32)])
    array([[3., 2.]], dtype=float32)
    """
    return _apply(Multiply, inputs, **kwargs)


def average(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the mean of tensors: see `Average`.

    >>> import numpy as np
    >>> average([np.array([[1, 2]], np.float32), np.array([[3, 1]], np.float32)])
    array([[2. , 1.5]], dtype=float32)
    """
    return _apply(Average, inputs, **kwargs)


def maximum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the maximum of tensors: see `Maximum`.

    >>> import numpy as np
    >>> maximum([np.array([[1, 2]], np.float32), np.array([[3, 1]], np.float32)])
    array([[3., 2.]], dtype=float32)
    """
    return _apply(Maximum, inputs, **kwargs)


def minimum(inputs: Sequence[Any], **kwargs: Any) -> Any:
    """Return the minimum of tensors: see `Minimum`.

    >>> import numpy as np
    >>> minimum([np.array([[1, 2]], np.float32), np.array([[3, 1]], np.float32)])
    array([[1., 1.]], dtype=float32)
    """
    return _apply(Minimum, inputs, **kwargs)


def concatenate(inputs: Sequence[Any], axis: int = -1, **kwargs: Any) -> Any:
    """Return tensors joined along an axis: see `Concatenate`.

    >>> import numpy as np
    >>> concatenate([np.array([[1, 2]], np.float32), np.array([[3, 1]], np.float32)])
    array([[1., 2., 3., 1.]], dtype=float32)
    """
    return _apply(Concatenate, inputs, axis=axis, **kwargs)


def dot(inputs: Sequence[Any], axes: int | Sequence[int] = -1, **kwargs: Any) -> Any:
    """Return sums of products of two tensors: see `Dot`.

    >>> import numpy as np
    >>> dot([np.array([[1, 2]], np.float32), np.array([[3, 1]], np.float32)], axes=1)
    array([[5.]], dtype=float32)
    """
    return _apply(Dot, inputs, axes=axes, **kwargs)
