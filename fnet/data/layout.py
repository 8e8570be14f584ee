"""How class folders lie: one folder too deep, or not at all."""

import re
from collections.abc import Collection
from pathlib import Path

from fnet.data.finding import class_folders_in, counted, images_in
from fnet.errors import DataError

LAYOUT = "one folder of images per class is expected: root/<class>/<image>"
PREFIX = re.compile(r"([^\W\d_]+)[._ -]?\d")  # of cat.0.jpg


def check_root(root: Path) -> Path:
    """The root, if it is a folder. Raises DataError."""
    if not root.exists():
        raise DataError(f"{root}: there is no such folder; pass the folder of class folders")
    if not root.is_dir():
        raise DataError(f"{root}: it is a file; pass the folder of class folders")
    return root


def only_folder(folder: Path, classes: Collection[str] = ()) -> Path | None:
    """The one folder with images in a folder without any, if it holds folders, not images, too."""
    folders = class_folders_in(folder)
    if len(folders) != 1 or folders[0].name in classes or images_in(folder):
        return None
    lower = folders[0]
    return lower if class_folders_in(lower) and not images_in(lower) else None


def inner(folder: Path, classes: Collection[str] = ()) -> tuple[Path, list[str]]:
    """The folder that holds the class folders, and what to say if it is a deeper one.

    A folder named as one of the known `classes` is a class folder, and not entered.
    """
    top = folder
    while lower := only_folder(folder, classes):
        folder = lower
    return folder, [f"the class folders are in {folder.relative_to(top)}/"] if folder != top else []


def without_classes(folder: Path, folders: list[Path]) -> DataError:
    """What to raise for a folder that holds these class folders, one or none."""
    if folders:
        return DataError(
            f"{folder}: it holds one folder of images ({folders[0].name!r}); two classes or more "
            f"are needed, and {LAYOUT}"
        )
    images = images_in(folder)
    if not images:
        return DataError(f"{folder}: it holds no folders of images; two classes or more: {LAYOUT}")
    prefixes = sorted({match[1] for path in images if (match := PREFIX.match(path.name))})
    hint = (
        f"; to judge by their names they are {', '.join(prefixes)}: move them into folders of "
        "these names"
        if 1 < len(prefixes) <= min(100, len(images) // 2)
        else ""
    )
    return DataError(
        f"{folder}: it holds {counted(len(images), 'image')} and no folders of images, so nothing "
        f"says its classes; {LAYOUT}{hint}"
    )
