"""Published data sets: their pinned archives, from the network or from a folder."""

import os
import shutil
from pathlib import Path
from typing import NamedTuple

from fnet.errors import DataError
from fnet.files.download import Progress, download, verified
from fnet.files.unpack import unpack
from fnet.files.writing import cache_folder

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/"


class Archive(NamedTuple):
    """An archive of files in one folder; `files` maps names to the most bytes allowed."""

    name: str
    sha256: str
    size: int
    folder: str
    files: dict[str, int]

    def members(self) -> dict[str, int]:
        return {f"{self.folder}/{name}": most for name, most in self.files.items()}


_BATCHES = (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch")
CIFAR10 = (  # the first is downloaded
    Archive(
        "cifar-10-binary.tar.gz",
        "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
        170_052_171,
        "cifar-10-batches-bin",
        {f"{name}.bin": 30_730_000 for name in _BATCHES} | {"batches.meta.txt": 1000},
    ),
    Archive(
        "cifar-10-python.tar.gz",
        "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
        170_498_071,
        "cifar-10-batches-py",
        dict.fromkeys(_BATCHES, 32_000_000) | {"batches.meta": 1000},
    ),
)


def download_cifar10(
    folder: str | os.PathLike[str] | None = None, progress: Progress | None = None
) -> Path:
    """The folder that holds CIFAR-10, which `cifar10` reads: `folder`, or one in fnet's cache.

    A set that is already there, in either form, is used without the network, and so is one of its
    archives, cifar-10-binary.tar.gz or cifar-10-python.tar.gz, which is unpacked and left in place.
    Otherwise the binary archive (170 MB) is downloaded as by `download`, from its author's address
    or from FNET_MIRROR, an https address to which the archive's name is appended. An archive,
    wherever it comes from, is used only if it has the published SHA-256, and the set is there whole
    or not at all.

    Raises DataError where the set cannot be had, the folder cannot be written, or something else
    stands in the place of the set or of an archive.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from fnet.data.sets import CIFAR10
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     home = Path(folder, "cifar-10-batches-bin")
    ...     home.mkdir()
    ...     for name in CIFAR10[0].files:
    ...         (home / name).touch()
    ...     download_cifar10(folder) == Path(folder)  # the files are there: nothing to download
    True
    """
    folder = cache_folder() / "cifar10" if folder is None else Path(folder)
    try:
        if not _is_there(folder):
            _unpack(folder, progress)
        for archive in CIFAR10:
            _own(folder, archive).unlink(missing_ok=True)
            for left in folder.glob(f".{archive.folder}.*.tmp"):  # of an unpacking that was killed
                shutil.rmtree(left, ignore_errors=True)
    except (DataError, OSError) as error:
        if _is_there(folder):  # another process was first
            return folder
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{folder}: it cannot be written ({error.strerror or error}); choose another folder"
        ) from error
    return folder


def _is_there(folder: Path) -> bool:
    return any(
        all((folder / archive.folder / name).is_file() for name in archive.files)
        for archive in CIFAR10
    )


def _unpack(folder: Path, progress: Progress | None) -> None:
    for archive in CIFAR10:
        if (given := folder / archive.name).exists():
            path = verified(given, archive.sha256, archive.size)
            break
    else:
        archive = CIFAR10[0]
        base = os.environ.get("FNET_MIRROR") or CIFAR10_URL
        url = f"{base.rstrip('/')}/{archive.name}"
        path = download(url, _own(folder, archive), archive.sha256, archive.size, progress)
    unpack(path, folder / archive.folder, archive.members())


def _own(folder: Path, archive: Archive) -> Path:
    """Where fnet downloads an archive, to be removed later; it never removes a user's own."""
    return folder / f".{archive.name}"
