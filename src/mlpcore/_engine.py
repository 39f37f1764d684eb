"""Tape, Engine, Update and Sums: the compiled ones as soon as they run any op, until then the NumPy reference's."""

import sys
from pathlib import Path

from mlpcore import _core

if hasattr(_core.Tape, "add_parameter"):
    from mlpcore._core import Engine, Sums, Tape, Update  # type: ignore[attr-defined]
else:
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
    from reference_tape import Engine, Sums, Tape, Update  # type: ignore[assignment]

__all__ = ["Engine", "Sums", "Tape", "Update"]
