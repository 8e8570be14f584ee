"""The points at which gradients are compared: the given one, and extreme ones."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import numpy as np

from fnet.check import thresholds
from fnet.check.truth.arguments import Layout, beside, is_float
from fnet.check.truth.domain import REALS, Domain, argument_of
from fnet.errors import ConfigurationError

Floats = tuple[np.ndarray, ...]
PLAIN = "plain input"  # the given arguments
NEAR_BY = "near by"


def extreme(array: np.ndarray, domain: Domain = REALS) -> Iterator[tuple[str, np.ndarray]]:
    """Descriptions of extreme variants of an array that stay in its domain, with the variants."""
    if domain.linear and not domain.simplex:  # scaled, a matrix stays symmetric
        step = scale_of(array)
        yield "tiny {}", thresholds.TINY_FACTOR * array
        yield "ten times {}", thresholds.TENFOLD * array
        yield "huge {}", thresholds.HUGE_FACTOR * array
        if not domain.definite:
            yield "zero {}", np.zeros(array.shape)
            yield "{} of the other sign", -array
            yield "{} with ties", step * (array / step).round()
        return
    for words, variant in _extreme(array):
        moved = domain.into(variant) if domain.simplex else variant
        if domain.has(moved):
            yield words, moved


def _extreme(array: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    yield "tiny {}", thresholds.TINY_FACTOR * array
    yield "ten times {}", thresholds.TENFOLD * array
    yield "huge {}", thresholds.HUGE_FACTOR * array
    yield "zero {}", np.zeros(array.shape)
    yield "{} of the other sign", -array
    yield "{} with ties", array.round()
    yield "{} far from zero", array + thresholds.FAR
    powers = np.linspace(-thresholds.DECADES, thresholds.DECADES, array.size)
    yield "{} of many sizes", array * 10 ** powers.reshape(array.shape)
    if array.ndim > 1 and len(array) > 1:
        yield "constant columns of {}", np.broadcast_to(array[:1], array.shape).copy()


def points(form: Layout, floats: Floats, domains: Sequence[Domain]) -> Iterator[tuple[str, Floats]]:
    """Extreme points, one argument changed at a time; arrays of one pytree change together.

    A point whose arguments are ordered otherwise than the given ones is left out: a lower bound
    must not exceed its upper bound."""
    arguments = [*map(argument_of, form.names)]
    for argument in dict.fromkeys(arguments):
        mine = [place for place, name in enumerate(arguments) if name == argument]
        changed = [dict(extreme(floats[place], domains[place])) for place in mine]
        for words in dict.fromkeys(word for found in changed for word in found):
            moved = list(floats)
            for place, found in zip(mine, changed, strict=True):
                moved[place] = found.get(words, moved[place])
            if _in_order(floats, moved):
                yield words.format(argument), tuple(moved)


def stated(
    form: Layout, floats: Floats, domains: Sequence[Domain], rng: np.random.Generator
) -> Iterator[tuple[str, Floats]]:
    """The points that a domain lists, and some of those that it draws, one array at a time."""
    for place, domain in enumerate(domains):
        drawn = [domain.sample(rng) for _ in range(thresholds.DRAWN)] if domain.sample else []
        for number, array in enumerate([*domain.points, *drawn], 1):
            if np.shape(array) != floats[place].shape:
                raise ConfigurationError(
                    f"the domain of {form.names[place]} holds an array of {np.shape(array)}; "
                    f"the argument is {floats[place].shape}"
                )
            new = np.asarray(array, np.float64)
            moved = tuple(new if at == place else a for at, a in enumerate(floats))
            yield f"point {number} of the domain of {form.names[place]}", moved


def few(form: Layout, floats: Floats, domains: Sequence[Domain]) -> Iterator[tuple[str, Floats]]:
    """One point that is extreme in most ways: of many sizes."""
    last = argument_of(form.names[-1])
    places = [place for place, name in enumerate(form.names) if argument_of(name) == last]
    words = "{} of many sizes"
    moved = tuple(
        dict(extreme(array, domains[place])).get(words, array) if place in places else array
        for place, array in enumerate(floats)
    )
    yield words.format(last), moved


def _in_order(given: Sequence[np.ndarray], moved: Sequence[np.ndarray]) -> bool:
    """Whether each scalar that was below another argument, or above it, still is."""
    for a, b in itertools.permutations(range(len(given)), 2):
        if given[a].size == 1 and given[b].size:
            below = (given[a] < given[b]).all() and not (moved[a] <= moved[b]).all()
            above = (given[a] > given[b]).all() and not (moved[a] >= moved[b]).all()
            if below or above:
                return False
    return True


def near(
    floats: Floats, rng: np.random.Generator, domains: Sequence[Domain], radius: float
) -> Floats:
    """A random point near this one and in its domain, away from any kink at it."""
    return tuple(
        _near(array, rng, domain, radius) for array, domain in zip(floats, domains, strict=True)
    )


def _near(array: np.ndarray, rng: np.random.Generator, domain: Domain, radius: float) -> np.ndarray:
    moved = array * (1 + radius * rng.normal(size=array.shape))
    added = thresholds.RADIUS_ADDED * radius * scale_of(array) * rng.normal(size=array.shape)
    if domain.low == 0 or domain.high == 0:  # zeros are on the edge, and stay
        added = np.where(array == 0, 0, np.clip(added, -np.abs(moved) / 2, np.abs(moved) / 2))
    found: np.ndarray = domain.into(moved + added)
    return found


def rounded(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The array perturbed by up to two units in the last place; zeros stay."""
    with np.errstate(all="ignore"):
        unit = np.where(array == 0, 0, np.spacing(np.abs(array)))
        units = rng.integers(-thresholds.PERTURBATION, thresholds.PERTURBATION + 1, array.shape)
        moved: np.ndarray = array + unit * units
    return moved


def scale_of(array: np.ndarray) -> float:
    """The magnitude of a typical entry; 1 where there is none."""
    size = np.abs(array[np.isfinite(array)])
    typical = float(np.median(size)) if size.size else 0.0
    return typical or float(size.max(initial=0)) or 1.0


def cotangent(out: Any, draw: Callable[[tuple[int, ...]], np.ndarray]) -> Any:
    """A cotangent of this output: None where it is not floating point, 0 where it is not finite."""

    def of(y: Any) -> Any:
        if not is_float(y):
            return None
        finite = np.isfinite(np.asarray(y).astype(np.float64))
        return draw(y.shape) if finite.all() else np.where(finite, draw(y.shape), 0.0)

    return jax.tree.map(of, out)


def largest(dout: Any) -> float:
    """The largest magnitude in a cotangent."""
    return float(max((np.abs(leaf).max(initial=0) for leaf in jax.tree.leaves(dout)), default=0))


def parts(dout: Any) -> Iterator[Any]:
    """The cotangents with a single nonzero entry that this one is the sum of."""
    leaves, tree = jax.tree.flatten(dout)
    for number, leaf in enumerate(leaves):
        for index in map(tuple, np.argwhere(leaf)):
            one = [np.zeros(np.shape(other)) for other in leaves]
            one[number][index] = np.asarray(leaf)[index]
            yield jax.tree.unflatten(tree, one)


def cotangents(out: Any, rng: np.random.Generator) -> Iterator[Any]:
    """Random cotangents, some of one entry or one array, and one that gives small outputs as much
    weight as large ones. For a scalar, the first is 1."""

    def one_entry(shape: tuple[int, ...]) -> np.ndarray:
        array = np.zeros(shape)
        if array.size:
            array.flat[int(rng.integers(array.size))] = 1.0
        return array

    def balanced(y: np.ndarray) -> np.ndarray:
        size = np.abs(np.asarray(y, np.float64))
        with np.errstate(all="ignore"):  # an output of 0 has no size, and may be rounded to that
            weight = 1 / np.clip(np.where(size == 0, 1.0, size), 1e-15, 1e15)
        return np.where(np.isfinite(size), weight * rng.normal(size=y.shape), 0.0)

    leaves, tree = jax.tree.flatten(out)
    floats = [number for number, leaf in enumerate(leaves) if is_float(leaf)]
    if not any(np.ndim(leaves[number]) for number in floats):
        yield cotangent(out, np.ones)
    for _ in range(thresholds.COTANGENTS):
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
