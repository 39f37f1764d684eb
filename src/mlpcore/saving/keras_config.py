"""Descriptions of objects, from mlpcore's form into that of Keras 3 and back."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from mlpcore import _registry

_MODULES = {  # ours -> Keras'
    "mlpcore.schedules": "keras.optimizers.schedules",
    "mlpcore.models": "keras",
}
_NN = {
    "Celu", "Elu", "Gelu", "Glu", "HardSigmoid", "HardSilu", "HardTanh", "LeakyRelu", "LogSigmoid", "LogSoftmax",
    "OneHot", "Relu", "Relu6", "Selu", "Sigmoid", "Silu", "Softmax", "Softplus", "Softsign", "SquarePlus",
}  # fmt: skip  # ops that Keras keeps apart from NumPy's
_MATH = {"Erf", "ErfInv", "Logsumexp", "Rsqrt", "TopK", "InTopK"}
_CORE = {"Cast", "StopGradient", "Unstack", "Slice"}
_FAMILIES = (
    "constraints",
    "initializers",
    "layers",
    "losses",
    "metrics",
    "models",
    "optimizers",
    "regularizers",
    "schedules",
)
_POLICIES = {"float32", "float64"}
_WITHOUT_MEANING = {  # settings of Keras that change no number here
    "autocast", "input_axes", "jit_compile", "optional", "output_axes", "quantization_config", "ragged", "renorm",
    "renorm_clipping", "renorm_momentum", "shared_object_id", "sparse", "synchronized", "lora_rank", "lora_alpha",
}  # fmt: skip


def to_keras(value: Any) -> Any:
    """Return a serialized object, or a structure with such in it, as Keras 3 writes it."""
    if isinstance(value, list):
        return [to_keras(each) for each in value]
    if not isinstance(value, dict):
        return value
    result = {key: to_keras(each) for key, each in value.items()}
    module = value.get("module")
    if "class_name" not in value or not isinstance(module, str) or not module.startswith("mlpcore."):
        return result
    name = value["class_name"]
    if module == "mlpcore.ops":
        kind = "nn" if name in _NN else "math" if name in _MATH else "core" if name in _CORE else "numpy"
        return {**result, "module": f"keras.src.ops.{kind}"}
    if module == "mlpcore.models" and name in ("Functional", "Model"):
        return {**result, "module": "keras.src.models.functional", "class_name": "Functional"}
    if module == "mlpcore.layers" and isinstance(result.get("config"), dict):
        result["config"] = {
            key: each
            for key, each in result["config"].items()
            if key != "input_shape" and not (key == "activity_regularizer" and each is None)
        }
    return {**result, "module": _MODULES.get(module, module.replace("mlpcore.", "keras.", 1))}


def from_keras(value: Any) -> Any:
    """Return what Keras 3 wrote in mlpcore's form.

    Raises
    ------
    ValueError
        It says something that mlpcore cannot do: the message names it.
    """
    if isinstance(value, list):
        return [from_keras(each) for each in value]
    if not isinstance(value, dict):
        return value
    name, config = value.get("class_name"), value.get("config")
    if name == "DTypePolicy" and isinstance(config, dict):
        policy = config.get("name")
        if policy not in _POLICIES:
            raise ValueError(f"the dtype policy {policy!r}; mlpcore computes in {sorted(_POLICIES)}")
        return policy
    if name == "__lambda__" or (name == "Lambda" and "__lambda__" in str(config)[:10_000]):
        raise ValueError(
            "a lambda, which is code in the file and never run; define the layer as a class and register it"
        )
    result = {key: from_keras(each) for key, each in value.items() if key != "shared_object_id"}
    module = value.get("module")
    if isinstance(name, str) and isinstance(module, str) and ".ops" not in module:
        family = "models" if name in ("Sequential", "Functional", "Model") else module.rpartition(".")[2]
        if family in _FAMILIES and module.partition(".")[0] in ("keras", "keras_core", "tf_keras"):
            result["module"] = f"mlpcore.{family}"
            if name in _registry.built_in_names(family) and isinstance(result.get("config"), dict):
                result["config"] = _without_defaults(_registry.find(family, name), result["config"])
    return result


def _without_defaults(cls: Any, config: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what mlpcore's class does not know and what means nothing here, or is switched off."""
    known: set[str] = set()
    if not inspect.isclass(cls):
        return dict(config)
    for base in cls.__mro__:
        if "__init__" in vars(base):
            known |= set(inspect.signature(vars(base)["__init__"]).parameters)
    known |= {"batch_shape", "layers", "input_layers", "output_layers", "build_input_shape"}
    return {
        key: value
        for key, value in config.items()
        if key in known or not (key in _WITHOUT_MEANING or value is None or value is False)
    }
