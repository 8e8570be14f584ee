"""Folders of images: a folder's name is the class of the images in it."""

import dataclasses
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fnet.data.dataset import Arrays, Samples
from fnet.data.transforms import Transform, compose
from fnet.errors import DataError
from fnet.files.images import Size, check_size, read_image

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")


@dataclasses.dataclass(frozen=True, eq=False)
class ImageFolder(Samples):
    """Images on disk: paths and labels are in memory, pixels are read on access.

    `labels` is (N,) int32 and read-only; `size` is (height, width), or None to keep images' sizes.

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

    @property
    def fields(self) -> tuple[str, str]:
        return "image", "label"

    def __len__(self) -> int:
        return len(self.paths)

    def gather(self, indices: Any) -> Arrays:
        """{"image": (N, H, W, 3) uint8, "label": (N,) int32}; DataError if sizes differ."""
        labels = self.labels[np.asarray(indices)]
        paths = self.select(indices).paths
        if not paths:
            return {"image": np.empty((0, *(self.size or (0, 0)), 3), np.uint8), "label": labels}
        first = read_image(paths[0], self.size)
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
) -> ImageFolder:
    """The images in `root/<class>/**`, sorted by class, then by path.

    Classes are the names of the folders in root, sorted. Hidden files and folders are skipped, as
    are files without one of SUFFIXES (in any case). A linked folder is followed if it is a class
    folder, not below one. `size` = (height, width) resizes on access. Raises DataError unless root
    holds at least two class folders, each with images.

    >>> import tempfile
    >>> from fnet.data.synthetic import synthetic_images
    >>> with tempfile.TemporaryDirectory() as home:
    ...     shapes = image_folder(synthetic_images(home, per_class=1), size=(16, 24))
    ...     len(shapes), shapes.gather([0, 1])["image"].shape
    (10, (2, 16, 24, 3))
    """
    check_size(size)
    root = Path(root)
    if not root.exists():
        raise DataError(f"{root}: there is no such folder; pass the folder of class folders")
    if not root.is_dir():
        raise DataError(f"{root}: it is a file; pass the folder of class folders")
    classes = sorted(p.name for p in root.iterdir() if p.is_dir() and not p.name.startswith("."))
    if len(classes) < 2:
        raise DataError(
            f"{root}: it holds {f'one folder ({classes[0]!r})' if classes else 'no folders'}; "
            "two classes or more are needed, one folder of images per class: root/<class>/<image>"
        )
    paths: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        images = sorted(_images(root / name), key=Path.as_posix)
        if not images:
            raise DataError(
                f"{root / name}: no images in this class folder (looked for "
                f"{' '.join(SUFFIXES)}); add some, or remove the folder"
            )
        paths += images
        labels += [label] * len(images)
    array = _frozen(np.array(labels, np.int32))
    return ImageFolder(tuple(paths), array, tuple(classes), transform or compose(), size)


def _images(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise DataError(f"{error.filename}: cannot be listed ({error.strerror})") from error

    for top, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(top, name)


def _by(image: np.ndarray) -> str:
    return f"{image.shape[0]} × {image.shape[1]}"


def _frozen(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array
