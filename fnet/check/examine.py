"""The examination: which checks run, in which order, and how failures become findings."""

import contextlib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from fnet.check import thresholds
from fnet.check.cases import cases_of
from fnet.check.checks import (
    determinism,
    directions,
    elsewhere,
    masking,
    parity,
    precision,
    shapes,
    structure,
)
from fnet.check.checks.clock import Clock, OutOfTime
from fnet.check.checks.outcome import Outcome
from fnet.check.checks.points import cotangent
from fnet.check.checks.probe import Probe
from fnet.check.draft import Draft
from fnet.check.finding import finding_of
from fnet.check.mistakes.diagnosis import once
from fnet.check.report import Finding, Report, merge
from fnet.check.subjects.subject import Case
from fnet.check.truth.functions import name_of
from fnet.core import Loss, expect
from fnet.errors import ConfigurationError, GradientMismatch

DEPTHS = ("full", "quick")
STOPPED = "stopped after"  # so begins the note of what was not examined in time


class Options(NamedTuple):
    """How a case is examined."""

    quick: bool
    domain: Any
    rtol: float
    clock: Clock


def check_gradients(subject: Any, *arguments: Any, **options: Any) -> Report:
    """`explain`, raising `GradientMismatch` with the report if anything is wrong.

    The options are those of `explain`.

    >>> from fnet.layers import relu
    >>> check_gradients(relu(), (7,)).right
    True
    """
    report = explain(subject, *arguments, **options)
    if not report.right:
        raise GradientMismatch(report)
    return report


def explain(
    subject: Any,
    *arguments: Any,
    reference: Callable[..., Any] | None = None,
    key: Any = None,
    batch_size: int = 3,
    seed: int = 0,
    depth: str = "full",
    constants: Any = (),
    of: str = "gradient",
    domain: Mapping[str, Any] | Any = None,
    at: Sequence[tuple[Any, ...]] = (),
    rtol: float = 0.0,
    limit: float = thresholds.LIMIT,
) -> Report:
    """Compare hand-written gradients with autodiff and finite differences, and explain mistakes.

    `subject`, and the arguments that follow it:

        a Layer                          the shape of one example, or a tree of shapes; integers
                                         are `ints`, probabilities `uniform` (fnet.core.examples)
        a Loss                           y, target, and optionally `where`
        forward, backward                the arguments of forward; also as Pair(forward, backward)
        f, derivative                    their arguments; slopes, a gradient or a Jacobian
        ValueAndGrad(function)           the arguments of function; also bare, where it returns
                                         (value, gradients), (gradients, value) or (out, backprop)
        an object                        the arguments of its `forward`; its parameters are found
        any JAX function                 its arguments; meant for `jax.custom_vjp`

    Floating-point arrays are differentiated, and Python numbers for which a Pair or ValueAndGrad
    returns a gradient; integers, booleans and keys are constants, and parameters inside
    `NonTrainable` must have a zero gradient. All computation is in float64, enabled only here.
    Autodiff differentiates `reference(*arguments)`, a plain function with the same output; by
    default, the subject itself with every custom rule removed.

    `constants` are arguments that are not differentiated, by name or position: a loss of (w, X, y)
    that returns (loss, dw) has constants=("X", "y"). Where a gradient is None, none is claimed.
    With of="hessian", a Hessian or its product with a vector is compared with a gradient.

    A layer is examined without a key, as it is used, and again with one, as it is trained, if that
    changes what it computes. `key` and `batch_size` are for layers; the default key is drawn from
    `seed`.

    Right or wrong is decided at the given arguments, and near them: shapes and dtypes; determinism
    and caches; every entry against autodiff; directions and entries against finite differences,
    which also detect a forward pass that hides something from autodiff; linearity, jit, vmap and
    independence of rows; precision in float32 and bfloat16, relative to autodiff's. Entries of the
    output that are not finite are left out. Then come extreme points that keep what the arguments
    show: signs, the unit interval, rows that sum to one, symmetry, the order of scalars. There,
    only what is certain counts: the function is finite, autodiff and differences agree with each
    other far better than with the gradient, and it becomes wrong abruptly on the way from the given
    point. It is reported as "right where you asked; wrong at …", with the point.

        domain       where the function is meant to be called, for all arguments or as a dict by
                     name: "real", "positive", "nonnegative", "negative", "probability", "simplex",
                     "symmetric", "positive definite"; (low, high), where None is unbounded; a list
                     of arrays; a function of a `numpy.random.Generator` that draws one
        at           a list of further tuples of arguments, each examined as the given ones are
        rtol         the relative precision of the function, where it is less than float64's: of a
                     solver with a tolerance, say
        limit        seconds; what is examined by then is the report, and a note says what is not.
                     Ctrl-C ends it too. A loop of JAX is cut off after 100,000 steps

    depth="quick": shapes and dtypes, autodiff at three points, one direction of differences,
    linearity. What it finds is diagnosed in full. `fnet.plots.gradient_errors(report)` draws the
    errors.

    Raises `ConfigurationError` for what cannot be checked (nothing unchecked is reported as right),
    and whatever the functions raise at the arguments given.
    Source of the differences: Ridders, Accurate computation of F'(x) and F'(x)F''(x) (1982).

    >>> from fnet.check import ValueAndGrad
    >>> finding = explain(ValueAndGrad(lambda w: (w @ w, -2 * w)), np.arange(5.0)).findings[0]
    >>> finding.leaf, finding.kind, finding.wrong, finding.total
    ('dw', 'sign', 4, 5)
    """
    expect.require_whole("seed", seed, least=0)
    expect.require_number("rtol", rtol, least=0)
    expect.require_number("limit", limit, above=0)
    if depth not in DEPTHS:
        raise ConfigurationError(f"depth is {depth!r}, and not one of {DEPTHS}")
    rng, quick = np.random.default_rng(seed), depth == "quick"
    clock = Clock(limit)
    options = Options(quick, domain, rtol, clock)
    made: list[Draft] = []
    with _own_settings():
        try:
            with clock.watching():
                for words, given in _given(arguments, at):
                    for case in cases_of(
                        subject, given, reference, key, batch_size, rng, quick, constants, of
                    ):
                        case = case._replace(words=", ".join(filter(None, (words, case.words))))
                        made.append(Draft(case.subject.name, case.subject.note))
                        _examine_or_say(case, rng, options, made[-1])
                        if made[-1].findings:
                            return merge([draft.report() for draft in made])
        except OutOfTime:
            _require_compared(subject, made, limit)
            left = ", ".join(made[-1].left)
            made[-1].sentences.append(f"{STOPPED} {limit:g} s: not examined: {left}")
    return merge([draft.report() for draft in made])


def _given(arguments: tuple[Any, ...], at: Sequence[Any]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    """The arguments to examine, each with words for where they stand."""
    if arguments or not at:
        yield "", arguments
    for number, more in enumerate(at):
        yield f"at[{number}]", more if isinstance(more, tuple) else (more,)


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    """The settings of JAX and NumPy that an examination needs, whatever its caller's are."""
    config: Any = jax.config
    filtering = config.jax_traceback_filtering
    # A function of NumPy is traced in vain several times; to shorten an error's traceback takes
    # longer than all the rest of it.
    config.update("jax_traceback_filtering", "off")
    try:
        with (
            jax.enable_x64(True),
            jax.debug_nans(False),
            jax.debug_infs(False),
            jax.disable_jit(False),
            jax.numpy_rank_promotion("allow"),
            np.errstate(all="ignore"),
        ):
            yield
    finally:
        config.update("jax_traceback_filtering", filtering)


def _require_compared(subject: Any, made: list[Draft], limit: float) -> None:
    """Raise if the time was over before anything was compared: that must not count as right."""
    if not any(draft.entries or draft.findings for draft in made):
        who = made[-1].subject if made else name_of(subject)
        raise ConfigurationError(
            f"{who}: nothing could be compared within {limit:g} s; give smaller arrays, or a "
            "larger limit=, in seconds"
        ) from None


def _examine_or_say(case: Case, rng: np.random.Generator, options: Options, draft: Draft) -> None:
    try:
        _examine(case, rng, options, draft)
    except jax.errors.UnexpectedTracerError:
        draft.findings.append(determinism.KEPT)
    except jax.errors.JAXTypeError as error:
        draft.findings.append(structure.untraced(error))


def _examine(case: Case, rng: np.random.Generator, options: Options, draft: Draft) -> None:
    """Everything that is examined of a case: the given point first, those of our own last."""
    subject, in_full = case.subject, case.in_full and not options.quick
    draft.left = ["the given point"]
    probe = Probe(subject, case.arguments, options.domain, options.rtol, options.clock)
    dout = cotangent(probe.out, lambda shape: rng.normal(size=shape))
    if draft.found(shapes.shapes(probe, dout, draft.sentences.append)) or draft.found(
        shapes.untrained(probe, dout)
    ):
        return
    if in_full:
        honest = draft.found(determinism.honest(probe, dout))
        if any(finding.kind in determinism.UNRELIABLE for finding in honest):
            return  # nothing it computes can be trusted
    if probe.coarse:
        draft.sentences.append(
            "its values are rounded to float32, and so have few digits to compare"
        )
    if not probe.autodiff:
        draft.sentences.append(f"compared with differences alone: {probe.plain_fails}")
    stages = list(_stages(probe, dout, in_full, options.quick))
    draft.left = [words for words, _ in stages]
    for _, look in stages:
        outcome = look(rng)
        if isinstance(outcome, Outcome):
            compared = draft.entries > 0
            draft.add(outcome)
            if outcome.wrong:
                options.clock.explain()
                compiled = structure.compiled_otherwise(probe, dout)
                found = (finding_of(probe, one, case, rng, compared) for one in outcome.wrong)
                draft.found([compiled] if compiled else once(found))
        else:
            draft.found(outcome)
        if draft.findings:
            return
        draft.left.pop(0)


Stage = Callable[[np.random.Generator], Outcome | Iterator[Finding]]


def _stages(probe: Probe, dout: Any, in_full: bool, quick: bool) -> Iterator[tuple[str, Stage]]:
    """What is compared, in this order, each with words for it."""
    look = parity.elsewhere if probe.autodiff else directions.elsewhere
    if probe.autodiff:
        yield "the given point", functools.partial(parity.at_given, probe, quick=quick)
    if quick:
        yield "directions", functools.partial(directions.in_one_direction, probe)
    elif in_full:
        yield "differences", functools.partial(directions.against_differences, probe)
    ruled = probe.subject.ruled  # else autodiff would only be compared with itself elsewhere
    everywhere = ruled and (probe.autodiff or in_full)
    if everywhere:
        yield "a point near by", functools.partial(elsewhere.near_by, look, probe)
    if in_full or quick:
        yield "linearity", lambda rng: structure.laws(probe, dout, quick)
    if in_full and isinstance(probe.subject.of[0], Loss):
        yield "rows that do not count", functools.partial(masking.unmarked, probe)
    if ruled and in_full:
        yield "precision", lambda rng: precision.narrow(probe, rng)
    if everywhere:
        yield "the stated domain", functools.partial(elsewhere.in_domain, look, probe)
        yield "extreme points", functools.partial(elsewhere.under_stress, look, probe, quick=quick)
