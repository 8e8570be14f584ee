"""Images that are small on disk and made to take all memory; each is read in a process of its own.

All that is measured is below 1 MB. "full" is as many pixels as are allowed, "beyond" far more.
"""

import contextlib
import io
import re
import struct
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import PIL.Image

from fnet.data import read_image
from fnet.errors import DataError
from tests.torture.hazard import Hazard, Outcome
from tests.torture.images import chunk, png, process

ADDED = 64e6  # bytes of memory
FULL, BEYOND = 1773, 5000  # pixels a side: 3.1 and 25 million
TURNED = PIL.Image.Exif()
TURNED[0x0112] = 6


def flat(mode: str, format_: str, side: int = FULL, pages: int = 0, **how) -> bytes:
    """One colour from corner to corner, half transparent where the mode can be."""
    if mode in ("1", "P"):  # converted, they would be dithered, and no longer small
        image = PIL.Image.new(mode, (side, side), 1)
    else:
        image = PIL.Image.new("RGB", (side, side), (9, 99, 199)).convert(mode)
    if mode == "RGBA":
        image.putalpha(100)
    if pages:
        how |= {"save_all": True, "append_images": [PIL.Image.new(mode, image.size)] * pages}
    file = io.BytesIO()
    image.save(file, format_, **how)
    return file.getvalue()


def with_chunk(kind: bytes, body: bytes) -> bytes:
    small = png(2, 8, False)
    return small[:33] + chunk(kind, body) + small[33:]


def huge_header() -> bytes:
    head = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)


def tiff(fields: dict[int, int], data: bytes, width: int, height: int) -> bytes:
    """A grayscale TIFF of one strip or tile, deflated."""
    fields = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1} | fields
    rows = b"".join(struct.pack("<HHII", tag, 4, 1, fields[tag]) for tag in sorted(fields))
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    return head + data + struct.pack("<H", len(fields)) + rows + bytes(4)


def tiff_of_a_tile() -> bytes:
    data = zlib.compress(bytes(160_000_000), 9)
    return tiff({322: 40_000, 323: 4000, 324: 8, 325: len(data)}, data, 10, 10)


def tiff_of_a_strip() -> bytes:
    data = zlib.compress(bytes(FULL * FULL), 9)
    return tiff({273: 8, 278: 2**32 - 1, 279: len(data)}, data, FULL, FULL)


def tags(each: int, count: int) -> bytes:
    """A directory of very many tags that all have the same bytes."""
    rows = b"".join(struct.pack("<HHII", 1000 + k, 7, each, 8) for k in range(count))
    head = b"II*\0" + struct.pack("<I", 8 + each)
    return head + bytes(each) + struct.pack("<H", count) + rows + bytes(4)


def bmp_of_jumps() -> bytes:
    """Run lengths that jump 255 rows up, each of the most pixels."""
    data, width = b"\0\2\xff\xff" * 50, 65_536
    sizes = struct.pack("<IiiHHIIiiII", 40, width, 48, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", 1078 + len(data), 0, 0, 1078) + sizes + bytes(1024) + data


def line() -> bytes:
    """To resize a line takes a weight for each of its pixels."""
    file = io.BytesIO()
    PIL.Image.new("L", (3_000_000, 1)).save(file, "PNG")
    return file.getvalue()


def gif_beyond_its_screen() -> bytes:
    small = flat("P", "GIF", 10)
    return small.replace(b",\0\0\0\0\n\0\n\0", b",\0\0\0\0\xff\xff\xff\xff")


def jpeg_of_scans() -> bytes:
    whole = flat("CMYK", "JPEG", progressive=True, quality=20)
    last = whole.rindex(b"\xff\xda")
    return whole[:last] + 80 * whole[last:-2] + whole[-2:]


def jpeg_of_tags() -> bytes:
    body = b"Exif\0\0" + tags(25_000, 3000)
    small = flat("RGB", "JPEG", 20)
    return small[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + small[2:]


ZEROS = b"a\0\0"  # a name, and the compression
BOMBS: dict[str, Callable[[], bytes]] = {
    "a tile of 160 million pixels": tiff_of_a_tile,
    "progressive CMYK JPEG, full, turned": lambda: flat(
        "CMYK", "JPEG", progressive=True, quality=20, exif=TURNED
    ),
    "transparent WebP, full, turned": lambda: flat(
        "RGBA", "WEBP", quality=1, method=0, exif=TURNED
    ),
    "RGBA PNG, full, turned": lambda: flat("RGBA", "PNG", exif=TURNED),
    "a profile of 100 MB": lambda: with_chunk(b"iCCP", ZEROS + zlib.compress(bytes(10**8), 9)),
    "RGB PNG, beyond": lambda: flat("RGB", "PNG", BEYOND),
    "text of 100 MB": lambda: with_chunk(b"zTXt", ZEROS[:2] + zlib.compress(bytes(10**8), 9)),
    "rows without end": lambda: with_chunk(b"IDAT", zlib.compress(bytes(10**8), 9)),
    "PNG, a header and nothing else": huge_header,
    "PNG of overlapping tags": lambda: with_chunk(b"eXIf", tags(100_000, 3000)),
    "RGB PNG, full": lambda: flat("RGB", "PNG"),
    "LA PNG, full": lambda: flat("LA", "PNG"),
    "palette PNG, full": lambda: flat("P", "PNG", transparency=3),
    "1-bit PNG, full": lambda: flat("1", "PNG"),
    "JPEG of 90 scans": jpeg_of_scans,
    "JPEG of overlapping tags": jpeg_of_tags,
    "progressive JPEG, full": lambda: flat(
        "RGB", "JPEG", progressive=True, quality=20, subsampling=0, exif=TURNED
    ),
    "gray JPEG, beyond": lambda: flat("L", "JPEG", BEYOND, quality=20),
    "GIF, full": lambda: flat("P", "GIF", pages=5),
    "GIF, beyond": lambda: flat("P", "GIF", BEYOND),
    "a frame beyond its screen": gif_beyond_its_screen,
    "TIFF of six pages": lambda: flat("RGB", "TIFF", pages=5, compression="tiff_deflate"),
    "RGBA TIFF, full, turned": lambda: flat("RGBA", "TIFF", compression="tiff_lzw", exif=TURNED),
    "CMYK TIFF, full": lambda: flat("CMYK", "TIFF", compression="tiff_deflate"),
    "LAB TIFF, full": lambda: flat("LAB", "TIFF", compression="tiff_deflate"),
    "JPEG in a TIFF": lambda: flat("RGB", "TIFF", compression="jpeg"),
    "LZMA in a TIFF": lambda: flat("RGB", "TIFF", compression="lzma"),
    "CCITT TIFF, beyond": lambda: flat("1", "TIFF", BEYOND, compression="group4"),
    "a strip of 4 billion rows": tiff_of_a_strip,
    "TIFF of overlapping tags": lambda: tags(100_000, 3000),
    "lossless WebP, full": lambda: flat("RGBA", "WEBP", lossless=True, method=0),
    "animated WebP, full": lambda: flat("RGB", "WEBP", pages=5, lossless=True, method=0),
    "WebP, beyond": lambda: flat("RGB", "WEBP", BEYOND, lossless=True, method=0),
    "BMP of jumps": bmp_of_jumps,
    "a line of 3 million pixels": line,
    "PPM, a header and nothing else": lambda: b"P6 40000 40000 255\n",
    "PPM in words": lambda: b"P3 570 570 255\n" + b"1 " * (3 * 570 * 570 // 2),
}


def added_memory(name: str) -> tuple[float, int]:
    """Bytes that reading this adds to the largest size of a new process, and its own bytes."""
    with tempfile.TemporaryDirectory() as folder:
        small, path = Path(folder) / "small.png", Path(folder) / "image"
        small.write_bytes(png(2, 8, False))
        read_image(small, (4, 4))
        length = path.write_bytes(BOMBS[name]())
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
        before = _peak()
        for size in (None, (64, 64)):
            with contextlib.suppress(DataError):
                read_image(path, size)
        return _peak() - before, length


def _peak() -> float:
    """The most bytes of memory that this process has taken at once. (Of Linux alone.)"""
    status = Path("/proc/self/status").read_text()
    return 1024.0 * int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


def bombed(cases: int, seed: int) -> Outcome:
    """Memory that each bomb adds, in a process of its own."""
    failures, most = [], 0.0
    names = list(BOMBS)[:cases]
    for name in names:
        with process() as pool:
            added, length = pool.submit(added_memory, name).result()
        most = max(most, added)
        if added > ADDED or length > 10**6:
            failures.append(f"{name}, {length:,} bytes, adds {added / 1e6:.0f} MB")
    return Outcome(len(names), failures, f"at most {most / 1e6:.0f} MB added")


HAZARDS = (
    Hazard(
        "image bomb",
        "a file below 1 MB adds at most 64 MB of memory, whatever its format says",
        bombed,
        4,
        len(BOMBS),
    ),
)
