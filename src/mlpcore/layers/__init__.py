"""Layers, with Keras 3's names and arguments.

>>> import numpy as np
>>> from mlpcore import layers
>>> dense = layers.Dense(1, kernel_initializer="ones")
>>> dense(np.array([[1.0, 2.0]], np.float32))
array([[3.]], dtype=float32)
"""

from typing import Any

from mlpcore import _registry
from mlpcore._validation import suggest
from mlpcore.layers.activation import ELU, Activation, LeakyReLU, PReLU, ReLU, Softmax
from mlpcore.layers.base import Layer
from mlpcore.layers.batch_normalization import BatchNormalization
from mlpcore.layers.dense import Dense
from mlpcore.layers.embedding import Embedding
from mlpcore.layers.function import Identity, Lambda
from mlpcore.layers.input import Input, InputLayer
from mlpcore.layers.join import Concatenate, Dot
from mlpcore.layers.layer_normalization import LayerNormalization
from mlpcore.layers.merge import Add, Average, Maximum, Minimum, Multiply, Subtract
from mlpcore.layers.merge_functions import add, average, concatenate, dot, maximum, minimum, multiply, subtract
from mlpcore.layers.noise import ActivityRegularization, AlphaDropout, Dropout, GaussianDropout, GaussianNoise
from mlpcore.layers.pooling import GlobalAveragePooling1D, GlobalMaxPooling1D
from mlpcore.layers.preprocessing import Normalization, Rescaling
from mlpcore.layers.shape import Flatten, Permute, RepeatVector, Reshape
from mlpcore.layers.time_distributed import TimeDistributed

__all__ = [
    "ELU",
    "Activation",
    "ActivityRegularization",
    "Add",
    "AlphaDropout",
    "Average",
    "BatchNormalization",
    "Concatenate",
    "Dense",
    "Dot",
    "Dropout",
    "Embedding",
    "Flatten",
    "GaussianDropout",
    "GaussianNoise",
    "GlobalAveragePooling1D",
    "GlobalMaxPooling1D",
    "Identity",
    "Input",
    "InputLayer",
    "Lambda",
    "Layer",
    "LayerNormalization",
    "LeakyReLU",
    "Maximum",
    "Minimum",
    "Multiply",
    "Normalization",
    "PReLU",
    "Permute",
    "ReLU",
    "RepeatVector",
    "Rescaling",
    "Reshape",
    "Softmax",
    "Subtract",
    "TimeDistributed",
    "add",
    "average",
    "concatenate",
    "deserialize",
    "dot",
    "maximum",
    "minimum",
    "multiply",
    "serialize",
    "subtract",
]


def serialize(layer: Layer) -> dict[str, Any]:
    """Return a layer as plain data, without its weights.

    >>> serialize(Flatten(name="flat"))["class_name"]
    'Flatten'
    """
    data: dict[str, Any] = _registry.serialize_object(layer)
    return data


def deserialize(config: dict[str, Any], custom_objects: dict[str, Any] | None = None) -> Layer:
    """Return the layer that `serialize` described, with fresh weights.

    >>> deserialize(serialize(Flatten(name="flat"))).name
    'flat'
    """
    layer = _registry.deserialize(config, custom_objects, "layers")
    if not isinstance(layer, Layer):
        raise ValueError(f"layers.deserialize: config must describe a layer, got {config!r}")
    return layer


def __getattr__(name: str) -> Any:
    """Find further names of the layers, as ``GlobalAvgPool1D``, and say which was meant."""
    names = [each for each in _registry.built_in_names("layers") if each[0].isupper()]
    if name not in names:
        scope = ": it has layers for tables and small images, no convolutions, recurrence or attention"
        near = suggest(name, [*__all__, *names]) or scope
        raise AttributeError(f"module 'mlpcore.layers' has no attribute {name!r}{near}")
    return _registry.module_attribute("layers", name)
