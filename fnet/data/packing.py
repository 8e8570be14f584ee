"""Images of a folder decoded once, into one file that is mapped to memory from then on."""

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

VERSION = 1  # of what the file holds: counted up, an old one is packed anew
PIXELS, INDEX = "images.uint8", "index.json"
CHUNK = 256  # images that a worker decodes together
PIECE = 2**20  # bytes hashed together


@dataclasses.dataclass(frozen=True, eq=False)
class Packed(Samples):
    """Decoded images in a file, of which only what is asked for is read into memory.

    `images` is (N, H, W, 3) uint8, mapped and read-only; `places` are those of its samples there.

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
        """{"image": (N, H, W, 3) uint8, "label": (N,) int32}, fresh."""
        places = self.places[np.asarray(indices)]
        return {"image": np.asarray(self.images[places]), "label": self.labels[places]}

    def select(self, indices: Any) -> "Packed":
        return dataclasses.replace(self, places=self.places[np.asarray(indices)])

    def __reduce__(self) -> Any:
        # To another process goes the name of the file, not what it holds.
        rest = (self.labels, self.places, self.classes, self.transform)
        return _mapped, (Path(self.images.filename), self.images.shape, *rest)  # type: ignore[attr-defined]


def packed(
    dataset: ImageFolder,
    cache: str | os.PathLike[str] | None = None,
    workers: int | Workers = 0,
) -> Packed:
    """The images of a folder, decoded by `workers` processes on the first call, found by the next.

    They are kept below `cache` (default: fnet's own, below $XDG_CACHE_HOME or ~/.cache), by the
    names, sizes and times of the files and the size they are resized to: a changed file is decoded
    anew. The file is checked by its SHA-256 each time it is opened, and packed anew where it is
    damaged. It appears whole or not at all; what a killed packing left is removed by the next one.
    Neither packing nor reading holds more than some batches in memory. Raises DataError for images
    that cannot be read or differ in size, and where the cache cannot be written.

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
        raise DataError("packed: the images changed as they were packed; pack them again")
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
    """What these images are known by: a digest of names, sizes and times."""
    digest = hashlib.sha256(f"{VERSION} {dataset.size}".encode())
    for path in dataset.paths:
        try:
            found = path.stat()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror})") from None
        digest.update(f"{path.absolute()}\0{found.st_size} {found.st_mtime_ns}\0".encode())
    return digest.hexdigest()[:32]


def _whole(folder: Path) -> tuple[int, ...] | None:
    """The shape of the images that are packed in this folder; None where there are none."""
    try:
        index = json.loads((folder / INDEX).read_bytes())
        digest, (n, h, w, c) = index["sha256"], index["shape"]
        with (folder / PIXELS).open("rb") as file:
            found = hashlib.sha256()
            while piece := file.read(PIECE):
                found.update(piece)
            size = file.tell()
    except (FileNotFoundError, NotADirectoryError, ValueError, TypeError, KeyError):
        return None
    return (n, h, w, c) if found.hexdigest() == digest and size == n * h * w * c else None


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
                        f"pixels, the first one {shape[0]} × {shape[1]}; pass size=(height, width)"
                    )
                digest.update(images.data)
                file.write(images.data)
            file.flush()
            os.fsync(file.fileno())
        found = (len(dataset), *shape)
        with (scratch / INDEX).open("w", encoding="utf-8") as file:
            json.dump({"shape": found, "sha256": digest.hexdigest()}, file)
            file.flush()
            os.fsync(file.fileno())
        sync_directory(scratch)
        if _whole(target) != found:  # another process may have been first
            shutil.rmtree(target, ignore_errors=True)  # what is damaged
            scratch.rename(target)
            sync_directory(target.parent)
        return found
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _decoded(dataset: ImageFolder, workers: int | Workers) -> Iterator[tuple[int, np.ndarray]]:
    starts = range(0, len(dataset), CHUNK)
    places = (np.arange(start, min(start + CHUNK, len(dataset))) for start in starts)
    read = in_order(dataset.gather, places, workers, prefetch=1)
    for start, batch in zip(starts, read, strict=True):
        yield start, batch["image"]


def _sweep(home: Path, host: str) -> None:
    """Remove what processes of this machine left that were killed as they packed."""
    if os.name == "nt":  # where to ask for a process may end it
        return
    for left in home.glob(f".packing-{host}-*"):
        try:
            os.kill(int(left.name.rpartition("-")[2]), 0)
        except ProcessLookupError:
            shutil.rmtree(left, ignore_errors=True)
        except (OSError, ValueError):  # alive, and of somebody else
            continue
