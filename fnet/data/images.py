"""Folders of images: a folder's name is the class of the images in it."""

import dataclasses
import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fnet.core.available import check_memory
from fnet.data.dataset import Arrays, Samples
from fnet.data.finding import (
    Found,
    class_folders_in,
    counted,
    find,
    folders_in,
    images_in,
    passed_over,
)
from fnet.data.layout import check_classes, check_root, inner, without_classes
from fnet.data.parts import named_parts
from fnet.data.transforms import Transform, compose
from fnet.errors import DataError, nearest
from fnet.files.images import Size, check_size, read_image


@dataclasses.dataclass(frozen=True, eq=False)
class ImageFolder(Samples):
    """Images on disk: paths and labels are in memory, pixels are read on access.

    `labels` is (N,) int32 and read-only; `size` is (height, width), or None to keep images' sizes;
    `decisions` are sentences on what was passed over in the folder.

    >>> import tempfile
    >>> from fnet.data.synthetic import synthetic_images
    >>> with tempfile.TemporaryDirectory() as home:
    ...     shapes = image_folder(synthetic_images(home, per_class=1))
    ...     shapes.paths[0].name, shapes.classes[shapes.labels[0]], shapes[0]["image"].shape
    ('0000.png', 'circle', (32, 32, 3))
    """

    paths: tuple[Path, ...] = dataclasses.field(repr=False)
    labels: np.ndarray = dataclasses.field(repr=False)
    classes: tuple[str, ...]
    transform: Transform = compose()
    size: Size | None = None
    decisions: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[str, str]:
        return "image", "label"

    def __len__(self) -> int:
        return len(self.paths)

    def gather(self, indices: Any) -> Arrays:
        """{"image": (N, H, W, 3) uint8, "label": (N,) int32}.

        Raises DataError where sizes differ, and where memory does not suffice, before it is taken.
        """
        labels = self.labels[np.asarray(indices)]
        paths = self.select(indices).paths
        if not paths:
            return {"image": np.empty((0, *(self.size or (0, 0)), 3), np.uint8), "label": labels}
        first = read_image(paths[0], self.size)
        check_memory(
            f"{len(paths):,} images of {_by(first)} pixels",
            len(paths) * first.nbytes,
            "pass size=(height, width), or read them in batches",
        )
        images = np.empty((len(paths), *first.shape), np.uint8)
        images[0] = first
        for row, path in enumerate(paths[1:], start=1):
            image = read_image(path, self.size)
            if image.shape != first.shape:
                raise DataError(
                    f"{path}: it is {_by(image)} pixels, {paths[0]} is {_by(first)} (height × "
                    "width); the images of a batch must have one size: pass size=(height, width) "
                    "(--size H W)"
                )
            images[row] = image
        return {"image": images, "label": labels}

    def select(self, indices: Any) -> "ImageFolder":
        chosen = np.arange(len(self))[np.asarray(indices)]
        labels = _frozen(self.labels[chosen])
        return dataclasses.replace(self, paths=tuple(self.paths[i] for i in chosen), labels=labels)


def image_folder(
    root: str | os.PathLike[str],
    transform: Transform | None = None,
    size: Size | None = None,
    classes: Sequence[str] | None = None,
) -> ImageFolder:
    """The images in `root/<class>/**`, sorted by class, then by path.

    Classes are the names of the folders in root that hold images, sorted; if it holds one alone,
    and that one the class folders, those in there. With `classes`, which another part of the same
    set has, labels are these by name, folders of some of them are enough, and another folder is an
    error. Hidden files and folders and what systems leave (__MACOSX, Thumbs.db) are skipped, as are
    files without a suffix of images; `decisions` says how many. A linked folder is followed if it
    is a class folder, not below one. `size` = (height, width) resizes on access.

    Raises DataError unless root holds at least two class folders (one, with `classes`), and where
    these are the parts of a divided set, such as train and test: see `image_parts`. Folders that
    all hold the same folders, as folds do, are refused too, unless `classes` names them.

    >>> import tempfile
    >>> from fnet.data.synthetic import synthetic_images
    >>> with tempfile.TemporaryDirectory() as home:
    ...     shapes = image_folder(synthetic_images(home, per_class=1), size=(16, 24))
    ...     len(shapes), shapes.gather([0, 1])["image"].shape
    (10, (2, 16, 24, 3))
    """
    check_size(size)
    top = check_root(Path(root))
    folder, decisions = inner(top, frozenset(classes or ()))
    folders = class_folders_in(folder)
    names = [path.name for path in folders]
    if parts := named_parts(names):
        raise DataError(
            f"{folder}: {' and '.join(parts.values())} look like the parts of a divided set, not "
            "like classes; pass one of them, or image_parts(root) for all"
        )
    if (classes is None and len(folders) < 2) or not folders:
        raise without_classes(folder, folders)
    if classes is None:
        check_classes(folder, folders)
    known = tuple(names if classes is None else classes)
    for name in names:
        if name not in known:
            raise DataError(
                f"{folder / name}: there is no class {name!r}, only "
                f"{', '.join(map(repr, known))}; leave its images out, or train with them"
                f"{nearest(name, known)}"
            )
    found = {path.name: find(path) for path in folders}
    for path in folders:
        if not found[path.name]:
            raise DataError(f"{path}: {_unreadable(found[path.name])}")
    decisions += _left_out(folder, names) + passed_over(_together(found))
    paths = tuple(path for name in names for path in found[name].images)
    labels = [known.index(name) for name in names for _ in found[name].images]
    array = _frozen(np.array(labels, np.int32))
    return ImageFolder(paths, array, known, transform or compose(), size, tuple(decisions))


def _unreadable(found: Found) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in found.others.most_common())
    return f"of this class fnet reads no image ({kinds}); convert them, to .jpg or .png"


def _left_out(folder: Path, names: list[str]) -> list[str]:
    """Sentences on what lies in a folder beside its class folders."""
    empty = [path.name for path in folders_in(folder) if path.name not in names]
    loose = len(images_in(folder))
    sentences = []
    if empty:
        listed = ", ".join(f"{name}/" for name in empty)
        sentences.append(f"skipped {listed}: no images in {'it' if len(empty) == 1 else 'them'}")
    if loose:
        sentences.append(f"skipped {counted(loose, 'image')} in {folder} itself: of no class")
    inside = [named_parts([path.name for path in folders_in(folder / name)]) for name in names]
    if all(inside):
        parts = " and ".join(inside[0].values())
        sentences.append(f"each class folder holds parts, {parts}: they are put together")
    return sentences


def _together(found: dict[str, Found]) -> Found:
    others = sum((each.others for each in found.values()), Counter[str]())
    return Found((), others, tuple(name for each in found.values() for name in each.hidden))


def _by(image: np.ndarray) -> str:
    return f"{image.shape[0]} × {image.shape[1]}"


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
