"""skorch: PyTorch's modules behind scikit-learn's interface."""

from __future__ import annotations

import numpy as np
import skorch
import torch
from torch import nn

from equal import loss, start
from peers import Work
from problems import Problem


def versions() -> str:
    return f"skorch {skorch.__version__}"


def prepare(problem: Problem, x: np.ndarray, y: np.ndarray, threads: int, variant: str = "") -> Work:
    torch.set_num_threads(threads)
    initial, orders = start(problem, problem.epochs)
    widths = list(zip(problem.layers, problem.layers[1:], strict=False))
    modules = [module for pair in widths for module in (nn.Linear(*pair), nn.ReLU())][:-1]
    is_classifier = problem.output == "softmax"
    kind = skorch.NeuralNetClassifier if is_classifier else skorch.NeuralNetRegressor
    if not is_classifier:
        y = y.reshape(len(y), -1)
    net = kind(
        nn.Sequential(*modules),
        criterion=nn.CrossEntropyLoss if is_classifier else HalfSquared,
        optimizer=torch.optim.SGD if problem.solver == "sgd" else torch.optim.Adam,
        lr=problem.learning_rate,
        batch_size=problem.batch,
        train_split=None,
        iterator_train__shuffle=False,
        verbose=0,
    )
    epochs = [(x[order], y[order]) for order in orders]

    def fit() -> None:
        net.initialize()
        with torch.no_grad():
            for value, given in zip(net.module_.parameters(), initial, strict=True):
                value.copy_(torch.from_numpy(given.T))
        for rows, targets in epochs:
            net.partial_fit(rows, targets, epochs=1)

    def final_loss() -> float:
        return loss(problem, [p.detach().numpy().T for p in net.module_.parameters()], x, y)

    return Work(fit, final_loss)


class HalfSquared(nn.Module):
    """Half of the mean squared error, as scikit-learn's."""

    def forward(self, outputs: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        """Return it for outputs and targets (rows, outputs)."""
        return 0.5 * nn.functional.mse_loss(outputs, y)
