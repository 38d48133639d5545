"""The loss over a data set as a function of the weights, with split, normalisation and arithmetic named."""

from basin.loss.dataset_loss import DatasetLoss
from basin.loss.examples import EXAMPLE_LOSSES, cross_entropy, mse

__all__ = ["EXAMPLE_LOSSES", "DatasetLoss", "cross_entropy", "mse"]
