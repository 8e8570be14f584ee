"""The expected gradients of a subject, by autodiff and by differences."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from fnet.check import thresholds
from fnet.check.checks.evaluator import Arrays
from fnet.check.checks.noise import Noise
from fnet.check.checks.points import Floats, largest, parts, scale_of
from fnet.check.checks.program_cache import has_loops, is_large
from fnet.check.checks.programs import inner
from fnet.check.truth.arguments import beside
from fnet.check.truth.differences import ANYTHING, Interval, interval, slope, tabulated

# A function of the step along a direction, and the error of its values.
Line = tuple[Callable[[float], float], float]


class Probe(Noise):
    """An evaluator that also takes differences of the values."""

    def expected(self, floats: Floats, dout: Any) -> Arrays:
        """The gradient by autodiff of the plain function, or else by differences."""
        if self.combined == "together":
            return [np.asarray(leaf) for leaf in self.answers(floats, dout)[1]]
        if self.autodiff:
            found = self.programs["plain"](self.inputs(floats), dout)
            return [np.asarray(leaf) for leaf in found]
        return self.by_differences(floats, dout)

    def by_differences(self, floats: Floats, dout: Any) -> Arrays:
        """The gradient by differences, entry by entry; NaN where undecided."""
        found = []
        for place, array in enumerate(floats):
            gradient = np.zeros(array.shape)
            for index in np.ndindex(array.shape):
                direction, scale = self.one(floats, place, index)
                derivative = slope(*self._line(floats, dout, direction))
                gradient[index] = (
                    derivative.value / scale if np.isfinite(derivative.bar) else np.nan
                )
            found.append(gradient)
        return found

    def finite_beside(self, floats: Floats, dout: Any, place: int, index: tuple[int, ...]) -> bool:
        """Whether it is finite on at least one side of this entry."""
        direction, _ = self.one(floats, place, index)
        steps = -thresholds.BESIDE, thresholds.BESIDE
        beside = [self._values(floats, [dout], direction, step) for step in steps]
        return bool(np.isfinite(beside).any())

    def steepens(self, floats: Floats, dout: Any, place: int, index: tuple[int, ...]) -> bool:
        """Whether the slope on a side of this entry grows without bound as the step shrinks."""
        direction, _ = self.one(floats, place, index)
        steps = np.outer((-1, 1), thresholds.SMALLER_STEPS)
        (here,) = self._values(floats, [dout], direction, 0.0)
        there = np.reshape(
            [self._values(floats, [dout], direction, step) for step in steps.flat], steps.shape
        )
        rises = np.abs(there - here)
        slopes = rises / np.abs(steps)
        steeper = (slopes[:, 1:] > thresholds.STEEPER * slopes[:, :-1]).all(axis=1)
        _, rounding = self._line(floats, dout, direction)
        return bool((steeper & (rises > rounding).all(axis=1)).any())

    def entry(
        self, floats: Floats, dout: Any, place: int, index: tuple[int, ...], value: float
    ) -> Interval:
        """Bounds of this entry of the gradient, claimed to be `value`."""
        lies = self._entry(floats, dout, place, index, value)
        if lies.has(value):
            return lies
        direction, scale = self.one(floats, place, index)
        if lies.decides(value) and self.stays(lies.scaled(scale), floats, dout, direction):
            return lies
        # One output at a time: next to large outputs a small one loses digits; and where several
        # have a kink at once, each has its own bounds.
        each = list(parts(dout))
        if len(each) > thresholds.PARTS:
            return ANYTHING if lies.kink else lies
        found = self.sharpest(floats, each, place, index)
        low, high = (sum(getattr(one, side) for one in found) for side in ("low", "high"))
        whole = Interval(low, high, any(one.kink for one in found))
        return whole if lies.kink or high - low <= thresholds.RESOLVED * abs(value) else lies

    def stays(
        self, lies: Interval, floats: Floats, dout: Any, direction: Sequence[np.ndarray]
    ) -> bool:
        """Whether smaller steps agree with the bounds: the function may bend within a step."""
        for closer in thresholds.SMALLER_STEPS:
            line, rounding = self._line(floats, dout, [closer * d for d in direction])
            near = interval(line, rounding, lies.low * closer).scaled(1 / closer)
            if near.low > lies.high or near.high < lies.low:
                return False
        return True

    def sharpest(
        self, floats: Floats, each: Sequence[Any], place: int, index: tuple[int, ...]
    ) -> list[Interval]:
        """Bounds of this entry for each cotangent, from the step size that gives the narrowest."""
        direction, scale = self.one(floats, place, index)
        found = [
            [
                interval(*line, np.inf).scaled(1 / (closer * scale))
                for line in self._lines(floats, each, [closer * d for d in direction])
            ]
            for closer in (1.0, *thresholds.SMALLER_STEPS)
        ]
        return [min(each, key=lambda one: one.high - one.low) for each in zip(*found, strict=True)]

    def _entry(
        self, floats: Floats, dout: Any, place: int, index: tuple[int, ...], value: float
    ) -> Interval:
        direction, scale = self.one(floats, place, index)
        return self.along(floats, dout, direction, value * scale).scaled(1 / scale)

    def along(
        self, floats: Floats, dout: Any, direction: Sequence[np.ndarray], value: float
    ) -> Interval:
        """Bounds of the derivative of ⟨dout, out⟩ in this direction."""
        lies = interval(*self._line(floats, dout, direction), value)
        if lies.low == lies.high == 0:  # exactly 0: differences vanished in rounding
            least = thresholds.ROUNDING * thresholds.EPSILON * self.reach(dout, direction)
            lies = Interval(-least, least, False)
        if lies.has(value):
            return lies
        # A function may bend within the least step: then smaller steps give narrow bounds; very
        # narrow ones are required at the given point where there is no autodiff.
        alone = floats is self.start and not self.autodiff
        share = thresholds.RESOLVED_ALONE if alone else thresholds.RESOLVED
        sharp = share * max(abs(value), lies.size)
        for closer in thresholds.SMALLER_STEPS:
            line, rounding = self._line(floats, dout, [closer * d for d in direction])
            near = interval(line, rounding, value * closer).scaled(1 / closer)
            wider = near.low <= lies.low and lies.high <= near.high  # no new information
            if near.has(value) and near.high - near.low <= sharp and not wider:
                return near
        return lies

    def natural(self, floats: Floats, dout: Any) -> list[float]:
        """The natural size of each gradient, dout · out / x: its size if its terms do not cancel.

        Where they do cancel, rounding error is relative to this size.
        """
        out = self.output(floats)
        pairs = zip(beside(dout, out), jax.tree.leaves(out), strict=True)
        sizes = [
            float(np.abs(d * np.where(d == 0, 0.0, y)).max(initial=0))
            for d, y in pairs
            if d is not None
        ]
        natural = []
        for place, array in enumerate(floats):
            # The output may cancel too; its rounding error does not.
            size = max(*sizes, self.noise(floats, dout, place)[1] / thresholds.EPSILON)
            natural.append(size / scale_of(array) if np.isfinite(size) else 0.0)
        return natural

    def reach(self, dout: Any, direction: Sequence[np.ndarray]) -> float:
        """The change of ⟨dout, out⟩ along a direction if the function were the identity."""
        return largest(dout) * float(sum(np.abs(d).sum() for d in direction))

    def one(self, floats: Floats, place: int, index: tuple[int, ...]) -> tuple[Arrays, float]:
        """The direction of one entry, and its length."""
        array = floats[place]
        scale = max(abs(float(array[index])), scale_of(array)) if np.isfinite(array[index]) else 1.0
        direction = [np.zeros(a.shape) for a in floats]
        direction[place][index] = scale
        return direction, scale

    def _line(self, floats: Floats, dout: Any, direction: Sequence[np.ndarray]) -> Line:
        """⟨dout, out⟩ along a direction, and the error of its values."""
        return self._lines(floats, [dout], direction)[0]

    def _lines(
        self, floats: Floats, each: Sequence[Any], direction: Sequence[np.ndarray]
    ) -> list[Line]:
        """The line of each cotangent; a NumPy function is called once for all of them."""

        def compiled(dout: Any, steps: np.ndarray) -> np.ndarray:
            inputs = self.inputs(floats)
            return np.asarray(self.programs["line"](inputs, dout, list(direction), steps))

        moving = [place for place, array in enumerate(direction) if array.any()]

        def rounding(dout: Any) -> float:
            size, moved = self.noise(floats, dout, moving[0] if len(moving) == 1 else None)
            return thresholds.ROUNDING * max(size * max(self.epsilon, thresholds.EPSILON), moved)

        if self.subject.traceable and (not self.combined or self._is_slow()):
            return [(tabulated(functools.partial(compiled, d)), rounding(d)) for d in each]
        values = functools.cache(functools.partial(self._values, floats, each, direction))

        def line(number: int, step: float) -> float:
            return values(step)[number]

        return [(functools.partial(line, number), rounding(d)) for number, d in enumerate(each)]

    def _is_slow(self) -> bool:
        """Whether a program of the values alone is worth compiling."""
        return is_large(self.form) or has_loops(self.traces)

    def _values(
        self, floats: Floats, each: Sequence[Any], direction: Sequence[Any], step: float
    ) -> list[float]:
        moved = tuple(a + step * d for a, d in zip(floats, direction, strict=True))
        try:
            out = self.output(moved)
            return [float(inner(dout, out, np)) for dout in each]
        except Exception:  # the function may reject neighbouring points
            return [np.nan] * len(each)
