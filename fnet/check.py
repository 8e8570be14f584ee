"""Is a backward pass right? Ask `jax.vjp` of the plain forward, entry by entry, in float64.

>>> from fnet.check import check_layer
>>> from fnet.layers import affine
>>> check_layer(affine(5), (7,)).entries > 0
True
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, Loss, Shape
from fnet.errors import GradientMismatch

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
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), 3)
        params = _random_params(layer, shape, keys[0])
        gradients = _gradients(layer)
        reports = [
            _compare_gradients(layer, gradients, params, x, keys[2], where)
            for where, x in _inputs(keys[1], (batch_size, *shape))
        ]
        if layer.penalty is not None:
            reports.append(_check_penalty(layer, params))
    return _merge(reports)


def check_loss(loss: Loss, y: Any, target: Any, where: Any = None) -> Report:
    """Compare a loss's gradient, and `jax.grad` through its `apply`, with autodiff of its value.

    `y` and `target` are as the loss takes them; y is converted to float64. Raises
    `GradientMismatch` as `check_layer` does.
    """
    with jax.enable_x64(True):
        y, target = jnp.asarray(y, jnp.float64), jnp.asarray(target)
        value, vjp = jax.vjp(lambda y: loss.value_and_grad(y, target, where)[0], y)
        gradient = loss.value_and_grad(y, target, where)[1]
        at_ones = _compare(loss, "at y", {"dy": gradient}, {"dy": vjp(jnp.ones_like(value))[0]})
        weights = jax.random.normal(jax.random.key(0), value.shape)
        through = jax.vjp(lambda y: loss.apply(y, target, where), y)[1](weights)[0]
        applied = _compare(loss, "through apply", {"dy": through}, {"dy": vjp(weights)[0]})
    return _merge([at_ones, applied])


def _random_params(layer: Layer, shape: Shape, key: PRNGKey) -> ArrayTree:
    """Parameters as the layer draws them, each moved, so that none is left at zero."""
    leaves, tree = jax.tree.flatten(layer.init(key, shape)[0])
    moved = [
        leaf.astype(jnp.float64) + 0.1 * jax.random.normal(leaf_key, leaf.shape)
        for leaf, leaf_key in zip(leaves, jax.random.split(key, len(leaves)), strict=True)
    ]
    return jax.tree.unflatten(tree, moved)


def _inputs(key: PRNGKey, shape: Shape) -> Iterator[tuple[str, Array]]:
    plain = jax.random.normal(key, shape)
    yield "plain input", plain
    yield "tiny input", 1e-6 * plain
    yield "huge input", 1e3 * plain
    yield "zero input", jnp.zeros(shape)
    yield "input with ties", jnp.round(plain)
    yield "constant columns", jnp.broadcast_to(plain[:1], shape)
    yield "batch of one", plain[:1]


def _compare_gradients(
    layer: Layer, gradients: Any, params: ArrayTree, x: Array, key: PRNGKey, where: str
) -> Report:
    backward, applied, expected = gradients(params, x, key)
    direct = _compare(layer, where, backward, expected)
    return _merge([direct, _compare(layer, f"{where}, through apply", applied, expected)])


def _gradients(layer: Layer) -> Any:
    """One compiled function for the gradients of `backward`, of `apply`, and of the oracle."""

    def named(pair: tuple[ArrayTree, Array]) -> dict[str, ArrayTree]:
        dparams, dx = pair
        return {"dparams": dparams, "dx": dx}

    @jax.jit
    def gradients(params: ArrayTree, x: Array, key: PRNGKey) -> tuple[ArrayTree, ...]:
        y, cache = layer.forward(params, x)
        dy = jax.random.normal(key, y.shape)
        oracle = jax.vjp(lambda params, x: layer.forward(params, x)[0], params, x)[1]
        applied = jax.vjp(lambda params, x: layer.apply(params, x), params, x)[1]
        return named(layer.backward(params, cache, dy)), named(applied(dy)), named(oracle(dy))

    return gradients


def _check_penalty(layer: Layer, params: ArrayTree) -> Report:
    assert layer.penalty is not None
    penalty = layer.penalty
    expected = {"dpenalty": jax.grad(lambda params: penalty.value_and_grad(params)[0])(params)}
    direct = {"dpenalty": penalty.value_and_grad(params)[1]}
    through = {"dpenalty": jax.grad(penalty.apply)(params)}
    return _merge(
        [
            _compare(layer, "penalty", direct, expected),
            _compare(layer, "penalty, through apply", through, expected),
        ]
    )


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
        difference = np.where((a == e) | (np.isnan(a) & np.isnan(e)), 0, np.abs(a - e))
    wrong = ~(difference <= RTOL * np.abs(e) + ATOL * size)
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
