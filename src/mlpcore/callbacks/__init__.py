"""Callbacks: what happens beside the training of a model: stopping, saving, rates, logs, progress, your own code."""

from typing import Any

from mlpcore._validation import no_attribute
from mlpcore.callbacks.backup_and_restore import BackupAndRestore
from mlpcore.callbacks.base import Callback
from mlpcore.callbacks.collection import CallbackList
from mlpcore.callbacks.csv_logger import CSVLogger
from mlpcore.callbacks.early_stopping import EarlyStopping
from mlpcore.callbacks.history import History
from mlpcore.callbacks.lambda_callback import LambdaCallback
from mlpcore.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from mlpcore.callbacks.model_checkpoint import ModelCheckpoint
from mlpcore.callbacks.progress import ProgbarLogger
from mlpcore.callbacks.swap_ema_weights import SwapEMAWeights
from mlpcore.callbacks.tensorboard import TensorBoard
from mlpcore.callbacks.terminate_on_nan import TerminateOnNaN

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]


def __getattr__(name: str) -> Any:
    """Say which name was meant."""
    raise no_attribute(__name__, name, __all__)
