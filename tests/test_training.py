"""Training against a plain loop with jax.grad and optax; what fit keeps, yields and refuses."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnet import data, losses, models, optimizers, serial
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.layers import affine, flatten, squeeze
from fnet.training import (
    evaluate,
    feeding,
    fit,
    make_epoch,
    make_step,
    start,
)
from fnet.training.agreement import check_fit
from fnet.training.evaluation import confusion_matrix, predict
from fnet.training.feeding import example_shape, on_device
from fnet.training.overfitting import overfit
from fnet.training.scoring import correct
from fnet.training.stopping import stop_early, until_converged

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (50, 3, 2, 3)).astype(np.uint8)
LABELS = IMAGES.reshape(50, -1)[:, :4].argmax(axis=1).astype(np.int32)
PREPARE = data.compose(data.rescale(), data.flatten())
ALL = data.memory({"image": IMAGES, "label": LABELS}, transform=PREPARE)
TRAIN, VAL = ALL.select(np.arange(33)), ALL.select(np.arange(33, 50))

MODEL = models.classification_net(4, hidden=5, l2=0.01)
LOSS = losses.cross_entropy()
OPTIMIZER = optimizers.adam(0.01)


@dataclasses.dataclass(frozen=True)
class OnDisk(data.dataset.Samples):
    """The same samples, but not in memory."""

    held: data.Memory

    fields = property(lambda self: self.held.fields)
    classes = property(lambda self: self.held.classes)
    transform = property(lambda self: self.held.transform)

    def __len__(self):
        return len(self.held)

    def gather(self, indices):
        return self.held.gather(indices)

    def select(self, indices):
        return OnDisk(self.held.select(indices))


def leaves_equal(a, b):
    return jax.tree.all(jax.tree.map(lambda x, y: bool((x == y).all()), a, b))


def run(train=TRAIN, val=VAL, *, epochs=3, batch_size=8, optimizer=OPTIMIZER, **options):
    return list(
        fit(MODEL, LOSS, optimizer, train, val, epochs=epochs, batch_size=batch_size, **options)
    )


def objective(params, batch):
    """The loss with its penalty, plain: nothing of fnet's backward passes in its gradient."""
    logits, _ = MODEL.forward(params, jnp.float64(batch["image"]))
    logp = jax.nn.log_softmax(logits)[jnp.arange(len(batch["label"])), batch["label"]]
    return -logp.mean() + 0.01 * sum(jnp.sum(layer.w**2) for layer in (params[0], params[2]))


def test_fit_is_the_loop_that_one_would_write():
    """Ragged batch, order, penalty, mean over samples: all by hand, with autodiff."""
    records = run()
    params = start(MODEL, OPTIMIZER, (18,)).state.params
    theirs = optax.adam(0.01)
    state = theirs.init(params)
    for epoch, record in enumerate(records, start=1):
        steps, total = [], 0.0
        for batch in data.batches(TRAIN, 8, seed=0, epoch=epoch):
            value, grads = jax.value_and_grad(objective)(params, batch)
            with jax.numpy_dtype_promotion("standard"):
                updates, state = theirs.update(grads, state, params)
            params = optax.apply_updates(params, updates)
            steps.append(float(value))
            total += float(value) * len(batch["label"])
        np.testing.assert_allclose(record.losses, steps, rtol=1e-6)
        np.testing.assert_allclose(record.metrics["train_loss"], total / 33, rtol=1e-6)
        whole = {"image": PREPARE(VAL.arrays["image"]), "label": VAL.arrays["label"]}
        np.testing.assert_allclose(record.metrics["val_loss"], objective(params, whole), rtol=1e-6)
    for mine, expected in zip(
        jax.tree.leaves(records[-1].state.params), jax.tree.leaves(params), strict=True
    ):
        np.testing.assert_allclose(mine, expected, rtol=1e-6, atol=1e-9)


def test_an_optax_optimizer_serves_wherever_one_of_fnet_s_does():
    with jax.numpy_dtype_promotion("standard"):
        theirs = run(optimizer=optax.adam(0.01))
    chained = run(optimizer=optax.chain(optax.clip_by_global_norm(1e6), OPTIMIZER))
    for other in (theirs, chained):
        np.testing.assert_allclose(
            [record.metrics["val_loss"] for record in other],
            [record.metrics["val_loss"] for record in run()],
            rtol=1e-6,
        )


def test_an_optimizer_without_a_hash_trains_like_any_other():
    @dataclasses.dataclass  # which has no hash, since it can change
    class Descent:
        rate: float

        def init(self, params):
            return ()

        def update(self, grads, state, params=None):
            return jax.tree.map(lambda grad: -self.rate * grad, grads), state

    mine, expected = run(optimizer=Descent(0.1)), run(optimizer=optimizers.sgd(0.1))
    for a, b in zip(mine, expected, strict=True):
        np.testing.assert_allclose(a.losses, b.losses, rtol=1e-6)


def test_a_dataset_that_is_not_in_memory_trains_the_same():
    streamed = run(OnDisk(TRAIN), OnDisk(VAL))
    for a, b in zip(streamed, run(), strict=True):
        np.testing.assert_allclose(a.losses, b.losses, rtol=1e-9)
        assert a.metrics == pytest.approx(b.metrics, rel=1e-9)


def test_the_same_seed_gives_the_same_bits_and_another_does_not():
    first, second, other = run(), run(), run(seed=1)
    assert leaves_equal(first[-1].state, second[-1].state)
    assert not leaves_equal(first[-1].state, other[-1].state)


@pytest.mark.parametrize("stop", [0, 1, 2])
def test_resumed_from_any_epoch_it_goes_on_bit_for_bit(stop):
    whole = run(epochs=4)
    before = whole[stop - 1] if stop else start(MODEL, OPTIMIZER, (18,))
    again = run(epochs=4, resume=before)
    assert [record.epoch for record in again] == list(range(stop + 1, 5))
    for a, b in zip(again, whole[stop:], strict=True):
        assert leaves_equal((a.state, a.best.params), (b.state, b.best.params))
        assert a.metrics == b.metrics


@pytest.mark.parametrize("dataset", [TRAIN, OnDisk(TRAIN)], ids=["in memory", "on disk"])
def test_resumed_from_any_step_it_goes_on_bit_for_bit(dataset, monkeypatch):
    monkeypatch.setattr(feeding, "BLOCK", 500)  # of 18 bytes a sample: some batches a block
    *_, whole = run(dataset, epochs=2)
    paused = list(fit(MODEL, LOSS, OPTIMIZER, dataset, VAL, epochs=2, batch_size=8, every_steps=1))
    assert [int(record.state.step) for record in paused] == list(range(1, 11))
    assert [len(record.seen.loss) for record in paused] == [1, 2, 3, 4, 0] * 2
    for record in paused:
        *_, again = [record, *run(dataset, epochs=2, resume=record)]
        assert leaves_equal((again.state, again.best.params), (whole.state, whole.best.params))
        assert again.metrics == whole.metrics


def test_records_within_an_epoch_come_every_so_many_steps():
    records = list(fit(MODEL, LOSS, OPTIMIZER, TRAIN, epochs=2, batch_size=8, every_steps=3))
    assert [(r.epoch, len(r.seen.loss), len(r.losses)) for r in records] == [
        (0, 3, 3), (1, 0, 2), (1, 3, 3), (2, 0, 2),
    ]  # fmt: skip
    losses_ = np.concatenate([record.losses for record in records])
    plain = fit(MODEL, LOSS, OPTIMIZER, TRAIN, epochs=2, batch_size=8)
    assert (losses_ == np.concatenate([record.losses for record in plain])).all()


def test_an_epoch_is_not_gone_on_with_by_other_batches():
    half = next(fit(MODEL, LOSS, OPTIMIZER, TRAIN, epochs=2, batch_size=8, every_steps=3))
    for batch_size in (7, 33):
        with pytest.raises(ConfigurationError, match="same data and batch_size"):
            list(fit(MODEL, LOSS, OPTIMIZER, TRAIN, epochs=1, batch_size=batch_size, resume=half))


def test_spec_7_14_one_compilation_whatever_the_epochs_and_the_last_batch():
    model = models.classification_net(4, hidden=6)  # one that no other test has compiled
    epoch = make_epoch(model, LOSS, OPTIMIZER, PREPARE)
    for batch_size in (8, 11):  # 33 = 4 · 8 + 1 = 3 · 11
        before = epoch._cache_size()
        list(fit(model, LOSS, OPTIMIZER, TRAIN, VAL, epochs=5, batch_size=batch_size))
        assert epoch._cache_size() == before + 1


def test_equal_arguments_give_the_same_compiled_function():
    rebuilt = models.classification_net(4, hidden=5, l2=0.01)
    assert make_step(MODEL, LOSS, OPTIMIZER) is make_step(rebuilt, LOSS, optimizers.adam(0.01))
    assert make_epoch(MODEL, LOSS, OPTIMIZER) is make_epoch(rebuilt, LOSS, optimizers.adam(0.01))


def test_a_step_is_a_step_of_the_epoch():
    step, epoch = make_step(MODEL, LOSS, OPTIMIZER), make_epoch(MODEL, LOSS, OPTIMIZER)
    x, labels = jnp.asarray(PREPARE(IMAGES)), jnp.asarray(LABELS)
    state = start(MODEL, OPTIMIZER, (18,)).state
    order = jnp.array([[3, 1], [7, 2], [5, -1]])
    scanned, metrics = epoch(state, x, labels, order)
    values = []
    for places in ([3, 1], [7, 2], [5]):
        state, metric = step(state, x[jnp.array(places)], labels[jnp.array(places)])
        values.append(metric.loss)
    np.testing.assert_allclose(metrics.loss, values, rtol=1e-9)
    assert metrics.count.tolist() == [2, 2, 1]
    for a, b in zip(jax.tree.leaves(scanned), jax.tree.leaves(state), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)


def test_full_batch_training_is_gradient_descent_on_all_samples():
    optimizer = optimizers.sgd(0.5)
    records = list(fit(MODEL, LOSS, optimizer, TRAIN, epochs=3))
    params = start(MODEL, optimizer, (18,)).state.params
    batch = {"image": jnp.asarray(PREPARE(TRAIN.arrays["image"])), "label": TRAIN.arrays["label"]}
    for record in records:
        value, grads = jax.value_and_grad(objective)(params, batch)
        np.testing.assert_allclose(record.metrics["train_loss"], value, rtol=1e-6)
        params = jax.tree.map(lambda p, g: p - 0.5 * g, params, grads)
        assert record.best.epoch == record.epoch  # without validation the latest is kept


def test_evaluation_does_not_depend_on_the_batch_size():
    params = run()[-1].state.params
    values = [evaluate(MODEL, LOSS, params, VAL, batch_size) for batch_size in (1, 5, 17, 1024)]
    for value in values[1:]:
        assert value == pytest.approx(values[0], rel=1e-6)
    found = [predict(MODEL, LOSS, params, VAL, batch_size) for batch_size in (5, 17)]
    np.testing.assert_allclose(found[0].probabilities, found[1].probabilities, rtol=1e-6)
    hits = found[0].predicted == VAL.arrays["label"]
    assert values[0]["accuracy"] == pytest.approx(hits.mean())
    matrix = confusion_matrix(found[0].labels, found[0].predicted, 4)
    assert matrix.sum() == 17
    assert np.trace(matrix) == hits.sum()


def test_a_sum_is_summed_over_batches():
    summed = losses.cross_entropy("sum")
    model = models.classification_net(4, hidden=5)
    params = start(model, OPTIMIZER, (18,)).state.params
    mean = evaluate(model, LOSS, params, VAL)["loss"]
    assert evaluate(model, summed, params, VAL, 5)["loss"] == pytest.approx(17 * mean, rel=1e-6)


def test_logistic_regression_learns_by_bce():
    labels = (IMAGES[:, 0, 0, 0] > 127).astype(np.int32)
    two = data.memory({"image": IMAGES, "label": labels}, transform=PREPARE)
    model, loss = models.logistic_regression(), losses.bce()
    *_, last = fit(model, loss, optimizers.sgd(1.0), two, two, epochs=300)
    assert last.metrics["val_accuracy"] > 0.95
    found = predict(model, loss, last.state.params, two)
    assert ((found.probabilities[:, 1] > 0.5) == found.predicted).all()


def test_a_regression_has_no_accuracy():
    x = RNG.normal(size=(20, 2))
    target = data.memory({"features": x, "target": x @ [1.0, -2.0]})
    model = serial(affine(1), squeeze())
    *_, last = fit(model, losses.mse(), optimizers.sgd(0.1), target, target, epochs=200)
    figures = ("loss", "r2", "mae", "rmse")
    assert set(last.metrics) == {f"{part}_{name}" for part in ("train", "val") for name in figures}
    assert last.metrics["val_loss"] < 1e-6
    found = predict(model, losses.mse(), last.state.params, target)
    assert found.probabilities is None
    np.testing.assert_allclose(found.predicted, found.labels, atol=1e-2)


def test_stopping_early_and_on_convergence():
    records = run(epochs=60, batch_size=33)
    patience = list(stop_early(iter(records), 2))
    last = patience[-1]
    assert last.epoch == 60 or last.epoch - last.best.epoch == 2
    still = list(until_converged(iter(records), 1e9))
    assert [record.epoch for record in still] == [1, 2]
    moved = list(until_converged(iter(records), 0.0))
    assert len(moved) == 60


def test_a_resumed_run_ends_where_it_would_have():
    """One whose patience had ended trains no epoch more."""
    records = run(epochs=3, batch_size=33)
    last = records[-1]._replace(best=records[-1].best._replace(epoch=1))
    untouched = iter(records)
    assert not list(stop_early(untouched, 2, resume=last))
    assert next(untouched) is records[0]
    assert len(list(stop_early(iter(records), 3, resume=last))) == 3
    assert list(until_converged(iter(records[1:]), 1e9, resume=records[0])) == records[1:2]


def test_overfit_says_whether_a_pipeline_can_learn():
    attempts = list(overfit(MODEL_FREE, LOSS, optimizers.adam(0.05), TRAIN, sizes=(1, 10, 99)))
    assert [attempt.samples for attempt in attempts] == [1, 10, 33]
    assert all(attempt.learned for attempt in attempts)
    slow = list(overfit(MODEL_FREE, LOSS, optimizers.sgd(1e-9), TRAIN, sizes=(10,), steps=5))
    assert [(attempt.steps, attempt.learned) for attempt in slow] == [(5, False)]


MODEL_FREE = models.classification_net(4, hidden=32)


def test_what_does_not_fit_is_told_before_training():
    with pytest.raises(ConfigurationError, match="distinguishes 3 classes, and the data have 4"):
        check_fit(models.classification_net(3), LOSS, OPTIMIZER, TRAIN)
    with pytest.raises(ConfigurationError, match="one number is needed"):
        check_fit(MODEL, losses.cross_entropy("none"), OPTIMIZER, TRAIN)
    with pytest.raises(ConfigurationError, match="is for regression"):
        check_fit(MODEL, losses.mse(), OPTIMIZER, TRAIN)
    with pytest.raises(ConfigurationError, match="epochs is -1"):
        fit(MODEL, LOSS, OPTIMIZER, TRAIN, epochs=-1)
    with pytest.raises(ConfigurationError, match="batch_size is 0"):
        run(batch_size=0)
    assert example_shape(TRAIN) == (18,)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"loss": losses.cross_entropy}, "cross_entropy(), not cross_entropy"),
        ({"optimizer": optimizers.adam}, "adam(1e-3), not adam"),
        ({"train": (IMAGES, LABELS)}, "fnet.data.memory"),
        ({"model": models.classification_net}, "the model is <function"),
    ],
)
def test_what_is_not_yet_built_is_told(wrong, message):
    right = {"model": MODEL, "loss": LOSS, "optimizer": OPTIMIZER, "train": TRAIN}
    with pytest.raises(ConfigurationError) as caught:
        fit(**{**right, **wrong}, epochs=1)
    assert message in str(caught.value)


def test_the_penalty_counts_once_whatever_the_reduction():
    summed = losses.cross_entropy("sum")
    still = optimizers.sgd(1e-12)
    (record,) = fit(MODEL, summed, still, TRAIN, TRAIN, epochs=1, batch_size=8)
    assert record.metrics["train_loss"] == pytest.approx(record.metrics["val_loss"], rel=1e-6)


def test_a_network_that_gives_no_numbers_is_never_right():
    params = start(MODEL, OPTIMIZER, (18,)).state.params
    broken = jax.tree.map(lambda leaf: leaf * jnp.nan, params)
    assert evaluate(MODEL, LOSS, broken, VAL)["accuracy"] == 0


def test_what_cannot_be_said_truly_is_refused():
    params = start(MODEL, OPTIMIZER, (18,)).state.params
    with pytest.raises(ConfigurationError, match="one number is needed"):
        evaluate(MODEL, losses.cross_entropy("none"), params, VAL)
    with pytest.raises(DataError, match="not from 0 to 1"):
        confusion_matrix(np.array([0]), np.array([2]), 2)
    with pytest.raises(ShapeError, match=r"labels is \(3,\) and predicted \(1,\)"):
        confusion_matrix(np.array([0, 1, 1]), np.array([1]), 2)
    with pytest.raises(ConfigurationError, match="needs a validation set"):
        list(stop_early(fit(MODEL, LOSS, OPTIMIZER, TRAIN, epochs=2), 1))


def test_a_run_is_resumed_by_the_optimizer_that_trained_it():
    with pytest.raises(ConfigurationError, match="was not trained by sgd"):
        run(epochs=2, optimizer=optimizers.sgd(0.1), resume=run(epochs=1)[0])


def test_data_on_the_device_are_nobody_else_s():
    x = np.zeros((33, 16))
    held = on_device(data.memory({"features": x, "label": LABELS[:33]}))
    x[:] = 7
    assert (np.asarray(held.arrays["features"]) == 0).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"epochs": 0.5}, "fit: epochs is 0.5; it must be a whole number, at least 0"),
        ({"batch_size": 2.5}, "fit: batch_size is 2.5; it must be a whole number, at least 1"),
        ({"every_steps": 0}, "fit: every_steps is 0"),
        ({"seed": "a"}, "seed is 'a'; it must be a whole number"),
        ({"resume": "run.npz"}, "resume is 'run.npz'; it must be a Record"),
    ],
)
def test_what_is_no_count_is_told(given, message):
    with pytest.raises(ConfigurationError) as caught:
        run(**given)
    assert message in str(caught.value)


def test_parts_have_names():
    with pytest.raises(ConfigurationError, match=r"fractions are \[0.5, 0.5\]; name the parts"):
        data.split(ALL, [0.5, 0.5])


def test_ignored_labels_count_neither_in_the_loss_nor_in_the_accuracy():
    y = jnp.array([[2.0, 0.0], [0.0, 2.0], [0.0, 2.0], [2.0, 0.0]])
    labels, where = jnp.array([0, 0, 1, 2]), jnp.ones(4, bool)
    loss = losses.cross_entropy(ignore=2)
    right, rows = correct(loss, y, labels, where)
    assert (float(right), int(rows)) == (2.0, 3)
    right, rows = correct(loss, y[None], labels[None], where[:1])
    assert (float(right), int(rows)) == (pytest.approx(2 / 3), 1)
    dataset = data.memory({"features": np.asarray(y), "label": np.asarray(labels)}, tuple("ab-"))
    metrics = evaluate(flatten(), loss, (), dataset, batch_size=2)
    expected = np.logaddexp(0, [-2.0, 2.0, -2.0]).mean()
    assert metrics["loss"] == pytest.approx(expected, rel=1e-6)
    assert metrics["accuracy"] == pytest.approx(2 / 3)
    nothing = np.zeros(2, int)
    dataset = data.memory({"features": np.asarray(y[:2]), "label": nothing}, tuple("ab"))
    metrics = evaluate(flatten(), losses.cross_entropy(ignore=0), (), dataset)
    assert all(np.isnan(value) for value in metrics.values())


def test_the_label_of_soft_labels_is_the_most_probable():
    y, soft = jnp.array([[2.0, 0.0], [0.0, 2.0]]), jnp.array([[0.7, 0.3], [0.6, 0.4]])
    assert [*map(float, correct(losses.cross_entropy(), y, soft, None))] == [1.0, 2.0]
    several = correct(losses.bce_with_logits(), y - 1, jnp.array([[1.0, 0.0]] * 2), None)
    assert [*map(float, several)] == [1.0, 2.0]
