"""Which arrays of an archive are images, labels and names of classes, of which part."""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from fnet.data.parts import KINDS, TEST, TRAIN, VAL, in_order, part_of, words_of
from fnet.errors import DataError
from fnet.files.npz import Header

# In the order of preference, where several are there.
IMAGES = (
    *("images", "image", "imgs", "img", "pixels", "x", "xs", "data", "inputs", "input"),
    *("features", "dataset", "pictures", "photos"),
)
LABELS = (
    *("labels", "label", "lbls", "lbl", "y", "ys", "targets", "target", "fine_labels", "class"),
    *("classes", "category", "categories", "outputs", "output"),
)
NAMES = ("classes", "class_names", "classnames", "label_names", "target_names", "names")
UNNAMED = re.compile(r"arr_\d+")  # by np.savez(path, images, labels)
SHORT = {"tr": "train", "va": "val", "te": "test"}  # parts in names of arrays, as X_tr
LAYOUT = "np.savez(path, images=..., labels=...)"
XY = re.compile(rf"\b([xy])({'|'.join(KINDS)}|(?:tr|va|te)(?![a-z]))", re.IGNORECASE)  # xtrain


class Arranged(NamedTuple):
    """By part the names of its images and its labels; that of the names of classes; the others."""

    parts: dict[str, tuple[str, str]]
    classes: str | None
    without_labels: tuple[str, ...]
    others: tuple[str, ...]

    @property
    def used(self) -> list[str]:
        """The names of all arrays that are needed."""
        pairs = [name for pair in self.parts.values() for name in pair]
        return pairs if self.classes is None else [*pairs, self.classes]


def arranged(headers: Mapping[str, Header]) -> Arranged:
    """What the arrays are, by their names. Raises DataError where images or labels are missing.

    >>> arranged({name: Header((5,), "<i4") for name in ("x_train", "y_train", "x_test")}).parts
    {'train': ('x_train', 'y_train')}
    """
    groups: dict[str | None, dict[str, str]] = {}
    for name in headers:
        kind, others = part_of(SHORT.get(word, word) for word in words_of(XY.sub(r"\1_\2", name)))
        if others[:1] in (("x",), ("y",)) and others[1:]:  # x_train_images
            others = others[1:]
        groups.setdefault(kind, {})["_".join(others)] = name
    pairs: dict[Any, tuple[str | None, str | None]]
    pairs = {kind: _pair(group) for kind, group in groups.items()}
    if not any(images or labels for images, labels in pairs.values()):
        pairs = _unnamed(headers) or pairs
    whole: dict[Any, tuple[str, str]] = {
        kind: (images, labels) for kind, (images, labels) in pairs.items() if images and labels
    }
    if not whole:
        raise _missing(headers, pairs)
    parts = _parts(whole)
    taken = {name for pair in parts.values() for name in pair}
    names = groups.get(None, {})
    classes = next((names[key] for key in NAMES if key in names and names[key] not in taken), None)
    bare = tuple(images for images, labels in pairs.values() if images and not labels)
    left = tuple(name for name in headers if name not in {*taken, *bare, classes})
    return Arranged(parts, classes, bare, left)


def _pair(group: Mapping[str, str]) -> tuple[str | None, str | None]:
    images = next((group[key] for key in IMAGES if key in group), None)
    return images, next((group[key] for key in LABELS if key in group), None)


def _unnamed(headers: Mapping[str, Header]) -> dict[Any, tuple[str | None, str | None]]:
    """The pairs of arrays without names: one, of train and test, or of train, val and test.

    Images are those of more axes, and of more numbers a sample; both are in their order. Raises
    DataError for another number of arrays, and where images and labels differ in length.
    """
    names = sorted(filter(UNNAMED.fullmatch, headers), key=lambda name: int(name[4:]))
    if not names:
        return {}
    by_size = sorted(names, key=lambda n: (len(headers[n].shape), math.prod(headers[n].shape[1:])))
    small = set(by_size[: len(names) // 2])
    labels, images = [n for n in names if n in small], [n for n in names if n not in small]
    kinds = {2: (None,), 4: (TRAIN, TEST), 6: (TRAIN, VAL, TEST)}.get(len(names))
    lengths = [[headers[n].shape[:1] for n in each] for each in (images, labels)]
    if kinds is None or len(names) < len(headers) or (lengths[0] != lengths[1] and kinds[0]):
        raise DataError(
            f"it holds {', '.join(headers)}, whose names say nothing; write it with {LAYOUT}"
        )
    return dict(zip(kinds, zip(images, labels, strict=True), strict=True))


def _parts(whole: Mapping[Any, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """The pairs by part, in the order train, val, test; a pair of no part is all, or train."""
    parts = in_order(whole)
    if not parts:
        return {"all": whole[None]}
    return parts if None not in whole else {TRAIN: whole[None], **parts}


def _missing(headers: Mapping[str, Header], pairs: Mapping[Any, Any]) -> DataError:
    images = any(pair[0] for pair in pairs.values())
    labels = any(pair[1] for pair in pairs.values())
    lacks = [word for word, there in (("images", images), ("labels", labels)) if not there]
    return DataError(
        f"it has no {' or '.join(lacks or ['images with labels'])}, only "
        f"{', '.join(headers) or 'nothing'}; write it with {LAYOUT}"
    )
