"""Images from `--data`: folders and archives, by part, at the size that the model is to see."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

from fnet import data
from fnet.cli.arguments import Settings
from fnet.cli.sizes import chosen_size
from fnet.cli.tables import read_apart
from fnet.cli.values import ORIGINAL
from fnet.data import Dataset, Divided
from fnet.data.finding import class_folders_in
from fnet.data.image_table import named_images
from fnet.data.pixels import BYTES
from fnet.errors import DataError

CIFAR = ("data_batch_*", "cifar-10-batches-*")
PICKLES = ("*.pickle", "*.pkl")


class Opened(NamedTuple):
    """Datasets by part, or whole as "train"; where they come from; what was decided for the user.

    `size` is the chosen one, of images that are resized though no size is given; `pixels` is their
    range.
    """

    parts: dict[str, Dataset]
    about: str
    decisions: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    pixels: str | None = None


def open_images(settings: Settings, classes: tuple[str, ...] | None = None) -> Opened:
    """The images of a folder, of an .npz, or that a table names, or those that fnet draws.

    With `classes`, they are those of a run. Image files are read on access.
    """
    size = None if settings["size"] in (None, ORIGINAL) else tuple(settings["size"])
    if settings["data"] is None:
        folder = data.synthetic_images()
        about = "a synthetic set of shapes, drawn by fnet (no photographs)"
        return Opened({"train": data.image_folder(folder, size=size)}, about, pixels=BYTES)
    path = Path(settings["data"])
    about, column = f"images in {path}", settings.get("images")
    if not path.is_dir() and column is None:
        divided = data.npz_parts(path, pixels=settings.get("pixels"))
        parts = _named(divided, path, classes is None)
        return Opened(parts, about, divided.decisions, None, divided.pixels)
    named = settings.get("class_folders")
    if path.is_dir():
        divided = _of_folder(path, size, classes or (tuple(named) if named else None))
    else:
        reading, about = read_apart(path, settings, "images"), f"images that {path} names"
        whole = named_images(reading, str(column), settings["target"], path.parent, size=size)
        divided = Divided({"all": whole}, whole.decisions)
    parts, decisions = _named(divided, path, classes is None), divided.decisions
    folders = {k: part for k, part in parts.items() if isinstance(part, data.ImageFolder)}
    if folders:
        chosen, said = chosen_size(folders.values(), settings["size"])
        size, decisions = chosen or size, (*decisions, *said)
        parts = {k: dataclasses.replace(part, size=size) for k, part in folders.items()}
        return Opened(parts, about, decisions, chosen, BYTES)
    return Opened(parts, about, decisions, None, BYTES)


def packed(parts: dict[str, Dataset], workers: int) -> dict[str, Dataset]:
    """Image folders decoded by `workers` processes, if any; other datasets unchanged."""
    if workers == 0:
        return parts
    return {
        name: data.packed(part, workers=workers) if isinstance(part, data.ImageFolder) else part
        for name, part in parts.items()
    }


def _of_folder(
    root: Path, size: tuple[int, int] | None, classes: tuple[str, ...] | None
) -> Divided:
    """CIFAR-10 in one of its forms, or class folders, divided or not."""
    pickled = any(next(root.glob(pattern), None) for pattern in PICKLES)
    if any(next(root.glob(pattern), None) for pattern in CIFAR) or (
        pickled and not class_folders_in(root)
    ):
        return Divided(dict[str, Any](data.cifar10(root)))
    return data.image_parts(root, size=size, classes=classes)


def _named(divided: Divided, path: Path, trains: bool) -> dict[str, Dataset]:
    """The parts, the whole being one to train on, which is needed if the command `trains`."""
    parts = {"train" if part == "all" else part: images for part, images in divided.parts.items()}
    if trains and "train" not in parts:
        raise DataError(f"{path}: it holds {' and '.join(parts)}, and nothing to train on")
    return parts
