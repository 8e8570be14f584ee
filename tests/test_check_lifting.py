"""Functions of NumPy, run over JAX's arrays: the same numbers, and autodiff of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy import zeros

from fnet.check import Pair, ValueAndGrad, explain
from fnet.check.truth.eager import by_numpy, is_of_numpy
from fnet.check.truth.lifting import in_jax, lifted
from fnet.check.truth.plain import run

RNG = np.random.default_rng(0)


def batch_norm(x, gamma, beta, eps=1e-5):
    mean = np.mean(x, axis=0)
    variance = ((x - mean) ** 2).mean(0)
    hat = (x - mean) / np.sqrt(variance + eps)
    return gamma * hat + beta


def convolution(x, w, b):
    padded = np.pad(x, ((0, 0), (1, 1)))
    out = np.zeros((x.shape[0], x.shape[1] - 1))
    for n in range(out.shape[0]):
        for i in range(out.shape[1]):
            out[n, i] = np.sum(padded[n, i : i + 4] * w) + b
    return out


def rectified(z):
    return np.maximum(0, z)


def two_layers(params, x):
    return rectified(np.asarray(x) @ params["w"] + params["b"])


def cross_entropy(scores, labels):
    shifted = scores - scores.max(axis=1, keepdims=True)
    p = np.exp(shifted)
    p /= p.sum(axis=1, keepdims=True)
    return -np.log(p[range(len(labels)), labels]).mean()


def lstm_step(x, h, c, wx, wh, b):
    def squash(t):
        return 1 / (1 + np.exp(-t))

    gates = x @ wx + h @ wh + b
    i, f, o, g = np.split(gates, 4, axis=1)
    memory = squash(f) * c + squash(i) * np.tanh(g)
    return squash(o) * np.tanh(memory), memory


def added_up(table, ids):
    out = zeros((3, table.shape[1]))
    np.add.at(out, np.array([0, 2, 2]), table[ids])
    return out


def written_to(x, mask):
    y = np.empty_like(x)
    y[...] = x
    y[mask] = 0
    y[:, 0] += 1
    y *= 2
    return np.stack([y, x]).transpose(1, 2, 0)


def normal(*shapes):
    return tuple(RNG.normal(size=shape) for shape in shapes)


FUNCTIONS = [
    (batch_norm, normal((5, 3), (3,), (3,))),
    (convolution, normal((2, 5), (4,), ())),
    (two_layers, ({"w": RNG.normal(size=(3, 2)), "b": np.zeros(2)}, RNG.normal(size=(5, 3)))),
    (cross_entropy, (RNG.normal(size=(5, 3)), np.array([0, 2, 1, 1, 0]))),
    (lstm_step, normal((2, 3), (2, 4), (2, 4), (3, 16), (4, 16), (16,))),
    (added_up, (RNG.normal(size=(5, 2)), np.array([1, 1, 3]))),
    (written_to, (RNG.normal(size=(3, 2)), RNG.uniform(size=(3, 2)) < 0.5)),
]


@pytest.mark.parametrize(
    ("function", "arguments"), FUNCTIONS, ids=lambda f: getattr(f, "__name__", "")
)
def test_a_lifted_function_has_the_values_and_the_slopes_of_the_function(function, arguments):
    wanted = function(*arguments)
    found = jax.jit(lifted(function))(*jax.tree.map(jnp.asarray, arguments))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), found, wanted)

    def total(one, function):
        moved = (jax.tree.map(lambda a: one * a, arguments[0]), *arguments[1:])
        return sum((leaf**2).sum() for leaf in jax.tree.leaves(function(*moved)))

    slope = jax.grad(total)(1.0, lifted(function))
    step = 1e-6
    differences = (total(1 + step, function) - total(1 - step, function)) / (2 * step)
    np.testing.assert_allclose(slope, differences, rtol=1e-5, atol=1e-7 * total(1.0, function))


def test_what_is_no_such_function_is_not_lifted():
    x = RNG.normal(size=(3, 2))

    def view(x):
        y = x.copy()
        row = y[0]
        row += 1  # a view of y in NumPy, and a new array here
        return y

    assert np.all(view(x)[0] == x[0] + 1)
    for function in (
        view,
        lambda x: np.array([float(value) for value in x.ravel()]).reshape(x.shape),
        lambda x: np.vectorize(lambda value: max(value, 0.0))(x),
        lambda x: np.interp(x, [0.0, 1.0], [0.0, 1.0], period=None) if x[0, 0] > 0 else x,
    ):
        assert in_jax(function, (x,)) is None
        assert explain(Pair(lambda x, f=function: (f(x), ()), lambda d, c: d), x).notes


def test_a_term_is_named_in_numpy_too():
    def forward(x, gamma, beta):
        x = np.asarray(x)  # refuses JAX's tracers, as NumPy's own functions do
        mean, variance = x.mean(axis=0), x.var(axis=0)
        hat = (x - mean) / np.sqrt(variance + 1e-5)
        return gamma * hat + beta, (hat, gamma, np.sqrt(variance + 1e-5))

    def backward(dout, cache):
        hat, gamma, deviation = cache
        d = dout * gamma
        dx = (d - hat * (d * hat).mean(axis=0)) / deviation
        return dx, (dout * hat).sum(axis=0), dout.sum(axis=0)

    finding = explain(Pair(forward, backward), *normal((5, 3), (3,), (3,))).findings[0]
    assert finding.kind == "term missing"
    assert "through `x.mean(axis=0)` in test_check_lifting.py" in finding.why


def test_the_loss_of_a_course_with_its_gradient():
    def loss(w, x, labels, factor=2.0):
        scores = x @ w
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        rows = np.arange(len(labels))
        value = -np.log(p[rows, labels]).mean() + 0.1 * np.sum(w * w)
        p[rows, labels] -= 1
        return value, (x.T @ p / len(labels) + factor * 0.1 * w, None, None)

    x, w = normal((5, 4), (4, 3))
    labels = np.array([0, 2, 1, 1, 0])

    def of(factor):
        def of_w(w):
            value, gradients = loss(w, x, labels, factor)
            return value, gradients[0]

        return explain(ValueAndGrad(of_w), w)

    right = of(2.0)
    assert right.right
    assert not any("differences alone" in note for note in right.notes)
    finding = of(1.0).findings[0]
    assert finding.kind == "factor of a term"
    assert "a term is 0.5 × its correct value" in finding.why


def test_a_copy_of_an_object_does_not_free_what_the_original_uses():
    class Handle:
        def __init__(self):
            self.memory = [3.0]

        def __del__(self):
            self.memory.clear()

        def scaled(self, x):
            return np.array([self.memory[0] * float(number) for number in x])  # not liftable

    handle = Handle()
    pair = Pair(lambda x: (handle.scaled(x), x), lambda dout, x: 3 * dout)
    assert explain(pair, RNG.normal(size=4)).right
    assert handle.memory == [3.0]


NUMBERS = np.random.default_rng(0).uniform(0.1, 0.9, (3, 4))
WHOLE = np.array([[7, -7, 5, 3], [2, 2, -9, 1], [0, 4, 8, -2]])


def functions_of_operations():
    """Functions whose traces hold, together, each operation that NumPy evaluates."""
    a, square = NUMBERS, NUMBERS[:, :3]
    yield lambda x: [jnp.sin(x), jnp.arctan2(x, 2 - x), 1 / x, jax.nn.sigmoid(x), jax.lax.rsqrt(x)]
    yield lambda x: [jnp.exp(x), jnp.log(x), jnp.expm1(x), jnp.log1p(x), jnp.exp2(x), jnp.cbrt(x)]
    yield lambda x: [jnp.tan(x), jnp.cos(x), jnp.sinh(x), jnp.cosh(x), jnp.tanh(x), jnp.sqrt(x)]
    yield lambda x: [f(x) for f in (jnp.arcsin, jnp.arccos, jnp.arctan, jnp.arcsinh, jnp.arctanh)]
    yield lambda x: [jnp.arccosh(1 + x), jnp.floor(9 * x), jnp.ceil(9 * x), jnp.sign(x - 0.5)]
    yield lambda x: [x**3, x**-2, x**x, jnp.abs(-x), jnp.square(x), jnp.maximum(x, 0.5)]
    yield lambda x: [jnp.minimum(x, 0.5), jnp.clip(x, 0.2, 0.7), jnp.where(x > 0.5, x, 2.0)]
    yield lambda x: [(x >= 0.5) & (x <= 0.8) | (x < 0.2), ~(x == 0.5), x != 0.5, jnp.isfinite(x)]
    yield lambda x: [x.sum(0), x.prod(1), x.max(), x.min(1), jnp.flip(x, 1), x[::2, 1:3], x.T]
    yield lambda x: [jnp.pad(x, ((1, 2), (0, 3)), constant_values=7.0), jnp.concatenate([x, x])]
    yield lambda x: [jax.lax.pad(x, 0.0, ((-1, 1, 2), (2, -1, 0)))]
    yield lambda x: [x @ x.T, jnp.einsum("ij,kj->ik", x, x), jnp.einsum("ij,ij->i", x, x)]
    yield lambda x: [jax.lax.select_n(WHOLE % 3, x, 2 * x, 3 * x), x.astype(np.float32)]
    yield lambda x: [jax.lax.div(WHOLE, np.full_like(WHOLE, 2)), x.reshape(2, 6), x[None], -x]
    yield lambda x: [jax.scipy.special.erf(x), jax.scipy.special.gammaln(x)]
    yield jax.grad(lambda x: (jnp.tanh(x @ x.T)[1:].max(0) ** 2).sum() + x[0, 1] * square.sum())
    yield lambda x: [a * x, jax.lax.broadcast_in_dim(x, (2, 3, 4), (1, 2))]


@pytest.mark.parametrize("function", [*functions_of_operations()])
def test_numpy_evaluates_a_trace_as_jax_does(function):
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(function)(NUMBERS)
        assert is_of_numpy(closed)
        found = run(closed, [NUMBERS], by_numpy)
        wanted = jax.tree.leaves(jax.jit(function)(NUMBERS))
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_allclose(one, other, 1e-13, 1e-15)
