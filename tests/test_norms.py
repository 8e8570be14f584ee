"""Norms against the formula in float64, differentiated by JAX; what is observed; dtypes; blocks."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import losses, optimizers, serial
from fnet.check import check_gradients
from fnet.compose import frozen, weight_standardization
from fnet.core import NonTrainable
from fnet.core.trees import cast, nbytes
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import (
    Running,
    affine,
    batch_norm,
    group_norm,
    instance_norm,
    layer_norm,
    rms_norm,
    sums,
)
from fnet.training import make_step, start

pytestmark = pytest.mark.turns(2)

RNG = np.random.default_rng(0)
KEY = jax.random.key(0)


def by_formula(axes, eps, groups=None, centred=True):
    """γ (x − μ) / s + β, for γ and β of the last axis or of those of `axes`."""

    def apply(params, x):
        z = x if groups is None else x.reshape(*x.shape[:-1], groups, x.shape[-1] // groups)
        mean = z.mean(axes, keepdims=True) if centred else 0
        z = (z - mean) / jnp.sqrt(((z - mean) ** 2).mean(axes, keepdims=True) + eps)
        y = z.reshape(x.shape)
        y = y if params[0] is None else y * params[0]
        return y if len(params) < 2 or params[1] is None else y + params[1]

    return apply


CASES = [  # layer, shape of x, key, formula
    (layer_norm(), (11, 7), None, by_formula(-1, 1e-5)),
    (layer_norm(eps=0.1, scale=False), (5, 4, 7), None, by_formula(-1, 0.1)),
    (layer_norm((-2, -1)), (5, 4, 7), None, by_formula((-2, -1), 1e-5)),
    (layer_norm((1, 2), bias=False), (5, 4, 7), None, by_formula((1, 2), 1e-5)),
    (rms_norm(), (11, 7), None, by_formula(-1, 1e-6, centred=False)),
    (group_norm(3), (5, 3, 2, 6), None, by_formula((1, 2, 4), 1e-5, 3)),
    (group_norm(2, scale=False), (5, 6), None, by_formula(2, 1e-5, 2)),
    (group_norm(1), (5, 3, 6), None, by_formula((1, 2, 3), 1e-5, 1)),
    (instance_norm(), (5, 3, 2, 6), None, by_formula((1, 2), 1e-5)),
    (batch_norm(), (5, 3, 2, 6), KEY, by_formula((0, 1, 2), 1e-5)),
    (batch_norm(eps=0.1, scale=False), (11, 7), KEY, by_formula(0, 0.1)),
    (batch_norm(bias=False), (5, 3, 7), KEY, by_formula((0, 1), 1e-5)),
]


def drawn(layer, shape, mean=0.0, spread=1.0, dtype=jnp.float64):
    params, out_shape = layer.init(KEY, shape[1:])
    assert tuple(out_shape) == shape[1:]
    params = jax.tree.map(lambda p: jnp.asarray(1 + RNG.normal(size=p.shape) / 8, dtype), params)
    x = jnp.asarray(mean + spread * RNG.normal(size=shape), dtype)
    return params, x, jnp.asarray(RNG.normal(size=shape), dtype)


def ours(layer, params, x, dy, key=None):
    @jax.jit
    def run(params, x, dy):
        y, cache = layer.forward(params, x, key)
        dparams, dx = layer.backward(params, cache, dy)
        return y, tuple(dparams[:2]), dx

    return run(params, x, dy)


def truth(formula, params, x, dy):
    """The same in float64, by autodiff of the formula."""
    params, x, dy = cast((tuple(params[:2]), x, dy), jnp.float64)

    @jax.jit
    def run(params, x, dy):
        y, vjp = jax.vjp(formula, params, x)
        return y, *vjp(dy)

    return run(params, x, dy)


def error(found, expected):
    """The largest difference of an array, of the largest entry of its truth."""
    pairs = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
    return max(
        np.abs(np.float64(a) - np.float64(e)).max() / np.abs(np.float64(e)).max() for a, e in pairs
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_value_and_gradients_are_those_of_the_formula(case):
    layer, shape, key, formula = case
    arrays = drawn(layer, shape, mean=2.0)
    assert error(ours(layer, *arrays, key), truth(formula, *arrays)) < 1e-12


FAR = [
    (layer_norm(), (32, 512), None, by_formula(-1, 1e-5)),
    (group_norm(4), (3, 16, 16, 8), None, by_formula((1, 2, 4), 1e-5, 4)),
    (instance_norm(), (3, 16, 16, 8), None, by_formula((1, 2), 1e-5)),
    (batch_norm(), (16, 16, 16, 8), KEY, by_formula((0, 1, 2), 1e-5)),
]


@pytest.mark.parametrize("case", FAR, ids=lambda case: repr(case[0]))
def test_a_mean_far_from_zero_costs_no_digits(case):
    """Mean 10⁴ and spread 0.1 in float32, where x² keeps no digit of the variance."""
    layer, shape, key, formula = case
    params, x, dy = drawn(layer, shape, 1e4, 0.1, jnp.float32)
    exact = truth(formula, params, x, dy)
    assert error(ours(layer, params, x, dy, key), exact) < 2e-5
    naive = (x**2).mean(-1) - x.mean(-1) ** 2
    assert error(naive, x.astype(jnp.float64).var(-1)) > 1


@pytest.mark.parametrize("case", FAR, ids=lambda case: repr(case[0]))
def test_in_bfloat16_it_is_nearer_to_the_truth_than_autodiff(case):
    layer, shape, key, formula = case
    params, x, dy = drawn(layer, shape, 3.0, 1.0, jnp.bfloat16)
    exact = truth(formula, params, x, dy)
    found = ours(layer, params, x, dy, key)

    @jax.jit
    def autodiff(params, x, dy):
        y, vjp = jax.vjp(formula, params, x)
        return y, *vjp(dy)

    plain = autodiff(tuple(params[:2]), x, dy)
    for a, b, e in zip(*map(jax.tree.leaves, (found, plain, exact)), strict=True):
        assert a.dtype == jnp.bfloat16
        assert error(a, e) <= 2**-8
        assert error(a, e) < error(b, e)


@pytest.mark.parametrize(
    "layer", [layer_norm(), rms_norm(), group_norm(2), instance_norm(), batch_norm()], ids=repr
)
def test_a_constant_row_is_finite(layer):
    for value in (0.0, 1e4):
        x = jnp.full((3, 5, 4), value, jnp.float32)
        params, _ = layer.init(KEY, x.shape[1:])
        params = jax.tree.map(lambda p: jnp.full(p.shape, 2.0, jnp.float32), params)
        y, dparams, dx = ours(layer, params, x, jnp.ones_like(x), KEY)
        assert np.isfinite(
            np.concatenate([leaf.ravel() for leaf in (y, dx, *dparams) if leaf is not None])
        ).all()
        if layer != rms_norm():
            np.testing.assert_array_equal(y, np.full(x.shape, 2.0))


IN_BLOCKS = [  # and the numbers in a block
    (layer_norm(), (12, 7), 28),  # three, in one loop
    (rms_norm(), (20, 7), 35),  # four, in two
]


@pytest.mark.parametrize("case", IN_BLOCKS, ids=lambda case: repr(case[0]))
def test_in_blocks_the_numbers_are_the_same(case, monkeypatch):
    layer, shape, numbers = case
    params, x, dy = drawn(layer, shape, mean=3.0, dtype=jnp.float32)
    whole = ours(layer, params, x, dy)
    monkeypatch.setattr(sums, "NUMBERS", numbers)

    def forward(params, x):
        return layer.forward(params, x)[0]

    assert "while" in jax.jit(forward).lower(params, x).as_text()
    assert error(ours(layer, params, x, dy), whole) < 1e-6
    mapped = jax.jit(jax.vmap(forward, (None, 0)))(params, jnp.stack([x, 2 * x]))
    assert error(mapped[0], whole[0]) < 1e-6
    autodiff = jax.jit(lambda x: jax.vjp(lambda x: forward(params, x), x)[1](dy)[0])
    assert error(autodiff(x), whole[2]) < 1e-5


def test_groups_of_several_channels_keep_the_laws():
    assert check_gradients(group_norm(3), (5, 6), depth="quick").right


def test_the_cache_is_the_input_and_two_numbers_per_mean():
    x = jnp.zeros((8, 16, 16, 32), jnp.float32)
    for layer, means, key in (
        (layer_norm(), 8 * 16 * 16, None),
        (group_norm(4), 8 * 4, None),
        (instance_norm(), 8 * 32, None),
        (batch_norm(), 32, KEY),
    ):
        params, _ = layer.init(KEY, x.shape[1:])
        params = cast(params, jnp.float32)
        cache = jax.eval_shape(lambda p, x, f=layer.forward, key=key: f(p, x, key)[1], params, x)
        assert nbytes(cache) == x.nbytes + 2 * means * 4
    _, cache = batch_norm().forward(params, x)
    assert jax.tree.leaves(cache)[0] is x
    assert len(jax.tree.leaves(cache)) == 1


def test_what_is_observed_is_the_mean_and_the_variance_without_bias():
    layer = batch_norm(momentum=0.75)
    x = RNG.normal(3, 2, size=(5, 2, 3))
    params, _ = layer.init(KEY, x.shape[1:])
    mean, variance = np.zeros(3), np.ones(3)
    for _ in range(3):
        _, cache = layer.forward(params, jnp.asarray(x), KEY)
        params = layer.observe(params, cache)
        mean = 0.75 * mean + 0.25 * x.mean((0, 1))
        variance = 0.75 * variance + 0.25 * x.var((0, 1), ddof=1)
    np.testing.assert_allclose(params.running.value.mean, mean, rtol=1e-9)
    np.testing.assert_allclose(params.running.value.variance, variance, rtol=1e-9)
    y, cache = layer.forward(params, jnp.asarray(x))
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(variance + 1e-5), rtol=1e-9)
    assert layer.observe(params, cache) is params  # nothing is learned of data in use


def test_one_entry_per_channel_gives_the_bias_and_leaves_a_finite_variance():
    layer = batch_norm()
    params, _ = layer.init(KEY, (3,))
    x = jnp.asarray([[1.0, -2.0, 3.0]])
    y, cache = layer.forward(params, x, KEY)
    dparams, dx = layer.backward(params, cache, jnp.ones_like(y))
    assert y.tolist() == dx.tolist() == [[0.0] * 3]
    assert dparams.bias.tolist() == [1.0] * 3
    assert np.isfinite(layer.observe(params, cache).running.value.variance).all()


def test_of_an_empty_batch_nothing_is_observed():
    layer = batch_norm()
    params, _ = layer.init(KEY, (2, 3))
    y, cache = layer.forward(params, jnp.zeros((0, 2, 3)), KEY)
    dparams, dx = layer.backward(params, cache, y)
    assert (y.shape, dx.shape) == ((0, 2, 3), (0, 2, 3))
    assert dparams.scale.tolist() == dparams.bias.tolist() == [0.0] * 3
    assert layer.observe(params, cache) is params


def test_in_use_gradients_are_those_of_the_observed_statistics():
    layer = batch_norm()
    params, x, dy = drawn(layer, (5, 2, 3))
    mean, variance = params.running.value

    def formula(trained, x):
        return trained[0] * (x - mean) / jnp.sqrt(variance + 1e-5) + trained[1]

    assert error(ours(layer, params, x, dy), truth(formula, params, x, dy)) < 1e-12


def test_a_step_of_training_observes_and_a_frozen_norm_stays():
    x, target = jnp.asarray(RNG.normal(4, 2, (20, 3))), jnp.zeros((20, 1))
    for model, moved in (
        (serial(batch_norm(momentum=0.0), affine(1)), True),
        (frozen(serial(batch_norm(momentum=0.0), affine(1)), "[0]"), False),
    ):
        optimizer = optimizers.sgd(0.1)
        state = start(model, optimizer, (3,)).state
        step = make_step(model, losses.mse(), optimizer)
        state, _ = step(state, x, target, None, KEY)
        # Its parts are frozen one by one, within what is not trained anyway.
        running = state.params[0].running
        (mean, variance) = jax.tree.leaves(running)
        np.testing.assert_allclose(mean, x.mean(0) if moved else np.zeros(3), rtol=1e-5)
        np.testing.assert_allclose(variance, x.var(0, ddof=1) if moved else np.ones(3), rtol=1e-5)
        assert isinstance(running, NonTrainable)


def test_statistics_are_observed_in_the_precision_of_the_parameters():
    layer = batch_norm(momentum=0.0)
    x = jnp.asarray(RNG.normal(1, 2.0**-4, (64, 5)), jnp.bfloat16)
    params = cast(layer.init(KEY, (5,))[0], jnp.float32)
    _, cache = layer.forward(params, x, KEY)
    running = layer.observe(params, cache).running.value
    assert running.mean.dtype == jnp.float32
    exact = Running(x.astype(float).mean(0), x.astype(float).var(0, ddof=1))
    assert error(running, exact) < 1e-5


@pytest.mark.parametrize("shape", [(7, 5), (3, 3, 2, 4), (5, 3, 4)])
def test_standardized_weights_are_autodiffs(shape):
    """The rows of a matrix, and all but the last axis of a kernel."""
    from fnet.core import layer

    held = layer(
        lambda key, s: ({"w": jnp.asarray(RNG.normal(1, 2, shape)), "b": jnp.ones(3)}, shape),
        lambda params, x, key=None: (params["w"] * x + params["b"].sum(), (params["w"], x)),
        lambda params, cache, dy: (
            {"w": (cache[1] * dy).sum(0), "b": jnp.full(3, dy.sum())},
            cache[0] * dy,
        ),
    )
    model = weight_standardization(held, eps=0.01)
    params, _ = model.init(KEY, shape)
    x, dy = jnp.asarray(RNG.normal(size=(2, 2, *shape)))
    axes = (1,) if len(shape) == 2 else tuple(range(len(shape) - 1))

    def formula(params, x):
        v = params["w"]
        mean = v.mean(axes, keepdims=True)
        w = (v - mean) / jnp.sqrt(v.var(axes, keepdims=True) + 0.01)
        return w * x + params["b"].sum()

    @jax.jit
    def both(params, x, dy):
        y, cache = model.forward(params, x)
        expected, vjp = jax.vjp(formula, params, x)
        return (y, *model.backward(params, cache, dy)), (expected, *vjp(dy))

    assert error(*both(params, x, dy)) < 1e-12


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: layer_norm(eps=0), "layer_norm: eps is 0; it must be a number, above 0"),
        (lambda: layer_norm(()), "layer_norm: axes is (); give at least one"),
        (lambda: layer_norm(1.5), "layer_norm: axes is 1.5"),
        (lambda: rms_norm(scale="yes"), "rms_norm: scale is 'yes'; it must be True or False"),
        (lambda: group_norm(0), "group_norm: groups is 0"),
        (lambda: batch_norm(momentum=1.0), "batch_norm: momentum is 1.0"),
        (lambda: batch_norm(bias=None), "batch_norm: bias is None"),
        (lambda: weight_standardization(affine), "is not a Layer; write relu(), not relu"),
        (lambda: weight_standardization(affine(3), eps=-1), "weight_standardization: eps is -1"),
    ],
)
def test_a_wrong_configuration_is_reported(build, message):
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (layer_norm(0), (3,), "layer_norm: axes is 0, and x has the batch axis 0 and 1 more"),
        (layer_norm((-1, 1)), (3,), "axes is (-1, 1)"),
        (layer_norm(-3), (3, 5), "axes is -3"),
        (group_norm(2), (5, 3), "its channels must be a multiple of 2 groups"),
        (instance_norm(), (3,), "it takes axes between batch and channels"),
        (batch_norm(), (), "batch_norm takes one array, and an example is ()"),
    ],
)
def test_a_wrong_shape_is_reported(layer, shape, message):
    with pytest.raises(ShapeError) as caught:
        layer.init(KEY, shape)
    assert message in str(caught.value)


@pytest.mark.parametrize("layer", [layer_norm(), group_norm(1), batch_norm()], ids=repr)
def test_a_wrong_input_is_reported(layer):
    params, _ = layer.init(KEY, (3,))
    with pytest.raises(ShapeError, match="x is int32; it must be floating point"):
        layer.forward(params, jnp.ones((2, 3), jnp.int32))
    with pytest.raises(ShapeError, match="a single example is a batch of one"):
        layer.forward(params, jnp.ones(3))
