"""Folders of images from `--data`: which parts they are divided into, and decoded by whom."""

from pathlib import Path

from fnet import data
from fnet.data import Dataset
from fnet.errors import DataError

FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
CIFAR = ("data_batch_*", "cifar-10-batches-*", "*.pickle", "*.pkl")


def open_folder(root: Path, size: tuple[int, int] | None) -> dict[str, Dataset]:
    """The datasets of a folder by part, or whole, as "train"."""
    folders = {child.name for child in root.iterdir() if child.is_dir()}
    if folders and folders <= set(FOLDERS) and "train" in folders:
        return _same_classes(
            {FOLDERS[name]: data.image_folder(root / name, size=size) for name in sorted(folders)}
        )
    if any(next(root.glob(pattern), None) for pattern in CIFAR):
        parts = data.cifar10(root)
        return {"train" if part == "all" else part: parts[part] for part in parts}
    return {"train": data.image_folder(root, size=size)}


def packed(parts: dict[str, Dataset], workers: int) -> dict[str, Dataset]:
    """Image folders decoded by `workers` processes, if any; other datasets unchanged."""
    if workers == 0:
        return parts
    return {
        name: data.packed(part, workers=workers) if isinstance(part, data.ImageFolder) else part
        for name, part in parts.items()
    }


def _same_classes(parts: dict[str, Dataset]) -> dict[str, Dataset]:
    for part, dataset in parts.items():
        if dataset.classes != parts["train"].classes:
            raise DataError(
                f"the classes of {part} are {list(dataset.classes)}, those of train "
                f"{list(parts['train'].classes)}; they must be the same"
            )
    return parts
