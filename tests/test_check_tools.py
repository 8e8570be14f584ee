"""What surrounds the checker: differences, the plain function, the plugin, strategies; sabotage."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings

from fnet.check import Pair, explain
from fnet.check.cases import cases_of
from fnet.check.checks import directions, elsewhere, parity, points, probe
from fnet.check.checks.outcome import Outcome
from fnet.check.strategies import arrays, shapes
from fnet.check.truth import compare
from fnet.check.truth.differences import interval, slope
from fnet.check.truth.plain import bound, narrowest, plainly, steps

FUNCTIONS = {  # with their derivatives
    "exp": (np.exp, np.exp),
    "sin": (np.sin, np.cos),
    "cube": (lambda t: t**3, lambda t: 3 * t**2),
    "log": (np.log, lambda t: 1 / t),
    "root": (np.sqrt, lambda t: 0.5 / np.sqrt(t)),
    "tanh": (np.tanh, lambda t: 1 / np.cosh(t) ** 2),
    "steep": (lambda t: np.tanh(50 * (t - 1)), lambda t: 50 / np.cosh(50 * (t - 1)) ** 2),
    "offset": (lambda t: np.sin(t) + 1e6, np.cos),
    "constant": (lambda t: 3.0, lambda t: 0.0),
}


def test_outputs_are_told_apart_by_the_same_calls_of_a_numpy_function():
    slopes, calls = np.arange(1.0, 9.0), []

    def forward(x):
        calls.append(x)
        return np.maximum(slopes * x, 0), x

    pair = Pair(forward, lambda dout, x: dout @ slopes * (x >= 0))
    case = next(cases_of(pair, (np.array(0.0),)))
    at = probe.Probe(case.subject, case.arguments)

    def told(*each):
        at.noise(at.start, each[0])  # which is kept for the point
        calls.clear()
        return at.sharpest(at.start, each, 0, ()), len(calls)

    _, least = told(np.eye(8)[0])
    found, many = told(*points.parts(np.ones(8)))
    assert 0 < many < 2 * least  # of eight, each of which may stop at another step
    for lies, slope_of_one in zip(found, slopes, strict=True):
        assert lies.kink
        assert [lies.low, lies.high] == pytest.approx([0, slope_of_one])


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("side", [0, 1, -1])
def test_the_truth_lies_within_the_error_bar(name, side):
    function, derivative = FUNCTIONS[name]
    for at in np.random.default_rng(0).uniform(0.5, 2, 200):
        rounding = 8 * 2.0**-52 * abs(function(at))
        found = slope(lambda step, at=at: function(at + at * step), rounding, side)
        assert abs(found.value - at * derivative(at)) <= found.bar
        if name in ("exp", "sin", "cube", "tanh") and side == 0:
            assert found.bar < 1e-8


def test_a_kink_is_an_interval_and_a_hole_is_anything():
    lies = interval(lambda step: max(step, 0.0), 1e-16, 0.7)
    assert lies.kink
    assert (lies.has(0.0), lies.has(1.0), lies.has(0.3)) == (True, True, True)
    assert (lies.has(-0.01), lies.has(1.01), lies.has(np.nan)) == (False, False, False)
    assert not interval(np.sin, 1e-16, 1.0).kink
    assert not interval(np.sin, 1e-16, 0.9).has(0.9)
    with np.errstate(all="ignore"):
        assert interval(lambda step: np.log(step - 1), 1e-16, 5.0).has(123.0)


def test_the_plain_function_has_no_rules_left():
    @jax.custom_jvp
    def lying(x):
        return x**2

    lying.defjvp(lambda primals, tangents: (primals[0] ** 2, 7 * tangents[0]))
    nested = jax.jit(lambda x: jax.jit(lying)(x) + jax.nn.relu(x))
    x = jnp.array(3.0)
    assert jax.grad(nested)(x) == 8
    assert jax.grad(plainly(nested))(x) == 7
    assert plainly(nested)(x) == nested(x)

    def without(cut):
        def through(step, values):
            stop = jax.lax.stop_gradient
            return bound(step, list(map(stop, values)) if step.place == cut.place else values)

        return float(jax.grad(plainly(nested, through))(x))

    assert {without(step) for step in steps(nested, (x,))} == {0, 1, 6}  # the sum, x², relu


@jax.custom_vjp
def sine(x):
    return jnp.sin(x)


sine.defvjp(lambda x: (sine(x), x), lambda x, d: (7 * d,))


@pytest.mark.parametrize(
    "around",
    [
        lambda x: jax.lax.scan(lambda carry, row: (carry + sine(row), sine(carry)), x[0], x),
        lambda x: jax.lax.scan(
            lambda carry, row: (carry * sine(row), carry), x[0], x, reverse=True
        ),
        lambda x: jax.lax.cond(x[0, 0] > 0, sine, jnp.cos, x),
        lambda x: jax.lax.cond(x[0, 0] < 0, sine, jnp.cos, x),
        lambda x: jax.lax.map(sine, x),
        lambda x: jax.checkpoint(sine)(x),
        lambda x: jax.vmap(sine)(x),
    ],
    ids=["scan", "scan backward", "cond, yes", "cond, no", "map", "checkpoint", "vmap"],
)
def test_no_rule_is_left_within_loops_and_branches(around):
    def plain_sine(function):
        def called(x):
            with pytest.MonkeyPatch.context() as patch:
                patch.setitem(globals(), "sine", jnp.sin)
                return function(x)

        return called

    x = 0.5 + X

    def total(function):
        return lambda x: sum(leaf.sum() for leaf in jax.tree.leaves(function(x)))

    wanted = jax.grad(total(plain_sine(around)))(x)
    np.testing.assert_allclose(jax.grad(total(plainly(around)))(x), wanted, rtol=1e-12)
    np.testing.assert_allclose(total(plainly(around))(x), total(around)(x), rtol=1e-12)


def test_the_narrowest_dtype_on_the_way_is_found():
    def through(dtype):
        return lambda x: jax.jit(lambda y: y.astype(dtype).astype(y.dtype))(x)

    for dtype in (jnp.float64, jnp.float32, jnp.bfloat16):
        assert narrowest(jax.make_jaxpr(through(dtype))(jnp.ones(3))) == float(jnp.finfo(dtype).eps)


def test_the_fixture_shows_the_report_alone(tmp_path):
    (tmp_path / "test_own.py").write_text(
        "import jax.numpy as jnp, numpy as np\n"
        "from fnet.check import Pair\n"
        "def pair(factor):\n"
        "    return Pair(lambda x: (jnp.sin(x), x), lambda d, x: factor * d * jnp.cos(x))\n"
        "def test_right(gradient_check):\n"
        "    assert gradient_check(pair(1), np.ones(3)).right\n"
        "def test_wrong(gradient_check):\n"
        "    gradient_check(pair(-1), np.ones(3))\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "fnet.check.plugin",
        "-p",
        "no:cacheprovider",
    ]
    out = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False).stdout
    assert "1 failed, 1 passed" in out
    assert "dx has the wrong sign everywhere" in out
    assert "Traceback" not in out
    assert "examine.py" not in out


@settings(max_examples=50, deadline=None)
@given(arrays(shapes(max_dims=2, max_side=4)))
def test_strategies_draw_what_a_checker_needs(array):
    assert array.dtype == np.float64
    assert np.isfinite(array).all()
    assert 1 <= array.ndim <= 2
    assert max(array.shape) <= 4


X = np.random.default_rng(0).normal(size=(5, 4))


def of_sine(change):
    return Pair(lambda x: (jnp.sin(x), x), lambda dout, x: change(dout * jnp.cos(x), x, dout))


CANARIES = {  # mistakes so small or so hidden that one part of the checker alone finds them
    "tolerance": of_sine(lambda dx, x, dout: dx * (1 + 1e-6)),
    "one-hot": of_sine(lambda dx, x, dout: jnp.where((dout != 0).sum() == 1, 2 * dx, dx)),
    "leaf": Pair(
        lambda x, w: (x * w, (x, w)), lambda dout, kept: (dout * kept[1], 2 * dout * kept[0])
    ),
    "huge": of_sine(lambda dx, x, dout: jnp.where(abs(x).max() > 500, 2 * dx, dx)),
    "hidden": Pair(lambda x: (x + jax.lax.stop_gradient(x), x), lambda dout, x: dout),
}


def given_to(name):
    return (X, X + 1) if name == "leaf" else (X,)


@pytest.mark.parametrize("name", CANARIES)
def test_canaries_are_caught(name):
    assert not explain(CANARIES[name], *given_to(name)).right


def first_only(method):
    def cut(*arguments):
        return method(*arguments)[:1]

    return cut


SABOTAGE = {
    "tolerance": lambda patch: patch.setattr(compare, "RTOL", 1e-3),
    "one-hot": lambda patch: patch.setattr(
        parity,
        "cotangents",
        lambda out, rng: [points.cotangent(out, lambda shape: rng.normal(size=shape))],
    ),
    "leaf": lambda patch: (
        patch.setattr(probe.Probe, "expected", first_only(probe.Probe.expected)),
        patch.setattr(probe.Probe, "gradients", first_only(probe.Probe.gradients)),
        patch.setattr(directions, "against_differences", lambda *_: Outcome()),
    ),
    "huge": lambda patch: patch.setattr(elsewhere, "points", lambda form, floats, domains: []),
    "hidden": lambda patch: patch.setattr(directions, "against_differences", lambda *_: Outcome()),
}


@pytest.mark.parametrize("name", CANARIES)
def test_a_broken_checker_misses_its_canary(name, monkeypatch):
    """So the test above is red when a tolerance is widened, a leaf, point or cotangent skipped."""
    SABOTAGE[name](monkeypatch)
    monkeypatch.setattr("fnet.check.checks.structure.laws", lambda *_: ())
    monkeypatch.setattr("fnet.check.checks.precision.narrow", lambda *_: ())
    assert explain(CANARIES[name], *given_to(name)).right
