"""Archives of plain arrays, .npz: everything is checked, and nothing is unpickled.

A file written by fnet ends with a SHA-256 of everything before it, in the comment of the zip file,
which NumPy ignores: no bit of it can change unnoticed.
"""

import hashlib
import io
import math
import sys
import zipfile
from collections.abc import Callable, Collection, Mapping
from typing import Any, BinaryIO, NamedTuple, TypeVar

import numpy as np

from fnet.errors import DataError
from fnet.files.zips import most_declared, open_zip

Result = TypeVar("Result")

MARK = b"sha256:"
HEX = 64  # digits of the digest
PIECE = 2**20  # bytes read or hashed at a time
HEADER = 10_000  # most characters of a .npy header, as in NumPy
SURROGATES = 0xD800 >> 11
KINDS = "biufcSU"  # of dtypes that are plain numbers or text


def write_npz(file: BinaryIO, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as .npz with a digest; the same arrays give the same bytes."""
    stream = _Digested(file)
    with zipfile.ZipFile(stream, "w") as archive:  # type: ignore[call-overload]
        for name, array in arrays.items():
            info = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            with archive.open(info, "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)
        archive.comment = MARK + bytes(HEX)
    file.write(stream.digest.hexdigest().encode())


def read_npz(
    file: BinaryIO, names: Collection[str] | None = None, digest: bool = False
) -> dict[str, np.ndarray]:
    """The arrays of an .npz (with `names`, those of them that exist), each in memory of its own.

    Before anything is allocated, the sizes declared by the archive and its headers are compared
    with what is stored. Every array is checked against its CRC-32, and the file against its digest
    if it has one, as every file from `write_npz` does: no changed bit passes. Demand it with
    `digest`, since a change to the mark before it hides it. In a file from np.savez, a change
    passes only if it leaves the arrays as they were. Raises DataError, which names the array but
    not the file.
    """
    try:
        return _read(file, names, digest)
    except DataError:
        raise
    except Exception as error:  # damage may raise any exception
        raise DataError(f"it is no .npz of plain arrays, or a part of one ({error})") from error


class Header(NamedTuple):
    """Shape and dtype of an array that is not read yet."""

    shape: tuple[int, ...]
    dtype: Any


def npz_headers(file: BinaryIO) -> dict[str, Header]:
    """Shape and dtype of every array of an .npz, of which nothing else is read.

    Raises DataError, which does not name the file.
    """
    try:
        size = file.seek(0, io.SEEK_END)
        with open_zip(file) as archive:
            _check_members(archive.infolist(), size)
            infos = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            return {name: _array(archive, name, info, _facts) for name, info in infos.items()}
    except DataError:
        raise
    except Exception as error:  # damage may raise any exception
        raise DataError(f"it is no .npz of plain arrays, or a part of one ({error})") from error


def _read(file: BinaryIO, names: Collection[str] | None, digest: bool) -> dict[str, np.ndarray]:
    size = file.seek(0, io.SEEK_END)
    whole = _is_whole(file, size)
    if digest and whole is None:
        raise DataError("it does not end with a digest: it is damaged, or was not written by fnet")
    with open_zip(file) as archive:
        infos = archive.infolist()
        _check_members(infos, size)
        stored = {info.filename.removesuffix(".npy"): info for info in infos}
        wanted = (
            stored if names is None else {name: stored[name] for name in names if name in stored}
        )
        arrays = {name: _array(archive, name, info, _content) for name, info in wanted.items()}
    if whole is False:
        raise DataError("it is damaged: its SHA-256 is not the one that it ends with")
    return arrays


def _is_whole(file: BinaryIO, size: int) -> bool | None:
    """Whether the digest at the end of the file is right; None if there is none."""
    file.seek(max(0, size - HEX - len(MARK)))
    if file.read(len(MARK)) != MARK:
        return None
    expected = file.read(HEX)
    file.seek(0)
    digest, left = hashlib.sha256(), size - HEX
    while left > 0 and (piece := file.read(min(PIECE, left))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest().encode() == expected


def _check_members(infos: list[zipfile.ZipInfo], size: int) -> None:
    for info in infos:
        if not info.filename.endswith(".npy"):
            raise DataError(f"its member {info.filename!r} is not an array")
    declared, most = sum(info.file_size for info in infos), most_declared(size)
    if declared > most:
        raise DataError(
            f"{size:,} bytes declare {declared:,} bytes of arrays, and at most {most:,} are "
            "read; write it with np.savez, without compression"
        )


def _array(
    archive: zipfile.ZipFile, name: str, info: zipfile.ZipInfo, read: Callable[[Any, int], Result]
) -> Result:
    try:
        with archive.open(info) as stream:
            return read(stream, info.file_size)
    except DataError as error:
        raise DataError(f"the array {name}: {error}") from None
    except Exception as error:  # as above
        raise DataError(f"the array {name} is damaged ({error or type(error).__name__})") from error


def _facts(stream: Any, size: int) -> Header:
    shape, _, dtype = _header(stream)
    return Header(shape, dtype)


def _content(stream: Any, size: int) -> np.ndarray:
    shape, fortran, dtype = _header(stream)
    if dtype.kind not in KINDS or not dtype.itemsize:
        raise DataError(f"it is of dtype {dtype}; only numbers and text are plain")
    stored = size - stream.tell()
    if math.prod(shape) * dtype.itemsize != stored:
        raise DataError(f"its header declares {shape} {dtype}, and {stored:,} bytes are stored")
    array = np.empty(math.prod(shape), dtype)
    if stored:
        content = memoryview(array.view(np.uint8))  # type: ignore[arg-type]
        for start in range(0, stored, PIECE):
            piece = stream.read(min(PIECE, stored - start))
            content[start : start + len(piece)] = piece
            if len(piece) < min(PIECE, stored - start):
                raise DataError("it ends too early")
    stream.read(1)  # at the end, zipfile checks the CRC-32
    if dtype.kind == "U":
        check_text(array)
    return array.reshape(shape, order="F" if fortran else "C")


def check_text(array: np.ndarray) -> None:
    """Raise DataError if an array of text, of one axis, holds anything but Unicode characters."""
    codes = array.view(f"{array.dtype.str[0]}u4")
    for start in range(0, len(codes), PIECE):
        piece = codes[start : start + PIECE]
        if ((piece > sys.maxunicode) | (piece >> 11 == SURROGATES)).any():
            raise DataError("its text is not Unicode")


def _header(stream: Any) -> tuple[tuple[int, ...], bool, np.dtype]:
    version = np.lib.format.read_magic(stream)
    if version not in READERS:
        raise DataError(f"its .npy version is {version}; 1.0 and 2.0 hold plain arrays")
    start = stream.read(2 * version[0])  # the length of the rest
    length = int.from_bytes(start, "little")
    if length > HEADER:
        raise DataError(f"its header takes {length:,} bytes; {HEADER:,} are allowed")
    return READERS[version](io.BytesIO(start + stream.read(length)))


READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class _Digested:
    """Hashes what it passes on to a file, and holds back the last bytes (the digest's place)."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest, self.held = file, hashlib.sha256(), b""

    def write(self, content: Any) -> int:
        view = memoryview(content).cast("B")
        if len(view) < HEX:
            view = memoryview(self.held + bytes(view))
            self.held = b""
        passing, self.held = (self.held, view[:-HEX]), bytes(view[-HEX:])
        for piece in passing:
            self.digest.update(piece)
            self.file.write(piece)
        return memoryview(content).nbytes

    def flush(self) -> None:
        self.file.flush()
