"""Updates of the rows that a batch has seen, against updates of the whole table."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnet import data, losses, optimizers, registry
from fnet.compose import serial, tied
from fnet.core.values import read
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.layers import affine, embedding, flatten
from fnet.optimizers import (
    accumulate,
    adagrad,
    adam,
    adamax,
    adamw,
    by_part,
    by_rows,
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
from fnet.training import descend, fit, make_step, start
from fnet.training.seen_rows import seen_rows

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


def seen_alone(optimizer, steps, table=TABLE, **more):
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
    alike(seen_alone(optimizer, steps), dense(optimizer, steps))


LAZY = [
    *(adam(0.1), momentum(0.1), rmsprop(0.1), adamax(0.1)),
    clip_by_global_norm(scheduled(adam(0.1), cosine(9)), 0.1),
]


@pytest.mark.parametrize("optimizer", LAZY, ids=lambda each: str(each)[:40])
def test_lazy_ones_are_exact_in_the_first_step_and_on_what_every_step_sees(optimizer):
    once = batches(1)
    alike(seen_alone(optimizer, once)[0], dense(optimizer, once)[0])
    every = jnp.arange(6).reshape(2, 3)  # and two more in the first step, which rest from then on
    first = jnp.array([[0, 1, 2, 7], [3, 4, 5, 7]])
    steps = [(ids, jnp.asarray(RNG.normal(size=(*ids.shape, 3)))) for ids in (first, every, every)]
    (ours, _), (theirs, _) = seen_alone(optimizer, steps), dense(optimizer, steps)
    np.testing.assert_allclose(ours[:6], theirs[:6], rtol=1e-12)
    np.testing.assert_array_equal(ours[7], seen_alone(optimizer, steps[:1])[0][7])
    assert (ours[8] == TABLE[8]).all()


@pytest.mark.parametrize("optimizer", [adagrad(0.1), scheduled(adam(0.1), cosine(9))], ids=str)
def test_rows_taken_in_blocks(optimizer, monkeypatch):
    steps = batches(3)
    whole = seen_alone(optimizer, steps)
    monkeypatch.setattr("fnet.optimizers.rows.BLOCK", 12)  # 4 of 10 rows
    alike(seen_alone(optimizer, steps), whole)
    clipped = clip_by_global_norm(optimizer, 0.1)  # whose norm is that of all blocks
    alike(seen_alone(clipped, steps[:1])[0], dense(clipped, steps[:1])[0])


@pytest.mark.parametrize(
    "optimizer",
    [adamw(0.1), lamb(0.1), lars(0.1), muon(0.1), accumulate(adam(0.1), 2)],
    ids=str,
)
def test_what_is_no_rule_for_a_row_is_refused(optimizer):
    with pytest.raises(ConfigurationError, match=r"update_rows: .* does not update each row"):
        update_rows(optimizer, *batches(1)[0], optimizer.init(TABLE), TABLE)
    with pytest.raises(ConfigurationError, match=r"by_rows: .* does not update each row"):
        by_rows(optimizer)


def test_those_of_optax():
    once = batches(1)
    with jax.numpy_dtype_promotion("standard"):
        ours, _ = seen_alone(optax.adam(0.1), once)
        with pytest.raises(ConfigurationError, match="does not update each row by itself"):
            seen_alone(optax.lamb(0.1), once)
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
    alike(seen_alone(sgd(0.1), [(ids, dy)])[0], TABLE.at[2].add(-0.1))
    with pytest.raises(ShapeError, match=r"dy is \(1, 3, 3\), and ids are \(3,\)"):
        update_rows(sgd(0.1), ids[0], dy, state, TABLE)
    with pytest.raises(ShapeError, match="one table"):
        update_rows(sgd(0.1), ids, dy, state, (TABLE, TABLE))
    with pytest.raises(ShapeError, match="must be integers"):
        update_rows(sgd(0.1), dy[..., 0], dy, state, TABLE)


MODEL = serial(embedding(40, 3, padding=4), flatten(), affine(2))
IDS = RNG.integers(0, 12, (11, 4)).astype(np.int32)  # of 40: most rows are never seen
TRAIN = data.memory({"x": IDS, "y": np.arange(11) % 2})


def trained(optimizer, train=fit, model=MODEL, **more):
    *_, record = train(model, losses.cross_entropy(), optimizer, TRAIN, epochs=3, **more)
    return record.state


def parts_of(optimizer):
    return by_part(("0.w", optimizer), rest=adam(0.1))


def rows_alone(optimizer):
    """By rows, but around it what makes gradients whole: its limit is out of reach."""
    return clip_by_global_norm(parts_of(by_rows(optimizer)), 1e30)


@pytest.mark.parametrize("train", [fit, descend])
def test_training_by_rows_is_exact_where_the_formula_is(train):
    more = {"batch_size": 4} if train is fit else {}  # the last batch of fit is filled up
    alike(
        trained(parts_of(by_rows(adagrad(0.1))), train, **more).params,
        trained(parts_of(adagrad(0.1)), train, **more).params,
    )


@pytest.mark.parametrize("optimizer", [adam(0.1), scheduled(momentum(0.1), cosine(9))], ids=str)
def test_training_by_rows_with_and_without_whole_tables(optimizer):
    ours = trained(parts_of(by_rows(optimizer)), batch_size=4)
    theirs = trained(rows_alone(optimizer), batch_size=4)
    alike(ours, theirs)
    unseen = np.setdiff1d(np.arange(40), np.setdiff1d(IDS, [4]))
    begin = start(MODEL, sgd(0.1), (4,)).state.params[0].w
    assert 4 in unseen
    np.testing.assert_array_equal(ours.params[0].w[unseen], begin[unseen])
    assert (ours.params[0].w[np.setdiff1d(IDS, [4])] != begin[np.setdiff1d(IDS, [4])]).any(1).all()


def test_training_by_rows_makes_no_gradient_of_the_table():
    model = serial(embedding(50_000, 8), flatten(), affine(2))
    sizes = []
    for own in (by_rows(adam(0.1)), adam(0.1)):
        optimizer = scheduled(parts_of(own), cosine(9))
        step = make_step(model, losses.cross_entropy(), optimizer)
        begin = start(model, optimizer, (4,)).state
        given = jax.ShapeDtypeStruct((8, 4), jnp.int32), jax.ShapeDtypeStruct((8,), jnp.int32)
        compiled = jax.jit(step, donate_argnums=0).lower(begin, *given).compile()
        sizes.append(compiled.memory_analysis().temp_size_in_bytes)
    assert sizes[0] < 8 * 50_000 < sizes[1]


def test_by_rows_where_gradients_are_whole():
    shared = tied(serial(embedding(12, 3), flatten(), affine(12, bias=False)), "[2].w", "[0].w")
    assert seen_rows(shared, parts_of(by_rows(sgd(0.1)))) is shared
    assert seen_rows(MODEL, parts_of(sgd(0.1))) is MODEL
    penalised = serial(embedding(40, 3), flatten(), affine(2, l2=0.1))
    alike(
        trained(parts_of(by_rows(sgd(0.1))), model=penalised).params,
        trained(parts_of(sgd(0.1)), model=penalised).params,
    )
    with pytest.raises(ShapeError, match=r"by_rows: .* one table"):
        by_rows(sgd(0.1)).init((TABLE, TABLE))
    with pytest.raises(ShapeError, match=r"by_rows: .* one table"):
        by_rows(sgd(0.1)).init(TABLE[0])


def test_by_rows_is_written_as_it_reads():
    for made in (by_rows(adagrad(0.1)), by_part(("0.w", by_rows(adam(0.01))), rest=adam(0.01))):
        assert read(repr(made), registry.VOCABULARY["optimizer"]) is made
