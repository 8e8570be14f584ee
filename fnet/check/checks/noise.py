"""How far rounding error moves the values of a subject, and its gradients."""

import functools
from typing import Any

import jax
import numpy as np

from fnet.check import thresholds
from fnet.check.checks.evaluator import Evaluator
from fnet.check.checks.points import Floats, rounded
from fnet.check.checks.programs import inner, of_route
from fnet.check.truth.arguments import is_float
from fnet.check.truth.rounding import Rounded, rounded_otherwise


class Noise(Evaluator):
    """An evaluator that knows how precise its values are."""

    # A point, its output, and those at copies that are perturbed in one array, or in all (None).
    _last: tuple[Floats, Any, dict[int | None, list[Any]]] | None = None

    @functools.cached_property
    def _perturbed(self) -> dict[str, Rounded]:
        return {}

    def moves(self, route: str, floats: Floats, dout: Any) -> list[float]:
        """How far each gradient by this route ("plain" is autodiff's) moves when every operation is
        perturbed by rounding error; 0 where it cannot be traced."""
        arguments = self.inputs(floats), dout
        moved = [0.0] * len(floats)
        if not self.autodiff:
            return moved
        program = self.programs[route]
        if not self.subject.traceable and route != "plain":
            if self.subject.lifted is None:
                return moved
            program = of_route(self.subject.lifted, self.form)
        try:
            expected = [np.asarray(leaf) for leaf in program(*arguments)]
            if route not in self._perturbed:
                self._perturbed[route] = rounded_otherwise(program, arguments)
            rounded = self._perturbed[route](jax.tree.leaves(arguments))
        except Exception:
            if self.subject.traceable or route == "plain":
                raise
            return moved  # it cannot be lifted
        for found in rounded:
            for place, (a, b) in enumerate(zip(found, expected, strict=True)):
                with np.errstate(all="ignore"):
                    away = np.abs(a - b)
                moved[place] = max(
                    moved[place], float(away.max(initial=0, where=np.isfinite(away)))
                )
        return moved

    def noise(self, floats: Floats, dout: Any, place: int | None = None) -> tuple[float, float]:
        """⟨|dout|, |out|⟩, and how far rounding the point moves ⟨dout, out⟩.

        Where that is much of it, the point is on a jump, of one argument perhaps: then, if a place
        is given, it is how far rounding that array alone moves it."""
        if self._last is None or self._last[0] is not floats:
            self._last = floats, self.output(floats), {}
        out = self._last[1]
        size = float(inner(_absolute(dout), _absolute(out), np))
        moved = self._moved(dout, None)
        if place is not None and len(floats) > 1 and moved > thresholds.UNDETERMINED * size:
            moved = self._moved(dout, place)
        return size, moved

    def _moved(self, dout: Any, place: int | None) -> float:
        assert self._last is not None
        floats, out, outputs = self._last
        if place not in outputs:
            outputs[place] = self._rounded(floats, place)
        here = float(inner(dout, out, np))
        away = np.abs([float(inner(dout, other, np)) - here for other in outputs[place]])
        return float(away.max(initial=0.0, where=np.isfinite(away)))

    def _rounded(self, floats: Floats, place: int | None) -> list[Any]:
        """The outputs at perturbed copies of the point; none where the function rejects them."""
        rng = np.random.default_rng(0)
        points = [
            tuple(
                rounded(array, rng) if place in (None, at) else array
                for at, array in enumerate(floats)
            )
            for _ in range(thresholds.PERTURBED)
        ]
        try:
            return [*map(self.output, points)]
        except Exception:  # the function may reject neighbouring points
            return []


def _absolute(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: np.abs(leaf) if is_float(leaf) else leaf, tree)
