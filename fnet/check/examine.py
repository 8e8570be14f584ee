"""The examination: which checks run, in which order, and how failures become findings."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnet.check.cases import cases_of
from fnet.check.checks import determinism, directions, parity, precision, shapes, structure
from fnet.check.checks.points import PLAIN, cotangent, near
from fnet.check.checks.probe import Probe
from fnet.check.mistakes.diagnosis import diagnose
from fnet.check.mistakes.evidence import Evidence, Explanation, Sample
from fnet.check.pattern import pattern
from fnet.check.report import Finding, Report, merge
from fnet.check.subjects.subject import Case
from fnet.check.truth.compare import compare
from fnet.core import expect
from fnet.errors import ConfigurationError, GradientMismatch

DEPTHS = ("full", "quick")


def check_gradients(
    subject: Any,
    *arguments: Any,
    reference: Callable[..., Any] | None = None,
    key: Any = None,
    batch_size: int = 3,
    seed: int = 0,
    depth: str = "full",
    constants: Any = (),
    of: str = "gradient",
) -> Report:
    """`explain`, raising `GradientMismatch` with the report if anything is wrong.

    >>> from fnet.layers import relu
    >>> check_gradients(relu(), (7,)).right
    True
    """
    report = explain(
        subject,
        *arguments,
        reference=reference,
        key=key,
        batch_size=batch_size,
        seed=seed,
        depth=depth,
        constants=constants,
        of=of,
    )
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

    In order: shapes and dtypes; determinism and caches; every entry against autodiff, at the
    arguments, at a generic point nearby and at extreme ones; directions and entries against finite
    differences, which also detect a forward pass that hides something from autodiff; linearity,
    jit, vmap and independence of rows; precision in float32 and bfloat16, relative to autodiff's.
    Entries of the output that are not finite are left out. `fnet.plots.gradient_errors(report)`
    draws the errors.

    depth="quick" compiles one program where "full" compiles dozens: shapes and dtypes, autodiff at
    three points, one direction of differences, linearity. What it finds is diagnosed in full.

    Raises `ConfigurationError` for what cannot be checked (nothing unchecked is reported as right),
    and whatever the functions raise at the arguments given.
    Source of the differences: Ridders, Accurate computation of F'(x) and F'(x)F''(x) (1982).

    >>> from fnet.check import ValueAndGrad
    >>> finding = explain(ValueAndGrad(lambda w: (w @ w, -2 * w)), np.arange(5.0)).findings[0]
    >>> finding.leaf, finding.kind, finding.wrong, finding.total
    ('dw', 'sign', 4, 5)
    """
    expect.require_whole("seed", seed, least=0)
    if depth not in DEPTHS:
        raise ConfigurationError(f"depth is {depth!r}, and not one of {DEPTHS}")
    rng, quick = np.random.default_rng(seed), depth == "quick"
    with jax.enable_x64(True), np.errstate(all="ignore"):
        reports: list[Report] = []
        for case in cases_of(
            subject, arguments, reference, key, batch_size, rng, quick, constants, of
        ):
            name = case.subject.name
            try:
                reports.append(_examine(case, rng, quick))
            except jax.errors.UnexpectedTracerError:
                reports.append(Report(name, 0, 0.0, (determinism.KEPT,)))
            except jax.errors.JAXTypeError as error:
                reports.append(Report(name, 0, 0.0, (structure.untraced(error),)))
            if reports[-1].findings:
                break
        return merge(reports)


def _examine(case: Case, rng: np.random.Generator, quick: bool) -> Report:
    subject, in_full = case.subject, case.in_full and not quick
    probe = Probe(subject, case.arguments, together=quick)
    dout = cotangent(probe.out, lambda shape: rng.normal(size=shape))
    findings = tuple(shapes.shapes(probe, dout)) or tuple(shapes.untrained(probe, dout))
    if findings:
        return Report(subject.name, 0, 0.0, findings)
    findings = tuple(determinism.honest(probe, dout)) if in_full else ()
    if any(finding.kind in determinism.UNRELIABLE for finding in findings):
        return Report(subject.name, 0, 0.0, findings)  # nothing it computes can be trusted
    notes = [subject.note] if subject.note else []
    notes += [] if probe.autodiff else [f"compared with differences alone: {probe.plain_fails}"]
    entries, error = 0, 0.0
    for look in _checks(probe, in_full, quick):
        outcome = look(probe, rng)
        entries, error = entries + outcome.entries, max(error, outcome.error)
        notes += outcome.notes
        if outcome.wrong:
            compiled = structure.compiled_otherwise(probe, dout)
            found = (_finding(probe, wrong, case, rng) for wrong in outcome.wrong)
            findings += (compiled,) if compiled else tuple(found)
            break
    if not findings and (in_full or quick):
        findings = tuple(structure.laws(probe, dout, quick))
    if not findings and in_full:
        findings = tuple(precision.narrow(probe, rng))
    return Report(subject.name, entries, error, findings, tuple(notes))


def _checks(probe: Probe, in_full: bool, quick: bool) -> Iterator[Callable[..., parity.Outcome]]:
    if probe.autodiff:
        yield functools.partial(parity.against_autodiff, quick=quick)
    if quick:
        yield directions.in_one_direction
    if in_full:
        yield directions.against_differences
    if in_full and not probe.autodiff:
        yield directions.unkind_by_differences


def _finding(probe: Probe, wrong: parity.Wrong, case: Case, rng: np.random.Generator) -> Finding:
    index = wrong.difference.worst()
    if wrong.check == "differences" and probe.autodiff and _autodiff_agrees(probe, wrong):
        explanation = HIDDEN
    else:
        samples = _samples(probe, wrong, rng)
        explanation = diagnose(Evidence(probe, wrong.route, wrong.place, samples))
    why = explanation.words
    if explanation.kind == "unknown" and not wrong.difference.wrong.all():
        rows = "\n  ".join(pattern(wrong.difference.wrong))
        why += f"; it is wrong where marked x:\n  {rows}"
    if case.right or wrong.where != PLAIN:
        why += f" (it is right {case.right or 'at the input given'})"
    where = ", ".join(part for part in (case.words, wrong.where, wrong.route) if part)
    return Finding(
        wrong.check,
        explanation.kind,
        why,
        f"d{probe.form.names[wrong.place]}",
        where,
        index,
        float(wrong.actual[index]) + 0.0,  # prints −0 as 0
        float(wrong.expected[index]) + 0.0,
        int(wrong.difference.wrong.sum()),
        wrong.actual.size,
        np.asarray(wrong.actual - wrong.expected),
    )


def _autodiff_agrees(probe: Probe, wrong: parity.Wrong) -> bool:
    expected = probe.expected(wrong.floats, wrong.dout)[wrong.place]
    return not compare(wrong.actual, expected, probe.epsilon).wrong.any()


HIDDEN = Explanation(
    "hidden from autodiff",
    "autodiff agrees with it, but the values of the function do not: stop_gradient, rounding or a "
    "custom rule hides part of it",
)


def _samples(probe: Probe, wrong: parity.Wrong, rng: np.random.Generator) -> list[Sample]:
    def sample(floats: Any, dout: Any) -> Sample:
        actual = probe.gradients(wrong.route, floats, dout)
        return Sample(floats, dout, actual, probe.expected(floats, dout))

    def drawn() -> Any:
        return cotangent(probe.out, lambda shape: rng.normal(size=shape))

    places = [wrong.floats, wrong.floats]
    if wrong.where == PLAIN:
        places.append(near(wrong.floats, rng))
    return [sample(floats, drawn()) for floats in places]
