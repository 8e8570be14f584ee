"""Metrics against scikit-learn, at the edges, and the same figures from every way of training."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn import metrics as theirs
from sklearn.calibration import calibration_curve

from fnet import data, losses, models, optimizers, training
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.layers import flatten, relu
from fnet.layers.affine import Affine
from fnet.training import metrics
from fnet.training.evaluation import evaluate, predict
from fnet.training.scoring import score


def guesses(classes, n=200, seed=0):
    """Labels, and probabilities that know something of them, some of them tied."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, n)
    logits = rng.normal(size=(n, classes)) + 1.5 * np.eye(classes)[labels]
    p = np.exp(logits)
    return labels, np.round(p / p.sum(-1, keepdims=True), 2)


def test_regression_agrees_with_scikit_learn():
    rng = np.random.default_rng(0)
    t = 1e6 + rng.normal(size=50)
    y = t + 0.5 * rng.normal(size=50)
    assert metrics.r2(t, y) == pytest.approx(theirs.r2_score(t, y), rel=1e-9)
    assert metrics.mae(t, y) == pytest.approx(theirs.mean_absolute_error(t, y), rel=1e-9)
    assert metrics.rmse(t, y) == pytest.approx(theirs.root_mean_squared_error(t, y), rel=1e-9)
    for guess in ([1.0, 1.0], [1.0, 2.0]):
        assert metrics.r2([1.0, 1.0], guess) == theirs.r2_score([1.0, 1.0], guess)
    assert metrics.r2([0.1] * 3, [0.1, 0.1, 0.2]) == 0  # whose mean is not 0.1, by rounding


@pytest.mark.parametrize("classes", [2, 5])
def test_classes_agree_with_scikit_learn(classes):
    labels, p = guesses(classes)
    predicted = p.argmax(-1)
    assert metrics.accuracy(labels, predicted) == theirs.accuracy_score(labels, predicted)
    ours = metrics.by_class(labels, predicted, classes)
    expected = theirs.precision_recall_fscore_support(labels, predicted)
    for column, other in zip(ours, expected, strict=True):
        np.testing.assert_allclose(column, other, rtol=1e-12)
    macro = theirs.f1_score(labels, predicted, average="macro")
    assert metrics.f1(labels, predicted, classes) == pytest.approx(macro, rel=1e-12)
    # scikit-learn refuses probabilities that do not sum to 1, and ties need rounded ones.
    each = [theirs.roc_auc_score(labels == k, p[:, k]) for k in range(classes)]
    expected = each[1] if classes == 2 else np.mean(each)
    assert metrics.auc(labels, p) == pytest.approx(expected, rel=1e-12)
    whole = p / p.sum(-1, keepdims=True)
    expected = theirs.log_loss(labels, whole)
    assert metrics.log_loss(labels, whole) == pytest.approx(expected, rel=1e-12)
    assert metrics.log_loss([0], [[0.0, 1.0]]) == -np.log(1e-15)


def test_roc_curve_agrees_with_scikit_learn():
    labels, p = guesses(2)
    expected = theirs.roc_curve(labels, p[:, 1], drop_intermediate=False)
    for column, other in zip(metrics.roc_curve(labels, p[:, 1]), expected, strict=True):
        np.testing.assert_allclose(column, other, rtol=1e-12)


@pytest.mark.parametrize("bins", [1, 10])
def test_calibration_agrees_with_scikit_learn(bins):
    labels, p = guesses(3)
    ours = metrics.calibration(labels, p, bins)
    right = p.argmax(-1) == labels
    observed, predicted = calibration_curve(right, p.max(-1), n_bins=bins)
    held = ours.samples > 0
    np.testing.assert_allclose(ours.observed[held], observed)
    np.testing.assert_allclose(ours.predicted[held], predicted)
    assert ours.samples.sum() == len(labels)
    gap = (np.abs(observed - predicted) * ours.samples[held]).sum() / len(labels)
    assert ours.error == pytest.approx(gap)


def test_a_class_that_does_not_occur():
    labels, predicted = [0, 0, 1], [0, 1, 1]
    ours = metrics.by_class(labels, predicted, classes=4)
    assert ours.support.tolist() == [2, 1, 0, 0]
    assert ours.f1[2:].tolist() == [0, 0]
    expected = theirs.f1_score(labels, predicted, average="macro")
    assert metrics.f1(labels, predicted, 4) == pytest.approx(expected)
    assert np.isnan(metrics.auc([1, 1], [0.2, 0.3]))
    p = guesses(3)[1]
    labels = np.arange(len(p)) % 2  # never 2
    each = [theirs.roc_auc_score(labels == k, p[:, k]) for k in (0, 1)]
    assert metrics.auc(labels, p) == pytest.approx(np.mean(each))
    assert metrics.most_frequent([2, 2, 0]) == (2, pytest.approx(2 / 3))


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: metrics.r2([1.0], [1.0, 2.0]), ShapeError, "one length"),
        (lambda: metrics.mae([], []), DataError, "no samples"),
        (lambda: metrics.f1([0, 2], [0, 1], 2), DataError, "sample 1 has class 2; .* from 0 to 1"),
        (lambda: metrics.accuracy([0, -1], [0, 1]), DataError, "sample 1 has class -1"),
        (lambda: metrics.accuracy([0, 0.5], [0, 1]), DataError, "whole numbers"),
        (lambda: metrics.log_loss([0, 1], [0.2, 0.3]), ShapeError, r"\(N, classes\)"),
        (lambda: metrics.roc_curve([1, 1], [0.2, 0.3]), DataError, "all of the samples"),
        (lambda: metrics.calibration([0], [[1.0, 0.0]], 0), ConfigurationError, "bins is 0"),
    ],
)
def test_what_cannot_be_measured_is_told(call, error, message):
    with pytest.raises(error, match=message):
        call()


# The same figures while training


def identity():
    """The model y = x of one feature, and its parameters."""
    model = models.linear_regression()
    return model, (Affine(jnp.ones((1, 1)), jnp.zeros(1)), ())


def prices(n=90, seed=0, dtype=np.float64):
    """A noisy plane far from 0, in units of its own."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, 3))
    y = 2e5 + 3e4 * x @ [1.0, -2.0, 0.5] + 1e4 * rng.normal(size=n)
    return data.memory({"features": x.astype(np.float32), "price": y.astype(dtype)})


def of(dataset):
    t = dataset.arrays["price"]
    return losses.standardized(losses.mse(), float(t.mean()), float(t.std()))


def expected(model, loss, params, dataset):
    result = predict(model, loss, params, dataset)
    pair = result.labels, result.predicted
    return {
        "r2": theirs.r2_score(*pair),
        "mae": theirs.mean_absolute_error(*pair),
        "rmse": theirs.root_mean_squared_error(*pair),
    }


def check(found, wanted, prefix="", rel=1e-5):
    for name, value in wanted.items():
        assert found[f"{prefix}{name}"] == pytest.approx(value, rel=rel), name


@pytest.mark.parametrize("size", [7, 90])
def test_a_regression_learns_in_units_of_its_target(size):
    dataset = prices()
    loss, model = of(dataset), models.linear_regression()
    *_, record = training.fit(
        model, loss, optimizers.adam(0.05), dataset, dataset, epochs=300, batch_size=90
    )
    params = record.state.params
    x, t = dataset.arrays["features"], dataset.arrays["price"]
    design = np.column_stack([x, np.ones(len(x))])
    exact = design @ np.linalg.lstsq(design, t)[0]
    result = predict(model, loss, params, dataset)
    np.testing.assert_allclose(result.predicted, exact, rtol=1e-3)
    assert result.labels.tolist() == t.tolist()
    found = evaluate(model, loss, params, dataset, batch_size=size)
    check(found, expected(model, loss, params, dataset))
    check(record.metrics, expected(model, loss, params, dataset), "val_")
    assert found["loss"] == pytest.approx(1 - found["r2"], rel=1e-5)


def test_fit_descend_sweep_and_evaluate_report_the_same():
    dataset, val = prices(), prices(40, seed=1)
    loss, model = of(dataset), models.regression_net(hidden=4)
    setup = model, loss, optimizers.sgd(0.1), dataset, val
    fitted = [record.metrics for record in training.fit(*setup, epochs=3)]
    *_, record = training.descend(*setup, epochs=3)
    assert list(record.metrics) == [
        f"{part}_{name}" for part in ("train", "val") for name in ("loss", "r2", "mae", "rmse")
    ]
    for epoch, metrics_of_epoch in enumerate(fitted):
        for name, value in metrics_of_epoch.items():
            assert record.history[name][epoch] == pytest.approx(value, rel=1e-5), name
    for together in (True, False):
        *_, (swept,) = training.sweep(
            *setup, learning_rates=[0.1], epochs=3, together=together, batch_size=None
        )
        check(swept.metrics, fitted[-1], rel=1e-5)
    check(fitted[-1], evaluate(model, loss, record.state.params, val), "val_", rel=1e-4)
    first = training.start(model, optimizers.sgd(0.1), (3,)).state.params
    check(fitted[0], expected(model, loss, first, dataset), "train_")


def test_batches_of_an_epoch_add_up():
    """With a rate of almost 0 the figures of an epoch in uneven batches are those of the whole."""
    dataset = prices()
    loss, model = of(dataset), models.regression_net(hidden=4)
    setup = model, loss, optimizers.sgd(1e-12), dataset
    *_, record = training.fit(*setup, epochs=1, batch_size=8, every_steps=5)
    check(record.metrics, expected(model, loss, record.state.params, dataset), "train_")
    first = next(iter(training.fit(*setup, epochs=1, batch_size=8, every_steps=5)))
    assert first.seen.correct.shape == (5, 4)
    *_, again = training.fit(*setup, epochs=1, batch_size=8, resume=first)
    assert again.metrics == record.metrics


@pytest.mark.parametrize("constant", [0.1, 1e8])
def test_a_constant_target_far_from_zero_has_no_spread(constant):
    x = np.zeros((50, 1), np.float32)
    dataset = data.memory({"x": x, "y": np.full(50, constant)})
    with jax.enable_x64(False):
        model, params = identity()
        found = evaluate(model, losses.mse(), params, dataset, batch_size=7)
    assert found["r2"] == 0
    assert found["mae"] == pytest.approx(constant, rel=1e-6)


def test_a_far_target_keeps_its_digits_in_float32():
    """Σt² − (Σt)²/n would have none here: 2,000 ± 1, squares of 4 million."""
    t = (2000 + np.random.default_rng(0).normal(size=3000)).astype(np.float32)
    x = (t[:, None] - 2000) * np.float32(0.9)
    dataset = data.memory({"x": x, "y": t})
    with jax.enable_x64(False):
        model, params = identity()
        loss = losses.standardized(losses.mse(), 2000.0, 1.0)
        found = evaluate(model, loss, params, dataset, batch_size=100)
    expected = theirs.r2_score(t.astype(float), 2000 + x[:, 0].astype(float))
    assert found["r2"] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("loss", "estimate"),
    [
        (losses.huber(), lambda y: y),
        (losses.mape(), lambda y: y),
        (losses.msle(), lambda y: y),
        (losses.poisson(), np.exp),
        (losses.standardized(losses.l1(), 3.0, 2.0), lambda y: 3 + 2 * y),
    ],
)
def test_each_loss_says_what_it_estimates(loss, estimate):
    y, t = np.array([0.5, 1.0, -0.5]), np.array([1.0, 2.0, 0.0])
    dataset, (model, params) = data.memory({"x": y[:, None], "y": t}), identity()
    found = evaluate(model, loss, params, dataset)
    assert found["mae"] == pytest.approx(theirs.mean_absolute_error(t, estimate(y)))
    np.testing.assert_allclose(predict(model, loss, params, dataset).predicted, estimate(y))


def test_gaussian_nll_estimates_the_mean():
    y = jnp.array([[1.0, 0.3], [2.0, -0.1]])
    assert losses.gaussian_nll().estimate(y).tolist() == [1.0, 2.0]


def test_standardized_is_its_inner_loss_of_a_standardised_target():
    y, t = jnp.array([0.5, -1.0]), jnp.array([7.0, 1.0])
    loss = losses.standardized(losses.huber(0.7), 3.0, 2.0)
    value, dy = loss.value_and_grad(y, t, jnp.array([True, True]))
    inner, wanted = losses.huber(0.7).value_and_grad(y, jnp.array([2.0, -1.0]))
    assert float(value) == float(inner)
    assert dy.tolist() == wanted.tolist()
    whole = losses.standardized(losses.mse(), 1.0, 2.0).value_and_grad(y, jnp.array([3, 5]))
    assert float(whole[0]) == (0.5**2 + 3**2) / 2  # of an integer target too


@pytest.mark.parametrize(
    "inner", [losses.poisson(), losses.msle(), losses.bce(), losses.cross_entropy(), losses.mse]
)
def test_standardized_takes_losses_that_estimate(inner):
    with pytest.raises(ConfigurationError, match="does not estimate its target by y"):
        losses.standardized(inner, 0.0, 1.0)


@pytest.mark.parametrize("std", [0.0, -1.0, float("nan")])
def test_a_spread_is_above_0(std):
    with pytest.raises(ConfigurationError, match="standardized: std is"):
        losses.standardized(losses.mse(), 0.0, std)


def test_a_weighted_mean_is_over_samples_whatever_the_batches():
    labels, p = guesses(3, n=50)
    weights = (0.5, 3.0, 1.0)
    y = np.log(np.maximum(p, 1e-3))
    dataset = data.memory({"y": y, "label": labels}, tuple("abc"))
    whole = np.exp(y) / np.exp(y).sum(-1, keepdims=True)
    expected = theirs.log_loss(labels, whole, sample_weight=np.take(weights, labels))
    loss = losses.cross_entropy(weights=weights)
    for size in (50, 7):
        found = evaluate(flatten(), loss, (), dataset, batch_size=size)
        assert found["loss"] == pytest.approx(expected, rel=1e-6)
        assert found["accuracy"] == metrics.accuracy(labels, y.argmax(-1))
    assert data.class_weights(np.array([0, 1, 1, 3]), 4) == (4 / 3, 2 / 3, 1.0, 4 / 3)


def test_a_mean_of_sequences_is_over_positions_that_count():
    rng = np.random.default_rng(0)
    y, labels = rng.uniform(0, 2, (9, 4, 3)), rng.integers(0, 3, (9, 4))
    labels[0], labels[4:, 1:] = 2, 2  # ignored: rows count few positions, or none
    dataset = data.memory({"y": y, "label": labels}, tuple("abc"))
    loss = losses.cross_entropy(ignore=2)
    expected = float(loss.apply(jnp.asarray(y), jnp.asarray(labels)))
    for size in (9, 2):
        found = evaluate(relu(), loss, (), dataset, batch_size=size)
        assert found["loss"] == pytest.approx(expected, rel=1e-6)


def test_samples_without_any_weight_have_no_loss():
    dataset = data.memory({"y": np.eye(3)[[0, 1]], "label": np.array([0, 0])}, tuple("abc"))
    found = evaluate(relu(), losses.cross_entropy(weights=(0.0, 1.0, 1.0)), (), dataset)
    assert np.isnan(found["loss"])
    assert found["accuracy"] == 0.5


def test_infinite_scores_tie_and_what_is_not_a_number_is_no_score():
    assert metrics.auc([0, 1, 0, 1], [-np.inf, -np.inf, np.inf, np.inf]) == 0.5
    assert np.isnan(metrics.auc([0, 1, 1], [0.5, np.nan, 0.1]))
    with pytest.raises(DataError, match="sample 1 has a score of NaN"):
        metrics.roc_curve([0, 1, 1], [0.5, np.nan, 0.1])
    with pytest.raises(DataError, match="sample 1 has class 2"):
        metrics.roc_curve([0, 2, 1], [0.3, 0.2, 0.1])


def test_classes_that_are_words_or_far_apart():
    with pytest.raises(DataError, match="accuracy: expected numbers"):
        metrics.accuracy(["a"], ["a"])
    assert metrics.most_frequent([2**40, 3, 2**40]) == (2**40, 2 / 3)


def test_a_first_row_that_does_not_count_may_hold_anything():
    y, t, where = jnp.array([0.0, 1.0, 2.0]), jnp.array([jnp.nan, 1.0, 4.0]), jnp.arange(3) > 0
    (found, rows), (expected, _) = (
        score(losses.mse(), *each) for each in ((y, t, where), (y[1:], t[1:], None))
    )
    assert rows == 2
    np.testing.assert_allclose(found, expected)
