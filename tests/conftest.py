"""What all tests share: a header naming the kernels, and real data where there is some."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mlpcore import _core


def pytest_report_header() -> str:
    """Say which kernels these tests run on."""
    return f"mlpcore: {_core.isa()} kernels, of {', '.join(_core.available_isas())}"


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Return the folder of `.npz` data sets named by MLPCORE_DATA, or skip the test."""
    name = os.environ.get("MLPCORE_DATA", "")
    if not Path(name).is_dir() or not name:
        pytest.skip("MLPCORE_DATA names no folder of data sets")
    return Path(name)


@pytest.fixture(scope="session")
def dataset(data_folder: Path) -> Callable[[str], dict[str, np.ndarray]]:
    """Return a loader of data sets by name (`dataset("fashion_mnist")["X_train"]`)."""

    def load(name: str) -> dict[str, np.ndarray]:
        path = data_folder / f"{name}.npz"
        if not path.exists():
            pytest.skip(f"no {name}.npz in MLPCORE_DATA")
        with np.load(path) as arrays:
            return dict(arrays)

    return load
