"""The workbench of every check: what a gradient must be, by autodiff and by differences."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from fnet.check.looks.bench import Arrays, Bench
from fnet.check.looks.points import Floats, largest, parts, rounded, scale_of
from fnet.check.looks.programs import inner, of_route
from fnet.check.truth.arguments import beside, is_float
from fnet.check.truth.differences import ANYTHING, Interval, interval, slope, tabulated
from fnet.check.truth.rounding import rounded_otherwise

CLOSER = (1e-2, 1e-4, 1e-6)  # times the steps of differences, where these do not agree
SHARP, SHARP_ALONE = 1e-3, 1e-6  # of the value: how wide an interval may be that decides
NEAR = 2.0**-15  # of the size of an entry: beside it
PARTS = 200  # entries of a cotangent that are looked at one by one
EPSILON = 2.0**-52
ROUNDING = 8.0  # units of the last place that a value may be off by
ROUNDED = 3  # times a point is rounded otherwise

# What a step along a direction gives, and how far off that may be.
Line = tuple[Callable[[float], float], float]


class Workbench(Bench):
    """What every check does with a subject, differences of its values included."""

    _last: tuple[Floats, Any, list[Any]] | None = None  # a point, its output, others beside it

    def expected(self, floats: Floats, dout: Any) -> Arrays:
        """By autodiff of the plain function, or else by differences, entry by entry."""
        if self.together:
            return [np.asarray(leaf) for leaf in self.answers(floats, dout)[1]]
        if self.autodiff:
            found = self.programs["plain"](self.inputs(floats), dout)
            return [np.asarray(leaf) for leaf in found]
        return self.by_differences(floats, dout)

    def moves(self, route: str, floats: Floats, dout: Any) -> list[float]:
        """How far each gradient moves by this route ("plain" is autodiff's), where each operation
        is rounded otherwise; 0 where what it computes cannot be traced."""
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
            rounded = rounded_otherwise(program, arguments)
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

    def by_differences(self, floats: Floats, dout: Any) -> Arrays:
        """The gradient by differences, entry by entry; NaN where they could not tell."""
        found = []
        for place, array in enumerate(floats):
            gradient = np.zeros(array.shape)
            for index in np.ndindex(array.shape):
                direction, scale = self.one(floats, place, index)
                told = slope(*self._line(floats, dout, direction))
                gradient[index] = told.value / scale if np.isfinite(told.bar) else np.nan
            found.append(gradient)
        return found

    def finite_beside(self, floats: Floats, dout: Any, place: int, index: tuple[int, ...]) -> bool:
        """Whether it is a finite number a little to either side of this entry, or to both."""
        direction, _ = self.one(floats, place, index)
        beside = [self._values(floats, [dout], direction, step) for step in (-NEAR, NEAR)]
        return bool(np.isfinite(beside).any())

    def entry(
        self, floats: Floats, dout: Any, place: int, index: tuple[int, ...], value: float
    ) -> Interval:
        """Where this entry of the gradient lies, which is thought to be `value`."""
        lies = self._entry(floats, dout, place, index, value)
        if lies.has(value):
            return lies
        direction, scale = self.one(floats, place, index)
        if lies.decides(value) and self.stays(lies.scaled(scale), floats, dout, direction):
            return lies
        # One output at a time: beside large ones a small one is told in few digits; and where many
        # have a kink at once, each takes its own side of it.
        each = list(parts(dout))
        if len(each) > PARTS:
            return ANYTHING if lies.kink else lies
        found = self.sharpest(floats, each, place, index)
        low, high = (sum(getattr(one, side) for one in found) for side in ("low", "high"))
        whole = Interval(low, high, any(one.kink for one in found))
        return whole if lies.kink or high - low <= SHARP * abs(value) else lies

    def stays(
        self, lies: Interval, floats: Floats, dout: Any, direction: Sequence[np.ndarray]
    ) -> bool:
        """Whether the derivative lies there closer by, too: a function may bend within a step."""
        for closer in CLOSER:
            line, rounding = self._line(floats, dout, [closer * d for d in direction])
            near = interval(line, rounding, lies.low * closer).scaled(1 / closer)
            if near.low > lies.high or near.high < lies.low:
                return False
        return True

    def sharpest(
        self, floats: Floats, each: Sequence[Any], place: int, index: tuple[int, ...]
    ) -> list[Interval]:
        """Where this entry lies for each of these cotangents, from the distance that tells best."""
        direction, scale = self.one(floats, place, index)
        found = [
            [
                interval(*line, np.inf).scaled(1 / (closer * scale))
                for line in self._lines(floats, each, [closer * d for d in direction])
            ]
            for closer in (1.0, *CLOSER)
        ]
        return [min(told, key=lambda one: one.high - one.low) for told in zip(*found, strict=True)]

    def _entry(
        self, floats: Floats, dout: Any, place: int, index: tuple[int, ...], value: float
    ) -> Interval:
        direction, scale = self.one(floats, place, index)
        return self.along(floats, dout, direction, value * scale).scaled(1 / scale)

    def along(
        self, floats: Floats, dout: Any, direction: Sequence[np.ndarray], value: float
    ) -> Interval:
        """Where the derivative of ⟨dout, out⟩ in this direction lies."""
        lies = interval(*self._line(floats, dout, direction), value)
        if lies.low == lies.high == 0:  # 0 from end to end: what it was made of was rounded to that
            least = ROUNDING * EPSILON * self.reach(dout, direction)
            lies = Interval(-least, least, False)
        if lies.has(value):
            return lies
        # A function may bend in less than the least step: closer by, the truth is told sharply;
        # and very sharply it must be at the point given, where autodiff is not asked either.
        alone = floats is self.start and not self.autodiff
        sharp = (SHARP_ALONE if alone else SHARP) * max(abs(value), lies.size)
        for closer in CLOSER:
            line, rounding = self._line(floats, dout, [closer * d for d in direction])
            near = interval(line, rounding, value * closer).scaled(1 / closer)
            wider = near.low <= lies.low and lies.high <= near.high  # and so it says nothing new
            if near.has(value) and near.high - near.low <= sharp and not wider:
                return near
        return lies

    def natural(self, floats: Floats, dout: Any) -> list[float]:
        """Of what size each gradient is, where its terms do not cancel: of dout times out over x.

        It is what rounding is measured by where they do, and the gradient is nothing else.
        """
        out = self.output(floats)
        pairs = zip(beside(dout, out), jax.tree.leaves(out), strict=True)
        sizes = [
            float(np.abs(d * np.where(d == 0, 0.0, y)).max(initial=0))
            for d, y in pairs
            if d is not None
        ]
        # The output may have cancelled too; how it moves does not cancel.
        size = max(*sizes, self.noise(floats, dout)[1] / EPSILON)
        return [size / scale_of(array) if np.isfinite(size) else 0.0 for array in floats]

    def reach(self, dout: Any, direction: Sequence[np.ndarray]) -> float:
        """How far a way goes, seen through dout: what an identity would change by along it."""
        return largest(dout) * float(sum(np.abs(d).sum() for d in direction))

    def one(self, floats: Floats, place: int, index: tuple[int, ...]) -> tuple[Arrays, float]:
        """The direction of one entry, and how long it is."""
        array = floats[place]
        scale = max(abs(float(array[index])), scale_of(array)) if np.isfinite(array[index]) else 1.0
        direction = [np.zeros(a.shape) for a in floats]
        direction[place][index] = scale
        return direction, scale

    def _line(self, floats: Floats, dout: Any, direction: Sequence[np.ndarray]) -> Line:
        """⟨dout, out⟩ along a direction, and how far off a value of it may be."""
        return self._lines(floats, [dout], direction)[0]

    def _lines(
        self, floats: Floats, each: Sequence[Any], direction: Sequence[np.ndarray]
    ) -> list[Line]:
        """That of each of these cotangents; a function of NumPy is called once for all."""

        def compiled(dout: Any, steps: np.ndarray) -> np.ndarray:
            inputs = self.inputs(floats)
            return np.asarray(self.programs["line"](inputs, dout, list(direction), steps))

        def rounding(dout: Any) -> float:
            size, moved = self.noise(floats, dout)
            return ROUNDING * max(size * max(self.epsilon, EPSILON), moved)

        if self.subject.traceable and not self.together:
            return [(tabulated(functools.partial(compiled, d)), rounding(d)) for d in each]
        values = functools.cache(functools.partial(self._values, floats, each, direction))

        def line(number: int, step: float) -> float:
            return values(step)[number]

        return [(functools.partial(line, number), rounding(d)) for number, d in enumerate(each)]

    def noise(self, floats: Floats, dout: Any) -> tuple[float, float]:
        """⟨|dout|, |out|⟩, and how far ⟨dout, out⟩ moves when the point is rounded otherwise."""
        if self._last is None or self._last[0] is not floats:
            self._last = floats, self.output(floats), self._rounded(floats)
        _, out, others = self._last
        here = float(inner(dout, out, np))
        away = np.abs([float(inner(dout, other, np)) - here for other in others])
        size = float(inner(_absolute(dout), _absolute(out), np))
        return size, float(away.max(initial=0.0, where=np.isfinite(away)))

    def _rounded(self, floats: Floats) -> list[Any]:
        """The outputs where the point is rounded otherwise; none where the function refuses it."""
        rng = np.random.default_rng(0)
        points = [tuple(rounded(array, rng) for array in floats) for _ in range(ROUNDED)]
        try:
            return [*map(self.output, points)]
        except Exception:  # a function need not take what is beside its arguments
            return []

    def _values(
        self, floats: Floats, each: Sequence[Any], direction: Sequence[Any], step: float
    ) -> list[float]:
        moved = tuple(a + step * d for a, d in zip(floats, direction, strict=True))
        try:
            out = self.output(moved)
            return [float(inner(dout, out, np)) for dout in each]
        except Exception:  # a function need not take what is beside its arguments
            return [np.nan] * len(each)


def _absolute(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: np.abs(leaf) if is_float(leaf) else leaf, tree)
