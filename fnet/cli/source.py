"""From `--data` to the three parts of a dataset in memory, with one fitted transform."""

import dataclasses
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnet import data
from fnet.cli.arguments import Settings
from fnet.cli.digests import digest
from fnet.cli.figures import classes_of
from fnet.cli.fitting import check_fits
from fnet.cli.folders import Opened, open_images, packed
from fnet.cli.forms import instead_of
from fnet.cli.learned import open_text_parts
from fnet.cli.tables import (
    FLAGS,
    encode,
    is_table,
    open_table,
    places_of,
    plain_name,
)
from fnet.cli.text import is_text, open_text
from fnet.cli.values import PARTS as PARTS
from fnet.cli.values import held_out, require_use_of_split, shares_of_train
from fnet.data import Dataset, Memory, Transform
from fnet.errors import ConfigurationError, DataError


class Parts(NamedTuple):
    """The three parts; `about`, where the data come from; `thresholds`, those of --binarize.

    `task` is "classes", "regression" or "text"; `decisions` are sentences on what was decided for
    the user.
    """

    train: Memory
    val: Memory
    test: Memory
    about: str
    thresholds: tuple[float, float] | None = None
    task: str = "classes"
    decisions: tuple[str, ...] = ()
    schema: dict[str, Any] | None = None  # of a table: see `fnet.data.schema`
    size: tuple[int, int] | None = None  # chosen for images, where none is given
    pixels: str | None = None  # the range of those of images

    @property
    def lines(self) -> list[str]:
        """The decisions as lines below the one on the data."""
        return [f"           {decision}" for decision in self.decisions]

    @property
    def facts(self) -> Settings:
        """Plain JSON by which a resumed run recognises its data."""
        return {
            "thresholds": self.thresholds and list(self.thresholds),
            "classes": list(self.train.classes),
            "samples": [len(self.train), len(self.val), len(self.test)],
            "sha256": digest([self.train, self.val, self.test]),
            **({} if self.schema is None else {"schema": self.schema}),
            **({} if self.pixels is None else {"pixels": self.pixels}),
        }

    def config(self, settings: Settings) -> Settings:
        """These settings with the facts and the decisions, by which a later command does alike."""
        size = settings["size"] if self.size is None else list(self.size)
        return {**settings, **self.facts, "size": size, "decisions": list(self.decisions)}


def load_parts(settings: Settings) -> Parts:
    """The data of these settings, split by their seed, the transform fitted to the training part.

    Raises DataError for fewer than two classes, and for data that have changed since the run with
    these settings began.
    """
    of_images = settings["data"] is not None and Path(settings["data"]).is_dir()
    if settings.get("class_folders") and (not of_images or settings["text"] is not None):
        raise ConfigurationError("--class-folders names folders of images; leave it out for others")
    if is_text(settings):
        return _text_parts(settings)
    loaded = _table_parts(settings) if _of_table(settings) else _image_parts(settings)
    _check_parts(loaded, settings)
    return loaded


def _text_parts(settings: Settings) -> Parts:
    opened, about, decisions = open_text(settings)
    train, val, test = (opened[part] for part in PARTS)
    parts = Parts(train, val, test, about, task="text", decisions=decisions)  # type: ignore[arg-type]
    _check_same(parts, settings)
    return parts


def _table_parts(settings: Settings) -> Parts:
    path = _existing(settings)
    if settings["size"] is not None:
        raise ConfigurationError(f"--size resizes image files only; leave it out for {path}")
    if settings["text"] is not None:
        texts, schema, said = open_text_parts(path, settings)
        divided = _divide(dict[str, Dataset](texts), settings)
        train, val, test = (_in_memory(divided[part]) for part in PARTS)
        return Parts(train, val, test, f"texts of {path}", decisions=said, schema=schema)
    table, thresholds = open_table(path, settings), None
    said = table.decisions
    divided = _divide({"train": table.dataset}, settings, table.groups)
    parts = {part: _in_memory(dataset) for part, dataset in divided.items()}
    if settings["binarize"] is not None:
        thresholds = data.thresholds(parts["train"].arrays["target"], settings["binarize"])
        parts = {part: data.binarize(dataset, *thresholds) for part, dataset in parts.items()}
        between = len(table.dataset) - sum(map(len, parts.values()))
        said += (classes_of(settings["target"], thresholds, between),)
    parts, schema = encode(table, parts, settings)
    train, val, test = (parts[part] for part in PARTS)
    return Parts(train, val, test, f"table {path}", thresholds, table.task, said, schema)


def _image_parts(settings: Settings) -> Parts:
    opened = _open(settings)
    check_fits(opened, settings)
    held = any(isinstance(part, Memory) for part in opened.parts.values())
    if settings["size"] is not None and held:
        raise ConfigurationError(
            f"--size resizes image files only; leave it out for the {opened.about}"
        )
    divided = _divide(packed(opened.parts, settings["workers"]), settings)
    parts = {part: _in_memory(dataset) for part, dataset in divided.items()}
    transform = fit_transform(parts["train"])
    train, val, test = (dataclasses.replace(parts[part], transform=transform) for part in PARTS)
    return Parts(
        *(train, val, test, opened.about),
        decisions=tuple(settings.get("decisions", opened.decisions)),  # a resumed run's stand
        size=opened.size,
        pixels=opened.pixels,
    )


def resolved(settings: Settings) -> Settings:
    """These settings with an absolute path: they stay valid anywhere."""
    if settings["data"] is None:
        return settings
    return {**settings, "data": str(Path(settings["data"]).absolute())}


def short_name(settings: Settings) -> str:
    """A name for runs on these data."""
    if settings["data"] is None:
        return "language" if is_text(settings) else "shapes"
    path = Path(settings["data"]).resolve()
    return path.name if path.is_dir() else plain_name(path).stem


def load_whole(
    settings: Settings, classes: tuple[str, ...], transform: Transform
) -> tuple[Memory, tuple[str, ...]]:
    """All images of these settings, or of their test part where they come divided, with the labels
    of a model that has these classes.

    With them come sentences on what was decided.
    """
    opened = _open(settings, classes)
    check_fits(opened, {**settings, "model": None})
    taken, which = held_out(opened.parts)
    datasets = [_in_memory(part) for part in packed(taken, settings["workers"]).values()]
    (x, y) = datasets[0].fields
    labels = [
        places_of(dataset.classes, classes, settings["data"])[dataset.arrays[y]]
        for dataset in datasets
    ]
    arrays = {x: np.concatenate([d.arrays[x] for d in datasets]), y: np.concatenate(labels)}
    return data.memory(arrays, classes, transform), (*which, *opened.decisions)


def fit_transform(train: Memory) -> Transform:
    """Bring images to a common scale, by the statistics of the training part alone.

    0 to 255, or of uint16 0 to 65535, becomes 0 to 1, then mean 0 and standard deviation 1 by
    channel. A constant channel becomes 0.
    """
    name, _ = train.fields
    x = train.arrays[name]
    to_unit = [data.rescale((0, np.iinfo(x.dtype).max))] if x.dtype.kind == "u" else []
    mean, std = data.mean_and_std(train, transform=data.compose(*to_unit))
    std = tuple(np.where(np.array(std) > 0, std, 1.0))
    return data.compose(*to_unit, data.normalize(mean, std))


def _in_memory(dataset: Dataset) -> Memory:
    return dataset if isinstance(dataset, Memory) else data.memory(dataset)


def _of_table(settings: Settings) -> bool:
    """Whether columns of a table are learned from, and no images; ConfigurationError for a flag
    that only a table has."""
    path = settings["data"]
    if path is not None and Path(path).is_dir() and settings["text"] is not None:
        return True
    if path is not None and not Path(path).is_dir() and is_table(Path(path), settings["target"]):
        return settings["images"] is None
    for option in (*FLAGS, "text", "images"):
        if settings[option] is not None:
            raise ConfigurationError(
                f"--{option} needs a table such as a .csv, but --data is {path or 'not given'}"
            )
    return False


def _existing(settings: Settings) -> Path:
    path = Path(settings["data"])
    if not path.exists():
        raise DataError(f"--data {path}: no such file or folder")
    return path


def _open(settings: Settings, classes: tuple[str, ...] | None = None) -> Opened:
    """The images by part (or whole, as "train")."""
    path = None if settings["data"] is None else _existing(settings)
    if path is None or path.is_dir() or path.suffix.lower() == ".npz" or settings.get("images"):
        return open_images(settings, classes)
    raise DataError(
        f"--data {path}: it must be a folder, an .npz, a .csv or a .txt{instead_of(path)}"
    )


def _check_parts(parts: Parts, settings: Settings) -> None:
    name, target = parts.train.fields
    labels = parts.train.arrays[target]
    shapes = [part.arrays[name].shape[1:] for part in (parts.train, parts.val, parts.test)]
    if len(set(shapes)) > 1:
        folder = Path(settings["data"]).is_dir()
        raise DataError(
            f"{parts.about}: samples of train, val and test are {shapes}; they must have one "
            f"shape: {'add --size H W' if folder else 'bring their arrays to one'}"
        )
    if labels.min() == labels.max():
        if not parts.train.classes:
            raise DataError(f"{parts.about}: the target is {labels[0]} in every training sample")
        raise DataError(
            f"{parts.about}: every training sample has class {parts.train.classes[labels[0]]!r}; "
            "two classes or more are needed"
        )
    _check_same(parts, settings)


def _check_same(parts: Parts, settings: Settings) -> None:
    """Raise DataError for data that have changed since the run began."""
    for fact, value in parts.facts.items():
        if settings.get(fact, value) != value:
            raise DataError(
                f"{parts.about}: the data have changed since the run began: {fact} was "
                f"{settings[fact]} and is now {value}; restore the data, or begin a new run"
            )


def _divide(
    parts: dict[str, Dataset], settings: Settings, groups: np.ndarray | None = None
) -> dict[str, Dataset]:
    """Train, val and test; missing parts are split off from train."""
    require_use_of_split(settings, parts)
    taken = shares_of_train(settings["split"], parts)
    whole, seed, shuffle = parts["train"], settings["seed"], settings["shuffle"]
    stratified = settings["stratified"] and bool(whole.classes) and shuffle and groups is None
    split = data.split(whole, taken, seed, stratified, shuffle=shuffle, groups=groups)
    return {**parts, **split}
