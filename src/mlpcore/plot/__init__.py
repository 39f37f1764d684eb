"""Pictures, by matplotlib (an optional dependency): learning curves, models, weights, decision regions.

Each function draws on the axes it is given, or on new ones, and returns them.
"""

from mlpcore.plot.curves import history, loss_curve
from mlpcore.plot.model_picture import ModelPicture, plot_model
from mlpcore.plot.regions import decision_regions
from mlpcore.plot.weight_images import weights

model = plot_model

__all__ = ["ModelPicture", "decision_regions", "history", "loss_curve", "model", "plot_model", "weights"]
