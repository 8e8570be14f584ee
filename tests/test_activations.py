"""Activations against SciPy in float64: digits far out and near 0, limits, conventions at kinks."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
from scipy.special import expit, log_expit, ndtr

from fnet import initializers
from fnet.core import Layer
from fnet.errors import ConfigurationError, ShapeError
from fnet.layers import (
    Glu,
    Prelu,
    celu,
    elu,
    geglu,
    glu,
    hard_sigmoid,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    prelu,
    relu,
    relu6,
    relu_squared,
    selu,
    sigmoid,
    silu,
    softmax,
    softplus,
    softsign,
    swiglu,
    tanh,
)

pytestmark = pytest.mark.turns(2)

INF = np.inf
LAMBDA, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717


class Row(NamedTuple):
    layer: Layer
    f: Callable[[Any], Any]  # in NumPy
    df: Callable[[Any], Any]
    limits: tuple[float, float, float, float]  # y and dy/dx at −∞, then at ∞
    relative: bool = False  # whether its slope has all its digits far out


def gated(x):
    """tanh(softplus(x)), the gate of mish."""
    return np.tanh(np.logaddexp(0, x))


def below(x):
    return np.minimum(x, 0)


ROWS = [
    Row(
        silu(),
        lambda x: x * expit(x),
        lambda x: expit(x) * (1 + x * expit(-x)),
        (0, 0, INF, 1),
        relative=True,
    ),
    Row(
        mish(),
        lambda x: x * gated(x),
        lambda x: gated(x) + x * expit(x) / np.cosh(np.logaddexp(0, np.minimum(x, 300))) ** 2,
        (0, 0, INF, 1),
        relative=True,
    ),
    Row(softplus(), lambda x: np.logaddexp(0, x), expit, (0, 0, INF, 1), relative=True),
    Row(log_sigmoid(), log_expit, lambda x: expit(-x), (-INF, 1, 0, 0), relative=True),
    Row(
        softsign(),
        lambda x: x / (1 + np.abs(x)),
        lambda x: 1 / (1 + np.abs(x)) ** 2,
        (-1, 0, 1, 0),
    ),
    Row(
        elu(0.3),
        lambda x: np.where(x > 0, x, 0.3 * np.expm1(below(x))),
        lambda x: np.where(x > 0, 1, 0.3 * np.exp(below(x))),
        (-0.3, 0, INF, 1),
    ),
    Row(
        celu(0.3),
        lambda x: np.where(x > 0, x, 0.3 * np.expm1(below(x) / 0.3)),
        lambda x: np.exp(below(x) / 0.3),
        (-0.3, 0, INF, 1),
    ),
    Row(
        selu(),
        lambda x: LAMBDA * np.where(x > 0, x, ALPHA * np.expm1(below(x))),
        lambda x: LAMBDA * np.where(x > 0, 1, ALPHA * np.exp(below(x))),
        (-LAMBDA * ALPHA, 0, INF, LAMBDA),
    ),
    Row(
        hard_tanh(),
        lambda x: np.clip(x, -1, 1),
        lambda x: np.where(np.abs(x) < 1, 1, 0),
        (-1, 0, 1, 0),
    ),
    Row(relu6(), lambda x: np.clip(x, 0, 6), lambda x: (x > 0) * (x < 6) * 1.0, (0, 0, 6, 0)),
    Row(
        hard_sigmoid(),
        lambda x: np.clip(x + 3, 0, 6) / 6,
        lambda x: (np.abs(x) < 3) / 6,
        (0, 0, 1, 0),
    ),
    Row(
        hard_swish(),
        lambda x: x * (np.clip(x + 3, 0, 6) / 6),
        lambda x: np.where(np.abs(x) < 3, (2 * x + 3) / 6, x > 0),
        (0, 0, INF, 1),
    ),
    Row(
        relu_squared(),
        lambda x: np.maximum(x, 0) ** 2,
        lambda x: 2 * np.maximum(x, 0),
        (0, 0, INF, INF),
    ),
]
every_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: repr(row.layer))

# Both signs, from 1e-15 to 1e15, and densely where functions bend or their digits used to end.
LINE = np.concatenate(
    [sign * np.geomspace(1e-15, 1e15, 301) for sign in (-1, 1)] + [np.linspace(-103, 103, 1201)]
)
TINY = 128 * float(np.finfo(np.float32).tiny)  # factors of 128 times less are flushed to 0


def ways(layer: Layer, x: Any) -> tuple[np.ndarray, ...]:
    """y, dy/dx by hand, and by autodiff of forward, as float64."""

    @jax.jit
    def both(x):
        y, cache = layer.forward((), x)
        plain = jax.vjp(lambda x: layer.forward((), x)[0], x)[1](jnp.ones_like(x))[0]
        return y, layer.backward((), cache, jnp.ones_like(x))[1], plain

    return tuple(np.asarray(array, np.float64) for array in both(jnp.asarray(x)))


@every_row
def test_value_and_slope_are_those_of_scipy_in_float64(row):
    y, dx, plain = ways(row.layer, LINE)
    np.testing.assert_allclose(y, row.f(LINE), rtol=4e-15, atol=1e-300)
    np.testing.assert_allclose(dx, row.df(LINE), rtol=1e-13, atol=1e-15)
    np.testing.assert_allclose(plain, row.df(LINE), rtol=1e-13, atol=1e-15)


@every_row
def test_no_digit_is_lost_in_float32(row):
    x = LINE.astype(np.float32)
    wide = x.astype(np.float64)
    y, dx, _ = ways(row.layer, x)
    np.testing.assert_allclose(y, row.f(wide), rtol=8e-7, atol=TINY)
    everywhere = 5e-7 if not row.relative else np.where(np.abs(wide) < 5, 5e-7, TINY)
    assert (np.abs(dx - row.df(wide)) <= 1e-6 * np.abs(row.df(wide)) + everywhere).all()


@every_row
def test_bfloat16_is_rounded_once(row):
    x = LINE.astype(jnp.bfloat16)
    wide = x.astype(np.float64)
    y, dx, _ = ways(row.layer, x)
    np.testing.assert_allclose(y, row.f(wide), rtol=2.02 * 2.0**-9, atol=TINY)
    # The slope has the rounding of the output that is cached, and its own.
    size = np.maximum(1, np.abs(row.df(wide)))
    assert (np.abs(dx - row.df(wide)) <= 4.1 * 2.0**-9 * size).all()


@every_row
def test_limits_are_reached_and_a_nan_is_not_hidden(row):
    with np.errstate(invalid="ignore"):
        for dtype in (np.float32, np.float64):
            y, dx, _ = ways(row.layer, np.array([-INF, INF, np.nan], dtype))
            found = [y[0], dx[0], y[1], dx[1]]
            np.testing.assert_allclose(found, row.limits, rtol=1e-6)
            assert np.isnan(y[2])


KINKS = [  # the convention at each: the slope of the piece further out, or a's
    (relu(), 0.0, 0.0),
    (leaky_relu(0.3), 0.0, 0.3),
    (relu6(), 0.0, 0.0),
    (relu6(), 6.0, 0.0),
    (relu_squared(), 0.0, 0.0),
    (hard_tanh(), -1.0, 0.0),
    (hard_tanh(), 1.0, 0.0),
    (hard_sigmoid(), -3.0, 0.0),
    (hard_sigmoid(), 3.0, 0.0),
    (hard_swish(), -3.0, 0.0),
    (hard_swish(), 3.0, 1.0),
    (elu(0.3), 0.0, 0.3),
    (celu(0.3), 0.0, 1.0),
    (selu(), 0.0, LAMBDA * ALPHA),
    # No kinks, but formulas of two halves that meet there.
    (silu(), 0.0, 0.5),
    (mish(), 0.0, 0.6),
    (softplus(), 0.0, 0.5),
    (log_sigmoid(), 0.0, 0.5),
    (softsign(), 0.0, 1.0),
]


@pytest.mark.parametrize(("layer", "x", "slope"), KINKS, ids=lambda value: repr(value))
def test_the_convention_at_a_kink_is_that_of_autodiff_of_forward(layer, x, slope):
    _, dx, plain = ways(layer, np.array([x]))
    np.testing.assert_allclose(dx, slope, rtol=1e-14)
    np.testing.assert_allclose(plain, slope, rtol=1e-14)


def test_what_is_cached():
    x = jnp.array([-1.0, 2.0])
    from_input = {repr(row.layer) for row in ROWS if row.layer.forward((), x)[1] is x}
    assert from_input == {"silu()", "mish()", "hard_swish()", "relu_squared()"}
    for row in ROWS:
        y, cache = row.layer.forward((), x)
        assert cache is (x if repr(row.layer) in from_input else y)


def test_a_hessian_is_finite_where_the_slope_bends():
    for layer in (relu_squared(), softplus(), elu()):
        gradient = jax.grad(lambda x, layer=layer: layer.apply((), x).sum())
        assert np.isfinite(jax.jit(jax.jacrev(gradient))(jnp.array([-1.0, 0.0, 2.0]))).all()


def test_prelu_is_its_formula_and_sums_over_every_place():
    rng = np.random.default_rng(0)
    x, dy, a = rng.normal(size=(5, 2, 3)), rng.normal(size=(5, 2, 3)), np.array([0.25, -0.5, 2.0])
    params = Prelu(jnp.asarray(a))
    y, cache = prelu().forward(params, jnp.asarray(x))
    dparams, dx = prelu().backward(params, cache, jnp.asarray(dy))
    np.testing.assert_allclose(y, np.maximum(x, 0) + a * below(x))
    np.testing.assert_allclose(dx, dy * np.where(x > 0, 1, a))
    np.testing.assert_allclose(dparams.a, (dy * below(x)).sum((0, 1)))
    assert prelu(0.1).init(jax.random.key(0), (2, 3))[0].a.tolist() == [0.1] * 3


def test_the_gradient_of_prelu_is_summed_in_float32():
    """Of 4,096 products half are −(1 + 2⁻⁷)², which bfloat16 rounds to what the others cancel."""
    params, one = Prelu(jnp.array([0.25], jnp.bfloat16)), np.ones((2048, 1))
    x = jnp.asarray(np.concatenate([-(1 + 2**-7) * one, -one]), jnp.bfloat16)
    dy = jnp.asarray(np.concatenate([(1 + 2**-7) * one, -(1 + 2**-6) * one]), jnp.bfloat16)
    dparams, _ = prelu().backward(params, x, dy)
    assert dparams.a.dtype == jnp.bfloat16
    assert float(dparams.a[0]) == -2048 * 2**-14


@pytest.mark.parametrize("axis", [-1, 1, 2, -2])
def test_softmax_is_that_of_scipy(axis):
    rng = np.random.default_rng(0)
    x, dy = 3 * rng.normal(size=(5, 3, 7)), rng.normal(size=(5, 3, 7))
    x[0], x[1] = 1e4 * x[0], x[1] - 1e4
    p, log_p = scipy.special.softmax(x, axis), scipy.special.log_softmax(x, axis)
    for layer, expected, slope in (
        (softmax(axis), p, p * (dy - (dy * p).sum(axis, keepdims=True))),
        (log_softmax(axis), log_p, dy - p * dy.sum(axis, keepdims=True)),
    ):
        y, cache = layer.forward((), jnp.asarray(x))
        np.testing.assert_allclose(y, expected, rtol=1e-11, atol=1e-300)
        dx = layer.backward((), cache, jnp.asarray(dy))[1]
        np.testing.assert_allclose(dx, slope, rtol=1e-10, atol=1e-13)
        assert cache is y


def test_softmax_of_infinite_logits_is_the_limit():
    x = jnp.array([[-INF, 0.0, 0.0], [-INF, -INF, -INF], [INF, 3.0, INF], [np.nan, 0.0, 1.0]])
    expected = np.array([[0, 0.5, 0.5], [1 / 3] * 3, [0.5, 0, 0.5], [np.nan] * 3])
    np.testing.assert_allclose(softmax().forward((), x)[0], expected)
    with np.errstate(divide="ignore"):
        np.testing.assert_allclose(log_softmax().forward((), x)[0], np.log(expected))
    for layer in (softmax(), log_softmax()):
        dx = layer.backward((), layer.forward((), x)[1], jnp.ones_like(x))[1]
        assert np.isfinite(dx[:3]).all()


def test_softmax_in_bfloat16_is_rounded_once():
    """Rounded once: nearly all probabilities are those of float64, rounded."""
    x = jnp.asarray(np.random.default_rng(0).normal(size=(8, 512)), jnp.bfloat16)
    exact = scipy.special.log_softmax(np.float64(x), -1)
    for layer, expected in ((softmax(), np.exp(exact)), (log_softmax(), exact)):
        y = layer.forward((), x)[0]
        assert np.mean(y == jnp.asarray(expected, jnp.bfloat16)) > 0.99


@pytest.mark.parametrize(
    ("build", "activation"),
    [
        (glu, expit),
        (swiglu, lambda a: a * expit(a)),
        (geglu, lambda a: a * ndtr(a)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_gate_opens_the_other_product(build, activation):
    rng = np.random.default_rng(0)
    w, v, x = rng.normal(size=(3, 7)), rng.normal(size=(3, 7)), rng.normal(size=(5, 2, 7))
    y, cache = build(3).forward(Glu(jnp.asarray(w), jnp.asarray(v)), jnp.asarray(x))
    np.testing.assert_allclose(y, activation(x @ w.T) * (x @ v.T), rtol=1e-12)
    assert [leaf.shape for leaf in jax.tree.leaves(cache)] == [(5, 2, 7), (5, 2, 3), (5, 2, 3)]


def test_gates_print_as_they_were_written():
    assert repr(swiglu(3)) == "swiglu(3)"
    assert repr(glu(3, tanh())) == "glu(3, activation=tanh())"
    assert glu(3) is glu(3, sigmoid())
    drawn = swiglu(3, initializers.normal(0.0)).init(jax.random.key(0), (5,))[0]
    assert not any(leaf.any() for leaf in drawn)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: elu(-1.0), "elu: a is -1.0; it must be a number, at least 0"),
        (lambda: celu(0.0), "celu: a is 0.0; it must be a number, above 0"),
        (lambda: prelu(INF), "prelu: a is inf; it must be a number, finite"),
        (lambda: softmax(0), "softmax: axis is 0; it must be a whole number other than 0"),
        (lambda: log_softmax(1.0), "log_softmax: axis is 1.0"),
        (lambda: glu(0), "glu: width is 0"),
        (lambda: swiglu(2.5), "swiglu: width is 2.5"),
        (lambda: glu(3, silu), "it must be a Layer: sigmoid(), not sigmoid"),
        (lambda: geglu(3, jnp.zeros), "take one of fnet.initializers"),
        (lambda: glu(3, prelu()).init(jax.random.key(0), (5,)), "prelu() has parameters"),
    ],
)
def test_a_wrong_configuration_is_told(build, message):
    with pytest.raises(ConfigurationError) as caught:
        build()
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (silu(), jnp.arange(3), "silu: x is int64; it must be floating point"),
        (relu6(), [1.0], "relu6: x is a list; it must be an array"),
        (softmax(), jnp.ones(3), "softmax: x is (3,), and axis -1 is not one after the first"),
        (softmax(2), jnp.ones((3, 2)), "softmax: x is (3, 2), and axis 2 is not one"),
        (log_softmax(-3), jnp.ones((3, 2)), "and axis -3 is not one"),
        (prelu(), jnp.ones((2, 7)), "prelu: x is (2, 7), and a (5,) takes that many channels"),
        (swiglu(3), jnp.ones((2, 7)), "glu: x is (2, 7), and w (3, 5) takes a last axis of 5"),
        (swiglu(3), jnp.ones(5), "a single example is a batch of one: x[None]"),
    ],
)
def test_a_wrong_input_is_told(layer, x, message):
    params, _ = layer.init(jax.random.key(0), (5,))
    with pytest.raises(ShapeError) as caught:
        layer.forward(params, x)
    assert message in str(caught.value)
