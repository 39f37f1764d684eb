"""The peers: what each is called, how it is installed, which kinds of problem it takes part in.

A peer's module has `prepare(problem, x, y, threads) -> Work` and `versions() -> str`, and imports
its library inside a worker process only (see worker.py), after the number of threads is set.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

from problems import Problem


class Work(NamedTuple):
    """A prepared problem: `run()` is what is timed, `loss()` judges what it left behind."""

    run: Callable[[], object]
    loss: Callable[[], float]


class Peer(NamedTuple):
    """A library that does the same work."""

    name: str
    module: str  # under peers/
    requires: str  # the modules whose presence says that the library is installed
    install: str
    kinds: frozenset[str]
    variant: str = ""  # what `prepare` is told besides, where one module serves several peers

    def takes_part(self, problem: Problem) -> bool:
        """Return whether this library can do the problem."""
        needs_keras = self.module in ("model_peer", "keras_peer", "skorch_peer")
        return problem.kind in self.kinds and (problem.as_keras or problem.kind == "import" or not needs_keras)

    def is_installed(self) -> bool:
        """Return whether the library can be found, without importing it."""
        return all(
            find_spec(each.partition(".")[0]) is not None and find_spec(each) is not None
            for each in self.requires.split()
        )


ESTIMATORS = frozenset("train train_sparse lbfgs predict perceptron search import".split())
NETWORKS = frozenset("train predict import".split())
MODELS = frozenset("train predict wide_deep".split())

PEERS = {
    peer.name: peer
    for peer in [
        Peer("mlpcore", "mlpcore_peer", "mlpcore._core", "pip install .", ESTIMATORS),
        Peer(
            "mlpcore-predictor", "mlpcore_peer", "mlpcore._core", "pip install .", frozenset({"predict"}), "predictor"
        ),
        Peer("mlpcore-model", "model_peer", "mlpcore._core", "pip install .", MODELS | {"import"}, "model"),
        Peer("mlpcore-subclass", "model_peer", "mlpcore._core", "pip install .", frozenset({"train"}), "subclass"),
        Peer("mlpcore-own-loss", "model_peer", "mlpcore._core", "pip install .", frozenset({"train"}), "custom loss"),
        Peer("sklearn", "sklearn_peer", "sklearn", "pip install scikit-learn", ESTIMATORS),
        Peer("torch", "torch_peer", "torch", "pip install torch", NETWORKS | {"train_sparse", "wide_deep"}),
        Peer(
            "torch-compiled", "torch_peer", "torch", "pip install torch", frozenset({"train", "wide_deep"}), "compiled"
        ),
        Peer("jax", "jax_peer", "jax", "pip install jax", NETWORKS | {"lbfgs", "wide_deep"}),
        Peer("keras-jax", "keras_peer", "keras jax", "pip install keras jax", MODELS | {"import"}, "jax"),
        Peer("keras-torch", "keras_peer", "keras torch", "pip install keras torch", MODELS | {"import"}, "torch"),
        Peer(
            "keras-tensorflow",
            "keras_peer",
            "keras tensorflow",
            "pip install keras tensorflow-cpu",
            MODELS | {"import"},
            "tensorflow",
        ),
        Peer("skorch", "skorch_peer", "skorch torch", "pip install skorch torch", frozenset({"train"}), "skorch"),
        Peer(
            "onnxruntime",
            "onnxruntime_peer",
            "onnxruntime",
            "pip install onnxruntime onnx",
            frozenset({"predict"}),
        ),
    ]
}
