"""Where a gradient is looked at: the point that was given, and unkind ones near it."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnet.check.arguments import Layout, is_float

Floats = tuple[np.ndarray, ...]


def unkind(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What is done to an array, and what it becomes."""
    yield "tiny {}", 1e-6 * array
    yield "huge {}", 1e3 * array
    yield "zero {}", 0 * array
    yield "{} of the other sign", -array
    yield "{} with ties", array.round()
    yield "{} far from zero", array + 1e3
    if array.ndim > 1 and len(array) > 1:
        yield "constant columns of {}", np.broadcast_to(array[:1], array.shape).copy()


def points(form: Layout, floats: Floats) -> Iterator[tuple[str, Floats]]:
    """Each unkind point, one argument changed at a time; two arrays of one pytree go together."""
    arguments = [name.split(".")[0].split("[")[0] for name in form.names]
    for argument in dict.fromkeys(arguments):
        mine = [place for place, name in enumerate(arguments) if name == argument]
        changed = [dict(unkind(floats[place])) for place in mine]
        for words in dict.fromkeys(word for found in changed for word in found):
            moved = list(floats)
            for place, found in zip(mine, changed, strict=True):
                moved[place] = found.get(words, moved[place])
            yield words.format(argument), tuple(moved)


def near(floats: Floats, rng: np.random.Generator) -> Floats:
    """A point near this one: away from a kink that this one may stand at."""
    return tuple(
        array * (1 + 0.05 * rng.normal(size=array.shape))
        + 0.01 * scale_of(array) * rng.normal(size=array.shape)
        for array in floats
    )


def rounded(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The array as it may be rounded otherwise: up to two units in the last place off."""
    with np.errstate(all="ignore"):
        moved: np.ndarray = array + np.spacing(np.abs(array)) * rng.integers(-2, 3, array.shape)
    return moved


def scale_of(array: np.ndarray) -> float:
    """The size of a typical entry; 1 where there is none."""
    size = np.abs(array[np.isfinite(array)])
    typical = float(np.median(size)) if size.size else 0.0
    return typical or float(size.max(initial=0)) or 1.0


def cotangent(out: Any, draw: Callable[[tuple[int, ...]], np.ndarray]) -> Any:
    """A cotangent of this output: None for what is not floating point."""
    return jax.tree.map(lambda y: draw(y.shape) if is_float(y) else None, out)


def cotangents(out: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Two random cotangents, and two that ask for one entry."""

    def one_entry(shape: tuple[int, ...]) -> np.ndarray:
        array = np.zeros(shape)
        if array.size:
            array.flat[int(rng.integers(array.size))] = 1.0
        return array

    for _ in range(2):
        yield cotangent(out, lambda shape: rng.normal(size=shape))
        yield cotangent(out, one_entry)
