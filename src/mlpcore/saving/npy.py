"""NumPy's .npy format, written as NumPy writes it and read without trusting its header."""

from __future__ import annotations

import math
import re
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from mlpcore.saving.errors import FileFormatError

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 4096  # NumPy pads its own to a multiple of 64; a plain array of 32 dimensions needs about 700
_MOST_DIMENSIONS = 32
_CHUNK = 1 << 20
_HEADER = re.compile(
    r"\{'descr': ?'(?P<descr>[<>|=][A-Za-z]\d{1,9})', ?'fortran_order': ?(?P<fortran>True|False), ?"
    r"'shape': ?\((?P<shape>(?:\d{1,19}, ?)*(?:\d{1,19})?)\),? ?\} *\n?"
)
_KINDS = {  # kind of a dtype -> the sizes of it that may stand in a file
    "b": {1},
    "i": {1, 2, 4, 8},
    "u": {1, 2, 4, 8},
    "f": {2, 4, 8},
}
_LONGEST_STRING = 1 << 20  # characters


def header_of(array: NDArray[Any]) -> bytes:
    """Return the .npy header of a C-contiguous array of a plain dtype.

    Parameters
    ----------
    array : ndarray
        Of booleans, integers, floating-point numbers or strings (``U``).

    Returns
    -------
    bytes
        Magic, version 1.0, length and dictionary, padded to a multiple of 64 bytes.

    Raises
    ------
    TypeError
        The dtype is not one that can be stored without code.
    """
    descr = array.dtype.str
    if not is_plain(array.dtype):
        raise TypeError(
            f"arrays of dtype {array.dtype} cannot be saved; convert to booleans, integers, floats or strings"
        )
    text = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {array.shape!r}, }}"
    start = len(_MAGIC) + 4
    text += " " * (-(start + len(text) + 1) % 64) + "\n"
    return _MAGIC + b"\x01\x00" + len(text).to_bytes(2, "little") + text.encode("latin1")


def is_plain(dtype: np.dtype[Any]) -> bool:
    """Tell whether arrays of `dtype` can be written to a file: numbers, booleans and strings."""
    if dtype.kind == "U":
        return dtype.itemsize // 4 <= _LONGEST_STRING
    return dtype.itemsize in _KINDS.get(dtype.kind, set())


def bytes_of(array: NDArray[Any]) -> memoryview:
    """Return the bytes of a C-contiguous array, not copied."""
    flat: Any = array.reshape(-1).view(np.uint8) if array.nbytes else np.empty(0, np.uint8)
    return memoryview(flat)


def read_array(file: BinaryIO, size: int, where: str) -> NDArray[Any]:
    """Read one .npy file of `size` bytes and check every number of its header against that size.

    Parameters
    ----------
    file : binary file
        At the start of the .npy data; is read to its end.
    size : int
        Bytes that the file has. The caller has checked that its source really justifies them.
    where : str
        Names the array in error messages.

    Returns
    -------
    ndarray
        Writable, aligned, C-contiguous, in native byte order.

    Raises
    ------
    FileFormatError
        The header is not one that NumPy writes for a plain array, or the data are shorter or longer than it says.
    """
    dtype, fortran, shape, start = _read_header(file, where)
    expected = math.prod(shape) * dtype.itemsize
    if expected != size - start:
        raise FileFormatError(
            f"{where}: the header promises shape {shape} of {dtype}, {expected} bytes, but {size - start} follow"
        )
    try:
        array: NDArray[Any] = np.empty(shape[::-1] if fortran else shape, dtype)
    except ValueError as error:  # a dimension beyond NumPy's, beside one of 0
        raise FileFormatError(f"{where}: shape {shape} is not possible ({error})") from None
    _fill(file, array, where)
    _check_values(array, where)
    if fortran:
        array = np.ascontiguousarray(array.T)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _read_header(file: BinaryIO, where: str) -> tuple[np.dtype[Any], bool, tuple[int, ...], int]:
    """Return dtype, Fortran order, shape and the number of bytes of the header."""
    start = file.read(8)
    if len(start) < 8 or start[:6] != _MAGIC:
        raise FileFormatError(f"{where}: no .npy data (the first bytes are {start[:6]!r})")
    if start[6:] not in (b"\x01\x00", b"\x02\x00", b"\x03\x00"):
        raise FileFormatError(f"{where}: unknown .npy version {start[6]}.{start[7]}")
    width = 2 if start[6] == 1 else 4
    length = int.from_bytes(file.read(width), "little")
    if length > _LONGEST_HEADER:
        raise FileFormatError(f"{where}: a header of {length} bytes; at most {_LONGEST_HEADER} are read")
    raw = file.read(length)
    match = _HEADER.fullmatch(raw.decode("latin1"))
    if len(raw) < length or match is None:
        raise FileFormatError(f"{where}: damaged header {raw[:80]!r}, or an array of objects, which are never loaded")
    shape = tuple(int(n) for n in re.findall(r"\d+", match["shape"]))
    if len(shape) > _MOST_DIMENSIONS:
        raise FileFormatError(f"{where}: {len(shape)} dimensions; at most {_MOST_DIMENSIONS} are read")
    kind, number = match["descr"][1], int(match["descr"][2:])
    if not (number in _KINDS.get(kind, set()) or (kind == "U" and number <= _LONGEST_STRING)):
        raise FileFormatError(
            f"{where}: dtype {match['descr']!r} is not loaded; only booleans, integers, floats and strings are"
        )
    return np.dtype(match["descr"]), match["fortran"] == "True", shape, 8 + width + length


def _fill(file: BinaryIO, array: NDArray[Any], where: str) -> None:
    """Read exactly the bytes of `array`; reading the end too makes a zip file check its CRC."""
    view = bytes_of(array)
    done = 0
    while done < len(view):
        chunk = file.read(min(_CHUNK, len(view) - done))
        if not chunk:
            raise FileFormatError(f"{where}: the data end after {done} of {len(view)} bytes")
        view[done : done + len(chunk)] = chunk
        done += len(chunk)
    if file.read(1):
        raise FileFormatError(f"{where}: data follow after the end of the array")


def _check_values(array: NDArray[Any], where: str) -> None:
    """Refuse bit patterns that are no value of the dtype: booleans other than 0 and 1, characters beyond Unicode."""
    if array.size == 0:
        return
    if array.dtype.kind == "b" and array.view(np.uint8).max() > 1:
        raise FileFormatError(f"{where}: booleans other than 0 and 1")
    if array.dtype.kind == "U" and array.dtype.itemsize:
        codes = array.reshape(-1).view(np.dtype(np.uint32).newbyteorder(array.dtype.byteorder))
        if codes.max() > 0x10FFFF:
            raise FileFormatError(f"{where}: characters beyond Unicode")
