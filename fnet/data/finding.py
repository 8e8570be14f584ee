"""The images that a folder holds, and what is passed over in it."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, NoReturn

from fnet.errors import DataError

SUFFIXES = (
    *(".apng", ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
# Images that fnet does not read: a class of these is not empty.
OTHERS = (
    *(".arw", ".avif", ".cr2", ".dcm", ".dds", ".dib", ".dng", ".exr", ".fits", ".hdr", ".heic"),
    *(".heif", ".icns", ".ico", ".j2k", ".jp2", ".jpf", ".jpx", ".jxl", ".nef", ".pcx", ".pfm"),
    *(".psd", ".qoi", ".raw", ".sgi", ".svg", ".tga", ".xbm", ".xpm"),
)
OF_SYSTEMS = ("__macosx", "thumbs.db", "desktop.ini", "$recycle.bin", "lost+found")


class Found(NamedTuple):
    """Images below a folder, sorted; what else is there, counted by suffix; folders not entered."""

    images: tuple[Path, ...]
    others: Counter[str]
    hidden: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.images)


def find(folder: Path) -> Found:
    """Walk a folder. Hidden files are counted as " hidden", hidden folders are not entered."""
    images, others, hidden = list[Path](), Counter[str](), list[str]()
    for top, folders, files in os.walk(folder, onerror=_refuse):
        hidden += filter(is_hidden, folders)
        folders[:] = [name for name in folders if not is_hidden(name)]
        for name in files:
            if is_hidden(name):
                others[" hidden"] += 1
            elif name.lower().endswith(SUFFIXES):
                images.append(Path(top, name))
            else:
                others[Path(name).suffix.lower() or " without a suffix"] += 1
    return Found(tuple(sorted(images, key=Path.as_posix)), others, tuple(sorted(hidden)))


def folders_in(folder: Path) -> list[Path]:
    """The visible folders in a folder, sorted by name."""
    return [path for path in _visible(folder) if path.is_dir()]


def images_in(folder: Path) -> list[Path]:
    """The images that lie in a folder itself, sorted by name."""
    return [
        path for path in _visible(folder) if path.name.lower().endswith(SUFFIXES) and path.is_file()
    ]


def holds_images(folder: Path) -> bool:
    """Whether there is an image, of any kind, in a folder or below."""
    return any(
        name.lower().endswith((*SUFFIXES, *OTHERS)) and not is_hidden(name)
        for _, names in _walk(folder)
        for name in names
    )


def class_folders_in(folder: Path) -> list[Path]:
    """The folders in a folder that hold images, sorted by name."""
    return [path for path in folders_in(folder) if holds_images(path)]


def is_hidden(name: str) -> bool:
    """Whether a file or folder belongs to a system, and not to the user."""
    return name.startswith(".") or name.lower() in OF_SYSTEMS


def counted(number: int, thing: str) -> str:
    """A number of things, in words.

    >>> counted(1, "image"), counted(1200, "file")
    ('1 image', '1,200 files')
    """
    return f"{number:,} {thing}{'s' * (number != 1)}"


def passed_over(found: Found) -> list[str]:
    """Sentences on what was passed over."""
    sentences = []
    if found.others:
        kinds = sorted(found.others.items(), key=lambda pair: (-pair[1], pair[0]))
        listed = ", ".join(
            f"{count:,}{kind if kind[0] == ' ' else f' {kind}'}" for kind, count in kinds
        )
        sentences.append(f"skipped {counted(found.others.total(), 'file')}: {listed}")
    if found.hidden:
        names = sorted(set(found.hidden))
        sentences.append(f"skipped what systems leave in {', '.join(f'{n}/' for n in names)}")
    return sentences


def _visible(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not is_hidden(path.name))
    except OSError as error:
        _refuse(error)


def _walk(folder: Path) -> Iterator[tuple[str, list[str]]]:
    for top, folders, files in os.walk(folder, onerror=_refuse):
        folders[:] = [name for name in folders if not is_hidden(name)]
        yield top, files


def _refuse(error: OSError) -> NoReturn:
    raise DataError(f"{error.filename}: cannot be listed ({error.strerror})") from error
