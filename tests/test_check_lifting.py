"""Functions of NumPy, run over JAX's arrays: the same numbers, and autodiff of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from numpy import zeros

from fnet.check import Pair, ValueAndGrad, explain
from fnet.check.truth.lifting import in_jax, lifted

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
