"""What a diagnosis says: the kind, and the words that point at the mistake."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.linalg import solve_triangular

from fnet.check import Finding, Pair, explain
from fnet.check.mistakes.diagnosis import once

RNG = np.random.default_rng(0)
X, SQUARE, POSITIVE = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 3)), RNG.uniform(0.5, 2, 6)


def solved(a):
    return solve_triangular(a, jnp.arange(1.0, 4), lower=True)


def rounds(x, w):
    for _ in range(3):
        x = jnp.tanh(x @ w)
    return x


def back_through(x, w, dout):
    """The points and the gradients before each round's tanh, last round first."""
    points = [x]
    for _ in range(3):
        points.append(jnp.tanh(points[-1] @ w))
    for before, after in zip(points[-2::-1], points[:0:-1], strict=True):
        dz = dout * (1 - after**2)
        yield before, dz
        dout = dz @ w.T


KERNEL = jnp.array([0.5, -1.0, 2.0])
MASK = np.array([[1, 0, 1], [0, 1, 1], [1, 1, 0], [0, 0, 1]], bool)


def strided(x, stride):
    return jnp.stack([jnp.sum(KERNEL * x[stride * k : stride * k + 3]) for k in range(2)])


def doubled(x):
    return jnp.repeat(x, 2).reshape(4, 3)


def of_equals(x):
    largest = doubled(x).max(axis=1, keepdims=True)
    return jnp.where(doubled(x) == largest, doubled(x), 0).sum(axis=1)


CASES = {
    "a value": (
        lambda x: (1 + x**2) ** -1.5,
        lambda dout, x: -3 * x * (1 + x**2) ** -1.5 * dout,
        "factor extra",
        "multiplied by `1 + x**2` in test_check_diagnosis.py",
        (POSITIVE,),
    ),
    "a sign here and there": (
        jnp.abs,
        lambda dout, x: dout * jnp.where(x > 1.2, 1.0, -1.0),
        "sign",
        "entries of darg0 have the wrong sign",
        (POSITIVE,),
    ),
    "of two terms one, twice": (
        lambda a: a @ a.T,
        lambda dout, a: 2 * dout @ a,
        "term missing",
        "counts twice",
        (SQUARE,),
    ),
    "one of two equal operands": (
        lambda a: a @ a,
        lambda dout, a: dout @ a.T,
        "term missing",
        "operand 2 of `a @ a`",
        (SQUARE,),
    ),
    "dout not transposed": (
        lambda a: jnp.exp(a.T),
        lambda dout, a: dout * jnp.exp(a),
        "transposed",
        "dout is transposed, or must be",
        (SQUARE,),
    ),
    "what must be zero": (
        solved,
        lambda dout, a: -jnp.outer(solve_triangular(a, dout, lower=True, trans=1), solved(a)),
        "not zero",
        "3 entries of darg0 must be 0, and all others are right: is a mask missing?",
        (SQUARE,),
    ),
    "windows without their stride": (
        lambda x: strided(x, 2),
        lambda dout, x: jax.vjp(lambda x: strided(x, 1)[:2], x)[1](dout)[0],
        "stride",
        "the stride is forgotten along axis 0: window k begins at k, and not at 2 k",
        (POSITIVE,),
    ),
    "what is set where windows overlap": (
        lambda x: strided(x, 1)[:2],
        lambda dout, x: jnp.append(
            dout[:1] * KERNEL[0], jnp.append(dout[1] * KERNEL, jnp.zeros(2))
        ),
        "not summed",
        "gradients of windows that overlap are set, and not added: the last one is left",
        (POSITIVE,),
    ),
    "equal entries": (
        lambda x: doubled(x).max(axis=1),
        lambda dout, x: jax.vjp(of_equals, x)[1](dout)[0],
        "ties",
        "each of several equal entries gets the whole gradient",
        (POSITIVE,),
    ),
    "a mask drawn anew": (
        lambda x: jnp.where(MASK, 2 * x, 0),
        lambda dout, x: jnp.where(MASK[::-1], 2 * dout, 0),
        "mask of another array",
        "is it drawn anew",
        (X,),
    ),
    "tiled for repeated": (
        lambda x: x.reshape(2, 3).mean(axis=1),
        lambda dout, x: jnp.tile(dout, 3) / 3,
        "transposed",
        "axes that are split here are in the wrong order: is it tiled and not repeated",
        (POSITIVE,),
    ),
    "what comes before for what comes after": (
        lambda x: jnp.cumsum(x**2) / 2,
        lambda dout, x: x * jnp.cumsum(dout),
        "shifted",
        "looks in the wrong direction along axis 0",
        (POSITIVE,),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_named(name):
    function, backward, kind, words, arguments = CASES[name]

    def forward(arg0):
        return function(arg0), arg0

    finding = explain(Pair(forward, backward), *arguments, limit=600.0).findings[0]
    assert (finding.kind, words in finding.why) == (kind, True), finding.why


def test_what_is_set_in_every_round_of_a_loop_in_place_of_added_is_named():
    def forward(x, w):
        return rounds(x, w), (x, w)

    def backward(dout, cache):
        x, w = cache
        for before, dz in back_through(x, w, dout):
            dx, dw = dz @ w.T, before.T @ dz
        return dx, dw

    (finding,) = explain(Pair(forward, backward), X, SQUARE, limit=600.0).findings
    assert finding.leaf == "dw"
    assert finding.why.endswith("in all rounds but the first"), finding.why


def test_what_is_not_a_number_is_called_so():
    def forward(x):
        return x * jnp.sqrt(x**2), x

    finding = explain(Pair(forward, lambda d, x: d * 2 * jnp.sqrt(x**3) / x**0.5), X).findings[0]
    assert finding.kind == "not finite"
    assert "NaN" in finding.why


def test_one_mistake_is_one_finding_whatever_it_touches():
    dx, dw = (
        Finding("parity", "sign", f"{leaf} has the wrong sign", leaf=leaf) for leaf in ("dx", "dw")
    )
    unknown = [Finding("parity", "unknown", "no idea", leaf=leaf) for leaf in ("da", "db")]
    found = once([dx, dw, *unknown])
    assert [finding.leaf for finding in found] == ["dx", "da", "db"]
    assert found[0].why == "dx has the wrong sign (so with dw)"


def test_a_number_is_differentiated_though_its_gradient_is_0_for_ones():
    def spread(u):
        return jnp.roll(u, 1) - 2 * u + jnp.roll(u, -1)

    def forward(u, k):
        return u + k * spread(u), (u, k)

    def backward(sign, dout, cache):
        u, k = cache
        return dout + k * spread(dout), sign * jnp.sum(u * spread(dout))

    assert explain(Pair(forward, functools.partial(backward, 1)), POSITIVE, 0.2).right
    (finding,) = explain(Pair(forward, functools.partial(backward, -1)), POSITIVE, 0.2).findings
    assert (finding.leaf, finding.kind) == ("dk", "sign")


def test_what_is_nearly_right_is_called_so_and_given_no_other_reason():
    def forward(x):
        return np.exp([float(value) for value in x]), x  # not JAX's

    x = np.array([0.3, 1.2, 2.1])
    for slips in (np.array([1.0, 1 + 8e-6, 1.0]), 1 + np.array([2e-4, 5e-4, 3e-4])):
        finding = explain(Pair(forward, lambda d, x, s=slips: d * np.exp(x) * s), x).findings[0]
        assert finding.kind == "imprecise", finding.why
        assert "an approximation" in finding.why


def test_nan_as_by_autodiff_is_not_called_something_else():
    def distance(x):
        return jnp.sqrt(x * x)

    finding = explain(distance, np.zeros(3)).findings[0]
    assert finding.why.startswith("3 entries of dx are NaN, as by autodiff")
