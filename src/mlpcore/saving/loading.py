"""load: whatever this package has saved, an estimator or a model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mlpcore._validation import checked
from mlpcore.saving.container import read_container
from mlpcore.saving.errors import PathLike
from mlpcore.saving.estimators import KIND, load_estimator
from mlpcore.saving.model import load_model
from mlpcore.saving.weights import kind_of


@checked
def load(path: PathLike, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return the estimator or model that ``save`` wrote.

    Parameters
    ----------
    path : str or path-like
        The file; its contents tell what it holds.
    custom_objects : dict of str to class or function, optional
        Your own classes and functions by name.

    Returns
    -------
    MLPClassifier, MLPRegressor, Perceptron, Model or one of `custom_objects`

    Raises
    ------
    FileFormatError
        The file is torn, foreign, damaged or hostile.

    See Also
    --------
    load_model, load_estimator

    Examples
    --------
    >>> import os, tempfile
    >>> import mlpcore
    >>> path = os.path.join(tempfile.mkdtemp(), "or_gate")
    >>> mlpcore.Perceptron(random_state=0).fit([[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 1]).save(path)
    >>> mlpcore.load(path).predict([[1, 0]])
    array([1])
    """
    if kind_of(path) == "container" and read_container(path)[0].get("kind") == KIND:
        return load_estimator(path, custom_objects)
    return load_model(path, custom_objects)
