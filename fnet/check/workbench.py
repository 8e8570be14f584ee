"""A subject at certain arguments: its gradients by hand, by autodiff and by differences."""

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.arguments import (
    Layout,
    Signature,
    cast,
    constant,
    filled,
    is_float,
    is_known,
    layout,
)
from fnet.check.differences import ANYTHING, Interval, interval, slope
from fnet.check.plain import narrowest
from fnet.check.points import Floats, cotangent, scale_of
from fnet.check.programs import compiled, inner, known, leaves_of, of_arrays, rebuilt
from fnet.check.subject import Subject

CLOSER = (1e-2, 1e-4, 1e-6)  # times the steps of differences, where these do not agree
NEAR = 2.0**-15  # of the size of an entry: beside it
PARTS = 200  # entries of a cotangent that are looked at one by one

Arrays = list[np.ndarray]
ROUNDING = 8.0  # units of the last place that a value may be off by


class Workbench:
    """What every check does with a subject. Points are float64 arrays of NumPy, in leaf order."""

    def __init__(self, subject: Subject, arguments: tuple[Any, ...]) -> None:
        self.subject = subject
        self.form: Layout = layout(arguments, subject.names, subject.name)
        self.start: Floats = tuple(
            np.asarray(self.form.leaves[place]).astype(np.float64) for place in self.form.places
        )
        self.others = tuple(
            leaf for leaf in self.form.leaves if is_known(leaf) and not is_float(leaf)
        )
        self.plain_fails = ""
        self.out = known(subject.forward(*self.arguments(self.start)))
        self.epsilon = self._epsilon()
        self.programs = compiled(subject, Signature(arguments))

    def arguments(self, floats: Sequence[Any], dtype: Any = np.float64) -> tuple[Any, ...]:
        """The arguments at this point: JAX's arrays for a function of JAX, else NumPy's, new."""
        numpy = not self.subject.traceable
        return self.form.rebuild(cast(floats, dtype, numpy), constant(self.form.leaves, numpy))

    def gradients(self, route: str, floats: Floats, dout: Any) -> Arrays:
        """By hand, by this route."""
        if self.subject.traceable:
            found = self.programs[route](self.inputs(floats), dout)
        else:
            arguments = self.arguments(floats)
            found = self.subject.routes[route](copied(dout), *arguments)
            found = leaves_of(found, self.form, floats)
        return [np.asarray(leaf) for leaf in found]

    @functools.cached_property
    def autodiff(self) -> bool:
        """Whether autodiff of the plain function can be asked."""
        if self.subject.plain is None:
            self.plain_fails = "it is not a function of JAX"
            return False
        try:
            self.programs["plain"](self.inputs(self.start), ones(self.out))
        except Exception as error:  # of whatever kind: differences can be asked of any function
            self.plain_fails = f"{type(error).__name__}: {str(error).splitlines()[0]}"
            return False
        return True

    def expected(self, floats: Floats, dout: Any) -> Arrays:
        """By autodiff of the plain function, or else by differences, entry by entry."""
        if self.autodiff:
            found = self.programs["plain"](self.inputs(floats), dout)
            return [np.asarray(leaf) for leaf in found]
        return self.by_differences(floats, dout)

    def plain(self, *floats: Any) -> Any:
        """The function that autodiff is asked about, of the floating-point arrays alone."""
        assert self.subject.plain is not None
        return self.subject.plain(*rebuilt(self.form, (floats, self.others)))

    def gradient_of(self, function: Callable[..., Any], floats: Floats, dout: Any) -> Arrays:
        """The gradient of some function of the floating-point arrays, by `jax.vjp`."""
        out, vjp = jax.vjp(function, *map(jnp.asarray, floats))
        return [np.asarray(leaf) for leaf in vjp(filled(dout, out))]

    def by_differences(self, floats: Floats, dout: Any) -> Arrays:
        """The gradient by differences, entry by entry; NaN where they could not tell."""
        found = []
        for place, array in enumerate(floats):
            gradient = np.zeros(array.shape)
            for index in np.ndindex(array.shape):
                direction, scale = self._one(floats, place, index)
                told = slope(*self._line(floats, dout, direction))
                gradient[index] = told.value / scale if np.isfinite(told.bar) else np.nan
            found.append(gradient)
        return found

    def finite(self, floats: Floats) -> bool:
        """Whether the function is a finite number here, in every entry."""
        leaves = [leaf for leaf in jax.tree.leaves(self.output(floats)) if is_float(leaf)]
        return all(bool(np.isfinite(leaf).all()) for leaf in leaves)

    def finite_beside(self, floats: Floats, dout: Any, place: int, index: tuple[int, ...]) -> bool:
        """Whether it is a finite number a little to either side of this entry, or to both."""
        direction, _ = self._one(floats, place, index)
        phi, _ = self._line(floats, dout, direction)
        return bool(np.isfinite([phi(-NEAR), phi(NEAR)]).any())

    def output(self, floats: Floats) -> Any:
        """What the function gives here, in arrays of NumPy."""
        if self.subject.traceable:
            found = self.programs["out"](self.inputs(floats))
        else:
            found = known(self.subject.forward(*self.arguments(floats)))
        return jax.tree.map(lambda y: np.asarray(y) if is_float(y) else y, found)

    def entry(
        self, floats: Floats, dout: Any, place: int, index: tuple[int, ...], value: float
    ) -> Interval:
        """Where this entry of the gradient lies, which is thought to be `value`."""
        lies = self._entry(floats, dout, place, index, value)
        if not lies.kink or lies.has(value):
            return lies
        # Where many outputs have a kink at once, each takes its own side of it.
        parts = list(_parts(dout))
        if len(parts) > PARTS:
            return ANYTHING
        found = [self._entry(floats, part, place, index, np.inf) for part in parts]
        low, high = (sum(getattr(one, side) for one in found) for side in ("low", "high"))
        return Interval(low, high, True)

    def _entry(
        self, floats: Floats, dout: Any, place: int, index: tuple[int, ...], value: float
    ) -> Interval:
        direction, scale = self._one(floats, place, index)
        return self.along(floats, dout, direction, value * scale).scaled(1 / scale)

    def along(
        self, floats: Floats, dout: Any, direction: Sequence[np.ndarray], value: float
    ) -> Interval:
        """Where the derivative of ⟨dout, out⟩ in this direction lies."""
        lies = interval(*self._line(floats, dout, direction), value)
        if lies.has(value):
            return lies
        # A function may bend in less than the least step: closer by, the truth is told sharply;
        # and very sharply it must be at the point given, where autodiff is not asked either.
        sharp = (1e-6 if floats is self.start and not self.autodiff else 1e-3) * abs(value)
        for closer in CLOSER:
            line, rounding = self._line(floats, dout, [closer * d for d in direction])
            near = interval(line, rounding, value * closer).scaled(1 / closer)
            if near.has(value) and near.high - near.low <= sharp:
                return near
        return lies

    def _one(self, floats: Floats, place: int, index: tuple[int, ...]) -> tuple[Arrays, float]:
        array = floats[place]
        scale = max(abs(float(array[index])), scale_of(array)) if np.isfinite(array[index]) else 1.0
        direction = [np.zeros(a.shape) for a in floats]
        direction[place][index] = scale
        return direction, scale

    def _line(
        self, floats: Floats, dout: Any, direction: Sequence[np.ndarray]
    ) -> tuple[Callable[[float], float], float]:
        """⟨dout, out⟩ along a direction, and how far off a value of it may be."""
        size = float(inner(_absolute(dout), _absolute(self.output(floats)), np))
        rounding = size * max(self.epsilon, 2.0**-52) * ROUNDING
        return functools.partial(self._value, floats, dout, direction), rounding

    def _value(self, floats: Floats, dout: Any, direction: Sequence[Any], step: float) -> float:
        if self.subject.traceable:
            return float(self.programs["value"](self.inputs(floats), dout, list(direction), step))
        moved = tuple(a + step * d for a, d in zip(floats, direction, strict=True))
        return float(inner(dout, self.output(moved), np))

    def inputs(self, floats: Any) -> tuple[Any, tuple[Any, ...]]:
        """What a compiled program takes for a point."""
        return tuple(floats), self.others

    def _epsilon(self) -> float:
        out = [leaf.dtype for leaf in jax.tree.leaves(self.out) if is_float(leaf)]
        found = [float(jnp.finfo(dtype).eps) for dtype in out]
        traced = [self.subject.forward] if self.subject.traceable else []
        for function in [*traced, self.subject.plain]:
            if function is not None:
                arguments = self.form.rebuild([jnp.asarray(array) for array in self.start])
                flat, tree = jax.tree.flatten(arguments)
                arrays = [leaf for leaf in flat if is_known(leaf)]
                found.append(narrowest(of_arrays(function, flat, tree), tuple(arrays)))
        largest = max(found, default=0.0)
        return largest if largest > 1e-15 else 0.0


def given(bench: Workbench, dout: Any) -> Any:
    """The cotangent as the subject takes it, in memory of its own."""
    if bench.subject.traceable:
        return jax.tree.map(jnp.asarray, dout)
    return copied(dout)


def ones(out: Any) -> Any:
    """A cotangent of ones."""
    return cotangent(out, np.ones)


def copied(tree: Any) -> Any:
    """The same arrays in other memory: what a function may write to."""
    return jax.tree.map(lambda leaf: np.array(leaf) if isinstance(leaf, np.ndarray) else leaf, tree)


def _parts(dout: Any) -> Iterator[Any]:
    """The cotangents of one entry each that this one is the sum of."""
    leaves, tree = jax.tree.flatten(dout)
    for number, leaf in enumerate(leaves):
        for index in map(tuple, np.argwhere(leaf)):
            one = [np.zeros(np.shape(other)) for other in leaves]
            one[number][index] = np.asarray(leaf)[index]
            yield jax.tree.unflatten(tree, one)


def _absolute(tree: Any) -> Any:
    return jax.tree.map(lambda leaf: np.abs(leaf) if is_float(leaf) else leaf, tree)
