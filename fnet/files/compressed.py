"""Files that a program made smaller, read as they were: gzip, bzip2, xz, and a zip of one file."""

import bz2
import gzip
import io
import lzma
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from fnet.errors import DataError
from fnet.files.zips import most_declared, open_zip

MARK = 10  # bytes at the beginning that say which program made a file
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
        start = file.read(MARK)
        size = file.seek(0, io.SEEK_END)
    for mark, (by, unpacked) in _PROGRAMS.items():
        if re.match(mark, start, re.DOTALL):
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


# By the first bytes: those of bzip2 alone may be text, a column named BZh, as far as its fourth.
_PROGRAMS: dict[bytes, tuple[str, Callable[[Source], BinaryIO]]] = {
    rb"\x1f\x8b": ("gzip", _opening(gzip.open)),
    rb"BZh[1-9](1AY&SY|\x17rE8P\x90)": ("bzip2", _opening(bz2.open)),
    rb"\xfd7zXZ\x00": ("xz", _opening(lzma.open)),
    rb"PK\x03\x04": ("zip", _member),
}
