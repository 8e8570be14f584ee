"""Matrix products in the form that the platform multiplies fastest; the numbers are the same."""

import math
from typing import Any

import jax
import jax.numpy as jnp
from chex import Array


def as_rows(x: Array) -> Array:
    """(N, D) of (..., D): each entry of the other axes a row."""
    return x.reshape(math.prod(x.shape[:-1]), x.shape[-1])


def product(a: Array, b: Array) -> Array:
    """a b, in their dtype; narrow floats are accumulated in float32, as GPUs do anyway.

    XLA multiplies bfloat16 on a CPU two to three times as fast when the result may be float32, but
    cannot run such a product under `jax.vmap` where only b is mapped and a is stored by columns
    (jaxlib 0.10.2: findings/bfloat16_product_under_vmap.sh). So a is stored by rows first.
    """
    return wide_product(a, b).astype(a.dtype)


def wide(dtype: Any) -> Any:
    """The dtype in which many numbers of this one are summed: float32 at least."""
    return jnp.float32 if jnp.dtype(dtype).itemsize < 4 else dtype


def wide_product(a: Array, b: Array) -> Array:
    """a b in float32 where they are narrower, for sums of many such products."""
    a = by_rows(a) if a.dtype.itemsize < 4 else a
    return jnp.matmul(a, b, preferred_element_type=wide(a.dtype))


def transposed_product(a: Array, b: Array) -> Array:
    """aᵀ b, for a (N, M) and b (N, D).

    On a CPU XLA reads aᵀ by columns, at as little as half the speed. Where the product is worth it,
    and the copy is small beside b or beside the product, aᵀ is stored by rows first. Of an a that
    is much wider than b, the product is (bᵀ a)ᵀ, up to 1.6 times as fast. A GPU reads either at
    full speed.
    """
    (n, m), d = a.shape, b.shape[1]
    if m >= 4 * d and n >= 2 * d:
        return by_rows(product(by_rows(b.T), a)).T
    worth_it = m >= 32 and d >= 4 * min(m, n)
    return product(by_rows(a.T) if worth_it else a.T, b)


def by_rows(a: Array) -> Array:
    """a, on a CPU stored by rows: the barrier keeps XLA from reading it by columns in place."""
    return jax.lax.platform_dependent(a, cpu=jax.lax.optimization_barrier, default=lambda a: a)
