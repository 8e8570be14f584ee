"""Wrong gradients that are easily called right, and right ones that are easily called wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import special

from fnet import losses
from fnet.check import Pair, ValueAndGrad, explain
from fnet.errors import ConfigurationError
from fnet.layers import affine, relu

RNG = np.random.default_rng(0)
X, SQUARE = RNG.normal(size=(4, 3)), RNG.normal(size=(4, 4))
TINY = np.finfo(np.float64).tiny
MASK = np.array([[1, 0, 1], [1, 1, 0], [0, 1, 1], [1, 1, 1]], bool)


def rule(forward, backward):
    """A jax.custom_vjp."""
    wired = jax.custom_vjp(lambda *a: forward(*a)[0])
    wired.defvjp(forward, lambda kept, dout: backward(dout, kept))
    return wired


def masked(x):
    return jnp.where(MASK, x**2, -jnp.inf), x


def norm(x, gamma):
    hat = (x - x.mean(1, keepdims=True)) / jnp.sqrt(x.var(1, keepdims=True) + 0.1)
    return gamma * hat, (x, gamma)


def gamma_too_late(dout, cache):
    x, gamma = cache
    hat, back = jax.vjp(lambda x: norm(x, 1.0)[0], x)
    return gamma * back(dout)[0], (dout * hat).sum(0)


def softplus(x):
    return jnp.logaddexp(x, 0.0), x


def exponential(x):
    return jnp.exp(x), x


def leaky_inside(x):
    return jnp.where(x > 0, x, 0.1 * x)


leaky = jax.custom_vjp(leaky_inside)
leaky.defvjp(lambda x: (jnp.maximum(x, 0), x), lambda x, d: (jnp.where(x > 0, d, 0.1 * d),))


def quotient(x):
    return jnp.where(x == 0, 1.0, jnp.sin(x) / x), x


def long(x):
    return np.log(np.asarray(x)).sum() + 0 * len(str(x)), x


def power_law(x, a):
    """It has its own branch at a = −1, where the other one is rounding error alone."""
    beside = jnp.where(a == -1, 1.0, a + 1)
    log, power = jnp.log(x) / jnp.log(3.0), (x**beside - 1) / (3.0**beside - 1)
    return jnp.where(a == -1, log, power), (x, a)


def wrong_sign_in_its_branch(dout, cache):
    dx, da = jax.vjp(lambda *both: power_law(*both)[0], *cache)[1](dout)
    return jnp.where(cache[1] == -1, -dx, dx), da


def clipped(p):
    return 9 * jnp.log1p(-jnp.maximum(p, TINY)), p


def through_a_huge_factor(dout, p):
    return dout / TINY * jnp.where(p > TINY, -9 * TINY / (1 - p), 0)


def alone(function, derivative):
    """A pair of numbers, which cannot be lifted: differences alone tell."""
    each = (np.vectorize(lambda x, of=of: of(float(x))) for of in (function, derivative))
    value, slope = each
    return Pair(lambda x: (value(x), x), lambda dout, x: dout * slope(x))


WRONG = {
    "wrong in a branch of another argument": (
        Pair(power_law, wrong_sign_in_its_branch),
        (np.array([1.3, 2.0]), np.array([-1.0, 1.0])),
    ),
    "wrong where the output is finite, beside infinities": (
        Pair(masked, lambda dout, x: jnp.where(MASK, -2 * x * dout, 0)),
        (X,),
    ),
    "right for a constant gamma alone": (Pair(norm, gamma_too_late), (X, np.ones(3))),
    "right for a symmetric matrix alone": (
        Pair(lambda x, w: (x @ w, (x, w)), lambda d, c: (d @ c[1], c[0].T @ d)),
        (X, np.ones((3, 3))),
    ),
    "wrong above 5 alone": (
        Pair(softplus, lambda dout, x: dout * jnp.where(x > 5, 1.0, jax.nn.sigmoid(x))),
        (X,),
    ),
    "wrong where the output is small": (
        Pair(exponential, lambda dout, x: jnp.where(x < -1, 0.0, dout * jnp.exp(x))),
        (np.linspace(-30.0, 30.0, 13),),
    ),
    "another value below 0": (leaky, (X,)),
    "NaN where the slope is 0": (
        Pair(quotient, lambda dout, x: dout * (jnp.cos(x) / x - jnp.sin(x) / x**2)),
        (np.array([0.5, 0.0, -0.3]),),
    ),
    "one output forgotten": (
        Pair(lambda x: ((1e9 * x, x**2), x), lambda dout, x: 1e9 * dout[0]),
        (X,),
    ),
    "ties, all of dout to each": (
        Pair(
            lambda x: (x.max(1), (x, x.max(1))),
            lambda d, c: jnp.where(c[0] == c[1][:, None], d[:, None], 0),
        ),
        (X,),
    ),
    "few digits, and 1.5 times": (
        rule(
            lambda x, w: (
                (x.astype(jnp.bfloat16) @ w.astype(jnp.bfloat16)).astype(x.dtype),
                (x, w),
            ),
            lambda d, c: (d @ c[1].T, 1.5 * (c[0].T @ d)),
        ),
        (X, SQUARE[:3]),
    ),
    "a mask of few digits, and 1.0001 times": (
        Pair(
            lambda x: (x * (x > 0).astype(jnp.bfloat16).astype(x.dtype), x),
            lambda d, x: 1.0001 * jnp.where(x > 0, d, 0),
        ),
        (X,),
    ),
    "NaN at the kink of every entry": (
        alone(abs, lambda x: np.sign(x) if x else np.nan),
        (np.zeros(3),),
    ),
    "twice, at the end of a support": (
        alone(lambda x: np.clip(x, 0, 1), lambda x: 2.0 * (0 <= x <= 1)),
        (np.array([0.0, 1.0]),),
    ),
    "the wrong sign at a root": (alone(np.sin, lambda x: -np.cos(x)), (np.array([np.pi]),)),
    "NaN where the value is flat": (
        alone(lambda x: 1e3 + 1e-9 * x * x, lambda x: 2e-9 * x if x else np.nan),
        (np.array([0.0, 1.0]),),
    ),
    "the last of 5,000 entries": (
        Pair(long, lambda d, x: d / np.where(np.arange(5000) == 4999, 2 * x, x)),
        (RNG.uniform(0.5, 2.0, 5000),),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_hides_is_found(name):
    subject, arguments = WRONG[name]
    assert not explain(subject, *arguments).right


TARGET, WIDE = RNG.normal(size=4), RNG.normal(size=(5, 3))


def least_squares(w):
    r = WIDE @ w - 1.0
    return r @ r / 2, WIDE.T @ r


def only_probabilities(p):
    p = np.asarray(p)
    assert np.all((p > 0) & (p < 1)), "these are no probabilities"
    return -np.log(p), p


def counting():
    calls = {}

    def forward(x, settings):
        settings["mean"] = 0.9 * settings.get("mean", 0) + 0.1 * np.asarray(x).mean(0)
        calls["last"] = x
        return 2 * x, ()

    return Pair(forward, lambda dout, cache: 2 * dout)


RIGHT = {
    "overflow for a cotangent of 1e15": (
        Pair(clipped, through_a_huge_factor),
        (np.array([0.0, 0.4]),),
    ),
    "a slope of 1e-18 where the value is 0": (
        Pair(
            lambda x: (np.log(np.clip(special.gammaincc(20.0, x), 1e-35, 1.0)), x),
            lambda d, x: -d * x**19 * np.exp(-x) / special.gamma(20.0) / special.gammaincc(20.0, x),
        ),
        (np.array([30.0, 1.0]),),
    ),
    "infinite, and so it is: of the cube root": (
        alone(np.cbrt, lambda x: np.cbrt(x) ** -2 / 3 if x else np.inf),
        (np.array([0.0, 1.0, 2.0]),),
    ),
    "infinite on one side, and so it is: of √|x|": (
        alone(lambda x: abs(x) ** 0.5, lambda x: np.sign(x) / 2 / abs(x) ** 0.5 if x else np.inf),
        (np.array([0.0, 1.0, 2.0]),),
    ),
    "at a pole, beside other numbers": (
        alone(np.tan, lambda x: 1 + np.tan(x) ** 2),
        (np.array([np.pi / 2, 0.3]),),
    ),
    "data of its own in float64": (ValueAndGrad(least_squares), (np.ones(3),)),
    "a target of its own": (
        Pair(lambda x: (((x - TARGET) ** 2).mean(), x), lambda d, x: d * (x - TARGET) / 2),
        (X[:, 0],),
    ),
    "data of its own, which the argument is equal to": (
        Pair(lambda x: ((x - TARGET) ** 2, x), lambda d, x: 2 * d * (x - TARGET)),
        (np.array(TARGET),),
    ),
    "a mask of its own": (
        Pair(lambda x: (x * MASK, ()), lambda d, _: d * MASK),
        (X,),
    ),
    "as many examples as features": (
        Pair(
            lambda x, gamma, beta: (x * gamma + beta, (x, gamma)),
            lambda d, c: (d * c[1], (d * c[0]).sum(0), d.sum(0)),
        ),
        (SQUARE, SQUARE[0], SQUARE[1]),
    ),
    "a staircase": (Pair(lambda x: (np.floor(16 * np.asarray(x)), x), lambda d, x: 0 * x), (X,)),
    "zeros of JAX's default dtype": (
        Pair(
            lambda x, ids: (x[ids], (x.shape, ids)),
            lambda d, c: (jnp.zeros(c[0]).at[c[1]].add(d), None),
        ),
        (X, np.array([1, 1, 2])),
    ),
    "values that it was not made for raise": (
        Pair(only_probabilities, lambda d, p: -d / p),
        (np.array([0.2, 0.97, 0.999]),),
    ),
    "running averages in settings": (counting(), (X, {"mode": "train"})),
    "None where the gradient is 0": (
        rule(lambda x, m: (x * jnp.round(m), (m,)), lambda d, c: (d * jnp.round(c[0]), None)),
        (X, X + 0.3),
    ),
    "what JAX's arrays alone can do": (
        rule(lambda x: (x.at[0].set(0.0), ()), lambda d, _: (d.at[0].set(0.0),)),
        (X,),
    ),
    "a linear system": (
        Pair(
            lambda a, b: (jnp.linalg.solve(a, b), (a, jnp.linalg.solve(a, b))),
            lambda d, c: (
                -jnp.outer(jnp.linalg.solve(c[0].T, d), c[1]),
                jnp.linalg.solve(c[0].T, d),
            ),
        ),
        (SQUARE + 3 * np.eye(4), TARGET),
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_looks_wrong_is_not_called_wrong(name):
    subject, arguments = RIGHT[name]
    report = explain(subject, *arguments)
    assert report.right, report


def test_what_changed_behind_a_function_is_seen():
    """Compiled programs are kept for what they compute, not for what they are called."""
    factor = np.array(1.0)
    helper = {"slope": lambda x: factor * jnp.cos(x)}
    pair = Pair(lambda x: (jnp.sin(x), x), lambda dout, x: dout * helper["slope"](x))
    assert explain(pair, X).right
    factor[...] = 2.0
    assert explain(pair, X).findings[0].kind == "factor"
    helper["slope"] = lambda x: -jnp.cos(x)
    assert explain(pair, X).findings[0].kind == "sign"
    helper["slope"] = jnp.cos
    assert explain(pair, X).right


def test_state_that_compiled_code_keeps_is_told():
    kept = {}

    def forward(x):
        kept["x"] = x
        return jnp.sin(x), ()

    def backward(dout, cache):
        kept.setdefault("first", kept["x"])
        return dout * jnp.cos(kept["first"])

    finding = explain(Pair(forward, backward), X).findings[0]
    assert finding.kind in ("stale", "jit")  # by which of the two it is noticed is chance


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((np.full((2, 3), np.nan),), "6 of 6 entries of x are not finite"),
        ((np.array([1.0, np.inf]),), "1 of 2 entries of x are not finite"),
        ((np.zeros((0, 3)),), r"nothing to differentiate by: x \(0, 3\)"),
        (([[1.0, 2.0]],), r"x is a list; give np.asarray\(x\)"),
        ((np.arange(3),), r"given: int64\); write x.astype\(float\)"),
    ],
)
def test_arguments_at_which_nothing_can_be_compared(arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        explain(Pair(lambda x: (x**2, x), lambda dout, x: 2 * x * dout), *arguments)


@pytest.mark.parametrize(
    ("subject", "options", "words"),
    [
        (Pair(lambda x: (x > 0, x), lambda d, x: x), {}, r"the output is bool \(4, 3\)"),
        (Pair(lambda x: (x * jnp.nan, x), lambda d, x: x), {}, "no entry of the output is finite"),
        (Pair(lambda x: (x,), lambda d, x: x), {}, "returned a tuple of 1"),
        (
            lambda x: np.sin(np.asarray(x)),
            {},
            r"not a JAX function: give Pair\(forward, backward\)",
        ),
        (
            Pair(lambda x: (x, x), lambda d, x: d),
            {"reference": lambda x: np.array([float(v) for v in x.ravel()])},
            "the reference, <lambda>, is not a JAX function",
        ),
        (jnp.sin, {"seed": -1}, "seed is -1"),
    ],
)
def test_what_cannot_be_examined_says_so(subject, options, words):
    with pytest.raises(ConfigurationError, match=words):
        explain(subject, X, **options)


def test_arguments_of_layers_and_losses_that_make_no_sense():
    for options in ({"batch_size": 0}, {"batch_size": "3"}, {"reference": jnp.sin}):
        with pytest.raises(ConfigurationError):
            explain(affine(3), (4,), **options)
    with pytest.raises(ConfigurationError, match="a size of the shape is 0"):
        explain(relu(), (0,))
    with pytest.raises(ConfigurationError, match="are not finite"):
        explain(losses.mse(), np.full(3, np.nan), np.zeros(3))


def test_a_gradient_of_what_is_not_differentiated_is_told():
    pair = Pair(lambda x, a: (a * x, (x, a)), lambda d, c: (d * c[1], (d * c[0]).sum()))
    with pytest.raises(ConfigurationError, match="returns a gradient for a, which is int"):
        explain(pair, X, np.array(2))


@pytest.mark.parametrize("number", [2.0, 2, np.array(2.0)])
@pytest.mark.parametrize("library", [np, jnp])
def test_a_number_that_a_gradient_is_given_for_is_differentiated(number, library):
    def forward(x, a):
        return a * library.sin(x), (x, a)

    def backward(dout, cache):
        x, a = cache
        return dout * a * library.cos(x), factor * (dout * library.sin(x)).sum()

    factor = 1.0
    assert explain(Pair(forward, backward), X, number).right
    factor = 2.0
    finding = explain(Pair(forward, backward), X, number).findings[0]
    assert (finding.leaf, finding.kind) == ("da", "factor")


def test_a_number_without_a_gradient_is_a_constant():
    pair = Pair(lambda x, a: (a * x, a), lambda dout, a: (dout * a, None))
    assert explain(pair, X, 2.0).right
    assert explain(pair._replace(backward=lambda dout, a: (dout * a, 0.0)), X, 2.0).right


def test_a_reference_is_heeded_wherever_it_is_given():
    pair = Pair(lambda x: (x**2, x), lambda dout, x: 2 * x * dout)
    assert explain(pair, X, reference=lambda x: x * x).right
    assert not explain(pair, X, reference=lambda x: x**3).right


def test_where_nothing_was_written_by_hand_the_report_says_so():
    assert "autodiff was compared with itself" in str(explain(jnp.sin, X))
    assert "autodiff was compared with itself" not in str(explain(jax.nn.relu, X))
