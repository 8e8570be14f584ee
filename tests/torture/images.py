"""Images that are damaged, or made to take all memory; each mutant is read in another process."""

import concurrent.futures
import contextlib
import io
import multiprocessing
import re
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

RNG = np.random.default_rng(0)
TOGETHER = 250  # mutants a task: one that crashes its process is found among them
SECONDS = 1.0
ADDED = 64e6  # bytes of memory
PNGS = [(0, 1), (0, 2), (0, 4), (0, 8), (2, 8), (3, 1), (3, 2), (3, 4), (3, 8), (4, 8), (6, 8)]


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(colour: int, depth: int, interlaced: bool, width: int = 13, height: int = 11) -> bytes:
    """A PNG of noise, of any colour type and depth; rows are filtered by all five filters in turn.

    What the filters make of noise is noise: any bytes are some image.
    """
    rows = b""
    for x, y, right, down in ADAM7 if interlaced else ((0, 0, 1, 1),):
        columns, lines = -(-(width - x) // right), -(-(height - y) // down)
        if columns > 0:
            size = -(-columns * depth * CHANNELS[colour] // 8)
            rows += b"".join(bytes([n % 5]) + RNG.bytes(size) for n in range(lines))
    head = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    parts = [chunk(b"IHDR", head)]
    if colour == 3:
        parts += [chunk(b"PLTE", RNG.bytes(3 * 2**depth)), chunk(b"tRNS", RNG.bytes(2))]
    data = zlib.compress(rows)
    cut = len(data) // 2
    parts += [chunk(b"IDAT", data[:cut]), chunk(b"IDAT", data[cut:]), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def saved(mode: str, format_: str, **how) -> bytes:
    pixels = RNG.integers(0, 256, (19, 23, 4), np.uint8)
    file = io.BytesIO()
    image = PIL.Image.fromarray(pixels)
    image.convert("RGB").convert(mode).save(file, format_, **how)
    return file.getvalue()


def bases(name: str) -> list[bytes]:
    """The whole images that the mutants are made of."""
    if name == "PNG":
        return [png(*kind, interlaced) for kind in PNGS for interlaced in (False, True)]
    if name == "JPEG":
        modes = [(mode, progressive) for mode in ("RGB", "L", "CMYK") for progressive in (0, 1)]
        return [saved(mode, "JPEG", progressive=bool(p), quality=60) for mode, p in modes]
    others = [("RGB", "BMP"), ("P", "BMP"), ("P", "GIF"), ("RGB", "PPM"), ("RGB", "TIFF")]
    ways = {("RGB", "TIFF"): {"compression": "tiff_lzw"}}
    found = [saved(*kind, **ways.get(kind, {})) for kind in others]
    return [*found, saved("RGB", "WEBP"), saved("RGB", "WEBP", lossless=True)]


def read_all(contents: list[bytes], originals: list[bytes] | None) -> list[str]:
    """What is wrong with how each is read, "" where nothing is."""
    said = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "image.png"
        for number, content in enumerate(contents):
            path.write_bytes(content)
            begun = time.process_time()
            try:
                found = read_image(path)
                wrong = "" if found.dtype == np.uint8 and found.ndim == 3 else "no image"
                if originals is not None and not wrong:
                    path.write_bytes(originals[number])
                    same = np.array_equal(found, read_image(path))
                    wrong = "" if same else "other pixels, and nothing is said"
            except DataError as error:
                wrong = "" if str(path) in str(error) else f"no path: {error}"
            except BaseException as error:
                wrong = repr(error)
            if time.process_time() - begun > SECONDS:
                wrong = wrong or "takes over a second"
            said.append(wrong)
    return said


def _fuzz(name: str, cases: int, seed: int) -> Outcome:
    whole, hazard = bases(name), f"damaged {name}"
    old = [content for _, content in kept(hazard)]
    todo = [(None, content, None) for content in old]
    for case in range(cases):
        rng = np.random.default_rng([seed, case])
        base = whole[case % len(whole)]
        todo.append((case, mutant(base, rng), base))
    failures = []
    parts = [todo[k : k + TOGETHER] for k in range(0, len(todo), TOGETHER)]
    with _processes() as pool:
        for part in parts:
            contents, originals = [c for _, c, _ in part], [o for _, _, o in part]
            known = name == "PNG" and None not in originals
            try:
                said = pool.submit(read_all, contents, originals if known else None).result()
            except concurrent.futures.process.BrokenProcessPool:
                return Outcome(cases, [f"seed {seed}: one of {part[0][0]} and on crashes"], "")
            for (case, content, _), wrong in zip(part, said, strict=True):
                if wrong:
                    failures.append(f"seed {seed}, case {case}: {wrong}, {keep(hazard, content)}")
    return Outcome(len(todo), failures, "each an error that names the file, or the same pixels")


def _processes() -> concurrent.futures.ProcessPoolExecutor:
    return concurrent.futures.ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def damaged_png(cases: int, seed: int) -> Outcome:
    return _fuzz("PNG", cases, seed)


def damaged_jpeg(cases: int, seed: int) -> Outcome:
    found = _fuzz("JPEG", cases, seed)
    return found._replace(measured="each an error that names the file, or an image in under 1 s")


def damaged_others(cases: int, seed: int) -> Outcome:
    found = _fuzz("others", cases, seed)
    return found._replace(measured="BMP, GIF, PPM, TIFF, WebP")


def bombs() -> dict[str, bytes]:
    """Files under 1 MB that decode to as much as is allowed, or claim to be far more."""
    found = {}
    for name, side in (("allowed", 1773), ("beyond", 5000)):  # 3.1 and 25 megapixels
        flat = PIL.Image.new("RGB", (side, side), (9, 99, 199))
        ways = [
            ("RGB", "PNG", {}),
            ("RGBA", "PNG", {}),
            ("P", "PNG", {"transparency": 3}),
            ("LA", "PNG", {}),
            ("RGB", "JPEG", {"quality": 20, "progressive": True}),
            ("CMYK", "JPEG", {"quality": 20, "progressive": True}),
            ("L", "JPEG", {"quality": 20}),
            ("P", "GIF", {}),
            ("RGB", "TIFF", {"compression": "tiff_deflate"}),
            ("RGBA", "TIFF", {"compression": "tiff_lzw"}),
            ("RGBA", "WEBP", {"lossless": True}),
            ("RGB", "WEBP", {"quality": 1}),
        ]
        for mode, format_, how in ways:
            if name == "beyond" and (format_ == "WEBP" or mode not in ("RGB", "P", "L")):
                continue
            file = io.BytesIO()
            image = flat.convert(mode)
            if mode == "RGBA":
                image.putalpha(image.getchannel(0))
            image.save(file, format_, **how)
            found[f"{mode} {format_}, {name}"] = file.getvalue()
        head = struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0)
        found["a header and nothing else"] = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
    text = b"a\0\0" + zlib.compress(bytes(10**8), 9)
    small = png(2, 8, False)
    found["PNG, 100 MB of text"] = small[:33] + chunk(b"zTXt", text) + small[33:]
    profile = b"a\0\0" + zlib.compress(bytes(10**8), 9)
    found["PNG, a profile of 100 MB"] = small[:33] + chunk(b"iCCP", profile) + small[33:]
    found["PNG, rows without end"] = small[:33] + chunk(b"IDAT", zlib.compress(bytes(10**8), 9))
    return {name: content for name, content in found.items() if len(content) < 10**6}


def added_memory(content: bytes) -> float:
    """Bytes that reading this adds to the largest size of a new process."""
    with tempfile.TemporaryDirectory() as folder:
        small, path = Path(folder) / "small.png", Path(folder) / "image"
        small.write_bytes(png(2, 8, False))
        read_image(small)
        path.write_bytes(content)
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
        before = _peak()
        with contextlib.suppress(DataError):
            read_image(path)
        return _peak() - before


def _peak() -> float:
    """The most bytes of memory that this process has taken at once. (Of Linux alone.)"""
    status = Path("/proc/self/status").read_text()
    return 1024.0 * int(re.search(r"VmHWM:\s*(\d+) kB", status)[1])


def bombed(cases: int, seed: int) -> Outcome:
    """Memory that each bomb adds, in a process of its own."""
    failures, most = [], 0.0
    found = list(bombs().items())[:cases]
    for name, content in found:
        with _processes() as pool:
            added = pool.submit(added_memory, content).result()
        most = max(most, added)
        if added > ADDED:
            failures.append(f"{name}, {len(content):,} bytes, adds {added / 1e6:.0f} MB")
    return Outcome(len(found), failures, f"at most {most / 1e6:.0f} MB added")


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
    Hazard(
        "image bomb",
        "a file below 1 MB adds at most 64 MB of memory, whatever its format says",
        bombed,
        6,
        19,
    ),
)
