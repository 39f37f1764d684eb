"""Trainings through each layer give Keras' losses and weights."""

import numpy as np
import pytest

import layer_trainings
import mlpcore.constraints
import mlpcore.layers
import mlpcore.models
import mlpcore.optimizers
import mlpcore.regularizers


class Mlpcore:
    """The modules under the names that Keras gives them."""

    layers, optimizers = mlpcore.layers, mlpcore.optimizers
    constraints, regularizers = mlpcore.constraints, mlpcore.regularizers
    Sequential = mlpcore.models.Sequential


# What `python tests/layer_trainings.py` prints with Keras 3.15.1 on jax: losses of five epochs, then the sum of squares
# of each weight.
# fmt: off
KERAS = {
    "Dense tanh": (
        [4.74674, 4.19557, 3.66461, 3.10544, 2.53672],
        [1.62746, 1.50713, 0.381198, 6.42191e-05],
    ),
    "Dense of a sequence": (
        [4.8663, 3.82683, 2.95796, 2.17012, 1.5056],
        [0.464801, 0.833763, 1.58225, 0.000358258],
    ),
    "Dense without bias": (
        [4.99, 3.72572, 2.8322, 2.15948, 1.62213],
        [2.95128, 0.343373, 0.111736],
    ),
    "Dense with l2": (
        [8.02306, 5.95743, 4.49352, 3.41765, 2.62878],
        [2.23244, 1.04394, 0.198004, 0.000331893],
    ),
    "Dense with l1 and l2": (
        [7.10458, 5.36603, 4.23638, 3.45815, 2.90751],
        [2.32073, 1.01979, 0.198497, 0.000282389],
    ),
    "Dense with an activity penalty": (
        [4.85176, 4.29151, 3.7471, 3.16703, 2.56883],
        [1.48073, 1.50378, 0.384024, 6.72974e-05],
    ),
    "Dense with constraints": (
        [1.94811, 1.42101, 1.03075, 0.819884, 0.787215],
        [1.14728, 0.473164, 4.0, 0.532031, 2.25616, 0.920335, 0.957177, 0.40722],
    ),
    "Dense with orthogonal rows": (
        [4.93698, 3.87766, 3.24009, 2.72631, 2.19448],
        [2.14243, 1.5125, 0.351778, 8.4143e-05],
    ),
    "BatchNormalization": (
        [3.59261, 3.04704, 2.67219, 2.39079, 2.15969],
        [2.97576, 1.2387, 0.0934044, 0.183985, 38.9852, 0.05591, 0.307521],
    ),
    "BatchNormalization of a sequence": (
        [5.04082, 4.16945, 3.49, 2.92836, 2.4371],
        [0.513283, 0.24904, 0.0406053, 10.6485, 0.365642, 0.0318999],
    ),
    "frozen BatchNormalization": (
        [4.76602, 3.27284, 2.47766, 2.0376, 1.76451],
        [1.31325, 1.10516, 1.59226, 0.435073, 0.464829, 1.59721, 0.0964896, 0.454404],
    ),
    "LayerNormalization": (
        [2.89757, 2.17551, 1.62008, 1.20733, 0.952834],
        [3.63717, 0.0805386, 1.46402, 1.25275, 1.08052, 0.0252008],
    ),
    "activations": (
        [2.39769, 2.02407, 1.71453, 1.46549, 1.26481],
        [4.40816, 0.389731, 3.04769, 1.11407, 3.91059, 1.07205, 0.438721,
         3.94108, 0.364002, 4.49255, 1.10038, 1.15448, 0.205885],
    ),
    "gelu": (
        [2.85702, 1.73325, 1.06466, 0.972061, 0.818526],
        [3.47031, 0.114766, 2.72054, 1.02289, 1.08392, 0.0113358],
    ),
    "selu and softsign": (
        [3.71089, 3.06272, 2.39776, 1.86487, 1.48325],
        [4.48109, 0.204759, 1.60536, 1.28872, 0.925236, 0.0305819],
    ),
    "hard activations": (
        [3.06722, 2.29851, 1.63211, 1.13999, 0.903376],
        [3.68953, 0.0844349, 3.85733, 1.22988, 1.52764, 0.023686],
    ),
    "moved numbers": (
        [2.35011, 2.18178, 2.04382, 1.91781, 1.80087],
        [0.342241, 0.434101],
    ),
    "TimeDistributed": (
        [4.76409, 3.65498, 2.79342, 2.01282, 1.36361],
        [0.803794, 0.31872, 0.856907, 0.838005, 0.988095, 0.0292406],
    ),
    "Rescaling": (
        [4.64517, 4.17686, 3.75223, 3.33357, 2.91663],
        [2.63765, 0.684212, 0.30934, 7.503e-05],
    ),
    "given Normalization": (
        [4.67173, 4.13783, 3.71024, 3.26422, 2.81457],
        [2.55395, 0.794216, 0.231211, 8.04567e-05],
    ),
    "ActivityRegularization": (
        [4.0945, 3.38024, 2.75448, 2.18049, 1.67299],
        [1.64967, 1.09654, 0.98055, 0.000307289],
    ),
    "Embedding": (
        [3.48104, 3.11491, 2.73371, 2.27013, 1.72831],
        [3.80557, 1.67279, 0.120967],
    ),
}
# fmt: on


@pytest.mark.parametrize("name", KERAS)
def test_training_matches_keras(name):
    losses, sums = layer_trainings.trained(Mlpcore, name)
    expected_losses, expected_sums = KERAS[name]
    np.testing.assert_allclose(losses, expected_losses, rtol=1e-4)  # float32, and six digits are kept
    np.testing.assert_allclose(sums, expected_sums, rtol=1e-4, atol=1e-6)


def test_every_case_is_compared():
    assert set(KERAS) == set(layer_trainings.CASES)
