"""Where the checker looks: at the given point first; beyond it only what is certain counts."""

import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.check import Pair, ValueAndGrad, explain
from fnet.check.truth.domain import Domain, inferred
from fnet.check.truth.loops import bounded
from fnet.errors import ConfigurationError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(4, 3))
A = RNG.normal(size=(3, 3))
S = A @ A.T + 3 * np.eye(3)
P = RNG.dirichlet(np.ones(4), size=3)


def rule(function, derivative):
    """A function of one array with a derivative of its own."""
    ruled = jax.custom_vjp(function)
    ruled.defvjp(lambda x: (function(x), x), lambda x, d: (d * derivative(x),))
    return ruled


# Right at the given point; elsewhere each is something else than its author differentiated.
log_determinant = ValueAndGrad(
    lambda S: (2 * np.log(np.diag(np.linalg.cholesky(S))).sum(), np.linalg.inv(S))
)


@jax.custom_vjp
def anomaly(e, m):
    """Kepler's equation E − e sin E = m by 60 steps, which converge for 0 ≤ e < 1."""
    return jax.lax.fori_loop(0, 60, lambda i, x: m + e * jnp.sin(x), m)


def anomaly_backward(kept, d):
    e, x = kept
    each = d / (1 - e * jnp.cos(x))
    return (each * jnp.sin(x)).sum(), each


anomaly.defvjp(lambda e, m: ((x := anomaly(e, m)), (e, x)), anomaly_backward)

clipped_log = Pair(
    lambda p: (np.log(np.clip(p, 1e-12, 1.0)), p),
    lambda d, p: d / p,
)


def by_loops(x):
    out = np.empty_like(x)
    for index in np.ndindex(x.shape):
        out[index] = np.exp(float(x[index]))
    return out, out


RIGHT = {
    "log det of a symmetric matrix": (log_determinant, S),
    "a solver that converges here": (anomaly, np.array(0.3), np.array([0.5, 1.0, 2.0])),
    "the logarithm of a probability, clipped": (clipped_log, P),
    "overflow of what cannot be lifted": (Pair(by_loops, lambda d, out: d * out), X),
    "an infinite derivative": (rule(jnp.sqrt, lambda x: 0.5 / jnp.sqrt(x)), np.array([0.0, 4.0])),
    "a finite one in its place": (
        rule(jnp.sqrt, lambda x: jnp.where(x > 0, 0.5 / jnp.sqrt(x), 0.0)),
        np.array([0.0, 4.0]),
    ),
    "entropy at 0": (
        rule(
            lambda p: -jnp.where(p > 0, p * jnp.log(p), 0.0),
            lambda p: jnp.where(p > 0, -jnp.log(p) - 1, 0.0),
        ),
        np.array([0.0, 0.3, 0.7]),
    ),
    "a constant given as a symmetric matrix": (
        Pair(lambda w: ((w * w).sum(), w), lambda d, w: 2 * d * w),
        S,
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_gradient_that_is_right_where_it_is_used_is_right(name):
    subject, *arguments = RIGHT[name]
    report = explain(subject, *arguments)
    assert report.right, report


def test_a_stated_domain_is_entered_and_not_left():
    """What is wrong for negative numbers alone is found by who asks for them."""
    leaky = Pair(lambda x: (jnp.where(x > 0, x, x / 3), x), lambda d, x: d)
    given = np.abs(X)
    assert explain(leaky, given).right
    finding = explain(leaky, given, at=[(2 * given,), -given]).findings[0]
    assert finding.where == "at[1], plain input"
    for domain in ({"x": [-given]}, [-given], lambda rng: -rng.uniform(1, 2, (4, 3))):
        finding = explain(leaky, given, domain=domain).findings[0]
        assert finding.right_where_asked
        assert (finding.point["x"] < 0).all()


def test_a_mistake_of_an_invented_point_is_told_with_the_point():
    def forward(x):
        return x.max(1), (x, x.max(1))

    def backward(d, cache):
        x, largest = cache
        return jnp.where(x == largest[:, None], d[:, None], 0)

    report = explain(Pair(forward, backward), X)
    (finding,) = report.findings
    assert finding.right_where_asked
    assert str(finding).startswith("right where you asked; wrong at ")
    # At that point it is wrong in plain sight: two entries of a row get all of d.
    ((_, point),) = finding.point.items()
    again = explain(Pair(forward, backward), point)
    assert not again.right
    assert not again.findings[0].right_where_asked


def test_every_domain_has_its_name_and_every_other_is_refused():
    square = Pair(lambda x: (x**2, x), lambda d, x: 2 * d * x)
    for domain, array in (
        ("real", X),
        ("positive", np.abs(X)),
        ("nonnegative", np.abs(X)),
        ("negative", -np.abs(X)),
        ("probability", P),
        ("simplex", P),
        ("symmetric", S),
        ("positive definite", S),
        ((-5, None), X),
        ((None, 5), X),
    ):
        assert explain(square, array, domain=domain).right
        assert explain(square, array, domain={"x": domain}).right
    for domain, words in (
        ("prositive", "the domain of x is 'prositive'; give one of real, positive"),
        ({"y": "positive"}, "domain names 'y', which is not a differentiated argument; .* are x"),
        ("positive", "x is not in the domain that is stated for it, 'positive'"),
        ((3, 2), r"the domain of x is \(3, 2\)"),
    ):
        with pytest.raises(ConfigurationError, match=words):
            explain(square, X, domain=domain)


def test_a_domain_is_inferred_from_what_an_array_shows():
    assert inferred(X) == Domain()
    assert inferred(np.abs(X) + 1) == Domain(0.0, open=True)
    assert inferred(-np.abs(X) - 1) == Domain(high=0.0, open=True)
    assert inferred(np.array([0.0, 1.0, 2.0])) == Domain(0.0)
    assert inferred(np.array([0.2, 0.9])) == Domain(0.0, 1.0, open=True)
    assert inferred(np.array([0.0, 1.0, 1.0])) == Domain(0.0, 1.0)
    assert inferred(P) == Domain(0.0, 1.0, open=True, simplex=True)
    assert inferred(S) == Domain(symmetric=True, definite=True)
    assert inferred(S - 9 * np.eye(3)) == Domain(symmetric=True)
    assert inferred(np.ones((3, 3))) == Domain(0.0, open=True)  # shows nothing but its sign


def test_a_solver_says_how_precise_it_is():
    @jax.custom_vjp
    def root(a):  # three steps of Newton's method: right to a few digits
        return jax.lax.fori_loop(0, 3, lambda i, x: 0.5 * (x + a / x), a)

    root.defvjp(lambda a: ((y := root(a)), y), lambda y, d: (d / (2 * y),))
    given = np.array([2.0, 3.0])
    assert not explain(root, given).right
    assert explain(root, given, rtol=0.02).right


def test_a_loop_that_does_not_end_is_cut_off_and_one_that_ends_is_not():
    def halved(x):
        return jax.lax.while_loop(
            lambda s: s[1] > 1e-3, lambda s: (s[0] + s[1], s[1] / 2), (0 * x, x)
        )[0]

    x = jnp.array([1.0, 3.0, 100.0])
    for function in (halved, jax.vmap(halved), jax.jit(jax.vmap(halved))):
        given = x[1] if function is halved else x
        np.testing.assert_array_equal(bounded(function)(given), function(given))
    endless = bounded(lambda x: jax.lax.while_loop(lambda s: s > 0, lambda s: s + 1, x))
    assert jnp.isnan(endless(jnp.array(1.0)))
    assert endless(jnp.array(-1.0)) == -1
    solved = bounded(lambda x: jax.scipy.sparse.linalg.cg(lambda v: 2 * v, x)[0])(x)
    np.testing.assert_allclose(solved, x / 2)  # its loop is inside of an operation


def test_what_is_not_examined_in_time_is_said():
    calls = iter(range(10**6))

    def slow(x):
        time.sleep(0.01 if next(calls) < 80 else 0.3)
        return float(x @ x), 2 * x

    report = explain(ValueAndGrad(slow), np.arange(3.0), limit=4)
    assert report.right
    assert any(note.startswith("stopped after 4 s: not examined: ") for note in report.notes)

    def endless(x):
        while True:
            pass

    with pytest.raises(ConfigurationError, match=r"nothing could be compared within 0\.5 s"):
        explain(ValueAndGrad(endless), np.arange(3.0), limit=0.5)


@pytest.mark.parametrize(
    "settings",
    [
        lambda: jax.debug_nans(True),
        lambda: jax.disable_jit(True),
        lambda: jax.numpy_rank_promotion("raise"),
    ],
    ids=["debug_nans", "disable_jit", "rank_promotion"],
)
def test_the_callers_settings_of_jax_do_not_matter(settings):
    log = rule(jnp.log, lambda x: 1 / x)
    wrong = rule(jnp.log, lambda x: -1 / x)
    with settings():
        assert explain(log, np.abs(X)).right
        assert explain(wrong, np.abs(X)).findings[0].kind == "sign"
