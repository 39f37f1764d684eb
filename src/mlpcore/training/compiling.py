"""compile: what a model is trained for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mlpcore._validation import unknown_argument
from mlpcore.layers import Layer
from mlpcore.layers.signatures import parameters_of

if TYPE_CHECKING:
    from mlpcore.training.compiled import Compiled
    from mlpcore.training.session import Session

_STEPS = ("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics")  # of Keras' models
_IGNORED = ("jit_compile", "auto_scale_loss")  # arguments of Keras' compile without a meaning here


class Compilable(Layer):
    """The part of a model that `compile` sets."""

    stop_training: bool = False
    _compiled: Compiled | None = None

    @property
    def _session(self) -> Session:
        raise NotImplementedError

    @property
    def _fixed_output_names(self) -> list[str] | None:
        """The outputs' names where they are known before the first data."""
        return None

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        *,
        mixed_precision: str | None = None,
        **ignored: Any,
    ) -> None:
        """Say what the model is trained for.

        Parameters
        ----------
        optimizer : str or Optimizer, default "rmsprop"
            What is done with the gradient.
        loss : str, Loss, function, or a list, tuple or dict of these, optional
            What is made small. A function takes ``(y_true, y_pred)`` and is written with operators and `mlpcore.ops`.
            With several outputs: one for all, one each in a list or tuple, or a dict by the outputs' names.
        loss_weights : float, or list, tuple or dict of float, optional
            What each output's loss is multiplied by in the total; default 1.
        metrics : list, tuple or dict of str, Metric or function, optional
            What is reported besides, without regard to sample weights. With several outputs: one entry (a metric or a
            list) each, a dict by name, or a list of another length, which then holds for each output.
        weighted_metrics : like `metrics`, optional
            Metrics that regard sample weights.
        run_eagerly : bool, default False
            Record `call` anew for every batch, also where the model's graph is fixed.
        steps_per_execution, jit_compile, auto_scale_loss
            Taken for the sake of code written for Keras; without effect.
        mixed_precision : {"bfloat16"}, optional
            Round the operands of the `Dense` layers' products in training to bfloat16, as a "mixed_bfloat16" policy of
            Keras does; sums, weights, biases, losses and the optimizer stay float32. Evaluation and prediction are in
            float32. It needs a processor with AVX512_BF16 and a model in float32; `fit` raises ValueError elsewhere.

        Raises
        ------
        TypeError
            An unknown argument; the message suggests the nearest.
        ValueError
            An unknown name of an optimizer, a loss, a metric or an output, entries that do not fit the number of
            outputs, or an unknown `mixed_precision`. What `call` returns is known with the first data only: there `fit`
            raises.

        Examples
        --------
        >>> import mlpcore
        >>> model = mlpcore.Sequential([mlpcore.Input((4,)), mlpcore.layers.Dense(3, activation="softmax")])
        >>> model.compile(loss="sparse_categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
        """
        for name in ignored:
            if name not in _IGNORED:
                raise unknown_argument(f"{type(self).__name__}.compile", name, parameters_of(Compilable.compile)[1:])
        for step in _STEPS:
            if hasattr(type(self), step):
                raise NotImplementedError(
                    f"{type(self).__name__} overrides {step}(), which mlpcore does not call: a whole epoch runs in "
                    "compiled code. Write a custom loss, add_loss() in call(), or a metric instead."
                )
        from mlpcore.training.compiled import Compiled  # with all losses, metrics and optimizers

        compiled = Compiled(
            optimizer, loss, loss_weights, metrics, weighted_metrics, run_eagerly, steps_per_execution, mixed_precision
        )
        if self._fixed_output_names is not None:
            compiled.check_outputs(self._fixed_output_names)
        self._compiled = compiled
        self._session.forget()
        self.stop_training = False

    @property
    def compiled(self) -> bool:
        """Whether `compile` has been called."""
        return self._compiled is not None

    @property
    def optimizer(self) -> Any:
        """The optimizer; None before `compile`."""
        return None if self._compiled is None else self._compiled.optimizer

    @property
    def loss(self) -> Any:
        """The loss as it was given to `compile`."""
        return None if self._compiled is None else self._compiled.loss

    @property
    def metrics(self) -> list[Any]:
        """The metrics of all outputs; empty before the first data."""
        return [] if self._compiled is None else self._compiled.metric_objects

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns, in its order; only the loss before the first data."""
        return ["loss"] if self._compiled is None else self._compiled.names

    @property
    def run_eagerly(self) -> bool:
        """Whether `call` is recorded anew for every batch."""
        return self._compiled is not None and self._compiled.run_eagerly

    def get_compile_config(self) -> dict[str, Any]:
        """Return the arguments of `compile` as plain JSON data; {} before it."""
        return {} if self._compiled is None else self._compiled.get_config()

    def compile_from_config(self, config: Mapping[str, Any]) -> None:
        """Compile as `get_compile_config` described."""
        from mlpcore.training.compiled import revived

        self.compile(**revived(config))

    def _must_be_compiled(self, method: str) -> Compiled:
        if self._compiled is None:
            raise ValueError(f"{self.name!r} is not compiled: call compile(loss=..., optimizer=...) before {method}().")
        if self._compiled.optimizer is None and method in ("fit", "train_on_batch"):
            raise ValueError(f"{self.name!r} was compiled without an optimizer, which {method}() needs.")
        return self._compiled
