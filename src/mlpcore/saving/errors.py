"""What is raised when a file cannot be trusted, and when one cannot be written."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

PathLike = str | os.PathLike[str]


class FileFormatError(ValueError):
    """A file is torn, foreign, damaged or hostile.

    The message names the file, says what is wrong with it and what can be done. A file that does not exist or
    cannot be opened raises the usual `OSError` instead.
    """


@contextlib.contextmanager
def naming(path: PathLike) -> Iterator[None]:
    """Let every `OSError` of the system in the block name `path`: one of a full disk names no file by itself.

    Parameters
    ----------
    path : str or path-like
        What the caller of the block knows the file by.

    Raises
    ------
    OSError
        Of the same number and kind; its `filename` is `path`.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error
