"""Attention in blocks against the dense formula in float64; masks, windows, what sees nothing."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.compose import repeat
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.layers import (
    affine,
    attention,
    cross_attention,
    embedding,
    learned_positions,
    relu,
    rope,
)
from fnet.layers.attending import Sight, attend, parts_of, pull_back

RNG = np.random.default_rng(0)


def dense(q, k, v, sight, visible=None):
    """(P, T, G, d) and (P, S, d): all scores at once."""
    s = jnp.einsum("ptgd,psd->pgts", q, k) / np.sqrt(q.shape[-1])
    if sight.softcap:
        s = sight.softcap * jnp.tanh(s / sight.softcap)
    t, u = np.arange(s.shape[2])[:, None], np.arange(s.shape[3])
    seen = np.ones(s.shape[2:], bool)
    seen = seen & (u <= t) if sight.causal else seen
    seen = seen & (abs(t - u) < sight.window) if sight.window else seen
    if visible is not None:
        seen = seen & visible
    p = jax.nn.softmax(jnp.where(seen, s, -1e300))
    return jnp.einsum("pgts,psd->ptgd", jnp.where(seen, p, 0), v)


CASES = [  # queries, keys, heads that share keys, and what is seen
    (130, 130, 1, Sight(causal=True)),
    (530, 530, 1, Sight(causal=True)),
    (1300, 1300, 1, Sight(causal=True)),
    (150, 150, 3, Sight(causal=True, softcap=2.0)),
    (200, 200, 1, Sight(causal=True, window=11)),
    (200, 200, 2, Sight(window=17)),
    (140, 140, 1, Sight(window=500)),
    (150, 70, 1, Sight()),
    (3, 150, 2, Sight(softcap=1.0)),
]


@pytest.mark.parametrize(("queries", "keys", "group", "sight"), CASES)
def test_blocks_are_the_dense_formula(queries, keys, group, sight):
    q = jnp.asarray(RNG.normal(size=(2, queries, group, 3)))
    k, v = (jnp.asarray(RNG.normal(size=(2, keys, 3))) for _ in range(2))
    do = jnp.asarray(RNG.normal(size=q.shape))

    @jax.jit
    def both(q, k, v, do):
        o, lse = attend(q, k, v, None, None, sight)
        expected, vjp = jax.vjp(lambda *given: dense(*given, sight), q, k, v)
        return (o, *pull_back(q, k, v, o, lse, do, None, None, sight)), (expected, *vjp(do))

    for found, expected in zip(*both(q, k, v, do), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_every_query_has_one_block_and_sees_all_that_it_may():
    for queries, keys, group, sight in CASES:
        rows = []
        for part in parts_of(queries, keys, group, sight):
            for i in range(part.blocks):
                first = part.first + i * part.size
                start = part.start + i * part.step
                start = np.clip(start, 0, keys - part.keys) if part.step else start
                for t in range(first, first + part.size):
                    rows.append(t)
                    low = max(t - (sight.window or keys) + 1, 0)
                    high = t if sight.causal else min(t + (sight.window or keys), keys) - 1
                    assert start <= low
                    assert high < start + part.keys
        assert rows == list(range(queries))


def test_a_causal_sequence_meets_little_more_than_its_past():
    parts = parts_of(4096, 4096, 1, Sight(causal=True))
    assert len(parts) <= 9  # compiled, however long it is
    met = sum(part.blocks * part.size * part.keys for part in parts)
    assert met < 1.15 * 4096 * 4097 / 2


def run(layer, x, key=None, seed=1):
    shape = jax.tree.map(lambda leaf: leaf.shape[1:], x)
    params, _ = layer.init(jax.random.key(0), shape)
    params = jax.tree.map(lambda leaf: leaf + 0.1, params)
    y, cache = jax.jit(layer.forward)(params, x, key)
    dy = jax.tree.map(
        lambda leaf: (
            jax.random.normal(jax.random.key(seed), leaf.shape, leaf.dtype)
            if jnp.issubdtype(leaf.dtype, jnp.floating)
            else None
        ),
        y,
    )
    return y, jax.jit(layer.backward)(params, cache, dy)


@pytest.mark.parametrize("form", ["lengths", "there"])
def test_padding_is_not_looked_at_even_where_it_is_not_a_number(form):
    layer, x = attention(2, causal=False), jnp.asarray(RNG.normal(size=(3, 70, 4)))
    lengths = jnp.array([70, 5, 0])
    there = jnp.arange(70) < lengths[:, None]
    mask = lengths if form == "lengths" else there
    spoilt = jnp.where(there[..., None], x, jnp.nan)
    (y, handed_on), (dparams, (dx, none)) = run(layer, (spoilt, mask))
    assert none is None
    np.testing.assert_array_equal(handed_on, mask)
    assert (np.asarray(y)[~np.asarray(there)] == 0).all()
    assert (np.asarray(dx)[~np.asarray(there)] == 0).all()
    short, _ = run(layer, x[1:2, :5])
    np.testing.assert_allclose(y[1:2, :5], short, rtol=1e-12)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((y, dparams, dx)))


def test_a_step_that_sees_nothing_has_no_output_and_no_gradient():
    layer, x = attention(2, bias=False), jnp.asarray(RNG.normal(size=(1, 70, 4)))
    visible = jnp.asarray(RNG.uniform(size=(1, 70, 70)) < 0.5).at[:, 3].set(False)
    visible = visible.at[:, :, 3].set(False)  # and nobody sees it
    (y, _), (dparams, (dx, _)) = run(layer, (x, visible))
    assert (np.asarray(y)[:, 3] == 0).all()
    assert (np.asarray(dx)[:, 3] == 0).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves((y, dparams, dx)))


def test_a_mask_of_pairs_is_the_dense_formula():
    visible = RNG.uniform(size=(2, 70, 90)) < 0.3
    q = jnp.asarray(RNG.normal(size=(4, 70, 2, 3)))
    k, v = (jnp.asarray(RNG.normal(size=(4, 90, 3))) for _ in range(2))
    do, sight = jnp.asarray(RNG.normal(size=q.shape)), Sight()
    o, lse = attend(q, k, v, jnp.asarray(visible), None, sight)
    each = np.repeat(visible, 2, axis=0)[:, None]
    expected, vjp = jax.vjp(lambda *given: dense(*given, sight, each), q, k, v)
    found = (o, *pull_back(q, k, v, o, lse, do, jnp.asarray(visible), None, sight))
    for one, other in zip(found, (expected, *vjp(do)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_dropout_draws_a_mask_for_each_block_and_head_and_draws_it_again():
    """With values of 1 an output is the sum of the p that are kept, divided by 1 − rate."""
    q, k = (jnp.zeros((4, 200, *more, 3)) for more in ((1,), ()))
    sight, key = Sight(rate=0.25), jax.random.key(3)
    v = jnp.ones((4, 200, 3))
    o, lse = jax.jit(lambda *given: attend(*given, None, key, sight))(q, k, v)
    sums = np.asarray(o)[..., 0, 0]
    assert abs(sums.mean() - 1) < 0.01
    assert len(np.unique(sums.round(6))) > 20  # and not one mask for all
    assert not np.allclose(sums[0], sums[1])
    do = jnp.ones_like(o)
    dv = jax.jit(lambda *given: pull_back(*given, do, None, key, sight))(q, k, v, o, lse)[2]
    np.testing.assert_allclose(dv[..., 0].sum(1), sums.sum(1), rtol=1e-9)


def test_heads_that_share_keys_are_heads_whose_keys_are_equal():
    x = jnp.asarray(RNG.normal(size=(2, 7, 8)))
    shared, apart = attention(4, kv_heads=2), attention(4)
    params, _ = shared.init(jax.random.key(0), (7, 8))

    def repeated(part):
        w = part.w.reshape(2, 2, 8).repeat(2, axis=0).reshape(8, 8)
        return part._replace(w=w, b=part.b.reshape(2, 2).repeat(2, axis=0).ravel())

    wide = params._replace(k=repeated(params.k), v=repeated(params.v))
    np.testing.assert_allclose(shared.apply(params, x), apart.apply(wide, x), rtol=1e-12)


@pytest.mark.parametrize("pairs", [False, True])
def test_products_of_turned_queries_and_keys_depend_on_their_distance(pairs):
    q, k = RNG.normal(size=(2, 6))
    turned = [
        np.asarray(rope(pairs=pairs).apply((), jnp.asarray(np.tile(each, (1, 20, 1)))))[0]
        for each in (q, k)
    ]
    products = turned[0] @ turned[1].T
    for distance in range(-19, 20):
        diagonal = np.diagonal(products, distance)
        np.testing.assert_allclose(diagonal, diagonal[0], rtol=1e-9)
    a, b = (0, 1) if pairs else (0, 3)
    np.testing.assert_allclose(turned[0][1, a], q[a] * np.cos(1) - q[b] * np.sin(1))


def test_the_gradient_of_an_id_is_added_up_in_float32():
    layer = embedding(3, 2)
    params, _ = layer.init(jax.random.key(0), (5000,))
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    ids = jnp.ones((1, 5000), jnp.int32)
    dparams, none = layer.backward(params, ids, jnp.ones((1, 5000, 2), jnp.bfloat16))
    assert none is None
    np.testing.assert_array_equal(np.float64(dparams.w), [[0, 0], [4992, 4992], [0, 0]])


def test_an_id_out_of_range_is_an_error_and_inside_jit_a_nan():
    layer = embedding(3, 2)
    params, _ = layer.init(jax.random.key(0), (2,))
    for bad in (-1, 3):
        ids = jnp.array([[0, bad]])
        with pytest.raises(DataError, match=rf"\[0, 1\] is {bad}; it must be from 0 to 2"):
            layer.apply(params, ids)
        y = jax.jit(layer.apply)(params, ids)
        assert np.isnan(y).all(axis=-1).tolist() == [[False, True]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: attention(4, kv_heads=3), "kv_heads is 3; it must divide"),
        (lambda: attention(2, window=0), "window is 0"),
        (lambda: attention(2, rope=True), "rope is True; it must be a Layer"),
        (lambda: attention(2, rope=relu()), r"rope is relu\(\); it must be a Layer that turns"),
        (lambda: attention(2, rope=affine(2, axes=1)), "rope is affine"),
        (lambda: attention(2, rope=learned_positions(3)), "rope is learned_positions"),
        (lambda: attention(2, dropout=1.5), "dropout is 1.5"),
        (lambda: embedding(3, 2, padding=3), "padding is 3; it must be an id, below 3"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (attention(2), (5, 3), "2 heads cannot share 3 numbers"),
        (attention(1), (5,), r"an example is \(5,\); it must be \(T, D\)"),
        (cross_attention(1), (5, 3), "takes a pair"),
        (learned_positions(3), (5, 3), "5 steps, and there are 3 positions"),
        (rope(), (5, 3), "D even"),
    ],
)
def test_shapes_are_checked(layer, shape, message):
    with pytest.raises(ShapeError, match=message):
        layer.init(jax.random.key(0), shape)


def test_a_mask_of_another_shape_is_refused():
    layer = attention(1)
    params, _ = layer.init(jax.random.key(0), (5, 3))
    with pytest.raises(ShapeError, match=r"mask is \(2, 4\) bool; it must be lengths, \(2,\)"):
        layer.apply(params, (jnp.ones((2, 5, 3)), jnp.ones((2, 4), bool)))


@pytest.mark.parametrize(
    ("dtype", "vocabulary"), [(jnp.uint8, 256), (jnp.int8, 200), (jnp.uint8, 300)]
)
def test_narrow_ids_meet_a_large_vocabulary(dtype, vocabulary):
    layer = embedding(vocabulary, 3, padding=vocabulary - 1)
    params, _ = layer.init(jax.random.key(0), (2,))
    ids = np.array([[1, 100, 100]])
    narrow, wide = (layer.forward(params, jnp.asarray(ids, kind)) for kind in (dtype, jnp.int32))
    np.testing.assert_array_equal(narrow[0], params.w[ids])
    np.testing.assert_array_equal(*(layer.backward(params, c, y)[0].w for y, c in (narrow, wide)))


@pytest.mark.parametrize("shape", [(0, 7, 4), (2, 0, 4)])
@pytest.mark.parametrize("options", [{}, {"causal": True}, {"window": 3}])
def test_no_examples_or_no_steps_have_an_empty_output(shape, options):
    layer = attention(2, rope=rope(), **options)
    params, _ = layer.init(jax.random.key(0), (7, 4))
    y, cache = layer.forward(params, (jnp.zeros(shape), jnp.zeros(shape[0], int)))
    dparams, (dx, _) = layer.backward(params, cache, y)
    assert y[0].shape == dx.shape == shape
    assert not dparams.q.w.any()


def test_a_memory_of_other_examples_is_refused():
    layer = cross_attention(2)
    params, _ = layer.init(jax.random.key(0), ((7, 4), (5, 4)))
    with pytest.raises(ShapeError, match="both must have N first"):
        layer.apply(params, (jnp.zeros((2, 7, 4)), jnp.zeros((1, 5, 4))))


class Padded(NamedTuple):
    x: Any
    lengths: Any


class Beside(NamedTuple):
    x: Any
    memory: Any
    lengths: Any


def test_inputs_may_be_named():
    x, lengths = jnp.asarray(RNG.normal(size=(2, 5, 4))), jnp.array([5, 2])
    for layer, named in (
        (attention(2), Padded(x, lengths)),
        (cross_attention(2), Padded(x, 2 * x)),
        (cross_attention(2), Beside(x, 2 * x, lengths)),
    ):
        params, _ = layer.init(jax.random.key(0), jax.tree.map(lambda leaf: leaf.shape[1:], named))

        def total(x, layer=layer, params=params):
            return jax.tree.leaves(layer.apply(params, x))[0].sum()

        found, expected = (jax.grad(total, allow_int=True)(x) for x in (named, tuple(named)))
        assert jax.tree.structure(found) == jax.tree.structure(named)
        pairs = zip(*map(jax.tree.leaves, (found, expected)), strict=True)
        assert all((a == b).all() for a, b in pairs)
    layer = repeat(attention(2), 2)
    params, _ = layer.init(jax.random.key(0), Padded((5, 4), ()))
    assert type(layer.apply(params, Padded(x, lengths))) is Padded


@pytest.mark.parametrize(("n", "narrow"), [(0, jnp.float32), (2, jnp.bfloat16)])
def test_positions_of_no_examples_and_of_wider_ones_have_gradients_like_their_own(n, narrow):
    layer, dy = learned_positions(3), jnp.ones((n, 2, 1), jnp.float32)
    params = jax.tree.map(lambda w: w.astype(narrow), layer.init(jax.random.key(0), (2, 1))[0])
    dw = layer.backward(params, (), dy)[0].w
    assert dw.dtype == narrow
    assert dw.ravel().tolist() == [n, n, 0]


def test_a_table_of_numpy_takes_traced_ids():
    layer, table = embedding(3, 2), np.arange(6.0).reshape(3, 2)
    params = jax.tree.map(lambda w: table, layer.init(jax.random.key(0), (2,))[0])
    y = jax.jit(lambda ids: layer.forward(params, ids)[0])(np.array([[2, 0]]))
    np.testing.assert_array_equal(y, table[[[2, 0]]])
