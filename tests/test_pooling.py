"""Pooling against loops over windows in NumPy, and against lax.reduce_window and its autodiff."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.core.trees import nbytes
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import avg_pool, global_avg_pool, global_max_pool, max_pool

pytestmark = pytest.mark.turns(2)

RNG = np.random.default_rng(0)


def starts(n, k, s, pair, ceil):
    """Where the windows of an axis begin, from the first entry of the input."""
    before, behind = pair
    found = [-before]
    while True:
        start = found[-1] + s
        # `ceil`: as long as the one before does not reach the end, and this one begins inside.
        reaches_on = found[-1] + k < n + behind and start < n
        if not (reaches_on if ceil else start + k <= n + behind):
            return found
        found.append(start)


def by_loops(kind, x, dy_of, window, stride, pairs, ceil=False, count_padding=False):
    """y and dx, window by window."""
    spatial = x.shape[1:-1]
    axes = [starts(*of_axis, ceil) for of_axis in zip(spatial, window, stride, pairs, strict=True)]
    y = np.zeros((len(x), *map(len, axes), x.shape[-1]))
    dy, dx = dy_of(y.shape), np.zeros(x.shape)
    for out in itertools.product(*map(range, y.shape[1:-1])):
        first = [axis[o] for axis, o in zip(axes, out, strict=True)]
        ends = [f + k for f, k in zip(first, window, strict=True)]
        inside = tuple(slice(max(f, 0), e) for f, e in zip(first, ends, strict=True))
        for n, c in itertools.product(range(len(x)), range(x.shape[-1])):
            seen = x[(n, *inside, c)]
            if kind == "max":
                place = np.unravel_index(seen.argmax(), seen.shape)
                y[(n, *out, c)] = seen[place]
                dx[(n, *inside, c)][place] += dy[(n, *out, c)]
            else:
                within = zip(first, ends, spatial, pairs, strict=True)
                sizes = [min(e, d + pair[1]) - f for f, e, d, pair in within]
                number = np.prod(sizes) if count_padding else seen.size
                y[(n, *out, c)] = seen.sum() / number
                dx[(n, *inside, c)] += dy[(n, *out, c)] / number
    return y, dy, dx


def both(layer, x, dy):
    @jax.jit
    def run(x, dy):
        y, cache = layer.forward((), x)
        return y, layer.backward((), cache, dy)[1]

    return run(jnp.asarray(x), jnp.asarray(dy))


NONE = (0, 0)
CONFIGURATIONS = [  # spatial sizes, window, stride, padding, ceil
    ((6,), (2,), (2,), (NONE,), False),
    ((7,), (3,), (2,), ((1, 1),), False),
    ((7,), (2,), (2,), (NONE,), True),
    ((1,), (2,), (2,), (NONE,), True),
    ((9,), (3,), (4,), ((0, 2),), True),
    ((5,), (2,), (3,), ((1, 1),), True),  # a window that would begin behind the input is left out
    ((5,), (2,), (5,), (NONE,), False),  # most entries are seen by no window
    ((6, 4), (2, 2), (2, 2), (NONE, NONE), False),
    ((7, 5), (3, 3), (2, 2), ((1, 1), (1, 1)), False),
    ((7, 5), (3, 3), (1, 1), ((1, 1), (1, 1)), False),
    ((7, 5), (3, 2), (1, 2), ((2, 0), (0, 1)), False),
    ((7, 6), (3, 3), (2, 2), (NONE, NONE), True),
    ((8, 5), (4, 3), (3, 2), ((1, 2), (1, 0)), True),
    ((4, 3, 5), (2, 2, 2), (2, 2, 2), (NONE, NONE, NONE), False),
    ((4, 3, 5), (3, 2, 3), (1, 2, 2), ((1, 0), NONE, (1, 1)), True),
]


@pytest.mark.parametrize("case", CONFIGURATIONS, ids=str)
def test_values_and_gradients_are_those_of_loops_ties_included(case):
    spatial, window, stride, padding, ceil = case
    x = RNG.integers(-3, 3, (2, *spatial, 3)).astype(float)  # many ties
    for kind in ("max", "avg", "avg with padding"):
        more = {"count_padding": True} if kind == "avg with padding" else {}
        pool = max_pool if kind == "max" else avg_pool
        layer = pool(window, stride=stride, padding=padding, ceil=ceil, **more)
        y, dy, dx = by_loops(
            kind[:3], x, lambda s: RNG.normal(size=s), window, stride, padding, ceil, **more
        )
        assert layer.init(jax.random.key(0), x.shape[1:])[1] == y.shape[1:]
        found = both(layer, x, dy)
        np.testing.assert_allclose(found[0], y, atol=1e-14)
        np.testing.assert_allclose(found[1], dx, atol=1e-14)


LAX = [(2, 2, "valid"), (3, 2, "same"), (3, 1, "same"), (2, 3, "valid"), (5, 2, ((2, 1), (0, 3)))]


@pytest.mark.parametrize(("window", "stride", "padding"), LAX, ids=str)
def test_values_and_gradients_are_those_of_lax(window, stride, padding):
    """Without ties its gradient of a maximum is the same as ours."""
    x = RNG.permutation(2 * 8 * 9 * 3).reshape(2, 8, 9, 3).astype(float)
    sizes, strides = (1, window, window, 1), (1, stride, stride, 1)
    around = padding.upper() if isinstance(padding, str) else (NONE, *padding, NONE)

    def summed(x):
        return jax.lax.reduce_window(x, 0.0, jax.lax.add, sizes, strides, around)

    peers = {
        max_pool: lambda x: jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, sizes, strides, around),
        avg_pool: lambda x: summed(x) / summed(jnp.ones_like(x)),
    }
    for pool, peer in peers.items():

        @jax.jit
        def theirs(x, dy, peer=peer):
            y, vjp = jax.vjp(peer, x)
            return y, vjp(dy)[0]

        layer = pool(window, stride=stride, padding=padding)
        dy = RNG.normal(size=jax.eval_shape(peer, x).shape)
        for a, e in zip(both(layer, x, dy), theirs(x, dy), strict=True):
            np.testing.assert_allclose(a, e, atol=1e-10)


def test_a_nan_is_larger_than_every_number_and_the_first_one_has_the_gradient():
    x = np.array([1.0, np.nan, np.inf, np.nan, 0.0, 2.0]).reshape(1, 6, 1)
    layer = max_pool(3)
    y, dx = both(layer, x, np.array([5.0, 7.0]).reshape(1, 2, 1))
    assert np.isnan(y.ravel()).tolist() == [True, True]
    assert dx.ravel().tolist() == [0, 5, 0, 7, 0, 0]
    y, dx = both(global_max_pool(), x, np.array([[5.0]]))
    assert np.isnan(y).all()
    assert dx.ravel().tolist() == [0, 5, 0, 0, 0, 0]


def test_padding_is_never_the_maximum_even_of_minus_infinity():
    x = np.full((1, 3, 2, 1), -np.inf)
    layer = max_pool(2, padding=1)
    y, dx = both(layer, x, np.arange(1.0, 5).reshape(1, 2, 2, 1))
    assert np.isneginf(y).all()
    assert dx[0, ..., 0].tolist() == [[1, 2], [3, 4], [0, 0]]


@pytest.mark.parametrize("spatial", [(5,), (3, 4), (2, 3, 2)])
def test_global_pools_are_numpys(spatial):
    x = RNG.integers(-3, 3, (2, *spatial, 3)).astype(float)
    dy = RNG.normal(size=(2, 3))
    axes, places = tuple(range(1, x.ndim - 1)), np.prod(spatial)
    y, dx = both(global_avg_pool(), x, dy)
    np.testing.assert_allclose(y, x.mean(axes), atol=1e-14)
    each = dy.reshape(2, *(1,) * len(spatial), 3) / places
    np.testing.assert_allclose(dx, np.broadcast_to(each, x.shape), atol=1e-14)
    y, dx = both(global_max_pool(), x, dy)
    np.testing.assert_array_equal(y, x.max(axes))
    flat = x.reshape(2, places, 3)
    expected = np.zeros(flat.shape)
    np.put_along_axis(expected, flat.argmax(1)[:, None], dy[:, None], axis=1)
    np.testing.assert_array_equal(dx, expected.reshape(x.shape))


def test_the_derivative_of_forward_follows_the_same_convention():
    x = jnp.zeros((1, 4, 4, 1))
    for layer in (max_pool(2), max_pool(3, stride=1, padding="same"), global_max_pool()):

        @jax.jit
        def autodiff(x, dy, layer=layer):
            return jax.vjp(lambda x: layer.forward((), x)[0], x)[1](dy)[0]

        dy = RNG.normal(size=jax.eval_shape(layer.forward, (), x)[0].shape)
        np.testing.assert_allclose(both(layer, x, dy)[1], autodiff(x, dy), atol=1e-14)


def test_the_cache_of_a_maximum_is_one_byte_per_output():
    x = jnp.zeros((2, 32, 32, 3), jnp.float32)
    y, cache = jax.eval_shape(max_pool(2).forward, (), x)
    assert nbytes(cache) == y.size
    for layer in (avg_pool(2), global_avg_pool()):
        assert nbytes(jax.eval_shape(layer.forward, (), x)[1]) == 0


def test_a_window_of_more_than_a_byte_can_number():
    x = RNG.normal(size=(1, 600, 1))
    y, dx = both(max_pool(300), x, np.ones((1, 2, 1)))
    np.testing.assert_array_equal(y.ravel(), x.reshape(2, 300).max(1))
    assert np.flatnonzero(dx.ravel()).tolist() == [
        x[0, :300, 0].argmax(),
        300 + x[0, 300:, 0].argmax(),
    ]


def test_narrow_sums_are_exact_where_bfloat16_would_stop_counting():
    """An average of 400 ones; and a gradient that meets nine windows."""
    ones = jnp.ones((1, 20, 20, 1), jnp.bfloat16)
    for layer in (avg_pool(20), global_avg_pool()):
        dy = jnp.ones(jax.eval_shape(layer.forward, (), ones)[0].shape, jnp.bfloat16)
        y, dx = both(layer, ones, dy)
        assert (float(y.ravel()[0]), y.dtype, dx.dtype) == (1.0, jnp.bfloat16, jnp.bfloat16)
    dy = jnp.asarray(RNG.normal(size=(1, 20, 20, 1)), jnp.bfloat16)
    for pool in (avg_pool, max_pool):
        layer = pool(3, stride=1, padding="same")
        x = jnp.asarray(RNG.normal(size=(1, 20, 20, 1)), jnp.bfloat16)
        exact = both(layer, x.astype(float), dy.astype(float))[1]
        error = np.abs(both(layer, x, dy)[1].astype(float) - exact).max()
        assert error <= 2**-8 * float(jnp.abs(exact).max())  # one rounding


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: max_pool(0), "max_pool: window is 0"),
        (lambda: max_pool((2, 2), stride=(1, 1, 1)), "max_pool: window for 2, stride for 3 axes"),
        (lambda: avg_pool(2, stride=0), "avg_pool: stride is 0"),
        (lambda: max_pool(2, padding="some"), "max_pool: padding is 'some'"),
        (lambda: max_pool(2, padding="causal"), 'padding is "causal", which is for convolutions'),
        (lambda: max_pool(2, padding=(1, 1)), "a pair (before, behind) for each axis"),
        (lambda: max_pool(2, ceil=1), "max_pool: ceil is 1; it must be True or False"),
        (lambda: avg_pool(2, count_padding=2), "avg_pool: count_padding is 2"),
    ],
)
def test_a_wrong_configuration_is_reported(build, message):
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (max_pool(2), (5,), "it takes one, two or three axes between the batch and the channels"),
        (max_pool((2, 2)), (5, 3), "window is (2, 2), for 2 axes"),
        (max_pool(4), (5, 3, 2), "a window reaches over 4 entries of spatial axis 1, which has 3"),
        (max_pool(2, padding=2), (6, 6, 1), "a window lies in the padding (2, 2) alone"),
        (avg_pool(2, padding=((0, 3),)), (6, 1), "a window lies in the padding (0, 3) alone"),
        (global_avg_pool(), (7,), "global_avg_pool: an example is (7,)"),
        (global_max_pool(), (0, 7), "global_max_pool: an example is (0, 7), of no entries"),
    ],
)
def test_a_wrong_shape_is_reported(layer, shape, message):
    with pytest.raises(ShapeError) as caught:
        layer.init(jax.random.key(0), shape)
    assert message in str(caught.value)
    with pytest.raises(ShapeError):
        layer.forward((), jnp.zeros((2, *shape)))


def test_integers_are_refused():
    with pytest.raises(ShapeError, match="max_pool: x is uint8; it must be floating point"):
        max_pool(2).forward((), jnp.zeros((1, 4, 4, 3), jnp.uint8))
