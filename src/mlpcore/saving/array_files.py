"""Named arrays in the files of others: NumPy's .npz and safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore.saving import npy
from mlpcore.saving.archive import Archive
from mlpcore.saving.atomic import replacing
from mlpcore.saving.errors import FileFormatError, PathLike

Arrays = dict[str, NDArray[Any]]


def write_npz(path: PathLike, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays as `numpy.savez` does, whole or not at all."""
    with replacing(path) as file:
        # `allow_pickle` is an array of that name to NumPy before 2.
        np.savez(file, **arrays)  # type: ignore[arg-type]  # the stubs take any name for allow_pickle


def read_npz(path: PathLike) -> Arrays:
    """Read what `numpy.savez` wrote, without pickle and without trust.

    Raises
    ------
    FileFormatError
        The file is damaged or hostile, or holds objects.
    """
    arrays: Arrays = {}
    with Archive(path) as archive:
        for member, size in archive.sizes.items():
            if not member.endswith(".npy"):
                raise archive.error(f"member {member!r} is no array")
            with archive.open(member) as file:
                arrays[member[: -len(".npy")]] = npy.read_array(file, size, f"array {member[:-4]!r}")
    return arrays


def write_safetensors(path: PathLike, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write arrays in the format of safetensors, whole or not at all.

    Raises
    ------
    ImportError
        The package safetensors is missing.
    """
    data: bytes = _safetensors().save({name: np.asarray(array, order="C") for name, array in arrays.items()})
    with replacing(path) as file:
        file.write(data)


def read_safetensors(path: PathLike) -> Arrays:
    """Read a file of safetensors.

    Raises
    ------
    FileFormatError
        The file is damaged or hostile, or of a dtype that NumPy lacks.
    ImportError
        The package safetensors is missing.
    """
    numpy = _safetensors()
    with open(path, "rb"):  # a missing file is an OSError that says so
        pass
    try:
        arrays: Arrays = numpy.load_file(path)
    except Exception as error:  # its own class, and others for dtypes that NumPy lacks
        raise FileFormatError(
            f"{str(path)!r}: no complete file of safetensors ({error}). Save it again, or take another copy."
        ) from None
    return arrays


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError:
        raise ImportError(
            "files ending in .safetensors need the package safetensors: pip install safetensors"
        ) from None
    return safetensors.numpy
