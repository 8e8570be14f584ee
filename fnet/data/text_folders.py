"""Texts sorted into one folder per class, as the rows of a table."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fnet.data.finding import counted, folders_in, holds_images
from fnet.data.parts import TRAIN, named_parts, words_of
from fnet.errors import DataError
from fnet.files.characters import SUFFIXES, visible_files
from fnet.files.json_rows import Records

TEXT, CLASS = "text", "class"  # the columns of such a table
FEW = 2  # texts in a folder; where some have one, folders are no classes
ABOUT = {"readme", "license", "licence", "citation"}  # names of files that are about the others
UNSORTED = {"unknown", "unlabeled", "unlabelled", "unsup", "unsorted"}  # names of no class


def class_folders(root: Path) -> dict[str, Path]:
    """The folder with class folders of texts, as "all", or those of its parts, by their names.

        <class>/*.txt                          -> "all"
        train/<class>/*, test/<class>/*, ...   -> "train", "test", "val", those that are there

    Nothing where it holds anything else: images, texts that lie in it, a folder with one text.
    Texts are files that end in .txt, .text or .md, or have no suffix.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as home:
    ...     for name in ("neg/1.txt", "neg/2.txt", "pos/1.txt", "pos/2.txt"):
    ...         Path(home, name).parent.mkdir(exist_ok=True)
    ...         _ = Path(home, name).write_text("so so")
    ...     rows, said = folder_rows(class_folders(Path(home))["all"])
    >>> rows["class"].tolist(), said
    (['neg', 'neg', 'pos', 'pos'], [])
    """
    if not root.is_dir() or holds_images(root):
        return {}
    folders = {path.name: path for path in folders_in(root)}
    named = {part: folders[name] for part, name in named_parts(folders).items()}
    if TRAIN in named:
        parts = {part: path for part, path in named.items() if len(_classes(path)) > 1}
        return parts if TRAIN in parts else {}
    beside = [path for path in root.iterdir() if path.is_file() and _is_text(path)]
    if any(path.stem.lower() not in ABOUT for path in beside):
        return {}
    if len(folders) == 1:
        return class_folders(*folders.values())
    counts = [len(texts_in(path)) for path in folders.values() if not _is_unsorted(path)]
    return {"all": root} if len(counts) > 1 and min(counts) >= FEW else {}


def folder_rows(root: Path) -> tuple[Records, list[str]]:
    """A row for each text in class folders, and sentences on what was left out or converted.

    Raises DataError where there are none.
    """
    found = _classes(root)
    if not found:
        raise DataError(
            f"{root}: cannot be read (Is a directory); pass a CSV file, or a folder that has a "
            "folder of texts for each class: root/<class>/<text>.txt"
        )
    said = [f"left out: {path.name}/" for path in folders_in(root) if path not in found]
    rows = [(path, folder.name) for folder in found for path in texts_in(folder)]
    texts, converted = read_texts([path for path, _ in rows])
    arrays = {name: np.empty(len(rows), object) for name in (TEXT, CLASS)}
    arrays[TEXT][:], arrays[CLASS][:] = texts, [name for _, name in rows]
    return Records(str(root), arrays, len(rows)), said + converted


def read_texts(paths: Sequence[Path]) -> tuple[list[str], list[str]]:
    """The texts of these files, and a sentence on those that are not UTF-8."""
    texts, other = [], list[Path]()
    for path in paths:
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
        try:
            texts.append(content.decode("utf-8-sig"))
        except UnicodeDecodeError:
            texts.append(content.decode("cp1252", "replace"))
            other.append(path)
    what = f"not UTF-8, and read as Windows-1252: {counted(len(other), 'text')}"
    return texts, [f"{what}, {other[0]} the first"] if other else []


def texts_in(folder: Path) -> list[Path]:
    """The texts in a folder and the folders in it, by name."""
    return sorted(folder / each for each in visible_files(folder) if _is_text(each))


def _classes(root: Path) -> list[Path]:
    """The folders that are classes."""
    return [path for path in folders_in(root) if not _is_unsorted(path) and texts_in(path)]


def _is_unsorted(folder: Path) -> bool:
    words = words_of(folder.name)
    return bool(words) and set(words) <= UNSORTED


def _is_text(path: Path) -> bool:
    return path.suffix.lower() in (*SUFFIXES, "") and not path.name.startswith(".")
