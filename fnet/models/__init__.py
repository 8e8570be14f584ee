"""Networks, each a few lines of composition."""

from fnet.models.classic import classification_net, logistic_regression
from fnet.models.language import recurrent_net, transformer
from fnet.models.vision import convnet, mobile, resnet

__all__ = [
    "classification_net",
    "convnet",
    "logistic_regression",
    "mobile",
    "recurrent_net",
    "resnet",
    "transformer",
]
