"""HyperModel: builds a model from hyperparameters, and fits it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mlpcore.tuner.hyperparameters import HyperParameters


class HyperModel:
    """A space of models: subclass it and write `build`, and `fit` if that has hyperparameters of its own.

    Parameters
    ----------
    name : str, default=None
    tunable : bool, default=True
        Whether new hyperparameters that `build` asks for join the search.

    Examples
    --------
    >>> class Pyramid(HyperModel):
    ...     def build(self, hp):
    ...         return [hp.Int("base", 32, 256), hp.Int("top", 8, 32)]
    ...
    ...     def fit(self, hp, model, *args, **kwargs):
    ...         batch_size = hp.Choice("batch_size", [32, 128])
    ...         return model.fit(*args, batch_size=batch_size, **kwargs)
    >>> Pyramid().build(HyperParameters())
    [32, 8]
    """

    def __init__(self, name: str | None = None, tunable: bool = True) -> None:
        self.name, self.tunable = name, tunable

    def build(self, hp: HyperParameters) -> Any:
        """Return a compiled model.

        Parameters
        ----------
        hp : HyperParameters
        """
        raise NotImplementedError(f"{type(self).__name__} must have a method build(hp).")

    def declare_hyperparameters(self, hp: HyperParameters) -> None:
        """Ask for hyperparameters ahead of `build`; nothing by default."""

    def fit(self, hp: HyperParameters, model: Any, *args: Any, **kwargs: Any) -> Any:
        """Train the model with what `search` was called with.

        Parameters
        ----------
        hp : HyperParameters
        model : Model
            What `build` returned.
        *args, **kwargs
            Arguments of `search`; `callbacks` has the tuner's own in addition.

        Returns
        -------
        History, dict of metrics, or float (the objective)
        """
        return model.fit(*args, **kwargs)

    def _build(self, hp: HyperParameters) -> Any:
        return self.build(hp if getattr(self, "tunable", True) else hp.copy())


class FunctionModel(HyperModel):
    """A HyperModel of a plain function.

    Parameters
    ----------
    function : callable
        Takes HyperParameters, returns a compiled model.
    """

    def __init__(self, function: Callable[[HyperParameters], Any]) -> None:
        super().__init__(getattr(function, "__name__", None))
        self._function = function

    def build(self, hp: HyperParameters) -> Any:
        """Call the function."""
        return self._function(hp)


def make_hypermodel(hypermodel: Any) -> HyperModel | None:
    """Return a HyperModel for a HyperModel, a function, an object with a method `build`, or None."""
    if hypermodel is None or isinstance(hypermodel, HyperModel):
        return hypermodel
    if isinstance(hypermodel, type) or not callable(hypermodel):
        raise TypeError(
            f"hypermodel must be a function that takes hp and returns a model, or an instance of HyperModel, "
            f"got {hypermodel!r}."
        )
    return FunctionModel(hypermodel)
