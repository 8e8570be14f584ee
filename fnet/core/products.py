"""Matrix products in the form that the platform multiplies fastest; the numbers are the same."""

import jax
import jax.numpy as jnp
from chex import Array


def product(a: Array, b: Array) -> Array:
    """a b, in their dtype; narrow floats are accumulated in float32, as GPUs do anyway.

    XLA multiplies bfloat16 on a CPU two to three times as fast when the result may be float32, but
    cannot run such a product under `jax.vmap` where only b is mapped and a is stored by columns
    (jaxlib 0.10.2: findings/bfloat16_product_under_vmap.sh). So a is stored by rows first.
    """
    if a.dtype.itemsize < 4:
        wide = jnp.matmul(_by_rows(a), b, preferred_element_type=jnp.float32)
        return wide.astype(a.dtype)
    return jnp.matmul(a, b, preferred_element_type=a.dtype)


def transposed_product(a: Array, b: Array) -> Array:
    """aᵀ b, for a (N, M) and b (N, D).

    On a CPU XLA reads aᵀ by columns, at as little as half the speed. Where the product is worth it,
    and the copy is small beside b or beside the product, aᵀ is stored by rows first. A GPU reads
    either at full speed.
    """
    (n, m), d = a.shape, b.shape[1]
    worth_it = m >= 32 and d >= 4 * min(m, n)
    return product(_by_rows(a.T) if worth_it else a.T, b)


def _by_rows(a: Array) -> Array:
    """a, on a CPU stored by rows: the barrier keeps XLA from reading it by columns in place."""
    return jax.lax.platform_dependent(a, cpu=jax.lax.optimization_barrier, default=lambda a: a)
