"""What the fuzzer does with files: bytes become a file of one kind, which loads whole and works, or is refused.

The first byte says what the rest is: the file itself (``f``, ``.keras`` k, ``.npz`` z, ``.safetensors`` s), or JSON
that describes a container (``d``): its configuration, and arrays as ``[dtype, shape]`` or ``[dtype, shape, values]``.
A description always becomes a sound zip file, so that what lies behind the checks of zip files is reached too.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
import warnings
import zipfile

import numpy as np

import mlpcore
from mlpcore import layers
from mlpcore.saving import FileFormatError, load_weights

NAMES = {"f": "file", "d": "file", "k": "file.keras", "z": "file.npz", "s": "file.safetensors"}
KEPT = [np.full((2, 3), 0.5, np.float32), np.zeros(3, np.float32), np.ones((3, 1), np.float32)]
_folder = tempfile.TemporaryDirectory()
_model = mlpcore.Sequential([layers.Input((2,)), layers.Dense(3, activation="relu"), layers.Dense(1, use_bias=False)])


def check(data: bytes) -> str:
    """Load a file and use what it holds; return what came of it.

    Raises
    ------
    Exception
        One that the documentation of loading does not name, or a failed claim: this is what the fuzzer looks for.
    """
    path = os.path.join(_folder.name, NAMES.get(chr(data[0]) if data else "f", "file"))
    content = data[1:]
    with open(path, "wb") as file:
        if data[:1] == b"d":
            try:
                described = json.loads(content)
            except (ValueError, RecursionError):
                return "no description"
            write_described(file, described)
        else:
            file.write(content)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        outcome = _weights(path) if data[:1] in (b"z", b"s") else _whole(path)
        return f"{outcome}; {_weights(path)}" if outcome == "refused" else outcome


def _whole(path: str) -> str:
    try:
        loaded = mlpcore.load(path)
    except ValueError as error:
        return refusal(error)
    _use(loaded)
    return f"a {type(loaded).__name__}"


def _use(loaded: object) -> None:
    """Predict with what came out of a file: this may be refused, as the model itself may be none that predicts."""
    try:
        if isinstance(loaded, mlpcore.Model):
            shapes = loaded.input_shape
            shapes = shapes if isinstance(shapes, list) else [shapes]
            if any(not isinstance(s, tuple) or math.prod(n or 1 for n in s[1:]) > 1 << 16 for s in shapes):
                return
            inputs = [np.ones((2, *(n or 1 for n in s[1:])), np.float32) for s in shapes]
            loaded.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
        else:
            loaded.predict(np.ones((2, min(int(getattr(loaded, "n_features_in_", 2)), 1 << 16))))
    except (ValueError, TypeError, AttributeError):  # AttributeError: as scikit-learn's for what is not there
        pass


def _weights(path: str) -> str:
    """Load weights into a small model, which is changed by all of them or by none."""
    _model.set_weights(KEPT)
    try:
        load_weights(_model, path)
    except ValueError as error:
        if [array.tobytes() for array in _model.get_weights()] != [array.tobytes() for array in KEPT]:
            raise AssertionError("a refused file has changed weights") from error
        return refusal(error)
    return "weights"


def refusal(error: Exception) -> str:
    """Return the class of an error that has something to say."""
    assert str(error).strip(), f"{type(error).__name__} without a message"
    return "refused" if isinstance(error, FileFormatError) else type(error).__name__


# ------------------------------------------------ containers described in JSON


def write_described(file, described) -> None:
    """Write the container that a description stands for, sound as a zip file whatever it says."""
    described = described if isinstance(described, dict) else {}
    arrays = described.get("arrays") if isinstance(described.get("arrays"), dict) else {}
    config = described.get("config")
    if isinstance(config, dict):
        table = {name: {"dtype": _at(a, 0), "shape": _at(a, 1)} for name, a in arrays.items()}
        config = {"format": "mlpcore", "version": 1, "arrays": table, **config}
    with zipfile.ZipFile(file, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that come twice
        archive.writestr("config.json", json.dumps(config).encode(errors="surrogatepass"))
        for name, array in arrays.items():
            archive.writestr(f"arrays/{name}.npy".encode(errors="replace").decode(), npy(array))


def npy(array) -> bytes:
    """Return the .npy file of ``[dtype, shape]`` or ``[dtype, shape, values]``, whatever these are."""
    dtype, shape, values = str(_at(array, 0)), _at(array, 1), _at(array, 2)
    lengths = [n for n in shape if type(n) is int] if isinstance(shape, list) else []
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {tuple(lengths)!r}, }}\n"
    count = math.prod(lengths) if all(0 <= n < 1 << 20 for n in lengths) else 0
    try:
        count = min(count, 1 << 14)
        flat = np.resize(np.array(values), count) if isinstance(values, list) and values else np.ones(count)
        body = flat.astype(np.dtype(dtype)).tobytes()
    except (ValueError, TypeError, OverflowError, SyntaxError):
        body = b""
    raw = header.encode("latin1", "replace")
    return b"\x93NUMPY\x01\x00" + (len(raw) & 0xFFFF).to_bytes(2, "little") + raw + body


def description(path) -> bytes:
    """Return the description of a container: where the fuzzer starts from."""
    config, arrays = mlpcore.saving.read_container(path)
    told = {
        name: [a.dtype.str, list(a.shape)] if a.size > 8 else [a.dtype.str, list(a.shape), a.ravel().tolist()]
        for name, a in arrays.items()
    }
    return b"d" + json.dumps({"config": config, "arrays": told}).encode()


def _at(array, place):
    return array[place] if isinstance(array, list) and len(array) > place else None
