"""Updates of the rows that a batch has seen, against updates of the whole table."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnet import optimizers
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.layers import embedding
from fnet.optimizers import (
    accumulate,
    adagrad,
    adam,
    adamax,
    adamw,
    clip_by_global_norm,
    ftrl,
    lamb,
    lars,
    momentum,
    muon,
    rmsprop,
    scheduled,
    sgd,
    update_rows,
)
from fnet.optimizers.schedules import cosine

RNG = np.random.default_rng(0)
TABLE = jnp.asarray(RNG.normal(size=(9, 3)))


def batches(number, rows=9):
    """Ids, among them repetitions, and the gradients of their vectors."""
    return [
        (jnp.asarray(RNG.integers(0, rows, (2, 5))), jnp.asarray(RNG.normal(size=(2, 5, 3))))
        for _ in range(number)
    ]


def dense(optimizer, steps, table=TABLE):
    """A step on the whole table for each batch."""
    state = optimizer.init(table)
    for ids, dy in steps:
        g = np.zeros(table.shape)
        np.add.at(g, np.asarray(ids), np.asarray(dy))
        updates, state = optimizer.update(jnp.asarray(g), state, table)
        table = table + updates
    return table, state


def by_rows(optimizer, steps, table=TABLE, **more):
    state = optimizer.init(table)
    step = jax.jit(lambda *given: update_rows(optimizer, *given, **more))
    for ids, dy in steps:
        table, state = step(ids, dy, state, table)
    return table, state


def alike(ours, theirs):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), ours, theirs)


@pytest.mark.parametrize("optimizer", [sgd(0.1), adagrad(0.1), ftrl(0.1, l1=0.01)], ids=str)
def test_exact_where_a_gradient_of_zero_changes_nothing(optimizer):
    steps = batches(5)
    alike(by_rows(optimizer, steps), dense(optimizer, steps))


LAZY = [
    *(adam(0.1), momentum(0.1), rmsprop(0.1), adamax(0.1)),
    clip_by_global_norm(scheduled(adam(0.1), cosine(9)), 0.1),
]


@pytest.mark.parametrize("optimizer", LAZY, ids=lambda each: str(each)[:40])
def test_lazy_ones_are_exact_in_the_first_step_and_on_what_every_step_sees(optimizer):
    once = batches(1)
    alike(by_rows(optimizer, once)[0], dense(optimizer, once)[0])
    every = jnp.arange(6).reshape(2, 3)  # and two more in the first step, which rest from then on
    first = jnp.array([[0, 1, 2, 7], [3, 4, 5, 7]])
    steps = [(ids, jnp.asarray(RNG.normal(size=(*ids.shape, 3)))) for ids in (first, every, every)]
    (ours, _), (theirs, _) = by_rows(optimizer, steps), dense(optimizer, steps)
    np.testing.assert_allclose(ours[:6], theirs[:6], rtol=1e-12)
    np.testing.assert_array_equal(ours[7], by_rows(optimizer, steps[:1])[0][7])
    assert (ours[8] == TABLE[8]).all()


@pytest.mark.parametrize(
    "optimizer",
    [adamw(0.1), lamb(0.1), lars(0.1), muon(0.1), accumulate(adam(0.1), 2)],
    ids=str,
)
def test_what_is_no_rule_for_a_row_is_refused(optimizer):
    with pytest.raises(ConfigurationError, match="does not update each row by itself"):
        update_rows(optimizer, *batches(1)[0], optimizer.init(TABLE), TABLE)


def test_those_of_optax():
    once = batches(1)
    with jax.numpy_dtype_promotion("standard"):
        ours, _ = by_rows(optax.adam(0.1), once)
        with pytest.raises(ConfigurationError, match="does not update each row by itself"):
            by_rows(optax.lamb(0.1), once)
    np.testing.assert_allclose(ours, dense(adam(0.1), once)[0], rtol=1e-7)


def test_with_the_layer_its_padding_and_a_narrow_table():
    layer = embedding(9, 3, padding=4)
    params = layer.init(jax.random.key(0), (5,))[0]
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), params)
    ids = jnp.full((2000, 1), 2, jnp.uint8).at[:3].set(4)
    dy = jnp.ones((2000, 1, 3), jnp.bfloat16)
    grads, _ = layer.backward(params, ids, dy)
    optimizer = sgd(1e-3)
    updates, _ = optimizer.update(grads, optimizer.init(params), params)
    expected = optimizers.apply_updates(params, updates)
    found, _ = update_rows(optimizer, ids, dy, optimizer.init(params), params, padding=4)
    assert found.w.dtype == jnp.bfloat16
    np.testing.assert_array_equal(found.w, expected.w)  # 1,997 terms, where bfloat16 stops at 256


def test_ids_out_of_range_and_wrong_shapes():
    ids, dy = jnp.array([[9, -1, 2]]), jnp.ones((1, 3, 3))
    state = sgd(0.1).init(TABLE)
    with pytest.raises(DataError, match="from 0 to 8"):
        update_rows(sgd(0.1), ids, dy, state, TABLE)
    alike(by_rows(sgd(0.1), [(ids, dy)])[0], TABLE.at[2].add(-0.1))
    with pytest.raises(ShapeError, match=r"dy is \(1, 3, 3\), and ids are \(3,\)"):
        update_rows(sgd(0.1), ids[0], dy, state, TABLE)
    with pytest.raises(ShapeError, match="one table"):
        update_rows(sgd(0.1), ids, dy, state, (TABLE, TABLE))
    with pytest.raises(ShapeError, match="must be integers"):
        update_rows(sgd(0.1), dy[..., 0], dy, state, TABLE)
