"""Labels of two datasets that mean the same classes."""

import dataclasses
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
    if not given or not known or given == known[: len(given)]:
        return val
    numbered = any(names == tuple(map(str, range(len(names)))) for names in (given, known))
    if numbered and len(given) <= len(known) and not {*given} & {*known}:
        return val
    unknown = [name for name in given if name not in known]
    if unknown:
        raise DataError(
            f"the validation set has the class {unknown[0]!r}, and the training set only "
            f"{', '.join(map(repr, known))}: leave out its samples, or train with some of them"
        )
    labels = np.array([known.index(name) for name in given])
    if not isinstance(val, Memory):
        return Relabelled(val, labels, known)
    name, target = val.fields
    moved = labels[np.asarray(val.arrays[target])]
    return dataclasses.replace(val, arrays={name: val.arrays[name], target: moved}, classes=known)
