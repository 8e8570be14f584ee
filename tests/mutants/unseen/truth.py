"""Differences of their own, which know nothing of the checker's: Richardson, from central ones."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from tests.mutants.unseen.form import Mistake


def gradients(mistake: Mistake, dout: np.ndarray) -> list[np.ndarray]:
    """The gradient of sum(dout · forward) for each argument."""
    arguments = [np.asarray(argument, float) for argument in mistake.arguments]

    def along(place: int, index: tuple[int, ...], step: float) -> float:
        moved = [argument.copy() for argument in arguments]
        moved[place][index] += step
        given = [float(each) if each.ndim == 0 else each for each in moved]
        return float(np.sum(dout * np.asarray(mistake.forward(*given))))

    found = []
    for place, argument in enumerate(arguments):
        gradient = np.empty_like(argument)
        for index in np.ndindex(argument.shape):
            gradient[index] = _richardson(lambda step: along(place, index, step))  # noqa: B023
        found.append(gradient)
    return found


def _richardson(along: Callable[[float], float]) -> float:
    steps = [2e-3 / 2**k for k in range(3)]
    column = [(along(step) - along(-step)) / (2 * step) for step in steps]
    for power in (4.0, 16.0):
        column = [b + (b - a) / (power - 1) for a, b in itertools.pairwise(column)]
    return column[0]


def computed(mistake: Mistake, backward: Callable[..., Any], dout: np.ndarray) -> list[np.ndarray]:
    """What a backward pass gives."""
    given = backward(*([dout] if mistake.takes_dout else []), *mistake.arguments)
    several = given if isinstance(given, tuple) else (given,)
    return [np.asarray(gradient, float) for gradient in several]


def error(mistake: Mistake, backward: Callable[..., Any]) -> float:
    """The largest error of any gradient, relative to the largest entry; infinite if misshapen."""
    out = np.asarray(mistake.forward(*mistake.arguments))
    dout = np.random.default_rng(0).normal(size=out.shape) if mistake.takes_dout else np.ones(())
    expected = gradients(mistake, dout)
    actual = computed(mistake, backward, dout)
    size = max(np.abs(gradient).max() for gradient in expected)
    if any(a.shape != e.shape for a, e in zip(actual, expected, strict=True)):
        return float("inf")
    worst = max(np.abs(a - e).max() for a, e in zip(actual, expected, strict=True))
    return float("inf") if np.isnan(worst) else float(worst / size)
