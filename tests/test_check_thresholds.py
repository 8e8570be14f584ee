"""Every number of the checker decides something: with another value a verdict is another."""

import ast
import functools
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.check import Pair, explain, thresholds
from fnet.check.cases import cases_of
from fnet.check.checks import (
    certainty,
    determinism,
    directions,
    elsewhere,
    kinks,
    parity,
    points,
    precision,
    program_cache,
    structure,
)
from fnet.check.checks.clock import Clock, OutOfTime
from fnet.check.checks.neighbourhood import neighbour
from fnet.check.checks.probe import Probe
from fnet.check.pattern import pattern
from fnet.check.subjects.user_functions import _unsteady
from fnet.check.truth import differences, lifting, source
from fnet.check.truth.arguments import layout
from fnet.check.truth.compare import compare
from fnet.check.truth.domain import Domain, inferred
from fnet.check.truth.loops import bounded
from fnet.check.truth.rounding import rounded_otherwise

pytestmark = pytest.mark.turns(2)

CHECK = Path(thresholds.__file__).parent
NUMBERS = [name for name in vars(thresholds) if name.isupper()]
SCOPE = [path for path in CHECK.rglob("*.py") if path.parent.name != "mistakes"]
UNPROVED = (  # and why no case shows what it decides
    "SAME_SIZE",  # as the next
    "SAME_DIRECTION",  # shown by what forms are taken (tests/test_check_forms.py)
    "INTERRUPTED",  # of the interpreter's threads, which no test can time
    "LIFTED_BACKWARD",  # a limit of effort, a multiple of LIFTED
    "LIFTED_SECOND",  # against a function that runs in JAX and is another there: none is known
    "LIMIT",  # the default of an option, which is read when explain is defined
    "SEED",  # any other would do
    "SHARES",  # a period, of which any long one would do
)
X = np.array([0.5, 1.5, -1.25])
F32 = 2.0**-23


def rng():
    return np.random.default_rng(0)


def probe_of(subject, *arguments):
    with jax.enable_x64(True):
        case = next(cases_of(subject, arguments))
        return Probe(case.subject, case.arguments)


def outcome_of(found):
    # The word wrong, or the notes, or the word right.
    return "wrong" if found.wrong else "; ".join(what for _, what in found.notes) or "right"


def by_numpy(function, derivative, total=False):
    """A pair that cannot be lifted into JAX: differences alone tell."""

    def forward(x):
        out = np.array([function(float(each)) for each in x.ravel()]).reshape(x.shape)
        return (out.sum() if total else out), x

    return Pair(forward, lambda d, x: d * np.vectorize(derivative, otypes=[float])(x))


def by_jax(function, derivative):
    return Pair(lambda x: (function(x), x), lambda d, x: d * derivative(x))


SINE = by_numpy(np.sin, np.cos)
POLYNOMIAL = functools.partial(jnp.polyval, jnp.ones(20))
WRONG_SINE = by_numpy(np.sin, lambda x: -np.cos(x))
NEARLY_SINE = by_numpy(np.sin, lambda x: 1.01 * np.cos(x))
BENT = by_numpy(
    lambda x: x + 5 * np.clip(x - 1, -1e-6, 1e-6), lambda x: 6.0 if abs(x - 1) < 1e-6 else 1.0
)
KINKED = by_numpy(abs, lambda x: 0.5)
CUBE_ROOT = by_numpy(np.cbrt, lambda x: np.cbrt(x) ** -2 / 3 if x else np.inf)
ROUGH = by_numpy(lambda x: x + 0.1 * np.sin(1e9 * x), lambda x: 1.0)
NOISY = by_numpy(lambda x: x**2, lambda x: 2 * x * (1 + 1e-5 * np.sin(1e13 * x)))


def alone(pair, x, check=directions.against_differences):
    """What differences alone say at the given point."""
    return lambda: outcome_of(check(probe_of(pair, x), rng()))


def asked(pair, x):
    """How many entries are compared with differences one by one."""

    def count():
        probe, each = probe_of(pair, x), []
        entry = probe.entry
        probe.entry = lambda *given: each.append(given) or entry(*given)
        directions.against_differences(probe, rng())
        return len(each)

    return count


def with_autodiff(pair, x):
    def found():
        with jax.enable_x64(True):
            return outcome_of(parity.at_given(probe_of(pair, x), rng(), quick=True))

    return found


def overflowing():
    tiny = thresholds.TINY
    pair = Pair(
        lambda x: (jnp.log1p(-jnp.maximum(x, tiny)), x),
        lambda d, x: d / tiny * jnp.where(x > tiny, -tiny / (1 - x), 0),
    )
    with jax.enable_x64(True):
        probe = probe_of(pair, np.array([0.0, 0.4]))
        return outcome_of(parity._compared(probe, points.PLAIN, probe.start, np.full(2, 1e15)))


def error_of_a_large_output():
    pair = by_jax(lambda x: x + 1e6, lambda x: 1 + 1e-9)
    with jax.enable_x64(True):
        return parity.at_given(probe_of(pair, X), rng(), quick=True).error < 1e-12


OFF = by_jax(lambda x: jnp.sin(x), lambda x: jnp.cos(x) * (1 + 1e-6))
TIES = Pair(lambda x: (x.max(), x), lambda d, x: jnp.where(x == x.max(), d, 0.0))
# Its gradient moves by 1e-6 when the argument moves by a unit in the last place.
UNSTABLE = by_numpy(lambda x: np.sin(x) + 1e4, lambda x: np.cos(x) + 1e-6 * np.sin(1e17 * x))
UNSTABLE = UNSTABLE._replace(reference=lambda x: jnp.sin(x) + 1e4)
FLAT = by_jax(lambda x: jnp.sqrt(x**4).sum(), lambda x: 2 * x)


def _elsewhere(x, which):
    """Its square; the gradient is a thousand times as large where a condition holds."""
    size = jnp.abs(x)
    where = jnp.stack(
        [
            size.max() < 1e-3,
            (size.max() > 5) & (size.max() < 100),
            (size.max() > 500) & (x.min() < 0),
            x.min() > 500,
            (size.max() > 500) & (size.min() < 0.01),
        ]
    )
    return jnp.where(where[which], 1e3, 1.0) * 2 * x


ELSEWHERE = Pair(
    lambda x, which: (x**2, (x, which)),
    lambda d, kept: (d * _elsewhere(*kept), None),
)
INFINITE = by_numpy(lambda x: x**2, lambda x: 2 * x if abs(x) < 500 else np.inf)


def stress(which):
    def found():
        with jax.enable_x64(True):
            probe = probe_of(ELSEWHERE, X, np.array(which))
            outcome = elsewhere.under_stress(parity.elsewhere, probe, rng())
            return outcome.wrong[0].where if outcome.wrong else "nothing"

    return found


def stress_alone():
    outcome = elsewhere.under_stress(directions.elsewhere, probe_of(INFINITE, X), rng())
    return outcome.wrong[0].where if outcome.wrong else "nothing"


def differs(actual, expected, *options):
    return lambda: bool(compare(np.array(actual), np.array(expected), *options).wrong.any())


def slope_is(function, value, judged="rules_out"):
    return lambda: getattr(differences.interval(function, 1e-16, value), judged)(value)


def bends(start):
    """Whether 6 may be the slope of BENT at 1, at the given point or at another."""

    def found():
        probe = probe_of(BENT, np.array([1.0]))
        floats = probe.start if start else (np.array([1.0]),)
        return probe.along(floats, np.ones(1), [np.ones(1)], 6.0).has(6.0)

    return found


def beside():
    pair = by_numpy(lambda x: np.nan if abs(x - 1) > 1e-3 else x, lambda x: 1.0)
    probe = probe_of(pair, np.array([1.0]))
    return probe.finite_beside(probe.start, np.ones(1), 0, (0,))


def of_many_kinks():
    pair = Pair(lambda x: (np.array([abs(float(x)), 2 * abs(float(x))]), x), lambda d, x: 5.0 * x)
    probe = probe_of(pair, np.array(0.0))
    return probe.entry(probe.start, np.ones(2), 0, (), 5.0).has(5.0)


def neighbours(width):
    pair = by_numpy(lambda x: np.nan if abs(x - 1) > width else x, lambda x: 1.0)
    return lambda: neighbour(probe_of(pair, np.ones(3)), rng()) is not None


def shaken(function, judged):
    def found():
        with jax.enable_x64(True):
            return judged(rounded_otherwise(function, (jnp.ones(50),))([jnp.ones(50)]))

    return found


def linear():
    pair = by_numpy(np.sin, np.cos)
    pair = pair._replace(backward=lambda d, x: d * np.cos(x) + d**2)
    probe = probe_of(pair, X)
    return [finding.kind for finding in structure.laws(probe, np.ones(3), quick=True)]


def narrow_law():
    probe = probe_of(SINE, X)
    probe.epsilon = F32
    return structure._differ(probe, [np.array(1 + 1e-6)], [np.array(1.0)], [1.0])


def compiled():
    def backward(d, x):
        return d * jnp.cos(x) * (2.0 if isinstance(x, jax.core.Tracer) else 1.0)

    with jax.enable_x64(True):
        probe = probe_of(Pair(lambda x: (jnp.sin(x), x), backward), X)
        return structure.compiled_otherwise(probe, np.ones(3)) is not None


def vmapped():
    """The factor of the second of the two points that vmap is given."""
    with jax.enable_x64(True):
        probe = probe_of(by_jax(jnp.sin, jnp.cos), X)
        given, vmap = [], probe.programs["vmap"]
        probe.programs = {**probe.programs, "vmap": lambda *a: given.append(a[0][0]) or vmap(*a)}
        list(structure.laws(probe, np.ones(3)))
        return float(given[0][0][1][0] / X[0])


def stale():
    last = []

    def forward(x):
        last[:] = [float(x[0])]
        return x * float(x[0]), x[:1]

    def backward(d, first):
        return d * last[0]

    probe = probe_of(Pair(forward, backward), X)
    return [finding.kind for finding in determinism.honest(probe, np.ones(3))]


def imprecise(strict=True):
    ours, theirs, exact = np.array([1.001]), np.array([1 + 1e-6]), np.array([1.0])
    return precision._compare("dx", "float32", ours, theirs, exact, 0.0, strict=strict) is not None


def programs_run(name):
    """How often a program of the check of precision runs, and what it is first given."""

    def count():
        with jax.enable_x64(True):
            pair = by_jax(jnp.sin, lambda x: jnp.cos(x) + (1e-3 if x.dtype == jnp.float32 else 0.0))
            probe, given = probe_of(pair, X), []
            program = probe.programs[name]
            programs = {name: lambda *a: given.append(a[0][0][0]) or program(*a)}
            probe.programs = {**probe.programs, **programs}
            list(precision.narrow(probe, rng()))
        first, *others = [np.asarray(each, float) for each in given]
        moved = float(max((np.abs(other / first - 1).max() for other in others), default=0))
        return len(given), moved > 1e-3

    return count


def lifts(function, x):
    def why():
        with jax.enable_x64(True):
            return lifting.by_lifting(function, (x,))[1][:22]

    return why


def looped(x):
    total = 0.0 * x
    for _ in range(5):
        total = np.sin(total) + x
    return total


def ways():
    """A backward pass of (cache, dout), which no name tells: one way alone is linear."""
    pair = Pair(lambda x: (np.array(float(x) ** 3 / 3), x), lambda p, q: p**2 * q)
    return explain(pair, np.array(1.5), depth="quick").right


def of_output():
    def squash(x):
        return np.tanh(x)

    return explain(squash, lambda y: 1 - y**2, np.array([0.5, 1.5]), depth="quick").right


def steady():
    calls = iter(range(9))
    return _unsteady(lambda x: x * (1 + 1e-6 * next(calls)), (X,)) == ""


def in_time():
    try:
        Clock(60.0).check()
    except OutOfTime:
        return "out of time"
    return "in time"


def loop():
    with jax.enable_x64(True):
        steps = bounded(lambda x: jax.lax.while_loop(lambda s: s < 50, lambda s: s + 1, x))
        return bool(jnp.isfinite(steps(jnp.array(0.0))))


def programs():
    program_cache._programs.clear()
    probe_of(SINE, X)
    return len(program_cache._programs)


def drawings():
    domain = Domain(sample=lambda rng: rng.normal(size=3))
    form = layout((X,), ("x",), "f")
    return len(list(points.stated(form, (X,), (domain,), rng())))


SQUARE = np.array([[1.0, 2.0], [2.1, 1.0]])
DEFINITE = np.array([[2.0, 1.0], [1.0, 2.0]])
LINE = [lambda t: np.sin(t), 0.9]  # the slope of the first at 0 is 1
CANNOT = "dx: differences cannot decide; is the function rough?"

FAR_OUT, OFF_SINE, OPPOSITE = stress(3), with_autodiff(OFF, X), alone(WRONG_SINE, X)
HALF, NOISED = alone(KINKED, np.zeros(2)), alone(NOISY, X)

# The number, another value, a case, what it says today, and what with that value.
DECIDED = [
    ("RTOL", 1e-3, differs([1 + 1e-6], [1.0]), True, False),
    ("ATOL", 1e-3, differs([1.0, 1e-6], [1.0, 0.0]), True, False),
    ("TINY", 0.0, differs([1e-310], [0.0]), False, True),
    ("NARROW_RTOL", 0.0, differs([1 + 1e-5], [1.0], F32), False, True),
    ("NARROW_ATOL", 0.0, differs([1.0, 1e-6], [1.0, 0.0], F32), False, True),
    ("NARROW_MOST", 10.0, differs([2.0], [1.0], 0.1), True, False),
    ("STATED_ATOL", 0.0, differs([1.0, 1e-5], [1.0, 0.0], 0.0, 0.0, 0.02), False, True),
    ("EPSILON", 1e-3, OPPOSITE, "wrong", CANNOT),
    ("ROUNDING", 1e15, OPPOSITE, "wrong", CANNOT),
    ("NARROW", 1e-6, lambda: probe_of(by_numpy(np.float32, lambda x: 1.0), X).epsilon, F32, 0.0),
    ("EXACT", 1.0, error_of_a_large_output, True, False),
    ("CANCELLED", 1.0, OFF_SINE, "wrong", "right"),
    ("NEVER_ROUNDING", 0.0, with_autodiff(UNSTABLE, X), "dx cancels", "wrong"),
    ("UNDETERMINED", 1e-30, with_autodiff(OFF, 100 * X), "wrong", "rounding of the input changes"),
    ("PERTURBED", 1, lambda: len(probe_of(SINE, X)._rounded((X,), None)), 3, 1),
    ("PERTURBATION", 0, lambda: bool((points.rounded(X, rng()) != X).any()), True, False),
    ("SHAKEN", 1, shaken(lambda x: 3.0 * x, len), 3, 1),
    ("OMEGA", 0.0, shaken(lambda x: 3.0 * x, lambda f: len(set(f[0][0])) > 1), True, False),
    ("PHASES", 1, shaken(lambda x: 3.0 * x - 3.0 * x, lambda f: bool(np.any(f))), True, False),
    ("FIRST_STEP", 1e6, slope_is(lambda t: t if abs(t) < 1 else np.nan, 5.0), True, False),
    ("SECOND_STEP", 1.0, slope_is(lambda t: t + (t * 2**15) % 1, 2.0), False, True),
    ("HALVINGS", 1, slope_is(*LINE), True, False),
    ("SAFETY", 1e15, slope_is(*LINE), True, False),
    ("RULED_OUT", 1e30, slope_is(*LINE), True, False),
    ("DECISIVE_WIDTH", 0.0, slope_is(*LINE, "decides"), True, False),
    ("DECISIVE_DISTANCE", 1e30, slope_is(*LINE, "decides"), True, False),
    ("SMALLER_STEPS", (), alone(BENT, np.array([1.0])), "right", "wrong"),
    ("RESOLVED", 0.0, bends(start=False), True, False),
    ("STEEPER", 100.0, alone(CUBE_ROOT, np.array([0.0, 1.0])), "right", "wrong"),
    ("RESOLVED_ALONE", 0.0, bends(start=True), True, False),
    ("RESOLVED_OF_COTANGENT", 0.0, with_autodiff(FLAT, np.zeros(2)), "right", "dx: not compared"),
    ("LARGE_COTANGENT", 1e30, overflowing, "dx: not compared where it overflows", "wrong"),
    ("BESIDE", 1.0, beside, True, False),
    ("PARTS", 1, of_many_kinks, False, True),
    ("COMPILED_FROM", 0, lambda: probe_of(SINE, X)._is_slow(), False, True),
    ("FEW_STEPS", 0, lambda: probe_of(POLYNOMIAL, X)._is_slow(), False, True),
    ("COTANGENTS", 0, lambda: len(list(points.cotangents(X, rng()))), 5, 1),
    ("ASKED", 0, OFF_SINE, "wrong", "dx differs from autodiff by less"),
    ("LARGE", 10, lambda: kinks._is_blind(differences.Interval(0, 9, False), 3, 1), True, False),
    ("SLACK", 1e-3, OFF_SINE, "wrong", "dx differs from autodiff by less"),
    ("TIED", 0, with_autodiff(TIES, np.ones(2)), "wrong", "dx is within the two slopes"),
    ("SAMPLED", 3, asked(SINE, np.linspace(1, 2, 12)), 8, 3),
    ("SAMPLED_ALONE", 3, asked(ROUGH, np.linspace(1, 2, 12)), 12, 3),
    ("SAMPLED_WRONG", 3, asked(WRONG_SINE, np.linspace(1, 2, 12)), 12, 4),
    ("TRIES", 0, HALF, "wrong", CANNOT),
    ("RADIUS", 0.0, HALF, "wrong", CANNOT),
    ("RADIUS_ADDED", 0.0, HALF, "wrong", CANNOT),
    ("ALONG", 10.0, alone(WRONG_SINE, X, directions.in_one_direction), "wrong", "right"),
    ("ALONG_WIDTH", 0.0, alone(SINE, X), "right", CANNOT),
    ("ALONG_REACH", 0.0, alone(by_numpy(lambda x: 1.0, lambda x: 0.0), X), "right", CANNOT),
    ("ASIDE", 1e-3, alone(NEARLY_SINE, X), "wrong", "dx has few digits"),
    ("NOISY", 0, NOISED, "dx has few digits", "wrong"),
    ("NOISE", 0.0, NOISED, "dx has few digits", "wrong"),
    ("SHRINK", 1.0, neighbours(1e-3), True, False),
    ("SHRINKS", 1, neighbours(1e-3), True, False),
    ("TINY_FACTOR", 1.0, stress(0), "tiny x", "nothing"),
    ("TENFOLD", 1, stress(1), "ten times x", "nothing"),
    ("HUGE_FACTOR", 1.0, stress(2), "huge x", "x of many sizes"),
    ("FAR", 0.0, FAR_OUT, "x far from zero", "nothing"),
    ("DECADES", 0, stress(4), "x of many sizes", "nothing"),
    ("DRAWN", 1, drawings, 3, 1),
    ("CERTAIN_OF", 0, FAR_OUT, "x far from zero", "nothing"),
    ("CERTAIN_WIDTH", 0.0, FAR_OUT, "x far from zero", "nothing"),
    ("AGREES", -1.0, FAR_OUT, "x far from zero", "nothing"),
    ("COARSE", 10.0, FAR_OUT, "x far from zero", "nothing"),
    ("COARSE_OF_LARGEST", 1e6, FAR_OUT, "x far from zero", "nothing"),
    ("STILL_RIGHT", -1.0, FAR_OUT, "x far from zero", "nothing"),
    ("ALREADY_WRONG", 1e9, FAR_OUT, "x far from zero", "nothing"),
    ("CUT", 0.0, FAR_OUT, "x far from zero", "nothing"),
    ("CUTS", 0, FAR_OUT, "x far from zero", "nothing"),
    ("BEFORE", 0.0, FAR_OUT, "x far from zero", "nothing"),
    ("JUMP", 1e9, FAR_OUT, "x far from zero", "nothing"),
    ("JUMP_OFF", 10.0, FAR_OUT, "x far from zero", "nothing"),
    ("ALREADY_WRONG_ALONE", np.inf, stress_alone, "x far from zero", "nothing"),
    ("STILL_RIGHT_ALONE", -1.0, stress_alone, "x far from zero", "nothing"),
    ("CUTS_ALONE", 0, stress_alone, "x far from zero", "nothing"),
    ("BEFORE_ALONE", 0.0, stress_alone, "x far from zero", "nothing"),
    (
        "BEYOND_SLOPES",
        1.0,
        lambda: certainty._settles(differences.Interval(-1, 1, True), 1.5, 0.5, True),
        True,
        False,
    ),
    ("SUMMED", 1.0, lambda: Domain(simplex=True).has(np.array([0.5, 0.4])), False, True),
    ("INSIDE", 0.4, lambda: float(Domain(0, 1, open=True).into(np.array(2.0))), 0.999, 0.6),
    ("SYMMETRIC", 1.0, lambda: inferred(SQUARE).symmetric, False, True),
    ("DEFINITE", 2.0, lambda: inferred(DEFINITE).definite, True, False),
    ("LAW_RTOL", 10.0, linear, ["not linear"], []),
    ("LAW_NATURAL", 1e12, linear, ["not linear"], []),
    ("LAW_EPSILONS", 0, narrow_law, False, True),
    ("LAW_FAR", 1e12, compiled, True, False),
    ("LAW_SECOND", 2.0, vmapped, 1.5, 2.0),
    ("LAW_ANOTHER", 1.0, stale, ["stale"], []),
    ("WORSE", 1e9, imprecise, True, False),
    ("UNITS", 1e9, imprecise, True, False),
    ("LOST", 0.1, lambda: imprecise(strict=False), True, False),
    ("ROUNDED", 2, programs_run("rounded"), (8, False), (2, False)),
    ("NEARBY", 2, programs_run("both"), (7, True), (3, True)),
    ("AROUND", 0.0, programs_run("both"), (7, True), (7, False)),
    ("LIFTED", 1, lifts(looped, X), "", "its loops are longer t"),
    ("LIFTED_RTOL", 1.0, lambda: lifting._same(np.array(1 + 1e-6), np.array(1.0)), False, True),
    (
        "LIFTED_UNITS",
        0,
        lambda: lifting._same(np.float32(1 + 1e-6), np.float32(1)),
        True,
        False,
    ),
    ("ALIKE", 1e9, ways, True, False),
    ("STEADY", 1.0, steady, False, True),
    ("PROBING_STEP", 1e3, of_output, True, False),
    ("NEARER", 0.0, of_output, True, False),
    ("RESERVED", 1.0, in_time, "in time", "out of time"),
    ("LOOP_STEPS", 10, loop, True, False),
    ("PROGRAMS", 0, programs, 1, 0),
    ("ROWS", 3, lambda: len(pattern(np.zeros((20, 60)))), 12, 3),
    ("COLUMNS", 7, lambda: len(pattern(np.zeros((20, 60)))[0]), 48, 7),
    ("EXPRESSION", 10, lambda: len(source._short("x" * 99)), 60, 10),
]


def says(found, wanted):
    return found.startswith(wanted) if isinstance(found, str) and wanted else found == wanted


@functools.cache
def said_today(case):
    return case()


@pytest.mark.parametrize(
    ("name", "other", "case", "today", "then"), DECIDED, ids=[decided[0] for decided in DECIDED]
)
def test_a_number_decides(name, other, case, today, then, monkeypatch):
    with np.errstate(all="ignore"):
        assert says(said_today(case), today), said_today(case)
        monkeypatch.setattr(thresholds, name, other)
        found = case()
        assert says(found, then), found


def test_every_number_is_decided_or_said_to_be_unproved():
    decided = [name for name, *_ in DECIDED]
    assert sorted({*decided, *UNPROVED}) == sorted(NUMBERS)
    assert not set(decided) & set(UNPROVED)
    assert len(decided) == len(set(decided))


def test_every_number_is_used():
    code = "\n".join(path.read_text() for path in SCOPE if path.name != "thresholds.py")
    assert set(re.findall(r"thresholds\.([A-Z_]+)", code)) == set(NUMBERS)


def is_number(node):
    """Whether an expression is made of numbers alone."""
    return all(
        isinstance(
            inner,
            ast.Constant | ast.BinOp | ast.UnaryOp | ast.Tuple | ast.operator | ast.unaryop
            | ast.expr_context,
        )
        and (not isinstance(inner, ast.Constant) or isinstance(inner.value, int | float))
        for inner in ast.walk(node)
    )  # fmt: skip


def numbers_in(text):
    """The upper-case names to which a file assigns a number."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
            for target in getattr(node, "targets", None) or [node.target]:
                each = target.elts if isinstance(target, ast.Tuple) else [target]
                for one in each:
                    if isinstance(one, ast.Name) and one.id.isupper() and is_number(node.value):
                        yield one.id


def test_no_number_stands_anywhere_else():
    assert list(numbers_in("A = 1e-3\nB, C = -2.0, 2.0**3\nD = 'x'\ne = 3\nF: int = 3")) == [
        *"ABCF"
    ]
    for path in SCOPE:
        if path.name not in ("thresholds.py", "strategies.py"):  # which draws, and decides nothing
            assert list(numbers_in(path.read_text())) == [], path
