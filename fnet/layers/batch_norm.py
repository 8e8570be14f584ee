"""Batch normalisation: the one layer that mixes the rows of a batch, in training alone."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, PRNGKey

from fnet.core import Layer, NonTrainable, Shape, columns, layer
from fnet.core.across import all_rows, of_first
from fnet.core.blocks import divisor
from fnet.core.expect import require_key_and_shape, require_number, require_one_array
from fnet.core.trees import widened, zeros_like
from fnet.core.values import constructor
from fnet.layers import groups as by_group
from fnet.layers.norms import Norm, begin, gradient, require_flags, require_input

PARTS = 64


class Running(NamedTuple):
    """What `batch_norm` has observed of each channel, (C,) each.

    >>> Running(mean=jnp.zeros(3), variance=jnp.ones(3)).variance.tolist()
    [1.0, 1.0, 1.0]
    """

    mean: Array
    variance: Array


class BatchNorm(NamedTuple):
    """The parameters of `batch_norm`: γ and β, or None, and the statistics in use.

    >>> params, _ = batch_norm().init(jax.random.key(0), (3,))
    >>> params.scale.tolist(), params.running.value.mean.tolist()
    ([1.0, 1.0, 1.0], [0.0, 0.0, 0.0])
    """

    scale: Array | None
    bias: Array | None
    running: NonTrainable


@constructor
def batch_norm(
    *, eps: float = 1e-5, momentum: float = 0.9, scale: bool = True, bias: bool = True
) -> Layer:
    """Each channel less its mean, divided by its standard deviation, both over the whole batch.

        x̂  = (x − μ) / s                 μ = mean x   v = mean (x − μ)²   s = √(v + ε)
        y  = γ x̂ + β                     dγ = Σ dy x̂   dβ = Σ dy
        dx = γ (dy − mean dy − x̂ mean(dy x̂)) / s

    x, y and dx have one shape, (N, d1, ..., dk, C); γ (initially 1, left out where `scale` is
    False) and β (0, `bias`): (C,). Means and sums are over all axes but the last, of n entries.
    That is with a key, in training; there a batch of one entry per channel gives β. `observe` then
    moves the statistics that are used later, which are `NonTrainable`, by `momentum` m:

        M ← m M + (1 − m) μ              V ← m V + (1 − m) n v / (n − 1)

    Without a key x̂ is (x − M) / √(V + ε), no row sees another, and dx = γ dy / √(V + ε). Initially
    M is 0 and V is 1. As in PyTorch, V estimates the variance without bias; flax and Keras leave
    out n / (n − 1). As in flax and Keras, m is what stays; PyTorch's momentum is 1 − m.

    Sums are in float32 or wider, of x less its first entry, so that a mean of 10⁴ beside a spread
    of 0.1 is harmless. The last batch of an epoch is padded with samples of the first, which count
    as any other in μ and v.

    Cache: x; with a key also μ and 1/s of each channel. Raises ConfigurationError for arguments
    out of range.
    Source: Ioffe & Szegedy (2015), Batch Normalization, algorithms 1 and 2.

    >>> params, _ = batch_norm(momentum=0.5).init(jax.random.key(0), (1,))
    >>> x = jnp.array([[1.0], [3.0]])
    >>> y, cache = batch_norm(momentum=0.5).forward(params, x, jax.random.key(0))
    >>> params = batch_norm(momentum=0.5).observe(params, cache)
    >>> y.round(3).tolist(), params.running.value.mean.tolist()
    ([[-1.0], [1.0]], [1.0])
    """
    require_flags("batch_norm", eps, scale, bias)
    require_number("batch_norm: momentum", momentum, least=0, below=1)

    def init(key: PRNGKey, shape: Shape) -> tuple[BatchNorm, Shape]:
        require_key_and_shape(key, shape)
        require_one_array("batch_norm", shape, axes=1)
        channels = shape[-1:]
        running = Running(jnp.zeros(channels), jnp.ones(channels))
        return BatchNorm(*begin(channels, scale, bias), NonTrainable(running)), shape

    def forward(params: BatchNorm, x: Array, key: PRNGKey | None = None) -> tuple[Array, Any]:
        require_input("batch_norm", x)
        if key is None:
            wide, (mean, rate) = widened(x), in_use(params)
            factor = rate if scale is False else rate * widened(params.scale)
            y = (wide - columns(mean, x)) * columns(factor, x)
            y = y + columns(widened(params.bias), x) if bias else y
            return y.astype(x.dtype), (x, None)
        y, moments = by_group.normalized(parted(x), *params[:2], x.shape[-1], eps, across=True)
        return y.reshape(x.shape), (x, moments)

    def backward(params: BatchNorm, cache: Any, dy: Array) -> tuple[BatchNorm, Array]:
        x, moments = cache
        if moments is None:
            wide, (mean, rate) = widened(dy), in_use(params)
            axes = tuple(range(x.ndim - 1))
            dscale = (wide * (widened(x) - columns(mean, x))).sum(axes) * rate
            dbias = wide.sum(axes)
            factor = rate if scale is False else rate * widened(params.scale)
            dx = wide * columns(factor, x)
        else:
            dx, dscale, dbias = by_group.gradients(
                parted(x), moments, params.scale, parted(dy), across=True
            )
        trained = gradient(Norm(*params[:2]), dscale, dbias)
        return BatchNorm(*trained, zeros_like(params.running)), dx.reshape(x.shape).astype(x.dtype)

    def observe(params: BatchNorm, cache: Any) -> BatchNorm:
        x, moments = cache
        if moments is None:
            return params
        n = all_rows(x.size // x.shape[-1])
        if n == 0:
            return params
        first = of_first(widened(x.reshape(-1, x.shape[-1])[0]))
        variance = jnp.maximum(moments.rate.ravel() ** -2 - eps, 0) * (n / max(n - 1, 1))
        batch = Running(first + moments.mean.ravel(), variance)

        def moved(old: Array, new: Array) -> Array:
            wide = momentum * widened(old) + (1 - momentum) * new.astype(widened(old).dtype)
            return wide.astype(old.dtype)

        running = jax.tree.map(moved, params.running.value, batch)
        return params._replace(running=NonTrainable(running))

    def parted(x: Array) -> Array:
        """x as (N, P, C), N above 1 if that divides it: sums of parts are faster and more exact."""
        n = x.size // x.shape[-1]
        parts = divisor(n, PARTS)
        return x.reshape(parts, n // max(parts, 1), x.shape[-1])

    def in_use(params: BatchNorm) -> tuple[Array, Array]:
        """M and 1 / √(V + ε)."""
        running = widened(params.running.value)
        return running.mean, jax.lax.rsqrt(running.variance + eps)

    return layer(init, forward, backward, observe=observe)
