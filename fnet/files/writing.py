"""A file on disk, whole or not at all."""

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
    """A file to write that takes the place of `path` once it is complete and on the disk.

    It is written under a temporary name beside `path`, fsynced, renamed, and the directory fsynced:
    whenever the machine stops, `path` holds the old bytes or the new ones. With `previous`, a name
    beside it, the old file is kept by that name. On an error nothing changes, and the temporary
    file is removed.
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
    """Give a file a second name, whatever had that name before."""
    link = name.with_name(f".{name.name}.{os.getpid()}.tmp")
    try:
        with contextlib.suppress(FileNotFoundError):
            link.unlink()
        try:
            os.link(path, link)
        except OSError:  # not every file system knows links
            shutil.copyfile(path, link)
            with link.open("rb+") as copy:
                os.fsync(copy.fileno())
        link.replace(name)
    finally:
        with contextlib.suppress(OSError):
            link.unlink()


def sync_directory(path: Path) -> None:
    """Have the names in a folder on the disk: what was renamed stays so, whatever happens."""
    if os.name == "nt":  # where a directory cannot be opened, nor needs to be
        return
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def cache_folder() -> Path:
    """Where fnet keeps what it can make or get again: below $XDG_CACHE_HOME, or ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "fnet"
