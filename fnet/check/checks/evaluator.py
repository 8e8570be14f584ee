"""A subject at given arguments: its values, and its gradients by hand and by autodiff."""

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from fnet.check import thresholds
from fnet.check.checks.clock import Clock
from fnet.check.checks.points import Floats, cotangent
from fnet.check.checks.program_cache import kept, traces
from fnet.check.checks.programs import known, leaves_of, rebuilt
from fnet.check.subjects.subject import Subject
from fnet.check.truth.arguments import (
    Layout,
    cast,
    constant,
    copied,
    is_float,
    is_known,
    layout,
    on_device,
    real,
)
from fnet.check.truth.domain import REALS, domains_of
from fnet.check.truth.plain import narrowest
from fnet.errors import ConfigurationError

Arrays = list[np.ndarray]


class Evaluator:
    """Evaluates a subject at points, which are float64 NumPy arrays in leaf order."""

    _last_answers: tuple[Floats, Any, Any] | None = None  # point, cotangent, results
    coarse = False  # whether the values have few digits, whatever their dtype

    def __init__(
        self,
        subject: Subject,
        arguments: tuple[Any, ...],
        domain: Any = None,
        rtol: float = 0.0,
        clock: Clock | None = None,
    ) -> None:
        """Of a subject at these arguments; `domain` and `rtol` as in `explain`."""
        self.clock = clock or Clock(np.inf)
        self.subject = subject
        self.made: dict[str, Any] = {}  # what explanations share
        self.form: Layout = layout(arguments, subject.names, subject.name, subject.constants)
        self.start: Floats = tuple(
            np.asarray(self.form.leaves[place]).astype(np.float64) for place in self.form.places
        )
        others = [place for place, leaf in enumerate(self.form.leaves) if is_known(leaf)]
        others = [place for place in others if place not in self.form.places]
        self.others = constant((self.form.leaves[place] for place in others), numpy=False)
        self.others_called = tuple(self.form.called[place] for place in others)
        self.frozen = tuple(place in self.form.frozen for place in others)
        self.rtol = rtol
        self.plain_fails = ""
        like = self._abstract() if subject.traceable else known(self._forward(self.start))
        self.traces = traces(subject, self.form, self.inputs(self.start), ones(like))
        self.programs = kept(subject, self.form, self.traces)
        self.combined = self._combined(like) if subject.traceable else ""
        self.out = self.output(self.start) if subject.traceable else like
        self._require_numbers()
        domain = REALS if domain is None and subject.anywhere else domain
        self.domains = domains_of(self.form.names, self.start, domain)
        self.epsilon = self._epsilon()

    def _forward(self, floats: Floats) -> Any:
        return self.subject.forward(*self.arguments(floats))

    def _abstract(self) -> Any:
        """Arrays like those of the output, without computing it."""
        like = jax.eval_shape(
            lambda inputs: self.subject.forward(*rebuilt(self.form, inputs)),
            self.inputs(self.start),
        )
        return jax.tree.map(
            lambda y: (
                y if jnp.issubdtype(y.dtype, jax.dtypes.extended) else np.ones(y.shape, y.dtype)
            ),
            like,
        )

    def _combined(self, like: Any) -> str:
        """The program that computes everything at a point, one instead of many, since compiling
        dominates: "together", or without autodiff "by hand"; "" where separate ones are needed."""
        for name in ("together", "by hand"):
            try:
                self.answers(self.start, ones(like), name)
            except Exception as error:  # of any kind: separate programs raise it again
                self.plain_fails = self.plain_fails or _said(error)
                continue
            return name
        return ""

    def traced_anew(self, *names: str) -> list[tuple[str, str]]:
        """What these functions compute, as digests of new traces."""
        made = traces(self.subject, self.form, self.inputs(self.start), ones(self.out), names)
        return [made[name].digest for name in names]

    def answers(self, floats: Floats, dout: Any = None, program: str = "") -> Any:
        """Output, gradient by autodiff and by each route; cached for the last point."""
        last = self._last_answers
        if last is None or last[0] is not floats or (dout is not None and last[1] is not dout):
            dout = ones(self.out) if dout is None else dout
            inputs = self.inputs(floats)
            last = floats, dout, self.programs[program or self.combined](inputs, dout)
            self._last_answers = last
        return last[2]

    def _require_numbers(self) -> None:
        """Raise ConfigurationError where nothing can be compared, which must not count as right."""
        who = self.subject.name
        for name, array in zip(self.form.names, self.start, strict=True):
            bad = int((~np.isfinite(array)).sum())
            if bad:
                raise ConfigurationError(
                    f"{who}: {bad} of {array.size} entries of {name} are not finite; give "
                    "finite numbers, and bind an array of infinities by functools.partial"
                )
        if not any(array.size for array in self.start):
            shapes = ", ".join(
                f"{name} {a.shape}" for name, a in zip(self.form.names, self.start, strict=True)
            )
            raise ConfigurationError(f"{who}: there is nothing to differentiate by: {shapes}")
        out = [leaf for leaf in jax.tree.leaves(self.out) if is_float(leaf)]
        if not any(np.size(leaf) for leaf in out):
            kinds = [f"{leaf.dtype} {leaf.shape}" for leaf in jax.tree.leaves(self.out)]
            raise ConfigurationError(
                f"{who}: the output is {', '.join(kinds) or 'nothing'}; it must hold "
                "floating-point numbers"
            )
        if not any(np.isfinite(np.asarray(leaf, np.float64)).any() for leaf in out):
            raise ConfigurationError(
                f"{who}: no entry of the output is finite; give arguments for which one is"
            )

    def arguments(self, floats: Sequence[Any]) -> tuple[Any, ...]:
        """The arguments at this point: JAX arrays for a JAX function, else new NumPy arrays."""
        numpy = not self.subject.traceable
        return self.form.rebuild(cast(floats, numpy), constant(self.form.leaves, numpy))

    def gradients(
        self, route: str, floats: Floats, dout: Any, others: tuple[Any, ...] | None = None
    ) -> Arrays:
        """The hand-written gradients by this route, with other constants if JAX compiles it."""
        self.clock.check()
        if self.combined and others is None:
            found = self.answers(floats, dout)[2][route]
        elif self.subject.traceable:
            found = self.programs[route](self.inputs(floats, others), dout)
        else:
            arguments = self.arguments(floats)
            found = self.subject.routes[route](copied(dout), *arguments)
            found = leaves_of(found, self.form, floats)
        return [real(np.asarray(leaf)) for leaf in found]

    @functools.cached_property
    def autodiff(self) -> bool:
        """Whether autodiff can differentiate the plain function."""
        if self.combined:
            return self.combined == "together"
        if self.subject.plain is None:
            self.plain_fails = self.subject.unlifted or "it is not a JAX function"
            return False
        try:
            self.programs["plain"](self.inputs(self.start), ones(self.out))
        except Exception as error:  # of any kind: differences work for any function
            self.plain_fails = _said(error)
            return False
        return True

    def plain(self, *floats: Any) -> Any:
        """The function for autodiff, of the floating-point arrays alone."""
        assert self.subject.plain is not None
        return self.subject.plain(*rebuilt(self.form, (floats, self.others)))

    def finite(self, floats: Floats) -> bool:
        """Whether every entry of the output is finite here."""
        leaves = [leaf for leaf in jax.tree.leaves(self.output(floats)) if is_float(leaf)]
        return all(bool(np.isfinite(leaf).all()) for leaf in leaves)

    def output(self, floats: Floats) -> Any:
        """The output at this point, in NumPy arrays."""
        self.clock.check()
        if self.combined:
            found = self.answers(floats)[0]
        elif self.subject.traceable:
            found = self.programs["out"](self.inputs(floats))
        else:
            found = known(self._forward(floats))
        return jax.tree.map(lambda y: np.asarray(y) if is_float(y) else y, found)

    def inputs(
        self, floats: Any, others: tuple[Any, ...] | None = None
    ) -> tuple[Any, tuple[Any, ...]]:
        """The input of a compiled program for this point."""
        return tuple(floats), self.others if others is None else others

    def others_in(self, dtype: Any) -> tuple[Any, ...]:
        """The constants, with frozen parameters in this dtype."""
        pairs = zip(self.others, self.frozen, strict=True)
        return tuple(other.astype(dtype) if frozen else other for other, frozen in pairs)

    def _epsilon(self) -> float:
        out = [leaf.dtype for leaf in jax.tree.leaves(self.out) if is_float(leaf)]
        found = [float(jnp.finfo(dtype).eps) for dtype in out]
        own = [trace for name, trace in self.traces.items() if not name.startswith("route ")]
        found += [narrowest(trace.closed) for trace in own if trace.closed is not None]
        largest = max(found, default=0.0)
        if largest > thresholds.NARROW:
            return largest
        in_wide = largest <= thresholds.EPSILON and not self.subject.traceable
        self.coarse = in_wide and self._has_few_digits()
        return float(jnp.finfo(jnp.float32).eps) if self.coarse else 0.0

    def _has_few_digits(self) -> bool:
        """Whether the values are those of float32 in float64: beside the given point, too, where no
        other function's are."""
        rng = np.random.default_rng(0)
        shares = [thresholds.PROBING_STEP * rng.uniform(size=a.shape) for a in self.start]
        try:
            pairs = zip(self.start, shares, strict=True)
            out = self._forward(tuple(array * (1 - share) for array, share in pairs))
        except Exception:  # the function may reject neighbouring points
            return False
        leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(known(out)) if is_float(leaf)]
        rounded = all(np.array_equal(leaf, leaf.astype(np.float32)) for leaf in leaves)
        return rounded and any(np.any(leaf != np.rint(leaf)) for leaf in leaves)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {(str(error).splitlines() or ['no message'])[0]}"


def given(probe: Evaluator, dout: Any) -> Any:
    """A copy of the cotangent, as the subject takes it."""
    if probe.subject.traceable:
        return on_device(dout)
    return copied(dout)


def ones(out: Any) -> Any:
    """A cotangent of ones."""
    return cotangent(out, np.ones)
