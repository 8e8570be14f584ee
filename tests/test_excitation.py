"""Squeeze-and-excitation beside its formula in NumPy; dtypes; an empty batch; errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.core.trees import cast
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import squeeze_excitation

KEY = jax.random.key(0)
RNG = np.random.default_rng(3)


def drawn(layer, shape, rows=3):
    params, out_shape = layer.init(KEY, shape)
    assert out_shape == shape
    params = jax.tree.map(lambda p: jnp.asarray(p + RNG.normal(size=p.shape) / 2), params)
    x, dy = (jnp.asarray(RNG.normal(size=(rows, *shape))) for _ in range(2))
    return params, x, dy


@pytest.mark.parametrize("shape", [(5, 4, 6), (7, 5), (1, 1, 4), (2, 3, 2, 4)])
def test_values_are_those_of_the_formula(shape):
    layer = squeeze_excitation(2)
    params, x, _ = drawn(layer, shape)
    w, b, v, c = map(np.asarray, params)
    assert w.shape == (shape[-1] // 2, shape[-1])
    mean = np.asarray(x).mean(tuple(range(1, x.ndim - 1)))
    gate = 1 / (1 + np.exp(-(np.maximum(mean @ w.T + b, 0) @ v.T + c)))
    expected = np.asarray(x) * gate.reshape(len(x), *(1,) * (x.ndim - 2), -1)
    np.testing.assert_allclose(layer.apply(params, x), expected, rtol=1e-12)


def test_fewer_channels_than_the_reduction_leave_one_hidden_number():
    params, _ = squeeze_excitation(16).init(KEY, (2, 2, 3))
    assert params.w.shape == (1, 3)


def test_in_bfloat16_gradients_are_rounded_at_the_end():
    layer = squeeze_excitation(2)
    given = cast(drawn(layer, (16, 16, 8)), jnp.bfloat16)

    @jax.jit
    def run(params, x, dy):
        return layer.backward(params, layer.forward(params, x)[1], dy)

    for a, e in zip(*map(jax.tree.leaves, (run(*given), run(*cast(given, float)))), strict=True):
        assert a.dtype == jnp.bfloat16
        np.testing.assert_allclose(np.float64(a), e, rtol=2**-8, atol=1e-3 * np.abs(e).max())


def test_an_empty_batch_has_no_gradient():
    layer = squeeze_excitation(2)
    params, x, dy = drawn(layer, (2, 3, 4), rows=0)
    y, cache = layer.forward(params, x)
    dparams, dx = layer.backward(params, cache, dy)
    assert y.shape == dx.shape == x.shape
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(dparams))


def test_what_is_wrong_is_reported():
    layer = squeeze_excitation(2)
    params, x, _ = drawn(layer, (2, 3, 4))
    with pytest.raises(ConfigurationError, match="reduction is 0"):
        squeeze_excitation(0)
    with pytest.raises(ShapeError, match="entries between the batch and the channels"):
        layer.init(KEY, (4,))
    with pytest.raises(ShapeError, match="with 4 channels last"):
        layer.forward(params, x[..., :3])
    with pytest.raises(ShapeError, match="must be floating point"):
        layer.forward(params, x.astype(int))
    with pytest.raises(ShapeError, match="give what init returns first"):
        layer.forward(x, params)
