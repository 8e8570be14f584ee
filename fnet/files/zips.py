"""Zip archives, checked for consistency before anything in them is unpacked.

`zipfile` believes the list of members at the end of a file. Members that overlap are refused only
by Python 3.11.8 and later, and bytes that belong to no member by none.
"""

import io
import struct
import zipfile
from typing import BinaryIO

from fnet.errors import DataError

RATIO, FLOOR = 100, 2**28  # most bytes declared, as a multiple of the archive's, or in any case
SHARE, LIST = 16, 2**20  # most of the list of members, as a fraction, or in any case in bytes
DESCRIPTORS = (12, 16, 20, 24)  # sizes of the descriptor after a member written as a stream


def open_zip(file: BinaryIO) -> zipfile.ZipFile:
    """The archive, if every byte belongs to exactly one member, to the list of members, or the end.

    Members are stored or deflated, not encrypted, and of distinct names; the list is short enough
    to be read. Raises DataError otherwise. Other damage may end in any exception; a member is
    checked against its CRC-32 when it is read to its end.
    """
    count, start = _directory(file)
    archive = zipfile.ZipFile(file)
    infos = archive.infolist()
    if len(infos) != count:
        raise DataError(f"it lists {len(infos)} members but declares {count}")
    if len({info.filename for info in infos}) < count:
        raise DataError("it has two members of the same name")
    for info in infos:
        _check_kind(info)
    _check_places(file, infos, start)
    return archive


def most_declared(size: int) -> int:
    """The most bytes that the members of an archive of `size` bytes may have together."""
    return max(FLOOR, RATIO * size)


def _directory(file: BinaryIO) -> tuple[int, int]:
    """The declared number of members, and where the list of them begins, which ends the file."""
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 2**16 - 22))
    tail = file.read()
    place = tail.rfind(b"PK\5\6")
    if place < 0 or len(tail) < place + 22:
        raise DataError("it is not a zip archive, or only part of one")
    count, length, start, comment = struct.unpack_from("<HIIH", tail, place + 10)
    behind = 22 + comment
    if tail[max(0, place - 20) : place].startswith(b"PK\6\7"):  # a zip64 record, of longer numbers
        place, behind = place - 76, behind + 76
        count, length, start = struct.unpack_from("<QQQ", tail, place + 32)
    if length > max(LIST, size // SHARE):
        raise DataError(f"its list of members takes {length:,} of its {size:,} bytes")
    if len(tail) != place + behind or start + length + behind != size:
        raise DataError("bytes are missing from it, or it has too many")
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
        raise DataError(f"its member {info.filename!r} is stored in a size other than its own")


def _check_places(file: BinaryIO, infos: list[zipfile.ZipInfo], end: int) -> None:
    """Check that the members tile the file: none lost, none hidden, none overlapping."""
    infos = sorted(infos, key=lambda info: info.header_offset)
    starts = [*(info.header_offset for info in infos), end]
    if starts[0] != 0:
        raise DataError("one of its members is lost")
    for info, following in zip(infos, starts[1:], strict=True):
        file.seek(info.header_offset)
        name, extra = struct.unpack("<26xHH", file.read(30))
        gap = following - (info.header_offset + 30 + name + extra + info.compress_size)
        own = file.read(name).decode("utf-8" if info.flag_bits & 0x800 else "cp437")
        if own != info.filename or gap not in (DESCRIPTORS if info.flag_bits & 8 else (0,)):
            raise DataError(f"its member {info.filename!r} is not where or what it should be")
