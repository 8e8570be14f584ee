"""Rules of linear algebra, convolution, pooling, recurrences, and attention."""

import jax
import jax.numpy as jnp
import numpy as np

from tests.correct.entries import Entry, array, real, rule, scale, sizes


def affine(x, w, b):
    return x @ w.T + b, (x, w)


def affine_back(kept, dout):
    x, w = kept
    return dout @ w, dout.T @ x, dout.sum(axis=0)


def wide_of(x):
    return jnp.float32 if x.dtype.itemsize < 4 else x.dtype


def wide_product(x, w):
    """Accumulated in float32 at least, and returned in the dtype of x."""
    wide = wide_of(x)
    return jnp.matmul(x, w, preferred_element_type=wide).astype(x.dtype), (x, w)


def wide_product_back(kept, dout):
    x, w = kept
    wide = wide_of(x)
    dx = jnp.matmul(dout, w.T, preferred_element_type=wide).astype(x.dtype)
    return dx, jnp.matmul(x.T, dout, preferred_element_type=wide).astype(w.dtype)


def solve(a, b):
    x = jnp.linalg.solve(a, b)
    return x, (a, x)


def solve_back(kept, dout):
    a, x = kept
    db = jnp.linalg.solve(a.T, dout)
    return -db @ x.T, db


def inverse(a):
    y = jnp.linalg.inv(a)
    return y, y


def inverse_back(y, dout):
    return (-y.T @ dout @ y.T,)


def logdet(a):
    """Of the symmetric part, which is positive definite."""
    factor = jnp.linalg.cholesky((a + a.T) / 2)
    return 2 * jnp.log(jnp.diagonal(factor)).sum(), factor


def logdet_back(factor, dout):
    whole = jax.scipy.linalg.cho_solve((factor, True), jnp.eye(len(factor), dtype=factor.dtype))
    return (dout * whole,)


def quadratic(x, a):
    return x @ a @ x, (x, a)


def quadratic_back(kept, dout):
    x, a = kept
    return dout * (a @ x + a.T @ x), dout * jnp.outer(x, x)


def distances(x, y):
    """Squared, of each row to each."""
    apart = x[:, None] - y[None]
    return (apart * apart).sum(axis=-1), apart


def distances_back(apart, dout):
    each = 2 * apart * dout[..., None]
    return each.sum(axis=1), -each.sum(axis=0)


def convolution(x, w):
    """x: (time, in), w: (width, in, out); y: (time − width + 1, out)."""
    y = sum(x[k : len(x) - len(w) + 1 + k] @ w[k] for k in range(len(w)))
    return y, (x, w)


def convolution_back(kept, dout):
    x, w = kept
    dx, dw = jnp.zeros_like(x), []
    for k in range(len(w)):
        dx = dx.at[k : k + len(dout)].add(dout @ w[k].T)
        dw.append(x[k : k + len(dout)].T @ dout)
    return dx, jnp.stack(dw)


def max_pool(x):
    """Of pairs of neighbours in the last axis."""
    pairs = x.reshape(*x.shape[:-1], -1, 2)
    return pairs.max(axis=-1), pairs[..., 0] >= pairs[..., 1]


def max_pool_back(first, dout):
    pairs = jnp.stack((jnp.where(first, dout, 0), jnp.where(first, 0, dout)), axis=-1)
    return (pairs.reshape(*dout.shape[:-1], -1),)


def mean_pool(x):
    return x.reshape(*x.shape[:-1], -1, 2).mean(axis=-1), x[:0]


def mean_pool_back(_, dout):
    return (jnp.repeat(dout / 2, 2, axis=-1),)


def sums(x):
    return jnp.cumsum(x, axis=-1), ()


def sums_back(_, dout):
    return (jnp.flip(jnp.cumsum(jnp.flip(dout, axis=-1), axis=-1), axis=-1),)


def recurrence(a, x):
    """h[t] = a[t] h[t − 1] + x[t], from h[−1] = 0."""

    def step(h, now):
        h = now[0] * h + now[1]
        return h, h

    _, h = jax.lax.scan(step, jnp.zeros_like(x[0]), (a, x))
    return h, (a, h)


def recurrence_back(kept, dout):
    a, h = kept

    def step(g, now):
        d, after = now
        g = d + after * g
        return g, g

    after = jnp.concatenate((a[1:], jnp.zeros_like(a[:1])))
    _, g = jax.lax.scan(step, jnp.zeros_like(h[0]), (dout, after), reverse=True)
    return g * jnp.concatenate((jnp.zeros_like(h[:1]), h[:-1])), g


def attention(q, k, v):
    scores = q @ k.T / np.sqrt(q.shape[-1]).item()
    e = jnp.exp(scores - scores.max(axis=-1, keepdims=True))
    p = e / e.sum(axis=-1, keepdims=True)
    return p @ v, (q, k, v, p)


def attention_back(kept, dout):
    q, k, v, p = kept
    dp = dout @ v.T
    dscores = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) / np.sqrt(q.shape[-1]).item()
    return dscores @ k, dscores.T @ q, p.T @ dout


def of_shapes(count, *shapes, low=-3.0, high=3.0):
    """Draws arrays whose axes are named by numbers, 0 to count − 1."""

    def draw(rng):
        size = sizes(rng, count)
        return tuple(real(rng, tuple(size[axis] for axis in axes), low, high) for axes in shapes)

    return draw


def square(rng, symmetric=False):
    """A matrix that is far from singular."""
    (n,) = sizes(rng, 1)
    a = rng.normal(size=(n, n))
    return scale(rng) * (a @ a.T + np.eye(n) if symmetric else a + 2 * n * np.eye(n))


def square_and_right(rng):
    a = square(rng)
    return a, real(rng, (len(a), *sizes(rng, 1)))


def signal(rng):
    inner, outer, width = sizes(rng, 3)
    time = width + int(rng.choice([0, 2]))
    return real(rng, (time, inner)), real(rng, (width, inner, outer))


def even(rng):
    n, m = sizes(rng, 2)
    return (real(rng, (n, 2 * m)),)


ENTRIES = [
    Entry("affine", rule(affine, affine_back), of_shapes(3, (0, 1), (2, 1), (2,))),
    Entry("wide_product", rule(wide_product, wide_product_back), of_shapes(3, (0, 1), (1, 2))),
    Entry("solve", rule(solve, solve_back), square_and_right),
    Entry("inverse", rule(inverse, inverse_back), lambda rng: (square(rng),)),
    Entry("logdet", rule(logdet, logdet_back), lambda rng: (square(rng, symmetric=True),)),
    Entry("quadratic", rule(quadratic, quadratic_back), of_shapes(1, (0,), (0, 0))),
    Entry("distances", rule(distances, distances_back), of_shapes(3, (0, 1), (2, 1))),
    Entry("convolution", rule(convolution, convolution_back), signal),
    Entry("max_pool", rule(max_pool, max_pool_back), even),
    Entry("mean_pool", rule(mean_pool, mean_pool_back), even),
    Entry("sums", rule(sums, sums_back), array(1)),
    Entry("recurrence", rule(recurrence, recurrence_back), of_shapes(2, (0, 1), (0, 1), high=0.5)),
    Entry(
        "attention",
        rule(attention, attention_back),
        of_shapes(4, (0, 1), (2, 1), (2, 3), high=1.0),
    ),
]
