"""Model, loss and optimizer of the settings."""

from typing import NamedTuple

from fnet import layers, losses, models, optimizers
from fnet.cli.arguments import IMAGE_RATES, TABLE_RATES, Settings
from fnet.core import Layer, Loss, Optimizer
from fnet.errors import ConfigurationError


class Built(NamedTuple):
    """What training takes."""

    model: Layer
    loss: Loss
    optimizer: Optimizer


def build(settings: Settings, classes: int) -> Built:
    """The three nouns that the settings name, for data of so many classes."""
    rates = IMAGE_RATES if settings["target"] is None else TABLE_RATES
    rate = settings["learning_rate"] or rates[settings["optimizer"]]
    optimizer = getattr(optimizers, settings["optimizer"])(rate)
    if settings["model"] == "mlp":
        return Built(build_mlp(settings, classes), losses.cross_entropy(), optimizer)
    if classes != 2:
        raise ConfigurationError(
            f"--model logistic tells two classes apart, and the data have {classes}; the linear "
            "model for more is --model mlp --layers 1"
        )
    return Built(models.logistic_regression(l2=settings["l2"]), losses.bce(), optimizer)


def build_mlp(settings: Settings, classes: int) -> Layer:
    """The network of the settings."""
    return models.classification_net(
        classes,
        hidden=settings["hidden"],
        layers=settings["layers"],
        activation=getattr(layers, settings["activation"])(),
        l2=settings["l2"],
    )
