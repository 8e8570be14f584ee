"""From `--data` to the three parts of a dataset in memory, with one fitted transform."""

import dataclasses
import hashlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fnet import data
from fnet.cli.arguments import Settings
from fnet.data import Dataset, Memory, Transform
from fnet.errors import ConfigurationError, DataError

PARTS = ("train", "val", "test")
FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
CIFAR = ("data_batch_*", "cifar-10-batches-*", "*.pickle", "*.pkl")


class Parts(NamedTuple):
    """The three parts; `about`, where the data come from; `thresholds`, those of --binarize.

    `task` is "classes" or "regression"; `decisions` are sentences on what was decided for the user.
    """

    train: Memory
    val: Memory
    test: Memory
    about: str
    thresholds: tuple[float, float] | None = None
    task: str = "classes"
    decisions: tuple[str, ...] = ()

    @property
    def facts(self) -> Settings:
        """Plain JSON by which a resumed run recognises its data."""
        return {
            "thresholds": self.thresholds and list(self.thresholds),
            "classes": list(self.train.classes),
            "samples": [len(self.train), len(self.val), len(self.test)],
            "sha256": _digest([self.train, self.val, self.test]),
        }


def load_parts(settings: Settings) -> Parts:
    """The data of these settings, split by their seed, the transform fitted to the training part.

    Raises DataError for fewer than two classes, and for data that have changed since the run with
    these settings began.
    """
    opened, about = _open(settings)
    if settings["size"] is not None and any(isinstance(part, Memory) for part in opened.values()):
        raise ConfigurationError(f"--size resizes image files only; leave it out for the {about}")
    opened = _packed(opened, settings["workers"])
    divided = _divide(opened, settings["split"], settings["seed"])
    parts = {part: data.memory(dataset) for part, dataset in divided.items()}
    thresholds = None
    if settings["binarize"] is not None:
        targets = parts["train"].arrays["target"]
        thresholds = data.thresholds(targets, tuple(settings["binarize"]))
        parts = {part: data.binarize(dataset, *thresholds) for part, dataset in parts.items()}
    transform = fit_transform(parts["train"], settings["missing"])
    train, val, test = (dataclasses.replace(parts[part], transform=transform) for part in PARTS)
    loaded = Parts(train, val, test, about, thresholds)
    _check_parts(loaded, settings)
    return loaded


def resolved(settings: Settings) -> Settings:
    """These settings with an absolute path and explicit columns: they stay valid anywhere."""
    if settings["data"] is None:
        return settings
    path, features = Path(settings["data"]).absolute(), settings["features"]
    if path.suffix.lower() == ".csv" and features is None and settings["target"] is not None:
        features = [name for name in data.csv_columns(path) if name != settings["target"]]
    return {**settings, "data": str(path), "features": features}


def short_name(settings: Settings) -> str:
    """A name for runs on these data."""
    if settings["data"] is None:
        return "shapes"
    path = Path(settings["data"]).resolve()
    return path.name if path.is_dir() else path.stem


def load_whole(
    settings: Settings, classes: tuple[str, ...], thresholds: Any, transform: Transform
) -> Memory:
    """All samples of these settings, with the labels of a model that has these classes."""
    opened = _packed(_open(settings)[0], settings["workers"])
    datasets = [data.memory(dataset) for dataset in opened.values()]
    if thresholds is not None:
        datasets = [data.binarize(dataset, *thresholds) for dataset in datasets]
    (x, y) = datasets[0].fields
    labels = [_relabel(dataset, classes, settings["data"]) for dataset in datasets]
    arrays = {x: np.concatenate([d.arrays[x] for d in datasets]), y: np.concatenate(labels)}
    return data.memory(arrays, classes, transform)


def fit_transform(train: Memory, missing: str = "error") -> Transform:
    """Bring inputs to a common scale, by the statistics of the training part alone.

    Images: 0 to 255 becomes 0 to 1, then mean 0 and standard deviation 1 by channel. Tables: every
    column becomes 0 to 1; with missing="mean", empty cells first get the column's mean. A constant
    channel or column becomes 0.
    """
    name, _ = train.fields
    x = train.arrays[name]
    if name == "features":
        low, high = (np.array(bound) for bound in data.min_max(x))
        scale = data.rescale(in_range=(low, np.where(high > low, high, low + 1)))
        if missing == "error":
            return scale
        return data.compose(data.fill_missing(data.column_means(x)), scale)
    to_unit = [data.rescale()] if x.dtype == np.uint8 else []
    mean, std = data.mean_and_std(train, transform=data.compose(*to_unit))
    std = tuple(np.where(np.array(std) > 0, std, 1.0))
    return data.compose(*to_unit, data.normalize(mean, std))


def _open(settings: Settings) -> tuple[dict[str, Dataset], str]:
    """The dataset by part (or whole, as "train"), and a line describing it."""
    path = Path(settings["data"] or "")
    suffix = path.suffix.lower()
    for option in ("target", "features", "binarize"):
        if suffix != ".csv" and settings[option] is not None:
            raise ConfigurationError(
                f"--{option} needs a .csv, but --data is {settings['data'] or 'not given'}"
            )
    if settings["data"] is None:
        folder = data.synthetic_images()
        about = "a synthetic set of shapes, drawn by fnet (no photographs)"
        return {"train": data.image_folder(folder, size=_size(settings))}, about
    if not path.exists():
        raise DataError(f"--data {path}: no such file or folder")
    if path.is_dir():
        return _open_folder(path, _size(settings)), f"images in {path}"
    if suffix == ".npz":
        return {"train": data.npz_images(path)}, f"images in {path}"
    if suffix == ".csv":
        return {"train": _open_table(path, settings)}, f"table {path}"
    raise DataError(f"--data {path}: it must be a folder, an .npz or a .csv")


def _packed(parts: dict[str, Dataset], workers: int) -> dict[str, Dataset]:
    """Image folders decoded by `workers` processes, if any; other datasets unchanged."""
    if workers == 0:
        return parts
    return {
        name: data.packed(part, workers=workers) if isinstance(part, data.ImageFolder) else part
        for name, part in parts.items()
    }


def _open_folder(root: Path, size: tuple[int, int] | None) -> dict[str, Dataset]:
    folders = {child.name for child in root.iterdir() if child.is_dir()}
    if folders and folders <= set(FOLDERS) and "train" in folders:
        return _same_classes(
            {FOLDERS[name]: data.image_folder(root / name, size=size) for name in sorted(folders)}
        )
    if any(next(root.glob(pattern), None) for pattern in CIFAR):
        parts = data.cifar10(root)
        return {"train" if part == "all" else part: parts[part] for part in parts}
    return {"train": data.image_folder(root, size=size)}


def _open_table(path: Path, settings: Settings) -> Memory:
    if settings["target"] is None:
        raise ConfigurationError(f"{path}: name the column to predict with --target COLUMN")
    return data.csv_table(
        path,
        settings["target"],
        settings["features"],
        missing="nan" if settings["missing"] == "mean" else "error",
        labels=settings["binarize"] is None,
    )


def _same_classes(parts: dict[str, Dataset]) -> dict[str, Dataset]:
    for part, dataset in parts.items():
        if dataset.classes != parts["train"].classes:
            raise DataError(
                f"the classes of {part} are {list(dataset.classes)}, those of train "
                f"{list(parts['train'].classes)}; they must be the same"
            )
    return parts


def _check_parts(parts: Parts, settings: Settings) -> None:
    name, target = parts.train.fields
    labels = parts.train.arrays[target]
    shapes = [part.arrays[name].shape[1:] for part in (parts.train, parts.val, parts.test)]
    if len(set(shapes)) > 1:
        raise DataError(
            f"{parts.about}: samples of train, val and test are {shapes}; they must have one "
            "shape: add --size H W"
        )
    if labels.min() == labels.max():
        raise DataError(
            f"{parts.about}: every training sample has class {parts.train.classes[labels[0]]!r}; "
            "two classes or more are needed"
        )
    for fact, value in parts.facts.items():
        if settings.get(fact, value) != value:
            raise DataError(
                f"{parts.about}: the data have changed since the run began: {fact} was "
                f"{settings[fact]} and is now {value}; restore the data, or begin a new run"
            )


def _digest(parts: list[Memory]) -> str:
    """A digest of every bit of these samples."""
    digest = hashlib.sha256()
    for part in parts:
        for name, array in part.arrays.items():
            digest.update(f"{name} {array.shape} {array.dtype}".encode())
            digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()


def _divide(parts: dict[str, Dataset], split: Any, seed: int) -> dict[str, Dataset]:
    """Train, val and test; missing parts are split off from train."""
    shares = dict(zip(PARTS, split, strict=True))
    if abs(sum(shares.values()) - 1) > 1e-6:
        raise ConfigurationError(f"--split is {' '.join(map(str, split))}; its sum must be 1")
    wanted = {part: shares[part] for part in PARTS if part == "train" or part not in parts}
    whole = sum(wanted.values())
    taken = {part: share / whole for part, share in wanted.items()}
    return {**parts, **data.split(parts["train"], taken, seed)}


def _relabel(dataset: Memory, classes: tuple[str, ...], path: Any) -> np.ndarray:
    """The dataset's labels as indices into `classes`, matched by name."""
    unknown = [name for name in dataset.classes if name not in classes]
    if unknown:
        raise DataError(
            f"{path}: the model has no class {unknown[0]!r}, only {list(classes)}; leave its "
            "samples out, or train with them"
        )
    indices = np.array([classes.index(name) for name in dataset.classes], np.int32)
    labels: np.ndarray = indices[dataset.arrays[dataset.fields[1]]]
    return labels


def _size(settings: Settings) -> tuple[int, int] | None:
    return None if settings["size"] is None else (settings["size"][0], settings["size"][1])
