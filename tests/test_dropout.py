"""Noise in training: what is dropped, how often, and that the way back drops the same."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from fnet import serial
from fnet.compose import remat, repeat
from fnet.core.trees import cast
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import affine, drop_path, dropout, gaussian_noise, spatial_dropout, tanh

pytestmark = pytest.mark.turns(2)

KEY = jax.random.key(3)
DROPPING = [dropout, spatial_dropout, drop_path]
SHAPE = (101, 7, 3, 13)
UNITS = {dropout: SHAPE, spatial_dropout: (101, 1, 1, 13), drop_path: (101, 1, 1, 1)}

every_dropout = pytest.mark.parametrize("build", DROPPING, ids=lambda build: build.__name__)


@pytest.fixture(scope="module")
def normal():
    return jnp.asarray(np.random.default_rng(0).normal(size=SHAPE))


@every_dropout
def test_a_unit_is_dropped_whole_and_the_rest_is_divided_by_its_probability(build, normal):
    y = np.asarray(build(0.3).forward((), normal, KEY)[0])
    unit = UNITS[build]
    axes = tuple(axis for axis, size in enumerate(unit) if size == 1)
    kept = (y != 0).any(axes, keepdims=True)
    np.testing.assert_allclose(y, np.where(kept, normal, 0) / 0.7, rtol=1e-15)
    count = kept.size
    assert scipy.stats.binomtest(count - int(kept.sum()), count, 0.3).pvalue > 1e-3


@every_dropout
def test_the_way_back_drops_the_same(build, normal):
    layer = build(0.3)
    _, cache = layer.forward((), normal, KEY)
    ones = jnp.ones_like(normal)
    np.testing.assert_array_equal(
        layer.backward((), cache, ones)[1], layer.forward((), ones, KEY)[0]
    )
    other = layer.forward((), ones, jax.random.key(4))[0]
    assert (other != layer.forward((), ones, KEY)[0]).any()


@every_dropout
def test_the_cache_is_the_key_alone_and_the_mask_is_drawn_again(build):
    layer, x = build(0.3), jnp.ones((5, 3))
    _, cache = layer.forward((), x, KEY)
    assert cache is KEY
    program = str(jax.make_jaxpr(lambda key, dy: layer.backward((), key, dy))(KEY, x))
    assert program.index("optimization_barrier") < program.index("random_bits")


@every_dropout
def test_without_a_key_or_a_rate_nothing_happens(build):
    x = jnp.ones((5, 3))
    for layer, key in ((build(0.3), None), (build(0.0), KEY)):
        y, cache = layer.forward((), x, key)
        assert y is x
        assert layer.backward((), cache, x)[1] is x


@every_dropout
def test_at_rate_1_all_is_zero_and_nothing_is_nan(build):
    x = jnp.array([[1.0, jnp.nan], [jnp.inf, -2.0]])
    layer = build(1.0)
    y, cache = layer.forward((), x, KEY)
    assert (np.asarray(y) == 0).all()
    assert (np.asarray(layer.backward((), cache, x)[1]) == 0).all()


@every_dropout
def test_in_single_precision_as_users_have_it(build):
    """Where Python's integers are 32 bits to JAX, and a threshold has as many."""
    with jax.enable_x64(False):
        x = jnp.ones((50, 7))
        y, cache = build(0.3).forward((), x, KEY)
        np.testing.assert_array_equal(build(0.3).backward((), cache, x)[1], y)
        np.testing.assert_allclose(y[y != 0], 1 / 0.7, rtol=1e-6)


def test_a_small_rate_is_met_though_an_entry_takes_16_bits():
    """2⁻¹⁸ is a quarter of the smallest probability that 16 bits can tell."""
    keys = jax.random.split(KEY, 2048)
    ones = jnp.ones(4096)
    masks = jax.jit(jax.vmap(lambda key: (dropout(2.0**-18).forward((), ones, key)[0] == 0).sum()))
    dropped, expected = int(masks(keys).sum()), 2048 * 4096 * 2.0**-18
    assert abs(dropped - expected) < 5 * np.sqrt(expected)


def test_neighbours_are_independent_though_they_share_a_word():
    kept = np.asarray(dropout(0.5).forward((), jnp.ones(40_001), KEY)[0] != 0)[:-1].reshape(-1, 2)
    assert scipy.stats.chisquare(np.bincount(kept @ [1, 2], minlength=4)).pvalue > 1e-3


def test_in_bfloat16_what_is_kept_is_rounded_once():
    """1 − 0.9 is 0.0999756 there, and its inverse 10.0024: a bias of 0.02 % that no sum removes."""
    x = jnp.full(64, 3.0, jnp.bfloat16)
    layer = dropout(0.4)
    y, cache = layer.forward((), x, KEY)
    dx = layer.backward((), cache, x)[1]
    for made in (y, dx):
        assert set(np.asarray(made, float)) == {0.0, float(jnp.bfloat16(3 / 0.6))}


def test_a_tree_has_a_mask_for_each_leaf_and_integers_pass():
    x = {"a": jnp.ones((50, 7)), "ids": jnp.arange(50), "z": jnp.ones((50, 7))}
    dy = {**x, "ids": None}
    for build in DROPPING:
        y, cache = build(0.5).forward((), x, KEY)
        dx = build(0.5).backward((), cache, dy)[1]
        assert y["ids"] is x["ids"]
        assert dx["ids"] is None
        for name in "az":
            np.testing.assert_array_equal(y[name], dx[name])
        assert bool((y["a"] == y["z"]).all()) == (build is drop_path)
    noisy = gaussian_noise(1.0).forward((), x, KEY)[0]
    assert noisy["ids"] is x["ids"]
    assert (noisy["a"] != noisy["z"]).all()
    gradient = jax.grad(lambda a: dropout(0.5).apply((), {**x, "a": a}, KEY)["a"].sum())(x["a"])
    np.testing.assert_array_equal(gradient, dropout(0.5).forward((), x, KEY)[0]["a"])


def test_noise_is_normal_and_its_gradient_passes():
    x = jnp.full(20_000, 3.0)
    y, cache = gaussian_noise(0.5).forward((), x, KEY)
    assert scipy.stats.kstest(np.asarray(y), "norm", (3, 0.5)).pvalue > 1e-3
    assert gaussian_noise(0.5).backward((), cache, x)[1] is x
    for layer, key in ((gaussian_noise(0.5), None), (gaussian_noise(0.0), KEY)):
        assert layer.forward((), x, key)[0] is x


def test_noise_in_bfloat16_has_its_tails():
    """Drawn in bfloat16 itself, from multiples of 1/128, it would end at 2.7."""
    y = gaussian_noise(1.0).forward((), jnp.zeros(20_000, jnp.bfloat16), KEY)[0]
    assert y.dtype == jnp.bfloat16
    assert float(jnp.abs(y).max()) > 3.5


@pytest.mark.parametrize("layer", [dropout(0.3), gaussian_noise(0.2)], ids=repr)
def test_in_a_chain_under_jit_and_scan_with_a_key_and_without(layer):
    block = serial(affine(5), tanh(), layer)
    model = repeat(remat(block), 3)
    params, _ = model.init(KEY, (5,))
    x = jnp.asarray(np.random.default_rng(1).normal(size=(11, 5)))

    def by_hand(params, x, key):
        return (model.apply(params, x, key) ** 2).sum()

    def by_autodiff(params, x, key):
        y = x
        keys = [None] * 3 if key is None else jax.random.split(key, 3)
        for place, own in enumerate(keys):
            y = block.forward(jax.tree.map(lambda leaf, k=place: leaf[k], params), y, own)[0]
        return (y**2).sum()

    for key in (None, KEY):
        made, expected = (
            jax.jit(jax.value_and_grad(function, argnums=(0, 1)))(params, x, key)
            for function in (by_hand, by_autodiff)
        )
        for a, e in zip(jax.tree.leaves(made), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, e, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("rate", [-0.1, 1.5, float("nan"), "0.5", True, None])
@every_dropout
def test_a_rate_is_a_probability(build, rate):
    with pytest.raises(ConfigurationError, match=rf"{build.__name__}: rate is .*at most 1"):
        build(rate)


def test_a_wrong_spread_or_shape_is_told():
    with pytest.raises(ConfigurationError, match=r"gaussian_noise: std is -1; .*at least 0"):
        gaussian_noise(-1)
    with pytest.raises(ShapeError, match=r"spatial_dropout: x is \(3,\); it must be \(N, ..., C\)"):
        spatial_dropout(0.5).forward((), jnp.ones(3), KEY)
    with pytest.raises(ShapeError, match="drop_path: x is a single number"):
        drop_path(0.5).forward((), jnp.ones(()), KEY)


def test_the_masks_of_a_chain_are_not_held_together():
    """One at a time is drawn again; autodiff holds them all."""
    model = serial(*(block for _ in range(6) for block in (affine(256), tanh(), dropout(0.3))))
    params, x = cast(model.init(KEY, (256,))[0], jnp.float32), jnp.ones((1024, 256), jnp.float32)

    def temporaries(run):
        total = jax.jit(jax.grad(lambda params: run(params, x, KEY).sum()))
        return total.lower(params).compile().memory_analysis().temp_size_in_bytes

    assert temporaries(model.apply) < 0.9 * temporaries(lambda *args: model.forward(*args)[0])


def test_a_key_of_numbers_drops_as_well():
    key, x = jax.random.PRNGKey(0), jnp.ones((50, 7))
    y, cache = dropout(0.3).forward((), x, key)
    np.testing.assert_array_equal(dropout(0.3).backward((), cache, x)[1], y)
    empty = jnp.ones((0, 7))
    assert dropout(0.3).backward((), dropout(0.3).forward((), empty, key)[1], empty)[1].size == 0
