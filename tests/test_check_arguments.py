"""What arguments, caches and gradients may be: keys, None, integers, callables, static arrays."""

import dataclasses
import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from fnet.check import Pair, ValueAndGrad, check_gradients, explain
from fnet.errors import ConfigurationError

RNG = np.random.default_rng(0)
X, W = RNG.normal(size=(4, 3)), RNG.normal(size=(3, 2))
TYPED, RAW = jax.random.key(3), jax.random.PRNGKey(3)
KEYS = jax.random.split(TYPED, 4)
MASK = np.array([True, False, True])


def rule(function, forward, backward, **options):
    """A jax.custom_vjp of these."""
    wired = jax.custom_vjp(function, **options)
    wired.defvjp(forward, backward)
    return wired


def noise(key, x):
    return jax.random.normal(key, x.shape, x.dtype)


def noisy(x, key):
    return x * noise(key, x)


def noisy_forward(x, key):
    return noisy(x, key), (x, key)


def noisy_backward(dout, cache):
    x, key = cache
    return dout * noise(key, x), None


def noisy_rows(x, keys):
    return jax.vmap(noisy)(x, keys)


def of_tree(p, x):
    return noisy(x @ p["w"], p["key"]), (p, x)


def of_tree_backward(dout, cache):
    p, x = cache
    d = noisy(dout, p["key"])
    return {"w": x.T @ d, "key": None}, d @ p["w"].T


def dense(p, x):
    return x @ p["w"] if p["b"] is None else x @ p["w"] + p["b"]


def dense_backward(cache, d):
    p, x = cache
    return {"w": x.T @ d, "b": None if p["b"] is None else d.sum(0)}, d @ p["w"].T


class Weights(NamedTuple):
    w: Any
    b: Any


@dataclasses.dataclass
class Scaled:
    """Equal to others by its fields, and so without a hash."""

    k: float
    factor: float = 1.0

    def __call__(self, x):
        return self.k * x**2

    def forward(self, x):
        return self.k * x**2, x

    def backward(self, dout, x):
        return self.factor * 2 * self.k * x * dout


@dataclasses.dataclass
class Forward(Scaled):
    def __call__(self, x):
        return self.forward(x)


@dataclasses.dataclass
class Backward(Scaled):
    def __call__(self, dout, x):
        return self.backward(dout, x)


def times(factor=1.0, **where):
    """x · m, of an m that is not differentiated."""

    def product(x, m):
        return x * m.astype(x.dtype)

    return rule(
        product,
        lambda x, m: (product(x, m), ()),
        lambda m, cache, d: (factor * product(d, m),),
        **where,
    )


def power(x, n):
    return x ** int(n)


def chosen(x, which):
    return x[which] ** 2, (x, which)


def chosen_backward(dout, cache, factor=2.0):
    x, which = cache
    return jnp.zeros_like(x).at[which].set(factor * x[which] * dout), None


def keys_of_either_kind():
    for kind, key in (("typed", TYPED), ("raw", RAW)):
        yield f"a {kind} key, given", Pair(noisy_forward, noisy_backward), (X, key)
        alone = Pair(noisy_forward, lambda dout, cache: noisy_backward(dout, cache)[0])
        yield f"a {kind} key, given, one gradient", alone, (X, key)
        closed = Pair(lambda x, k=key: (noisy(x, k), x), lambda d, x, k=key: noisy(d, k))
        yield f"a {kind} key, by default", closed, (X,)
        partial = Pair(
            functools.partial(lambda k, x: (noisy(x, k), x), key),
            functools.partial(lambda k, d, x: noisy(d, k), key),
        )
        yield f"a {kind} key, bound", partial, (X,)
        value = ValueAndGrad(lambda x, k=key: (noisy(x, k).sum(), noise(k, x)))
        yield f"a {kind} key, of a value and its gradient", value, (X,)
        vjp = rule(noisy, noisy_forward, lambda cache, d: noisy_backward(d, cache))
        yield f"a {kind} key, of a rule", vjp, (X, key)
        yield f"a {kind} key, of a plain function", lambda x, k=key: noisy(x, k), (X,)
        yield f"a {kind} key, in a tree", Pair(of_tree, of_tree_backward), ({"w": W, "key": key}, X)
        split = Pair(
            lambda x, k: ((noisy(x, k), jax.random.split(k)), (x, k)),
            lambda d, cache: noisy_backward(d[0], cache),
        )
        yield f"a {kind} key, returned", split, (X, key)


RIGHT = {name: (subject, arguments) for name, subject, arguments in keys_of_either_kind()} | {
    "a key for each row": (
        Pair(lambda x, k: (noisy_rows(x, k), k), lambda d, k: (noisy_rows(d, k), None)),
        (X, KEYS),
    ),
    "a key beside an array of NumPy": (
        Pair(
            lambda p: (np.asarray(p["x"]) ** 2, p),
            lambda d, p: ({"x": 2 * d * p["x"], "key": None},),
        ),
        ({"x": X, "key": TYPED},),
    ),
    "None in a dict": (
        rule(dense, lambda p, x: (dense(p, x), (p, x)), dense_backward),
        ({"w": W, "b": None}, X),
    ),
    "None in a NamedTuple": (
        Pair(
            lambda p, x: (x @ p.w, (p, x)), lambda d, c: (Weights(c[1].T @ d, None), d @ c[0].w.T)
        ),
        (Weights(W, None), X),
    ),
    "None in a list": (ValueAndGrad(lambda p: ((p[0] ** 2).sum(), [2 * p[0], None])), ([W, None],)),
    "None in the output": (Pair(lambda x: ((None, x**2), x), lambda d, x: 2 * x * d[1]), (X,)),
    "None for a branch": (
        Pair(
            lambda p, x: (x @ p["l"]["w"], (p, x)),
            lambda d, c: ({"l": {"w": c[1].T @ d}, "unused": None}, d @ c[0]["l"]["w"].T),
        ),
        ({"l": {"w": W}, "unused": {"a": W, "b": W}}, X),
    ),
    "a callable without a hash": (Scaled(2.0), (X,)),
    "a pair of them": (Pair(Forward(2.0), Backward(2.0)), (X,)),
    "an argument without a hash": (
        Pair(lambda f, x: (f(x), (f, x)), lambda d, c: (None, c[0].backward(d, c[1]))),
        (Scaled(2.0), X),
    ),
    "a mask that is static": (times(nondiff_argnums=(1,)), (X, MASK)),
    "a mask that is static by name": (times(nondiff_argnames=("m",)), (X, MASK)),
    "numbers that are static": (times(nondiff_argnums=(1,)), (X, np.array([1.0, 0.5, 2.0]))),
    "a mask that is static, further in": (
        lambda x, m: times(nondiff_argnums=(1,))(x, m),
        (X, MASK),
    ),
    "an exponent that is static": (
        rule(
            power,
            lambda x, n: (power(x, n), x),
            lambda n, x, d: (d * int(n) * x ** int(n - 1),),
            nondiff_argnums=(1,),
        ),
        (X, np.int64(3)),
    ),
    "a mask that chooses": (Pair(chosen, chosen_backward), (X, np.array([1, 0, 1, 1], bool))),
    "a number that is a size": (
        Pair(
            lambda x, n: (x[: int(n)] ** 2, (x, n)),
            lambda d, c: (
                jnp.zeros_like(c[0]).at[: int(c[1])].set(2 * c[0][: int(c[1])] * d),
                None,
            ),
        ),
        (X, np.int64(2)),
    ),
    "zeros for integers": (
        Pair(
            lambda x, i: (x[i], (x, i)),
            lambda d, c: (jnp.zeros_like(c[0]).at[c[1]].add(d), jnp.zeros_like(c[1])),
        ),
        (X, np.array([0, 1, 1])),
    ),
    "float0 for integers": (
        Pair(
            lambda x, i: (x[i], (x, i)),
            lambda d, c: (jnp.zeros_like(c[0]).at[c[1]].add(d), np.zeros(3, jax.dtypes.float0)),
        ),
        (X, np.array([0, 1, 1])),
    ),
    "words": (
        ValueAndGrad(lambda w, words: (w.sum() * (words[0] == "a"), (np.ones_like(w), None))),
        (X, np.array(["a", "b"])),
    ),
}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_gradient_of_such_arguments_is_right(name):
    subject, arguments = RIGHT[name]
    report = check_gradients(subject, *arguments, depth="quick")
    assert not any("differences alone" in note for note in report.notes), report


WRONG = {
    "a key for each row, in another order": (
        Pair(lambda x, k: (noisy_rows(x, k), k), lambda d, k: (noisy_rows(d, k[::-1]), None)),
        (X, KEYS),
    ),
    "None in a tree, and twice": (
        Pair(
            lambda p, x: (x @ p.w, (p, x)),
            lambda d, c: (Weights(2 * c[1].T @ d, None), d @ c[0].w.T),
        ),
        (Weights(W, None), X),
    ),
    "None for what has a gradient": (
        Pair(lambda p: (p["a"] * p["b"], p), lambda d, p: {"a": d * p["b"], "b": None}),
        ({"a": X, "b": X + 1},),
    ),
    "a pair without a hash": (Pair(Forward(2.0), Backward(2.0, factor=3.0)), (X,)),
    "a mask that is static": (times(2.0, nondiff_argnums=(1,)), (X, MASK)),
    "a mask that chooses": (
        Pair(chosen, lambda d, c: chosen_backward(d, c, factor=1.0)),
        (X, np.array([1, 0, 1, 1], bool)),
    ),
}


@pytest.mark.parametrize("depth", ["quick", "full"])
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_gradient_of_such_arguments_is_wrong(name, depth):
    subject, arguments = WRONG[name]
    assert not explain(subject, *arguments, depth=depth).right


FULL = [
    "a typed key, given",
    "a typed key, in a tree",
    "a typed key, returned",
    "a typed key, bound",
    "a raw key, in a tree",
    "a key for each row",
    "a key beside an array of NumPy",
    "None in a dict",
    "None in the output",
    "a pair of them",
    "numbers that are static",
    "a number that is a size",
    "a mask that chooses",
]


@pytest.mark.parametrize("name", FULL)
def test_every_check_takes_such_arguments(name):
    subject, arguments = RIGHT[name]
    assert check_gradients(subject, *arguments).right


def test_what_is_held_is_not_taken_for_another():
    """Programs are kept by what they compute, and a held array is a part of them."""
    masked = times(nondiff_argnums=(1,))
    for mask in (MASK, ~MASK, MASK.copy()):
        assert explain(masked, X, mask, depth="quick").right


@pytest.mark.parametrize(
    ("subject", "arguments", "words"),
    [
        (
            lambda x, m: times(nondiff_argnums=(1,))(x, m),
            (X, np.ones(3)),
            "JAX cannot trace m, and so gives no gradient by it; bind it by functools.partial",
        ),
        (
            lambda x: np.sin(np.asarray(x)),
            (X,),
            r"give Pair\(forward, backward\).*tracing it raises",
        ),
        (jax.jit(times(nondiff_argnums=(1,))), (X, MASK), "JAX rejects it: .* functools.partial"),
        (Pair(lambda i: (i**2, i), lambda d, i: None), (np.arange(3),), "given: int64"),
        (lambda k: jax.random.normal(k, (3,)), (TYPED,), r"given: key<fry>"),
    ],
)
def test_what_cannot_be_taken_is_named(subject, arguments, words):
    with pytest.raises(ConfigurationError, match=words):
        explain(subject, *arguments)
