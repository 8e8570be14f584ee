"""A wrong gradient with its context, against which explanations are tested."""

import functools
import itertools
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check.checks.evaluator import Arrays
from fnet.check.checks.points import Floats
from fnet.check.checks.probe import Probe
from fnet.check.truth.arguments import is_float
from fnet.check.truth.compare import compare
from fnet.check.truth.eager import at_once
from fnet.check.truth.plain import Step, plainly, steps

RTOL, ATOL = 1e-6, 1e-8  # of an explanation's prediction
ROUGH = 1e-3  # where the expected gradient comes from differences
LONG = 3000  # operations: longer functions are not varied

Change = Callable[[np.ndarray], np.ndarray]
Predict = Callable[["Sample"], np.ndarray | None]
Name = tuple[str, Any]  # the number of an argument, or the place of an operation


class Explanation(NamedTuple):
    """The kind of a mistake, and a sentence about this instance."""

    kind: str
    words: str


Explanations = Iterator[Explanation]


class Sample(NamedTuple):
    """A point and a cotangent, with all actual and expected gradients."""

    floats: Floats
    dout: Any
    actual: Arrays
    expected: Arrays


class Evidence:
    """Samples of one wrong gradient; the first is where it was noticed."""

    def __init__(self, probe: Probe, route: str, place: int, samples: list[Sample]) -> None:
        self.probe, self.route, self.place, self.samples = probe, route, place, samples
        self.leaf = f"d{probe.form.names[place]}"

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """(actual, expected) of a sample."""
        sample = self.samples[number]
        return sample.actual[self.place], sample.expected[self.place]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the gradient."""
        return self[0][1].shape

    @property
    def batch_size(self) -> int | None:
        """The number of examples: the first axis of the output."""
        out = [leaf for leaf in jax.tree.leaves(self.probe.out) if is_float(leaf)]
        inputs = [array.shape[0] for array in self.probe.start if array.ndim]
        leading = [leaf.shape[0] for leaf in out if leaf.ndim] or inputs
        return leading[0] if leading else None

    @property
    def rtol(self) -> float:
        """The relative tolerance of a prediction."""
        return max(RTOL, min(0.03, 2e3 * self.probe.epsilon)) if self.probe.autodiff else ROUGH

    @property
    def atol(self) -> float:
        """The absolute tolerance of a prediction, relative to the largest entry."""
        return max(ATOL, min(0.03, 64 * self.probe.epsilon)) if self.probe.autodiff else ROUGH

    def same(self, found: np.ndarray | None, wanted: np.ndarray) -> bool:
        """Whether a prediction equals the actual gradient."""
        if found is None or found.shape != wanted.shape:
            return False
        size = float(np.abs(wanted).max(initial=0, where=np.isfinite(wanted)))
        with np.errstate(all="ignore"):
            near = np.abs(found - wanted) <= self.rtol * np.abs(wanted) + self.atol * size
        return bool(np.all(near | (found == wanted)))

    def fits(self, predict: Predict) -> bool:
        """Whether it predicts the actual gradient in every sample."""
        for sample in self.samples:
            try:
                found = predict(sample)
            except Exception:  # it cannot predict here
                return False
            if found is None or not self.same(np.asarray(found), sample.actual[self.place]):
                return False
        return True

    def is_expected(self, change: Change, place: int | None = None) -> bool:
        """Whether it is the expected gradient, or that of another argument, transformed so."""
        which = self.place if place is None else place
        return self.fits(lambda sample: change(sample.expected[which]))

    def is_of_dout(self, change: Change) -> bool:
        """Whether it is dout, transformed so."""

        def predict(sample: Sample) -> np.ndarray | None:
            dout = self.dout(sample)
            return None if dout is None else change(dout)

        return self.fits(predict)

    def is_for_dout(self, change: Change) -> bool:
        """Whether it is the expected gradient for dout transformed so."""

        def predict(sample: Sample) -> np.ndarray | None:
            dout = self.dout(sample)
            return None if dout is None else self.elsewhere(sample, self.like(sample, change(dout)))

        return self.fits(predict)

    def wrong(self) -> np.ndarray:
        """The entries that are wrong in the first sample."""
        actual, expected = self[0]
        return compare(actual, expected, self.probe.epsilon).wrong

    def like(self, sample: Sample, dout: np.ndarray) -> Any:
        """A cotangent with the structure of the sample's, of one array."""
        return jax.tree.unflatten(jax.tree.structure(sample.dout), [dout])

    def dout(self, sample: Sample) -> np.ndarray | None:
        """The cotangent if it is one array."""
        leaves = jax.tree.leaves(sample.dout)
        return np.asarray(leaves[0]) if len(leaves) == 1 else None

    def out(self, sample: Sample) -> np.ndarray | None:
        """The output if it is one array."""
        found = jax.tree.leaves(self.probe.output(sample.floats))
        return np.asarray(found[0]) if len(found) == 1 else None

    def arrays(self, sample: Sample) -> dict[str, np.ndarray]:
        """The available arrays by name: arguments, dout, out."""
        found = dict(zip(self.probe.form.names, sample.floats, strict=True))
        dout, out = self.dout(sample), self.out(sample)
        if dout is not None:
            found["dout"] = dout
        if out is not None:
            found["out"] = out
        return found

    def elsewhere(
        self, sample: Sample, dout: Any = None, **changed: np.ndarray
    ) -> np.ndarray | None:
        """The expected gradient with another cotangent, or with arguments replaced by name."""
        names = self.probe.form.names
        floats = tuple(
            changed.get(name, array) for name, array in zip(names, sample.floats, strict=True)
        )
        return self.probe.expected(floats, sample.dout if dout is None else dout)[self.place]

    @property
    def steps(self) -> list[list[Step]]:
        """The operations, grouped by name and line, so that a loop's are one."""
        if "operations" not in self.probe.made:
            self.probe.made["operations"] = self._steps()
        known: list[list[Step]] = self.probe.made["operations"]
        return known

    def _steps(self) -> list[list[Step]]:
        if not self.probe.autodiff:
            return []
        all_of_them = steps(self.probe.plain, self.samples[0].floats)
        found: dict[tuple[str, str], list[Step]] = {}
        for step in all_of_them if len(all_of_them) <= LONG else ():
            found.setdefault((step.eqn.primitive.name, step.words()), []).append(step)
        return list(found.values())

    @property
    def names(self) -> dict[Name, tuple[str, tuple[int, ...]]]:
        """Description and shape of every value of the forward pass; of a loop's, the last."""
        found: dict[Name, tuple[str, tuple[int, ...]]] = {}
        for number, name in enumerate(self.probe.form.names):
            found["argument", number] = name, self.samples[0].floats[number].shape
        for *_, last in self.steps:
            out = last.eqn.outvars[0].aval
            if last.source and jnp.issubdtype(getattr(out, "dtype", jnp.int32), jnp.floating):
                found["step", last.place] = last.source, tuple(out.shape)
        return found

    @functools.cached_property
    def values(self) -> list[dict[Name, Any]]:
        """These values, and those of every round, in each sample."""
        return [self._values(sample) for sample in self.samples]

    def _values(self, sample: Sample) -> dict[Name, Any]:
        found: dict[Name, Any] = {("argument", n): array for n, array in enumerate(sample.floats)}
        places = {step.place for same in self.steps for step in same}

        def through(step: Step, operands: list[Any]) -> list[Any]:
            made = at_once(step, operands)
            if step.place in places and not isinstance(made[0], jax.core.Tracer):
                found["step", step.place] = np.asarray(made[0])
            return made

        if places:
            plainly(self.probe.plain, through)(*sample.floats)
        return found

    @functools.cached_property
    def constants(self) -> dict[float, str]:
        """Numbers that may be a factor, with their meaning: sizes and constant arguments."""
        found: dict[float, str] = {}
        arguments = self.probe.arguments(self.probe.start)
        for name, argument in zip(self.probe.subject.names, arguments, strict=True):
            if isinstance(argument, float):
                found |= {argument: name, 1 - argument: f"1 − {name}"}
        arrays = dict(zip(self.probe.form.names, self.probe.start, strict=True))
        out = jax.tree.leaves(self.probe.out)
        if len(out) == 1:
            arrays["the output"] = np.asarray(out[0])
        for name, array in arrays.items():
            found.setdefault(array.size, f"the number of entries of {name}")
            for axis, size in enumerate(array.shape):
                found[size] = f"the size of axis {axis} of {name}"
                if size**0.5 % 1:  # 2 is rarely meant as √4
                    found.setdefault(size**0.5, f"√{size}, of the size of axis {axis} of {name}")
        if self.batch_size:
            found[self.batch_size] = "the batch size"
        for name, array in reversed(arrays.items()):  # a mean is over the output, as a rule
            for number in range(2, array.ndim):
                for axes in itertools.combinations(range(array.ndim), number):
                    words = f"the size of axes {', '.join(map(str, axes))} of {name}"
                    found.setdefault(math.prod(array.shape[axis] for axis in axes), words)
        return {number: words for number, words in found.items() if number not in (0, 1)}
