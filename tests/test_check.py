"""The checker is itself checked: a planted mistake of each kind is caught, and named rightly."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import losses
from fnet.check import check_gradients, explain
from fnet.check.truth.compare import compare
from fnet.core import Layer, layer, loss, penalty
from fnet.errors import ConfigurationError, GradientMismatch
from fnet.layers import Affine, affine, relu, tanh

RIGHT = affine(5)
SHAPE, BATCH = (7,), 3


def planted(change) -> Layer:
    """affine(5) whose gradients went through change(dw, db, dx)."""

    def backward(params, x, dy):
        (dw, db), dx = RIGHT.backward(params, x, dy)
        dw, db, dx = change(dw, db, dx)
        return Affine(dw, db), dx

    return layer(RIGHT.init, RIGHT.forward, backward)


MISTAKES = {
    "scaled": (lambda dw, db, dx: (1.001 * dw, db, dx), "dparams.w", 35),
    "dropped": (lambda dw, db, dx: (dw, jnp.zeros_like(db), dx), "dparams.b", 5),
    "averaged": (lambda dw, db, dx: (dw, db / BATCH, dx), "dparams.b", 5),
    "sign": (lambda dw, db, dx: (dw, db, -dx), "dx", 21),
    # Of a (5, 7) array read as (7, 5) and turned, three entries come to lie where they were.
    "transposed": (lambda dw, db, dx: (dw.reshape(7, 5).T, db, dx), "dparams.w", 32),
    "one entry": (lambda dw, db, dx: (dw.at[3, 4].multiply(1 + 1e-5), db, dx), "dparams.w", 1),
    "rolled": (lambda dw, db, dx: (dw, jnp.roll(db, 1), dx), "dparams.b", 5),
    "of the first row only": (lambda dw, db, dx: (dw, db, dx.at[1:].set(0)), "dx", 14),
    "not a number": (lambda dw, db, dx: (dw, db.at[2].set(jnp.nan), dx), "dparams.b", 1),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_planted_mistake_is_caught_and_counted(name):
    change, leaf, wrong = MISTAKES[name]
    with pytest.raises(GradientMismatch) as caught:
        check_gradients(planted(change), SHAPE, batch_size=BATCH)
    error = caught.value
    assert (error.leaf, error.wrong) == (leaf, wrong)
    assert error.total == {"dparams.w": 35, "dparams.b": 5, "dx": 21}[leaf]
    assert f"{wrong} of {error.total} entries are wrong" in str(error)
    assert leaf + str(list(error.index)) in str(error)


def test_the_one_wrong_entry_is_named_with_both_values():
    with pytest.raises(GradientMismatch) as caught:
        check_gradients(planted(MISTAKES["one entry"][0]), SHAPE)
    error = caught.value
    assert error.index == (3, 4)
    np.testing.assert_allclose(error.actual / error.expected, 1 + 1e-5, rtol=1e-12)


def test_one_wrong_entry_of_two_hundred_thousand():
    big = affine(392)

    def backward(params, x, dy):
        dparams, dx = big.backward(params, x, dy)
        return dparams._replace(w=dparams.w.at[391, 17].multiply(-1)), dx

    with pytest.raises(GradientMismatch) as caught:
        check_gradients(layer(big.init, big.forward, backward), (512,), limit=600)
    assert (caught.value.index, caught.value.wrong, caught.value.total) == ((391, 17), 1, 200_704)


def test_a_gradient_of_zeros_is_caught_whatever_the_size():
    zeros = layer(
        RIGHT.init, RIGHT.forward, lambda params, x, dy: jax.tree.map(jnp.zeros_like, (params, x))
    )
    with pytest.raises(GradientMismatch, match="35 of 35"):
        check_gradients(zeros, SHAPE)


@pytest.mark.parametrize(
    ("backward", "message"),
    [
        (lambda params, y, dy: ((), jnp.where(y >= 0, dy, 0)), "dx"),  # wrong at 0 alone
        (lambda params, y, dy: ((), dy), "dx"),
        (lambda params, y, dy: ((), dy * y), "dx"),
    ],
    ids=["kink", "no mask", "output for mask"],
)
def test_a_wrong_mask_is_caught(backward, message):
    with pytest.raises(GradientMismatch, match=message):
        check_gradients(layer(relu().init, relu().forward, backward), (3, 7))


def test_a_derivative_right_for_small_inputs_only_is_caught():
    taylor = layer(
        tanh().init, tanh().forward, lambda params, y, dy: ((), dy * (1 - y**2 / 1.0001))
    )
    with pytest.raises(GradientMismatch):
        check_gradients(taylor, (3,))


def test_apply_that_does_not_run_backward_is_caught():
    @jax.custom_vjp
    def apply(params, x, key=None):
        return RIGHT.forward(params, x)[0]

    apply.defvjp(
        lambda params, x, key=None: (apply(params, x), (params, x)),
        lambda kept, dy: (*RIGHT.backward(*kept, 2 * dy), None),
    )
    with pytest.raises(GradientMismatch, match="through apply"):
        check_gradients(dataclasses.replace(RIGHT, apply=apply), SHAPE)


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (lambda params: Affine(0.1 * params.w, jnp.zeros_like(params.b)), "penalty.*dparams.w"),
        (lambda params: Affine(0.2 * params.w, 0.2 * params.b), "penalty.*dparams.b"),
    ],
)
def test_a_wrong_penalty_is_caught(gradient, message):
    wrong = penalty(lambda params: (0.1 * jnp.sum(params.w**2), gradient(params)))
    with pytest.raises(GradientMismatch, match=message):
        check_gradients(dataclasses.replace(RIGHT, penalty=wrong), SHAPE)


def test_a_gradient_of_another_shape_dtype_or_tree_is_told():
    def wrong(backward):
        return layer(RIGHT.init, RIGHT.forward, backward)

    shape = wrong(lambda params, x, dy: (params, jnp.ones((2, 2))))
    with pytest.raises(GradientMismatch, match=r"dx: it is \(2, 2\) and must be \(3, 7\)"):
        check_gradients(shape, SHAPE)
    tree = planted(lambda dw, db, dx: (dw, db, dx))
    tree = dataclasses.replace(tree, backward=lambda params, x, dy: ((params.w,), x))
    with pytest.raises(GradientMismatch, match="tree"):
        check_gradients(tree, SHAPE)
    narrow = dataclasses.replace(
        RIGHT, backward=lambda p, x, dy: (RIGHT.backward(p, x, dy)[0], x.astype(jnp.float32))
    )
    with pytest.raises(GradientMismatch, match=r"float32 where everything else is float64"):
        check_gradients(narrow, SHAPE)


def test_the_checker_leaves_x64_as_it_was():
    with jax.enable_x64(False):
        check_gradients(affine(2), (3,))
        assert jnp.zeros(2).dtype == jnp.float32


def test_a_planted_loss_mistake_is_caught():
    right = losses.cross_entropy()
    y, labels = np.random.default_rng(0).normal(size=(5, 3)), np.array([0, 2, 1, 1, 0])

    def planted(change):
        def value_and_grad(y, target, where=None):
            value, dy = right.value_and_grad(y, target, where)
            return value, change(dy)

        return loss(value_and_grad)

    assert check_gradients(planted(lambda dy: dy), y, labels).entries > 300
    for change in (lambda dy: 5 * dy, lambda dy: -dy, lambda dy: dy.at[1, 2].add(1e-6)):
        with pytest.raises(GradientMismatch) as caught:
            check_gradients(planted(change), y, labels)
        assert caught.value.leaf == "dy"
    assert caught.value.index == (1, 2)


def test_a_loss_is_compiled_once_for_all_targets(caplog):
    rng = np.random.default_rng(0)

    def compilations(make, draw):
        caplog.clear()
        with jax.log_compiles():
            y, where = rng.normal(size=(6, 11)), rng.uniform(size=6) < 0.8
            assert explain(make(), y, draw(), where).right
        return sum(record.message.startswith("Compiling") for record in caplog.records)

    for asked in (  # of a shape that no other test compiles
        (losses.mse, lambda: rng.normal(size=(6, 11))),
        (losses.cross_entropy, lambda: rng.integers(11, size=6)),
    ):
        assert compilations(*asked) > 0
        assert compilations(*asked) == 0


def test_a_loss_whose_apply_drops_the_cotangent_is_caught():
    right = losses.mse("none")
    y, target = np.random.default_rng(0).normal(size=(2, 5, 3))

    @jax.custom_vjp
    def apply(y, target, where=None):
        return right.value_and_grad(y, target)[0]

    apply.defvjp(
        lambda y, target, where: right.value_and_grad(y, target),
        lambda dy, scale: (dy, None, None),
    )
    with pytest.raises(GradientMismatch, match="through apply"):
        check_gradients(dataclasses.replace(right, apply=apply), y, target)


def test_rounding_of_what_cancels_is_no_large_error():
    """An affine map, its output standardised: half of its gradients are sums that cancel."""
    slack = 1e-13  # of entries whose terms are of size 1
    cancelled = compare(np.array([0.0, 2e-17]), np.array([1e-17, 0.0]), 0.0, slack)
    assert not cancelled.wrong.any()
    assert cancelled.error < 1e-15
    assert compare(np.array([1.0, 2.0]), np.array([1.0, 4.0]), 0.0, slack).error == 0.5


def test_a_backward_pass_that_returns_one_gradient_is_told():
    alone = layer(
        lambda key, shape: ((), shape),
        lambda params, x, key=None: (2 * x, ()),
        lambda params, cache, dy: 2 * dy,
    )
    with pytest.raises(ConfigurationError, match=r"must return a tuple \(dparams, dx\)"):
        explain(alone, (3,))


def test_no_number_is_near_infinity():
    infinite = compare(np.array([1.0, np.inf, -np.inf]), np.array([np.inf, np.inf, np.inf]))
    assert infinite.wrong.tolist() == [True, False, True]
    assert compare(np.array([np.nan, 1.0]), np.array([np.nan, np.nan])).wrong.tolist() == [
        False,
        True,
    ]
