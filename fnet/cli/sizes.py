"""The size at which a model sees photographs, if the user names none."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np

from fnet.data import ImageFolder
from fnet.data.finding import counted
from fnet.files.image_headers import ImageHeader, image_header

SIDE = 64  # pixels: two processor cores train the cnn on some 200 such images a second
ALIKE = 1.05  # ratios of height to width that differ by no more are taken for one
FLAGS = "--size H W takes another size, --size original keeps theirs"

Size = tuple[int, int]


def chosen_size(folders: Iterable[ImageFolder], given: Any = None) -> tuple[Size | None, list[str]]:
    """The size to resize these images to, None to leave them, and what to say of it.

    Nothing is chosen where a size is `given`, or where all images have one whose sides are at most
    SIDE. Images that have about one ratio of sides keep it; others become squares.
    """
    headers = [image_header(path) for folder in folders for path in folder.paths]
    deep = sum(header.bits > 8 for header in headers)
    said = [f"of the 16 bits per channel of {counted(deep, 'image')}, the upper 8 are read"]
    said = said if deep else []
    sizes = Counter((header.height, header.width) for header in headers)
    if given is not None or (len(sizes) == 1 and max(next(iter(sizes))) <= SIDE):
        return None, said
    size = _one_size(headers)
    return size, [*said, _sentence(sizes, size)]


def _one_size(headers: list[ImageHeader]) -> Size:
    ratios = [header.height / header.width for header in headers]
    height, width = (float(np.median([header[k] for header in headers])) for k in (0, 1))
    if max(ratios) > ALIKE * min(ratios):
        height = width = min(height, width)
    scale = min(1.0, SIDE / max(height, width))
    return max(1, round(scale * height)), max(1, round(scale * width))


def _sentence(sizes: Counter[Size], size: Size) -> str:
    by_area = sorted(sizes, key=lambda sides: (sides[0] * sides[1], sides))
    smallest, largest = (f"{height} × {width}" for height, width in (by_area[0], by_area[-1]))
    them = f"{len(sizes):,} sizes, {smallest} to {largest}," if len(sizes) > 1 else smallest
    ratios = {round(height / width, 2) for height, width in sizes}
    stretched = ", stretched and not cropped" if len(ratios) > 1 else ""
    return (
        f"images of {them} pixels (height × width) are resized to {size[0]} × {size[1]}"
        f"{stretched}: {FLAGS}"
    )
