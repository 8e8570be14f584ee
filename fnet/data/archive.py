"""Images and labels from an .npz archive of NumPy arrays."""

import os
from pathlib import Path

import numpy as np

from fnet.data.dataset import Arrays, Memory, memory
from fnet.data.transforms import Transform
from fnet.errors import DataError
from fnet.files.npz import read_npz

LAYOUT = "np.savez(path, images=..., labels=...)"


def npz_images(path: str | os.PathLike[str], transform: Transform | None = None) -> Memory:
    """The images and labels of an archive written by `np.savez(path, images=..., labels=...)`.

    `images` is (N, H, W, C) or (N, H, W), uint8 or floating; `labels` is (N,) integers from 0;
    `classes`, if present, is text with one name per label. Nothing is unpickled. Raises DataError
    for anything else.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "digits.npz")
    ...     np.savez(path, images=np.zeros((3, 8, 8)), labels=np.array([0, 1, 1]))
    ...     npz_images(path).classes
    ('0', '1')
    """
    path = Path(path)
    arrays = _load(path)
    missing = [name for name in ("images", "labels") if name not in arrays]
    if missing:
        raise DataError(f"{path}: it has no {' or '.join(missing)}; write it with {LAYOUT}")
    images, labels, classes = arrays["images"], arrays["labels"], arrays.get("classes")
    if images.ndim not in (3, 4) or not (
        images.dtype == np.uint8 or np.issubdtype(images.dtype, np.floating)
    ):
        raise DataError(
            f"{path}: images are {images.shape} {images.dtype}; they must be (N, H, W, C) or "
            "(N, H, W), uint8 or floating"
        )
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"{path}: labels are {labels.shape} {labels.dtype}; they must be (N,) integers"
        )
    if classes is not None and (classes.ndim != 1 or classes.dtype.kind != "U"):
        raise DataError(
            f"{path}: classes are {classes.shape} {classes.dtype}; they must be (C,) text"
        )
    unusable = np.flatnonzero([not np.isfinite(image).all() for image in images])
    if len(unusable):
        raise DataError(
            f"{path}: images[{unusable[0]}] holds NaN or infinity ({len(unusable)} images do); "
            "leave them out, or fix them"
        )
    names = None if classes is None else [str(name) for name in classes]
    try:
        checked = memory({"image": images, "label": labels}, names, transform)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    return Memory(
        {"image": images, "label": labels.astype(np.int32)}, checked.classes, checked.transform
    )


def _load(path: Path) -> Arrays:
    try:
        with path.open("rb") as file:
            return read_npz(file, ("images", "labels", "classes"))
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except DataError as error:
        raise DataError(
            f"{path}: cannot be read as an .npz of plain arrays: {error}; write it with {LAYOUT}"
        ) from error
