"""Is a backward pass right? Ask `jax.vjp` of the plain forward, entry by entry, in float64.

>>> from fnet.check import check_layer
>>> from fnet.layers import affine
>>> check_layer(affine(5), (7,)).entries > 0
True
"""

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree

from fnet.core import Layer, Loss, Shape
from fnet.errors import ConfigurationError, GradientMismatch

RTOL = 1e-7  # of the entry itself
ATOL = 1e-12  # of the largest entry of its array: what rounding leaves where terms cancel


class Report(NamedTuple):
    """What was compared: how many entries, and the largest error, relative to its array's size."""

    entries: int
    error: float


def check_layer(layer: Layer, shape: Shape, *, batch_size: int = 3, seed: int = 0) -> Report:
    """Compare `backward`, `jax.grad` through `apply`, and the penalty's gradient with autodiff.

    `shape` is that of one example. Everything runs in float64, switched on here alone, with random
    parameters and cotangents, at inputs of plain, tiny (1e-6) and huge (1e3) size, at zero, with
    ties, with constant columns and with a batch of one. The oracle is `jax.vjp` of
    `layer.forward`; an entry is right within 1e-7 of itself, or 1e-12 of its array's largest.

    Raises `GradientMismatch`, which names the leaf, the worst index, both values there, and how
    many entries are wrong. To differentiate `forward` at a kink, its autodiff must choose the
    side that `backward` chooses: `jnp.maximum(x, 0)` takes half of each at 0.
    """
    if not isinstance(layer, Layer):
        raise ConfigurationError(f"check_layer: {layer!r} is not a Layer; write relu(), not relu")
    rng = np.random.default_rng(seed)
    with jax.enable_x64(True):
        params = _random_params(layer, shape, rng)
        gradients = _gradients(layer)
        dy_of = functools.partial(_cotangent, layer, params, rng)
        reports = []
        for where, x in _inputs(rng, (batch_size, *shape)):
            backward, applied, expected = gradients(params, x, dy_of(x))
            reports.append(_compare(layer, where, backward, expected))
            reports.append(_compare(layer, f"{where}, through apply", applied, expected))
        if layer.penalty is not None:
            reports.append(_check_penalty(layer, params))
    return _merge(reports)


def check_loss(loss: Loss, y: Any, target: Any, where: Any = None) -> Report:
    """Compare a loss's gradient, and `jax.grad` through its `apply`, with autodiff of its value.

    `y` and `target` are as the loss takes them; y is converted to float64. Raises
    `GradientMismatch` as `check_layer` does.
    """

    def gradients(y: Array, weights: Array) -> tuple[Array, ...]:
        value, vjp = jax.vjp(lambda y: loss.value_and_grad(y, target, where)[0], y)
        applied = jax.vjp(lambda y: loss.apply(y, target, where), y)[1](weights)[0]
        direct = loss.value_and_grad(y, target, where)[1]
        return direct, vjp(jnp.ones_like(value))[0], applied, vjp(weights)[0]

    with jax.enable_x64(True):
        y, target = jnp.asarray(y, jnp.float64), jnp.asarray(target)
        shape = jax.eval_shape(lambda y: loss.apply(y, target, where), y).shape
        weights = jnp.asarray(np.random.default_rng(0).normal(size=shape))
        direct, sum_of, applied, weighted = jax.jit(gradients)(y, weights)
        return _merge(
            [
                _compare(loss, "at y", {"dy": direct}, {"dy": sum_of}),
                _compare(loss, "through apply", {"dy": applied}, {"dy": weighted}),
            ]
        )


def _random_params(layer: Layer, shape: Shape, rng: np.random.Generator) -> ArrayTree:
    """Parameters as the layer draws them, each moved, so that none is left at zero."""
    params, _ = layer.init(jax.random.key(int(rng.integers(2**31))), shape)
    return jax.tree.map(
        lambda leaf: jnp.asarray(np.float64(leaf) + 0.1 * rng.normal(size=leaf.shape)), params
    )


def _inputs(rng: np.random.Generator, shape: Shape) -> Iterator[tuple[str, Array]]:
    plain = rng.normal(size=shape)
    yield "plain input", jnp.asarray(plain)
    yield "tiny input", jnp.asarray(1e-6 * plain)
    yield "huge input", jnp.asarray(1e3 * plain)
    yield "zero input", jnp.asarray(np.zeros(shape))
    yield "input with ties", jnp.asarray(plain.round())
    yield "constant columns", jnp.asarray(np.broadcast_to(plain[:1], shape))
    yield "batch of one", jnp.asarray(plain[:1])


def _cotangent(layer: Layer, params: ArrayTree, rng: np.random.Generator, x: Array) -> Array:
    y = jax.eval_shape(lambda params, x: layer.forward(params, x)[0], params, x)
    return jnp.asarray(rng.normal(size=y.shape))


def _gradients(layer: Layer) -> Any:
    """One compiled function for the gradients of `backward`, of `apply`, and of the oracle."""

    def named(pair: tuple[ArrayTree, Array]) -> dict[str, ArrayTree]:
        dparams, dx = pair
        return {"dparams": dparams, "dx": dx}

    @jax.jit
    def gradients(params: ArrayTree, x: Array, dy: Array) -> tuple[ArrayTree, ...]:
        _, cache = layer.forward(params, x)
        oracle = jax.vjp(lambda params, x: layer.forward(params, x)[0], params, x)[1]
        applied = jax.vjp(lambda params, x: layer.apply(params, x), params, x)[1]
        return named(layer.backward(params, cache, dy)), named(applied(dy)), named(oracle(dy))

    return gradients


def _check_penalty(layer: Layer, params: ArrayTree) -> Report:
    assert layer.penalty is not None
    penalty = layer.penalty

    @jax.jit
    def gradients(params: ArrayTree) -> tuple[ArrayTree, ...]:
        oracle = jax.grad(lambda params: 3 * penalty.value_and_grad(params)[0])(params)
        applied = jax.grad(lambda params: 3 * penalty.apply(params))(params)
        direct = jax.tree.map(lambda d: 3 * d, penalty.value_and_grad(params)[1])
        return {"dpenalty": direct}, {"dpenalty": applied}, {"dpenalty": oracle}

    direct, applied, expected = gradients(params)
    through = _compare(layer, "penalty, through apply", applied, expected)
    return _merge([_compare(layer, "penalty", direct, expected), through])


def _compare(subject: Any, where: str, actual: ArrayTree, expected: ArrayTree) -> Report:
    """Both trees, leaf by leaf; the first that differs raises."""
    tree: Any = jax.tree.structure(expected)
    if jax.tree.structure(actual) != tree:
        raise GradientMismatch(
            f"{subject}: the gradient's tree is {jax.tree.structure(actual)}, and must be that of "
            f"what it is the gradient of, {tree}",
            leaf="",
        )
    paths = [
        path[0].key + jax.tree_util.keystr(path[1:])
        for path, _ in jax.tree_util.tree_leaves_with_path(expected)
    ]
    leaves = zip(paths, jax.tree.leaves(actual), jax.tree.leaves(expected), strict=True)
    return _merge([_compare_leaf(f"{subject}: {leaf}", leaf, where, a, e) for leaf, a, e in leaves])


def _compare_leaf(name: str, leaf: str, where: str, actual: Any, expected: Any) -> Report:
    a, e = np.asarray(actual), np.asarray(expected)
    if a.shape != e.shape or a.dtype != e.dtype:
        raise GradientMismatch(
            f"{name} is {a.shape} {a.dtype} and must be {e.shape} {e.dtype} ({where})", leaf=leaf
        )
    size = np.abs(e).max(initial=0, where=np.isfinite(e))
    with np.errstate(invalid="ignore"):
        equal = (a == e) | (np.isnan(a) & np.isnan(e))
        difference = np.where(equal, 0, np.abs(a - e))
        # Only of finite entries: any number at all is within a tolerance of infinity.
        close = np.isfinite(e) & (difference <= RTOL * np.abs(e) + ATOL * size)
    wrong = ~(equal | close)
    if wrong.any():
        worst = np.where(wrong, np.nan_to_num(difference, nan=np.inf), -1).argmax()
        index = tuple(int(i) for i in np.unravel_index(worst, a.shape))
        raise GradientMismatch(
            f"{name}{list(index)} is {a[index]:.9g} and must be {e[index]:.9g}; "
            f"{wrong.sum()} of {a.size} entries are wrong, this one most ({where})",
            leaf=leaf,
            index=index,
            actual=float(a[index]),
            expected=float(e[index]),
            wrong=int(wrong.sum()),
            total=a.size,
        )
    return Report(a.size, float(difference.max(initial=0) / (size or 1)))


def _merge(reports: list[Report]) -> Report:
    return Report(
        sum(report.entries for report in reports),
        max((report.error for report in reports), default=0.0),
    )
