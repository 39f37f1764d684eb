"""Files that appear whole or not at all: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from mlpcore.saving.errors import PathLike, naming


@contextlib.contextmanager
def replacing(path: PathLike) -> Iterator[BinaryIO]:
    """Open a temporary file beside `path` that takes its place once the block has ended without an error.

    A reader, or a process that is killed, sees the old file or the new one and nothing between. A symbolic link
    is followed, so the link stays.

    Parameters
    ----------
    path : str or path-like
        Where the file shall be.

    Yields
    ------
    binary file
        Open for writing and reading.

    Raises
    ------
    IsADirectoryError
        A directory lies at `path`.
    FileNotFoundError
        The folder does not exist.
    OSError
        The disk is full, or the folder cannot be written. It names `path`; what lay there is as it was.
    """
    target = Path(os.path.realpath(path))
    if target.is_dir():
        raise IsADirectoryError(
            f"cannot write the file {str(path)!r}: a directory lies there. Remove it or choose another name."
        )
    temporary = target.with_name(f".{target.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp")
    try:
        with naming(path):
            with open(temporary, "x+b") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, target)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_folder(target.parent)


def sync_folder(folder: PathLike) -> None:
    """Make renames in `folder` survive a loss of power, where the system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    except OSError:  # some network file systems refuse
        pass
    finally:
        os.close(descriptor)


def remove_leftovers(path: PathLike) -> None:
    """Remove the temporary files that killed writers of `path` left behind.

    Only for files that one process writes, as checkpoints are: the temporary file of a writer that still runs
    would go too.
    """
    target = Path(os.path.realpath(path))
    temporary = re.compile(rf"\.{re.escape(target.name)}\.\d+\.(?:[0-9a-f]{{8}}|kept)\.tmp")
    with contextlib.suppress(OSError):
        for entry in list(os.scandir(target.parent)):
            if temporary.fullmatch(entry.name):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)
