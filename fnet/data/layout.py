"""How class folders lie: one folder too deep, or not at all."""

import re
import shlex
from collections.abc import Collection
from pathlib import Path

from fnet.data.finding import class_folders_in, counted, find, images_in, passed_over
from fnet.data.parts import named_parts
from fnet.errors import DataError

LAYOUT = "one folder of images per class is expected: root/<class>/<image>"
SHOWN = 5  # folders named in a sentence
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


def check_classes(folder: Path, folders: list[Path]) -> None:
    """Raise DataError where folders hold not images but the same folders, which are the classes.

    The parts or folds of a set do, and the sources or forms of its images; so may classes whose
    images are sorted, by a camera, say. Folders that are named as parts within each are passed.
    """
    if any(images_in(each) for each in folders):
        return
    inside = [{path.name for path in class_folders_in(inner(each)[0])} for each in folders]
    shared = sorted(set.intersection(*inside))
    alike = len(shared) > 1 and 2 * len(shared) >= len(set[str]().union(*inside))
    if len(folders) < 2 or not alike or named_parts(shared):
        return
    names = [path.name for path in folders]
    raise DataError(
        f"{folder}: {_listed(names)} look like parts, sources or forms of one set, not like "
        f"classes: each holds folders {_listed(shared)}; pass one of them, or call them train and "
        f"test; if they are the classes, name them: --class-folders {shlex.join(names[:SHOWN])}"
        f"{' ...' * (len(names) > SHOWN)}, in Python classes="
    )


def without_classes(folder: Path, folders: list[Path]) -> DataError:
    """What to raise for a folder that holds these class folders, one or none."""
    images = images_in(folders[0] if folders else folder)
    if folders:
        said = f"it holds one folder of images ({folders[0].name!r}); two classes or more are"
        return DataError(f"{folder}: {said} needed, and {LAYOUT}{_by_names(images)}")
    if not images:
        others = "; ".join(passed_over(find(folder)))
        said = f" ({others}: they need the suffix of an image, as .png)" if others else ""
        return DataError(
            f"{folder}: it holds no folders of images{said}; two classes or more: {LAYOUT}"
        )
    return DataError(
        f"{folder}: it holds {counted(len(images), 'image')} and no folders of images, so nothing "
        f"says its classes; {LAYOUT}{_by_names(images)}"
    )


def _by_names(images: list[Path]) -> str:
    """What to add where images lie in no class folders, and their names begin with classes."""
    prefixes = sorted({match[1] for path in images if (match := PREFIX.match(path.name))})
    if not 1 < len(prefixes) <= min(100, len(images) // 2):
        return ""
    return (
        f"; to judge by their names they are {', '.join(prefixes)}: move them into folders of "
        "these names"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:SHOWN]) + ", ..." * (len(names) > SHOWN)
