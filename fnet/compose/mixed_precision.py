"""Computing in a narrower dtype than that of the parameters."""

from typing import Any

import jax
import jax.numpy as jnp
from chex import Array, ArrayTree, PRNGKey

from fnet.core import Layer, NonTrainable, Shape, Stream, layer
from fnet.core.trees import cast, cast_like, is_floating, is_non_trainable
from fnet.core.values import constructor
from fnet.errors import ConfigurationError


@constructor
def mixed_precision(model: Layer) -> Layer:
    """The model computed in bfloat16; its parameters, and so the optimizer's moments, keep theirs.

        y = f(p, x)   with p = bfloat16(params), x = bfloat16(x)         y in the dtype of x
        dparams, dx = backward(p, cache, bfloat16(dy))                   in the dtypes of params, x

    What is observed, such as the running statistics of `batch_norm`, is used in float32. Products
    of bfloat16 numbers are accumulated in float32, and updates in the dtype of the
    parameters, where small ones are not lost. The loss is computed from the wide y, whose dtype is
    that of the parameters where x has no floating-point numbers. bfloat16 has the exponents of
    float32, so that gradients need no scaling. Cache: the model's, in half the bytes.

    Source: Micikevicius et al. (2018), Mixed Precision Training, section 3.1; Kalamkar et al.
    (2019), A Study of BFLOAT16 for Deep Learning Training.

    >>> from fnet.layers import affine
    >>> model = mixed_precision(affine(2))
    >>> params, _ = model.init(jax.random.key(0), (3,))
    >>> y, (cache, _) = model.forward(params, jnp.ones((4, 3), jnp.float32))
    >>> print(y.dtype, cache.dtype)
    float32 bfloat16
    """
    if not isinstance(model, Layer):
        raise ConfigurationError(f"mixed_precision: {model!r} is not a Layer")

    def init(key: PRNGKey, shape: Shape) -> tuple[ArrayTree, Shape]:
        return model.init(key, shape)

    def forward(params: ArrayTree, x: Any, key: PRNGKey | None = None) -> tuple[Any, ArrayTree]:
        y, cache = model.forward(narrow(params), narrow(x), key)
        # An empty array for each input records the dtype of its gradient.
        return widely(y, x, params), (cache, jax.tree.map(_empty, x))

    def widely(y: Any, x: Any, params: ArrayTree) -> Any:
        floats = [leaf.dtype for leaf in jax.tree.leaves((x, params)) if is_floating(leaf)]
        return cast(y, floats[0] if floats else float)

    def backward(params: ArrayTree, cache: ArrayTree, dy: Any) -> tuple[ArrayTree, Any]:
        own, like = cache
        dparams, dx = model.backward(narrow(params), own, narrow(dy))
        return cast_like(dparams, params), cast_like(dx, like)

    def observe(params: ArrayTree, cache: ArrayTree) -> ArrayTree:
        assert model.observe is not None
        # In the dtype of the parameters: in bfloat16 a running mean would lose its small steps.
        wide = [leaf.dtype for leaf in jax.tree.leaves(params) if is_floating(leaf)]
        observed = model.observe(params, cast(cache[0], wide[0]) if wide else cache[0])
        return cast_like(observed, params)

    watch = observe if model.observe else None

    def resume(params: ArrayTree, cache: ArrayTree, steps: int, length: int) -> Any:
        assert model.stream is not None
        return model.stream.resume(narrow(params), cache[0], steps, length)

    def step(params: ArrayTree, state: Any, x: Any) -> tuple[Any, Any]:
        assert model.stream is not None
        y, state = model.stream.step(narrow(params), state, narrow(x))
        return widely(y, x, params), state

    stream = Stream(resume, step) if model.stream else None
    return layer(init, forward, backward, model.penalty, (model,), watch, stream=stream)


def narrow(tree: ArrayTree) -> ArrayTree:
    """The tree in bfloat16, but what is observed, such as running statistics, in float32."""

    def one(node: Any) -> Any:
        # What is frozen is of another type, and is computed with as any weight.
        return cast(node, jnp.float32 if type(node) is NonTrainable else jnp.bfloat16)

    return jax.tree.map(one, tree, is_leaf=is_non_trainable)


def _empty(leaf: Array) -> Array:
    return leaf[:0]
