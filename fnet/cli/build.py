"""Model, loss and optimizer from the settings."""

from collections.abc import Callable
from typing import NamedTuple

from fnet import data, layers, losses, models
from fnet.cli.arguments import ALL, Settings
from fnet.cli.optimizing import build_optimizer
from fnet.compose.mixed_precision import mixed_precision
from fnet.core import Layer, Loss, Optimizer
from fnet.data import Augmentation
from fnet.errors import ConfigurationError

OF_MODEL = {"hidden": "mlp", "layers": "mlp", "activation": "mlp", "depth": "resnet"}


class Built(NamedTuple):
    """What training takes."""

    model: Layer
    loss: Loss
    optimizer: Optimizer


def build(settings: Settings, classes: int, samples: int) -> Built:
    """The model, loss and optimizer that the settings name, for so many classes and samples."""
    optimizer = build_optimizer(settings, samples)
    if settings["model"] != "logistic":
        return Built(build_model(settings, classes), losses.cross_entropy(), optimizer)
    if classes != 2:
        raise ConfigurationError(
            f"--model logistic is for two classes, and the data have {classes}; the linear "
            "model for more is --model mlp --layers 1"
        )
    return Built(build_model(settings, classes), losses.bce(), optimizer)


def with_model(given: Settings, images: bool | None = None) -> tuple[Settings, str]:
    """What is given, with a model; and why it is this one if none is named. The data are `images`,
    or else whatever has no column as its target."""
    images = given.get("target") is None if images is None else images
    options = [name for name in given if name in OF_MODEL]
    named = given.get("model")
    for name in options:
        if named not in (None, OF_MODEL[name]):
            raise ConfigurationError(
                f"--{name} is for --model {OF_MODEL[name]}, and the model is {named}; leave one out"
            )
    if named is not None:
        return given, ""
    if options:
        return {**given, "model": OF_MODEL[options[0]]}, f"chosen for --{options[0]}"
    if images:
        return {**given, "model": "cnn"}, "chosen for images: it finds a pattern wherever it is"
    return {**given, "model": "mlp"}, "chosen for a table: the order of columns means nothing"


def build_augmentation(settings: Settings, shape: tuple[int, ...]) -> Augmentation:
    """What `--augment` names, in that order, for samples of this shape."""
    names = settings["augment"]
    if not names:
        return data.augment()
    given = f"--augment {' '.join(names)}"
    if len(shape) != 3:
        raise ConfigurationError(
            f"{given}: that changes images, and the data are a table; leave it out"
        )
    if settings["batch_size"] == ALL:
        raise ConfigurationError(
            f"{given}: full-batch training takes every sample as it is; name a --batch-size"
        )
    side = min(shape[:2])
    made: dict[str, Callable[[], Augmentation]] = {
        "flip": data.flip,
        "crop": lambda: data.crop(padding=max(1, side // 8)),
        "cutout": lambda: data.cutout(max(1, side // 4)),
        "brightness": lambda: data.brightness(0.2),
        "contrast": lambda: data.contrast(0.2),
        "mixup": data.mixup,
    }
    return data.augment(*(made[name]() for name in names))


def build_model(settings: Settings, classes: int) -> Layer:
    """The network that the settings describe; a logistic regression ignores `classes`."""
    l2 = settings["l2"]
    made: dict[str, Callable[[], Layer]] = {
        "cnn": lambda: models.convnet(classes, l2=l2),
        "resnet": lambda: models.resnet(classes, depth=settings["depth"], l2=l2),
        "mobile": lambda: models.mobile(classes, l2=l2),
        "mlp": lambda: models.classification_net(
            classes,
            hidden=settings["hidden"],
            layers=settings["layers"],
            activation=getattr(layers, settings["activation"])(),
            l2=l2,
        ),
        "logistic": lambda: models.logistic_regression(l2=l2),
    }
    model = made[settings["model"]]()
    return mixed_precision(model) if settings["precision"] == "bfloat16" else model
