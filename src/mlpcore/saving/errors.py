"""The error that every reader of this package raises for a file that it cannot trust."""

from __future__ import annotations

import os

PathLike = str | os.PathLike[str]


class FileFormatError(ValueError):
    """A file is torn, foreign, damaged or hostile.

    The message names the file, says what is wrong with it and what can be done. A file that does not exist or
    cannot be opened raises the usual `OSError` instead.
    """
