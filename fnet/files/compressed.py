"""Files that a program made smaller, read as they were: gzip, bzip2, xz, and a zip of one file."""

import bz2
import gzip
import io
import lzma
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from fnet.errors import DataError
from fnet.files.zips import most_declared, open_zip

SUFFIXES = (".gz", ".bz2", ".xz", ".zip")

Source = Path | bytes


class Packed(NamedTuple):
    """What opens the bytes that a file stands for, and which program made it: "" for none.

    `most`: how many bytes there may be.
    """

    open: Callable[[], BinaryIO]
    by: str = ""
    most: int | None = None


def packed(source: Source) -> Packed:
    """A file, or bytes, as they are or unpacked while they are read.

    Raises OSError for a file that cannot be read. What is damaged may raise any exception once it
    is opened and read; a zip archive of none or several files is a DataError.

    >>> packed(bz2.compress(b"x,y")).open().read(), packed(b"x,y").by
    (b'x,y', '')
    """
    with _plain(source) as file:
        start = file.read(6)
        size = file.seek(0, io.SEEK_END)
    for mark, (by, unpacked) in _PROGRAMS.items():
        if start.startswith(mark):
            return Packed(partial(unpacked, source), by, most_declared(size))
    return Packed(partial(_plain, source))


def _plain(source: Source) -> BinaryIO:
    return io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")


def _member(source: Source) -> BinaryIO:
    """The only file of a zip archive, but for those that macOS adds."""
    content = source if isinstance(source, bytes) else source.read_bytes()
    archive = open_zip(io.BytesIO(content))
    names = [name for name in archive.namelist() if not name.startswith("__MACOSX/")]
    names = [name for name in names if not name.endswith("/")]
    if len(names) != 1:
        raise DataError(f"it has {len(names)} files")
    return cast(BinaryIO, archive.open(names[0]))


def _opening(unpack: Callable[..., object]) -> Callable[[Source], BinaryIO]:
    """A module's `open` for paths and for bytes."""

    def unpacked(source: Source) -> BinaryIO:
        file = unpack(io.BytesIO(source) if isinstance(source, bytes) else source)
        return cast(BinaryIO, file)

    return unpacked


_PROGRAMS: dict[bytes, tuple[str, Callable[[Source], BinaryIO]]] = {  # by the first bytes
    b"\x1f\x8b": ("gzip", _opening(gzip.open)),
    b"BZh": ("bzip2", _opening(bz2.open)),
    b"\xfd7zXZ\0": ("xz", _opening(lzma.open)),
    b"PK\3\4": ("zip", _member),
}
