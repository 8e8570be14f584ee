"""Matrix products in the form that the platform multiplies fastest; the numbers are the same."""

import jax
import jax.numpy as jnp
from chex import Array


def product(a: Array, b: Array) -> Array:
    """a b, in their dtype; narrow floats are accumulated in float32, as GPUs do anyway.

    XLA multiplies bfloat16 on a CPU two to three times as fast when the result may be float32.
    """
    wide = jnp.float32 if a.dtype.itemsize < 4 else a.dtype
    return jnp.matmul(a, b, preferred_element_type=wide).astype(a.dtype)


def transposed_product(a: Array, b: Array) -> Array:
    """aᵀ b, for a (N, M) and b (N, D).

    On a CPU XLA reads aᵀ by columns, at as little as half the speed. Where the product is worth it,
    and the copy is small beside b or beside the product, aᵀ is laid out first; the barrier keeps
    XLA from folding it back. A GPU reads either at full speed.

    For narrow floats it is always laid out: on a CPU XLA cannot run such a product under `jax.vmap`
    where only b is mapped (jaxlib 0.10.2: findings/bfloat16_product_under_vmap.sh).
    """
    (n, m), d = a.shape, b.shape[1]
    if a.dtype.itemsize >= 4 and (m < 32 or d < 4 * min(m, n)):
        return product(a.T, b)
    laid_out = jax.lax.platform_dependent(
        a, cpu=lambda a: jax.lax.optimization_barrier(a.T), default=jnp.transpose
    )
    return product(laid_out, b)
