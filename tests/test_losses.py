"""Losses against NumPy in float64 and against autodiff; their limits; what they refuse."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fnet import losses
from fnet.check import check_gradients
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.losses import bce, bce_with_logits, cross_entropy, l1, mse, softmax
from fnet.losses.ranking import _distances

pytestmark = pytest.mark.turns(2)

RNG = np.random.default_rng(0)
Y, T = RNG.normal(size=(7, 3)), RNG.normal(size=(7, 3))
P, Q = RNG.uniform(0.05, 0.95, (7, 3)), RNG.uniform(0, 1, (7, 3))
LABELS, ROWS = np.array([0, 2, 1, 1, 0, 2, 2]), np.arange(7)
LOG_P, S = scipy.special.log_softmax(Y, axis=1), scipy.special.expit(Y)

UNIT_Y, UNIT_T = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (Y, T))
COUNTS = np.array([0, 0, 1, 1, 0, 1, 1])
APART = np.linalg.norm(Y[:, None] - Y, axis=-1)
SHARES = scipy.special.softmax(T, axis=1)
FRAMES, SPELT = RNG.normal(size=(7, 2, 3)), np.array([[1, -1], [2, -1], [1, 2]] * 2 + [[-1, -1]])


def by_hand_ctc(frames, labels):
    """All paths of two frames."""
    p, paths = scipy.special.softmax(frames, axis=1), [(a, b) for a in range(3) for b in range(3)]

    def spells(path):
        merged = [path[0]] + [b for a, b in itertools.pairwise(path) if a != b]
        return [k for k in merged if k] == [k for k in labels if k >= 0]

    return -np.log(sum(p[0, a] * p[1, b] for a, b in paths if spells((a, b))))


FORMULAS = {  # in NumPy and SciPy: predictions, targets, and the value of each entry
    "l1": (Y, T, np.abs(Y - T)),
    "mse": (Y, T, (Y - T) ** 2),
    "bce": (P, Q, -Q * np.log(P) - (1 - Q) * np.log(1 - P)),
    "bce_with_logits": (Y, Q, np.logaddexp(0, Y) - Q * Y),
    "cross_entropy": (Y, LABELS, -LOG_P[ROWS, LABELS]),
    "linear_cross_entropy": (Y, LABELS, -LOG_P[ROWS, LABELS]),
    "nll": (LOG_P, LABELS, -LOG_P[ROWS, LABELS]),
    "focal": (Y, LABELS, -((1 - np.exp(LOG_P)) ** 2 * LOG_P)[ROWS, LABELS]),
    "multiclass_hinge": (
        Y,
        LABELS,
        np.maximum(0, (Y + (LABELS[:, None] != np.arange(3))).max(1) - Y[ROWS, LABELS]),
    ),
    "hinge": (Y, Q, np.maximum(0, 1 - (2 * Q - 1) * Y)),
    "squared_hinge": (Y, Q, np.maximum(0, 1 - (2 * Q - 1) * Y) ** 2),
    "dice": (Y, Q, 1 - (2 * (S * Q).sum(1) + 1) / ((S + Q).sum(1) + 1)),
    "tversky": (Y, Q, 1 - ((S * Q).sum(1) + 1) / ((S + Q).sum(1) / 2 + 1)),
    "huber": (Y, T, scipy.special.huber(1, Y - T)),
    "smooth_l1": (Y, T, scipy.special.huber(1, Y - T)),
    "log_cosh": (Y, T, np.log(np.cosh(Y - T))),
    "quantile": (Y, T, np.abs(Y - T) / 2),
    "poisson": (Y, 3 * Q, np.exp(Y) - 3 * Q * Y),
    "gaussian_nll": (
        np.stack((Y, P), axis=-1),
        T,
        -scipy.stats.norm.logpdf(T, Y, np.exp(P / 2)) - np.log(2 * np.pi) / 2,
    ),
    "mape": (Y, T, np.abs(Y - T) / np.abs(T)),
    "msle": (P, Q, (np.log1p(P) - np.log1p(Q)) ** 2),
    "kl_divergence": (LOG_P, SHARES, scipy.special.rel_entr(SHARES, np.exp(LOG_P)).sum(1)),
    "cosine_distance": (Y, T, 1 - (UNIT_Y * UNIT_T).sum(1)),
    "info_nce": (
        Y,
        T,
        -np.diag(scipy.special.log_softmax(UNIT_Y @ UNIT_T.T / 0.1, axis=1)),
    ),
    "triplet": (
        Y,
        COUNTS,
        np.maximum(
            0,
            1
            + np.where(COUNTS[:, None] == COUNTS, APART, 0).max(1)
            - np.where(COUNTS[:, None] != COUNTS, APART, np.inf).min(1),
        ),
    ),
    "ctc": (FRAMES, SPELT, np.array([*map(by_hand_ctc, FRAMES, SPELT)])),
}
FORMULAS["standardized"] = Y, T, scipy.special.huber(1, Y - (T - 3) / 2)
OLD = ["l1", "mse", "bce", "bce_with_logits", "cross_entropy"]  # examined in every reduction
REDUCE = {"mean": np.mean, "sum": np.sum, "none": np.asarray}
MASK = np.array([True, False, True, True, False, False, True])


def made(name, reduction="mean"):
    if name == "standardized":
        return losses.standardized(losses.huber(reduction=reduction), mean=3.0, std=2.0)
    return getattr(losses, name)(reduction=reduction)


every_loss = pytest.mark.parametrize("name", FORMULAS)
every_reduction = pytest.mark.parametrize("reduction", REDUCE)


def test_every_public_loss_has_its_formula_here():
    assert set(losses.__all__) == set(FORMULAS)


@every_reduction
@every_loss
def test_the_value_is_the_formula(name, reduction):
    y, target, values = FORMULAS[name]
    loss = made(name, reduction)
    expected = REDUCE[reduction](values)
    y, target = jnp.asarray(y), jnp.asarray(target)
    np.testing.assert_allclose(loss.apply(y, target), expected, rtol=1e-12)
    direct = loss.value_and_grad(y, target)[0]
    np.testing.assert_allclose(direct, expected, rtol=1e-12)


@pytest.mark.parametrize("counted", [False, True])
@pytest.mark.parametrize("loss", [made(name, "none") for name in FORMULAS], ids=str)
def test_values_may_be_weighed_each_by_its_own_number(loss, counted):
    y, target = map(jnp.asarray, FORMULAS[repr(loss).split("(")[0]][:2])
    where = jnp.asarray(MASK) if counted else None
    weights = jnp.asarray(RNG.normal(size=loss.apply(y, target, where).shape))
    by_hand = jax.vjp(lambda y: loss.apply(y, target, where), y)[1](weights)
    autodiff = jax.vjp(lambda y: loss.value_and_grad(y, target, where)[0], y)[1](weights)
    np.testing.assert_allclose(by_hand, autodiff, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "reduction"),
    [(name, reduction) for name in FORMULAS for reduction in REDUCE if name in OLD]
    + [(name, "mean") for name in FORMULAS if name not in OLD],
)
def test_the_gradient_is_that_of_the_value(name, reduction):
    y, target, _ = FORMULAS[name]
    loss = made(name, reduction)
    if name in OLD:
        assert check_gradients(loss, y, target).error < 1e-12
    assert check_gradients(loss, y, target, MASK, depth="quick").error < 1e-12


@every_reduction
@every_loss
def test_rows_that_do_not_count_might_as_well_not_be_there(name, reduction):
    y, target, _ = FORMULAS[name]
    loss = made(name, reduction)
    marks = MASK.reshape(-1, *(1,) * (y.ndim - 1))
    spoilt = jnp.asarray(np.where(marks, y, np.nan) if name != "bce" else y)
    value, dy = loss.value_and_grad(spoilt, jnp.asarray(target), jnp.asarray(MASK))
    few, few_dy = loss.value_and_grad(jnp.asarray(y[MASK]), jnp.asarray(target[MASK]))
    np.testing.assert_allclose(value[MASK] if reduction == "none" else value, few, rtol=1e-12)
    np.testing.assert_allclose(dy[MASK], few_dy, rtol=1e-12)
    assert (np.asarray(dy[~MASK]) == 0).all()


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
@every_loss
def test_the_dtype_is_that_of_y(name, dtype):
    y, target, _ = FORMULAS[name]
    value, dy = made(name).value_and_grad(jnp.asarray(y, dtype), jnp.asarray(target))
    assert (value.dtype, dy.dtype) == (dtype, dtype)


def test_bce_is_finite_at_0_and_1_and_a_perfect_prediction_costs_nothing():
    y, target = jnp.array([0.0, 1.0, 0.0, 1.0]), jnp.array([0.0, 1.0, 1.0, 0.0])
    value, dy = bce("none").value_and_grad(y, target)
    np.testing.assert_allclose(value, [0, 0, -np.log(1e-12), -np.log(1e-12)], rtol=1e-12)
    np.testing.assert_allclose(dy, [1, -1, -1e12, 1e12])
    for dtype in (jnp.float32, jnp.bfloat16):
        value, dy = bce("none").value_and_grad(y.astype(dtype), target.astype(dtype))
        assert np.isfinite(np.float64(value)).all()
        assert np.isfinite(np.float64(dy)).all()


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_logits_of_any_size_are_stable(dtype):
    z = jnp.array([-1e3, 1e3, -1e3, 1e3], dtype)
    value, dz = bce_with_logits("none").value_and_grad(z, jnp.array([0.0, 1.0, 1.0, 0.0]))
    np.testing.assert_array_equal(value, [0, 0, 1e3, 1e3])
    np.testing.assert_array_equal(dz, [0, 0, -1, 1])
    logits = jnp.array([[1e4, 0, -1e4], [0, -1e4, 1e4], [0, 0, 0]], dtype)
    value, dy = cross_entropy("none").value_and_grad(logits, jnp.array([0, 1, 2]))
    np.testing.assert_allclose(value, [0, 2e4, np.log(3)], rtol=1e-6)
    np.testing.assert_allclose(dy, [[0, 0, 0], [0, -1, 1], [1 / 3, 1 / 3, -2 / 3]], rtol=1e-6)


def test_masked_logits_of_minus_infinity_stay_finite():
    logits = jnp.array([[0.0, -jnp.inf, 1.0]])
    value, dy = cross_entropy().value_and_grad(logits, jnp.array([2]))
    np.testing.assert_allclose(value, np.log1p(np.exp(-1.0)))
    assert np.isfinite(dy).all()
    assert dy[0, 1] == 0


def test_l1_has_no_gradient_where_it_is_right():
    assert l1().value_and_grad(jnp.ones(1), jnp.ones(1))[1] == 0


@settings(deadline=None, max_examples=50)
@given(arrays(np.float64, (4, 5), elements=st.floats(-1e6, 1e6)))
def test_softmax_gives_probabilities(logits):
    p = np.asarray(softmax(jnp.asarray(logits)))
    np.testing.assert_allclose(p, scipy.special.softmax(logits, axis=1), rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(p.sum(axis=1), 1)


def test_probabilities_of_each_classifier():
    z = jnp.asarray(Y)
    np.testing.assert_allclose(cross_entropy().probabilities(z), scipy.special.softmax(Y, 1))
    s = scipy.special.expit(Y[:, 0])
    expected = np.stack((1 - s, s), axis=1)
    np.testing.assert_allclose(bce_with_logits().probabilities(z[:, 0]), expected, rtol=1e-12)
    np.testing.assert_allclose(bce().probabilities(jnp.asarray(s)), expected, rtol=1e-12)
    assert mse().probabilities is None


@pytest.mark.parametrize("bad", [-1, 3, 10**6])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.int64])
def test_a_label_out_of_range_is_an_error_and_inside_jit_a_nan(bad, dtype):
    if not np.iinfo(dtype).min <= bad <= np.iinfo(dtype).max:
        bad = 100
    labels = jnp.array([0, bad], dtype)
    y = jnp.zeros((2, 3))
    with pytest.raises(DataError, match=rf"label\[1\] is {bad}; it must be from 0 to 2"):
        cross_entropy().apply(y, labels)
    value, dy = jax.jit(cross_entropy("none").value_and_grad)(y, labels)
    assert np.isnan(value).tolist() == [False, True]
    assert np.isnan(dy).all(axis=1).tolist() == [False, True]


def test_a_narrow_label_meets_many_classes():
    """200 classes do not fit an int8, whose 100 is a label all the same."""
    value = cross_entropy().apply(jnp.zeros((1, 200)), jnp.array([100], jnp.int8))
    np.testing.assert_allclose(value, np.log(200))


@pytest.mark.parametrize("loss", [cross_entropy(), cross_entropy(ignore=1)])
def test_labels_of_numpy_need_no_64_bits(loss):
    with jax.enable_x64(False):  # where a request for them is a warning, and so an error here
        value, _ = loss.value_and_grad(jnp.zeros((2, 4), jnp.float32), np.array([0, 3]))
    np.testing.assert_allclose(value, np.log(4), rtol=1e-6)


def test_constants_are_checked_inside_jit_too():
    labels = jnp.array([0, 5])
    with pytest.raises(DataError, match="label"):
        jax.jit(lambda y: cross_entropy().value_and_grad(y, labels))(jnp.zeros((2, 3)))


@pytest.mark.parametrize(
    ("loss", "y", "target", "message"),
    [
        (mse(), (3, 1), (3,), r"mse: y is \(3, 1\) and target \(3,\)"),
        (l1(), (3,), (3, 3), r"l1: y is \(3,\) and target \(3, 3\)"),
        (bce(), (2, 1), (2,), "bce: y is"),
        (cross_entropy(), (4, 2), (4, 1), r"y is \(4, 2\) and labels \(4, 1\)"),
        (cross_entropy(), (4,), (4,), "must be"),
        (cross_entropy(), (4, 2), (3,), "must be"),
    ],
)
def test_shapes_are_never_broadcast(loss, y, target, message):
    kind = int if "cross" in repr(loss) else float
    with pytest.raises(ShapeError, match=message):
        loss.apply(jnp.zeros(y), jnp.zeros(target, kind))


def test_dtypes_and_ranges_are_checked():
    with pytest.raises(ShapeError, match="labels are float64; they must be integers"):
        cross_entropy().apply(jnp.zeros((2, 3)), jnp.zeros(2))
    with pytest.raises(ShapeError, match="y is int64; it must be floating"):
        mse().apply(jnp.zeros(2, int), jnp.zeros(2))
    with pytest.raises(DataError, match=r"bce: y\[1\] is 1.5; it must be from 0 to 1"):
        bce().apply(jnp.array([0.5, 1.5]), jnp.ones(2))
    assert np.isnan(jax.jit(bce().apply)(jnp.array([0.5, 1.5]), jnp.ones(2)))
    for loss in (bce(), bce_with_logits()):
        with pytest.raises(DataError, match=r"target\[1\] is 2"):
            loss.apply(jnp.array([0.5, 0.5]), jnp.array([1.0, 2.0]))
    with pytest.raises(ShapeError, match="where is"):
        mse().apply(jnp.zeros(2), jnp.zeros(2), jnp.ones(3, bool))
    with pytest.raises(ConfigurationError, match="reduction is 'avg'"):
        mse("avg")


def test_a_target_is_a_constant():
    """Silence would be a gradient of zero."""
    with pytest.raises(TypeError, match="stop_gradient"):
        jax.grad(lambda t: mse().apply(jnp.ones(2), t))(jnp.ones(2))
    both = jax.grad(lambda y: mse().apply(y, jax.lax.stop_gradient(2 * y)))(jnp.ones(2))
    np.testing.assert_allclose(both, [-1, -1])


def test_a_loss_composes_with_vmap_jit_and_scan():
    ys, ts = jnp.asarray(RNG.normal(size=(4, 5))), jnp.asarray(RNG.normal(size=(4, 5)))
    expected = 2 * (ys - ts) / 5
    mapped = jax.jit(jax.vmap(jax.grad(mse().apply)))(ys, ts)
    np.testing.assert_allclose(mapped, expected, rtol=1e-12)

    def total(ys):
        def body(total, pair):
            return total + mse().apply(*pair), None

        return jax.lax.scan(body, jnp.zeros(()), (ys, ts))[0]

    np.testing.assert_allclose(jax.grad(total)(ys), expected, rtol=1e-12)


def test_l1_is_right_where_the_prediction_is():
    assert check_gradients(l1(), np.zeros(3), np.zeros(3)).error == 0


@pytest.mark.parametrize(
    ("loss", "y", "expected"),
    [
        (cross_entropy(), [[1.0, 2.0, 2.0], [np.nan, 0.0, 1.0], [-np.inf, -5.0, -9.0]], [1, -1, 1]),
        (bce(), [0.2, 0.5, 0.7, np.nan], [0, 0, 1, -1]),
        (bce_with_logits(), [-3.0, 0.0, 1e-9, np.nan], [0, 0, 1, -1]),
    ],
)
def test_the_class_that_is_predicted(loss, y, expected):
    assert loss.predict(jnp.asarray(y)).tolist() == expected
    finite = [row for row, label in zip(y, expected, strict=True) if label >= 0]
    probabilities = np.asarray(loss.probabilities(jnp.asarray(finite)))
    assert probabilities.argmax(axis=-1).tolist() == [label for label in expected if label >= 0]


def test_a_regression_predicts_no_class():
    assert mse().predict is None
    assert l1().predict is None


@pytest.mark.parametrize("loss", [cross_entropy(), mse(), l1(), bce_with_logits()])
def test_a_mean_over_more_rows_than_float16_counts(loss):
    y = jnp.zeros((70_000, 2), jnp.float16)
    target = jnp.zeros(70_000, int) if loss is cross_entropy() else y + 1
    value, dy = loss.value_and_grad(y, target)
    assert value == loss.apply(y[:7], target[:7])
    assert jnp.isfinite(dy).all()


SURE = [  # loss, scores of which some are far from a half, targets
    (cross_entropy, np.array([[7.0, 0.0], [0.0, 9.0], [0.5, 0.0]]), np.array([0, 1, 1])),
    (bce_with_logits, np.array([7.0, 9.0, -8.0, 0.5]), np.array([1.0, 1.0, 0.0, 1.0])),
    (mse, np.array([300.0, 0.5, 1.0]), np.array([0.25, 0.25, 1.0])),
    (l1, np.array([300.0, 0.5, 1.0]), np.array([0.25, 0.25, 1.0])),
]


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16])
@pytest.mark.parametrize("row", SURE, ids=lambda row: row[0].__name__)
def test_narrow_floats_are_rounded_at_the_end_alone(row, dtype):
    """σ(y) − 1 keeps its digits where σ(y) is rounded to 1; a square may be above float16."""
    loss, y, target = row
    precision = 2 * float(jnp.finfo(dtype).eps)
    for reduction in ("none", "mean") if loss is not mse else ("mean",):
        given = loss(reduction).value_and_grad(jnp.asarray(y, dtype), jnp.asarray(target))
        exact = loss(reduction).value_and_grad(jnp.asarray(y), jnp.asarray(target))
        for found, expected in zip(given, exact, strict=True):
            assert found.dtype == dtype
            assert (np.abs(expected) > 0).any()
            np.testing.assert_allclose(np.float64(found), expected, rtol=precision)


def test_more_classes_than_float16_counts():
    y = jnp.zeros((1, 70_000), jnp.float16)
    value, dy = cross_entropy().value_and_grad(y, jnp.array([3]))
    assert float(value) == pytest.approx(np.log(70_000), rel=1e-3)
    assert float(dy[0, 3]) == -1
    assert float(dy.max()) > 0
    assert float(cross_entropy().probabilities(y).max()) > 0


def test_the_small_loss_of_a_sure_logit_keeps_its_digits():
    y, target = jnp.array([9.0, -12.0], jnp.float32), jnp.array([1.0, 0.0])
    found = bce_with_logits("none").apply(y, target)
    np.testing.assert_allclose(found, np.log1p(np.exp([-9.0, -12.0])), rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1e38, 3e38])
def test_a_direction_is_that_of_the_smallest_and_of_the_largest_numbers(scale):
    """XLA divides by a column of numbers from 8.5e37 on as by infinity: the cosine was 0."""
    y = jnp.array([[scale, 0.0], [scale, scale]], jnp.float32)
    target = jnp.array([[1.0, 1.0], [1.0, 1.0]], jnp.float32)
    value, _ = losses.cosine_distance(reduction="none").value_and_grad(y, target)
    np.testing.assert_allclose(value, [1 - 0.5**0.5, 0], atol=1e-6)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e38])
def test_distances_of_rows_neither_overflow_nor_vanish(scale):
    x = jnp.array([[0.0, 0.0], [1.5, 2.0]], jnp.float32) * jnp.float32(scale)
    np.testing.assert_allclose(_distances(x)[0, 1] / np.float32(scale), 2.5, rtol=1e-6)
