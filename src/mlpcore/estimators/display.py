"""LossCurveDisplay: the course of a fit as a picture, in the style of scikit-learn's displays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sklearn.utils._optional_dependencies import check_matplotlib_support
from sklearn.utils.validation import check_is_fitted


class LossCurveDisplay:
    """Loss, and where there was validation its loss and score, after each epoch.

    Use `from_estimator` to make one.

    Parameters
    ----------
    loss_curve : sequence of float
        Training loss of each epoch.
    validation_loss_curve : sequence of float or None, default=None
        Validation loss of each epoch.
    validation_scores : sequence of float or None, default=None
        Validation score of each epoch.
    score_name : str, default='Validation score'
        What the scores are.
    estimator_name : str or None, default=None
        Stands before the labels of the legend.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Axes with the losses.
    score_ax_ : matplotlib Axes or None
        Axes with the scores, which has its scale at the right.
    figure_ : matplotlib Figure
        Figure that holds them.
    lines_ : list of matplotlib Line2D
        Training loss, then validation loss and score where there are any.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> from sklearn.datasets import load_iris
    >>> from mlpcore import LossCurveDisplay, MLPClassifier
    >>> model = MLPClassifier(early_stopping=True, random_state=0).fit(*load_iris(return_X_y=True))
    >>> display = LossCurveDisplay.from_estimator(model)
    >>> [line.get_label() for line in display.lines_]
    ['Training loss', 'Validation loss', 'Validation score']
    """

    def __init__(
        self,
        *,
        loss_curve: Sequence[float],
        validation_loss_curve: Sequence[float] | None = None,
        validation_scores: Sequence[float] | None = None,
        score_name: str = "Validation score",
        estimator_name: str | None = None,
    ) -> None:
        self.loss_curve = loss_curve
        self.validation_loss_curve = validation_loss_curve
        self.validation_scores = validation_scores
        self.score_name = score_name
        self.estimator_name = estimator_name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        ax: Any = None,
        name: str | None = None,
        plot_scores: bool = True,
        log_scale: bool = False,
        line_kw: dict[str, Any] | None = None,
    ) -> LossCurveDisplay:
        """Draw the course of a fitted estimator's training.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
            Fitted by a stochastic solver, ours or scikit-learn's.
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        name : str, default=None
            Stands before the labels of the legend.
        plot_scores : bool, default=True
            Whether to draw validation scores, with a scale of their own at the right.
        log_scale : bool, default=False
            Whether the scale of the losses is logarithmic.
        line_kw : dict, default=None
            Further arguments of all ``ax.plot`` calls.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        ImportError
            Without matplotlib.
        NotFittedError
            For an estimator that is not fitted.
        ValueError
            For one without a loss curve: fitted by 'lbfgs', or of another class.
        """
        check_matplotlib_support(f"{cls.__name__}.from_estimator")
        check_is_fitted(estimator)
        if not hasattr(estimator, "loss_curve_"):
            solver = getattr(estimator, "solver", None)
            why = (
                "expected an MLPClassifier or MLPRegressor"
                if solver is None
                else f"solver={solver!r} does not record one"
            )
            raise ValueError(f"{type(estimator).__name__} has no loss_curve_: {why}.")
        display = cls(
            loss_curve=estimator.loss_curve_,
            validation_loss_curve=getattr(estimator, "validation_loss_curve_", None),
            validation_scores=estimator.validation_scores_ if plot_scores else None,
            score_name=_score_name(getattr(estimator, "scoring", None)),
            estimator_name=name,
        )
        return display.plot(ax=ax, log_scale=log_scale, line_kw=line_kw)

    def plot(
        self, ax: Any = None, *, log_scale: bool = False, line_kw: dict[str, Any] | None = None
    ) -> LossCurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw on; None makes a figure.
        log_scale : bool, default=False
            Whether the scale of the losses is logarithmic.
        line_kw : dict, default=None
            Further arguments of all ``ax.plot`` calls.

        Returns
        -------
        LossCurveDisplay
            This object.
        """
        check_matplotlib_support(f"{type(self).__name__}.plot")
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator

        if ax is None:
            _, ax = plt.subplots(layout="constrained")  # a long name of the score has room
        self.ax_, self.figure_, self.score_ax_ = ax, ax.figure, None
        before = "" if self.estimator_name is None else f"{self.estimator_name}: "
        self.lines_: list[Any] = []

        def draw(where: Any, values: Sequence[float], label: str, **style: Any) -> None:
            n = max(len(values), len(self.loss_curve))  # a fit before may have had no validation rows
            epochs = range(n - len(values) + 1, n + 1)
            style["marker"] = "o" if len(values) == 1 else None  # a line of one point is not seen
            self.lines_ += where.plot(epochs, values, label=before + label, **{**style, **(line_kw or {})})

        draw(ax, self.loss_curve, "Training loss")
        if self.validation_loss_curve is not None:
            draw(ax, self.validation_loss_curve, "Validation loss")
        if self.validation_scores is not None:
            self.score_ax_ = ax.twinx()
            draw(self.score_ax_, self.validation_scores, self.score_name, color="C2", linestyle="--")
            self.score_ax_.set_ylabel(self.score_name)
        if log_scale:
            ax.set_yscale("log")
        ax.set(xlabel="Epoch", ylabel="Loss")
        ax.xaxis.set_major_locator(MaxNLocator(integer=True))
        (self.score_ax_ or ax).legend(handles=self.lines_, loc="center right")
        return self


def _score_name(scoring: Any) -> str:
    if not isinstance(scoring, str):
        return "Validation score"
    name = "negative loss" if scoring == "loss" else scoring
    return "Validation score (" + name.replace("neg_", "negative ", 1).replace("_", " ") + ")"
