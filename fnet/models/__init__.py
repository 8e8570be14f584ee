"""Networks, each a few lines of composition."""

from fnet.models.classic import (
    classification_net,
    linear_regression,
    logistic_regression,
    regression_net,
)
from fnet.models.generation import generate
from fnet.models.language import attention_maps, recurrent, text_classifier, transformer
from fnet.models.vision import convnet, mobile, resnet

__all__ = [
    "attention_maps",
    "classification_net",
    "convnet",
    "generate",
    "linear_regression",
    "logistic_regression",
    "mobile",
    "recurrent",
    "regression_net",
    "resnet",
    "text_classifier",
    "transformer",
]
