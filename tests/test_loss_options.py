"""What losses can be asked for: smoothing, weights, soft and ignored labels, margins, regions.

Expected values are optax's where it has them, else formulas in NumPy."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.special
import scipy.stats
from jax.test_util import check_grads

from fnet.check import check_gradients
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.losses import (
    bce,
    bce_with_logits,
    cross_entropy,
    dice,
    focal,
    gaussian_nll,
    hinge,
    huber,
    log_cosh,
    multiclass_hinge,
    nll,
    poisson,
    quantile,
    smooth_l1,
    squared_hinge,
    triplet,
    tversky,
)

pytestmark = pytest.mark.turns(2)

RNG = np.random.default_rng(0)
Z, LABELS = 2 * RNG.normal(size=(5, 3, 7)), RNG.integers(0, 7, (5, 3))  # (N, T, C) and (N, T)
HOLES = np.where(RNG.uniform(size=(5, 3)) < 0.3, -1, LABELS)
SOFT = RNG.dirichlet(np.ones(7), (5, 3))
W = tuple(RNG.uniform(0.2, 3, 7).tolist())
ONE_HOT = np.eye(7)[LABELS]
LOG_P = scipy.special.log_softmax(Z, axis=-1)
CHANCE = RNG.uniform(size=(5, 3, 7))
T = RNG.normal(size=(5, 3, 7))
PLACES = RNG.uniform(size=(5, 3)) < 0.7


def value(loss, y, target, where=None):
    return np.asarray(loss.apply(jnp.asarray(y), jnp.asarray(target), where))


def test_cross_entropy_is_that_of_optax():
    soft = value(cross_entropy("none"), Z, SOFT)
    np.testing.assert_allclose(soft, optax.softmax_cross_entropy(Z, SOFT), rtol=1e-12)
    smoothed = optax.softmax_cross_entropy(Z, optax.smooth_labels(jnp.asarray(ONE_HOT), 0.1))
    np.testing.assert_allclose(
        value(cross_entropy("none", label_smoothing=0.1), Z, LABELS), smoothed, rtol=1e-12
    )
    np.testing.assert_allclose(
        value(cross_entropy(), Z, ONE_HOT), value(cross_entropy(), Z, LABELS)
    )


@pytest.mark.parametrize("build", [cross_entropy, nll])
def test_with_weights_the_mean_divides_by_their_sum(build):
    y = Z if build is cross_entropy else LOG_P
    for target, t in ((LABELS, ONE_HOT), (SOFT, SOFT)):
        weighted = -(W * t * LOG_P).sum(-1)
        for where in (None, PLACES):
            counted = np.ones((5, 3), bool) if where is None else where
            total = (weighted * counted).sum()
            np.testing.assert_allclose(value(build("sum", weights=W), y, target, where), total)
            mean = total / ((W * t).sum(-1) * counted).sum()
            np.testing.assert_allclose(value(build(weights=W), y, target, where), mean)
    even = build(weights=(2.0,) * 7)
    np.testing.assert_allclose(value(even, y, LABELS), value(build(), y, LABELS))


def test_smoothing_takes_from_every_class_by_its_weight():
    t = 0.8 * ONE_HOT + 0.2 / 7
    expected = -(W * t * LOG_P).sum() / (W * ONE_HOT).sum()
    loss = cross_entropy(label_smoothing=0.2, weights=W)
    np.testing.assert_allclose(value(loss, Z, LABELS), expected)


@pytest.mark.parametrize("reduction", ["mean", "none"])
@pytest.mark.parametrize("build", [cross_entropy, nll, focal, multiclass_hinge])
def test_an_ignored_row_might_as_well_not_be_there(build, reduction):
    for options in ({}, {"weights": W}):
        ignoring = build(reduction=reduction, ignore=-1, **options)
        plain = build(reduction=reduction, **options)
        y = np.where((HOLES == -1)[..., None], np.nan, Z)
        for where in (None, PLACES[:, 0], PLACES):
            kept = HOLES != -1
            if where is not None:
                kept &= where.reshape(where.shape + (1,) * (2 - where.ndim))
            found = ignoring.value_and_grad(jnp.asarray(y), jnp.asarray(HOLES), where)
            expected = plain.value_and_grad(jnp.asarray(Z), jnp.asarray(LABELS), jnp.asarray(kept))
            for a, e in zip(found, expected, strict=True):
                np.testing.assert_allclose(a, e, rtol=1e-12)


def test_where_all_is_ignored_nothing_is_lost():
    for loss in (cross_entropy(ignore=-1), nll(ignore=-1, weights=W), cross_entropy(ignore=7)):
        rows = jnp.full((5, 3), 7 if loss is cross_entropy(ignore=7) else -1)
        found, dy = loss.value_and_grad(jnp.asarray(Z), rows)
        assert float(found) == 0
        assert not dy.any()
    unsigned = jnp.zeros((5, 3), jnp.uint8)  # which holds no −1
    found = value(cross_entropy(ignore=-1), Z, unsigned)
    np.testing.assert_allclose(found, value(cross_entropy(), Z, unsigned))


def test_a_label_out_of_range_that_is_not_ignored():
    y, labels = jnp.zeros((3, 7)), jnp.array([0, -1, 9])
    for build in (cross_entropy, nll, focal, multiclass_hinge):
        with pytest.raises(DataError, match=r"label\[2\] is 9; it must be from 0 to 6"):
            build(ignore=-1).apply(y, labels)
        found, dy = jax.jit(build(reduction="none", ignore=-1).value_and_grad)(y, labels)
        assert np.isnan(found).tolist() == [False, False, True]
        assert np.isnan(dy).any(axis=1).tolist() == [False, False, True]


@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_focal_of_two_classes_is_that_of_optax(gamma):
    z, labels = 3 * RNG.normal(size=41), RNG.integers(0, 2, 41)
    two = np.stack((np.zeros(41), z), axis=-1)
    found = value(focal(gamma, "none", weights=(0.25, 0.75)), two, labels)
    expected = optax.sigmoid_focal_loss(z, labels.astype(float), alpha=0.75, gamma=gamma)
    np.testing.assert_allclose(found, expected, rtol=1e-9)
    slope = focal(gamma, "sum").value_and_grad(jnp.asarray(two), jnp.asarray(labels))[1][:, 1]
    plain = jax.grad(lambda z: optax.sigmoid_focal_loss(z, labels.astype(float), gamma=gamma).sum())
    np.testing.assert_allclose(slope, plain(z), rtol=1e-8)


def test_hinges_are_those_of_optax():
    s = np.where(CHANCE > 0.5, 1, -1)
    found = value(hinge("none"), T, (CHANCE > 0.5).astype(float))
    np.testing.assert_allclose(found, optax.hinge_loss(T, s))
    found = value(multiclass_hinge("none"), Z, LABELS)
    expected = optax.losses.multiclass_hinge_loss(Z, LABELS)
    np.testing.assert_allclose(found, expected, atol=1e-14)


def test_the_convention_at_a_margin_and_of_equal_rivals():
    y, t = jnp.array([1.0, -1.0]), jnp.array([1.0, 0.0])
    for build in (hinge, squared_hinge):
        assert build().value_and_grad(y, t)[1].tolist() == [0, 0]
        assert check_gradients(build(), y, t, depth="quick").error == 0
    scores, label = jnp.array([[2.0, 1.0, 1.0]]), jnp.array([0])
    assert multiclass_hinge().value_and_grad(scores, label)[1].tolist() == [[0, 0, 0]]
    scores = jnp.array([[1.0, 1.0, 1.0]])
    assert multiclass_hinge().value_and_grad(scores, label)[1].tolist() == [[-1, 1, 0]]
    only = multiclass_hinge().value_and_grad(jnp.array([[0.0, -jnp.inf]]), label)
    assert (float(only[0]), only[1].tolist()) == (0, [[0, 0]])


def test_regressions_are_those_of_optax():
    y, t = 3 * T, Z
    for found, expected in (
        (huber(0.7, "none"), optax.huber_loss(y, t, delta=0.7)),
        (smooth_l1(0.7, "none"), optax.huber_loss(y, t, delta=0.7) / 0.7),
        (log_cosh("none"), optax.log_cosh(y, t)),
    ):
        np.testing.assert_allclose(value(found, y, t), expected, rtol=1e-12, atol=1e-15)
    counts = RNG.poisson(3, y.shape).astype(float)
    expected = -scipy.stats.poisson.logpmf(counts, np.exp(y)) - scipy.special.gammaln(counts + 1)
    np.testing.assert_allclose(value(poisson("none"), y, counts), expected, rtol=1e-12)


def test_the_least_pinball_is_at_the_quantile():
    sample = np.sort(RNG.normal(size=1001))
    slopes = quantile(0.9, "sum").value_and_grad(
        jnp.asarray(np.quantile(sample, 0.9)) * jnp.ones(1001), jnp.asarray(sample)
    )[1]
    assert abs(float(slopes.sum())) < 1
    assert quantile(0.3).value_and_grad(jnp.ones(1), jnp.ones(1))[1] == 0
    assert check_gradients(quantile(0.3), np.ones(3), np.ones(3), depth="quick").error == 0
    np.testing.assert_allclose(value(quantile(0.3), [1.0, 3.0], [2.0, 1.0]), (0.3 + 0.7 * 2) / 2)


@pytest.mark.parametrize("build", [bce, bce_with_logits])
@pytest.mark.parametrize("weight", [3.0, 0.0, W])
def test_what_is_positive_counts_by_its_weight(build, weight):
    p = scipy.special.expit(Z)
    expected = -(weight * CHANCE * np.log(p) + (1 - CHANCE) * scipy.special.log_expit(-Z))
    y = Z if build is bce_with_logits else p
    np.testing.assert_allclose(value(build("none", weight), y, CHANCE), expected, rtol=1e-9)
    np.testing.assert_allclose(value(build(pos_weight=weight), y, CHANCE), expected.mean())


def by_hand(z, t, axes, alpha=0.5, beta=0.5, smooth=0.5):
    p = scipy.special.expit(z)
    hit = (p * t).sum(axes)
    return 1 - (hit + smooth) / (
        hit + alpha * (p * (1 - t)).sum(axes) + beta * ((1 - p) * t).sum(axes) + smooth
    )


def test_overlap_is_that_of_examples_or_of_their_classes():
    np.testing.assert_allclose(value(dice(reduction="none"), Z, CHANCE), by_hand(Z, CHANCE, (1, 2)))
    per_class = value(dice(per_class=True, reduction="none"), Z, CHANCE)
    np.testing.assert_allclose(per_class, by_hand(Z, CHANCE, 1))
    found = value(tversky(0.3, 0.7, 0.1, reduction="none"), Z, CHANCE)
    np.testing.assert_allclose(found, by_hand(Z, CHANCE, (1, 2), 0.3, 0.7, 0.1))
    of_two = np.stack((0 * Z[..., 0], Z[..., 0]), axis=-1)  # softmax makes σ of it
    targets = np.stack((1 - CHANCE[..., 0], CHANCE[..., 0]), axis=-1)
    options = {"alpha": 0.3, "beta": 0.7, "smooth": 0.1, "reduction": "none"}
    expected = optax.losses.dice_loss(of_two, targets, **options)[:, 1]
    classes = tversky(0.3, 0.7, 0.1, per_class=True, reduction="none")
    found = value(classes, Z, CHANCE)
    np.testing.assert_allclose(found[:, 0], expected)
    weights, y, target = (
        jnp.asarray(W)[None] * jnp.ones((5, 7)),
        jnp.asarray(Z),
        jnp.asarray(CHANCE),
    )
    by_hand_dy = jax.vjp(lambda y: classes.apply(y, target), y)[1](weights)
    autodiff = jax.vjp(lambda y: classes.value_and_grad(y, target)[0], y)[1](weights)
    np.testing.assert_allclose(by_hand_dy, autodiff, rtol=1e-9)


def test_places_that_do_not_count_have_no_part_in_an_overlap():
    where = PLACES.copy()
    where[2] = False  # an example of which nothing counts
    y = jnp.asarray(np.where(where[..., None], Z, np.nan))
    each = [by_hand(Z[n][where[n]], CHANCE[n][where[n]], (0, 1)) for n in (0, 1, 3, 4)]
    found, dy = dice().value_and_grad(y, jnp.asarray(CHANCE), jnp.asarray(where))
    np.testing.assert_allclose(found, np.mean(each))
    assert not np.asarray(dy)[~where].any()
    assert np.isfinite(dy).all()
    assert check_gradients(dice(), Z, CHANCE, where, depth="quick").error < 1e-12


def test_an_overlap_of_nothing_with_nothing_is_whole():
    far, none = jnp.full((1, 5), -1e4), jnp.zeros((1, 5))
    found, dy = dice(smooth=0.0).value_and_grad(far, none)
    assert (float(found), dy.tolist()) == (0.0, [[0.0] * 5])
    right = 2 * none.at[0, 0].set(1) - 1
    small = value(dice(smooth=0.0), np.float32(20) * np.float32(right), (right > 0).astype("f4"))
    # Of 1 − 2I/(P + T) in float32 nothing would be left.
    np.testing.assert_allclose(small, 5 * np.exp(-20.0) / 2, rtol=1e-5)


GRADIENTS = [
    (cross_entropy(), Z, SOFT, None),
    (cross_entropy(label_smoothing=0.1, weights=W, ignore=-1), Z, HOLES, PLACES),
    (cross_entropy("none", weights=W), Z, SOFT, PLACES[:, 0]),
    (nll(weights=W, ignore=-1), LOG_P, HOLES, PLACES),
    (focal(0.5, weights=W, ignore=-1), Z, HOLES, PLACES),
    (multiclass_hinge("none", weights=W, ignore=-1), Z, HOLES, None),
    (bce(pos_weight=W), CHANCE, CHANCE[::-1], PLACES),
    (bce_with_logits("none", 3.0), Z, CHANCE, PLACES),
    (dice(0.0, per_class=True), Z, CHANCE, PLACES[:, 0]),
    (tversky(0.3, 0.7, reduction="none"), Z, CHANCE, PLACES),
    (huber(0.7), Z, T, PLACES),
    (quantile(0.3, "none"), Z, T, None),
    (gaussian_nll(), Z[..., :2], T[..., 0], PLACES),
]


@pytest.mark.parametrize("row", GRADIENTS, ids=lambda row: repr(row[0])[:40])
def test_the_gradient_is_that_of_the_value(row):
    loss, y, target, where = row
    more = () if where is None else (where,)
    assert check_gradients(loss, y, target, *more, depth="quick").error < 1e-10


FAR = np.array([-np.inf, -1e4, -100.0, 0.0, 100.0, 1e4, np.inf])


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
def test_far_out_what_has_a_limit_is_finite(dtype):
    far, zeros, ones = (jnp.asarray(a, dtype) for a in (FAR, np.zeros(7), np.ones(7)))
    lines = [
        (bce_with_logits("none", 3.0), far, ones, [1, 1, 1, 1, 0, 0, 0]),
        (bce_with_logits("none", 3.0), far, zeros, [0, 0, 0, 1, 1, 1, 1]),
        (hinge("none"), far, ones, [1, 1, 1, 1, 0, 0, 0]),
        (poisson("none"), far[:4], zeros[:4], [0, 0, 0, 1]),
    ]
    for loss, y, target, nonzero in lines:
        found, dy = (np.float64(a) for a in jax.jit(loss.value_and_grad)(y, target))
        assert np.isfinite(dy).all(), loss
        assert (np.isfinite(found) | np.isinf(np.float64(y))).all(), loss
        assert not np.isnan(found).any(), loss
        assert ((found > 1e-30) == np.array(nonzero)).all(), loss
    logits = jnp.asarray(np.stack((FAR[1:-1], -FAR[1:-1], np.full(5, -np.inf)), axis=-1), dtype)
    for label in (0, 1):
        labels = jnp.full(5, label)
        for loss in (focal(0.5, "none"), focal(reduction="none"), multiclass_hinge("none")):
            found, dy = (np.float64(a) for a in jax.jit(loss.value_and_grad)(logits, labels))
            assert np.isfinite(found).all(), loss
            assert np.isfinite(dy).all(), loss
            assert not dy[:, 2].any(), loss
    for loss in (huber(reduction="none"), log_cosh("none"), quantile(reduction="none")):
        found, dy = (np.float64(a) for a in jax.jit(loss.value_and_grad)(far[1:-1], zeros[1:-1]))
        assert np.isfinite(found).all()
        assert (np.abs(dy) <= 1).all()
    half = jnp.asarray(np.eye(3)[:1], dtype)  # where a soft label is 0 a logit of −∞ costs nothing
    found, dy = cross_entropy().value_and_grad(jnp.asarray([[0.0, 0.0, -np.inf]], dtype), half)
    assert np.isfinite(float(found))
    assert np.isfinite(np.float64(dy)).all()


def test_a_masked_logit_makes_no_nan_on_the_way():
    y, labels = jnp.array([[0.0, -jnp.inf, 1.0]]), jnp.array([2])
    with jax.debug_nans(True):
        value, dy = cross_entropy(ignore=0).value_and_grad(y, labels)
    np.testing.assert_allclose(value, np.log1p(np.exp(-1)))
    np.testing.assert_allclose(dy.sum(), 0, atol=1e-15)


def test_no_digit_of_a_small_value_is_lost_in_float32():
    e = np.geomspace(1e-12, 1e4, 400).astype(np.float32)
    zeros = np.zeros_like(e)
    wide = e.astype(np.float64)
    exact = np.where(wide < 1, np.log1p(2 * np.sinh(np.minimum(wide, 1) / 2) ** 2), 0)
    exact = np.where(wide < 1, exact, wide + np.log1p(np.exp(-2 * wide)) - np.log(2))
    np.testing.assert_allclose(value(log_cosh("none"), e, zeros), exact, rtol=1e-6)
    z = np.linspace(0, 40, 200).astype(np.float32)
    logits = np.stack((z, zeros[:200]), axis=-1)
    q, log_p = scipy.special.expit(-np.float64(z)), scipy.special.log_expit(np.float64(z))
    found, dy = focal(1.0, "none").value_and_grad(jnp.asarray(logits), jnp.zeros(200, int))
    np.testing.assert_allclose(found, -q * log_p, rtol=3e-6, atol=1e-37)
    slope = q * ((1 - q) * log_p - q)
    np.testing.assert_allclose(dy[:, 0], slope, rtol=3e-6, atol=1e-37)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: cross_entropy(label_smoothing=1.5), "label_smoothing is 1.5; .*at most 1"),
        (lambda: cross_entropy(weights=3.0), "weights is 3.0; it must be a tuple of one number"),
        (lambda: focal(weights=(0.0, 0.0)), "focal: weights is .*not all 0"),
        (lambda: nll(weights=(1.0, -1.0)), "nll: weights is"),
        (lambda: multiclass_hinge(ignore=True), "multiclass_hinge: ignore is True"),
        (lambda: focal(-1.0), "focal: gamma is -1.0"),
        (lambda: bce(pos_weight=-1.0), "bce: pos_weight is -1.0"),
        (lambda: bce_with_logits(pos_weight=()), "bce_with_logits: pos_weight is"),
        (lambda: dice(-1.0), "dice: smooth is -1.0"),
        (lambda: tversky(beta=-1.0), "tversky: beta is -1.0"),
        (lambda: huber(0.0), "huber: delta is 0.0"),
        (lambda: smooth_l1(0.0), "smooth_l1: beta is 0.0"),
        (lambda: quantile(1.0), "quantile: q is 1.0"),
        (lambda: gaussian_nll("avg"), "gaussian_nll: reduction is 'avg'"),
        (lambda: dice(reduction="avg"), "dice: reduction is 'avg'"),
        (lambda: nll("avg"), "nll: reduction is 'avg'"),
    ],
)
def test_a_wrong_configuration_is_told(build, message):
    with pytest.raises(ConfigurationError, match=message):
        build()


@pytest.mark.parametrize(
    ("loss", "y", "target", "message"),
    [
        (cross_entropy(weights=W), (2, 3), (2,), r"there are 7 weights, and y is \(2, 3\), of 3"),
        (cross_entropy(), (2, 3), (2, 3), "pass labels.argmax.*or floats"),
        (focal(), (2, 3), (2, 3), r"pass labels.argmax\(-1\)(?!, or)"),
        (bce(pos_weight=W), (2, 3), (2, 3), "pos_weight is of 7 numbers, and y is"),
        (dice(), (2,), (2,), r"both must be \(N, ..., C\)"),
        (tversky(), (2, 3), (2, 1), r"both must be \(N, ..., C\)"),
        (gaussian_nll(), (2, 3), (2,), r"y is \(2, 3\) and target \(2,\)"),
    ],
)
def test_shapes_must_fit(loss, y, target, message):
    with pytest.raises(ShapeError, match=message):
        loss.apply(jnp.zeros(y), jnp.zeros(target, int))


def test_soft_labels_and_targets_are_in_range():
    for loss, name in ((cross_entropy(), "soft label"), (dice(), "target"), (hinge(), "target")):
        with pytest.raises(DataError, match=rf"{name}\[0, 1\] is 1.5; it must be from 0 to 1"):
            loss.apply(jnp.zeros((1, 2)), jnp.array([[0.0, 1.5]]))
    with pytest.raises(DataError, match=r"poisson: target\[0\] is -1"):
        poisson().apply(jnp.zeros(1), -jnp.ones(1))


@pytest.mark.parametrize(
    ("loss", "y", "target"),
    [
        (dice(per_class=True, reduction="none"), jnp.asarray(Z), CHANCE),
        (triplet(reduction="none"), jnp.arange(8.0).reshape(4, 2) ** 2 / 9, jnp.arange(4) % 2),
    ],
    ids=["dice", "triplet"],
)
def test_a_weighted_sum_of_values_has_the_gradient_of_differences(loss, y, target):
    """Where a value has not the leading axes of y, or depends on other rows of it."""

    def total(y):
        values = loss.apply(y, target)
        return (values * jnp.cos(jnp.arange(values.size)).reshape(values.shape)).sum()

    check_grads(total, (y,), order=1, modes=["rev"], atol=1e-7, rtol=1e-7)
