"""Parts of a data set that comes divided, recognised by their names."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple, TypeVar

from fnet.errors import DataError

Part = TypeVar("Part")

TRAIN, VAL, TEST, EVAL = "train", "val", "test", "eval"
WORDS = {
    TRAIN: ("train", "training", "trn"),
    VAL: ("val", "valid", "validation", "validate", "dev", "devel", "development"),
    TEST: ("test", "testing", "tst", "holdout"),
    EVAL: ("eval", "evaluation"),  # a validation set, or beside one the test set
}
# What a part's name may hold besides, and say nothing.
EMPTY = {"set", "data", "dataset", "images", "image", "imgs", "img", "pictures", "photos", "split"}
KINDS = {word: kind for kind, words in WORDS.items() for word in words}
KINDS |= {word + empty: kind for word, kind in KINDS.items() for empty in EMPTY}  # traindata


class Divided(NamedTuple):
    """Datasets by part, or whole as "all"; `decisions` are sentences on what was decided for it.

    `pixels` is the range of an archive's pixels, in words.

    >>> Divided({"train": None, "test": None}, ("3 files: 2 .heic, 1 .txt",)).pixels is None
    True
    """

    parts: dict[str, Any]
    decisions: tuple[str, ...] = ()
    pixels: str | None = None


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case, without numbers.

    >>> words_of("seg_train"), words_of("TestSet2")
    (['seg', 'train'], ['test', 'set'])
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return re.findall(r"[^\W\d_]+", spaced.lower())


def part_of(words: Iterable[str]) -> tuple[str | None, tuple[str, ...]]:
    """The part that these words name, if any, and the other words.

    >>> part_of(["seg", "testing"]), part_of(["test", "train"]), part_of(["cat"])
    (('test', ('seg',)), (None, ('test', 'train')), (None, ('cat',)))
    """
    words = tuple(words)
    kinds = [word for word in words if word in KINDS]
    if len(kinds) != 1:
        return None, words
    return KINDS[kinds[0]], tuple(word for word in words if word != kinds[0])


def named_parts(names: Collection[str]) -> dict[str, str]:
    """Among these names, those of parts: {"train": "seg_train", "test": "seg_test"}; or nothing.

    They name a training part and another one, and agree in whatever else they say. Raises DataError
    where two of them name the same part.

    >>> named_parts(["Testing", "Training", "docs"]), named_parts(["bus", "train"])
    ({'train': 'Training', 'test': 'Testing'}, {})
    """
    stems: dict[frozenset[str], dict[str, list[str]]] = {}
    for name in sorted(names):
        kind, others = part_of(words_of(name))
        if kind is not None:
            stems.setdefault(frozenset(others) - EMPTY, {}).setdefault(kind, []).append(name)
    whole = [kinds for kinds in stems.values() if TRAIN in kinds and len(kinds) > 1]
    if len(whole) > 1:
        sets = [kinds[TRAIN][0] for kinds in whole]
        raise DataError(f"{sets[0]} and {sets[1]} belong to two sets; pass the folder of one")
    return _one_each(whole[0]) if whole else {}


def in_order(kinds: Mapping[Any, Part]) -> dict[str, Part]:
    """Those of train, val and test that are there; what is called eval is the first that is not.

    >>> in_order({"eval": "evaluation", "test": "testing", "train": "training"})
    {'train': 'training', 'val': 'evaluation', 'test': 'testing'}
    """
    free = next((kind for kind in (VAL, TEST) if kind not in kinds), None)
    taken = kinds if free is None or EVAL not in kinds else {**kinds, free: kinds[EVAL]}
    return {kind: taken[kind] for kind in (TRAIN, VAL, TEST) if kind in taken}


def _one_each(kinds: Mapping[str, list[str]]) -> dict[str, str]:
    for kind, names in kinds.items():
        if len(names) > 1:
            raise DataError(
                f"{names[0]} and {names[1]} look like the same part, {kind}; leave one out"
            )
    return in_order({kind: names[0] for kind, names in kinds.items()})
