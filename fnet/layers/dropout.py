"""Noise in training: entries, channels or examples set to zero, or normal numbers added.

Each draws its noise from the key, and the backward pass draws the same again: the key is all that
is cached. Without a key each is the identity. x may be a tree: leaves that are not floating point
pass unchanged, without a gradient."""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from chex import Array, PRNGKey

from fnet.core import Layer, Shape, afresh, by_itself, layer
from fnet.core.across import own_bits, own_rows
from fnet.core.expect import require, require_number
from fnet.core.trees import is_floating, is_none, widened
from fnet.core.values import constructor


@constructor
def dropout(rate: float) -> Layer:
    """Each entry is zero with probability `rate`.

        y  = m x / (1 − rate)
        dx = m dy / (1 − rate)

    m is 0 with that probability, else 1. y, dx and m have the shape of x, any. Without a key y is
    x. At rate 1 y and dx are 0. What is dropped is 0 even where it was NaN. Cache: the key, from
    which m is drawn again. Raises ConfigurationError for a rate that is not from 0 to 1.
    Source: Srivastava et al. (2014), Dropout: A Simple Way to Prevent Neural Networks from
    Overfitting, section 4.

    >>> x, key = jnp.ones(1000), jax.random.key(0)
    >>> y, cache = dropout(0.75).forward((), x, key)
    >>> sorted(set(y.tolist())), bool((dropout(0.75).backward((), cache, x)[1] == y).all())
    ([0.0, 4.0], True)
    """
    return _dropping("dropout", rate, lambda shape: shape)


@constructor
def spatial_dropout(rate: float) -> Layer:
    """Each channel of an example is zero with probability `rate`, in all places at once.

        y  = m x / (1 − rate)          x: (N, ..., C)   m: (N, 1, ..., 1, C)
        dx = m dy / (1 − rate)

    m is 0 with that probability, else 1. y and dx have the shape of x. Without a key y is x. At
    rate 1 y and dx are 0. Cache: the key, from which m is drawn again. Raises ConfigurationError
    for a rate that is not from 0 to 1, ShapeError where x has no axis of channels.
    Source: Tompson et al. (2015), Efficient Object Localization Using Convolutional Networks,
    section 3.2, arXiv:1411.4280.

    >>> y, _ = spatial_dropout(0.5).forward((), jnp.ones((1, 7, 3)), jax.random.key(0))
    >>> bool((y == y[:, :1]).all())
    True
    """

    def of_channels(shape: Shape) -> Shape:
        require(
            len(shape) > 1,
            f"spatial_dropout: x is {shape}; it must be (N, ..., C), with an axis of channels",
        )
        return shape[:1] + (1,) * (len(shape) - 2) + shape[-1:]

    return _dropping("spatial_dropout", rate, of_channels)


@constructor
def drop_path(rate: float) -> Layer:
    """Each example is zero with probability `rate`: at the end of a residual branch, stochastic
    depth.

        y  = m x / (1 − rate)          x: (N, ...)   m: (N, 1, ..., 1)
        dx = m dy / (1 − rate)

    m is 0 with that probability, else 1. y and dx have the shape of x; of a tree, an example is
    dropped in all leaves or in none. Without a key y is x. At rate 1 y and dx are 0. Cache: the
    key, from which m is drawn again. Raises ConfigurationError for a rate that is not from 0 to 1,
    ShapeError where x is a single number.
    Source: Huang et al. (2016), Deep Networks with Stochastic Depth, arXiv:1603.09382.

    >>> y, _ = drop_path(0.5).forward((), jnp.ones((7, 3)), jax.random.key(0))
    >>> bool((y == y[:, :1]).all())
    True
    """

    def of_examples(shape: Shape) -> Shape:
        require(len(shape) > 0, "drop_path: x is a single number; it must be a batch: (N, ...)")
        return shape[:1] + (1,) * (len(shape) - 1)

    return _dropping("drop_path", rate, of_examples, together=True)


@constructor
def gaussian_noise(std: float) -> Layer:
    """Normal numbers are added.

        y  = x + std ε
        dx = dy

    The entries of ε are independent, N(0, 1). y and dx have the shape of x, any. Without a key y is
    x. ε is drawn in float32 or wider. Cache: nothing. Raises ConfigurationError for a negative std.
    Source: Bishop (1995), Training with Noise is Equivalent to Tikhonov Regularization.

    >>> y, cache = gaussian_noise(0.5).forward((), jnp.zeros(9999), jax.random.key(0))
    >>> round(float(y.std()), 1), cache
    (0.5, ())
    """
    require_number("gaussian_noise: std", std, least=0)

    def noisy(x: Array, key: PRNGKey) -> Array:
        wide = widened(x)
        normal = functools.partial(jax.random.normal, dtype=wide.dtype)
        noise = own_rows(normal, key, x.shape) if x.ndim else normal(key, ())
        return (wide + std * noise).astype(x.dtype)

    def forward(params: tuple[()], x: Any, key: PRNGKey | None = None) -> tuple[Any, tuple[()]]:
        return x if key is None or std == 0 else _each_leaf(noisy, x, key), ()

    def backward(params: tuple[()], cache: tuple[()], dy: Any) -> tuple[tuple[()], Any]:
        return (), dy

    return layer(_init, forward, backward, stream=by_itself(forward))


def _dropping(
    name: str, rate: float, mask_shape: Callable[[Shape], Shape], together: bool = False
) -> Layer:
    """x where a mask of mask_shape(x.shape) is true, divided by 1 − rate, else 0.

    Each leaf of a tree has a mask of its own, unless they are dropped `together`.
    """
    require_number(f"{name}: rate", rate, least=0, most=1)
    kept = 1 - rate

    def thinned(x: Array, key: PRNGKey) -> Array:
        mask = keep_mask(key, rate, mask_shape(x.shape), of_rows=True)
        wide = widened(x)  # in bfloat16 1 − rate itself would be off by up to 0.4 %
        return jnp.where(mask, wide / (kept or 1), 0).astype(x.dtype)

    def forward(
        params: tuple[()], x: Any, key: PRNGKey | None = None
    ) -> tuple[Any, PRNGKey | None]:
        if key is None or rate == 0:
            return x, None
        return _each_leaf(thinned, x, key, together), key

    def backward(params: tuple[()], key: PRNGKey | None, dy: Any) -> tuple[tuple[()], Any]:
        if key is None:
            return (), dy
        key, dy = afresh(key, dy)  # else XLA would keep the mask of the forward pass
        return (), _each_leaf(thinned, dy, _once_known(key, dy), together)

    return layer(_init, forward, backward, stream=by_itself(forward))


def _init(key: PRNGKey, shape: Shape) -> tuple[tuple[()], Shape]:
    return (), shape


def _each_leaf(
    function: Callable[[Array, PRNGKey], Array], tree: Any, key: PRNGKey, together: bool = False
) -> Any:
    """function(leaf, key) of each floating-point leaf, with a key of its own; others unchanged.

    A leaf's key follows from its place, counting those without gradient, so that x and dy agree.
    """
    leaves, structure = jax.tree.flatten(tree, is_leaf=is_none)
    if len(leaves) == 1 or together:
        keys = [key] * len(leaves)
    else:
        keys = [jax.random.fold_in(key, place) for place in range(len(leaves))]
    made = [
        function(leaf, own) if is_floating(leaf) else leaf
        for leaf, own in zip(leaves, keys, strict=True)
    ]
    return jax.tree.unflatten(structure, made)


def _once_known(key: PRNGKey, dy: Any) -> PRNGKey:
    """The key, as numbers that cannot be computed before dy.

    On a CPU XLA (jax 0.10.2) drops barriers before it orders the operations. What follows from the
    key alone it would then compute at the start, and hold until it is used: all masks of a network
    at once, in place of one.
    """
    first = next((leaf.ravel()[0] for leaf in jax.tree.leaves(dy) if leaf.size), None)
    if first is None:
        return key
    never = ((first != first) & (first == first)).astype(jnp.uint32)
    if not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return key ^ never.astype(key.dtype)
    numbers = jax.random.key_data(key)
    return jax.random.wrap_key_data(
        numbers ^ never.astype(numbers.dtype), impl=jax.random.key_impl(key)
    )


def keep_mask(key: PRNGKey, rate: float, shape: Shape, of_rows: bool = False) -> Array:
    """Independent booleans, false with probability `rate`, of each entry or of the rows here.

    An entry takes 16 bits, half of what the generator makes at a time, which is nearly all of the
    cost. They are below the threshold with a probability of rate rounded to 1/65,536; the threshold
    is rounded up or down at random, so that each entry's probability is the rate itself.
    """
    of_rows = of_rows and len(shape) > 0
    if of_rows and len(shape) == 1:  # where a word may be of two devices
        return own_rows(lambda key, shape: keep_mask(key, rate, shape), key, shape)
    *leading, last = shape or (1,)
    entries, rounding = jax.random.split(key)
    numbers = (*leading, (last + 1) // 2)
    words = own_bits(entries, numbers) if of_rows else jax.random.bits(entries, numbers, jnp.uint32)
    halves = jax.lax.bitcast_convert_type(words, jnp.uint16)
    bits = halves.reshape(*leading, 2 * words.shape[-1])[..., :last].reshape(shape)
    whole = math.floor(rate * 2**16)
    fraction = min(round((rate * 2**16 - whole) * 2**32), 2**32 - 1)
    up = jax.random.bits(rounding, (), jnp.uint32) < np.uint32(fraction)
    return bits.astype(jnp.int32) >= whole + up.astype(jnp.int32)
