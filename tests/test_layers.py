"""What is particular to a layer: its formula against NumPy, its conventions, its errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtr

from fnet import initializers, models, serial
from fnet.core import Layer
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import Affine, affine, flatten, gelu, leaky_relu, relu, sigmoid, squeeze, tanh
from fnet.losses import cross_entropy

x = np.array([[-3.0, -0.5, 0.0], [1e-30, 2.0, 700.0]])


def forward(layer: Layer, x, params=()):
    return np.asarray(layer.forward(params, jnp.asarray(x))[0])


def test_affine_is_a_product_and_a_sum():
    rng = np.random.default_rng(0)
    w, b, x = rng.normal(size=(5, 6)), rng.normal(size=5), rng.normal(size=(7, 2, 3))
    expected = np.einsum("nd,md->nm", x.reshape(7, 6), w) + b
    np.testing.assert_allclose(forward(affine(5), x, Affine(w, b)), expected)


def test_activations_are_their_formulas():
    np.testing.assert_array_equal(forward(relu(), x), np.clip(x, 0, None))
    np.testing.assert_allclose(forward(leaky_relu(0.2), x), np.maximum(0.2 * x, x))
    np.testing.assert_allclose(forward(tanh(), x), np.tanh(x), rtol=1e-14)
    np.testing.assert_allclose(forward(sigmoid(), x), 1 / (1 + np.exp(-x)), rtol=1e-14)


@pytest.mark.parametrize("layer", [relu(), leaky_relu(), sigmoid(), tanh()], ids=repr)
def test_a_nan_is_not_hidden(layer):
    assert np.isnan(forward(layer, np.array([[np.nan]]))).all()


def test_the_convention_at_the_kink():
    dy = jnp.ones((1, 1))
    zero = jnp.zeros((1, 1))
    assert relu().backward((), relu().forward((), zero)[1], dy)[1] == 0
    assert leaky_relu(0.2).backward((), leaky_relu(0.2).forward((), zero)[1], dy)[1] == 0.2


def test_initializers_have_the_spread_they_promise():
    key, shape = jax.random.key(0), (300, 20, 10)
    for init, std in [
        (initializers.he_normal, np.sqrt(2 / 200)),
        (initializers.glorot_normal, np.sqrt(2 / 500)),
        (initializers.normal(0.03), 0.03),
    ]:
        drawn = np.asarray(init.draw(key, shape))
        np.testing.assert_allclose([drawn.mean(), drawn.std()], [0, std], atol=0.01 * std + 1e-3)
        np.testing.assert_allclose(drawn.std(), std, rtol=0.02)


def test_a_chain_remembers_no_array_twice():
    layer = serial(affine(5), relu(), affine(3), tanh(), affine(2))
    params, _ = layer.init(jax.random.key(0), (7,))
    _, tape = layer.forward(params, jnp.ones((11, 7)))
    assert [array.shape for array in tape.arrays] == [(11, 7), (11, 5), (11, 3)]


def test_a_scan_over_chains_stores_no_array_twice():
    """As residuals of a scan nothing can be fused away: what the tape holds is really stored."""
    layer = serial(affine(64), tanh(), affine(64), tanh())
    params, _ = layer.init(jax.random.key(0), (64,))
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf] * 10), params)

    def out(stacked, x):
        return jax.lax.scan(lambda x, params: (layer.apply(params, x), None), x, stacked)[0].sum()

    residuals = jax.eval_shape(lambda *args: jax.vjp(out, *args)[1], stacked, jnp.ones((32, 64)))
    shapes = [leaf.shape for leaf in jax.tree.leaves(residuals)]
    assert shapes.count((10, 32, 64)) == 3  # the input of a chain, and the two outputs of tanh


def test_penalty_is_the_sum_over_weights_and_leaves_biases_out():
    layer = serial(affine(3, l2=0.5), relu(), affine(2, l2=0.25), affine(2))
    params, _ = layer.init(jax.random.key(0), (7,))
    params = jax.tree.map(lambda leaf: leaf + 1, params)
    w0, w2 = np.asarray(params[0].w), np.asarray(params[2].w)
    expected = 0.5 * (w0**2).sum() + 0.25 * (w2**2).sum()
    assert layer.penalty is not None
    np.testing.assert_allclose(layer.penalty.apply(params), expected)
    assert relu().penalty is None
    assert serial(affine(3)).penalty is None


def test_printing_is_what_was_written():
    net = models.classification_net(10, hidden=7, layers=3, activation=leaky_relu(0.2), std=1e-3)
    block = "affine(7, w_init=normal(0.001)), leaky_relu(a=0.2), "
    assert repr(net) == f"serial({block}{block}affine(10, w_init=normal(0.001)))"


def test_a_network_of_no_hidden_layer_is_linear():
    net = models.classification_net(3, layers=1)
    params, out_shape = net.init(jax.random.key(0), (4, 5))
    assert out_shape == (3,)
    assert [leaf.shape for leaf in jax.tree.leaves(params)] == [(3, 20), (3,)]


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: affine(0), "affine: width is 0"),
        (lambda: affine(2.0), "affine: width is 2.0"),
        (lambda: affine(True), "affine: width is True"),
        (lambda: affine(2, l2=-1.0), "affine: l2 is -1.0"),
        (lambda: affine(2, b=True), "unexpected keyword argument 'b'; it takes affine"),
        (lambda: affine(), "missing a required argument: 'width'"),
        (lambda: leaky_relu(1.0), "leaky_relu: a is 1.0"),
        (lambda: initializers.normal(-1), "normal: std is -1"),
        (lambda: serial(relu), "is not a Layer; write relu()"),
        (lambda: affine({}), "unhashable"),
        (lambda: affine(2, l2="much"), "affine: l2 is 'much'; it must be a number"),
        (lambda: affine(2, w_init=jnp.zeros), "take one of fnet.initializers"),
        (lambda: models.classification_net(10, layers=0), "layers is 0"),
    ],
)
def test_a_wrong_configuration_is_told(build, message):
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (affine(3), jnp.ones((2, 7)), "7 numbers per row, and w (3, 5) takes 5"),
        (affine(3), jnp.ones(5), "affine: x is (5,)"),
        (affine(3), jnp.ones((2, 5), jnp.uint8), "x is uint8; it must be floating point"),
        (affine(3), [[1.0] * 5], "affine: x is a list; it must be an array"),
    ],
)
def test_a_wrong_input_is_told(layer, x, message):
    params, _ = layer.init(jax.random.key(0), (5,))
    with pytest.raises(ShapeError) as caught:
        layer.forward(params, x)
    assert message in str(caught.value)


def test_a_shape_is_that_of_one_example():
    for layer in (affine(3), flatten(), serial(relu())):
        with pytest.raises(ShapeError, match="it must be a tuple, that of one example"):
            layer.init(jax.random.key(0), 5)
    for layer in (affine(3), serial(relu())):
        with pytest.raises(ShapeError, match=r"key is 0; it must be a JAX key: jax.random.key"):
            layer.init(0, (5,))


def test_a_chain_needs_the_parameters_of_all_its_layers():
    layer = serial(affine(3), relu(), affine(2))
    params, _ = layer.init(jax.random.key(0), (5,))
    with pytest.raises(ShapeError, match="2 parameters for serial"):
        layer.apply(params[:2], jnp.ones((1, 5)))


def test_squeeze_refuses_an_axis_it_cannot_drop():
    with pytest.raises(ShapeError, match="its last axis must be of size 1"):
        squeeze().forward((), jnp.ones((3, 2)))


def test_gradients_of_gradients_pass_through_forward():
    """Hessians pass `apply` and `forward`; forward mode alone passes only `forward`."""
    net, loss = models.classification_net(3, hidden=4), cross_entropy()
    params, _ = net.init(jax.random.key(0), (5,))
    x, labels = jnp.ones((2, 5)), jnp.array([0, 2])

    def plain(params):
        return loss.value_and_grad(net.forward(params, x)[0], labels)[0]

    def handwritten(params):
        return loss.apply(net.apply(params, x), labels)

    expected = jax.tree.leaves(jax.jit(jax.hessian(plain))(params))
    for hessian in (jax.jacfwd(jax.grad(handwritten)), jax.jacrev(jax.grad(handwritten))):
        for a, e in zip(jax.tree.leaves(jax.jit(hessian)(params)), expected, strict=True):
            np.testing.assert_allclose(a, e, atol=1e-12)
    with pytest.raises(TypeError, match="forward-mode"):
        jax.jacfwd(lambda params: net.apply(params, x))(params)


def test_gelu_keeps_its_digits_far_below_zero():
    """float32 against SciPy in float64: 1 + erf has none left at −6, jax.nn fewer than these."""
    x = np.linspace(-12, 12, 20_001).astype(np.float32)
    x = x[x != 0]
    exact = x.astype(np.float64) * ndtr(x.astype(np.float64))

    def error(y):
        return np.abs(np.asarray(y, np.float64) / exact - 1).max()

    y, cache = gelu().forward((), jnp.asarray(x))
    assert error(y) < 5e-6 < error(jax.nn.gelu(jnp.asarray(x), approximate=False))
    assert (
        error(jnp.asarray(x) * (1 + jax.lax.erf(jnp.asarray(x) / np.float32(np.sqrt(2)))) / 2) > 0.9
    )
    slope = ndtr(x.astype(float)) + x * np.exp(-(x.astype(float) ** 2) / 2) / np.sqrt(2 * np.pi)
    dx = gelu().backward((), cache, jnp.ones(x.shape, jnp.float32))[1]
    np.testing.assert_allclose(dx, slope, atol=3e-7)
