"""Files from a .tar.gz: the expected ones, by names that fnet builds, and nothing else.

`tarfile` reads and fnet writes: nothing is extracted, so that no name, link, mode or owner in an
archive reaches the disk. This leaves less to trust than its data filter (PEP 706), which writes
where an archive says, has had to be mended since, and exists only from Python 3.11.4 on. What is
limited here is how much is read, since `tarfile` takes a header of any length into memory, and
skips a member of any size ("a header of far too many" and "a size in base 256" in
tests/torture/archives.py). It is meant for archives whose SHA-256 is known, as `download` has it.
"""

import contextlib
import gzip
import os
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from fnet.errors import DataError
from fnet.files.writing import sync_directory

OTHERS = 2**26  # bytes of headers, and of members that are not wanted
PIECE = 2**18


def unpack(
    archive: str | os.PathLike[str], folder: str | os.PathLike[str], members: Mapping[str, int]
) -> None:
    """Write files from a .tar.gz into a folder that is new or empty.

    `members` gives the most bytes that each may have; it is written under the last part of its
    name. Other members are skipped. The folder holds all of the files, on the disk, or is not
    there at all.

    Raises DataError for an archive that is damaged, lacks a file, has one twice or with more bytes,
    has a link or a directory in its place, or unpacks to far more than it should (64 MiB of other
    things).
    """
    archive, folder = Path(archive), Path(folder)
    try:
        with gzip.open(archive) as stream, _filling(folder) as scratch:
            _write_all(_Limited(stream, sum(members.values()) + OTHERS), scratch, members)
    except DataError as error:
        raise DataError(f"{archive}: {error}") from error
    except Exception as error:  # damage may raise any exception
        if isinstance(error, OSError) and not isinstance(error, gzip.BadGzipFile):
            why = f"cannot be unpacked to {folder} ({error.strerror or error})"
        else:
            why = f"it is damaged, or not a .tar.gz ({error}); get it again"
        raise DataError(f"{archive}: {why}") from error


@contextlib.contextmanager
def _filling(folder: Path) -> Iterator[Path]:
    """A folder to fill, renamed to `folder` once it is complete and on the disk."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise DataError(f"{folder} already exists; choose a folder that is new or empty")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
    shutil.rmtree(scratch, ignore_errors=True)  # left by a killed process of the same number
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


def _write_all(stream: "_Limited", scratch: Path, members: Mapping[str, int]) -> None:
    missing = dict(members)
    # As a stream ("r|"), it is never read backwards, whatever a header says.
    with tarfile.open(fileobj=stream, mode="r|", bufsize=PIECE) as tar:  # type: ignore[call-overload]
        for info in tar:
            if (
                not 0 <= info.size <= stream.left
            ):  # to skip more, tarfile would read on past the end
                raise DataError(f"its member {info.name!r} claims to have {info.size:,} bytes")
            if info.name not in members:
                continue
            if not info.isreg() or info.issparse():
                raise DataError(f"its member {info.name!r} is not a regular file; do not trust it")
            if info.name not in missing:
                raise DataError(f"its member {info.name!r} is there twice")
            if info.size > (most := missing.pop(info.name)):
                raise DataError(f"its member {info.name!r} has more than {most:,} bytes")
            _write(scratch / PurePosixPath(info.name).name, tar.extractfile(info))
    while stream.read(PIECE):  # at its end, the CRC-32 is checked
        continue
    if missing:
        raise DataError(f"it has no {', '.join(missing)}; get it again, or another one")


def _write(path: Path, content: Any) -> None:
    with path.open("xb") as file:
        shutil.copyfileobj(content, file, PIECE)
        file.flush()
        os.fsync(file.fileno())


class _Limited:
    """A stream of which at most `left` bytes are read."""

    def __init__(self, file: Any, left: int) -> None:
        self.file, self.left = file, left

    def read(self, size: int) -> bytes:
        piece: bytes = self.file.read(size)
        self.left -= len(piece)
        if self.left < 0:
            raise DataError("it unpacks to far more than it should; do not trust it")
        return piece
