"""Images that are damaged; each mutant is read in another process, which may crash."""

import concurrent.futures
import io
import multiprocessing
import struct
import tempfile
import time
import zlib
from pathlib import Path

import numpy as np
import PIL.Image

from fnet.data import read_image
from fnet.data.png import ADAM7, CHANNELS
from fnet.errors import DataError
from tests.torture.hazard import Hazard, Outcome, keep, kept
from tests.torture.mutation import mutant

TOGETHER = 1000  # mutants a process
SECONDS = 1.0
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
# The whole images that the mutants are made of.
BASES: dict[str, list[bytes]] = {
    "PNG": [png(*kind, interlaced) for kind in PNGS for interlaced in (False, True)],
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
    """What is wrong with how each is read, "" where nothing is."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        return [_wrong(path, *pair) for pair in zip(contents, originals, strict=True)]


def _wrong(path: Path, content: bytes, original: bytes | None) -> str:
    path.write_bytes(content)
    begun = time.process_time()
    try:
        with warnings.catch_warnings(record=True) as leaked:
            warnings.simplefilter("always")
            found = read_image(path)
    except DataError as error:
        wrong = "" if str(path) in str(error) else f"no path: {error}"
    except BaseException as error:
        wrong = repr(error)
    else:
        wrong = "" if found.dtype == np.uint8 and found.shape[2:] == (3,) else "no image"
    if time.process_time() - begun > SECONDS:
        wrong = wrong or "takes over a second"
    if leaked:
        wrong = wrong or f"warns: {leaked[0].message}"
    if original is not None and not wrong and "found" in locals():
        path.write_bytes(original)
        wrong = "" if np.array_equal(found, read_image(path)) else "other pixels, nothing said"
    return wrong


def _fuzz(name: str, cases: int, seed: int) -> Outcome:
    whole, hazard = BASES[name], f"damaged {name}"
    todo = [(place, content, None) for place, content in kept(hazard)]
    for case in range(cases):
        base = whole[case % len(whole)]
        changed = mutant(base, np.random.default_rng([seed, case]))
        todo.append((f"case {case}", changed, base if name == "PNG" else None))
    failures, refused = [], 0
    for start in range(0, len(todo), TOGETHER):
        part = todo[start : start + TOGETHER]
        said = _read_apart([content for _, content, _ in part], [base for *_, base in part])
        for (case, content, _), wrong in zip(part, said, strict=True):
            if wrong:
                failures.append(f"seed {seed}, {case}: {wrong}, {keep(hazard, content)}")
    return Outcome(len(todo), failures, MEASURED[name])


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


def damaged_png(cases: int, seed: int) -> Outcome:
    return _fuzz("PNG", cases, seed)


def damaged_jpeg(cases: int, seed: int) -> Outcome:
    found = _fuzz("JPEG", cases, seed)
    return found._replace(measured="each an error that names the file, or an image in under 1 s")


def damaged_others(cases: int, seed: int) -> Outcome:
    found = _fuzz("others", cases, seed)
    return found._replace(measured="BMP, GIF, PPM, TIFF, WebP")


HAZARDS = (
    Hazard(
        "damaged PNG",
        "an error that names the file, or the very pixels; no crash, none over 1 s",
        damaged_png,
        1000,
        10_000,
    ),
    Hazard(
        "damaged JPEG",
        "an error that names the file, or an image; no crash, none over 1 s",
        damaged_jpeg,
        1000,
        10_000,
    ),
    Hazard(
        "damaged images of other formats",
        "an error that names the file, or an image; no crash, none over 1 s",
        damaged_others,
        300,
        10_000,
    ),
)
