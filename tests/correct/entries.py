"""What an entry is, and how its arguments are drawn: few shapes, any scale, zeros and ties."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

DIMS = (1, 2, 3, 5, 8)
SHAPES = [(), (1,), (2,), (5,), (8,), (1, 1), (1, 3), (3, 5), (8, 2), (2, 1, 3), (3, 2, 5), (1, 8)]


class Entry(NamedTuple):
    """A correct gradient: its name, what `explain` is given, and what draws the arguments."""

    name: str
    subject: Any
    draw: Callable[[np.random.Generator], tuple[Any, ...]]


def rule(forward, backward):
    """The `jax.custom_vjp` of forward(*arguments) -> out, kept and backward(kept, dout)."""

    @functools.wraps(forward)
    def function(*arguments):
        return forward(*arguments)[0]

    wired = jax.custom_vjp(function)
    wired.defvjp(forward, backward)
    return wired


def sizes(rng, count):
    """Sizes of axes: one of twelve choices, so that few programs are compiled."""
    chosen = np.random.default_rng([count, int(rng.integers(12))])
    return tuple(int(size) for size in chosen.choice(DIMS, count))


def of_any_shape(rng, least=0):
    """One of the shapes with this many axes or more."""
    fit = [shape for shape in SHAPES if len(shape) >= least]
    return fit[int(rng.integers(len(fit)))]


def scale(rng, low=-3.0, high=3.0):
    return 10 ** rng.uniform(low, high)


def real(rng, shape, low=-3.0, high=3.0):
    """Of any sign and scale, sometimes with zeros, sometimes with ties."""
    array = rng.normal(size=shape)
    special = rng.integers(8)
    if special == 0:
        array = np.round(array)
    elif special == 1:
        array = np.where(rng.uniform(size=shape) < 0.3, 0.0, array)
    return np.asarray(scale(rng, low, high) * array)


def positive(rng, shape, low=-3.0, high=3.0):
    return np.asarray(scale(rng, low, high) * np.exp(rng.normal(size=shape)))


def array(least=0, draw=real, low=-3.0, high=3.0):
    """Draws one array with this many axes or more."""
    return lambda rng: (draw(rng, of_any_shape(rng, least), low, high),)


def two(least=0, draw=real):
    """Draws two arrays of one shape, each of a scale of its own."""

    def drawn(rng):
        shape = of_any_shape(rng, least)
        return real(rng, shape), draw(rng, shape)

    return drawn
