"""Matrix products in the form that the platform multiplies fastest; the numbers are the same."""

import jax
import jax.numpy as jnp
from chex import Array


def product(a: Array, b: Array) -> Array:
    """a b, in their dtype; of narrow floats added up in float32, as GPUs do anyway.

    XLA's CPU multiplies bfloat16 two to three times as fast when it may give float32.
    """
    wide = jnp.float32 if a.dtype.itemsize < 4 else a.dtype
    return jnp.matmul(a, b, preferred_element_type=wide).astype(a.dtype)


def transposed(a: Array) -> Array:
    """aᵀ, to be the left factor of a product.

    XLA's CPU would fold a plain transpose into the product, and read its left factor by columns,
    at half the speed; the barrier makes it lay out aᵀ first. A GPU takes either.
    """
    return jax.lax.platform_dependent(
        a, cpu=lambda a: jax.lax.optimization_barrier(a.T), default=jnp.transpose
    )
