"""Images that are damaged; each mutant is read in another process, which may crash."""

import concurrent.futures
import functools
import io
import multiprocessing
import os
import struct
import tempfile
import time
import warnings
import zlib
from pathlib import Path

import numpy as np
import PIL.Image

from fnet.data import read_image
from fnet.errors import DataError
from fnet.files.png import ADAM7, CHANNELS
from tests.torture.hazard import ENDLESS, Hazard, Outcome, keep, kept
from tests.torture.mutation import mutant

TOGETHER = 1000  # mutants a process
READ, REFUSED = "read", "refused"
PNGS = [(0, 1), (0, 2), (0, 4), (0, 8), (2, 8), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (6, 8)]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(colour: int, depth: int, interlaced: bool, width: int = 13, height: int = 11) -> bytes:
    """A PNG of noise, of any colour type and depth; rows are filtered by all five filters in turn.

    What the filters make of noise is noise: any bytes are some image.
    """
    rng = np.random.default_rng((colour, depth, interlaced, width, height))
    rows = b""
    for x, y, right, down in ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, lines = -(-(width - x) // right), -(-(height - y) // down)
        if columns > 0:
            size = -(-columns * depth * CHANNELS[colour] // 8)
            rows += b"".join(bytes([n % 5]) + rng.bytes(size) for n in range(lines))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", head)]
    if colour == 3:
        parts += [chunk(b"PLTE", rng.bytes(3 * 2**depth)), chunk(b"tRNS", rng.bytes(2))]
    data = zlib.compress(rows)
    cut = len(data) // 2
    parts += [chunk(b"IDAT", data[:cut]), chunk(b"IDAT", data[cut:]), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def mended(content: bytes) -> bytes:
    """With the right CRC in each chunk, so that what is wrong gets further."""
    parts, place = [content[:8]], 8
    while len(content) - place >= 12:
        length = int.from_bytes(content[place : place + 4], "big")
        body = content[place + 4 : place + 8 + length]
        parts.append(chunk(body[:4], body[4:]))
        place += 12 + length
    return b"".join([*parts, content[place:]])


def saved(mode: str, format_: str, **how) -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (19, 23, 3), np.uint8)
    image = PIL.Image.fromarray(pixels).convert(mode)
    if "save_all" in how:
        how["append_images"] = [PIL.Image.new(mode, image.size, k) for k in range(2)]
    file = io.BytesIO()
    image.save(file, format_, **how)
    return file.getvalue()


TURNED = PIL.Image.Exif()
TURNED[0x0112] = 6
PNGS_OF_NOISE = [png(*kind, interlaced) for kind in PNGS for interlaced in (False, True)]
# The whole images that the mutants are made of.
BASES: dict[str, list[bytes]] = {
    "PNG": PNGS_OF_NOISE,
    "PNG of right CRCs": PNGS_OF_NOISE,
    "JPEG": [
        saved(mode, "JPEG", progressive=progressive, quality=60, exif=TURNED)
        for mode in ("RGB", "L", "CMYK")
        for progressive in (False, True)
    ],
    "images of other formats": [
        saved("RGB", "BMP"),
        saved("P", "BMP"),
        saved("P", "GIF"),
        saved("P", "GIF", save_all=True, transparency=3),
        saved("RGB", "PPM"),
        saved("L", "PPM"),
        saved("RGB", "TIFF", exif=TURNED),
        saved("RGBA", "TIFF", compression="tiff_lzw"),
        saved("L", "TIFF", compression="tiff_deflate", save_all=True),
        saved("CMYK", "TIFF", compression="packbits"),
        saved("1", "TIFF", compression="group4"),
        saved("YCbCr", "TIFF", compression="jpeg"),
        saved("RGB", "WEBP", exif=TURNED),
        saved("RGBA", "WEBP", lossless=True),
        saved("RGB", "WEBP", save_all=True),
    ],
}


def read_all(contents: list[bytes], originals: list[bytes | None]) -> list[str]:
    """Of each, READ or REFUSED, or else what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        return [_said(path, *pair) for pair in zip(contents, originals, strict=True)]


def _said(path: Path, content: bytes, original: bytes | None) -> str:
    path.write_bytes(content)
    begun = time.process_time()
    with warnings.catch_warnings(record=True) as leaked:
        warnings.simplefilter("always")
        try:
            found = read_image(path)
        except DataError as error:
            found, said = None, REFUSED if str(path) in str(error) else f"no path: {error}"
        except BaseException as error:
            found, said = None, repr(error)
    if time.process_time() - begun > ENDLESS:
        return "hangs"
    if leaked:
        return f"warns: {leaked[0].message}"
    if found is None:
        return said
    if found.dtype != np.uint8 or found.shape[2:] != (3,):
        return f"no image: {found.dtype} {found.shape}"
    if original is not None:
        path.write_bytes(original)
        if not np.array_equal(found, read_image(path)):
            return "other pixels, and nothing is said"
    return READ


def _fuzz(name: str, cases: int, seed: int) -> Outcome:
    whole, hazard = BASES[name], f"damaged {name}"
    todo = [(place, content, None) for place, content in kept(hazard)]
    for case in range(cases):
        base = whole[case % len(whole)]
        changed = mutant(base, np.random.default_rng([seed, case]))
        if name == "PNG of right CRCs":
            changed = mended(changed)
        todo.append((f"case {case}", changed, base if name == "PNG" else None))
    failures, read = [], 0
    for start in range(0, len(todo), TOGETHER):
        part = todo[start : start + TOGETHER]
        told = _read_apart([content for _, content, _ in part], [base for *_, base in part])
        read += told.count(READ)
        for (case, content, _), said in zip(part, told, strict=True):
            if said not in (READ, REFUSED):
                failures.append(f"seed {seed}, {case}: {said}, {keep(hazard, content)}")
    as_what = "to the same pixels" if name == "PNG" else "to some image"
    measured = f"{read:,} read {as_what}, the rest refused"
    return Outcome(len(todo), failures, measured)


def _read_apart(contents: list[bytes], originals: list[bytes | None]) -> list[str]:
    """As read_all, in a process of its own; where that crashes, it is told by which content."""
    with process() as pool:
        try:
            return pool.submit(read_all, contents, originals).result()
        except concurrent.futures.process.BrokenProcessPool:
            if len(contents) == 1:
                return ["crashes"]
    half = len(contents) // 2
    first = _read_apart(contents[:half], originals[:half])
    return first + _read_apart(contents[half:], originals[half:])


def process() -> concurrent.futures.ProcessPoolExecutor:
    """One new process; it does not tell what the C library of TIFF has to say on each mutant."""
    spawn = multiprocessing.get_context("spawn")
    return concurrent.futures.ProcessPoolExecutor(1, spawn, initializer=_quiet)


def _quiet() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


SOME = "an error that names the file, or an image; no crash, no warning, no hang"
SAME = "an error that names the file, or the very pixels; no crash, no warning, no hang"
HAZARDS = tuple(
    Hazard(f"damaged {name}", promise, functools.partial(_fuzz, name), 1000, 10_000)
    for name, promise in {
        "PNG": SAME,
        "PNG of right CRCs": SOME,
        "JPEG": SOME,
        "images of other formats": f"BMP, GIF, PPM, TIFF, WebP: {SOME}",
    }.items()
)
