"""The contract beyond single arrays: trees, leaves without gradient, statistics, watching."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import data, losses, optimizers, serial
from fnet.compose import (
    each,
    fan_out,
    first,
    frozen,
    mixed_precision,
    recurrent,
    remat,
    repeat,
    residual,
)
from fnet.core import NonTrainable, Tape, afresh, layer, out_shape, watching
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.layers import affine, relu, tanh
from fnet.training import evaluate, fit, make_step, predict, start

RNG = np.random.default_rng(0)


def embedding(vocabulary, width):
    """y = w[ids]: integers in, and so no dx."""

    def init(key, shape):
        return jax.random.normal(key, (vocabulary, width), float), (*shape, width)

    def forward(w, ids, key=None):
        return w[ids], ids

    def backward(w, ids, dy):
        return jnp.zeros_like(w).at[ids].add(dy), None

    return layer(init, forward, backward)


def centred():
    """x less its mean over the batch in training, less the mean that was observed in use."""

    def init(key, shape):
        return NonTrainable(jnp.zeros(shape, float)), shape

    def forward(params, x, key=None):
        mean = params.value if key is None else x.mean(axis=0)
        return x - mean, (mean, None if key is None else x[:0])

    def backward(params, cache, dy):
        dparams = jax.tree.map(jnp.zeros_like, params)
        return dparams, dy if cache[1] is None else dy - dy.mean(axis=0)

    def observe(params, cache):
        return NonTrainable((0.5 * params.value + 0.5 * cache[0]).astype(params.value.dtype))

    return layer(init, forward, backward, observe=observe)


def test_out_shape_draws_nothing_and_takes_trees():
    assert out_shape(affine(10), (32, 32, 3)) == (10,)
    assert out_shape(first(affine(2)), ((3,), (5,))) == ((2,), (5,))
    assert out_shape(embedding(11, 3), (7,)) == (7, 3)


def test_integers_have_no_gradient_and_stop_the_chain():
    counted = []

    def count(params, x, key=None):
        counted.append(x)
        return x + 1, ()

    below = layer(
        lambda key, shape: (jnp.ones(3), shape),
        count,
        lambda *given: pytest.fail("no gradient comes this far"),
    )
    model = serial(below, embedding(11, 2), tanh())
    params, _ = model.init(jax.random.key(0), (5,))
    ids = jnp.array([[0, 1, 1, 9, 3]])
    y, tape = model.forward(params, ids)
    dparams, dx = model.backward(params, tape, jnp.ones_like(y))
    assert dx is None
    assert counted
    np.testing.assert_array_equal(dparams[0], np.zeros(3))
    by_jax = jax.grad(lambda w: jnp.tanh(w[ids + 1]).sum())(params[1])
    np.testing.assert_allclose(dparams[1], by_jax, rtol=1e-12)
    np.testing.assert_allclose(
        jax.grad(lambda p: model.apply(p, ids).sum())(params)[1], by_jax, rtol=1e-12
    )


def test_apply_differentiates_trees_with_integers_and_keys():
    model = first(affine(3))
    params, _ = model.init(jax.random.key(0), ((5,), (2,), ()))
    x = jnp.ones((4, 5)), jnp.arange(8).reshape(4, 2), jax.random.split(jax.random.key(1), 4)
    gradient = jax.grad(lambda params: model.apply(params, x)[0].sum())(params)
    np.testing.assert_array_equal(gradient[0].w, np.full((3, 5), 4.0))
    dx = jax.grad(lambda x0: model.apply(params, (x0, *x[1:]))[0].sum())(x[0])
    np.testing.assert_allclose(dx, np.tile(np.asarray(params[0].w).sum(0), (4, 1)), rtol=1e-12)


def test_a_tape_has_holes_for_what_is_known():
    a, b, c = (jnp.full(3, value) for value in (1.0, 2.0, 3.0))
    tape = Tape.of({"x": a, "more": (b, a), "y": c}, known=(a, c))
    assert [array.tolist() for array in tape.arrays] == [[2.0] * 3]
    again = tape.caches(known=(10 * a, 10 * c))
    assert again["x"].tolist() == again["more"][1].tolist() == [10.0] * 3
    assert again["y"].tolist() == [30.0] * 3
    through = jax.jit(lambda tape: tape)(tape)
    assert through.caches(known=(a, c))["more"][0].tolist() == [2.0] * 3


def test_what_is_computed_afresh_stands_behind_a_barrier():
    def again(x):
        return jnp.sin(x), jnp.sin(afresh(x, x)[0])

    operations = [eqn.primitive.name for eqn in jax.make_jaxpr(again)(jnp.ones(8)).eqns]
    assert operations == ["sin", "optimization_barrier", "sin"]


def seen_by(model, params, x, key=None):
    """The layers that a pass goes through, in the order in which they end."""
    seen = []

    def watch(layer, params, x, run):
        y, cache = run()
        seen.append(repr(layer))
        return y, cache

    with watching(watch):
        model.forward(params, x, key)
    return seen


def test_a_pass_is_watched_through_every_composition():
    model = serial(residual(affine(5), tanh()), remat(mixed_precision(affine(3))))
    params, _ = model.init(jax.random.key(0), (5,))
    seen = seen_by(model, params, jnp.ones((2, 5)))
    assert [name for name in seen if "(" in name and name.count("(") == 1] == [
        "affine(5)",
        "tanh()",
        "serial()",
        "affine(3)",
    ]
    assert seen[-1] == repr(model)
    assert seen_by(relu(), (), jnp.ones((2, 5))) == ["relu()"]


# Training with trees, integers, statistics and a batch that is padded.

IDS, LABELS = RNG.integers(0, 11, (53, 7)).astype(np.int32), (RNG.random(53) > 0.5).astype(np.int32)
SCALE = RNG.normal(size=(53, 3)).astype(np.float32)


def test_the_input_of_a_dataset_may_be_a_tree():
    dataset = data.memory({"x": {"ids": IDS, "scale": SCALE}, "label": LABELS})
    assert len(dataset) == 53
    one = dataset[5]
    np.testing.assert_array_equal(one["x"]["ids"], IDS[5])
    part = dataset.select([4, 2])
    np.testing.assert_array_equal(part.arrays["x"]["scale"], SCALE[[4, 2]])
    (batch, *_) = data.batches(dataset, 8, seed=1)
    assert batch["x"]["ids"].shape == (8, 7)
    pair = data.memory({"x": (IDS, SCALE), "label": LABELS})
    assert [leaf.shape for leaf in pair[0]["x"]] == [(7,), (3,)]
    with pytest.raises(DataError, match=r"x\['scale'\].*one row per sample"):
        data.memory({"x": {"ids": IDS, "scale": SCALE[:5]}, "label": LABELS})
    with pytest.raises(DataError, match="the target is a dict; it must be one array"):
        data.memory({"x": IDS, "label": {"a": LABELS}})


@pytest.mark.parametrize(
    "transform",
    [data.rescale(), data.normalize((0.0,), (1.0,)), data.fill_missing((0.0,)), data.flatten()],
)
def test_a_transform_of_one_array_refuses_several(transform):
    trees = {"a": np.zeros((4, 1)), "b": np.zeros((4, 1))}
    dataset = data.memory({"x": trees, "y": np.zeros(4)}, transform=transform)
    with pytest.raises(ShapeError, match="takes one array, and the input is a dict"):
        dataset[0]
    with pytest.raises(DataError, match="the input is a dict"):
        data.mean_and_std(dataset)


def test_a_list_or_tuple_of_numbers_is_an_array_still():
    dataset = data.memory({"x": [[1.0], [2.0]], "y": (0.5, 1.5)})
    assert dataset.arrays["x"].shape == (2, 1)
    assert dataset.arrays["y"].tolist() == [0.5, 1.5]


def of_pairs():
    """A classifier of (ids, numbers)."""
    mean = layer(
        lambda key, shape: ((), shape[1:]),
        lambda params, x, key=None: (x.mean(axis=1), x[:, :, :0]),
        lambda params, like, dy: (
            (),
            jnp.broadcast_to(dy[:, None] / like.shape[1], (*like.shape[:2], dy.shape[1])),
        ),
    )
    from fnet.compose import parallel

    return serial(
        parallel(serial(embedding(11, 5), mean), affine(5), join="add"), tanh(), affine(2)
    )


@pytest.mark.parametrize("streamed", [False, True])
def test_training_on_trees_is_the_plain_loop(streamed, monkeypatch):
    from fnet.training import feeding

    if streamed:
        monkeypatch.setattr(feeding, "free_bytes", lambda *_: 0.0)
        monkeypatch.setattr(feeding, "BLOCK", 1)
    dataset = data.memory({"x": (IDS, SCALE), "label": LABELS})
    model, loss, optimizer = of_pairs(), losses.cross_entropy(), optimizers.sgd(0.5)
    *_, last = fit(model, loss, optimizer, dataset, dataset, epochs=3, batch_size=16, seed=2)
    record = start(model, optimizer, ((7,), (3,)), seed=2)
    params = record.state.params
    for epoch in (1, 2, 3):
        for batch in data.batches(dataset, 16, seed=2, epoch=epoch):

            def value(params, batch=batch):
                x = tuple(map(jnp.asarray, batch["x"]))
                x = x[0], x[1].astype(params[0][1].w.dtype)
                return loss.apply(model.forward(params, x)[0], jnp.asarray(batch["label"]))

            step = jax.grad(value)(params)
            params = jax.tree.map(lambda p, g: p - 0.5 * g, params, step)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7),
        last.state.params,
        params,
    )
    assert set(evaluate(model, loss, params, dataset)) == {"loss", "accuracy"}
    assert predict(model, loss, params, dataset, batch_size=8).predicted.shape == (53,)


def test_what_is_observed_moves_into_the_parameters_and_is_used_without_a_key():
    x = jnp.asarray(SCALE, float) + 4
    model, loss, optimizer = serial(centred(), affine(1)), losses.mse(), optimizers.sgd(0.0 + 1e-9)
    step = make_step(model, loss, optimizer)
    state = start(model, optimizer, (3,)).state
    target = jnp.zeros((53, 1))
    for _ in range(30):
        state, _ = step(state, x, target, None, jax.random.key(0))
    np.testing.assert_allclose(state.params[0].value, x.mean(axis=0), rtol=1e-6)
    in_use, _ = centred().forward(state.params[0], x)
    np.testing.assert_allclose(in_use.mean(axis=0), np.zeros(3), atol=1e-6)


@pytest.mark.parametrize(
    "around",
    [lambda m: serial(m, tanh()), residual, remat, mixed_precision, lambda m: repeat(m, 3)],
)
def test_compositions_hand_observations_on(around):
    model = around(centred())
    params, _ = model.init(jax.random.key(0), (3,))
    x = jnp.asarray(SCALE, float) + 4
    _, cache = model.forward(params, x, jax.random.key(0))
    (seen,) = jax.tree.leaves(model.observe(params, cache))
    first_round = np.asarray(seen).reshape(-1, 3)[0]
    np.testing.assert_allclose(first_round, 0.5 * x.mean(axis=0), rtol=0.01)
    assert jax.tree.structure(model.observe(params, cache)) == jax.tree.structure(params)
    assert seen.dtype == jax.tree.leaves(params)[0].dtype


def test_each_observes_all_of_its_inputs():
    model = each(centred())
    x = jnp.zeros((2, 3)) + 8.0, jnp.zeros((2, 3)) + 16.0
    params, _ = model.init(jax.random.key(0), ((3,), (3,)))
    _, cache = model.forward(params, x, jax.random.key(0))
    assert model.observe(params, cache).value.tolist() == [10.0] * 3  # 0 → 4 → 10


def test_what_is_observed_goes_where_it_belongs_beside_frozen_statistics():
    model = frozen(serial(centred(), affine(2), centred()), "[0]")
    params, _ = model.init(jax.random.key(0), (3,))
    x = jnp.asarray(SCALE, float) + 4
    _, cache = model.forward(params, x, jax.random.key(0))
    seen = model.observe(params, cache)
    assert seen[0].value.value.tolist() == [0.0] * 3
    before_last = affine(2).forward(params[1], x - x.mean(axis=0))[0]
    np.testing.assert_allclose(seen[2].value, 0.5 * before_last.mean(axis=0), atol=1e-6)


def test_mixed_precision_observes_without_rounding_what_is_trained():
    model = mixed_precision(serial(affine(3), centred()))
    params, _ = model.init(jax.random.key(0), (3,))
    statistic = jnp.full(3, 1 + 2**-20, float)
    params = params[0], NonTrainable(statistic)
    x = jnp.zeros((4, 3), float)
    _, cache = model.forward(params, x, jax.random.key(0))
    seen = model.observe(params, cache)
    assert (seen[0].w == params[0].w).all()
    assert seen[1].value.tolist() == (statistic / 2).tolist()


def test_padding_is_real_rows_of_the_first_batch():
    """A layer that mixes rows sees samples in the last batch, not one of them again and again."""
    x = np.arange(10.0)[:, None]
    dataset = data.memory({"x": x, "y": np.zeros((10, 1))})
    inner = centred()
    model = serial(inner, affine(1))
    optimizer = optimizers.sgd(1e-9)
    *_, record = fit(model, losses.mse(), optimizer, dataset, epochs=1, batch_size=4, seed=5)
    order = data.epoch_order(10, 4, seed=5, epoch=1)
    expected = 0.0
    for row in order:
        places = np.where(row < 0, order[0], row)
        expected = 0.5 * expected + 0.5 * x[places].mean()
    np.testing.assert_allclose(record.state.params[0].value, [expected], rtol=1e-6)


def test_sequences_are_scored_at_every_position():
    y = jnp.asarray(RNG.normal(size=(4, 3, 5)))
    labels = jnp.asarray(RNG.integers(0, 5, (4, 3)))
    where = jnp.array([[True, True, False], [True] * 3, [False] * 3, [True, False, False]])
    loss = losses.cross_entropy()
    flat_value, flat_dy = loss.value_and_grad(y.reshape(12, 5), labels.ravel(), where.ravel())
    value, dy = loss.value_and_grad(y, labels, where)
    np.testing.assert_allclose(value, flat_value, rtol=1e-12)
    np.testing.assert_allclose(dy.reshape(12, 5), flat_dy, rtol=1e-12)
    rows = jnp.array([True, False, True, True])
    value, _ = loss.value_and_grad(y, labels, rows)
    by_row, _ = loss.value_and_grad(y[rows], labels[rows])
    np.testing.assert_allclose(value, by_row, rtol=1e-12)
    with pytest.raises(ShapeError, match=r"where is \(4, 5\)"):
        loss.value_and_grad(y, labels, jnp.ones((4, 5), bool))


def test_a_label_at_every_position_is_trained_on():
    """Each step predicts the id that it is given: (N, T) labels of a (N, T, C) output."""
    ids = RNG.integers(0, 3, (24, 6))
    dataset = data.memory({"ids": ids, "labels": ids})
    model = embedding(3, 3)
    *_, last = fit(
        model, losses.cross_entropy(), optimizers.adam(0.1), dataset, epochs=30, batch_size=8
    )
    assert last.metrics["train_accuracy"] == 1.0
    assert (
        predict(model, losses.cross_entropy(), last.state.params, dataset).predicted == ids
    ).all()
    with pytest.raises(DataError, match=re.escape("label[1, 2] is 7")):
        data.memory(
            {"ids": ids, "labels": np.eye(24, 6, 1, int) * 7 * (np.arange(24)[:, None] == 1)},
            classes=("a", "b"),
        )
    both = data.memory({"x": ids[:, 0] / 1.0, "labels": ids[:, 0]})
    with pytest.raises(ConfigurationError, match="takes one array"):
        fit(fan_out(relu(), relu()), losses.cross_entropy(), optimizers.sgd(1.0), both, epochs=1)


def test_a_cell_that_observes_is_refused():
    with pytest.raises(ValueError, match="observes its batch"):
        recurrent(centred())
