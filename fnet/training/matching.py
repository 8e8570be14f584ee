"""Labels of two datasets that mean the same classes."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from fnet.data.dataset import Arrays, Dataset, Memory, Samples
from fnet.data.transforms import Transform
from fnet.errors import DataError


@dataclasses.dataclass(frozen=True, eq=False)
class Relabelled(Samples):
    """A dataset whose label k is written as labels[k], and means one of `classes`."""

    held: Dataset
    labels: np.ndarray
    classes: tuple[str, ...]

    @property
    def fields(self) -> tuple[str, str]:
        return self.held.fields

    @property
    def transform(self) -> Transform:
        return self.held.transform

    def __len__(self) -> int:
        return len(self.held)

    def gather(self, indices: Any) -> Arrays:
        target = self.fields[1]
        batch = self.held.gather(indices)
        return {**batch, target: self.labels[np.asarray(batch[target])]}

    def select(self, indices: Any) -> "Relabelled":
        return dataclasses.replace(self, held=self.held.select(indices))


def matched(val: Dataset, train: Dataset) -> Dataset:
    """val with labels that mean the classes of train, matched by name.

    Classes that are nothing but numbers, as those of labels without names, are matched by number.
    Raises DataError for a class that train has not.

    >>> from fnet import data
    >>> x = np.zeros((2, 1))
    >>> train = data.memory({"x": x, "y": np.array([0, 1])}, ("cat", "dog"))
    >>> val = data.memory({"x": x, "y": np.array([0, 0])}, ("dog",))
    >>> matched(val, train)[0]["y"].item()
    1
    """
    given, known = val.classes, train.classes
    if not given or not known:
        return val
    unknown = _unknown(given, known)
    if unknown:
        raise DataError(
            f"the validation set has the class {unknown[0]!r}, and the training set only "
            f"{', '.join(map(repr, known))}: leave out its samples, or train with some of them"
        )
    return _relabelled(val, known)


def matched_to(dataset: Dataset, known: Sequence[str]) -> Dataset:
    """The dataset with labels that mean these classes of a model; raises as `matched`."""
    known = tuple(map(str, known))
    unknown = _unknown(dataset.classes, known)
    if unknown:
        raise DataError(
            f"the data have the class {unknown[0]!r}, and the model only "
            f"{', '.join(map(repr, known))}: leave out its samples"
        )
    return _relabelled(dataset, known)


def are_numbers(names: tuple[str, ...]) -> bool:
    """Whether these are the names of labels without names."""
    return names == tuple(map(str, range(len(names))))


def _unknown(given: tuple[str, ...], known: tuple[str, ...]) -> list[str]:
    """The classes that are not known; none where they are matched by number."""
    numbered = are_numbers(given) or are_numbers(known)
    if numbered and len(given) <= len(known) and not {*given} & {*known}:
        return []
    return [name for name in given if name not in known]


def _relabelled(dataset: Dataset, known: tuple[str, ...]) -> Dataset:
    given = dataset.classes
    if given == known[: len(given)] or not {*given} & {*known}:
        return dataset
    labels = np.array([known.index(name) for name in given])
    if not isinstance(dataset, Memory):
        return Relabelled(dataset, labels, known)
    name, target = dataset.fields
    moved = labels[np.asarray(dataset.arrays[target])]
    arrays = {name: dataset.arrays[name], target: moved}
    return dataclasses.replace(dataset, arrays=arrays, classes=known)
