"""Dividing samples among parts so that every part has its share of every class."""

from collections.abc import Mapping

import numpy as np

from fnet.errors import ConfigurationError


def shares_of(caller: str, fractions: Mapping[str, float]) -> np.ndarray:
    """The fractions as an array; ConfigurationError unless each is above 0, and their sum 1.

    >>> shares_of("split", {"train": 0.75, "test": 0.25}).tolist()
    [0.75, 0.25]
    """
    if not isinstance(fractions, Mapping):
        raise ConfigurationError(
            f"{caller}: fractions are {fractions!r}; name the parts: "
            '{"train": 0.6, "val": 0.2, "test": 0.2}'
        )
    shares = np.array(list(fractions.values()), np.float64)
    if not (shares > 0).all() or abs(shares.sum() - 1) > 1e-6:
        raise ConfigurationError(
            f"{caller}: fractions are {dict(fractions)}; each must be above 0, and their sum 1"
        )
    return shares


def divided(labels: np.ndarray, shares: np.ndarray, order: np.ndarray) -> list[np.ndarray]:
    """The indices of each part, in `order`: of class c, with n_c samples, n_c times its share.

    Whole numbers are found by largest remainder. What earlier classes owe to a part, since theirs
    were rounded, is added to its remainder, so that the sizes of parts are right too; and so is
    half a sample for a part that has none of the class. The largest part always has one.

    >>> parts = divided(np.array([0, 0, 0, 0, 0, 1]), np.array([0.5, 0.5]), np.arange(6))
    >>> [part.tolist() for part in parts]
    [[0, 1, 5], [2, 3, 4]]
    """
    owed = np.zeros(len(shares))
    part_of = np.empty(len(labels), int)
    classes, sizes = np.unique(labels, return_counts=True)
    for label in classes[np.argsort(sizes, kind="stable")]:  # large ones have room to pay
        members = order[labels[order] == label]
        counts = _seats(len(members), shares, owed)
        owed += len(members) * shares - counts
        part_of[members] = np.repeat(np.arange(len(shares)), counts)
    return [order[part_of[order] == part] for part in range(len(shares))]


def together(groups: np.ndarray, shares: np.ndarray, order: np.ndarray) -> list[np.ndarray]:
    """The indices of each part, in `order`: groups as they come in it, each in the part that has
    its middle. A part that has none has the last one of the part with most.

    >>> parts = together(np.array([0, 0, 0, 1, 1, 2]), np.array([0.5, 0.5]), np.arange(6))
    >>> [part.tolist() for part in parts]
    [[0, 1, 2], [3, 4, 5]]
    """
    _, first, place, sizes = np.unique(
        groups[order], return_index=True, return_inverse=True, return_counts=True
    )
    turn = np.argsort(first, kind="stable")
    middles = np.cumsum(sizes[turn]) - sizes[turn] / 2
    part_of = np.empty(len(sizes), int)
    part_of[turn] = np.searchsorted(np.cumsum(shares)[:-1] * len(order), middles)
    for part in range(len(shares)):
        most = np.bincount(part_of).argmax()
        if not (part_of == part).any() and (part_of == most).sum() > 1:
            part_of[turn[part_of[turn] == most][-1]] = part
    return [order[part_of[place] == part] for part in range(len(shares))]


def _seats(n: int, shares: np.ndarray, owed: np.ndarray) -> np.ndarray:
    """So many samples of one class for each part."""
    quota = n * shares
    counts = np.floor(quota + 1e-9).astype(int)  # 0.6 of 5 is 3, whatever the rounding
    largest = shares.argmax()
    counts[largest] = max(counts[largest], 1)
    claim = quota - counts + owed + 0.5 * (counts == 0)
    counts[np.argsort(-claim, kind="stable")[: n - counts.sum()]] += 1
    return counts
