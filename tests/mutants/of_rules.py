"""Mistakes in rules of `jax.custom_vjp`, and in functions with their gradient."""

import jax
import jax.numpy as jnp

from fnet.check import ValueAndGrad
from tests.mutants.planted import Mutant, mutant, normal

X, WIDE = normal(6, 4), normal(7, 5) / 2  # of the second no size is 4


def rule(function, backward):
    """A rule whose backward(x, y, dout) has the input and the output."""
    wired = jax.custom_vjp(function)
    wired.defvjp(
        lambda x: (function(x), (x, function(x))),
        lambda kept, dout: (backward(*kept, dout),),
    )
    return wired


def of_rule(name, kinds, function, backward) -> Mutant:
    return mutant(f"rule of {name}", kinds, lambda: rule(function, backward), X)


def swish(x):
    return x * jax.nn.sigmoid(x)


def clip(x):
    return jnp.clip(x, -0.5, 0.5)


def log_softmax(x):
    return x - jax.nn.logsumexp(x, axis=1, keepdims=True)


def logsumexp(x):
    return jax.nn.logsumexp(x, axis=1)


def lengths(x):
    return jnp.sqrt((x**2).sum(axis=1) + 0.1)


RULES = (
    of_rule("sin: sign", "sign", jnp.sin, lambda x, y, d: -d * jnp.cos(x)),
    of_rule("sin: sine for cosine", "derivative", jnp.sin, lambda x, y, d: d * jnp.sin(x)),
    of_rule("sin: cosine of y", "evaluated at the output", jnp.sin, lambda x, y, d: d * jnp.cos(y)),
    of_rule("exp: of y", "evaluated at the output", jnp.exp, lambda x, y, d: d * jnp.exp(y)),
    of_rule("exp: x for y", "evaluated at the input", jnp.exp, lambda x, y, d: d * x),
    of_rule("tanh: 1 − x²", "evaluated at the input", jnp.tanh, lambda x, y, d: d * (1 - x**2)),
    of_rule("x³: 3x", "factor missing/derivative", lambda x: x**3, lambda x, y, d: 3 * d * x),
    of_rule("x³: x²", "factor", lambda x: x**3, lambda x, y, d: d * x**2),
    of_rule("|x|: no sign", "derivative missing", jnp.abs, lambda x, y, d: d),
    of_rule("swish: xσ′ missing", "term missing", swish, lambda x, y, d: d * jax.nn.sigmoid(x)),
    of_rule(
        "swish: σ missing", "term missing", swish, lambda x, y, d: d * y * (1 - jax.nn.sigmoid(x))
    ),
    of_rule(
        "swish: sign of xσ′",
        "sign of a term",
        swish,
        lambda x, y, d: d * (jax.nn.sigmoid(x) - y * (1 - jax.nn.sigmoid(x))),
    ),
    of_rule(
        "clip: mask inverted",
        "mask inverted",
        clip,
        lambda x, y, d: jnp.where(jnp.abs(x) < 0.5, 0, d),
    ),
    of_rule("clip: straight through", "derivative missing", clip, lambda x, y, d: d),
    of_rule(
        "clip: mask of dout",
        "mask of another array",
        clip,
        lambda x, y, d: jnp.where(jnp.abs(d) < 0.5, d, 0),
    ),
    of_rule(
        "log softmax: sum missing",
        "not summed/factor missing/term missing",
        log_softmax,
        lambda x, y, d: d - jnp.exp(y) * d,
    ),
    of_rule(
        "log softmax: second term missing",
        "term missing/derivative missing",
        log_softmax,
        lambda x, y, d: d,
    ),
    of_rule(
        "log softmax: over the examples",
        "wrong axis",
        log_softmax,
        lambda x, y, d: d - jnp.exp(y) * d.sum(axis=0),
    ),
    of_rule(
        "logsumexp: dout ignored",
        "upstream ignored",
        logsumexp,
        lambda x, y, d: jax.nn.softmax(x, axis=1),
    ),
    of_rule(
        "logsumexp: over the examples",
        "wrong axis",
        logsumexp,
        lambda x, y, d: d[:, None] * jax.nn.softmax(x, axis=0),
    ),
    of_rule(
        "lengths: not divided",
        "factor missing/factor extra",
        lengths,
        lambda x, y, d: d[:, None] * x,
    ),
    of_rule("lengths: twice", "factor", lengths, lambda x, y, d: 2 * d[:, None] * x / y[:, None]),
    of_rule(
        "lengths: one row",
        "one row",
        lengths,
        lambda x, y, d: (d[:, None] * x / y[:, None]).at[4].set(0),
    ),
    of_rule("mean: a sum", "mean or sum", lambda x: x.mean(), lambda x, y, d: d + 0 * x),
    of_rule("sum: a mean", "mean or sum", lambda x: x.sum(), lambda x, y, d: d / x.size + 0 * x),
)


def quartic(gradient) -> ValueAndGrad:
    return ValueAndGrad(lambda w: (jnp.sum(w**4), gradient(w)))


VALUES = (
    mutant("Σw⁴ and 4w⁴", "factor extra/derivative", lambda: quartic(lambda w: 4 * w**4), WIDE),
    mutant("Σw⁴ and w³", "factor", lambda: quartic(lambda w: w**3), WIDE),
    mutant("Σw⁴ and a mean", "mean or sum", lambda: quartic(lambda w: 4 * w**3 / 35), WIDE),
    mutant("Σw⁴ and −4w³", "sign", lambda: quartic(lambda w: -4 * w**3), WIDE),
    mutant("Σw⁴ and 4|w|³", "absolute", lambda: quartic(lambda w: 4 * abs(w) ** 3), WIDE),
)

RULED = RULES + VALUES
