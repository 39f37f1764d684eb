"""compile, fit, evaluate and predict: what a model does with data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mlpcore._structure import Structure, map_structure
from mlpcore._validation import check_hint, check_integer, unknown_argument
from mlpcore.data import ArrayRows, BatchStream, Source, source_of, split_off_last, unpack
from mlpcore.layers.signatures import parameters_of
from mlpcore.training.compiling import Compilable
from mlpcore.training.rows import Row
from mlpcore.training.watching import BatchHooks, NoHooks

if TYPE_CHECKING:  # what trains is imported when something trains: losses, metrics, optimizers, callbacks, files
    from mlpcore.callbacks import CallbackList, History
    from mlpcore.training.fitting import Fit
    from mlpcore.training.session import Session

Logs = dict[str, Any]


class Trainer(Compilable):
    """What a `Model` can do with data. `Model` inherits it; it is no class for itself."""

    history: History
    _session_or_none: Session | None = None
    _initial_epoch: int = 0  # set by callbacks that resume
    _initial_batch: int = 0
    _fit: Fit | None = None

    # ------------------------------------------------ what the model gives

    def _forward(self, inputs: Structure) -> Structure:
        raise NotImplementedError

    def _matched(self, x: Structure) -> Structure:
        raise NotImplementedError

    def _rows(self, x: Structure, dtype: str) -> Structure:
        """Return a `Row` for each input: what `call` is told about it; floating-point numbers are of `dtype`."""
        return map_structure(lambda array: Row.of(array, dtype), x)

    def _name_outputs(self, outputs: Structure) -> list[str]:
        raise NotImplementedError

    @property
    def _is_static(self) -> bool:
        raise NotImplementedError

    @property
    def _session(self) -> Session:
        """Return what stays between passes: the arena and the recordings."""
        if self._session_or_none is None:
            from mlpcore.training.session import Session

            self._session_or_none = Session(self)
            state = self.__dict__.pop("_session_state", None)  # of the model that this one is a copy of
            if state is not None:
                self._session_or_none.set_state(state)
        return self._session_or_none

    # ------------------------------------------------ fit

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Any = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool | str = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        **unknown: Any,
    ) -> History:
        """Train for a number of epochs.

        An epoch is one call of the compiled core, unless a callback has batch hooks, a metric is written in Python, a
        weight has a constraint or the model is a subclass: then it runs batch by batch, with the same results.
        Ctrl-C leaves the weights of the last finished batch.

        Parameters
        ----------
        x : array, list, tuple or dict of arrays with n rows each; or generator, `PyDataset`, other iterable
            The inputs; or a source of batches ``(x, y)`` or ``(x, y, sample_weight)``.
        y : array, or list, tuple or dict of arrays, optional
            The targets; none beside a source of batches.
        batch_size : int, default 32
            Rows of a step; the last batch of an epoch may be smaller.
        epochs : int, default 1
            Number of the last epoch, counted from `initial_epoch` = 0.
        verbose : {"auto", 0, 1, 2}
            0: silent; 1 (or "auto"): progress; 2: a line an epoch.
        callbacks : list of Callback, optional
            What else is done before and after epochs and batches.
        validation_split : float in [0, 1), default 0
            The part of the rows, the last ones, that are kept for validation.
        validation_data : tuple (x, y) or (x, y, sample_weight), or source of batches, optional
            Evaluated after each epoch; wins over `validation_split`.
        shuffle : bool or "batch", default True
            Draw a new order of the rows for each epoch; "batch": inside the batches alone.
        class_weight : dict of int to float, optional
            Weights of the classes in the loss. Not together with `sample_weight`.
        sample_weight : array (n,), or one for each output, optional
            Weights of the rows in the loss. The loss of a batch is divided by its number of rows.
        initial_epoch : int, default 0
            Where to begin counting.
        steps_per_epoch : int, optional
            Batches of an epoch; default: all.
        validation_steps, validation_batch_size : int, optional
            Batches of a validation and rows of each; default: all, and `batch_size`. Of a generator these are the
            same batches after each epoch.
        validation_freq : int or list of int, default 1
            Validate every so many epochs, or after the epochs with these numbers (from 1).

        Returns
        -------
        History
            Its ``history`` holds the loss and metrics of each epoch by name.

        Raises
        ------
        ValueError
            The model is not compiled, or data do not fit together, the model or its loss.
        TypeError
            An unknown argument; the message suggests the nearest.

        Examples
        --------
        >>> import numpy as np
        >>> import mlpcore
        >>> mlpcore.utils.set_random_seed(0)
        >>> model = mlpcore.Sequential([mlpcore.layers.Dense(1)])
        >>> model.compile(loss="mse", optimizer="sgd")
        >>> x = np.linspace(-1, 1, 64)[:, None]
        >>> history = model.fit(x, 2 * x, epochs=3, verbose=0)
        >>> history.epoch, len(history.history["loss"])
        ([0, 1, 2], 3)
        """
        for name in unknown:
            raise unknown_argument(f"{type(self).__name__}.fit", name, parameters_of(Trainer.fit)[1:])
        from mlpcore.callbacks import CallbackList
        from mlpcore.training.fitting import Fit

        self._must_be_compiled("fit")
        for name, count in (("epochs", epochs), ("initial_epoch", initial_epoch)):
            check_integer(name, count)
            if count < 0:
                raise ValueError(f"{name} must be at least 0, got {count}.")
        check_hint("validation_steps", validation_steps, "int | None")
        check_hint("validation_batch_size", validation_batch_size, "int | None")
        if validation_split and validation_data is None:
            (x, y, sample_weight), validation_data = split_off_last(validation_split, x, y, sample_weight)
        source = source_of(
            x,
            y,
            sample_weight,
            batch_size=batch_size,
            steps=steps_per_epoch,
            shuffle=shuffle,
            class_weight=class_weight,
        )
        validation: Source | None = None
        if validation_data is not None:
            validation = source_of(
                *unpack(validation_data),
                batch_size=batch_size if validation_batch_size is None else validation_batch_size,
                steps=validation_steps,
            )
            if isinstance(validation, BatchStream):
                validation.keep()  # so that epochs can be compared
        if not isinstance(callbacks, CallbackList):
            callbacks = CallbackList(
                callbacks,
                add_history=True,
                add_progbar=verbose != 0,
                model=self,
                verbose=verbose,
                epochs=epochs,
                steps=source.steps_per_epoch,
            )
        self._fit = Fit(self, source, validation, validation_freq, callbacks)
        try:
            self._fit.run(initial_epoch, epochs)
        finally:
            self._fit = None
            callbacks.close()
        return self.history

    def _fit_state(self) -> dict[str, Any]:
        """Return where the running epoch stands, for a resumed fit."""
        return {} if self._fit is None else self._fit.get_state()

    def _set_fit_state(self, state: Mapping[str, Any]) -> None:
        if self._fit is not None:
            self._fit.set_state(state)

    # ------------------------------------------------ evaluate, predict

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Any = None,
        return_dict: bool = False,
        **unknown: Any,
    ) -> Any:
        """Return the loss and the metrics on given data.

        Parameters
        ----------
        x, y, batch_size, verbose, sample_weight, callbacks
            See `fit`.
        steps : int, optional
            Batches to take; default: all.
        return_dict : bool, default False
            Return a dict by name.

        Returns
        -------
        float, list of float, or dict
            The loss alone, if there is nothing else; else the total loss, with several outputs the loss of each, and
            the metrics in the order of outputs and of `compile`.

        Examples
        --------
        >>> import numpy as np
        >>> import mlpcore
        >>> model = mlpcore.Sequential([mlpcore.layers.Dense(1, kernel_initializer="zeros")])
        >>> model.compile(loss="mse", metrics=["mae"])
        >>> model.evaluate(np.ones((4, 2)), np.full(4, 2.0), verbose=0)
        [4.0, 2.0]
        """
        for name in unknown:
            raise unknown_argument(f"{type(self).__name__}.evaluate", name, parameters_of(Trainer.evaluate)[1:])
        self._must_be_compiled("evaluate")
        source = source_of(x, y, sample_weight, batch_size=batch_size, steps=steps)
        self.stop_evaluating = False
        if callbacks is None and verbose == 0:
            logs = self._session.evaluated(source, NoHooks())
            return logs if return_dict else self._in_order(logs)
        callbacks = self._callbacks(callbacks, verbose, source)
        try:
            callbacks.on_test_begin()
            logs = self._session.evaluated(source, BatchHooks(callbacks, "test", self))
            callbacks.on_test_end(logs)
        finally:
            callbacks.close()
        return logs if return_dict else self._in_order(logs)

    def _callbacks(self, callbacks: Any, verbose: int | str, source: Source) -> CallbackList:
        from mlpcore.callbacks import CallbackList

        if isinstance(callbacks, CallbackList):
            return callbacks
        return CallbackList(
            callbacks,
            add_progbar=verbose != 0,
            model=self,
            verbose=verbose,
            epochs=1,
            steps=source.steps_per_epoch,
        )

    def _in_order(self, logs: Logs) -> Any:
        """Return logs as a list in the order of `metrics_names`, a lone loss as a number."""
        assert self._compiled is not None
        names = [name for name in self._compiled.names if name in logs]
        values = [logs[name] for name in names] + [value for name, value in logs.items() if name not in names]
        return values[0] if len(values) == 1 else values

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: int | str = "auto",
        steps: int | None = None,
        callbacks: Any = None,
        **unknown: Any,
    ) -> Any:
        """Return the outputs for given inputs.

        Parameters
        ----------
        x, batch_size, verbose, callbacks
            See `fit`.
        steps : int, optional
            Batches to take; default: all.

        Returns
        -------
        ndarray of float32 (n, ...), or list, tuple or dict of these
            In the structure of the model's outputs; a list for several outputs of a functional model.

        Examples
        --------
        >>> import numpy as np
        >>> import mlpcore
        >>> model = mlpcore.Sequential([mlpcore.layers.Dense(2, kernel_initializer="ones")])
        >>> model.predict(np.ones((1, 3)), verbose=0)
        array([[3., 3.]], dtype=float32)
        """
        for name in unknown:
            raise unknown_argument(f"{type(self).__name__}.predict", name, parameters_of(Trainer.predict)[1:])
        source = source_of(x, batch_size=batch_size, steps=steps)
        self.stop_predicting = False
        if callbacks is None and verbose == 0:
            return self._session.predicted(source, NoHooks())
        callbacks = self._callbacks(callbacks, verbose, source)
        try:
            callbacks.on_predict_begin()
            hooks = BatchHooks(callbacks, "predict", self)
            result = self._session.predicted(source, hooks)
            callbacks.on_predict_end()
        finally:
            callbacks.close()
        return result

    # ------------------------------------------------ single batches

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Train on one batch; return its loss and metrics, as `evaluate` does."""
        self._must_be_compiled("train_on_batch")
        logs = self._session.trained(_one_batch(ArrayRows(x, y, sample_weight, class_weight=class_weight)))
        return logs if return_dict else self._in_order(logs)

    def test_on_batch(self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False) -> Any:
        """Return the loss and metrics of one batch, as `evaluate` does."""
        self._must_be_compiled("test_on_batch")
        logs = self._session.evaluated(_one_batch(ArrayRows(x, y, sample_weight)), NoHooks())
        return logs if return_dict else self._in_order(logs)

    def predict_on_batch(self, x: Any) -> Any:
        """Return the outputs for one batch."""
        return self._session.predicted(_one_batch(ArrayRows(x)), NoHooks())

    def reset_metrics(self) -> None:
        """Forget what the metrics have seen."""
        for metric in self.metrics:
            metric.reset_state()


def _one_batch(rows: ArrayRows) -> ArrayRows:
    rows.batch_size, rows.n_batches = rows.n_rows, 1
    return rows
