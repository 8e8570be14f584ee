"""Tables that name image files, and the class of each."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fnet.data.finding import SUFFIXES, counted, folders_in
from fnet.data.frames import is_frame
from fnet.data.images import ImageFolder
from fnet.data.opening import Reading, read_table
from fnet.data.transforms import Transform, compose
from fnet.data.words import labels_in
from fnet.errors import DataError
from fnet.files.csv_columns import gaps
from fnet.files.images import Size, check_size


def image_table(
    source: str | os.PathLike[str] | Any,
    images: str,
    target: str,
    *,
    folder: str | os.PathLike[str] | None = None,
    transform: Transform | None = None,
    size: Size | None = None,
    sep: str | None = None,
    encoding: str | None = None,
    na: Sequence[str] | None = None,
) -> ImageFolder:
    """The images that a column of a table names, the classes being those of another column.

    `source` is the path of a CSV file, or a DataFrame; `images` and `target` name columns. Names
    are paths from `folder`, by default that of the file, or from a folder in it or in one of these;
    they may lack the suffix that all files share. `size` and `transform` are those of
    `image_folder`, `sep`, `encoding` and `na` those of `csv_table`. `decisions` says where the
    images were found. Raises DataError for a name without a file, for names that are found in two
    folders, and for one image with two classes.

    >>> import tempfile
    >>> from pathlib import Path
    >>> from fnet.data.synthetic import synthetic_images
    >>> with tempfile.TemporaryDirectory() as home:
    ...     _ = synthetic_images(f"{home}/shapes", per_class=1)
    ...     path = Path(home, "labels.csv")
    ...     _ = path.write_text("file,round\\ncircle/0000,yes\\nsquare/0000,no\\nring/0000,yes\\n")
    ...     found = image_table(path, "file", "round")
    ...     found.classes, found.labels.tolist(), found[0]["image"].shape
    (('no', 'yes'), [1, 0, 1], (32, 32, 3))
    >>> found.decisions
    ('images are in shapes/, their names without .png',)
    """
    reading = read_table(source, sep=sep, encoding=encoding, na=na, spelled=(images,))
    home = folder or (Path() if is_frame(source) else Path(source).parent)
    return named_images(reading, images, target, Path(home), transform, size)


def named_images(
    reading: Reading,
    images: str,
    target: str,
    home: Path,
    transform: Transform | None = None,
    size: Size | None = None,
) -> ImageFolder:
    """What `image_table` returns, of a table that was read."""
    check_size(size)
    if images == target:
        raise DataError(f"{reading.where}: {images!r} is the target; name another column of images")
    column = reading.column(images)
    blank = gaps(column.values)
    if blank.any():
        reading.refuse(int(np.argmax(blank)), images, "missing; every row needs an image")
    labels, classes = labels_in(reading, target)
    assert column.words is not None  # its cells are spelled
    paths, said = _located(reading, images, column.words, home)
    kept = _once(reading, images, column.values, labels)
    if repeated := len(labels) - len(kept):
        said.append(f"{counted(repeated, 'row')} with an image of another row, once is enough")
    labels = labels[kept]
    labels.flags.writeable = False
    return ImageFolder(
        tuple(paths[code] for code in column.values[kept].tolist()),
        labels,
        classes,
        transform or compose(),
        size,
        (*reading.decisions, *said),
    )


def _located(
    reading: Reading, images: str, names: Sequence[str], home: Path
) -> tuple[list[Path], list[str]]:
    """The files of these names, and a sentence on where they are."""
    plain = [name.replace("\\", "/") for name in names]
    suffixes = ("",) if plain[0].lower().endswith(SUFFIXES) else ("", *SUFFIXES)
    folders = [home, *(below := folders_in(home)), *(p for each in below for p in folders_in(each))]
    tried = [
        (folder, suffix)
        for folder in folders
        for suffix in suffixes
        if (folder / (plain[0] + suffix)).is_file()
    ]
    found = {each: [each[0] / (name + each[1]) for name in plain] for each in tried}
    whole = [each for each, paths in found.items() if all(path.is_file() for path in paths)]
    if not whole:
        folder, suffix = tried[0] if tried else (home, "")
        lacking = (place for place, n in enumerate(plain) if not (folder / (n + suffix)).is_file())
        code = next(lacking)
        row = int(np.argmax(reading.columns[images].values == code))
        where = folder if tried else f"{home} or a folder in it"
        reading.refuse(row, images, f"no file in {where}")
    if len(whole) > 1 and whole[0][0] != home:
        raise DataError(
            f"{reading.where}, column {images!r}: files of these names are in {whole[0][0]} and in "
            f"{whole[1][0]}; put the folder before the names"
        )
    folder, suffix = whole[0]
    without = f"their names without {suffix}" if suffix else ""
    inside = f"images are in {folder.relative_to(home)}/" if folder != home else ""
    said = ", ".join(filter(None, (inside, without)))
    return found[whole[0]], [said] if said else []


def _once(reading: Reading, images: str, codes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The first row of each image; DataError for one with two classes."""
    _, first, place = np.unique(codes, return_index=True, return_inverse=True)
    other = np.flatnonzero(labels != labels[first][place])
    if len(other):
        what = "an image that another row gives another class; fnet learns one class per image"
        reading.refuse(int(other[0]), images, what)
    return np.sort(first)
