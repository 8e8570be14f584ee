"""Image files as a run takes them: at its size, of its channels and its range."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fnet.checkpoint import Checkpoint
from fnet.cli.arguments import Settings
from fnet.core.available import check_memory
from fnet.data import read_image
from fnet.data.finding import find, passed_over
from fnet.data.pixels import BYTES, FREE, UNIT, WORDS
from fnet.errors import ConfigurationError, DataError

GREY = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
SCALES: dict[str, tuple[int, Any]] = {BYTES: (1, np.uint8), WORDS: (257, np.uint16)}


def image_files(inputs: Sequence[str]) -> tuple[list[str], list[str]]:
    """These files, and in place of a folder the images in it and below; what was passed over."""
    files, said = list[str](), list[str]()
    for name in inputs:
        if not Path(name).is_dir():
            files.append(name)
            continue
        found = find(Path(name))
        sentences = passed_over(found)
        if not found:
            raise DataError(f"{name}: {'; '.join(['there is no image in it', *sentences])}")
        files += map(str, found.images)
        said += [f"{name}: {sentence}" for sentence in sentences]
    return files, said


def photos(paths: Sequence[str], checkpoint: Checkpoint, settings: Settings) -> np.ndarray:
    """The images in these files, (N, H, W, C) as the run takes them.

    They are resized as the run's own were; grey, if it was trained on grey ones; and in the range
    of the pixels of its archive, if it was trained on one.
    """
    shape, pixels = checkpoint.shape, settings.get("pixels") or BYTES
    if len(shape) != 3 or shape[2] not in (1, 3) or pixels == FREE:
        raise ConfigurationError(
            f"the run takes arrays of shape {shape}, with pixels in the range {pixels}, but an "
            "image file gives (height, width, 3) from 0 to 255; use fnet evaluate RUN --data "
            "ARRAYS.npz"
        )
    height, width = shape[:2]
    need = len(paths) * height * width * 3
    check_memory(f"{len(paths):,} images of {height} × {width} pixels", need, "predict fewer")
    images = np.empty((len(paths), height, width, 3), np.uint8)
    for row, path in enumerate(paths):
        images[row] = read_image(path, (height, width))
    if shape[2] == 1:
        images = np.rint(images @ np.array(GREY))[..., None].astype(np.uint8)
    if pixels == UNIT:
        return images.astype(np.float32) / 255
    factor, dtype = SCALES[pixels]
    scaled: np.ndarray = images.astype(dtype) * dtype(factor)
    return scaled
