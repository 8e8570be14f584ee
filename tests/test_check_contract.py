"""Layers of trees, of integers, with noise, and with parameters that nobody trains."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import registry
from fnet.check import check_gradients, explain
from fnet.core import NonTrainable, layer
from fnet.core.examples import ints
from fnet.errors import ConfigurationError, GradientMismatch
from fnet.layers import affine

RATE = 0.4


def mask_of(key, shape, dtype):
    return jax.random.bernoulli(key, 1 - RATE, shape).astype(dtype) / (1 - RATE)


def dropout(backward):
    """Dropout whose backward pass is given (cache, dy), cache being the key."""

    def forward(params, x, key=None):
        return (x, None) if key is None else (x * mask_of(key, x.shape, x.dtype), key)

    return layer(
        lambda key, shape: ((), shape),
        forward,
        lambda params, key, dy: ((), dy if key is None else backward(key, dy)),
    )


def drawn_again(key, dy):
    return dy * mask_of(key, dy.shape, dy.dtype)


WRONG_DROPOUTS = {
    "not divided by the keep rate": lambda key, dy: drawn_again(key, dy) * (1 - RATE),
    "not masked": lambda key, dy: dy,
    "another mask": lambda key, dy: drawn_again(jax.random.fold_in(key, 1), dy),
    "a constant mask": lambda key, dy: drawn_again(jax.random.key(0), dy),
}


@pytest.mark.parametrize("depth", ["quick", "full"])
def test_a_dropout_is_examined_with_a_key(depth):
    assert check_gradients(dropout(drawn_again), (3, 7), depth=depth).right
    for name, wrong in WRONG_DROPOUTS.items():
        with pytest.raises(GradientMismatch, match="in training, with a key") as caught:
            check_gradients(dropout(wrong), (3, 7), depth=depth)
        assert caught.value.leaf == "dx", name
        assert "(it is right in use, without one)" in str(caught.value)


def test_a_dropout_that_is_wrong_in_use_alone_is_caught():
    right = dropout(drawn_again)
    wrong = dataclasses.replace(
        right,
        backward=lambda params, key, dy: (
            ((), 2 * dy) if key is None else right.backward(params, key, dy)
        ),
    )
    with pytest.raises(GradientMismatch) as caught:
        check_gradients(wrong, (3, 7))
    assert "in training" not in str(caught.value)


def test_the_key_is_that_which_is_given():
    def right_for_seven_alone(key, dy):
        seven = (jax.random.key_data(key) == jnp.array([0, 7], jnp.uint32)).all()
        return jnp.where(seven, 1.0, 2.0) * drawn_again(key, dy)

    noisy = dropout(right_for_seven_alone)
    assert explain(noisy, (3,), key=jax.random.key(7), depth="quick").right
    assert not explain(noisy, (3,), key=jax.random.key(8), depth="quick").right
    with pytest.raises(ConfigurationError, match="give it among the arguments of a function"):
        explain(jnp.sin, np.ones(3), key=jax.random.key(7))


def test_a_layer_that_hands_its_key_on_but_does_not_use_it_is_examined_once():
    """Whether a layer is examined twice depends on what it does, not on what it is given."""

    def entries(forward):
        plain = layer(lambda key, shape: ((), shape), forward, lambda p, cache, dy: ((), 2 * dy))
        return explain(plain, (3,)).entries

    def split_in_vain(params, x, key=None):
        keys = None if key is None else jax.random.split(key, 3)
        return jax.lax.scan(lambda x, own: (x, None), 2 * x, keys, 3)[0], ()

    assert entries(split_in_vain) == entries(lambda params, x, key=None: (2 * x, ()))


def batch_norm(change=lambda dγ, dβ, dx: (dγ, dβ, dx), frozen=jnp.zeros_like, own_mean=True):
    """Normalises by the batch with a key, by what was observed without."""

    def init(key, shape):
        like = (jnp.ones(shape), jnp.zeros(shape))
        return (like, NonTrainable((jnp.zeros(shape), jnp.ones(shape)))), shape

    def forward(params, x, key=None):
        (γ, β), observed = params
        mean, variance = observed.value if key is None else (x.mean(0), x.var(0))
        deviation = jnp.sqrt(variance + 1e-5)
        hat = (x - mean) / deviation
        return γ * hat + β, (hat, deviation, None if key is None else (mean, variance))

    def backward(params, cache, dy):
        (γ, _), observed = params
        hat, deviation, batch = cache
        dhat = γ * dy
        if batch is None:
            dx = dhat / deviation
        else:
            dhat = dhat - (dhat.mean(0) if own_mean else 0)
            dx = (dhat - hat * (dhat * hat).mean(0)) / deviation
        dγ, dβ, dx = change((dy * hat).sum(0), dy.sum(0), dx)
        return ((dγ, dβ), jax.tree.map(frozen, observed)), dx

    def observe(params, cache):
        trained, observed = params
        batch = NonTrainable(cache[2])
        return trained, jax.tree.map(lambda old, new: 0.9 * old + 0.1 * new, observed, batch)

    return layer(init, forward, backward, observe=observe)


@pytest.mark.parametrize("depth", ["quick", "full"])
def test_a_batch_norm_mixes_the_rows_in_training_alone(depth):
    assert check_gradients(batch_norm(), (5,), depth=depth).right
    for wrong, leaf, kind in (
        (batch_norm(own_mean=False), "dx", "term missing"),
        (batch_norm(lambda dγ, dβ, dx: (dγ, dβ / 3, dx)), "dparams[0][1]", "mean or sum"),
        (batch_norm(frozen=jnp.ones_like), "dparams[1].value[0]", "not zero"),
    ):
        report = explain(wrong, (5,), depth=depth)
        assert (report.findings[0].leaf, report.findings[0].kind) == (leaf, kind), report


def test_what_is_not_trainable_must_have_no_gradient_even_where_it_has_an_effect():
    """The true derivative is handed on, and differences would bear it out."""

    def made(dw):
        def init(key, shape):
            return NonTrainable(jnp.ones(shape)), shape

        return layer(
            init,
            lambda w, x, key=None: (w.value * x, x),
            lambda w, x, dy: (NonTrainable(dw(x, dy)), w.value * dy),
        )

    assert explain(made(lambda x, dy: jnp.zeros(x.shape[1:], x.dtype)), (5,)).right
    assert explain(made(lambda x, dy: None), (5,)).right
    report = explain(made(lambda x, dy: (x * dy).sum(0)), (5,))
    assert report.findings[0].kind == "not zero"
    report = explain(made(lambda x, dy: jnp.zeros_like(x)), (5,))
    assert report.findings[0].kind == "shape"


def test_a_layer_that_mixes_rows_in_use_is_told():
    centred = layer(
        lambda key, shape: ((), shape),
        lambda params, x, key=None: (x - x.mean(0), ()),
        lambda params, cache, dy: ((), dy - dy.mean(0)),
    )
    assert explain(centred, (5,)).findings[0].kind == "rows"


def embedding(back):
    def init(key, shape):
        return jax.random.normal(key, (11, 3)), (*shape, 3)

    def backward(table, ids, dy):
        return back(jnp.zeros_like(table).at[ids], dy), None

    return layer(init, lambda table, ids, key=None: (table[ids], ids), backward)


@pytest.mark.parametrize("depth", ["quick", "full"])
def test_an_embedding_is_differentiated_by_its_table_alone(depth):
    takes = ints(5, below=11)
    right = check_gradients(embedding(lambda at, dy: at.add(dy)), takes, depth=depth)
    assert right.entries >= 3 * 33
    for wrong in (lambda at, dy: at.set(dy), lambda at, dy: at.add(2 * dy)):
        report = explain(embedding(wrong), takes, depth=depth)
        assert report.findings[0].leaf == "dparams"
        assert report.findings[0].kind in ("not summed", "factor")


def test_inputs_of_several_arrays_are_named_and_their_rows_kept_apart():
    def made(factor, mix=0.0):
        def forward(params, x, key=None):
            (a, b), gate = x["pair"], x["gate"]
            open_ = (gate > 1).astype(a.dtype)[:, None]
            return {"out": a * b[:, :1] * open_, "gate": gate}, (a, b, open_)

        def backward(params, cache, dy):
            (a, b, open_), d = cache, dy["out"]
            assert dy["gate"] is None
            db = jnp.zeros_like(b).at[:, 0].set((d * a * open_).sum(1))
            return (), {"pair": (d * b[:, :1] * open_, factor * db), "gate": None}

        return layer(lambda key, shape: ((), shape), forward, backward)

    takes = {"pair": ((7,), (5,)), "gate": ints(below=4)}
    report = check_gradients(made(1), takes, batch_size=6)
    assert report.entries > 2 * 6 * (7 + 5)
    report = explain(made(2), takes, batch_size=6)
    assert report.findings[0].leaf == "dx['pair'][1]"
    assert report.findings[0].kind == "factor"


def test_what_takes_no_shape_is_told():
    plain = layer(
        lambda key, shape: ((), shape),
        lambda params, x, key=None: (x, ()),
        lambda params, cache, dy: ((), dy),
    )
    for takes in (np.ones((3, 5)), "3", {"x": 3}, ((3,), 2.5), None):
        with pytest.raises(ConfigurationError, match="give the shape of one example"):
            explain(plain, takes)
    for takes in (ints(0, below=3), ((3,), (2, 0))):
        with pytest.raises(ConfigurationError, match="a size of the shape is 0"):
            explain(plain, takes)
    with pytest.raises(ConfigurationError, match=r"nothing to differentiate by.*input is int32"):
        explain(plain, ints(5, below=3))
    with pytest.raises(ConfigurationError, match="depth is 'deep'"):
        explain(plain, (3,), depth="deep")


EXAMPLES = [*registry.examples("model")]


@pytest.mark.turns(3)
@pytest.mark.parametrize("number", range(len(EXAMPLES)), ids=lambda n: str(EXAMPLES[n][0]))
def test_every_registered_layer_is_right_quickly(number):
    made, takes = EXAMPLES[number]
    assert check_gradients(made, takes, depth="quick").entries > 0


def test_a_quick_check_compiles_little(caplog):
    def programs(depth):
        caplog.clear()
        with jax.log_compiles():
            assert explain(affine(3), (13,), depth=depth).right
        return sum("Finished XLA compilation" in record.message for record in caplog.records)

    jax.clear_caches()
    few = programs("quick")  # the parameters, and all that is asked of a point
    assert few <= 3
    assert programs("quick") == 1  # the parameters, of a function made anew
    assert programs("full") > 8 * few
