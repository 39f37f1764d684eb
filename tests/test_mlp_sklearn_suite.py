"""scikit-learn's own tests of its MLP module, run on our classes, and its estimator checks."""

import importlib.util
from unittest import mock

import pytest
import sklearn.neural_network
from sklearn.base import clone
from sklearn.utils import estimator_checks

from mlpcore import MLPClassifier, MLPRegressor

pytest.importorskip("sklearn", minversion="1.9", reason="these are the tests of 1.9")
pytestmark = pytest.mark.filterwarnings("default")  # as scikit-learn runs them


def _load_peer_tests():
    """Import scikit-learn's test module with its two classes replaced by ours."""
    spec = importlib.util.find_spec("sklearn.neural_network.tests.test_mlp")
    module = importlib.util.module_from_spec(spec)
    ours = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}
    with mock.patch.multiple(sklearn.neural_network, **ours):
        spec.loader.exec_module(module)
    return {name: test for name, test in vars(module).items() if name.startswith("test_")}


PEER_TESTS = _load_peer_tests()
globals().update(PEER_TESTS)


@pytest.fixture
def global_random_seed():
    return 42


CHECKED = [  # with the settings that scikit-learn gives its own classes in these checks
    MLPClassifier(max_iter=100),
    MLPRegressor(max_iter=100),
]


@estimator_checks.parametrize_with_checks(CHECKED)
def test_scikit_learns_estimator_checks(estimator, check):
    if "sample_weight_equivalence" in check.func.__name__:
        # equal only where the rows' order does not matter: scikit-learn's own settings too
        settings = {
            "MLPClassifier": {"solver": "lbfgs"},
            "MLPRegressor": {"solver": "sgd", "tol": 1e-2, "random_state": 42},
        }
        estimator = clone(estimator).set_params(**settings[type(estimator).__name__])
    check(estimator)
