"""Products laid out for the platform: the same numbers, whatever the sizes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.core.products import product, transposed_product
from fnet.layers import affine

RNG = np.random.default_rng(0)
SIZES = [(3, 40, 200), (200, 40, 170), (5, 2, 300), (7, 64, 65), (1, 32, 128)]


@pytest.mark.parametrize(("n", "m", "d"), SIZES)
def test_the_numbers_are_those_of_numpy(n, m, d):
    a, b = RNG.normal(size=(n, m)), RNG.normal(size=(n, d))
    np.testing.assert_allclose(transposed_product(jnp.asarray(a), jnp.asarray(b)), a.T @ b)
    np.testing.assert_allclose(product(jnp.asarray(a.T), jnp.asarray(b)), a.T @ b)


@pytest.mark.parametrize(("n", "m", "d"), SIZES)
def test_it_jits_vmaps_and_differentiates(n, m, d):
    a, b = jnp.asarray(RNG.normal(size=(2, n, m))), jnp.asarray(RNG.normal(size=(2, n, d)))
    plain = jnp.einsum("knm,knd->kmd", a, b)
    np.testing.assert_allclose(jax.jit(jax.vmap(transposed_product))(a, b), plain)
    found = jax.grad(lambda a: (transposed_product(a, b[0]) ** 2).sum())(a[0])
    expected = jax.grad(lambda a: ((a.T @ b[0]) ** 2).sum())(a[0])
    np.testing.assert_allclose(found, expected)


def copies(n, m, d):
    """How many transposed copies the compiled backward pass of an affine layer makes of dy."""
    layer = affine(m)
    params = layer.init(jax.random.key(0), (d,))[0]
    x, dy = jnp.ones((n, d)), jnp.ones((n, m))
    text = jax.jit(lambda p, x, dy: layer.backward(p, x, dy)[0]).lower(params, x, dy).compile()
    return sum(f"f64[{m},{n}]" in line for line in text.as_text().splitlines() if "copy" in line)


@pytest.mark.skipif(jax.default_backend() != "cpu", reason="of what XLA does on a CPU")
def test_the_copy_is_made_where_it_pays_and_is_small():
    assert copies(8, 100, 3072) > 0
    assert copies(256, 100, 3072) > 0
    assert copies(512, 256, 256) == 0  # as large as the layer's input
    assert copies(512, 10, 256) == 0  # for so few outputs it gains nothing


@pytest.mark.parametrize("axes", [(None, 0), (0, None), (0, 0)])
def test_narrow_products_run_under_vmap(axes):
    """XLA's CPU refuses some of them: findings/bfloat16_product_under_vmap.sh."""
    rng = np.random.default_rng(0)
    a, b = (jnp.asarray(rng.normal(size=(2, 5, size)), jnp.bfloat16) for size in (3, 7))
    given = [array if axis == 0 else array[0] for array, axis in zip((a, b), axes, strict=True)]
    a, b = (jnp.broadcast_to(array, (2, *array.shape[-2:])).astype(float) for array in given)
    expected = a.swapaxes(1, 2) @ b
    for function in (transposed_product, lambda a, b: product(a.T, b)):
        found = jax.jit(jax.vmap(function, in_axes=axes))(*given)
        np.testing.assert_allclose(found.astype(float), expected, rtol=0.02, atol=0.05)
