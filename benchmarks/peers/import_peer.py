"""What `import` costs: a fresh Python that imports NumPy and then the library, the second part timed."""

from __future__ import annotations

import os
import subprocess
import sys

from peers import Work

CODE = "import numpy, time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"
NAMES = {
    "mlpcore-model": "mlpcore.models",
    "sklearn": "sklearn.neural_network",
    "keras-jax": "keras",
    "keras-torch": "keras",
    "keras-tensorflow": "keras",
}


def prepare(library: str) -> Work:
    """Return the seconds of an import, measured inside the new process."""
    name = NAMES.get(library, library)
    backend = library.partition("-")[2] or "jax"
    environment = {**os.environ, "KERAS_BACKEND": backend, "PYTHONWARNINGS": "ignore"}

    def run() -> float:
        command = [sys.executable, "-c", CODE.format(name)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return float(done.stdout.split()[-1])

    return Work(run, lambda: 0.0)
