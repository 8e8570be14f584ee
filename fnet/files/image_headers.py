"""What the header of an image file says, read without its pixels."""

import os
from pathlib import Path
from typing import NamedTuple

from fnet.files.images import ORIENTATION, bits, named, opened, read_image, without_warnings
from fnet.files.png import SIGNATURE, header

START = 2**16  # bytes in which the orientation of a PNG is looked for
TURNED = (5, 6, 7, 8)  # orientations that exchange height and width


class ImageHeader(NamedTuple):
    """Height and width as `read_image` gives them, and bits per channel."""

    height: int
    width: int
    bits: int


def image_header(path: str | os.PathLike[str]) -> ImageHeader:
    """The header of an image file. Raises DataError as `read_image` does.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as home:
    ...     Image.new("L", (4, 2)).save(f"{home}/grey.png")
    ...     image_header(f"{home}/grey.png")
    ImageHeader(height=2, width=4, bits=8)
    """
    with named(path), Path(path).open("rb") as file:
        start = file.read(START)
        if start.startswith(SIGNATURE):
            png = header(start)
            turnable = png.height != png.width and b"eXIf" in start
            height, width = read_image(path).shape[:2] if turnable else (png.height, png.width)
            return ImageHeader(height, width, png.depth)
        file.seek(0)
        with without_warnings():
            image = opened(file)
            width, height = image.size
            # Pillow turns the size of a TIFF itself.
            if image.format != "TIFF" and image.getexif().get(ORIENTATION) in TURNED:
                height, width = width, height
            return ImageHeader(height, width, bits(image))
