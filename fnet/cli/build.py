"""Model, loss and optimizer from the settings."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fnet import data, layers, losses, models
from fnet.cli.arguments import ALL, Settings
from fnet.cli.optimizing import build_optimizer
from fnet.cli.text import MODELS as TEXT_MODELS
from fnet.cli.text import TEXT, build_text_model, is_text, with_text_model
from fnet.cli.texts import MODEL as WORDS
from fnet.cli.texts import build_words_model, with_class_folders, with_words_model
from fnet.compose.mixed_precision import mixed_precision
from fnet.core import Layer, Loss
from fnet.data import Augmentation, Memory
from fnet.errors import ConfigurationError, DataError

OF_MODEL = {"hidden": "mlp", "layers": "mlp", "activation": "mlp", "depth": "resnet"}


class Built(NamedTuple):
    """What training takes."""

    model: Layer
    loss: Loss
    optimizer: Any  # an Optimizer, or a Solver


def build(settings: Settings, train: Memory) -> Built:
    """The model, loss and optimizer that the settings name, for this training part."""
    optimizer, classes = build_optimizer(settings, len(train)), len(train.classes)
    if settings["model"] == "logistic" and classes != 2:
        raise ConfigurationError(
            f"--model logistic is for two classes, and {_target(classes)}; the linear model for it "
            "is --model linear"
        )
    if not classes and settings["model"] not in ("mlp", "linear"):
        raise ConfigurationError(
            f"--model {settings['model']} is for classes, and {_target(classes)}; take "
            "mlp or linear"
        )
    make = _class_loss if classes else _number_loss
    if settings["text"] is not None:
        model = build_words_model(settings, train)
    else:
        model = build_model(settings, classes)
    return Built(model, make(settings, train), optimizer)


def _target(classes: int) -> str:
    return f"the data have {classes}" if classes else "the target is a number"


def _class_loss(settings: Settings, train: Memory) -> Loss:
    if settings["loss"] is not None:
        raise ConfigurationError(
            f"--loss {settings['loss']} is for a numeric target, and the data have "
            f"{len(train.classes)} classes, whose loss is cross-entropy; leave it out"
        )
    weights = None
    if settings["class_weight"] is not None:
        weights = data.class_weights(train.arrays[train.fields[1]], len(train.classes))
    smoothing = settings["label_smoothing"]
    if not _is_logistic(settings, len(train.classes)):
        return losses.cross_entropy(weights=weights, label_smoothing=smoothing)
    if smoothing:
        raise ConfigurationError(
            "--label-smoothing is for the loss of several outputs, and a logistic model has one; "
            "leave it out, or take --model mlp --layers 1"
        )
    return losses.bce(pos_weight=1.0 if weights is None else weights[1] / weights[0])


def _number_loss(settings: Settings, train: Memory) -> Loss:
    """Of a target brought to mean 0 and deviation 1 by the training part."""
    for name in ("class_weight", "label_smoothing"):
        if settings[name]:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigurationError(f"{flag} is for classes, and the target is a number")
    target = np.asarray(train.arrays[train.fields[1]], np.float64)
    mean, std = float(target.mean()), float(target.std())
    if std == 0:
        raise DataError(
            f"every training target is {mean:g}; a number that varies is needed: choose another "
            "--target"
        )
    if np.abs(target).max() > std / np.finfo(np.float32).eps / 100:
        raise DataError(
            f"the training targets are from {target.min():.9g} to {target.max():.9g}, which "
            "are too close together for float32, a hundredth of their spread being less than it "
            "tells apart; subtract a number from the column, or choose another target"
        )
    made: dict[str, Callable[[], Loss]] = {
        "mse": losses.mse,
        "mae": losses.l1,
        "huber": losses.huber,
    }
    return losses.standardized(made[settings["loss"] or "mse"](), mean, std)


def _is_logistic(settings: Settings, classes: int) -> bool:
    """Whether one output says which of two classes it is."""
    return settings["model"] == "logistic" or (settings["model"] == "linear" and classes == 2)


def with_model(
    given: Settings, images: bool | None = None, texts: bool = False
) -> tuple[Settings, str]:
    """What is given, with a model; and why it is this one if none is named. The data are `images`,
    or else whatever has no column as its target; a text is refused unless `texts` are allowed."""
    given = with_class_folders(given)
    if is_text(given):
        if not texts:
            raise ConfigurationError(
                "this command is for images and tables; fnet train learns a text"
            )
        return with_text_model(given)
    for name in TEXT:
        if given.get(name) is not None:
            also = "; the width of an mlp is --hidden" * (name == "width")
            raise ConfigurationError(
                f"--{name} is for a text and {', '.join(TEXT_MODELS)}; leave it out{also}"
            )
    if given.get("text") is not None or given.get("model") == WORDS:
        return with_words_model(given)
    if images is None:
        images = given.get("target") is None or given.get("images") is not None
    options = [name for name in given if name in OF_MODEL]
    named = given.get("model")
    for name in options:
        if named not in (None, OF_MODEL[name]):
            also = "; for an mlp it is --layers" * (name == "depth" and named == "mlp")
            raise ConfigurationError(
                f"--{name} is for --model {OF_MODEL[name]}, and the model is {named}; leave one out"
                f"{also}"
            )
    widths = given.get("hidden")
    if isinstance(widths, list) and given.get("layers", len(widths) + 1) != len(widths) + 1:
        raise ConfigurationError(
            f"--hidden {' '.join(map(str, widths))} makes {len(widths) + 1} affine layers, and "
            f"--layers is {given['layers']}; leave one out"
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
            f"{given}: that changes images, and the data have none; leave it out"
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
    """The network that the settings describe, for so many classes, or none: for a number.

    A logistic regression ignores `classes`.
    """
    l2, hidden = settings["l2"] or 0.0, settings["hidden"]
    shape: Settings = {
        "hidden": tuple(hidden) if isinstance(hidden, list) else hidden,
        "layers": None if isinstance(hidden, list) else settings["layers"],
        "activation": getattr(layers, settings["activation"])(),
        "l2": l2,
    }
    made: dict[str, Callable[[], Layer]] = {
        "cnn": lambda: models.convnet(classes, l2=l2),
        "resnet": lambda: models.resnet(classes, depth=settings["depth"], l2=l2),
        "mobile": lambda: models.mobile(classes, l2=l2),
        "mlp": lambda: (
            models.classification_net(classes, **shape)
            if classes
            else models.regression_net(**shape)
        ),
        "linear": lambda: (
            models.classification_net(classes, layers=1, std=1e-3, l2=l2)
            if classes
            else models.linear_regression(l2)
        ),
        "logistic": lambda: models.logistic_regression(l2=l2),
    }
    if is_text(settings):
        model = build_text_model(settings, classes)
    else:
        model = made["logistic" if _is_logistic(settings, classes) else settings["model"]]()
    return mixed_precision(model) if settings["precision"] == "bfloat16" else model
