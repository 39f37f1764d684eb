"""Keras 3 on the backend that the variant names."""

from __future__ import annotations

import os

import numpy as np

from peers import Work
from problems import Problem


def versions() -> str:
    import importlib

    import keras

    backend = keras.backend.backend()
    return f"keras {keras.__version__} on {backend} {importlib.import_module(backend).__version__}"


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, threads: int, variant: str) -> Work:
    os.environ["KERAS_BACKEND"] = variant
    import keras

    from peers.keras_api import prepare_with

    if variant == "torch":
        import torch

        torch.set_num_threads(threads)
    if variant == "tensorflow":
        import tensorflow

        tensorflow.config.threading.set_intra_op_parallelism_threads(threads)
        tensorflow.config.threading.set_inter_op_parallelism_threads(threads)
    return prepare_with(keras, problem, x, y)
