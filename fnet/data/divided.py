"""Folders of images that come divided into parts, each with its class folders."""

import os
from collections.abc import Sequence
from pathlib import Path

from fnet.data.finding import class_folders_in, counted, find, folders_in, images_in
from fnet.data.images import ImageFolder, image_folder
from fnet.data.layout import SHOWN, check_root, only_folder
from fnet.data.parts import EMPTY, KINDS, TRAIN, Divided, named_parts, part_of, words_of
from fnet.data.transforms import Transform
from fnet.errors import DataError
from fnet.files.images import Size

WITHOUT_LABELS = {*KINDS, *EMPTY, "unknown", "unlabeled", "unlabelled"}  # words of such folders


def image_parts(
    root: str | os.PathLike[str],
    transform: Transform | None = None,
    size: Size | None = None,
    classes: Sequence[str] | None = None,
) -> Divided:
    """The parts of a folder of images, by the names of its folders.

        train/<class>/**, test/<class>/**, ...   -> "train", "test", "val", those that are there
        <class>/**                               -> "all"

    Training, seg_train, TRAIN, train_set, ... name a training part, dev, valid, ... a validation
    part, and either may lie deeper, in a folder that holds nothing else. Classes are `classes`, or
    those of the training part: labels of every part mean these, by name, and a part may lack some.
    A part without class folders, as the test part of a contest, is left out, and so are folders
    beside the parts. `decisions` says all this in sentences. Raises DataError for a class that the
    training part does not have, and as `image_folder` does.

    >>> import tempfile
    >>> from fnet.data.synthetic import synthetic_images
    >>> with tempfile.TemporaryDirectory() as home:
    ...     for part in ("Training", "Testing"):
    ...         _ = synthetic_images(f"{home}/shapes/{part}", per_class=1)
    ...     divided = image_parts(home)
    >>> {part: len(images) for part, images in divided.parts.items()}
    {'train': 10, 'test': 10}
    >>> divided.decisions
    ('the class folders are in shapes/', 'taken as parts: Training as train, Testing as test')
    """
    top = folder = check_root(Path(root))
    while not (named := _parts_of(folder)) and (lower := only_folder(folder, classes or ())):
        folder = lower
    if not named:
        whole = image_folder(top, transform, size, classes)
        return Divided({"all": whole}, (*whole.decisions, *_deeper(folder, whole.classes)))
    decisions = [f"the class folders are in {folder.relative_to(top)}/"] if folder != top else []
    taken = ", ".join(f"{path.name} as {part}" for part, path in named.items())
    decisions.append(f"taken as parts: {taken}")
    parts: dict[str, ImageFolder] = {}
    for part, path in named.items():
        known = parts[TRAIN].classes if part != TRAIN else classes
        inner = path if known is None else _labelled(path, known)
        if inner is None:
            count = len(find(path).images)
            decisions.append(
                f"left out: {path.name}/, whose {counted(count, 'image')} lie in no class"
            )
            continue
        parts[part] = image_folder(inner, transform, size, known)
        decisions += [f"{path.name}: {sentence}" for sentence in parts[part].decisions]
        decisions += _lacking(path.name, parts[part])
    return Divided(parts, (*decisions, *_beside(folder, named)))


def _deeper(folder: Path, classes: Sequence[str]) -> list[str]:
    """Sentences on class folders that hold several folders, which may be meant as the classes."""
    said = []
    for path in class_folders_in(folder):
        inside = [inner.name for inner in class_folders_in(path)]
        parts = any(part_of(words_of(name))[0] for name in inside)
        if path.name in classes and len(inside) > 1 and not images_in(path) and not parts:
            shown = ", ".join(inside[:SHOWN]) + (", ..." if len(inside) > SHOWN else "")
            said.append(f"images in {path.name}/ are all of this class, those of {shown} alike")
    return said


def _parts_of(folder: Path) -> dict[str, Path]:
    """The folders that are parts; none where the folders are classes.

    A single part is one only if it holds class folders, and what lies beside it does not, or has
    the same classes. Raises DataError for parts of which none is for training.
    """
    folders = {path.name: path for path in class_folders_in(folder)}
    if named := named_parts(folders):
        return {part: folders[name] for part, name in named.items()}
    kinds = {name: part_of(words_of(name))[0] for name in folders}
    inside = {name: {p.name for p in class_folders_in(path)} for name, path in folders.items()}
    parts = [name for name in folders if kinds[name] and len(inside[name]) > 1]
    others = [name for name in folders if name not in parts]
    classes = set[str]().union(*(inside[name] for name in parts))
    if not parts or any(inside[name] and not inside[name] & classes for name in others):
        return {}
    train = [name for name in parts if kinds[name] == TRAIN]
    if len(train) == 1 and len(folders) > 1:
        return {TRAIN: folders[train[0]]}
    if len(folders) > 1:
        raise DataError(
            f"{folder}: {' and '.join(parts)} look like parts of a set, and "
            f"{'none is' if not train else 'more than one are'} for training; pass the folder of "
            "the part to train on, and others to fnet evaluate"
        )
    return {}


def _labelled(folder: Path, classes: Sequence[str]) -> Path | None:
    """The folder, or the one in it, that holds class folders; None where images have no class."""
    while True:
        inner = class_folders_in(folder)
        if not inner:
            return None
        alone = inner[0] if len(inner) == 1 and not images_in(folder) else None
        says_nothing = alone and (
            set(words_of(alone.name)) <= {*WITHOUT_LABELS, *words_of(folder.name)}
        )
        if alone is None or alone.name in classes or not says_nothing:
            return folder
        folder = alone


def _lacking(name: str, part: ImageFolder) -> list[str]:
    there = {int(label) for label in part.labels}
    missing = [each for label, each in enumerate(part.classes) if label not in there]
    return [f"{name} has no images of {', '.join(missing)}"] if missing else []


def _beside(folder: Path, named: dict[str, Path]) -> list[str]:
    """Sentences on what lies beside the parts."""
    others = [path.name for path in folders_in(folder) if path not in named.values()]
    loose = len(images_in(folder))
    return [f"left out: {name}/, which is no part" for name in others] + (
        [f"left out: {counted(loose, 'image')} in {folder} itself"] if loose else []
    )
