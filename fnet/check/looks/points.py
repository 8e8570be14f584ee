"""Where a gradient is looked at: the point that was given, and unkind ones near it."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnet.check.truth.arguments import Layout, beside, is_float

Floats = tuple[np.ndarray, ...]
PLAIN = "plain input"  # the arguments that were given


def unkind(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What is done to an array, and what it becomes."""
    yield "tiny {}", 1e-6 * array
    yield "ten times {}", 10 * array
    yield "huge {}", 1e3 * array
    yield "zero {}", 0 * array
    yield "{} of the other sign", -array
    yield "{} with ties", array.round()
    yield "{} far from zero", array + 1e3
    yield "{} of many sizes", array * 10 ** np.linspace(-3, 3, array.size).reshape(array.shape)
    if array.ndim > 1 and len(array) > 1:
        yield "constant columns of {}", np.broadcast_to(array[:1], array.shape).copy()


def points(form: Layout, floats: Floats, rng: np.random.Generator) -> Iterator[tuple[str, Floats]]:
    """A point near by, where nothing is special, and unkind ones, one argument changed at a time;
    two arrays of one pytree go together."""
    yield "near by", near(floats, rng)
    arguments = [*map(argument_of, form.names)]
    for argument in dict.fromkeys(arguments):
        mine = [place for place, name in enumerate(arguments) if name == argument]
        changed = [dict(unkind(floats[place])) for place in mine]
        for words in dict.fromkeys(word for found in changed for word in found):
            moved = list(floats)
            for place, found in zip(mine, changed, strict=True):
                moved[place] = found.get(words, moved[place])
            yield words.format(argument), tuple(moved)


def few(form: Layout, floats: Floats, rng: np.random.Generator) -> Iterator[tuple[str, Floats]]:
    """A point near by, and the one that is unkind in most ways: the last argument of many sizes."""
    yield "near by", near(floats, rng)
    last = argument_of(form.names[-1])
    places = [place for place, name in enumerate(form.names) if argument_of(name) == last]
    words = "{} of many sizes"
    moved = tuple(
        dict(unkind(array))[words] if place in places else array
        for place, array in enumerate(floats)
    )
    yield words.format(last), moved


def argument_of(name: str) -> str:
    """The argument that an array of this name is a part of: params, of params.w or params[0]."""
    return name.split(".")[0].split("[")[0]


def near(floats: Floats, rng: np.random.Generator) -> Floats:
    """A point near this one: away from a kink that this one may stand at."""
    return tuple(
        array * (1 + 0.05 * rng.normal(size=array.shape))
        + 0.01 * scale_of(array) * rng.normal(size=array.shape)
        for array in floats
    )


def rounded(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The array as it may be rounded otherwise: up to two units in the last place off; 0 is 0."""
    with np.errstate(all="ignore"):
        unit = np.where(array == 0, 0, np.spacing(np.abs(array)))
        moved: np.ndarray = array + unit * rng.integers(-2, 3, array.shape)
    return moved


def scale_of(array: np.ndarray) -> float:
    """The size of a typical entry; 1 where there is none."""
    size = np.abs(array[np.isfinite(array)])
    typical = float(np.median(size)) if size.size else 0.0
    return typical or float(size.max(initial=0)) or 1.0


def cotangent(out: Any, draw: Callable[[tuple[int, ...]], np.ndarray]) -> Any:
    """A cotangent of this output: None for what is not floating point, 0 for what is no number."""

    def of(y: Any) -> Any:
        if not is_float(y):
            return None
        finite = np.isfinite(np.asarray(y).astype(np.float64))
        return draw(y.shape) if finite.all() else np.where(finite, draw(y.shape), 0.0)

    return jax.tree.map(of, out)


def largest(dout: Any) -> float:
    """The largest entry of a cotangent, its sign left out."""
    return float(max((np.abs(leaf).max(initial=0) for leaf in jax.tree.leaves(dout)), default=0))


def parts(dout: Any) -> Iterator[Any]:
    """The cotangents of one entry each that this one is the sum of."""
    leaves, tree = jax.tree.flatten(dout)
    for number, leaf in enumerate(leaves):
        for index in map(tuple, np.argwhere(leaf)):
            one = [np.zeros(np.shape(other)) for other in leaves]
            one[number][index] = np.asarray(leaf)[index]
            yield jax.tree.unflatten(tree, one)


def cotangents(out: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Random cotangents, some that ask for one entry or for one array, and one that weighs small
    outputs as it does large ones. The first of a number is 1."""

    def one_entry(shape: tuple[int, ...]) -> np.ndarray:
        array = np.zeros(shape)
        if array.size:
            array.flat[int(rng.integers(array.size))] = 1.0
        return array

    def balanced(y: np.ndarray) -> np.ndarray:
        size = np.abs(np.asarray(y, np.float64))
        with np.errstate(all="ignore"):
            weight = 1 / np.clip(size, 1e-30, 1e30)
        return np.where(np.isfinite(size), weight * rng.normal(size=y.shape), 0.0)

    leaves, tree = jax.tree.flatten(out)
    floats = [number for number, leaf in enumerate(leaves) if is_float(leaf)]
    if not any(np.ndim(leaves[number]) for number in floats):
        yield cotangent(out, np.ones)
    for _ in range(2):
        yield cotangent(out, lambda shape: rng.normal(size=shape))
        yield cotangent(out, one_entry)
    yield jax.tree.map(lambda y: balanced(y) if is_float(y) else None, out)
    for alone in floats if len(floats) > 1 else ():
        whole = cotangent(out, lambda shape: rng.normal(size=shape))
        kept = [
            d if number == alone or d is None else np.zeros_like(d)
            for number, d in enumerate(beside(whole, out))
        ]
        yield jax.tree.unflatten(tree, kept)
