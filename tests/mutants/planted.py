"""What a planted mistake is, and where its numbers come from."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Built = tuple[Any, tuple[Any, ...]]


class Mutant(NamedTuple):
    """A wrong gradient: what `explain` is called with, and the kinds that name it rightly."""

    name: str
    build: Callable[[], Built]
    kinds: frozenset[str]


def mutant(name: str, kinds: str, subject: Callable[[], Any], *arguments: Any) -> Mutant:
    """`kinds` are separated by slashes: descriptions of this mistake that say the same."""
    return Mutant(name, lambda: (subject(), arguments), frozenset(kinds.split("/")))


def normal(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng([seed, *shape]).normal(size=shape)


def plainly(function):
    """The arguments as arrays of NumPy, which refuses JAX's tracers."""

    @functools.wraps(function)
    def forward(*arguments):
        return function(*(a if isinstance(a, float) else np.asarray(a) for a in arguments))

    return forward


def put(array, place, value):
    found = array.copy()
    found[place] = value
    return found
