"""Named reparametrizations: frozen, tied and normalised weights, and low-rank corrections."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree, PRNGKey

from fnet.compose.parts import require_layers
from fnet.compose.reparametrized import Reparametrization, reparametrized
from fnet.core import Layer, NonTrainable
from fnet.core.expect import require_bool, require_number, require_whole
from fnet.core.trees import is_floating, is_non_trainable, is_none, zeros_like
from fnet.core.values import constructor
from fnet.errors import ConfigurationError, nearest


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Frozen(NonTrainable):
    """A parameter that is neither trained nor observed.

    >>> Frozen(3).value
    3
    """


class LowRank(NamedTuple):
    """A weight W of `low_rank`, frozen, and its correction B A.

    >>> LowRank(Frozen(jnp.zeros((3, 5))), jnp.zeros((2, 5)), jnp.zeros((3, 2))).a.shape
    (2, 5)
    """

    w: Frozen
    a: Array
    b: Array


class WeightNorm(NamedTuple):
    """A weight of `weight_norm`: the length g (M,) of each row of v, and v (M, ...).

    >>> WeightNorm(jnp.ones(3), jnp.ones((3, 5))).g.shape
    (3,)
    """

    g: Array
    v: Array


@constructor
def frozen(model: Layer, *paths: str) -> Layer:
    """The model with parameters that are not trained: those at these paths, or all.

        dparams = 0        at these paths

    A path is written as in a checkpoint: "[0]" for the first layer of a chain, "[0].w" for its
    weight. Frozen parameters are `NonTrainable`, and no batch is observed there. Cache: the
    model's. `init` raises ConfigurationError for a path at which there is nothing.

    >>> from fnet import serial
    >>> from fnet.layers import affine
    >>> params, _ = frozen(serial(affine(2), affine(3)), "[0]").init(jax.random.key(0), (5,))
    >>> type(params[0].w).__name__, params[1].w.shape
    ('Frozen', (3, 2))
    """
    require_layers("frozen", model)
    _require_texts("frozen", *paths)

    def init(key: PRNGKey, params: ArrayTree) -> ArrayTree:
        _require_paths("frozen", params, paths)

        def freeze(path: Any, leaf: Any) -> Any:
            name = jax.tree_util.keystr(path)
            return Frozen(leaf) if not paths or any(_within(name, p) for p in paths) else leaf

        return jax.tree_util.tree_map_with_path(freeze, params, is_leaf=is_non_trainable)

    return reparametrized(model, Reparametrization(init, _thawed, _refrozen))


@constructor
def tied(model: Layer, path: str, source: str, transpose: bool = False) -> Layer:
    """The model with one parameter in two places: that at `path` is the one at `source`.

        params[path] = params[source]      dparams[source] ← dparams[source] + dparams[path]

    With `transpose` one is the other's transpose, and so are their gradients. Paths are written as
    in `frozen`. The parameters hold None at `path`. Cache: the model's. Raises ConfigurationError
    where both are one, and `init` where there is no such parameter, where shapes do not fit, or
    where that at `path` is not trained (what is to be frozen is tied first, then frozen).
    Source: Press & Wolf (2017), Using the Output Embedding to Improve Language Models.

    >>> from fnet import serial
    >>> from fnet.layers import affine
    >>> model = tied(serial(affine(2), affine(5)), "[1].w", "[0].w", transpose=True)
    >>> params, _ = model.init(jax.random.key(0), (5,))
    >>> params[0].w.shape, params[1].w
    ((2, 5), None)
    """
    require_layers("tied", model)
    _require_texts("tied", path, source)
    require_bool("tied: transpose", transpose)
    if path == source:
        raise ConfigurationError(f"tied: path and source are both {path!r}; give two parameters")

    def turned(array: Array) -> Array:
        return array.T if transpose else array

    def init(key: PRNGKey, params: ArrayTree) -> ArrayTree:
        known = _named(params)
        for name in (path, source):
            if name not in known:
                raise ConfigurationError(
                    f"tied: there is no parameter {name!r}; there are {', '.join(known)}"
                    f"{nearest(name, known)}"
                )
        if path not in _named(params, is_leaf=is_non_trainable):
            raise ConfigurationError(
                f"tied: {path} is not trained, and what is computed from it would have no gradient "
                f"at {source}; tie the two first, and freeze afterwards"
            )
        if known[path].shape != turned(known[source]).shape:
            raise ConfigurationError(
                f"tied: {path} is {known[path].shape} and {source}"
                f"{' transposed' if transpose else ''} is {turned(known[source]).shape}; they must "
                "have one shape"
            )
        return _changed(params, path, lambda leaf: None)

    def expand(params: ArrayTree) -> ArrayTree:
        return _changed(params, path, lambda leaf: turned(_named(params)[source]))

    def pull_back(params: ArrayTree, dparams: ArrayTree) -> ArrayTree:
        other = turned(_named(dparams)[path])
        return _changed(_changed(dparams, source, lambda d: d + other), path, lambda d: None)

    return reparametrized(model, Reparametrization(init, expand, pull_back))


@constructor
def low_rank(model: Layer, rank: int, alpha: float = 1.0) -> Layer:
    """The model frozen, with a trained low-rank correction to each weight of two axes or more.

        V = W + s B A      s = α / rank      dA = s Bᵀ dV      dB = s dV Aᵀ

    V is the weight that is used. W: (M, ...), seen as (M, D)   A: (rank, D), N(0, 1/D)   B: (M,
    rank), initially zero, so that the model begins unchanged. Cache: the model's. Put it inside
    `repeat`, whose stacked biases have two axes: repeat(low_rank(block, 2), 12).
    Source: Hu et al. (2022), LoRA: Low-Rank Adaptation of Large Language Models, section 4.1.

    >>> from fnet.layers import affine
    >>> params, _ = low_rank(affine(3), rank=2).init(jax.random.key(0), (5,))
    >>> params.w.a.shape, params.w.b.shape, type(params.b).__name__
    ((2, 5), (3, 2), 'Frozen')
    """
    require_layers("low_rank", model)
    require_whole("low_rank: rank", rank, least=1)
    require_number("low_rank: alpha", alpha, above=0)
    scale = alpha / rank

    def init(key: PRNGKey, params: ArrayTree) -> ArrayTree:
        leaves, tree = jax.tree.flatten(params, is_leaf=is_non_trainable)

        def adapted(number: int, leaf: Any) -> Any:
            if not _is_weight(leaf):
                return Frozen(leaf)
            rows, columns = leaf.shape[0], math.prod(leaf.shape[1:])
            drawn = jax.random.normal(jax.random.fold_in(key, number), (rank, columns), leaf.dtype)
            drawn = jax.lax.optimization_barrier(drawn)  # of the same bits where this is compiled
            b = jax.numpy.zeros((rows, rank), leaf.dtype)
            return LowRank(Frozen(leaf), drawn / math.sqrt(columns), b)

        return jax.tree.unflatten(tree, [adapted(*pair) for pair in enumerate(leaves)])

    def expand(params: ArrayTree) -> ArrayTree:
        def corrected(node: Any) -> Any:
            if not isinstance(node, LowRank):
                return _thawed(node)
            w = node.w.value
            return w + scale * (node.b @ node.a).reshape(w.shape)

        return jax.tree.map(corrected, params, is_leaf=_is_leaf(LowRank))

    def pull_back(params: ArrayTree, dparams: ArrayTree) -> ArrayTree:
        def gradient(node: Any, d: Any) -> Any:
            if not isinstance(node, LowRank):
                return zeros_like(node)
            dw = d.reshape(d.shape[0], math.prod(d.shape[1:]))
            return LowRank(zeros_like(node.w), scale * (node.b.T @ dw), scale * (dw @ node.a.T))

        return jax.tree.map(gradient, params, dparams, is_leaf=_is_leaf(LowRank))

    return reparametrized(model, Reparametrization(init, expand, pull_back))


@constructor
def weight_norm(model: Layer) -> Layer:
    """Each weight of two axes or more is the length of what makes an output times its direction.

        w = g v / ‖v‖      dg = Σ dw v / ‖v‖      dv = (g / ‖v‖) (dw − dg v / ‖v‖)

    v: (M, D), whose rows make an output each, or the kernel (..., C, M) of a convolution; g: (M,).
    ‖v‖ is over all axes but that of M. Initially v = w and g = ‖w‖, the same function. Other
    parameters are unchanged. Cache: the model's. Put it inside `repeat`, whose stacked biases have
    two axes: repeat(weight_norm(block), 12).
    Source: Salimans & Kingma (2016), Weight Normalization, equations 2 and 3.

    >>> from fnet.layers import affine
    >>> params, _ = weight_norm(affine(3)).init(jax.random.key(0), (5,))
    >>> params.w.g.shape, params.w.v.shape
    ((3,), (3, 5))
    """
    require_layers("weight_norm", model)

    def axes(v: Array) -> tuple[int, ...]:
        return (1,) if v.ndim == 2 else tuple(range(v.ndim - 1))

    def length(v: Array) -> Array:
        norm: Array = jnp.sqrt(jnp.sum(v * v, axis=axes(v), keepdims=True))
        return norm

    def along(g: Array, v: Array) -> Array:
        return jnp.expand_dims(g, axes(v))

    def init(key: PRNGKey, params: ArrayTree) -> ArrayTree:
        def split(leaf: Any) -> Any:
            if not _is_weight(leaf):
                return leaf
            norm = length(leaf)
            return WeightNorm(norm.ravel(), jnp.where(norm == 0, 1, leaf))

        return jax.tree.map(split, params, is_leaf=is_non_trainable)

    def expand(params: ArrayTree) -> ArrayTree:
        def weight(node: Any) -> Any:
            if not isinstance(node, WeightNorm):
                return node
            return along(node.g, node.v) * node.v / length(node.v)

        return jax.tree.map(weight, params, is_leaf=_is_leaf(WeightNorm))

    def pull_back(params: ArrayTree, dparams: ArrayTree) -> ArrayTree:
        def gradient(node: Any, dw: Any) -> Any:
            if not isinstance(node, WeightNorm):
                return dw
            norm = length(node.v)
            direction = node.v / norm
            dg = jnp.sum(dw * direction, axis=axes(dw), keepdims=True)
            return WeightNorm(dg.ravel(), along(node.g, node.v) / norm * (dw - dg * direction))

        return jax.tree.map(gradient, params, dparams, is_leaf=_is_leaf(WeightNorm))

    return reparametrized(model, Reparametrization(init, expand, pull_back))


def _is_weight(leaf: Any) -> bool:
    return is_floating(leaf) and leaf.ndim >= 2


def _is_leaf(kind: type) -> Callable[[Any], bool]:
    """Whether a node is an adapter's own: the innermost of its kind, where adapters are nested."""

    def is_kind(node: Any) -> bool:
        return isinstance(node, kind)

    def is_leaf(node: Any) -> bool:
        if not is_kind(node):
            return is_non_trainable(node)
        return not any(map(is_kind, jax.tree.leaves(tuple(node), is_leaf=is_kind)))

    return is_leaf


def _thawed(params: ArrayTree) -> ArrayTree:
    def thaw(node: Any) -> Any:
        return node.value if isinstance(node, Frozen) else node

    return jax.tree.map(thaw, params, is_leaf=is_non_trainable)


def _refrozen(params: ArrayTree, dparams: ArrayTree) -> ArrayTree:
    """The gradient, zero where a parameter is frozen."""

    def refreeze(node: Any, d: Any) -> Any:
        return zeros_like(node) if isinstance(node, Frozen) else d

    return jax.tree.map(refreeze, params, dparams, is_leaf=is_non_trainable)


def _named(params: ArrayTree, is_leaf: Callable[[Any], bool] | None = None) -> dict[str, Any]:
    return {
        jax.tree_util.keystr(path): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(params, is_leaf=is_leaf)
    }


def _changed(params: ArrayTree, path: str, change: Callable[[Any], Any]) -> ArrayTree:
    """The tree with change(leaf) in place of the leaf at this path."""

    def changed(place: Any, leaf: Any) -> Any:
        return change(leaf) if jax.tree_util.keystr(place) == path else leaf

    return jax.tree_util.tree_map_with_path(changed, params, is_leaf=is_none)


def _within(name: str, path: str) -> bool:
    return name == path or name.startswith((f"{path}[", f"{path}."))


def _require_texts(who: str, *paths: Any) -> None:
    for path in paths:
        if not isinstance(path, str):
            raise ConfigurationError(f'{who}: {path!r} is no path; write each as text: "[0].w"')


def _require_paths(who: str, params: ArrayTree, paths: tuple[str, ...]) -> None:
    known = _named(params)
    for path in paths:
        if not any(_within(name, path) for name in known):
            raise ConfigurationError(
                f"{who}: there is no parameter at {path!r}; there are {', '.join(known)}"
            )
