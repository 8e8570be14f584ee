"""CIFAR-10 (Krizhevsky 2009), in every form in which it is distributed."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fnet.data.dataset import Dataset, Memory, memory
from fnet.data.images import image_folder
from fnet.data.transforms import Transform
from fnet.errors import DataError
from fnet.files.unpickle import read_pickle

SIDE = 32
PIXELS = 3 * SIDE * SIDE
TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
TEST = ("test_batch",)
SUBFOLDERS = ("cifar-10-batches-bin", "cifar-10-batches-py")


def cifar10(root: str | os.PathLike[str], transform: Transform | None = None) -> dict[str, Dataset]:
    """CIFAR-10 in any of its forms, from `root` or the subfolder that its archive unpacks to.

        data_batch_1.bin ... test_batch.bin, batches.meta.txt   -> "train", "test", in memory
        data_batch_1 ... test_batch, batches.meta (pickles)     -> "train", "test", in memory
        train/<class>/*.png, test/<class>/*.png                 -> "train", "test", on disk
        one *.pickle, *.pkl or *.p of {images, labels, ...}     -> "all", in memory

    Images are (32, 32, 3) uint8; class names come from the files. Pickles are read without running
    anything in them. Raises DataError if anything is missing, damaged or out of range.

    >>> import tempfile
    >>> from fnet.data import synthetic_images
    >>> with tempfile.TemporaryDirectory() as home:
    ...     for part in ("train", "test"):
    ...         _ = synthetic_images(f"{home}/{part}", per_class=1)
    ...     {part: len(images) for part, images in cifar10(home).items()}
    {'train': 10, 'test': 10}
    """
    root = Path(root)
    for folder in (root, *(root / name for name in SUBFOLDERS)):
        for form in (_binary, _pickles, _folders, _one_pickle):
            parts = form(folder, transform)
            if parts is not None:
                return parts
    raise DataError(
        f"{root}: no CIFAR-10 here; it must hold data_batch_1.bin to test_batch.bin, the pickles "
        "data_batch_1 to test_batch, the folders train and test, or one .pickle file"
    )


def _binary(folder: Path, transform: Transform | None) -> dict[str, Dataset] | None:
    meta = "batches.meta.txt"
    if not _complete(folder, [f"{name}.bin" for name in TRAIN + TEST], meta):
        return None
    try:
        names = [line.strip() for line in (folder / meta).read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{folder / meta}: cannot be read ({error}); download it again") from error

    def records(name: str) -> tuple[np.ndarray, np.ndarray]:
        path = folder / f"{name}.bin"
        data = np.fromfile(path, np.uint8)
        if not data.size or data.size % (1 + PIXELS):
            raise DataError(
                f"{path}: {data.size} bytes are not whole records of {1 + PIXELS}; download it "
                "again"
            )
        table = data.reshape(-1, 1 + PIXELS)
        return table[:, 1:], table[:, 0]

    return _parts(folder, ".bin", records, [name for name in names if name], transform)


def _pickles(folder: Path, transform: Transform | None) -> dict[str, Dataset] | None:
    meta = "batches.meta"
    if not _complete(folder, TRAIN + TEST, meta):
        return None
    (label_names,) = _entries(folder / meta, "label_names")
    names = [_text(name) for name in _array(folder / meta, label_names).ravel().tolist()]

    def records(name: str) -> tuple[np.ndarray, np.ndarray]:
        data, labels = _entries(folder / name, "data", "labels")
        return _array(folder / name, data), _array(folder / name, labels)

    return _parts(folder, "", records, names, transform)


def _folders(folder: Path, transform: Transform | None) -> dict[str, Dataset] | None:
    if not all((folder / part).is_dir() for part in ("train", "test")):
        return None
    train, test = (image_folder(folder / part, transform) for part in ("train", "test"))
    if train.classes != test.classes:
        raise DataError(
            f"{folder}: the class folders of train and test differ: {list(train.classes)} vs "
            f"{list(test.classes)}; they must be the same"
        )
    return {"train": train, "test": test}


def _one_pickle(folder: Path, transform: Transform | None) -> dict[str, Dataset] | None:
    paths = sorted(p for pattern in ("*.pickle", "*.pkl", "*.p") for p in folder.glob(pattern))
    if not paths:
        return None
    if len(paths) > 1:
        raise DataError(f"{folder}: {paths[0].name} and {paths[1].name}; keep only one pickle here")
    images, labels, class_to_idx = _entries(paths[0], "images", "labels", "class_to_idx")
    if not isinstance(class_to_idx, dict):
        raise DataError(f"{paths[0]}: class_to_idx must be a dictionary from names to labels")
    # Not `classes`: if the two disagree, the labels were made with class_to_idx.
    names, numbers = list(class_to_idx), list(class_to_idx.values())
    if not names or any(number not in numbers for number in range(len(names))):
        raise DataError(f"{paths[0]}: class_to_idx must number the classes from 0, each once")
    classes = [_text(names[numbers.index(number)]) for number in range(len(names))]
    images, labels = _array(paths[0], images), _array(paths[0], labels)
    if images.ndim != 4 or (images.dtype != np.uint8 and images.dtype.kind != "f"):
        raise DataError(
            f"{paths[0]}: images are {images.shape} {images.dtype}; they must be (N, H, W, C), "
            "uint8 or floating"
        )
    _check_labels(paths[0], labels, len(images), classes)
    arrays = {"image": images, "label": labels.astype(np.int32)}
    return {"all": memory(arrays, classes, transform)}


def _complete(folder: Path, names: Sequence[str], meta: str) -> bool:
    """Whether this form is present; raises DataError if only some of its files are."""
    missing = [name for name in (*names, meta) if not (folder / name).is_file()]
    if set(names) <= set(missing):
        return False
    if missing:
        raise DataError(f"{folder}: {', '.join(missing)} missing; unpack the full archive")
    return True


def _parts(
    folder: Path,
    suffix: str,
    records: Callable[[str], tuple[np.ndarray, np.ndarray]],
    classes: Sequence[str],
    transform: Transform | None,
) -> dict[str, Dataset]:
    def part(files: Sequence[str]) -> Memory:
        images, labels = [], []
        for name in files:
            pixels, label = records(name)
            path = folder / f"{name}{suffix}"
            if pixels.dtype != np.uint8 or pixels.ndim != 2 or pixels.shape[1] != PIXELS:
                raise DataError(
                    f"{path}: pixels are {pixels.shape} {pixels.dtype}; they must be "
                    f"(N, {PIXELS}) uint8"
                )
            _check_labels(path, label, len(pixels), classes)
            images.append(pixels.reshape(-1, 3, SIDE, SIDE).transpose(0, 2, 3, 1))
            labels.append(label.astype(np.int32))
        arrays = {
            "image": np.ascontiguousarray(np.concatenate(images)),
            "label": np.concatenate(labels),
        }
        return memory(arrays, classes, transform)

    return {"train": part(TRAIN), "test": part(TEST)}


def _entries(path: Path, *names: str) -> list[Any]:
    content = read_pickle(path)
    missing = [name for name in names if name not in content]
    if missing:
        raise DataError(f"{path}: it has no {', '.join(missing)}, only {sorted(content)}")
    return [content[name] for name in names]


def _array(path: Path, value: Any) -> np.ndarray:
    try:
        return np.asarray(value)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"{path}: its lists do not form arrays ({error}); download it again"
        ) from error


def _check_labels(path: Path, labels: np.ndarray, n: int, classes: Sequence[str]) -> None:
    if labels.shape != (n,) or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"{path}: labels are {labels.shape} {labels.dtype}; they must be ({n},) integers"
        )
    wrong = np.flatnonzero((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        raise DataError(
            f"{path}: the label of record {wrong[0]} is {labels[wrong[0]]}; with "
            f"{len(classes)} classes it must be from 0 to {len(classes) - 1}; download the file "
            "again"
        )


def _text(value: str | bytes) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
