"""What a dataset is, datasets in memory, and how to split one."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import jax
import numpy as np

from fnet.data.objects import as_numbers, numbered_words
from fnet.data.strata import divided, shares_of, together
from fnet.data.transforms import Transform, compose
from fnet.errors import ConfigurationError, DataError

BLOCK = 1024  # samples read at once
MOST_NUMBERED = 100_000  # classes without names; more are taken for a mistake

Arrays = dict[str, Any]  # one array per name; an input may be a tree of arrays


class Dataset(Protocol):
    """Samples in a fixed order, each with an input and a target.

    `fields` names the two, for instance ("image", "label"); `classes` are the names that integer
    labels stand for, empty where the target is a number; `transform` is applied to inputs on
    access. It is also a map-style dataset of PyTorch.

    >>> squares = memory({"x": np.arange(4.0)[:, None], "y": np.arange(4.0) ** 2})
    >>> len(squares), squares.fields, float(squares[3]["y"]), squares.gather([1, 2])["y"].tolist()
    (4, ('x', 'y'), 9.0, [1.0, 4.0])
    """

    @property
    def fields(self) -> tuple[str, str]: ...
    @property
    def classes(self) -> tuple[str, ...]: ...
    @property
    def transform(self) -> Transform: ...
    def __len__(self) -> int: ...
    def __getitem__(self, index: int) -> dict[str, Any]:
        """Sample `index`, its input transformed."""

    def gather(self, indices: Any) -> Arrays:
        """The samples at these indices as new arrays with a batch axis, inputs not transformed."""

    def select(self, indices: Any) -> "Dataset":
        """The dataset of the samples at these indices, in this order."""


class Samples:
    """What all datasets share, given `gather`, `fields`, `classes`, `transform`."""

    def __getitem__(self: Any, index: int) -> dict[str, Any]:
        if not -len(self) <= index < len(self):  # also ends a for loop over the dataset
            raise IndexError(f"sample {index} of a dataset of {len(self)}, counted from 0")
        batch = self.gather(np.array([index]))
        name, target = self.fields
        x = jax.tree.map(lambda array: array[0], self.transform(batch[name]))
        return {name: x, target: batch[target][0]}

    @property
    def class_to_idx(self: Any) -> dict[str, int]:
        return {name: index for index, name in enumerate(self.classes)}


@dataclasses.dataclass(frozen=True, eq=False)
class Memory(Samples):
    """A dataset in memory: `arrays` holds the input, then the target, one row per sample.

    The input may be a dict or a tuple of arrays.

    >>> dataset = memory({"image": np.zeros((3, 2, 2), np.uint8), "label": np.array([0, 1, 0])})
    >>> dataset.select([2, 1]).arrays["label"].tolist()
    [0, 1]
    """

    arrays: Mapping[str, Any] = dataclasses.field(repr=False)
    classes: tuple[str, ...] = ()
    transform: Transform = compose()

    @property
    def fields(self) -> tuple[str, str]:
        name, target = self.arrays
        return name, target

    def __len__(self) -> int:
        return len(jax.tree.leaves(self.arrays)[0])

    def gather(self, indices: Any) -> Arrays:
        places = np.asarray(indices)
        places = places if places.size else places.astype(int)  # of [] NumPy makes floats
        # Entry by entry: over the whole dict JAX would sort the names, and the input comes first.
        return {
            name: jax.tree.map(lambda array: array[places], value)
            for name, value in self.arrays.items()
        }

    def select(self, indices: Any) -> "Memory":
        return dataclasses.replace(self, arrays=self.gather(indices))


def memory(
    source: Mapping[str, Any] | Dataset,
    classes: Sequence[str] | None = None,
    transform: Transform | None = None,
) -> Memory:
    """A dataset in memory, made from arrays, or from another dataset, which is decoded once.

    The first entry of a mapping is the input and the second the target, as in
    `memory({"image": images, "label": labels})`. An input of several arrays is a dict or a tuple of
    them: `memory({"x": {"tokens": ids, "mask": mask}, "label": labels})`. Labels, (N,) or of
    sequences (N, T), must be integers from 0, which index `classes`; the default names are "0",
    "1", ... Labels may be words, which become the classes, sorted, or booleans. A floating-point
    target is a number to predict, without classes. Raises DataError for lengths that differ, no
    samples, or a label that has no class.

    >>> images, labels = np.zeros((3, 32, 32, 3), np.uint8), np.array([0, 1, 1])
    >>> memory({"image": images, "label": labels}, ("cat", "dog")).class_to_idx
    {'cat': 0, 'dog': 1}
    """
    if isinstance(source, Mapping):
        arrays = {name: _as_arrays(value) for name, value in source.items()}
        _check_arrays(arrays)
        goal, labels = list(arrays.items())[1]
        if labels.dtype.kind == "b" and (classes is None or len(classes) == 2):
            arrays[goal] = labels = labels.astype(np.int32)
            classes = ("False", "True") if classes is None else classes
        if labels.dtype.kind in "USO":
            arrays[goal], classes = numbered_words(goal, labels, classes)
            labels = arrays[goal]
        arrays = {name: as_numbers(name, value) for name, value in arrays.items()}
        if classes is None and np.issubdtype(labels.dtype, np.integer):
            classes = _numbered(int(labels.max(initial=0)))
        _check_labels(labels, tuple(classes or ()))
        return Memory(arrays, tuple(classes or ()), transform or compose())
    if not hasattr(source, "gather"):
        raise DataError(
            f"memory: got a {type(source).__name__}; it takes a dataset, or a mapping of two "
            'arrays such as {"image": images, "label": labels}'
        )
    return Memory(
        source.gather(np.arange(len(source))),
        tuple(source.classes if classes is None else classes),
        transform or source.transform,
    )


def split(
    dataset: Dataset,
    fractions: Mapping[str, float],
    seed: int = 0,
    stratified: bool = False,
    *,
    shuffle: bool = True,
    groups: Any = None,
) -> dict[str, Any]:
    """Disjoint parts of a shuffled dataset, which together make up all of it.

    `fractions` name the parts and sum to 1, up to rounding; a part's size is the difference of the
    rounded ends, so that {"train": .6, "val": .2, "test": .2} of 1460 rows gives 876, 292 and 292.
    `stratified` gives every part its share of every class, up to whole samples, which may change
    sizes by a few; the largest part has a sample of each. Without `shuffle` samples keep their
    order, and the last ones are the last part: of what is ordered by time, the latest. `groups`
    (N,) says which samples belong together, as those of one patient, and stay in one part. Raises
    ConfigurationError for other fractions, or where there are no classes to stratify; DataError
    where a part would be empty.

    >>> dataset = memory({"x": np.arange(10.0)[:, None], "y": np.arange(10.0)})
    >>> {name: len(part) for name, part in split(dataset, {"train": 0.7, "test": 0.3}).items()}
    {'train': 7, 'test': 3}
    >>> rare = memory({"x": np.zeros((10, 1)), "label": np.arange(10) // 8})
    >>> halves = split(rare, {"a": 0.5, "b": 0.5}, stratified=True)
    >>> [np.bincount(half.arrays["label"]).tolist() for half in halves.values()]
    [[4, 1], [4, 1]]
    >>> later = split(dataset, {"train": 0.7, "test": 0.3}, shuffle=False)["test"]
    >>> later.arrays["y"].tolist()
    [7.0, 8.0, 9.0]
    """
    shares = shares_of("split", fractions)
    if stratified and (groups is not None or not shuffle):
        raise ConfigurationError(
            "split: stratified parts are drawn at random, sample by sample; leave `stratified` "
            "out, or groups and shuffle=False"
        )
    order = np.arange(len(dataset))
    if shuffle:
        order = np.random.default_rng(seed).permutation(len(dataset))
    if groups is not None:
        indices_of_parts = together(_groups(groups, len(dataset)), shares, order)
    elif stratified:
        indices_of_parts = divided(_labels(dataset), shares, order)
    else:
        ends = np.rint(np.cumsum(shares) * len(dataset)).astype(int)
        indices_of_parts = np.split(order, ends[:-1])
    parts = dict(zip(fractions, indices_of_parts, strict=True))
    for name, indices in parts.items():
        if len(indices) == 0:
            fix = "add samples, or give it a larger share"
            if groups is not None:
                fix = f"they are {len(np.unique(groups))} groups, each of which is in one part"
            if stratified and len(dataset) * shares.min() >= 1:
                fix = (
                    f"each is to have its share of {len(np.unique(_labels(dataset)))} classes; "
                    "stratified=False (--no-stratified) takes them as they come"
                )
            raise DataError(
                f"split: {len(dataset)} samples are too few; {name!r} would get none: {fix}"
            )
    return {name: dataset.select(indices) for name, indices in parts.items()}


def _groups(groups: Any, samples: int) -> np.ndarray:
    """The number of each sample's group."""
    found = np.asarray(groups)
    if found.shape != (samples,):
        raise DataError(f"split: groups is {found.shape}; it must be ({samples},), one per sample")
    return np.unique(found, return_inverse=True)[1]


def _labels(dataset: Any) -> np.ndarray:
    """The label of each sample; of images on disk, without reading them."""
    if isinstance(dataset, Memory):
        labels = dataset.arrays[dataset.fields[1]]
    elif hasattr(dataset, "labels"):
        labels = dataset.labels[getattr(dataset, "places", slice(None))]
    else:
        starts = range(0, len(dataset), BLOCK)
        places = (np.arange(start, min(start + BLOCK, len(dataset))) for start in starts)
        labels = np.concatenate([dataset.gather(block)[dataset.fields[1]] for block in places])
    labels = np.asarray(labels)
    if not dataset.classes or labels.ndim != 1:
        raise ConfigurationError(
            "split: stratified parts have shares of the classes, and this dataset has no class for "
            "each sample; leave `stratified` out"
        )
    return labels


def _as_arrays(value: Any) -> Any:
    """The value as an array, or as a dict or tuple of arrays."""
    if isinstance(value, Mapping):
        return {name: _as_arrays(part) for name, part in value.items()}
    if isinstance(value, tuple) and value and all(map(_is_part, value)):
        parts = [_as_arrays(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else tuple(parts)
    return np.asarray(value)


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping | tuple) or (hasattr(value, "dtype") and np.ndim(value) > 0)


def _check_arrays(arrays: Arrays) -> None:
    if len(arrays) != 2:
        raise DataError(f"memory: got {list(arrays)}; two entries are needed, input and target")
    target = list(arrays.values())[1]
    if not isinstance(target, np.ndarray):
        raise DataError(f"memory: the target is a {type(target).__name__}; it must be one array")
    sizes = {
        "".join([path[0].key, jax.tree_util.keystr(path[1:])]): len(leaf) if leaf.ndim else 0
        for path, leaf in jax.tree_util.tree_leaves_with_path(arrays)
    }
    if len(set(sizes.values())) != 1:
        raise DataError(
            f"memory: the arrays differ in length: {sizes}; they need one row per sample"
        )
    if not all(sizes.values()):
        raise DataError("memory: there are no samples")


def _numbered(last: int) -> list[str]:
    if last >= MOST_NUMBERED:
        raise DataError(
            f"memory: label {last} would make {last + 1} classes; number labels from 0, or give "
            "the names of the classes"
        )
    return [str(label) for label in range(last + 1)]


def _check_labels(labels: np.ndarray, classes: tuple[str, ...]) -> None:
    if not classes:
        if not np.issubdtype(labels.dtype, np.floating):
            raise DataError(f"memory: the target is {labels.dtype}; it must be integer or floating")
        return
    column = labels.ndim > 1 and labels.shape[-1] == 1  # of a table, and no sequences
    if column or labels.ndim < 1 or not np.issubdtype(labels.dtype, np.integer):
        raise DataError(
            f"memory: labels are {labels.shape} {labels.dtype}; they must be integers, (N,) or of "
            "sequences (N, T)"
        )
    wrong = np.argwhere((labels < 0) | (labels >= len(classes)))
    if len(wrong):
        place, label = ", ".join(map(str, wrong[0])), labels[tuple(wrong[0])]
        raise DataError(
            f"memory: label[{place}] is {label}; with {len(classes)} classes it must be "
            f"from 0 to {len(classes) - 1} ({len(wrong)} labels are not)"
        )
