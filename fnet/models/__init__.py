"""Networks, each a few lines of composition."""

from fnet.models.classic import (
    classification_net,
    linear_regression,
    logistic_regression,
    regression_net,
)
from fnet.models.vision import convnet, mobile, resnet

__all__ = [
    "classification_net",
    "convnet",
    "linear_regression",
    "logistic_regression",
    "mobile",
    "regression_net",
    "resnet",
]
