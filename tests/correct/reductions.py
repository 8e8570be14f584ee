"""Rules that reduce, order, or normalise along an axis."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.correct.entries import Entry, array, positive, real, rule, sizes

EPSILON = 1e-5


def logsumexp(x):
    m = x.max(axis=-1, keepdims=True)
    out = jnp.log(jnp.exp(x - m).sum(axis=-1)) + m[..., 0]
    return out, (x, out)


def logsumexp_back(kept, dout):
    x, out = kept
    return (dout[..., None] * jnp.exp(x - out[..., None]),)


def norm(x):
    """The Euclidean norm, of gradient 0 at 0."""
    size = jnp.sqrt(jnp.sum(x * x))
    return size, (x, size)


def norm_back(kept, dout):
    x, size = kept
    return (jnp.where(size > 0, dout * x / jnp.where(size > 0, size, 1), 0),)


def first_max(x):
    """The maximum of each row; all of its gradient goes to the first that is largest."""
    return x.max(axis=-1), x


def first_max_back(x, dout):
    return (jax.nn.one_hot(x.argmax(axis=-1), x.shape[-1], dtype=x.dtype) * dout[..., None],)


def max_and_place(x):
    """A maximum and where it is: an output of integers."""
    return (x.max(axis=-1), x.argmax(axis=-1)), x


def max_and_place_back(x, dout):
    return first_max_back(x, dout[0])


def ordered(x):
    order = jnp.argsort(x, axis=-1)
    return jnp.take_along_axis(x, order, axis=-1), order


def ordered_back(order, dout):
    return (jnp.take_along_axis(dout, jnp.argsort(order, axis=-1), axis=-1),)


def median(x):
    n = x.shape[-1]
    order = jnp.argsort(x, axis=-1)
    middle = order[..., (n - 1) // 2 : n // 2 + 1]
    return jnp.take_along_axis(x, middle, axis=-1).mean(axis=-1), (x[..., :0], middle, x.shape[-1])


def median_back(kept, dout):
    _, middle, n = kept
    hit = jax.nn.one_hot(middle, n, dtype=dout.dtype).mean(axis=-2)
    return (hit * dout[..., None],)


def softmax(x):
    e = jnp.exp(x - x.max(axis=-1, keepdims=True))
    y = e / e.sum(axis=-1, keepdims=True)
    return y, y


def softmax_back(y, dout):
    return (y * (dout - (dout * y).sum(axis=-1, keepdims=True)),)


def masked_softmax(x, mask):
    """Over the entries of each row that count; rows of none are 0."""
    e = jnp.where(mask, jnp.exp(x - x.max(axis=-1, keepdims=True, where=mask, initial=-1e30)), 0)
    total = e.sum(axis=-1, keepdims=True)
    y = e / jnp.where(total > 0, total, 1)
    return y, y


def masked_softmax_back(y, dout):
    return (y * (dout - (dout * y).sum(axis=-1, keepdims=True)), None)


def layer_norm(x, gain, bias):
    centred = x - x.mean(axis=-1, keepdims=True)
    inverse = 1 / jnp.sqrt((centred * centred).mean(axis=-1, keepdims=True) + EPSILON)
    y = centred * inverse
    return gain * y + bias, (y, inverse, gain)


def layer_norm_back(kept, dout):
    y, inverse, gain = kept
    dy = dout * gain
    along = (dy * y).mean(axis=-1, keepdims=True)
    dx = (dy - dy.mean(axis=-1, keepdims=True) - y * along) * inverse
    return dx, (dout * y).sum(axis=0), dout.sum(axis=0)


def batch_norm(x, gain, bias):
    centred = x - x.mean(axis=0)
    inverse = 1 / jnp.sqrt((centred * centred).mean(axis=0) + EPSILON)
    y = centred * inverse
    return gain * y + bias, (y, inverse, gain)


def batch_norm_back(kept, dout):
    y, inverse, gain = kept
    dgain, dbias = (dout * y).sum(axis=0), dout.sum(axis=0)
    return gain * inverse * (dout - dbias / len(y) - y * dgain / len(y)), dgain, dbias


def rms_norm(x, gain):
    inverse = 1 / jnp.sqrt((x * x).mean(axis=-1, keepdims=True) + EPSILON)
    return gain * x * inverse, (x, inverse, gain)


def rms_norm_back(kept, dout):
    x, inverse, gain = kept
    dy, y = dout * gain, x * inverse
    dx = inverse * (dy - y * (dy * y).mean(axis=-1, keepdims=True))
    return dx, (dout * y).sum(axis=0)


def unit(x):
    """x / |x| of each row, and 0 where x is."""
    size = jnp.sqrt((x * x).sum(axis=-1, keepdims=True))
    inverse = jnp.where(size > 0, 1 / jnp.where(size > 0, size, 1), 0)
    return x * inverse, (x * inverse, inverse)


def unit_back(kept, dout):
    y, inverse = kept
    return (inverse * (dout - y * (dout * y).sum(axis=-1, keepdims=True)),)


def moments(x):
    """Mean and variance of each row."""
    mean = x.mean(axis=-1)
    centred = x - mean[..., None]
    return (mean, (centred * centred).mean(axis=-1)), centred


def moments_back(centred, dout):
    dmean, dvariance = (d[..., None] / centred.shape[-1] for d in dout)
    return (dmean + 2 * centred * dvariance,)


def masked_mean(x, mask):
    count = jnp.maximum(mask.sum(), 1).astype(x.dtype)
    return jnp.where(mask, x, 0).sum() / count, (mask, count)


def masked_mean_back(kept, dout):
    mask, count = kept
    return jnp.where(mask, dout / count, 0), None


def divergence(p, q):
    """Σ p log(p / q) of two positive arrays."""
    ratio = jnp.log(p) - jnp.log(q)
    return (p * ratio).sum(), (p, q, ratio)


def divergence_back(kept, dout):
    p, q, ratio = kept
    return dout * (ratio + 1), -dout * p / q


def normed(gains):
    """Rows and gains (and biases) of their columns."""

    def draw(rng):
        n, m = sizes(rng, 2)
        return real(rng, (n, m)), *(real(rng, (m,), -1, 1) for _ in range(gains))

    return draw


def masked(rng):
    n, m = sizes(rng, 2)
    return real(rng, (n, m)), rng.uniform(size=(n, m)) < 0.6


def two_positive(rng):
    shape = sizes(rng, 2)
    return positive(rng, shape, -1, 1), np.asarray(positive(rng, shape, -1, 1))


ENTRIES = [
    Entry("logsumexp", rule(logsumexp, logsumexp_back), array(1)),
    Entry("norm", rule(norm, norm_back), array()),
    Entry("first_max", rule(first_max, first_max_back), array(1)),
    Entry("max_and_place", rule(max_and_place, max_and_place_back), array(1)),
    Entry("ordered", rule(ordered, ordered_back), array(1)),
    Entry("median", rule(median, median_back), array(1)),
    Entry("softmax", rule(softmax, softmax_back), array(1)),
    Entry("masked_softmax", rule(masked_softmax, masked_softmax_back), masked),
    Entry("layer_norm", rule(layer_norm, layer_norm_back), normed(2)),
    Entry("batch_norm", rule(batch_norm, batch_norm_back), normed(2)),
    Entry("rms_norm", rule(rms_norm, rms_norm_back), normed(1)),
    Entry("unit", rule(unit, unit_back), array(1)),
    Entry("moments", rule(moments, moments_back), array(1)),
    Entry("masked_mean", rule(masked_mean, masked_mean_back), masked),
    Entry("divergence", rule(divergence, divergence_back), two_positive),
]
