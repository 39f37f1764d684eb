"""scikit-learn's callback protocol (1.9 and later), as far as this process has it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sklearn.base import BaseEstimator

try:
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:  # an older scikit-learn: no set_callbacks, and nothing to call

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands where scikit-learn 1.9 has the mixin that adds `set_callbacks`."""

    def with_callbacks(method: Any) -> Any:
        """Return the method as it is."""
        return method


__all__ = ["CallbackSupportMixin", "Hooks", "with_callbacks"]

State = Callable[[], dict[str, Any]]  # attributes that make the estimator predict as if the fit ended here


class Hooks:
    """Calls an estimator's callbacks at the beginning and end of a fit and of each of its tasks.

    Parameters
    ----------
    estimator : estimator
        Has callbacks.
    rows : dict
        X, y and metadata as the user gave them; or functions that return them, called if a callback asks.
    task_name : str
        What one task is: 'epoch' or 'lbfgs-iter'.
    max_tasks : int
    """

    def __init__(self, estimator: BaseEstimator, rows: dict[str, Any], task_name: str, max_tasks: int) -> None:
        self._about: dict[str, Any] = {"estimator": estimator, **rows}
        self._task_name = task_name
        self._fit = estimator._init_callback_context(max_subtasks=max_tasks)
        self._task: Any = None
        self._fit.call_on_fit_task_begin(**self._about)

    def begin_task(self, state: State) -> None:
        """Tell that an epoch begins, from the given state."""
        self._task = self._fit.subcontext(task_name=self._task_name)
        self._task.call_on_fit_task_begin(**self._about, reconstruction_attributes=state)

    def end_task(self, state: State) -> bool:
        """Tell that the epoch ended in the given state; return whether a callback asks to stop."""
        return bool(self._task.call_on_fit_task_end(**self._about, reconstruction_attributes=state))

    def end_fit(self) -> None:
        """Tell that the fit has ended; the estimator is fitted."""
        self._fit.call_on_fit_task_end(**self._about, reconstruction_attributes=dict)


def hooks_of(
    estimator: BaseEstimator, X: Any, y: Any, sample_weight: Any, task_name: str, max_tasks: int
) -> Hooks | None:
    """Begin a fit for the estimator's callbacks; None if it has none."""
    if not getattr(estimator, "_skl_callbacks", None):
        return None
    metadata = None if sample_weight is None else {"sample_weight": sample_weight}
    return Hooks(estimator, {"X": X, "y": y, "metadata": metadata}, task_name, max_tasks)
