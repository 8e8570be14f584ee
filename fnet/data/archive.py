"""Images and labels from an .npz archive of NumPy arrays."""

import contextlib
import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np

from fnet.core.available import check_memory
from fnet.data.array_names import LAYOUT, Arranged, arranged
from fnet.data.dataset import Memory, memory
from fnet.data.label_arrays import class_numbers
from fnet.data.parts import Divided
from fnet.data.pixels import axes_of, in_range, range_of, with_axes
from fnet.data.transforms import Transform
from fnet.errors import ConfigurationError, DataError
from fnet.files.npz import Header, npz_headers, read_npz

Result = TypeVar("Result")


def npz_images(
    path: str | os.PathLike[str], transform: Transform | None = None, part: str | None = None
) -> Memory:
    """The images and labels of an .npz archive, or of one `part` of it, as `npz_parts` reads them.

    Raises DataError for an archive of several parts unless one is named.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "digits.npz")
    ...     np.savez(path, images=np.zeros((3, 8, 8)), labels=np.array([0, 1, 1]))
    ...     npz_images(path).classes
    ('0', '1')
    """
    parts = npz_parts(path, transform).parts
    if part is None and len(parts) > 1:
        raise DataError(
            f"{path}: it holds the parts {', '.join(parts)}; name one, as in part='train', or "
            "take npz_parts(path) for all"
        )
    if part is not None and part not in parts:
        raise ConfigurationError(f"{path}: it has no part {part!r}, only {', '.join(parts)}")
    chosen: Memory = parts[part or next(iter(parts))]
    return chosen


def npz_parts(
    path: str | os.PathLike[str], transform: Transform | None = None, pixels: str | None = None
) -> Divided:
    """The parts of an .npz archive of images and labels, by the names of its arrays.

        images, labels        or X, y   or data, target   or arr_0, arr_1    -> "all"
        x_train, y_train, x_test, y_test   or train_images, train_labels, ...  -> "train", "test"

    Images are (N, H, W, C), or (N, C, H, W) with at most 4 channels, (N, H, W), (H, W, C, N), or
    rows of uint8 that make squares; they become (N, H, W, C). Pixels keep their values: `pixels` is
    their range, 0 to 255, 0 to 65535, 0 to 1 or any, and integers become uint8 or uint16; given it,
    as the range of other images, pixels of another are an error. Labels are (N,) or (N, 1) integers
    or text, or one-hot (N, classes); classes are an array of text (classes, class_names or
    label_names), or else the distinct labels of the training part. `decisions` says all this in
    sentences. Nothing is unpickled. Raises DataError for anything else, and where memory does not
    suffice, before it is taken.

    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "digits.npz")
    ...     images, labels = np.zeros((3, 1, 8, 9), np.uint16), np.array([[3], [7], [3]])
    ...     np.savez(path, x_train=images, y_train=labels, x_test=images, y_test=labels)
    ...     divided = npz_parts(path)
    >>> divided.parts["test"].arrays["image"].shape, divided.parts["test"].classes
    ((3, 8, 9, 1), ('3', '7'))
    """
    path = Path(path)
    headers = _from(path, npz_headers)
    with _named(path):
        layout = arranged(headers)
        _check(layout, headers)
    arrays = _from(path, lambda file: read_npz(file, layout.used))
    with _named(path):
        return _divided(layout, arrays, transform, pixels)


@contextlib.contextmanager
def _named(path: Path) -> Iterator[None]:
    """A DataError begins with the path."""
    try:
        yield
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def _check(layout: Arranged, headers: dict[str, Header]) -> None:
    """Refuse, before anything is read, what is not plain, and what memory does not hold."""
    for name in layout.used:
        if headers[name].dtype.kind == "O":
            raise DataError(
                f"{name} is an array of Python objects, which is not read; save text with "
                f"{name}.astype(str), and images of one size with np.stack({name})"
            )
    need = sum(
        math.prod(headers[name].shape) * headers[name].dtype.itemsize for name in layout.used
    )
    check_memory("its arrays", need, "save fewer samples, or images as uint8")


def _divided(
    layout: Arranged,
    arrays: dict[str, np.ndarray],
    transform: Transform | None,
    pixels: str | None,
) -> Divided:
    images = {part: arrays[pair[0]] for part, pair in layout.parts.items()}
    labels = {part: arrays[pair[1]] for part, pair in layout.parts.items()}
    names = arrays[layout.classes] if layout.classes else None
    decisions = _sentences(layout)
    numbers, classes, said = class_numbers(labels, names)
    first = next(iter(images))
    shape, dtype = images[first].shape, images[first].dtype
    axes = axes_of(shape, dtype, len(numbers[first]))
    images = {part: with_axes(array, axes.kind) for part, array in images.items()}
    for part, (name, _) in layout.parts.items():
        _check_finite(name, images[part])
    pixels = pixels or range_of(images[first])
    if images[first].dtype != np.uint8:
        said.append(f"pixels are {dtype}, in the range {pixels}")
    sentences = [*decisions, *([axes.sentence] if axes.sentence else []), *said]
    parts = {
        part: memory(
            {"image": in_range(array, pixels, layout.parts[part][0]), "label": numbers[part]},
            classes,
            transform,
        )
        for part, array in images.items()
    }
    return Divided(parts, tuple(sentences), pixels)


def _sentences(layout: Arranged) -> list[str]:
    """On what the arrays were taken for; nothing of those called images, labels and classes."""
    sentences = []
    for part, (images, labels) in layout.parts.items():
        if (part, images, labels) != ("all", "images", "labels"):
            as_part = "" if part == "all" else f" of {part}"
            sentences.append(f"{images} is taken as images{as_part}, {labels} as labels")
    if layout.classes not in (None, "classes"):
        sentences.append(f"{layout.classes} is taken as the names of classes")
    sentences += [f"left out: {name}, which has no labels" for name in layout.without_labels]
    if layout.others:
        sentences.append(f"left out: {', '.join(layout.others)}")
    return sentences


def _check_finite(name: str, images: np.ndarray) -> None:
    if images.dtype.kind != "f":
        return
    unusable = np.flatnonzero([not np.isfinite(image).all() for image in images])
    if len(unusable):
        raise DataError(
            f"{name}[{unusable[0]}] holds NaN or infinity ({len(unusable)} images do); leave them "
            "out, or fix them"
        )


def _from(path: Path, read: Callable[[BinaryIO], Result]) -> Result:
    try:
        with path.open("rb") as file:
            return read(file)
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from error
    except DataError as error:
        raise DataError(
            f"{path}: cannot be read as an .npz of plain arrays: {error}; write it with {LAYOUT}"
        ) from error
