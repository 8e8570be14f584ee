"""Normalisations and squashing functions of rows, in JAX."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.mutants.unseen.form import of_pair

RNG = np.random.default_rng(8)
X, GAIN, POSITIVE = RNG.normal(size=(4, 5)), RNG.normal(size=5), RNG.uniform(0.3, 2, size=(4, 5))
EPS = 0.01


def rms(x, gain):
    return gain * x / jnp.sqrt(jnp.mean(x**2, axis=1, keepdims=True) + EPS)


def rms_backward(dy, x, gain):
    r = 1 / jnp.sqrt(jnp.mean(x**2, axis=1, keepdims=True) + EPS)
    dz = dy * gain
    dx = r * dz - x * r**3 * jnp.mean(dz * x, axis=1, keepdims=True)
    return dx, jnp.sum(dy * x * r, axis=0)


def shares(x):
    return x / x.sum(axis=1, keepdims=True)


def shares_backward(dy, x):
    total = x.sum(axis=1, keepdims=True)
    return dy / total - jnp.sum(dy * x, axis=1, keepdims=True) / total**2


def weight_norm(v, g):
    return g[:, None] * v / jnp.linalg.norm(v, axis=1, keepdims=True)


def weight_norm_backward(dw, v, g):
    norm = jnp.linalg.norm(v, axis=1, keepdims=True)
    along = jnp.sum(dw * v, axis=1, keepdims=True)
    return g[:, None] * (dw / norm - v * along / norm**3), (along / norm)[:, 0]


def log_softmax(x):
    return x - jax.nn.logsumexp(x, axis=1, keepdims=True)


def log_softmax_backward(dy, x):
    return dy - jax.nn.softmax(x) * dy.sum(axis=1, keepdims=True)


def min_max(x):
    low, high = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
    return (x - low) / (high - low)


def min_max_backward(dy, x):
    low, high = x.min(axis=1, keepdims=True), x.max(axis=1, keepdims=True)
    y = (x - low) / (high - low)
    dlow, dhigh = (
        jnp.sum(dy * (y - 1), axis=1, keepdims=True),
        -jnp.sum(dy * y, axis=1, keepdims=True),
    )
    return (dy + jnp.where(x == low, dlow, 0) + jnp.where(x == high, dhigh, 0)) / (high - low)


def standardised(x):
    return (x - x.mean(axis=0)) / jnp.sqrt(x.var(axis=0) + EPS)


def standardised_backward(dy, x):
    s = jnp.sqrt(x.var(axis=0) + EPS)
    y = (x - x.mean(axis=0)) / s
    return (dy - dy.mean(axis=0) - y * jnp.mean(dy * y, axis=0)) / s


def squash(x):
    """The squashing of capsules: the direction, with a length below 1."""
    n = jnp.sum(x**2, axis=1, keepdims=True)
    return x * jnp.sqrt(n) / (1 + n)


def squash_backward(dy, x):
    n = jnp.sum(x**2, axis=1, keepdims=True)
    along = jnp.sum(dy * x, axis=1, keepdims=True)
    return dy * jnp.sqrt(n) / (1 + n) + x * along * (1 - n) / (jnp.sqrt(n) * (1 + n) ** 2)


def box_cox(x, power):
    return (x**power - 1) / power


def box_cox_backward(dy, x, power):
    dpower = jnp.sum(dy * (x**power * jnp.log(x) - (x**power - 1) / power)) / power
    return dy * x ** (power - 1), dpower


def smooth_max(x, t):
    return t * jax.nn.logsumexp(x / t, axis=1)


def smooth_max_backward(dy, x, t):
    p = jax.nn.softmax(x / t, axis=1)
    entropy = -jnp.sum(p * jnp.log(p), axis=1)
    return dy[:, None] * p, jnp.sum(dy * entropy)


SIGN, TERM = "sign|minus|negat", "term"
MISTAKES = [
    *of_pair(
        rms, rms_backward, (X, GAIN),
        ("size held constant", "r * dz - x * r**3 * jnp.mean(dz * x, axis=1, keepdims=True)", "r * dz", "term|constant"),
        ("sum for mean", "jnp.mean(dz * x", "jnp.sum(dz * x", "mean|sum|average|×"),
        ("power", "r**3", "r**2", "power|exponent|cube|term|factor"),
        ("gain forgotten", "dz = dy * gain", "dz = dy", "factor|gain"),
        ("input not scaled", "jnp.sum(dy * x * r, axis=0)", "jnp.sum(dy * x, axis=0)", "factor|normal|divi|root|sqrt"),
    ),
    *of_pair(
        shares, shares_backward, (POSITIVE,),
        ("total held constant", " - jnp.sum(dy * x, axis=1, keepdims=True) / total**2", "", "term|constant|denominator"),
        ("not summed", "jnp.sum(dy * x, axis=1, keepdims=True)", "dy * x", "sum|diagonal"),
        ("over columns", "jnp.sum(dy * x, axis=1", "jnp.sum(dy * x, axis=0", "axis"),
    ),
    *of_pair(
        weight_norm, weight_norm_backward, (X, GAIN[:4]),
        ("norm held constant", "(dw / norm - v * along / norm**3)", "dw / norm", "term|norm|constant"),
        ("length forgotten", "g[:, None] * (dw", "(dw", "factor"),
        ("not divided", "(along / norm)", "along", "norm|divi|factor"),
    ),
    *of_pair(
        log_softmax, log_softmax_backward, (X,),
        ("softmax of the gradient", "jax.nn.softmax(x) *", "jax.nn.softmax(dy) *", "linear|dout|softmax|place"),
        ("softmax's backward", "dy - jax.nn.softmax(x) * dy.sum(axis=1, keepdims=True)", "jax.nn.softmax(x) * (dy - jnp.sum(jax.nn.softmax(x) * dy, axis=1, keepdims=True))", "softmax|log"),
        ("not summed", "dy.sum(axis=1, keepdims=True)", "dy", "sum|diagonal"),
        ("mean for sum", "dy.sum(axis=1", "dy.mean(axis=1", "mean|sum|average"),
    ),
    *of_pair(
        min_max, min_max_backward, (X,),
        ("ends held constant", "(dy + jnp.where(x == low, dlow, 0) + jnp.where(x == high, dhigh, 0))", "dy", "term|min|max|constant"),
        ("the minimum forgotten", " + jnp.where(x == low, dlow, 0)", "", "term|min"),
        ("sign of the maximum", "-jnp.sum(dy * y,", "jnp.sum(dy * y,", SIGN),
        ("to all entries", "jnp.where(x == high, dhigh, 0)", "dhigh", "mask|max|where|all"),
    ),
    *of_pair(
        standardised, standardised_backward, (X,),
        ("variance held constant", " - y * jnp.mean(dy * y, axis=0)", "", "term|variance|constant"),
        ("mean held constant", " - dy.mean(axis=0)", "", "term|mean"),
        ("x for y", "y * jnp.mean(dy * y", "x * jnp.mean(dy * x", "place|instead|normalis|factor|term|centr"),
        ("variance for deviation", "return (dy - dy.mean(axis=0) - y * jnp.mean(dy * y, axis=0)) / s", "return (dy - dy.mean(axis=0) - y * jnp.mean(dy * y, axis=0)) / s**2", "power|square|root|sqrt|variance|factor|divi"),
    ),
    *of_pair(
        squash, squash_backward, (X,),
        ("length held constant", "dy * jnp.sqrt(n) / (1 + n) + x * along * (1 - n) / (jnp.sqrt(n) * (1 + n) ** 2)", "dy * jnp.sqrt(n) / (1 + n)", "term|constant|norm"),
        ("along the direction", "along * (1 - n)", "along * (1 + n)", SIGN),
        ("along each entry", "jnp.sum(dy * x, axis=1, keepdims=True)", "dy * x", "sum|diagonal"),
    ),
    *of_pair(
        box_cox, box_cox_backward, (POSITIVE, 0.4),
        ("power in front", "dy * x ** (power - 1)", "dy * power * x ** (power - 1)", r"factor|0\.4|2\.5|×|power"),
        ("power not lowered", "x ** (power - 1)", "x**power", "power|exponent|factor|by x"),
        ("bottom held constant", " - (x**power - 1) / power)", ")", "term|denominator|constant"),
    ),
    *of_pair(
        smooth_max, smooth_max_backward, (X, 0.6),
        ("temperature twice", "dy[:, None] * p,", "dy[:, None] * p / t,", r"factor|0\.6|1\.6|×|twice|divi"),
        ("temperature's front alone", "jnp.sum(dy * entropy)", "jnp.sum(dy * jax.nn.logsumexp(x / t, axis=1))", TERM),
        ("maximum itself", "p = jax.nn.softmax(x / t, axis=1)", "p = jax.nn.softmax(x / 1e-4, axis=1)", "max|softmax|temperature|nan|finite|not a number"),
    ),
]  # fmt: skip
