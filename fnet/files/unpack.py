"""Files out of an archive: those that are expected, by names that are given, and nothing else."""

import contextlib
import gzip
import os
import shutil
import stat
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from fnet.errors import DataError
from fnet.files.tars import Member, tar_members, to_end
from fnet.files.writing import sync_directory
from fnet.files.zips import most_declared, open_zip

MOST_MEMBERS = 10_000
OTHERS = 2**26  # bytes that members may have which nobody asked for


def unpack(
    archive: str | os.PathLike[str], folder: str | os.PathLike[str], members: Mapping[str, int]
) -> None:
    """Write the members of an archive (.tar, .tar.gz, .zip) into a folder that is new or empty.

    `members` tells the most bytes that each may have; it is written as the last part of its name,
    and no name that is read decides where anything goes. Other files in the archive are passed
    over. The folder is there with all of the files, on the disk, or not at all.

    Raises DataError for an archive that is damaged, lacks a member, has one twice or with more
    bytes, holds links, devices, or names that lead out of it, or unpacks to far more than it should
    (10,000 members; 64 MiB that nobody asked for; 256 MiB, or 100 times its bytes).
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with archive.open("rb") as file, _filling(folder) as scratch:
            _write_all(file, scratch, members)
    except DataError as error:
        raise DataError(f"{archive}: {error}") from error
    except Exception as error:  # damage leads a reader of archives into any exception whatever
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            why = f"cannot be unpacked to {folder} ({error.strerror or error})"
        else:
            why = f"it is damaged ({error}); get it anew"
        raise DataError(f"{archive}: {why}") from error


@contextlib.contextmanager
def _filling(folder: Path) -> Iterator[Path]:
    """A folder to fill, which gets its name once it is complete and on the disk."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"{folder} is there already; choose a folder that is new or empty")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(scratch, ignore_errors=True)  # of one that was killed, and had this number too
    scratch.mkdir()
    try:
        yield scratch
        sync_directory(scratch)
        with contextlib.suppress(FileNotFoundError):
            folder.rmdir()
        scratch.rename(folder)
    except BaseException:
        shutil.rmtree(scratch, ignore_errors=True)
        raise
    sync_directory(folder.parent)


def _write_all(file: BinaryIO, scratch: Path, members: Mapping[str, int]) -> None:
    missing = dict(members)
    for count, member in enumerate(_members(file, sum(members.values()) + OTHERS), start=1):
        name = member.name.removesuffix("/")
        if count > MOST_MEMBERS:
            raise DataError(f"it has more than {MOST_MEMBERS:,} members")
        if member.kind not in ("file", "directory", "header"):
            raise DataError(f"its member {name!r} is a {member.kind}; do not trust it")
        if name.startswith("/") or ".." in name.split("/"):
            raise DataError(f"its member {name!r} leads out of it; do not trust it")
        if name not in members or member.kind == "header":
            continue
        if member.kind == "directory":
            raise DataError(f"its member {name!r} is a directory; a file is needed")
        if name not in missing:
            raise DataError(f"its member {name!r} is there twice")
        _write(scratch / PurePosixPath(name).name, member, missing.pop(name))
    if missing:
        raise DataError(f"it has no {', '.join(missing)}; get it anew, or another one")


def _write(path: Path, member: Member, most: int) -> None:
    with path.open("xb") as file:
        for piece in member.pieces:
            if file.tell() + len(piece) > most:
                raise DataError(f"its member {member.name!r} has more than {most:,} bytes")
            file.write(piece)
        file.flush()
        os.fsync(file.fileno())


def _members(file: BinaryIO, most: int) -> Iterator[Member]:
    """What the archive holds, in its order; the pieces of a member are read before the next."""
    size = os.fstat(file.fileno()).st_size
    left = min(most, most_declared(size))
    begin = file.read(4)
    file.seek(0)
    if begin.startswith(b"PK"):
        return _zip_members(file, left)
    if begin.startswith(b"\x1f\x8b"):
        return tar_members(_Limited(gzip.GzipFile(fileobj=file), left))
    return tar_members(_Limited(file, left))


class _Limited:
    """A stream of which no more than so many bytes are read."""

    def __init__(self, file: Any, left: int) -> None:
        self.file, self.left = file, left

    def read(self, size: int) -> bytes:
        piece: bytes = self.file.read(size)
        self.left -= len(piece)
        if self.left < 0:
            raise DataError("it unpacks to far more than it should; do not trust it")
        return piece


def _zip_members(file: BinaryIO, left: int) -> Iterator[Member]:
    with open_zip(file) as archive:
        for info in archive.infolist():
            with archive.open(info) as content:
                stream = _Limited(content, left)
                yield Member(info.filename, _zip_kind(info), to_end(stream))
                left = stream.left


def _zip_kind(info: zipfile.ZipInfo) -> str:
    mode = info.external_attr >> 16
    if stat.S_ISLNK(mode):
        return "symbolic link"
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG, stat.S_IFDIR):
        return "device"
    return "directory" if info.is_dir() or stat.S_ISDIR(mode) else "file"
