"""Rules of functions entry by entry: numerically safe ones, and ones with a kink."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import erf

from tests.correct.entries import Entry, array, of_any_shape, positive, real, rule, two


def log1pexp(x):
    return jnp.logaddexp(x, jnp.zeros_like(x)), x


def log1pexp_back(x, dout):
    return (dout * jax.lax.logistic(x),)


def log_sigmoid(x):
    return jnp.minimum(x, 0) - jnp.log1p(jnp.exp(-jnp.abs(x))), x


def log_sigmoid_back(x, dout):
    return (dout * jax.lax.logistic(-x),)


def safe_sqrt(x):
    """The root, and 0 below 0."""
    y = jnp.sqrt(jnp.maximum(x, 0))
    return y, y


def safe_sqrt_back(y, dout):
    return (jnp.where(y > 0, dout / (2 * jnp.where(y > 0, y, 1)), 0),)


def xlogy(x, y):
    """x log y, and 0 at x = 0 whatever y is."""
    zero = x == 0
    return jnp.where(zero, 0, x * jnp.log(jnp.where(zero, 1, y))), (x, y)


def xlogy_back(kept, dout):
    x, y = kept
    zero = x == 0
    return dout * jnp.log(y), jnp.where(zero, 0, dout * x / jnp.where(zero, 1, y))


def sinc(x):
    """sin x / x, and 1 at 0."""
    zero = x == 0
    safe = jnp.where(zero, 1, x)
    return jnp.where(zero, 1, jnp.sin(safe) / safe), x


def sinc_back(x, dout):
    """(cos x − sinc x) / x, by its series near 0, where that cancels."""
    near = jnp.abs(x) < 0.1
    safe = jnp.where(near, 1, x)
    series = -x / 3 + x**3 / 30 - x**5 / 840 + x**7 / 45360
    return (dout * jnp.where(near, series, (jnp.cos(safe) - jnp.sin(safe) / safe) / safe),)


def hypot(x, y):
    """√(x² + y²) without overflow."""
    largest = jnp.maximum(jnp.abs(x), jnp.abs(y))
    safe = jnp.where(largest > 0, largest, 1)
    h = largest * jnp.sqrt((x / safe) ** 2 + (y / safe) ** 2)
    return h, (x, y, h)


def hypot_back(kept, dout):
    x, y, h = kept
    safe = jnp.where(h > 0, h, 1)
    return dout * (x / safe), dout * (y / safe)


def logaddexp(x, y):
    out = jnp.maximum(x, y) + jnp.log1p(jnp.exp(-jnp.abs(x - y)))
    return out, x - y


def logaddexp_back(apart, dout):
    return dout * jax.lax.logistic(apart), dout * jax.lax.logistic(-apart)


def gelu(x):
    return x * 0.5 * (1 + erf(x / np.sqrt(2).item())), x


def gelu_back(x, dout):
    below = 0.5 * (1 + erf(x / np.sqrt(2).item()))
    return (dout * (below + x * jnp.exp(-0.5 * x * x) / np.sqrt(2 * np.pi).item()),)


def elu(x):
    y = jnp.where(x > 0, x, jnp.expm1(jnp.minimum(x, 0)))
    return y, y


def elu_back(y, dout):
    return (dout * jnp.where(y > 0, 1, y + 1),)


def relu(x):
    return jnp.maximum(x, 0), x > 0


def relu_back(above, dout):
    return (jnp.where(above, dout, 0),)


def hard_tanh(x):
    return jnp.clip(x, -1, 1), x


def hard_tanh_back(x, dout):
    return (jnp.where(jnp.abs(x) <= 1, dout, 0),)


def absolute(x):
    return jnp.abs(x), x


def absolute_back(x, dout):
    return (dout * jnp.sign(x),)


def huber(x):
    size = jnp.abs(x)
    return jnp.where(size <= 1, 0.5 * x * x, size - 0.5), x


def huber_back(x, dout):
    return (dout * jnp.clip(x, -1, 1),)


def l1(y, target):
    return jnp.sum(jnp.abs(y - target)), y - target


def l1_back(apart, dout):
    return dout * jnp.sign(apart), -dout * jnp.sign(apart)


def sincos(x):
    """Two outputs."""
    return (jnp.sin(x), jnp.cos(x)), x


def sincos_back(x, dout):
    return (dout[0] * jnp.cos(x) - dout[1] * jnp.sin(x),)


def where_positive(x, y, mask):
    """x where the mask is, else y²; the mask is of booleans."""
    return jnp.where(mask, x, y * y), (y, mask)


def where_positive_back(kept, dout):
    y, mask = kept
    return jnp.where(mask, dout, 0), jnp.where(mask, 0, 2 * y * dout), None


def masked(rng):
    shape = of_any_shape(rng)
    return real(rng, shape), real(rng, shape), np.asarray(rng.uniform(size=shape) < 0.5)


def kepler(mean):
    """E = M + sin(E) / 2, by iteration: differentiated as an implicit function."""

    def step(state):
        e, _, count = state
        new = mean + 0.5 * jnp.sin(e)
        return new, e, count + 1

    def going(state):
        return (state[2] < 100) & jnp.any(state[0] != state[1])

    e, _, _ = jax.lax.while_loop(going, step, (mean + 0.5 * jnp.sin(mean), mean, 0))
    return e, e


def kepler_back(e, dout):
    return (dout / (1 - 0.5 * jnp.cos(e)),)


def power(x, exponent):
    """The exponent is no argument that is differentiated."""
    return x**exponent


wired_power = jax.custom_vjp(power, nondiff_argnums=(1,))
wired_power.defvjp(
    lambda x, exponent: (power(x, exponent), x),
    lambda exponent, x, dout: (dout * exponent * x ** (exponent - 1),),
)


def with_exponent(rng):
    return real(rng, of_any_shape(rng), -1, 1), int(rng.integers(2, 5))


ENTRIES = [
    Entry("log1pexp", rule(log1pexp, log1pexp_back), array()),
    Entry("log_sigmoid", rule(log_sigmoid, log_sigmoid_back), array()),
    Entry("safe_sqrt", rule(safe_sqrt, safe_sqrt_back), array()),
    Entry("xlogy", rule(xlogy, xlogy_back), two(draw=positive)),
    Entry("sinc", rule(sinc, sinc_back), array()),
    Entry("hypot", rule(hypot, hypot_back), two()),
    Entry("logaddexp", rule(logaddexp, logaddexp_back), two()),
    Entry("gelu", rule(gelu, gelu_back), array()),
    Entry("elu", rule(elu, elu_back), array()),
    Entry("relu", rule(relu, relu_back), array()),
    Entry("hard_tanh", rule(hard_tanh, hard_tanh_back), array()),
    Entry("absolute", rule(absolute, absolute_back), array()),
    Entry("huber", rule(huber, huber_back), array()),
    Entry("l1", rule(l1, l1_back), two()),
    Entry("sincos", rule(sincos, sincos_back), array()),
    Entry("where_positive", rule(where_positive, where_positive_back), masked),
    Entry("kepler", rule(kepler, kepler_back), array()),
    Entry("power", wired_power, with_exponent),
]
