"""rnn, lstm and gru: PyTorch's numbers, their cells in `recurrent`, lengths, directions, states."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import serial
from fnet.compose import fan_out, recurrent
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import gru, gru_cell, lstm, lstm_cell, rnn, rnn_cell

RNG = np.random.default_rng(0)
X = jnp.asarray(RNG.normal(size=(3, 5, 2)))


def sines(*shape):
    return np.sin(np.arange(1, np.prod(shape) + 1)).reshape(shape)


# PyTorch 2.13.0 in float64: the last output, dx of the first step for dy = 1, and the sums of the
# gradients of weight_hh and weight_ih; weights are sines(...) and cos(sines(...)), biases
# sines(...) / 2 and sines(...) / 3.
PYTORCH = {
    "lstm": (
        *([0.6465781427, 0.4607269644, 0.0435348538], [0.7249681137, 0.4046317966]),
        *(2.9574607027, 0.273526113),
    ),
    "gru": (
        *([0.1690705823, 0.7073549546, -0.4984256757], [-1.0973843815, -1.3611300441]),
        *(1.3005479422, -1.6159643009),
    ),
    "rnn": (
        *([0.9994384554, 0.9644959087, 0.7956785049], [-1.4431078042, -2.771790314]),
        *(4.2735559227, 6.4345936325),
    ),
}
LAYERS = {"rnn": (rnn, rnn_cell, 1), "lstm": (lstm, lstm_cell, 4), "gru": (gru, gru_cell, 3)}

every_kind = pytest.mark.parametrize("kind", LAYERS)


def drawn(layer, shape=(5, 2)):
    params, _ = layer.init(jax.random.key(0), shape)
    return jax.tree.map(lambda leaf: leaf + 0.1 * RNG.normal(size=leaf.shape), params)


def passes(layer, params, x, dy):
    """y, dparams and dx, traced each time: what was compiled before does not see another ROWS."""
    forward, backward = (jax.jit(lambda *a, f=f: f(*a)) for f in (layer.forward, layer.backward))
    y, cache = forward(params, x)
    return y, *backward(params, cache, dy)


@every_kind
def test_numbers_of_pytorch(kind):
    make, _, gates = LAYERS[kind]
    first, second = sines(gates * 3) / 2, sines(gates * 3) / 3
    params = drawn(make(3), (4, 2))._replace(
        w=jnp.asarray(sines(gates * 3, 2)), u=jnp.asarray(np.cos(sines(gates * 3, 3)))
    )
    if kind == "gru":  # the candidate's second bias is under the reset gate
        both = np.concatenate((first[:6] + second[:6], first[6:]))
        params = params._replace(b=jnp.asarray(both), c=jnp.asarray(second[6:]))
    else:
        params = params._replace(b=jnp.asarray(first + second))
    x = jnp.asarray(sines(1, 4, 2))
    y, dparams, dx = passes(make(3), params, x, jnp.ones((1, 4, 3)))
    last, first_dx, du, dw = PYTORCH[kind]
    np.testing.assert_allclose(y[0, -1], last, rtol=1e-8)
    np.testing.assert_allclose(dx[0, 0], first_dx, rtol=1e-8)
    np.testing.assert_allclose([dparams.u.sum(), dparams.w.sum()], [du, dw], rtol=1e-8)


@pytest.mark.parametrize("reverse", [False, True])
@every_kind
def test_over_time_it_is_its_cell_in_recurrent(kind, reverse):
    make, cell, _ = LAYERS[kind]
    layer, looped = make(3, reverse=reverse), recurrent(cell(3), reverse=reverse)
    params, lengths = drawn(layer), jnp.array([5, 2, 0])
    dy = jnp.asarray(RNG.normal(size=(3, 5, 3)))
    (y, _), dparams, (dx, none) = passes(layer, params, (X, lengths), (dy, None))
    assert none is None
    of_states = (dy, jnp.zeros_like(dy)) if kind == "lstm" else dy
    (states, _), expected, (expected_dx, _) = passes(
        looped, params, (X, lengths), (of_states, None)
    )
    h = states[0] if kind == "lstm" else states
    for found, other in zip(
        jax.tree.leaves((y, dparams, dx)), jax.tree.leaves((h, expected, expected_dx)), strict=True
    ):
        np.testing.assert_allclose(found, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("rows", [3, 6, 9])
def test_parts_of_a_sequence_are_the_whole(rows, reverse, monkeypatch):
    # Of three examples: five parts of a step; two of two, and one of one; one of three and a rest.
    layer = lstm(3, reverse=reverse)
    params, lengths = drawn(layer), jnp.array([5, 2, 0])
    dy = jnp.asarray(RNG.normal(size=(3, 5, 3)))
    whole = passes(layer, params, (X, lengths), (dy, None))
    monkeypatch.setattr("fnet.layers.stepping.ROWS", rows)
    parts = passes(layer, params, (X, lengths), (dy, None))
    for found, expected in zip(jax.tree.leaves(parts), jax.tree.leaves(whole), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("reverse", [False, True])
@every_kind
def test_padding_changes_nothing_whatever_it_holds(kind, reverse):
    layer = LAYERS[kind][0](3, reverse=reverse, last=True)
    params, dy = drawn(layer), jnp.asarray(RNG.normal(size=(3, 3)))
    there = np.arange(5) < np.array([5, 2, 0])[:, None]
    lengths, spoilt = jnp.array([5, 2, 0], jnp.int8), jnp.where(there[..., None], X, jnp.nan)
    y, dparams, (dx, _) = passes(layer, params, (spoilt, lengths), dy)
    short, _, short_dx = passes(layer, params, X[1:2, :2], dy[1:2])
    np.testing.assert_allclose(y[1], short[0], rtol=1e-12)
    np.testing.assert_allclose(dx[1, :2], short_dx[0], rtol=1e-12)
    assert (np.asarray(dx[1, 2:]) == 0).all()
    assert (np.asarray(y[2]) == 0).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(dparams))


@every_kind
def test_two_halves_with_the_state_handed_on_are_the_whole(kind):
    make, cell, _ = LAYERS[kind]
    params = drawn(make(3))
    whole = make(3).apply(params, X)
    first, _ = recurrent(cell(3), last=True).forward(params, X[:, :2])
    rest = make(3, initial="given").apply(params, (X[:, 2:], first))
    np.testing.assert_allclose(rest, whole[:, 2:], rtol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@every_kind
def test_a_learned_state_is_a_state_that_all_are_given(kind, reverse):
    make, _, _ = LAYERS[kind]
    learned, given = (
        make(3, initial=each, reverse=reverse, last=True) for each in ("learned", "given")
    )
    params, lengths = drawn(learned), jnp.array([5, 2, 0])
    dy = jnp.asarray(RNG.normal(size=(3, 3)))
    every = jax.tree.map(lambda leaf: jnp.stack([leaf] * 3), params.state)
    y, dparams, (dx, _) = passes(learned, params, (X, lengths), dy)
    expected, dcell, (expected_dx, dstate, _) = passes(given, params.cell, (X, every, lengths), dy)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    np.testing.assert_allclose(dx, expected_dx, rtol=1e-12)
    dstate = jax.tree.map(lambda leaf: leaf.sum(0), dstate)
    for found, other in zip(
        jax.tree.leaves(dparams), jax.tree.leaves((dcell, dstate)), strict=True
    ):
        np.testing.assert_allclose(found, other, rtol=1e-12, atol=1e-14)


def test_a_learned_state_is_told_from_none():
    learned = gru(3, initial="learned")
    params = drawn(learned)
    with pytest.raises(ShapeError, match="params are of type Gru; with a learned state"):
        learned.apply(params.cell, X)
    long = learned.apply(params, X)
    state = learned.stream.resume(params, learned.forward(params, X[:, :4])[1], 4, 5)
    last, _ = learned.stream.step(params, state, X[:, 4:])
    np.testing.assert_allclose(last, long[:, 4:], rtol=1e-12)


def test_layers_both_directions_and_a_projection_are_composed():
    both = serial(
        fan_out(lstm(3, projection=2), lstm(3, projection=2, reverse=True), join="concatenate"),
        gru(5, last=True),
    )
    params, out_shape = both.init(jax.random.key(0), (5, 2))
    assert params[0][0].p.shape == (2, 3)
    assert out_shape == (5,)
    assert both.apply(params, X).shape == (3, 5)


def test_the_forget_gate_begins_open():
    params, _ = lstm(3).init(jax.random.key(0), (5, 2))
    np.testing.assert_array_equal(params.b, [0] * 3 + [1] * 3 + [0] * 6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: rnn(3, activation="sine"), "activation is 'sine'; it must be one of"),
        (lambda: lstm(3, initial="drawn"), "initial is 'drawn'"),
        (lambda: gru(0), "width is 0"),
        (lambda: gru(3, reset_after=1), "reset_after is 1"),
    ],
)
def test_arguments_are_checked(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_shapes_are_checked():
    for shape, message in (((5,), r"must be \(T, D\)"), (((5, 2), (3,), ()), "3 parts")):
        with pytest.raises(ShapeError, match=message):
            lstm(3).init(jax.random.key(0), shape)
    with pytest.raises(ShapeError, match=r"first state is \(3,\); it must be \(\(3,\), \(3,\)\)"):
        lstm(3, initial="given").init(jax.random.key(0), ((5, 2), (3,)))
    with pytest.raises(ShapeError, match=r"x is \(3, 5, 7\); it must be \(N, T, D\), D = 2"):
        gru(3).apply(drawn(gru(3)), jnp.ones((3, 5, 7)))
    with pytest.raises(ShapeError, match=r"takes a pair \(state, x\)"):
        lstm_cell(3).init(jax.random.key(0), (5,))


@every_kind
def test_lengths_and_states_of_another_shape_are_refused(kind):
    make, cell, _ = LAYERS[kind]
    pair = kind == "lstm"
    params = drawn(make(3))
    for lengths in (
        jnp.ones((3, 5), bool),
        jnp.ones((3, 0, 5), bool),
        jnp.ones(3),
        jnp.ones(2, int),
    ):
        with pytest.raises(ShapeError, match=r"lengths are .* they must be \(3,\) integers"):
            make(3).apply(params, (X, lengths))
    wrong = (jnp.zeros((3, 4)), jnp.zeros((1, 3)), jnp.zeros((3, 3), int), (jnp.zeros((3, 3)),) * 3)
    for h in wrong:
        state = (h, h) if pair and not isinstance(h, tuple) else h
        for layer, x in ((make(3, initial="given"), (X, state)), (cell(3), (state, X[:, 0]))):
            with pytest.raises(ShapeError, match="the state is"):
                layer.apply(params, x)
    with pytest.raises(ShapeError, match=r"takes a pair \(state, x\)"):
        cell(3).apply(params, X[:, 0])


class Padded(NamedTuple):
    x: Any
    lengths: Any


class Given(NamedTuple):
    x: Any
    state: Any
    lengths: Any


class State(NamedTuple):
    h: Any
    c: Any


@every_kind
def test_inputs_may_be_named(kind):
    """As those of `recurrent` may: gradients are named in the same way, and the pair of y is."""
    make, cell, _ = LAYERS[kind]
    h, lengths = jnp.ones((3, 3)), jnp.array([5, 2, 0])
    plain, named = ((h, h), State(h, h)) if kind == "lstm" else (h, h)
    for layer, inputs, as_named in (
        (make(3), (X, lengths), Padded(X, lengths)),
        (make(3, initial="given"), (X, plain, lengths), Given(X, named, lengths)),
        (cell(3), (plain, X[:, 0]), Padded(named, X[:, 0])),
    ):
        shape, named_shape = (
            jax.tree.map(lambda leaf: leaf.shape[1:], each) for each in (inputs, as_named)
        )
        params, out_shape = layer.init(jax.random.key(0), named_shape)
        assert layer.init(jax.random.key(0), shape)[1] == out_shape

        def total(x, layer=layer, params=params):
            return jax.tree.leaves(layer.apply(params, x))[0].sum()

        expected, found = (jax.grad(total, allow_int=True)(each) for each in (inputs, as_named))
        assert jax.tree.structure(found) == jax.tree.structure(as_named)
        pairs = zip(*map(jax.tree.leaves, (expected, found)), strict=True)
        assert all((a == b).all() for a, b in pairs)
    assert type(make(3).apply(drawn(make(3)), Padded(X, lengths))) is Padded
