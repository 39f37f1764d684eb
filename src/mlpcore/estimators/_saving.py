"""What lets an estimator be written to a file, and become a model of the other API."""

from __future__ import annotations

import os
from typing import Any


class SavingMixin:
    """``save``, for all estimators."""

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the estimator, fitted or not, to one file that holds no code; `mlpcore.load` reads it.

        Parameters
        ----------
        path : str or path-like
            The file, of any name. What lay there is replaced at the very end.

        Raises
        ------
        TypeError
            A parameter or attribute is a function or another object that only a pickle can hold; the message names it.
        """
        from mlpcore.saving.estimators import save_estimator

        save_estimator(self, path)


class ModelMixin(SavingMixin):
    """``to_model``, for the multilayer perceptrons."""

    def to_model(self) -> Any:
        """Return the `mlpcore.Sequential` that predicts what this fitted estimator predicts, compiled to be trained on.

        Returns
        -------
        Sequential
            See `mlpcore.wrappers.model_from_estimator`.

        Raises
        ------
        NotFittedError
            If it is not fitted.
        """
        from mlpcore.estimators.to_model import model_from_estimator

        return model_from_estimator(self)
