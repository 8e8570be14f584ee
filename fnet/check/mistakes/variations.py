"""Gradients with mistakes: autodiff of a function, with some operations differentiated wrongly.

All variations of a function share one program, each behind a switch, since compiling dominates.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.mistakes.evidence import Evidence, Sample
from fnet.check.truth.arguments import filled
from fnet.check.truth.compiling import compiled
from fnet.check.truth.plain import Place, Step, bound, plainly

# Of an operation: the operands, and what is differentiated by them instead; None for nothing.
# Without operands it is the value itself that is another.
Places = Mapping[Place, tuple[tuple[int, ...], Callable[..., Any] | None]]


class Variation(NamedTuple):
    """The kind of a mistake, a sentence, and the changes by place."""

    kind: str
    words: str
    places: Places


def varied(
    evidence: Evidence, kind: str, variations: Callable[[Evidence], Iterable[Variation]], most: int
) -> "Varied":
    """The first variations of a kind, made once for all wrong gradients."""
    made = evidence.probe.made
    if kind not in made:
        made[kind] = Varied(evidence, list(itertools.islice(variations(evidence), most)))
    found: Varied = made[kind]
    return found


class Varied:
    """The gradients of a function with any of these variations."""

    def __init__(self, evidence: Evidence, variations: Sequence[Variation]) -> None:
        self.variations, self.number = variations, len(variations)
        self._at: dict[Place, list[tuple[int, tuple[int, ...], Any]]] = {}
        for number, variation in enumerate(variations):
            for place, (operands, instead) in variation.places.items():
                self._at.setdefault(place, []).append((number, operands, instead))
        probe = evidence.probe

        def gradient(open_ones: Any, floats: Any, dout: Any, at_hand: Any) -> Any:
            def through(step: Step, values: list[Any]) -> list[Any]:
                return self._through(open_ones, step, values, at_hand)

            out, vjp = jax.vjp(plainly(probe.plain, through), *floats)
            return vjp(filled(dout, out))

        self._gradient = compiled(gradient)

    def gradient(
        self, place: int, sample: Sample, chosen: Iterable[int], at_hand: Any = None
    ) -> np.ndarray:
        """A gradient with these variations, which may use values at hand."""
        open_ones = np.zeros(self.number, bool)
        open_ones[list(chosen)] = True
        found = self._gradient(open_ones, sample.floats, sample.dout, at_hand)
        return np.asarray(found[place])

    def _through(self, open_ones: Any, step: Step, values: list[Any], at_hand: Any) -> list[Any]:
        mine = self._at.get(step.place, [])
        kept = list(values)
        for number, operands, _ in mine:
            for operand in operands:
                kept[operand] = _unless(kept[operand], open_ones[number])
        found, *more = bound(step, kept)
        for number, operands, instead in mine:
            if instead is not None and not operands:
                found = jnp.where(open_ones[number], instead(*values).astype(found.dtype), found)
            elif instead is not None:
                only = [
                    value if operand in operands else jax.lax.stop_gradient(value)
                    for operand, value in enumerate(values)
                ]
                other = instead(*only) if at_hand is None else instead(at_hand, *only)
                found = _also(found, other.astype(found.dtype), open_ones[number])
        return [found, *more]


def _unless(value: Any, closed: Any) -> Any:
    """The value; without a gradient if the switch is on."""
    return jnp.where(closed, jax.lax.stop_gradient(value), value)


def _also(value: Any, other: Any, opened: Any) -> Any:
    """The value; with the gradient of the other too if the switch is on."""
    nothing = other - jax.lax.stop_gradient(other)
    return value + jnp.where(opened, nothing, jnp.zeros_like(nothing))
