"""Arrays by their paths, and which folder of them is which layer here."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from fnet.errors import ConfigurationError
from fnet.interop.names import named

Shapes = Mapping[str, tuple[int, ...]]

DIRECTION = re.compile(r"(forward|backward)_(.*)")
NUMBERED = re.compile(r"(.*)_(\d+)")


def flattened(tree: Mapping[str, Any], beneath: str = "") -> Iterator[tuple[str, Any]]:
    """The leaves of a tree of mappings, by path; a name may be a path itself.

    >>> dict(flattened({"a": {"b": 1}, "c/d": 2}))
    {'a/b': 1, 'c/d': 2}
    """
    for name, node in tree.items():
        if not isinstance(name, str):
            raise ConfigurationError(f"weights: {name!r} is no name; arrays are named by strings")
        path = f"{beneath}/{name}" if beneath else name
        if isinstance(node, Mapping):
            yield from flattened(node, path)
        else:
            yield path, node


def joined(*parts: str) -> str:
    """One path of several, without those that are empty.

    >>> joined("", "query", "kernel")
    'query/kernel'
    """
    return "/".join(part for part in parts if part)


def beneath(folder: str, state: Mapping[str, np.ndarray]) -> dict[str, tuple[int, ...]]:
    """The shapes of the arrays in a folder, by their paths in it.

    >>> beneath("a", {"a/b": np.zeros(3), "c": np.zeros(2)})
    {'b': (3,)}
    """
    prefix = f"{folder}/" if folder else ""
    return {
        path.removeprefix(prefix): np.shape(array)
        for path, array in state.items()
        if path.startswith(prefix)
    }


def folders_of(
    wanted: Mapping[str, Shapes],
    state: Mapping[str, np.ndarray],
    names: Mapping[str, str] | Sequence[str] | None,
) -> dict[str, str]:
    """For each layer, by its name here, the folder that has its arrays.

    By `names` if there are; else those of the same name; else the only one with arrays of these
    names and shapes, and of several such layers by the numbers in the names. Raises
    ConfigurationError where that decides nothing.
    """
    if names is not None:
        return named(wanted, names)
    parts = [path.split("/") for path in state]
    folders = {"/".join(part[:end]) for part in parts for end in range(len(part))}
    within = {folder: beneath(folder, state) for folder in sorted(folders)}
    if all(within.get(name) == dict(shapes) for name, shapes in wanted.items()):
        return {name: name for name in wanted}
    found: dict[str, str] = {}
    for layer, shapes in wanted.items():
        if layer in found:
            continue
        alike = [name for name, others in wanted.items() if dict(others) == dict(shapes)]
        fits = [folder for folder in within if within[folder] == dict(shapes)]
        order = _by_number(fits)
        if len(alike) != len(fits) or order is None:
            raise ConfigurationError(_undecided(wanted, alike, fits, state))
        found |= dict(zip(alike, order, strict=True))
    return found


def _by_number(folders: list[str]) -> list[str] | None:
    """In the order in which they were made; None unless their names differ in numbers alone."""
    keys = {folder: [_numbered(part) for part in folder.split("/")] for folder in folders}
    stems = {tuple(stem for stem, *_ in key) for key in keys.values()}
    if len(stems) > 1:
        return None
    return sorted(folders, key=lambda folder: [number for _, *number in keys[folder]])


def _numbered(part: str) -> tuple[str, int, int]:
    """The stem of a name, its number, and whether it is a backward direction.

    Layers of Keras are dense, dense_1, ...; both directions of a layer have one number.
    """
    match = DIRECTION.fullmatch(part)
    way, part = (match[1] == "backward", match[2]) if match else (False, part)
    match = NUMBERED.fullmatch(part)
    return (match[1], int(match[2]), way) if match else (part, 0, way)


def _undecided(
    wanted: Mapping[str, Shapes],
    alike: list[str],
    fits: list[str],
    state: Mapping[str, np.ndarray],
) -> str:
    arrays = ", ".join(f"{path} {shape}" for path, shape in wanted[alike[0]].items())
    given = "\n".join(f"  {path} {np.shape(array)}" for path, array in state.items())
    if len(fits) > len(alike) or (fits and len(fits) == len(alike)):
        return (
            f"{_listed(alike)} may be any of {_listed(sorted(fits))}: give names=(...), the folder "
            f"of each layer with weights, in this order: {_listed(list(wanted))}"
        )
    return (
        f"{_listed(alike)} here: no {'such ' if fits else ''}place for each among the weights, "
        f"which must have {arrays} in one folder; the weights are\n{given}\nCheck that the layers "
        "are the same, with the same biases"
    )


def _listed(names: list[str]) -> str:
    return ", ".join(repr(name) for name in names)
