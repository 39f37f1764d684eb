"""Models as scikit-learn estimators, and the other way round."""

from mlpcore.estimators.to_model import model_from_estimator
from mlpcore.wrappers.classifier import ModelClassifier
from mlpcore.wrappers.regressor import ModelRegressor

__all__ = ["ModelClassifier", "ModelRegressor", "model_from_estimator"]
