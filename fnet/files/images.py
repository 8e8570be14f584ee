"""The pixels of an image file that may come from a stranger."""

import contextlib
import io
import os
import threading
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from fnet.errors import ConfigurationError, DataError
from fnet.files.jpeg import START, scans
from fnet.files.png import SIGNATURE, Header, Verified, header, verified

Size = tuple[int, int]

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "PPM", "TIFF", "WEBP")  # all that Pillow may read
# Decoding takes up to 20 bytes per pixel: 64 MB at most for a small file.
SMALL = 2**20  # bytes
FEW, MANY = 3 * 2**20, 2**26  # most pixels of a small file, and of any other
SIDE = 2**16  # pixels, as in JPEG and GIF: resizing takes memory in proportion to the longest side
LARGEST = 2**28  # bytes of a file
SCANS = 100  # of a JPEG: cameras write one, encoders ten; each takes as long as a whole image
STRIP = 2**16  # pixels converted to RGB at a time
# Tags of EXIF and TIFF.
ORIENTATION, TILE_WIDTH, TILE_HEIGHT, DEPTH, WHITE_IS = 274, 322, 323, 258, 262
# Pillow's mode of the pixels of a PNG, by bits per channel, colour type, and whether interlaced.
BARE = {(8, 0, False): "L", (8, 2, False): "RGB"}
FINER = 2  # a JPEG is decoded at no less than so many times the size it is resized to

_filters = threading.Lock()  # warning filters belong to the whole process


def read_image(path: str | os.PathLike[str], size: Size | None = None) -> np.ndarray:
    """The image as a viewer shows it on a white page, (H, W, 3) uint8.

    The EXIF orientation is applied; palettes, greyscale and CMYK become RGB; of 16 bits per channel
    the upper 8 are kept; transparency is laid over white; an animation gives its first frame.
    `size` = (height, width) resizes with Lanczos, and stretches where the sides have another ratio:
    nothing is cut off. A JPEG is then decoded at 1/2, 1/4 or 1/8 of its size, if that is at least
    twice the size wanted. PNG, JPEG, BMP, GIF, PPM, TIFF and WebP are read, whatever the file is
    called. A PNG is verified first: the CRC of each chunk, and that every row is there.

    Raises DataError for a file that is not a whole image, has pixels of 32 bits or floating ones
    (whose black and white no format names), or is too large to be safe: a file below 1 MiB may be
    decoded to 3 megapixels, any other to 67, and at most 65,536 pixels per side.

    >>> import tempfile
    >>> from PIL import Image
    >>> with tempfile.TemporaryDirectory() as home:
    ...     Image.new("L", (4, 2), color=7).save(f"{home}/grey.png")
    ...     pixels = read_image(f"{home}/grey.png")
    >>> pixels.shape, pixels[0, 0].tolist()
    ((2, 4, 3), [7, 7, 7])
    """
    check_size(size)
    with named(path):
        return _decode(path, size)


@contextlib.contextmanager
def named(path: str | os.PathLike[str]) -> Iterator[None]:
    """Whatever reading an image raises becomes a DataError that names its file."""
    try:
        yield
    except DataError:
        raise
    except IsADirectoryError:
        raise DataError(
            f"{path}: it is a folder; pass an image, or image_folder(root) for many"
        ) from None
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file") from None
    except Exception as error:  # damage may raise any exception
        raise DataError(
            f"{path}: cannot be read as an image; replace or remove it ({error})"
        ) from error


def check_size(size: Size | None) -> None:
    """Raise ConfigurationError unless this is (height, width) or None."""
    if size is not None and (len(size) != 2 or min(size) < 1):
        raise ConfigurationError(f"size is {size}; it must be (height, width), both 1 or more")


def _decode(path: str | os.PathLike[str], size: Size | None) -> np.ndarray:
    from PIL import Image

    pixels = _pixels(path, size)
    if size is not None and size != pixels.shape[:2]:
        resized = Image.fromarray(pixels).resize((size[1], size[0]), Image.Resampling.LANCZOS)
        return np.array(resized)
    return np.ascontiguousarray(pixels)


def _pixels(path: str | os.PathLike[str], size: Size | None) -> np.ndarray:
    """The pixels, the right way up; the file and its decoder are freed on return."""
    # Read whole: a decoder asks for a few bytes at a time.
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123
        length = os.fstat(file.fileno()).st_size
        if length > LARGEST:
            raise DataError(
                f"{path}: {length:,} bytes are too large for an image to train on; make it smaller"
            )
        content = file.read()
    count = scans(content) if content.startswith(START) else 0
    if content.startswith(SIGNATURE):
        head = header(content)
        _check_pixels(path, (head.width, head.height), length)
        proved = verified(content, head)
        if proved.is_bare and (mode := BARE.get((head.depth, head.colour, head.interlaced))):
            return _rgb(_bare(mode, head, proved))
        content = proved.file
    if count > SCANS:
        raise DataError(f"{path}: it is a JPEG of more than {SCANS} scans; save it anew")
    with without_warnings():
        image = opened(io.BytesIO(content))
        if size is not None and count == 1:  # of several, the decoder keeps the whole image
            image.draft(image.mode, (FINER * max(size), FINER * max(size)))
        for side in (image.size, _tile(image)):
            _check_pixels(path, side, length)
        _check_depth(path, image)
        image.load()
        # Only now: Pillow itself turns a TIFF when it loads it.
        turn = TURNS.get(image.getexif().get(ORIENTATION, 1))
    pixels = _rgb(_upper_bits(image) if image.mode.startswith("I") else image)
    return turn(pixels) if turn else pixels


def _bare(mode: str, head: Header, proved: Verified) -> Any:
    """The image of a PNG of rows alone, decoded without the parsing that was done to prove it."""
    from PIL import Image

    return Image.frombytes(mode, (head.width, head.height), b"".join(proved.data), "zip", mode)


@contextlib.contextmanager
def without_warnings() -> Iterator[None]:
    """Whatever Pillow warns about is either refused or does not change a pixel."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def opened(file: Any) -> Any:
    """The image in an open file, its header read but not its pixels."""
    from PIL import Image, UnidentifiedImageError

    try:
        return Image.open(file, formats=FORMATS)
    except UnidentifiedImageError:
        raise ValueError(f"it is none of {', '.join(FORMATS)}, or its header is damaged") from None
    except Image.DecompressionBombError as error:  # Pillow's own limit comes first
        raise ValueError(f"{error} Scale it down first.") from None


def _tile(image: Any) -> tuple[int, int]:
    """Width and height decoded at once: a tile of a TIFF may be larger than the image."""
    return _tags(image).get(TILE_WIDTH, 0), _tags(image).get(TILE_HEIGHT, 0)


def _check_pixels(path: Any, size: tuple[int, int], length: int) -> None:
    most = FEW if length < SMALL else MANY
    if size[0] * size[1] > most or max(size) > SIDE:
        raise DataError(
            f"{path}: decoding it takes {size[1]} × {size[0]} pixels, and {most:,} are safe for a "
            f"file of {length:,} bytes, at most {SIDE:,} per side; scale it down first"
        )


def bits(image: Any) -> int:
    """How many bits each channel of an open image has."""
    if not image.mode.startswith(("I", "F")):
        return 8
    if image.mode == "F" or (image.mode == "I" and image.format != "PPM"):
        return 32
    return int(_tags(image).get(DEPTH, (16,))[0])


def _tags(image: Any) -> Any:
    return getattr(image, "tag_v2", {})


def _check_depth(path: Any, image: Any) -> None:
    if bits(image) > 16:
        raise DataError(
            f"{path}: its pixels have 32 bits, and nothing says which number is black and which "
            "white; convert it to an image of 8 or 16 bits, or put the pixels of all images, as "
            "float32, in an .npz: np.savez(path, images=..., labels=...)"
        )


def _upper_bits(image: Any) -> Any:
    """The upper 8 bits of a grey image of up to 16."""
    from PIL import Image

    values, spare = np.asarray(image), bits(image) - 8
    grey = (values >> spare).astype(np.uint8)
    if _tags(image).get(WHITE_IS) == 0:
        grey = 255 - grey
    if (clear := image.info.get("transparency")) is not None:
        grey[values == clear] = 255
    return Image.fromarray(grey)


def _rgb(image: Any) -> np.ndarray:
    """The pixels on white, converted one strip at a time, since each conversion copies."""
    width, height = image.size
    rows = max(1, STRIP // width)
    pixels = np.empty((height, width, 3), np.uint8)
    if image.mode == "RGB" and not image.has_transparency_data and height <= rows:
        pixels[:] = np.asarray(image)
        return pixels
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        pixels[top : top + rows] = np.asarray(_opaque(strip))
    return pixels


def _opaque(image: Any) -> Any:
    from PIL import Image

    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


# By EXIF orientation. (Pillow's exif_transpose would copy the image and rewrite its EXIF.)
TURNS: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    2: np.fliplr,
    3: lambda pixels: pixels[::-1, ::-1],
    4: np.flipud,
    5: lambda pixels: pixels.swapaxes(0, 1),
    6: lambda pixels: np.rot90(pixels, -1),
    7: lambda pixels: pixels[::-1, ::-1].swapaxes(0, 1),
    8: np.rot90,
}
