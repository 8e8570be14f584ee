"""Files written whole or not at all."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(
    path: str | os.PathLike[str], previous: str | os.PathLike[str] | None = None
) -> Iterator[BinaryIO]:
    """A file to write that replaces `path` once it is complete and on the disk.

    It is written under a temporary name next to `path`, fsynced and renamed, and the directory is
    fsynced: whenever the machine stops, `path` holds the old bytes or the new ones. With
    `previous`, a name in the same folder, the old file is kept under that name. On an error nothing
    changes, and the temporary file is removed.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if previous is not None and path.exists():
            _second_name(path, Path(previous))
        temporary.replace(path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.filename == str(temporary):
            error.filename = str(path)  # the name that the caller knows
        raise
    sync_directory(path.parent)


def _second_name(path: Path, name: Path) -> None:
    """Give a file a second name, replacing whatever had that name."""
    link = name.with_name(f".{name.name}.{os.getpid()}.tmp")
    try:
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        try:
            os.link(path, link)
        except OSError:  # not every file system has links
            shutil.copyfile(path, link)
            with link.open("rb+") as copy:
                os.fsync(copy.fileno())
        link.replace(name)
    finally:
        with contextlib.suppress(OSError):
            link.unlink()


def sync_directory(path: Path) -> None:
    """Flush a folder to the disk, so that renames in it survive a power failure."""
    if os.name == "nt":  # where a directory neither can nor need be opened
        return
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def cache_folder() -> Path:
    """The folder for what fnet can make or download again: in $XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "fnet"
