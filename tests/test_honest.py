"""What training refuses rather than computing something else, and what it says it does."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnet import core, data, losses, models, optimizers, serial
from fnet.check import explain
from fnet.checkpoint import Checkpoint, load, save
from fnet.compose import mixed_precision
from fnet.data.transforms import Transform
from fnet.errors import ConfigurationError, DataError
from fnet.layers import affine, batch_norm, squeeze
from fnet.training import (
    descend,
    evaluate,
    feeding,
    fit,
    make_step,
    overfit,
    predict,
    start,
    stop_early,
    sweep,
    until_converged,
)
from fnet.training.feeding import masked
from tests.test_training import OnDisk

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 2))
BITS = np.arange(40) % 2
MODEL, LOSS, SGD = models.logistic_regression(), losses.bce(), optimizers.sgd(0.1)
LINEAR = serial(affine(1), squeeze())


@pytest.fixture
def as_users():
    """Without the tests' strict promotion, which optax does not bear."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def of(target, x=X, **options):
    return data.memory({"x": x, "y": target}, **options)


def first(records):
    return next(iter(records))


WAYS = {
    "fit": lambda model, loss, d: first(fit(model, loss, SGD, d, epochs=1, batch_size=8)),
    "fit's validation": lambda model, loss, d: first(
        fit(model, loss, SGD, of(BITS.astype(np.float32)), d, epochs=1, batch_size=8)
    ),
    "descend": lambda model, loss, d: first(descend(model, loss, SGD, d, epochs=1)),
    "sweep": lambda model, loss, d: first(
        sweep(model, loss, SGD, d, learning_rates=(0.1,), epochs=1)
    ),
    "overfit": lambda model, loss, d: first(overfit(model, loss, SGD, d, steps=1)),
    "evaluate": lambda model, loss, d: evaluate(
        model, loss, model.init(jax.random.key(0), (2,))[0], d
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_targets_that_the_loss_does_not_take(way):
    wrong = (BITS * 2 - 1).astype(np.float32)
    with pytest.raises(DataError, match=r"target\[0\] is -1, and bce\(\) takes targets from 0 to"):
        WAYS[way](MODEL, LOSS, of(wrong))


@pytest.mark.parametrize(
    ("loss", "target", "words"),
    [
        (losses.bce_with_logits(), BITS * 255.0, r"\[1\] is 255, .* turn 0 and 255 into 0 and 1"),
        (losses.hinge(), BITS + 1.0, r"\[1\] is 2, .* \(target == 2\)"),
        (losses.squared_hinge(), X[:, 0] * 9, "if they are shares, or take mse"),
        (losses.poisson(), X[:, 0], "from 0 to inf: counts are not negative"),
        (losses.msle(), BITS - 1.0, r"\[0\] is -1, .* from -0.99\d+ to inf: for other numbers"),
    ],
)
def test_every_loss_with_a_range_names_the_row_and_the_remedy(loss, target, words):
    with pytest.raises(DataError, match=words):
        fit(LINEAR, loss, SGD, of(target.astype(np.float32)), epochs=1)


def test_soft_labels_are_shares():
    soft = np.full((40, 3), 1 / 3, np.float32)
    soft[7, 1] = 1.5
    with pytest.raises(DataError, match=r"target\[7, 1\] is 1.5"):
        fit(affine(3), losses.cross_entropy(), SGD, of(soft), epochs=1)


def test_targets_that_are_read_in_blocks_are_checked_as_they_come(monkeypatch):
    monkeypatch.setattr(feeding, "BLOCK", 64)
    target = BITS.astype(np.float32)
    target[29] = 7
    with pytest.raises(DataError, match=r"target\[29\] is 7"):
        list(fit(MODEL, LOSS, SGD, OnDisk(of(target)), epochs=1, batch_size=4))
    with pytest.raises(DataError, match=r"target\[29\] is 7"):
        evaluate(MODEL, LOSS, start(MODEL, SGD, (2,)).state.params, OnDisk(of(target)), 4)


def noise(x):
    return x + np.random.normal(size=x.shape[1:]).astype(np.float32)


def sometimes():
    rng = np.random.default_rng(0)
    return lambda x: x[:, ::-1] if rng.random() < 0.5 else x


@pytest.mark.parametrize("way", [*WAYS, "predict"])
@pytest.mark.parametrize("function", [noise, sometimes()], ids=["global", "own"])
def test_a_transform_that_draws_at_random(way, function):
    ways = {**WAYS, "predict": lambda model, loss, d: predict(model, loss, (), d)}
    before = np.random.get_state()[1].tolist()
    with pytest.raises(ConfigurationError, match=r"draws at random.*augmentation="):
        ways[way](MODEL, LOSS, of(BITS, transform=Transform(function)))
    assert np.random.get_state()[1].tolist() == before


def test_a_transform_that_works_in_place_is_steady():
    def double(x):
        x *= 2
        return x

    (record,) = fit(MODEL, LOSS, SGD, OnDisk(of(BITS, transform=Transform(abs))), epochs=1)
    assert record.epoch == 1
    from fnet.training.trials import require_steady

    require_steady(of(BITS, transform=Transform(double)))


@pytest.mark.parametrize(
    ("model", "loss"),
    [(affine(2), losses.cross_entropy()), (MODEL, LOSS), (LINEAR, losses.bce_with_logits())],
)
def test_the_class_of_nan_is_none_whoever_is_asked(model, loss):
    x = X.copy()
    x[[3, 8]] = np.nan
    test = of(BITS, x)
    params, _ = model.init(jax.random.key(1), (2,))
    answers = predict(model, loss, params, test)
    assert [*np.flatnonzero(answers.predicted == -1)] == [3, 8]
    share = (answers.predicted == answers.labels).mean()
    assert evaluate(model, loss, params, test)["accuracy"] == pytest.approx(share)


def test_logits_whose_probabilities_are_equal_still_differ():
    near = (
        type(affine(2).init(jax.random.key(0), (1,))[0])(jnp.array([[0.0], [1e-12]]), jnp.zeros(2)),
    )
    ones = data.memory({"x": np.ones((3, 1)), "y": np.ones(3, int)}, ("a", "b"))
    model = serial(affine(2))
    assert predict(model, losses.cross_entropy(), near, ones).predicted.tolist() == [1, 1, 1]


def go_on(record, dataset=None, size=3, seed=3):
    dataset = of(BITS) if dataset is None else dataset
    return list(fit(MODEL, LOSS, SGD, dataset, epochs=1, batch_size=size, seed=seed, resume=record))


@pytest.mark.parametrize("saved", [False, True])
def test_an_epoch_is_resumed_by_its_own_batches_alone(saved, tmp_path):
    half = first(fit(MODEL, LOSS, SGD, of(BITS), epochs=1, batch_size=3, every_steps=2, seed=3))
    if saved:
        save(tmp_path / "run.npz", Checkpoint(MODEL, LOSS, SGD, (2,), half, seed=3))
        half = load(tmp_path / "run.npz").record
    assert half.course.seed == 3
    with pytest.raises(ConfigurationError, match="the seed was 3 and is 0"):
        go_on(half, seed=0)
    with pytest.raises(ConfigurationError, match="batch_size was 3 and is 4"):
        go_on(half, size=4)
    with pytest.raises(ConfigurationError, match="samples was 40 and is 39"):
        go_on(half, of(BITS[:39], X[:39]))
    with pytest.raises(ConfigurationError, match="the digest of 16 samples was"):
        go_on(half, of(BITS, X + 1))
    *_, whole = fit(MODEL, LOSS, SGD, of(BITS), epochs=1, batch_size=3, seed=3)
    *_, resumed = go_on(half)
    assert resumed.metrics == whole.metrics
    assert resumed.course is None
    assert [record.epoch for record in fit(MODEL, LOSS, SGD, of(BITS), epochs=2, resume=whole)] == [
        2
    ]


def test_stopping_waits_for_the_end_of_an_epoch():
    def run(stop, **options):
        records = fit(MODEL, LOSS, SGD, of(BITS), of(BITS), epochs=4, batch_size=8, **options)
        return [record.epoch for record in stop(records)]

    assert run(lambda records: stop_early(records, 2), every_steps=4)[:4] == [0, 1, 1, 2]
    assert run(lambda records: until_converged(records, 1e9), every_steps=4) == [0, 1, 1, 2]
    with pytest.raises(ConfigurationError, match="needs a validation set"):
        list(stop_early(fit(MODEL, LOSS, SGD, of(BITS), epochs=1, batch_size=8, every_steps=1), 1))
    with pytest.raises(ConfigurationError, match="patience is 0"):
        run(lambda records: stop_early(records, 0))


def squares(y, target, where=None):
    return ((y - target) ** 2).mean(), 2 * (y - target) / y.size


def half_right(y, target, where=None):
    where = jnp.ones(len(y), bool) if where is None else where
    e = jnp.where(where, y - target, 0)
    return (e**2).mean(), 2 * e / e.size  # a mean over all rows


def right(y, target, where=None):
    where = jnp.ones(len(y), bool) if where is None else where
    e = jnp.where(where, y - target, 0)
    count = where.sum().astype(e.dtype)
    return (e**2).sum() / count, 2 * e / count


@pytest.mark.parametrize("way", sorted({*WAYS} - {"fit's validation"}))  # of the same loss
@pytest.mark.parametrize("wrong", [squares, half_right])
def test_a_loss_that_counts_what_is_not_marked(way, wrong):
    target = X[:, 0] if way != "overfit" else BITS * 1.0
    loss = core.loss(wrong, probabilities=lambda y: jnp.stack((1 - y, y), -1))
    with pytest.raises(ConfigurationError, match="`where` does not mark"):
        WAYS[way](LINEAR, loss, of(target))


def test_the_checker_says_so_too():
    y, target = RNG.normal(size=(2, 5))
    for wrong in (squares, half_right):
        report = explain(core.loss(wrong), y, target)
        assert [finding.kind for finding in report.findings] == ["where"]
    assert explain(core.loss(right), y, target).right


def test_a_loss_of_one_s_own_that_is_right_trains():
    mine = [*fit(LINEAR, core.loss(right), SGD, of(X[:, 0]), epochs=2, batch_size=16)]
    ours = [*fit(LINEAR, losses.mse(), SGD, of(X[:, 0]), epochs=2, batch_size=16)]
    loss = ours[-1].metrics["train_loss"]
    assert mine[-1].metrics["train_loss"] == pytest.approx(loss)


def test_a_loss_without_where():
    with pytest.raises(ConfigurationError, match="takes no `where`"):
        fit(LINEAR, core.loss(lambda y, target: squares(y, target)), SGD, of(X[:, 0]), epochs=1)


def test_nothing_to_validate_with():
    for nothing in ([], np.flatnonzero(X[:, 0] > 99)):
        with pytest.raises(DataError, match="the validation set is empty"):
            fit(MODEL, LOSS, SGD, of(BITS), of(BITS).select(nothing), epochs=1)
        with pytest.raises(DataError, match="the training set is empty"):
            fit(MODEL, LOSS, SGD, of(BITS).select(nothing), epochs=1)
        with pytest.raises(DataError, match="the dataset is empty"):
            evaluate(MODEL, LOSS, (), of(BITS).select(nothing))
        with pytest.raises(DataError, match="the dataset is empty"):
            predict(MODEL, LOSS, (), of(BITS).select(nothing))


@pytest.mark.parametrize("kept", [lambda d: d, OnDisk], ids=["in memory", "on disk"])
def test_classes_of_the_validation_set_are_matched_by_name(kept):
    train, same = of(BITS, classes=("cat", "dog")), of(BITS, classes=("cat", "dog"))
    other = kept(of(1 - BITS, classes=("dog", "cat")))
    runs = [[*fit(MODEL, LOSS, SGD, train, val, epochs=2)][-1].metrics for val in (same, other)]
    assert runs[0] == pytest.approx(runs[1])
    dogs = kept(of(np.zeros(20, int), X[1::2], classes=("dog",)))
    ways = (
        lambda val: [*fit(MODEL, LOSS, SGD, train, val, epochs=1)][-1],
        lambda val: [*sweep(MODEL, LOSS, SGD, train, val, learning_rates=(0.1,), epochs=1)][-1][0],
    )
    for way in ways:
        record = way(dogs)
        wanted = evaluate(
            MODEL, LOSS, record.state.params, of(np.ones(20, int), X[1::2], classes=("cat", "dog"))
        )
        assert record.metrics["val_loss"] == pytest.approx(wanted["loss"])
    with pytest.raises(DataError, match="has the class 'fox', and the training set only 'cat', "):
        fit(MODEL, LOSS, SGD, train, kept(of(BITS, classes=("cat", "fox"))), epochs=1)
    (record,) = fit(MODEL, LOSS, SGD, train, kept(of(BITS)), epochs=1)  # numbers alone
    assert record.epoch == 1


@pytest.mark.parametrize("kept", [lambda d: d, OnDisk], ids=["in memory", "on disk"])
def test_evaluate_and_predict_match_classes_by_name(kept):
    names = ("cat", "dog")
    params = MODEL.init(jax.random.key(0), (2,))[0]
    plain = of(BITS, classes=names)
    other = kept(of(1 - BITS, classes=("dog", "cat")))
    wanted = evaluate(MODEL, LOSS, params, plain)
    assert evaluate(MODEL, LOSS, params, other, classes=names) == pytest.approx(wanted)
    labels = predict(MODEL, LOSS, params, other, classes=names).labels
    np.testing.assert_array_equal(labels, BITS)
    dogs = kept(of(np.zeros(20, int), X[1::2], classes=("dog",)))
    assert set(predict(MODEL, LOSS, params, dogs, classes=names).labels) == {1}
    for way in (evaluate, predict):
        with pytest.raises(ConfigurationError, match=r"1 classes \('dog'\).*distinguishes 2; say"):
            way(MODEL, LOSS, params, dogs)
        with pytest.raises(DataError, match="the class 'dog', and the model only 'cat', 'fox'"):
            way(MODEL, LOSS, params, dogs, classes=("cat", "fox"))
        with pytest.raises(ConfigurationError, match=r"classes are 3, and .* distinguishes 2"):
            way(MODEL, LOSS, params, dogs, classes=("cat", "dog", "fox"))
    assert evaluate(MODEL, LOSS, params, of(BITS)) == pytest.approx(wanted)  # numbers alone


def test_what_optax_wants_to_know(as_users):
    for optimizer in (
        optax.chain(optimizers.adam(0.01), optax.contrib.reduce_on_plateau(patience=1)),
        optax.polyak_sgd(),
    ):
        *_, last = fit(MODEL, LOSS, optimizer, of(BITS), epochs=2, batch_size=16)
        assert np.isfinite(last.metrics["train_loss"])


def test_a_line_search_evaluates_the_loss_of_the_batch_with_its_penalty(as_users):
    """One step of backtracking on the whole set is optax's own loop on the same objective."""
    model, target = serial(affine(1, l2=0.1), squeeze()), X @ np.array([1.0, -2.0])
    optimizer = optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(20))

    def objective(params):
        y = X @ params[0].w[0] + params[0].b[0]
        return ((y - target) ** 2).mean() + 0.1 * (params[0].w ** 2).sum()

    params = start(model, optimizer, (2,)).state.params
    state = optimizer.init(params)
    for record in fit(model, losses.mse(), optimizer, of(target), epochs=3):
        value, grad = jax.value_and_grad(objective)(params)
        updates, state = optimizer.update(
            grad, state, params, value=value, grad=grad, value_fn=objective
        )
        params = optax.apply_updates(params, updates)
        for a, b in zip(jax.tree.leaves(record.state.params), jax.tree.leaves(params), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5)


def test_an_optimizer_that_wants_something_else():
    with pytest.raises(ConfigurationError, match="the optimizer cannot be used here"):
        fit(MODEL, LOSS, optax.lookahead(optax.sgd(0.1), 5, 0.5), of(BITS), epochs=1)

    def update(grads, state, params, *, temperature, **more):
        return grads, state

    wanting = optax.GradientTransformationExtraArgs(lambda params: (), update)
    with pytest.raises(ConfigurationError, match="temperature"):
        fit(MODEL, LOSS, wanting, of(BITS), epochs=1)


def test_the_rows_that_fill_the_last_batch_are_rows_to_batch_norm_alone():
    model, loss = serial(batch_norm(), affine(1), squeeze()), losses.mse()
    train = of(X[:, 0] + X[:, 1])
    (record,) = fit(model, loss, SGD, train, epochs=1, batch_size=16, seed=1)  # 16, 16 and 8
    order = masked(data.epoch_order(40, 16, seed=1, epoch=1))
    assert (order[2, 8:] < 0).all()
    assert (~order[2, 8:] == order[0, 8:]).all()  # of the first batch
    state, step = start(model, SGD, (2,), seed=1).state, make_step(model, loss, SGD)
    from fnet.initializers import keys

    mean = np.zeros(2)
    for rows in order:
        places = np.maximum(rows, ~rows)
        x, target = jnp.asarray(X[places]), jnp.asarray((X[:, 0] + X[:, 1])[places])
        state, metrics = step(state, x, target, jnp.asarray(rows >= 0), keys(1)[1])
        mean = 0.9 * mean + 0.1 * X[places].mean(0)
    np.testing.assert_allclose(record.losses[-1], metrics.loss, rtol=1e-6)
    np.testing.assert_allclose(record.state.params[0].running.value.mean, mean, rtol=1e-5)
    for a, b in zip(
        jax.tree.leaves(record.state.params), jax.tree.leaves(state.params), strict=True
    ):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_running_statistics_are_used_in_float32():
    model = mixed_precision(batch_norm())
    params, _ = model.init(jax.random.key(0), (1,))
    statistics = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), params.running.value)
    running = type(params.running)(statistics._replace(mean=jnp.full(1, 1000.5, jnp.float32)))
    params = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), params)._replace(running=running)
    y = model.apply(params, jnp.full((1, 1), 1000.0, jnp.float32))  # 1000.5 in bfloat16 is 1000
    assert float(y[0, 0]) == pytest.approx(-0.5, abs=0.01)


def test_a_sweep_takes_an_augmentation():
    images = RNG.integers(0, 256, (20, 4, 4, 3)).astype(np.uint8)
    train = data.memory({"image": images, "label": np.arange(20) % 2}, transform=data.rescale())
    model, loss = models.classification_net(2, hidden=4), losses.cross_entropy()
    given = {"epochs": 2, "batch_size": 8, "augmentation": data.augment(data.flip())}
    *_, alone = fit(model, loss, optimizers.sgd(0.1), train, seed=0, **given)
    *_, plain = fit(model, loss, optimizers.sgd(0.1), train, seed=0, epochs=2, batch_size=8)
    for together in (True, False):
        *_, (record,) = sweep(
            model, loss, SGD, train, learning_rates=(0.1,), together=together, **given
        )
        assert record.metrics["train_loss"] == pytest.approx(alone.metrics["train_loss"], rel=1e-6)
        assert record.metrics["train_loss"] != pytest.approx(plain.metrics["train_loss"], rel=1e-6)


@pytest.mark.parametrize("saved", [False, True])
def test_a_run_goes_on_with_the_learning_rate_that_is_given(saved, tmp_path):
    (record,) = fit(MODEL, LOSS, optimizers.adam(0.1), of(BITS), epochs=1)
    if saved:
        path = tmp_path / "run.npz"
        save(path, Checkpoint(MODEL, LOSS, optimizers.adam(0.1), (2,), record))
        record = load(path).record

    def rate(optimizer, record, way=fit):
        (last,) = way(MODEL, LOSS, optimizer, of(BITS), epochs=2, resume=record)
        return float(last.state.opt_state.learning_rate)

    for way in (fit, descend):
        assert rate(optimizers.adam(0.1), record, way) == pytest.approx(0.1)
        assert rate(optimizers.adam(1e-4), record, way) == pytest.approx(1e-4)
        lower = optimizers.set_learning_rate(record.state.opt_state, 0.01)
        changed = record._replace(state=record.state._replace(opt_state=lower))
        assert rate(optimizers.adam(0.1), changed, way) == pytest.approx(0.01)
        assert rate(optimizers.adam(1e-4), changed, way) == pytest.approx(1e-4)


def test_a_learning_rate_within_a_chain():
    def made(rate):
        return optax.chain(optax.clip_by_global_norm(1.0), optimizers.adam(rate))

    (record,) = fit(MODEL, LOSS, made(0.1), of(BITS), epochs=1)
    (last,) = fit(MODEL, LOSS, made(0.02), of(BITS), epochs=2, resume=record)
    assert float(last.state.opt_state[1].learning_rate) == pytest.approx(0.02)


def test_a_layer_made_of_one_keeps_its_penalty():
    inner = affine(2, l2=0.5)
    functions = inner.init, inner.forward, inner.backward
    params, _ = inner.init(jax.random.key(0), (3,))
    outer = core.layer(*functions, layers=(inner,))
    assert outer.penalty is inner.penalty
    assert float(outer.penalty.apply(params)) == pytest.approx(0.5 * float((params.w**2).sum()))
    assert core.layer(*functions, None, (inner,)).penalty is None
    assert core.layer(*functions).penalty is None


def test_a_layer_made_of_several_is_asked_for_its_penalty():
    chain = serial(affine(2, l2=0.5), affine(1))
    functions = chain.init, chain.forward, chain.backward
    with pytest.raises(ConfigurationError, match="have a penalty; give its own, or None"):
        core.layer(*functions, layers=chain.layers)
    assert core.layer(*functions, chain.penalty, chain.layers).penalty is chain.penalty
    assert core.layer(*functions, None, chain.layers).penalty is None


@pytest.mark.parametrize(
    "loss",
    [
        losses.cross_entropy(weights=(1.0, 9.0, 0.5)),
        losses.cross_entropy(ignore=2),
        losses.focal(weights=(0.0, 2.0, 1.0), ignore=0),
    ],
)
def test_a_weighted_mean_is_over_all_samples(loss):
    """However they are divided into batches, and in the training metrics too."""
    labels = np.repeat([0, 1, 2], [30, 4, 6])
    everything = of(labels, classes=("a", "b", "c"))
    model = affine(3)
    params, _ = model.init(jax.random.key(3), (2,))
    expected = float(loss.apply(model.apply(params, jnp.asarray(X)), jnp.asarray(labels)))
    for batch_size in (1, 7, 40):
        value = evaluate(model, loss, params, everything, batch_size)["loss"]
        assert value == pytest.approx(expected, rel=1e-6)
    still = optimizers.sgd(1e-12)
    (record,) = fit(model, loss, still, everything, everything, epochs=1, batch_size=7)
    assert record.metrics["train_loss"] == pytest.approx(record.metrics["val_loss"], rel=1e-6)


def test_a_weighted_mean_of_sequences_and_of_soft_labels():
    rng = np.random.default_rng(1)
    x, identity = rng.normal(size=(10, 4, 3)), serial()
    labels = rng.integers(0, 3, (10, 4))
    labels[0] = 2
    soft = rng.dirichlet(np.ones(3), (10, 4))
    for target, loss in (
        (labels, losses.cross_entropy(ignore=2)),
        (labels, losses.cross_entropy(weights=(1.0, 9.0, 0.5))),
        (soft, losses.cross_entropy(weights=(1.0, 9.0, 0.5))),
    ):
        expected = float(loss.apply(jnp.asarray(x), jnp.asarray(target)))
        value = evaluate(identity, loss, (), of(target, x), 3)["loss"]
        assert value == pytest.approx(expected, rel=1e-6)
