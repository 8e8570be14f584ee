"""Optimizers against optax and against their formulas in NumPy; both ways through optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from fnet.errors import ConfigurationError
from fnet.optimizers import adam, apply_updates, momentum, rmsprop, set_learning_rate, sgd

PAIRS = {
    "sgd": (sgd(0.1), optax.sgd(0.1)),
    "momentum": (momentum(0.1), optax.sgd(0.1, momentum=0.9)),
    "other decay": (momentum(0.1, decay=0.5), optax.sgd(0.1, momentum=0.5)),
    "nesterov": (momentum(0.1, nesterov=True), optax.sgd(0.1, momentum=0.9, nesterov=True)),
    "rmsprop": (rmsprop(0.01), optax.rmsprop(0.01)),
    "other rmsprop": (rmsprop(0.01, 0.5, 1e-3), optax.rmsprop(0.01, 0.5, 1e-3)),
    "adam": (adam(0.01), optax.adam(0.01)),
    "other adam": (adam(0.01, 0.8, 0.9, 1e-4), optax.adam(0.01, 0.8, 0.9, 1e-4)),
}
OURS = [ours for ours, _ in PAIRS.values()]

PARAMS = {"w": jnp.asarray(np.random.default_rng(0).normal(size=(3, 2))), "b": jnp.ones(3)}


def grads_at(step: int):
    rng = np.random.default_rng(step + 1)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), PARAMS)


def run(optimizer, steps: int = 20, params=PARAMS):
    state, path = optimizer.init(params), []
    for step in range(steps):
        updates, state = optimizer.update(grads_at(step), state, params)
        params = apply_updates(params, updates)
        path.append(params)
    return path


@pytest.mark.parametrize("name", PAIRS)
def test_every_step_is_optax_s(name):
    ours, theirs = PAIRS[name]
    with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
        expected = run(theirs)
    for mine, other in zip(run(ours), expected, strict=True):
        for key in PARAMS:
            np.testing.assert_allclose(mine[key], other[key], rtol=1e-10)


def test_adam_is_its_formula():
    theta, m, v = np.asarray(PARAMS["b"]), 0.0, 0.0
    for t, mine in enumerate(run(adam(0.01)), start=1):
        g = np.asarray(grads_at(t - 1)["b"])
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
        theta = theta - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        np.testing.assert_allclose(mine["b"], theta, rtol=1e-12)


@pytest.mark.parametrize("ours", OURS, ids=repr)
def test_it_works_as_it_is_inside_an_optax_chain(ours):
    chained = optax.chain(optax.clip_by_global_norm(0.5), ours)
    state, params = chained.init(PARAMS), PARAMS
    clip, by_hand = optax.clip_by_global_norm(0.5), ours.init_state(PARAMS)
    for step in range(3):
        updates, state = jax.jit(chained.update)(grads_at(step), state, params)
        clipped, _ = clip.update(grads_at(step), clip.init(PARAMS))
        expected, by_hand = ours.update(clipped, by_hand)
        for key in PARAMS:
            np.testing.assert_allclose(updates[key], expected[key], rtol=1e-10)
        params = optax.apply_updates(params, updates)


def test_it_is_a_pair():
    init_state, update = sgd(0.5)
    updates, state = update({"x": jnp.array(2.0)}, init_state({"x": jnp.array(1.0)}))
    assert updates["x"] == -1
    assert state.step == 1


@pytest.mark.parametrize("ours", OURS, ids=repr)
def test_the_learning_rate_is_in_the_state_and_can_be_changed_there(ours):
    state = ours.init(PARAMS)
    slow = set_learning_rate(state, float(state.learning_rate) / 10)
    update = jax.jit(ours.update)
    fast, _ = update(grads_at(0), state)
    tenth, _ = update(grads_at(0), slow)
    assert update._cache_size() == 1
    np.testing.assert_allclose(10 * tenth["w"], fast["w"], rtol=1e-12)


def test_a_schedule_may_set_the_rate_of_a_compiled_step_or_scale_what_comes_of_it():
    schedule = optax.linear_schedule(0.5, 0.0, 8)

    @jax.jit
    def scheduled(state):
        return sgd(1.0).update(PARAMS, set_learning_rate(state, schedule(state.step)))

    theirs, behind = optax.sgd(schedule), optax.chain(sgd(1.0), optax.scale_by_schedule(schedule))
    ours, their_state, chained = sgd(1.0).init(PARAMS), theirs.init(PARAMS), behind.init(PARAMS)
    for _ in range(3):
        updates, ours = scheduled(ours)
        expected, their_state = theirs.update(PARAMS, their_state)
        also, chained = behind.update(PARAMS, chained)
        np.testing.assert_allclose(updates["w"], expected["w"], rtol=1e-6)
        np.testing.assert_allclose(also["w"], expected["w"], rtol=1e-6)
    with pytest.raises(ConfigurationError, match=r"optax\.scale_by_schedule"):
        adam(schedule)
    with pytest.raises(ConfigurationError, match="a tuple, not that of an fnet optimizer"):
        set_learning_rate(chained, 0.1)
    for rate in (0.0, -1.0, float("nan"), "0.1"):
        with pytest.raises(ConfigurationError, match="set_learning_rate: learning_rate"):
            set_learning_rate(ours, rate)


@pytest.mark.parametrize("ours", OURS, ids=repr)
def test_the_state_of_another_optimizer_is_told_before_a_wrong_step(ours):
    own = ours.init(PARAMS)
    strangers = [other.init(PARAMS) for other in OURS] + [optax.adam(1.0).init(PARAMS), PARAMS]
    for state in strangers:
        if type(state) is not type(own):
            with pytest.raises(
                ConfigurationError, match=f"a state of type {type(state).__name__};"
            ):
                ours.update(PARAMS, state)


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.float64])
@pytest.mark.parametrize("ours", OURS, ids=repr)
def test_dtypes_are_kept(ours, dtype):
    params = jax.tree.map(lambda leaf: leaf.astype(dtype), PARAMS)
    updates, state = ours.update(params, ours.init(params), params)
    assert {leaf.dtype for leaf in jax.tree.leaves(updates)} == {jnp.dtype(dtype)}
    moved = jax.tree.leaves(apply_updates(params, updates))
    assert {leaf.dtype for leaf in moved} == {jnp.dtype(dtype)}
    same = jax.tree.map(lambda a, b: a.dtype == b.dtype, state, ours.init(params))
    assert jax.tree.all(same)


def test_adam_in_bfloat16_stays_near_float32():
    """0.999 is 1 in bfloat16: moments kept there would grow without bound."""
    params = {"w": jnp.ones(4, jnp.bfloat16)}
    ours = adam(1e-3)
    state = ours.init(params)
    for _ in range(300):
        updates, state = ours.update({"w": jnp.ones(4, jnp.bfloat16)}, state)
    np.testing.assert_allclose(np.float64(updates["w"]), -1e-3, rtol=0.01)
    assert state.v["w"].dtype == jnp.float32


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: sgd(0), "sgd: learning_rate is 0"),
        (lambda: adam(float("nan")), "adam: learning_rate is nan"),
        (lambda: adam(1e-3, b1=1.0), "adam: b1 is 1.0"),
        (lambda: adam(1e-3, eps=0), "adam: eps is 0"),
        (lambda: momentum(0.1, decay=-0.1), "momentum: decay is -0.1"),
        (lambda: rmsprop(0.1, speed=0.9), "unexpected keyword argument 'speed'"),
    ],
)
def test_a_wrong_configuration_is_told(build, message):
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert message in str(caught.value)


def test_two_layers_share_no_state():
    state = adam(0.1).init(PARAMS)
    _, after = adam(0.1).update(grads_at(0), state)
    assert not np.allclose(after.m["w"][:, 0], after.m["b"])
    assert (np.asarray(state.m["w"]) == 0).all()
