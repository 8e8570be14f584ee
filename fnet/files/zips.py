"""Zip archives that are what they say, seen before anything in them is unpacked."""

import io
import struct
import zipfile
from typing import BinaryIO

from fnet.errors import DataError

RATIO, FLOOR = 100, 2**28  # an archive may declare so many times its bytes, or these many
SHARE, LIST = 16, 2**20  # the list of members is that part of an archive at most, or these bytes
DESCRIPTORS = (12, 16, 20, 24)  # bytes of what may follow a member that was written as a stream


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """The archive, if every byte of it belongs to one member, to the list of them, or its end.

    Members are stored or deflated, not encrypted, and each has a name of its own; the list is
    short enough to be read. Raises DataError where that is not so. What is damaged in another way
    may end in any exception; a member is checked by its CRC-32 as it is read to its end.
    """
    count, start = _directory(file)
    archive = zipfile.ZipFile(file)
    infos = archive.infolist()
    if len(infos) != count:
        raise DataError(f"it lists {len(infos)} members, and says that it has {count}")
    if len({info.filename for info in infos}) < count:
        raise DataError("it has two members of one name")
    for info in infos:
        _check_kind(info)
    _check_places(file, infos, start)
    return archive


def most_declared(size: int) -> int:
    """How many bytes the members of an archive of so many bytes may have together."""
    return max(FLOOR, RATIO * size)


def _directory(file: BinaryIO) -> tuple[int, int]:
    """How many members are said to be listed, and where the list begins, which ends the file."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 2**16 - 22))
    tail = file.read()
    place = tail.rfind(b"PK\5\6")
    if place < 0 or len(tail) < place + 22:
        raise DataError("it is no zip archive, or only a part of one")
    count, length, start, comment = struct.unpack_from("<HIIH", tail, place + 10)
    behind = 22 + comment
    if tail[max(0, place - 20) : place].startswith(b"PK\6\7"):  # a record of longer numbers
        place, behind = place - 76, behind + 76
        count, length, start = struct.unpack_from("<QQQ", tail, place + 32)
    if length > max(LIST, size // SHARE):
        raise DataError(f"its list of members takes {length:,} of its {size:,} bytes")
    if len(tail) != place + behind or start + length + behind != size:
        raise DataError("bytes are missing from it, or are too many")
    return count, start


def _check_kind(info: zipfile.ZipInfo) -> None:
    stored, deflated = (
        info.compress_type == kind for kind in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
    )
    if info.flag_bits & 1:
        raise DataError(f"its member {info.filename!r} is encrypted")
    if not (stored or deflated):
        raise DataError(f"its member {info.filename!r} is neither stored nor deflated")
    if stored and info.compress_size != info.file_size:
        raise DataError(f"its member {info.filename!r} is stored in another size than its own")


def _check_places(file: BinaryIO, infos: list[zipfile.ZipInfo], end: int) -> None:
    """See that the members follow each other: none lost, none hidden, no byte of two of them."""
    infos = sorted(infos, key=lambda info: info.header_offset)
    starts = [*(info.header_offset for info in infos), end]
    if starts[0] != 0:
        raise DataError("a member of it is lost")
    for info, following in zip(infos, starts[1:], strict=True):
        file.seek(info.header_offset)
        name, extra = struct.unpack("<26xHH", file.read(30))
        gap = following - (info.header_offset + 30 + name + extra + info.compress_size)
        own = file.read(name).decode("utf-8" if info.flag_bits & 0x800 else "cp437")
        if own != info.filename or gap not in (DESCRIPTORS if info.flag_bits & 8 else (0,)):
            raise DataError(f"its member {info.filename!r} is not where or what it should be")
