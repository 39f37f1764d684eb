"""The file format: one zip file of a versioned JSON configuration and NumPy arrays; no pickle, no code.

``config.json`` holds ``format``, ``version``, ``arrays`` (name -> dtype and shape) and what the caller gave;
``arrays/<name>.npy`` holds each array, by default stored as it is, so `zipfile` and `numpy.load` read the file too.
"""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, BinaryIO, cast
from urllib.parse import quote, unquote

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mlpcore._validation import checked
from mlpcore.saving import npy, strict_json
from mlpcore.saving.archive import RATIO, Archive, is_plain_name
from mlpcore.saving.atomic import replacing
from mlpcore.saving.errors import FileFormatError, PathLike

FORMAT = "mlpcore"
VERSION = 1
_CONFIG = "config.json"
_FOLDER = "arrays/"
_SAFE = "/ ()+,=@"  # beside letters, digits and _.-~ these stand in member names as they are
_MOST_STORED = 1 << 31  # bytes; longer members need the Zip64 fields
_RESERVED = ("format", "version", "arrays")


@checked
def write_container(
    path: PathLike, config: Mapping[str, Any], arrays: Mapping[str, ArrayLike], *, compress: bool = False
) -> None:
    """Write a configuration and arrays to one file, which appears whole or not at all.

    Parameters
    ----------
    path : str or path-like
        The file. What lay there is replaced at the very end.
    config : dict
        Plain JSON with finite numbers. The keys ``format``, ``version`` and ``arrays`` are taken.
    arrays : dict of array-like
        By name: booleans, integers, floats or strings, of any shape. The same contents give the same bytes.
    compress : bool, default=False
        Deflate arrays. Weights hardly shrink.

    Raises
    ------
    TypeError
        Something has no plain form.
    ValueError
        A name is taken or empty.
    OSError
        The file cannot be written.

    Examples
    --------
    >>> import tempfile, os, numpy as np
    >>> path = os.path.join(tempfile.mkdtemp(), "numbers")
    >>> write_container(path, {"kind": "demo"}, {"a": np.arange(3)})
    >>> config, arrays = read_container(path)
    >>> config["kind"], arrays["a"].tolist()
    ('demo', [0, 1, 2])
    """
    taken = [key for key in _RESERVED if key in config]
    if taken:
        raise ValueError(f"the configuration must not have the keys {taken}; the file format uses them")
    ready: dict[str, NDArray[Any]] = {}
    table: dict[str, Any] = {}
    for name, given in arrays.items():
        array = np.asarray(given)
        array = array if array.flags.c_contiguous else np.ascontiguousarray(array)
        npy.header_of(array)  # fails here, before anything is written
        _member_of(name)
        ready[name] = array
        table[name] = {"dtype": array.dtype.str, "shape": list(array.shape)}
    text = strict_json.dumps({"format": FORMAT, "version": VERSION, **config, "arrays": table})
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        _write_member(archive, _CONFIG, [text], deflate=False)
        for name, array in ready.items():
            _write_member(archive, _member_of(name), [npy.header_of(array), npy.bytes_of(array)], deflate=compress)


@checked
def read_container(path: PathLike, *, kind: str | None = None) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Read a file of `write_container`, trusting nothing in it.

    Parameters
    ----------
    path : str or path-like
        The file.
    kind : str, optional
        What ``config["kind"]`` must be, as ``"model"``.

    Returns
    -------
    config : dict
        As it was given to `write_container`.
    arrays : dict of ndarray
        By name; writable, C-contiguous, in native byte order.

    Raises
    ------
    FileFormatError
        The file is torn, foreign, damaged, hostile or of another kind or version. Nothing of it has been executed,
        imported or written anywhere, and no more memory was used than the size of the file justifies.
    OSError
        The file cannot be opened.
    """
    with Archive(path) as archive:
        config = _read_config(archive, kind)
        table = config.pop("arrays")
        expected = {_member_of(name): name for name in table}
        present = set(archive.sizes) - {_CONFIG}
        if present != set(expected):
            odd = sorted(present ^ set(expected))[0]
            raise archive.error(f"the table of arrays and the members differ, first in {odd!r}")
        arrays = {}
        for member, name in expected.items():
            with archive.open(member) as file:
                array = npy.read_array(file, archive.sizes[member], f"array {name!r}")
            declared = table[name]
            if (
                not isinstance(declared, dict)
                or declared.get("shape") != list(array.shape)
                or np.dtype(array.dtype).newbyteorder("<").str not in (declared.get("dtype"), _little(declared))
            ):
                raise archive.error(f"array {name!r} has shape {array.shape} of {array.dtype}, declared as {declared}")
            arrays[name] = array
    del config["format"], config["version"]
    return config, arrays


def is_container(path: PathLike) -> bool:
    """Tell whether `path` looks like a complete file of this format, without reading its arrays."""
    try:
        with Archive(path) as archive:
            _read_config(archive, None)
    except (FileFormatError, OSError):
        return False
    return True


def _little(declared: dict[str, Any]) -> str:
    """Return the dtype that an array of another byte order has once it is read."""
    return str(declared.get("dtype")).replace(">", "<")


def _read_config(archive: Archive, kind: str | None) -> dict[str, Any]:
    if _CONFIG not in archive.sizes:
        raise archive.error(f"a zip file without {_CONFIG!r}, so not one of mlpcore's")
    if archive.sizes[_CONFIG] > strict_json.MOST_BYTES:
        raise archive.error(f"a configuration of {archive.sizes[_CONFIG]} bytes")
    text = archive.read(_CONFIG)
    try:
        config = strict_json.loads(text, _CONFIG)
    except FileFormatError as error:
        raise archive.error(str(error)) from None
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise archive.error("its configuration does not say that it is one of mlpcore's files")
    version = config.get("version")
    if type(version) is not int or not 1 <= version <= VERSION:
        raise archive.error(
            f"it has version {version!r} of the format, this mlpcore reads up to {VERSION}; a newer one may read it"
        )
    if kind is not None and config.get("kind") != kind:
        raise archive.error(f"it holds a {str(config.get('kind'))[:40]!r}, not a {kind!r}")
    if not isinstance(config.get("arrays"), dict) or not all(_is_name(name) for name in config["arrays"]):
        raise archive.error("its table of arrays is damaged")
    return cast("dict[str, Any]", config)


def _is_name(name: str) -> bool:
    return is_plain_name(quote(name, safe=_SAFE)) and unquote(quote(name, safe=_SAFE)) == name


def _member_of(name: str) -> str:
    """Return the member that holds array `name`: letters and digits as they are, the rest percent-encoded."""
    try:
        fits = _is_name(name)
    except UnicodeError:
        fits = False
    if not fits:
        raise ValueError(f"{name!r} cannot name an array in a file; use non-empty parts between single slashes")
    return f"{_FOLDER}{quote(name, safe=_SAFE)}.npy"


def _write_member(archive: zipfile.ZipFile, name: str, parts: list[bytes | memoryview], *, deflate: bool) -> None:
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # no clock: the same contents give the same bytes
    info.external_attr = 0o644 << 16
    size = sum(len(part) for part in parts)
    info.compress_type = zipfile.ZIP_DEFLATED if deflate and _is_worth_it(parts, size) else zipfile.ZIP_STORED
    info.file_size = size
    with cast(BinaryIO, archive.open(info, "w", force_zip64=size >= _MOST_STORED)) as member:
        for part in parts:
            member.write(part)


def _is_worth_it(parts: list[bytes | memoryview], size: int) -> bool:
    """Tell whether deflating helps, and helps less than what a reader takes for a bomb."""
    deflater = zlib.compressobj()
    packed = sum(len(deflater.compress(part)) for part in parts) + len(deflater.flush())
    return packed < size and size < RATIO * packed
