"""Zip files read with every declared number checked against the bytes that are really there."""

from __future__ import annotations

import contextlib
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator
from types import TracebackType
from typing import BinaryIO, cast

from mlpcore.saving.errors import FileFormatError, PathLike

MOST_MEMBERS = 1 << 18
RATIO = 64  # a deflated member may grow to this many times its own bytes ...
SLACK = 1 << 16  # ... and this many bytes more, so that a small file of zeros stays readable
_LONGEST_TABLE = 1 << 26  # bytes of the table of contents
_CHUNK = 1 << 20
_ADVICE = "Save it again, or take another copy."
_ZIP_ERRORS = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    RuntimeError,  # encrypted; NotImplementedError: an unknown method
    OverflowError,
    IndexError,
    KeyError,
    AttributeError,
)


class Archive:
    """A zip file opened for reading, as a context manager.

    On opening, the table of contents is checked: names are relative, plain and distinct; members are stored or
    deflated and lie one after another inside the file; what they promise to unpack is bounded by their own size.

    Parameters
    ----------
    path : str or path-like
        The file.

    Raises
    ------
    FileFormatError
        The file is no such zip file.
    OSError
        The file cannot be opened.
    """

    def __init__(self, path: PathLike) -> None:
        self.path = os.fspath(path)
        self._file = open(self.path, "rb")  # noqa: SIM115  closed by __exit__
        try:
            self._size = os.fstat(self._file.fileno()).st_size
            self._check_end()
            try:
                self._zip = zipfile.ZipFile(self._file)
                members = self._zip.infolist()
            except _ZIP_ERRORS as error:
                raise self.error(f"not a complete zip file ({error})") from None
            self._check(members)
            self.sizes = {member.filename: member.file_size for member in members}
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def error(self, what: str) -> FileFormatError:
        """Return the error that names this file."""
        return FileFormatError(f"{self.path!r}: {what}. {_ADVICE}")

    def _check_end(self) -> None:
        """Refuse a table of contents that would take much more memory as objects than a file needs it for."""
        tail_size = min(self._size, 22 + 20 + 56)
        self._file.seek(self._size - tail_size)
        tail = self._file.read(tail_size)
        end = tail[-22:]
        if end[:4] != b"PK\x05\x06" or end[-2:] != b"\0\0":
            raise self.error("no zip file that ends as it should: of another kind, or cut off")
        size = int.from_bytes(end[12:16], "little")
        if tail[-42:-38] == b"PK\x06\x07":  # the numbers that count stand in the Zip64 record before
            size = int.from_bytes(tail[40:48], "little") if tail[:4] == b"PK\x06\x06" else self._size
        if size > _LONGEST_TABLE:
            raise self.error(f"a table of contents of {size} bytes; at most {_LONGEST_TABLE} are read")

    def _check(self, members: list[zipfile.ZipInfo]) -> None:
        if len(members) > MOST_MEMBERS:
            raise self.error(f"{len(members)} members; at most {MOST_MEMBERS} are read")
        seen: set[str] = set()
        end = 0
        for member in sorted(members, key=lambda member: member.header_offset):
            name = member.filename
            if not is_plain_name(name) or name != member.orig_filename:
                raise self.error(f"the member name {name!r} is no plain relative path")
            if name in seen:
                raise self.error(f"two members are named {name!r}")
            seen.add(name)
            if member.flag_bits & 0x1 or member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise self.error(f"member {name!r} is encrypted or packed by a method other than 'deflate'")
            packed, unpacked = member.compress_size, member.file_size
            if member.header_offset < end or member.header_offset + 30 + packed > self._size:
                raise self.error(f"member {name!r} overlaps another one or reaches beyond the file")
            end = member.header_offset + 30 + packed
            limit = packed if member.compress_type == zipfile.ZIP_STORED else RATIO * packed + SLACK
            if unpacked > limit or unpacked < 0:
                raise self.error(
                    f"member {name!r} promises {unpacked} bytes out of {packed}; at most {limit} are unpacked"
                )

    @contextlib.contextmanager
    def open(self, name: str) -> Iterator[BinaryIO]:
        """Open one member; errors of the zip format inside the block become `FileFormatError`."""
        if name not in self.sizes:
            raise self.error(f"it has no {name!r}, so it is a file of another kind or a damaged one")
        try:
            with self._zip.open(name) as file:
                yield cast(BinaryIO, file)
        except FileFormatError as error:
            raise self.error(str(error)) from None
        except _ZIP_ERRORS as error:
            raise self.error(f"member {name!r} is damaged ({error})") from None

    def read(self, name: str) -> bytes:
        """Return a whole member, checked against the size that it declares and its CRC."""
        with self.open(name) as file:
            data = bytearray()
            while chunk := file.read(_CHUNK):
                data += chunk
                if len(data) > self.sizes[name]:
                    break
            if len(data) != self.sizes[name]:
                raise FileFormatError(f"member {name!r} has other than the {self.sizes[name]} bytes that it declares")
        return bytes(data)


def is_plain_name(name: str) -> bool:
    """Tell whether `name` is a relative path of ordinary parts: nothing absolute, no drive, no ``..``."""
    parts = name.split("/")
    return (
        0 < len(name) <= 4096
        and not any(character in name for character in "\\:\0")
        and all(part not in ("", ".", "..") for part in parts)
        and all(character >= " " for character in name)
    )
