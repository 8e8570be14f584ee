"""A folder of images decoded once, into one file that is memory-mapped afterwards."""

import dataclasses
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from fnet.data.dataset import Arrays, Samples
from fnet.data.images import ImageFolder
from fnet.data.reading import in_order
from fnet.data.transforms import Transform, compose
from fnet.data.workers import Workers
from fnet.errors import DataError
from fnet.files.writing import cache_folder, sync_directory

VERSION = 2  # of the file format; files of another version are packed anew
PIXELS, INDEX = "images.uint8", "index.json"
CHUNK = 256  # images per task of a worker
PIECE = 2**20  # bytes read and hashed at a time


@dataclasses.dataclass(frozen=True, eq=False)
class Packed(Samples):
    """Decoded images in a memory-mapped file: only the images accessed are read.

    `images` is (N, H, W, 3) uint8 and read-only; `places` are the indices of the samples in it.

    >>> import tempfile
    >>> from fnet.data.images import image_folder
    >>> from fnet.data.synthetic import synthetic_images
    >>> with tempfile.TemporaryDirectory() as home:
    ...     shapes = image_folder(synthetic_images(f"{home}/shapes", per_class=1))
    ...     packed(shapes, f"{home}/cache").select([7, 2]).images.shape
    (10, 32, 32, 3)
    """

    images: np.ndarray = dataclasses.field(repr=False)
    labels: np.ndarray = dataclasses.field(repr=False)
    places: np.ndarray = dataclasses.field(repr=False)
    classes: tuple[str, ...]
    transform: Transform = compose()

    @property
    def fields(self) -> tuple[str, str]:
        return "image", "label"

    def __len__(self) -> int:
        return len(self.places)

    def gather(self, indices: Any) -> Arrays:
        """{"image": (N, H, W, 3) uint8, "label": (N,) int32}, as fresh arrays."""
        places = self.places[np.asarray(indices)]
        return {"image": np.asarray(self.images[places]), "label": self.labels[places]}

    def select(self, indices: Any) -> "Packed":
        return dataclasses.replace(self, places=self.places[np.asarray(indices)])

    def __reduce__(self) -> Any:
        # Pickle the file's name, not its contents.
        rest = (self.labels, self.places, self.classes, self.transform)
        return _mapped, (Path(self.images.filename), self.images.shape, *rest)  # type: ignore[attr-defined]


def packed(
    dataset: ImageFolder,
    cache: str | os.PathLike[str] | None = None,
    workers: int | Workers = 0,
) -> Packed:
    """The images of a folder, decoded by `workers` processes on the first call and cached.

    They are kept in `cache` (default: fnet's own, in $XDG_CACHE_HOME or ~/.cache). The cache key is
    the names, sizes and modification times of the files and the size they are resized to, so a
    change to any file packs the images anew. The packed file is verified by SHA-256 whenever it is
    opened, repacked if damaged, and written atomically; the remains of a killed packing are removed
    by the next. Neither packing nor reading holds more than a few batches in memory. Raises
    DataError for images that cannot be read or differ in size, and if the cache cannot be written.

    >>> import tempfile
    >>> from fnet.data.images import image_folder
    >>> from fnet.data.synthetic import synthetic_images
    >>> with tempfile.TemporaryDirectory() as home:
    ...     shapes = image_folder(synthetic_images(f"{home}/shapes", per_class=1))
    ...     same = packed(shapes, f"{home}/cache")
    ...     bool((same.gather([7])["image"] == shapes.gather([7])["image"]).all())
    True
    """
    home = Path(cache) if cache is not None else cache_folder() / "packed"
    key = _key(dataset)
    target = home / key
    try:
        shape = _whole(target)
        if shape is None:
            home.mkdir(parents=True, exist_ok=True)
            shape = _pack(dataset, target, workers)
    except OSError as error:
        raise DataError(
            f"packed: cannot write {target} ({error.strerror or error}); choose another cache"
        ) from error
    if _key(dataset) != key:
        raise DataError("packed: the images changed during packing; pack them again")
    places = np.arange(len(dataset))
    return _mapped(
        target / PIXELS, shape, dataset.labels, places, dataset.classes, dataset.transform
    )


def _mapped(
    path: Path,
    shape: tuple[int, ...],
    labels: np.ndarray,
    places: np.ndarray,
    classes: tuple[str, ...],
    transform: Transform,
) -> Packed:
    images = np.memmap(path, np.uint8, "r", shape=shape)
    return Packed(images, labels, places, classes, transform)


def _key(dataset: ImageFolder) -> str:
    """The cache key of these images: a digest of names, sizes and modification times."""
    digest = hashlib.sha256(f"{VERSION} {dataset.size}".encode())
    for path in dataset.paths:
        try:
            status = path.stat()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from None
        digest.update(f"{path.absolute()}\0{status.st_size} {status.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:32]


def _whole(folder: Path) -> tuple[int, ...] | None:
    """The shape of the images packed in this folder; None if missing or damaged."""
    try:
        index = json.loads((folder / INDEX).read_bytes())
        expected, (n, h, w, c) = index["sha256"], index["shape"]
        with (folder / PIXELS).open("rb") as file:
            digest = hashlib.sha256()
            while piece := file.read(PIECE):
                digest.update(piece)
            size = file.tell()
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
        return None
    return (n, h, w, c) if digest.hexdigest() == expected and size == n * h * w * c else None


def _pack(dataset: ImageFolder, target: Path, workers: int | Workers) -> tuple[int, ...]:
    """Decode the images into a new folder beside the target, and rename it."""
    host = socket.gethostname()
    _sweep(target.parent, host)
    scratch = target.parent / f".packing-{host}-{os.getpid()}"
    scratch.mkdir()
    try:
        digest, shape = hashlib.sha256(), (0, 0, 0)
        with (scratch / PIXELS).open("wb") as file:
            for first, images in _decoded(dataset, workers):
                if first == 0:
                    shape = images.shape[1:]
                if images.shape[1:] != shape:
                    raise DataError(
                        f"{dataset.paths[first]}: it is {images.shape[1]} × {images.shape[2]} "
                        f"pixels, the first {shape[0]} × {shape[1]}; pass size=(height, width)"
                    )
                digest.update(images.data)
                file.write(images.data)
            file.flush()
            os.fsync(file.fileno())
        full_shape = (len(dataset), *shape)
        with (scratch / INDEX).open("w", encoding="utf-8") as file:
            json.dump({"shape": full_shape, "sha256": digest.hexdigest()}, file)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(scratch)
        if _whole(target) != full_shape:  # another process may have been first
            shutil.rmtree(target, ignore_errors=True)  # a damaged one
            scratch.rename(target)
            sync_directory(target.parent)
        return full_shape
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _decoded(dataset: ImageFolder, workers: int | Workers) -> Iterator[tuple[int, np.ndarray]]:
    starts = range(0, len(dataset), CHUNK)
    places = (np.arange(start, min(start + CHUNK, len(dataset))) for start in starts)
    read = in_order(dataset.gather, places, workers, prefetch=1)
    for start, batch in zip(starts, read, strict=True):
        yield start, batch["image"]


def _sweep(home: Path, host: str) -> None:
    """Remove what processes of this machine left when they were killed while packing."""
    if os.name == "nt":  # there, os.kill ends the process even with signal 0
        return
    for leftover in home.glob(f".packing-{host}-*"):
        try:
            os.kill(int(leftover.name.rpartition("-")[2]), 0)
        except ProcessLookupError:
            shutil.rmtree(leftover, ignore_errors=True)
        except (OSError, ValueError):  # alive, and another user's
            continue
