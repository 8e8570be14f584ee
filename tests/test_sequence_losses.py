"""ctc against optax, impossible alignments; the loss that is one with its affine layer."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnet import compose, data, layers, losses, optimizers, serial
from fnet.errors import ConfigurationError, DataError, ShapeError
from fnet.losses import cross_entropy, ctc, info_nce, linear_cross_entropy, triplet
from fnet.training import fit, make_step
from fnet.training.evaluation import make_look
from fnet.training.records import start

RNG = np.random.default_rng(0)


def sequences():
    y = jnp.asarray(RNG.normal(size=(4, 7, 5)))
    labels = jnp.array([[1, 1, 2], [3, -1, -1], [4, 2, -1], [-1, -1, -1]])
    frames = jnp.arange(7) < jnp.array([7, 3, 6, 4])[:, None]
    return y, labels, frames


def test_ctc_and_its_gradient_are_those_of_optax():
    y, labels, frames = sequences()

    def theirs(y):
        padded = (labels < 0).astype(float)
        with jax.numpy_dtype_promotion("standard"):
            return optax.ctc_loss(y, (~frames).astype(float), jnp.maximum(labels, 0), padded)

    @jax.jit
    def both(y):
        expected, vjp = jax.vjp(theirs, y)
        return ctc("none").value_and_grad(y, labels, frames), (expected, *vjp(jnp.ones(4)))

    (value, dy), (expected, expected_dy) = both(y)
    np.testing.assert_allclose(value, expected, rtol=1e-6)  # it takes −10⁵ for −∞
    np.testing.assert_allclose(dy, expected_dy, atol=1e-6)


def test_frames_that_are_not_there_may_hold_anything():
    y, labels, frames = sequences()
    spoilt = jnp.where(frames[..., None], y, jnp.nan)
    (value, dy), (other, _) = (ctc().value_and_grad(each, labels, frames) for each in (y, spoilt))
    assert value == other
    assert (np.asarray(dy)[~np.asarray(frames)] == 0).all()


def test_the_blank_may_be_any_class():
    y, labels, _ = sequences()
    turned = jnp.roll(y, -1, axis=-1)  # class 0 becomes the last
    moved = jnp.where(labels < 0, -1, labels - 1)
    np.testing.assert_allclose(
        ctc("none").apply(y, labels), ctc("none", blank=4).apply(turned, moved), rtol=1e-12
    )


def test_what_no_path_can_spell_costs_infinity_or_nothing_and_has_no_gradient():
    y, labels = jnp.zeros((2, 2, 3)), jnp.array([[1, 1], [1, 2]])  # 1 1 takes three frames
    for zero, expected in ((False, np.inf), (True, 0)):
        value, dy = ctc("none", zero_infinity=zero).value_and_grad(y, labels)
        assert value[0] == expected
        assert (np.asarray(dy[0]) == 0).all()
        assert np.isfinite(value[1])
        assert np.isfinite(dy).all()


def test_labels_of_ctc_are_checked():
    y = jnp.zeros((1, 4, 3))
    with pytest.raises(DataError, match=r"label\[0, 0\] is 3; it must be from 0 to 2"):
        ctc().apply(y, jnp.array([[3]]))
    with pytest.raises(DataError, match="a label is 0, the blank"):
        ctc().apply(y, jnp.array([[0]]))
    value, dy = jax.jit(ctc("none").value_and_grad)(y, jnp.array([[3]]))
    assert np.isnan(value).all()
    assert np.isnan(dy).all()
    with pytest.raises(ConfigurationError, match="blank is 5, and there are 3 classes"):
        ctc(blank=5).apply(y, jnp.array([[1]]))
    with pytest.raises(ShapeError, match="must be"):
        ctc().apply(y, jnp.array([1]))


OPTIONS = [
    {},
    {"reduction": "sum"},
    {"label_smoothing": 0.2, "ignore": 1, "z_loss": 0.05},
]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_it_is_the_cross_entropy_of_the_logits(options, bias):
    rows, width, classes = 1301, 3, 11  # more than a block of rows, and a rest
    x = jnp.asarray(RNG.normal(size=(1, rows, width)))
    w, b = jnp.asarray(RNG.normal(size=(classes, width))), jnp.asarray(RNG.normal(size=classes))
    labels = jnp.asarray(RNG.integers(0, classes, (1, rows)))
    where = jnp.asarray(RNG.uniform(size=(1, rows)) < 0.7)
    given = x, w, b if bias else None
    dense = cross_entropy(**options)

    def value(y):
        x, w, b = y
        return dense.value_and_grad(x @ w.T + (0 if b is None else b), labels, where)[0]

    expected = jax.jit(jax.value_and_grad(value))(given)
    own = linear_cross_entropy(**options)
    found = own.value_and_grad(given, labels, where)
    applied = jax.jit(jax.value_and_grad(lambda y: 1.0 * own.apply(y, labels, where)))(given)
    for each in (found, applied):
        for one, other in zip(jax.tree.leaves(each), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


def test_logits_are_never_there_whole():
    x, w = (
        jax.ShapeDtypeStruct((2048, 64), jnp.float32),
        jax.ShapeDtypeStruct((9000, 64), jnp.float32),
    )
    labels = jax.ShapeDtypeStruct((2048,), jnp.int32)
    own = jax.jit(linear_cross_entropy().value_and_grad).lower((x, w, None), labels).compile()
    assert own.memory_analysis().temp_size_in_bytes < 2048 * 9000 * 4 / 2


MODELS = {
    "affine": (serial(layers.embedding(7, 3), layers.affine(7, axes=1, l2=0.1)), {}),
    "tied": (
        compose.tied(
            serial(layers.embedding(7, 3), layers.affine(7, bias=False, axes=1)), "[1].w", "[0].w"
        ),
        {"ignore": 0},
    ),
    "wrapped": (
        compose.weight_norm(serial(layers.embedding(7, 3), serial(layers.affine(7, axes=1)))),
        {"label_smoothing": 0.1, "z_loss": 0.01},
    ),
}


@pytest.mark.parametrize("kind", MODELS)
def test_training_leaves_the_last_layer_to_the_loss(kind):
    model, options = MODELS[kind]
    rng = np.random.default_rng(0)
    tokens = rng.integers(0, 7, (2, 5, 4)).astype(np.int32)
    train, val = (data.memory({"tokens": each, "next": (each + 1) % 7}) for each in tokens)

    def trained(loss):
        *_, record = fit(model, loss, optimizers.sgd(0.5), train, val, epochs=2, batch_size=2)
        return record

    found, expected = trained(linear_cross_entropy(**options)), trained(cross_entropy(**options))
    for one, other in zip(
        jax.tree.leaves(found.state.params), jax.tree.leaves(expected.state.params), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    for name in ("train_loss", "val_loss"):
        np.testing.assert_allclose(found.metrics[name], expected.metrics[name], rtol=1e-5)
    assert "val_accuracy" not in found.metrics


def test_a_step_of_training_has_no_logits():
    model = serial(layers.embedding(9000, 8), layers.affine(9000, axes=1))
    state = start(model, optimizers.sgd(0.1), (512,)).state
    ids = jax.ShapeDtypeStruct((4, 512), jnp.int32)
    for look in (
        make_step(model, linear_cross_entropy(), optimizers.sgd(0.1)).lower(state, ids, ids),
        make_look(model, linear_cross_entropy(), data.compose()).lower(
            state.params, ids, ids, jax.ShapeDtypeStruct((1, 4), jnp.int32)
        ),
    ):
        assert look.compile().memory_analysis().temp_size_in_bytes < 4 * 512 * 9000 * 4 / 2


def test_a_model_without_a_last_affine_layer_is_refused():
    model = serial(layers.affine(3), layers.relu())
    samples = data.memory({"features": np.ones((4, 2)), "label": np.array([0, 1, 2, 0])})
    with pytest.raises(ConfigurationError, match=r"ends in relu\(\); take cross_entropy"):
        list(fit(model, linear_cross_entropy(), optimizers.sgd(0.1), samples, epochs=1))


def test_narrow_features_are_added_up_in_float32():
    x, w = (jnp.ones((4096, 2), jnp.bfloat16), jnp.zeros((3, 2), jnp.bfloat16))
    _, (_, dw, _) = linear_cross_entropy("sum").value_and_grad((x, w, None), jnp.zeros(4096, int))
    assert dw.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.float64(dw[0]), -4096 * 2 / 3, rtol=0.01)


def test_what_the_linear_loss_takes():
    x, labels = jnp.ones((2, 3)), jnp.array([0, 4])
    with pytest.raises(DataError, match="label"):
        linear_cross_entropy().apply((x, jnp.ones((4, 3)), None), labels)
    value, (dx, dw, db) = jax.jit(linear_cross_entropy().value_and_grad)(
        (x, jnp.ones((4, 3)), jnp.ones(4)), labels
    )
    assert np.isnan(value)
    assert np.isnan(dx).all(axis=1).tolist() == [False, True]
    assert np.isnan(dw).all()
    assert np.isnan(db).all()
    with pytest.raises(ShapeError, match=r"x is \(2, 3\) and w \(4, 5\)"):
        linear_cross_entropy().apply((x, jnp.ones((4, 5)), None), labels)
    with pytest.raises(ConfigurationError, match="'mean' or 'sum'"):
        linear_cross_entropy("none").apply((x, jnp.ones((4, 3)), None), labels)


def test_rows_of_zeros_have_no_direction():
    zeros, ones = jnp.zeros((2, 3)), jnp.ones((2, 3))
    for loss in (losses.cosine_distance("none"), info_nce(1.0, "none")):
        value, dy = loss.value_and_grad(zeros, ones)
        np.testing.assert_allclose(value, 1 if "cosine" in repr(loss) else np.log(2))
        assert (np.asarray(dy) == 0).all()


def test_equal_rows_have_no_gradient_between_them():
    value, dy = triplet().value_and_grad(jnp.ones((3, 2)), jnp.array([0, 0, 1]))
    np.testing.assert_allclose(value, 2 / 3)
    assert (np.asarray(dy) == 0).all()


def test_a_z_loss_is_the_square_of_the_normaliser():
    y, labels = jnp.asarray(RNG.normal(size=(3, 5))), jnp.array([0, 3, 1])
    z = jax.scipy.special.logsumexp(y, axis=-1)
    expected = cross_entropy("none").apply(y, labels) + 0.3 * z**2
    np.testing.assert_allclose(cross_entropy("none", z_loss=0.3).apply(y, labels), expected)


def test_nothing_to_spell_is_all_blanks():
    y, _, frames = sequences()
    value = ctc("none").apply(y, jnp.zeros((4, 0), int), frames)
    expected = -jnp.where(frames, jax.nn.log_softmax(y)[..., 0], 0).sum(1)
    np.testing.assert_allclose(value, expected)


@pytest.mark.parametrize("zero_infinity", [False, True])
def test_a_prediction_that_is_not_a_number_is_no_impossible_alignment(zero_infinity):
    y, labels, _ = sequences()
    loss = ctc("none", zero_infinity=zero_infinity)
    value, dy = loss.value_and_grad(y.at[0, 3, 2].set(jnp.nan), labels)
    assert jnp.isnan(value).tolist() == [True, False, False, False]
    assert jnp.isnan(dy[0]).any()
    assert jnp.isfinite(dy[1:]).all()


def test_what_is_there_comes_first():
    y, labels, frames = sequences()
    gap, late = labels.at[1].set(jnp.array([3, -1, 2])), frames.at[2, 0].set(False)
    with pytest.raises(DataError, match="in row 1 label 2 follows padding"):
        ctc().value_and_grad(y, gap, frames)
    with pytest.raises(DataError, match="in row 2 frame 1 follows one that is not there"):
        ctc().value_and_grad(y, labels, late)
    values = jax.jit(lambda labels, frames: ctc("none").apply(y, labels, frames))
    assert jnp.isnan(values(gap, frames)).tolist() == [False, True, False, False]
    assert jnp.isnan(values(labels, late)).tolist() == [False, False, True, False]


def test_features_of_rows_that_do_not_count_may_hold_anything():
    x, w, b = (jnp.asarray(RNG.normal(size=shape)) for shape in ((4, 3), (5, 3), (5,)))
    labels, where = jnp.array([0, 4, 2, 2]), jnp.array([True, False, True, True])
    expected = linear_cross_entropy().value_and_grad((x, w, b), labels, where)
    spoilt = x.at[1].set(jnp.nan)
    for loss, marks in (
        (linear_cross_entropy(), (labels, where)),
        (linear_cross_entropy(ignore=-1), (labels.at[1].set(-1),)),
    ):
        jax.tree.map(
            np.testing.assert_array_equal, loss.value_and_grad((spoilt, w, b), *marks), expected
        )


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_where_no_row_counts_the_linear_loss_is_0(reduction):
    given, labels = (jnp.ones((2, 3)), jnp.ones((4, 3)), jnp.ones(4)), jnp.array([0, 1])
    found = linear_cross_entropy(reduction).value_and_grad(given, labels, jnp.zeros(2, bool))
    assert not any(np.asarray(leaf).any() for leaf in jax.tree.leaves(found))


@pytest.mark.parametrize("scale", [1e-30, 1e25])
def test_directions_and_distances_have_no_range(scale):
    y, t = (jnp.asarray(RNG.normal(size=(4, 3)), jnp.float32) for _ in range(2))
    for loss in (info_nce(), losses.cosine_distance()):
        value, dy = loss.value_and_grad(y, t)
        scaled, dscaled = loss.value_and_grad(y * scale, t)
        np.testing.assert_allclose(scaled, value, rtol=1e-5)
        np.testing.assert_allclose(dscaled * scale, dy, atol=1e-5)
        np.testing.assert_allclose(loss.apply(y, t * scale), value, rtol=1e-5)
    labels = jnp.array([0, 0, 1, 1])
    value, dy = triplet(0.0).value_and_grad(y, labels)
    scaled, dscaled = triplet(0.0).value_and_grad(y * scale, labels)
    np.testing.assert_allclose(scaled / scale, value, rtol=1e-5)
    np.testing.assert_allclose(dscaled, dy, atol=1e-6)


def test_a_row_that_is_not_a_number_has_no_distance_of_0():
    y = jnp.asarray(RNG.normal(size=(4, 3))).at[0, 0].set(jnp.nan)
    assert jnp.isnan(triplet().apply(y, jnp.array([0, 0, 1, 1])))


def test_rows_of_numpy_are_compared_inside_jit():
    y, labels = np.array([[0.0], [2.0], [3.0]]), np.array([0, 0, 1])
    made = jax.eval_shape(lambda: triplet(reduction="none").value_and_grad(y, labels))
    assert [each.shape for each in made] == [(3,), (3, 1)]
