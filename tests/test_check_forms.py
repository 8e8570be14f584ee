"""The forms in which people write gradients: each taken as it is, a mistake in each found.

torch, thinc and autograd are played by stand-ins with the same protocol; where they are installed,
they are asked too.
"""

import functools
import sys
import types
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import optimize

from fnet.check import Pair, ValueAndGrad, check_gradients, explain, thresholds
from fnet.check.truth.lifting import by_lifting
from fnet.errors import ConfigurationError

RNG = np.random.default_rng(0)
X, W, B = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2)), RNG.normal(size=2)
Y = RNG.normal(size=(4, 2))
P = RNG.normal(size=5)
PARAMS = {"W": W, "b": B}


class Form(NamedTuple):
    """What is checked and its arguments, of a factor that is 1 where it is right."""

    make: object
    arguments: tuple
    options: Any = types.MappingProxyType({})


def affine(x, w, b):
    return np.dot(x, w) + b, (x, w)


def affine_backward(k):
    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, k * x.T @ dout, dout.sum(axis=0)

    return backward


def two(forward, backward):
    """A function of two callables, which are given one after the other."""
    return lambda k: (forward, backward(k))


def least_squares(k, order=(0, 1), rest=()):
    """Of (w, X, y): the loss and its gradient by w alone."""

    def loss(w, X, y):
        residual = X @ w - y
        found = np.sum(residual**2), k * 2 * X.T @ residual
        return (*(found[n] for n in order), *rest)

    return loss


def of_params(k, key="{}", swapped=False):
    def loss(params, x, y):
        residual = x @ params["W"] + params["b"] - y
        grads = {
            key.format("W"): k * 2 * x.T @ residual,
            key.format("b"): 2 * residual.sum(axis=0),
        }
        cost = np.squeeze(np.sum(residual**2))
        return (grads, cost) if swapped else (cost, grads)

    return loss


def batch_norm_forward(x, gamma, beta, bn_param):
    eps, momentum = bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    mean, var = x.mean(axis=0), x.var(axis=0)
    hat = (x - mean) / np.sqrt(var + eps)
    running = bn_param.get("running_mean", np.zeros(x.shape[1]))
    bn_param["running_mean"] = momentum * running + (1 - momentum) * mean
    return gamma * hat + beta, (hat, gamma, np.sqrt(var + eps))


def batch_norm_backward(k):
    def backward(dout, cache):
        hat, gamma, deviation = cache
        d = dout * gamma
        dx = (d - d.mean(axis=0) - k * hat * (d * hat).mean(axis=0)) / deviation
        return dx, (dout * hat).sum(axis=0), dout.sum(axis=0)

    return backward


def three_outputs(x, w):
    s, t = x @ w, np.tanh(x)
    return s, t, x * x, (x, w, t)


def three_backward(k):
    def backward(ds, dt, dq, cache):
        x, w, t = cache
        return ds @ w.T + dt * (1 - t * t) + k * 2 * x * dq, x.T @ ds

    return backward


def three_backward_of_a_tuple(k):
    return lambda douts, cache: three_backward(k)(*douts, cache)


def three_in_a_tuple(x, w):
    *outs, cache = three_outputs(x, w)
    return tuple(outs), cache


def cell_forward(x, h, parameters):
    new = np.tanh(x @ parameters["Wx"] + h @ parameters["Wh"])
    return new, new @ parameters["Wy"], (x, h, new, parameters)


def cell_backward(k):
    """Of the first output alone, by names, as in courses."""

    def backward(dnext, cache):
        x, h, new, parameters = cache
        d = dnext * (1 - new**2)
        return {
            "dx": d @ parameters["Wx"].T,
            "dh": d @ parameters["Wh"].T,
            "dWx": k * x.T @ d,
            "dWh": h.T @ d,
            "dWy": np.zeros_like(parameters["Wy"]),
        }

    return backward


def activated(A_prev, W, activation):
    Z = A_prev @ W
    A = np.tanh(Z) if activation == "tanh" else np.maximum(0, Z)
    return A, ((A_prev, W), Z)


def activated_backward(k):
    def backward(dA, cache, activation):
        (A_prev, W), Z = cache
        dZ = dA * (1 - np.tanh(Z) ** 2) if activation == "tanh" else dA * (Z > 0)
        return dZ @ W.T, k * A_prev.T @ dZ

    return backward


CELL = {"Wx": RNG.normal(size=(3, 2)), "Wh": RNG.normal(size=(2, 2)), "Wy": B[:, None]}


def with_backprop(k):
    def layer(x):
        y = np.tanh(x)
        return y, lambda dy: k * dy * (1 - y * y)

    return layer


class Kept:
    """A layer of a course: it keeps x and the gradients in itself."""

    def __init__(self, k):
        self.W, self.b, self.k = W.copy(), B.copy(), k

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW = self.k * self.x.T @ dout
        self.db = dout.sum(axis=0)
        self.dx = dout @ self.W.T
        return self.dx


class Square:
    """A layer without parameters, called like a function."""

    def __init__(self, k):
        self.k = k

    def __call__(self, x):
        self.x = np.asarray(x)
        return self.x**2

    def backward(self, dout):
        return self.k * 2 * self.x * dout


class Grown:
    """Parameters are made in the first call, gradients are added up, inputs are listed."""

    def __init__(self, k):
        self.k, self.inputs = k, []
        self.parameters, self.gradients = {"W": None}, {"W": None}

    def forward(self, x):
        if self.parameters["W"] is None:
            self.parameters["W"] = np.random.default_rng().normal(size=(x.shape[1], 2))
            self.gradients["W"] = np.zeros((x.shape[1], 2))
        self.inputs.append(x)
        return x @ self.parameters["W"]

    def backward(self, dout):
        for x in self.inputs:
            self.gradients["W"] += self.k * x.T @ dout
        return dout @ self.parameters["W"].T

    def flush_gradients(self):
        self.inputs = []


class Listed:
    """Two lists, of parameters and of gradients, and a loss whose backward pass takes nothing."""

    def __init__(self, k):
        self.params, self.grads, self.k = [P.copy()], [np.zeros(5)], k

    def forward(self, x):
        self.x = x
        return np.sum(x * self.params[0] ** 2)

    def backward(self):
        self.grads[0][...] = self.k * 2 * self.x * self.params[0]
        return self.params[0] ** 2


class Activation:
    def __init__(self, k):
        self.k = k

    def fn(self, x):
        return np.log1p(np.exp(x))

    def grad(self, x):
        return self.k / (1 + np.exp(-x))


class Net:
    """The network of a course, whose `loss` reads `params`."""

    def __init__(self, k):
        self.params, self.k = {"W1": W.copy(), "b1": B.copy()}, k

    def loss(self, X, y):
        residual = X @ self.params["W1"] + self.params["b1"] - y
        grads = {"W1": self.k * 2 * X.T @ residual, "b1": 2 * residual.sum(0)}
        return np.sum(residual**2), grads


def loss_gradient(k):
    """Of each sample, as in scikit-learn."""

    def loss_gradient(y_true, raw_prediction):
        p = 1 / (1 + np.exp(-raw_prediction))
        loss = np.log1p(np.exp(raw_prediction)) - y_true * raw_prediction
        return loss, k * (p - y_true)

    return loss_gradient


def rows_and_their_gradients(k):
    def loss_gradient(y_true, raw_prediction):
        shifted = np.exp(raw_prediction - raw_prediction.max(axis=1, keepdims=True))
        p = shifted / shifted.sum(axis=1, keepdims=True)
        one_hot = np.eye(raw_prediction.shape[1])[y_true]
        return -np.log((p * one_hot).sum(axis=1)), k * (p - one_hot)

    return loss_gradient


def residuals(p):
    return np.array([p[0] * p[1], np.sin(p[2]), p[3] ** 2 - p[4], p[0] * p[4]]) * 1.0


def jacobian(k):
    def jac(p):
        found = np.zeros((4, 5))
        found[0, 0], found[0, 1] = p[1], p[0]
        found[1, 2] = k * np.cos(p[2])
        found[2, 3], found[2, 4] = 2 * p[3], -1
        found[3, 0], found[3, 4] = p[4], p[0]
        return found

    return jac


def quartic(p):
    return np.sum(p**4) + p[0] * p[1]


def quartic_gradient(p):
    found = 4 * p**3
    found[0] += p[1]
    found[1] += p[0]
    return found


def quartic_hessian(k):
    def hessian(p):
        found = np.diag(k * 12 * p**2)
        found[0, 1] = found[1, 0] = 1
        return found

    return hessian


def hessian_product(k, first=False):
    def product(p, v):
        found = k * 12 * p**2 * v
        found[0] += v[1]
        found[1] += v[0]
        return found

    return (lambda v, p: product(p, v)) if first else product


def logistic_gradient(w, X, y):
    return X.T @ (1 / (1 + np.exp(-X @ w)) - y)


def logistic_hessian(k):
    def hessian(w, X, y):
        p = 1 / (1 + np.exp(-X @ w))
        return k * (X.T * (p * (1 - p))) @ X

    return hessian


DATA = RNG.normal(size=3), X, np.array([0.0, 1.0, 1.0, 0.0])
OF_HESSIAN = {"of": "hessian"}


def all_three(k):
    return lambda p: (quartic(p), quartic_gradient(p), quartic_hessian(k)(p))


def custom_gradient(k):
    @jax.custom_gradient
    def cube(x):
        return x**3, lambda dy: k * 3 * x**2 * dy

    return cube


def rule(k, **options):
    wired = jax.custom_vjp(jnp.sin)
    wired.defvjp(lambda x: (jnp.sin(x), x), lambda x, d: (k * d * jnp.cos(x),), **options)
    return wired


def symbolic(k):
    def backward(x, d):
        if isinstance(d, jax.custom_derivatives.SymbolicZero):
            return (jnp.zeros_like(x),)
        return (k * d * jnp.cos(x),)

    wired = jax.custom_vjp(jnp.sin)
    wired.defvjp(lambda x: (jnp.sin(x.value), x.value), backward, symbolic_zeros=True)
    return wired


def forward_mode(k, **options):
    wired = jax.custom_jvp(jnp.sin)

    def jvp(primals, tangents):
        (x,), (t,) = primals, tangents
        return jnp.sin(x), k * jnp.cos(x) * t

    wired.defjvp(jvp)
    return wired


def hijax(k):
    primitive = pytest.importorskip("jax.experimental.hijax").VJPHiPrimitive

    class Sine(primitive):
        def __init__(self, aval):
            self.in_avals, self.out_aval, self.params = (aval,), aval, {}
            super().__init__()

        def expand(self, x):
            return jnp.sin(x)

        def vjp_fwd(self, nzs_in, x):
            return self(x), x

        def vjp_bwd_retval(self, x, g):
            return (k * g * jnp.cos(x),)

    def sine(x):
        return Sine(jax.typeof(x))(x)

    return sine


FORMS = {
    "forward, backward": Form(two(affine, affine_backward), (X, W, B)),
    "forward, backward of JAX": Form(
        two(lambda x: (jnp.sin(x), x), lambda k: lambda d, x: k * d * jnp.cos(x)), (X,)
    ),
    "backward(cache, dout)": Form(
        two(affine, lambda k: lambda cache, dout: affine_backward(k)(dout, cache)), (X, W, B)
    ),
    "backward(cache, dout), told by trying": Form(
        two(affine, lambda k: lambda one, other: affine_backward(k)(other, one)), (X, W, B)
    ),
    "backward(cache, dout), told by linearity": Form(
        two(lambda x: (np.sin(x), x), lambda k: lambda one, other: k * other * np.cos(one)), (X,)
    ),
    "a Pair with backward(cache, dout)": Form(
        lambda k: Pair(affine, lambda cache, dout: affine_backward(k)(dout, cache)), (X, W, B)
    ),
    "backward(dout, x, w)": Form(
        two(lambda x, w: x @ w, lambda k: lambda dout, x, w: (dout @ w.T, k * x.T @ dout)), (X, W)
    ),
    "backward(dout, x, w), of a cache": Form(
        two(
            lambda x, w: (x @ w, (x, w)),
            lambda k: lambda dout, x, w: (dout @ w.T, k * x.T @ dout),
        ),
        (X, W),
    ),
    "backward(x, w, dout)": Form(
        two(lambda x, w: x @ w, lambda k: lambda x, w, dout: (dout @ w.T, k * x.T @ dout)), (X, W)
    ),
    "backward(dA, cache, activation)": Form(two(activated, activated_backward), (X, W, "tanh")),
    "backward(dout, cache, w)": Form(
        two(
            lambda x, w: (x @ w, x),
            lambda k: lambda dout, cache, w: (dout @ w.T, k * cache.T @ dout),
        ),
        (X, W),
    ),
    "f and f'": Form(two(np.tanh, lambda k: lambda x: k * (1 - np.tanh(x) ** 2)), (X,)),
    "f and f' of a number": Form(two(lambda x: x**3, lambda k: lambda x: k * 3 * x**2), (1.5,)),
    "f and f' that is constant": Form(two(lambda x: 3 * x, lambda k: lambda x: 3.0 * k), (X,)),
    "f and f' of the output": Form(two(np.tanh, lambda k: lambda out: k * (1 - out**2)), (X,)),
    "f and f', one of them of another name": Form(
        two(np.sin, lambda k: lambda v: k * np.cos(v)), (X,)
    ),
    "backward(dout), without a cache": Form(
        two(lambda x: x.T, lambda k: lambda dout: k * dout.T), (X,)
    ),
    "f and its gradient": Form(
        two(optimize.rosen, lambda k: lambda x: k * optimize.rosen_der(x)), (P,)
    ),
    "f and its Jacobian": Form(two(residuals, jacobian), (P,)),
    "(f, f')": Form(lambda k: [(np.sin, lambda x: k * np.cos(x))], (X,)),
    "f and two gradients": Form(
        two(
            lambda w, x: np.sum(np.tanh(x @ w)),
            lambda k: (
                lambda w, x: (
                    k * x.T @ (1 - np.tanh(x @ w) ** 2),
                    (1 - np.tanh(x @ w) ** 2) @ w.T,
                )
            ),
        ),
        (W, X),
    ),
    "(value, grad)": Form(lambda k: lambda w: (np.sum(w**3), k * 3 * w**2), (X,)),
    "(grad, value)": Form(lambda k: lambda w: (k * 3 * w**2, np.sum(w**3)), (X,)),
    "(grad, value) in a ValueAndGrad": Form(
        lambda k: ValueAndGrad(lambda w: (k * 3 * w**2, np.sum(w**3))), (X,)
    ),
    "(value, grad) of a number": Form(lambda k: lambda x: (np.sin(x), k * np.cos(x)), (0.5,)),
    "(value, grad) of shape (1, 1)": Form(
        lambda k: lambda w: (np.sum(w**3, keepdims=True), k * 3 * w**2), (X,)
    ),
    "(value, grad) of JAX": Form(lambda k: lambda w: (jnp.sum(w**3), k * 3 * w**2), (X,)),
    "(value, grad, Hessian)": Form(all_three, (P,)),
    "(loss, dw, db)": Form(
        lambda k: lambda w, b: (np.sum((w + b) ** 2), k * 2 * (w + b), 2 * (w + b).sum(axis=0)),
        (W, B),
    ),
    "(loss, dw) of (w, X, y)": Form(least_squares, (W, X, Y), {"constants": ("X", "y")}),
    "(loss, dw) of (w, X, y), by position": Form(least_squares, (W, X, Y), {"constants": (1, -1)}),
    "(loss, dw) of (w, X, y), told by shape": Form(least_squares, (W, X, Y)),
    "(dw, loss) of (w, X, y)": Form(
        functools.partial(least_squares, order=(1, 0)), (W, X, Y), {"constants": ("X", "y")}
    ),
    "(loss, grads)": Form(of_params, (PARAMS, X, Y)),
    "(loss, grads) by dW": Form(functools.partial(of_params, key="d{}"), (PARAMS, X, Y)),
    "(grads, cost)": Form(functools.partial(of_params, key="d{}", swapped=True), (PARAMS, X, Y)),
    "None for what is data": Form(
        lambda k: lambda w, x: (np.sum((x @ w) ** 2), (k * 2 * x.T @ (x @ w), None)), (W, X)
    ),
    "None for what is data, of a Pair": Form(
        lambda k: Pair(
            lambda x, w: (x @ w, (x, w)), lambda dout, cache: (None, k * cache[0].T @ dout)
        ),
        (X, W),
    ),
    "settings": Form(
        two(batch_norm_forward, batch_norm_backward),
        (X, np.ones(3), np.zeros(3), {"mode": "train", "eps": 1e-5}),
    ),
    "settings with arrays": Form(
        two(batch_norm_forward, batch_norm_backward),
        (X, np.ones(3), np.zeros(3), {"mode": "train", "running_mean": np.zeros(3)}),
    ),
    "three outputs and a cache": Form(two(three_outputs, three_backward), (X, W)),
    "three outputs and a cache, of a tuple": Form(
        two(three_outputs, three_backward_of_a_tuple), (X, W)
    ),
    "three outputs in a tuple": Form(two(three_in_a_tuple, three_backward), (X, W)),
    "the first output alone": Form(two(cell_forward, cell_backward), (X, X[:, :2].copy(), CELL)),
    "(out, backprop)": Form(with_backprop, (X,)),
    "(out, backprop) of JAX": Form(
        lambda k: lambda x: (jnp.sin(x), lambda d: k * d * jnp.cos(x)), (X,)
    ),
    "an object that keeps x": Form(Kept, (X,)),
    "an object without parameters": Form(Square, (X,)),
    "an object that grows": Form(Grown, (X,)),
    "an object of lists": Form(Listed, (P + 3,)),
    "an object with fn and grad": Form(Activation, (X,)),
    "the loss of a net": Form(lambda k: Net(k).loss, (X, Y)),
    "a loss by entry": Form(loss_gradient, (RNG.uniform(size=5), P)),
    "a loss by row": Form(rows_and_their_gradients, (np.array([0, 2, 1, 1]), X)),
    "a Hessian": Form(two(quartic_gradient, quartic_hessian), (P,), OF_HESSIAN),
    "a Hessian and (value, grad)": Form(
        two(lambda p: (quartic(p), quartic_gradient(p)), quartic_hessian), (P,), OF_HESSIAN
    ),
    "a Hessian-vector product": Form(two(quartic_gradient, hessian_product), (P,), OF_HESSIAN),
    "a product, the vector first": Form(
        two(quartic_gradient, functools.partial(hessian_product, first=True)),
        (P,),
        OF_HESSIAN,
    ),
    "a Hessian of (w, X, y)": Form(two(logistic_gradient, logistic_hessian), DATA, OF_HESSIAN),
    "a product of (w, v, X, y)": Form(
        two(logistic_gradient, lambda k: lambda w, p, X, y: logistic_hessian(k)(w, X, y) @ p),
        DATA,
        OF_HESSIAN,
    ),
    "a product of (w, X, y, v)": Form(
        two(logistic_gradient, lambda k: lambda w, X, y, v: logistic_hessian(k)(w, X, y) @ v),
        DATA,
        OF_HESSIAN,
    ),
    "a Pair of gradient and product": Form(
        lambda k: Pair(quartic_gradient, hessian_product(k)), (P,), OF_HESSIAN
    ),
    "(grad, Hessian)": Form(
        lambda k: lambda p: (quartic_gradient(p), quartic_hessian(k)(p)), (P,), OF_HESSIAN
    ),
    "jax.custom_gradient": Form(custom_gradient, (X,)),
    "jax.custom_vjp, optimize_remat": Form(functools.partial(rule, optimize_remat=True), (X,)),
    "jax.custom_vjp, symbolic_zeros": Form(symbolic, (X,)),
    "jax.custom_jvp": Form(forward_mode, (X,)),
    "a primitive of hijax": Form(hijax, (X,)),
}


def examined(form, k, **options):
    made = form.make(k)
    given = made if isinstance(made, list) else [made]
    if isinstance(made, tuple) and not isinstance(made, Pair | ValueAndGrad):
        given = [*made]
    return explain(*given, *form.arguments, **form.options, **options)


@pytest.mark.turns(2)
@pytest.mark.parametrize("name", FORMS)
def test_what_is_right_is_right(name):
    report = examined(FORMS[name], 1.0, depth="quick")
    assert report.right, report
    assert report.entries


@pytest.mark.turns(2)
@pytest.mark.parametrize("name", FORMS)
def test_a_mistake_is_found(name):
    assert not examined(FORMS[name], 1.01, depth="quick").right


LIFTED = [  # NumPy code that autodiff can see, in a form of which fnet makes functions of its own
    "backward(cache, dout), told by trying",
    "backward(dA, cache, activation)",
    "f and f'",
    "(grad, value)",
    "(grads, cost)",
    "three outputs and a cache",
    "(out, backprop)",
    "an object that keeps x",
    "an object that grows",
    "the loss of a net",
    "a loss by entry",
    "a Hessian-vector product",
]


@pytest.mark.parametrize("name", LIFTED)
def test_autodiff_sees_it(name):
    report = examined(FORMS[name], 1.0, depth="quick")
    assert report.right
    assert not any("differences alone" in note for note in report.notes), report


@pytest.mark.parametrize("name", [name for name in FORMS if "jax" in name])
def test_a_rule_of_jax_is_compared_with_the_function_without_it(name):
    report = examined(FORMS[name], 1.0, depth="quick")
    assert report.right
    assert report.notes == ()
    assert examined(FORMS[name], 1.01, depth="quick").findings[0].kind == "factor"


FULL = [
    "forward, backward",
    "backward(cache, dout)",
    "f and its Jacobian",
    "(value, grad, Hessian)",
    "(loss, dw) of (w, X, y)",
    "(grads, cost)",
    "settings with arrays",
    "three outputs and a cache",
    "(out, backprop)",
    "an object that keeps x",
    "an object that grows",
    "a loss by entry",
    "a Hessian-vector product",
    "jax.custom_vjp, symbolic_zeros",
]


@pytest.mark.turns(2)
@pytest.mark.parametrize("name", FULL)
def test_every_check_takes_such_a_form(name):
    assert examined(FORMS[name], 1.0).right


class Tensor:
    """What fnet asks of a tensor, and enough arithmetic for a tanh."""

    def __init__(self, array, rule=None):
        self.array, self.rule, self.requires_grad, self.dtype = array, rule, rule is not None, None

    def requires_grad_(self):
        self.requires_grad = True
        return self

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        return self.array


def torch_of(k):
    """A torch with one function, x @ w, whose rule for w is k times what it should be."""

    class Function:
        @classmethod
        def apply(cls, *tensors):
            context = types.SimpleNamespace()
            out = cls.forward(context, *tensors)
            out.rule, out.requires_grad = (cls, context, tensors), True
            return out

    Function.__module__ = "torch.autograd.function"

    class Product(Function):
        @staticmethod
        def forward(ctx, x, w, scale):
            ctx.saved = x, w, scale
            return Tensor(scale * x.array @ w.array)

        @staticmethod
        def backward(ctx, dout):
            x, w, scale = ctx.saved
            d = scale * dout.array
            return Tensor(d @ w.array.T), Tensor(k * x.array.T @ d), None

    def grad(outs, inputs, douts, retain_graph, allow_unused):
        cls, context, tensors = outs[0].rule
        by_id = {id(t): g for t, g in zip(tensors, cls.backward(context, douts[0]), strict=True)}
        return [by_id.get(id(tensor)) for tensor in inputs]

    torch = types.SimpleNamespace(
        from_numpy=Tensor,
        as_tensor=lambda array, dtype: Tensor(array),
        autograd=types.SimpleNamespace(grad=grad),
    )
    return torch, Product


@pytest.mark.parametrize("way", ["Function", "Function.apply", "a function of tensors"])
def test_a_function_of_torch(monkeypatch, way):
    for k in (1.0, 1.01):
        torch, product = torch_of(k)

        def doubled(x, w, product=product):
            return product.apply(x, w, 2.0)

        monkeypatch.setitem(sys.modules, "torch", torch)
        subject, given = product, (X, W, 2.0)
        if way == "Function.apply":
            subject = product.apply
        if way == "a function of tensors":
            subject, given = doubled, (Tensor(X), Tensor(W))
        assert explain(subject, *given, depth="quick").right == (k == 1.0)


class Model:
    """What fnet asks of a model of thinc: here x @ W + b."""

    def __init__(self, k, params=None):
        self.k, self.name, self.param_names = k, "linear", ("W", "b")
        self.params, self.grads = dict(params or {}), {}

    def copy(self):
        return Model(self.k, self.params)

    def walk(self):
        return [self]

    def initialize(self, X):
        self.params = {"W": np.zeros((X.shape[1], 2), "f"), "b": np.zeros(2, "f")}

    def has_param(self, name):
        return True if name in self.params else None

    def get_param(self, name):
        return self.params[name]

    def set_param(self, name, value):
        self.params[name] = value

    def get_grad(self, name):
        return self.grads[name]

    def set_grad(self, name, value):
        self.grads[name] = value

    def __call__(self, x, is_train):
        def backprop(dy):
            self.grads["W"] += self.k * x.T @ dy
            self.grads["b"] += dy.sum(axis=0)
            return dy @ self.params["W"].T

        return x @ self.params["W"] + self.params["b"], backprop


Model.__module__ = "thinc.model"


def test_a_model_of_thinc():
    for params in (None, {"W": W, "b": B}):
        assert explain(Model(1.0, params), X, depth="quick").right
        report = explain(Model(1.01, params), X, depth="quick")
        assert [finding.leaf for finding in report.findings] == ["dparams['0.linear.W']"]


def test_a_primitive_of_autograd(monkeypatch):
    def primitive(*arguments):
        return np.logaddexp(*arguments)

    def make_vjp(k):
        def of(function, number):
            def at(x, y):
                if number:
                    raise NotImplementedError("VJP of argument 1 is not defined")
                return lambda d: k * d / (1 + np.exp(y - x)), function(x, y)

            return at

        return of

    primitive._is_autograd_primitive, primitive.fun = True, lambda x, y: np.logaddexp(x, y)
    for k in (1.0, 1.01):
        library = types.SimpleNamespace(make_vjp=make_vjp(k))
        monkeypatch.setitem(sys.modules, "autograd", library)
        report = explain(primitive, X, X[::-1].copy(), depth="quick")
        assert report.right == (k == 1.0)
        assert any("no gradient is returned for y" in note for note in report.notes)


def test_the_real_libraries_where_they_are_installed():
    torch = pytest.importorskip("torch")

    def of(k):
        class Tanh(torch.autograd.Function):
            @staticmethod
            def forward(ctx, x, w):
                y = torch.tanh(x @ w)
                ctx.save_for_backward(x, w, y)
                return y

            @staticmethod
            def backward(ctx, dout):
                x, w, y = ctx.saved_tensors
                d = dout * (1 - y * y)
                return d @ w.T, k * x.T @ d

        class Module(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.w = torch.nn.Parameter(torch.as_tensor(W))

            def forward(self, x):
                return Tanh.apply(x, self.w)

        class Own(Module):
            def forward(self, x):
                self.x = x
                return x @ self.w

            def backward(self, dout):
                self.w.grad = k * self.x.T @ dout
                return dout @ self.w.T

        x, w = torch.as_tensor(X), torch.as_tensor(W).float()
        yield Tanh, X, W
        yield Tanh.apply, x, w
        yield Module(), X
        yield Own(), x.float()
        yield lambda x: (torch.exp(x), x), lambda d, x: k * d * torch.exp(x), x

    for k in (1.0, 1.01):
        for subject, *arguments in of(k):
            report = explain(subject, *arguments, depth="quick")
            assert report.right == (k == 1.0), report


def randomly(rng, k=1.0):
    """Dropout as a pair."""

    def dropout(x):
        mask = (rng().uniform(size=x.shape) < 0.5) / 0.5
        return x * mask, mask

    return Pair(dropout, lambda dout, mask: k * dout * mask)


def test_randomness_without_a_seed_is_the_forward_pass_s():
    for rng in (np.random.default_rng, lambda: np.random):
        finding = explain(randomly(rng), X).findings[0]
        assert finding.kind == "not deterministic"
        assert "the forward pass returns different numbers" in finding.why
    assert explain(randomly(lambda: np.random.default_rng(0)), X).right
    assert not explain(randomly(lambda: np.random.default_rng(0), 1.01), X).right


def narrow():
    def softmax(z):
        p = np.exp(z - z.max(axis=1, keepdims=True))
        return p / p.sum(axis=1, keepdims=True)

    yield Pair(lambda x: (np.exp(x), x), lambda d, x: d * np.exp(x)), (X,)
    yield Pair(lambda x: (np.sinh(x), x), lambda d, x: d * np.cosh(x)), (X,)
    yield Pair(lambda x: (np.expm1(x), x), lambda d, x: d * np.exp(x)), (X,)

    def loss(x, labels):
        p, rows = softmax(x), np.arange(len(x))
        d = p.copy()
        d[rows, labels] -= 1
        return -np.log(p[rows, labels]).mean(), d / len(x)

    yield ValueAndGrad(loss), (X, np.array([0, 2, 1, 1]))


@pytest.mark.parametrize("number", range(4))
def test_narrow_arrays_of_numpy_are_checked_like_wide_ones(number):
    """NumPy and XLA differ by a unit in the last place of float32, which is no other function."""
    subject, (x, *rest) = [*narrow()][number]
    wide = explain(subject, x, *rest)
    for dtype in (np.float32, np.float16):
        report = explain(subject, x.astype(dtype), *rest)
        assert report.right, report
        assert not any("differences alone" in note for note in report.notes)
        assert report.entries == wide.entries


def test_functions_that_stay_narrow_are_lifted_all_the_same():
    def forward(x):
        return np.exp(x.astype(np.float32)), x

    report = explain(Pair(forward, lambda d, x: d * np.exp(x)), X, depth="quick")
    assert report.right
    assert not any("differences alone" in note for note in report.notes)


def test_a_function_of_a_module_is_the_function(monkeypatch):
    """`helpers.filled` makes an array to write into, as `filled` would."""
    helpers = types.ModuleType("helpers")
    source = """
import numpy as np

def filled(x):
    out = np.zeros(x.shape)
    for i in range(len(x)):
        out[i] = np.tanh(x[i])
    return out
"""
    exec(compile(source, "helpers.py", "exec"), vars(helpers))
    monkeypatch.setitem(globals(), "helpers", helpers)
    monkeypatch.setitem(globals(), "filled", helpers.filled)
    by_module = Pair(lambda x: (helpers.filled(x), x), lambda d, x: d * (1 - np.tanh(x) ** 2))
    by_name = Pair(lambda x: (filled(x), x), lambda d, x: d * (1 - np.tanh(x) ** 2))  # noqa: F821
    reports = [explain(pair, X) for pair in (by_module, by_name)]
    assert all(report.right for report in reports)
    assert reports[0].entries == reports[1].entries
    assert reports[0].notes == reports[1].notes
    assert not any("differences alone" in note for note in reports[0].notes)


def test_long_loops_are_said_to_be_long():
    calls = []

    def convolution(x):
        out = np.zeros((x.shape[0] - 2, x.shape[1] - 2))
        for i in range(out.shape[0]):
            for j in range(out.shape[1]):
                calls.append((i, j))
                out[i, j] = np.sum(x[i : i + 3, j : j + 3])
        return out, x.shape

    def backward(dout, shape):
        dx = np.zeros(shape)
        for i in range(dout.shape[0]):
            for j in range(dout.shape[1]):
                dx[i : i + 3, j : j + 3] += dout[i, j]
        return dx

    x = RNG.normal(size=(40, 40))
    found, why = by_lifting(convolution, (x,), lambda returned: returned[0])
    assert found is None
    assert why == (
        f"its loops are longer than {thresholds.LIFTED} operations; give smaller arrays for "
        "autodiff to see it"
    )
    assert len(calls) <= thresholds.LIFTED  # a third of them with three operations each
    report = explain(Pair(convolution, backward), x[:5, :6])
    assert report.right
    assert not report.notes
    report = explain(Pair(convolution, backward), x[:14, :14], depth="quick")
    assert report.right
    assert any("its loops are longer" in note for note in report.notes)


def test_long_loops_are_not_traced_either():
    """Python's own operators work on tracers: to trace 3 * 2,000 operations takes seconds, to
    compile them an hour."""
    kinds = set()

    def products(x):
        kinds.add(type(x))
        total = 0.0
        for i in range(len(x)):
            total = total + x[i] ** 2 * x[i - 1]
        return total, x

    def backward(dout, x):
        dx = np.zeros(len(x))
        for i in range(len(x)):
            dx[i] += 2 * x[i] * x[i - 1]
            dx[i - 1] += x[i] ** 2
        return dout * dx

    report = explain(Pair(products, backward), RNG.normal(size=2_000), depth="quick")
    assert report.right
    assert any("its loops are longer" in note for note in report.notes)
    assert not any(issubclass(kind, jax.core.Tracer) for kind in kinds)
    short = explain(Pair(products, backward), RNG.normal(size=5), depth="quick")
    assert short.right
    assert not short.notes


def test_arrays_are_given_in_the_shapes_of_the_user_alone():
    shapes = set()

    def z_scores(x):
        shapes.add(np.shape(x))
        deviation = x.std(axis=0, ddof=1)
        return (x - x.mean(axis=0)) / deviation, (x, deviation)

    def backward(dout, cache):
        x, deviation = cache
        z = (x - x.mean(axis=0)) / deviation
        along = (dout * z).sum(axis=0) / (len(x) - 1)
        return (dout - dout.mean(axis=0) - z * along) / deviation

    assert explain(Pair(z_scores, backward), X).right
    assert shapes == {X.shape}


class Blank(Exception):
    """Said without a word."""


def test_exceptions_that_say_nothing():
    def forward(x):
        if not isinstance(x, np.ndarray):
            raise Blank
        return np.sin(x), x

    report = explain(Pair(forward, lambda d, x: d * np.cos(x)), X, depth="quick")
    assert report.right
    with pytest.raises(ConfigurationError, match="raises Blank"):
        explain(lambda x: forward(x)[0], X)


def refused():
    def loss(w, v):
        return np.sum(w * v), v

    yield loss, (X, X + 1), "constants=('v',)"
    yield lambda x: np.sin(np.asarray(x)), (X,), "check_gradients(f, derivative, x)"
    yield 3, (X,), "check_gradients(forward, backward, x, w)"
    square = Pair(lambda a, b: (a @ b, (a, b)), lambda d, c: (d @ c[1].T,))
    yield square, (X, W), "constants=('b',)"

    def product(p, q):
        return p @ q.T

    yield (lambda x: (x.copy(), x.copy())), (product, RNG.normal(size=(3, 3))), "say which"
    yield Pair(np.sin, np.cos), (X,), "check_gradients(f, derivative, x)"
    yield ValueAndGrad(np.sum), (X,), "must return a tuple (value, gradients)"
    named = Pair(affine, lambda dout, cache: {"dz": dout})
    yield named, (X, W, B), 'return {"dx": …, "dw": …, "db": …}'
    yield (lambda x: 2 * x), (lambda dout, cache, more: dout, X), "these would do"
    options = OF_HESSIAN
    yield quartic, (quartic_hessian(1.0), P), "returns no gradient", options
    yield quartic_gradient, (P,), "must return (gradient, Hessian)", options
    yield quartic_gradient, (lambda a, b, c, d: a, P), "takes neither", options


@pytest.mark.parametrize("number", range(12))
def test_a_refusal_ends_with_lines_that_would_do(number):
    subject, arguments, words, *options = [*refused()][number]
    with pytest.raises(ConfigurationError) as caught:
        explain(subject, *arguments, **(options[0] if options else {}))
    _, *would_do = str(caught.value).splitlines()
    assert 1 <= len(would_do) <= 3
    assert words in str(caught.value)
    assert all(line.startswith("  ") for line in would_do)


def test_a_derivative_of_the_output_is_said_to_be_one_and_is_none_of_the_input():
    report = explain(np.tanh, lambda out: 1 - out**2, X)
    assert any("taken as a function of the output" in note for note in report.notes)
    assert not explain(np.tanh, lambda x: 1 - x**2, X).right  # tanh is forgotten


def test_constants_that_are_not_there():
    with pytest.raises(ConfigurationError, match="constants names 'z'; its arguments are w, X, y"):
        explain(least_squares(1.0), W, X, Y, constants="z")
    with pytest.raises(ConfigurationError, match="of is 'slope'"):
        explain(least_squares(1.0), W, X, Y, of="slope")


def test_constants_are_not_moved():
    """A gradient by what is constant may be anything, and what is checked twice is checked anew."""

    def forward(x, w):
        return x @ w, (x, w)

    def backward(dout, cache):
        return np.full(X.shape, 7.0), cache[0].T @ dout

    pair = Pair(forward, backward)
    assert explain(pair, X, W, constants=("x",)).right
    assert not explain(pair, X, W).right
    assert explain(pair, X, W, constants=0).right


def test_the_user_s_arguments_are_not_written_to():
    settings = {"mode": "train", "eps": 1e-5}
    check_gradients(batch_norm_forward, batch_norm_backward(1.0), X, X[0], X[1], settings)
    assert settings == {"mode": "train", "eps": 1e-5}
    kept = Kept(1.0)
    check_gradients(kept, X)
    assert not hasattr(kept, "x")


def test_an_array_before_a_number_need_not_be_its_gradient():
    """A bijector's output and its log determinant, say, of which JAX has the derivatives."""

    def with_log_det(x):
        return jnp.tanh(x), jnp.log1p(-(jnp.tanh(x) ** 2)).sum()

    def scaled(a, b, x):
        return a * x + b, jnp.log(jnp.abs(a)).sum()

    x = np.array([0.3, -0.2, 1.0])

    def softplus(x):
        return jnp.logaddexp(x, 0), jax.nn.log_sigmoid(x).sum()

    assert explain(with_log_det, x).right
    assert explain(softplus, x).right
    assert explain(with_log_det, x[0]).right
    assert explain(scaled, x, np.ones(3), 2 * x).right
    assert not explain(lambda x: (2.02 * x, (x * x).sum()), x).right
