"""What compositions compute, what they store, and what they refuse; their gradients are laws."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import losses, serial
from fnet.check import check_gradients
from fnet.compose import (
    bidirectional,
    each,
    fan_out,
    first,
    frozen,
    low_rank,
    parallel,
    recurrent,
    remat,
    repeat,
    residual,
    tied,
    weight_norm,
)
from fnet.compose.adapters import Frozen
from fnet.core import Optimizer, layer
from fnet.core.trees import is_non_trainable
from fnet.errors import ConfigurationError, ShapeError
from fnet.initializers import normal
from fnet.layers import affine, batch_norm, conv, flatten, gelu, relu, squeeze, tanh
from fnet.optimizers import adam, apply_updates
from fnet.training import State, make_step

KEY = jax.random.key(0)
RNG = np.random.default_rng(3)
X = jnp.asarray(RNG.normal(size=(4, 5)))
CELL = serial(parallel(affine(3), affine(3), join="add"), tanh())


def noise(rate=0.5):
    """A dropout: the mask is drawn again from the key."""

    def kept(key, x):
        return jax.random.bernoulli(key, 1 - rate, x.shape)

    def forward(params, x, key=None):
        y = x if key is None else jnp.where(kept(key, x), x / (1 - rate), 0)
        return y, (key, x[:0])

    def backward(params, cache, dy):
        key, _ = cache
        return (), dy if key is None else jnp.where(kept(key, dy), dy / (1 - rate), 0)

    return layer(lambda key, shape: ((), shape), forward, backward)


def test_residual_adds_its_input_or_what_the_shortcut_makes_of_it():
    model = residual(affine(5), tanh())
    params, _ = model.init(KEY, (5,))
    w, b = params.layers[0]
    np.testing.assert_allclose(model.apply(params, X), X + np.tanh(X @ w.T + b), rtol=1e-12)
    model = residual(affine(2), shortcut=affine(2))
    params, shape = model.init(KEY, (5,))
    expected = X @ (params.layers[0].w + params.shortcut.w).T
    assert shape == (2,)
    np.testing.assert_allclose(model.apply(params, X), expected, rtol=1e-12)


def test_an_elman_network_is_the_plain_loop():
    sequence = jnp.asarray(RNG.normal(size=(4, 6, 2)))
    params, _ = recurrent(CELL).init(KEY, (6, 2))
    (u, v), _ = params

    def states(steps, rows=slice(None)):
        h = np.zeros((len(sequence[rows]), 3))
        for t in steps:
            h = np.tanh(h @ u.w.T + u.b + np.asarray(sequence[rows, t]) @ v.w.T + v.b)
            yield h

    forward = np.stack(list(states(range(6))), axis=1)
    back = np.stack(list(states(range(5, -1, -1)))[::-1], axis=1)
    np.testing.assert_allclose(recurrent(CELL).apply(params, sequence), forward, rtol=1e-12)
    np.testing.assert_allclose(
        recurrent(CELL, last=True).apply(params, sequence), forward[:, -1], rtol=1e-12
    )
    np.testing.assert_allclose(
        recurrent(CELL, reverse=True).apply(params, sequence), back, rtol=1e-12
    )
    np.testing.assert_allclose(
        bidirectional(CELL).apply((params, params), sequence),
        np.concatenate((forward, back), axis=-1),
        rtol=1e-12,
    )


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_lengths_are_sequences_cut_short(reverse, last):
    """A padded batch gives, row by row, what the row alone gives; NaN stands in the padding."""
    lengths = np.array([6, 1, 4, 3])
    sequence = RNG.normal(size=(4, 6, 2))
    padded = sequence.copy()
    for row, length in enumerate(lengths):
        padded[row, length:] = np.nan
    model = recurrent(CELL, reverse=reverse, last=last)
    params, _ = model.init(KEY, ((6, 2), ()))
    y, cache = model.forward(params, (jnp.asarray(padded), jnp.asarray(lengths)))
    dy = jnp.asarray(RNG.normal(size=(4, 3) if last else (4, 6, 3)))
    dparams, (dx, dlengths) = model.backward(params, cache, dy if last else (dy, None))
    y = y if last else y[0]
    assert dlengths is None
    total = jax.tree.map(jnp.zeros_like, params)
    for row, length in enumerate(lengths):
        one = jnp.asarray(sequence[row : row + 1, :length])
        expected, kept = model.forward(params, one)
        np.testing.assert_allclose(y[row] if last else y[row, :length], expected[0], rtol=1e-12)
        assert last or not y[row, length:].any()
        own, own_dx = model.backward(
            params, kept, dy[row : row + 1] if last else dy[row : row + 1, :length]
        )
        total = jax.tree.map(jnp.add, total, own)
        np.testing.assert_allclose(dx[row, :length], own_dx[0], rtol=1e-12)
        np.testing.assert_array_equal(dx[row, length:], 0)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10), dparams, total)


def test_lengths_may_be_narrow_and_the_sequence_long():
    model = recurrent(CELL)
    params, _ = model.init(KEY, ((200, 2), ()))
    x = jnp.ones((2, 200, 2))
    narrow, wide = (model.apply(params, (x, jnp.array([100, 50], d)))[0] for d in ("int8", "int32"))
    assert (narrow == wide).all()
    assert not narrow[:, 100:].any()


def test_a_state_has_the_dtype_of_the_parameters_where_a_sequence_is_of_integers():
    def one_hot():
        def forward(params, x, key=None):
            return jnp.eye(2, dtype=float)[x], ()

        return layer(
            lambda key, shape: ((), (*shape, 2)), forward, lambda params, cache, dy: ((), None)
        )

    cell = serial(parallel(affine(3), serial(one_hot(), affine(3)), join="add"), tanh())
    params, _ = recurrent(cell).init(KEY, (5,))
    ids = jnp.array([[0, 1, 1, 0, 1]])
    plain = (params[0][0], params[0][1][1]), params[1]
    expected = recurrent(CELL).apply(plain, jnp.eye(2, dtype=float)[ids])
    np.testing.assert_array_equal(recurrent(cell).apply(params, ids), expected)


@pytest.mark.parametrize("last", [False, True])
def test_a_sequence_of_no_steps_has_no_states_and_no_gradient(last):
    model = recurrent(CELL, last=last)
    params, _ = model.init(KEY, (0, 2))
    x = jnp.zeros((4, 0, 2))
    y, cache = model.forward(params, x)
    assert y.shape == ((4, 3) if last else (4, 0, 3))
    dparams, dx = model.backward(params, cache, jnp.ones_like(y))
    assert dx.shape == x.shape
    assert not any(leaf.any() for leaf in jax.tree.leaves(dparams))


class Pair(NamedTuple):
    x: Any
    other: Any


@pytest.mark.parametrize("pair", [Pair, lambda *parts: list(parts)])
@pytest.mark.parametrize(
    "model",
    [
        first(affine(3)),
        each(affine(3)),
        parallel(affine(3), affine(2)),
        parallel(affine(3), affine(3), join="add"),
        repeat(first(affine(5)), 2),
    ],
)
def test_the_gradient_of_a_named_tuple_or_list_is_one(model, pair):
    params, _ = model.init(KEY, ((5,), (5,)))

    def value(*x):
        return sum(map(jnp.sum, jax.tree.leaves(model.apply(params, x[0] if len(x) == 1 else x))))

    dx = jax.grad(value)(pair(X, 2 * X))
    assert type(dx) is type(pair(X, X))
    for d, expected in zip(dx, jax.grad(value, argnums=(0, 1))(X, 2 * X), strict=True):
        np.testing.assert_array_equal(d, expected)


def test_lengths_may_stand_in_a_named_tuple():
    model = recurrent(CELL)
    params, _ = model.init(KEY, ((7, 2), ()))
    x = Pair(jnp.ones((4, 7, 2)), jnp.array([1, 0, 7, 9]))
    dx = jax.grad(lambda x: model.apply(params, x).x.sum(), allow_int=True)(x)
    assert dx.x[:, :, 0].any(axis=1).tolist() == [True, False, True, True]


def test_recurrent_layers_hand_lengths_on():
    model = serial(bidirectional(CELL), bidirectional(CELL, last=True))
    params, shape = model.init(KEY, ((6, 2), ()))
    assert shape == (6,)
    x = jnp.asarray(RNG.normal(size=(4, 6, 2))), jnp.array([6, 1, 4, 3])
    assert model.apply(params, x).shape == (4, 6)


def test_repeat_is_the_chain_and_tied_the_chain_of_one():
    def passes(model, params):
        y, vjp = jax.vjp(model.apply, params, X)
        return y, *vjp(jnp.sin(y))

    for block in (serial(affine(5), gelu()), serial(affine(5), tanh()), gelu()):
        chain = serial(block, block, block)
        params, _ = repeat(block, 3).init(KEY, (5,))
        apart = tuple(jax.tree.map(lambda leaf, k=k: leaf[k], params) for k in range(3))
        y, dparams, dx = passes(chain, apart)
        expected = y, jax.tree.map(lambda *leaves: jnp.stack(leaves), *dparams), dx
        one, _ = repeat(block, 3, tied=True).init(KEY, (5,))
        y, dparams, dx = passes(chain, (one,) * 3)
        expected_tied = y, jax.tree.map(lambda *leaves: sum(leaves), *dparams), dx
        jax.tree.map(
            functools.partial(np.testing.assert_allclose, rtol=1e-10),
            (passes(repeat(block, 3), params), passes(repeat(block, 3, tied=True), one)),
            (expected, expected_tied),
        )


@pytest.mark.parametrize("around", [repeat, functools.partial(repeat, tied=True)])
def test_each_round_has_noise_of_its_own(around):
    model = around(noise(), 2)
    y = model.apply(model.init(KEY, (400,))[0], jnp.ones((1, 400)), jax.random.key(1))
    assert set(np.unique(y)) == {0.0, 4.0}
    assert 0.15 < float((y > 0).mean()) < 0.35  # a quarter survives two rounds, a half one


@pytest.mark.parametrize(
    "model",
    [
        serial(noise(), affine(5), noise()),
        residual(noise(), affine(5)),
        fan_out(noise(), noise(), join="concatenate"),
        repeat(serial(affine(5), noise()), 3),
        repeat(serial(affine(5), noise()), 3, tied=True),
        remat(serial(noise(), affine(5), tanh())),
    ],
    ids=repr,
)
def test_noise_is_the_same_on_the_way_back(model):
    params, _ = model.init(KEY, (5,))
    key = jax.random.key(7)
    y, cache = model.forward(params, X, key)
    dy = jnp.asarray(RNG.normal(size=y.shape))
    expected = jax.vjp(lambda params, x: model.forward(params, x, key)[0], params, X)[1](dy)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12),
        model.backward(params, cache, dy),
        expected,
    )


def stored(cache):
    return sum(leaf.nbytes for leaf in jax.tree.leaves(cache))


def test_no_array_is_stored_twice():
    size, rounds = X.nbytes, 6
    for activation in (relu(), tanh(), gelu()):
        block = serial(affine(5), activation)
        for model in (repeat(block, rounds), repeat(remat(block), rounds)):
            params, _ = model.init(KEY, (5,))
            assert stored(model.forward(params, X)[1]) == (rounds + 1) * size
    shared = fan_out(affine(3), affine(2), relu())
    params, _ = shared.init(KEY, (5,))
    assert stored(shared.forward(params, X)[1]) == 2 * size  # x, and y of relu
    model = residual(affine(5), tanh())
    params, _ = model.init(KEY, (5,))
    assert stored(model.forward(params, X)[1]) == 2 * size
    sequence = jnp.asarray(RNG.normal(size=(4, 6, 2)))
    params, _ = recurrent(CELL).init(KEY, (6, 2))
    y, cache = recurrent(CELL).forward(params, sequence)
    assert stored(cache) == sequence.nbytes + y.nbytes


def test_what_a_block_hands_on_unchanged_is_stored_once():
    """A mask that stays, and two arrays that change places, whose gradients must not."""

    def swapped(params, x, key=None):
        return (x[1], x[0], x[2]), ()

    swap = layer(
        lambda key, shape: ((), shape),
        swapped,
        lambda params, cache, dy: ((), (dy[1], dy[0], None)),
    )
    block = serial(first(serial(affine(5), gelu())), swap)
    model, rounds = repeat(block, 4), 4
    params, _ = model.init(KEY, ((5,), (5,), (7,)))
    x = (X, 2 * X, jnp.ones((4, 7), bool))
    _, cache = model.forward(params, x)
    # x, both outputs, of which one is new, and the input of gelu
    assert stored(cache) == (2 + 3 * rounds) * X.nbytes + x[2].nbytes
    dparams, dx = model.backward(params, cache, (X, 3 * X, None))
    _, vjp = jax.vjp(
        lambda params, *pair: model.forward(params, (*pair, x[2]))[0][:2], params, *x[:2]
    )
    told = (dparams, *dx[:2]), vjp((X, 3 * X))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), *told)
    assert dx[2] is None


def test_remat_keeps_its_output_only_where_the_layer_does():
    for block, kept in ((serial(affine(5), tanh()), 2), (serial(affine(5), tanh(), affine(5)), 1)):
        params, _ = block.init(KEY, (5,))
        assert stored(remat(block).forward(params, X)[1]) == kept * X.nbytes


def compiled(f, *arguments):
    """Bytes of temporaries and floating-point operations, those of a loop's body counted once."""
    program = jax.jit(f).lower(*arguments).compile()
    return program.memory_analysis().temp_size_in_bytes, program.cost_analysis()["flops"]


def test_repeat_and_remat_need_less_than_autodiff_of_the_same_loop():
    """48 blocks of width 64, 256 rows, float32; `remat` spares one product of four."""
    for activation, most in ((relu(), 0.85), (tanh(), 0.45), (gelu(), 0.45)):
        block = serial(affine(64), activation)

        def by_hand(params, x, dy, block):
            model = repeat(block, 48)
            return model.backward(params, model.forward(params, x)[1], dy)

        def by_jax(params, x, dy, body):
            def scan(params, x):
                return jax.lax.scan(lambda x, own: (body(own, x)[0], None), x, params)[0]

            return jax.vjp(scan, params, x)[1](dy)

        with jax.enable_x64(False):
            params, _ = repeat(block, 48).init(KEY, (64,))
            x = jnp.ones((256, 64), jnp.float32)
            ours, _ = compiled(functools.partial(by_hand, block=block), params, x, x)
            theirs, _ = compiled(functools.partial(by_jax, body=block.forward), params, x, x)
            assert ours <= most * theirs, (activation, ours / theirs)
            again = jax.checkpoint(block.forward, prevent_cse=False)
            ours, work = compiled(functools.partial(by_hand, block=remat(block)), params, x, x)
            theirs, most_work = compiled(functools.partial(by_jax, body=again), params, x, x)
            assert ours <= theirs, (activation, ours / theirs)
            assert work <= 0.8 * most_work, (activation, work / most_work)


def test_the_body_of_repeat_is_compiled_once():
    def size(rounds):
        model = repeat(serial(affine(5), tanh()), rounds)
        params, _ = model.init(KEY, (5,))
        return len(str(jax.make_jaxpr(model.forward)(params, X)).splitlines())

    assert size(48) == size(3)


def steps(model, shape, number=3):
    """Parameters before and after some steps of Adam on a sum of squares."""
    params, _ = model.init(KEY, shape)
    optimizer, before = adam(0.1), params
    state = optimizer.init(params)
    x = jnp.asarray(RNG.normal(size=(4, *shape)))
    for _ in range(number):
        y, cache = model.forward(params, x)
        grads, _ = model.backward(params, cache, y)
        updates, state = optimizer.update(grads, state, params)
        params = apply_updates(params, updates)
    return before, params


def moved(before, after):
    flat = jax.tree_util.tree_leaves_with_path(before)
    return {
        jax.tree_util.keystr(path): not np.array_equal(old, new)
        for (path, old), new in zip(flat, jax.tree.leaves(after), strict=True)
    }


def test_what_is_frozen_stays_and_the_rest_is_trained():
    before, after = steps(frozen(serial(affine(3), tanh(), affine(2)), "[0].w", "[2]"), (5,))
    assert moved(before, after) == {
        "[0].w.value": False,
        "[0].b": True,
        "[2].w.value": False,
        "[2].b.value": False,
    }
    before, after = steps(frozen(serial(affine(3), affine(2))), (5,))
    assert not any(moved(before, after).values())


def test_what_is_frozen_stays_under_weight_decay_and_where_it_is_tied():
    half = frozen(serial(affine(3), tanh(), affine(5)), "[0].w")
    model = tied(half, "[2].w", "[0].w.value", transpose=True)
    params, _ = model.init(jax.random.key(0), (5,))

    def decayed(grads, state, params):  # as optax.add_decayed_weights
        return jax.tree.map(lambda g, p: -0.1 * (g + 0.5 * p), grads, params), state

    optimizer = Optimizer(lambda params: (), decayed)
    step = make_step(model, losses.mse(), optimizer)
    x = jax.random.normal(jax.random.key(1), (4, 5), float)
    _, cache = model.forward(params, x)
    assert not model.backward(params, cache, x)[0][0].w.value.any()
    state, _ = step(State(params, optimizer.init(params), jnp.array(0)), x, x)
    assert (state.params[0].w.value == params[0].w.value).all()
    assert (state.params[0].b != params[0].b).all()


def test_low_rank_begins_as_the_model_and_trains_its_correction_alone():
    model = serial(affine(7), tanh(), affine(2))
    before, after = steps(low_rank(model, 2), (5,))
    told = moved(before, after)
    assert {name for name, changed in told.items() if changed} == {
        "[0].w.a",
        "[0].w.b",
        "[2].w.a",
        "[2].w.b",
    }
    params, _ = model.init(KEY, (5,))
    np.testing.assert_allclose(
        low_rank(model, 2).apply(before, X), model.apply(params, X), rtol=1e-12
    )
    change = after[0].w.b @ after[0].w.a
    assert np.linalg.matrix_rank(np.asarray(change)) == 2


def test_weight_norm_of_a_kernel_has_a_length_for_each_output():
    layer = weight_norm(conv(5, (2, 3)))
    params, _ = layer.init(KEY, (4, 4, 3))
    assert (params.w.g.shape, params.w.v.shape) == ((5,), (2, 3, 3, 5))
    lengths = np.sqrt(np.square(params.w.v).sum((0, 1, 2)))
    np.testing.assert_allclose(params.w.g, lengths, rtol=1e-12)
    assert check_gradients(layer, (4, 4, 3), depth="quick").right


def test_weight_norm_begins_as_the_model_and_keeps_directions_apart_from_lengths():
    model = affine(3)
    params, _ = model.init(KEY, (5,))
    normed, _ = weight_norm(model).init(KEY, (5,))
    np.testing.assert_allclose(
        weight_norm(model).apply(normed, X), model.apply(params, X), rtol=1e-12
    )
    longer = normed._replace(w=normed.w._replace(v=7 * normed.w.v))
    np.testing.assert_allclose(
        weight_norm(model).apply(longer, X), model.apply(params, X), rtol=1e-12
    )
    _, cache = weight_norm(model).forward(normed, X)
    gradient = weight_norm(model).backward(normed, cache, X[:, :3])[0].w.v
    np.testing.assert_allclose((gradient * normed.w.v).sum(axis=1), 0, atol=1e-12)


def low(model):
    return low_rank(model, 2)


@pytest.mark.turns(3)
@pytest.mark.parametrize("outer", [low, weight_norm])
@pytest.mark.parametrize("middle", [low, weight_norm])
@pytest.mark.parametrize("inner", [low, weight_norm, lambda model: frozen(model, "[0]")])
def test_adapters_around_adapters_begin_as_the_model(outer, middle, inner):
    plain = serial(affine(4), tanh(), affine(3))
    model = outer(middle(inner(plain)))
    params, _ = model.init(KEY, (5,))
    y, cache = model.forward(params, X)
    np.testing.assert_allclose(y, plain.apply(plain.init(KEY, (5,))[0], X), rtol=1e-5, atol=1e-6)

    def value(params):
        still = jax.tree.map(
            lambda node: jax.lax.stop_gradient(node) if is_non_trainable(node) else node,
            params,
            is_leaf=is_non_trainable,
        )
        return jnp.sum(model.forward(still, X)[0] * y)

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        model.backward(params, cache, y)[0],
        jax.grad(value)(params),
    )


def test_weight_norm_of_a_row_of_zeros_begins_at_zero_and_can_leave_it():
    model = weight_norm(affine(3, w_init=normal(0.0)))
    params, _ = model.init(KEY, (5,))
    y, cache = model.forward(params, X)
    assert not y.any()
    assert model.backward(params, cache, jnp.ones_like(y))[0].w.g.all()


def test_tied_weights_are_one_and_their_gradients_add_up():
    model = tied(serial(affine(3), tanh(), affine(5)), "[2].w", "[0].w", transpose=True)
    params, shape = model.init(KEY, (5,))
    assert shape == (5,)
    assert params[2].w is None
    w, b = params[0]
    expected = np.tanh(X @ w.T + b) @ w + params[2].b
    np.testing.assert_allclose(model.apply(params, X), expected, rtol=1e-12)
    before, after = steps(model, (5,))
    assert all(moved(before, after).values())


def test_a_penalty_is_that_of_the_parameters_that_are_computed():
    model = weight_norm(affine(3, l2=0.5))
    params, _ = model.init(KEY, (5,))
    value, gradient = model.penalty.value_and_grad(params)
    expected, by_jax = jax.value_and_grad(
        lambda p: 0.5 * (p.w.g**2).sum() + 0 * (p.b.sum() + p.w.v.sum())
    )(params)
    np.testing.assert_allclose(value, expected, rtol=1e-12)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), gradient, by_jax)
    model = repeat(serial(affine(5, l2=0.5), tanh()), 3)
    params, _ = model.init(KEY, (5,))
    value, gradient = model.penalty.value_and_grad(params)
    np.testing.assert_allclose(value, 0.5 * (params[0].w ** 2).sum(), rtol=1e-12)
    np.testing.assert_allclose(gradient[0].w, params[0].w, rtol=1e-12)


def test_sums_over_time_and_rounds_are_not_lost_in_bfloat16():
    """512 ones added up: bfloat16 alone stops at 256."""
    ones = layer(
        lambda key, shape: (jnp.zeros((), jnp.bfloat16), shape),
        lambda p, x, key=None: (x + p, ()),
        lambda p, cache, dy: (dy.sum(), dy),
    )
    x = jnp.ones((1, 1), jnp.bfloat16)
    model = repeat(ones, 512, tied=True)
    dparams, _ = model.backward(
        jnp.zeros((), jnp.bfloat16), model.forward(jnp.zeros((), jnp.bfloat16), x)[1], x
    )
    assert (float(dparams), dparams.dtype) == (512.0, jnp.bfloat16)
    cell = layer(
        lambda key, shape: (jnp.zeros((), jnp.bfloat16), shape[1]),
        lambda p, hx, key=None: (hx[1] + p, ()),
        lambda p, cache, dy: (dy.sum(), (jnp.zeros_like(dy), dy)),
    )
    sequence = jnp.ones((1, 512, 1), jnp.bfloat16)
    model = recurrent(cell)
    y, cache = model.forward(jnp.zeros((), jnp.bfloat16), sequence)
    assert float(model.backward(jnp.zeros((), jnp.bfloat16), cache, y)[0]) == 512.0


REFUSED = [
    (lambda: residual(affine(3)).init(KEY, (5,)), ShapeError, r"\(3,\).*\(5,\).*affine\(width\)"),
    (lambda: repeat(affine(3), 2).init(KEY, (5,)), ShapeError, "must return the shape"),
    (lambda: repeat(affine(5), 0), ConfigurationError, "times is 0"),
    (lambda: parallel(affine(3), relu).init(KEY, (5,)), ConfigurationError, "relu"),
    (lambda: parallel(affine(3), join="sum"), ConfigurationError, "join is 'sum'"),
    (lambda: parallel(affine(3), affine(2)).init(KEY, (5,)), ShapeError, "takes a tuple of inputs"),
    (lambda: parallel(affine(3)).init(KEY, ((5,), (2,))), ShapeError, "2 were given"),
    (lambda: fan_out(affine(3), affine(2), join="add").init(KEY, (5,)), ShapeError, "one shape"),
    (lambda: first(affine(3)).init(KEY, (5,)), ShapeError, "first takes a tuple"),
    (lambda: each(affine(3)).apply((), X), ShapeError, "each takes a tuple"),
    (lambda: recurrent(squeeze()).init(KEY, (6, 2)), ShapeError, "is not a cell"),
    (lambda: recurrent(CELL).init(KEY, ()), ShapeError, "first axis must be time"),
    (lambda: frozen(affine(3), "w").init(KEY, (5,)), ConfigurationError, r"there are \.w, \.b"),
    (lambda: tied(affine(3), ".w", ".v").init(KEY, (5,)), ConfigurationError, "no parameter '.v'"),
    (lambda: tied(affine(3), ".w", ".b").init(KEY, (5,)), ConfigurationError, "have one shape"),
    (lambda: low_rank(affine(3), 0), ConfigurationError, "rank is 0"),
    (lambda: remat(3), ConfigurationError, "3 is not a Layer"),
    (lambda: repeat(affine(5), 2, tied="no"), ConfigurationError, "repeat: tied is 'no'"),
    (lambda: recurrent(CELL, last="no"), ConfigurationError, "recurrent: last is 'no'"),
    (lambda: tied(affine(3), ".w", ".b", transpose=1), ConfigurationError, "transpose is 1"),
    (lambda: tied(affine(3), 0, 1), ConfigurationError, "0 is no path"),
    (lambda: frozen(affine(3), [".w"]), ConfigurationError, r"\('.w',\) is no path"),
    (lambda: recurrent(CELL).forward((), X[0]), ShapeError, r"x is \[\(5,\)\]"),
    (
        lambda: recurrent(CELL).forward((), (X[..., None], jnp.array([1, 2]))),
        ShapeError,
        "2 lengths for 4 sequences",
    ),
    (lambda: first(affine(3)).init(KEY, {"a": (5,), "b": (2,)}), ShapeError, "given a dict"),
    (
        lambda: parallel(tanh(), tanh(), join="concatenate").init(KEY, ((3,), ())),
        ShapeError,
        "but for the last axis",
    ),
]


@pytest.mark.parametrize(("call", "error", "words"), REFUSED)
def test_what_does_not_fit_is_refused_with_what_to_do(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(
    ("model", "other", "words"),
    [
        (serial(affine(5), tanh()), affine(5), "Affine parameters for serial"),
        (serial(affine(5), tanh()), residual(affine(5)), "Residual parameters for serial"),
        (residual(affine(5)), serial(affine(5), tanh()), "Affine parameters for serial"),
        (repeat(affine(5), 3), repeat(affine(5), 4), "rounds"),
        (repeat(affine(5), 3), affine(5), "rounds"),
        (fan_out(affine(5), tanh()), fan_out(affine(5)), "1 parameters for 2 layers"),
    ],
)
def test_parameters_of_another_model_are_refused(model, other, words):
    with pytest.raises(ShapeError, match=words):
        model.apply(other.init(KEY, (5,))[0], X)


def test_one_number_per_example_is_not_concatenated_along_the_batch():
    model = fan_out(squeeze(), squeeze(), join="concatenate")
    with pytest.raises(ShapeError, match="no axis to concatenate"):
        model.apply(model.init(KEY, (1,))[0], jnp.ones((3, 1)))
    with pytest.raises(ShapeError, match="of one kind"):
        fan_out(serial(), fan_out(tanh()), join="add").init(KEY, (5,))
    with pytest.raises(ConfigurationError, match="one layer or more"):
        fan_out()
    with pytest.raises(ShapeError, match="affine takes one array"):
        affine(3).init(KEY, {"a": (5,)})


def test_integers_are_not_added_to_themselves():
    whole = layer(lambda key, shape: ((), shape), lambda p, x, key=None: (x, ()), None)
    with pytest.raises(ShapeError, match=r"int32, which cannot be added; .*first\(residual"):
        residual(whole).forward(residual(whole).init(KEY, (5,))[0], jnp.ones((2, 5), jnp.int32))


def test_frozen_parameters_are_known_by_their_type():
    params, _ = frozen(affine(3)).init(KEY, (5,))
    assert all(isinstance(part, Frozen) for part in params)
    assert flatten().init(KEY, (2, 3))[1] == (6,)


def test_each_takes_inputs_of_different_shapes_where_its_parameters_fit_them():
    model = each(affine(3, axes=1))
    params, shapes = model.init(KEY, ((5, 2), (4, 2)))
    assert shapes == ((5, 3), (4, 3))
    outputs = model.apply(params, (jnp.ones((1, 5, 2)), jnp.ones((1, 4, 2))))
    assert tuple(y.shape[1:] for y in outputs) == shapes
    with pytest.raises(ShapeError, match=r"other parameters for an example of \(5,\)"):
        each(affine(3)).init(KEY, ((7,), (5,)))


def test_what_is_tied_has_its_gradient_or_is_refused():
    with pytest.raises(ConfigurationError, match="give two parameters"):
        tied(serial(affine(5), affine(5)), "[1].w", "[1].w")
    half = frozen(serial(affine(5), affine(5)), "[1]")
    with pytest.raises(ConfigurationError, match=r"\[1\].w.value is not trained"):
        tied(half, "[1].w.value", "[0].w").init(KEY, (5,))
    statistics = [f"[{place}].running.value.mean" for place in (1, 0)]
    with pytest.raises(ConfigurationError, match="is not trained"):
        tied(serial(batch_norm(), batch_norm()), *statistics).init(KEY, (5,))
