"""Small data and fitted estimators that the tests of the MLP estimators share."""

import numpy as np
import pytest
import sklearn
from sklearn.utils.fixes import parse_version

import mlpcore

KINDS = ["MLPClassifier", "MLPRegressor"]

like_scikit_learn = pytest.mark.skipif(
    parse_version(sklearn.__version__) < parse_version("1.9"), reason="we follow scikit-learn 1.9"
)
rng = np.random.RandomState(0)
X = rng.standard_normal((40, 4))
Y_BINARY = (X[:, 0] > 0).astype(int)
Y_REAL = X @ [1.0, -2.0, 0.5, 0.0]
Y = {"MLPClassifier": Y_BINARY, "MLPRegressor": Y_REAL}


def fitted(kind, **parameters):
    """Return our estimator of this kind, fitted for a few epochs."""
    settings = {"hidden_layer_sizes": (5,), "max_iter": 3, "random_state": 0, **parameters}
    return getattr(mlpcore, kind)(**settings).fit(X, Y[kind])


def with_value(value):
    """Return X with this value in one place."""
    bad = X.copy()
    bad[3, 2] = value
    return bad
