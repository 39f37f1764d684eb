"""Named arrays in HDF5 files as Keras lays them out; what a file links to elsewhere is never followed."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mlpcore.saving.archive import RATIO, SLACK
from mlpcore.saving.errors import FileFormatError, PathLike

_LONGEST_TEXT = 16 << 20  # characters of an attribute
_MOST_NAMES = 1 << 16
_ADVICE = "Save it again, or take another copy."


def h5py() -> Any:
    """Return the module h5py.

    Raises
    ------
    ImportError
        It is missing.
    """
    try:
        return import_module("h5py")
    except ImportError:
        raise ImportError("files of Keras (.keras, .h5) need the package h5py: pip install h5py") from None


def write_hdf5(
    file: Any, arrays: Mapping[str, NDArray[Any]], groups: Mapping[str, Mapping[str, Any]] | None = None
) -> None:
    """Write arrays to an open binary file.

    Parameters
    ----------
    file : binary file
        Open for writing and reading.
    arrays : dict of ndarray
        By path in the file.
    groups : dict of dict, optional
        Attributes of groups, by path ("/": the whole file). These groups exist even if they hold no array.
    """
    with h5py().File(file, "w") as target:
        for path, attributes in (groups or {}).items():
            group = target.require_group(path)
            for name, value in attributes.items():
                group.attrs[name] = value
        for path, array in arrays.items():
            target.create_dataset(path, data=array)


class H5File:
    """An HDF5 file opened for reading, as a context manager.

    Parameters
    ----------
    source : str, path-like or bytes
        The file, or what stands in it.
    where : str
        Names the file in error messages.
    """

    def __init__(self, source: PathLike | bytes, where: str) -> None:
        self._where = where
        module = h5py()
        if not isinstance(source, bytes):
            with open(source, "rb") as file:  # a missing file is an OSError that says so
                if file.read(8) != b"\x89HDF\r\n\x1a\n":
                    raise self.error("no HDF5 file")
        try:
            self._file = module.File(io.BytesIO(source) if isinstance(source, bytes) else source, "r")
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise self.error(f"no complete HDF5 file ({error})") from None

    def __enter__(self) -> H5File:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def error(self, what: str) -> FileFormatError:
        """Return the error that names this file."""
        return FileFormatError(f"{self._where!r}: {what}. {_ADVICE}")

    def _find(self, path: str) -> Any:
        """Return what lies at a path, following nothing but hard links; None if nothing does."""
        module = h5py()
        found = self._file
        for name in path.split("/") if path else ():
            if not isinstance(found, module.Group):
                return None
            link = found.get(name, getlink=True)
            if link is None:
                return None
            if not isinstance(link, module.HardLink):
                raise self.error(f"{path!r} is a link to somewhere else, which is not followed")
            found = found[name]
        return found

    def names(self, path: str) -> list[str]:
        """Return the names in a group, sorted as numbers where they are numbers; [] if there is no such group."""
        try:
            group = self._find(path)
            if not isinstance(group, h5py().Group):
                return []
            if len(group) > _MOST_NAMES:
                raise self.error(f"{len(group)} entries in {path!r}; at most {_MOST_NAMES} are read")
            return sorted(group, key=lambda name: (0, int(name), "") if name.isdecimal() else (1, 0, name))
        except (OSError, RuntimeError, KeyError, UnicodeError) as error:
            raise self.error(f"the group {path!r} is damaged ({error})") from None

    def array(self, path: str, shape: Sequence[int] | None = None) -> NDArray[Any]:
        """Return an array of numbers.

        Parameters
        ----------
        path : str
            Where it lies in the file.
        shape : sequence of int, optional
            What its shape must be.

        Returns
        -------
        ndarray
            In native byte order.

        Raises
        ------
        FileFormatError
            There is no such array, it has another shape, it lies outside of the file, or it takes more memory than
            the file justifies.
        """
        try:
            data = self._find(path)
            if not isinstance(data, h5py().Dataset):
                raise self.error(f"it has no array {path!r}")
            if shape is not None and data.shape != tuple(shape):
                raise self.error(f"array {path!r} has shape {data.shape}; {tuple(shape)} is expected")
            if data.shape is None or data.dtype.kind not in "biuf" or data.external or data.is_virtual:
                raise self.error(f"array {path!r} ({data.dtype}) holds no plain numbers of this file")
            if data.nbytes > RATIO * data.id.get_storage_size() + SLACK:
                raise self.error(f"array {path!r} promises {data.nbytes} bytes out of {data.id.get_storage_size()}")
            array: NDArray[Any] = np.asarray(data[()])
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError) as error:
            if isinstance(error, FileFormatError):
                raise
            raise self.error(f"array {path!r} is damaged ({error})") from None
        return array.astype(array.dtype.newbyteorder("="))

    def attribute(self, path: str, name: str) -> Any:
        """Return an attribute of a group: a str, or a list of str; None if there is none."""
        try:
            group = self._find(path)
            if group is None or name not in group.attrs:
                return None
            kept = group.attrs.get_id(name)
            if np.prod(kept.shape, dtype=float) * kept.dtype.itemsize > _LONGEST_TEXT:
                raise self.error(f"attribute {name!r} is too long")
            value = group.attrs[name]
        except (OSError, RuntimeError, KeyError, ValueError, TypeError, UnicodeError) as error:
            if isinstance(error, FileFormatError):
                raise
            raise self.error(f"attribute {name!r} of {path!r} is damaged ({error})") from None
        if isinstance(value, np.ndarray):
            return [self._text(each) for each in value.ravel().tolist()]
        return self._text(value)

    def _text(self, value: Any) -> str:
        try:
            return value.decode() if isinstance(value, bytes) else str(value)
        except UnicodeError as error:
            raise self.error(f"a text is damaged ({error})") from None
