"""Augmentation: what each does beside NumPy, how it is distributed, and the same bits again."""

import json
import pickle
import re
import zipfile

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from fnet import data, losses, models, optimizers, serial
from fnet.checkpoint import Checkpoint, load, save
from fnet.core.values import read
from fnet.data import Augmentation, augment, brightness, contrast, crop, cutout, flip, mixup
from fnet.errors import ConfigurationError, ShapeError, TrainingError
from fnet.layers import affine, flatten
from fnet.registry import VOCABULARY
from fnet.training import evaluate, feeding, fit, make_step, start
from fnet.training.postmortem import Training, first_failure

RNG = np.random.default_rng(0)
KEY = jax.random.key(5)
ALL = augment(flip(), crop(1), cutout(2), brightness(0.3), contrast(0.3), mixup(0.4))
EACH = [flip(vertical=True), crop(2), cutout(3), brightness(0.5), contrast(0.5)]

MODEL, LOSS, OPTIMIZER = serial(flatten(), affine(3)), losses.cross_entropy(), optimizers.adam(0.01)
IMAGES, LABELS = RNG.integers(0, 256, (26, 5, 4, 3), np.uint8), np.arange(26) % 3
TRAIN = data.memory({"image": IMAGES, "label": LABELS}, transform=data.rescale())


def applied(augmentation, x, key=KEY):
    """The images alone, compiled."""
    return np.asarray(jax.jit(augmentation.images)(key, jnp.asarray(x)))


def both(augmentation, x, target, outputs=None, key=KEY):
    """Images and targets, compiled, in NumPy."""
    outputs = None if outputs is None else jnp.zeros(outputs, jnp.float32)
    return map(np.asarray, jax.jit(augmentation)(key, jnp.asarray(x), jnp.asarray(target), outputs))


def noise(n, dtype=np.uint8, shape=(5, 7, 3)):
    return RNG.integers(0, 256, (n, *shape)).astype(dtype)


def counts(found, possible):
    """How often each of the possible arrays occurs among those that were found: all of them."""
    places = {np.ascontiguousarray(array).tobytes(): place for place, array in enumerate(possible)}
    assert len(places) == len(possible)
    numbers = [places[np.ascontiguousarray(array).tobytes()] for array in found]
    return np.bincount(numbers, minlength=len(possible))


def uniform(observed):
    """Whether such counts are likely if all are equally probable."""
    return scipy.stats.chisquare(observed).pvalue > 1e-3


def test_flip_mirrors_half_of_the_images():
    x = noise(1)[0]
    many = np.broadcast_to(x, (3000, *x.shape))
    for augmentation, possible in (
        (flip(), [x, x[:, ::-1]]),
        (flip(horizontal=False, vertical=True), [x, x[::-1]]),
        (flip(vertical=True), [x, x[:, ::-1], x[::-1], x[::-1, ::-1]]),
    ):
        assert uniform(counts(applied(augmentation, many), possible))


def test_crop_shifts_to_every_place_and_is_black_beyond():
    x = noise(1, np.float32, (5, 3, 2))[0]
    padded = np.pad(x, ((2, 2), (2, 2), (0, 0)))
    possible = [padded[i : i + 5, j : j + 3] for i in range(5) for j in range(5)]
    assert uniform(counts(applied(crop(2), np.broadcast_to(x, (5000, *x.shape))), possible))
    assert (applied(crop(0), x[None]) == x).all()


@pytest.mark.parametrize("size", [1, 2, 3])
def test_cutout_blackens_a_square_about_every_pixel(size):
    x = noise(1, shape=(5, 4, 2))[0] | 1
    possible = []
    for i in range(5):
        for j in range(4):
            black = x.copy()
            top, left = i - size // 2, j - size // 2
            black[max(top, 0) : max(top + size, 0), max(left, 0) : max(left + size, 0)] = 0
            possible.append(black)
    assert uniform(counts(applied(cutout(size), np.broadcast_to(x, (4000, *x.shape))), possible))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_brightness_and_contrast_are_their_formulas(dtype):
    x = noise(500, dtype)
    wide = x.astype(np.float64)
    about = np.linspace(-1, 1, 105).reshape(1, 5, 7, 3)
    about -= about.mean(axis=(1, 2), keepdims=True)
    mean = wide.mean(axis=(1, 2), keepdims=True)
    for augmentation, probe, expected in (
        (brightness(0.6), np.ones((500, 5, 7, 3)), lambda f: f * wide),
        (contrast(0.6), np.tile(about, (500, 1, 1, 1)), lambda f: mean + f * (wide - mean)),
    ):
        f = applied(augmentation, probe)[:, -1:, -1:, -1:] / probe[:, -1:, -1:, -1:]
        assert scipy.stats.kstest(f.ravel(), scipy.stats.uniform(0.4, 1.2).cdf).pvalue > 1e-3
        y = applied(augmentation, x)
        assert y.dtype == dtype
        if dtype == np.uint8:
            exact = np.clip(expected(f), 0, 255)
            assert np.abs(y - exact).max() < 0.5001  # rounded
            assert (exact == 255).any()
        else:
            np.testing.assert_allclose(y, expected(f), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("blending", [mixup(0.7), augment(crop(0), mixup(0.7))], ids=repr)
def test_mixup_blends_pairs_and_targets_alike(blending):
    n = 13
    # Images that are unit vectors show the share of each row in each other.
    shares = applied(blending, np.eye(n)[:, :, None, None])[:, :, 0, 0]
    assert (np.diag(shares) >= 0.5).all()
    assert ((shares > 0).sum(axis=1) == 2).all()
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    x, labels = noise(n), RNG.integers(0, 4, n)
    y, soft = both(blending, x, labels, (n, 4))
    assert np.abs(y - np.tensordot(shares, x.astype(float), 1)).max() < 0.5001
    np.testing.assert_allclose(soft, shares @ np.eye(4)[labels], rtol=1e-6)
    for targets, outputs in ((labels, (n,)), (RNG.normal(size=(n, 2)), (n, 2))):
        _, blended = both(blending, x, targets, outputs)
        np.testing.assert_allclose(blended, shares @ targets, rtol=1e-6)
    narrow = jax.ShapeDtypeStruct((n, 4), jnp.bfloat16)
    assert jax.eval_shape(blending.targets, KEY, labels, narrow).dtype == jnp.float32


@pytest.mark.parametrize("alpha", [0.2, 1.5])
def test_mixup_draws_shares_of_a_beta_distribution_and_any_other_row(alpha):
    n = 4000
    own = np.arange(n) / n
    _, mixed = both(mixup(alpha), np.zeros((n, 1, 1, 1)), np.stack((own, own**2), 1))
    first, second = mixed.T - (own, own**2)  # (1 − λ)(o − x) and (1 − λ)(o² − x²)
    clear = np.abs(first) > 1e-9  # for λ near 1 the other row does not show
    other = second / np.where(clear, first, 1) - own
    share = 1 - first / np.where(clear, other - own, 1)
    beta = scipy.stats.beta(alpha, alpha)
    fifths = beta.ppf(0.5 + np.arange(6) / 10)
    assert uniform(np.histogram(np.where(clear, share, 1), fifths)[0])
    far = (other[clear] - own[clear]) % 1
    assert scipy.stats.kstest(far, scipy.stats.uniform(1 / n, 1 - 1 / n).cdf).pvalue > 1e-3


def test_the_only_row_is_blended_with_itself():
    x = noise(1)
    y, t = both(mixup(), x, np.array([2]), (1, 3))
    assert (y == x).all()
    assert t.tolist() == [[0, 0, 1]]


def test_a_label_out_of_range_makes_its_rows_not_a_number():
    _, soft = both(mixup(), noise(3), np.array([0, 3, -1]), (3, 3))
    assert np.isnan(soft[1:]).all()


@pytest.mark.parametrize("augmentation", EACH, ids=repr)
def test_an_image_does_not_depend_on_the_others(augmentation):
    x = noise(6)
    whole = applied(augmentation, x)
    assert (applied(augmentation, x[:4]) == whole[:4]).all()
    others = np.concatenate((x[:4], noise(2)))
    assert (applied(augmentation, others)[:4] == whole[:4]).all()
    assert len({row.tobytes() for row in applied(augmentation, x[:1].repeat(9, 0))}) > 2


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float16, jnp.float32, jnp.uint8])
def test_shape_and_dtype_stay(dtype):
    y = jax.eval_shape(ALL.images, KEY, jax.ShapeDtypeStruct((5, 6, 7, 3), dtype))
    assert (y.shape, y.dtype) == ((5, 6, 7, 3), dtype)


def test_several_are_one_after_the_other_each_with_its_own_draws():
    x = noise(40, shape=(4, 4, 1))
    twice = augment(flip(), flip())
    mirrored = (applied(twice, x) != x).any(axis=(1, 2, 3)).mean()
    assert 0.2 < mirrored < 0.8  # and not 0, as if both drew the same
    own, first = jax.random.fold_in(KEY, 2**31 - 1), jax.random.fold_in
    by_hand = jax.jit(lambda: crop(1).change(first(own, 1), flip().change(first(own, 0), x)))
    y, labels = both(augment(flip(), crop(1)), x, np.arange(40))
    assert (y == by_hand()).all()
    assert (labels == np.arange(40)).all()
    inner = augment(flip(), augment(mixup()))
    assert jax.eval_shape(inner, KEY, x, labels, np.zeros((40, 3)))[1].shape == (40, 3)


def test_without_a_key_or_without_any_nothing_changes():
    x, labels = object(), object()  # which nothing could be done with
    assert augment()(KEY, x, labels) == (x, labels)
    assert ALL(None, x, labels) == (x, labels)


def test_a_value_prints_as_its_call_and_is_read_and_pickled():
    text = "augment(flip(vertical=True), crop(padding=2), cutout(3), mixup(alpha=0.4))"
    made = augment(flip(vertical=True), crop(2), cutout(3), mixup(0.4))
    assert repr(made) == text
    assert read(text, VOCABULARY["augmentation"]) is made
    assert read(made.spelled, VOCABULARY["augmentation"]) is made
    assert pickle.loads(pickle.dumps(made)) is made


def trained(epochs=2, train=TRAIN, val=None, augmentation=ALL, **options):
    return list(
        fit(
            *(MODEL, LOSS, OPTIMIZER, train, val),
            epochs=epochs,
            batch_size=8,
            augmentation=augmentation,
            **options,
        )
    )


def same_bits(a, b):
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


def test_a_step_is_the_plain_step_on_what_its_key_gives():
    step = make_step(MODEL, LOSS, OPTIMIZER, data.rescale(), ALL)
    plain = make_step(MODEL, LOSS, OPTIMIZER, data.rescale())
    assert make_step(MODEL, LOSS, OPTIMIZER, data.rescale(), augment()) is plain
    state = start(MODEL, OPTIMIZER, (5, 4, 3)).state
    x, labels = jnp.asarray(IMAGES), jnp.asarray(LABELS)
    every = jnp.ones(26, bool)
    for number in range(2):
        assert int(state.step) == number
        images, soft = both(ALL, x, labels, (26, 3), jax.random.fold_in(KEY, number))
        expected, _ = plain(state, images, soft, every, KEY)
        (_, (w, b)) = state.params
        answers = (images.reshape(26, -1) / 255 @ np.asarray(w).T + np.asarray(b)).argmax(1)
        state, metrics = step(state, x, labels, every, KEY)
        for a, b in zip(jax.tree.leaves(state), jax.tree.leaves(expected), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-8)
        assert int(metrics.correct) == (answers == LABELS).sum()
    programs = (jax.make_jaxpr(one)(state, x, labels) for one in (step, plain))
    assert len({str(program) for program in programs}) == 1  # without a key it is the plain one


def test_the_same_bits_in_memory_in_blocks_and_by_workers(monkeypatch):
    *_, whole = trained()
    monkeypatch.setattr(feeding, "free_bytes", lambda *_: 0.0)
    monkeypatch.setattr(feeding, "BLOCK", 8 * 70 * 2)  # two batches each
    for workers in (0, 2):
        *_, last = trained(workers=workers)
        same_bits(last.state, whole.state)
        assert last.metrics == whole.metrics
    *_, plain = trained(augmentation=augment())
    assert plain.metrics != whole.metrics


def test_resumed_from_any_step_it_is_the_same_to_the_bit(tmp_path):
    *_, whole = trained()
    for record in trained(every_steps=1)[::3]:
        kept = Checkpoint(MODEL, LOSS, OPTIMIZER, (5, 4, 3), record, augmentation=ALL)
        save(tmp_path / "run.npz", kept)
        loaded = load(tmp_path / "run.npz")
        assert loaded.augmentation is ALL
        *_, last = [record, *trained(resume=loaded.record, augmentation=loaded.augmentation)]
        same_bits(last.state, whole.state)
        assert last.metrics == whole.metrics


def test_a_checkpoint_from_before_had_none(tmp_path):
    record = start(MODEL, OPTIMIZER, (5, 4, 3))
    save(tmp_path / "run.npz", Checkpoint(MODEL, LOSS, OPTIMIZER, (5, 4, 3), record))
    with zipfile.ZipFile(tmp_path / "run.npz") as file:
        config = json.loads(np.load(file.open("config.json.npy")).tobytes())
    assert config.pop("augmentation") == "augment()"
    assert load(tmp_path / "run.npz").augmentation is augment()


def test_evaluation_knows_nothing_of_it():
    half = TRAIN.select(np.arange(10))
    *_, last = trained(val=half)
    for name, value in evaluate(MODEL, LOSS, last.state.params, half).items():
        assert last.metrics[f"val_{name}"] == value


def test_mixup_where_the_model_has_one_output():
    model = models.logistic_regression()
    step = make_step(model, losses.bce(), OPTIMIZER, data.rescale(), mixup())
    state = start(model, OPTIMIZER, (5, 4, 3)).state
    _, metrics = jax.eval_shape(step, state, IMAGES, LABELS % 2, None, KEY)
    assert metrics.loss.shape == metrics.correct.shape == ()


def test_where_training_diverges_the_step_is_found():
    state = start(MODEL, OPTIMIZER, (5, 4, 3)).state
    huge = jax.tree.map(lambda leaf: leaf + 1e308, state.params)
    order = np.arange(26)
    order[24:] = ~order[:2]  # the last two are padding
    training = Training(MODEL, LOSS, OPTIMIZER, TRAIN, make_step, KEY, ALL)
    assert first_failure(training, state, [order]) is None
    cause = first_failure(training, state._replace(params=huge), [order, order])
    assert (cause.step, cause.what) == (1, "the output of layer 2, affine(3), is not finite")


def test_where_it_makes_numbers_that_are_none_the_step_is_found():
    spoiling = Augmentation(lambda key, x: jnp.full_like(x, jnp.nan))
    train = data.memory({"image": IMAGES / 255, "label": LABELS})
    with pytest.raises(TrainingError, match=r"at step 1 the output of layer 1, flatten\(\), is"):
        trained(train=train, augmentation=spoiling)


MANY = {"image": IMAGES, "label": LABELS}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: flip(horizontal=False), "flip: neither horizontal nor vertical"),
        (lambda: crop(-1), "crop: padding is -1; it must be a whole number, at least 0"),
        (lambda: cutout(0), "cutout: size is 0; it must be a whole number, at least 1"),
        (lambda: brightness(1.5), "brightness: most is 1.5; it must be a number, at least 0"),
        (lambda: contrast(-0.1), "contrast: most is -0.1; it must be a number, at least 0"),
        (lambda: mixup(0), "mixup: alpha is 0; it must be a number, above 0"),
        (lambda: augment(flip), "augment: <function flip at .*> is not an augmentation; pass"),
        (lambda: trained(augmentation=flip), r"the augmentation is <function .*; it must be"),
        (lambda: trained(augmentation=cutout(6)), "size is 6, and the images are 5 x 4"),
        (
            lambda: trained(train=data.memory(MANY | {"image": IMAGES.reshape(26, -1)})),
            r"does not fit the data: flip: the input is of shape \(1, 60\); it must be one array",
        ),
        (
            lambda: trained(train=data.memory(MANY | {"image": IMAGES.astype(int)})),
            "flip: the images are int64; they must be uint8, from 0 to 255, or floating point",
        ),
        (
            lambda: list(
                fit(MODEL, losses.focal(), OPTIMIZER, TRAIN, epochs=1, augmentation=mixup())
            ),
            r"mixup\(\) makes soft labels, and focal\(\) does not take them",
        ),
        (
            lambda: trained(
                train=data.memory({"image": IMAGES / 255, "shape": IMAGES / 255}),
                augmentation=flip(),
            ),
            r"a target of these data is an array of \(5, 4, 3\), whose places would not move",
        ),
    ],
)
def test_what_is_wrong_is_said(make, message):
    with pytest.raises(ConfigurationError, match=message):
        make()


def test_mixup_must_know_the_classes():
    x = jnp.asarray(IMAGES)
    with pytest.raises(ShapeError, match="the number of classes is not known; give the model's"):
        mixup()(KEY, x, jnp.asarray(LABELS))
    with pytest.raises(
        ShapeError, match=re.escape("labels are (26,) and the model's outputs (26, 2, 3)")
    ):
        mixup()(KEY, x, jnp.asarray(LABELS), jnp.zeros((26, 2, 3)))
