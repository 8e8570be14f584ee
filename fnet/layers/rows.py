"""The moments of rows, and y and dx of a norm that normalises them.

A row is shifted by its first entry before anything is added: where the mean is large and the
spread small, sums of the entries themselves have few digits of the spread. All sums are in float32
or wider.
"""

import jax
import jax.numpy as jnp
from chex import Array

from fnet.core.trees import widened
from fnet.layers.sums import Moments, Sums, block_of, over_rows


def normalized(
    x: Array, scale: Array | None, bias: Array | None, eps: float, centred: bool
) -> tuple[Array, Moments]:
    """y = (x − μ) / s · scale + bias, and the moments (R, 1), of x (R, D)."""
    width = x.shape[1]

    def of_block(sums: Sums, x: Array, first: Array | None) -> tuple[None, Moments]:
        d = _shifted(x, first)
        ones, mean = jnp.ones(width, d.dtype), None
        if first is not None:
            mean = sums.rows(d, ones) / width
            d = d - mean
        return None, Moments(mean, jax.lax.rsqrt(sums.rows(d * d, ones) / width + eps))

    first = _first(x) if centred else None
    _, moments = over_rows(of_block, block_of(*x.shape), x, first)
    y = _standard(x, first, moments)
    y = y if scale is None else y * widened(scale)[None]
    y = y if bias is None else y + widened(bias)[None]
    return y.astype(x.dtype), moments


def gradients(
    x: Array, moments: Moments, scale: Array | None, dy: Array
) -> tuple[Array, Array, Array]:
    """dx, and the gradients of scale and bias, (D,) in float32 or wider."""
    width = x.shape[1]
    weights = jnp.ones(width, moments.rate.dtype) if scale is None else widened(scale)

    def of_block(
        sums: Sums, x: Array, first: Array | None, moments: Moments, dy: Array
    ) -> tuple[tuple[Array, Array], tuple[Array, Array | None]]:
        wide = widened(dy)
        along = wide * _standard(x, first, moments)
        plain = None if first is None else sums.rows(wide, weights) / width
        rows = sums.rows(along, weights) / width, plain
        return (sums.columns(along), sums.columns(wide)), rows

    first = None if moments.mean is None else _first(x)
    (dscale, dbias), (along, plain) = over_rows(of_block, block_of(*x.shape), x, first, moments, dy)
    dx = widened(dy) * weights[None] - _standard(x, first, moments) * along
    dx = dx if plain is None else dx - plain
    return (moments.rate * dx).astype(x.dtype), dscale, dbias


def _first(x: Array) -> Array:
    """The first entry of each row, behind a barrier: inside a loop over x it doubles the time."""
    first: Array = jax.lax.optimization_barrier(x[:, :1])
    return first


def _shifted(x: Array, first: Array | None) -> Array:
    return widened(x) if first is None else widened(x) - widened(first)


def _standard(x: Array, first: Array | None, moments: Moments) -> Array:
    """x̂"""
    d = _shifted(x, first)
    return (d if moments.mean is None else d - moments.mean) * moments.rate
