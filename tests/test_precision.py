"""mixed_precision: the pass in bfloat16, what is learned in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet import data, losses, models, optimizers, serial
from fnet.compose.mixed_precision import mixed_precision
from fnet.core.values import read
from fnet.errors import ConfigurationError
from fnet.layers import affine, relu, tanh
from fnet.registry import VOCABULARY
from fnet.training import evaluate, fit

MODEL = serial(affine(7, l2=0.01), tanh(), affine(3))
MIXED = mixed_precision(MODEL)
PARAMS = jax.tree.map(
    lambda leaf: leaf.astype(jnp.float32), MODEL.init(jax.random.key(0), (2, 5))[0]
)
X = jax.random.normal(jax.random.key(1), (11, 2, 5), jnp.float32)
DY = jax.random.normal(jax.random.key(2), (11, 3), jnp.float32)


def narrow(tree):
    return jax.tree.map(lambda leaf: leaf.astype(jnp.bfloat16), tree)


def by_autodiff(params, x, dy):
    """The same pass with every array cast by hand, differentiated by JAX."""

    def apply(params, x):
        return MODEL.forward(narrow(params), narrow(x))[0].astype(jnp.float32)

    y, backward = jax.vjp(apply, params, x)
    return y, backward(dy)


def test_value_and_gradients_are_those_of_the_casts_by_hand():
    y, cache = MIXED.forward(PARAMS, X)
    expected, gradients = by_autodiff(PARAMS, X, DY)
    np.testing.assert_array_equal(y, expected)
    near = 2 * float(jnp.finfo(jnp.bfloat16).eps)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=near, atol=near),
        MIXED.backward(PARAMS, cache, DY),
        gradients,
    )
    jax.tree.map(
        lambda a, b: np.testing.assert_array_equal(a, b),
        jax.grad(lambda p: (MIXED.apply(p, X) * DY).sum())(PARAMS),
        MIXED.backward(PARAMS, cache, DY)[0],
    )


def test_it_computes_in_bfloat16_and_answers_in_float32():
    y, cache = MIXED.forward(PARAMS, X)
    assert {leaf.dtype.name for leaf in jax.tree.leaves(cache) if leaf.size} == {"bfloat16"}
    dparams, dx = MIXED.backward(PARAMS, cache, DY)
    assert {leaf.dtype.name for leaf in jax.tree.leaves((y, dparams, dx))} == {"float32"}
    wide, _ = MODEL.forward(PARAMS, X)
    assert 0 < float(jnp.abs(y - wide).max()) < 0.05


def test_products_are_added_up_in_float32():
    """A thousand and one ones: bfloat16 stops counting at 256."""
    ones = jnp.ones((1, 1001))
    layer = affine(1)
    params = layer.init(jax.random.key(0), (1001,))[0]._replace(w=ones)
    y = mixed_precision(layer).forward(params, ones)[0]
    assert abs(float(y[0, 0]) - 1001) <= 4  # the spacing of bfloat16 up there


def test_penalty_and_text_are_those_of_the_model():
    assert MIXED.penalty is MODEL.penalty
    assert read(repr(MIXED), VOCABULARY["model"]) == MIXED
    with pytest.raises(ConfigurationError, match="is not a Layer"):
        mixed_precision(relu)


def test_training_reaches_what_float32_reaches():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, 400)
    images = (rng.normal(120, 40, (400, 8, 8, 3)) + 60 * (labels % 2)[:, None, None, None]).clip(
        0, 255
    )
    images[:, :4] += 20 * (labels // 2)[:, None, None, None]
    prepare = data.compose(data.rescale(), data.normalize(0.5, 0.2))
    dataset = data.memory(
        {"image": images.clip(0, 255).astype(np.uint8), "label": labels}, transform=prepare
    )
    train, val = dataset.select(np.arange(300)), dataset.select(np.arange(300, 400))
    loss, model = losses.cross_entropy(), models.classification_net(4, hidden=16)

    def reached(model):
        run = fit(model, loss, optimizers.adam(3e-3), train, val, epochs=15, batch_size=32)
        *_, last = run
        moments = jax.tree.leaves((last.state.params, last.state.opt_state.m))
        assert not {leaf.dtype.name for leaf in moments} & {"bfloat16"}
        return evaluate(model, loss, last.state.params, val)["accuracy"]

    wide = reached(model)
    assert wide > 0.8
    assert abs(reached(mixed_precision(model)) - wide) <= 0.05
