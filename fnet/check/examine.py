"""The examination: what is looked at, in which order, and what is made of it."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np

from fnet.check.asked import subjects_of
from fnet.check.looks import directions, parity, precision, shapes, steadiness, structure
from fnet.check.looks.points import PLAIN, cotangent, near
from fnet.check.looks.workbench import Workbench
from fnet.check.mistakes.diagnosis import diagnose
from fnet.check.mistakes.evidence import Evidence, Explanation, Sample
from fnet.check.pattern import pattern
from fnet.check.report import Finding, Report, merge
from fnet.check.subjects.subject import Asked
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
) -> Report:
    """As `explain`; raises `GradientMismatch`, which carries the report, if anything is wrong.

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
) -> Report:
    """Compare hand-written gradients with autodiff and with differences; tell what is wrong.

    `subject` and what it is checked at:

        a Layer                          the shape of one example, or a tree of shapes, with
                                         `ints` and `uniform` of `fnet.core.examples`
        a Loss                           y, target, and `where` if it is wanted
        Pair(forward, backward)          the arguments of forward
        ValueAndGrad(function)           the arguments of function
        any function of JAX              its arguments; `jax.custom_vjp` is what this is for

    Floating-point arrays are differentiated, and those of Python's numbers that a Pair or a
    ValueAndGrad returns a gradient for; other arrays (integers, booleans, keys) are not. Everything
    runs in float64, switched on here alone. `reference(*arguments)` is a plain function with the
    same output, for autodiff to be asked about; without it, it is asked about the subject itself,
    with every custom rule taken out. `batch_size` and `key` are for layers: a layer is examined as
    it is used, without a key, and where a key makes a difference as it is trained, too, with this
    key or one of `seed`. Parameters within `NonTrainable` must have a gradient of zeros.

    In order: shapes and dtypes; determinism and caches; each entry against autodiff, at the
    arguments, near by where nothing is special, and at unkind ones; directions and entries against
    differences (which also notice a forward pass that autodiff does not see through); linearity,
    jit, vmap, rows (structure); float32 and bfloat16 beside autodiff's own. Where some of the
    output is no finite number, the rest of it is looked at. `fnet.plots.gradient_errors(report)`
    draws the errors.

    depth="quick" compiles little, for a test of every day: shapes and dtypes, autodiff at three
    points, one direction of differences, linearity. What it finds is explained as in full.

    Raises `ConfigurationError` for what cannot be checked (nothing is called right that was not
    looked at), and whatever the functions themselves raise at the arguments given.
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
        for asked in subjects_of(subject, arguments, reference, key, batch_size, rng, quick):
            name = asked.subject.name
            try:
                reports.append(_examine(asked, rng, quick))
            except jax.errors.UnexpectedTracerError:
                reports.append(Report(name, 0, 0.0, (steadiness.KEPT,)))
            except jax.errors.JAXTypeError as error:
                reports.append(Report(name, 0, 0.0, (structure.untraced(error),)))
            if reports[-1].findings:
                break
        return merge(reports)


def _examine(asked: Asked, rng: np.random.Generator, quick: bool) -> Report:
    subject, in_full = asked.subject, asked.in_full and not quick
    bench = Workbench(subject, asked.arguments, together=quick)
    dout = cotangent(bench.out, lambda shape: rng.normal(size=shape))
    findings = tuple(shapes.shapes(bench, dout)) or tuple(shapes.untrained(bench, dout))
    if findings:
        return Report(subject.name, 0, 0.0, findings)
    findings = tuple(steadiness.honest(bench, dout)) if in_full else ()
    if any(finding.kind in steadiness.UNSTEADY for finding in findings):
        return Report(subject.name, 0, 0.0, findings)  # its numbers mean nothing
    notes = [subject.note] if subject.note else []
    notes += [] if bench.autodiff else [f"compared with differences alone: {bench.plain_fails}"]
    entries, error = 0, 0.0
    for look in _looks(bench, in_full, quick):
        outcome = look(bench, rng)
        entries, error = entries + outcome.entries, max(error, outcome.error)
        notes += outcome.notes
        if outcome.wrong:
            compiled = structure.compiled_otherwise(bench, dout)
            found = (_finding(bench, wrong, asked, rng) for wrong in outcome.wrong)
            findings += (compiled,) if compiled else tuple(found)
            break
    if not findings and (in_full or quick):
        findings = tuple(structure.laws(bench, dout, quick))
    if not findings and in_full:
        findings = tuple(precision.narrow(bench, rng))
    return Report(subject.name, entries, error, findings, tuple(notes))


def _looks(bench: Workbench, in_full: bool, quick: bool) -> Iterator[Callable[..., parity.Outcome]]:
    if bench.autodiff:
        yield functools.partial(parity.against_autodiff, quick=quick)
    if quick:
        yield directions.in_one_direction
    if in_full:
        yield directions.against_differences
    if in_full and not bench.autodiff:
        yield directions.unkind_by_differences


def _finding(
    bench: Workbench, wrong: parity.Wrong, asked: Asked, rng: np.random.Generator
) -> Finding:
    index = wrong.difference.worst()
    if wrong.check == "differences" and bench.autodiff and _autodiff_agrees(bench, wrong):
        explanation = HIDDEN
    else:
        samples = _samples(bench, wrong, rng)
        explanation = diagnose(Evidence(bench, wrong.route, wrong.place, samples))
    why = explanation.words
    if explanation.kind == "unknown" and not wrong.difference.wrong.all():
        rows = "\n  ".join(pattern(wrong.difference.wrong))
        why += f"; this is where it is wrong (x):\n  {rows}"
    if asked.right or wrong.where != PLAIN:
        why += f" (it is right {asked.right or 'at the input given'})"
    where = ", ".join(part for part in (asked.words, wrong.where, wrong.route) if part)
    return Finding(
        wrong.check,
        explanation.kind,
        why,
        f"d{bench.form.names[wrong.place]}",
        where,
        index,
        float(wrong.actual[index]) + 0.0,  # of which −0 is 0
        float(wrong.expected[index]) + 0.0,
        int(wrong.difference.wrong.sum()),
        wrong.actual.size,
        np.asarray(wrong.actual - wrong.expected),
    )


def _autodiff_agrees(bench: Workbench, wrong: parity.Wrong) -> bool:
    expected = bench.expected(wrong.floats, wrong.dout)[wrong.place]
    return not compare(wrong.actual, expected, bench.epsilon).wrong.any()


HIDDEN = Explanation(
    "hidden from autodiff",
    "autodiff of the function gives the same, and its values do not: stop_gradient, rounding or a "
    "custom rule hides a part of it",
)


def _samples(bench: Workbench, wrong: parity.Wrong, rng: np.random.Generator) -> list[Sample]:
    def sample(floats: Any, dout: Any) -> Sample:
        actual = bench.gradients(wrong.route, floats, dout)
        return Sample(floats, dout, actual, bench.expected(floats, dout))

    def drawn() -> Any:
        return cotangent(bench.out, lambda shape: rng.normal(size=shape))

    places = [wrong.floats, wrong.floats]
    if wrong.where == PLAIN:
        places.append(near(wrong.floats, rng))
    return [sample(floats, drawn()) for floats in places]
