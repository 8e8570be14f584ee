"""The laws of an optimizer: every registered example keeps all of them, and so does what nests."""

import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnet import losses, registry, serial
from fnet.checkpoint import Checkpoint, load, save
from fnet.core import NonTrainable
from fnet.core.values import read
from fnet.errors import CheckpointError, ConfigurationError, FnetError, ShapeError
from fnet.layers import affine, relu
from fnet.optimizers import (
    accumulate,
    adam,
    adamax,
    adamw,
    apply_updates,
    averaged,
    averaged_params,
    by_part,
    clip_by_global_norm,
    clip_by_value,
    decayed,
    frozen,
    ftrl,
    muon,
    nadam,
    plateau,
    radam,
    rmsprop,
    scheduled,
    set_learning_rate,
    sgd,
)
from fnet.optimizers.rule import rate_of, risen
from fnet.optimizers.schedules import (
    constant,
    cosine,
    cosine_restarts,
    exponential,
    inverse_sqrt,
    linear,
    polynomial,
    warmup,
)
from fnet.training.rates import rates_of, with_rates
from fnet.training.records import start

NESTED = (
    "scheduled(clip_by_global_norm(adamw(0.01), 1.0), warmup(2, schedule=cosine(9)))",
    "accumulate(scheduled(averaged(muon(0.1)), linear(5)), 2)",
    "plateau(by_part(('*w', decayed(lion(0.01), 0.1)), rest=clip_by_value(nadam(0.01), 1.0)), 1)",
)
EVERY = [*registry.EXAMPLES["optimizer"], *NESTED]
every_optimizer = pytest.mark.parametrize("text", EVERY)
PARAMS = {
    "w": jnp.asarray(np.random.default_rng(0).normal(size=(3, 2))),
    "b": jnp.linspace(-1.0, 1.0, 3),
}
DECAYS = {  # λ of the matrix, of those that decay weights by themselves
    "adamw(0.01)": 0.01,
    "decayed(momentum(0.1), 0.1)": 0.1,
    NESTED[0]: 0.01,
    NESTED[2]: 0.1,
}


def every_but(*words):
    """All optimizers in whose text there is none of these words."""
    return pytest.mark.parametrize("text", [t for t in EVERY if not any(w in t for w in words)])


def of(text):
    return read(text, registry.VOCABULARY["optimizer"])


def grads_at(step, params=PARAMS):
    rng = np.random.default_rng(step + 1)
    return jax.tree.map(lambda p: jnp.asarray(rng.normal(size=p.shape)).astype(p.dtype), params)


@functools.lru_cache(maxsize=4)  # the laws of one optimizer follow each other
def compiled(text):
    optimizer = of(text)
    return jax.jit(lambda g, s, p, value: optimizer.update(g, s, p, value=value))


def walk(text, params=PARAMS, steps=4, update=None):
    update = update or compiled(text)
    state, path = of(text).init(params), []
    for step in range(steps):
        updates, state = update(grads_at(step, params), state, params, value=jnp.asarray(1.0))
        params = apply_updates(params, updates)
        path.append(params)
    return path, state


def assert_near(actual, expected, **tolerance):
    assert jax.tree.structure(actual) == jax.tree.structure(expected)
    for a, e in zip(jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True):
        assert a.dtype == e.dtype
        np.testing.assert_allclose(np.float64(a), np.float64(e), **tolerance)


@every_optimizer
@pytest.mark.turns(4)
def test_jit_changes_nothing_and_neither_does_a_scan(text):
    expected, state = walk(text, steps=3)
    eager, eager_state = walk(text, steps=3, update=of(text).update)
    assert_near((eager, eager_state), (expected, state), rtol=1e-9, atol=1e-12)

    def body(carry, grads):
        params, state = carry
        updates, state = of(text).update(grads, state, params, value=jnp.asarray(1.0))
        return (apply_updates(params, updates), state), None

    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(grads_at, range(3)))
    begin = (PARAMS, of(text).init(PARAMS))
    (params, scanned), _ = jax.lax.scan(body, begin, stacked)
    assert_near((params, scanned), (expected[-1], state), rtol=1e-9, atol=1e-12)


@every_optimizer
@pytest.mark.turns(4)
def test_parameters_and_the_first_state_can_be_donated(text):
    params = jax.tree.map(jnp.copy, PARAMS)
    update = jax.jit(of(text).update, donate_argnums=(1, 2))
    _, state = update(grads_at(0), of(text).init(params), params, value=jnp.asarray(1.0))
    _, state = update(grads_at(0), state, jax.tree.map(jnp.copy, PARAMS), value=jnp.asarray(1.0))
    assert int(state.step) == 2


@every_optimizer
@pytest.mark.turns(4)
def test_a_step_counts_and_keeps_dtypes(text):
    params = jax.tree.map(lambda p: p.astype(jnp.bfloat16), PARAMS)
    path, state = walk(text, params, steps=2)
    assert int(state.step) == 2
    assert {leaf.dtype for leaf in jax.tree.leaves(path)} == {jnp.dtype(jnp.bfloat16)}
    begin = jax.eval_shape(of(text).init, params)
    assert jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), begin) == jax.tree.map(
        lambda leaf: (leaf.shape, leaf.dtype), jax.eval_shape(lambda: state)
    )
    kept = [leaf for leaf in jax.tree.leaves(state) if leaf.ndim]
    assert all(leaf.dtype == jnp.float32 for leaf in kept)  # moments, where there are any


@every_optimizer
@pytest.mark.turns(4)
def test_bfloat16_stays_near_the_precise(text):
    narrow = jax.tree.map(lambda p: p.astype(jnp.bfloat16), PARAMS)
    low, _ = walk(text, narrow)
    high, _ = walk(text, jax.tree.map(lambda p: p.astype(jnp.float64), narrow))
    for a, e in zip(jax.tree.leaves(low), jax.tree.leaves(high), strict=True):
        np.testing.assert_allclose(np.float64(a), e, atol=0.05)


@every_optimizer
@pytest.mark.turns(4)
def test_what_has_no_gradient_stays(text):
    """A part of the parameters without gradients, and one that no gradient reaches."""
    params = {**PARAMS, "none": None, "fixed": jnp.ones((2, 2)), "stats": NonTrainable(jnp.ones(2))}
    optimizer = of(text)
    state = optimizer.init(params)
    for step in range(2):
        zero = NonTrainable(jnp.zeros(2))
        grads = {**grads_at(step), "none": None, "fixed": None, "stats": zero}
        updates, state = optimizer.update(grads, state, params, value=jnp.asarray(1.0))
        params = apply_updates(params, updates)
    assert params["none"] is None
    assert updates["fixed"] is None
    assert (np.asarray(params["fixed"]) == 1).all()
    assert (np.asarray(params["stats"].value) == 1).all()
    alone, _ = walk(text, steps=2)
    if "global_norm" not in text:
        for name in PARAMS:
            np.testing.assert_allclose(params[name], alone[-1][name], rtol=1e-9, atol=1e-12)


@every_optimizer
@pytest.mark.turns(4)
def test_zero_gradients_leave_parameters_but_for_weight_decay(text):
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    state = of(text).init(PARAMS)
    for _ in range(2):
        rate = float(getattr(state, "learning_rate", 0))
        updates, state = compiled(text)(zeros, state, PARAMS, value=jnp.asarray(1.0))
        decay = -rate * DECAYS.get(text, 0) * PARAMS["w"]
        np.testing.assert_allclose(updates["w"], decay, rtol=1e-12)
        np.testing.assert_array_equal(updates["b"], 0)
    later, _ = compiled(text)(grads_at(0), state, PARAMS, value=jnp.asarray(1.0))
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(later))


@every_but("frozen")
@pytest.mark.turns(4)
def test_a_gradient_that_is_no_number_is_seen_in_its_array_alone(text):
    grads, state, params = grads_at(0) | {"b": jnp.full(3, jnp.nan)}, of(text).init(PARAMS), PARAMS
    for _ in range(2):  # `accumulate` waits
        updates, state = compiled(text)(grads, state, params, value=jnp.asarray(1.0))
        params = apply_updates(params, updates)
    assert np.isnan(params["b"]).all()
    assert np.isfinite(params["w"]).all()


def test_what_never_moves_has_no_rate_to_set():
    assert rate_of(frozen().init(PARAMS)) is None
    with pytest.raises(ConfigurationError, match="the state is a Frozen"):
        set_learning_rate(frozen().init(PARAMS), 0.1)


@every_but("frozen")
@pytest.mark.turns(4)
def test_the_rate_changes_without_a_retrace_and_scales_the_step(text):
    update, state = jax.jit(of(text).update), of(text).init(PARAMS)
    double = set_learning_rate(state, 2 * float(getattr(state, "base", state.learning_rate)))
    steps = []
    for own in (state, double):
        for _ in range(4):
            updates, own = update(grads_at(0), own, PARAMS, value=jnp.asarray(1.0))
        steps.append(updates)
    assert update._cache_size() == 1
    once, twice = (np.concatenate([np.ravel(u) for u in tree.values()]) for tree in steps)
    assert np.abs(once).max() > 0
    if "ftrl" not in text:  # where |z| ≤ l1 a weight goes to 0, whatever the rate
        np.testing.assert_allclose(twice, 2 * once, rtol=1e-9, atol=1e-14)


@every_optimizer
@pytest.mark.turns(4)
def test_a_checkpoint_brings_the_state_back(text, tmp_path):
    model = serial(affine(3), relu(), affine(2))
    text = text.replace("'*b'", "'*.b'").replace("'*w'", "'*.w'")
    optimizer = of(text)
    record = start(model, optimizer, (2,))
    grads = jax.tree.map(jnp.ones_like, record.state.params)
    _, state = optimizer.update(
        grads, record.state.opt_state, record.state.params, value=jnp.asarray(1.0)
    )
    record = record._replace(state=record.state._replace(opt_state=state))
    save(tmp_path / "run.npz", Checkpoint(model, losses.mse(), optimizer, (2,), record))
    loaded = load(tmp_path / "run.npz")
    assert loaded.optimizer is optimizer
    assert_near(loaded.record.state.opt_state, state, rtol=0)


def test_what_needs_the_loss_says_so_in_a_chain_of_optax():
    """Which gives it to its own transformations alone."""
    chained = optax.chain(optax.scale(2.0), plateau(sgd(0.1)))
    with pytest.raises(ConfigurationError, match="value=loss"):
        chained.update(grads_at(0), chained.init(PARAMS), PARAMS, value=1.0)


def test_a_chain_of_optax_gives_the_loss_to_its_own_type():
    """As the message says; the pair that an optimizer is makes one."""
    optimizer = plateau(sgd(1.0), patience=0, factor=0.5)
    chained = optax.chain(optax.scale(2.0), optax.GradientTransformationExtraArgs(*optimizer))
    state = chained.init(PARAMS)
    for loss, rate in ((1.0, 1.0), (1.0, 0.5), (1.0, 0.25)):
        _, state = chained.update(grads_at(0), state, PARAMS, value=loss)
        assert float(state[1].learning_rate) == rate


@pytest.mark.parametrize("ours", [adam(0.1), adamw(0.1), nadam(0.1), rmsprop(0.1)], ids=repr)
def test_a_square_that_overflows_stops_a_parameter_unless_it_is_clipped(ours):
    """From 1.8e19 on in float32: what optax's Adam and PyTorch's do, so that `fit` can say it."""
    w, g = jnp.ones(2, jnp.float32), jnp.array([3e19, 1.0], jnp.float32)
    updates, state = ours.update(g, ours.init(w), w)
    assert updates[0] == 0
    assert updates[1] < 0
    assert not all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state))
    theirs = optax.adam(0.1)
    with jax.numpy_dtype_promotion("standard"):
        assert theirs.update(g, theirs.init(w), w)[0][0] == 0
    clipped = clip_by_global_norm(ours, 1.0)
    updates, state = clipped.update(g, clipped.init(w), w)
    assert updates[0] < -0.01
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves(state))


def test_another_s_optimizer_is_given_what_its_update_names():
    """As `fit` gives it, within an optimizer of fnet too; its update here takes no other."""

    def update(grads, state, params=None, value=None):
        return jax.tree.map(lambda g: g * value, grads), state

    inner = optax.GradientTransformation(lambda params: optax.EmptyState(), update)
    optimizer = clip_by_value(inner, 100.0)
    updates, _ = optimizer.update(PARAMS, optimizer.init(PARAMS), PARAMS, value=3.0, grad=PARAMS)
    np.testing.assert_array_equal(updates["w"], 3 * PARAMS["w"])


@every_but("plateau")
@pytest.mark.turns(4)
def test_optax_takes_it_in_a_chain(text):
    chained = optax.chain(optax.scale(2.0), of(text))
    state = chained.init(PARAMS)
    updates, _ = chained.update(grads_at(0), state, PARAMS)
    doubled = jax.tree.map(lambda g: 2 * g, grads_at(0))
    expected, _ = of(text).update(doubled, of(text).init(PARAMS), PARAMS)
    assert_near(updates, expected, rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e30, 1e38])
@pytest.mark.parametrize("dtype", [jnp.float16, jnp.bfloat16, jnp.float32, jnp.float64])
def test_a_global_norm_neither_overflows_nor_vanishes(dtype, scale):
    if not scale <= float(jnp.finfo(dtype).max):
        scale = 3e4  # whose square is no number of float16
    g = np.array([3.0, -4.0]) * (scale if dtype != jnp.float16 else max(scale, 1e-3))
    g = jnp.asarray(g / 2).astype(dtype)
    optimizer = clip_by_global_norm(sgd(1.0), 1e-4)
    updates, _ = optimizer.update(g, optimizer.init(g))
    exact = np.float64(g)
    expected = -exact * min(1, 1e-4 / np.linalg.norm(exact))
    tolerance = {jnp.float16: 2e-3, jnp.bfloat16: 1e-2}.get(dtype, 1e-6)
    np.testing.assert_allclose(np.float64(updates), expected, rtol=tolerance)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_passed_on(bad):
    g = jnp.array([1.0, bad])
    for optimizer in (clip_by_global_norm(sgd(1.0), 0.5), clip_by_value(sgd(1.0), 0.5)):
        updates, _ = optimizer.update(g, optimizer.init(g))
        by_value = optimizer is clip_by_value(sgd(1.0), 0.5)
        expected = -np.clip(g, -0.5, 0.5) if by_value else -np.asarray(g)
        np.testing.assert_array_equal(updates, expected)


def test_accumulation_is_the_large_batch():
    steps = [grads_at(step) for step in range(6)]
    inner = adam(0.01)
    large, state = PARAMS, inner.init(PARAMS)
    for one, two, three in (steps[:3], steps[3:]):
        mean = jax.tree.map(lambda a, b, c: (a + b + c) / 3, one, two, three)
        updates, state = inner.update(mean, state)
        large = apply_updates(large, updates)
    path, last = walk("accumulate(adam(0.01), 3)", steps=6)
    assert_near(path[-1], large, rtol=1e-12)
    assert (int(last.step), int(last.inner.step)) == (6, 2)
    assert_near(path[1], PARAMS, rtol=0)


def test_what_is_accumulated_for_optax_may_be_narrower_than_parameters():
    optimizer, g = accumulate(optax.sgd(0.5, momentum=0.9), 2), jnp.full(3, 0.25, jnp.bfloat16)
    state = optimizer.init(jnp.ones(3))
    for expected in (0.0, -0.125):
        with jax.numpy_dtype_promotion("standard"):  # which optax relies on
            updates, state = optimizer.update(g, state, jnp.ones(3))
        assert updates.dtype == g.dtype
        assert updates.tolist() == [expected] * 3


def test_averages_are_their_formulas():
    path, state = walk("averaged(adam(0.01), decay=0.9)", steps=5)
    weights = 0.9 ** np.arange(4, -1, -1)
    for name in PARAMS:
        expected = sum(w * np.asarray(p[name]) for w, p in zip(weights, path, strict=True))
        mean = averaged_params(state, path[-1])[name]
        np.testing.assert_allclose(mean, expected / weights.sum(), rtol=1e-12)
    path, state = walk("averaged(adam(0.01), decay=None)", steps=5)
    np.testing.assert_allclose(state.mean["w"], np.mean([p["w"] for p in path], axis=0), rtol=1e-12)


def test_averages_leave_statistics_and_are_evaluated():
    params = {"w": jnp.ones((2, 2)), "stats": NonTrainable(jnp.full(2, 7.0))}
    state = scheduled(averaged(sgd(0.1)), warmup(2)).init(params)
    read_out = averaged_params(state, {**params, "stats": NonTrainable(jnp.full(2, 9.0))})
    assert read_out["stats"].value.tolist() == [9.0, 9.0]
    with pytest.raises(ConfigurationError, match="no average in a state of type"):
        averaged_params(sgd(0.1).init(params), params)


def test_parts_are_theirs_alone():
    optimizer = by_part(("w", sgd(1.0)), ("*", optax.sgd(0.5)))
    state = optimizer.init(PARAMS)
    updates, state = optimizer.update(grads_at(0), state, PARAMS)
    np.testing.assert_array_equal(updates["w"], -grads_at(0)["w"])
    np.testing.assert_array_equal(updates["b"], -grads_at(0)["b"] / 2)
    functional = by_part((lambda name, leaf: leaf.shape == (3,), sgd(1.0)))
    updates, _ = functional.update(grads_at(0), functional.init(PARAMS))
    assert (np.asarray(updates["w"]) == 0).all()
    np.testing.assert_array_equal(updates["b"], -grads_at(0)["b"])


def test_a_checkpoint_names_what_it_cannot_write(tmp_path):
    """A function, or another library's optimizer, within an optimizer of fnet."""
    model = affine(2)
    for optimizer in (
        by_part((lambda name, leaf: True, sgd(1.0))),
        clip_by_value(optax.sgd(1.0), 1),
    ):
        run = Checkpoint(model, losses.mse(), optimizer, (2,), start(model, optimizer, (2,)))
        save(tmp_path / "run.npz", run)
        with pytest.raises(CheckpointError, match=r"load\(path, optimizer=...\)"):
            load(tmp_path / "run.npz")
        assert load(tmp_path / "run.npz", optimizer=optimizer).optimizer is optimizer


def test_rates_of_parts_keep_their_ratio():
    optimizer = scheduled(by_part(("w", sgd(0.5)), rest=sgd(0.1)), cosine(4))
    state = set_learning_rate(optimizer.init(PARAMS), 1.0)
    assert float(state.learning_rate) == 1.0
    _, state = optimizer.update(grads_at(0), state)
    first, second = (float(part.learning_rate) for part in state.inner.parts)
    assert (first / second, first) == (pytest.approx(5), pytest.approx((1 + np.cos(np.pi / 4)) / 2))


def test_a_schedule_at_zero_comes_back():
    optimizer = scheduled(adam(0.1), warmup(2))
    state = optimizer.init(PARAMS)
    rates = []
    for step in range(3):
        rates.append(float(state.learning_rate))
        _, state = optimizer.update(grads_at(step), state)
    assert rates == pytest.approx([0.0, 0.05, 0.1])


def test_decay_is_of_matrices_unless_told():
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    for optimizer in (adamw(0.1, weight_decay=0.5), decayed(adam(0.1), 0.5)):
        updates, _ = optimizer.update(zeros, optimizer.init(PARAMS), PARAMS)
        np.testing.assert_allclose(updates["w"], -0.05 * PARAMS["w"], rtol=1e-12)
        assert (np.asarray(updates["b"]) == 0).all()
    named = decayed(adam(0.1), 0.5, mask="b")
    updates, _ = named.update(zeros, named.init(PARAMS), PARAMS)
    np.testing.assert_allclose(updates["b"], -0.05 * PARAMS["b"], rtol=1e-12)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: adamw(0.1).update(PARAMS, adamw(0.1).init(PARAMS)), "adamw: update needs the par"),
        (lambda: plateau(sgd(0.1)).update(PARAMS, plateau(sgd(0.1)).init(PARAMS)), "value=loss"),
        (lambda: scheduled(sgd(0.1), 0.5), "scheduled: schedule is 0.5"),
        (lambda: scheduled(optax.sgd(0.1), cosine(3)).init(PARAMS), "has no learning rate"),
        (lambda: by_part(("bias", sgd(0.1))).init(PARAMS), "no parameter has a name like 'bias'"),
        (lambda: by_part(sgd(0.1)), "a part is sgd"),
        (lambda: decayed(0.1, sgd(0.1)), "decayed: optimizer is 0.1"),
        (lambda: adam(0.1, eps_at="inside"), "eps_at is 'inside'; it must be one of 'corrected'"),
        (lambda: warmup(10, 5), "warmup: schedule is 5"),
    ],
)
def test_a_wrong_use_is_told(use, words):
    with pytest.raises(ConfigurationError, match=words):
        use()


def test_a_plateau_reads_one_number():
    optimizer = plateau(sgd(0.1))
    with pytest.raises(ShapeError, match=r"value is an array \(3,\); it must be one number"):
        optimizer.update(PARAMS, optimizer.init(PARAMS), value=jnp.ones(3))


def ones(optimizer, steps, **more):
    """The updates of one parameter by a gradient of 1, and the last state."""
    state, updates = optimizer.init(jnp.zeros(())), []
    for _ in range(steps):
        u, state = optimizer.update(jnp.ones(()), state, jnp.zeros(()), **more)
        updates.append(float(u))
    return updates, state


def test_schedules_within_schedules_multiply():
    rising = scheduled(sgd(1.0), warmup(2))
    for optimizer, more in (
        (plateau(rising), {"value": 1.0}),
        (scheduled(rising, constant()), {}),
        (by_part(("all", rising)), {}),
    ):
        assert ones(optimizer, 4, **more)[0] == [0, -0.5, -1, -1]
    reduced = scheduled(plateau(sgd(1.0), patience=0, factor=0.5), constant(0.5))
    _, state = ones(reduced, 3, value=1.0)
    assert float(set_learning_rate(state, 2.0).learning_rate) == 2 * float(state.learning_rate)


def test_rates_of_parts_under_a_schedule_that_begins_at_zero_keep_their_ratio():
    optimizer = by_part(("matrices", scheduled(sgd(1.0), warmup(2))), rest=sgd(0.5))
    state = set_learning_rate(optimizer.init(PARAMS), 2.0)
    for _ in range(4):
        updates, state = optimizer.update(PARAMS, state, PARAMS)
    np.testing.assert_allclose(updates["w"], -2 * PARAMS["w"])
    np.testing.assert_allclose(updates["b"], -PARAMS["b"])


def test_decay_is_by_the_rate_of_its_own_step():
    w, states = jnp.ones((1, 1)), []
    for optimizer in (
        decayed(scheduled(sgd(1.0), linear(2)), 0.1),
        scheduled(decayed(sgd(1.0), 0.1), linear(2)),
    ):
        state = optimizer.init(w)
        for _ in range(2):
            updates, state = optimizer.update(w, state, w)
            states.append(float(updates[0, 0]))
    np.testing.assert_allclose(states, [-1.1, -0.55] * 2)


@pytest.mark.parametrize("beta", [0.999, 1 - 1e-7, 1 - 1e-9])
def test_first_steps_are_corrected_in_float32_whatever_the_decay(beta):
    grad, params = jnp.full(3, 0.5, jnp.float32), jnp.ones(3, jnp.float32)
    for optimizer in (adam(0.1, b1=beta), adam(0.1, b2=beta), adamax(0.1, b1=beta)):
        state = optimizer.init(params)
        state = state._replace(learning_rate=jnp.float32(0.1))
        updates, _ = optimizer.update(grad, state, params)
        np.testing.assert_allclose(updates, -0.1, rtol=2e-5)  # of the other β, 0.999 in float32
    exact = 1e-6 if beta > 0.999 else 2e-5  # up to 0.999 float32 rounds β, as it has always done
    for t in (1, 7, 1000):
        expected = -math.expm1(t * math.log(beta))
        np.testing.assert_allclose(risen(beta, jnp.float32(t)), expected, rtol=exact)


@pytest.mark.parametrize("scale", [1e38, 1e30, 1e-2])
def test_muon_steps_are_as_long_whatever_the_gradient(scale):
    optimizer, w = muon(0.1), jnp.ones((3, 2), jnp.float32)
    grads = jnp.asarray(np.random.default_rng(0).normal(size=(3, 2)), jnp.float32)
    updates = [optimizer.update(g, optimizer.init(w), w)[0] for g in (grads, grads * scale)]
    np.testing.assert_allclose(*updates, rtol=1e-2)


def moved(optimizer, params=PARAMS, grads=PARAMS):
    """An update of which one tree is not like the others."""
    return optimizer.update(grads, optimizer.init(PARAMS), params)


ROW = jnp.ones(3)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: by_part(("all", sgd(0.1)), rest=None), "optimizer is None; it must have init"),
        (
            lambda: scheduled(by_part(("all", optax.sgd(0.1))), linear(3)).init(PARAMS),
            "no learning",
        ),
        (lambda: set_learning_rate(by_part().init(PARAMS), 0.1), "no optimizer in by_part has"),
        (lambda: adam(0.1).init({"w": 1.0}), "a parameter is a float; it must be an array"),
        (lambda: adam(0.1).update({"w": 1}, adam(0.1).init(PARAMS)), "of another structure"),
        (lambda: set_learning_rate(sgd(0.1).init(PARAMS), jnp.array(-1.0)), "is -1.0"),
        (lambda: set_learning_rate(sgd(0.1).init(PARAMS), jnp.ones(2)), r"an array of \(2,\)"),
        (lambda: adam(linear(3)), "which a schedule multiplies"),
        (lambda: set_learning_rate(sgd(0.1).init(PARAMS), jnp.array(1j)), "is complex"),
        (lambda: sgd(0.1).init("w"), "a parameter is a str; it must be an array"),
        (lambda: adamw(0.1).update(PARAMS, adamw(0.1).init({"w": ROW, "b": ROW}), PARAMS), "alike"),
        (lambda: moved(adamw(0.1), {"w": PARAMS["w"].astype(complex), "b": ROW}), "complex128"),
        (lambda: moved(decayed(adam(0.1), 0.1), {"w": ROW}), "of another structure"),
        (lambda: moved(averaged(adam(0.1)), {"w": ROW}), "of another structure"),
        (lambda: moved(muon(0.1), {"w": ROW}), "of another structure"),
        (lambda: moved(accumulate(sgd(0.1), 2), grads={"w": ROW}), "of another structure"),
        (lambda: moved(adam(0.1), grads=ROW), "an array is expected"),
        (lambda: apply_updates(PARAMS, {"w": ROW}), "of another structure"),
        (lambda: apply_updates({"w": 1.0}, {"w": ROW}), "a parameter is a float"),
        (lambda: apply_updates({"w": ROW}, {"w": ROW.astype(complex)}), "update is complex128"),
    ],
)
def test_what_cannot_be_used_is_named(use, words):
    with pytest.raises(FnetError, match=words):
        use()


@pytest.mark.parametrize("steps", [49, 103])  # times whose inverse, rounded, is below 1
def test_compiled_schedules_change_at_the_step_itself(steps):
    t = np.arange(4 * steps)
    jumps = jax.jit(exponential(steps, 0.5, staircase=True))(t)
    np.testing.assert_allclose(jumps, 0.5 ** (t // steps))
    waves = jax.jit(cosine_restarts(steps))(t)
    np.testing.assert_allclose(waves, (1 + np.cos(np.pi * (t % steps) / steps)) / 2, atol=1e-6)
    assert float(jax.jit(polynomial(steps, power=0.1))(steps)) == 0


@pytest.mark.parametrize("b2", [0.9, 0.999, 1 - 1e-5])
def test_radam_knows_in_float32_how_much_it_has_seen(b2):
    optimizer, ones = radam(0.1, b2=b2, threshold=5.0), jnp.ones(1, jnp.float32)
    state = optimizer.init(ones)
    state, most = state._replace(learning_rate=jnp.float32(0.1)), 2 / (1 - b2) - 1
    update = jax.jit(optimizer.update)
    for t in range(1, 10):
        rho = most - 2 * t * b2**t / (1 - b2**t)
        square = (rho - 4) * (rho - 2) * most / ((most - 4) * (most - 2) * rho)
        updates, state = update(ones, state)
        np.testing.assert_allclose(updates, -0.1 * (square**0.5 if rho > 5 else 1), rtol=1e-4)


def test_a_schedule_behind_a_warm_up_begins_at_its_own_first_step():
    with jax.debug_nans(True):  # an inverse root of steps before it is none
        assert float(warmup(3, inverse_sqrt(2))(1)) == pytest.approx(0.5 / 3)


def test_a_step_may_be_beyond_int32():
    for schedule in (constant(0.5), linear(9, end=0.5), cosine_restarts(2**35, longer=2, end=0.5)):
        assert float(schedule(2**50)) >= 0.5


def test_a_run_resumed_with_other_rates_has_the_ratio_of_its_parts():
    old, new = (
        scheduled(by_part(("matrices", sgd(rate)), rest=sgd(0.5)), constant())
        for rate in (1.0, 2.0)
    )
    state = with_rates(old.init(PARAMS), rates_of(new.init(PARAMS)))
    updates, _ = new.update(PARAMS, state, PARAMS)
    np.testing.assert_allclose(updates["w"], -2 * PARAMS["w"])
    np.testing.assert_allclose(updates["b"], -0.5 * PARAMS["b"])


@pytest.mark.turns(4)
@every_optimizer
def test_whole_numbers_have_no_gradient_and_stay(text):
    """None, or float0, which `jax.grad(..., allow_int=True)` gives."""
    params = {"w": jnp.ones((2, 2)), "b": jnp.arange(3)}
    for none in (None, np.zeros(3, jax.dtypes.float0)):
        optimizer, grads = of(text), {"w": jnp.ones((2, 2)), "b": none}
        if "'*b'" in text and none is None:
            continue  # a pattern for a part that is not there
        updates, _ = optimizer.update(grads, optimizer.init(params), params, value=1.0)
        np.testing.assert_array_equal(apply_updates(params, updates)["b"], params["b"])


@pytest.mark.turns(4)
@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        (jnp.full((2, 2), 1j), "complex128"),
        (jnp.ones((2, 3)), r"\(2, 3\)"),
        (jnp.ones((1, 2)), r"\(1, 2\)"),
        (jnp.ones((2, 2), int), "int64"),
        (1.0, "is a float; it must be an array"),
        ("w", "is a str; it must be an array"),
    ],
    ids=["complex", "another shape", "a shape to be broadcast", "whole", "a number", "a word"],
)
@every_optimizer
def test_a_gradient_that_is_none_of_its_parameter_is_named(text, gradient, words):
    optimizer, params = of(text), {"w": jnp.ones((2, 2)), "b": jnp.ones(2)}
    if text == "frozen()":
        return  # nothing of it is read

    def step():
        grads = {"w": gradient, "b": jnp.ones(2)}
        updates, _ = optimizer.update(grads, optimizer.init(params), params, value=1.0)
        return apply_updates(params, updates)

    with pytest.raises(ShapeError, match=words):
        step()


@pytest.mark.parametrize("l1", [0.0, 1.5])
def test_ftrl_follows_a_rate_that_changes(l1):
    """As McMahan et al. define it: Σσ of all steps so far is 1 / ηₜ, whatever the rates were."""
    rates = [0.1, 0.2, 0.02, 0.5, 0.001, 0.1, 0.1, 0.03]
    optimizer, rng = ftrl(0.1, l1=l1), np.random.default_rng(0)
    w, z, n, before = np.zeros(20), np.zeros(20), np.zeros(20), np.zeros(20)
    params, state = jnp.zeros(20), optimizer.init(jnp.zeros(20))
    for rate in rates:
        g = rng.normal(size=20)
        n += g**2
        z, before = z + g - (np.sqrt(n) / rate - before) * w, np.sqrt(n) / rate
        w = np.where(np.abs(z) <= l1, 0, (l1 * np.sign(z) - z) / before)
        state = set_learning_rate(state, rate)
        updates, state = optimizer.update(jnp.asarray(g), state, params)
        params = apply_updates(params, updates)
        np.testing.assert_allclose(params, w, rtol=1e-9, atol=1e-14)
    assert (l1 > 0) == (np.asarray(params) == 0).any()


def test_ftrl_rests_at_a_rate_of_0_and_keeps_what_else_moves_its_weights():
    optimizer, g, w = scheduled(ftrl(0.1), warmup(1, linear(1))), jnp.ones(2), jnp.array([0.5, 0.0])
    state, moves = optimizer.init(w), []
    for _ in range(3):  # at 0, at the rate, and at 0
        updates, state = optimizer.update(g, state, w)
        moves.append(updates.tolist())
    assert moves[::2] == [[0.0, 0.0]] * 2
    np.testing.assert_allclose(moves[1], -0.1 / math.sqrt(2), rtol=1e-12)
    small = ftrl(0.1)
    _, state = small.update(g, small.init(w), w)
    updates, _ = small.update(1e-9 * g, state, 100 * w)  # as decay or a projection might
    np.testing.assert_allclose(updates, -1e-10, rtol=1e-3)
    for g in (0.0, 1e-30):  # whose square is 0
        g = jnp.full(2, g, jnp.float32)
        np.testing.assert_array_equal(small.update(g, small.init(g), g + 0.5)[0], 0)
