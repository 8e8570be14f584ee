"""Axes in another order: reshaped where it must be transposed, tiled where it must be repeated."""

import functools
import itertools
import math
from collections.abc import Iterator
from typing import Any

from fnet.check.mistakes.formulas import Mistake, done
from fnet.check.truth.plain import Step

Shape = tuple[int, ...]


def transposed(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """By lax.transpose."""
    shape = step.eqn.outvars[0].aval.shape
    words = "it is reshaped where it must be transposed"
    yield Mistake("transposed", words, (0,), lambda x: x.reshape(shape))
    long = [axis for axis, size in enumerate(shape) if size > 1]
    for pair in itertools.combinations(long, 2):
        words = f"axes {pair[0]} and {pair[1]} are in the wrong order, in a reshape or a transpose"
        yield Mistake("transposed", words, (0,), functools.partial(_turned, step, pair))


def _turned(step: Step, pair: tuple[int, int], x: Any) -> Any:
    found = done(step, x)
    return found.swapaxes(*pair).reshape(found.shape)


def reshaped(step: Step, operands: list[int]) -> Iterator[Mistake]:
    """By lax.reshape: an axis that is split, or axes that are merged, in the other order."""
    had, shape = step.eqn.invars[0].aval.shape, step.eqn.outvars[0].aval.shape
    for kind, longer, shorter in (("split", shape, had), ("merged", had, shape)):
        groups = [group for group in _groups(longer, shorter) if len(group) > 1]
        for chosen in [groups, *([group] for group in groups if len(groups) > 1)] if groups else ():
            order = list(range(len(longer)))
            for group in chosen:
                order[group[0] : group[-1] + 1] = group[::-1]
            question = "is it tiled and not repeated, or reshaped and not transposed?"
            words = f"axes that are {kind} here are in the wrong order: {question}"
            other = functools.partial(_split if kind == "split" else _merged, order, shape)
            yield Mistake("transposed", words, (0,), other)


def _split(order: list[int], shape: Shape, x: Any) -> Any:
    return x.reshape([shape[axis] for axis in order]).transpose(order)  # it is its own inverse


def _merged(order: list[int], shape: Shape, x: Any) -> Any:
    return x.transpose(order).reshape(shape)


def _groups(longer: Shape, shorter: Shape) -> Iterator[list[int]]:
    """Axes of the longer shape that one axis of the shorter is made of; none if it is otherwise."""
    axis = 0
    for size in shorter:
        group: list[int] = []
        while axis < len(longer) and math.prod(longer[a] for a in group) < size:
            group.append(axis)
            axis += 1
        if math.prod(longer[a] for a in group) != size:
            return
        yield group
