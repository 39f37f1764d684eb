"""The peers: what each is called, how it is installed, which kinds of problem it takes part in.

A peer's module has `prepare(problem, x, y, threads) -> Work` and `versions() -> str`, and imports
its library inside a worker process only (see worker.py), after the number of threads is set.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple


class Work(NamedTuple):
    """A prepared problem: `run()` is what is timed, `loss()` judges what it left behind."""

    run: Callable[[], object]
    loss: Callable[[], float]


class Peer(NamedTuple):
    """A library that does the same work."""

    name: str
    module: str  # under peers/
    requires: str  # the module whose presence says that the library is installed
    install: str
    kinds: frozenset[str]

    def is_installed(self) -> bool:
        """Return whether the library can be found, without importing it."""
        package = self.requires.partition(".")[0]
        return find_spec(package) is not None and find_spec(self.requires) is not None


ESTIMATORS = frozenset("train train_sparse lbfgs predict perceptron search".split())
NETWORKS = frozenset("train predict".split())

PEERS = {
    peer.name: peer
    for peer in [
        Peer("mlpcore", "mlpcore_peer", "mlpcore._core", "pip install .", ESTIMATORS),
        Peer("sklearn", "sklearn_peer", "sklearn", "pip install scikit-learn", ESTIMATORS),
        Peer("torch", "torch_peer", "torch", "pip install torch", NETWORKS | {"train_sparse"}),
        Peer("jax", "jax_peer", "jax", "pip install jax", NETWORKS | {"lbfgs"}),
        Peer(
            "onnxruntime",
            "onnxruntime_peer",
            "onnxruntime",
            "pip install onnxruntime onnx",
            frozenset({"predict"}),
        ),
    ]
}
